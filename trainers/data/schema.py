"""The schema of training data, a JSON object a line (`SCHEMA` describes it), and reading it strictly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final, get_args

from harness.core.errors import DataError
from harness.core.types import AnswerKind, Media, MediaKind, Sample

TASK: Final = "train"
"""The task that training samples belong to."""

SCHEMA: Final = """\
training data, one JSON object a line:
  {"id": "17/3", "media": ["images/17.png"], "question": "Is there a dog?", "answer": "no", "answer_kind": "yes_no"}

  id           text or a whole number, unique in the file
  media        optional: a list, in the order in which they precede the question, of paths or of
               {"kind": "video", "path": ...}; without "kind" the file name tells image or video; relative to the
               file's folder, or to the media root
  question     the question alone, without options and without instructions
  choices      for the answer kind "choice": option texts by letter, or a list of texts, which get A, B, C, ...
  answer       yes or no, an option's letter, or text; a number may be written as one
  answer_kind  yes_no, choice or open
  response     for supervised fine-tuning: the whole response to learn, with its sections

Other fields are ignored."""
"""What `harness data --help` prints of the schema."""

_KINDS: Final[tuple[AnswerKind, ...]] = get_args(AnswerKind)
_VIDEO_SUFFIXES: Final = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".gif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row of training data.

    Attributes:
        sample: the question as the evaluation knows it, of the task `train`; `prompt` is empty and `media` are the
            paths as they stand in the row.
        response: the response to learn in supervised fine-tuning; `None` where the row has none.
    """

    sample: Sample
    response: str | None = None


def read_examples(path: Path, *, require_response: bool = False) -> Iterator[Example]:
    """Read a file a line at a time, whatever its size.

    Args:
        path: a JSONL file.
        require_response: refuse rows without a `response`.

    Raises:
        DataError: the file is missing, or a row is malformed (file, line and field are named) or its id occurs twice.
    """
    seen: dict[str, int] = {}
    for number, where, row in read_rows(path):
        example = example_from_row(row, where)
        first = seen.setdefault(example.sample.id, number)
        if first != number:
            raise DataError(
                f"{where}: field 'id': {example.sample.id!r} occurs in line {first} already. Ids are unique."
            )
        if require_response and example.response is None:
            raise DataError(f"{where}: field 'response' is missing; fine-tuning learns it. Add it, or train with grpo.")
        yield example


def read_rows(path: Path) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """The JSON objects of a file, with line number and a name of the place for errors; blank lines are skipped.

    Raises:
        DataError: the file is missing, not UTF-8, or a line is not a JSON object.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                where = f"{path}:{number}"
                refuse_undecodable(line, where)
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{where}: not JSON: {error}. Every line holds one JSON object.") from error
                if not isinstance(row, dict):
                    raise DataError(f"{where}: a {type(row).__name__}, not a JSON object.")
                yield number, where, row
    except FileNotFoundError as error:
        raise DataError(f"training data {path} not found. Give data.train=FILE, or make it: 'harness data'.") from error
    except OSError as error:
        raise DataError(f"training data {path} cannot be read: {error}.") from error


def refuse_undecodable(text: str, where: str) -> None:
    """Refuse text that was not UTF-8 in the file.

    Args:
        text: read with `errors="surrogateescape"`.
        where: the row's name in errors.

    Raises:
        DataError: names `where` and the first such byte.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        raise DataError(f"{where}: not UTF-8 (byte 0x{byte:02x}). Save the file as UTF-8.") from error


def example_from_row(row: Mapping[str, Any], where: str) -> Example:
    """A row to an example.

    Args:
        row: see `SCHEMA`.
        where: the row's name in errors.

    Raises:
        DataError: names `where` and the field that is missing or malformed.
    """
    kind = _text(row, "answer_kind", where)
    if kind not in _KINDS:
        raise DataError(f"{where}: field 'answer_kind': {kind!r} is not one of {', '.join(_KINDS)}.")
    choices = _choices(row, where) if kind == "choice" else None
    response = row.get("response")
    if response is not None and (not isinstance(response, str) or not response.strip()):
        raise DataError(f"{where}: field 'response': expected a text that is not empty.")
    sample = Sample(
        id=_identifier(row, where),
        task=TASK,
        question=_text(row, "question", where),
        target=_target(row, kind, choices, where),
        answer_kind=kind,
        choices=choices,
        media=tuple(_media(row, where)),
    )
    example = Example(sample=sample, response=response)
    _refuse_half_characters(example, where)
    return example


