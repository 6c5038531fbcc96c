"""What is counted and what is figured from it: units with their outcomes, ratios, metrics.

Every figure of a benchmark is built from `Ratio`s: a weighted count of units over another weighted count.
A task therefore only says what became of each unit (`Outcome`) and which outcomes weigh what; values, standard errors,
intervals and paired tests of all figures follow from that in `harness.statistics`, by one linearisation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from harness.core.types import SampleRecord, Scale


class Outcome(NamedTuple):
    """What became of one unit; units with equal outcomes are only counted.

    Attributes:
        unit: `sample`, or what is judged together or otherwise: a `pair`, a `group`, or another
            word of the benchmark's.
        stratum: the finest part of the data it belongs to, e.g. `("random",)` or `(l2 category, category)`.
        right: strict verdict; of a pair or group: every member right and none missing.
        official: the published evaluator's verdict, `None` where there is none.
        kind: a further split of the units, e.g. `basic` or `open_ended`.
        target: gold answer where it is one of a few words or letters, else empty.
        answer: strict reading where it is one of a few words or letters; `None` when there is none.
        official_answer: what the published evaluator read.
        unanswered: samples in the unit that are refused, empty or cut off.
        unsettled: samples in the unit whose answer no rule reads or settles (`Verdict.is_unsettled`).
        could_be_right: whether the unit is right if these are.
        errors: samples in the unit without a response; such a unit enters no figure.
        scores: numbers that the task's own code gave, with the names of its metrics.
        if_right: these numbers if the unsettled sample is right, where that makes a difference.
    """

    unit: str
    stratum: tuple[str, ...]
    right: bool = False
    official: bool | None = None
    kind: str = ""
    target: str = ""
    answer: str | None = None
    official_answer: str | None = None
    unanswered: int = 0
    unsettled: int = 0
    could_be_right: bool = False
    errors: int = 0
    scores: tuple[tuple[str, float], ...] = ()
    if_right: tuple[tuple[str, float], ...] = ()


class Unit(NamedTuple):
    """One counted unit.

    Attributes:
        key: unique among the units of its kind; equal in two runs over the same data.
        cluster: units of one cluster are not independent of each other.
        outcome: what became of it.
        linked: a second cluster that the unit belongs to, which makes the two clusters one.
    """

    key: str
    cluster: str
    outcome: Outcome
    linked: str | None = None


Weight = Callable[[Outcome], float]


def everywhere(outcome: Outcome) -> bool:
    """The part of the data that is all of it."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Sum of `top` over sum of `bottom`, over the units of one kind within one part of the data.

    Attributes:
        top: what a unit adds to the numerator, if it is part of the figure.
        bottom: what a unit adds to the denominator; units with 0 are not part of the figure.
        unit: which units are counted.
        within: which part of the data.
    """

    top: Weight
    bottom: Weight
    unit: str = "sample"
    within: Callable[[Outcome], bool] = everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """A figure: the mean, or the spread, of one or several ratios.

    Attributes:
        name: `{part}/{metric}`.
        strict: ratios over the strict readings.
        official: ratios over what the published evaluator read; empty where it has no such figure.
        combine: `mean` of the ratios, their `harmonic` mean, or their population standard deviation, `spread`.
        official_value: what the published evaluator makes of its ratios' values, where it is something else.
        low: least possible value.
        high: greatest possible value.
        better: whether a higher value is better (1), a lower one (-1), or neither (0).
        of_data: depends on the data alone, not on the responses, and so is no subject of comparisons.
    """

    name: str
    strict: tuple[Ratio, ...]
    official: tuple[Ratio, ...] = ()
    combine: Literal["mean", "harmonic", "spread"] = "mean"
    official_value: Callable[[Sequence[float | None]], float | None] | None = None
    low: float = 0.0
    high: float = 1.0
    better: Literal[-1, 0, 1] = 1
    of_data: bool = False

    @property
    def scale(self) -> Scale:
        """Whether it is a share, or a difference or a spread of shares."""
        return "share" if self.high <= 1 else "number"


class Scored(Protocol):
    """What the statistics need of a benchmark, or of any other set of judged samples."""

    @property
    def name(self) -> str:
        """Plain task name."""

    @property
    def headline(self) -> str:
        """Name of the metric that stands for the task."""

    @property
    def units(self) -> Callable[[Iterable[SampleRecord]], Iterator[Unit]]:
        """Judged samples to counted units, streaming; pairs and groups follow as they complete."""

    @property
    def metrics(self) -> Callable[[Collection[tuple[str, ...]]], Sequence[MetricSpec]]:
        """The figures, given the strata that occur."""
