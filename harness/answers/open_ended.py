"""What a response answers to an open question: a text that is stated, or the one value of a concluding sentence."""

from __future__ import annotations

import re
from typing import Final

from harness.answers.forms import NOTHING, REFUSED, Found, is_concluding, stated, without_conclusion
from harness.answers.refusals import apart, is_of_another, refuses
from harness.answers.text import sentences
from harness.answers.values import Quantity, digits, quantities, quantity, values

_NUMERIC: Final = re.compile(
    r"(?i)\bhow (?:many|much|long|far|old|tall|big|high|deep|wide|fast|heavy|often|large)\b|\(unit:"
    r"|\b(?:number|value|total|sum|average|mean|median|mode|range|difference|percent\w*|ratio|perimeter|area|volume"
    r"|length|width|height|distance|age|cost|price|rate|year|degree|speed|probability|calculate|compute|round\w*"
    r"|measure|temperature|angle|missing|limit|zeros|ends)\b"
)
_IS: Final = re.compile(
    r"(?i)(?:\b(?:is|are|was|were|be|equals|becomes)|=)"
    r"(?: (?:therefore|thus|then|also|exactly|only|approximately|about|around|equal to)){0,3}\s?[($€£¥₹]{0,3}$"
)
_COMPLEMENT: Final = re.compile(
    r"(?is)^(?:(?!, wh)[^:]){0,160}?\b(?:is|are|was|were|would be|must be|(?:it|that|he|she|they)'(?:s|re))"
    r"(?: (?:most likely|likely|probably|actually|indeed|best|generally)){0,3}"
    r"(?: (?:called|known as|named|termed|referred to as|considered|described as))?\s+(?P<rest>.+)$"
)
_CLAUSE_END: Final = re.compile(
    r";|(?<!\w)\(|, (?:and|as|because|since|which|where|so|but|with|while|rather|not|due|indicating|who)\b|[.!](?:\s|$)"
    r"| (?:because|since|which|rather than|instead of|as (?:it|the|shown)|due to|based on|but)\b|,(?=\s)",
    re.IGNORECASE,
)
_LISTED: Final = re.compile(r"[\w -]{1,20}(?:, (?!wh(?!ite)|and|as|but)[\w -]{1,20})+,? (?:and|or) [\w -]{1,20}\W*$")
_ASIDE: Final = re.compile(r"(?i),? (?:because|since|when|with|but|as (?:it|the|there|they)|where|indicating)\b")
_SO: Final = re.compile(r"[,;] (?:so|therefore|hence|thus|which means|meaning)\b|(?:at first|thought)\b.{0,80}? but\b")
_SETTING: Final = re.compile(r"(?i:in|at|after|during|on)\b(?:[^,\d]{0,40}\d[^,]{0,20}, | \w = [\d.]+ )")  # In 2 s,
_MULTIPLE: Final = re.compile(r"-?\d[\d.]*(?:[^\W\d_]|[\\^√])[^\s.]{0,20}\.?$")  # 12π, 10^4
_TOTAL: Final = re.compile(r"\btotal (?:of|is|was|:)\s*", re.IGNORECASE)
_YEAR: Final = re.compile(r"\b(?:which|what) year\b|^when\b", re.IGNORECASE)
_PLACED: Final = re.compile(rf"{_YEAR.pattern}|\b(?:in|at|after|during|within|on) (?:how|which|what)\b", re.IGNORECASE)
_NONE_OF_IT: Final = re.compile(r"\b(?:there (?:is|are)|has|have|with) no\b|\bnone\b", re.IGNORECASE)
_ANNOUNCED: Final = re.compile(
    r"(?i)\b(?:may|might|could be|would need|doubt|don't think)\b|^to (?:find|calculate|determine|answer|get|solve)\b"
)
_TABLE: Final = re.compile(r"\w \| |^\W*-{3}|^here is a table", re.IGNORECASE)
_IDLE: Final = frozenset("what which many much does this that there with from have will".split())


def wants_number(question: str | None) -> bool:
    """Whether a question asks for a number, as far as its words tell."""
    return bool(question and _NUMERIC.search(question))


