"""`harness power`: how many samples show a difference of a size, and what size so many show."""

from __future__ import annotations

import argparse
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.console import show, to_json
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.runs.power import Basis

_RUNS: Final = 2
_NUMBERS: Final = ("difference", "disagreement", "cluster_size", "design_effect")
_TEST: Final = "80 % power, two-sided 5 %, by the paired test of 'harness compare'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness power`."""
    parser.add_argument("--task", required=True, metavar="NAME", help="whose samples; 'harness tasks' lists the names")
    parser.add_argument(
        "--difference", required=True, type=float, metavar="POINTS", help="in percentage points, e.g. 2"
    )
    parser.add_argument(
        "--runs",
        type=Path,
        nargs="+",
        metavar="RUN",
        help="two runs, by whose difference it is reckoned, or one, by whose clusters (default: by assumption)",
    )
    parser.add_argument(
        "--metric", default="headline", metavar="NAME", help="with --runs: the figure (default: headline)"
    )
    parser.add_argument(
        "--disagreement",
        type=float,
        metavar="PERCENT",
        help="assumed: answers about which one side is right and the other wrong (default: 10)",
    )
    parser.add_argument(
        "--cluster-size", type=float, metavar="N", help="assumed: questions about one image or video (default: 1)"
    )
    parser.add_argument(
        "--design-effect",
        type=float,
        metavar="X",
        help="assumed: variance with these clusters over that without (default: 1 + 0.1 (N - 1))",
    )
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print how many samples show the difference.

    Raises:
        HarnessError: no such task or figure, or runs that do not tell.
    """
    from harness.statistics.power import needed_units, shown_by

    for name in _NUMBERS:
        if not isfinite(given := getattr(arguments, name) or 0.0):
            raise UsageError(f"--{name.replace('_', '-')} {given:g} is no finite number.")
    difference = arguments.difference / 100
    if not 0 < abs(difference) < 1:
        raise UsageError(f"--difference {arguments.difference:g} is no difference in points: give one, e.g. 2.")
    basis, told = _basis(arguments)
    if not abs(difference) <= basis.variation.most:
        raise UsageError(
            f"--difference {arguments.difference:g} is more than the sides can differ by where they disagree on "
            f"{100 * basis.variation.most:g} % of the answers. Give a greater --disagreement."
        )
    units = needed_units(difference, basis.variation)
    shown = shown_by(basis.n, basis.variation) if basis.n else None
    found = {
        "task": arguments.task,
        "metric": basis.metric,
        "difference": difference,
        "needed_units": units,
        "needed_samples": None if units is None else round(units * basis.samples),
        "needed_clusters": None if units is None else max(1, round(units / basis.cluster_size)),
        "disagreement": basis.disagreement,
        "design_effect": basis.design,
        "runs": [str(folder) for folder in arguments.runs or ()],
        "units": basis.n or None,
        "shown_by_these": shown,
    }
    show(to_json(found) if arguments.json else "\n".join(_lines(found, told, basis)))
    return 0


def _lines(found: dict[str, Any], told: str, basis: Basis) -> list[str]:
    what = "samples" if basis.n else "samples (pairs or groups where it counts those)"
    lines = [
        f"{found['task']}, {found['metric']}: a difference of {100 * found['difference']:g} points, {_TEST}",
        told,
        "no number of samples shows it"
        if found["needed_units"] is None
        else f"needed: {found['needed_samples']:,} {what}, in about {found['needed_clusters']:,} clusters",
    ]
    if basis.n:
        size = "none" if found["shown_by_these"] is None else f"{100 * found['shown_by_these']:.1f} points or more"
        lines.append(f"as many as these runs have ({round(basis.n * basis.samples):,}) show: {size}")
    return lines


def _headline(name: str, tasks_dir: Path | None) -> str:
    """The figure that stands for a task of which there are no runs; the task has to exist."""
    from harness.benchmarks.own import is_table
    from harness.benchmarks.plain import scored_task
    from harness.evaluation.recorded import find_benchmark
    from harness.evaluation.task_registry import expand_tasks

    tasks = expand_tasks([name], tasks_dir)
    if len(tasks) != 1:
        raise UsageError(f"{name!r} is a group of {len(tasks)} tasks. Name one of them, e.g. {', '.join(tasks[:3])}.")
    # Whether a table asks for captions is in its rows.
    found = find_benchmark(tasks[0], None, tasks_dir) if is_table(tasks[0]) else scored_task(tasks[0], tasks_dir)
    return found.headline


def _basis(arguments: argparse.Namespace) -> tuple[Basis, str]:
    """What it is reckoned from, and that in words."""
    from harness.benchmarks.plain import scored_in
    from harness.runs.power import Basis, of_one_run, of_two_runs
    from harness.statistics.power import CORRELATION, DISAGREEMENT, assumed, design_effect

    disagreement = DISAGREEMENT if arguments.disagreement is None else arguments.disagreement / 100
    if not 0 < disagreement <= 1:
        raise UsageError(f"--disagreement {arguments.disagreement:g} is out of range: it is a percentage above 0.")
    runs, task = arguments.runs or [], arguments.task
    if len(runs) > _RUNS:
        raise UsageError(f"--runs takes one run or two, not {len(runs)}.")
    given = {"--cluster-size": arguments.cluster_size, "--design-effect": arguments.design_effect}
    if runs:
        given = {**given, "--disagreement": arguments.disagreement if len(runs) == _RUNS else None}
        if idle := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"{', '.join(idle)} is assumed, and the runs of --runs tell it. Leave one of them out.")
        scored = scored_in(runs, arguments.tasks_dir)(task)
        if len(runs) == _RUNS:
            basis = of_two_runs(runs[0], runs[1], scored, arguments.metric)
            return basis, (
                f"by these runs: they disagree on {100 * basis.disagreement:.1f} % of "
                f"{round(basis.n * basis.samples):,} samples; the rest is in the standard error of their difference"
            )
        basis = of_one_run(runs[0], scored, arguments.metric, disagreement=disagreement)
        return basis, (
            f"by the clusters of this run, a design effect of {basis.design:.2f}; assumed: two such runs disagree on "
            f"{100 * disagreement:g} % of the answers, and their difference is clustered as this figure is"
        )
    size = 1.0 if arguments.cluster_size is None else arguments.cluster_size
    design = design_effect(size) if arguments.design_effect is None else arguments.design_effect
    if not size >= 1 or not design > 0:
        raise UsageError("--cluster-size is at least 1, and --design-effect above 0.")
    if arguments.metric != "headline":
        raise UsageError(
            f"--metric {arguments.metric} is a figure of runs; by assumption all are alike. Give --runs, or leave it "
            "out."
        )
    basis = Basis(
        metric=_headline(task, arguments.tasks_dir),
        variation=assumed(disagreement, design=design, cluster_size=size),
        n=0,
        samples=1.0,
        cluster_size=size,
        disagreement=disagreement,
        design=design,
    )
    by = f" (correlation {CORRELATION:g})" if arguments.design_effect is None and size > 1 else ""
    return basis, (
        f"assumed: two runs disagree on {100 * disagreement:g} % of the answers; clusters of {size:g}, a "
        f"design effect of {design:.2f}{by}. Runs tell better: --runs A B"
    )
