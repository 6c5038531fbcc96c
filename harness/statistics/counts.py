"""Counting units per cluster, for millions of units in bounded memory.

A unit costs 12 bytes until the next compaction, after which only distinct (cluster, outcome) pairs remain.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from harness.statistics.specs import Outcome, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

COMPACT_AT: Final = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Counts of outcomes per cluster, as a sparse matrix [C, K].

    Attributes:
        outcomes: the K distinct outcomes, in the order in which they first occurred.
        keys: sorted hashes of the C clusters. [C]
        rows: cluster of each non-zero count. [Z]
        columns: outcome of each non-zero count. [Z]
        counts: the non-zero counts. [Z]
    """

    outcomes: Sequence[Outcome]
    keys: Ints
    rows: Ints
    columns: Ints
    counts: Ints

    @property
    def totals(self) -> Ints:
        """Count of each outcome over all clusters: [K]."""
        import numpy as np

        return np.bincount(self.columns, weights=self.counts, minlength=len(self.outcomes)).astype(np.int64)

    def per_cluster(self, weights: Floats) -> Floats:
        """Weighted count of each cluster: the product of the matrix with `weights` [K]: [C]."""
        import numpy as np

        sums = np.bincount(self.rows, weights=weights[self.columns] * self.counts, minlength=len(self.keys))
        return sums.astype(np.float64)


class Counts:
    """Collects units and gives their `Table`."""

    def __init__(self) -> None:
        self._columns: dict[Outcome, int] = {}
        self._keys = array("q")
        self._cells = array("i")
        self._compact: tuple[Any, Any, Any] | None = None
        self._links: dict[int, int] = {}

    def add(self, unit: Unit) -> None:
        """Count one unit."""
        key = _key(unit.cluster)
        if unit.linked is not None:
            self._link(key, _key(unit.linked))
        columns = self._columns
        self._keys.append(key)
        self._cells.append(columns.setdefault(unit.outcome, len(columns)))
        if len(self._keys) >= COMPACT_AT:
            self._compact = self._merge()

    def _root(self, key: int) -> int:
        while (parent := self._links.get(key, key)) != key:
            key = parent
        return key

    def _link(self, first: int, second: int) -> None:
        first, second = self._root(first), self._root(second)
        if first != second:
            self._links[second] = first

    def _merge(self) -> tuple[Ints, Ints, Ints]:
        import numpy as np

        keys = np.array(self._keys, dtype=np.int64)
        cells = np.array(self._cells, dtype=np.int64)
        counts = np.ones(len(keys), dtype=np.int64)
        del self._keys[:], self._cells[:]
        if self._compact is not None:
            keys, cells, counts = (
                np.concatenate(both) for both in zip(self._compact, (keys, cells, counts), strict=True)
            )
        return _sum_equal(keys, cells, counts)

    def table(self) -> Table:
        """The counts of all units added so far."""
        import numpy as np

        keys, cells, counts = self._compact = self._merge()
        if self._links:
            moved = {key: self._root(key) for key in self._links}
            keys, cells, counts = _sum_equal(_replace(keys, moved), cells, counts)
        unique, rows = np.unique(keys, return_inverse=True)
        return Table(outcomes=tuple(self._columns), keys=unique, rows=rows, columns=cells, counts=counts)


@lru_cache(maxsize=1 << 16)
def _key(cluster: str) -> int:
    """64 bits that stand for a cluster, the same in every process, so that figures are the same to the last digit.

    Two of a million clusters share one with probability 3e-8, and then only the standard errors would notice.
    """
    digest = blake2b(cluster.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def cluster_places(units: Iterable[Unit]) -> list[int]:
    """For each unit the number of its cluster, those that are linked being one."""
    counts = Counts()
    keys = []
    for unit in units:
        counts.add(unit)
        keys.append(_key(unit.cluster))
    places: dict[int, int] = {}
    return [places.setdefault(counts._root(key), len(places)) for key in keys]


def tabulate(units: Iterable[Unit]) -> Table:
    """The counts of some units."""
    counts = Counts()
    for unit in units:
        counts.add(unit)
    return counts.table()


def _replace(keys: Ints, moved: Mapping[int, int]) -> Ints:
    import numpy as np

    old = np.array(sorted(moved), dtype=np.int64)
    new = np.array([moved[key] for key in old.tolist()], dtype=np.int64)
    places = np.minimum(np.searchsorted(old, keys), len(old) - 1)
    return np.where(old[places] == keys, new[places], keys)


def _sum_equal(keys: Ints, cells: Ints, counts: Ints) -> tuple[Ints, Ints, Ints]:
    """Add up the counts of equal (key, cell) pairs; the result is sorted by them."""
    import numpy as np

    if len(keys) == 0:
        return keys, cells, counts
    order = np.lexsort((cells, keys))
    keys, cells, counts = keys[order], cells[order], counts[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(keys) != 0) | (np.diff(cells) != 0)])
    return keys[starts], cells[starts], np.add.reduceat(counts, starts)
