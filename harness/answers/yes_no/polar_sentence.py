"""What one sentence commits to, where the answer is yes or no."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from harness.answers.refusals import is_unsure
from harness.answers.wording import holds, word_set
from harness.answers.yes_no import polar_words as words
from harness.answers.yes_no.polar_words import Vote
from harness.answers.yes_no.polarity import stance
from harness.answers.yes_no.questions import Question

FINAL: Final = 5
STATED: Final = 4
LED: Final = 3
CONCLUDED: Final = 2
DECLARED: Final = 1
MENTIONED: Final = 0


FLIP: Final[dict[Vote, Vote]] = {"yes": "no", "no": "yes", "unsure": "unsure"}
DECORATION: Final = " \n\"'([{<.,:;-=>*_|/\\✅✔☑❌✗✘→"


# A sentence of plain words without any of these holds nothing that `neutralise` takes out or `_read_spoken` reads.
_LOADED: Final = word_set(
    "doubt miss missed overlook overlooked question dispute denying mistaking uncertainty problem worries need wonder"
    " matter sweat surprise further longer more fewer less later explanation additional other only just merely mention"
    " surprisingly unlike uncommon unusual without if why help deny so or y say said saying answer answered answering"
    " claim claimed respond reply state tell otherwise else when whenever unless case were had reason because since as"
    " but yet though true correct right accurate valid supported consistent false incorrect wrong untrue inaccurate"
    " invalid lie hold holds stands"
)


class Commitment(NamedTuple):
    """Something in the text that answers, with how strongly it does, and whether the sentence says nothing else."""

    rank: int
    vote: Vote
    bare: bool = False


def side(match: re.Match[str]) -> Vote:
    """Which of its two named groups a pattern has found."""
    return "yes" if match["yes"] is not None else "no"


def neutralise(sentence: str) -> str:
    """Takes out what holds yes and no without answering: "no doubt", "yes or no", "yes if ... otherwise no"."""
    if "no" in sentence or "doubt" in sentence or "question" in sentence or " to " in sentence:
        sentence = words.IDIOM.sub(" ", sentence)
    if ("yes" in sentence or "no" in sentence) and holds(sentence, words.SAYING):
        sentence = words.DISOWNED.sub(" ", sentence)
        sentence = words.REFUSED.sub(lambda match: " no, " if any(match.groups()) else " yes, ", sentence).lstrip()
    if "yes" in sentence or "/" in sentence or "true" in sentence or "correct" in sentence or "y or" in sentence:
        sentence = words.BOTH.sub(" ~ ", words.BOTH_MEANT.sub(" ~both~ ", sentence))
    conditional = holds(sentence, words.SUPPOSING)
    if conditional and words.COUNTERFACTUAL.match(sentence):
        _, turn, fact = words.TURN.sub(" | ", sentence).rpartition(" | ")
        return fact.strip() if turn else "~"
    if conditional and (words.CONDITIONAL.search(sentence) or words.SUPPOSES.match(sentence)):
        return "~"
    return sentence.strip()


def _is_plain(sentence: str) -> bool:
    """Whether a sentence is of plain words only, so that all it can say is what it says of the matter."""
    if not sentence.replace(" ", "").isalpha() or sentence.endswith(("no", "nope", "nay")):
        return False
    return not ("ye" in sentence or "yu" in sentence or "na" in sentence) and _LOADED.isdisjoint(sentence.split())


def read_sentence(sentence: str, says: bool, asked: Question | None, answered: bool) -> Commitment | None:
    """What one sentence commits to.

    Args:
        sentence: the sentence.
        says: whether the words yes or no occur in it.
        asked: the question.
        answered: whether a sentence before has answered.
    """
    plain = _is_plain(sentence)
    text = sentence if plain else neutralise(sentence)
    listed = words.LISTED.match(text) if says and "," in text else None
    if listed is not None and asked is not None and asked.things and not asked.is_about(listed["thing"]):
        return None
    thus = words.THUS.match(text) is not None
    vote, position = lead(text, says)
    turns = not plain and (says or text.endswith(" not")) and ("but" in text or "yet" in text or "though" in text)
    turned = words.TURNED.search(text) if turns else None
    if turned is not None:
        return Commitment(LED, side(turned))
    if words.MARKED_NOT.match(text):
        return Commitment(LED, "no")
    if vote is not None and words.TENTATIVE.match(text):
        return Commitment(MENTIONED, vote)
    if vote is not None:
        rest = text[position:]
        if not (answered and words.CONFIRMS.match(rest)):
            return Commitment(STATED if thus else LED, vote, bare=not rest.strip(" .,;:!\"')]}"))
    spoken = None if plain else _read_spoken(text, says, thus, asked)
    if spoken is not None:
        return spoken
    declared = stance(text, asked)
    if declared is None and position and ("but" in text or not is_unsure(text)):
        declared = stance(text[position:], asked)
    if declared is not None:
        return Commitment(CONCLUDED if thus and declared != "unsure" else DECLARED, declared)
    alone = words.LONE.match(text.strip(DECORATION)) if len(text) < 48 else None
    return Commitment(MENTIONED, side(alone)) if alone and not words.POLITE.match(text) else None


def _read_spoken(text: str, says: bool, thus: bool, asked: Question | None) -> Commitment | None:
    """What a sentence answers in words, not by what it says of the matter: "I say no", "that is true", "dogs: 0"."""
    said = _said(text) if says else None
    judged = _verdict(text, asked) if said is None or words.QUOTED_CLAIM.search(text) else None
    if judged is not None or said is not None:
        return Commitment(STATED if thus and says else LED, judged or said or "unsure")
    if "~both~" in text:
        return Commitment(LED, "unsure")
    _, colon, value = text.rpartition(":" if ":" in text else "=")
    if colon:
        named = words.LONE.match(value.strip(DECORATION))
        if named is not None:
            return Commitment(LED, side(named))
        if value.strip().isdecimal() and asked is not None and asked.things and asked.touches(text):
            return Commitment(LED, "yes" if int(value[-12:]) else "no")
    return None


def lead(text: str, says: bool = True) -> tuple[Vote | None, int]:
    """The yes or no that a sentence begins with, and where what follows it, or the sentence proper, begins."""
    position = 0
    says = says and ("," in text or ":" in text)
    for _ in range(6):
        match = words.POLAR.match(text, position)
        if match is not None:
            if match["no"] is not None and match[0][:2] == "no" and not words.NO_IS_ANSWER.match(text, match.end()):
                return None, position
            vote = side(match)
            if words.NEGATED_BEFORE.search(text, max(0, position - 24), position):
                vote = FLIP[vote]
            return vote, match.end()
        opening = (
            words.OPENING.match(text, position)
            or words.HEDGE.match(text, position)
            or (words.ASIDE.match(text, position) if says else None)
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
    held = words.HOLDS.search(text) if "hold" in text or "stand" in text else None
    if held is not None and not is_unsure(text):
        claimed = stance(held["claim"], asked) if held["claim"] else None
        return "yes" if (claimed == "no") is (held["neg"] is not None) else "no"
    if not holds(text, words.VERDICT_WORDS):
        return None
    match = words.VERDICT.search(text)
    if match is None or is_unsure(text) or "whether" in text[: match.start()]:
        return None
    vote = FLIP[side(match)] if match["neg"] else side(match)
    claim = match["claim"] or match["quoted"]
    claimed = stance(claim, asked) if claim else None
    return FLIP[vote] if claimed == "no" else vote


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
            votes.add(FLIP[side(match)] if words.NEGATED_BEFORE.search(before) else side(match))
    return votes.pop() if len(votes) == 1 else None
