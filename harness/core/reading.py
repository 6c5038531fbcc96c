"""Reading files that may be anybody's: whatever they hold, the worst is a `ValueError` that says what is wrong.

A run of others, a checkpoint's configuration, a recipe: each kind of file has one function, which calls these and says
which file it is and what to do. Only the standard library is imported at the top.
"""

from __future__ import annotations

import codecs
import errno
import json
import math
import stat
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

_T = TypeVar("_T")

MAX_BYTES: Final = 1 << 30
"""Of a file that is read at once."""
_MAX_DEPTH: Final = 60
"""Lists and objects within each other: far from where recursion ends."""
_MAX_NODES: Final = 1_000_000
"""Values in a YAML, those that aliases repeat counted each time."""
_MAX_INT: Final = 1 << 63
_SHOWN: Final = 60
"""Characters of a value that an error quotes."""
_PARTS: Final = 8
"""Names of a place that it tells."""
_SAID: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "unexpected_keyword_argument": "is no field of it",
    "string_type": "expected a text",
    "int_type": "expected a whole number",
    "float_type": "expected a finite number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "dataclass_type": "expected an object",
    "mapping_type": "expected an object",
    "dict_type": "expected an object",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "sequence_type": "expected a list",
}
"""Of pydantic's kinds of errors, in words for a file's owner."""


def read_text(path: Path, *, encoding: str = "utf-8", most_bytes: int = MAX_BYTES) -> str:
    """The text of a regular file.

    Raises:
        OSError, ValueError: it cannot be read, is a folder, a pipe or a device, too large, or in another encoding.
    """
    check_regular(path)
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"more than {most_bytes >> 20} MiB")
    return data.decode(encoding)


def check_regular(path: Path) -> None:
    """Refuse a folder, a pipe, which would be waited for, and a device, which never ends.

    Raises:
        OSError: it is not there, or one of these.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "no regular file, but a folder, a pipe or a device", str(path))


def parse_json(text: str | bytes) -> Any:
    """JSON; see `check_plain` for what its values may be.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:  # Bytes are decoded here: json would take some for UTF-16.
        return json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def check_plain(value: Any) -> None:
    """Refuse what sums overflow on, other JSON cannot say, or recursion would not come to an end of.

    Raises:
        ValueError: a number that is not finite or beyond 64 bits, or nested too deeply. Says where.
    """
    if not _is_plain(value):
        _check_plain(value, ())


def _is_plain(value: Any) -> bool:
    """Whether there is surely nothing to refuse, without saying where: in a fifth of the time."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        within: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                within.extend(item.values())
            elif kind is list:
                within.extend(item)
            elif kind is float or kind is int:
                if not -_MAX_INT < item < _MAX_INT:
                    return False
            elif kind is not str and kind is not bool and item is not None:
                return False
        if not within:
            return True
        level = within
    return False


def check_depth(value: Any) -> None:
    """Refuse what recursion would not come to an end of.

    Raises:
        ValueError: nested too deeply.
    """
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            item
            for holder in level
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return
    raise ValueError("nested too deeply")


def _check_plain(value: Any, place: tuple[Any, ...]) -> None:
    if isinstance(value, dict | list):
        if len(place) >= _MAX_DEPTH:
            raise ValueError(f"{_named(place)} is nested too deeply")
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _check_plain(item, (*place, key))
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{_named(place)} is {value}, expected a finite number")
    elif isinstance(value, int) and abs(value) >= _MAX_INT:
        raise ValueError(f"{_named(place)} is a number of too many digits, expected one of at most 64 bits")


def _named(place: Sequence[Any]) -> str:
    return ".".join(map(str, place[-_PARTS:])) or "it"


def parse_yaml(text: str | bytes, loader: Any = None, *, unique: bool = False) -> Any:
    """YAML, unless its aliases make it endless or more than a memory holds.

    Args:
        text: of the file.
        loader: a safe loader of PyYAML; `None`: its own.
        unique: refuse a key that is there twice, of which PyYAML takes the last.

    Raises:
        ValueError: it is not YAML, nested too deeply, or repeats itself without an end.
    """
    import yaml

    reader = None
    try:
        reader = (loader or yaml.SafeLoader)(text)
        node = reader.get_single_node()
        if node is None:
            return None
        _count_nodes(node, {}, 0)
        if unique:
            _refuse_repeated(node)
        return reader.construct_document(node)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except Exception as error:  # PyYAML's constructors stumble over what is none of theirs, such as `!!bool maybe`.
        raise ValueError(" ".join(str(error).split())) from error
    finally:
        if reader is not None:
            reader.dispose()


def _refuse_repeated(node: Any) -> None:
    pairs = [child for child in node.value if isinstance(child, tuple)] if isinstance(node.value, list) else []
    names = [key.value for key, _ in pairs if isinstance(key.value, str)]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is there twice")
    for _, value in pairs:
        _refuse_repeated(value)


def _count_nodes(node: Any, counted: dict[int, int], depth: int) -> int:
    """How many values a node of YAML stands for, each alias for all that it repeats."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply, or in itself")
    if id(node) not in counted:
        children = node.value if isinstance(node.value, list) else []
        parts = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
        counted[id(node)] = 1 + sum(_count_nodes(part, counted, depth + 1) for part in parts)
    if counted[id(node)] > _MAX_NODES:
        raise ValueError(f"its aliases make more than {_MAX_NODES:,} values")
    return counted[id(node)]


def decode(kind: type[_T], value: Any) -> _T:
    """A value of JSON as a dataclass, with every field of the type that the class says.

    Args:
        kind: a dataclass of texts, numbers, literals, mappings by text, sequences, `None` and further dataclasses.
        value: as the JSON has it; half of a character becomes a question mark.

    Raises:
        ValueError: a field is missing, unknown, or of another type; a number is not finite. Says which field.
    """
    check_plain(value)
    return _decode(kind, json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def decode_json(kind: type[_T], text: bytes) -> _T:
    """The same from JSON itself, several times as fast; a whole number may have any length.

    Args:
        kind: as of `decode`, without a field of any type.
        text: one value.

    Raises:
        ValueError: it is not JSON, or not of this kind; see `decode`.
    """
    halves = b"\\ud" in text or b"\\uD" in text  # Or whole characters in two escapes, of which few write one.
    return decode(kind, parse_json(text)) if halves else _decode(kind, text.removeprefix(codecs.BOM_UTF8))


def _decode(kind: type[_T], text: bytes) -> _T:
    from pydantic import ValidationError

    try:
        decoded: _T = _adapter(cast("Any", kind)).validate_json(b"[%s]" % text)[0]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise ValueError(first["msg"]) from None
        place = _named(first["loc"][1:])
        said = _SAID.get(first["type"]) or first["msg"]
        if first["type"] == "literal_error":
            said = f"expected {first['ctx']['expected']}"
        what = said if said.startswith("is ") else f"is {_cut(first['input'])}, {said}"
        raise ValueError(f"{place} {what}") from None
    return decoded


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    # Dataclasses take the configuration of what holds them; a type that is one itself takes none from here.
    return TypeAdapter(tuple[kind], config=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))


def _cut(value: Any) -> str:
    text = "a number of too many digits" if type(value) is int and abs(value) >= _MAX_INT else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
