"""The command line: arguments only. Each command imports its room when it is called."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from harness import __version__
from harness.core.errors import HarnessError, UsageError

_FAULT: Final = 3
_INTERRUPTED: Final = 130


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument in the same form as every other mistake of the user."""

    def error(self, message: str) -> Any:
        raise UsageError(f"{message}. See '{self.prog} --help'.")


def _eval_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.commands.eval_arguments import add_arguments

    add_arguments(parser)


def _run_eval(arguments: argparse.Namespace) -> int:
    from harness.commands.eval import run_evaluation
    from harness.commands.eval_arguments import read_config

    map_conflict = _map_conflict if arguments.conflict else None
    return run_evaluation(read_config(arguments), as_json=arguments.json, map_conflict=map_conflict)


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.evaluation.recorded import add_arguments

    add_arguments(parser)


def _run_score(arguments: argparse.Namespace) -> int:
    from harness.evaluation.recorded import run

    return run(arguments)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.runs.comparison import add_arguments

    add_arguments(parser)


def _run_compare(arguments: argparse.Namespace) -> int:
    from harness.runs.comparison import run

    return run(arguments)


def _diagnose_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.commands.diagnose import add_arguments

    add_arguments(parser)


def _run_diagnose(arguments: argparse.Namespace) -> int:
    from harness.commands.diagnose import run

    return run(arguments, map_conflict=_map_conflict)


def _map_conflict(folder: Path, open_media: Any, samples: int, model: str | None) -> None:
    from trainers.conflict.run import map_run

    map_run(folder, open_media=open_media, samples=samples, model=model)


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.commands.train import add_arguments

    add_arguments(parser)


def _run_train(arguments: argparse.Namespace) -> int:
    from harness.commands.train import run

    return run(arguments, update_leaderboard=_update_leaderboard)


def _update_leaderboard(roots: Sequence[Path], folder: Path, baseline: str | None) -> None:
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.outputs import write_board

    write_board(build_board(BoardConfig(runs=roots, baseline=baseline)), folder)


def _select_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.commands.train import add_select_arguments

    add_select_arguments(parser)


def _run_select(arguments: argparse.Namespace) -> int:
    from harness.commands.train import run_select

    return run_select(arguments)


def _data_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.commands.data import add_arguments

    add_arguments(parser)


def _run_data(arguments: argparse.Namespace) -> int:
    from harness.commands.data import run

    return run(arguments)


def _leaderboard_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.commands.leaderboard import add_arguments

    add_arguments(parser)


def _run_leaderboard(arguments: argparse.Namespace) -> int:
    from harness.commands.leaderboard import run

    return run(arguments)


def _tasks_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="list lmms-eval's own tasks too (takes seconds)")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of task plug-ins")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run_tasks(arguments: argparse.Namespace) -> int:
    from harness.commands.eval import print_tasks

    return print_tasks(tasks_dir=arguments.tasks_dir, everything=arguments.all, as_json=arguments.json)


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    from harness.doctor.checks import add_arguments

    add_arguments(parser)


def _run_doctor(arguments: argparse.Namespace) -> int:
    from harness.doctor.checks import run

    return run(arguments)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="demo_command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="train the demo checkpoint from nothing (about an hour on one core)")
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the checkpoint and its stages")
    build.add_argument(
        "--seed", type=int, default=1, metavar="N", help="decides the result on one machine (default: 1, as shipped)"
    )
    data = commands.add_parser("data", help="write the demo data sets in the hub's schemas")
    data.add_argument("--out", type=Path, metavar="DIR", help="folder (default: the cache, whose path is printed)")
    experiment = commands.add_parser("experiment", help="train and measure the method, its parts and its rivals")
    from harness.commands.demo_experiment import add_arguments

    add_arguments(experiment)


def _run_demo(arguments: argparse.Namespace) -> int:
    if arguments.demo_command == "build":
        from harness.demo.build import build

        build(arguments.out, arguments.seed)
        return 0
    if arguments.demo_command == "experiment":
        from harness.commands.demo_experiment import run

        return run(arguments, publish=_publish_experiment)
    from harness.demo.data import demo_data_folder

    print(demo_data_folder(arguments.out))
    return 0


def _publish_experiment(runs: Path, baseline: str, pages: Path) -> None:
    from leaderboards.build import BoardConfig, build_board
    from leaderboards.publish import PublishConfig, publish_board

    board = build_board(BoardConfig(runs=[runs], baseline=baseline, references=[], title="Demo experiment"))
    for line in publish_board(board, PublishConfig(pages=pages)):
        print(line)


_Command = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]
_COMMANDS: Final[dict[str, _Command]] = {
    "eval": ("score a checkpoint and write a run", _eval_arguments, _run_eval),
    "score": ("score recorded responses, no model needed", _score_arguments, _run_score),
    "diagnose": ("say why a run went wrong where it did", _diagnose_arguments, _run_diagnose),
    "compare": ("paired comparison of two runs", _compare_arguments, _run_compare),
    "train": ("train a checkpoint from a recipe, and evaluate it", _train_arguments, _run_train),
    "select": ("choose training data by reward variance", _select_arguments, _run_select),
    "data": ("convert and check training data", _data_arguments, _run_data),
    "leaderboard": ("comparison tables and pages from runs", _leaderboard_arguments, _run_leaderboard),
    "tasks": ("list the tasks", _tasks_arguments, _run_tasks),
    "doctor": ("check what this machine has and lacks", _doctor_arguments, _run_doctor),
    "demo": ("the demo world: its data and its checkpoint", _demo_arguments, _run_demo),
}


def make_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The argument parser of the `harness` command; only the command that `argv` names has its arguments."""
    parser = _Parser(
        prog="harness",
        description="Evaluation and hallucination benchmarks for multimodal LLMs.",
        epilog="Exit codes: 0 done, 1 samples failed, 2 a mistake in what was asked, 3 a fault of the program.",
    )
    parser.add_argument("--version", action="version", version=f"harness {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (help_text, add_arguments, run) in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        if name in argv:  # The others would import their rooms for nothing.
            add_arguments(command)
        command.set_defaults(run=run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; the only place that catches `HarnessError`."""
    try:
        if isinstance(sys.stdout, TextIOWrapper):  # A name in the data may hold what no terminal can show.
            sys.stdout.reconfigure(errors="backslashreplace")
        argv = sys.argv[1:] if argv is None else argv
        parser = make_parser(argv)
        arguments, rest = parser.parse_known_args(argv)
        # argparse loses sight of a list of settings that goes on behind an option.
        if rest and hasattr(arguments, "overrides") and all("=" in text and text[0] != "-" for text in rest):
            arguments.overrides += rest
        elif rest:
            raise UsageError(f"unrecognized arguments: {' '.join(rest)}. See 'harness {arguments.command} --help'.")
        if arguments.command is None:
            parser.print_help()
            return 0
        code: int = arguments.run(arguments)
        return code
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: finished samples are stored; run the same command to go on.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # The reader of a pipe, such as `head`, has seen enough.
        sys.stderr.close()
        return 0
    except Exception:
        traceback.print_exc()
        print("error: this is a fault of the program, not of what was asked; please report it.", file=sys.stderr)
        return _FAULT


if __name__ == "__main__":
    sys.exit(main())
