"""EventHallusion: what happens in a video, against what one would expect (Zhang et al., 2024).

Yes/no questions in three sets: `entire` (a common event, shown in a rare form: 114 questions, all with the answer no),
`interleave` (did anything unexpected happen: 193, all yes, one question for all) and `misleading` (what one would
expect, and does not happen: 102, all no). So a set rewards the bias to its own answer, and constant "No" gets 100 % of
two of them, 0 % of the third, and 52.8 % of all. The figures:

- accuracy of each set, and pooled (`all/accuracy`, the published overall);
- all/balanced_accuracy: mean of the accuracies where the gold answer is yes and where it is no: 50 % for a constant;
- all/yes_ratio = "yes" answers / answers, see `harness.benchmarks.yes_no`.

The published evaluator takes a response that begins with the letters `yes` or `no`, case ignored, for these ("Nothing"
and "Not sure" are no), and any other for wrong. The descriptions that it also asks for, judged by GPT-4o, are left out.

Questions are files of the authors' repository, which has no licence; the videos are an archive. The user fetches them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

from harness.benchmarks.columns import require_index, require_text, require_yes_no
from harness.benchmarks.counting import subset_units
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response, officially
from harness.benchmarks.yes_no import balanced_accuracy, confusion, figures, parts_of, read_officially, read_strictly
from harness.core.errors import DataError
from harness.core.types import Sample
from harness.statistics.specs import MetricSpec

SUBSETS: Final = ("entire", "interleave", "misleading")
_FILE: Final = "_questions"
_REPOSITORY: Final = "https://github.com/Stevetich/EventHallusion"
_COMMIT: Final = "7396e04"


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A question about a video to a sample.

    Raises:
        DataError: a column is missing, or the gold answer is not yes or no.
    """
    video = require_text(row, where, "id")
    return Sample(
        id=f"{video}/{require_index(row, where, 'index')}",
        task="eventhallusion",
        subset=require_text(row, where, "subset"),
        question=require_text(row, where, "question"),
        target=require_yes_no(row, where, "answer"),
        answer_kind="yes_no",
        cluster=video,
        attributes={"category": require_text(row, where, "category")},
    )


def questions(row: Mapping[str, Any], file: str, index: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The questions about a video, whose set is the name of its file; or a row that is one question."""
    if "question" in row:
        yield "", row
        return
    asked = row.get("questions") or []  # A video may have none.
    if not isinstance(asked, Sequence) or not all(isinstance(question, Mapping) for question in asked):
        raise DataError("column 'questions' holds something else than a list of questions")
    subset = file.removesuffix(_FILE)
    for number, question in enumerate(asked):
        own = {"id": row.get("id"), "category": row.get("category"), "subset": subset, "index": number}
        yield f".questions[{number}]", {**question, **own, "video": f"{subset}/{row.get('id')}.mp4"}


def read_beginning(text: str) -> Literal["yes", "no"] | None:
    """EventHallusion's `extract_pred`: whether the text begins with these letters, case ignored."""
    lowered = text.lower()
    return "yes" if lowered.startswith("yes") else "no" if lowered.startswith("no") else None


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """Accuracy of each set that occurs, known ones in the order of the paper; and the figures over all."""
    parts = parts_of(SUBSETS, {stratum[0] for stratum in strata})
    del parts["mean"]  # Two of the three sets reward the same constant answer.
    weights = [confusion(read) for read in (read_strictly, read_officially)]
    accuracy, share = ([{name: of[name]} for of in weights] for name in ("accuracy", "yes_ratio"))
    return [
        *figures(parts, *accuracy),
        balanced_accuracy("all/balanced_accuracy", read_strictly, read_officially),
        *figures({"all": parts["all"]}, *share),
    ]


BENCHMARK = Benchmark(
    name="eventhallusion",
    title="EventHallusion",
    description="events in videos that are not what one would expect: yes or no",
    citation="Zhang et al., EventHallusion: Diagnosing Event Hallucinations in Video LLMs, 2024",
    version="1.0",
    media="video",
    answer_kinds=["yes_no"],
    source=HubSource(
        hub=None,
        split="questions",
        rows=[" ".join(f"{subset}{_FILE}.json" for subset in SUBSETS)],
        columns=["video"],
        editions={409: []},
        elsewhere=f"Fetch it with 'git clone {_REPOSITORY} DIR && git -C DIR checkout {_COMMIT}', and unpack the "
        "videos that its README links to into DIR/videos, a folder for each of its three sets.",
    ),
    read_row=read_row,
    judge=partial(judge_response, read_officially=officially(read_beginning)),
    units=subset_units,
    metrics=metrics,
    headline="all/balanced_accuracy",
    headline_title="balanced accuracy",
    baselines={"always yes": "yes", "always no": "no"},
    hallucination=True,
    clusters_share_media=True,
    telling={
        "misleading/accuracy": "right about what one would expect and does not happen",
        "interleave/accuracy": "right about the unexpected",
        "all/yes_ratio": "yes among EventHallusion answers",
    },
    questions=questions,
)
