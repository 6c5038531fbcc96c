"""`harness publish`: a finished run as a data set for the hub, and its results to trackers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.commands.eval_arguments import add_track_argument
from harness.core.console import show
from harness.core.errors import UsageError

_EXAMPLES = """examples:
  harness publish runs/demo                          write published/demo, and say what would be uploaded
  harness publish runs/demo --push ORG/NAME          upload it to the data set ORG/NAME
  harness publish runs/demo --track wandb,mlflow     send its results to trackers"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness publish`."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="RUN", help="run folder")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the data set (default: published/RUN)")
    parser.add_argument("--push", metavar="ORG/NAME", help="upload it to this data set of the hub")
    parser.add_argument(
        "--private", action="store_true", help="with --push: the data set is private, or nothing is uploaded"
    )
    add_track_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write a run as a data set and upload it, or send it to trackers; 1 where a tracker did not take it.

    Raises:
        UsageError: nobody is logged in to the hub, it refuses, or a tracker is not installed.
        StoreError: the folder holds no finished run, or a file cannot be written.
    """
    from harness.reports.tracking import check_trackers, track_repeated
    from leaderboards import hub

    trackers = check_trackers(arguments.track)
    if arguments.private and arguments.push is None:
        raise UsageError("--private needs --push ORG/NAME, the data set that is made.")
    user = None if arguments.push is None else hub.require_login(arguments.push)
    if not trackers or arguments.push is not None or arguments.out is not None:
        out = arguments.out or Path("published") / arguments.folder.resolve().name
        _publish(arguments.folder, out, arguments.push, user, private=arguments.private)
    problems = track_repeated(arguments.folder, trackers)
    for name in trackers:
        if not any(problem.startswith(name) for problem in problems):
            show(f"{name} has the results of {arguments.folder}")
    for problem in problems:
        show(f"warning: {problem}", file=sys.stderr)
    return bool(problems)


def _publish(folder: Path, out: Path, repo: str | None, user: str | None, *, private: bool) -> None:
    from leaderboards import hub
    from leaderboards.dataset import write_dataset

    files = write_dataset(folder, out)
    if repo is not None:
        show(f"committed as {user}: {hub.push_dataset(repo, out, files, private=private)}")
    show("\n".join(f"  {path} ({path.stat().st_size} bytes)" for path in files))
    if repo is None:
        show("dry run: this would be uploaded to a data set of the hub; do it with --push ORG/NAME")
