"""`harness demo`: the demo world, its data and checkpoints, and the experiment on it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from harness.core.console import show
from harness.core.errors import UsageError

OUT: Final = Path("runs/experiment")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness demo`."""
    commands = parser.add_subparsers(dest="demo_command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="train the demo checkpoint from nothing (about an hour on one core)")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the checkpoint and its stages")
    build.add_argument(
        "--seed", type=int, default=1, metavar="N", help="decides the result on one machine (default: 1, as shipped)"
    )
    data = commands.add_parser("data", help="write the demo data sets in the hub's schemas")
    data.add_argument("--out", type=Path, metavar="DIR", help="folder (default: the cache, whose path is printed)")
    _add_experiment_arguments(
        commands.add_parser("experiment", help="train and measure the method, its parts and its rivals")
    )


def _add_experiment_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plan",
        nargs="?",
        const="",
        metavar="BLOCK,...",
        help="run blocks of the plan, or all of it, and go on where it was stopped (default: say how far it is)",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings side by side (--plan; default: 1)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"folder of the experiment ({OUT})")
    parser.add_argument("--report", action="store_true", help="run nothing: write the tables from what is finished")
    parser.add_argument("--document", type=Path, metavar="FILE", help="file with markers for the tables (--report)")
    parser.add_argument("--pages", type=Path, metavar="DIR", help="folder of a leaderboard of the rows (--report)")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="file with markers for its block (--pages)")
    parser.add_argument("--screenshot", action="store_true", help="show its page there (--pages, Chromium)")


def run(arguments: argparse.Namespace) -> int:
    """Build the checkpoints, write the data, or run the experiment, and give the exit code.

    Raises:
        HarnessError: what was finished is kept, and the same command goes on.
    """
    if arguments.demo_command == "build":
        from harness.demo.build import build

        build(arguments.out, arguments.seed)
    elif arguments.demo_command == "data":
        from harness.demo.data import demo_data_folder

        show(str(demo_data_folder(arguments.out)))
    else:
        _run_experiment(arguments)
    return 0


def _run_experiment(arguments: argparse.Namespace) -> None:
    """Run blocks of the plan, report what is finished, or say how far it is.

    Raises:
        UsageError: an unknown block, or a number of processes that is none; nothing is written.
        HarnessError: what was finished is kept, and the same command goes on.
    """
    from harness.commands.train import require_trl
    from harness.demo.experiment.blocks import describe, run_blocks
    from harness.demo.experiment.plan import choose_blocks

    out = arguments.out.resolve()
    if arguments.jobs < 1:
        raise UsageError(f"--jobs {arguments.jobs} is out of range: it must be at least 1.")
    if arguments.report:
        from harness.demo.experiment.report import write_report

        write_report(out, document=arguments.document)
        if arguments.pages is not None:
            _publish(out, arguments)
    elif arguments.plan is None:
        show(describe(out))
    else:
        blocks = choose_blocks([name for name in arguments.plan.split(",") if name])
        require_trl()
        run_blocks(blocks, out, arguments.jobs)


def _publish(out: Path, arguments: argparse.Namespace) -> None:
    """Publish a board of the main rows, of runs made again from what is kept of them."""
    from harness.demo.experiment.rebuilding import NOTE, rebuild_runs, write_thinned_reports
    from harness.demo.experiment.report import board_rows
    from harness.demo.experiment.results import SEED_FREE, draw_held_out
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.publish import PublishConfig, publish_board

    results = board_rows(out)
    with TemporaryDirectory() as scratch, draw_held_out(results) as held_out:
        write_thinned_reports(rebuild_runs(results, held_out, Path(scratch)))
        runs = [Path(scratch)]
        board = build_board(BoardConfig(runs=runs, baseline=SEED_FREE, references=[], title="The demo experiment"))
        board = replace(board, notes=[*board.notes, NOTE])
        config = PublishConfig(pages=arguments.pages, readme=arguments.readme, screenshot=arguments.screenshot)
        for line in publish_board(board, config):
            show(line)
