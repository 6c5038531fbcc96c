"""Small copies of the benchmarks in the hub's layouts and schemas, made on the fly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from support_media import encode, write_video

SUBSETS = ("object_relation", "temporal", "semantic_detail", "external_factual", "external_nonfactual")
PAIRS = 3
GROUPS = 4


def image_bytes(shade: int) -> bytes:
    return encode(Image.new("RGB", (32, 24), (shade % 256, 40, 90)), "PNG")


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]], row_group_size: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path, row_group_size=row_group_size)


def pope_rows() -> list[dict[str, Any]]:
    """Three splits of ten questions over five images."""
    rows = []
    for split in ("adversarial", "popular", "random"):
        for number in range(10):
            rows.append(
                {
                    "id": str(len(rows)),
                    "question_id": str(number + 1),
                    "question": f"Is there a thing {number} in the image?",
                    "answer": "yes" if number % 2 == 0 else "no",
                    "image_source": f"COCO_val2014_{number // 2:012}",
                    "image": {"bytes": image_bytes(number // 2), "path": None},
                    "category": split,
                }
            )
    return rows


def write_pope(folder: Path) -> Path:
    """As `hf download --local-dir` leaves it: two parts, a card, another configuration beside."""
    rows = pope_rows()
    write_parquet(folder / "data/test-00000-of-00002.parquet", rows[:16])
    write_parquet(folder / "data/test-00001-of-00002.parquet", rows[16:])
    write_parquet(folder / "Full/random-00000-of-00001.parquet", rows[20:])
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# POPE\n", encoding="utf-8")
    return folder


def write_repope(folder: Path) -> Path:
    """Labels of the first eight of POPE's ten questions in each split; one is turned round."""
    (folder / "annotations").mkdir(parents=True)
    for split in ("adversarial", "popular", "random"):
        labels = [
            {
                "question_id": int(row["question_id"]),
                "image": f"{row['image_source']}.jpg",
                "text": row["question"],
                "label": "no" if row["question_id"] == "1" else row["answer"],
            }
            for row in pope_rows()
            if row["category"] == split and int(row["question_id"]) <= 8
        ]
        lines = "".join(json.dumps(label) + "\n" for label in labels)
        (folder / "annotations" / f"coco_repope_{split}.json").write_text(lines, encoding="utf-8")
    return folder


def write_hallusionbench(folder: Path) -> Path:
    """Four sets: two figures with two questions each, and in every second set the questions without a figure too."""
    rows: list[dict[str, Any]] = []
    for number in range(4):
        category = "VS" if number % 2 else "VD"
        for figure in (1, 2, 0) if category == "VS" else (0, 1):
            for question in range(2):
                shown = category == "VD" or figure > 0
                rows.append(
                    {
                        "category": category,
                        "subcategory": "chart",
                        "visual_input": str((figure if category == "VS" else 1 + figure) if shown else 0),
                        "set_id": str(number),
                        "figure_id": str(figure),
                        "question_id": str(question),
                        "question": f"Is bar {question} of chart {number} higher than the others?",
                        "gt_answer": str((figure + question) % 2),
                        "gt_answer_details": "See the chart.",
                        "image": {"bytes": image_bytes(number + figure), "path": None} if shown else None,
                    }
                )
    write_parquet(folder / "data/image-00000-of-00001.parquet", [row for row in rows if row["image"]])
    bare = [{name: cell for name, cell in row.items() if name != "image"} for row in rows if not row["image"]]
    write_parquet(folder / "data/non_image-00000-of-00001.parquet", bare)
    return folder


def write_dash_b(folder: Path) -> Path:
    rows = [
        {
            "question_id": number,
            "question": f"Can you see a {('fork', 'sloth')[number % 2]} in this image. "
            "Please answer only with yes or no.",
            "answer": "yes" if number % 3 else "no",
            "image": {"bytes": image_bytes(number), "path": None},
        }
        for number in range(16)
    ]
    write_parquet(folder / "data/test-00000-of-00001.parquet", rows)
    return folder


def write_chair(folder: Path) -> Path:
    """Images of two objects of COCO's each."""
    objects = ("dog", "person", "hot dog", "bus")
    rows = [
        {
            "question_id": str(100 + number),
            "gt_object": [objects[number % 4], objects[(number + 1) % 4]],
            "image": {"bytes": image_bytes(number), "path": None},
        }
        for number in range(24)
    ]
    write_parquet(folder / "data/test-00000-of-00001.parquet", rows)
    return folder


def write_amber(folder: Path) -> Path:
    """As the repository has it, with the images unpacked: sixteen questions about four images, and one description."""
    kinds = ("discriminative-attribute-state", "discriminative-hallucination", "discriminative-relation", "relation")
    queries, truths = [], [{"id": 1, "type": "generative", "truth": ["tree"], "hallu": ["bird"]}]
    for number in range(16):
        image = f"AMBER_{number // 4}.jpg"
        queries.append({"id": 2 + number, "image": image, "query": f"Is the tree {number} green in this image?"})
        kind = kinds[number % 4]
        is_yes = kind == "discriminative-relation" or (kind.endswith("state") and number % 8 == 0)
        truths.append({"id": 2 + number, "type": kind, "truth": "yes" if is_yes else "no"})
    (folder / "data/query").mkdir(parents=True)
    (folder / "data/query/query_discriminative.json").write_text(json.dumps(queries), encoding="utf-8")
    (folder / "data/annotations.json").write_text(json.dumps(truths), encoding="utf-8")
    (folder / "image").mkdir()
    for number in range(4):
        (folder / "image" / f"AMBER_{number}.jpg").write_bytes(image_bytes(number))
    return folder


