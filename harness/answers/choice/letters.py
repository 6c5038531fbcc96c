"""Finding the letters in a text that pick an option, and weighing what each of them says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from harness.answers.choice import labels
from harness.answers.choice.options import Options, starting_texts
from harness.answers.wording import find_all, spell_out

INVALID: Final = "\0invalid"  # an option that does not exist
SEVERAL: Final = "\0several"  # more than one option, or none of them

FINAL: Final = 6
STATED: Final = 5
CHOSEN: Final = 4
LED: Final = 3
MENTIONED: Final = 2
TEXT: Final = 1

MENTIONS_READ: Final = 400


class Pick(NamedTuple):
    """Something in the text that picks an option (or `INVALID`, or `SEVERAL`), with how strongly it does."""

    rank: int
    position: int
    key: str
    announced: bool = False


class Mention(NamedTuple):
    """A letter or number that may be a label: where it stands, and whether its form alone makes it one: `(b)`."""

    label: str
    start: int
    end: int
    formed: bool


_CAPITAL: Final = re.compile(r"[A-Z](?![\w'’])")
_WRAPPED: Final = re.compile(r"[(\[{\"']([a-z])[)\]}\"']")
_SMALL_AFTER: Final = re.compile(r"s? [\"'(\[{]{0,2}([a-z])(?![\w'])")
_MARKED: Final = re.compile(r"^([a-z])[).:](?=\s|$)", re.MULTILINE)
_NUMBER: Final = re.compile(r"(?<![\w.])\d{1,2}(?!\w|\.\d|[%°])")
_SMALL_LABELS: Final = frozenset("bcdefghjklmnopqrstuvwxyz")  # the words that `_SMALL` can find
_SMALL: Final = re.compile(r" ([b-hj-z])(?![\w'’-])")
_NO_LABEL_BEFORE: Final = frozenset("'+#/.@\\&°$-_’")


def _mentions(text: str, low: str, words: Collection[str], options: Options) -> Iterator[Mention]:
    """Every letter (or number, where labels are numbers) that may be a label."""
    if options.numbered:
        yield from (Mention(match[0], *match.span(), False) for match in _NUMBER.finditer(text))
        return
    found = []
    for match in _CAPITAL.finditer(text):
        start = match.start()
        before = text[start - 1] if start else " "
        if not before.isalnum() and before not in _NO_LABEL_BEFORE:
            found.append(Mention(match[0], start, match.end(), False))
    if any(mark in text for mark in "([{\"'"):
        found += [Mention(match[1], *match.span(1), True) for match in _WRAPPED.finditer(text)]
    if "\n" in text or text[1:2] in (".", ")", ":"):
        found += [Mention(match[1], *match.span(1), True) for match in _MARKED.finditer(text)]
    if not (low.isascii() and _SMALL_LABELS.isdisjoint(words)):
        found += [Mention(match[1], *match.span(1), False) for match in _SMALL.finditer(text)]
    if "b" <= text[:1] <= "z" and text[:1] != "i" and not (text[1:2].isalnum() or text[1:2] in ("'", "-")):
        found.append(Mention(text[0], 0, 1, False))
    for noun in ("option", "choice", "letter", "answer", "alternative"):
        if noun in low:
            found += _named_small(text, low, noun)
    # A letter that several patterns find stands first in its most telling form.
    seen = -1
    for mention in sorted(found, key=lambda mention: (mention.start, not mention.formed)):
        if mention.start != seen:
            yield mention
            seen = mention.start


def _named_small(text: str, low: str, noun: str) -> Iterator[Mention]:
    """Every small letter behind a noun that names it: "option b"."""
    for place in find_all(low, noun):
        match = _SMALL_AFTER.match(low, place + len(noun))
        if match is not None and text[match.start(1)].islower():
            yield Mention(match[1], *match.span(1), True)


def letter_picks(text: str, low: str, words: Collection[str], options: Options) -> list[Pick]:
    """What the letters in a text pick, in order; rejected ones and those that are no labels are left out.

    Args:
        text: the text.
        low: the same in lower case, of the same length.
        words: its vocabulary, or that of a longer text.
        options: the options.
    """
    if not options.labels:
        return []
    picks: list[Pick] = []
    listed: dict[str, bool] = {}  # labels that stand before something, in order; whether they begin a line
    denied_to = -1  # where a denied mention, or a list of them, ends
    mentions = list(_mentions(text, low, words, options))
    if len(mentions) > MENTIONS_READ:
        mentions = [*mentions[: MENTIONS_READ // 2], *mentions[-MENTIONS_READ // 2 :]]
    for mention in mentions:
        if mention.label in "AI" and _is_article(text, mention.end):
            continue
        if denied_to >= 0 and _goes_on(text, denied_to, mention):
            denied_to = mention.end
            continue
        before = low[max(0, mention.start - 48) : mention.start]
        key = options.key(mention.label)
        if key is not None and labels.affirmed_around(before, low[mention.end : mention.end + 60]):
            denied_to = -1
            picks.append(Pick(STATED, mention.start, key))
            continue
        if labels.denied_before(before):
            denied_to = -1 if labels.PREFERRED_TO.search(before) else mention.end
            continue
        denied_to = -1
        pick = _weigh(text, low, options, mention)
        if pick is None:
            continue
        if pick.key != SEVERAL and _CLOSING.match(text, mention.end):
            begins = _begins_line(text, mention.start)
            listed[pick.key] = listed.get(pick.key, True) and begins
        picks.append(pick)
    if _goes_through(listed, options):
        # A list that goes through the options: its first entry is not the answer for standing first.
        picks = [pick._replace(rank=MENTIONED) if pick.rank == LED else pick for pick in picks]
    return picks


_CLOSED: Final = r"[)\]}\"']{0,2}"
_LISTED_ON: Final = re.compile(
    rf"{_CLOSED}(?P<joint>\s?,?\s?(?:and|or|nor|&|/)\s?|,\s?)(?:option |choice )?[(\[{{\"']{{0,2}}"
)
_LIST_GOES_ON: Final = re.compile(
    rf"{_CLOSED}\s?(?:,\s?(?:(?:and|or|nor) )?|(?:and|or|nor|&|/) )(?:option |choice )?[(\[{{\"']{{0,2}}[A-Z](?!\w)"
)


def _goes_on(text: str, denied_to: int, mention: Mention) -> bool:
    """Whether a label goes on with a list of denied ones: "not A, C or D"; but not in "not A, B"."""
    match = _LISTED_ON.fullmatch(text, denied_to, mention.start)
    if match is None:
        return False
    return match["joint"].strip() != "," or _LIST_GOES_ON.match(text, mention.end) is not None


def _goes_through(listed: Mapping[str, bool], options: Options) -> bool:
    """Whether labels that stand before something are a list of the options, and not an answer and a few others."""
    if len(listed) < 2 or next(iter(listed)) != options.order[0]:
        return False
    return all(listed.values()) or len(listed) >= min(3, len(options.order))


def _is_article(text: str, end: int) -> bool:
    """Whether a capital A or I goes on as a sentence does."""
    return _WORD_FOLLOWS.match(text, end) is not None and labels.AFTER_LABEL.match(text, end) is None


def _begins_line(text: str, start: int) -> bool:
    before = text[max(0, start - 6) : start].rstrip(" \"'([{")
    return before.endswith("\n") or (not before and start <= 6)


_LAST_WORD: Final = re.compile(r"([a-z0-9.°]{1,24})\s[(\[{\"']?\Z")
_WORD_FOLLOWS: Final = re.compile(r" [a-z]")
_CLOSING: Final = re.compile(r"[)\]}]|[.:)](?=\s|$)")
_ASKED: Final = re.compile(r"[^.!\n]{0,80}\?")
_LEFT_OPEN: Final = re.compile(r":\s*$")
_ENDS_LINE: Final = re.compile(r"[)\]}.:\"']{0,3}\s?(?:\n|$)")


class _Around(NamedTuple):
    """The words around a mention: before it, after it, and the latter in lower case with contractions spelled out."""

    before: str
    after: str
    spelled: str


def _weigh(text: str, low: str, options: Options, mention: Mention) -> Pick | None:
    """What one mention of a letter amounts to; `None` if it is no label, or a rejected one."""
    label, start, end, formed = mention
    before, after = low[max(0, start - 72) : start], text[end : end + 240]
    around = _Around(before, after, spell_out(low[end : end + 240] + " "))
    at_start = start <= 12 and not text[:start].strip(" \"'([{<.,:;-=>|\n")
    labelled = formed or bool(labels.LABELLED_BEFORE.search(before[-20:])) or bool(_CLOSING.match(after))
    followed = labels.AFTER_LABEL.match(after) is not None
    key = options.key(label)
    own = any(owner == key for _, owner in starting_texts(low[end : end + options.longest + 40], options))
    if not formed and not own and _is_name(label, before, after, labelled=labelled, followed=followed):
        return None
    evident = labelled or followed
    judged = _judged(around, evident=evident, own=own)
    if judged is False:
        return None
    if key is not None and labels.CORRECTED_BEFORE.search(before):
        return Pick(STATED, start, key, announced=True)
    if _is_one_of_several(around, key, options):
        return Pick(MENTIONED, start, SEVERAL)
    if _is_not_meant(around):
        return None
    if labels.WEIGHED.search(before):
        return Pick(MENTIONED, start, SEVERAL)
    if key is None:
        return Pick(LED, start, INVALID) if at_start and (labelled or not after.strip()) else None
    rank: int | None = None
    if judged:
        rank = STATED
    elif at_start and (evident or own):
        rank = LED
    elif evident and labels.CHOSEN_BEFORE.search(before):
        rank = CHOSEN
    elif _begins_line(text, start) and _ENDS_LINE.match(after):
        rank = STATED
    elif labelled:
        rank = None if _LEFT_OPEN.match(after) else MENTIONED
    elif followed and label.isupper() and labels.PLAIN_BEFORE.search(before[-20:]):
        rank = MENTIONED
    return Pick(rank, start, key) if rank is not None else None


_SENTENCE_BEGINS: Final = re.compile(r"[)\]]?(?:\.\s|\n[A-Z])")


def _judged(around: _Around, *, evident: bool, own: bool) -> bool | None:
    """Whether the words after a label say that its option is right, or wrong; `None` if they say neither.

    What a new sentence says does not count, unless it is the option's own text.
    """
    listed = labels.LISTED_VERDICT.match(around.spelled)
    sentence_begins = not own and _SENTENCE_BEGINS.match(around.after)
    verdict = None if sentence_begins else labels.VERDICT_AFTER.match(around.spelled)
    if (
        (listed and (listed["no"] or listed["unfit"]))
        or (verdict and verdict["no"])
        or labels.CROSSED.match(around.after)
        or labels.LIST_REJECTED.match(around.after)
        or labels.UNFIT_AFTER.match(around.spelled)
    ):
        return False
    fits = labels.FITS_AFTER.match(around.spelled) or labels.TICKED.match(around.after)
    return True if listed or (evident and verdict) or fits else None


def _is_one_of_several(around: _Around, key: str | None, options: Options) -> bool:
    """Whether a label is joined to another: "A or B", "both A and B"."""
    if labels.listed_around(around.before, around.after):
        return True
    second = labels.SECOND.match(around.after)
    if second is not None and options.key(second["label"] or second["other"]) not in (None, key):
        return True
    first = labels.FIRST_BEFORE.search(around.before)
    return first is not None and options.key(first["label"]) not in (None, key)


_SUPPOSED_AFTER: Final = re.compile(
    r"[)\]}\"']{0,2} (?:would|could|might) (?:only )?(?:be|have been|fit|match|work)\b"
    r"[^.;\n]{0,30}\b(?:if|had|were|unless)\b"
)
# "Cool it (C), not heat it (A)": what is set against the answer, with its label behind.
_CONTRASTED: Final = re.compile(r",\s(?:and |but )?(?:not|rather than|instead of)\s[^.,;:!?()]{1,60}\s\($")


def _is_not_meant(around: _Around) -> bool:
    """Whether a label is what someone else might say, what would be, or what is asked."""
    if around.spelled.startswith(" would") and labels.SUPPOSED_BEFORE.search(around.before):
        return True
    if _CONTRASTED.search(around.before) or _SUPPOSED_AFTER.match(around.spelled):
        return True
    asked = labels.INTERROGATIVE.search(around.before) is not None and _ASKED.match(around.after) is not None
    return asked or labels.SOMEONE_ELSE.search(around.before) is not None


def _is_name(label: str, before: str, after: str, *, labelled: bool, followed: bool) -> bool:
    """Whether a letter belongs to a name, a unit or a sentence: "Vitamin C", "5 C", "B cells", "A dog", "I"."""
    word = _LAST_WORD.search(before[-28:])
    if word is not None and word[1].rstrip(".") in labels.NAMING and not re.match(r"[)\]}]", after):
        return True
    if labels.INITIALS_AFTER.match(after):
        return True
    if labelled:
        return False
    if word is not None and (word[1][0].isdigit() or word[1][0] == "°"):
        return True
    if labels.NAME_AFTER.match(after):
        return True
    return label == "I" or (label == "A" and not followed)
