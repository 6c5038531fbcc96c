"""What a benchmark is: one record, which `benchmark.py` in its folder `tasks/NAME` makes.

Everything that the harness knows of a benchmark stands in its record; what is needed where only stored runs are read,
as on leaderboards, is stored with each run (`BenchmarkFacts`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.core.types import AnswerKind, BenchmarkFacts, MediaKind, Response, Sample, SampleRecord, Verdict
from harness.judges.prompts import Rubric
from harness.statistics.specs import MetricSpec, Unit

Row = Mapping[str, Any]
"""A row of a data set, with the hub's field names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """Where the rows of a benchmark are on the hub, or elsewhere.

    Attributes:
        hub: id of the data set; `None`: its authors have not put it there.
        revision: branch, tag or commit of it.
        config: name of its configuration; `None` where it has one only.
        split: the split that is evaluated.
        rows: patterns of the files that hold the rows, best first; the first that matches anything counts. Within a
            pattern, alternatives that are needed together are separated by spaces.
        columns: names that the media column may have.
        files: patterns of the media files that are fetched with the rows.
        elsewhere: how its data are had where the hub has them not, as a sentence.
        table: file of rows on this machine, with its media beside it; `None`: there is none.
        editions: of the published data, questions of each edition to digests of their words (see
            `harness.benchmarks.digests.digest_words`), none where these are not known; without any edition, all data
            count as the published ones.
        in_editions: which questions the editions are of.
    """

    hub: str | None
    split: str
    columns: Sequence[str]
    revision: str = "main"
    config: str | None = None
    rows: Sequence[str] = ()
    files: Sequence[str] = ()
    elsewhere: str = ""
    table: Path | None = None
    editions: Mapping[int, Collection[str]] = field(default_factory=dict)
    in_editions: Callable[[Sample], bool] = lambda sample: True

    @property
    def how_to_get(self) -> str:
        """How a user gets a copy of the data, as a sentence."""
        return self.elsewhere or f"Fetch it with 'hf download --repo-type dataset {self.hub} --local-dir DIR'."


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFiles:
    """Labels of a data set's questions that stand apart from its rows: corrections by others, or gold answers.

    They are no part of the harness. The user fetches them, into the data set's folder or the harness's cache.

    Attributes:
        repository: address of the Git repository that has them.
        commit: of it.
        files: their paths in it: JSON, or JSON lines.
        licence: what the repository says of their use.
        read: a row of a file, the stem of its name and the text for errors to a sample of the questions' id with the
            label as its target, or `None` where the row is about no question.
        apply: a question and its label, `None` where it has none, to the question as it is asked; `None`: it is not.
        needed_by: whether a question cannot be asked without these files.
    """

    repository: str
    commit: str
    files: Sequence[str]
    licence: str
    read: Callable[[Row, str, str], Sample | None]
    apply: Callable[[Sample, Sample | None], Sample | None]
    needed_by: Callable[[Sample], bool]

    @property
    def name(self) -> str:
        """Name of the repository."""
        return self.repository.rstrip("/").rsplit("/", 1)[-1]


def one_question(row: Row, file: str, index: int) -> Iterator[tuple[str, Row]]:
    """A row that is one question."""
    yield "", row


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """All that asking and scoring one benchmark takes.

    Attributes:
        name: plain task name; the name of its folder.
        title: its name as its authors write it.
        description: one line.
        citation: where it was published.
        version: of its questions and prompts; runs of different versions are not mixed.
        media: what its questions are about.
        answer_kinds: kinds of answers that its questions ask for.
        source: where its rows are.
        read_row: a row with the hub's field names to a sample; the text goes into its `DataError`s.
        judge: a response to its two verdicts. Pure, and never raises on any text.
        units: judged samples to counted units, streaming; pairs and groups follow as they complete.
        metrics: the figures, given the strata that occur.
        headline: name of the metric that stands for the benchmark.
        headline_title: what it is, in words.
        hallucination: whether wrong answers are hallucinations: leaderboards are ordered by such benchmarks.
        clusters_share_media: whether samples of one cluster show the same media.
        telling: further metrics that explain a difference of the headline, in the order in which they are told, each
            in words: metric name to words.
        baselines: constant responses that need no model, by what they do: `{"always yes": "yes"}`; their headlines are
            what a score has to be held against.
        questions: a row of a table to the questions that it holds, each with a suffix for error messages; takes the
            row, the stem of its file's name and its number there.
        response_tokens: token budget of a response at which the figures are defined, whatever `--max-new-tokens` says;
            `None`: any will do.
        rubric: what the answer judge is asked about its responses; `None`: what it is asked about all others.
        shows: whether a question is asked about its medium; others are asked as text alone.
        labels: files of labels that stand apart from its rows; `None`: there are none.
        asks_as: name of the benchmark whose questions it asks, if it judges another's; runs of that are rescored by it.
        with_rows: the record with what only the rows of its table tell, given them and how an error names one by its
            number; `None`: it is whole.
        own_data: whether its rows are others than those that were published under its name.
    """

    name: str
    title: str
    description: str
    citation: str
    version: str
    media: MediaKind
    answer_kinds: Collection[AnswerKind]
    source: HubSource
    read_row: Callable[[Row, str], Sample]
    judge: Callable[[Sample, Response], Verdict]
    units: Callable[[Iterable[SampleRecord]], Iterator[Unit]]
    metrics: Callable[[Collection[tuple[str, ...]]], Sequence[MetricSpec]]
    headline: str
    headline_title: str
    hallucination: bool = False
    clusters_share_media: bool = False
    telling: Mapping[str, str] = field(default_factory=dict)
    baselines: Mapping[str, str] = field(default_factory=dict)
    questions: Callable[[Row, str, int], Iterable[tuple[str, Row]]] = one_question
    shows: Callable[[Sample], bool] = lambda sample: True
    response_tokens: int | None = None
    rubric: Rubric | None = None
    labels: LabelFiles | None = None
    asks_as: str | None = None
    with_rows: Callable[[Benchmark, Sequence[Row], Callable[[int], str]], Benchmark] | None = None
    own_data: bool = False

    @property
    def facts(self) -> BenchmarkFacts:
        """What a run stores of it."""
        return BenchmarkFacts(
            title=self.title,
            headline_title=self.headline_title,
            citation=self.citation,
            media=self.media,
            has_open_answers="open" in self.answer_kinds,
            hallucination=self.hallucination,
            clusters_share_media=self.clusters_share_media,
            telling=self.telling,
            asks_as=self.asks_as,
            own_data=self.own_data,
        )


def questions_of(benchmark: Benchmark, row: Row, file: str, index: int, where: str) -> list[tuple[str, Row]]:
    """The questions that a row holds, each with its place.

    Args:
        benchmark: whose row it is.
        row: see `Benchmark.questions`.
        file: stem of the name of its file; empty: of rows in memory.
        index: number of the row in the file.
        where: its place, for errors.

    Raises:
        DataError: it is malformed.
    """
    try:
        return [(where + suffix, question) for suffix, question in benchmark.questions(row, file, index)]
    except DataError as error:
        raise DataError(f"{where}: {error}.") from error
