"""Makes Object HalBench's rows from the authors' questions and COCO's annotations.

    git clone https://github.com/RLHF-V/RLAIF-V && git -C RLAIF-V checkout 83d917b
    python tasks/object_halbench/rows.py RLAIF-V/eval/data/obj_halbench_300_with_image.jsonl COCO DIR

QUESTIONS has a line each with `image_id`, `question` and the image in Base64. COCO is the folder of
`instances_{train,val}2014.json` and `captions_{train,val}2014.json` (annotations_trainval2014.zip of cocodataset.org).
DIR gets `rows.jsonl` and the images. What is there is what an image's instances are of, and what its reference captions
name by the published evaluator's synonyms.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from harness.benchmarks.registry import load_module, own_tasks_dir
from harness.core.errors import DataError, HarnessError
from harness.core.files import write_atomically

_CHAIR: Final = load_module(own_tasks_dir() / "chair")
_SPLITS: Final = ("train", "val")


def objects_there(coco: Path, images: Collection[int]) -> dict[int, list[str]]:
    """The objects in some of COCO's images, by image id.

    Raises:
        DataError: an annotation file is missing or malformed.
    """
    words = _CHAIR.coco_list()
    found: dict[int, set[str]] = defaultdict(set)
    for kind in ("instances", "captions"):
        for split in _SPLITS:
            path = coco / f"{kind}_{split}2014.json"
            try:
                stored = json.loads(path.read_text(encoding="utf-8"))
                names = {category["id"]: words.objects[category["name"]] for category in stored.get("categories", ())}
                for of in stored["annotations"]:
                    if of["image_id"] in images:
                        told = _CHAIR.official_mentions(of["caption"], words) if kind == "captions" else None
                        found[of["image_id"]].update([names[of["category_id"]]] if told is None else told)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path} is not COCO's: {type(error).__name__} {error}. Fetch it again.") from error
    return {image: sorted(objects) for image, objects in found.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write rows and images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("questions", "coco", "dir"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    given = parser.parse_args(arguments)
    try:
        lines = given.questions.read_text(encoding="utf-8").splitlines()
        asked = [json.loads(line) for line in lines if line.strip()]
        there = objects_there(given.coco, {int(row["image_id"]) for row in asked})
        rows = []
        for number, row in enumerate(asked):
            image = f"{int(row['image_id']):012}.jpg"
            (given.dir / "images").mkdir(parents=True, exist_ok=True)
            (given.dir / "images" / image).write_bytes(base64.b64decode(row["image"], validate=True))
            objects = there.get(int(row["image_id"]))
            if not objects:
                raise DataError(f"COCO's annotations have no objects for image {row['image_id']}.")
            told = {"question_id": number, "image_id": int(row["image_id"]), "question": row["question"]}
            rows.append({**told, "gt_object": objects, "image": image})
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"error: {given.questions} is not the authors' file: {type(error).__name__} {error}.", file=sys.stderr)
        return 2
    write_atomically(given.dir / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    print(f"{given.dir}: {len(rows)} questions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
