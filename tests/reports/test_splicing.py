"""A block between the markers of a document: nothing else in the file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.reports.splicing import markers, splice, update_document

START, END = markers("x")


def test_only_what_is_between_the_markers_changes() -> None:
    text = f"# T\n\n{START}\nold\n{END}\n\nrest\n"
    assert splice(text, "new\n\nlines\n", "x", "R") == f"# T\n\n{START}\n\nnew\n\nlines\n\n{END}\n\nrest\n"


def test_splicing_twice_is_splicing_once() -> None:
    once = splice(f"{START}\n{END}", "a\n", "x", "R")
    assert splice(once, "a\n", "x", "R") == once


def test_line_ends_stay() -> None:
    spliced = splice(f"# T\r\n{START}\r\n{END}\r\nrest\r\n", "a\nb\n", "x", "R")
    assert spliced == f"# T\r\n{START}\r\n\r\na\r\nb\r\n\r\n{END}\r\nrest\r\n"


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_markers_in_code_do_not_count(fence: str) -> None:
    code = f"{fence}\n{START}\n{END}\n{fence}\n"
    assert splice(f"{code}{START}\n{END}\n{code}", "a", "x", "R") == f"{code}{START}\n\na\n\n{END}\n{code}"
    with pytest.raises(UsageError, match="no place"):
        splice(code, "a", "x", "R")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# T\n", "Put the two lines"),
        (f"text {START} text {END}", "Put the two lines"),
        (f"{START}\n", "it has 1 and 0"),
        (f"{END}\n{START}\n", "in the wrong order"),
        (f"{START}\n{END}\n{START}\n{END}\n", "it has 2 and 2"),
    ],
)
def test_a_readme_without_a_place_is_refused_with_instructions(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        splice(text, "a", "x", "README.md")


def test_readme_is_updated_once(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(f"é\r\n{START}\r\n{END}\r\n".encode())
    block = "a\n\nb\n"
    assert update_document(path, block, "x", "--readme")
    stamp = path.stat().st_mtime_ns
    assert not update_document(path, block, "x", "--readme")
    assert path.stat().st_mtime_ns == stamp
    assert path.read_bytes().startswith("é\r\n".encode())


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_readme_is_the_users_mistake(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "README.md").write_bytes(content)
    with pytest.raises(UsageError, match="--readme"):
        update_document(tmp_path / "README.md", "a", "x", "--readme")
