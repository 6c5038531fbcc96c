"""What other harnesses' logs hold: for each question its response, their own score of it, and what they say of the row.

A format is a function from a file to its entries, and a line of `FORMATS`.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import IO, Any, Final, Literal

from harness.benchmarks.columns import is_absent
from harness.core.endings import read_ending
from harness.core.errors import DataError, HarnessError
from harness.core.jsonlines import read_rows
from harness.core.reading import MAX_BYTES, parse_json, read_text
from harness.lmms.questions import options_of
from harness.lmms.scores import numbers_of

_LMMS_EVAL_KEYS: Final = frozenset(
    "doc_id doc target input arguments resps filtered_resps token_counts doc_hash input_media".split()
)
"""Keys of lmms-eval's logged samples; the others are the task's metrics."""
_VLMEVALKIT_FAILED: Final = "Failed to obtain answer via API"
_INSPECT_VALUES: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_ZSTANDARD: Final = 93
"""The compression of Inspect's archives, which Python's `zipfile` reads from 3.14 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a log holds of one response.

    Attributes:
        where: file and line, for errors.
        row: what it says of the question, under the names that data sets use, as far as it says anything.
        text: the response; `None`: there is none, see `error`, or the log has the score alone.
        asked: the prompt; `None`: the log does not hold it.
        position: number of the question's row in its data set; `None`: the log does not tell it.
        error: why there is no response.
        finish_reason: as in `Response`.
        scores: what the other harness's own scoring gave the response, by name; at most one.
        model: name of the model; `None`: the log does not hold it.
    """

    where: str
    row: Mapping[str, Any]
    text: str | None
    asked: str | None = None
    position: int | None = None
    error: str | None = None
    finish_reason: Literal["stop", "length"] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    model: str | None = None


def read_log(source: str, path: Path) -> list[Entry]:
    """The entries of one file of another harness.

    Args:
        source: a name of `FORMATS`.
        path: the file.

    Raises:
        DataError: it cannot be read, is not of the format, or holds no responses.
    """
    entries: list[Entry] = []
    try:
        for entry in FORMATS[source](path):
            entries.append(entry)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}.") from error
    except HarnessError:
        raise
    except Exception as error:  # What reads tables and archives raises anything.
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        place = f"{path}, behind {entries[-1].where}," if entries else path
        raise DataError(f"{place} is not what {source} writes: {what}. Give a log of {source}.") from error
    if not entries:
        raise DataError(f"{path} holds no responses. Give a log of {source}.")
    return entries


def _lmms_eval(path: Path) -> Iterator[Entry]:
    """`*_samples_TASK.jsonl` of `--log_samples`; the question itself is there only as far as a metric repeats it."""
    for number, _, row in read_rows(path):
        where = f"{path}:{number}"
        text = _need(row, "resps" if "resps" in row else "filtered_resps", where, "lmms-eval's --log_samples")
        while isinstance(text, list) and len(text) == 1:
            text = text[0]
        if isinstance(text, list):
            raise DataError(f"{where} holds {len(text)} responses to one question. Give a log with one each.")
        metrics = {name: value for name, value in row.items() if name not in _LMMS_EVAL_KEYS}
        said = {key: cell for value in metrics.values() if isinstance(value, Mapping) for key, cell in value.items()}
        asked, number_of_row = row.get("input"), row.get("doc_id")
        yield Entry(
            where=where,
            row={"question": asked, **said, "answer": row.get("target")},
            text=_text(text, where),
            asked=asked if isinstance(asked, str) else None,
            position=number_of_row if isinstance(number_of_row, int) and number_of_row >= 0 else None,
            scores=_first(numbers_of(metrics, metrics, None)),
        )


def _vlmevalkit(path: Path) -> Iterator[Entry]:
    """A table of predictions, or of results (`hit` or `score`); of rotated questions a result stands for all rows."""
    for number, row in enumerate(_table(path), start=2):
        where = f"{path}:{number}"
        text = _need(row, "prediction", where, "a result table of VLMEvalKit")
        failed = isinstance(text, str) and _VLMEVALKIT_FAILED in text
        score = {name: value for name in ("hit", "score") if (value := _number(row.get(name))) is not None}
        of_group = "hit" in row and "g_index" in row
        names = dict.fromkeys(("id", "question_id"), row.get("index"))
        yield Entry(
            where=where,
            row={**names, **row},
            text=None if failed or of_group else "" if is_absent(text) else _text(text, where),
            error=_VLMEVALKIT_FAILED if failed else None,
            scores=_first(score),
        )


def _evalscope(path: Path) -> Iterator[Entry]:
    """`reviews/MODEL/*.jsonl` with scores, or `predictions/MODEL/*.jsonl` without."""
    for number, _, row in read_rows(path):
        where = f"{path}:{number}"
        asked = _asked(row.get("messages") or row.get("input"))
        if "sample_score" in row:
            of_sample = row["sample_score"]
            score, metadata = of_sample["score"], of_sample.get("sample_metadata")
            text, reason, error, model = score.get("prediction"), None, None, None
            values = {name: value for name, item in score["value"].items() if (value := _number(item)) is not None}
        else:
            output = _need(row, "model_output", where, "EvalScope's predictions or reviews") or {}
            text, reason, error = _said(output)
            metadata, values, model = row.get("metadata"), {}, row.get("model") or None
        yield Entry(
            where=where,
            # Each file, one of a subset, counts from 0.
            row=_row(f"{path.stem}/{row.get('index')}", asked, None, row.get("target"), metadata),
            text=None if error else _text(text, where),
            asked=asked,
            error=error,
            finish_reason=reason,
            scores=_first(values),
            model=model,
        )


def _inspect(path: Path) -> Iterator[Entry]:
    """A log of Inspect: an archive (`.eval`) or JSON."""
    for where, model, sample in _inspect_samples(path):
        asked = _asked(_need(sample, "input", where, "a log of Inspect"))
        text, reason, error = _said(sample.get("output") or {})
        if sample.get("error"):
            error = str(sample["error"].get("message"))
        scores = {
            name: value
            for name, of in (sample.get("scores") or {}).items()
            if (value := _inspect_value(of)) is not None
        }
        yield Entry(
            where=where,
            row=_row(sample.get("id"), asked, sample.get("choices"), sample.get("target"), sample.get("metadata")),
            text=None if error else _text(text, where),
            asked=asked,
            error=error,
            finish_reason=reason,
            scores=_first(scores),
            model=model,
        )


FORMATS: Final[Mapping[str, Callable[[Path], Iterator[Entry]]]] = {
    "lmms-eval": _lmms_eval,
    "vlmevalkit": _vlmevalkit,
    "evalscope": _evalscope,
    "inspect": _inspect,
}


def _need(row: Mapping[str, Any], name: str, where: str, what: str) -> Any:
    if name not in row:
        raise DataError(f"{where}: no {name!r}. Give {what}; this line has {', '.join(map(str, row)) or 'nothing'}.")
    return row[name]


def _text(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise DataError(f"{where}: the response is {type(text).__name__}, not text. Leave that line out, or mend it.")
    return text


def _first(scores: Mapping[str, float]) -> dict[str, float]:
    """The score that stands for a sample: the others may be parts of figures that are no means of them."""
    return dict(list(scores.items())[:1])


def _number(value: Any) -> float | None:
    word = str(value).strip().lower()
    try:
        number = {"true": 1.0, "false": 0.0}[word] if word in ("true", "false") else float(word)
    except ValueError:
        return None
    return number if number == number else None


def _inspect_value(score: Mapping[str, Any]) -> float | None:
    value = str(score.get("value"))
    return _INSPECT_VALUES[value] if value in _INSPECT_VALUES else _number(value)


def _row(name: Any, question: str | None, choices: Any, target: Any, metadata: Any) -> dict[str, Any]:
    """What a log says of a question, its metadata last: they are the data set's own columns."""
    options = dict(zip(ascii_uppercase, choices, strict=False)) if choices else options_of(question or "")
    answer = ", ".join(map(str, target)) if isinstance(target, list) else target
    return {
        **dict.fromkeys(("id", "index", "question_id"), name),
        "question": question,
        "answer": answer,
        "choices": options,
        "question_type": "multiple-choice" if options else "open-ended",
        **options,
        **{key: cell for key, cell in (metadata or {}).items() if not is_absent(cell)},
    }


