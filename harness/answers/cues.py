"""What announces an answer, and what takes one back.

Works on lower-case text with contractions spelled out, whatever kind of answer is looked for. Most texts hold none of
these phrases, so each search first asks for the words that it needs, which is far cheaper than the pattern itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from harness.answers.wording import either, find_all, fold, vocabulary, word_set

# --- announcements -------------------------------------------------------------------------------------------------

FINAL: Final = 2
STATED: Final = 1

PAYLOAD_LENGTH: Final = 320
CUES_READ: Final = 400  # of more announcements than this, the first and the last are read


class Cue(NamedTuple):
    r"""A phrase that announces an answer.

    Attributes:
        start: where the phrase begins.
        payload: where what it announces begins.
        end: where that ends at the latest.
        rank: `FINAL` for `\boxed{}`, a JSON key and "the final answer is", `STATED` for "the answer is".
        indirect: whether the phrase names a question first ("the answer to whether ... is").
        denied: whether it says what the answer is not ("the answer can not be").
    """

    start: int
    payload: int
    end: int
    rank: int
    indirect: bool = False
    denied: bool = False


# Nouns that announce an answer on their own, and nouns that do after an adjective.
_NOUNS: Final = word_set(
    "answer answers ans verdict conclusion decision prediction response judgment judgement guess respuesta reponse "
    "antwort resposta risposta odpowiedz jawaban cevap antwoord svar answer's"
)
_ALL_NOUNS: Final = _NOUNS | word_set("choice option selection pick letter one statement description alternative")
_FOREIGN_NOUN: Final = re.compile(
    fold("(?:réponse|ответ|الإجابة|الاجابة|الجواب|उत्तर|जवाब|yanıt|odpowiedź|đáp án|câu trả lời|απάντηση|תשובה|คำตอบ"
         "|پاسخ|答案|正解|答え|回答|解答|结论|結論|正确选项|정답|답변|답)")
)  # fmt: skip
_QUALIFIER: Final = re.compile(
    "(?:final|correct|right|best|chosen|selected|my|likely|accurate|appropriate|suitable|true) (?:answer |response )?$"
)
_LINK: Final = re.compile(
    r"[\"')\]]{0,2}(?P<gap>[^\n.!?:=。]{0,90}?)(?P<link>"
    + either(
        r"\b(?:is|are|was|be|remains|becomes|es|est|ist|lautet|sería|serait|wäre|jest|adalah|är|είναι)\b",
        r"\b[éè](?= )", "[:=]", "->", "→", r"(?<=[\])>]) ", r"-(?=\s?\W?[a-z0-9]\W?\s?$)", r"\n", " [-—–] ", "应该是",
        "应为", "應為", "是", "为", "為", "は", "が", "은", "는", "هي", "هو", "है", "คือ",
    )
    + ")"
)  # fmt: skip
_FINAL_BEFORE: Final = re.compile(r"\bfinal(?:ly)?[ _,:]{0,2}(?:\w{1,12} ){0,2}$|#{2,4} ?$")
_KEY_BEFORE: Final = re.compile(r"[\"'](?:[a-z]{0,12}[_ ])?$")
_NOT_MINE: Final = re.compile(
    "(?:wrong|incorrect|false|possible|potential|alternative|other|another|previous|initial|common|long|longer"
    "|detailed|tempting|obvious|naive|no|an|any|if|whether|every|such|expected|to|would) (?:correct |clear |right "
    "|definitive |single )?$"
)
_SUPPOSED: Final = re.compile(r"\b(?:would|could|might|may) (?:then |also |have |well )?(?:been|be)\b")
_IF: Final = re.compile(
    r"\b(?:if|unless|were|had|suppose|assuming)\b(?! i (?:had|have|must|were forced)\b| we had to| forced"
    r"| you (?:look|ask))"
)
_SUPPOSING: Final = re.compile(
    r"\bif (?:there|the|an?|any|no|this|that|something|it)\b"
    r"|(?<!show )(?<!shows )(?<!suggests )(?<!indicates )(?<!proves )\botherwise,? (?:the )?$"
)
_FIRST_THOUGHT: Final = re.compile(
    r"\b(?:initial(?:ly)?|originally|at first|first)\b[^,]{0,30}\b(?:thought|guess\w*|said|assumed|believed)\b"
    r"[^,;]{0,24}$"
    r"|\b(?:thought|assumed|believed)\b[^,]{0,20}\b(?:at first|initially)\b[^,;]{0,24}$"
)
_ASKING: Final = re.compile(r"\b(?:whether|if|need|must|check|find|determine|look|what|which|consider|first)\b")
_DENIED: Final = re.compile(r"(?:\b(?:not|cannot|never)|n't) (?:\w+ly )?be\s?$")
_BOX: Final = re.compile(r"\\boxed\s?\{")


def conclusions(low: str, words: Collection[str] | None = None) -> list[Cue]:
    """Every phrase in `low` that announces an answer, in order; hypothetical and disowned ones are left out.

    Args:
        low: the text.
        words: its vocabulary, or that of a longer text, if it is known.
    """
    words = vocabulary(low) if words is None else words
    found = _boxes(low) if "boxed" in words else []
    starts: set[tuple[int, int]] = set()
    for noun in _ALL_NOUNS.intersection(words):
        starts |= {
            (place, place + len(noun))
            for place in find_all(low, noun)
            if noun in _NOUNS or _QUALIFIER.search(low, max(0, place - 24), place)
        }
    if not low.isascii():
        starts |= {match.span() for match in _FOREIGN_NOUN.finditer(low)}
    ordered = sorted(starts)
    if len(ordered) > CUES_READ:
        ordered = [*ordered[: CUES_READ // 4], *ordered[-CUES_READ * 3 // 4 :]]
    for start, end in ordered:
        link = _LINK.match(low, end)
        cue = _weigh(low, start, link) if link is not None else None
        if cue is not None:
            found.append(cue)
    return found


def _weigh(low: str, start: int, link: re.Match[str]) -> Cue | None:
    payload = link.end()
    before = low[max(0, start - 40) : start]
    if _NOT_MINE.search(before):
        return None
    phrase = low[start:payload]
    sentence = low[max(low.rfind(mark, max(0, start - 160), start) for mark in ".!?;\n") + 1 : start]
    if (
        _SUPPOSING.search(sentence[-160:])
        or _FIRST_THOUGHT.search(sentence[-80:])
        or (_SUPPOSED.search(phrase) and _IF.search(sentence[-160:]))
    ):
        return None
    is_key = link["link"] == ":" and bool(_KEY_BEFORE.search(before)) and low[link.start("gap") - 1] in "\"'"
    is_final = is_key or bool(_FINAL_BEFORE.search(before))
    return Cue(
        start=start,
        payload=payload,
        end=min(len(low), payload + PAYLOAD_LENGTH),
        rank=FINAL if is_final else STATED,
        indirect=bool(_ASKING.search(phrase)),
        denied=_DENIED.search(phrase) is not None,
    )


def _boxes(low: str) -> list[Cue]:
    cues: list[Cue] = []
    for box in _BOX.finditer(low):
        if not cues or box.start() >= cues[-1].end:  # else it stands in the box before
            cues.append(Cue(box.start(), box.end(), closing_brace(low, box.end()), FINAL))
    return cues


def closing_brace(text: str, start: int) -> int:
    """Where the brace that was opened before `start` closes; at most `PAYLOAD_LENGTH` further on, or the text's end."""
    depth = 1
    stop = min(len(text), start + PAYLOAD_LENGTH)
    for index in range(start, stop):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if not depth:
                return index
    return stop


