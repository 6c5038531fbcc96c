"""What a sentence says of the subject of a question instead of what was asked: "Is the shirt red?" - "It is blue".

Some predicates exclude each other (colours, materials, postures, states, numbers), and so do two orders of events. A
sentence counts only where it says such a predicate of the subject that the question names, or of a pronoun.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.answers.refusals import is_unsure
from harness.answers.wording import NUMBERS, holds, word_set
from harness.answers.yes_no.polar_words import Vote
from harness.answers.yes_no.questions import NEGATION, TOKEN, Question, content, stem
from harness.answers.yes_no.short_replies import is_no_claim

# Values that exclude each other, with the words for each; where "+" stands first, what is not the one is the other.
_GROUPS: Final = tuple(
    (line.startswith("+"), tuple(word_set(value) for value in line.lstrip("+").split("|")))
    for line in (
        "red|orange|yellow|green|blue|purple|pink|brown|black|white|gray grey",
        "wooden wood|metal metallic|plastic|glass|leather|paper|stone brick concrete",
        "+open opened|closed shut", "+on|off", "+indoors indoor inside|outdoors outdoor outside",
        "day daytime|night nighttime", "full|empty", "standing|sitting seated|lying|kneeling",
        "male man boy|female woman girl",
        "wet|dry", "young|old elderly", "+asleep sleeping|awake", "hot|cold", "clean|dirty", "happy|sad",
        "moving|parked stationary still motionless", "left|right", "big large huge|small tiny little", "tall|short",
        "+alive|dead", "round circular|square|triangular|rectangular", "raw|cooked",
    )
)  # fmt: skip
_FILLER: Final = word_set(
    "a an the in of at on to made out colored coloured taken set shot filmed during very quite not in fact now just"
    " still dark light bright pale deep turned switched mostly completely actually currently clearly instead mainly"
    " fully all colour color located positioned placed side simply both already shown pictured only primarily entirely"
)
_AFTER: Final = word_set(
    "and or but in with on at from of to by next near behind under above below beside side color colour right now here"
    " there inside outside along down up through across over during while as instead around toward towards against for"
    " not rather than today throughout"
)
_LINKED: Final = word_set("on of in that which worn the at with being shown")
_PRONOUNS: Final = word_set("it he she they this that these those")
_BE: Final = word_set("is are was were appears appear seems seem looks look")
_ASKED: Final = re.compile(
    r"(?:is|are|was|were) (?P<subject>(?:the|this|that|these|those|his|her|its|their) [^,?]{1,60}?)"
    r" (?:an? |in |made of |on the |to the |turned |taken )?(?P<value>\w+)(?: side| color| colour| light)?"
    r"(?: (?:in|on|of|during) (?:the|this) (?:image|picture|photo|video|scene|clip|frame))?$"
)
_ORDER: Final = re.compile(r"\b(?:(before|earlier than|prior to)|(after|later than))\b")
_TOLD: Final = re.compile(
    r"\b(?:(before|earlier than|prior to|precedes|and then|, then|then|followed by|and afterwards)"
    r"|(after|later than|following|follows))\b"
)
_ORDERING: Final = ("before", "after", "earlier", "later", "prior", "precede", "then", "follow")
_LEAD_IN: Final = re.compile(
    r"(?:(?:in|from|based on|on) [\w ]{3,30}, |\w+ly,? |in fact,? |and |but |so |rather,? |no,? )+"
)


@dataclass(frozen=True, slots=True)
class _Predicate:
    """What a question asks of its subject.

    Attributes:
        head: stem of the subject's noun.
        value: the words for it.
        rivals: the words that exclude it; none where no group has it.
        binary: whether what is not a rival is the value.
        placed: whether it is a place, which may stand behind "on".
        manner: the adverb before the predicate, which an affirmation needs; empty without one.
    """

    head: str
    value: frozenset[str]
    rivals: frozenset[str]
    binary: bool
    placed: bool
    manner: str


@lru_cache(maxsize=32768)
def _predicate(question: str) -> _Predicate | None:
    match = _ASKED.match(question.rstrip("? "))
    if match is None:
        return None
    subject = match["subject"].split()
    if len(subject) > 6 or len(subject) < 2 or not word_set("and or not").isdisjoint(subject):
        return None
    manner = subject.pop() if subject[-1].endswith("ly") and len(subject) > 2 else ""
    head, word = stem(subject[-1]), match["value"]
    for binary, values in _GROUPS:
        words = frozenset().union(*values)
        for value in values:
            if word in value:
                return _Predicate(head, value, words - value, binary, "left" in words, manner)
    if not word.endswith(("ing", "ed")):
        return None
    return _Predicate(head, frozenset((word,)), frozenset(), False, False, manner)


def predicate_stance(sentence: str, asked: Question) -> Vote | None:
    """Whether a sentence says of the subject what was asked, or what excludes it.

    Args:
        sentence: lower case, contractions spelled out.
        asked: the question.
    """
    if holds(sentence, _ORDERING):
        vote = _order_stance(sentence, asked)
        if vote is not None:
            return vote
    predicate = _predicate(asked.text) if asked.text[:2] in ("is", "ar", "wa", "we") else None
    if predicate is None or is_no_claim(sentence):
        return None
    lead_in = _LEAD_IN.match(sentence)
    tokens = TOKEN.findall(sentence[lead_in.end() :] if lead_in else sentence)
    verb = next((place for place, token in enumerate(tokens[:12]) if token in _BE), 0)
    subject = tokens[:verb]
    if not verb or not _is_subject(subject, predicate.head):
        return None
    end = next((place for place in range(verb, len(tokens)) if tokens[place] in _CLAUSE_END), len(tokens))
    said = tokens[verb + 1 : end]
    affirms = _said_of(said, predicate)
    if affirms is None:
        return None
    return "unsure" if is_unsure(sentence) else asked.vote(affirms)


def _is_subject(words: list[str], head: str) -> bool:
    """Whether the words before "is" name the subject that the question has."""
    if len(words) == 1:
        return words[0] in _PRONOUNS or stem(words[0]) == head
    if stem(words[-1]) in (head, "color", "colour"):
        return _LINKED.isdisjoint(words[1:])
    return any(
        stem(word) == head and words[place + 1] in _LINKED for place, word in enumerate(words[:4][: len(words) - 1])
    )


_CLAUSE_END: Final = word_set(", ; : . ( while whereas because since although though however")


def _said_of(said: list[str], predicate: _Predicate) -> bool | None:
    """Whether the words behind "is" affirm the predicate; `None` if they say neither it nor what excludes it."""
    denied = False
    words = predicate.value | predicate.rivals
    for place, token in enumerate(said):
        if token in ("not", "never"):
            denied = not denied
        elif token in words:
            if token in ("on", "off", "inside", "outside") and place + 1 < len(said):
                return None
            if place + 1 < len(said) and said[place + 1] not in _AFTER and stem(said[place + 1]) != predicate.head:
                return None
            if "on" in said[:place] and not predicate.placed:
                return None
            same = token in predicate.value
            if denied and same:
                return False
            others = words.intersection(said[place + 1 :])
            if others and (others <= predicate.rivals) is same:
                return None
            if denied and not same:
                return True if predicate.binary else None
            if same and predicate.manner and predicate.manner not in said:
                return None
            return same
        elif token not in _FILLER and not token.endswith("ly") and token not in ("to", "be", "being"):
            return None
    return None


def _order_stance(sentence: str, asked: Question) -> Vote | None:
    """Whether a sentence tells two events in the order that was asked about."""
    order = _events_in_order(asked.text)
    told = _TOLD.search(sentence) if order is not None else None
    if told is None or order is None or not NEGATION.isdisjoint(TOKEN.findall(sentence)) or is_no_claim(sentence):
        return None
    first, second = order
    one, other = content(sentence[: told.start()]), content(sentence[told.end() :])
    if told[2] is not None:
        one, other = other, one
    straight = len(one & first) + len(other & second) if one & first and other & second else 0
    swapped = len(one & second) + len(other & first) if one & second and other & first else 0
    if straight == swapped:
        return None
    return "unsure" if is_unsure(sentence) else asked.vote(straight > swapped)


@lru_cache(maxsize=4096)
def _events_in_order(question: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """The two events of a question about their order, the one asked to be first first; each as stems of its own."""
    match = _ORDER.search(question)
    if match is None or _ORDER.search(question, match.end()):
        return None
    one, other = content(question[: match.start()]), content(question[match.end() :])
    one, other = one - other, other - one
    if not one or not other:
        return None
    return (one, other) if match[1] is not None else (other, one)


_COUNTS: Final = {"no": 0, "single": 1, "a": 1, "an": 1} | {
    form: int(digits) for word, digits in list(NUMBERS.items())[:11] for form in (word, digits)
}
_COUNTED: Final = {stem(word): number for word, number in _COUNTS.items()}
_ABOUT: Final = word_set("least most than about around approximately or over under nearly maybe")


def count_stance(sentence: str, asked: Question) -> Vote | None:
    """Whether a sentence counts as many of a thing as was asked: "Are there three dogs?" - "There are two dogs"."""
    name = asked.things[0]
    wanted = _COUNTED.get(name[0]) if len(name) > 1 else None
    if wanted is None or wanted < 2 or is_unsure(sentence) or is_no_claim(sentence):
        return None
    tokens = TOKEN.findall(sentence)
    if not _ABOUT.isdisjoint(tokens) or "not" in tokens:
        return None
    counts = {
        _COUNTS[token]
        for place, token in enumerate(tokens)
        if token in _COUNTS and name[-1] in (stem(after) for after in tokens[place + 1 : place + 3])
    }
    return asked.vote(counts == {wanted}) if len(counts) == 1 else None
