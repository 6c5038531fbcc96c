"""Reading the chosen option out of a free text.

The text is cut where it takes something back; in the last stretch that commits to anything, the strongest commitment
counts: a boxed or final answer, a stated one ("the answer is B", "B is correct", "I choose B"), a letter or option
text that the text begins with, then a lone mention of a letter, then the one option whose text occurs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from harness.answers import cues
from harness.answers.choice import labels
from harness.answers.choice.letters import CHOSEN, FINAL, INVALID, LED, SEVERAL, STATED, TEXT, Pick, letter_picks
from harness.answers.choice.option_places import named_by_place, strip_option_list
from harness.answers.choice.option_turns import left_over
from harness.answers.choice.options import POWER, Options, begun_text, exact_text, named_texts, prepare, starting_texts
from harness.answers.refusals import is_placeholder, is_unsure
from harness.answers.wording import clean, lower, spell_out, vocabulary
from harness.answers.yes_no.reading import read_yes_no


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
    answer = _read_label_alone(text, options)
    if answer is None and options.polar and not labels.LABEL.match(text):
        vote = read_yes_no(text, question)
        answer = options.polar[vote] if vote is not None else None
    if answer is None:
        text = _strip_echo(_latin(text), options, question)
        low = lower(text)
        answer = exact_text(low, options) or (INVALID if is_placeholder(low) else _read_labels_alone(text, options))
    if answer is None:
        words = vocabulary(low)
        for start, end in cues.spans(low, words):
            answer = _resolve(_picks(text[start:end], low[start:end], words, options), low[start:end]) or answer
    return answer if answer in options.order else None


_NO_LABEL: Final = re.compile(r"[+#°]")


def _read_label_alone(text: str, options: Options) -> str | None:
    """What a text of one label picks, or one that repeats it; `None` if the text is more than that."""
    if text.strip(" ().:") in options.order:
        return text.strip(" ().:")
    whole = labels.WHOLE.match(text) if len(text) < 60 and not _NO_LABEL.search(text) else None
    if whole is not None and (whole["label"].isalpha() or options.numbered):
        return options.key(whole["label"]) or exact_text(lower(text), options) or INVALID
    loop = labels.LOOP.match(text)
    return (options.key(loop["label"] or loop["run"]) or INVALID) if loop is not None else None


def _read_labels_alone(text: str, options: Options) -> str | None:
    """What a text of several labels picks: none, unless the second is the text of the first option ("D. A")."""
    if not labels.ONLY_LABELS.match(text):
        return None
    named = [options.key(word) for word in re.findall(r"[^\W_]+", text) if len(word) == 1 and word.isupper()]
    if len(set(named)) < 2:
        return None
    own = [flat.strip() for flat, key in options.texts if key == named[0]]
    return named[0] if len(named) == 2 and lower(text).split()[-1:] == own else SEVERAL


_INSTRUCTION: Final = re.compile(
    "(?:please )?(?:answer|respond|reply|select|choose|pick|output|give|write)(?: the question)? (?:with|using|by|only"
    r"|just|from|one of)[^\n.:]{0,60}?\b(?:option|letter|choices?|letters)\b[^\n.:]{0,60}(?:[.:\n]|$)",
    re.IGNORECASE,
)
_INSTRUCTION_WORDS: Final = ("nswer", "espond", "eply", "elect", "hoose", "utput", "rite ", "ive ", "ick ")
_LOOKALIKE: Final = re.compile(r"(?<!\w)[АВСЕΑΒΕ](?!\w)")
_LATIN: Final = str.maketrans("АВСЕΑΒΕ", "ABCEABE")


def _latin(text: str) -> str:
    """Latin letters for the Cyrillic and Greek ones that look like them, where they stand alone."""
    return text if text.isascii() else _LOOKALIKE.sub(lambda match: match[0].translate(_LATIN), text)


@lru_cache(maxsize=32768)
def _plain_question(question: str) -> str:
    """A question as an echo of it would read; cached, since every question is asked more than once."""
    return clean(question[:2000])


def _strip_echo(text: str, options: Options, question: str | None) -> str:
    """Removes the question, the instruction and a full list of the options where the response repeats them."""
    if question:
        asked = _plain_question(question)
        if len(asked) > 8 and asked in text:
            text = text.replace(asked, "\n")
    if ("option" in text or "letter" in text or "choice" in text) and any(word in text for word in _INSTRUCTION_WORDS):
        text = _INSTRUCTION.sub("\n", text)
    text = strip_option_list(text, options)
    return POWER.sub("", text) if "^" in text else text


def _picks(text: str, low: str, words: Collection[str], options: Options) -> list[Pick]:
    picks: list[Pick] = []
    for cue in cues.conclusions(low, words):
        key = _read_announced(text[cue.payload : cue.end], low[cue.payload : cue.end], options)
        if key is not None and not cue.denied:
            picks.append(Pick(FINAL if cue.rank == cues.FINAL else STATED, cue.start, key, announced=True))
    if any(pick.rank == FINAL for pick in picks):
        return picks
    if picks and picks[-1].key in options.order and len(text) - picks[-1].position <= _LAST_WORDS:
        return picks  # nothing comes after it that could say otherwise
    picks += letter_picks(text, low, words, options)
    if not picks or max(pick.rank for pick in picks) < LED:
        picks += [pick for pick in _text_picks(low, options) if not picks or pick.rank == TEXT]
    if all(pick.key == SEVERAL for pick in picks):
        key = left_over(text, low, words, options)
        if key is not None:
            return [Pick(STATED, 0, key)]
    return picks


_LAST_WORDS: Final = 24  # room for "answer is option (B)."
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
    placed = named_by_place(f"is {sentence}", options)
    if placed is not None:
        return placed
    return SEVERAL if _NO_ONE_OPTION.match(sentence) or is_unsure(spell_out(sentence[:160])) else None


def _announced_label(payload: str, low: str, match: re.Match[str], options: Options) -> str | None:
    """The pick that an announced label makes; `""` if it is denied; `None` if it is no label but part of a text."""
    label, start, after = match["label"], match.start("label"), payload[match.end() :]
    starting = starting_texts(low[start : start + options.longest + 40], options)
    begun = [key for option, key in starting if len(option) > len(label) + 2]
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
        return not (
            label == "a" and re.match(r"\s(?:best|right|most|correct|final|clearly|probably|definitely|only)\b", after)
        )
    return label.isupper() and label not in "AI" and not labels.NAME_AFTER.match(after)


_PIECE_END: Final = re.compile(r"[.!?\n;](?:\s|$)|, | - | because | since | as ")


_PLACE_ALONE: Final = 24
_DENIES: Final = re.compile(
    r"[\"')] (?:is|was|would be) (?:clearly |simply )?(?:not|wrong|incorrect|false|ruled out)\b"
)
_AFFIRMED: Final = re.compile(
    r"[\"')]? (?:is|was|would be) (?:clearly |the |in fact )*(?:correct|right|best)\b(?! (?:side|hand))"
)


def _affirmed_text(low: str, options: Options) -> str | None:
    """The one option whose text, in quotes, is called right: `"X" is wrong, "Y" is right`."""
    found = set()
    for match in _AFFIRMED.finditer(low[:4000]):
        quote = low[match.start()]
        if quote in "\"'":
            text = low[: match.start()]
            named = exact_text(text[text.rfind(quote) + 1 :], options)
            found |= {named} - {None}
    return found.pop() if len(found) == 1 else None


def _text_picks(low: str, options: Options) -> list[Pick]:
    if options.texts and any(anchor in low for anchor in options.anchors):
        pieces = _PIECE_END.split(low[:1500].strip(), maxsplit=6)
        led = exact_text(pieces[0], options) or begun_text(low, options)
        if led is not None and (_DENIES.search(pieces[0]) or named_texts(pieces[0], options) > {led}):
            led = None  # "A bird is flying next to a plane"
        affirmed = _affirmed_text(low, options) if _DENIES.search(pieces[0]) or " is " in low else None
        if affirmed is not None:
            return [Pick(LED, 0, affirmed)]
        if led is not None:
            others = {exact_text(piece, options) for piece in pieces[1:]} - {None, led}
            return [Pick(LED, 0, SEVERAL if others else led)]
        named = named_texts(low, options)
        if len(named) > 1:
            concluded = _concluded_text(low, options)
            if concluded is not None:
                return [Pick(LED, 0, concluded)]
        if named:
            return [Pick(TEXT, 0, named.pop() if len(named) == 1 else SEVERAL)]
    placed = named_by_place(f"is {low}" if len(low) < _PLACE_ALONE else low, options)
    return [Pick(TEXT, 0, placed)] if placed is not None else []


_TURNS: Final = re.compile(
    r"\b(?:but|however|although|though|yet|while|whereas|better|best|more|most|instead|so|thus|therefore|hence|final"
    r"|finally)\b"
)


_CONCLUDES: Final = re.compile(r"(?:so|thus|therefore|hence|consequently|in conclusion|overall|this means)\b")


def _concluded_text(low: str, options: Options) -> str | None:
    """The one option that the last sentence which concludes names: "so it is low-key lighting"."""
    for sentence in reversed(_SENTENCE_END.split(low)[-8:]):
        if _CONCLUDES.match(sentence):
            named = named_texts(sentence, options)
            return named.pop() if len(named) == 1 else None
    return None


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
