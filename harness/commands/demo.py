"""`harness demo`: the demo world, its data and checkpoints, and the experiment on it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from harness.core.console import show
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.demo.experiment.rows import Row

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
    parser.add_argument("--rows", metavar="NAME,...", help="rows to run (default: all); an unknown one lists them")
    parser.add_argument("--seeds", default="0,1,2", metavar="N,...", help="seeds of each row (default: 0,1,2)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"folder of the experiment ({OUT})")
    parser.add_argument("--model", default="demo", metavar="CKPT", help="what every row starts from (default: demo)")
    parser.add_argument("--steps", type=int, default=60, metavar="N", help="updates of each row (default: 60)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of every trained row, repeatable"
    )
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
    """Run rows, or report what is finished.

    Raises:
        UsageError: an unknown row, a seed that is no number, a setting that does not exist; nothing is written.
        HarnessError: what was finished is kept, and the same command goes on.
    """
    from harness.commands.train import require_trl
    from harness.demo.experiment.rows import ROWS, choose_rows
    from harness.demo.experiment.running import open_experiment, run_row
    from harness.demo.experiment.settings import Experiment

    rows = choose_rows(arguments.rows.split(",") if arguments.rows else list(ROWS))
    out = arguments.out.expanduser().resolve()
    if arguments.report:
        from harness.demo.experiment.report import write_report

        write_report(out, document=arguments.document)
        if arguments.pages is not None:
            _publish(out, rows, arguments)
        return
    seeds = _seeds(arguments.seeds)
    require_trl()
    experiment = Experiment(out=out, model=arguments.model, steps=arguments.steps, overrides=tuple(arguments.set))
    open_experiment(experiment, rows)
    for seed in seeds:
        for row in rows:
            show(str(run_row(experiment, row, seed)), flush=True)


def _publish(out: Path, rows: Sequence[Row], arguments: argparse.Namespace) -> None:
    """Publish a board of some rows: of their runs, or, where only results are kept, of runs made again from these."""
    from harness.demo.experiment.rebuilding import NOTE, rebuild_runs, write_thinned_reports
    from harness.demo.experiment.results import SEED_FREE, draw_held_out, read_results

    runs = [folder for row in rows if (folder := out / "runs" / row.name).is_dir()]
    if runs:
        _publish_runs(runs, arguments.model, arguments)
        return
    results = read_results(out / "results")
    with TemporaryDirectory() as scratch, draw_held_out(out, results) as held_out:
        write_thinned_reports(rebuild_runs(results, [row.name for row in rows], held_out, Path(scratch)))
        _publish_runs([Path(scratch)], SEED_FREE, arguments, NOTE)


def _publish_runs(runs: Sequence[Path], baseline: str, arguments: argparse.Namespace, *notes: str) -> None:
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.publish import PublishConfig, publish_board

    board = build_board(BoardConfig(runs=runs, baseline=baseline, references=[], title="The demo experiment"))
    board = replace(board, notes=[*board.notes, *notes])
    config = PublishConfig(pages=arguments.pages, readme=arguments.readme, screenshot=arguments.screenshot)
    for line in publish_board(board, config):
        show(line)


def _seeds(text: str) -> Sequence[int]:
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds {text!r} is not a list of numbers, e.g. 0,1,2.") from error
    return list(dict.fromkeys(seeds))
