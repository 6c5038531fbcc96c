"""Training questions over the demo world: images and rows, none of a layout that the demo's benchmarks use.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from harness.demo.asking import NEGATIVES, ask_located, ask_object, ask_value, pick
from harness.demo.chains import build_sample, word_response
from harness.demo.data_images import encode_png
from harness.demo.questions import Family, Query, resolve
from harness.demo.videos import render_image
from harness.demo.world import Scene, draw_scene
from harness.files import write_atomically
from harness.types import Media
from trainers.data.schema import Example, row_from_example

FAMILIES: Final[tuple[Family, ...]] = (
    "object", "located", "object", "where", "object", "color", "object", "count", "object", "identity",
)  # fmt: skip
"""Kinds of question, in turn: half of them ask whether an object is there."""


def write_demo_rows(folder: Path, rows: int, seed: int) -> Path:
    """Write `train.jsonl` and its images, unless they are there already.

    Args:
        folder: made where it does not exist.
        rows: questions, each about an image of its own.
        seed: of everything that is drawn.

    Returns:
        The file. Its rows hold a response each, a true and grounded one, for supervised fine-tuning.
    """
    file, mark = folder / "train.jsonl", folder / "made.json"
    made = json.dumps({"rows": rows, "seed": seed})
    if file.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == made:
        return file
    mark.unlink(missing_ok=True)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 11])
    lines = []
    for number in range(rows):
        query, scene = draw_question(rng, number)
        path = f"images/{number:06d}.png"
        (folder / path).write_bytes(encode_png(render_image(scene, rng)[0]))
        lines.append(json.dumps(row_from_example(build_example(query, scene, number, path))))
    write_atomically(file, "\n".join(lines) + "\n")
    write_atomically(mark, made)
    return file


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


def build_example(query: Query, scene: Scene, number: int, path: str) -> Example:
    """The row of a question: its sample as the evaluation makes it, and the chain that the scene implies."""
    asked = build_sample(query, sample_id=f"demo/{number}", target=resolve(query, scene)[1])
    sample = replace(asked, task="train", media=(Media(kind="image", source=path),))
    return Example(sample=sample, response=word_response(query, scene, "grounded", expecting=True))
