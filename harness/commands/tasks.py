"""`harness tasks`: what `--tasks` takes."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from harness.core.console import show, to_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness tasks`."""
    parser.add_argument("--all", action="store_true", help="list lmms-eval's own tasks too (takes seconds)")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """List the tasks."""
    from tabulate import tabulate

    from harness.evaluation.task_registry import list_tasks

    tasks = [asdict(task) for task in list_tasks(tasks_dir=arguments.tasks_dir, everything=arguments.all)]
    show(to_json(tasks) if arguments.json else tabulate(tasks, headers="keys"))
    return 0
