"""VideoHallucer: pairs of a basic and a hallucinated yes/no question (Wang et al., 2024).

Per subset, as the unweighted mean over the subsets that occur (`mean/...`), and pooled (`all/...`):

- basic, hallucinated: share of right answers to the basic, to the hallucinated questions;
- both: share of pairs of which both answers are right;
- yes_difference = ("yes" answers - gold "yes") / answers, over the questions that were answered: 0 for no bias,
  positive for a bias to "yes";
- false_positive_ratio = "yes" answers to questions whose gold answer is no / wrong answers, over the questions that
  were answered: 0.5 for no bias where gold answers are balanced.

The authors' repository has two further sets, which are in no table of theirs: `interaction` (a question and its
negation about what people mean: 124 pairs) and `fact_detect` (whether a summary of a course is factual; all its gold
answers are no). Where the data have them, they stand apart (`further/SET/...`), in no mean and in nothing pooled, with
basic, hallucinated and both; and of `fact_detect` with the mean of the first two, the script's `fact_score`.

The published bias script counts over complete pairs, and by a slip looks at the *basic* response where it means the
hallucinated one: its figures are reproduced as `official`, while the strict ones look at each response itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from harness.benchmarks.columns import find, require_index, require_text, require_yes_no
from harness.benchmarks.counting import Part, Together, in_stratum, is_officially_right, is_right, one, sample_unit
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response
from harness.core.errors import DataError
from harness.core.types import Sample, SampleRecord
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit

SUBSETS = ("object_relation", "temporal", "semantic_detail", "external_factual", "external_nonfactual")
FURTHER = ("interaction", "fact_detect")
PAIR = ("basic", "hallucination")
KINDS = {"basic": "basic", "hallucination": "hallucination", "hallucinated": "hallucination"}


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """One question of a pair to a sample.

    Raises:
        DataError: a column is missing, `kind` is neither basic nor hallucination, or the gold answer not yes or no.
    """
    subset = require_text(row, where, "subset")
    index = require_index(row, where, "index")
    kind = KINDS.get(require_text(row, where, "kind").lower())
    if kind is None:
        raise DataError(f"{where}: column 'kind' holds {row['kind']!r}, expected basic or hallucination.")
    video = find(row, "video")
    pair = f"{subset}/{index}"
    return Sample(
        id=f"{pair}/{kind}",
        task="videohallucer",
        subset=subset,
        question=require_text(row, where, "question"),
        target=require_yes_no(row, where, "answer"),
        answer_kind="yes_no",
        group=pair,
        cluster=video if isinstance(video, str) else pair,
        attributes={"kind": kind},
    )


def videohallucer_hit(text: str, gold: str) -> bool:
    """VideoHallucer's `cal_score`: a hit when the gold word stands anywhere in the text, case ignored.

    So `yes or no` is right everywhere.
    """
    return re.search(rf"\b{re.escape(gold)}\b", text, re.IGNORECASE) is not None


def _read_officially(sample: Sample, text: str) -> tuple[bool, str | None]:
    # The evaluator looks for the gold word only; which words it would find is kept for the bias figures.
    found = [word for word in ("yes", "no") if videohallucer_hit(text, word)]
    return sample.target in found, " ".join(found) or None


def units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question is a unit, and each complete pair; a pair's two videos, where they differ, are one cluster."""
    waiting: dict[str, SampleRecord] = {}
    for record in records:
        yield sample_unit(record, stratum=(record.sample.subset or "",), kind=_kind(record))
        pair = record.sample.group or record.sample.id
        other = waiting.pop(pair, None)
        if other is None:
            waiting[pair] = record
        else:
            basic = _kind(record) == "basic"
            yield _pair(pair, record if basic else other, other if basic else record)


def _kind(record: SampleRecord) -> str:
    return record.sample.attributes.get("kind", "")


def _cluster(record: SampleRecord) -> str:
    return record.sample.cluster or record.sample.group or record.sample.id


def _pair(key: str, basic: SampleRecord, hallucination: SampleRecord) -> Unit:
    clusters = (_cluster(basic), _cluster(hallucination))
    together = Together(stratum=(basic.sample.subset or "",), cluster=clusters[0])
    for record in (basic, hallucination):
        together.add(record.verdict, official=record.verdict.official)
    unit = together.unit("pair", key)
    # What the bias script looks at: "yes" among the words of the basic response, "no" among the other's.
    outcome = unit.outcome._replace(
        kind="basic yes" if "yes" in (basic.verdict.official_answer or "").split() else "basic not yes",
        official_answer="no" if "no" in (hallucination.verdict.official_answer or "").split() else "not no",
    )
    return unit._replace(outcome=outcome, linked=None if clusters[0] == clusters[1] else clusters[1])


def _of_kind(kind: str, outcome: Outcome) -> int:
    return outcome.kind == kind


def _right_of_kind(kind: str, outcome: Outcome) -> int:
    return outcome.kind == kind and outcome.right


def _hit_of_kind(kind: str, outcome: Outcome) -> int:
    return outcome.kind == kind and bool(outcome.official)


def _wrong(outcome: Outcome) -> int:
    return outcome.answer is not None and outcome.answer != outcome.target


def _script_yes(outcome: Outcome) -> int:
    """`n_yes` of the published script: basic responses with a yes, counted again where the other is not a no."""
    return (outcome.kind == "basic yes") * (1 + (outcome.official_answer != "no"))


