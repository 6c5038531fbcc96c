"""The demo's CHAIR: images to be described. Imported lazily only: numpy at the top.

What makes the demo model describe a whole image is a question about its objects in the grounded format.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.demo.annotations import annotate, describe_scene, write_annotations
from harness.demo.data_images import encode_png, write_parquet
from harness.demo.questions import Query, word_question
from harness.demo.videos import render_image
from harness.demo.world import OBJECTS, draw_scene

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
