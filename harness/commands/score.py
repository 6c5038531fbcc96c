"""`harness score`: recorded responses to verdicts and figures, without a model."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

from harness.commands.eval_arguments import add_judge_arguments
from harness.core.console import show, to_json
from harness.core.errors import UsageError
from harness.evaluation.settings import EvalConfig

_OF_RUNS: Final = ("data", "model", "out", "fresh", "no_diagnose")
"""Options that only a run made with `--from` or `--from-run` has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness score`."""
    parser.add_argument("logs", nargs="*", type=Path, metavar="FILE", help="with --from: files of one run's log")
    parser.add_argument("--task", metavar="NAME", help="a benchmark; 'harness tasks' lists them")
    parser.add_argument(
        "--samples",
        type=Path,
        metavar="FILE",
        help="the questions: JSON lines or JSON with the data set's field names (default: a table that --task names)",
    )
    parser.add_argument("--responses", type=Path, metavar="FILE", help="JSON lines with 'id' and 'response'")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--explain", metavar="ID", help="show how the answer to this sample was read, with the words that it rests on"
    )
    parser.add_argument(
        "--from-run",
        type=Path,
        metavar="RUN",
        help="make a run of the responses of a run folder, also by a benchmark with other labels of the same questions",
    )
    parser.add_argument("--run", dest="folder", type=Path, metavar="RUN", help="with --explain: a run folder")
    parser.add_argument(
        "--per-sample", type=Path, metavar="OUT", help="write each sample with both verdicts, as JSON lines"
    )
    parser.add_argument("--allow-missing", action="store_true", help="count samples without a response as unanswered")
    parser.add_argument("--max-failures", type=int, default=0, metavar="N", help="as in 'harness eval' (default: 0)")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    add_judge_arguments(parser)

    group = parser.add_argument_group("recorded by another harness, or in a run folder, to a run folder")
    group.add_argument("--from", dest="source", metavar="NAME", help="lmms-eval, vlmevalkit, evalscope or inspect")
    group.add_argument(
        "--data",
        metavar="hub|demo|DIR",
        help="where the questions are (default: in the log), or with --from-run their labels",
    )
    group.add_argument("--model", default="", metavar="NAME", help="the model's name (default: as the log has it)")
    group.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/MODEL-SETTINGS)")
    group.add_argument("--fresh", action="store_true", help="start over where the folder holds a run")
    group.add_argument("--no-diagnose", action="store_true", help="leave the diagnostics and report.html out")


def run(arguments: argparse.Namespace) -> int:
    """Score recorded responses, and print the figures.

    Raises:
        HarnessError: see `harness.evaluation.recorded`, `harness.evaluation.imports` and `harness.judges.answer`.
    """
    if arguments.explain is not None and arguments.folder is not None:
        return _explain(arguments)
    if arguments.task is None or arguments.folder is not None:
        raise UsageError("give --task NAME with what was recorded, or --run RUN with --explain ID.")
    if arguments.source is not None or arguments.from_run is not None:
        return _make_run(arguments)
    if idle := [f"--{name.replace('_', '-')}" for name in _OF_RUNS if getattr(arguments, name)]:
        raise UsageError(f"{', '.join(idle)} belongs to --from NAME, which makes a run. Leave it out.")
    from harness.benchmarks.own import is_table, refuse_other_files

    refuse_other_files([arguments.task])
    if arguments.samples is None and is_table(arguments.task):
        arguments.samples = Path(arguments.task)
    if arguments.samples is None or arguments.responses is None or arguments.logs:
        raise UsageError("give --samples FILE and --responses FILE, or --from NAME and the files of a log.")
    if arguments.explain is not None:
        return _explain(arguments)
    return _score(arguments)


def _score(arguments: argparse.Namespace) -> int:
    """Score recorded responses of files."""
    from harness.evaluation.plan import open_judge
    from harness.evaluation.recorded import find_benchmark, judge_recorded, score_records
    from harness.judges.answer import no_judge
    from harness.judges.audit import AuditSample
    from harness.reports.audit import audit_table
    from harness.reports.terminal import print_task, task_json

    config = _config(arguments)
    benchmark = find_benchmark(arguments.task, arguments.responses, arguments.tasks_dir)
    records = judge_recorded(benchmark, arguments.samples, arguments.responses, allow_missing=arguments.allow_missing)
    judge = open_judge(config)
    if benchmark.rubric is not None and judge is None:
        show(no_judge(benchmark.name), file=sys.stderr)
    drawn = AuditSample(config.audit, seed=config.seed)
    audit = None
    rubrics = {benchmark.name: benchmark.rubric} if benchmark.rubric is not None else {}
    differing: list[str] = []
    try:
        result = score_records(
            benchmark,
            records,
            per_sample=arguments.per_sample,
            settle=(lambda records: drawn.watch(judge.settle(records, rubrics))) if judge is not None else None,
            differing=differing,
        )
        if judge is not None and arguments.audit:
            audit = drawn.audit(judge)
    finally:
        if judge is not None:
            judge.close()
    if judge is not None and judge.failures:
        why = f": {judge.problem}" if judge.problem else ""
        show(f"warning: the judge gave no verdict on {judge.failures} answers{why}", file=sys.stderr)
    if arguments.json:
        show(
            to_json(
                {
                    **task_json(result),
                    "judge": judge.identity if judge is not None else None,
                    "audit": asdict(audit) if audit is not None else None,
                }
            )
        )
    else:
        print_task(result, differing, judge=judge.identity if judge is not None else None)
        if audit is not None and (audited := audit_table(audit)):
            show(f"\n{audited}")
        if arguments.per_sample is not None:
            show(f"\nevery sample: {arguments.per_sample}")
    if result.errors <= arguments.max_failures:
        unjudged = 0 if judge is None else judge.failures
        unjudged += 0 if audit is None else sum(kind.failures for kind in audit.kinds.values())
        return int(result.errors + unjudged > arguments.max_failures)
    failed = f"{result.errors} samples have no verdict (tolerated: {arguments.max_failures})"
    show(f"warning: {failed}; their responses are errors, which no figure counts.", file=sys.stderr)
    return 1


def _explain(arguments: argparse.Namespace) -> int:
    """Show how one answer was read, of a run folder or of recorded responses; in a run, of every task that has it."""
    from harness.benchmarks.own import is_table
    from harness.core.errors import DataError
    from harness.evaluation.recorded import find_benchmark, judge_recorded
    from harness.reports.explaining import explain_json, explain_lines
    from harness.runs.records import read_records

    if arguments.judge is not None or arguments.per_sample is not None:
        raise UsageError("--explain shows what is recorded and asks no judge. Leave --judge and --per-sample out.")
    name = Path(arguments.task).name if arguments.task and is_table(arguments.task) else arguments.task
    if arguments.folder is not None:
        records = read_records(arguments.folder)
    else:
        benchmark = find_benchmark(arguments.task, arguments.responses, arguments.tasks_dir)
        records = judge_recorded(
            benchmark, arguments.samples, arguments.responses, allow_missing=arguments.allow_missing
        )
    wanted = (record for record in records if record.sample.id == arguments.explain)
    found = {of.sample.task: of for of in wanted if name in (None, of.sample.task)}  # The last record counts.
    if not found:
        raise DataError(f"{arguments.folder or arguments.samples} has no sample {arguments.explain!r}.")
    if arguments.json:
        show(to_json([explain_json(record) for record in found.values()]))
        return 0
    for record in found.values():
        print("\n".join(explain_lines(record, bold=sys.stdout.isatty())))  # Cleaned, and then marked.
    return 0


def _make_run(arguments: argparse.Namespace) -> int:
    """Make a run of another harness's log, or of another run, diagnose and report it."""
    from harness.commands.eval import conclude
    from harness.evaluation.imports import plan_recorded
    from harness.evaluation.rescoring import plan_rescored
    from harness.evaluation.run import run_plan

    (_check_log if arguments.from_run is None else _check_rescoring)(arguments)
    config = _config(arguments)
    if arguments.from_run is not None:
        plan = plan_rescored(config, arguments.from_run)
    else:
        plan, warnings = plan_recorded(
            config, arguments.source, arguments.logs, rows=arguments.samples, allow_missing=arguments.allow_missing
        )
        for warning in warnings:
            show(f"warning: {warning}", file=sys.stderr)
    return conclude(
        run_plan(plan, config),
        conflict=False,
        diagnosed=not arguments.no_diagnose,
        as_json=arguments.json,
        max_failures=arguments.max_failures,
    )


def _check_rescoring(arguments: argparse.Namespace) -> None:
    """Refuse what says again, or otherwise, what is in the run that is scored again."""
    of_run = ("source", "samples", "responses", "explain", "per_sample", "allow_missing", "model", "logs")
    if any(getattr(arguments, name) for name in of_run):
        raise UsageError(
            "--from-run RUN takes model, questions and responses from the run alone. Give it with --task, and with "
            "--data, --out or --judge."
        )


def _check_log(arguments: argparse.Namespace) -> None:
    """Refuse what does not go with a log."""
    from harness.evaluation.logs import FORMATS

    if arguments.source not in FORMATS:
        raise UsageError(f"--from {arguments.source!r} does not exist. Choose one of: {', '.join(FORMATS)}.")
    if arguments.explain is not None:
        raise UsageError(f"--from {arguments.source} makes a run. Give its folder with --run to --explain an answer.")
    if not arguments.logs or arguments.responses is not None or arguments.per_sample is not None:
        raise UsageError(f"--from {arguments.source} takes the files of a log, and no --responses or --per-sample.")
    if arguments.data is not None and arguments.samples is not None:
        raise UsageError("--data and --samples both say where the questions are. Give one of them.")


def _config(arguments: argparse.Namespace) -> EvalConfig:
    """What is asked for, as settings of an evaluation, which are called as the arguments are."""
    given = {of.name: getattr(arguments, of.name) for of in fields(EvalConfig) if of.name in arguments}
    return EvalConfig(**given, tasks=(arguments.task,))
