"""`harness eval` and `harness tasks`: what they print and how they exit."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from harness.commands.diagnose import MapConflict
from harness.diagnostics.run_folder import PAGE
from harness.evaluation.ranks import Ranks, run_together
from harness.evaluation.run import assist, evaluate
from harness.evaluation.settings import EvalConfig
from harness.reports.diagnostics_report import cause_table
from harness.reports.run_report import REPORT, headline_table
from harness.runs.folder import SAMPLES


def run_evaluation(config: EvalConfig, *, as_json: bool, map_conflict: MapConflict | None = None) -> int:
    """Evaluate, print the table (or the run's record as JSON), and give the exit code.

    Where a launcher has started several processes, they share the run, and rank 0 prints. `map_conflict`, if given,
    maps the finished run's sample conflict.
    """
    return run_together(partial(_evaluate, config, as_json, map_conflict))


def _evaluate(config: EvalConfig, as_json: bool, map_conflict: MapConflict | None, ranks: Ranks) -> int:
    if ranks.rank:
        assist(config, ranks)
        return 0
    outcome = evaluate(config, ranks, map_conflict)
    if as_json:
        print(json.dumps(asdict(outcome.run), indent=2, ensure_ascii=False))
    else:
        print(headline_table(outcome.run))
        causes = cause_table(outcome.folder)
        if causes is not None:
            print(f"\n{causes}")
        print(f"\nreport: {outcome.folder / REPORT}")
        if (outcome.folder / PAGE).exists():
            print(f"every sample: {outcome.folder / PAGE}")
    for line in outcome.missing:
        print(f"missing: {line}", file=sys.stderr)
    if outcome.judge_problem is not None:
        print(f"warning: {outcome.judge_problem}. Run the same command to ask it again.", file=sys.stderr)
    if outcome.failures > config.max_failures:
        named = "; ".join(str(path / SAMPLES) for path in outcome.failed_repeats)
        print(
            f"warning: {outcome.failures} samples could not be scored (tolerated: {config.max_failures}); "
            f"{outcome.folder / REPORT} names them{f', and those of the repeats are in {named}' if named else ''}. "
            "Run the same command to try them again.",
            file=sys.stderr,
        )
        return 1
    return 0


def print_tasks(*, tasks_dir: Path | None, everything: bool, as_json: bool) -> int:
    """List the tasks."""
    from tabulate import tabulate

    from harness.evaluation.task_registry import list_tasks

    tasks = list_tasks(tasks_dir=tasks_dir, everything=everything)
    if as_json:
        print(json.dumps([asdict(task) for task in tasks], indent=2, ensure_ascii=False))
    else:
        print(tabulate([asdict(task) for task in tasks], headers="keys"))
    return 0
