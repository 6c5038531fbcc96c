"""The options of a question: their keys and texts, ready to be looked for in a response."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.answers.wording import NUMBERS, clean, either, lower

DEFAULT_KEYS: Final = ("A", "B", "C", "D", "E")

_FLAT: Final = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,]\d+)*%?|[^\W_]+(?:'[a-z])?|[%°+^/=<>√π]")
POWER: Final = re.compile(r"(?<=[A-Za-z])\^\{?(?=\d)")  # "n^2" as "n2", which superscripts fold to
_ARTICLE: Final = re.compile(r"^(?:an?|the) (?=\S)")
_LABEL: Final = re.compile(r"[A-Za-z]|\d{1,2}")
_POLAR: Final = {"yes": "yes", "no": "no", "true": "yes", "false": "no", "correct": "yes", "incorrect": "no"}
# Up to twelve; "one" is left out, since it mostly is a pronoun.
SMALL_NUMBERS: Final = {word: digits for word, digits in list(NUMBERS.items())[:13] if word != "one"}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a question, ready to be looked for.

    Attributes:
        labels: upper-case label (a letter or a short number) to the key as given.
        texts: option texts, flattened, with their keys; longest first.
        anchors: the longest word of each of `texts`: a response without it does not hold the text.
        order: the keys in the order of the options.
        polar: the key that stands for yes and the one for no, where the options say nothing else.
        longest: length of the longest flat text.
    """

    labels: Mapping[str, str]
    texts: tuple[tuple[str, str], ...]
    anchors: tuple[str, ...]
    order: tuple[str, ...]
    polar: Mapping[str, str]
    longest: int

    @property
    def numbered(self) -> bool:
        """Whether the labels are numbers."""
        return bool(self.labels) and all(label.isdigit() for label in self.labels)

    def key(self, label: str) -> str | None:
        """The key that a label stands for, in any case of letters."""
        return self.labels.get(label.upper())


def flatten(low: str) -> str:
    """Lower-case words and numbers, one space apart and around; numbers keep sign, decimals and per cent."""
    if "^" in low:
        low = POWER.sub("", low)
    words = [
        word.replace(",", "") if word[0] in "-+0123456789" else SMALL_NUMBERS.get(word, word)
        for word in _FLAT.findall(low)
    ]
    return f" {' '.join(words)} "


def bare(flat: str) -> str:
    """A flat text without the article that it begins with."""
    return f" {_ARTICLE.sub('', flat.strip(), count=1)} "


def prepare(choices: Mapping[str, str] | None) -> Options:
    """Prepares options; `None` stands for the letters A to E with unknown texts."""
    return _LETTERS if choices is None else _prepare(tuple(choices.items()))


@lru_cache(maxsize=32768)
def _prepare(items: tuple[tuple[str, str], ...]) -> Options:
    labels = {key.strip().upper(): key for key, _ in items if _LABEL.fullmatch(key.strip())}
    texts = []
    polar: dict[str, str] = {}
    for key, option in items:
        flat = flatten(lower(clean(str(option)[:2000])))
        if flat.strip():
            texts.append((bare(flat), key))
        if key.strip().upper() not in labels and key.strip():
            texts.append((flatten(lower(clean(key[:2000]))), key))
        if flat.strip() in _POLAR:
            polar.setdefault(_POLAR[flat.strip()], key)
    texts.sort(key=lambda entry: -len(entry[0]))
    return Options(
        labels=labels,
        texts=tuple(texts),
        anchors=tuple(
            max((word for word in flat.split() if word not in SMALL_NUMBERS.values()), key=len, default="")
            for flat, _ in texts
        ),
        order=tuple(key for key, _ in items),
        polar=polar if len(polar) == 2 else {},
        longest=max((len(flat) for flat, _ in texts), default=0),
    )


_LETTERS: Final = Options(
    labels={key: key for key in DEFAULT_KEYS}, texts=(), anchors=(), order=DEFAULT_KEYS, polar={}, longest=0
)

_PREAMBLE: Final = re.compile(
    " (?:"
    + either(
        "(?:it|this|that|he|she|they|these|those|answer|the answer|the correct answer|the correct option"
        "|the right answer|the best answer)"
        " (?:is|are|was|were|would be|must be|should be|has|shows)(?: (?:that|because|likely|probably|clearly"
        "|definitely|most likely))?", "it s", "its", "it's", "that s", "that's",
        "i (?:think|believe|guess|would say|see|choose|pick|say|d say)", "most likely", "probably", "likely", "maybe",
        "perhaps", "definitely", "clearly", "answer", "the", "an?", "because of", "due to", "by", "called", "option",
        "so", "therefore", "thus",
    )
    + " )+"
)  # fmt: skip
_SUBJECT_VERB: Final = re.compile(r"(?:is|are|was|because|since|as|appears|seems|would be)\b(?! not)")


