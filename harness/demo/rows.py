"""Training questions over the demo world: images and rows, none of a layout that the demo's benchmarks use.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.core.errors import UsageError
from harness.core.files import write_atomically, write_errors
from harness.core.types import Media
from harness.demo.asking import NEGATIVES, ask_located, ask_object, ask_value, pick
from harness.demo.chains import build_sample, word_response
from harness.demo.data_images import encode_png
from harness.demo.questions import Family, Query, resolve
from harness.demo.videos import render_image
from harness.demo.world import Scene, draw_scene
from trainers.data.schema import Example, row_from_example

FAMILIES: Final[tuple[Family, ...]] = (
    "object", "located", "object", "where", "object", "color", "object", "count", "object", "identity",
)  # fmt: skip
"""Kinds of question, in turn: half of them ask whether an object is there."""
MARK: Final = "made.json"
"""Tells that the rows beside it are the demo's, and how they were drawn."""


def write_demo_rows(folder: Path, rows: int, seed: int) -> Path:
    """Write `train.jsonl` and its images, unless they are there already; see `write_rows`.

    Args:
        folder: made where it does not exist.
        rows: questions, each about an image of its own.
        seed: of everything that is drawn.

    Returns:
        The file. Its rows hold a response each, a true and grounded one, for supervised fine-tuning.
    """

    def draw() -> Iterator[tuple[bytes, Mapping[str, Any]]]:
        rng = np.random.default_rng([seed, 11])
        for number in range(rows):
            query, scene = draw_question(rng, number)
            picture = encode_png(render_image(scene, rng)[0])
            yield picture, row_from_example(build_example(query, scene, number))

    return write_rows(folder, {"rows": rows, "seed": seed}, draw())


def write_rows(folder: Path, drawn: Mapping[str, Any], rows: Iterable[tuple[bytes, Mapping[str, Any]]]) -> Path:
    """Write `train.jsonl` and its images; `made.json` tells that they are the demo's, and how they were drawn.

    Args:
        folder: made where it does not exist.
        drawn: tells these rows from others; where they are there already, nothing is written.
        rows: the image of each as a PNG, and the row, whose media name it (`image_path`).

    Returns:
        The file.

    Raises:
        UsageError: rows or images that are not the demo's would be overwritten.
        StoreError: the folder cannot be written.
    """
    file, mark, made = folder / "train.jsonl", folder / MARK, json.dumps(drawn)
    if mark.is_file():
        if file.is_file() and mark.read_text(encoding="utf-8") == made:
            return file
    elif there := _written(folder):
        raise UsageError(
            f"{there[0]} is there and was not drawn from the demo world: without {mark} it is not overwritten. Give "
            "another output=FOLDER, with data.train=FILE to train on it."
        )
    write_atomically(mark, "{}")  # Until all rows are there.
    with write_errors(folder / "images"):
        (folder / "images").mkdir(exist_ok=True)
    lines = []
    for number, (picture, row) in enumerate(rows):
        path = folder / image_path(number)
        with write_errors(path):
            path.write_bytes(picture)
        lines.append(json.dumps(row))
    write_atomically(file, "\n".join(lines) + "\n")
    write_atomically(mark, made)
    return file


def image_path(number: int) -> str:
    """The image of a row, relative to its file."""
    return f"images/{number:06d}.png"


def remove_demo_rows(folder: Path) -> None:
    """Delete what `write_rows` wrote into a folder, and nothing else; without `made.json` nothing at all."""
    if not (folder / MARK).is_file():
        return
    for path in (*_written(folder), folder / MARK):
        path.unlink()
    for emptied in (folder / "images", folder):
        if emptied.is_dir() and not any(emptied.iterdir()):
            emptied.rmdir()


def _written(folder: Path) -> list[Path]:
    """What is there under the names that rows and images are given."""
    rows = folder / "train.jsonl"
    return [*([rows] if rows.exists() else []), *(folder / "images").glob(f"{'[0-9]' * 6}.png")]


def draw_question(rng: np.random.Generator, number: int) -> tuple[Query, Scene]:
    """The question of a row, and the scene that it is about."""
    family = FAMILIES[number % len(FAMILIES)]
    while True:
        scene = draw_scene(rng, low=1 if family in ("object", "located", "count") else 2, held_out=False)
        query: Query | None
        if family == "object":
            query = ask_object(rng, scene, video=False, negative=NEGATIVES[number // 2 % len(NEGATIVES)])
        elif family == "located":
            query = ask_located(rng, scene, video=False)
        else:
            query = ask_value(rng, scene, family, video=False, option_count=pick(rng, (0, 2, 3, 4)))
        if query is not None:
            return query, scene


def build_example(query: Query, scene: Scene, number: int) -> Example:
    """The row of a question: its sample as the evaluation makes it, and the chain that the scene implies."""
    asked = build_sample(query, sample_id=f"demo/{number}", target=resolve(query, scene)[1])
    sample = replace(asked, task="train", media=(Media(kind="image", source=image_path(number)),))
    return Example(sample=sample, response=word_response(query, scene, "grounded", expecting=True))
