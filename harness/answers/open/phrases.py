"""Phrases as words to compare: numbers as digits, without articles; and what a question leaves open in its blank."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.answers.wording import NUMBERS, fold, lower, spell_out, spell_powers, spell_scripts, strip_markup

_NUMBER_WORDS: Final = {**NUMBERS, "hundred": "100", "once": "1", "twice": "2", "single": "1"}
_ORDINALS: Final = {"1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "5th": "fifth"}
_ARTICLES: Final = frozenset(("a", "an", "the"))
_TOKEN: Final = re.compile(r"[-+]?\d+(?:[.,]\d+)*|[^\W_]+|[%°^+/=<>√π*]")
BLANK: Final = "¤"  # what a question's blank is written as
DRAWN_BLANK: Final = re.compile(r"\*{0,2}\(?_{2,}\)?\*{0,2}")
_ASKED_NOUN: Final = re.compile(
    r"\b(?:what|which)(?: (?:kind|type|sort|form|class|specific|famous|main|primary|particular|common|cinematic"
    r"|excavation|physical))*(?: of)?(?: (?:\w+-)?\w+){0,3}? ?(?=\b(?:is|are|does|do|did|was|were|has|have|can|could"
    r"|would|will|should|being|causes?|might|most|shown|used)\b)"
)
_ASKED_NAME: Final = re.compile(
    r"\bwhat (?:is|are|was|were) the (?:[\w-]+ ){0,2}?([\w-]+) (?:used|shown|in|of|that|being|for|demonstrated"
    r"|depicted|illustrated|seen)\b"
)
_SUBJECT: Final = re.compile(
    r"(?:^|[.,;:] ?)(?:the|this) (?:\w+ of )?(?:[\w-]+ ){0,2}?([\w-]+) (?:in|shown|demonstrated|used|is|was|being"
    r"|depicted|illustrated|that|which|most|at|are)\b[^.;:?]*$"
)


@lru_cache(maxsize=4096)
def plain_text(text: str) -> str:
    """Lower case, folded, without accents and markup, contractions spelled out."""
    text = spell_out(lower(strip_markup(fold(spell_scripts(spell_powers(text))))) + " ")
    if not text.isascii():
        text = text.translate(_ACCENTS)
    return " ".join(text.split())


_ACCENTS: Final = str.maketrans("áàâäãåéèêëíìîïóòôöõúùûüýÿñçøđł", "aaaaaaeeeeiiiiooooouuuuyyncodl")


def words_of(text: str) -> tuple[str, ...]:
    """Words and numbers without articles; numbers as digits, hyphens and possessives gone."""
    text = re.sub(r"'s\b|s'(?=\s|$)|'", "", re.sub(r"(?<=[^\W\d_])-(?=\w)|(?<=\w)-(?=[^\W\d_])", " ", text))
    words = []
    for token in _TOKEN.findall(text):
        token = _ORDINALS.get(token, _NUMBER_WORDS.get(token, token))
        if token[0].isdigit():
            token = token.replace(",", "")
        if token not in _ARTICLES:
            words.append(token)
    return tuple(words)


def singular(token: str) -> str:
    """A word without its regular plural ending."""
    if len(token) > 4 and token.endswith("ies"):
        return token[:-3] + "y"
    if len(token) > 4 and token.endswith(("ches", "shes", "xes", "sses")):
        return token[:-2]
    return token[:-1] if len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is")) else token


def equal_words(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Equal words, plurals aside, and however they are joined."""
    if not one or not other:
        return False
    if one == other or tuple(map(singular, one)) == tuple(map(singular, other)):
        return True
    joined, other_joined = "".join(one).replace("^", ""), "".join(other).replace("^", "")
    if joined == other_joined and joined[:1].isalpha() and len(joined) < 12 and "^" not in (*one, *other):
        return True
    return (
        len(joined) > 3 and singular(joined) == singular(other_joined) and not (one[-1].isdigit() or one[0].isdigit())
    )


@dataclass(frozen=True, slots=True)
class Blank:
    """What a question says around its blank, so that the answer need not, or may.

    Attributes:
        sentence_before: the words of the blank's sentence before it; empty without a blank.
        sentence_after: the words of the blank's sentence after it.
        before: the last of the words before it.
        after: the words right behind it, up to a comma.
        nouns: singulars of the nouns that the question asks for.
        words: every word of the question.
        stems: their singulars.
    """

    sentence_before: tuple[str, ...]
    sentence_after: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    nouns: frozenset[str]
    words: frozenset[str]
    stems: frozenset[str]

    def fill(self, given: str, size: int) -> str | None:
        """What an answer that repeats the question's sentence puts into its blank; `None` if it does not repeat it.

        Args:
            given: the answer.
            size: how many words before the blank must be repeated, where there are so many.
        """
        for sentence in re.split(r"[.;!?](?=\s|$)", given):
            filled = self._fill_sentence(words_of(sentence), size)
            if filled:
                return " ".join(filled)
        return None

    def _fill_sentence(self, words: tuple[str, ...], size: int) -> tuple[str, ...]:
        size = min(len(self.sentence_before), size)
        after = self.sentence_after[:3]
        if size < 2:
            start = 0 if len(after) > 1 and not size else None
        else:
            tail = self.sentence_before[-size:]
            start = next((i + size for i in range(len(words) - size) if words[i : i + size] == tail), None)
        if start is None:
            return ()
        rest = words[start:]
        stop = next((i for i in range(1, len(rest) - len(after) + 1) if rest[i : i + len(after)] == after), None)
        if after and stop is None and not size:
            return ()
        return rest[:stop] if after else rest


@lru_cache(maxsize=4096)
def read_blank(asked: str) -> Blank:
    """Takes a question apart around its blank.

    Args:
        asked: the question as `plain_text` gives it, its blank written as `BLANK`.
    """
    drawn = BLANK in asked
    before, after = asked.split(BLANK, 1) if drawn else ("", "")
    sentence_before = words_of(re.split(r"[.;:!?](?=\s)", before)[-1])
    found = [match for form in (_ASKED_NAME, _SUBJECT) if (match := form.search(asked.split(BLANK)[0])) is not None]
    noun = _ASKED_NOUN.search(asked)
    words = words_of(asked)
    return Blank(
        sentence_before=sentence_before,
        sentence_after=words_of(re.split(r"[.;:!?](?=\s|$)", after)[0]),
        before=sentence_before[-4:],
        after=words_of(re.split(r"[.;:!?,]", after)[0])[:3],
        nouns=frozenset(map(singular, (*(words_of(noun[0])[1:] if noun else ()), *(match[1] for match in found)))),
        words=frozenset(words),
        stems=frozenset(map(singular, words)),
    )