def starting_texts(low: str, options: Options) -> list[tuple[str, str]]:
    """The option texts that a text begins with, an article aside; each with its key."""
    flat = flatten(low)
    stripped = bare(flat)
    return [text for text in options.texts if flat.startswith(text[0]) or stripped.startswith(text[0])]


def begun_text(low: str, options: Options) -> str | None:
    """The option whose text a sentence begins with as its subject: "Australia is the country shown"."""
    flat = bare(flatten(low[: options.longest + 80]))
    for option, key in options.texts:
        if flat.startswith(option) and _SUBJECT_VERB.match(flat, len(option)):
            return key
    return None


DENIED: Final = re.compile(
    r"\b(?:cannot|can't|couldn't|not|no|isn't|never|neither|nor|without|rather than|instead of|unlike|except|excluding"
    "|than|rule out|eliminate|ruled out|opposed to|incorrect|wrong|although|while|though|despite|whereas)"
    "(?: (?:be|a|an|the|any|really|necessarily|just|simply|like|called|in|of|about|due to|because of|from|by)){0,4}$"
)
_DENIED_AFTER: Final = re.compile(
    r"(?:(?:is|are|was|were|does|do|did|can|could|would|has) (?:not|never)|isn't|aren't|wasn't|doesn't|don't|can't"
    r"|cannot) "
)
_PREFERRED_TO: Final = re.compile(
    r"\b(?:rather than|instead of|unlike|than|opposed to|although|while|though|despite|whereas)(?: (?:a|an|the))?$"
)
MENTIONS_READ: Final = 200


def exact_text(low: str, options: Options) -> str | None:
    """The option whose text a whole text is, with no more around it than "it is the"; also if it only repeats it."""
    if not options.texts or len(low) > 4 * options.longest + 200:
        return None
    flat = flatten(low)
    stripped = bare(_PREAMBLE.sub(" ", flat, count=1) if _PREAMBLE.match(flat) else flat)
    closed = stripped.replace(" ", "")
    owners = {
        key
        for option, key in options.texts
        if option in (flat, bare(flat), stripped) or option.replace(" ", "") == closed
    }
    if owners:
        return owners.pop() if len(owners) == 1 else None
    for option, key in options.texts:
        if len(stripped) > 2 * len(option) and not stripped.replace(option[:-1], "").strip():
            return key
    return None


def named_texts(low: str, options: Options) -> set[str]:
    """The keys of the options whose texts occur and are not denied; a text inside a longer one does not count."""
    present = [(*text, anchor) for text, anchor in zip(options.texts, options.anchors, strict=True) if anchor in low]
    windows = [low] if len(low) <= _WINDOW else _windows(low, present, options.longest)
    return {key for window in windows for key in _named(window, present)}


_WINDOW: Final = 400


def _windows(low: str, present: list[tuple[str, str, str]], longest: int) -> list[str]:
    """The stretches of a long text around the words that the option texts need."""
    places: list[int] = []
    for _, _, anchor in present:
        place = low.find(anchor)
        while place >= 0 and len(places) < MENTIONS_READ:
            places.append(place)
            place = low.find(anchor, place + len(anchor))
    windows: list[tuple[int, int]] = []
    reach = 2 * longest + 60
    for place in sorted(places):
        start, end = max(0, place - reach), min(len(low), place + reach)
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    return [low[max(start, low.find(" ", start, start + 20) + 1) if start else 0 : end] for start, end in windows]


def _named(low: str, present: list[tuple[str, str, str]]) -> set[str]:
    flat = flatten(low)
    found: list[tuple[int, int, str]] = []
    for option, key, _ in present:
        start = flat.find(option)
        while start >= 0 and len(found) < MENTIONS_READ:
            end = start + len(option)
            if not any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in found):
                found.append((start, end, key))
            start = flat.find(option, start + 1)
    named: set[str] = set()
    denied_to = -1  # where a denied mention, or a list of them, ends
    found.sort()
    for index, (start, end, key) in enumerate(found):
        before = flat[max(0, start - 40) : start].rstrip()
        joint = flat[denied_to - 1 : start + 1].strip() if denied_to >= 0 else None
        listed = joint in ("or", "nor", "and") or (
            # A comma, which goes on with a list only if the list goes on to its "or".
            joint == ""
            and index + 1 < len(found)
            and flat[end - 1 : found[index + 1][0] + 1].strip() in ("or", "nor", "and", "")
        )
        if listed or DENIED.search(before) or _DENIED_AFTER.match(flat, end):
            denied_to = -1 if _PREFERRED_TO.search(before) else end
        else:
            named.add(key)
            denied_to = -1
    return named
