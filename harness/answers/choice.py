"""Which option a response chooses: a letter that is stated, else an option's text or value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from harness.answers.forms import NOTHING, REFUSED, Found, is_concluding, stated
from harness.answers.open_ended import value_in
from harness.answers.options import held_options, mentioned_option, negates, stated_option
from harness.answers.refusals import apart, is_of_another, refuses
from harness.answers.sameness import same
from harness.answers.text import holds, key, sentences
from harness.answers.values import quantity
from harness.answers.yes_no import Polarity, read_yes_no

_OPEN: Final = r"[\s\"'*\[{(<$.\-]{0,6}"
_CLOSE: Final = r"[\s)\]}>.,:;!?\"'*_$。]{0,12}"
_NAMED: Final = r"(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]elect) |[Aa]:\s*)?"
POLAR: Final[Mapping[str, Polarity]] = {"yes": "yes", "no": "no", "true": "yes", "false": "no"}
"""Options that make a yes/no question of a choice."""
_LINE: Final = re.compile(
    rf"^[ \t]*(?:[-*•]|\d+[.)])?{_OPEN}(?:[Oo]ption )?\(?([A-Z])(?:[)\].:\"'}}]+(?:\s|$)|。| - )(.*)$", re.MULTILINE
)
_LETTER: Final = re.compile(
    rf"{_OPEN}(?:(?:option|choice|letter|answer)\b[\s:]*)?{_OPEN}([A-Za-z])(?![\w'])", re.IGNORECASE
)
_AND: Final = re.compile(r"[)\].,'\"*\s]*(?:,|\band\b|\bor\b|/|&)\s*[(\"']*[A-J](?![\w'])")
_REASON: Final = re.compile(r"\s+(?:because|since|as|for|with|which)\b")
_LETTER_ALONE: Final = re.compile(rf"{_OPEN}{_NAMED}{_OPEN}[A-Za-z]{_CLOSE}")
_REPLY: Final = re.compile(rf"{_OPEN}[Aa]:\s*(?={_OPEN}([A-Za-z]){_CLOSE}$)")
"""Before a letter alone, the "A:" of "Q: ... A: ..."."""
_CAPITAL_ALONE: Final = re.compile(rf"{_OPEN}{_NAMED}{_OPEN}[A-Z]{_CLOSE}")
_LISTED: Final = re.compile(r"\b[A-J][.:)]\s|\([A-J]\)")
_BECAUSE: Final = re.compile(rf"{_OPEN}(?:[Oo]ption )?([A-Z]){_CLOSE} (?:because|since)\b")
_IS_RIGHT: Final = re.compile(
    r"(?:\b(?:option|choice|answer)\s|选项|^|(?<=[.,:\n] )|(?<=\n)|(?<=so )|(?<=thus )|(?<=hence ))\s?"
    r"\(?((?-i:[A-J]))(?![A-Za-z'])\)?(?:(?:(?!\b[A-J]\b)[^.\n]){0,60}?\s)?(?:is|是|为)\s?"
    r"(?:therefore |thus |likely )?(?:the )?(?:most |only |best )?"
    r"(?:correct|best|right|appropriate|accurate|answer|正确)",
    re.IGNORECASE,
)
"""A letter of which the sentence says that it is right."""
_RIGHT: Final = ("correct", "best", "right", "ppropriate", "ccurate", "the answer", "正确")
_ENDING: Final = 200
"""Characters before the end of a response in which a marker is no heading."""
_SO: Final = re.compile(
    r"(?:^|[,;] )(?:[Ss]o|[Hh]ence|[Tt]hus|[Tt]herefore),? (?:it's |it is |it must be )?\(?([A-J])\)?\W*$"
)
_FINAL_LETTER: Final = re.compile(r"(?:'s|\b(?:is|are|(?:must|should) be)) (?:the )?(?:\w+ )?\"?([A-J])\W*$")


def read_choice(text: str, choices: Mapping[str, str], question: str | None) -> Found:
    """Reads a plain text.

    Args:
        text: see `harness.answers.text.plain`.
        choices: option letter to option text.
        question: the question; its negations and numbers are not the response's.
    """
    text = _without_lists(text)
    forms = stated(text)
    for _, form, payload, words in reversed(forms):
        if letter := _stated_letter(payload, choices):
            return Found(letter, form, words)
    said = _IS_RIGHT.finditer(text) if any(word in text for word in _RIGHT) else ()
    right = [match for match in said if match[1] in choices and not negates(match[0], question)]
    if len({match[1] for match in right}) == 1:
        return Found(right[-1][1], "option is right", right[-1][0])
    if found := _at_the_edge(text, choices, question):
        return found
    for _, form, payload, words in reversed(forms):
        if letter := stated_option(payload, choices):
            return Found(letter, f"{form} (text)", words)
    if forms and forms[-1].form in ("marker", "boxed") and len(text) - forms[-1].place < _ENDING:
        # "Answer: not listed": nothing weaker may pass it over.
        return REFUSED if refuses(forms[-1].payload) else NOTHING
    parts = sentences(text)
    if len(parts) == 1 and (letter := stated_option(text, choices)):
        return Found(letter, "whole text", text)
    if (so := _SO.search(parts[-1] if parts else "")) and so[1] in choices:
        return Found(so[1], "ends with letter", parts[-1])
    polar: dict[str, str] = {word: letter for letter, option in choices.items() if (word := POLAR.get(key(option)))}
    if len(choices) == 2 and len(polar) == 2:
        found = read_yes_no(text, question)
        return Found(polar[found.answer], f"polar: {found.rule}", found.words) if found.answer else found
    if refuses(text):
        undecided = [letter for letter, option in choices.items() if refuses(option)]
        if len(undecided) == 1 and len(held_options(text, choices)) < 2:
            return Found(undecided[0], "refusal is an option", text)
        return _beside_refusal(parts, choices, question)
    return _in_a_sentence(text, parts, choices, question)


def _beside_refusal(parts: list[str], choices: Mapping[str, str], question: str | None) -> Found:
    """What is chosen beside sentences that decline, if they are of something else, or it stands first or concludes.

    Else both may be of the question, and nobody knows which of them counts.
    """
    declining, kept = apart(parts, refuses)
    found = _in_a_sentence("\n".join(kept), kept, choices, question)
    if found.answer is None:
        return REFUSED
    is_plain = key(parts[0]) == key(choices[found.answer]) or (is_concluding(parts[-1]) and found.words == parts[-1])
    return found if is_plain or all(is_of_another(part, question) for part in declining) else NOTHING


def _stated_letter(payload: str, choices: Mapping[str, str]) -> str | None:
    """The letter that a stated answer begins with."""
    if (reply := _REPLY.match(payload)) and key(reply[1]) != key(choices.get("A", "")):
        payload = payload[reply.end() :]
    match = _LETTER.match(payload)
    if match is None:
        return None
    name, rest = match[1], payload[match.end() :]
    if name not in choices and name.upper() in choices and re.match(r"[)\]]|\W*$", rest):
        name = name.upper()
    if name not in choices or _AND.match(rest):
        return None
    whole = key(payload)
    named = [letter for letter, text in choices.items() if key(text) == whole and (len(whole) > 1 or match[1] in text)]
    if named and name not in named and len(whole) > 1 and f"({name})" not in payload and f"[{name}]" not in payload:
        return None  # The payload is the text of another option.
    if re.match(r"\s+[\w\"']", rest) and not re.search(r"[(\[{]\s*$", payload[: match.start(1)]):
        is_own = key(rest).startswith(key(choices[name])[:12]) or _REASON.match(rest)
        is_article = match[1] in "AaI" or match[1].islower()
        if not is_own and (is_article or any(key(text).startswith(f"{name.lower()} ") for text in choices.values())):
            return None
    return name


def _at_the_edge(text: str, choices: Mapping[str, str], question: str | None) -> Found | None:
    """A response that is a letter, or begins or ends with one on a line; `None` where it is none of these."""
    lines = [line.strip() for line in text.split("\n") if line.strip()] or [""]
    if _LETTER_ALONE.fullmatch(text) and (letter := _stated_letter(text, choices)):
        return Found(letter, "whole letter", text)
    first, last = _LINE.match(lines[0]), _LINE.match(lines[-1])
    if first and first[1] in choices and (not _LISTED.search(first[2]) or _is_its_text(first, choices)):
        other = _stated_letter(first[2], choices) or stated_option(first[2], choices)
        other = other or mentioned_option(first[2], choices, question)
        return Found(first[1], "begins with letter", lines[0]) if other in (None, first[1]) else NOTHING
    alone = {line.strip(" ().*") for line in lines if _CAPITAL_ALONE.fullmatch(line)}
    if len(alone) > 1:
        return NOTHING
    for line, rule in ((lines[0], "begins with letter"), (lines[-1], "ends with letter")):
        if _CAPITAL_ALONE.fullmatch(line) and (letter := _stated_letter(line, choices)):
            return Found(letter, rule, line)
    if last and not _LISTED.search(last[2]) and stated_option(last[2], choices) == last[1]:
        return Found(last[1], "ends with letter", lines[-1])
    if (because := _BECAUSE.match(text)) and because[1] in choices:
        return Found(because[1], "begins with letter", lines[0])
    return None


def _is_its_text(line: re.Match[str], choices: Mapping[str, str]) -> bool:
    """Whether a line is a letter with its own option's text, and no list of options."""
    others = re.findall(r"(?<!not )(?<!not \()\b([A-J])[.:)]\s+([^,;]*)", line[2])
    return stated_option(line[2], choices) == line[1] and all(
        stated_option(text, choices) != letter for letter, text in others
    )


