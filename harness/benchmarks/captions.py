"""Captions: what they name, held against what is there.

A benchmark of captions has samples of the answer kind `caption`, whose target lists the objects that are there. A
caption is right when it names an object and none that is not there; one that names none is unanswered. What each
reading counted is stored with the verdict (`Verdict.scores`), and the figures follow from that:

- chair_i = mentions of what is not there / mentions, repeated ones counted again (Rohrbach et al., EMNLP 2018);
- chair_s = captions with such a mention / captions that name an object; official: / captions;
- recall = objects that are there and named / objects that are there;
- f1 = 2 (there and named) / (different objects named + objects that are there): nothing is gained by saying little,
  nor by naming everything;
- words = mean length in words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Final, Literal, NamedTuple

from harness.answers.objects import Vocabulary, find_objects
from harness.answers.refusals import refuses
from harness.answers.sections import split_sections
from harness.answers.tails import cut_turns
from harness.benchmarks.counting import Part, has_score, one, score_of, scored_unit
from harness.benchmarks.verdicts import REFUSED, why_empty
from harness.benchmarks.yes_no import figures
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import MetricSpec, Outcome, Unit, Weight, everywhere

_BETWEEN: Final = "; "
NAMES_NONE: Final = "names no object"
OFFICIAL: Final = "official "
"""Begins the names of the published evaluator's counts."""


class Named(NamedTuple):
    """What one reading finds in a caption.

    Attributes:
        mentions: mentions of objects, repeated ones included.
        invented: mentions of what is not there.
        named: different objects that are named.
        found: those of them that are there.
        there: objects that are there.
    """

    mentions: int
    invented: int
    named: int
    found: int
    there: int


class Counted(NamedTuple):
    """One reading of a caption.

    Attributes:
        objects: what it mentions, in order.
        named: how much of that is there.
        more: further counts of the benchmark's own, by name.
    """

    objects: Sequence[str]
    named: Named
    more: Mapping[str, int] = {}


Read = Callable[[Sample, str], Counted | None]
"""Sample and caption to what it names; `None` where that cannot be told."""


def join_objects(names: Iterable[str]) -> str:
    """Objects that are there, as a sample's target."""
    return _BETWEEN.join(dict.fromkeys(names))


def objects_there(sample: Sample) -> list[str]:
    """The inverse of `join_objects`."""
    return sample.target.split(_BETWEEN) if sample.target else []


def count_named(mentioned: Sequence[str], sample: Sample) -> Counted:
    """Hold the objects that a caption mentions against those that are there."""
    named, there = set(mentioned), set(objects_there(sample))
    counts = Named(
        mentions=len(mentioned),
        invented=sum(name not in there for name in mentioned),
        named=len(named),
        found=len(named & there),
        there=len(there),
    )
    return Counted(mentioned, counts)


def by_vocabulary(vocabulary: Vocabulary) -> Read:
    """A reading that counts the objects of a vocabulary that a caption names and does not deny."""

    def read(sample: Sample, caption: str) -> Counted:
        return count_named(find_objects(caption, vocabulary), sample)

    return read


def description(response: str) -> str:
    """The caption in a response: its caption section, else its answer, else what is outside of sections."""
    sections = split_sections(response)
    if not sections.structured:
        return response
    return sections.caption or sections.answer or sections.outside


def judge_caption(sample: Sample, response: Response, strict: Read, read_officially: Read | None = None) -> Verdict:
    """Both verdicts on a caption; pure, and never raises on any text.

    Args:
        sample: whose target lists what is there.
        response: what the model gave.
        strict: what it names, as it is meant; see `by_vocabulary`.
        read_officially: the published evaluator, if there is one.
    """
    if response.error is not None:
        return Verdict(sample_id=sample.id, answer=None, status="error")
    caption = description(response.text)
    text = cut_turns(caption)
    read = strict(sample, text) or Counted((), Named(0, 0, 0, 0, len(objects_there(sample))))
    official = read_officially(sample, caption) if read_officially is not None else None
    reason = None
    if not read.objects:
        reason = why_empty(response) if not text.strip() else REFUSED if refuses(text) else NAMES_NONE
    return Verdict(
        sample_id=sample.id,
        answer=join_objects(read.objects) or None,
        status="unanswered" if not read.objects else "incorrect" if read.named.invented else "correct",
        rule="objects",
        official=None if official is None else not official.named.invented,
        reason=reason,
        scores={
            "words": float(len(text.split())),
            **_scores("", read),
            **(_scores(OFFICIAL, official) if official is not None else {}),
        },
    )


def _scores(prefix: str, read: Counted) -> dict[str, float]:
    return {f"{prefix}{name}": float(value) for name, value in {**read.named._asdict(), **read.more}.items()}


def counted_wrong(sample: Sample) -> dict[str, float]:
    """What is counted, in both readings, of a caption that names one thing, which is not there."""
    read = Counted((), Named(1, 1, 1, 0, len(objects_there(sample))))
    return _scores("", read) | _scores(OFFICIAL, read)


def caption_units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each caption is a unit, its subset its part; one that a judge failed on may name all that is there."""
    for record in records:
        there = len(objects_there(record.sample))
        if_right = _scores("", Counted((), Named(there, 0, there, there, there)))
        yield scored_unit(record, stratum=(record.sample.subset or "",), if_right=if_right)


def has(name: str) -> Weight:
    """Whether a score is not 0."""

    def weight(outcome: Outcome) -> int:
        return bool(score_of(name)(outcome))

    return weight


def _named_or_there(outcome: Outcome) -> float:
    return score_of("named")(outcome) + score_of("there")(outcome)


def _twice_found(outcome: Outcome) -> float:
    return 2 * score_of("found")(outcome)


_STRICT: Final[Mapping[str, tuple[Weight, Weight]]] = {
    "f1": (_twice_found, _named_or_there),
    "chair_s": (has("invented"), has("mentions")),
    "chair_i": (score_of("invented"), score_of("mentions")),
    "recall": (score_of("found"), score_of("there")),
    "words": (score_of("words"), one),
}
_OFFICIAL: Final[Mapping[str, tuple[Weight, Weight]]] = {
    "chair_s": (has(f"{OFFICIAL}invented"), has_score(f"{OFFICIAL}mentions")),
    "chair_i": (score_of(f"{OFFICIAL}invented"), score_of(f"{OFFICIAL}mentions")),
    "recall": (score_of(f"{OFFICIAL}found"), score_of(f"{OFFICIAL}there")),
}
_BETTER: Final[Mapping[str, Literal[-1, 0]]] = {"chair_s": -1, "chair_i": -1, "words": 0}


_ALL: Final[Mapping[str, Sequence[Part]]] = {"all": [everywhere]}


def metrics(strata: Collection[tuple[str, ...]], parts: Mapping[str, Sequence[Part]] = _ALL) -> list[MetricSpec]:
    """The figures over all captions, or of parts; official ones where the benchmark has a published evaluator."""
    return [
        replace(spec, better=_BETTER.get(name, 1), high=inf if name == "words" else 1.0)
        for spec in figures(parts, _STRICT, _OFFICIAL)
        for name in [spec.name.rpartition("/")[2]]
    ]
