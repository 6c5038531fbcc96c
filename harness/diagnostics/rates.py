"""The diagnostics that are a rate over samples: one function each, from a sample's evidence to what it adds.

Each function gives `None` for a sample that is not part of its figure, else whether (or how much) it counts. Its
docstring is the definition that is stored and shown with the figure. `MEASURES` lists them in the order of the report.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Literal

from harness.answers.sections import SectionName
from harness.diagnostics.evidence import Evidence, agrees
from harness.diagnostics.figures import Amount, Figure, Scale, estimate_figure
from harness.diagnostics.language_prior import (
    blind_accuracy,
    blind_agreement,
    prior_answer,
    visual_gain,
    wrong_as_blind,
)

Value = bool | float | tuple[float, float] | None
"""Whether a sample counts, how much, or a numerator with its denominator; `None`: it is not part of the figure."""

_NO_SECTIONS: Final = "not applicable: no response has a {section} section; ask with --prompt grounded"
_NO_CAPTION_READ: Final = "not known: nobody could say what the captions imply; give a judge with --judge"
_NO_JUDGE: Final = "not known: no judge was asked; give one with --judge"
_JUDGE_KNOWS: Final = "undefined: the judge is right without a caption every time, so that captions can add nothing"
_NO_OBJECTS: Final = "not known: the data list no objects; give annotations with --annotations"
_NO_YES_NO: Final = "not applicable: no yes/no question was answered"
_NO_BLIND: Final = "not known: no blind run; evaluate with the images withheld and give that run with --blind"
_NOT_ASKED: Final = "not applicable: the prompt asked for no sections"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOf:
    """A diagnostic that is a rate over samples.

    Attributes:
        name: of the figure.
        value: what a sample adds; `bool`: a rate, `float`: a mean, a pair: a ratio of sums.
        reason: why there is no figure, where no sample is part of it.
        scale: `share` or `number`.
        low: least possible value of a share; -inf where there is none.
        undefined: why there is no figure, where samples are part of it but the denominators add up to 0.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        examples: whether samples that count (`high`), or those that do not (`low`), show what the figure is about.
    """

    name: str
    value: Callable[[Evidence], Value]
    reason: str
    scale: Scale = "share"
    low: float = 0.0
    undefined: str | None = None
    better: Literal[-1, 0, 1] = -1
    examples: Literal["high", "low"] = "high"

    @property
    def definition(self) -> str:
        """The figure in words."""
        return " ".join((inspect.getdoc(self.value) or "").split())


def measure(of: MeasureOf, evidence: Sequence[Evidence], *, part: str) -> Figure:
    """One figure over some samples; samples without a response are left out and counted as errors.

    Args:
        of: the diagnostic.
        evidence: of the samples.
        part: prefix of the figure's name, a task or `all`.
    """
    amounts = []
    errors = 0
    for item in evidence:
        if item.record.response.error is not None:
            errors += 1
            continue
        value = of.value(item)
        if value is None:
            continue
        top, bottom = value if isinstance(value, tuple) else (float(value), 1.0)
        shows = top > 0 if of.examples == "high" else top < bottom
        key = item.sample.id if part == item.sample.task else f"{item.sample.task}/{item.sample.id}"
        amounts.append(Amount(key, f"{item.sample.task}/{item.cluster}", top, bottom, shows))
    return estimate_figure(
        f"{part}/{of.name}",
        amounts,
        definition=of.definition,
        reason=of.reason,
        undefined=of.undefined,
        scale=of.scale,
        low=of.low,
        better=of.better,
        n_errors=errors,
    )


def well_formed(item: Evidence) -> bool | None:
    """Share of responses that consist of exactly the sections that the prompt asks for.

    Each once, complete, not empty, in order, and nothing outside of them.
    """
    return item.sections.is_well_formed(item.expected) if item.expected else None


def valid_section(name: SectionName) -> Callable[[Evidence], bool | None]:
    """The validity of one section, as a measure."""

    def valid(item: Evidence) -> bool | None:
        if name not in item.expected:
            return None
        return [(b.closed, bool(b.text)) for b in item.sections.blocks if b.name == name] == [(True, True)]

    valid.__doc__ = f"Share of responses that hold the <{name}> section once, with both tags and not empty."
    return valid


def cut_off(item: Evidence) -> bool | None:
    """Share of responses that the token budget cut off (finish reason `length`)."""
    reason = item.record.response.finish_reason
    return None if reason is None else reason == "length"


def repeated(item: Evidence) -> float | None:
    """Share of the 4-grams of words of the reasoning that occurred before in it, the mean over responses.

    The reasoning is the <think> section; of a response without sections, all of it (seq-rep-4: Welleck et al., ICLR
    2020).
    """
    return item.repetition.repeated if item.repetition.words else None


def looping(item: Evidence) -> bool | None:
    """Share of responses whose reasoning runs in a loop.

    Something is said at least three times in immediate succession over at least 12 words, or at least 40 words of
    reasoning of whose 4-grams half occurred before.
    """
    return item.repetition.loops if item.repetition.words else None


def think_words(item: Evidence) -> float | None:
    """Words of the <think> section, the mean over responses that have one."""
    return float(item.repetition.words) if item.sections.think else None


def response_tokens(item: Evidence) -> float | None:
    """Generated tokens of a response, the mean."""
    tokens = item.record.response.completion_tokens
    return None if tokens is None else float(tokens)


def think_answer_mismatch(item: Evidence) -> bool | None:
    """Share of responses whose <think> concludes another answer than <answer> gives.

    Over the responses with a readable answer whose thinking comes to a readable conclusion. The conclusion is what the
    answer reader finds in the thinking alone; where it finds none, what the world's rules find, then the judge.
    """
    if item.think is None or item.verdict.answer is None:
        return None
    return not agrees(item.sample, item.verdict.answer, item.think.answer)


def think_read(item: Evidence) -> bool | None:
    """Share of the responses with a <think> section whose conclusion could be told: what the mismatch rests on."""
    return item.think is not None if item.sections.think else None


def caption_answer_mismatch(item: Evidence) -> bool | None:
    """Share of responses whose answer differs from what follows from their own <caption> alone.

    Over the responses with a readable answer for whose caption an answer could be told: by the world's rules, or
    by the judge. Captions that give the answer away (leaks) are left out.
    """
    if item.caption is None or item.leaks or item.verdict.answer is None:
        return None
    return not agrees(item.sample, item.verdict.answer, item.caption.answer)


def caption_fidelity(item: Evidence) -> bool | None:
    """Share of captions from which alone the right answer follows (the caption reward of Pan et al., AAAI 2026).

    Asked of the judge, or of the world's rules. A caption that gives the answer away earns nothing; a caption on
    which the judge failed is left out.
    """
    return item.supports if item.sections.caption else None


def without_caption(item: Evidence) -> bool | None:
    """Share of questions that the judge answers right without any caption: what guessing and world knowledge earn."""
    return item.without_caption if item.sections.caption else None


def corrected_fidelity(item: Evidence) -> tuple[float, float] | None:
    """Caption fidelity f corrected for the judge's accuracy b without a caption: (f - b) / (1 - b).

    As in Cohen's kappa, 0: captions help no more than none; 1: every caption supports the right answer; there is no
    least value. Over the captions on which the judge answered both times.
    """
    if not item.sections.caption or item.supports is None or item.without_caption is None:
        return None
    return float(item.supports) - float(item.without_caption), 1.0 - float(item.without_caption)


def leaking(item: Evidence) -> bool | None:
    """Share of captions that give the answer instead of describing: an option letter or a conclusion phrase."""
    return item.leaks if item.sections.caption else None


def right_unsupported(item: Evidence) -> bool | None:
    """Share of the right answers whose caption does not support them: right, but not for what was seen."""
    return not item.supports if item.is_right and item.supports is not None else None


def chair_i(item: Evidence) -> tuple[float, float] | None:
    """CHAIR_i: mentions of objects that are not there, among all mentions (Rohrbach et al., EMNLP 2018)."""
    objects = item.objects
    return (float(objects.invented_mentions), float(objects.mentions)) if objects and objects.mentions else None


def chair_s(item: Evidence) -> bool | None:
    """CHAIR_s: share of captions with at least one object that is not there (Rohrbach et al., EMNLP 2018)."""
    return bool(item.objects.invented) if item.objects else None


def object_precision(item: Evidence) -> tuple[float, float] | None:
    """Objects that are there among the different objects that captions name, summed over captions."""
    objects = item.objects
    return (
        (float(len(objects.named) - len(objects.invented)), float(len(objects.named)))
        if objects and objects.named
        else None
    )


def object_recall(item: Evidence) -> tuple[float, float] | None:
    """Annotated objects that captions name among all annotated objects, summed over captions."""
    objects = item.objects
    return (float(objects.found), float(objects.expected)) if objects and objects.expected else None


def yes_bias(item: Evidence) -> float | None:
    """Answers "yes" minus gold answers "yes", over the yes/no questions that were answered.

    0: no bias; positive: a bias to "yes"; negative: a bias to "no".
    """
    if item.sample.answer_kind != "yes_no" or item.verdict.answer is None:
        return None
    return float(item.verdict.answer == "yes") - float(item.sample.target == "yes")


_VALID_SECTIONS: Final = tuple(
    MeasureOf(name=f"{name}_valid", value=valid_section(name), reason=_NOT_ASKED, better=1, examples="low")
    for name in ("planning", "caption", "think", "answer")
)

MEASURES: Final[tuple[MeasureOf, ...]] = (
    MeasureOf(
        name="caption_fidelity",
        value=caption_fidelity,
        reason=_NO_CAPTION_READ,
        better=1,
        examples="low",
    ),
    MeasureOf(
        name="corrected_fidelity",
        value=corrected_fidelity,
        reason=_NO_JUDGE,
        undefined=_JUDGE_KNOWS,
        better=1,
        low=-inf,
        examples="low",
    ),
    MeasureOf(name="judge_without_caption", value=without_caption, reason=_NO_JUDGE, better=0),
    MeasureOf(name="caption_leaks", value=leaking, reason=_NO_SECTIONS.format(section="caption")),
    MeasureOf(name="right_unsupported", value=right_unsupported, reason=_NO_CAPTION_READ),
    MeasureOf(name="chair_i", value=chair_i, reason=_NO_OBJECTS),
    MeasureOf(name="chair_s", value=chair_s, reason=_NO_OBJECTS),
    MeasureOf(name="object_precision", value=object_precision, reason=_NO_OBJECTS, better=1, examples="low"),
    MeasureOf(name="object_recall", value=object_recall, reason=_NO_OBJECTS, better=1, examples="low"),
    MeasureOf(
        name="think_answer_mismatch",
        value=think_answer_mismatch,
        reason="not known: no thinking comes to a readable conclusion beside an answer",
    ),
    MeasureOf(
        name="think_read", value=think_read, reason=_NO_SECTIONS.format(section="think"), better=0, examples="low"
    ),
    MeasureOf(name="caption_answer_mismatch", value=caption_answer_mismatch, reason=_NO_CAPTION_READ),
    MeasureOf(name="looping", value=looping, reason="not applicable: every response is empty"),
    MeasureOf(name="repeated_ngrams", value=repeated, reason="not applicable: every response is empty"),
    MeasureOf(name="cut_off", value=cut_off, reason="not known: the engine does not say why responses ended"),
    MeasureOf(name="well_formed", value=well_formed, reason=_NOT_ASKED, better=1, examples="low"),
    *_VALID_SECTIONS,
    MeasureOf(name="yes_bias", value=yes_bias, reason=_NO_YES_NO, better=0, low=-1.0),
    MeasureOf(name="blind_accuracy", value=blind_accuracy, reason=_NO_BLIND, better=0),
    MeasureOf(name="blind_agreement", value=blind_agreement, reason=_NO_BLIND, better=0),
    MeasureOf(name="visual_gain", value=visual_gain, reason=_NO_BLIND, better=1, low=-1.0, examples="low"),
    MeasureOf(name="wrong_as_blind", value=wrong_as_blind, reason=_NO_BLIND),
    MeasureOf(name="prior_answer", value=prior_answer, reason=_NO_BLIND),
    MeasureOf(
        name="think_words",
        value=think_words,
        reason=_NO_SECTIONS.format(section="think"),
        scale="number",
        better=0,
    ),
    MeasureOf(
        name="response_tokens",
        value=response_tokens,
        reason="not known: the engine does not count tokens",
        scale="number",
        better=0,
    ),
)
"""Every diagnostic that is a rate over samples, in the order of the report."""
