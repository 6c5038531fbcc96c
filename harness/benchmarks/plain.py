"""How the samples of any task are counted: by its benchmark's record, or by the scores that its own code gave them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Final

from harness.benchmarks.counting import has_score, is_officially_right, is_right, score_of, scored_unit, share
from harness.benchmarks.own import is_table
from harness.benchmarks.registry import benchmark_folders, get_benchmark
from harness.core.errors import UsageError
from harness.core.types import SampleRecord, ScoreMean, TaskResult
from harness.runs.folder import read_run
from harness.runs.records import RUN
from harness.statistics.specs import MetricSpec, Ratio, Scored, Unit, everywhere

RIGHT: Final = "all/right"
"""Share of the answers that are right as the harness reads them, of a task that is scored by code of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScores:
    """A task that is scored by code of its own: its figures are means of what that code gave each sample.

    Attributes:
        name: plain task name.
        headline: name of the metric that stands for the task.
        means: its metrics that are means of scores; others cannot be told from single samples.
        reads_answers: whether its answers are of a closed set, so that the harness reads them as well.
    """

    name: str
    headline: str
    means: Mapping[str, ScoreMean] = field(default_factory=dict)
    reads_answers: bool = False

    def units(self, records: Iterable[SampleRecord]) -> Iterator[Unit]:
        """Each sample is a unit."""
        for record in records:
            yield scored_unit(record, stratum=())

    def metrics(self, strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
        """The means, and the share of answers that are right as they are read."""
        specs = [_mean(name, mean) for name, mean in self.means.items()]
        if self.reads_answers:
            strict, official = share(is_right, everywhere), share(is_officially_right, everywhere)
            specs.append(MetricSpec(name=RIGHT, strict=(strict,), official=(official,)))
        return specs


def _mean(name: str, mean: ScoreMean) -> MetricSpec:
    ratio = Ratio(top=score_of(mean.score), bottom=has_score(mean.score))
    low, high = (-inf, inf) if mean.high is None else (0.0, mean.high)
    return MetricSpec(
        name=name,
        strict=(ratio,),
        official=(ratio,),
        low=low,
        high=high,
        better=mean.better,
    )


def scored_task(name: str, tasks_dir: Path | None = None, results: Sequence[TaskResult] = ()) -> Scored:
    """What is counted of a task and figured from it.

    Args:
        name: plain task name.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        results: of the runs that are compared; they tell the metrics of a task that is scored by code of its own. Where
            they do not, or where none is a mean, of such a task only the share of right answers is known.

    Raises:
        DataError: its benchmark cannot be loaded.
    """
    means = [result.means for result in results if result.means is not None]
    if means and len(means) == len(results):
        common = _common(means)
        reads_answers = not common or all(RIGHT in result.metrics for result in results)
        return OwnScores(name=name, headline=results[0].headline, means=common, reads_answers=reads_answers)
    if is_table(name) or name in benchmark_folders(tasks_dir, [name]):
        benchmark = get_benchmark(name, tasks_dir)
        # What a table asks for is in its rows, and its headline follows from that.
        return replace(benchmark, headline=results[0].headline) if is_table(name) and results else benchmark
    return OwnScores(name=name, headline=RIGHT, reads_answers=True)


def scored_in(folders: Sequence[Path], tasks_dir: Path | None = None) -> Callable[[str], Scored]:
    """What is counted of the tasks of some runs, by their names; unfinished ones are counted as far as they tell.

    Args:
        folders: of the runs.
        tasks_dir: see `scored_task`.

    Returns:
        what raises `UsageError` for a task whose headline in the runs is another one than is known here, and
        `StoreError` where the record of a finished run cannot be used.
    """

    def find(name: str) -> Scored:
        results = _results_in(folders, name)
        scored = scored_task(name, tasks_dir, results)
        if results and results[0].headline != scored.headline:
            raise UsageError(
                f"the benchmark {name!r} of these runs, whose figure is {results[0].headline}, is not known here. Give "
                "--tasks-dir the folder of its task."
            )
        return scored

    return find


def _results_in(folders: Sequence[Path], name: str) -> list[TaskResult]:
    """The figures of a task in some runs; none where one of them is unfinished or has no such task."""
    if not all((folder / RUN).exists() for folder in folders):
        return []
    found = [result for folder in folders if (result := read_run(folder).tasks.get(name)) is not None]
    return found if len(found) == len(folders) else []


def _common(means: Sequence[Mapping[str, ScoreMean]]) -> dict[str, ScoreMean]:
    """The means that all runs have, each of the widest range."""
    common = {}
    for name in means[0]:
        same = [of[name] for of in means if name in of]
        if len(same) < len(means):
            continue
        highs = [mean.high for mean in same if mean.high is not None]
        high = max(highs) if len(highs) == len(same) else None
        common[name] = replace(same[0], high=high)
    return common
