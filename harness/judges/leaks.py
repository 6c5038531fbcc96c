"""The leak check: a caption that gives the answer instead of describing earns no fidelity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from harness.core.types import AnswerKind

_CONCLUDES: Final = re.compile(
    r"""\b(?:the\s+)?(?:final|correct|right|best|true)?\s*(?:answer|option|choice)\s*
        (?:here\s+|to\s+(?:the|this)\s+question\s+)?(?:is|would\s+be|should\s+be|must\s+be|[:=])
      | \b(?:therefore|thus|hence|so)\s*,?\s*(?:it\s+is\s+)?(?:yes|no)\b\s*(?:$|[.,;:!])
      | </?\s*answer\s*>
      | \\boxed
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BARE_YES_NO: Final = re.compile(r"^\W*(?:yes|no)\b\W*(?:$|[,.:;!-])|(?:^|[.;:!?])\W*(?:yes|no)\W*$", re.IGNORECASE)
_MARKED_LETTER: Final = r"""
    \(\s*(?:{letters})\s*\)            # (B)
  | \*\*\s*(?:{letters})\s*\*\*        # **B**
  | \b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ll]etter)\s+(?:{letters})\b
  | (?:^|[.;:!?\n])\s*(?:{letters})\s*(?:$|[.:)](?:\s|$))  # a letter that stands alone, or labels an option
"""


def leaks_answer(caption: str, answer_kind: AnswerKind, choices: Mapping[str, str] | None = None) -> bool:
    """Whether a caption gives the answer away instead of describing what is seen.

    That is: an option letter marked as such or standing alone, a bare "yes" or "no" at either end, or a conclusion
    phrase ("the answer is", "so yes", `<answer>`), whether or not the answer that it gives is right.

    Args:
        caption: text of the caption section.
        answer_kind: of the question.
        choices: option letter to text, for multiple choice.
    """
    if _CONCLUDES.search(caption):
        return True
    if answer_kind == "yes_no":
        return _BARE_YES_NO.search(caption.strip()) is not None
    if answer_kind == "choice" and choices:
        letters = "|".join(re.escape(letter) for letter in choices)
        pattern = re.compile(_MARKED_LETTER.format(letters=letters), re.VERBOSE | re.MULTILINE)
        return pattern.search(caption) is not None
    return False
