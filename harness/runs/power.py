"""What stored runs tell of how a difference varies: two by their own, one by its clusters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError, UsageError
from harness.runs.comparison import compare_runs
from harness.runs.records import read_records

if TYPE_CHECKING:
    from harness.core.types import SampleRecord
    from harness.statistics.counts import Table
    from harness.statistics.power import Variation
    from harness.statistics.specs import MetricSpec, Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a number of samples is reckoned from.

    Attributes:
        metric: the figure.
        variation: of one unit's difference.
        n: units that the figure of the runs rests on; 0: there are no runs.
        samples: samples a unit, 1 unless pairs or groups are judged together.
        cluster_size: units a cluster.
        disagreement: share of samples about which one side is right and the other wrong.
        design: design effect of the clusters; `None` where two runs show the whole variation.
    """

    metric: str
    variation: Variation
    n: int
    samples: float
    cluster_size: float
    disagreement: float
    design: float | None


def of_two_runs(run_a: Path, run_b: Path, scored: Scored, metric: str) -> Basis:
    """From a comparison of two runs.

    Args:
        run_a: folder of a run.
        run_b: folder of another over the same samples.
        scored: what is counted of a task.
        metric: name of the figure, or `headline`.

    Raises:
        DataError: they have not both the task, are over different data, or their difference shows no variation.
        UsageError: there is no such figure.
    """
    from harness.statistics.estimates import estimate
    from harness.statistics.power import measured

    name = scored.headline if metric == "headline" else metric
    (compared,) = compare_runs(run_a, run_b, lambda task: scored, metrics="*", task=scored.name)
    found = next((difference for difference in compared.metrics if difference.name == name), None)
    if found is None:
        raise UsageError(
            f"{scored.name} has no figure {name!r}. There are: {', '.join(of.name for of in compared.metrics)}."
        )
    variation = measured(found)
    if variation is None:
        why = found.note or "no answer differs"
        raise DataError(f"the difference of {name} between {run_a} and {run_b} shows no variation: {why}.")
    clustered = estimate(*_counted(run_a, scored, name, alone=False))
    return Basis(
        metric=name,
        variation=variation,
        n=found.n,
        samples=compared.samples / found.n,
        cluster_size=clustered.n / clustered.held,
        disagreement=(len(compared.fixed) + len(compared.broken)) / compared.samples,
        design=None,
    )


def of_one_run(run: Path, scored: Scored, metric: str, *, disagreement: float) -> Basis:
    """From the clusters of one run, where it is assumed how often another would disagree with it.

    The design effect of a difference is taken to be the figure's: its variance with the clusters over that without.

    Args:
        run: folder of the run.
        scored: what is counted of a task.
        metric: name of the figure, or `headline`.
        disagreement: share of the units.

    Raises:
        DataError: the run has not the task, or too few clusters or answers of one kind only.
        UsageError: there is no such figure, or it is no share.
    """
    from harness.statistics.estimates import estimate
    from harness.statistics.power import assumed

    spec, table = _counted(run, scored, metric, alone=False)
    if (spec.low, spec.high) != (0.0, 1.0):
        raise UsageError(f"{spec.name} is no share: how its differences vary takes two runs to tell. Give --runs A B.")
    clustered, alone = estimate(spec, table), estimate(*_counted(run, scored, metric, alone=True))
    if not clustered.stderr or not alone.stderr:
        raise DataError(f"{spec.name} of {run} shows no variation: give --design-effect instead of --runs.")
    design = (clustered.stderr / alone.stderr) ** 2
    return Basis(
        metric=spec.name,
        variation=assumed(disagreement, design=design, cluster_size=clustered.n / clustered.clusters),
        n=clustered.n,
        samples=len(_answered(run, scored)) / clustered.n,
        cluster_size=clustered.n / clustered.held,
        disagreement=disagreement,
        design=design,
    )


def _answered(run: Path, scored: Scored) -> list[SampleRecord]:
    """The samples of a task with a response, of each the last record."""
    latest = {of.sample.id: of for of in read_records(run) if of.sample.task == scored.name}
    if not latest:
        raise DataError(f"{run} has no samples of {scored.name!r}. Name a task that it has.")
    return [record for record in latest.values() if record.verdict.status != "error"]


def _counted(run: Path, scored: Scored, metric: str, *, alone: bool) -> tuple[MetricSpec, Table]:
    """A figure and the counts that it is of; `alone`: as if every unit were a cluster by itself."""
    from harness.statistics.counts import tabulate

    units = list(scored.units(_answered(run, scored)))
    specs = {spec.name: spec for spec in scored.metrics({unit.outcome.stratum for unit in units})}
    name = scored.headline if metric == "headline" else metric
    if name not in specs:
        raise UsageError(f"{scored.name} has no figure {name!r}. There are: {', '.join(specs)}.")
    if alone:
        units = [unit._replace(cluster=unit.key, linked=None) for unit in units]
    return specs[name], tabulate(units)