def read_open(text: str, question: str | None, numeric: bool) -> Found:
    """Reads a plain text.

    Args:
        text: see `harness.answers.text.plain`.
        question: the question; its numbers are not the response's.
        numeric: whether the answer is a number.
    """
    for _, form, payload, words in reversed(stated(text)):
        if form == "option is":
            continue
        if len(payload) < 120 and refuses(sentences(payload)[0]):
            return REFUSED
        if answer := _short(payload, question, numeric):
            return Found(answer, form, words)
    parts = sentences(text)
    if "|" in text:
        parts = [part for part in parts if not _TABLE.search(part)]
    if not parts or (text.endswith("?") and len(parts) == 1):
        return NOTHING
    is_whole = len(parts) == 1 and (quantity(text) or _MULTIPLE.match(text))
    if is_whole or (len(parts) == 1 and not numeric and _is_phrase(text, 6) and not _COMPLEMENT.match(text)):
        return Found(_bare(text), "whole", text)
    if concluded := _concluded(parts, question, numeric):
        return concluded
    if refuses(parts[-1]) or (refuses(text) and not (numeric and _speaks_of(parts[-1], question))):
        return _beside_refusal(parts, question, numeric)
    return _at_the_edge(text, parts, question, numeric) or (REFUSED if refuses(text) else NOTHING)


def _beside_refusal(parts: list[str], question: str | None, numeric: bool) -> Found:
    """What is said beside sentences that decline, where those speak of something else, or it is a number in front.

    Where it says a value of the question, as they do of there being none, nobody knows which of them counts.
    """
    declining, kept = apart(parts, refuses)
    found = _at_the_edge("\n".join(kept), kept, question, numeric) if kept else None
    if found is None:
        return REFUSED
    if (numeric and quantity(parts[0]) and found.words == parts[0]) or all(
        is_of_another(part, question) for part in declining
    ):
        return found
    written = digits(found.words)
    is_said = numeric and any(_is_said_of(written, number) for number in quantities(written))
    return NOTHING if is_said and _speaks_of(found.words, question) else REFUSED


def _bare(text: str) -> str:
    """A short text without quotes and full stops around it; ".5" keeps its point."""
    text = text.strip(" \n\"'").rstrip(" .\"'")
    return text if re.match(r"\.\d", text) else text.lstrip(" .\"'")


def _is_phrase(text: str, most_words: int) -> bool:
    return len(text.split()) <= most_words and re.search(r"\w", text) is not None and not refuses(text)


def _concluded(parts: list[str], question: str | None, numeric: bool) -> Found | None:
    """What the last sentence says that begins with "therefore", where no other sentence speaks against it."""
    places = [place for place, part in enumerate(parts) if is_concluding(part)]
    if not places:
        return None
    said = parts[places[-1]]
    last = without_conclusion(said)
    if refuses(last):
        return REFUSED
    answer = _value_or_complement(last, question, numeric)
    if answer is None:
        return None
    others = parts[places[-1] + 1 :]
    if not _speaks_of(last, question) and _speaks_of(parts[0], question):
        others.append(parts[0])
    agree = all(
        other in (None, answer) or (_number(other) is not None and _number(other) == _number(answer))
        for other in (_value_or_complement(part, question, numeric) for part in others)
    )
    return Found(answer, "therefore", said) if agree else NOTHING


def _at_the_edge(text: str, parts: list[str], question: str | None, numeric: bool) -> Found | None:
    """What a response ends or begins with, or says in its only sentence, or in the first and the last."""
    last = parts[-1]
    if len(parts) == 1:
        if numeric and _is_off(last, question):
            return None
        answer = _value_or_complement(last, question, numeric)
        return Found(answer, "sentence", last) if answer else None
    if quantity(last) and not quantity(parts[-2]) and not re.match(r"\W*\d+[.)]\s", last):
        return Found(last, "ends", last)
    line = text.split("\n", 1)[0].strip()
    if "\n" in text and len(line) < 60 and not line.endswith(":"):
        is_idle = re.search(r"\b(?:sure|okay|hello|step|see)\b", line, re.IGNORECASE)
        if quantity(line) or (not numeric and _is_phrase(line, 4) and not is_idle):
            return Found(_bare(line), "begins", line)
    if not numeric:
        return None
    value = _value_or_complement(last, question, numeric)
    equations = [part for part in parts[-4:-1] if "=" in part]
    if value and equations and _number(value_in(equations[-1], None)) == _number(value):
        return Found(value, "confirms", last)
    ends = {
        answer: part
        for part in (parts[0], last)
        if _speaks_of(part, question) and (answer := _value_or_complement(part, question, numeric))
    }
    if len(ends) != 1:
        return None
    ((answer, part),) = ends.items()
    return Found(answer, "first or last sentence", part)


