"""The demo's HallusionBench, DASH-B and AMBER: yes/no questions on images. Imported lazily only: numpy at the top."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.demo.annotations import annotate, describe_scene, write_annotations
from harness.demo.asking import ask_located, ask_object, negatives
from harness.demo.data_images import encode_png, write_parquet
from harness.demo.questions import Query, resolve, word_question
from harness.demo.videos import render_image
from harness.demo.world import OBJECTS, Scene, absent_partners, draw_scene, is_held_out


def write_hallusionbench(folder: Path, seed: int, *, count: int) -> None:
    """Write `count` sets of two figures, of which the second is the first with one object exchanged.

    Asked is on both whether the old, the new and another object are there and where that is, so that two answers
    change and two do not. All are VD: the demo has no question that could be answered without an image.
    """
    rng = np.random.default_rng([seed, 5])
    rows: list[dict[str, Any]] = []
    records = []
    for number in range(count):
        scene, edited, old, new, kept = _draw_edit(rng)
        asked = [Query(family="object", video=False, obj=obj) for obj in (old, new, kept)]
        cell = next(entry.cell for entry in scene if entry.obj == kept)
        asked.append(Query(family="located", video=False, obj=kept, cell=cell))
        for figure, shown in enumerate((scene, edited)):
            pixels, styles = render_image(shown, rng)
            name = f"{number}_{figure}"
            data, description = encode_png(pixels), describe_scene(name, shown, styles)
            for position, query in enumerate(asked):
                answer = resolve(query, shown)[1]
                rows.append(
                    {
                        "category": "VD",
                        "subcategory": "scene",
                        "visual_input": str(1 + figure),
                        "set_id": str(number),
                        "figure_id": str(figure),
                        "sample_note": OBJECTS[old],
                        "question_id": str(position),
                        "question": word_question(query),
                        "gt_answer_details": f"The answer is {answer}.",
                        "gt_answer": str(int(answer == "yes")),
                        "filename": f"./hallusion_bench/VD/scene/{name}.png",
                        "image": {"bytes": data, "path": f"{name}.png"},
                    }
                )
                records.append(annotate(f"VD/scene/{number}/{figure}/{position}", query, [description]))
    write_parquet(folder / "data" / "image-00000-of-00001.parquet", rows)
    write_annotations(folder, records)


def _draw_edit(rng: np.random.Generator) -> tuple[Scene, Scene, int, int, int]:
    """A scene, the scene with one object exchanged, the old and the new object, and one that stays; both held out."""
    while True:
        scene = draw_scene(rng, low=2, held_out=True)
        places = rng.permutation(len(scene))
        old, kept = scene[places[0]], scene[places[1]]
        for new in rng.permutation(negatives(scene, "popular") + absent_partners(scene)):
            edited = tuple(replace(entry, obj=int(new)) if entry is old else entry for entry in scene)
            if is_held_out(edited):
                return scene, edited, old.obj, int(new), kept.obj


def write_dash_b(folder: Path, seed: int, *, count: int) -> None:
    """Write `count` images, half of which lack the object that is asked for and show the one it appears with."""
    rng = np.random.default_rng([seed, 6])
    rows: list[dict[str, Any]] = []
    records = []
    for number in range(count):
        scene: Scene = ()
        while not absent_partners(scene):
            scene = draw_scene(rng, held_out=True)
        query = ask_object(rng, scene, video=False, negative="adversarial", present=number % 2 == 1)
        pixels, styles = render_image(scene, rng)
        name = f"demo_{number:03d}"
        records.append(annotate(str(number), query, [describe_scene(name, scene, styles)]))
        rows.append(
            {
                "question_id": str(number),
                "question": word_question(query),
                "answer": resolve(query, scene)[1],
                "object_name": records[-1]["query"]["object"],
                "image": {"bytes": encode_png(pixels), "path": f"{name}.png"},
            }
        )
    write_parquet(folder / "data" / "test-00000-of-00001.parquet", rows)
    write_annotations(folder, records)


def write_amber(folder: Path, seed: int, *, count: int) -> None:
    """Write `count` images with two questions about what is not there, and two about where something is.

    Of AMBER's types these are existence and relation; the demo has no yes/no question about an attribute.
    """
    rng = np.random.default_rng([seed, 7])
    queries: list[dict[str, Any]] = []
    truths: list[dict[str, Any]] = []
    records = []
    (folder / "data" / "query").mkdir(parents=True)
    (folder / "image").mkdir()
    for number in range(1, count + 1):
        scene: Scene = ()
        while len(absent_partners(scene)) < 2:
            scene = draw_scene(rng, low=2, held_out=True)
        pixels, styles = render_image(scene, rng)
        image = f"AMBER_{number}.png"
        (folder / "image" / image).write_bytes(encode_png(pixels))
        absent = [int(obj) for obj in rng.permutation(absent_partners(scene))[:2]]
        asked = [("discriminative-hallucination", Query(family="object", video=False, obj=obj)) for obj in absent]
        for kind, true in (("discriminative-relation", True), ("relation", False)):
            asked.append((kind, ask_located(rng, scene, video=False, true=true)))
        for kind, query in asked:
            name = len(queries) + 1
            queries.append({"id": name, "image": image, "query": word_question(query)})
            truths.append({"id": name, "type": kind, "truth": resolve(query, scene)[1]})
            records.append(annotate(str(name), query, [describe_scene(image, scene, styles)]))
    for path, rows in (("query/query_discriminative.json", queries), ("annotations.json", truths)):
        (folder / "data" / path).write_text(json.dumps(rows, indent=1), encoding="utf-8")
    write_annotations(folder, records)
