"""Figures of yes/no questions: accuracy, and precision, recall and F1 of one of the two answers.

With the positive answer P, hits its right and false its wrong uses:

- accuracy = right / n, where a response without an answer is not right;
- precision = hits / (hits + false);
- recall = hits / (questions whose gold answer is P), so that one left unanswered counts as missed;
- f1 = 2 hits / (hits + false + questions whose gold answer is P), the harmonic mean of the two;
- `yes_ratio` = "yes" answers / answers, over what was answered, not over the gold answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from harness.benchmarks.counting import Part, in_stratum, one
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Weight, everywhere

Read = Callable[[Outcome], str | None]
"""What was answered."""


def read_strictly(outcome: Outcome) -> str | None:
    """The answer as it is read here."""
    return outcome.answer


def read_officially(outcome: Outcome) -> str | None:
    """The answer as the published evaluator reads it."""
    return outcome.official_answer


def read_letters(text: str) -> Literal["yes", "no"] | None:
    """As some published evaluators read: the letters `yes` anywhere, case ignored, else `no` (also as in `not`)."""
    lowered = text.lower()
    return "yes" if "yes" in lowered else "no" if "no" in lowered else None


def confusion(
    read: Read, *, positive: Literal["yes", "no"] = "yes", only_read: bool = False
) -> dict[str, tuple[Weight, Weight]]:
    """Numerator and denominator of each figure, over one of the readings.

    Args:
        read: the reading.
        positive: the answer that precision, recall and F1 are of.
        only_read: leave responses in which nothing is read out of every denominator, as some evaluators do.
    """

    def counted(outcome: Outcome) -> int:
        return not only_read or read(outcome) is not None

    def said(outcome: Outcome) -> int:
        return read(outcome) == positive

    def gold(outcome: Outcome) -> int:
        return outcome.target == positive and counted(outcome)

    def hit(outcome: Outcome) -> int:
        return said(outcome) * gold(outcome)

    return {
        "accuracy": (lambda outcome: read(outcome) == outcome.target, counted if only_read else one),
        "precision": (hit, said),
        "recall": (hit, gold),
        "f1": (lambda outcome: 2 * hit(outcome), lambda outcome: said(outcome) + gold(outcome)),
        "yes_ratio": (lambda outcome: read(outcome) == "yes", lambda outcome: read(outcome) is not None),
    }


def right_where(read: Read, gold: str, within: Part = everywhere) -> Ratio:
    """Share of right answers to the questions of one gold answer."""

    def asked(outcome: Outcome) -> int:
        return outcome.target == gold

    return Ratio(top=lambda outcome: asked(outcome) * (read(outcome) == gold), bottom=asked, within=within)


def balanced_accuracy(name: str, strict: Read, official: Read | None = None, within: Part = everywhere) -> MetricSpec:
    """Mean of the accuracies where the gold answer is yes and where it is no, which is half for a constant answer."""
    both = [
        () if read is None else tuple(right_where(read, gold, within) for gold in ("yes", "no"))
        for read in (strict, official)
    ]
    return MetricSpec(name=name, strict=both[0], official=both[1])


def parts_of(known: Sequence[str], present: set[str]) -> dict[str, list[Part]]:
    """The parts that figures are taken of: each by itself, their unweighted mean, and all pooled.

    Args:
        known: names of parts in the order of the paper.
        present: those that occur; further ones come after them.
    """
    names = [name for name in known if name in present] + sorted(present - set(known))
    parts = {name: [in_stratum(0, name)] for name in names}
    return {**parts, "mean": [in_stratum(0, name) for name in names], "all": [everywhere]}


def figures(
    parts: Mapping[str, Sequence[Part]],
    strict: Mapping[str, tuple[Weight, Weight]],
    official: Mapping[str, tuple[Weight, Weight]],
    *,
    unit: str = "sample",
) -> list[MetricSpec]:
    """Each figure of each part; the mean of several ones where the part has several.

    Args:
        parts: see `parts_of`.
        strict: numerator and denominator by name, see `confusion`.
        official: the same over the published reading; empty where there is none.
        unit: which units are counted.
    """

    def ratios(weights: tuple[Weight, Weight] | None, withins: Sequence[Part]) -> tuple[Ratio, ...]:
        if weights is None:
            return ()
        return tuple(Ratio(top=weights[0], bottom=weights[1], unit=unit, within=within) for within in withins)

    return [
        MetricSpec(
            name=f"{part}/{name}",
            strict=ratios(strict[name], withins),
            official=ratios(official.get(name), withins),
            better=0 if name == "yes_ratio" else 1,
        )
        for part, withins in parts.items()
        for name in strict
    ]