def _short(payload: str, question: str | None, numeric: bool) -> str | None:
    """The answer in what is stated: the payload without the clauses behind it."""
    payload = payload.strip().strip("\"'").strip()
    if listed := re.match(r"\[[^\[\]]{1,200}\]|-?[\d.]+(?:(?:,| and| or) -?[\d.]+)+$", payload.rstrip(".")):
        return listed[0]
    is_short = quantity(payload) or (len(payload) < 40 and not _CLAUSE_END.search(payload))
    short = payload if is_short else _CLAUSE_END.split(payload, maxsplit=1)[0]
    short = _bare(short)
    if not numeric or quantity(short) or _MULTIPLE.match(short):
        return short or None
    written = digits(payload)
    first = next(iter(values(written, question)), None)
    if first and len(written[: first.start].split()) <= 1 and "=" not in payload:
        is_more = re.match(r"\s*(?:-|to|or|and|,)\s*\d|\s*[-+*/^x×]", written[first.end :])
        return None if is_more else written[first.start : first.end]
    return value_in(payload, question)


def _value_or_complement(sentence: str, question: str | None, numeric: bool) -> str | None:
    """What a sentence says: its one value where a number is asked for, else what follows its "is"."""
    is_condition = (
        re.search(r"\bif\b(?! (?:we|you|i) )", sentence, re.IGNORECASE) and " if " not in f" {question} ".lower()
    )
    if _ANNOUNCED.search(sentence) or is_condition:
        return None
    if numeric:
        return value_in(sentence, question)
    match = _COMPLEMENT.match(sentence)
    if match is None or re.match(r"(?:not|n't)\b", match["rest"]):
        return None
    rest = re.sub(r"^(?:about|approximately|around|equal to)\s+", "", match["rest"])
    rest = rest.removeprefix((question or "").rstrip(" ?").rpartition(" ")[2] + " ")  # "What is he holding?"
    return _bare(rest if _LISTED.match(rest) else _CLAUSE_END.split(rest, maxsplit=1)[0]) or None


def value_in(sentence: str, question: str | None) -> str | None:
    """The one number that a sentence gives as its value; `None` where it gives none or several.

    Numbers of the question do not count, unless the sentence has no other. Of several that is taken which stands
    behind the last "=", behind "total", or behind "is".
    """
    question = (question or "").lower()
    if "zero" in question:
        sentence = re.sub(r"\bzero(?:e?s)?\b", "root", sentence)  # "How many zeros does the function have?"
    if re.search(r"\bhow (?:many times|often)\b", question):
        sentence = re.sub(r"\b(?i:never|once|twice)\b", lambda word: str("not".index(word[0][0].lower())), sentence)
    sentence = digits(sentence)
    asked = {number.value for number in quantities(digits(question))}
    sentence = re.sub(r"\$([^$]*[^\s$])\$(?!\d)", r"\1", sentence)
    for begin in (_SO.search(sentence), _SETTING.match(sentence)):
        if begin and _values(values(sentence[begin.end() :], question)) - asked and not _PLACED.search(question):
            sentence = sentence[begin.end() :]
            break
    if aside := _ASIDE.search(sentence):  # "the function has four zeros, as y is zero there"
        head = sentence[: aside.start()]
        if re.search(r"\bthere (?:is|are) no\b", head, re.IGNORECASE) or _values(values(head, question)) - asked:
            sentence = head
    found = values(sentence, question)
    if "how many " in question:  # of the asked kind, as no minutes are people
        found = [number for number in found if not number.unit.strip().isalpha() or number.unit.strip()[:3] in question]
    fresh = [number for number in found if number.value not in asked]
    if _YEAR.search(question):
        fresh = [number for number in fresh if 1000 <= number.value <= 2100]
    if (result := _result(sentence, fresh)) is not None:
        return _written(sentence, result)
    if total := _TOTAL.search(sentence):
        fresh = [number for number in fresh if number.start == total.end()] or fresh
    chosen = fresh or [number for number in found if _is_said_of(sentence, number)]
    if len(_values(chosen)) > 1 and not _YEAR.search(question):
        chosen = _predicated(sentence, chosen)
    if not chosen:
        return "0" if not fresh and _NONE_OF_IT.search(sentence) else None
    first = chosen[0]
    if more := re.match(r"\s*(?:-|to|or|out of)\s*[$]?[\d.,]+", sentence[first.end :]):
        return sentence[first.start : first.end + more.end()].strip(" .,")
    is_one = len(_values(chosen)) == 1 and not _is_one_of_several(sentence, first, fresh)
    return _written(sentence, first) if is_one else None


