"""What the harness prints: names, paths and responses are others' texts, and a terminal obeys what stands in them."""

from __future__ import annotations

import json
from typing import Any, TextIO


def clean(text: str) -> str:
    """The text, as long as it was, without what a terminal obeys or a reader cannot see; its lines stay."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter == "\n" or letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in text
    )


def show(text: str, *, file: TextIO | None = None, end: str = "\n", flush: bool = False) -> None:
    """Print a text, cleaned; to standard output unless told otherwise."""
    print(clean(text), file=file, end=end, flush=flush)


def to_json(value: Any) -> str:
    """Indented JSON in which all that cannot be seen is escaped, so that `show` prints it as it is."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if clean(text) == text:
        return text
    return "".join(letter if letter == "\n" or letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)
