"""Whether a sentence says that an event happens: for questions such as "does the man talk to someone?"."""

from __future__ import annotations

import re
from typing import Final

from harness.answers.refusals import is_unsure
from harness.answers.yes_no.polar_words import Vote
from harness.answers.yes_no.questions import OPPOSITES, QUOTED, TOKEN, Question, content, negations, stem
from harness.answers.yes_no.short_replies import is_no_claim

_CLAUSE: Final = re.compile(
    r"[;:]|, (?=(?:but|and|not|it|he|she|they|there|while|so|which|rather|instead)\b)|\b(?:but|however|although"
    r"|whereas|because|since)\b"
)
_PRONOUN: Final = re.compile(r"(?:and |but |so )?(?:it|he|she|they|this|that|the event|the (?:first|former) event)\b")
_CONTRASTED: Final = re.compile(r"(?:and |but )?(?:not|rather than|instead of)\b")
_REPLACED: Final = re.compile(r"\b(?:instead of|rather than) (.{1,80})")
_QUOTE_MARK: Final = "¤"


def event_stance(sentence: str, asked: Question) -> Vote | None:
    """Whether a sentence says that the event asked about happens.

    Args:
        sentence: lower case, contractions spelled out.
        asked: a question about an event.
    """
    if is_no_claim(sentence) and "should" not in asked.text:
        return None
    quoted = content(" ".join(QUOTED.findall(sentence)))
    vote: Vote | None = None
    for clause in _CLAUSE.split(QUOTED.sub(f" {_QUOTE_MARK} ", sentence)):
        affirms = _clause_affirms(clause.strip(), quoted, asked)
        if affirms is not None:
            unsure = "information" not in asked.text and is_unsure(clause)
            vote = "unsure" if unsure else asked.vote(affirms)
    return vote


def _clause_affirms(clause: str, quoted: frozenset[str], asked: Question) -> bool | None:
    """Whether a clause affirms the event; `None` if it speaks of something else.

    A denial needs most of the question's words, or to say little besides them; an affirmation needs nearly all.
    """
    own = content(clause)
    if "begin" in asked.frame and "at the start" in clause:
        own |= {"begin"}
    hits = len(own & asked.frame)
    opposite = False
    for word in asked.frame - own:
        if any(stem(other) in own for other in OPPOSITES.get(word, ())):
            hits += 1
            opposite = True
    if _CONTRASTED.match(clause):
        return False if hits else None
    replaced = _REPLACED.search(clause)
    if replaced is not None and content(replaced[1]) & asked.frame:
        return False
    pronoun = _PRONOUN.match(clause) is not None
    wanted = len(asked.frame)
    named_else = pronoun and hits > 1 and hits + 1 == wanted and not asked.quoted
    if (
        asked.quoted
        and not pronoun
        and not (_QUOTE_MARK in clause and len(quoted & asked.quoted) * 2 >= len(asked.quoted))
    ):
        hits += len(own & asked.quoted)
        wanted += len(asked.quoted)
    if not hits and not (asked.quoted and not asked.frame):
        return None
    denied = negations(TOKEN.findall(clause)) % 2 == 1
    terse = hits + pronoun >= 2 and hits * 5 >= len(own) * 3
    if denied:
        if opposite:
            return None
        return False if hits * 5 >= wanted * 3 or terse else None
    nearly_all = hits * 4 >= wanted * 3
    terse_affirmation = hits == len(own) and (
        (pronoun and hits * 10 >= wanted * 3) or (hits > 2 and hits * 2 >= wanted)
    )
    return not opposite if nearly_all or terse_affirmation or named_else else None
