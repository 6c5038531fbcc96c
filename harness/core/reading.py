"""Reading files that may be anybody's: whatever they hold, the worst is a `ValueError` that says what is wrong.

A run of others, a checkpoint's configuration, a recipe: each kind of file has one function, which calls these and says
which file it is and what to do. Only the standard library is imported at the top.
"""

from __future__ import annotations

import errno
import json
import math
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

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
    try:
        _check_plain(value, 0)
    except _WrongError as error:
        raise error.told() from error


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


def _check_plain(value: Any, depth: int) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise _wrong(value, "a finite number")
    if isinstance(value, int) and abs(value) >= _MAX_INT:
        raise _wrong(value, "one of at most 64 bits")
    if not isinstance(value, dict | list):
        return
    if depth >= _MAX_DEPTH:
        raise _WrongError("is nested too deeply")
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        try:
            _check_plain(item, depth + 1)
        except _WrongError as error:
            error.path.append(str(key))
            raise


def parse_yaml(text: str | bytes, loader: Any = None) -> Any:
    """YAML, unless its aliases make it endless or more than a memory holds.

    Args:
        text: of the file.
        loader: a safe loader of PyYAML; `None`: its own.

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
        return reader.construct_document(node)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except Exception as error:  # PyYAML's constructors stumble over what is none of theirs, such as `!!bool maybe`.
        raise ValueError(" ".join(str(error).split())) from error
    finally:
        if reader is not None:
            reader.dispose()


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
        value: as the JSON has it.

    Raises:
        ValueError: a field is missing, unknown, or of another type; a number is not finite. Says which field.
    """
    try:
        decoded: _T = _reader(cast(Any, kind))(value)
    except _WrongError as error:
        raise error.told() from error
    return decoded


_Reader = Callable[[Any], Any]


class _WrongError(ValueError):
    """A value is not what it should be; those who hold it add their names, the innermost first."""

    def __init__(self, says: str, *path: str) -> None:
        super().__init__(says)
        self.path = list(path)

    def told(self) -> ValueError:
        """The error with the whole name of the place, of which the last parts are shown."""
        return ValueError(f"{'.'.join(self.path[:_PARTS][::-1]) or 'it'} {self}")


def _wrong(value: Any, expected: str) -> _WrongError:
    text = "a number of too many digits" if type(value) is int and abs(value) >= _MAX_INT else repr(value)
    return _WrongError(f"is {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}, expected {expected}")


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _wrong(value, "a text")


def _read_int(value: Any) -> int:
    if type(value) is int and -_MAX_INT <= value < _MAX_INT:
        return value
    raise _wrong(value, "a whole number")


def _read_float(value: Any) -> float:
    if (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < _MAX_INT):
        return value
    raise _wrong(value, "a finite number")


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(value, "true or false")


def _read_any(value: Any) -> Any:
    _check_plain(value, 0)
    return value


_LEAVES: Final[Mapping[Any, _Reader]] = {
    str: _read_text,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
    Any: _read_any,
}


@cache
def _reader(kind: Any) -> _Reader:
    """The function that reads values of a type."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _union_reader(parts)
    if origin is Literal:
        return _literal_reader(parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_reader(_reader(parts[1]))
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _sequence_reader(_reader(parts[0]), tuple if origin is tuple else list)
    raise TypeError(f"{kind} is no type of JSON")


def _dataclass_reader(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, "an object")
        read: dict[str, Any] = {}
        name = ""
        try:
            for name, item in value.items():
                read[name] = readers[name](item)
        except KeyError as error:
            raise _WrongError("is no field of it", name) from error
        except _WrongError as error:
            error.path.append(name)
            raise
        for name in needed:
            if name not in read:
                raise _WrongError("is missing", name)
        return kind(**read)

    return read


def _union_reader(parts: Sequence[Any]) -> _Reader:
    *others, last = (_reader(part) for part in parts if part is not NoneType)
    may_be_none = NoneType in parts

    def read(value: Any) -> Any:
        if value is None and may_be_none:
            return None
        for reader in others:
            try:
                return reader(value)
            except _WrongError:
                continue
        return last(value)

    return read


def _literal_reader(known: Sequence[Any]) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) in (str, int) and value in known:
            return value
        raise _wrong(value, f"one of {', '.join(map(str, known))}")

    return read


def _mapping_reader(reader: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, "an object")
        read: dict[str, Any] = {}
        key = ""
        try:
            for key, item in value.items():
                read[key] = reader(item)
        except _WrongError as error:
            error.path.append(key)
            raise
        return read

    return read


def _sequence_reader(reader: _Reader, kind: type) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise _wrong(value, "a list")
        read: list[Any] = []
        try:
            for item in value:
                read.append(reader(item))
        except _WrongError as error:
            error.path.append(str(len(read)))
            raise
        return kind(read)

    return read
