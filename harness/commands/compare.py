"""`harness compare`: two runs over the same samples, figure by figure and sample by sample."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.console import show, to_json

if TYPE_CHECKING:
    from harness.runs.comparison import TaskComparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness compare`."""
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="run folder, the one before")
    parser.add_argument("run_b", type=Path, metavar="RUN_B", help="run folder, the one after")
    parser.add_argument(
        "--metrics",
        default="headline",
        metavar="PATTERN,...",
        help="figures that are tested, e.g. 'mean/*,all/both' (default: headline); the more, the wider their intervals",
    )
    parser.add_argument("--all", action="store_true", help="print every figure of each task")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with the samples that changed, side by side"
    )
    parser.add_argument(
        "--data", metavar="hub|demo|DIR", help="where the images of that page are (default: as in run B)"
    )
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--json", action="store_true", help="print JSON, with all ids")


def run(arguments: argparse.Namespace) -> int:
    """Compare two runs, and print the differences.

    Raises:
        HarnessError: see `harness.runs.comparison.compare_runs` and `harness.benchmarks.plain.scored_in`.
    """
    from harness.benchmarks.plain import scored_in
    from harness.diagnostics.other_runs import find_unlike
    from harness.runs.comparison import compare_runs

    runs = (arguments.run_a, arguments.run_b)
    comparisons = compare_runs(*runs, scored_in(runs, arguments.tasks_dir), metrics=arguments.metrics)
    if arguments.html is not None:
        from harness.commands.diagnose import find_media
        from leaderboards.pair_page import write_pair_page

        media = find_media(arguments.run_b, arguments.data, arguments.tasks_dir)
        write_pair_page(arguments.html, runs, comparisons, open_media=media)
    if arguments.json:
        unlike = find_unlike(*runs, [of.task for of in comparisons])
        tasks = {comparison.task: comparison_json(comparison) for comparison in comparisons}
        both = {
            "a": str(arguments.run_a),
            "b": str(arguments.run_b),
            "judges": dict(zip("ab", unlike.judges, strict=True)),
            "unfinished": dict(zip("ab", unlike.unfinished, strict=True)),
            "only": dict(zip("ab", unlike.only, strict=True)),
            "settings": unlike.settings,
            "tasks": tasks,
        }
        show(to_json(both))
    else:
        print_pair(runs, comparisons, full=arguments.all)
        show(f"\nLook at one: harness score --run {arguments.run_b} --explain ID")
        show(f"every change: {arguments.html}" if arguments.html else "Look at all: harness compare A B --html FILE")
    return 0


def print_pair(runs: tuple[Path, Path], comparisons: Sequence[TaskComparison], *, full: bool) -> None:
    """Print what two runs differ in, for people; `full`: every figure."""
    from harness.diagnostics.other_runs import find_unlike
    from harness.reports.differences import family_note
    from harness.reports.terminal import print_comparison

    family = max(item.family for comparison in comparisons for item in comparison.metrics)
    show(f"A: {runs[0]}\nB: {runs[1]}\n{family_note(family)}")
    for comparison in comparisons:
        print_comparison(comparison, full=full)
    for line in find_unlike(*runs, [of.task for of in comparisons]).lines():
        show(line)


def comparison_json(comparison: TaskComparison) -> dict[str, Any]:
    """One task's comparison as `harness compare --json` prints it."""
    changes = {
        name: {"count": len(ids), "ids": list(ids)}
        for name, ids in (
            ("fixed", comparison.fixed),
            ("broken", comparison.broken),
            ("newly_hallucinated", comparison.newly_hallucinated),
        )
    }
    from harness.statistics.differences import derived

    metrics = {}
    for item in comparison.metrics:
        fields = asdict(item)
        metrics[fields.pop("name")] = fields | derived(item)
    return {
        "samples": comparison.samples,
        "left_out": asdict(comparison.left_out),
        "unsettled": dict(zip("ab", comparison.unsettled, strict=True)),
        "metrics": metrics,
        **changes,
    }
