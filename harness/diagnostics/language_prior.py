"""The language prior: what a model answers without looking, from a second run with the images or videos withheld.

Each function is a rate in the sense of `harness.diagnostics.rates`; the docstring is its definition.
"""

from __future__ import annotations

from harness.diagnostics.evidence import Evidence, agrees


def blind_accuracy(item: Evidence) -> bool | None:
    """Share of questions answered right without the image or video, unanswered ones counted wrong."""
    blind = item.blind
    return blind.status == "correct" if blind and blind.status != "error" else None


def blind_agreement(item: Evidence) -> bool | None:
    """Share of questions answered the same with and without the image, over those answered both times."""
    blind = item.blind
    if blind is None or blind.answer is None or item.verdict.answer is None:
        return None
    return agrees(item.sample, item.verdict.answer, blind.answer)


def visual_gain(item: Evidence) -> float | None:
    """Accuracy with the image minus accuracy without it, paired by question; 0: the image is of no use."""
    blind = item.blind
    return float(item.is_right) - float(blind.status == "correct") if blind and blind.status != "error" else None


def wrong_as_blind(item: Evidence) -> bool | None:
    """Share of the wrong answers that the model gives without the image, too, over those answered both times."""
    if item.is_right or item.blind is None or item.blind.answer is None or item.verdict.answer is None:
        return None
    return agrees(item.sample, item.verdict.answer, item.blind.answer)


def prior_answer(item: Evidence) -> bool | None:
    """Share of answers that come from the language prior.

    Wrong, the same as without the image, and unlike what the response's own caption implies; and its thinking, where it
    concludes anything, concludes the same. Over the responses whose caption implies a known answer.
    """
    if item.caption is None or item.blind is None or item.blind.answer is None or item.verdict.answer is None:
        return None
    answer = item.verdict.answer
    return (
        not item.is_right
        and agrees(item.sample, answer, item.blind.answer)
        and not agrees(item.sample, answer, item.caption.answer)
        and (item.think is None or agrees(item.sample, answer, item.think.answer))
    )
