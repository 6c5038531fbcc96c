"""Questions about the demo world, their wording, and what a scene implies as the answer.

A `Query` is a question without words. `resolve` answers it from any scene, the true one or one that a caption
describes, so that a chain's thinking and answer always follow from its own caption. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from harness.core.types import AnswerKind
from harness.demo.world import (
    COLOR_NAMES,
    DIRECTIONS,
    OBJECTS,
    PARTNER,
    POSITIONS,
    SHAPES,
    Entry,
    Event,
    Scene,
    Verb,
    When,
    at_start,
)

Family = Literal[
    "object", "located", "event", "order", "where", "color", "identity", "count",
    "who", "who_when", "becomes", "direction", "what_happens",
]  # fmt: skip
BASE_VERBS: Final[Mapping[Verb, str]] = {
    "moves": "move", "turns": "turn", "appears": "appear", "disappears": "disappear",
}  # fmt: skip
MOMENTS: Final[tuple[When, ...]] = ("first", "last")
NO_ANSWER: Final = "none"
ASKED: Final = "asked"
"""In a thinking, comes between what was looked up and what a yes/no question claims."""
GLANCE: Final = "glance"
"""Begins a thinking that does not read the caption."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question without words.

    Attributes:
        family: what is asked. `object` (is it there), `located` (is it at that cell), `event` (does that happen to it),
            `order` (does it change first or last) are yes/no questions; `where`, `color` and `identity` (of what is at
            a cell), `count`, `who` (which object does that), `who_when` (which changes first or last), `becomes` (which
            colour), `direction`, `what_happens` ask for a value.
        video: about a video, not an image.
        obj: the object asked about, where there is one.
        cell: the position asked about.
        verb: the event asked about.
        argument: its direction or colour.
        when: which of the two events is asked about.
        rival: in an `order` question, the other object that changes; words it as before or after.
        options: letter to value; empty for open and yes/no questions.
    """

    family: Family
    video: bool
    obj: int | None = None
    cell: int | None = None
    verb: Verb | None = None
    argument: str | None = None
    when: When | None = None
    rival: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> AnswerKind:
        """How the answer is to be read."""
        if self.family in ("object", "located", "event", "order"):
            return "yes_no"
        return "choice" if self.options else "open"


def _name(obj: int | None) -> str:
    return OBJECTS[obj] if obj is not None else NO_ANSWER


def _position(cell: int | None) -> str:
    return POSITIONS[cell] if cell is not None else NO_ANSWER


def word_question(query: Query) -> str:
    """The question in words, without options and instruction."""
    medium = "video" if query.video else "image"
    name, position = _name(query.obj), _position(query.cell)
    start = " when the video starts" if query.video else ""
    if query.family == "object":
        return f"Is there {'an' if name[0] in 'aeiou' else 'a'} {name} in the {medium}?"
    if query.family == "located":
        return f"Is the {name} at the {position}{start}?"
    if query.family == "event":
        action = " ".join(filter(None, (BASE_VERBS[query.verb] if query.verb else "", query.argument)))
        return f"Does the {name} {action} in the video?"
    if query.family == "order":
        if query.rival is None:
            return f"Does the {name} change {query.when} in the video?"
        return f"Does the {name} change {'before' if query.when == 'first' else 'after'} the {OBJECTS[query.rival]}?"
    if query.family == "who":
        return f"Which object {query.verb} in the video?"
    return {
        "where": f"Where is the {name}{start}?",
        "color": f"What color is the object at the {position}{start}?",
        "identity": f"Which object is at the {position}{start}?",
        "count": f"How many objects are in the {medium}{start}?",
        "who_when": f"Which object changes {query.when} in the video?",
        "becomes": f"What color does the {name} turn?",
        "direction": f"In which direction does the {name} move?",
        "what_happens": f"What does the {name} do in the video?",
    }[query.family]


def word_plan(query: Query, *, expecting: Scene | None = None) -> str:
    """What to look for, in words: the planning section.

    Args:
        query: the question.
        expecting: a scene; says of an object also where its partner is in it, with which it usually appears, as in
            `look for red circle at blue star left`.
    """
    if query.family in ("color", "identity"):
        return f"look at the {_position(query.cell)}"
    if query.family == "count":
        return "count all"
    if query.family == "who":
        return f"look for {query.verb}"
    if query.family == "who_when":
        return f"look for {query.when}"
    plan = f"look for {_name(query.obj)}"
    if expecting is not None and query.obj is not None:
        partner = PARTNER[query.obj]
        cell = next((entry.cell for entry in expecting if entry.obj == partner), None)
        plan += f" at {OBJECTS[partner]} {_position(cell)}"
    return plan


def word_entry(entry: Entry, *, stays: bool = False) -> str:
    """One entry of a caption; `stays` says so of an object to which nothing happens."""
    words = [OBJECTS[entry.obj], POSITIONS[entry.cell]]
    if entry.event is not None:
        words += filter(None, (entry.event.when, entry.event.verb, entry.event.argument))
    elif stays:
        words.append("stays")
    return " ".join(words)


def read_entry(text: str) -> Entry | None:
    """The entry that `word_entry` words as `text`, or `None` where it words none so."""
    words = text.split()
    name, position, rest = " ".join(words[:2]), " ".join(words[2:3]), words[3:]
    if name not in OBJECTS or position not in POSITIONS:
        return None
    obj, cell = OBJECTS.index(name), POSITIONS.index(position)
    if not rest or rest == ["stays"]:
        return Entry(obj=obj, cell=cell)
    when = next((when for when in MOMENTS if when == rest[0]), None)
    verb = next((verb for verb in BASE_VERBS if verb == " ".join(rest[1:2])), None)
    arguments = {"moves": tuple(DIRECTIONS), "turns": COLOR_NAMES}.get(str(verb), ())
    if when is None or verb is None or len(rest) != 2 + bool(arguments) or (arguments and rest[2] not in arguments):
        return None
    return Entry(obj=obj, cell=cell, event=Event(verb=verb, argument=rest[2] if arguments else None, when=when))


def read_caption(text: str) -> Scene:
    """The scene that a caption describes; parts that are not worded as entries are left out."""
    return tuple(entry for part in text.split(";") if (entry := read_entry(part)) is not None)


def word_caption(scene: Scene) -> str:
    """The caption of a scene, in reading order."""
    return " ; ".join(word_entry(entry) for entry in scene)


def _find(query: Query, scene: Scene) -> Entry | None:
    """The first entry that a query asks about."""
    for entry in scene:
        event = entry.event
        if query.family in ("color", "identity"):
            if entry.cell == query.cell and (event is None or event.verb != "appears"):
                return entry
        elif query.family == "who":
            if event is not None and event.verb == query.verb:
                return entry
        elif query.family == "who_when":
            if event is not None and event.when == query.when:
                return entry
        elif entry.obj == query.obj:
            return entry
    return None


def _is_true(query: Query, entry: Entry | None) -> bool:
    """The answer to a yes/no query, given the entry of its object."""
    if entry is None:
        return False
    if query.family == "object":
        return True
    event = entry.event
    if query.family == "located":
        return entry.cell == query.cell and (event is None or event.verb != "appears")
    if event is None:
        return False
    if query.family == "order":
        return event.when == query.when
    return event.verb == query.verb and event.argument == query.argument


def _value(query: Query, entry: Entry | None) -> str:
    """The answer to a query for a value, `none` where the scene has none."""
    if entry is None:
        return NO_ANSWER
    event = entry.event
    if query.family == "where":
        return POSITIONS[entry.cell]
    if query.family == "color":
        return COLOR_NAMES[entry.obj // len(SHAPES)]
    if query.family in ("identity", "who", "who_when"):
        return OBJECTS[entry.obj]
    if query.family == "what_happens":
        return event.verb if event is not None else "stays"
    wanted = "turns" if query.family == "becomes" else "moves"
    return str(event.argument) if event is not None and event.verb == wanted else NO_ANSWER


def resolve(query: Query, scene: Scene) -> tuple[str, str]:
    """The thinking and the answer that a scene implies.

    Returns:
        The thinking: the entry that was looked up and, for a choice, the value and its letter, for a yes/no question
        that claims more than that the object is there, what it claims; and the answer. A choice whose value is not
        among the options is answered `A`.
    """
    if query.family == "count":
        value = looked_up = str(len(at_start(scene)))
    else:
        entry = _find(query, scene)
        key_first = query.family in ("color", "identity", "who", "who_when")
        if key_first:
            key = {"who": query.verb, "who_when": query.when}.get(query.family, _position(query.cell))
            value = _value(query, entry)
            looked_up = f"{key} {value}"
        elif entry is None:
            value, looked_up = NO_ANSWER, f"{_name(query.obj)} {NO_ANSWER}"
        else:
            value, looked_up = "", word_entry(entry, stays=query.video)
        if query.kind == "yes_no":
            happens = " ".join(filter(None, (query.verb, query.argument)))
            claims = {"located": _position(query.cell), "order": query.when, "event": happens}
            if entry is not None and query.family in claims:
                looked_up += f" {ASKED} {claims[query.family]}"
            return looked_up, "yes" if _is_true(query, entry) else "no"
        value = value or _value(query, entry)
    if query.kind == "open":
        return looked_up, value
    letter = next((letter for letter, text in query.options.items() if text == value), None)
    if not looked_up.endswith(value):
        looked_up = f"{looked_up} {value}"
    return (f"{looked_up} {letter}.", letter) if letter else (f"{looked_up} {NO_ANSWER}", "A")
