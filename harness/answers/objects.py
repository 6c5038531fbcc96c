"""Objects in a text: which of a vocabulary it names, by whatever word, and which of these it denies."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

_DENIED: Final = 40
"""Characters between a negation and the object that it denies, about a long noun phrase; what follows is told anew."""
_NEGATION: Final = r"\b(?:no|not|without|never|neither|nor|none of|absence of|lacks?|missing|free of|\w+n['’]t)\b"
_ARTICLE: Final = r"(?:an?|the|some|another|one|two|three|several|many)\b"
_NO_NOUN: Final = (
    r"(?:is|are|was|were|be|been|has|have|had|can|could|may|might|will|would|do|does|did|there|here|it|they|he|she|we|"
    r"this|that|these|those|which|who|where|when|while|as|so|but|except|only|however|although|just|and|or|nor|no|not|"
    r"never|neither|none|without|absence|lacks?|missing|free|with|in|on|at|by|near|next|from|to|for|into|under|over|"
    r"behind|beside|around|between|through|\w+n['’]t)\b"
)
"""Begins or belongs to a clause or a phrase of place, so that what holds it is no item of a list."""
_WORD: Final = rf"(?!{_NO_NOUN})[\w'’-]{{1,30}}"
_ITEM: Final = rf"{_WORD}(?:\s+{_WORD}){{0,4}}"
_DENIAL: Final = re.compile(
    # The items of a list up to its last one, which an "or" begins: commas between them end no clause. After a bare
    # item one with an article is not of the list ("no people, a dog or a cat sits").
    rf"{_NEGATION}(?=((?:\s+(?:(?:seem|appear)\s+to\s+(?:be|have|show)\s+)?"
    rf"(?:(?=(?:{_WORD}\s+){{0,4}}?{_ARTICLE}){_ITEM}(?:\s*,\s*{_ITEM}){{0,12}}"
    rf"|{_ITEM}(?:\s*,\s*(?!{_ARTICLE}){_ITEM}){{0,12}})"
    rf"\s*,?\s+n?or\b(?!\s+{_NO_NOUN}))?[^.;:!?,]{{0,{_DENIED}}}))"
)
_IRREGULAR: Final = {
    "man": "men", "person": "people", "child": "children", "mouse": "mice", "goose": "geese", "foot": "feet",
    "tooth": "teeth", "ox": "oxen", "cactus": "cacti",
}  # fmt: skip
"""Ends of nouns to those of their plurals."""
_VES: Final = re.compile(r"(?:(kni|wi|li)fe|(el|hal|cal|wol|lea|loa|thie|scar|hoo|dwar|whar|shea)f)$")
_SEPARATOR: Final = r"(?:\s+|-)"
_AFFIRMS_AGAIN: Final = re.compile(r"\b(?:but|except|only|however|while|although|just)\b")
_DEFINITE: Final = (
    r"(?:(?:the|this|these)\b(?!\s+(?:image|photo|picture|scene|frame|view|background|foreground))"
    r"|(?:that|those|its|his|her|their)\b)\s+"
)
_BEFORE_NOUN: Final = rf"(?:(?!{_NO_NOUN}|(?:like|such|including|of)\b){_WORD}\s+){{0,3}}"
_PLACE: Final = re.compile(
    r"\b(?:in|on|at|by|near|next to|from|into|under|over|behind|beside|around|between|through)\s+"
    rf"{_DEFINITE}{_BEFORE_NOUN}(?:{_WORD}\s+(?:of|and|or)\s+{_DEFINITE}{_BEFORE_NOUN})?$"
)
"""Before a noun, that it names a place: "no one is sitting on the [bench]"; it is there, whatever else is denied."""
_PLACE_LENGTH: Final = 80
"""Characters before a noun in which that is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Names of objects and how a caption may word them.

    Attributes:
        canonical: wording, singular or plural, to object name; the wording in lower case, its words separated by one
            space, not by hyphens.
        pattern: finds the wordings in lower-case text, the longest first; before them, without a group, what sounds
            like one and names no object.
    """

    canonical: Mapping[str, str]
    pattern: re.Pattern[str]

    def name(self, wording: str) -> str:
        """The object's name; of one that the vocabulary does not hold, its wording in lower case."""
        return self.canonical.get(_spaced(wording), " ".join(wording.lower().split()))


