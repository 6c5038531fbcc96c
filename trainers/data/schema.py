"""The schema of training data, a JSON object a line (`trainers.data.SCHEMA` describes it), and reading it strictly."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from harness.core import jsonlines
from harness.core.errors import DataError
from harness.core.types import Media, MediaKind, Sample
from harness.media.bounds import OutsideError, within
from trainers.data import FACTS, GRADE, KEY_STEPS, Grade

TASK: Final = "train"
"""The task that training samples belong to."""

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Letter = Annotated[str, Field(pattern="^[A-Z]$")]
_LISTS: Final = (KEY_STEPS, FACTS)
"""Fields that are kept as attributes in JSON."""
_OF_OTHERS: Final = ("image", "images", "video", "videos")
"""What media are called elsewhere."""
_VIDEOS: Final = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".gif")
_IMAGES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def _text_of(*types: type) -> BeforeValidator:
    """Numbers of these types as text; booleans are none."""
    return BeforeValidator(lambda value: str(value) if type(value) in types else value)


class _Medium(BaseModel):
    path: Annotated[str, Field(min_length=1)]
    kind: MediaKind | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, dict) and "type" in value:  # Else its kind would be guessed.
            raise ValueError("a medium has no 'type', but path and kind")
        return {"path": value} if isinstance(value, str) else value


class _Row(BaseModel):
    """A row as `SCHEMA` describes it; what a field is checked against stands before it.

    The descriptions say in errors what is expected.
    """

    model_config = ConfigDict(strict=True)
    id: Annotated[_Text, _text_of(int)] = Field(description="a text that is not empty, or a whole number")
    answer_kind: Literal["yes_no", "choice", "open"] = Field(description="one of yes_no, choice, open")
    choices: dict[_Letter, _Text] | None = Field(
        default=None,
        min_length=2,
        validate_default=True,
        description="at least two texts by capital letter, or a list of at most 26",
    )
    question: _Text = Field(description="a text that is not empty")
    answer: Annotated[_Text, _text_of(int, float)] = Field(description="a text that is not empty, or a number")
    grade: Grade | None = Field(default=None, description=f"one of {', '.join(get_args(Grade))}")
    key_steps: list[list[_Text]] = Field(default=[], description="a list of texts, or of lists of wordings")
    facts: list[_Text] = Field(default=[], description="a list of statements")
    media: list[_Medium] = Field(
        default=[], description='a list of paths, or of {"kind": ..., "path": ...} with the kind image or video'
    )
    response: Annotated[str, Field(pattern=r"\S")] | None = Field(default=None, description="a text that is not empty")

    @field_validator("choices", mode="before")
    @classmethod
    def _lettered(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("answer_kind") != "choice":
            return None
        if isinstance(value, list):  # What comes after Z has no letter.
            return {ascii_uppercase[place : place + 1]: text for place, text in enumerate(value)}
        return value or {}

    @field_validator("key_steps", mode="before")
    @classmethod
    def _worded(cls, value: Any) -> Any:
        return [[step] if isinstance(step, str) else step for step in value] if isinstance(value, list) else value

    @field_validator("key_steps")
    @classmethod
    def _has_wordings(cls, value: list[list[str]]) -> list[list[str]]:
        if not all(value):
            raise ValueError("a key step has no wording")
        return value

    @field_validator("grade")
    @classmethod
    def _open(cls, value: Grade | None, info: ValidationInfo) -> Grade | None:
        if value is not None and info.data.get("answer_kind", "open") != "open":
            raise ValueError("only answers of the kind open are graded. Leave it out")
        return value

    @field_validator("answer")
    @classmethod
    def _fits(cls, value: str, info: ValidationInfo) -> str:
        value = value.lower() if info.data.get("answer_kind") == "yes_no" else value
        known = ("yes", "no") if info.data.get("answer_kind") == "yes_no" else info.data.get("choices")
        if known is not None and value not in known:
            raise ValueError(f"{value[:60]!r} is not one of {', '.join(known)}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row of training data.

    Attributes:
        sample: the question as the evaluation knows it, of the task `train`; `prompt` is empty and `media` are the
            paths as they stand in the row. The grade of an open answer, key steps and facts are
            attributes (`trainers.data`).
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
    if not path.exists():
        raise DataError(f"training data {path} not found. Give data.train=FILE, or make it: 'harness data'.")
    for number, _, row in jsonlines.read_rows(path):
        yield number, f"{path}:{number}", row


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
        DataError: names `where` and the field that is missing, malformed, or what media are called elsewhere.
    """
    if not row.get("media"):  # What it has elsewhere alone is not read: it would be trained on blind.
        other = next((name for name, value in row.items() if _names_media(name, value)), None)
        if other is not None:
            raise DataError(
                f"{where}: field '{other}' is not read. Media stand in 'media', a list; a row of text alone leaves it "
                "out."
            )
    try:
        read = _Row.model_validate(row)
    except ValidationError as error:
        raise DataError(f"{where}: field {_told(error.errors()[0])}") from error
    sample = Sample(
        id=read.id,
        task=TASK,
        question=read.question,
        target=read.answer,
        answer_kind=read.answer_kind,
        choices=read.choices,
        media=tuple(
            Media(kind=item.kind or ("video" if item.path.lower().endswith(_VIDEOS) else "image"), source=item.path)
            for item in read.media
        ),
        attributes=({} if read.grade is None else {GRADE: read.grade})
        | {name: json.dumps(value) for name in _LISTS if (value := getattr(read, name))},
    )
    return Example(sample=sample, response=read.response)


def _names_media(field: str, value: Any) -> bool:
    """Whether a field that is not read names an image or a video: by its own name, or by a path's ending."""
    if field in _OF_OTHERS:
        return bool(value)
    paths = value if isinstance(value, list) else [value]
    suffixes = _VIDEOS + _IMAGES
    return field not in _Row.model_fields and any(
        isinstance(path, str) and path.lower().endswith(suffixes) for path in paths
    )


def _told(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors: the field, and what is wrong with it."""
    name, value = error["loc"][0], error["input"]
    field = _Row.model_fields[name]
    if error["loc"] == (name,) and field.is_required() and (value is None or error["type"] == "missing"):
        return f"'{name}' is missing. 'harness data --help' shows the schema."
    if error["type"] == "string_unicode":
        half = next(ord(character) for character in value if "\ud800" <= character <= "\udfff")
        return f"'{name}': \\u{half:04x} is half of a character, which no tokenizer takes. Mend it."
    if error["type"] == "value_error":
        return f"'{name}': {error['ctx']['error']}."
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"'{name}': expected {field.description}, got {text if len(text) <= 60 else text[:59] + '…'}."


def find_medium(media: Media, roots: Sequence[Path], where: str, option: str) -> Path:
    """The file of a medium.

    Args:
        media: of a row.
        roots: what its path is relative to, and other folders that it may be in.
        where: the row's name in errors.
        option: how the user names the first of `roots`.

    Raises:
        DataError: it is missing, or lies elsewhere.
    """
    path = roots[0] / media.source
    try:
        real = within(path, roots)
    except OutsideError as error:
        raise OutsideError(f"{where}: field 'media': {error}") from error
    if not os.path.isfile(real):  # Path.is_file raises where a path is too long.
        raise DataError(
            f"{where}: field 'media': {path} is missing. Set {option} to the folder that media paths are relative to."
        )
    return real


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
    if GRADE in sample.attributes:
        row[GRADE] = sample.attributes[GRADE]
    row |= {name: json.loads(sample.attributes[name]) for name in _LISTS if name in sample.attributes}
    if example.response is not None:
        row["response"] = example.response
    return row
