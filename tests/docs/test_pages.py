"""The README and the pages in docs speak of what is there: names, files, links, commands and their options."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.answers.statements import read_statement
from harness.cli import main
from harness.demo.experiment.report import board_rows
from harness.reports.splicing import markers
from leaderboards.markdown import BLOCK, count_shown

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in (
        *("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"),
        *("tasks/README.md", "examples/*/README.md", "leaderboards/demo/README.md"),
    )
    for path in sorted(ROOT.glob(pattern))
}
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def found(pattern: str) -> Iterator[tuple[str, str]]:
    """What a pattern finds in the pages, each with its page."""
    for page, text in PAGES.items():
        yield from ((page, match) for match in re.findall(pattern, text))


@cache
def defined(path: Path) -> set[str]:
    """Names that a module defines or imports, and those in its classes."""
    names: set[str] = set()

    def add(body: list[ast.stmt], prefix: str = "") -> None:
        for node in body:
            match node:
                case ast.ClassDef():
                    names.add(prefix + node.name)
                    add(node.body, f"{node.name}.")
                case ast.FunctionDef():
                    names.add(prefix + node.name)
                case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                    names.add(prefix + name)
                case ast.If():
                    add(node.body, prefix)
                case ast.ImportFrom():
                    names.update(alias.asname or alias.name for alias in node.names)

    add(ast.parse(path.read_text(encoding="utf-8")).body)
    return names


def module_file(dotted: str) -> Path | None:
    path = ROOT / dotted.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, _, name = dotted.rpartition(".")
    path = module_file(module)
    return module_file(dotted) is not None or (path is not None and name in defined(path))


def test_functions_that_are_named_exist() -> None:
    named = [(page, *name.split(":")) for page, name in found(r"`([\w/]+\.py:[\w.]+)`")]
    assert len(named) > 30
    assert [name for name in named if not ((path := ROOT / name[1]).exists() and name[2] in defined(path))] == []


def test_modules_that_are_named_exist() -> None:
    named = {name for _, name in found(r"`((?:harness|trainers|leaderboards)\.[\w.]+)`")} - {"harness.json"}
    assert len(named) > 3
    assert [name for name in named if not exists(name)] == []


def test_files_that_are_named_exist() -> None:
    folders = "harness|trainers|leaderboards|tasks|benchmarks|docs|tests"
    named = {
        path.rstrip(".")
        for _, path in found(rf"(?<![\w/.-])((?:{folders})/[\w./*-]*)")
        if "NAME" not in path and "ROOM" not in path
    }
    assert len(named) > 50
    assert [path for path in named if not list(ROOT.glob(path))] == []


def test_links_lead_somewhere() -> None:
    for page, link in found(r"\]\((?!http)([^)\s]+)\)"):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            titles = re.findall(r"(?m)^#+ (.*)$", target.read_text(encoding="utf-8"))
            anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
            assert anchor in anchors, f"{page}: {link}"


def shown_commands() -> Iterator[tuple[str, list[str]]]:
    """The words of each command of ours in a code block or between backticks, and of what is said of it there."""
    for page, text in PAGES.items():
        blocks = "".join(FENCED.findall(text)).replace("\\\n", " ")
        lines = re.findall(r"(?m)^ *harness (\S.*)$|-m harness (\S.*)$", blocks)
        spans = re.findall(r"(?<!`)`harness ([^`]+)`", FENCED.sub("", text))
        for shown in [*("".join(line) for line in lines), *spans]:
            yield page, shown.split()


def test_commands_that_are_shown_exist(capsys: pytest.CaptureFixture[str]) -> None:
    helps: dict[tuple[str, ...], str] = {}

    def help_of(*command: str) -> str:
        if command not in helps:
            with pytest.raises(SystemExit) as left:
                main([*command, "--help"])
            assert left.value.code == 0
            helps[command] = capsys.readouterr().out
        return helps[command]

    shown = list(shown_commands())
    assert len(shown) > 60
    for page, (command, *words) in shown:
        if command.isupper():  # Stands for any of them.
            continue
        usage = help_of(command)
        if words and " COMMAND ..." in usage and not words[0].startswith(("-", "#")):
            usage = help_of(command, words[0])
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(words)):
            assert re.search(rf"{option}(?![\w-])", usage), f"{page}: harness {command} {' '.join(words)}"


def test_there_is_no_dog_means_no_where_the_page_says_so() -> None:
    found = [read_statement([said], "Is there a dog?").answer for said in ("There is no dog.", "There is a dog.")]
    assert found == ["no", "yes"]


def test_what_the_benchmarks_import_exists() -> None:
    imported = [
        f"{node.module}.{alias.name}"
        for script in ROOT.glob("benchmarks/*.py")
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("harness.", "trainers."))
        for alias in node.names
    ]
    assert len(imported) > 20
    assert [name for name in imported if not exists(name)] == []


def test_the_readmes_leaderboard_is_taken_in_within_ten_seconds() -> None:
    start, end = markers(BLOCK)
    words, numbers = count_shown(PAGES["README.md"].partition(start)[2].partition(end)[0])
    assert (20 < words < 150, 10 < numbers < 60) == (True, True), (words, numbers)


def test_every_row_of_the_demos_leaderboard_has_reports() -> None:
    demo = ROOT / "leaderboards" / "demo"
    reports = {path.parent.name for path in demo.glob("runs/*/report.html")}
    assert reports == {f"{row}-seed-{seed}" for row, of in board_rows(demo / "experiment").items() for seed in of}
    assert sum(path.stat().st_size for path in demo.rglob("*") if path.is_file()) < 9_000_000