def _is_said_of(sentence: str, number: Quantity) -> bool:
    """Whether "is" or a sign of equality stands right before a number."""
    return _IS.search(sentence[max(0, number.start - 80) : number.start]) is not None


def _values(numbers: list[Quantity]) -> set[float]:
    return {number.value for number in numbers}


def _written(sentence: str, number: Quantity) -> str:
    return sentence[number.start : number.end] + number.unit


def _result(sentence: str, numbers: list[Quantity]) -> Quantity | None:
    """The one number behind the last sign of equality."""
    equation = max(sentence.rfind("="), sentence.rfind("≈"))
    before, after = sentence[: max(equation, 0)], [number for number in numbers if number.start > equation >= 0]
    if (
        len(_values(after)) != 1
        or ("=" in before and re.search(r" (?:and|or) |, ?\w_", before.rpartition("=")[2]))
        or re.match(r"\s?[-+*/^]", sentence[after[0].end :])
    ):
        return None
    return None if re.search(r"[A-Za-z]{3,}", sentence[equation : after[0].start]) else after[0]


def _predicated(sentence: str, numbers: list[Quantity]) -> list[Quantity]:
    """Those numbers that the sentence says something is, else those of its first clause."""
    clause = len(_CLAUSE_END.split(sentence, maxsplit=1)[0])
    said = [
        number
        for number in numbers
        if _is_said_of(sentence, number) and not re.match(r"\s?[/*^]", sentence[number.end :])
    ]
    return said or [number for number in numbers if number.end <= clause]


def _is_one_of_several(sentence: str, number: Quantity, fresh: list[Quantity]) -> bool:
    """Whether a number stands in a list: "3 large ones and 2 small ones"."""
    before = sentence[: number.start]
    after = re.split(r", (?:which|with|as|who|where|while)\b", sentence[number.end :])[0]
    if re.search(r"\d(?:,| and)\s$", before) or re.match(r"[^.;]{0,60}?(?:,| and| or)\s+(?:maybe )?[$€£]?\d", after):
        return True
    another = re.search(r",? (?:and|while|whereas)\b.*?\b(?:is|was|are|were)\b.*?\d", after)
    return bool(another and _values(fresh) - {number.value})


def _number(text: str | None) -> float | None:
    found = quantity(text) if text else None
    return found and found.value


def _topics(text: str) -> set[str]:
    """The beginnings of the longer words of a text."""
    return {word[:4] for word in re.findall(r"[a-z]{4,}", text.lower()) if word not in _IDLE}


def _is_off(sentence: str, question: str | None) -> bool:
    """Whether a sentence has a subject of its own, and no word of the question."""
    subject = re.match(r"(?:the|an?|it has \S+) (\w{3,4})", sentence.lower())
    asked = (question or "").lower()
    return bool(subject and asked and subject[1] not in asked and not _topics(sentence) & _topics(asked))


def _speaks_of(sentence: str, question: str | None) -> bool:
    """Whether a sentence speaks of what the question asks: half of the longer words of its last sentence."""
    last = [part for part in sentences(question or "") if re.search(r"[a-z]{4}.*[a-z]{4}", part)][-1:]
    asked, said = _topics("".join(last)), _topics(sentence)
    return not asked or 2 * len(asked & said) >= min(len(asked), max(len(said), 2))
