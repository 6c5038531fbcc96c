"""The page of the commands, cli.md, from the parsers themselves.

python docs/cli.py            write it
python docs/cli.py --check    fail where it says something else than the parsers
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.cli import COMMANDS, make_parser

PAGE = Path(__file__).with_suffix(".md")


def page() -> str:
    """The page."""
    lines = ["# Commands", "", "As `harness COMMAND --help` prints it; `python docs/cli.py` writes this page."]
    parser = make_parser(list(COMMANDS))
    for name, command, does in _subcommands(parser):
        lines += ["", f"## {name}", "", *_of(command, does)]
    return "\n".join(lines) + "\n"


def _of(parser: argparse.ArgumentParser, does: str) -> Iterator[str]:
    yield parser.description or f"{does[0].upper()}{does[1:]}."
    if parser.usage:
        yield from ("", f"`{parser.usage}`")
    rows = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    rows = [action for action in rows if action.help != argparse.SUPPRESS and action.dest != "help"]
    if rows:
        yield from ("", "| argument | what |", "|---|---|")
    for action in rows:
        value = action.metavar or (action.choices and "\\|".join(map(str, action.choices))) or action.dest.upper()
        value = " ".join(value) if isinstance(value, tuple) else str(value).replace("|", "\\|").replace("\\\\|", "\\|")
        named = ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")
        words = (action.help or "").replace("|", "\\|").replace("<", "&lt;")
        yield f"| `{(named if action.option_strings else value).strip()}` | {words} |"
    for name, command, what in _subcommands(parser):
        yield from ("", f"### {parser.prog.split()[-1]} {name}", "", *_of(command, what))


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """The commands of a parser, each with its name and what it does."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from ((of.dest, action.choices[of.dest], of.help or "") for of in action._choices_actions)


def main() -> None:
    """Write or check the page."""
    text = page()
    if sys.argv[1:] == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            sys.exit("docs/cli.md says something else than the parsers: run 'python docs/cli.py'.")
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