def _script_wrong(outcome: Outcome) -> int:
    return (outcome.kind != "basic yes") + (outcome.official_answer != "no")


def _ratios(within: Part) -> dict[str, tuple[Ratio, Ratio]]:
    """Strict and official ratio of each figure within one part of the data."""

    def questions(kind: str) -> tuple[Ratio, Ratio]:
        bottom = partial(_of_kind, kind)
        return (
            Ratio(top=partial(_right_of_kind, kind), bottom=bottom, within=within),
            Ratio(top=partial(_hit_of_kind, kind), bottom=bottom, within=within),
        )

    def pairs(top: Callable[[Outcome], float], bottom: Callable[[Outcome], float]) -> Ratio:
        return Ratio(top=top, bottom=bottom, unit="pair", within=within)

    return {
        "basic": questions("basic"),
        "hallucinated": questions("hallucination"),
        "both": (pairs(is_right, one), pairs(is_officially_right, one)),
        "yes_difference": (
            Ratio(
                top=lambda outcome: (outcome.answer == "yes") - (outcome.target == "yes"),
                bottom=lambda outcome: outcome.answer is not None,
                within=within,
            ),
            pairs(lambda outcome: _script_yes(outcome) - 1, lambda outcome: 2),
        ),
        "false_positive_ratio": (
            Ratio(top=lambda outcome: _wrong(outcome) * (outcome.answer == "yes"), bottom=_wrong, within=within),
            pairs(
                lambda outcome: outcome.kind == "basic yes" and outcome.official_answer != "no",
                _script_wrong,
            ),
        ),
    }


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures per subset, their mean, and pooled; known subsets in the order of the paper, others after them.

    Those of the further sets follow, by themselves.
    """
    present = {stratum[0] for stratum in strata}
    subsets = [name for name in SUBSETS if name in present] + sorted(present - {*SUBSETS, *FURTHER})
    parts: dict[str, Sequence[Part]] = {part: [in_stratum(0, part)] for part in subsets}
    # Of further sets alone it is undefined, not missing: it is the headline.
    parts["mean"] = [in_stratum(0, subset) for subset in subsets] or [_is_published]
    parts["all"] = [_is_published]
    return _figures(parts) + [spec for name in FURTHER if name in present for spec in _of_further(name)]


def _is_published(outcome: Outcome) -> bool:
    return outcome.stratum[0] not in FURTHER


def _of_further(name: str) -> Iterator[MetricSpec]:
    """The accuracies of a further set; its bias has no published figure, since the script is about the five."""
    ratios = _ratios(in_stratum(0, name))
    for figure in ("basic", "hallucinated", "both"):
        strict, official = ratios[figure]
        yield MetricSpec(name=f"further/{name}/{figure}", strict=(strict,), official=(official,))
    if name == "fact_detect":
        strict_two, official_two = zip(ratios["basic"], ratios["hallucinated"], strict=True)
        yield MetricSpec(name=f"further/{name}/fact_score", strict=strict_two, official=official_two)


def _figures(parts: Mapping[str, Sequence[Part]]) -> list[MetricSpec]:
    """All figures of each part; the mean over its withins where it has several."""
    figures: list[MetricSpec] = []
    for part, withins in parts.items():
        ratios = [_ratios(within) for within in withins]
        for name in ratios[0]:
            bias = name in ("yes_difference", "false_positive_ratio")
            figures.append(
                MetricSpec(
                    name=f"{part}/{name}",
                    strict=tuple(ratio[name][0] for ratio in ratios),
                    official=tuple(ratio[name][1] for ratio in ratios),
                    low=-1.0 if name == "yes_difference" else 0.0,
                    better=0 if bias else 1,
                )
            )
    return figures


def questions(row: Mapping[str, Any], file: str, index: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The two questions of a pair, or a row that is one question; the subset is the name of its file."""
    if not all(kind in row for kind in PAIR):
        yield "", row
        return
    for kind in PAIR:
        side = row[kind]
        if not isinstance(side, Mapping):
            raise DataError(f"{kind!r} holds {type(side).__name__}, expected an object with a question")
        yield f".{kind}", {**side, "subset": row.get("subset", file), "index": row.get("index", index), "kind": kind}


BENCHMARK = Benchmark(
    name="videohallucer",
    title="VideoHallucer",
    description="pairs of a basic and a hallucinated question on videos: yes or no",
    citation="Wang et al., VideoHallucer: Evaluating Intrinsic and Extrinsic Hallucinations in Large Video-Language "
    "Models, 2024",
    version="1.0",
    media="video",
    answer_kinds=["yes_no"],
    source=HubSource(
        hub="ColorfulAI/VideoHallucer",
        split="test",
        rows=[" ".join(f"{subset}.json" for subset in subsets) for subsets in ((*SUBSETS, *FURTHER), SUBSETS)],
        columns=["video"],
        files=[f"*{subset}/videos/*" for subset in (*SUBSETS, *FURTHER)],
        # Of the five subsets; before October 2025 the one about time had 200 pairs instead of 176.
        editions={1952: ["sha256:7beaa3cfa4e32ec62749efdc57b65996757566cacc1c6a7c7766ccf69ac5db4e"], 2000: []},
        in_editions=lambda sample: sample.subset not in FURTHER,
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=_read_officially),
    units=units,
    metrics=metrics,
    headline="mean/both",
    headline_title="both of a pair right",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    telling={
        "mean/basic": "right about what is there",
        "mean/hallucinated": "right about what is not",
    },
    questions=questions,
)