# --- taking back ---------------------------------------------------------------------------------------------------

# Take something back wherever they stand, so long as something was said before; by a word that each needs.
_ANYWHERE: Final = {
    "again": "looking again|look again|check again|think again|try again", "apologies": "my apologies",
    "apologise": "i apologise", "apologize": "i apologize", "back": "take that back|take it back", "bad": "my bad",
    "closely": "look more closely|looking more closely", "carefully": "looking more carefully",
    "closer": "closer look|closer inspection|closer examination|closer review|looking closer|look closer",
    "correct": "need to correct|let me correct|correct myself|to correct that", "corrected": "i stand corrected",
    "disregard": "disregard that", "double": "double-check|double check", "error": "i made an error",
    "forget": "forget that", "hang": "hang on|no, hang on", "hold": "no hold on|no, hold on", "ignore": "ignore that",
    "further": "further inspection|further reflection|further examination|further review|further thought",
    "incorrect": "that is incorrect|that's incorrect|that was incorrect", "inspection": "careful inspection",
    "let": "let me re", "meant": "i meant", "mind": "changed my mind|change my mind", "mistaken": "i was mistaken",
    "mistake": "my mistake|i made a mistake|that is a mistake|that's a mistake|that was a mistake",
    "over": "start over", "reflection": "on reflection", "scratch": "scratch that", "strike": "strike that",
    "right": "that is not right|that's not right|that isn't right", "second": "second thought|second look",
    "wait": "no wait|no, wait|no. wait", "wrong": "that is wrong|that's wrong|that was wrong|i was wrong",
    "moment": "moment mal",
} | {word: word for word in word_set(
    "oops whoops hm hmm hmmm hmmmm esperen perdón attendez погоди подожди постой постойте подождите"
)}  # fmt: skip
_UNSPACED: Final = ("等等", "等一下", "更正", "重新", "再看", "再想", "待って", "訂正", "잠깐", "정정")
# Take something back only where a clause begins with them.
_AT_CLAUSE: Final = {"hold": "hold on", "mean": "i mean"} | {
    word: word
    for word in word_set("wait actually sorry rather correction apologies oh edit update espera attends warte")
}
_TAKING_BACK: Final = _ANYWHERE.keys() | _AT_CLAUSE.keys()
_CLAUSE_START: Final = re.compile(
    r"(?:[.!?,;:\n(\[\"'}→>]|- ?|\.\.\.)\s?(?:(?:oh|ah|no|but|hmm+|and|or|well|um|uh|ok|okay|so|yes"
    r"|however)[,\s]{1,2}){0,2}$"
)
_NOT_TAKING_BACK: Final = re.compile(r" (?:for|at|in|on|until|to|than|about)\b")
_SAYS_SOMETHING: Final = re.compile(r"[^\W_]")


