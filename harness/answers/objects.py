"""Objects in a text: which of a vocabulary it names, by whatever word, and which of these it denies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_DENIED: Final = 40
"""Characters between a negation and the object that it denies, about a long noun phrase; what follows is told anew."""
_LOOK_BACK: Final = _DENIED + 20
"""Characters before an object that are searched for its negation; 20 hold the longest one."""
_NEGATION: Final = re.compile(
    r"\b(?:no|not|without|never|neither|nor|none of|absence of|lacks?|missing|free of|\w+n['’]t)\b"
    rf"[^.;:!?,]{{0,{_DENIED}}}$",
    re.IGNORECASE,
)
_SEPARATOR: Final = r"(?:\s+|-)"
_AFFIRMS_AGAIN: Final = re.compile(r"\b(?:but|except|only|however|while|although|just)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Names of objects and how a caption may word them.

    Attributes:
        canonical: wording to object name; the wording in lower case, its words separated by one space, not by hyphens.
        pattern: finds the wordings in lower-case text, the longest first, singular or plural; before them, without a
            group, what sounds like one and names no object.
    """

    canonical: Mapping[str, str]
    pattern: re.Pattern[str]


def build_vocabulary(synonyms: Mapping[str, Iterable[str]], no_objects: Iterable[str] = ()) -> Vocabulary:
    """A vocabulary from object names and their synonyms; a name counts as its own synonym.

    Args:
        synonyms: by name.
        no_objects: regular expressions of what holds a wording and names no object, such as `train station`.
    """
    canonical: dict[str, str] = {}
    for name, others in synonyms.items():
        for wording in (name, *others):
            canonical.setdefault(_spaced(wording), name)
    canonical.pop("", None)
    longest_first = sorted(canonical, key=lambda wording: (-len(wording), wording))
    wordings = "|".join(re.escape(wording).replace(r"\ ", _SEPARATOR) for wording in longest_first)
    either = rf"(?:{'|'.join(no_objects) or '(?!)'}|({wordings or '(?!)'})(?:e?s)?)"
    return Vocabulary(canonical=canonical, pattern=re.compile(rf"(?<![\w-]){either}(?![\w-])"))


def _spaced(wording: str) -> str:
    return re.sub(r"[\s-]+", " ", wording.lower()).strip()


def find_objects(caption: str, vocabulary: Vocabulary) -> list[str]:
    """Every mention of an object, in order; not those under a negation in the same clause ("there is no dog")."""
    found = []
    caption = caption.lower()
    for match in vocabulary.pattern.finditer(caption):
        if match[1] is None:
            continue
        before = caption[max(0, match.start() - _LOOK_BACK) : match.start()]
        negation = _NEGATION.search(before)
        if negation is None or _AFFIRMS_AGAIN.search(before, negation.start()):
            found.append(vocabulary.canonical[_spaced(match[1])])
    return found
