"""Reading yes or no out of a free text.

The text is cut where it takes something back; in the last stretch that commits to anything, the strongest commitment
counts: a final answer, a stated answer ("the answer is no"), the first sentence that begins with yes or no, a
declarative that concludes, then declaratives that affirm or deny what was asked, then a lone mention.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from itertools import islice, pairwise
from typing import Final, Literal, NamedTuple

from harness.scoring import cues
from harness.scoring import polar_words as words
from harness.scoring.languages import read_other_language
from harness.scoring.polarity import stance
from harness.scoring.questions import Question, ask
from harness.scoring.refusals import is_unsure
from harness.scoring.wording import lower, spell_out, vocabulary, word_set

YesNo = Literal["yes", "no"]
Vote = Literal["yes", "no", "unsure"]

FINAL: Final = 5
STATED: Final = 4
LED: Final = 3
CONCLUDED: Final = 2
DECLARED: Final = 1
MENTIONED: Final = 0

_FLIP: Final[dict[Vote, Vote]] = {"yes": "no", "no": "yes", "unsure": "unsure"}
_ENDS: Final = re.compile(r"[.!;…](?:(?=[\s\"')\]}]|$)|(?=[a-z])(?<=[a-z]{2}.))|[?？。！；\n]+")
_SPOKEN: Final = re.compile(r"(?:yes|no|nope|yeah?|yep|yup|nah)(?![a-z])")
_SPOKEN_WORDS: Final = word_set("yes no nope yea yeah yep yup nah yess yesyes nono aye nay noo nooo yeah yeahh")
_SPACED: Final = re.compile(r"[a-z](?: [a-z]){1,4}")
_SHORT: Final = 40  # a sentence no longer than this may answer in few words: "It does not."
_DECORATION: Final = " \n\"'([{<.,:;-=>*_|/\\✅✔☑❌✗✘→"


class Commitment(NamedTuple):
    """Something in the text that answers, with how strongly it does, and whether the sentence says nothing else."""

    rank: int
    vote: Vote
    bare: bool = False


def read_yes_no(text: str, question: str | None = None) -> YesNo | None:
    """What a text answers to a yes/no question.

    Args:
        text: cleaned text (see `wording.clean`), without section tags.
        question: the question, which lets plain declaratives count.

    Returns:
        `yes`, `no`, or `None` where the text gives no answer, gives both, or refuses.
    """
    low = spell_out(lower(text) + " ").strip()
    vote = _read_short(low) or _read_loop(low)
    if vote is None:
        asked = ask(question) if question else None
        if asked is not None and asked.text and asked.text in low:
            low = low.replace(asked.text, " ").strip()
        known = vocabulary(low)
        if known.issuperset(("yes", "no", "or")):
            low = words.BOTH_DOTTED.sub(" ~ ", low)
        for start, end in cues.spans(low, known):
            stretch = low[start:end]
            vote = _resolve(_commitments(stretch, known, asked)) or read_other_language(stretch, known) or vote
    return None if vote == "unsure" else vote


def _read_short(low: str) -> Vote | None:
    """A text of one word or set phrase, or of one mark."""
    if len(low) > 48:
        return None
    if not low.isascii():
        faces = {vote for mark, vote in words.EMOJI.items() if mark in low}
        if faces and not re.search(r"\w", low):
            return faces.pop() if len(faces) == 1 else "unsure"
    low = low.strip(_DECORATION)
    if _SPACED.fullmatch(low):
        low = low.replace(" ", "")
    match = words.LONE.match(low)
    return _side(match) if match else None


def _read_loop(low: str) -> Vote | None:
    """A text of nothing but yes and no: what it repeats, or unsure."""
    if low[:1] not in "yn" or not words.ONLY_POLAR.match(low):
        return None
    if words.SAYS_YES.search(low):
        if not words.SAYS_NO.search(low):
            return "yes"
        _, arrow, last = low.rpartition("→" if "→" in low else "->")
        return "unsure" if not arrow else "no" if words.SAYS_NO.search(last) else "yes"
    return "no"


def _side(match: re.Match[str]) -> Vote:
    return "yes" if match["yes"] is not None else "no"


def _neutralise(sentence: str) -> str:
    """Takes out what holds yes and no without answering: "no doubt", "yes or no", "yes if ... otherwise no"."""
    if "no" in sentence or "doubt" in sentence or "question" in sentence:
        sentence = words.IDIOM.sub(" ", sentence)
    if "yes" in sentence or "/" in sentence or "true" in sentence or "correct" in sentence or "y or" in sentence:
        sentence = words.BOTH.sub(" ~ ", words.BOTH_MEANT.sub(" ~both~ ", sentence))
    conditional = any(word in sentence for word in ("if", "otherwise", "else", "when", "unless", "case"))
    if conditional and (words.CONDITIONAL.search(sentence) or words.SUPPOSES.match(sentence)):
        return "~"
    return sentence.strip()


def _commitments(low: str, known: Collection[str], asked: Question | None) -> list[Commitment]:
    found = [
        Commitment(FINAL if cue.rank == cues.FINAL else STATED, vote)
        for cue in cues.conclusions(low, known)
        if (vote := _read_announced(low[cue.payload : cue.end], asked, cue.indirect)) is not None
    ]
    if found:
        return found
    spoken = [] if _SPOKEN_WORDS.isdisjoint(known) else [match.start() for match in _SPOKEN.finditer(low)]
    touching = asked.places_touched(low) if asked is not None else []
    heard = touched = (
        0  # how many of the words that say yes and no, and that touch the matter, the sentences so far hold
    )
    aside = False  # the sentence before asked something else than the question
    for index, (text, asks, rest) in enumerate(_sentences(low) if spoken or touching else _edges(low)):
        heard_before, heard = heard, _count_before(spoken, heard, rest)
        touched_before, touched = touched, _count_before(touching, touched, rest)
        says = heard > heard_before
        if asks:
            aside = asked is not None and not says and not asked.is_about(text)
            continue
        led = bool(found) and found[-1].rank >= LED
        edge = index < 2 or rest == len(low)
        if says or (not led and (edge or touched > touched_before or len(text) <= _SHORT)):
            commitment = _read_sentence(text, says, asked, bool(found))
            if commitment is not None and not (aside and commitment.rank == LED):
                found.append(commitment)
                if commitment.rank >= LED and heard == len(spoken):
                    break
        aside = False
    return found


def _count_before(places: list[int], count: int, end: int) -> int:
    """How many of the ascending places lie before `end`, if `count` of them are known to."""
    while count < len(places) and places[count] < end:
        count += 1
    return count


def _sentences(low: str, start: int = 0) -> Iterator[tuple[str, bool, int]]:
    """The sentences of a text: each with whether it asks, and where what follows it begins."""
    for match in _ENDS.finditer(low, start):
        text = low[start : match.start()].strip()
        start = match.end()
        if text:
            yield text, match[0][0] in "?？", start
    text = low[start:].strip()
    if text:
        yield text, False, len(low)


def _edges(low: str) -> Iterator[tuple[str, bool, int]]:
    """The first two sentences and the last."""
    rest = 0
    for sentence in islice(_sentences(low), 2):
        rest = sentence[2]
        yield sentence
    if rest < len(low):
        start = max((low.rfind(mark, rest, len(low) - 2) for mark in ".!?\n"), default=-1) + 1
        yield from deque(_sentences(low, max(start, rest)), maxlen=1)


def _read_announced(payload: str, asked: Question | None, indirect: bool) -> Vote | None:
    """Reads what "the answer is" announces; where a question comes first, only a plain yes or no counts."""
    for sentence, asks, _ in _sentences(payload):
        if asks:
            continue
        text = _neutralise(sentence)
        if "~both~" in text[:24]:
            return "unsure"
        led, _ = _lead(text)
        if led is not None:
            return led
        match = _ENDS_IN.search(text) or words.LONE.match(text.strip(_DECORATION)) or _IN_WORDS.match(text)
        if match:
            return _side(match)
        if indirect:
            return None
        if text.startswith("~") or is_unsure(text[:120]):
            return "unsure"
        return stance(text, asked) or read_other_language(text)
    return None


_ENDS_IN: Final = re.compile(rf"\b(?:is|be|:) (?:a |an )?(?:(?P<yes>{words.YES})|(?P<no>{words.NO}))$")
_IN_WORDS: Final = re.compile(r"(?:in the )?(?:(?P<yes>affirmative|positive)|(?P<no>negative))\b")


def _read_sentence(sentence: str, says: bool, asked: Question | None, answered: bool) -> Commitment | None:
    """What one sentence commits to.

    Args:
        sentence: the sentence.
        says: whether the words yes or no occur in it.
        asked: the question.
        answered: whether a sentence before has answered.
    """
    text = _neutralise(sentence)
    thus = words.THUS.match(text) is not None
    vote, position = _lead(text)
    turned = words.TURNED.search(text) if says else None
    if turned is not None:
        return Commitment(LED, _side(turned))
    if words.MARKED_NOT.match(text):
        return Commitment(LED, "no")
    if vote is not None and words.TENTATIVE.match(text):
        return Commitment(MENTIONED, vote)
    if vote is not None:
        rest = text[position:]
        if not (answered and words.CONFIRMS.match(rest)):
            return Commitment(STATED if thus else LED, vote, bare=not rest.strip(" .,;:!\"')]}"))
    said = _said(text) if says else _verdict(text, asked)
    if said is not None:
        return Commitment(STATED if thus and says else LED, said)
    if "~both~" in text:
        return Commitment(LED, "unsure")
    _, colon, value = text.rpartition(":" if ":" in text else "=")
    if colon:
        named = words.LONE.match(value.strip(_DECORATION))
        if named is not None:
            return Commitment(LED, _side(named))
        if value.strip().isdecimal() and asked is not None and asked.things and asked.touches(text):
            return Commitment(LED, "yes" if int(value[-12:]) else "no")
    declared = stance(text, asked)
    if declared is None and position and ("but" in text or not is_unsure(text)):
        declared = stance(text[position:], asked)
    if declared is not None:
        return Commitment(CONCLUDED if thus and declared != "unsure" else DECLARED, declared)
    alone = words.LONE.match(text.strip(_DECORATION)) if len(text) < 48 else None
    return Commitment(MENTIONED, _side(alone)) if alone and not words.POLITE.match(text) else None


def _lead(text: str) -> tuple[Vote | None, int]:
    """The yes or no that a sentence begins with, and where what follows it, or the sentence proper, begins."""
    position = 0
    for _ in range(6):
        match = words.POLAR.match(text, position)
        if match is not None:
            if match["no"] is not None and match[0][:2] == "no" and not words.NO_IS_ANSWER.match(text, match.end()):
                return None, position
            vote = _side(match)
            if words.NEGATED_BEFORE.search(text, max(0, position - 24), position):
                vote = _FLIP[vote]
            return vote, match.end()
        opening = (
            words.OPENING.match(text, position)
            or words.HEDGE.match(text, position)
            or words.ASIDE.match(text, position)
        )
        if opening is not None:
            position = opening.end()
        elif text.startswith("not ", position):
            position += 4
        else:
            break
    return None, position


def _verdict(text: str, asked: Question | None) -> Vote | None:
    """Reads "that is not correct", "the statement is true"; where the statement is quoted, what it says decides."""
    if not any(word in text for word in words.VERDICT_WORDS):
        return None
    match = words.VERDICT.search(text)
    if match is None or is_unsure(text) or "whether" in text[: match.start()]:
        return None
    vote = _FLIP[_side(match)] if match["neg"] else _side(match)
    claim = match["claim"] or match["quoted"]
    claimed = stance(claim, asked) if claim else None
    return _FLIP[vote] if claimed == "no" else vote


_SAID: Final = re.compile(rf"\b(?:(?P<yes>{words.YES})|(?P<no>no|nope))(?![\w'-])")
_SAID_NO_AFTER: Final = re.compile(r"[\s\"')\]}]{0,3}(?:$|[.,;:!)\]}]|because|since|as )")


def _said(text: str) -> Vote | None:
    """A yes or no further on in a sentence that is given as an answer: "I would say no", "present: yes"."""
    votes: set[Vote] = set()
    for match in _SAID.finditer(text):
        if match["no"] and not _SAID_NO_AFTER.match(text, match.end()):
            continue
        before = text[max(0, match.start() - 28) : match.start()]
        if words.SAID_BEFORE.search(before):
            votes.add(_FLIP[_side(match)] if words.NEGATED_BEFORE.search(before) else _side(match))
    return votes.pop() if len(votes) == 1 else None


def _resolve(found: list[Commitment]) -> Vote | None:
    """Which of the commitments of one stretch counts."""
    if not found:
        return None
    best = max(commitment.rank for commitment in found)
    chosen = [commitment for commitment in found if commitment.rank == best]
    votes = [commitment.vote for commitment in chosen]
    if best in (FINAL, STATED, CONCLUDED):
        return votes[-1]
    if best == LED:
        changes = sum(one != other for one, other in pairwise(votes))
        if changes > 1 or (changes and all(commitment.bare for commitment in chosen)):
            return "unsure"
        return votes[0]
    firm = {vote for vote in votes if vote != "unsure"}
    return firm.pop() if len(firm) == 1 else "unsure"