def _in_a_sentence(text: str, parts: list[str], choices: Mapping[str, str], question: str | None) -> Found:
    """The one option that a concluding sentence names by letter, text or value."""
    if not parts:
        return NOTHING
    bracketed = set(re.findall(r"\(([A-J])\)", text)) & choices.keys()
    if len(bracketed) == 1:
        letter = bracketed.pop()
        for part in (parts[-1], parts[0]):
            if f"({letter})" in part and not negates(part, question):
                return Found(letter, "letter in sentence", part)
    for part in parts if len(parts) == 1 else [part for part in parts[:-3:-1] if is_concluding(part)]:
        if letter := mentioned_option(part, choices, question):
            return Found(letter, "option in sentence", part)
        if (final := _FINAL_LETTER.search(part)) and final[1] in choices and not negates(part, question):
            in_texts = any(
                holds(text.lower(), final[1].lower()) for other, text in choices.items() if other != final[1]
            )
            return NOTHING if in_texts else Found(final[1], "letter in sentence", part)
        value = value_in(part, question)
        equal = [letter for letter, text in choices.items() if value and quantity(text) and same(value, text)]
        if len(equal) == 1 and not negates(part, question):
            return Found(equal[0], "value in sentence", part)
    letter = mentioned_option(parts[0], choices, question) if len(parts) > 1 else None
    if letter and all(mentioned_option(part, choices, question) in (None, letter) for part in parts[1:]):
        return Found(letter, "option in first sentence", parts[0])
    return NOTHING


def _without_lists(text: str) -> str:
    """The text without lists of options: neighbouring lines that begin with different letters."""
    if len({match[1] for match in _LINE.finditer(text)}) < 2:
        return text
    kept: list[str] = []
    group: list[str] = []

    def close() -> None:
        if len({match[1] for line in group if (match := _LINE.match(line))}) < 2:
            kept.extend(group)
        group.clear()

    for line in text.split("\n"):
        if _LINE.match(line) or (group and not line.strip()):
            group.append(line)
        else:
            close()
            kept.append(line)
    close()
    return "\n".join(kept).strip()
