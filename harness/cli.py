"""The command line: a table of commands. Each command's module is imported when it is called."""

from __future__ import annotations

import argparse
import difflib
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, NoReturn

from harness import __version__
from harness.commands.habits import explain_unknown, with_hyphens
from harness.core.collecting import do_not_collect_yet
from harness.core.console import show
from harness.core.errors import INTERRUPTED, EndedError, HarnessError, UsageError
from harness.core.files import to_path
from harness.core.secrets import hide_credentials, redact
from harness.evaluation.interrupts import end_on_ctrl_c, tell_interrupted

_FAULT: Final = 3


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument in the same form as every other mistake of the user, and finds `~` in every path."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.register("type", Path, to_path)  # Of --out=~/x and of a file's `out: ~/x` no shell makes a path.

    def error(self, message: str) -> Any:
        raise UsageError(f"{message}. See '{self.prog} --help'.")


COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "eval": ("harness.commands.eval", "score a checkpoint and write a run"),
    "score": ("harness.commands.score", "score recorded responses, no model needed"),
    "diagnose": ("harness.commands.diagnose", "say why a run went wrong where it did"),
    "compare": ("harness.commands.compare", "paired comparison of two runs"),
    "power": ("harness.commands.power", "how many samples show a difference"),
    "train": ("harness.commands.train", "train a checkpoint from a recipe, and evaluate it"),
    "select": ("harness.commands.select", "choose training data by reward variance"),
    "data": ("harness.commands.data", "convert and check training data"),
    "merge": ("harness.commands.merge", "make a checkpoint of an adapter and its base model"),
    "runs": ("harness.commands.runs", "list run folders, show one, or delete some"),
    "publish": ("harness.commands.publish", "put a run on the hub, or into a tracker of experiments"),
    "leaderboard": ("harness.commands.leaderboard", "comparison tables and pages from runs"),
    "tasks": ("harness.commands.tasks", "list the tasks"),
    "doctor": ("harness.commands.doctor", "check what this machine has and lacks"),
    "demo": ("harness.commands.demo", "the demo world: its data and its checkpoint"),
}
"""Command to its module, which has `add_arguments(parser)` and `run(arguments)`, and what it does.

A module may have `expand(argv)`, which gives the arguments that stand for some others.
"""
_COMPLETION: Final = "--print-completion"
_ALONE: Final = ("-h", "--help", "--version", _COMPLETION)
"""Options without a command."""


def make_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The argument parser of the `harness` command; only the command that `argv` names has its arguments."""
    parser = _Parser(
        prog="harness",
        description="Evaluation and hallucination benchmarks for multimodal LLMs.",
        epilog="Exit codes: 0 done, 1 done, but samples failed or something was left out, 2 a mistake in what was "
        "asked, or a server that cannot be used, 3 a fault of the program, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"harness {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (module, help_text) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        if name in argv or _COMPLETION in argv:  # The others would import their rooms for nothing.
            room = import_module(module)
            room.add_arguments(command)
            command.set_defaults(run=room.run, parser=command)
    if _COMPLETION in argv:
        import shtab

        shtab.add_argument_to(parser, [_COMPLETION])
    else:
        parser.add_argument(_COMPLETION, metavar="SHELL", help="print a completion script for bash, zsh, tcsh or fish")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; the only place that catches `HarnessError`."""
    try:
        if isinstance(sys.stdout, TextIOWrapper):  # A name in the data may hold what no terminal can show.
            sys.stdout.reconfigure(errors="backslashreplace")
        argv = [with_hyphens(argument) for argument in (sys.argv[1:] if argv is None else argv)]
        if argv and argv[0].partition("=")[0] not in _ALONE:
            if argv[0][:1] == "-":
                raise UsageError(f"{argv[0]} stands before a command. Type it behind one: 'harness COMMAND {argv[0]}'.")
            if argv[0] not in COMMANDS:
                near = difflib.get_close_matches(argv[0], COMMANDS, n=1)
                what = f"did you mean {near[0]}?" if near else f"choose one of: {', '.join(COMMANDS)}."
                raise UsageError(f"there is no command {argv[0]!r}: {what} See 'harness --help'.")
            expand = getattr(import_module(COMMANDS[argv[0]][0]), "expand", list)
            argv = [argv[0], *expand(argv[1:])]
        parser = make_parser(argv)
        arguments, rest = parser.parse_known_args(argv)
        # argparse loses sight of a list of settings that goes on behind an option.
        if rest and hasattr(arguments, "overrides") and all("=" in text and text[0] != "-" for text in rest):
            arguments.overrides += rest
        elif rest:
            told = explain_unknown(getattr(arguments, "parser", parser), rest)
            raise UsageError(f"{told}. See 'harness {arguments.command or ''} --help'.")
        if arguments.command is None:
            parser.print_help()
            return 0
        code: int = arguments.run(arguments)
        return code
    except HarnessError as error:
        show(f"error: {redact(hide_credentials(str(error)))}", file=sys.stderr)
        return error.exit_code
    except EndedError:
        show("ended from outside: what was finished is stored; the same command goes on.", file=sys.stderr)
        return 0
    except KeyboardInterrupt:
        tell_interrupted()
        return INTERRUPTED
    except BrokenPipeError:  # The reader of a pipe, such as `head`, has seen enough.
        sys.stderr.close()
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            show(f"error: {redact(str(error.filename))!r} is too long for the name of a file.", file=sys.stderr)
            return UsageError.exit_code
        show(redact(hide_credentials(traceback.format_exc())), end="", file=sys.stderr)
        show("error: this is a fault of the program, not of what was asked; please report it.", file=sys.stderr)
        return _FAULT


def run() -> NoReturn:
    """The command as a process of its own, which Ctrl-C ends within two seconds whatever its threads are doing."""
    end_on_ctrl_c()
    do_not_collect_yet(*sys.argv[1:2])
    try:
        code = main()
    except KeyboardInterrupt:  # While something else was being said.
        code = INTERRUPTED
    if code == INTERRUPTED:  # All is closed; threads that do not end, and the libraries' own end, take their time.
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
