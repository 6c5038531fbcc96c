"""Counting units per cluster."""

import subprocess
import sys

import numpy as np
import pytest

from harness.statistics import counts
from harness.statistics.counts import Counts, Table
from harness.statistics.specs import Outcome, Unit

RIGHT = Outcome("sample", ("s",), right=True)
WRONG = Outcome("sample", ("s",), right=False)


def dense(table: Table) -> np.ndarray:
    matrix = np.zeros((len(table.keys), len(table.outcomes)), dtype=int)
    matrix[table.rows, table.columns] = table.counts
    return matrix


def counted(units: list[Unit]) -> Table:
    tally = Counts()
    for unit in units:
        tally.add(unit)
    return tally.table()


UNITS = [
    Unit("1", "a", RIGHT),
    Unit("2", "b", WRONG),
    Unit("3", "a", RIGHT),
    Unit("4", "a", WRONG),
    Unit("5", "c", RIGHT),
]


def test_counts_by_hand() -> None:
    table = counted(UNITS)
    assert table.outcomes == (RIGHT, WRONG)
    assert sorted(dense(table).tolist()) == [[0, 1], [1, 0], [2, 1]]
    assert table.totals.tolist() == [3, 2]
    assert sorted(table.per_cluster(np.array([1.0, 10.0]))) == [1.0, 10.0, 12.0]


def test_no_units() -> None:
    table = counted([])
    assert (len(table.keys), table.totals.tolist(), table.outcomes) == (0, [], ())


def test_compaction_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = counted(UNITS * 7)
    monkeypatch.setattr(counts, "COMPACT_AT", 4)
    parts = counted(UNITS * 7)
    assert np.array_equal(dense(whole), dense(parts))
    assert np.array_equal(whole.keys, parts.keys)


def test_order_changes_nothing_but_the_order_of_outcomes() -> None:
    table, turned = counted(UNITS), counted(UNITS[::-1])
    assert np.array_equal(table.keys, turned.keys)
    places = [turned.outcomes.index(outcome) for outcome in table.outcomes]
    assert np.array_equal(dense(table), dense(turned)[:, places])


def test_a_unit_in_two_clusters_makes_them_one() -> None:
    # a - b and b - c: all of a, b, c are one cluster, d stays alone.
    units = [
        *UNITS,
        Unit("6", "a", RIGHT, linked="b"),
        Unit("7", "c", RIGHT, linked="b"),
        Unit("8", "d", WRONG),
    ]
    assert sorted(dense(counted(units)).tolist()) == [[0, 1], [5, 2]]


def test_clusters_have_the_same_keys_in_every_process() -> None:
    code = "from harness.statistics.counts import _key; print(_key('COCO_val2014_000000310196.jpg'))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
