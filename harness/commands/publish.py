"""`harness publish`: a finished run's results to where a team keeps them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.commands.eval import add_track_argument
from harness.core.console import show
from harness.core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness publish`."""
    parser.add_argument("folder", type=Path, metavar="RUN", help="run folder")
    add_track_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send a run to trackers; 1 where one did not take it.

    Raises:
        UsageError: nothing is named that it could be sent to, or a tracker is not installed.
        StoreError: the folder holds no finished run.
    """
    from harness.reports.tracking import check_trackers, track_run

    trackers = check_trackers(arguments.track)
    if not trackers:
        raise UsageError("nowhere to publish to: give --track NAME.")
    problems = track_run(arguments.folder, trackers)
    for name in trackers:
        if not any(problem.startswith(name) for problem in problems):
            show(f"{name} has the results of {arguments.folder}")
    for problem in problems:
        show(f"warning: {problem}", file=sys.stderr)
    return bool(problems)
