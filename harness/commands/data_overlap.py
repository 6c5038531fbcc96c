"""`harness data overlap`: what training data have in common with benchmarks, printed and left out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.commands.eval_arguments import add_outside_argument
from harness.core.console import show, to_json
from harness.core.errors import DataError, UsageError
from harness.core.files import refuse_foreign, replacement, write_errors

if TYPE_CHECKING:
    from trainers.data.overlap import Match, Overlap, Picture

_FOUND: Final = 1
_SHOWN: Final = 5
ADVICE: Final = "Free space, or give another file with --out."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `harness data overlap`."""
    parser.description = (
        "Find images and videos of training data that benchmarks ask about, by COCO's ids and by what they look like. "
        "Exit code 1 where there are any, 0 where there are none."
    )
    parser.add_argument("source", type=Path, metavar="TRAIN", help="JSONL file in the schema of the recipes")
    parser.add_argument("--tasks", required=True, metavar="NAME,...", help="benchmarks, as in 'harness eval'")
    parser.add_argument("--data", metavar="hub|demo|DIR", help="where the benchmarks' data are, as in 'harness eval'")
    parser.add_argument("--tasks-dir", type=Path, metavar="DIR", help="folder of tasks beside the harness's own")
    parser.add_argument("--media-root", type=Path, metavar="DIR", help="what media paths of TRAIN are relative to")
    add_outside_argument(parser)
    parser.add_argument(
        "--distance",
        type=int,
        default=64,  # `trainers.data.overlap.DISTANCE`, which would be an import.
        metavar="BITS",
        help="of 768, in which the hashes of copies may differ (default: 64)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the rows of TRAIN that have nothing in common")
    parser.add_argument("--json", action="store_true", help="print JSON, with all ids")


def run(arguments: argparse.Namespace) -> int:
    """Print what the training data and each benchmark have in common; 1 where that is anything.

    Raises:
        DataError: a row is malformed, a benchmark's data are not there, or there is nothing to compare by.
        UsageError: no such task, or ImageHash is not installed.
        StoreError: `--out` cannot be written.
    """
    from tqdm import tqdm

    from harness.evaluation.task_registry import expand_tasks, load_task
    from trainers.data.overlap import (
        FRAMES,
        asked_pictures,
        find_overlap,
        hash_pictures,
        not_compared,
        training_pictures,
    )

    if not 0 <= arguments.distance < 128:
        raise UsageError(
            f"--distance {arguments.distance} is out of range: different pictures differ in about 128 bits."
        )
    names = [name.strip() for name in arguments.tasks.split(",") if name.strip()]
    if not names:
        raise UsageError("no task named. Give --tasks NAME,...; 'harness tasks' lists them.")
    names = expand_tasks(names, arguments.tasks_dir)
    if arguments.out is not None:
        refuse_target(arguments.source, arguments.out)
    tasks = [
        load_task(
            name,
            data=arguments.data,
            tasks_dir=arguments.tasks_dir,
            allow_outside=arguments.allow_outside,
            num_frames=FRAMES,
        )
        for name in names
    ]
    shown = partial(tqdm, leave=False, disable=None)  # On a terminal alone.
    roots = (arguments.media_root or arguments.source.parent, *arguments.allow_outside)
    train = training_pictures(arguments.source, roots)
    hash_pictures(train, partial(shown, desc="training pictures", total=len(train)))
    found = []
    for task in tasks:
        asked = asked_pictures(task)
        hash_pictures(asked, partial(shown, desc=f"pictures of {task.name}", total=len(asked)))
        _refuse_incomparable((str(arguments.source), train), (task.name, asked))
        found.append(find_overlap(task, train, asked, arguments.distance))
    rows = {row for overlap in found for row in overlap.rows}
    unknown = {row: why for row, why in not_compared(train, found).items() if row not in rows}
    if arguments.out is not None:
        _write_others(arguments.source, arguments.out, rows)
    if arguments.json:
        show(to_json(_as_json(found, train, rows, unknown)))
    else:
        show("\n".join(_lines(arguments, found, train, rows, unknown)))
    return _FOUND if rows else 0


def refuse_target(source: Path, out: Path) -> None:
    """Refuse to write training rows over the file that is read, or over anything but such rows.

    Raises:
        UsageError: they would be.
    """
    with suppress(OSError):
        if out.samefile(source):
            raise UsageError(f"--out {out} is the file that is read. Name another one.")
    refuse_foreign(out, ("id", "question", "answer", "answer_kind"), option="--out", advice=ADVICE)


