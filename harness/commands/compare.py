"""`harness compare`: two runs over the same samples, figure by figure and sample by sample."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.runs.comparison import TaskComparison
    from harness.statistics.specs import Scored


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness compare`."""
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="run folder, the one before")
    parser.add_argument("run_b", type=Path, metavar="RUN_B", help="run folder, the one after")
    parser.add_argument(
        "--metrics",
        default="*",
        metavar="PATTERN,...",
        help="figures of the table, e.g. 'headline' or 'mean/*,all/both'; p-values are adjusted for their number",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (default: 0)")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--json", action="store_true", help="print JSON, with all ids")


def run(arguments: argparse.Namespace) -> int:
    """Compare two runs, and print the differences.

    Raises:
        UsageError: the seed is negative.
        HarnessError: see `harness.runs.comparison.compare_runs`.
    """
    if arguments.seed < 0:
        raise UsageError(f"--seed {arguments.seed} is out of range: it must be at least 0.")
    from harness.benchmarks.plain import scored_task
    from harness.core.errors import StoreError
    from harness.diagnostics.run_folder import read_settings
    from harness.runs.comparison import compare_runs
    from harness.runs.folder import read_run

    def scored(name: str) -> Scored:
        try:
            results = [read_run(folder).tasks[name] for folder in (arguments.run_a, arguments.run_b)]
        except (StoreError, KeyError):  # Unfinished runs are compared as far as their samples tell.
            results = []
        return scored_task(name, arguments.tasks_dir, results)

    comparisons = compare_runs(
        arguments.run_a,
        arguments.run_b,
        scored,
        metrics=arguments.metrics,
        seed=arguments.seed,
    )
    judges = [read_settings(folder).get("judge") for folder in (arguments.run_a, arguments.run_b)]
    if arguments.json:
        tasks = {comparison.task: comparison_json(comparison) for comparison in comparisons}
        both = {
            "a": str(arguments.run_a),
            "b": str(arguments.run_b),
            "judges": dict(zip("ab", judges, strict=True)),
            "tasks": tasks,
        }
        print(json.dumps(both, indent=2, ensure_ascii=False))
    else:
        from harness.reports.terminal import print_comparison

        print(f"A: {arguments.run_a}\nB: {arguments.run_b}\nDifferences are B - A.")
        if judges[0] != judges[1]:
            told = [judge or "nobody" for judge in judges]
            print(
                f"What no rule settles was judged by {told[0]} in A and by {told[1]} in B: a difference may be theirs."
            )
        for comparison in comparisons:
            print_comparison(comparison)
    return 0


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
    metrics = {}
    for item in comparison.metrics:
        fields = asdict(item)
        metrics[fields.pop("name")] = fields | {"could_turn": item.could_turn}
    return {
        "samples": comparison.samples,
        "left_out": asdict(comparison.left_out),
        "unsettled": dict(zip("ab", comparison.unsettled, strict=True)),
        "metrics": metrics,
        **changes,
    }
