"""The demo's VideoHallucer, EventHallusion and MMVU: JSON files beside videos. Imported lazily: numpy is at the top.

VideoHallucer's five subsets, in terms of the demo world: `object_relation` asks for objects (the false one is a partner
that is usually there too) and for positions at the start; `temporal` for the order of the two events; `semantic_detail`
asks the same about two videos that differ in one detail; `external_factual` tells an event of an object's partner,
which would be just like this world but is not in the video, and `external_nonfactual` of an unrelated object, which
would not be like it either. MMVU's subjects stand for kinds of event: Mechanics for moves, Chemistry for colour
changes, Biology for what appears and disappears, History for the order of events, Geography for places.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from harness.demo.annotations import annotate, describe_scene, write_annotations
from harness.demo.asking import ask_event, ask_located, ask_object, ask_order, ask_value, negatives, pick
from harness.demo.questions import Family, Query, resolve, word_question
from harness.demo.rendering import Style
from harness.demo.videos import draw_moments, draw_video_scene, fits, render_states, write_video
from harness.demo.world import COLOR_NAMES, DIRECTIONS, PARTNER, SHAPES, Scene, absent_partners, shown_objects

MMVU_FAMILIES: Final[Mapping[Family, str]] = {
    "direction": "Mechanics",
    "becomes": "Chemistry",
    "who": "Biology",
    "who_when": "History",
    "where": "Geography",
    "what_happens": "Mechanics",
}
OPEN_SHARE: Final = 0.375
"""Share of open-ended MMVU questions, as in its validation split."""


_Pair = tuple[str, tuple[Scene, Scene], tuple[Query, Query]]
"""Its kind, and a true question and a false one, each about a scene."""


def _object_relation(rng: np.random.Generator, number: int) -> _Pair:
    while True:
        scene = draw_video_scene(rng, held_out=True)
        if not absent_partners(scene):
            continue
        if number % 2:
            true, false = (ask_located(rng, scene, video=True, true=value) for value in (True, False))
        else:
            true = ask_object(rng, scene, video=True, negative="adversarial", present=True)
            false = ask_object(rng, scene, video=True, negative="adversarial", present=False)
        return "relation" if number % 2 else "object", (scene, scene), (true, false)


def _temporal(rng: np.random.Generator, number: int) -> _Pair:
    scene = draw_video_scene(rng, held_out=True)
    relative = bool(number % 2)
    true = ask_order(rng, scene, true=True, relative=relative)
    false = replace(true, when="last" if true.when == "first" else "first")
    kind = "temporal_relative" if relative else "temporal_absolute"
    return kind, (scene, scene), (true, false)


def _other_detail(rng: np.random.Generator, scene: Scene, index: int) -> Scene | None:
    """The scene with another direction or colour in the event of one entry, or `None` where none fits."""
    entry = scene[index]
    assert entry.event is not None
    alphabet: Sequence[str] = tuple(DIRECTIONS) if entry.event.verb == "moves" else COLOR_NAMES
    others = [alphabet[i] for i in rng.permutation(len(alphabet)) if alphabet[i] != entry.event.argument]
    others = [name for name in others if entry.event.verb == "moves" or name != COLOR_NAMES[entry.obj // len(SHAPES)]]
    for name in others:
        changed = replace(entry, event=replace(entry.event, argument=name))
        twin = (*scene[:index], changed, *scene[index + 1 :])
        if fits(twin):
            return twin
    return None


def _semantic_detail(rng: np.random.Generator, number: int) -> _Pair:
    verb = ("moves", "turns")[number % 2]
    while True:
        scene = draw_video_scene(rng, held_out=True)
        found = [i for i, entry in enumerate(scene) if entry.event is not None and entry.event.verb == verb]
        if not found or (twin := _other_detail(rng, scene, found[0])) is None:
            continue
        entry = scene[found[0]]
        assert entry.event is not None
        query = Query(family="event", video=True, obj=entry.obj, verb=entry.event.verb, argument=entry.event.argument)
        return "semantic_detail", (scene, twin), (query, query)


def _external(rng: np.random.Generator, number: int, *, factual: bool) -> _Pair:
    while True:
        scene = draw_video_scene(rng, held_out=True)
        true = ask_event(rng, scene, true=True)
        assert true.obj is not None
        others = [PARTNER[true.obj]] if factual else negatives(scene, "random")
        others = [obj for obj in others if obj not in shown_objects(scene)]
        if others:
            kind = f"external_{'factual' if factual else 'nonfactual'}_event"
            return kind, (scene, scene), (true, replace(true, obj=pick(rng, others)))


SUBSETS: Final[Mapping[str, Callable[[np.random.Generator, int], _Pair]]] = {
    "object_relation": _object_relation,
    "temporal": _temporal,
    "semantic_detail": _semantic_detail,
    "external_factual": partial(_external, factual=True),
    "external_nonfactual": partial(_external, factual=False),
}


def write_videohallucer(folder: Path, seed: int, *, count: int) -> None:
    """Write the VideoHallucer style data: a folder a subset, with its `count` pairs and their videos."""
    records = []
    for part, (subset, draw_pair) in enumerate(SUBSETS.items()):
        rng = np.random.default_rng([seed, 3, part])
        videos = folder / subset / "videos"
        videos.mkdir(parents=True)
        items = []
        for number in range(count):
            kind, scenes, queries = draw_pair(rng, number)
            twins = scenes[0] != scenes[1]
            moments = draw_moments(rng)
            styles: list[Style] | None = None
            item: dict[str, Any] = {}
            for side, name in enumerate(("basic", "hallucination")):
                scene, query = scenes[side], queries[side]
                file = f"demo_{number:03d}{'_' + 'ab'[side] if twins else ''}.mp4"
                if styles is None or twins:
                    states, styles = render_states(scene, rng, moments=moments, styles=styles)
                    write_video(videos / file, states)
                answer = resolve(query, scene)[1]
                item[name] = {"video": file, "question": word_question(query), "answer": answer}
                description = describe_scene(f"{subset}/videos/{file}", scene, styles)
                records.append(annotate(f"{subset}/{number}/{name}", query, [description]))
            items.append({**item, "type": kind})
        text = json.dumps(items, indent=4) + "\n"
        (folder / subset / f"{subset}.json").write_text(text, encoding="utf-8")
    write_annotations(folder, records)


EVENTS: Final[Mapping[str, Literal["detail", "partner"] | None]] = {
    "entire": "detail",
    "interleave": None,
    "misleading": "partner",
}
"""What is false about the event that EventHallusion's sets ask for; `None`: nothing."""


