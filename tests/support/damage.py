"""Damage to the files of a run, from a seed: what disks, editors and other programs leave behind."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

DEEP: Final = "[" * 10_000 + "]" * 10_000
_VALUES: Final = (
    None,
    True,
    -1,
    0,
    1.5,
    10**30,
    10**400,
    float("nan"),
    float("inf"),
    -float("inf"),
    "",
    "words",
    "\ud800",
    "\x1b[31m\u202e",
    [],
    {},
    [[]],
    [None],
    {"a": None},
    ["words"],
)


def damage(path: Path, rng: random.Random) -> str:
    """Damage a file in one way, and say in which."""
    data = path.read_bytes()
    if rng.random() < 0.3 or not data:
        return _break_bytes(path, data, rng)
    if path.suffix == ".jsonl":
        lines = data.decode().splitlines()
        place = rng.randrange(len(lines))
        lines[place], what = _break_json(json.loads(lines[place]), rng)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"{path.name}:{place + 1}: {what}"
    text, what = _break_json(json.loads(data), rng)
    path.write_text(text, encoding="utf-8")
    return f"{path.name}: {what}"


def _break_bytes(path: Path, data: bytes, rng: random.Random) -> str:
    kind = rng.choice(["cut", "flip", "empty", "noise", "deep", "nul", "number", "gone", "folder", "array"])
    at = rng.randrange(len(data)) if data else 0
    if kind == "cut":
        path.write_bytes(data[:at])
    elif kind == "flip":
        changed = bytearray(data or b"x")
        changed[at] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
    elif kind in ("gone", "folder"):
        path.unlink()
        if kind == "folder":
            path.mkdir()
    else:
        texts = {
            "empty": b"",
            "noise": rng.randbytes(200),
            "deep": DEEP.encode(),
            "nul": bytes(64),
            "number": b"9" * 5000,
            "array": b"[1, 2]\n",
        }
        path.write_bytes(texts[kind])
    return f"{path.name}: {kind} at {at}"


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value[:20]):
            yield from _places(item, (*path, place))


def _break_json(value: Any, rng: random.Random) -> tuple[str, str]:
    path = rng.choice(list(_places(value)))
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    kind = rng.choice(["drop", "value", "value", "value", "rename", "deep", "wrap", "text"])
    before = holder[path[-1]]
    mark = "@@deep@@"
    if kind == "drop" or (kind == "rename" and isinstance(holder, list)):
        del holder[path[-1]]
    elif kind == "rename":
        holder[f"{path[-1]}2"] = holder.pop(path[-1])
    elif kind == "value":
        holder[path[-1]] = rng.choice(_VALUES)
    elif kind == "deep":
        holder[path[-1]] = mark
    else:
        holder[path[-1]] = [before] if kind == "wrap" else str(before)
    depth = rng.choice([70, 900, 20_000])
    text = json.dumps(value).replace(json.dumps(mark), "[" * depth + "]" * depth)
    shown = "" if kind in ("drop", "rename", "deep") else f" to {holder[path[-1]]!r}"[:60]
    return text, f"{kind} {'.'.join(map(str, path))}{shown}"
