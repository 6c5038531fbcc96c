"""Text-only drills: many look-ups over one caption.

Answering from a caption is a skill of its own (find the entry, copy it, find the option with the same text), and a
model of this size learns it long before it sees anything, if each sequence asks for it often. A drill shows a caption
and then asks for up to a dozen look-ups in the form of the chain's thinking. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from harness.demo.asking import LETTERS, ask_event, ask_located, ask_order, pick
from harness.demo.batches import Example
from harness.demo.chains import END
from harness.demo.questions import Family, Query, resolve, word_caption, word_question
from harness.demo.videos import draw_video_scene
from harness.demo.world import COLOR_NAMES, DIRECTIONS, GRID, OBJECTS, POSITIONS, VERBS, Entry, Scene, at_start

_ALPHABETS: Final = (OBJECTS, POSITIONS, COLOR_NAMES, tuple(DIRECTIONS), (*VERBS, "stays"), ("1", "2", "3", "4"))


def _drill(text: str, response: str) -> Example:
    prompt = f"<|im_start|>user\n{text}{END}\n<|im_start|>assistant\n"
    return Example(frames=None, prompt=prompt, response=response + END, skip_caption=True, skip_keys=True)


def _draw_any_scene(rng: np.random.Generator) -> tuple[Scene, bool]:
    """A scene of uniformly drawn objects, and whether it is a video's."""
    if rng.random() < 0.5:
        return draw_video_scene(rng, uniform=True, held_out=None), True
    count = int(rng.integers(1, 6))
    objects = rng.permutation(len(OBJECTS))[:count].tolist()
    cells = rng.permutation(GRID * GRID)[:count].tolist()
    entries = [Entry(obj=obj, cell=cell) for obj, cell in zip(objects, cells, strict=True)]
    if rng.random() < 0.7:
        entries.sort(key=lambda entry: entry.cell)
    return tuple(entries), False


def draw_option_drill(rng: np.random.Generator, *, objects: float = 0.0) -> Example:
    """Options in the prompt; each text is then to be followed by its letter.

    Args:
        rng: source of every choice.
        objects: share of drills whose options are objects in any case: they are learnt last, being the most.
    """
    only_objects = objects > 0 and rng.random() < objects
    alphabet = OBJECTS if only_objects else _ALPHABETS[int(rng.integers(len(_ALPHABETS)))]
    count = min(int(rng.integers(2, 6)), len(alphabet))
    texts = [alphabet[i] for i in rng.permutation(len(alphabet))[:count]]
    lines = "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))
    pairs = " ".join(f"{texts[i]} {LETTERS[i]}." for i in rng.permutation(count))
    return _drill(f"?\n{lines}", f"<think> {pairs} </think>")


def _look_ups(rng: np.random.Generator, scene: Scene, at_cell: Family, *, video: bool) -> list[Query]:
    """Queries about everything in a scene and about some things that are not."""
    objects = [entry.obj for entry in scene]
    absent = [int(obj) for obj in rng.permutation(len(OBJECTS)) if obj not in objects][: len(objects) + 1]
    cells = [entry.cell for entry in at_start(scene)]
    empty = [cell for cell in range(GRID * GRID) if cell not in {entry.cell for entry in scene}]
    queries = [Query(family="object", video=video, obj=obj) for obj in [*objects, *absent]]
    queries += [Query(family=at_cell, video=video, cell=cell) for cell in [*cells, pick(rng, empty)]]
    if video:
        queries += [Query(family="who_when", video=True, when=when) for when in ("first", "last")]
        queries += [Query(family="who", video=True, verb=verb) for verb in VERBS]
    return [queries[i] for i in rng.permutation(len(queries))]


def draw_look_up_drill(rng: np.random.Generator, *, most: int) -> Example:
    """A caption, in the prompt or in the response, and up to `most` look-ups in it."""
    scene, video = _draw_any_scene(rng)
    at_cell: Family = "identity" if rng.random() < 0.5 else "color"
    wanted = "Which object ?" if at_cell == "identity" else "What color ?"
    return _answered(rng, scene, _look_ups(rng, scene, at_cell, video=video)[:most], wanted)