def _refuse_half_characters(example: Example, where: str) -> None:
    """Refuse half of a character of two (a lone surrogate, which JSON can escape): no tokenizer takes it."""
    for field, value in row_from_example(example).items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = ord(error.object[error.start])
            raise DataError(
                f"{where}: field '{field}': \\u{half:04x} is half of a character, which no tokenizer takes. Mend it."
            ) from error


def row_from_example(example: Example) -> dict[str, Any]:
    """An example to a row; the inverse of `example_from_row` up to how a row was written."""
    sample = example.sample
    row: dict[str, Any] = {
        "id": sample.id,
        "media": [{"kind": media.kind, "path": media.source} for media in sample.media],
        "question": sample.question,
    }
    if sample.choices is not None:
        row["choices"] = dict(sample.choices)
    row |= {"answer": sample.target, "answer_kind": sample.answer_kind}
    if example.response is not None:
        row["response"] = example.response
    return row


def media_kind(path: str) -> MediaKind:
    """Image or video, by the end of the name."""
    return "video" if path.lower().endswith(_VIDEO_SUFFIXES) else "image"


def _identifier(row: Mapping[str, Any], where: str) -> str:
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(row, "id", where)


def _text(row: Mapping[str, Any], field: str, where: str) -> str:
    value = row.get(field)
    if value is None:
        raise DataError(f"{where}: field '{field}' is missing. 'harness data --help' shows the schema.")
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: field '{field}': expected a text that is not empty, got {_short(value)}.")
    return value.strip()


def _choices(row: Mapping[str, Any], where: str) -> dict[str, str]:
    value = row.get("choices")
    if isinstance(value, list):
        if len(value) > len(ascii_uppercase):
            raise DataError(f"{where}: field 'choices': {len(value)} options, at most 26 have letters.")
        value = dict(zip(ascii_uppercase, value, strict=False))
    if not isinstance(value, dict) or len(value) < 2:
        raise DataError(
            f"{where}: field 'choices': a choice needs an object of letters to texts, or a list, of two up."
        )
    for letter, text in value.items():
        if len(letter) != 1 or letter not in ascii_uppercase or not isinstance(text, str) or not text.strip():
            raise DataError(f"{where}: field 'choices': {_short({letter: text})} is not a capital letter with a text.")
    return {letter: text.strip() for letter, text in value.items()}


def _target(row: Mapping[str, Any], kind: str, choices: Mapping[str, str] | None, where: str) -> str:
    value = row.get("answer")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and kind == "open":
        return str(value)
    answer = _text(row, "answer", where)
    if kind == "yes_no":
        answer = answer.lower()
        if answer not in ("yes", "no"):
            raise DataError(f"{where}: field 'answer': {answer!r} is neither yes nor no.")
    if choices is not None and answer not in choices:
        raise DataError(f"{where}: field 'answer': {_short(answer)} is not one of the letters {', '.join(choices)}.")
    return answer


def _media(row: Mapping[str, Any], where: str) -> Iterator[Media]:
    value = row.get("media", [])
    if not isinstance(value, list):
        raise DataError(f"{where}: field 'media': expected a list of paths, got {_short(value)}.")
    for item in value:
        path, kind = (item.get("path"), item.get("kind")) if isinstance(item, dict) else (item, None)
        if not isinstance(path, str) or not path:
            raise DataError(f"{where}: field 'media': {_short(item)} is neither a path nor an object with one.")
        if kind not in (None, *get_args(MediaKind)):
            raise DataError(f"{where}: field 'media': kind {_short(kind)} is neither image nor video.")
        yield Media(kind=kind or media_kind(path), source=path)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