def _refuse_incomparable(*sides: tuple[str, Sequence[Picture]]) -> None:
    if all(any(picture.coco is not None for picture in pictures) for _, pictures in sides):
        return
    for name, pictures in sides:
        if all(picture.bits is None for picture in pictures):
            why = pictures[0].problem.rstrip(".") if pictures else "its questions have none"
            raise DataError(
                f"nothing of {sides[0][0]} can be compared with {sides[1][0]}: none of {len(pictures):,} images and "
                f"videos of {name} can be opened and has contrast, e.g. {why}; and not both have names of COCO's. Name "
                "their folders by --media-root and --data."
            )


def _lines(
    arguments: argparse.Namespace,
    found: Sequence[Overlap],
    train: Sequence[Picture],
    rows: set[str],
    unknown: Mapping[str, str],
) -> list[str]:
    counts = _counts(train)
    lines = [
        f"{arguments.source}: {len(train):,} images and videos; {_opened(counts['opened'], counts['plain'])}, "
        f"{counts['named']:,} with an id of COCO's"
    ]
    for overlap in found:
        shared = len({match.asked.name for match in overlap.matches})
        lines.append(
            f"{overlap.task}: {overlap.pictures:,} images and videos, {_opened(overlap.opened, overlap.plain)}, "
            f"{overlap.named:,} with an id; {shared:,} are in the training data, in {len(overlap.rows):,} rows: "
            f"{len(overlap.asked):,} of {overlap.questions:,} questions ask about them"
        )
        lines += [f"  {_told(match)}" for match in overlap.matches[:_SHOWN]]
        lines += [f"  and {len(overlap.matches) - _SHOWN:,} more: --json"] if overlap.matches[_SHOWN:] else []
    if not rows:
        told = ["No overlap was found."]
    else:
        shown = f"{len(rows):,} training rows show what these benchmarks ask about"
        told = [f"{shown}, which can raise their scores unlearnt."]
        if arguments.out is None:
            told += [
                "Leave them out: --out FILE writes the other rows. Or say beside the score that they were trained on."
            ]
        else:
            told += [f"The other rows are in {arguments.out}{'.' if unknown else ': train on these.'}"]
    if unknown:
        told += [f"Rows besides that could not be compared: {len(unknown):,}, e.g. {next(iter(unknown.values()))}"]
    return [*lines, " ".join(told)]


def _opened(opened: int, plain: int) -> str:
    return f"{opened:,} opened" + (f" ({plain:,} of them without contrast, which tells nothing)" if plain else "")


def _counts(train: Sequence[Picture]) -> dict[str, int]:
    return {
        "pictures": len(train),
        "opened": sum(picture.opened for picture in train),
        "plain": sum(picture.plain for picture in train),
        "named": sum(picture.coco is not None for picture in train),
    }


def _told(match: Match) -> str:
    how = f"COCO {match.train.coco}" if match.by == "id" else f"alike, {match.distance} of 768 bits differ"
    return f"row {match.train.about[0]!r} {match.train.name} = {match.asked.about[0]!r} {match.asked.name} ({how})"


def _as_json(
    found: Sequence[Overlap], train: Sequence[Picture], rows: set[str], unknown: Iterable[str]
) -> dict[str, Any]:
    return {
        **_counts(train),
        "rows": sorted(rows),
        "not_compared": list(unknown),
        "tasks": {
            overlap.task: {
                "pictures": overlap.pictures,
                "opened": overlap.opened,
                "plain": overlap.plain,
                "named": overlap.named,
                "questions": overlap.questions,
                "rows": overlap.rows,
                "asked": overlap.asked,
                "matches": [
                    {"train": of.train.name, "asked": of.asked.name, "by": of.by, "distance": of.distance}
                    for of in overlap.matches
                ],
            }
            for overlap in found
        },
    }


def _write_others(source: Path, out: Path, rows: set[str]) -> None:
    """The rows of a file without some, as they stand there."""
    from trainers.data.schema import read_rows

    with replacement(out, advice=ADVICE) as file, write_errors(out, advice=ADVICE):
        for _, _, row in read_rows(source):
            if str(row["id"]).strip() not in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
