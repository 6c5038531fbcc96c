"""`harness leaderboard build` and `harness leaderboard publish`: their arguments, what they print, how they exit.

Only the standard library is imported here, so that the command line can ask for the arguments at no cost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from harness.core.console import show, to_json
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from leaderboards.build import BoardConfig
    from leaderboards.publish import PublishConfig

_LEFT_OUT: Final = 1
_Config = TypeVar("_Config", "BoardConfig", "PublishConfig")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of both commands."""
    commands = parser.add_subparsers(dest="leaderboard_command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="tables, a page and data files from runs")
    _add_board_arguments(build)
    build.add_argument("--out", type=Path, default=Path("leaderboard"), metavar="DIR", help="default: leaderboard")
    build.add_argument("--formats", metavar="NAME,...", help="what to write (default: all); an unknown one lists them")
    publish = commands.add_parser("publish", help="put a leaderboard into a README, a web folder or the hub")
    _add_board_arguments(publish)
    publish.add_argument("--readme", type=Path, metavar="FILE", help="file with leaderboard markers")
    publish.add_argument("--rows", type=int, default=10, metavar="N", help="most rows of a README table (default: 10)")
    publish.add_argument("--page-url", metavar="URL", help="address of the page for the README's link")
    publish.add_argument("--pages", type=Path, metavar="DIR", help="folder for GitHub Pages or any web server")
    publish.add_argument(
        "--reports",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with --pages: copy the runs' reports, with pictures of their benchmarks, there and link them",
    )
    publish.add_argument(
        "--screenshot", action="store_true", help="with --pages: show the page in the README (Chromium)"
    )
    publish.add_argument("--card", metavar="NAME", help="checkpoint whose model card and .eval_results are written")
    publish.add_argument("--card-dir", type=Path, metavar="DIR", help="folder of the card (default: the checkpoint's)")
    publish.add_argument(
        "--task-id", action="append", default=[], metavar="TASK=ID", dest="task_ids", help="task's id in its eval.yaml"
    )
    publish.add_argument("--push", metavar="ORG/NAME", dest="repo", help="commit card and results to this repository")
    publish.add_argument(
        "--dry-run", action=argparse.BooleanOptionalAction, default=True, help="with --push: only say what it would do"
    )


def _add_board_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=Path, nargs="+", required=True, metavar="DIR", help="run folders, or folders that hold them"
    )
    parser.add_argument("--baseline", metavar="NAME", help="checkpoint that the others are compared with")
    parser.add_argument(
        "--rows-of",
        choices=("trainings", "checkpoints", "runs"),
        default="trainings",
        help="what a row is (default: trainings, the last checkpoint of each, all seeds together)",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        nargs="*",
        metavar="FILE",
        dest="references",
        help="reported numbers (none: leave out)",
    )
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--title", default="Leaderboard", metavar="TEXT", help="heading")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run either command; 1 when a folder had to be left out.

    Raises:
        HarnessError: see the tree in `harness.core.errors`.
    """
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.outputs import FORMATS, write_board
    from leaderboards.publish import PublishConfig, publish_board

    if arguments.leaderboard_command == "publish":
        given = _of_arguments(PublishConfig, arguments, task_ids=_task_ids(arguments.task_ids))
        board = build_board(_of_arguments(BoardConfig, arguments))
        done = publish_board(board, given)
    else:
        board = build_board(_of_arguments(BoardConfig, arguments))
        formats = FORMATS if arguments.formats is None else [name.strip() for name in arguments.formats.split(",")]
        done = [str(path) for path in write_board(board, arguments.out, formats)]
    if arguments.json:
        show(to_json({"done": done, "problems": list(board.problems)}))
    else:
        show("\n".join(done))
    for problem in board.problems:
        show(f"warning: left out: {problem}", file=sys.stderr)
    return _LEFT_OUT if board.problems else 0


def _of_arguments(kind: type[_Config], arguments: argparse.Namespace, **others: Any) -> _Config:
    """Settings whose fields are called as the arguments are."""
    return kind(**{field.name: getattr(arguments, field.name) for field in fields(kind)} | others)


def _task_ids(given: Sequence[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for item in given:
        task, equals, identifier = item.partition("=")
        if not (task and equals and identifier):
            raise UsageError(f"--task-id {item!r} is not of the form TASK=ID.")
        if ids.setdefault(task, identifier) != identifier:
            raise UsageError(f"--task-id {item!r}: {task} already has the id {ids[task]!r}.")
    return ids
