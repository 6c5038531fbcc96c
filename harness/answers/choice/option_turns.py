"""The option that is left where a text weighs several: all others ruled out, or only supposed at first.

Every mention of an option, by its letter or its text, becomes a mark; what stands around a mark (or around a list of
them) says whether the text denies it, supposes it, or concludes it. One mention that is none of these settles nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

from harness.answers.choice import labels
from harness.answers.choice.options import SMALL_NUMBERS, Options, named_texts
from harness.answers.wording import either, word_set

_READ: Final = 1500  # a longer text says more than these rules follow
_LONGEST: Final = 120
_CUES: Final = word_set(
    "eliminate eliminated eliminates eliminating exclude excluded excludes excluding rule ruled rules ruling discard"
    " discarded reject rejected dismiss dismissed not n't cannot can't isn't neither wrong incorrect would could might"
    " may looks look looked seems seem seemed appears appear appeared resembles first initially but no yes correct"
    " indicates indicate indicating suggests suggest suggesting means meaning shows show points point so thus therefore"
    " hence is are"
)
_LABEL: Final = r"(?<![\w'.])(?P<label>[A-Z])(?![\w'])"
_ARTICLE: Final = re.compile(r" (?!(?:and|or|nor|is|are|was|can|cannot|because|as|since|were|to)\b)[a-z]")
_NUMBER_WORDS: Final = {digits: word for word, digits in SMALL_NUMBERS.items()}
_AGAIN: Final = re.compile(r"«(\d+)»(?:[\s.:()\[\]-]{1,3}«\1»)+")
_LISTED: Final = re.compile(
    r"«\d+»(?:(?:\s?(?:,|/|&|and|or|nor|,\s?(?:and|or|nor))\s?(?:not |neither |options? |an? |the )*)«\d+»)*"
)
_KEY: Final = re.compile(r"«(\d+)»")
_BOUNDARY: Final = re.compile(r"[.!?;\n»]|,? (?:but|however|yet)\b|,(?= (?:so|thus|hence|therefore|which|meaning)\b)")
_SENTENCE_END: Final = re.compile(r"[.!?;\n«]")

_REMOVED: Final = "(?:eliminat|rul(?:e[sd]?|ing) out|exclud|discard|reject|dismiss|cross(?:ed|ing)? out)"
_KEPT: Final = re.compile(rf"\b(?:not|never|n't|cannot|can't|unable to) (?:\w+ )?{_REMOVED}")
_DENIED_BEFORE: Final = re.compile(
    rf"(?:(?:\bnot|n't|\bcannot|\bneither|\bnever)|\b{_REMOVED}\w*)(?: (?:be|by|both|all|of|any|options?|choices?"
    r"|answers?|an?|the))*\s$"
)
_DENIED_AFTER: Final = re.compile(
    r"[,\s]*(?:all |both )?(?:are|is|were|can|can be|should be|could be|must be|have been|do|does)"
    r"(?: all| both| be| safely| clearly| each| \w+ly)* " + labels.REJECTED
)
_SUPPOSED_BEFORE: Final = re.compile(
    r"\b"
    + either(
        "would", "could", "might", "may", "look(?:s|ed)? like", "seem\\w*", "appear\\w*", "resembl\\w*", "at first",
        "initial\\w*", "consider\\w*", "thought", "assum\\w*", "guess\\w*", "mistaken for", "confused with",
        "similar to", "unlike", "rather than", "instead of", "if",
    )
    + r"\b|\b(?:not|n't|cannot|never)\b|^\s*(?:while|although|though)\b"
)  # fmt: skip
_SUPPOSED_AFTER: Final = re.compile(
    r"\s*(?:\?|(?:would|could|might|may|typically|usually|normally|generally|often|plays? a|treats?|spreads?|involves?"
    r"|requires?|needs?|comes?|at first|(?:is|are) (?:used|for|transmitted|typically|usually|often|mainly))\b)"
)
_CONCLUDED: Final = re.compile(
    r"(?:\b(?:indicat(?:es?|ing)|suggest(?:s|ing)?|mean(?:s|ing)|point(?:s|ing)? (?:to|towards?)|show(?:s|ing)?"
    "|impl(?:y|ies|ying)|demonstrat(?:es?|ing)|confirm(?:s|ing)?|reveal(?:s|ing)?|prov(?:es?|ing)|is|are|was|must be"
    "|has to be|so|thus|therefore|hence|no|leav(?:es|ing)|called|making it)|'s)[,:.]?(?: (?:that|it|this|is|are"
    r"|must be|has to be|an?|the|of|in fact|actually|really|clearly|most likely|probably|indeed|rather))*\s$"
)
_YES: Final = r"(?P<yes>yes|correct|right|true|✓|✔|✅)"
_VERDICT: Final = re.compile(
    rf"^\W*«(?P<key>\d+)»\s?[:|\u2192–-]+\s?(?:{_YES}|(?:no|not|wrong|incorrect|false|✗|❌)\b)", re.MULTILINE
)


_ALONE: Final = re.compile(r"\s*(?:an? |the )?$")
_LIKEWISE: Final = re.compile(r"\b(?:so|as) (?:is|are|was) (?:an? |the )?$")
_ASKED: Final = re.compile(r"[^.!?;\n]*\?")
_NO_BUT: Final = re.compile(r"\s*(?:no|nope)[,.:] (?:it is |it's |actually |rather )*(?:an? |the )?$")
_TEXT_ENDS: Final = re.compile(r"\s*[.!]?\s*$")
_ONLY: Final = re.compile(r"\bonly (?:option |choice |an? |the )?$")
_IS_LEFT: Final = re.compile(r"\s*(?:remains?|is left|is left over|is the only (?:one|option|choice))\b")


class _Said(NamedTuple):
    denied: set[str]
    concluded: set[str]


def left_over(text: str, low: str, words: Collection[str], options: Options) -> str | None:
    """The one option that a text arrives at, having denied or only supposed every other one that it names.

    Args:
        text: the text.
        low: the same in lower case, of the same length.
        words: its vocabulary, or that of a longer text.
        options: the options.

    Returns:
        a key of the options; `None` where several are left, or where what is said of any of them stays open.
    """
    if len(low) > _READ or len(options.order) < 3 or options.longest > _LONGEST or _CUES.isdisjoint(words):
        return None
    if sum(anchor in low for anchor in options.anchors) + sum(key.lower() in words for key in options.labels) < 2:
        return None
    marked = _AGAIN.sub(r"«\1»", _mark(text, low, options))
    seen = {options.order[int(index)] for index in _KEY.findall(marked)}
    if len(seen) < 2 or not named_texts(low, options) <= seen:
        return None
    table = list(_VERDICT.finditer(marked))
    if len(table) > 2:
        right = [options.order[int(row["key"])] for row in table if row["yes"]]
        return right[0] if len(right) == 1 and len(table) == len(seen) else None
    said = _weigh(marked, options)
    if said is None or len(said.concluded) > 1 or said.concluded & said.denied:
        return None
    if said.concluded:
        return said.concluded.pop()
    rest = set(options.order) - said.denied
    return rest.pop() if len(rest) == 1 and seen <= said.denied | rest else None


def _mark(text: str, low: str, options: Options) -> str:
    """The text in lower case, with the place of an option for every mention of one."""
    pattern = _pattern(options.texts)
    spans: list[tuple[int, int, str]] = []
    if pattern is not None:
        spans = [(*match.span(), options.texts[(match.lastindex or 1) - 1][1]) for match in pattern.finditer(low)]
    for match in re.finditer(_LABEL, text):
        key = options.key(match["label"])
        if key is not None and not (match["label"] in "AI" and _ARTICLE.match(text, match.end())):
            spans.append((*match.span(), key))
    pieces = []
    position = 0
    for start, end, key in sorted(spans):
        if start >= position:
            pieces += [low[position:start], f"«{options.order.index(key)}»"]
            position = end
    return "".join([*pieces, low[position:]])


@lru_cache(maxsize=1024)
def _pattern(texts: tuple[tuple[str, str], ...]) -> re.Pattern[str] | None:
    ways = []
    for flat, _ in texts:
        words = [
            f"(?:{word}|{_NUMBER_WORDS[word]})" if word in _NUMBER_WORDS else re.escape(word) for word in flat.split()
        ]
        ways.append("(" + r"\W{0,3}".join(words) + ")")
    return re.compile(rf"(?<![\w.])(?:{'|'.join(ways)})(?!\w)") if ways else None


def _weigh(marked: str, options: Options) -> _Said | None:
    """What is said of every option that is mentioned; `None` if it is left open for any."""
    said = _Said(set(), set())
    for group in _LISTED.finditer(marked):
        keys = {options.order[int(index)] for index in _KEY.findall(group[0])}
        bounds = [bound.end() for bound in _BOUNDARY.finditer(marked, 0, group.start())]
        before = marked[bounds[-1] if bounds else 0 : group.start()]
        stop = _SENTENCE_END.search(marked, group.end())
        after = marked[group.end() : stop.end() if stop is not None else len(marked)]
        if _KEPT.search(before) or _LIKEWISE.search(before):
            return None
        asked = _ASKED.match(marked, group.end()) is not None
        if len(keys) == 1 and not asked and _NO_BUT.match(before):
            said.concluded.clear()
        if _DENIED_BEFORE.search(before) or _DENIED_AFTER.match(after):
            said.denied.update(keys)
        elif asked or _SUPPOSED_BEFORE.search(before) or _SUPPOSED_AFTER.match(after):
            continue
        elif len(keys) == 1 and (
            _CONCLUDED.search(before)
            or (_ONLY.search(before) and _IS_LEFT.match(after))
            or (_ALONE.match(before) and _TEXT_ENDS.fullmatch(marked, group.end()))
        ):
            said.concluded.update(keys)
        else:
            return None
    return said
