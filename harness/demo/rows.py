"""Training questions over the demo world: images, videos and rows, none of a layout that the demo's benchmarks use.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.core.errors import UsageError
from harness.core.files import write_atomically, write_errors
from harness.core.types import Media
from harness.demo.asking import NEGATIVES
from harness.demo.chains import build_sample, word_response
from harness.demo.curriculum import draw_query
from harness.demo.data_images import encode_png
from harness.demo.questions import Family, Query, resolve
from harness.demo.rendering import Pixels
from harness.demo.videos import render_image, render_states, write_video
from harness.demo.world import OBJECTS, POSITIONS, Scene
from trainers.data import FACTS, KEY_STEPS
from trainers.data.schema import Example, row_from_example

FAMILIES: Final[tuple[Family, ...]] = (
    "object", "located", "object", "where", "object", "color", "object", "count", "object", "identity",
)  # fmt: skip
"""Kinds of question, in turn: half of them ask whether an object is there."""
VIDEO_FAMILIES: Final[tuple[Family, ...]] = (
    "event", "order", "who", "event", "object", "order", "becomes", "direction",
)  # fmt: skip
"""The same of questions about videos: most of them are about what happens, or in which order."""
MARK: Final = "made.json"
"""Tells that the rows beside it are the demo's, and how they were drawn."""
_Drawn = tuple[Query, Scene, Pixels, Mapping[str, Any]]
"""Question, scene and picture of a row, and what stands in it beside what the trainer reads."""


def write_demo_rows(folder: Path, rows: int, seed: int, videos: float = 0.0) -> Path:
    """Write `train.jsonl` and its images and videos, unless they are there already; see `write_rows`.

    Args:
        folder: made where it does not exist.
        rows: questions, each about an image or a video of its own.
        seed: of everything that is drawn.
        videos: share of the questions that are about videos.

    Returns:
        The file. Its rows hold a response each, a true and grounded one, for supervised fine-tuning.
    """
    rng = np.random.default_rng([seed, 11])

    def draw(number: int) -> _Drawn:
        before = int(number * videos)  # Of the rows before this one so many are about videos.
        video = int((number + 1) * videos) > before
        families, place = (VIDEO_FAMILIES, before) if video else (FAMILIES, number - before)
        negative = NEGATIVES[place // 2 % len(NEGATIVES)]
        family = families[place % len(families)]
        query, scene = draw_query(rng, family, video=video, negative=negative, option_counts=(0, 2, 3, 4))
        if video:
            return query, scene, render_states(scene, rng)[0], {}
        return query, scene, render_image(scene, rng)[0], _annotations(query, scene)

    made = {"rows": rows, "seed": seed} | ({"videos": videos} if videos else {})
    return write_rows(folder, made, map(draw, range(rows)))


def _annotations(query: Query, scene: Scene) -> dict[str, list[str]]:
    """What other methods reward: what the thinking has to hold, and questions whose answer is yes, an object each."""
    return {
        KEY_STEPS: [resolve(query, scene)[0]],
        FACTS: [f"Is the {OBJECTS[entry.obj]} at the {POSITIONS[entry.cell]}?" for entry in scene],
    }


def write_rows(folder: Path, made: Mapping[str, Any], rows: Iterable[_Drawn]) -> Path:
    """Write `train.jsonl` and its media; `made.json` tells that they are the demo's, and how they were drawn.

    Args:
        folder: made where it does not exist.
        made: tells these rows from others; where they are there already, nothing is written.
        rows: see `_Drawn`.

    Returns:
        The file.

    Raises:
        UsageError: rows or images that are not the demo's would be overwritten.
        StoreError: the folder cannot be written.
    """
    file, mark, told, lines = folder / "train.jsonl", folder / MARK, json.dumps(made), []
    if mark.is_file():
        if file.is_file() and mark.read_text(encoding="utf-8") == told:
            return file
    elif there := _written(folder):
        raise UsageError(
            f"{there[0]} is there and was not drawn from the demo world: without {mark} it is not overwritten. Give "
            "another output=FOLDER, with data.train=FILE to train on it."
        )
    write_atomically(mark, "{}")  # Until all rows are there.
    with write_errors(folder / "images"):
        for number, (query, scene, pixels, more) in enumerate(rows):
            path = f"videos/{number:06d}.mp4" if query.video else f"images/{number:06d}.png"
            (folder / path).parent.mkdir(exist_ok=True)
            if query.video:
                write_video(folder / path, pixels)
            else:
                (folder / path).write_bytes(encode_png(pixels))
            asked = build_sample(query, sample_id=f"demo/{number}", target=resolve(query, scene)[1])
            sample = replace(asked, task="train", media=(Media(kind="video" if query.video else "image", source=path),))
            example = Example(sample=sample, response=word_response(query, scene, "grounded", expecting=True))
            lines.append(json.dumps({**row_from_example(example), **more}))
    write_atomically(file, "\n".join(lines) + "\n")
    write_atomically(mark, told)
    return file


def remove_demo_rows(folder: Path) -> None:
    """Delete what `write_rows` wrote into a folder, and nothing else; without `made.json` nothing at all."""
    if not (folder / MARK).is_file():
        return
    for path in (*_written(folder), folder / MARK):
        path.unlink()
    for emptied in (folder / "images", folder / "videos", folder):
        if emptied.is_dir() and not any(emptied.iterdir()):
            emptied.rmdir()


def _written(folder: Path) -> list[Path]:
    """What is there under the names that rows, images and videos are given."""
    rows = folder / "train.jsonl"
    media = [path for kind in ("images/*.png", "videos/*.mp4") for path in folder.glob(kind)]
    return [
        *([rows] if rows.exists() else []),
        *(path for path in media if path.stem.isdigit() and len(path.stem) == 6),
    ]
