"""What became of every sample of a task in many runs, small enough for a page, which compares any two from it.

A page has the numbers that a unit adds to the headline's ratios, by a character for each distinct set of them, so that
its script can repeat `harness.statistics` on any pair of rows: of the benchmark it knows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.core.types import SampleRecord
from harness.reports.text import one_line
from harness.runs.comparison import says_what_is_not
from harness.statistics.counts import cluster_places
from harness.statistics.estimates import can_suppose, supposed, weights_of
from harness.statistics.specs import MetricSpec, Outcome, Unit

_FIRST: Final = 35
"""Code point of the first character; the quotation mark is before it."""
_MOST: Final = 0xD800 - _FIRST
"""Distinct outcomes that characters can tell apart."""
WRONG, RIGHT, HALLUCINATED, FAILED = "0123"
"""A sample's state: `HALLUCINATED` is wrong by saying that there is what is not, `FAILED` is without a response."""

Run = tuple[int | None, str, str]
"""Training seed, the states of all samples, and the outcomes of all units that the headline counts."""


class Outcomes:
    """The outcomes of one task.

    Attributes:
        rows: the runs of each row, by its key.
    """

    def __init__(self, spec: MetricSpec, records: Mapping[str, SampleRecord], units: Sequence[Unit]) -> None:
        """What all rows have in common.

        Args:
            spec: the headline.
            records: of one run, by sample id.
            units: of that run.
        """
        self.rows: dict[str, list[Run]] = {}
        self._spec = spec
        self._kinds = {ratio.unit for ratio in spec.strict}
        self._samples = [record.sample for record in records.values()]
        self._order = [(unit.outcome.unit, unit.key) for unit in units if unit.outcome.unit in self._kinds]
        kept = [place for place, unit in enumerate(units) if unit.outcome.unit in self._kinds]
        clusters = cluster_places(units)
        self._clusters = [clusters[place] for place in kept]
        self._known: dict[Outcome, str] = {}
        self._weights: dict[tuple[Any, ...], int] = {}

    def add(self, key: str, runs: Mapping[int | None, tuple[Mapping[str, SampleRecord], Sequence[Unit]]]) -> None:
        """Add the runs of a row, by training seed; those over other samples, or of too many outcomes, are left out."""
        found: list[Run] = []
        for seed, (records, units) in runs.items():
            counted = [unit for unit in units if unit.outcome.unit in self._kinds]
            if len(records) != len(self._samples) or len(counted) != len(self._order):
                return
            known = {(unit.outcome.unit, unit.key): unit.outcome for unit in counted}
            try:
                states = "".join(_state(records[sample.id]) for sample in self._samples)
                found.append((seed, states, "".join(self._code(known[name]) for name in self._order)))
            except KeyError:
                return
        if len(self._weights) <= _MOST:
            self.rows[key] = found

    def _code(self, outcome: Outcome) -> str:
        code = self._known.get(outcome)
        if code is None:
            weights = self._weigh(outcome)
            place = self._weights.setdefault(weights, len(self._weights))
            code = self._known[outcome] = chr(_FIRST + min(place, _MOST))
        return code

    def _weigh(self, outcome: Outcome) -> tuple[Any, ...]:
        """Whether a unit has an error, and its weights: as they are, and if what is unsettled were wrong, or right."""
        asked = [outcome]
        if outcome.unsettled and can_suppose(self._spec):
            asked += [supposed(outcome, False), supposed(outcome, True)]
        return bool(outcome.errors), *[tuple(weights_of(ratio, of) for ratio in self._spec.strict) for of in asked]

    def to_json(self, rows: Mapping[str, int], *, questions: bool) -> dict[str, Any]:
        """What the page's script is given.

        Args:
            rows: the place of each row that is wanted, by its key.
            questions: whether the questions' words are wanted.
        """
        groups: dict[str, int] = {}
        for sample in self._samples:
            if sample.group is not None:
                groups.setdefault(sample.group, len(groups))
        places = {sample.id: place for place, sample in enumerate(self._samples)}
        of_groups = {kind for kind in self._kinds if all(key in groups for of, key in self._order if of == kind)}
        unit_samples = [-1 if kind in of_groups else places.get(key, -1) for kind, key in self._order]
        sample_groups = [-1 if sample.group is None else groups[sample.group] for sample in self._samples]
        spec = self._spec
        return {
            "ids": [sample.id for sample in self._samples],
            "questions": [one_line(sample.question) for sample in self._samples] if questions else None,
            "groups": sample_groups,
            "unitSamples": unit_samples,
            "unitGroups": [
                groups.get(key, -1) if sample < 0 else sample_groups[sample]
                for (_, key), sample in zip(self._order, unit_samples, strict=True)
            ],
            "clusters": self._clusters,
            "weights": list(self._weights),
            "combine": spec.combine,
            "better": spec.better,
            "reach": spec.high - spec.low if spec.high - spec.low < float("inf") else None,
            "runs": {rows[key]: runs for key, runs in self.rows.items() if key in rows},
        }


def _state(record: SampleRecord) -> str:
    status = record.verdict.status
    if status == "correct":
        return RIGHT
    if status == "error":
        return FAILED
    return HALLUCINATED if says_what_is_not(record) else WRONG
