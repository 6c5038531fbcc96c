"""Reading stored results back into judged samples, and comparing rows over questions and seeds.

Imported lazily only: numpy and scipy are imported inside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path
from statistics import variance
from typing import Any, Final

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import StoreError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.demo.experiment.measuring import STATUS
from harness.demo.experiment.rows import ROWS
from harness.statistics.specs import Unit

SEED_FREE: Final = "base"
_STATUS: Final = {sign: status for status, sign in STATUS.items()}

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Row to seed to what its result file holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One figure of a row against another row, over the seeds that both have.

    Attributes:
        seeds: how many seeds it rests on.
        difference: mean over the seeds.
        low: lower end of the 95 % interval.
        high: upper end.
        p: two-sided p-value of no difference.
    """

    seeds: int
    difference: float
    low: float
    high: float
    p: float


def read_results(folder: Path) -> dict[str, dict[int, Mapping[str, Any]]]:
    """The results in a folder, rows in the order of the table.

    Raises:
        StoreError: there are none, or they are of different experiments.
    """
    found: dict[str, dict[int, Mapping[str, Any]]] = {name: {} for name in ROWS}
    settings = None
    for file in sorted(folder.glob("*-seed-*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        settings = settings or result["settings"]
        if result["settings"] != settings:
            raise StoreError(f"{file}: another experiment than the results beside it. Report one folder at a time.")
        found.setdefault(result["row"], {})[result["seed"] or 0] = result
    found = {name: dict(sorted(seeds.items())) for name, seeds in found.items() if seeds}
    if not found:
        raise StoreError(f"no result in {folder}. Run 'harness demo experiment' first.")
    return found


def read_samples(held_out: Path, task: str) -> list[Sample]:
    """The held-out questions of a task in the order of their ids."""
    return sorted(load_data(get_benchmark(task), str(held_out)).samples, key=lambda sample: sample.id)


def read_records(samples: Sequence[Sample], stored: Mapping[str, str]) -> list[SampleRecord]:
    """Judged samples from compressed verdicts (see `measuring.compress_verdicts`), which are in the order of the ids.

    Raises:
        StoreError: the numbers differ, so the questions are others.
    """
    answers = stored["answers"].split("|")
    if not len(samples) == len(stored["status"]) == len(answers):
        raise StoreError(f"{len(stored['status'])} verdicts on {len(samples)} questions: other held-out data.")
    return [
        SampleRecord(
            sample=sample,
            response=Response(sample_id=sample.id, text=""),
            verdict=Verdict(sample_id=sample.id, answer=answer or None, status=_STATUS[sign]),
        )
        for sample, sign, answer in zip(samples, stored["status"], answers, strict=True)
    ]


class Comparer:
    """Compares rows on the held-out questions, which are read once."""

    def __init__(self, results: Results, held_out: Path) -> None:
        """Args: `results` by row and seed, and the folder of the held-out data."""
        self._results = results
        self._samples = cache(lambda task: read_samples(held_out, task))
        self._units = cache(self._read_units)

    def compare(self, before: str, after: str, figures: Sequence[tuple[str, str]]) -> list[Contrast]:
        """Figures of one row against another's, over the seeds that both have; empty where there is none.

        A difference varies for two reasons, and its variance is the sum of both: other questions of the same kind
        (clustered by image, video or question, all seeds of a question together) and other seeds (the spread of the
        differences by seed, over their number). The degrees of freedom are Satterthwaite's. With one seed the second
        part is not known, and the interval is about these two checkpoints only.

        Args:
            before: a row.
            after: a row.
            figures: task and name of the measure.
        """
        own, other = self._results.get(before, {}), self._results.get(after, {})
        seeds = [seed for seed in own if seed in other]
        if SEED_FREE in (before, after):
            seeds = list(other if before == SEED_FREE else own)
        return [self._contrast(before, after, seeds, task, name) for task, name in figures] if seeds else []

    def _contrast(self, before: str, after: str, seeds: Sequence[int], task: str, name: str) -> Contrast:
        from scipy.stats import t

        clusters = len({sample.cluster or sample.group or sample.id for sample in self._samples(task)})
        mean, of_questions = self._difference(before, after, seeds, task, name)
        parts, of_seeds = of_questions**2 / (clusters - 1), 0.0
        if len(seeds) > 1:
            of_seeds = variance(self._difference(before, after, [seed], task, name)[0] for seed in seeds) / len(seeds)
            parts += of_seeds**2 / (len(seeds) - 1)
        stderr = sqrt(of_questions + of_seeds)
        freedom = (of_questions + of_seeds) ** 2 / parts if parts else clusters - 1.0
        reach = float(t.ppf(0.975, freedom)) * stderr
        return Contrast(
            seeds=len(seeds),
            difference=mean,
            low=mean - reach,
            high=mean + reach,
            p=2 * float(t.sf(abs(mean) / stderr, freedom)) if stderr else 1.0,
        )

    def _difference(self, before: str, after: str, seeds: Sequence[int], task: str, name: str) -> tuple[float, float]:
        """A figure's difference over some seeds, and its variance over questions."""
        from harness.statistics.estimates import estimate
        from harness.statistics.paired import pair_up

        table = pair_up(*(list(self._pooled(row, seeds, task)) for row in (before, after)))
        strata = {outcome.stratum for outcome in table.a.outcomes}
        spec = next(item for item in get_benchmark(task).metrics(strata) if item.name == name)
        a, b = estimate(spec, table.a), estimate(spec, table.b)
        if a.value is None or b.value is None or a.influence is None or b.influence is None:
            raise StoreError(f"{name} of {task} is not defined over the held-out questions.")
        moved = b.influence - a.influence
        return b.value - a.value, float(moved @ moved)

    def _pooled(self, row: str, seeds: Sequence[int], task: str) -> Iterator[Unit]:
        """Units of all seeds; those of one question are one cluster whatever the seed."""
        for seed in seeds:
            for unit in self._units(row, 0 if row == SEED_FREE else seed, task):
                yield unit._replace(key=f"{seed}/{unit.key}")

    def _read_units(self, row: str, seed: int, task: str) -> Sequence[Unit]:
        stored = self._results[row][seed]["verdicts"][task]
        return list(get_benchmark(task).units(read_records(self._samples(task), stored)))
