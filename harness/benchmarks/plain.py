"""How the samples of any task are counted: by its benchmark's record, or by how many of them are right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.benchmarks.counting import is_right, share, subset_units
from harness.benchmarks.registry import benchmark_folders, get_benchmark
from harness.core.types import SampleRecord
from harness.statistics.specs import MetricSpec, Scored, Unit, everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareOfRight:
    """A task whose samples were judged by code of its own: of them only which are right is known.

    Attributes:
        name: plain task name.
        headline: the one metric that there is.
    """

    name: str
    headline: str = "all/accuracy"

    def units(self, records: Iterable[SampleRecord]) -> Iterator[Unit]:
        """Each sample is a unit."""
        return subset_units(records)

    def metrics(self, strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
        """The share of right samples."""
        return [MetricSpec(name=self.headline, strict=(share(is_right, everywhere),), accuracy=True)]


def scored_task(name: str, tasks_dir: Path | None = None) -> Scored:
    """What is counted of a task and figured from it.

    Args:
        name: plain task name.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.

    Raises:
        DataError: its benchmark cannot be loaded.
    """
    return get_benchmark(name, tasks_dir) if name in benchmark_folders(tasks_dir) else ShareOfRight(name=name)