def draw_comparison_drill(rng: np.random.Generator, *, most: int, details: float = 0.0) -> Example:
    """A yes/no question, asked of up to `most` objects in turn: the same look-ups, each compared with the question.

    Args:
        rng: source of every choice.
        most: look-ups in a drill.
        details: share of the drills about videos that ask for an event of which a detail is wrong.
    """
    scene, video = _draw_any_scene(rng)
    if video:
        query = (ask_event, ask_order)[int(rng.integers(2))](rng, scene)
        if rng.random() < 0.3:
            query = ask_located(rng, scene, video=True)
        if details and rng.random() < details:
            query = ask_event(rng, scene, true=False, distractor="detail")
    else:
        query = ask_located(rng, scene, video=False)
    query = replace(query, rival=None)
    objects = [entry.obj for entry in scene]
    objects += [int(obj) for obj in rng.permutation(len(OBJECTS)) if obj not in objects][:1]
    asked = [replace(query, obj=objects[i]) for i in rng.permutation(len(objects))]
    return _answered(rng, scene, asked[:most], word_question(query))


def draw_choice_drill(rng: np.random.Generator, *, most: int, objects: float = 0.0) -> Example:
    """Options that serve up to `most` questions about one scene: each value is looked up, then its letter.

    Args:
        rng: source of every choice.
        most: questions in a drill.
        objects: share of drills whose options are objects in any case.
    """
    only_objects = objects > 0 and rng.random() < objects
    while True:
        scene, video = _draw_any_scene(rng)
        families: tuple[Family, ...] = ("where", "color", "identity", "count")
        if video:
            families = ("where", "what_happens", "who", "who_when", "direction", "becomes")
        if only_objects:
            families = ("who", "who_when") if video else ("identity",)
        family = pick(rng, families)
        queries = []
        for entry in scene:
            verb, when = (entry.event.verb, entry.event.when) if entry.event else (None, None)
            by_object = family in ("where", "what_happens", "direction", "becomes")
            obj, cell = (entry.obj, None) if by_object else (None, entry.cell)
            query = Query(family=family, video=video, obj=obj, cell=cell, verb=verb, when=when)
            if resolve(query, scene)[1] != "none":
                queries.append(query)
        if family == "count":
            queries = queries[:1] if len(scene) <= 4 else []
        values = list(dict.fromkeys(resolve(query, scene)[1] for query in queries))
        if values:
            break
    alphabet = next(alphabet for alphabet in _ALPHABETS if values[0] in alphabet and set(values) <= set(alphabet))
    count = max(len(values), int(rng.integers(2, 6)))
    others = [alphabet[i] for i in rng.permutation(len(alphabet)) if alphabet[i] not in values]
    texts = [*values, *others][:count]
    options = {LETTERS[i]: texts[j] for i, j in enumerate(rng.permutation(len(texts)))}
    lines = "\n".join(f"{letter}. {text}" for letter, text in options.items())
    asked = [replace(queries[i], options=options) for i in rng.permutation(len(queries))]
    return _answered(rng, scene, asked[:most], f"{word_question(queries[0])}\n{lines}")


def _answered(rng: np.random.Generator, scene: Scene, queries: Sequence[Query], question: str) -> Example:
    """A caption, in the prompt or in the response, and each query's thinking and, unless it is open, its answer."""
    chains = []
    for query in queries:
        thinking, answer = resolve(query, scene)
        chains.append(
            f"<think> {thinking} </think>" + (f" <answer> {answer} </answer>" if query.kind != "open" else "")
        )
    caption, chain = word_caption(scene), " ".join(chains)
    if rng.random() < 0.5:
        return _drill(f"Caption: {caption} . {question}", chain)
    return _drill(question, f"<caption> {caption} </caption> {chain}")
