"""What the diagnostics found in each sample, as it is stored beside the figures and shown in the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.diagnostics import rates
from harness.diagnostics.attribution import attribute
from harness.diagnostics.evidence import Conclusion, Evidence
from harness.diagnostics.language_prior import prior_answer

FLAGS: Final[Mapping[str, Callable[[Evidence], bool | None]]] = {
    "think_answer_mismatch": rates.think_answer_mismatch,
    "caption_answer_mismatch": rates.caption_answer_mismatch,
    "invented_object": rates.chair_s,
    "caption_leak": rates.caption_leaks,
    "right_unsupported": rates.right_unsupported,
    "prior_answer": prior_answer,
    "looping": rates.looping,
    "cut_off": rates.cut_off,
}
"""Faults that a sample either shows or does not, and the diagnostic that says so."""
WORDS: Final[Mapping[str, str]] = {
    "think_answer_mismatch": "answers other than what their thinking concludes",
    "caption_answer_mismatch": "answers other than what their caption implies",
    "invented_object": "captions with an invented object",
    "caption_leak": "captions that give the answer away",
    "right_unsupported": "right answers without support in the caption",
    "prior_answer": "wrong answers that need no image",
    "looping": "responses that repeat themselves",
    "cut_off": "responses that are cut off",
    "malformed": "responses without all sections that were asked for",
}
"""Faults as they are counted, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found in one sample.

    Attributes:
        task: of the sample.
        id: of the sample.
        cause: why its answer is wrong; `None` for a right one and for a sample without a response.
        flags: names of `FLAGS` that it shows, and `malformed` where not all sections that were asked for are there.
        think: what its thinking concludes, and who says so.
        caption: what follows from its caption alone, and who says so.
        invented: objects that its caption names and that are not there.
        missed: how many annotated objects its caption leaves out; `None` without annotation.
        blind: the answer without the image or video.
    """

    task: str
    id: str
    cause: str | None
    flags: tuple[str, ...]
    think: Conclusion | None
    caption: Conclusion | None
    invented: tuple[str, ...]
    missed: int | None
    blind: str | None

    def to_json(self) -> dict[str, Any]:
        """The fields that say something."""

        def conclusion(found: Conclusion | None) -> dict[str, str] | None:
            return None if found is None else {"answer": found.answer, "by": found.by}

        stored: dict[str, Any] = {
            "task": self.task,
            "id": self.id,
            "cause": self.cause,
            "flags": list(self.flags),
            "think": conclusion(self.think),
            "caption": conclusion(self.caption),
            "invented": list(self.invented),
            "missed": self.missed,
            "blind": self.blind,
        }
        return {name: value for name, value in stored.items() if value not in (None, [])}


def find(item: Evidence) -> Finding:
    """What was found in one sample."""
    answered = item.record.response.error is None
    flags = [name for name, shows in FLAGS.items() if answered and shows(item)]
    if answered and rates.well_formed(item) is False:
        flags.append("malformed")
    objects = item.objects
    return Finding(
        task=item.sample.task,
        id=item.sample.id,
        cause=attribute(item),
        flags=tuple(flags),
        think=item.think,
        caption=item.caption,
        invented=tuple(sorted(objects.invented)) if objects else (),
        missed=objects.expected - objects.found if objects else None,
        blind=item.blind.answer if item.blind else None,
    )