def write_amber_generative(folder: Path, vocabulary: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Images to be described: two as the repository has them, or, without a vocabulary, 16 with their words."""
    gold = [(["sky", "dog"], ["person"]), (["person", "road"], [])] * (8 if vocabulary is None else 1)
    rows: list[dict[str, Any]] = []
    for number, (truth, hallu) in enumerate(gold, start=1):
        row = {"id": number, "image": f"AMBER_{number % 2}.jpg", "query": "Describe this image."}
        rows.append(row)
        if vocabulary is None:
            row |= {"truth": truth, "hallu": hallu, "vocabulary": ["sky", "dog", "person", "road", "man"]}
    truths = [{"id": 1 + n, "type": "generative", "truth": of[0], "hallu": of[1]} for n, of in enumerate(gold)]
    (folder / "data/query").mkdir(parents=True)
    (folder / "data/query/query_generative.json").write_text(json.dumps(rows), encoding="utf-8")
    if vocabulary is not None:
        (folder / "data/annotations.json").write_text(json.dumps(truths), encoding="utf-8")
    (folder / "image").mkdir()
    for number in range(2):
        (folder / "image" / f"AMBER_{number}.jpg").write_bytes(image_bytes(number))
    return folder


def write_videohallucer(folder: Path) -> Path:
    for subset in SUBSETS:
        videos = folder / subset / "videos"
        videos.mkdir(parents=True)
        pairs = []
        for number in range(PAIRS):
            write_video(videos / f"{number}.mp4", 6)
            pairs.append(
                {
                    "basic": {"video": f"{number}.mp4", "question": f"Is {number} there?", "answer": "yes"},
                    "hallucination": {"video": f"{number}.mp4", "question": f"Is {number} gone?", "answer": "no"},
                    "type": "subject",
                }
            )
        (folder / subset / f"{subset}.json").write_text(json.dumps(pairs), encoding="utf-8")
    return folder


def write_eventhallusion(folder: Path) -> Path:
    """As the repository has it, with the videos unpacked: two videos a set, the first with two questions."""
    for subset, answer in (("entire", "No."), ("interleave", "Yes."), ("misleading", "No.")):
        (folder / "videos" / subset).mkdir(parents=True)
        items = []
        for number in (1, 2):
            name = f"{subset}_{number:03d}"
            write_video(folder / "videos" / subset / f"{name}.mp4", 6)
            asked = [
                {"type": "hallucination", "question": f"Is {name} at work {turn}?", "answer": answer}
                for turn in range(3 - number)
            ]
            items.append({"id": name, "category": "gym", "length": "00:04", "event_info": {}, "questions": asked})
        (folder / "questions").mkdir(exist_ok=True)
        (folder / "questions" / f"{subset}_questions.json").write_text(json.dumps(items), encoding="utf-8")
    return folder


def write_mmbench(folder: Path) -> Path:
    """Four questions with four rotations each, one of them of two options; a Chinese configuration beside."""
    rows = []
    for group in range(GROUPS):
        texts = [f"option {letter} of {group}" for letter in "wxyz"][: 2 if group == 3 else 4]
        for turn in range(len(texts)):
            turned = texts[turn:] + texts[:turn]
            rows.append(
                {
                    "index": group + turn * 1_000_000,
                    "question": f"Which is it, {group}?",
                    "hint": "nan" if group else "Look closely.",
                    **dict(zip("ABCD", [*turned, *["nan"] * (4 - len(turned))], strict=True)),
                    "answer": "ABCD"[turned.index(texts[0])],
                    "category": "color" if group < 2 else "shape",
                    "L2-category": "perception" if group < 2 else "reasoning",
                    "image": {"bytes": image_bytes(group), "path": None},
                    "source": "made",
                    "split": "dev",
                }
            )
    write_parquet(folder / "en/dev-00000-of-00001.parquet", rows)
    write_parquet(folder / "cn/dev-00000-of-00001.parquet", rows[:1])
    return folder


def write_mmvu(folder: Path) -> Path:
    """Six questions, named by hub addresses as in the published file."""
    items = []
    for number in range(6):
        subject = "Art" if number < 3 else "Chemistry"
        video = f"videos/{subject}/{number}.mp4"
        (folder / video).parent.mkdir(parents=True, exist_ok=True)
        write_video(folder / video, 6)
        multiple = number % 2 == 0
        letters = {letter: f"choice {letter}" if multiple else "" for letter in "ABCDE"}
        items.append(
            {
                "id": f"validation_{number}",
                "video": f"https://huggingface.co/datasets/yale-nlp/MMVU/resolve/main/{video}",
                "question_type": "multiple-choice" if multiple else "open-ended",
                "metadata": {"subject": subject, "knowledge": []},
                "question": f"What is shown in {number}?",
                "choices": letters,
                "answer": "ABCDE"[number % 5] if multiple else "dolly zoom",
            }
        )
    (folder / "validation.json").write_text(json.dumps(items, indent=4), encoding="utf-8")
    return folder


def write_all(folder: Path) -> Path:
    """All of them, each in a folder of its own."""
    write_pope(folder / "pope")
    write_repope(folder / "repope")
    write_hallusionbench(folder / "hallusionbench")
    write_dash_b(folder / "dash_b")
    for name in ("chair", "chair_64"):
        write_chair(folder / name)
    write_amber(folder / "amber")
    write_amber_generative(folder / "amber_generative")
    write_videohallucer(folder / "videohallucer")
    write_eventhallusion(folder / "eventhallusion")
    write_mmbench(folder / "mmbench")
    write_mmvu(folder / "mmvu")
    return folder
