"""The demo's POPE and MMBench: images in parquet files. Imported lazily only: numpy is imported at the top."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.demo.annotations import annotate, describe_scene, write_annotations
from harness.demo.asking import LETTERS, NEGATIVES, ask_value, negatives, pick
from harness.demo.questions import Family, Query, resolve, word_question
from harness.demo.rendering import Pixels
from harness.demo.videos import render_image
from harness.demo.world import POPULAR, Scene, absent_partners, draw_scene, shown_objects

POPE_PER_KIND: Final = 3
ROTATION_STEP: Final = 1_000_000
MMBENCH_CATEGORIES: Final[Mapping[Family, tuple[str, str]]] = {
    "where": ("object_localization", "finegrained_perception (instance-level)"),
    "color": ("attribute_recognition", "finegrained_perception (instance-level)"),
    "identity": ("object_recognition", "finegrained_perception (instance-level)"),
    "count": ("object_counting", "coarse_perception"),
}
"""Kind of question to MMBench's category and L2 category; the names of the categories are the demo's own."""


def encode_png(pixels: Pixels) -> bytes:
    """An image file's bytes."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with an `image` column of {bytes, path} structs, marked as images for `datasets`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [row[name] for row in rows] for name in rows[0]}
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    arrays = {name: pa.array(values, image if name == "image" else None) for name, values in columns.items()}
    table = pa.table(arrays)
    texts = {"dtype": "string", "_type": "Value"}
    kinds = {pa.int64(): {"dtype": "int64", "_type": "Value"}, pa.string(): texts, pa.list_(pa.string()): [texts]}
    features = {
        field.name: {"_type": "Image"} if field.name == "image" else kinds[field.type] for field in table.schema
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")


def write_pope(folder: Path, seed: int, *, count: int) -> None:
    """Write the POPE style data: per image of `count` six questions in each category, three about absent objects."""
    rng = np.random.default_rng([seed, 1])
    images = []
    for number in range(count):
        scene: Scene = ()
        while len(absent_partners(scene)) < 2:
            scene = draw_scene(rng, low=POPE_PER_KIND, held_out=True)
        pixels, styles = render_image(scene, rng)
        name = f"demo_{number:03d}"
        images.append((name, scene, encode_png(pixels), describe_scene(name, scene, styles)))
    rows: list[dict[str, Any]] = []
    records = []
    for category in NEGATIVES:
        question_id = 0
        for name, scene, data, description in images:
            present = [scene[i].obj for i in rng.permutation(len(scene))[:POPE_PER_KIND]]
            absent = [int(obj) for obj in rng.permutation(negatives(scene, category))]
            absent += [obj for obj in POPULAR if obj not in (*shown_objects(scene), *absent)]  # Where these are few.
            for turn in range(2 * POPE_PER_KIND):
                obj = (absent if turn % 2 else present)[turn // 2]
                question_id += 1
                query = Query(family="object", video=False, obj=obj)
                rows.append(
                    {
                        "id": str(len(rows)),
                        "question_id": str(question_id),
                        "question": word_question(query),
                        "answer": resolve(query, scene)[1],
                        "image_source": name,
                        "image": {"bytes": data, "path": f"{name}.png"},
                        "category": category,
                    }
                )
                records.append(annotate(f"{category}/{question_id}", query, [description]))
    write_parquet(folder / "test-00000-of-00001.parquet", rows)
    write_annotations(folder, records)


def write_repope(folder: Path, pope: Path) -> None:
    """Write corrected labels of the POPE style data in RePOPE's files: all but those of objects that are faint.

    The demo's own labels are right, so that none is turned round; a faint object is one that can hardly be decided.

    Args:
        folder: of the labels.
        pope: of the questions.
    """
    import pyarrow.parquet as pq

    lines = (pope / "annotations.jsonl").read_text(encoding="utf-8").splitlines()
    truth = {record["sample_id"]: record for record in map(json.loads, lines)}
    columns = ["question_id", "question", "answer", "image_source", "category"]
    kept: dict[str, list[str]] = {category: [] for category in NEGATIVES}
    records = []
    for row in pq.read_table(pope / "test-00000-of-00001.parquet", columns=columns).to_pylist():
        record = truth[f"{row['category']}/{row['question_id']}"]
        shown = record["scenes"][0]["objects"]
        if any(entry["faint"] and entry["object"] == record["query"]["object"] for entry in shown):
            continue
        label = {
            "question_id": int(row["question_id"]),
            "image": f"{row['image_source']}.png",
            "text": row["question"],
            "label": row["answer"],
        }
        kept[row["category"]].append(json.dumps(label))
        records.append(record)
    (folder / "annotations").mkdir(parents=True)
    for category, labels in kept.items():
        path = folder / "annotations" / f"coco_repope_{category}.json"
        path.write_text("\n".join(labels) + "\n", encoding="utf-8")
    write_annotations(folder, records)


def rotate(texts: Sequence[str], answer: int, turns: int) -> tuple[list[str], int]:
    """Options moved on by `turns` places, cyclically, and the place of the answer after it."""
    count = len(texts)
    return [texts[(i - turns) % count] for i in range(count)], (answer + turns) % count


def write_mmbench(folder: Path, seed: int, *, count: int) -> None:
    """Write the MMBench style data: each of `count` questions once for each of its options, moved on cyclically."""
    rng = np.random.default_rng([seed, 2])
    families: Sequence[Family] = ("where", "color", "identity", "count")
    rows: list[dict[str, Any]] = []
    records = []
    for group in range(count):
        family = families[group % len(families)]
        option_count = 4 if family == "count" else pick(rng, (2, 3, 4, 4))
        scene = draw_scene(rng, low=1 if family == "count" else 2, held_out=True)
        query = ask_value(rng, scene, family, video=False, option_count=option_count)
        assert query is not None, "every image scene has something of these kinds to ask about"
        pixels, styles = render_image(scene, rng)
        data = encode_png(pixels)
        texts = list(query.options.values())
        answer = LETTERS.index(resolve(query, scene)[1])
        category, l2_category = MMBENCH_CATEGORIES[family]
        for turns in range(len(texts)):
            moved, place = rotate(texts, answer, turns)
            index = group + 1 + turns * ROTATION_STEP
            options = {letter: moved[i] if i < len(moved) else "nan" for i, letter in enumerate("ABCD")}
            rows.append(
                {
                    "index": index,
                    "question": word_question(query),
                    "hint": "nan",
                    **options,
                    "answer": LETTERS[place],
                    "category": category,
                    "l2-category": l2_category,
                    "image": {"bytes": data, "path": f"demo_{group + 1:03d}.png"},
                }
            )
            records.append(annotate(str(index), query, [describe_scene(f"demo_{group + 1:03d}", scene, styles)]))
    order = sorted(range(len(rows)), key=lambda i: int(rows[i]["index"]))
    write_parquet(folder / "dev-00000-of-00001.parquet", [rows[i] for i in order])
    write_annotations(folder, [records[i] for i in order])
