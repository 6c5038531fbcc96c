"""Reading yes or no out of a free text.

The text is cut where it takes something back; in the last stretch that commits to anything, the strongest commitment
counts: a final answer, a stated answer ("the answer is no"), the first sentence that begins with yes or no, a
declarative that concludes, then declaratives that affirm or deny what was asked, then a lone mention.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final, Literal

from harness.answers import cues
from harness.answers.refusals import is_unsure
from harness.answers.wording import find_all, holds, lower, spell_out, vocabulary, word_set
from harness.answers.yes_no import polar_sentence as sentences
from harness.answers.yes_no import polar_words as words
from harness.answers.yes_no.languages import read_other_language
from harness.answers.yes_no.polar_sentence import Commitment, side
from harness.answers.yes_no.polar_words import Vote
from harness.answers.yes_no.polarity import stance
from harness.answers.yes_no.questions import Question, ask, content

YesNo = Literal["yes", "no"]

_ENDS: Final = re.compile(  # one set of marks first: what begins with a set is found several times faster
    r"([.!;…?？。！；\n](?:(?<=[?？。！；\n])[?？。！；\n]*|(?=[\s\"')\]}]|$)|(?=[a-z])(?<=[a-z]{2}.)))"
)
_SPOKEN: Final = ("yes", "no", "nope", "yea", "yeah", "yep", "yup", "nah")
_SPOKEN_WORDS: Final = word_set("yes no nope yea yeah yep yup nah yess yesyes nono aye nay noo nooo yeah yeahh")
_FORM_LABEL: Final = re.compile(r"(?:yes|y) ?/ ?(?:no|n)\)? ?[:?=] ?(?=[yn])")
_SPACED: Final = re.compile(r"[a-z](?: [a-z]){1,4}")
_TOUCHES: Final = 3  # of more words that touch the matter, only the sentences around the first and the last are read
_SHORT: Final = 40  # a sentence no longer than this may answer in few words: "It does not."
_ASKING: Final = frozenset("?？")
_TENTATIVE_ANSWER: Final = re.compile(
    r"(?:(?:h?u[hm]{1,3}|hm{1,4}|err?m?|so|well|ok|okay|maybe|perhaps|probably|possibly|i think|i guess)\W{1,4}){0,3}"
    r"(?:yes|no|yeah|nope|yep)"
)


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


def is_none_of_it(text: str, question: str | None) -> bool:
    """Whether a text is "None", to a question whether there are any: else that word may only stand for no answer."""
    if question is None or lower(text).strip(sentences.DECORATION) != "none":
        return False
    asked = ask(question)
    return bool(asked.things) and (asked.text.startswith(("are ", "were ")) or " any " in asked.text)


def _read_short(low: str) -> Vote | None:
    """A text of one word or set phrase, or of one mark."""
    if len(low) > 48:
        return None
    if not low.isascii():
        faces = {vote for mark, vote in words.EMOJI.items() if mark in low}
        if faces and not re.search(r"\w", low):
            return faces.pop() if len(faces) == 1 else "unsure"
    low = low.strip(sentences.DECORATION)
    if _SPACED.fullmatch(low):
        low = low.replace(" ", "")
    match = words.LONE.match(low)
    return side(match) if match else None


def _read_loop(low: str) -> Vote | None:
    """A text of nothing but yes and no: what it repeats, or unsure."""
    low = _FORM_LABEL.sub("", low, count=1)
    if low[:1] not in "yn" or not words.ONLY_POLAR.match(low):
        return None
    if not words.SAYS_YES.search(low):
        return "no"
    if not words.SAYS_NO.search(low):
        return "yes"
    _, arrow, last = low.rpartition("→" if "→" in low else "->")
    return "unsure" if not arrow else "no" if words.SAYS_NO.search(last) else "yes"


def _commitments(low: str, known: Collection[str], asked: Question | None) -> list[Commitment]:
    found = [
        Commitment(
            sentences.FINAL if cue.rank == cues.FINAL else sentences.STATED,
            sentences.FLIP[vote] if cue.denied else vote,
        )
        for cue in cues.conclusions(low, known)
        if (vote := _read_announced(low[cue.payload : cue.end], asked, cue.indirect)) is not None
    ]
    if found:
        return found
    joined = " ".join(known)
    spoken = [] if _SPOKEN_WORDS.isdisjoint(known) else _places_spoken(low, joined)
    touching = asked.places_touched(low, joined) if asked is not None else []
    heard = touched = rest = 0  # how many words that say yes or no, or touch the matter, were passed, and characters
    spoken.append(len(low) + 1)  # never reached
    touching.append(len(low) + 1)
    upcoming = min(spoken[0], touching[0])
    read: dict[tuple[str, bool], Commitment | None] = {}  # a model that loops says the same sentence over and over
    aside = False  # the sentence before asked something else than the question
    pieces = [*_ENDS.split(low), ""]
    last = len(pieces) - 2
    for index in range(0, len(pieces), 2):
        piece, end = pieces[index], pieces[index + 1]
        rest += len(piece) + len(end)
        asks = end[:1] in _ASKING
        if upcoming >= rest and len(piece) > _SHORT and 2 < index < last - 2 and not asks:
            aside = False
            continue
        says, touches = spoken[heard] < rest, touching[touched] < rest
        if says:
            heard = bisect_left(spoken, rest, heard)
        if touches:
            touches = touched < _TOUCHES
            touched = bisect_left(touching, rest, touched)
            touches = touches or touched >= len(touching) - _TOUCHES
        upcoming = min(spoken[heard], touching[touched])
        text = piece.strip()
        if not text:
            continue
        if asks and not (says and _TENTATIVE_ANSWER.fullmatch(text[-_SHORT:])):
            aside = asked is not None and not says and not asked.is_about(text) and bool(content(text))
            continue
        led = bool(found) and found[-1].rank >= sentences.LED
        if says or (not led and (touches or asked is None or len(text) <= _SHORT or holds(text, words.JUDGING))):
            answered = bool(found)
            if (text, answered) not in read:
                read[text, answered] = sentences.read_sentence(text, says, asked, answered)
            commitment = read[text, answered]
            if commitment is not None and not (aside and commitment.rank == sentences.LED):
                found.append(commitment._replace(rank=sentences.MENTIONED) if asks else commitment)
                if commitment.rank >= sentences.LED and heard == len(spoken) - 1:
                    break
        aside = False
    return found


def _places_spoken(low: str, words: str) -> list[int]:
    """Where a yes or no stands, or ends a word; in ascending order."""
    found: list[int] = []
    for word in _SPOKEN:
        if word in words:
            size = len(word)
            found += [place for place in find_all(low, word) if not "a" <= low[place + size : place + size + 1] <= "z"]
    return sorted(found)


def _sentences(low: str) -> Iterator[tuple[str, bool]]:
    """The sentences of a text, each with whether it asks."""
    pieces = _ENDS.split(low)
    for text, end in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        if text := text.strip():
            yield text, end[:1] in _ASKING


def _read_announced(payload: str, asked: Question | None, indirect: bool) -> Vote | None:
    """Reads what "the answer is" announces; where a question comes first, only a plain yes or no counts."""
    for sentence, asks in _sentences(payload):
        if asks:
            continue
        text = sentences.neutralise(sentence)
        if "~both~" in text[:24]:
            return "unsure"
        led, _ = sentences.lead(text)
        if led is not None:
            return led
        match = _ENDS_IN.search(text) or words.LONE.match(text.strip(sentences.DECORATION)) or _IN_WORDS.match(text)
        if match:
            return side(match)
        if indirect:
            return None
        if text.startswith("~") or is_unsure(text[:120]):
            return "unsure"
        return stance(text, asked) or read_other_language(text)
    return None


_ENDS_IN: Final = re.compile(rf"\b(?:is|be|:) (?:a |an )?(?:(?P<yes>{words.YES})|(?P<no>{words.NO}))$")
_IN_WORDS: Final = re.compile(r"(?:in the )?(?:(?P<yes>affirmative|positive)|(?P<no>negative))\b")


def _resolve(found: list[Commitment]) -> Vote | None:
    """Which of the commitments of one stretch counts."""
    if not found:
        return None
    best = max(commitment.rank for commitment in found)
    chosen = [commitment for commitment in found if commitment.rank == best]
    votes = [commitment.vote for commitment in chosen]
    if best in (sentences.FINAL, sentences.STATED, sentences.CONCLUDED):
        return votes[-1]
    if best == sentences.LED:
        changes = sum(one != other for one, other in pairwise(votes))
        if changes > 1 or (changes and all(commitment.bare for commitment in chosen)):
            return "unsure"
        return votes[0]
    firm = {vote for vote in votes if vote != "unsure"}
    return firm.pop() if len(firm) == 1 else "unsure"
