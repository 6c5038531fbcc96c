"""The truth behind the demo data, as JSON lines keyed by sample id. Imported lazily only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.demo.questions import Query
from harness.demo.rendering import Style
from harness.demo.world import OBJECTS, POSITIONS, Scene


def describe_scene(media: str, scene: Scene, styles: Sequence[Style]) -> dict[str, Any]:
    """What is in one image or video, stored as `media`."""
    objects = []
    for entry, style in zip(scene, styles, strict=True):
        record: dict[str, Any] = {"object": OBJECTS[entry.obj], "position": POSITIONS[entry.cell], "faint": style.faint}
        if entry.event is not None:
            event = entry.event
            record["event"] = {"verb": event.verb, "argument": event.argument, "when": event.when}
        objects.append(record)
    return {"media": media, "objects": objects}


def describe_query(query: Query) -> dict[str, Any]:
    """What was asked, leaving out what does not apply."""
    record: dict[str, Any] = {"family": query.family}
    if query.obj is not None:
        record["object"] = OBJECTS[query.obj]
    if query.cell is not None:
        record["position"] = POSITIONS[query.cell]
    for name in ("verb", "argument", "when"):
        if (value := getattr(query, name)) is not None:
            record[name] = value
    if query.rival is not None:
        record["rival"] = OBJECTS[query.rival]
    return record


def annotate(sample_id: str, query: Query, scenes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One line of `annotations.jsonl`."""
    return {"sample_id": sample_id, "query": describe_query(query), "scenes": list(scenes)}


def write_annotations(folder: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write `annotations.jsonl` into a task's folder."""
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "annotations.jsonl").write_text(lines, encoding="utf-8")
