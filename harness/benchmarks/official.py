"""What the benchmarks' own published evaluators read in one text, to the digit, their quirks included.

These readers know no sections: give them `official_text(response)`. They are kept apart from `read_answer`, which reads
what a response means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from harness.answers.sections import split_sections

NONE_OF_THEM: Final = "Z"

_MMBENCH_REFUSALS: Final = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_MMBENCH_NO_RESPONSE: Final = "Failed to obtain answer via API"
_MMBENCH_BLANKED: Final = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_MMBENCH_STATED: Final = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)


def official_text(response: str) -> str:
    """What a published evaluator is given of a response.

    A response with any of the tags `<planning> <prethink> <caption> <think> <answer>` is structured: its text is that
    of the last `<answer>` block with both tags, without surrounding white space, and `""` where there is none (a block
    that is quoted inside a thinking is none). Any other response is taken as it stands.
    """
    if "<" not in response:
        return response
    sections = split_sections(response)
    return (sections.complete_answer or "") if sections.structured else response


def read_pope(text: str) -> Literal["yes", "no"]:
    """POPE's `evaluate.py`: `no`, if the first sentence has the word `No`, `no` or `not`; anything else is `yes`.

    The first sentence ends at the first full stop, commas are removed, words are what single spaces separate. So the
    empty text, `NO`, `No!` and `"No"` are all `yes`.
    """
    words = text.split(".", 1)[0].replace(",", "").split(" ")
    return "no" if "No" in words or "not" in words or "no" in words else "yes"


def videohallucer_hit(text: str, gold: str) -> bool:
    """VideoHallucer's `cal_score`: a hit when the gold word stands anywhere in the text, case ignored.

    So `yes or no` is right everywhere.
    """
    return re.search(rf"\b{re.escape(gold)}\b", text, re.IGNORECASE) is not None


def read_mmbench(text: str, choices: Mapping[str, str]) -> str | None:
    """MMBench's exact matching (VLMEvalKit), without the model that may be asked where it fails.

    In this order:

    1. one of four refusal phrases: `Z`, none of them;
    2. each of `.()[],:;!*#{}` counts as a space; where exactly one option letter is among the words, and first occurs
       within the last four, it is the answer; where none is, but a word `Z`: none of them;
    3. the first `[correct] answer is X` with X from A to D, asterisks around X allowed, case ignored, no word boundary
       (`The answer is dog` is D), if X is an option;
    4. unless the text is longer than all option texts together twice, the one option whose text occurs in it, case
       ignored.

    Args:
        text: the response, or the text of its answer (see `official_text`).
        choices: option letter to option text.

    Returns:
        a key of `choices`, `Z` for none of them, or `None` where nothing was matched.
    """
    return _mmbench_letter(text, choices) or _mmbench_text(text, choices)


def _mmbench_letter(text: str, choices: Mapping[str, str]) -> str | None:
    if _MMBENCH_NO_RESPONSE in text:
        return None
    if any(phrase in text for phrase in _MMBENCH_REFUSALS):
        return NONE_OF_THEM
    words = text.translate(_MMBENCH_BLANKED).split()
    named = [letter for letter in choices if letter in words]
    if len(named) == 1 and words.index(named[0]) > len(words) - 5:
        return named[0]
    if not named and NONE_OF_THEM in words:
        return NONE_OF_THEM
    stated = _MMBENCH_STATED.search(text)
    if stated and stated[1].upper() in choices:
        return stated[1].upper()
    return None


def _mmbench_text(text: str, choices: Mapping[str, str]) -> str | None:
    lowered = text.lower()
    if len(lowered) > 2 * sum(len(option) for option in choices.values()):
        return None
    named = [letter for letter, option in choices.items() if option.lower() in lowered]
    return named[0] if len(named) == 1 else None