def plurals(noun: str) -> list[str]:
    """What may be the plural of a noun in lower case; of several forms some may be no word ("boxs", "boxes")."""
    found = [f"{noun}s"]
    if noun.endswith(("s", "x", "z", "ch", "sh", "o")):
        found.append(f"{noun}es")
    if re.search(r"[^aeiou]y$", noun):
        found.append(f"{noun[:-1]}ies")
    if _VES.search(noun):
        found.append(_VES.sub(r"\1\2ves", noun))
    return found + [noun.removesuffix(end) + ends for end, ends in _IRREGULAR.items() if noun.endswith(end)]


def build_vocabulary(synonyms: Mapping[str, Iterable[str]], no_objects: Iterable[str] = ()) -> Vocabulary:
    """A vocabulary from object names and their synonyms; a name counts as its own synonym, and plurals as well.

    Args:
        synonyms: by name.
        no_objects: regular expressions of what holds a wording and names no object, such as `train station`.
    """
    canonical: dict[str, str] = {}
    for name, others in synonyms.items():
        for wording in (name, *others):
            canonical.setdefault(_spaced(wording), name)
    canonical.pop("", None)
    for wording, name in list(canonical.items()):
        for plural in plurals(wording):
            canonical.setdefault(plural, name)
    longest_first = sorted(canonical, key=lambda wording: (-len(wording), wording))
    wordings = "|".join(re.escape(wording).replace(r"\ ", _SEPARATOR) for wording in longest_first)
    either = rf"(?:{'|'.join(no_objects) or '(?!)'}|({wordings or '(?!)'}))"
    return Vocabulary(canonical=canonical, pattern=re.compile(rf"(?<![\w-]){either}(?![\w-])"))


def with_own_names(
    names: Iterable[str], synonyms: Mapping[str, Iterable[str]], no_objects: Iterable[str] = ()
) -> Vocabulary:
    """A vocabulary with those objects besides that data name; the plural of a name is no other object.

    Args:
        names: as the data word them.
        synonyms: see `build_vocabulary`.
        no_objects: see `build_vocabulary`.
    """
    known = build_vocabulary(synonyms)
    own = {name for wording in names if (name := known.name(wording))}
    several = {plural for name in own for plural in plurals(name)}
    return build_vocabulary({**dict.fromkeys(sorted(own - several), ()), **synonyms}, no_objects)


def _spaced(wording: str) -> str:
    return re.sub(r"[\s-]+", " ", wording.lower()).strip()


def find_objects(caption: str, vocabulary: Vocabulary) -> list[str]:
    """Every mention of an object, in order; not those under a negation in the same clause.

    Such are "there is no dog", and all of "no dogs, cats, or other animals"; not the bench of "no one is on the bench".
    """
    caption = caption.lower()
    denials = list(_DENIAL.finditer(caption))
    begins = [denial.end() for denial in denials]
    ends = list(accumulate((_end(denial) for denial in denials), max))
    found = []
    for match in vocabulary.pattern.finditer(caption):
        if match[1] is None:
            continue
        place, before = match.start(), bisect_right(begins, match.start())
        is_denied = before and place <= ends[before - 1]
        if not is_denied or _PLACE.search(caption, max(begins[before - 1], place - _PLACE_LENGTH), place):
            found.append(vocabulary.canonical[_spaced(match[1])])
    return found


def _end(denial: re.Match[str]) -> int:
    """Where what a negation denies ends."""
    again = _AFFIRMS_AGAIN.search(denial.string, *denial.span(1))
    return denial.end(1) if again is None else again.start()
