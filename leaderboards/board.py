"""What a board is made of: groups of rows that may be compared, their cells, deltas, curves and reported rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.core.types import BenchmarkFacts, Metric, RunRecord, TaskResult
from harness.diagnostics.figures import Figure
from harness.statistics.differences import Difference
from leaderboards.likeness import Likeness
from leaderboards.naming import Step
from leaderboards.outcomes import Outcomes
from leaderboards.pooling import pool_metrics
from leaderboards.protocols import Protocol
from leaderboards.reference import ReportedRow
from leaderboards.runs import StoredRun
from leaderboards.terms import order_causes

_MAIN_COLUMNS: Final = 4
_THIN: Final = 0.05
"""The most samples without a response, as a share, where a headline has no interval to hold them against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A row's result on one task: of its checkpoint's latest run under the group's protocol, or the mean over seeds.

    Attributes:
        run: the run; of several seeds, the latest.
        result: figures and counts.
        delta: from the baseline's, on the same questions.
        seeds: runs by training seed, where they are several.
        spread: standard deviation of the headline over them.
    """

    run: StoredRun
    result: TaskResult
    delta: Difference | None = None
    seeds: Mapping[int | None, StoredRun] = field(default_factory=dict)
    spread: float | None = None

    @property
    def runs(self) -> Mapping[int | None, StoredRun]:
        """The runs that it rests on, by training seed."""
        return self.seeds or {None: self.run}

    @property
    def attribution(self) -> Mapping[str, int] | None:
        """How many wrong answers went wrong where; `None` where a run does not tell."""
        task, counts = self.result.task, dict[str, int]()
        for run in self.runs.values():
            if run.diagnostics is None or task not in run.diagnostics.attribution:
                return None
            for cause, count in run.diagnostics.attribution[task].items():
                counts[cause] = counts.get(cause, 0) + count
        return counts

    @property
    def metric(self) -> Metric:
        """The headline."""
        return self.result.metrics[self.result.headline]

    @property
    def official(self) -> float | None:
        """What the published evaluator gives for the headline."""
        return self.result.official.get(self.result.headline)

    @property
    def is_thin(self) -> bool:
        """Whether the samples without a response could move the headline further than its interval reaches.

        They are as large a share of the benchmark's scale as of its samples at most. Where the headline has no
        interval, or its scale no end, whether they are more than a plain share (`_THIN`).
        """
        result, metric = self.result, self.metric
        if not result.errors:
            return False
        mean = (result.means or {}).get(result.headline)
        most = 1.0 if mean is None else mean.high
        if most is None or metric.low is None or metric.high is None:
            return result.errors > _THIN * result.samples
        return most * result.errors / result.samples > (metric.high - metric.low) / 2

    @property
    def score(self) -> float | None:
        """The headline by which rows are ordered: turned where a lower value is better, `None` where it is thin."""
        mean = (self.result.means or {}).get(self.result.headline)
        value = None if self.is_thin else self.metric.value
        return -value if value is not None and mean is not None and mean.better == -1 else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A training or a checkpoint within a group.

    Attributes:
        key: what identifies it.
        label: what it is called; unlike all other labels of the board.
        fingerprint: first digits of its weights; `None` where it has none.
        step: where it stands in a training run; `None` where its name does not tell.
        cells: results by task.
        other_names: further names that its runs were given.
        decoding: how its tokens were chosen, see `leaderboards.naming.unusual_decoding`; empty where that is usual.
        is_baseline: whether the others are compared with it.
        members: rows of all checkpoints and seeds that it stands for; empty where it is one checkpoint's.
    """

    key: str
    label: str
    fingerprint: str | None
    step: Step | None
    cells: Mapping[str, Cell]
    other_names: Sequence[str] = ()
    decoding: str = ""
    is_baseline: bool = False
    members: Sequence[Row] = ()

    @property
    def seeds(self) -> list[int | None]:
        """Training seeds, where it stands for several."""
        return list(dict.fromkeys(seed for cell in self.cells.values() for seed in cell.seeds))

    @property
    def runs(self) -> list[StoredRun]:
        """Its runs, each once, the latest first."""
        runs = {run.folder: run for cell in self.cells.values() for run in cell.runs.values()}
        return sorted(runs.values(), key=lambda run: run.age, reverse=True)

    @property
    def latest(self) -> RunRecord:
        """Record of its latest run."""
        return self.runs[0].record

    @property
    def diagnostics(self) -> dict[str, Figure]:
        """Diagnostic figures that have a value in every seed; of one name, the mean over each seed's latest run."""
        seeds = {run.folder: seed for cell in self.cells.values() for seed, run in cell.runs.items()}
        found: dict[int | None, dict[str, Figure]] = {seed: {} for seed in seeds.values()}
        for run in self.runs:
            for name, figure in (run.diagnostics.figures if run.diagnostics else {}).items():
                if figure.metric.value is not None:
                    found[seeds[run.folder]].setdefault(name, figure)
        return {
            name: replace(figure, metric=pool_metrics([of[name].metric for of in found.values()]))
            for name, figure in found[seeds[self.runs[0].folder]].items()
            if all(name in of for of in found.values())
        }

    @property
    def attributed(self) -> dict[str, Mapping[str, int]]:
        """Tasks of which is known where wrong answers went wrong, with the counts."""
        return {task: counts for task, cell in self.cells.items() if (counts := cell.attribution) is not None}

    def attribution(self, tasks: Sequence[str]) -> dict[str, float]:
        """Wrong answers by cause, as a share of all answers to some tasks; empty where one of them is not known.

        A sample without a response is no answer.
        """
        known = self.attributed
        if not tasks or any(task not in known for task in tasks):
            return {}
        results = [self.cells[task].result for task in tasks]
        answers = sum(result.samples - result.errors for result in results)
        counts: dict[str, int] = {}
        for task in tasks:
            for cause, count in known[task].items():
                counts[cause] = counts.get(cause, 0) + count
        return {cause: counts[cause] / answers for cause in order_causes(counts)} if answers else {}

    def score(self, tasks: Sequence[str]) -> float | None:
        """Mean headline over some tasks, higher being better; `None` where one is missing or thin."""
        values = [self.cells[task].score for task in tasks if task in self.cells]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(tasks) else None

    def share(self, counted: str, tasks: Sequence[str]) -> float | None:
        """`unanswered`, `unsettled` or `errors` among all samples of some tasks; `None` without samples."""
        results = [self.cells[task].result for task in tasks if task in self.cells]
        samples = sum(result.samples for result in results)
        return sum(getattr(result, counted) for result in results) / samples if samples else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One task of a group.

    Attributes:
        task: its name.
        protocol: under which all cells of the column were had.
        facts: what is known of the benchmark.
        scale: what values are multiplied by for showing: 100 for shares.
    """

    task: str
    protocol: Protocol
    facts: BenchmarkFacts
    scale: float = 100.0

    @property
    def title(self) -> str:
        """The task as its authors write it."""
        return self.facts.title

    @property
    def measure(self) -> str:
        """The headline in words, and that it is not shown in percent where it is no share."""
        words = self.facts.headline_title or self.protocol.headline.replace("_", " ").replace("/", ", ")
        return words if self.scale == 100 else f"{words} (not in percent)"


def judged_again(columns: Sequence[Column], tasks: Collection[str]) -> dict[str, str]:
    """Columns that judge the answers to another of some tasks a second time, with that task."""
    return {of.task: of.facts.asks_as for of in columns if of.facts.asks_as is not None and of.facts.asks_as in tasks}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Something that changed between the baseline and another row, beyond chance.

    Attributes:
        what: which answers there are more or fewer of.
        difference: of their share.
        example: task and id of a sample that shows it; `None` where no single one does.
    """

    what: str
    difference: Difference
    example: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why the best row beside the baseline differs from it.

    Attributes:
        row: its label.
        family: how many changes were looked at, which are tested together, apart from the headlines.
        found: those beyond chance, the surest first, three at most.
    """

    row: str
    family: int
    found: Sequence[Reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that may be compared.

    Attributes:
        title: what they have in common.
        reason: why they are kept apart from the first group; `None` for the first.
        limit: the `--limit` that left questions out, below 1 a share of them; `None`: none were left out.
        columns: tasks, in the order in which they are shown.
        rows: checkpoints, the one that hallucinates least first.
        ordered_by: tasks whose mean headline orders the rows.
        baseline: label of the baseline; `None` where it has no run in this group, or none was named.
        tests: how many differences are tested together.
        diagnostics: names of the diagnostic figures that its rows can be compared by.
        attributed: tasks whose wrong answers are attributed in every row that has diagnostics.
        reasons: why the best row beside the baseline differs from it; `None` where nothing could be looked at.
        outcomes: by task, what became of each sample in each row that a page can compare with others.
        curves: of its training runs.
    """

    title: str
    reason: str | None
    limit: float | None
    columns: Sequence[Column]
    rows: Sequence[Row]
    ordered_by: Sequence[str]
    baseline: str | None = None
    tests: int = 0
    diagnostics: Sequence[str] = ()
    attributed: Sequence[str] = ()
    reasons: Reasons | None = None
    outcomes: Mapping[str, Outcomes] = field(default_factory=dict, compare=False, repr=False)
    curves: Sequence[Curve] = ()

    @property
    def titles(self) -> dict[str, str]:
        """Tasks in the order in which they are shown, each as its authors write it."""
        return {column.task: column.title for column in self.columns}

    @property
    def main_columns(self) -> Sequence[Column]:
        """What fits into one look: the benchmarks about hallucination, or all where there is none, the first four."""
        about = [column for column in self.columns if column.facts.hallucination]
        return (about or self.columns)[:_MAIN_COLUMNS]

    @property
    def order_title(self) -> str:
        """The tasks that order the rows, in words."""
        return " and ".join(self.titles[task] for task in self.ordered_by)

    @property
    def causes(self) -> list[str]:
        """Where wrong answers of some row went wrong, in the order in which they are shown."""
        return order_causes({cause: 0 for row in self.rows for cause in row.attribution(self.attributed)})

    @property
    def has_unsettled(self) -> bool:
        """Whether a row has answers that no rule reads or settles."""
        return any(cell.result.unsettled for row in self.rows for cell in row.cells.values())

    @property
    def has_thin(self) -> bool:
        """Whether a row stands below others because of samples without a response."""
        cells = (row.cells[task] for row in self.rows for task in self.ordered_by if task in row.cells)
        return any(cell.is_thin for cell in cells)

    @property
    def base(self) -> Row | None:
        """The row that the others are compared with."""
        return next((row for row in self.rows if row.is_baseline), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One checkpoint on a curve."""

    step: int
    label: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One figure over the checkpoints of a training run.

    Attributes:
        run: short name of the training run.
        figure: task or diagnostic.
        measure: what is drawn, in words.
        scale: what values are multiplied by for showing.
        points: in the order of their steps.
        rises_from: step with the least hallucination, where it rises after it; `None` where it does not.
        rises_by: step from which on every later one is above that least by more than chance.
    """

    run: str
    figure: str
    measure: str
    scale: float
    points: Sequence[Point]
    rises_from: int | None = None
    rises_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything that is shown.

    Attributes:
        title: heading.
        groups: rows that may be compared, in the order in which they are shown.
        reported: rows from papers.
        likeness: of each of them, the table whose figures were had most like it, and in what they were not.
        notes: what a reader must know, e.g. a baseline that is missing in a group.
        problems: folders that were left out, and why.
    """

    title: str
    groups: Sequence[Group]
    reported: Sequence[ReportedRow] = ()
    likeness: Sequence[Likeness | None] = ()
    notes: Sequence[str] = ()
    problems: Sequence[str] = field(default=())

    @property
    def reported_titles(self) -> dict[str, str]:
        """Tasks for which papers report a figure, each as its authors write it: the measured ones first."""
        columns = [column for group in self.groups for column in group.columns if not column.facts.own_data]
        measured = {column.task: column.title for column in columns}
        told = {task: title for row in self.reported for task, title in row.titles.items()}
        found = {task for row in self.reported for task in row.values}
        ordered = [task for task in measured if task in found] + sorted(found - set(measured))
        return {task: measured.get(task) or told.get(task) or task for task in ordered}
