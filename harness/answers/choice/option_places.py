"""Options as a list and by their place in it: an echo of the whole list, and "the second option"."""

from __future__ import annotations

import re
from typing import Final

from harness.answers.choice.options import DENIED, Options
from harness.answers.wording import holds, lower


def strip_option_list(text: str, options: Options) -> str:
    """Removes a list that repeats every option with its text, word for word and with nothing in between."""
    if len(options.texts) < 2 or len(options.texts) != len(options.labels):
        return text
    labels = list(options.labels.items())
    label = labels[0][0]
    if not holds(text, (f"{label}.", f"{label})", f"{label}:", f"{label}]")):
        return text
    low = lower(text)
    flats = {key: flat for flat, key in options.texts}
    first = re.search(rf"(?:^|[\s(\[])[(\[]?{label.lower()}[).:\]]{{1,2}}\s?", low)
    if first is None:
        return text
    position = first.start()
    for label, key in labels:
        for word in (label.lower(), *re.findall(r"[^\W_]+", flats[key])):
            position = _expect(low, position, word)
            if position < 0:
                return text
    return text[: first.start()] + "\n" + text[position:]


_SKIPPED_ARTICLE: Final = re.compile(r"(?:an?|the)\s")


def _expect(low: str, position: int, word: str) -> int:
    """Where `word` ends if it is the next one at `position`, articles aside; else -1."""
    for _ in range(2):
        stop = min(len(low), position + 8)
        while position < stop and not low[position].isalnum():
            position += 1
        if low.startswith(word, position):
            return position + len(word)
        article = _SKIPPED_ARTICLE.match(low, position)
        if article is None:
            return -1
        position = article.end()
    return -1


_ORDINAL: Final = re.compile(
    r"\b(?:the )?(?P<nth>first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)"
    r"(?: (?:one|listed|given|answer|of)){0,2} (?:option|choice|alternative|answer choice|statement|description)\b"
    r"|\b(?:pick|choose|select|go with|going with|is|opt for|prefer|chose) the "
    r"(?P<picked>first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th) (?:one|answer)\b"
    r"|\b(?:option|choice|alternative) (?:number |no\.? |#)?(?P<number>one|two|three|four|five|[1-9])\b"
)
_NTH: Final = {"last": -1} | {
    word: place
    for place, words in enumerate(
        ("first 1st one", "second 2nd two", "third 3rd three", "fourth 4th four", "fifth 5th five")
    )
    for word in words.split()
}


def named_by_place(low: str, options: Options) -> str | None:
    """The option that is called by its place, "the second option"; `None` if none or several are."""
    if not holds(low, ("option", "choice", "alternative", "answer", "statement", "description", " one")):
        return None
    found = set()
    for match in _ORDINAL.finditer(low):
        if DENIED.search(low[max(0, match.start() - 40) : match.start()].rstrip()):
            continue
        word = match["nth"] or match["picked"] or match["number"]
        place = _NTH[word] if word in _NTH else int(word) - 1
        if -1 <= place < len(options.order):
            found.add(options.order[place])
    return found.pop() if len(found) == 1 else None
