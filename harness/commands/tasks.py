"""`harness tasks`: what `--tasks` takes; and `harness tasks new`: a folder to begin a benchmark of one's own with."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from harness.core.console import show, to_json
from harness.core.errors import UsageError

_KINDS: Final = ("yes_no", "choice", "open", "caption")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness tasks`."""
    parser.add_argument("--all", action="store_true", help="list lmms-eval's own tasks too (takes seconds)")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(dest="tasks_command", metavar="COMMAND")
    new = commands.add_parser("new", help="write a folder to begin a benchmark of your own with")
    new.add_argument("name", metavar="NAME", help="of the benchmark: small letters, digits and _")
    new.add_argument("--kind", required=True, choices=_KINDS, help="what its questions ask for")
    new.add_argument(
        "--tasks-dir",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="where its folder is made (default: the current folder)",
    )


def run(arguments: argparse.Namespace) -> int:
    """List the tasks, or begin a new one.

    Raises:
        HarnessError: no such folder, or the new one's name is taken.
    """
    if arguments.tasks_command == "new":
        return _begin(arguments.name, arguments.kind, arguments.tasks_dir or Path())
    from tabulate import tabulate

    from harness.evaluation.task_registry import list_tasks

    problems: list[str] = []
    tasks = [
        asdict(task) for task in list_tasks(tasks_dir=arguments.tasks_dir, everything=arguments.all, problems=problems)
    ]
    show(to_json(tasks) if arguments.json else tabulate(tasks, headers="keys"))
    for problem in problems:
        show(f"warning: left out: {problem}", file=sys.stderr)
    return 0


def _begin(name: str, kind: str, tasks_dir: Path) -> int:
    from harness.benchmarks.registry import benchmark_folders
    from harness.demo.new_task import write_task
    from harness.lmms.index import lmms_eval_tasks

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r} is no name of a benchmark: small letters, digits and _, a letter first.")
    if name in benchmark_folders() or name in lmms_eval_tasks():
        raise UsageError(f"there is a benchmark {name!r} already, for which yours would be taken. Give another name.")
    written = write_task(tasks_dir / name, next(known for known in _KINDS if known == kind))
    show("\n".join(map(str, written)))
    show(f"\nTry it: harness eval --model demo --tasks {name} --tasks-dir {tasks_dir}")
    show(f"Then put your own questions into {written[1]} and your images or videos beside it.")
    return 0
