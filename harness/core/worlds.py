"""Worlds: made-up data whose truth is known, with the checkpoints that were trained on them; `demo` is one.

A package registers a world by an entry point of the group `harness.worlds` that names a `World`, so that every process
of an installation finds it: workers, stock lmms-eval, the engines' children. Its name is then a word of the user's:
`--data NAME`, `--model CHECKPOINT`, `--caption-judge NAME`, `data.train: NAME`.

    [project.entry-points."harness.worlds"]
    demo = "harness.demo.registration:WORLD"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.plugins import load_plugin, plugins, where
from harness.core.types import JudgePrompt, JudgeQuestion, Sample

Row = Mapping[str, Any]
"""One line of an annotation file, parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationRules:
    """How a world reads its annotations, and what captions and thinking in its grammar come to.

    Attributes:
        reads: whether a row is of this world.
        vocabulary: the names of its objects, each with its synonyms.
        objects: the objects that a full caption of a row names, and all that one may name.
        asks: whether a row is about the question of a sample.
        answer_from_caption: the answer that a caption implies; empty when none of the options follows, `None` when it
            describes no scene.
        answer_from_thinking: the answer that a thinking comes to; `None` when it is not worded as one.
        true_caption: the caption of a row.
    """

    reads: Callable[[Row], bool]
    vocabulary: Mapping[str, Sequence[str]]
    objects: Callable[[Row], tuple[frozenset[str], frozenset[str]]]
    asks: Callable[[Sample, Row], bool]
    answer_from_caption: Callable[[Sample, Row, str], str | None]
    answer_from_thinking: Callable[[Sample, Row, str], str | None]
    true_caption: Callable[[Row], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeWording:
    """How a judge wants to be asked.

    Attributes:
        version: raised with every change of the words; part of a judge's identity.
        word: a question as the model is given it.
        max_new_tokens: token budget of an answer.
    """

    version: str
    word: Callable[[JudgeQuestion], JudgePrompt]
    max_new_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """A world's training questions, drawn on demand.

    Attributes:
        write: takes a folder, the number of rows, a seed and the share of rows about videos, and gives the JSONL file
            in the schema of `harness train`, which is written unless it is there already. Raises `UsageError` where
            something else would be overwritten.
        remove: deletes what `write` wrote into a folder, and nothing else.
    """

    write: Callable[[Path, int, int, float], Path]
    remove: Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a world brings along. Importing its module is cheap; its functions import what they need.

    Attributes:
        name: the word for it.
        data: makes its data sets on first use and gives their folder, which holds a folder for each benchmark.
        checkpoints: their folders, by the names that `--model` takes.
        judge: the checkpoint that `--caption-judge NAME` asks; `None`: there is none.
        wording: how judges whose `harness.json` says `judge_prompt: NAME` are asked; `None`: there are none.
        rules: how its annotations are read; `None`: its data have none.
        rows: its training questions; `None`: there are none.
    """

    name: str
    data: Callable[[], Path]
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    judge: str | None = None
    wording: Callable[[], JudgeWording] | None = None
    rules: Callable[[], AnnotationRules] | None = None
    rows: TrainingRows | None = None


@cache
def worlds() -> Mapping[str, World]:
    """The registered worlds by name.

    Raises:
        UsageError: an entry point cannot be loaded, or names no `World` of its own name.
    """
    found: dict[str, World] = {}
    for name, point in plugins("worlds").items():
        world = load_plugin(point, "worlds")
        if not isinstance(world, World) or world.name != name:
            raise UsageError(
                f"{where(point, 'worlds')} is not one harness.core.worlds.World of that name. Mend the package."
            )
        found[name] = world
    return found


def shipped_checkpoints() -> dict[str, Path]:
    """The checkpoints that come with worlds, by name."""
    return {name: folder for world in worlds().values() for name, folder in world.checkpoints.items()}


def world_of_checkpoint(name: str, told: Mapping[str, Any] | None = None) -> World | None:
    """The world that a checkpoint comes with, or whose rows or checkpoint it was trained from; `None` for all others.

    Args:
        name: as the user gave it.
        told: what its `harness.json` says, if there is one.
    """
    start, data = ((told or {}).get(key) for key in ("trained_from", "data"))
    names = [name, start.get("name") if isinstance(start, Mapping) else None]
    source = data.get("source") if isinstance(data, Mapping) else None
    found = (
        world for world in worlds().values() if source == world.name or not world.checkpoints.keys().isdisjoint(names)
    )
    return next(found, None)


def name_choices(names: Sequence[str]) -> str:
    """Names as an error offers them, `'a' or 'b'`; where none is registered, what to do about it."""
    return " or ".join(map(repr, names)) or "(once the harness is installed with 'pip install -e .') 'demo'"