def take_backs(low: str, words: Collection[str] | None = None) -> list[tuple[int, int]]:
    """Start and end of every phrase that takes back what was said before it, in order.

    Args:
        low: the text.
        words: its vocabulary, if it is known.
    """
    words = vocabulary(low) if words is None else words
    if low.isascii() and _TAKING_BACK.isdisjoint(words):
        return []
    phrases = [phrase for word in _ANYWHERE.keys() & words for phrase in _ANYWHERE[word].split("|")]
    if not low.isascii():
        phrases += _UNSPACED
    found = [(place, place + len(phrase)) for phrase in phrases for place in find_all(low, phrase)]
    for word in _AT_CLAUSE.keys() & words:
        phrase = _AT_CLAUSE[word]
        found += [
            (place, end) for place in find_all(low, phrase) if _begins_clause(low, place, end := place + len(phrase))
        ]
    if not found:
        return found
    found.sort()
    first = _SAYS_SOMETHING.search(low)
    said = first.start() if first is not None else 0
    return [(start, end) for start, end in found if start > said or low.startswith("no", start)]


def _begins_clause(low: str, start: int, end: int) -> bool:
    follows = low[end : end + 1]
    if follows.isalnum() or (start and low[start - 1].isalnum()) or _NOT_TAKING_BACK.match(low, end):
        return False
    if low.startswith(("edit", "update"), start) and follows != ":":
        return False
    return bool(_CLAUSE_START.search(low, max(0, start - 24), start)) or (
        follows == "," and not low.startswith("sorry", start)
    )


def spans(low: str, words: Collection[str] | None = None) -> list[tuple[int, int]]:
    """The stretches between the phrases that take back: what holds is in the last one that says anything."""
    marks = take_backs(low, words)
    if not marks:
        return [(0, len(low))]
    starts = [0, *(end for _, end in marks)]
    ends = [*(start for start, _ in marks), len(low)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end > start] or [(0, len(low))]
