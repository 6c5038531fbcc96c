"""`harness score`: recorded responses to verdicts and figures, without a model."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.judges.answer import AnswerJudge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `harness score`."""
    parser.add_argument("--task", required=True, metavar="NAME", help="a benchmark; 'harness tasks' lists them")
    parser.add_argument(
        "--samples", required=True, type=Path, metavar="FILE", help="JSON lines with the data set's field names"
    )
    parser.add_argument(
        "--responses", required=True, type=Path, metavar="FILE", help="JSON lines with 'id' and 'response'"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument(
        "--per-sample", type=Path, metavar="OUT", help="write each sample with both verdicts, as JSON lines"
    )
    parser.add_argument("--allow-missing", action="store_true", help="count samples without a response as unanswered")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument(
        "--judge", metavar="openai:MODEL", help="ask this model about open-ended answers that the rules cannot settle"
    )
    parser.add_argument("--judge-base-url", metavar="URL", help="an OpenAI-compatible server for the judge")
    parser.add_argument(
        "--judge-cache", type=Path, metavar="DIR", help="folder of the judge's verdicts (default: the cache folder)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Score recorded responses, and print the figures.

    Raises:
        HarnessError: see `score_recorded` and `harness.judges.answer`.
    """
    from harness.evaluation.recorded import score_recorded
    from harness.reports.terminal import print_task, task_json

    judge = _open_judge(arguments)
    differing: list[str] = []
    try:
        result = score_recorded(
            arguments.task,
            arguments.samples,
            arguments.responses,
            per_sample=arguments.per_sample,
            allow_missing=arguments.allow_missing,
            settle=judge.settle if judge is not None else None,
            differing=differing,
            tasks_dir=arguments.tasks_dir,
        )
    finally:
        if judge is not None:
            judge.close()
    if judge is not None and judge.failures:
        why = f": {judge.problem}" if judge.problem else ""
        print(f"warning: the judge gave no verdict on {judge.failures} answers{why}", file=sys.stderr)
    if arguments.json:
        print(
            json.dumps(
                {**task_json(result), "judge": judge.identity if judge is not None else None},
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        print_task(result, differing, judge=judge.identity if judge is not None else None)
    return 0


def _open_judge(arguments: argparse.Namespace) -> AnswerJudge | None:
    if arguments.judge is None:
        if arguments.judge_base_url or arguments.judge_cache:
            raise UsageError("--judge-base-url and --judge-cache need --judge openai:MODEL.")
        return None
    from harness.benchmarks.registry import get_benchmark

    if "open" not in get_benchmark(arguments.task, arguments.tasks_dir).answer_kinds:
        raise UsageError(f"--judge has nothing to settle in {arguments.task!r}: it has no open-ended answers.")
    from harness.judges.answer import open_answer_judge

    return open_answer_judge(arguments.judge, base_url=arguments.judge_base_url, cache_dir=arguments.judge_cache)
