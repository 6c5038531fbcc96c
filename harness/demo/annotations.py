"""The truth behind the demo data, as JSON lines keyed by sample id, and the world's own rules as their reader.

The rules say what follows from a caption or a thinking that is worded in the world's grammar; a row is a line of
`annotations.jsonl`, with `query` and `scenes`, see `harness.demo.data`. Imported lazily only: numpy is imported below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from harness.core.types import Sample
from harness.core.worlds import AnnotationRules, Row
from harness.demo.questions import ASKED, GLANCE, Query, read_caption, read_entry, resolve, word_caption, word_question
from harness.demo.rendering import Style
from harness.demo.world import COLOR_NAMES, DIRECTIONS, OBJECTS, POSITIONS, VERBS, Entry, Event, Scene

_OF_VIDEOS: Final = ("event", "order", "who", "who_when", "becomes", "direction", "what_happens")
_VALUES: Final = frozenset((*OBJECTS, *POSITIONS, *COLOR_NAMES, *DIRECTIONS, *VERBS, "stays", "none", *"0123456789"))


def describe_scene(media: str, scene: Scene, styles: Sequence[Style]) -> dict[str, Any]:
    """What is in one image or video, stored as `media`."""
    objects = []
    for entry, style in zip(scene, styles, strict=True):
        record: dict[str, Any] = {"object": OBJECTS[entry.obj], "position": POSITIONS[entry.cell], "faint": style.faint}
        if entry.event is not None:
            record["event"] = asdict(entry.event)
        objects.append(record)
    return {"media": media, "objects": objects}


def annotate(sample_id: str, query: Query, scenes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One line of `annotations.jsonl`: what was asked, leaving out what does not apply, and what is there."""
    asked = {
        "family": query.family,
        "object": None if query.obj is None else OBJECTS[query.obj],
        "position": None if query.cell is None else POSITIONS[query.cell],
        "verb": query.verb,
        "argument": query.argument,
        "when": query.when,
        "rival": None if query.rival is None else OBJECTS[query.rival],
    }
    known = {name: value for name, value in asked.items() if value is not None}
    return {"sample_id": sample_id, "query": known, "scenes": list(scenes)}


def write_annotations(folder: Path, records: Sequence[dict[str, Any]]) -> None:
    """Write `annotations.jsonl` into a task's folder."""
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "annotations.jsonl").write_text(lines, encoding="utf-8")


def read_query(sample: Sample, query: Mapping[str, Any]) -> Query:
    """The question of a sample, from its annotation and its options."""
    position, named, rival = query.get("position"), query.get("object"), query.get("rival")
    return Query(
        family=query["family"],
        video="video" in sample.question or query["family"] in _OF_VIDEOS,
        obj=OBJECTS.index(named) if named is not None else None,
        cell=POSITIONS.index(position) if position is not None else None,
        rival=OBJECTS.index(rival) if rival is not None else None,
        options=dict(sample.choices or {}),
        **{name: query.get(name) for name in ("verb", "argument", "when")},
    )


def reads(row: Row) -> bool:
    """Whether a row is of the demo world."""
    return "query" in row and "scenes" in row


def objects(row: Row) -> tuple[frozenset[str], frozenset[str]]:
    """The objects of the scenes, and with them what those turn into."""
    entries = [entry for scene in row["scenes"] for entry in scene["objects"]]
    shown = frozenset(str(entry["object"]) for entry in entries)
    turned = {
        f"{entry['event']['argument']} {entry['object'].split()[-1]}"
        for entry in entries
        if (entry.get("event") or {}).get("verb") == "turns"
    }
    return shown, shown | turned


def asks(sample: Sample, row: Row) -> bool:
    """Whether a row is about the question of this sample."""
    try:
        return word_question(read_query(sample, row["query"])) == sample.question
    except (KeyError, ValueError, TypeError):
        return False


def answer_from_caption(sample: Sample, row: Row, caption: str) -> str | None:
    """The answer that a caption implies; empty when none of the options follows, `None` when it describes no scene."""
    scene = read_caption(caption)
    if not scene:
        return None
    asked = read_query(sample, row["query"])
    thinking, answer = resolve(asked, scene)
    return "" if asked.kind == "choice" and thinking.endswith(" none") else answer


def answer_from_thinking(sample: Sample, row: Row, thinking: str) -> str | None:
    """The answer that a thinking comes to; `None` when it is not worded as one, or comes to none of the options."""
    asked = read_query(sample, row["query"])
    words = thinking.split()
    if not words:
        return None
    if asked.kind == "choice":
        letter = words[-1].rstrip(".")
        return letter if letter in asked.options else None
    if asked.kind == "open":
        return next((value for n in (2, 1) if (value := " ".join(words[-n:])) in _VALUES), None)
    if words[0] == GLANCE:
        return words[1] if words[1:] in (["yes"], ["no"]) else None
    named = " ".join(words[:2])
    if asked.obj is None or named != OBJECTS[asked.obj]:
        return None
    if words[2:] == ["none"]:
        return "no"
    entry = read_entry(thinking.partition(f" {ASKED} ")[0])
    return resolve(asked, (entry,))[1] if entry is not None else None


def true_caption(row: Row) -> str:
    """The caption of the annotated scenes."""
    return word_caption(
        tuple(
            Entry(
                obj=OBJECTS.index(record["object"]),
                cell=POSITIONS.index(record["position"]),
                event=Event(**record["event"]) if record.get("event") else None,
            )
            for scene in row["scenes"]
            for record in scene["objects"]
        )
    )


RULES: Final = AnnotationRules(
    reads=reads,
    vocabulary=dict.fromkeys(OBJECTS, ()),
    objects=objects,
    asks=asks,
    answer_from_caption=answer_from_caption,
    answer_from_thinking=answer_from_thinking,
    true_caption=true_caption,
)