def write_eventhallusion(folder: Path, seed: int, *, count: int) -> None:
    """Write the EventHallusion style data: for each set a file of questions, and `count` videos with one each."""
    records = []
    (folder / "questions").mkdir(parents=True)
    for part, (subset, distractor) in enumerate(EVENTS.items()):
        rng = np.random.default_rng([seed, 8, part])
        videos = folder / "videos" / subset
        videos.mkdir(parents=True)
        items = []
        for number in range(1, count + 1):
            scene = draw_video_scene(rng, held_out=True)
            query = ask_event(rng, scene, true=distractor is None, distractor=distractor)
            name = f"{subset}_{number:03d}"
            states, styles = render_states(scene, rng)
            write_video(videos / f"{name}.mp4", states)
            asked = {"type": "hallucination", "question": word_question(query)}
            asked["answer"] = "Yes." if resolve(query, scene)[1] == "yes" else "No."
            items.append({"id": name, "category": query.verb, "questions": [asked]})
            records.append(annotate(f"{name}/0", query, [describe_scene(f"videos/{subset}/{name}.mp4", scene, styles)]))
        text = json.dumps(items, indent=4) + "\n"
        (folder / "questions" / f"{subset}_questions.json").write_text(text, encoding="utf-8")
    write_annotations(folder, records)


def write_mmvu(folder: Path, seed: int, *, count: int) -> None:
    """Write the MMVU style data: `validation.json` and a video for each of `count` items."""
    rng = np.random.default_rng([seed, 4])
    families = tuple(MMVU_FAMILIES)
    items, records = [], []
    for number in range(count):
        family = families[number % len(families)]
        multiple_choice = bool(rng.random() >= OPEN_SHARE)
        query = None
        while query is None:
            scene = draw_video_scene(rng, held_out=True)
            query = ask_value(rng, scene, family, video=True, option_count=5 if multiple_choice else 0)
        subject = MMVU_FAMILIES[family]
        video = f"videos/{subject}/{number}.mp4"
        (folder / "videos" / subject).mkdir(parents=True, exist_ok=True)
        states, styles = render_states(scene, rng)
        write_video(folder / video, states)
        thinking, answer = resolve(query, scene)
        sample_id = f"validation_{number}"
        items.append(
            {
                "id": sample_id,
                "video": video,
                "question_type": "multiple-choice" if multiple_choice else "open-ended",
                "metadata": {"subject": subject, "textbook": "", "knowledge": [], "rationale": thinking},
                "question": word_question(query),
                "choices": {letter: query.options.get(letter, "") for letter in "ABCDE"},
                "answer": answer,
            }
        )
        records.append(annotate(sample_id, query, [describe_scene(video, scene, styles)]))
    (folder / "validation.json").write_text(json.dumps(items, indent=4) + "\n", encoding="utf-8")
    write_annotations(folder, records)
