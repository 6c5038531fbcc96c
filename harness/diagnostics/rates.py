"""The diagnostics that are a rate over samples: one function each, from a sample's evidence to what it adds.

Each function gives `None` for a sample that is not part of its figure, else whether (or how much) it counts: a `bool`
makes a rate, a `float` a mean, a pair a ratio of sums. Its docstring is the definition that is stored and shown with
the figure. `harness.diagnostics.specs` lists them.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.answers.sections import SectionName
from harness.diagnostics.evidence import Evidence, agrees


def well_formed(item: Evidence) -> bool | None:
    """Share of responses that consist of exactly the sections that the prompt asks for.

    Each once, complete, not empty, in order, and nothing outside of them.
    """
    return item.sections.is_well_formed(item.expected) if item.expected else None


def valid_section(name: SectionName) -> Callable[[Evidence], bool | None]:
    """The validity of one section, as a diagnostic."""

    def valid(item: Evidence) -> bool | None:
        if name not in item.expected:
            return None
        return [(b.closed, bool(b.text)) for b in item.sections.blocks if b.name == name] == [(True, True)]

    valid.__name__ = f"{name}_valid"
    valid.__doc__ = f"Share of responses that hold the <{name}> section once, with both tags and not empty."
    return valid


def cut_off(item: Evidence) -> bool | None:
    """Share of responses that the token budget cut off (finish reason `length`)."""
    reason = item.record.response.finish_reason
    return None if reason is None else reason == "length"


def repeated_ngrams(item: Evidence) -> float | None:
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
    world's rules find in the thinking alone; where they find none, what the answer reader finds, then the judge.
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


def judge_without_caption(item: Evidence) -> bool | None:
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


def caption_leaks(item: Evidence) -> bool | None:
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
