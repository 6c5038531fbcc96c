"""What files of others can hold at worst is a `ValueError` in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.core.reading import check_plain, decode, decode_json, parse_json, parse_yaml, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    kind: Literal["a", "b"]
    values: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    name: str
    count: int
    inner: Mapping[str, Inner]
    flags: Sequence[bool] = ()
    said: str | int | float | None = None
    anything: Mapping[str, Any] = field(default_factory=dict)


GOOD: dict[str, Any] = {"name": "n", "count": 3, "inner": {"x": {"kind": "a", "values": [1, 2.5]}}, "flags": [True]}


def test_a_value_becomes_a_dataclass() -> None:
    assert decode(Outer, GOOD) == Outer(
        name="n", count=3, inner={"x": Inner(kind="a", values=(1, 2.5))}, flags=[True], said=None
    )
    assert decode(Outer, GOOD | {"said": 1.5}).said == 1.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": None}, "name is None, expected a text"),
        ({"count": True}, "count is True, expected a whole number"),
        ({"count": 1.0}, "count is 1.0, expected a whole number"),
        ({"count": 10**5000}, "count is a number of too many digits"),
        ({"inner": []}, r"inner is \[\], expected an object"),
        ({"inner": {"x": {"kind": "c"}}}, "inner.x.kind is 'c', expected 'a' or 'b'"),
        ({"inner": {"x": {"kind": ["a"]}}}, "inner.x.kind is"),
        ({"inner": {"x": {}}}, "inner.x.kind is missing"),
        ({"inner": {"x": {"kind": "a", "values": [0, float("nan")]}}}, "inner.x.values.1 is nan, expected a finite"),
        ({"flags": "yes"}, "flags is 'yes', expected a list"),
        ({"flags": [1]}, "flags.0 is 1, expected true or false"),
        ({"said": []}, r"said.str is \[\], expected a text"),
        ({"more": 1}, "more is no field of it"),
        ({"anything": {"a": [float("inf")]}}, "anything.a.0 is inf"),
    ],
)
def test_another_type_is_named_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode(Outer, GOOD | change)


def test_json_that_is_too_deep_is_refused() -> None:
    for depth in (900, 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            check_plain(parse_json("[" * depth + "]" * depth))
    check_plain(parse_json("[" * 50 + "]" * 50))


ALIASES = "\n".join(["a0: &a0 [x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [*a]", "in itself"),
        ("a: &a\n  <<: *a\n  b: 1", "in itself"),
        (ALIASES, "aliases"),
        ("[" * 10_000, "nested too deeply"),
        ("a: [1", "while parsing"),
        ("? [a]\n: b", "unhashable"),
        ("a: 2026-99-99", "month"),
        ("a: !!bool maybe", "maybe"),
        ("a: !!timestamp x", "groupdict"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: " + "9" * 5000, "digits"),
        ("\x00", "unacceptable character"),
    ],
)
def test_yaml_that_is_none_or_endless_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_yaml(text)


def test_a_key_that_is_there_twice_is_refused_where_that_matters() -> None:
    text = "a: 1\nb: {c: 1, c: 2}"
    assert parse_yaml(text) == {"a": 1, "b": {"c": 2}}
    with pytest.raises(ValueError, match="'c' is there twice"):
        parse_yaml(text, unique=True)
    assert parse_yaml("a: &a {b: 1}\nc: {<<: *a, b: 2}", unique=True)["c"] == {"b": 2}


def test_anchors_are_yaml() -> None:
    assert parse_yaml("a: &a {b: 1}\nc: *a\nd:\n  <<: *a\n  e: 2") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": {"b": 1, "e": 2},
    }
    assert parse_yaml("") is None


def test_only_regular_files_of_a_bearable_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="no regular file"):
            read_text(path)
    (tmp_path / "large").write_text("x" * 101)
    with pytest.raises(ValueError, match="more than"):
        read_text(tmp_path / "large", most_bytes=100)


def test_json_is_read_like_its_value() -> None:
    text = json.dumps(GOOD)
    assert decode_json(Outer, b"\xef\xbb\xbf" + text.encode()) == decode(Outer, GOOD)
    assert decode_json(Outer, text.replace('"n"', '"\\ud83d\\ude00 \\ud83d 12345678901234567890"').encode()).name == (
        "😀 ? 12345678901234567890"
    )
    for bad in ("", "{}, {}", text[:-1], text.replace("2.5", "1e400")):
        with pytest.raises(ValueError, match=r"is|expected|Invalid|line"):
            decode_json(Outer, bad.encode())