def _asked(messages: Any) -> str | None:
    """The text of the first turn of a user, which may be the prompt itself."""
    if isinstance(messages, str):
        return messages
    turns = (turn for turn in messages or () if isinstance(turn, Mapping) and turn.get("role", "user") == "user")
    turn = next(turns, None)
    return None if turn is None else _content(turn.get("content"))


def _content(content: Any) -> str | None:
    """The text of a message, without its images and without a reasoning that is kept apart."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, Mapping) and part.get("text"))
    return content if isinstance(content, str) else None


def _said(output: Mapping[str, Any]) -> tuple[Any, Literal["stop", "length"] | None, str | None]:
    """Response, why it ended, and why there is none, of a model's output as EvalScope and Inspect store it."""
    choice = next(iter(output.get("choices") or ()), None)
    if output.get("error") or choice is None:
        return None, None, str(output.get("error") or "no output")
    return _content(choice["message"]["content"]), read_ending(choice.get("stop_reason")), None


def _table(path: Path) -> Iterable[dict[str, Any]]:
    """The rows of a table as text; an empty cell is NaN."""
    import pandas as pd

    suffix = path.suffix.lower()
    as_text: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]}  # "None" is an option's text.
    if suffix == ".json":
        return list(parse_json(read_text(path)))
    if suffix == ".xlsx":
        table = pd.read_excel(path, **as_text)
    elif suffix in (".tsv", ".csv"):
        table = pd.read_csv(path, sep="\t" if suffix == ".tsv" else ",", **as_text)
    else:
        raise DataError(f"{path}: tables are read from .xlsx, .tsv, .csv and .json. Write it again as one of them.")
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def _inspect_samples(path: Path) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """Place, model and sample of each response, in the order of the log."""
    if not zipfile.is_zipfile(path):
        log = parse_json(read_text(path))
        for number, sample in enumerate(log["samples"]):
            yield f"{path}: samples[{number}]", log["eval"]["model"], sample
        return
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        head = "header.json" if "header.json" in names else "_journal/start.json"
        model = parse_json(_member(file, archive, head))["eval"]["model"]
        for name in names:
            if name.startswith("samples/"):
                yield f"{path}: {name}", model, parse_json(_member(file, archive, name))


def _member(file: IO[bytes], archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > MAX_BYTES:
        raise ValueError(f"{name} is larger than {MAX_BYTES >> 20} MiB")
    if info.compress_type != _ZSTANDARD:
        return archive.read(name)
    import zstandard

    file.seek(info.header_offset + 26)  # Behind a header of 30 bytes stand a name and a field of these lengths.
    name_length, extra_length = struct.unpack("<HH", file.read(4))
    file.seek(name_length + extra_length, 1)
    packed = file.read(info.compress_size)
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
            return reader.read(info.file_size)
    except zstandard.ZstdError as error:
        raise ValueError(f"{name} is damaged ({error})") from error
