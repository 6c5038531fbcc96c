"""`harness data convert`, `harness data validate` and `harness data overlap`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from harness.commands import data_overlap
from harness.commands.eval_arguments import add_outside_argument
from harness.core.console import show
from harness.core.errors import DataError
from harness.core.files import replacement, write_errors
from trainers.data import GRADE, SCHEMA

_FORMATS: Final = ("video-r1", "omnex", "llava-cot", "trl")
_FROM: Final = (
    "format of FILE: video-r1 as in Video-R1/Video-R1-data, omnex in OmniAI-ZJU/OMNEX-VL-DATA and "
    "teardrop-gwj/omni-rl-train-data, llava-cot in Xkev/LLaVA-CoT-100k; trl for conversational rows"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness data`."""
    parser.epilog, parser.formatter_class = SCHEMA, argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="data_command", required=True, metavar="COMMAND")
    convert = commands.add_parser("convert", help="published training data to the schema of the recipes")
    convert.add_argument("source", type=Path, metavar="FILE", help="JSON array or JSON lines")
    convert.add_argument("--from", dest="source_format", required=True, choices=_FORMATS, help=_FROM)
    convert.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSONL file to write")
    convert.add_argument(
        "--skip-bad", action="store_true", help="leave out rows that do not convert or repeat an id, and count them"
    )
    validate = commands.add_parser("validate", help="check a JSONL file, row by row")
    validate.add_argument("source", type=Path, metavar="FILE", help="JSONL file")
    validate.add_argument("--sft", action="store_true", help="every row needs a response")
    validate.add_argument("--media-root", type=Path, metavar="DIR", help="what media paths are relative to")
    add_outside_argument(validate)
    validate.add_argument("--media", action="store_true", help="open every image and video too (slow)")
    overlap = commands.add_parser("overlap", help="images and videos of training data that benchmarks ask about")
    data_overlap.add_arguments(overlap)


def run(arguments: argparse.Namespace) -> int:
    """Run `harness data` and give the exit code."""
    if arguments.data_command == "overlap":
        return data_overlap.run(arguments)
    if arguments.data_command == "convert":
        return convert(arguments.source, arguments.source_format, arguments.out, skip_bad=arguments.skip_bad)
    roots = (arguments.media_root or arguments.source.parent, *arguments.allow_outside)
    return validate(arguments.source, sft=arguments.sft, roots=roots, open_media=arguments.media)


def convert(source: Path, source_format: str, out: Path, *, skip_bad: bool) -> int:
    """Convert a file; every row that is written was read back by the schema.

    On any error `out` is left as it was.

    Raises:
        DataError: a row does not convert or has the id of an earlier one, and `skip_bad` is not set; no row converts;
            or the source cannot be read.
        StoreError: `out` cannot be written.
        UsageError: source and target are the same file, or the target holds something else.
    """
    from trainers.data.converters import CONVERTERS
    from trainers.data.schema import example_from_row, row_from_example

    data_overlap.refuse_target(source, out)
    seen: dict[str, str] = {}
    skipped, first = 0, ""
    with replacement(out, advice=data_overlap.ADVICE) as file:
        for where, row in _source_rows(source):
            try:
                example = example_from_row(CONVERTERS[source_format](row, where), where)
                earlier = seen.setdefault(example.sample.id, where)
                if earlier != where:
                    raise DataError(f"{where}: id {example.sample.id!r} occurs in {earlier} already. Ids are unique.")
            except DataError as error:
                if not skip_bad:
                    raise DataError(f"{error} (--skip-bad leaves such rows out.)") from error
                skipped, first = skipped + 1, first or str(error)
                continue
            with write_errors(out, advice=data_overlap.ADVICE):
                file.write(json.dumps(row_from_example(example), ensure_ascii=False) + "\n")
        left_out = f"{skipped} rows left out, the first: {first}" if skipped else ""
        if not seen:
            reason = left_out or "it holds no rows."
            raise DataError(f"{source}: no row converts from {source_format}: {reason} Is the format right?")
    show(f"{len(seen)} rows written to {out}")
    if left_out:
        show(f"warning: {left_out}", file=sys.stderr)
    return 0


def validate(source: Path, *, sft: bool, roots: Sequence[Path], open_media: bool) -> int:
    """Check every row, and that its media are there; the first mistake ends it.

    Raises:
        DataError: names row and field.
    """
    from trainers.data.schema import find_medium, read_examples

    kinds, media_kinds = Counter[str](), Counter[str]()
    for example in read_examples(source, require_response=sft):
        sample = example.sample
        grade = sample.attributes.get(GRADE)
        kinds[f"{sample.answer_kind} ({grade})" if grade else sample.answer_kind] += 1
        for media in sample.media:
            media_kinds[media.kind] += 1
            path = find_medium(media, roots, f"{source}: row {sample.id!r}", "--media-root")
            if open_media:
                _open(media.kind, path, f"{source}: row {sample.id!r}: field 'media'")
    if not kinds:
        raise DataError(f"{source} holds no rows.")
    show(f"{kinds.total()} rows: {_counts(kinds)}; media: {_counts(media_kinds) or 'none'}")
    return 0


def _open(kind: str, path: Path, where: str) -> None:
    from harness.core.errors import MediaError
    from harness.media.images import open_image
    from harness.media.videos import open_video

    try:
        open_video(path, 2) if kind == "video" else open_image(path)
    except MediaError as error:
        raise DataError(f"{where}: {error}") from error


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())


def _source_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of a JSON array or of JSON lines, one at a time: published arrays are too large to hold."""
    from trainers.data.schema import read_rows

    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            start = file.read(1)
            while start and start.isspace():
                start = file.read(1)
            if start != "[":
                for _, where, row in read_rows(path):
                    yield where, row
                return
            yield from _array_items(file, path)
    except FileNotFoundError as error:
        raise DataError(f"{path} not found.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}. Give a JSON file.") from error


def _array_items(file: TextIO, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Objects of an array whose opening bracket was read already."""
    from trainers.data.schema import refuse_undecodable

    decoder = json.JSONDecoder()
    text, place, done, number = "", 0, False, 0
    while True:
        while place < len(text) and text[place] in " \t\r\n,":
            place += 1
        if text.startswith("]", place):
            if (text[place + 1 :] + file.read()).strip():
                raise DataError(
                    f"{path}: something stands behind the array of {number} objects, which would be lost. Make one "
                    "array of it, or JSON lines."
                )
            return
        where = f"{path}[{number}]"
        try:
            item, end = decoder.raw_decode(text, place)
        except RecursionError as error:
            raise DataError(f"{where}: nested too deeply to be read.") from error
        except ValueError as error:
            if done:
                raise DataError(f"{where}: not a JSON array of objects: {error}. Was the download cut off?") from error
            more = file.read(1 << 20)
            done = not more
            text, place = text[place:] + more, 0
            continue
        refuse_undecodable(text[place:end], where)
        if not isinstance(item, dict):
            raise DataError(f"{where}: the array holds a {type(item).__name__}, not an object.")
        yield where, item
        place, number = end, number + 1
