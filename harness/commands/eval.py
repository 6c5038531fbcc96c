"""`harness eval`: evaluate, then diagnose, then report. Only the standard library and the settings at the top."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness.commands.eval_arguments import add_arguments, expand, read_config
from harness.core.console import show, to_json
from harness.core.errors import StoreError
from harness.evaluation.settings import EvalConfig

if TYPE_CHECKING:
    from harness.evaluation.ranks import Ranks
    from harness.evaluation.run import Outcome

__all__ = ["add_arguments", "conclude", "expand", "read_config", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, diagnose, report, print the table (or the run's record as JSON), and give the exit code.

    Where a launcher has started several processes, they share the evaluation, and rank 0 does the rest.

    Raises:
        HarnessError: see the tree in `harness.core.errors`; what was finished is stored, and the same call goes on.
    """
    from harness.evaluation.interrupts import ended_by_scheduler
    from harness.evaluation.ranks import run_together
    from harness.reports.tracking import check_trackers

    arguments.track = check_trackers(arguments.track)
    if arguments.dry_run:
        return _foresee(read_config(arguments), as_json=arguments.json)
    with ended_by_scheduler(arguments.requeue):
        return run_together(partial(_run, read_config(arguments), arguments), requeue=arguments.requeue)


def _foresee(config: EvalConfig, *, as_json: bool) -> int:
    """Say what an evaluation would ask for."""
    from dataclasses import asdict

    from harness.evaluation.estimate import estimate
    from harness.evaluation.plan import make_plan
    from harness.evaluation.run import folders_of
    from harness.reports.text import plain_table

    plan = make_plan(config)
    folders = folders_of(plan, config)
    try:
        found = estimate(plan, folders, fresh=config.fresh)
    finally:
        plan.engine.close()
        if plan.judge is not None:
            plan.judge.close()
    if as_json:
        show(
            to_json({"run": str(folders[0]), "engine": plan.engine_name, "prompt": plan.prompt_format, **asdict(found)})
        )
        return 0
    headers = ["task", "samples", "stored", "tokens a prompt", "tokens a response, at most"]
    prompts = ["unknown" if of.prompt_tokens is None else f"{of.prompt_tokens:,.0f}" for of in found.tasks]
    rows = [
        [of.task, of.samples, of.stored, prompt, of.budget] for of, prompt in zip(found.tasks, prompts, strict=True)
    ]
    show(f"{plan.checkpoint.name} on {plan.engine_name}, prompt {plan.prompt_format}\n\n{plain_table(headers, rows)}\n")
    for line in found.lines():
        show(line)
    show(f"run: {folders[0]}; leave --dry-run out to make it")
    return 0


def _run(config: EvalConfig, arguments: argparse.Namespace, ranks: Ranks) -> int:
    from harness.diagnostics.specs import diagnostics
    from harness.evaluation.run import evaluate, run_worker

    if ranks.rank:
        run_worker(config, ranks)
        return 0
    if not arguments.no_diagnose:
        diagnostics()  # A package whose diagnostic is broken is named before anything is asked.
    outcome = evaluate(config, ranks)
    return conclude(
        outcome,
        conflict=arguments.conflict,
        diagnosed=not arguments.no_diagnose,
        as_json=arguments.json,
        max_failures=config.max_failures,
        track=arguments.track,
    )


def conclude(
    outcome: Outcome,
    *,
    conflict: bool,
    diagnosed: bool,
    as_json: bool,
    max_failures: int,
    track: Sequence[str] = (),
) -> int:
    """Diagnose and report a finished evaluation, print it, send it to trackers, and give the exit code."""
    from harness.api import explain
    from harness.reports.terminal import problems
    from harness.reports.tracking import track_outcome

    missing = explain(outcome, conflict=conflict, diagnosed=diagnosed)
    if as_json:
        from dataclasses import asdict

        show(to_json(asdict(outcome.run)))
    else:
        _print_tables(outcome)
    for line in missing:
        show(f"missing: {line}", file=sys.stderr)
    for problem in (*track_outcome(outcome, track), *problems(outcome, max_failures=max_failures)):
        show(f"warning: {problem}", file=sys.stderr)
    return 1 if outcome.failures + outcome.unjudged > max_failures else 0


def _print_tables(outcome: Outcome) -> None:
    from harness.reports.audit import audit_table
    from harness.reports.diagnostics_report import PAGE, cause_table
    from harness.reports.run_report import REPORT, baseline_line, blind_headlines, headline_table

    blind, causes = {}, None
    try:
        blind, causes = blind_headlines(outcome.folder), cause_table(outcome.folder)
    except StoreError as error:  # Of an earlier diagnosis.
        causes = str(error)
    show(headline_table(outcome.run))
    show(baseline_line(outcome.run, blind))
    if outcome.run.audit is not None and (audited := audit_table(outcome.run.audit)):
        show(f"\n{audited}")
    if causes is not None:
        show(f"\n{causes}")
    show(f"\nrun: {outcome.folder}\nreport: {outcome.folder / REPORT}")
    if (outcome.folder / PAGE).exists():
        show(f"every sample: {outcome.folder / PAGE}")
