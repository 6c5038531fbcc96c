"""The demo's CHAIR and AMBER's descriptions: images to be described. Imported lazily only: numpy at the top.

What makes the demo model describe a whole image is a question about its objects in the grounded format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.demo.annotations import annotate, describe_scene, write_annotations
from harness.demo.data_images import encode_png, write_parquet
from harness.demo.questions import Query, word_question
from harness.demo.videos import render_image
from harness.demo.world import OBJECTS, SHAPES, absent_partners, draw_scene

_ALL: Final = Query(family="count", video=False)


def write_chair(folder: Path, seed: int, *, count: int) -> None:
    """Write `count` images, each with the objects that are there; the world's objects are the vocabulary."""
    rng = np.random.default_rng([seed, 8])
    rows: list[dict[str, Any]] = []
    records = []
    for number in range(count):
        scene = draw_scene(rng, held_out=True)
        pixels, styles = render_image(scene, rng)
        name = f"demo_{number:03d}"
        records.append(annotate(str(number), _ALL, [describe_scene(name, scene, styles)]))
        rows.append(
            {
                "question_id": str(number),
                "question": word_question(_ALL),
                "gt_object": [OBJECTS[entry.obj] for entry in scene],
                "vocabulary": list(OBJECTS),
                "image": {"bytes": encode_png(pixels), "path": f"{name}.png"},
            }
        )
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", rows)
    write_annotations(folder, records)


def write_amber_generative(folder: Path, seed: int, *, count: int) -> None:
    """Write `count` images with the shapes that are there, and those of absent partners; shapes are the vocabulary."""
    rng = np.random.default_rng([seed, 9])
    rows: list[dict[str, Any]] = []
    records = []
    (folder / "image").mkdir(parents=True)
    for number in range(1, count + 1):
        scene = draw_scene(rng, held_out=True)
        pixels, styles = render_image(scene, rng)
        image = f"AMBER_{number}.png"
        (folder / "image" / image).write_bytes(encode_png(pixels))
        shown = dict.fromkeys(SHAPES[entry.obj % len(SHAPES)] for entry in scene)
        expected = dict.fromkeys(SHAPES[obj % len(SHAPES)] for obj in absent_partners(scene))
        records.append(annotate(str(number), _ALL, [describe_scene(image, scene, styles)]))
        rows.append(
            {
                "id": number,
                "image": image,
                "query": word_question(_ALL),
                "truth": list(shown),
                "hallu": [shape for shape in expected if shape not in shown],
                "vocabulary": list(SHAPES),
            }
        )
    (folder / "data" / "query").mkdir(parents=True)
    (folder / "data" / "query" / "query_generative.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    write_annotations(folder, records)
