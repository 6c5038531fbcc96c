"""An option that a text names by its words or its value instead of its letter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from harness.answers.sameness import same
from harness.answers.text import holds, key
from harness.answers.values import quantity

_NEGATED: Final = re.compile(
    r"(?:\b|(?<=n)(?='t))(?:not|'t|cannot|incorrect|wrong|except|rather than|instead of|unlike|neither|nor|none"
    r"|eliminate\w*"
    r"|(?:rul\w+|are|is) out|exclud\w+|no)\b",
    re.IGNORECASE,
)
_CONTRAST: Final = re.compile(
    r"\bnot [^,.;]{1,60}?,? but\b|(?:, (?:and )?not|,? (?:rather than|instead of)) [^,.;]{1,60}"
)
"""What a sentence sets its answer against: "green, not red", "not red but green"."""
_LITTLE: Final = frozenset("for and or not in on is it all if to of by as at".split())
"""Texts of options that stand in any sentence."""
_TURNS: Final = frozenset(
    "might may could maybe perhaps would lowest least smallest minimum highest most largest maximum last second third"
    " never asks about except besides".split()
)
"""Words that make a sentence about an option no answer, where the question does not have them."""
_IDLE: Final = frozenset(
    "the and this that which it's its image picture video based shown appears seems looks can see likely answer option"
    " correct think believe with for are was has have been there therefore because since so thus from given".split()
)
_CLAUSE_END: Final = re.compile(r"[;(]|,\s| because | since |\.\s")


def stated_option(payload: str, choices: Mapping[str, str]) -> str | None:
    """The letter of the one option whose text or value a stated answer is, or begins with."""
    whole = key(payload)
    keys = {letter: key(text) for letter, text in choices.items()}
    if not whole:
        return None
    exact = [letter for letter, text in keys.items() if text == whole and len(text) > 1]
    begun = [letter for letter, text in keys.items() if len(text) > 1 and _begins(whole, text)]
    longest = max((len(keys[letter]) for letter in begun), default=0)
    if found := exact or [letter for letter in begun if len(keys[letter]) == longest]:
        rest = whole[len(keys[found[0]]) :]
        is_list = any(len(text) > 1 and holds(rest, text) for text in keys.values())
        return found[0] if len(found) == 1 and not is_list else None
    clause = _CLAUSE_END.split(payload, maxsplit=1)[0]
    if not quantity(clause) and not re.search(r"[\\√^]", clause):
        return None
    equal = [letter for letter, text in choices.items() if same(clause, text) is True]
    return equal[0] if len(equal) == 1 and len(held_options(payload, choices)) < 2 else None


def held_options(text: str, choices: Mapping[str, str]) -> list[str]:
    """The letters of all options whose texts a text holds."""
    text = key(text)
    return [letter for letter, option in choices.items() if holds(text, key(option) or text)]


def mentioned_option(sentence: str, choices: Mapping[str, str], question: str | None) -> str | None:
    """The letter of the one option whose text a sentence holds, where the sentence does not negate it."""
    sentence = _CONTRAST.sub(" ", sentence)
    if sentence.endswith("?") or re.match(r"\W{0,6}[A-J]\s?[-:.)]", sentence):
        return None  # a line of a list
    text = key(sentence)
    keys = {letter: key(option) for letter, option in choices.items()}
    found = {
        letter: words
        for letter, words in keys.items()
        if len(words) > 1 and words not in _LITTLE and not quantity(choices[letter]) and holds(text, words)
    }
    longest = [
        letter
        for letter, words in found.items()
        if not any(words != other and words in other for other in found.values())
    ]
    if len(longest) != 1:
        return None
    letter, held = longest[0], set(text.split())
    rest = text.replace(found[letter], " ", 1)
    if any(other != letter and holds(rest, words) for other, words in found.items()):
        return None  # "rice or brown rice"
    if any(set(found[letter].split()) < set(words.split()) <= held for words in keys.values()):
        return None  # "decrease slightly" where there is "slightly decrease" too
    if negates(sentence.replace(choices[letter], ""), question) or not _is_to_the_point(rest, question):
        return None
    return letter


def _is_to_the_point(rest: str, question: str | None) -> bool:
    """Whether what a sentence says beside an option is what the question asks, as far as words tell."""
    words, asked = ({word for word in re.findall(r"\w{3,}", text.lower())} for text in (rest, question or ""))
    new = words - asked - _IDLE
    return (not question or len(new) <= len(words & asked) + 1) and not new & _TURNS


def negates(sentence: str, question: str | None) -> bool:
    """Whether a sentence negates more than its question does."""
    return bool(_negations(sentence) - _negations(question or ""))


def _negations(text: str) -> set[str]:
    return {word.lower() for word in _NEGATED.findall(text)}


def _begins(whole: str, text: str) -> bool:
    """Whether a key begins with another, and not with a longer word, number or fraction that begins like it."""
    rest = whole[len(text) :]
    return whole.startswith(text) and not re.match(r"\s?/", rest) and not rest[:2].strip(" ,")[:1].isalnum()
