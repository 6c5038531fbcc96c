"""Reading the chosen option out of a free text.

The text is cut where it takes something back; in the last stretch that commits to anything, the strongest commitment
counts: a boxed or final answer, a stated one ("the answer is B", "B is correct", "I choose B"), a letter or option
text that the text begins with, then a lone mention of a letter, then the one option whose text occurs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from harness.scoring import cues, labels
from harness.scoring.options import (
    Options,
    bare,
    begun_text,
    exact_text,
    flatten,
    named_by_place,
    named_texts,
    prepare,
    strip_option_list,
)
from harness.scoring.wording import clean, lower, spell_out, vocabulary
from harness.scoring.yes_no import read_yes_no

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


def read_choice(text: str, choices: Mapping[str, str] | None, question: str | None = None) -> str | None:
    """Which option a text picks.

    A letter beats a text that contradicts it, since the letter is what was asked for. A letter that no option has is
    no answer, whatever text stands beside it.

    Args:
        text: cleaned text (see `wording.clean`), without section tags.
        choices: option key to option text; `None` stands for the letters A to E with unknown texts.
        question: the question, so that an echo of it can be told from an answer.

    Returns:
        a key of `choices`, or `None` where the text picks no option, or several.
    """
    options = prepare(choices)
    if text.strip(" ().:") in options.order:
        return text.strip(" ().:")
    whole = labels.WHOLE.match(text) if len(text) < 60 else None
    if whole is not None and (whole["label"].isalpha() or options.numbered):
        return options.key(whole["label"]) or exact_text(lower(text), options)
    loop = labels.LOOP.match(text)
    if loop is not None:
        return options.key(loop["label"] or loop["run"])
    if options.polar and not labels.LABEL.match(text):
        vote = read_yes_no(text, question)
        if vote is not None:
            return options.polar[vote]
    text = _strip_echo(text, options, question)
    low = lower(text)
    exact = exact_text(low, options)
    if exact is not None or cues.is_placeholder(low):
        return exact
    if labels.ONLY_LABELS.match(text):
        named = [options.key(word) for word in re.findall(r"[^\W_]+", text) if len(word) == 1 and word.isupper()]
        if len(set(named)) > 1:
            own = [flat.strip() for flat, key in options.texts if key == named[0]]
            return named[0] if lower(text).split()[-1:] == own and len(named) == 2 else None
    answer: str | None = None
    words = vocabulary(low)
    for start, end in cues.spans(low, words):
        answer = _resolve(_picks(text[start:end], low[start:end], words, options), low[start:end]) or answer
    return answer if answer in options.order else None


_INSTRUCTION: Final = re.compile(
    r"(?:please )?(?:answer|respond|reply|select|choose|pick|output|give|write)(?: the question)? (?:with|using|by|only|just|from|one of)[^\n.:]{0,60}?"
    r"\b(?:option|letter|choices?|letters)\b[^\n.:]{0,60}(?:[.:\n]|$)",
    re.IGNORECASE,
)


_INSTRUCTION_WORDS: Final = ("nswer", "espond", "eply", "elect", "hoose", "utput", "rite ", "ive ", "ick ")


def _strip_echo(text: str, options: Options, question: str | None) -> str:
    """Removes the question, the instruction and a full list of the options where the response repeats them."""
    if question:
        asked = clean(question[:2000])
        if len(asked) > 8 and asked in text:
            text = text.replace(asked, "\n")
    if ("option" in text or "letter" in text or "choice" in text) and any(word in text for word in _INSTRUCTION_WORDS):
        text = _INSTRUCTION.sub("\n", text)
    return strip_option_list(text, options)


def _picks(text: str, low: str, words: Collection[str], options: Options) -> list[Pick]:
    picks: list[Pick] = []
    for cue in cues.conclusions(low, words):
        key = _read_announced(text[cue.payload : cue.end], low[cue.payload : cue.end], options)
        if key is not None:
            picks.append(Pick(FINAL if cue.rank == cues.FINAL else STATED, cue.start, key, announced=True))
    if any(pick.rank == FINAL for pick in picks):
        return picks
    picks += _letter_picks(text, low, options)
    if not picks or max(pick.rank for pick in picks) < LED:
        picks += [pick for pick in _text_picks(low, options) if not picks or pick.rank == TEXT]
    return picks


_SENTENCE_END: Final = re.compile(r"[.!?](?:\s|$)|\n")
_REASON: Final = re.compile(r",? (?:because|since|as|due to|rather than|instead of|not|and not)\b|;| - ")
_NAMES_LABEL: Final = re.compile(r"[(\[{\"']$|(?:option|choice|letter|answer)[\s:]{1,3}$", re.IGNORECASE)
_NO_ONE_OPTION: Final = re.compile(r"[\s\"'(]{0,3}(?:neither|both|either|none|all)\b")


def _read_announced(payload: str, low: str, options: Options) -> str | None:
    """What "the answer is" announces: a label, else the option whose text its first sentence holds."""
    match = labels.LABEL.match(payload)
    if match is not None:
        key = _announced_label(payload, low, match, options)
        if key is not None:
            return key or None
    sentence = _SENTENCE_END.split(low.strip(), maxsplit=1)[0]
    for piece in dict.fromkeys((_REASON.split(sentence, maxsplit=1)[0], sentence)):
        named = named_texts(piece, options)
        if named:
            return named.pop() if len(named) == 1 else SEVERAL
    placed = named_by_place(sentence, options)
    if placed is not None:
        return placed
    return SEVERAL if _NO_ONE_OPTION.match(sentence) or cues.is_unsure(spell_out(sentence[:160])) else None


def _announced_label(payload: str, low: str, match: re.Match[str], options: Options) -> str | None:
    """The pick that an announced label makes; `""` if it is denied; `None` if it is no label but part of a text."""
    label, start, after = match["label"], match.start("label"), payload[match.end() :]
    flat = flatten(low[start : start + options.longest + 40])
    begun = [
        key
        for option, key in options.texts
        if len(option) > len(label) + 2 and (flat.startswith(option) or bare(flat).startswith(option))
    ]
    key = options.key(label)
    if begun and key != begun[0]:
        return None
    if not (_NAMES_LABEL.search(payload, 0, start) or _is_label(label, after, options)):
        return None
    if re.search(r"\bnot\b", low[:start]):
        return ""
    second = labels.SECOND.match(after)
    if second is not None:
        other = options.key(second["label"] or second["other"])
        if other is not None and other != key:
            return SEVERAL
    return SEVERAL if _NO_ONE_OPTION.match(low) else key or INVALID


def _is_label(label: str, after: str, options: Options) -> bool:
    """Whether a letter after "the answer is" is a label: `a` before a noun is an article."""
    if label.isdigit():
        return options.numbered and labels.AFTER_LABEL.match(after) is not None
    if labels.AFTER_LABEL.match(after) and not re.match(r"\.[A-Za-z]\.", after):
        return not (label == "a" and re.match(r"\s(?:best|right|most|correct|final|clearly|probably|definitely|only)\b", after))
    return label.isupper() and label not in "AI" and not labels.NAME_AFTER.match(after)


_CAPITAL: Final = re.compile(r"[A-Z](?![\w'’])")
_WRAPPED: Final = re.compile(r"[(\[{\"']([a-z])[)\]}\"']")
_NAMED: Final = re.compile(r"(?:option|choice|letter|answer|alternative)s? [\"'(\[{]{0,2}([a-z])(?![\w'])")
_MARKED: Final = re.compile(r"^([a-z])[).:](?=\s|$)", re.MULTILINE)
_NUMBER: Final = re.compile(r"(?<![\w.])\d{1,2}(?!\w|\.\d|[%°])")
_SMALL: Final = re.compile(r" ([b-hj-z])(?![\w'’-])")
_NO_LABEL_BEFORE: Final = frozenset("'+#/.@\\&°$-_’")


def _mentions(text: str, low: str, options: Options) -> Iterator[Mention]:
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
    for pattern in (_WRAPPED, _MARKED):
        found += [Mention(match[1], *match.span(1), True) for match in pattern.finditer(text)]
    found += [Mention(match[1], *match.span(1), False) for match in _SMALL.finditer(text)]
    if "b" <= text[:1] <= "z" and text[:1] != "i" and not (text[1:2].isalnum() or text[1:2] in ("'", "-")):
        found.append(Mention(text[0], 0, 1, False))
    if "option" in low or "choice" in low or "letter" in low or "answer" in low or "alternative" in low:
        found += [Mention(match[1], *match.span(1), True) for match in _NAMED.finditer(low) if text[match.start(1)].islower()]
    # A letter that several patterns find stands first in its most telling form.
    seen = -1
    for mention in sorted(found, key=lambda mention: (mention.start, not mention.formed)):
        if mention.start != seen:
            yield mention
            seen = mention.start


def _letter_picks(text: str, low: str, options: Options) -> list[Pick]:
    if not options.labels:
        return []
    picks: list[Pick] = []
    listed: dict[str, bool] = {}  # labels that stand before something, in order; whether they begin a line
    denied_to = -1  # where a denied mention, or a list of them, ends
    for mention in islice(_mentions(text, low, options), MENTIONS_READ):
        if mention.label in "AI" and not mention.formed and _is_article(text, mention.end):
            continue
        if denied_to >= 0 and _LISTED_ON.fullmatch(text, denied_to, mention.start):
            denied_to = mention.end
            continue
        if labels.denied_before(low[max(0, mention.start - 48) : mention.start]):
            denied_to = mention.end
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


_LISTED_ON: Final = re.compile(r"[)\]}\"']{0,2}(?:,|/|\s)*(?:and|or|nor|&)?\s?(?:option |choice )?[(\[{\"']{0,2}")


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
_LEFT_OPEN: Final = re.compile(r":\s*$")
_ENDS_LINE: Final = re.compile(r"[)\]}.:\"']{0,3}\s?(?:\n|$)")


def _weigh(text: str, low: str, options: Options, mention: Mention) -> Pick | None:
    """What one mention of a letter amounts to; `None` if it is no label, or a rejected one."""
    label, start, end, formed = mention
    after = text[end : end + 240]
    before = low[max(0, start - 72) : start]
    at_start = not text[max(0, start - 12) : start].strip(" \"'([{<.,:;-=>|\n") and start <= 12
    labelled = formed or bool(labels.LABELLED_BEFORE.search(before[-20:])) or bool(_CLOSING.match(after))
    followed = labels.AFTER_LABEL.match(after) is not None
    if not formed and _is_name(label, before, after, labelled=labelled, at_start=at_start, followed=followed):
        return None
    spelled = spell_out(low[end : end + 240] + " ")
    verdict = labels.VERDICT_AFTER.match(spelled)
    if labels.CROSSED.match(after):
        return None
    if (verdict is not None and verdict["no"] is not None) or labels.UNFIT_AFTER.match(spelled):
        return None
    key = options.key(label)
    second = labels.SECOND.match(after)
    if second is not None:
        other = options.key(second["label"] or second["other"])
        if other is not None and other != key:
            return Pick(MENTIONED, start, SEVERAL)
    first = labels.FIRST_BEFORE.search(before)
    if first is not None and options.key(first["label"]) not in (None, key):
        return Pick(MENTIONED, start, SEVERAL)
    if labels.SOMEONE_ELSE.search(before):
        return None
    if labels.WEIGHED.search(before):
        return Pick(MENTIONED, start, SEVERAL)
    if key is None:
        return Pick(LED, start, INVALID) if at_start and (labelled or not after.strip()) else None
    if (verdict is not None and (labelled or followed)) or labels.FITS_AFTER.match(spelled) or labels.TICKED.match(after):
        return Pick(STATED, start, key)
    small = label.islower() and not labelled
    if at_start and (labelled or followed or (label != "A" and not small)):
        return Pick(LED, start, key)
    if labels.CHOSEN_BEFORE.search(before) and (labelled or followed):
        return Pick(CHOSEN, start, key)
    if _begins_line(text, start) and _ENDS_LINE.match(after):
        return Pick(STATED, start, key)
    if small or (labelled and not at_start and _LEFT_OPEN.match(after)):
        return None
    return Pick(MENTIONED, start, key) if labelled or (followed and labels.PLAIN_BEFORE.search(before[-20:])) else None


def _is_name(label: str, before: str, after: str, *, labelled: bool, at_start: bool, followed: bool) -> bool:
    """Whether a letter belongs to a name, a unit or a sentence: "Vitamin C", "5 C", "B cells", "A dog", "I"."""
    word = _LAST_WORD.search(before[-28:])
    if word is not None and word[1] in labels.NAMING and not re.match(r"[)\]}]", after):
        return True
    if labelled:
        return False
    if word is not None and (word[1][0].isdigit() or word[1][0] == "°"):
        return True
    if not at_start and labels.NAME_AFTER.match(after):
        return True
    return label == "I" or (label == "A" and not followed)


_PIECE_END: Final = re.compile(r"[.!?\n;](?:\s|$)|, | - | because | since | as ")


def _text_picks(low: str, options: Options) -> list[Pick]:
    if options.texts and any(anchor in low for anchor in options.anchors):
        pieces = _PIECE_END.split(low[:1500].strip(), maxsplit=6)
        led = exact_text(pieces[0], options) or begun_text(low, options)
        if led is not None:
            others = {exact_text(piece, options) for piece in pieces[1:]} - {None, led}
            return [Pick(LED, 0, SEVERAL if others else led)]
        named = named_texts(low, options)
        if named:
            return [Pick(TEXT, 0, named.pop() if len(named) == 1 else SEVERAL)]
    placed = named_by_place(low, options)
    return [Pick(TEXT, 0, placed)] if placed is not None else []


_TURNS: Final = re.compile(r"\b(?:but|however|although|though|yet|while|whereas|better|best|more|most|instead|so|thus|therefore|hence|final|finally)\b")


def _resolve(picks: list[Pick], low: str) -> str | None:
    """Which pick of one stretch counts."""
    if not picks:
        return None
    best = max(pick.rank for pick in picks)
    chosen = sorted((pick for pick in picks if pick.rank == best), key=lambda pick: pick.position)
    if best == FINAL:
        return chosen[-1].key
    if best == LED:
        return chosen[0].key
    if best in (STATED, CHOSEN):
        single = [pick for pick in chosen if pick.key != SEVERAL]
        if not single:
            return SEVERAL
        rivals = [pick for pick in single if pick.key != single[-1].key]
        if not rivals or single[-1].announced or _TURNS.search(low, rivals[-1].position, single[-1].position + 60):
            return single[-1].key
        return SEVERAL
    distinct = {pick.key for pick in chosen}
    return distinct.pop() if len(distinct) == 1 else SEVERAL
