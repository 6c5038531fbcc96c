"""Reading stored results back into judged samples, and comparing rows over questions and seeds.

Imported lazily only: numpy and scipy are imported inside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import StoreError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.demo.data import Sizes, build_demo_data
from harness.demo.experiment.measuring import STATUS
from harness.demo.experiment.rows import ROWS
from harness.demo.experiment.settings import HELD_OUT_SIZES
from harness.statistics.counts import Table, tabulate
from harness.statistics.differences import Difference, compare, measure

SEED_FREE: Final = "base"
_STATUS: Final = {sign: status for status, sign in STATUS.items()}

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Row to seed to what its result file holds."""


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


@contextmanager
def draw_held_out(out: Path, results: Results) -> Iterator[Path]:
    """The held-out questions, which are drawn again where results were kept without them."""
    if (out / "held-out").is_dir():
        yield out / "held-out"
        return
    settings = next(iter(next(iter(results.values())).values()))["settings"]
    seed, *sizes = settings["held_out"]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "held-out"
        build_demo_data(folder, seed, sizes=Sizes(**dict(zip(HELD_OUT_SIZES, sizes, strict=True))))
        yield folder


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
        self._table = cache(self._read_table)

    def compare(self, before: str, after: str, figures: Sequence[tuple[str, str]]) -> list[Difference]:
        """Figures of one row against another's, over questions and seeds; empty where a row has no result.

        Args:
            before: a row.
            after: a row.
            figures: task and name of the measure.
        """
        if before not in self._results or after not in self._results:
            return []
        return [self._difference(before, after, task, name) for task, name in figures]

    def _difference(self, before: str, after: str, task: str, name: str) -> Difference:
        tables = [{seed: self._table(row, seed, task) for seed in self._results[row]} for row in (before, after)]
        strata = {outcome.stratum for runs in tables for table in runs.values() for outcome in table.outcomes}
        spec = next(item for item in get_benchmark(task).metrics(strata) if item.name == name)
        sides = [{seed: measure(spec, table) for seed, table in runs.items()} for runs in tables]
        return compare(spec, sides[0], sides[1])

    def _read_table(self, row: str, seed: int, task: str) -> Table:
        stored = self._results[row][seed]["verdicts"][task]
        return tabulate(get_benchmark(task).units(read_records(self._samples(task), stored)))
