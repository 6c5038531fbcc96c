"""Whether a plain sentence affirms or denies what a yes/no question asks: "There is no dog", "The man is not smiling".

English only. A sentence counts when it speaks of what was asked; its polarity is that of its negations within reach of
it. Where no question is known, only sentences of the plainest forms count.
"""

from __future__ import annotations

import re
from typing import Final

from harness.answers.refusals import is_unsure
from harness.answers.yes_no.events import event_stance
from harness.answers.yes_no.polar_words import Vote
from harness.answers.yes_no.predicates import count_stance, predicate_stance
from harness.answers.yes_no.questions import Question
from harness.answers.yes_no.short_replies import elliptic_reply, is_no_claim, plain_reply, tail_reply
from harness.answers.yes_no.things import denies_quality, thing_stance

_TURN: Final = re.compile(
    r", (?:but|however|though|yet) |;| but (?=(?:there|it|i|he|she|they|we|the|no|not|this|that|only|actually|can"
    r"|could|is)\b)"
)
_HEDGED: Final = re.compile(
    r"\b(?:might|may|could)(?: \w+ly)? (?:be|have|contain|show|depict)\b|\b(?:possibly|maybe|perhaps)\b"
)
# What is left open is no answer.
_LEFT_OPEN: Final = re.compile(
    r"\bnot (?:\w+ly )?(?:be )?(?:\w+ly )?(?:ruled? out|excluded?)\b|\b(?:might|may|could) (?:very )?well\b"
)
_SEEMS: Final = re.compile(r"\b(?:looks?|seems?|appears?) (?:\w+ly )?like\b|\bresembl|\bsimilar to\b|\bmistaken for\b")
_IN_TRUTH: Final = re.compile(r"(?:actually |in fact |really )?(?:it|that|this|they|he|she) (?:is|are|was|turns out)\b")
SENTENCE_READ: Final = 1600


def stance(sentence: str, asked: Question | None) -> Vote | None:
    """Whether a sentence affirms or denies what was asked.

    Args:
        sentence: lower case, contractions spelled out, without idioms such as "no doubt".
        asked: the question; `None` if unknown.

    Returns:
        `yes`, `no`, `unsure` for a sentence that says it cannot be told, `None` for one that says nothing about it.
    """
    sentence = sentence[:SENTENCE_READ].lstrip(" ([{<.,:;-=>*_|/\\").rstrip(" .,:;-")
    if not sentence:
        return None
    if asked is None:
        if is_unsure(sentence):
            return "unsure"
        affirms = plain_reply(sentence)
        if affirms is None or is_no_claim(sentence):
            return None
        return "yes" if affirms else "no"
    if ("out" in sentence or "exclu" in sentence or "well" in sentence) and _LEFT_OPEN.search(sentence):
        return "unsure"
    on_the_matter = asked.touches(sentence)
    tail = tail_reply(sentence) if on_the_matter else None
    if tail is not None:
        return asked.vote(tail)
    parts = _TURN.split(sentence)
    vote = _parts_stance(parts, asked) if len(parts) > 1 else _part_stance(sentence, asked)
    if (
        vote is None
        and on_the_matter
        and asked.things
        and len(asked.things[0]) > 1
        and denies_quality(sentence, asked.things[0])
    ):
        return asked.vote(False)
    return vote


def _parts_stance(parts: list[str], asked: Question) -> Vote | None:
    """What the parts of a sentence say that turns: the last that says something, a hedge and a semblance aside."""
    vote: Vote | None = None
    hedged = seeming = False
    for part in parts:
        following = _part_stance(part, asked)
        if following is None and hedged and is_unsure(part):
            following = "unsure"
        if following is None and seeming and _IN_TRUTH.match(part):
            following = asked.vote(False)
        vote = following or vote
        hedged = _HEDGED.search(part) is not None
        seeming = _SEEMS.search(part) is not None and asked.touches(part)
    return vote


def _part_stance(sentence: str, asked: Question) -> Vote | None:
    touches = asked.touches(sentence)
    if not asked.things:
        vote = predicate_stance(sentence, asked) or (event_stance(sentence, asked) if touches else None)
    elif touches or sentence.startswith(("the only", "all ", "there is nothing", "i ")):
        vote = thing_stance(sentence, asked) or count_stance(sentence, asked)
    else:
        vote = None
    if vote is None:
        affirms = elliptic_reply(sentence)
        if affirms is not None:
            vote = "unsure" if is_unsure(sentence) else asked.vote(affirms)
    return vote
