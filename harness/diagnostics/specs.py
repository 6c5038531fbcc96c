"""The diagnostics that are a rate over samples, a line each. One that is added here is in every report, page and board.

What is measured over whole runs has its own modules: causes (`attribution`), options (`position_bias`), confidence
(`calibration`) and repeated runs (`repeats`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final, Literal, NamedTuple

from harness.core.errors import UsageError
from harness.core.plugins import load_plugin, plugins, refuse_own_names, where
from harness.diagnostics import language_prior, rates
from harness.diagnostics.evidence import Evidence
from harness.diagnostics.figures import Amount, DiagnosticSpec, Figure, estimate_figure

Value = bool | float | tuple[float, float] | None
"""Whether a sample counts, how much, or a numerator with its denominator; `None`: it is not part of the figure."""


class Rate(NamedTuple):
    """A diagnostic that is a rate over samples.

    Attributes:
        spec: what it is.
        value: what a sample adds.
        examples: whether samples that count (`high`), or those that do not (`low`), show what it is about.
    """

    spec: DiagnosticSpec
    value: Callable[[Evidence], Value]
    examples: Literal["high", "low"]


def rate(
    value: Callable[[Evidence], Value], reason: str, *, examples: Literal["high", "low"] | None = None, **spec: Any
) -> Rate:
    """A diagnostic with the name of its function, whose docstring is the definition.

    Args:
        value: what a sample adds.
        reason: why there is no figure, where no sample is part of it.
        examples: see `Rate`; `None`: `low` where a higher value is better.
        spec: what else its `DiagnosticSpec` says.
    """
    described = DiagnosticSpec(
        name=value.__name__, definition=" ".join((inspect.getdoc(value) or "").split()), reason=reason, **spec
    )
    return Rate(described, value, examples or ("low" if described.better == 1 else "high"))


def measure(of: Rate, evidence: Sequence[Evidence], *, part: str) -> Figure:
    """One figure over some samples; samples without a response are left out and counted as errors.

    Args:
        of: the diagnostic.
        evidence: of the samples.
        part: prefix of the figure's name, a task or `all`.
    """
    amounts = []
    answered = [item for item in evidence if item.record.response.error is None]
    for item in answered:
        value = of.value(item)
        if value is None:
            continue
        top, bottom = value if isinstance(value, tuple) else (float(value), 1.0)
        shows = top > 0 if of.examples == "high" else top < bottom
        amounts.append(Amount.of(item.sample, top, bottom, example=shows))
    return estimate_figure(of.spec, part, amounts, n_errors=len(evidence) - len(answered))


_NO_CAPTION: Final = "not applicable: no response has a caption section; ask with --prompt grounded"
_NO_THINKING: Final = "not applicable: no response has a think section; ask with --prompt grounded"
_NO_CAPTION_READ: Final = "not known: nobody could say what the captions imply; give a judge with --caption-judge"
_NO_JUDGE: Final = "not known: no judge was asked; give one with --caption-judge"
_JUDGE_KNOWS: Final = "undefined: the judge is right without a caption every time, so that captions can add nothing"
_NO_OBJECTS: Final = "not known: the data list no objects; give annotations with --annotations"
_NO_CONCLUSION: Final = "not known: no thinking comes to a readable conclusion beside an answer"
_NO_TEXT: Final = "not applicable: every response is empty"
_NO_END: Final = "not known: the engine does not say why responses ended"
_NO_TOKENS: Final = "not known: the engine does not count tokens"
_NO_YES_NO: Final = "not applicable: no yes/no question was answered"
_NO_BLIND: Final = "not known: no blind run; evaluate with the images withheld and give that run with --blind"
_NOT_ASKED: Final = "not applicable: the prompt asked for no sections"

DIAGNOSTICS: Final[tuple[Rate, ...]] = (
    rate(
        rates.caption_fidelity,
        _NO_CAPTION_READ,
        title="captions that imply the right answer",
        better=1,
        plotted=True,
        headline=True,
    ),
    rate(
        rates.corrected_fidelity,
        _NO_JUDGE,
        title="captions that imply it, guessing corrected for",
        undefined=_JUDGE_KNOWS,
        better=1,
        low=-inf,
    ),
    rate(rates.judge_without_caption, _NO_JUDGE, title="judge right without a caption", better=0),
    rate(rates.caption_leaks, _NO_CAPTION, title="captions that give the answer away"),
    rate(
        rates.right_unsupported,
        _NO_CAPTION_READ,
        title="right answers without support in the caption",
        plotted=True,
        headline=True,
    ),
    rate(
        rates.chair_i,
        _NO_OBJECTS,
        title="objects mentioned that are invented (CHAIR-i)",
        plotted=True,
        headline=True,
        hallucination="objects captioned that are not there",
    ),
    rate(rates.chair_s, _NO_OBJECTS, title="captions with an invented object (CHAIR-s)", plotted=True),
    rate(rates.object_precision, _NO_OBJECTS, title="right among objects named", better=1, plotted=True),
    rate(rates.object_recall, _NO_OBJECTS, title="named among objects there", better=1, plotted=True),
    rate(rates.think_answer_mismatch, _NO_CONCLUSION, title="answers unlike thinking", plotted=True, headline=True),
    rate(rates.think_read, _NO_THINKING, title="thinkings that come to a conclusion", better=0, examples="low"),
    rate(
        rates.caption_answer_mismatch,
        _NO_CAPTION_READ,
        title="answers unlike caption",
        plotted=True,
        headline=True,
    ),
    rate(rates.looping, _NO_TEXT, title="repetitive responses", plotted=True, headline=True),
    rate(rates.repeated_ngrams, _NO_TEXT, title="repeated 4-grams of words"),
    rate(rates.cut_off, _NO_END, title="responses that are cut off", plotted=True),
    rate(rates.well_formed, _NOT_ASKED, title="responses as asked for", better=1, plotted=True, headline=True),
    *(rate(rates.valid_section(name), _NOT_ASKED, better=1) for name in ("planning", "caption", "think", "answer")),
    rate(rates.yes_bias, _NO_YES_NO, title="“yes” beyond what is right", better=0, low=-1.0),
    rate(language_prior.blind_accuracy, _NO_BLIND, title="right without looking", better=0, plotted=True),
    rate(language_prior.blind_agreement, _NO_BLIND, title="same answer without looking", better=0, plotted=True),
    rate(language_prior.visual_gain, _NO_BLIND, title="gain from looking", better=1, low=-1.0),
    rate(language_prior.wrong_as_blind, _NO_BLIND, title="wrong answers also given without looking"),
    rate(language_prior.prior_answer, _NO_BLIND, title="wrong answers that need no image", plotted=True),
    rate(rates.think_words, _NO_THINKING, title="words of the thinking", scale="number", better=0),
    rate(rates.response_tokens, _NO_TOKENS, title="tokens of a response", scale="number", better=0),
)
"""In the order of the report."""


def diagnostics() -> tuple[Rate, ...]:
    """The harness's own, and those of installed packages.

    Raises:
        UsageError: a package registers what is none.
    """
    refuse_own_names("diagnostics", [of.spec.name for of in DIAGNOSTICS])
    found = []
    for name, point in plugins("diagnostics").items():
        of = load_plugin(point, "diagnostics")
        if not isinstance(of, Rate) or of.spec.name != name:
            raise UsageError(f"{where(point, 'diagnostics')} is not a harness.diagnostics.specs.Rate of that name.")
        found.append(of)
    return (*DIAGNOSTICS, *found)
