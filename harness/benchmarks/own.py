"""Benchmarks of a user's own: a table of questions with its images or videos beside it is one.

A row is a question. Its columns, in any order, of a CSV or TSV file with a header or of JSON lines:

    image or video   file of the medium, relative to the table
    question         without options and without instructions
    answer           yes or no; the letter of an option, also in brackets, or its text, if that is not another's letter;
                     the answer's words; or of a caption what is there, separated by semicolons
    A, B, C, ...     texts of the options of a multiple-choice question (JSON lines: also `choices`, a list or an
                     object by letter)
    id               of the question, once in the table (default: its number, from 1)
    kind             yes_no, choice or open, where a table mixes them or its rows do not tell; or caption, of all rows
    subset           part of the table that has figures of its own, named otherwise than all, mean and the kinds
    group            questions that are not independent of each other (default: those about one image or video)

Names of columns are read without regard to case. Other columns are ignored.

Such a benchmark has accuracy over all and by subset, and where all its questions are yes/no what
`harness.benchmarks.yes_no` figures besides; captions have those of `harness.benchmarks.captions`, over the objects that
the table names. All of it follows from stored samples, so that runs are compared without the table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from posixpath import normpath
from string import ascii_uppercase
from typing import Final

from harness.answers.objects import Vocabulary, with_own_names
from harness.benchmarks import captions
from harness.benchmarks.captions import by_vocabulary, join_objects, judge_caption
from harness.benchmarks.columns import (
    find,
    is_yes_no,
    options_of,
    require,
    require_letter,
    require_text,
    require_yes_no,
    tidy,
)
from harness.benchmarks.counting import in_stratum, is_officially_right, is_right, one, sample_unit, scored_unit
from harness.benchmarks.record import Benchmark, HubSource, Row
from harness.benchmarks.verdicts import judge_response, no_official_reading, officially
from harness.benchmarks.yes_no import confusion, figures, parts_of, read_officially, read_strictly
from harness.core.errors import DataError, UsageError
from harness.core.types import AnswerKind, MediaKind, Response, Sample, SampleRecord, Verdict
from harness.statistics.specs import MetricSpec, Unit, everywhere

TABLES: Final = (".csv", ".tsv", ".jsonl")
"""What the names of tables end with, by which `--tasks` tells them from names of tasks."""
_OTHER_FILES: Final = (".parquet", ".arrow", ".json", ".xlsx", ".xls", ".ods")
KINDS: Final[tuple[AnswerKind, ...]] = ("yes_no", "choice", "open", "caption")
Evaluator = Callable[[str], str | None]
"""A response to what a published evaluator reads in it."""
_HEADLINES: Final = ("all/accuracy", "accuracy")
_OF_CAPTIONS: Final = ("all/f1", "F1 of the objects named")
_MEDIA: Final[tuple[MediaKind, ...]] = ("image", "video")
_TAKEN: Final = ("all", "mean", *KINDS)
"""Names of parts that figures are taken of besides subsets."""
_CONSTANT: Final[Mapping[AnswerKind, Mapping[str, str]]] = {
    "yes_no": {"always yes": "yes", "always no": "no"},
    "choice": {"always A": "A"},
}


def is_table(name: str) -> bool:
    """Whether the name of a task is that of a table."""
    return PurePath(name).suffix.lower() in TABLES


def refuse_other_files(names: Iterable[str]) -> None:
    """Refuse the name of a file that is no table where those of tasks are given, before it is looked for among them.

    Raises:
        UsageError: names the file.
    """
    if others := [name for name in names if PurePath(name).suffix.lower() in _OTHER_FILES]:
        raise UsageError(f"{others[0]} is no table: tables are .csv, .tsv or .jsonl files. Save it as one of these.")


def own_benchmark(
    table: Path,
    *,
    name: str | None = None,
    title: str | None = None,
    description: str = "",
    citation: str = "",
    version: str = "1",
    kind: AnswerKind | None = None,
    hallucination: bool = False,
    evaluator: Evaluator | None = None,
    objects: Mapping[str, Sequence[str]] | None = None,
) -> Benchmark:
    """A table as a benchmark. Nothing is read before its samples are asked for.

    Args:
        table: the file; its images and videos are in its folder.
        name: of the benchmark, where its `benchmark.py` makes it the name of a folder; `None`: the table's file name.
        title: as boards show it; `None`: its name.
        description: one line.
        citation: where it was published.
        version: of questions and labels; runs of different versions are not mixed.
        kind: of its questions; `None`: as the rows say.
        hallucination: whether wrong answers are hallucinations: leaderboards are ordered by such benchmarks.
        evaluator: a published evaluator's reading of a response: `yes`/`no` or a letter, `None` where it reads none.
            Its verdict stands beside the strict one; `None`: there is no other verdict.
        objects: of captions, further objects that count where they are named and not there, and other words for those
            that the table names: name to words. `None`: those of the table count, by their names.
    """
    name = name or table.name
    headline, headline_title = _OF_CAPTIONS if kind == "caption" else _HEADLINES
    return Benchmark(
        name=name,
        title=title or name,
        description=description or f"the questions of {table.name}",
        citation=citation,
        version=version,
        media="image",
        answer_kinds=[kind] if kind is not None else KINDS,
        source=HubSource(
            hub=None,
            split="",
            columns=_MEDIA,
            table=table,
            elsewhere=f"They are in the table {table.name}, with the images or videos beside it.",
        ),
        read_row=partial(_read_row, name, kind, None, _vocabulary((), objects or {})),
        judge=_judge(evaluator, _vocabulary((), objects or {})),
        units=_units,
        metrics=partial(_metrics, evaluator is not None),
        headline=headline,
        headline_title=headline_title,
        hallucination=hallucination,
        clusters_share_media=True,
        baselines=_baselines([kind] if kind is not None else ()),
        questions=_clean,
        with_rows=partial(_with_rows, evaluator, objects or {}),
    )


def _judge(evaluator: Evaluator | None, vocabulary: Vocabulary) -> Callable[[Sample, Response], Verdict]:
    """Both verdicts on a response, by the kind of its question."""
    official = no_official_reading if evaluator is None else officially(evaluator)
    named = by_vocabulary(vocabulary)

    def judge(sample: Sample, response: Response) -> Verdict:
        if sample.answer_kind == "caption":
            return judge_caption(sample, response, named)
        return judge_response(sample, response, official)

    return judge


def _vocabulary(rows: Iterable[Row], objects: Mapping[str, Sequence[str]]) -> Vocabulary:
    """The objects that count in captions: those that are told, and all that rows name."""
    return with_own_names((name for row in rows for name in _listed(row)), objects)


def _listed(row: Row) -> list[str]:
    """The objects that a row says are there."""
    answer = find(row, "answer")
    listed = answer if isinstance(answer, list) else str("" if answer is None else answer).split(";")
    return [name for name in map(str, listed) if name.strip()]


def _baselines(kinds: Collection[AnswerKind]) -> dict[str, str]:
    return {name: text for kind in kinds for name, text in _CONSTANT.get(kind, {}).items()}


def _with_rows(
    evaluator: Evaluator | None,
    objects: Mapping[str, Sequence[str]],
    benchmark: Benchmark,
    raw: Sequence[Row],
    where: Callable[[int], str],
) -> Benchmark:
    """A benchmark of one's own with what only its rows tell: images or videos, kinds of questions, clusters, objects.

    Raises:
        DataError: there are no rows, a kind is none, captions are mixed with questions, or there is no column or two
            columns of media.
    """
    rows = [tidy(row, where(index)) for index, row in enumerate(raw)]
    table = benchmark.name
    if not rows:
        raise DataError(f"{table} has no rows. A row is a question; a CSV file has a header above them.")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    media = [kind for kind in _MEDIA if kind in columns]
    if len(media) != 1:
        what = "columns 'image' and 'video': a table has one of them" if media else "no column 'image' or 'video'"
        raise DataError(f"{table} has {what}. Columns found: {', '.join(columns) or 'none'}.")
    fixed = next(iter(benchmark.answer_kinds)) if len(benchmark.answer_kinds) == 1 else None
    usual = _usual_kind(rows, where)
    found = {_kind_of(row, fixed, usual, where(index)) for index, row in enumerate(rows)}
    kinds = [kind for kind in KINDS if kind in found]
    headline, headline_title = _HEADLINES
    if "caption" in kinds:
        if len(kinds) > 1:
            raise DataError(
                f"{table} has captions and questions: they have no figure in common. Make two tables of it."
            )
        headline, headline_title = _OF_CAPTIONS
    vocabulary = _vocabulary(rows if "caption" in kinds else (), objects)
    return replace(
        benchmark,
        media=media[0],
        answer_kinds=kinds,
        source=replace(benchmark.source, columns=media),
        read_row=partial(_read_row, benchmark.name, fixed, usual, vocabulary),
        judge=_judge(evaluator, vocabulary),
        headline=headline,
        headline_title=headline_title,
        clusters_share_media="group" not in columns,
        baselines=_baselines(kinds),
    )


def _usual_kind(rows: Sequence[Row], where: Callable[[int], str]) -> AnswerKind:
    """What rows without options ask for: yes or no if most are answered so, and then the others are mistakes."""
    plain = [row for index, row in enumerate(rows) if not options_of(row, where(index))]
    return "yes_no" if 2 * sum(is_yes_no(find(row, "answer")) for row in plain) > len(plain) else "open"


def _clean(row: Row, file: str, index: int) -> Iterator[tuple[str, Row]]:
    """A row with tidy names of columns, and its number for an id where it has none."""
    cleaned = tidy(row, f"row {index + 1}")
    if find(cleaned, "id") is None:
        cleaned["id"] = index + 1
    yield "", cleaned


def _kind_of(row: Row, fixed: AnswerKind | None, usual: AnswerKind, where: str) -> AnswerKind:
    """What a row asks for: as its column `kind` says, else its benchmark, else its options, else the other rows."""
    given = find(row, "kind")
    if given is None:
        return fixed or ("choice" if options_of(row, where) else usual)
    kind = next((kind for kind in KINDS if kind == str(given).strip().lower()), None)
    if kind is None:
        raise DataError(f"{where}: column 'kind' holds {given!r}, expected one of {', '.join(KINDS)}.")
    return kind


def _read_row(
    name: str, fixed: AnswerKind | None, usual: AnswerKind | None, vocabulary: Vocabulary, row: Row, where: str
) -> Sample:
    """A row to a sample.

    Raises:
        DataError: a column is missing, or an answer is none of its kind; names the row and the column.
    """
    row = tidy(row, where)
    kind = _kind_of(row, fixed, usual or _usual_kind([row], lambda _: where), where)
    choices = options_of(row, where) if kind == "choice" else None
    medium = next((column for column in _MEDIA if column in row), "image")
    subset, group = find(row, "subset"), find(row, "group")
    if subset is not None and str(subset).strip() in _TAKEN:
        raise DataError(
            f"{where}: column 'subset' holds {str(subset).strip()!r}, the name of other figures. Use none of "
            f"{', '.join(_TAKEN)}."
        )
    return Sample(
        id=require_text(row, where, "id"),
        task=name,
        subset=None if subset is None else str(subset).strip(),
        question=require_text(row, where, "question"),
        target=_target(row, where, kind, choices, vocabulary),
        answer_kind=kind,
        choices=choices,
        cluster=normpath(require_text(row, where, medium)) if group is None else f"group {group}",
    )


def _target(row: Row, where: str, kind: AnswerKind, choices: Mapping[str, str] | None, vocabulary: Vocabulary) -> str:
    if kind == "yes_no":
        return require_yes_no(row, where, "answer")
    if kind == "caption":
        require(row, where, "answer")
        return join_objects(map(vocabulary.name, _listed(row)))
    answer = require_text(row, where, "answer")
    if choices is None:
        return answer
    if list(choices) != list(ascii_uppercase[: len(choices)]) or len(choices) < 2:
        raise DataError(
            f"{where}: columns A, B, ... hold {len(choices)} options ({', '.join(choices) or 'none'}); at least A and "
            "B are needed, without a gap."
        )
    letter = (answer[1:-1] if answer.startswith("(") and answer.endswith(")") else answer).upper()
    named = [letter for letter, text in choices.items() if text.lower() == answer.lower()]
    if named and letter in choices and letter not in named:
        raise DataError(
            f"{where}: column 'answer' holds {answer!r}, a letter, which is also the text of option {named[0]}. Write "
            f"({letter}) for the letter, or ({named[0]}) for the text."
        )
    if letter in choices:
        return letter
    if len(named) > 1:
        raise DataError(
            f"{where}: column 'answer' holds {answer!r}, the text of options {' and '.join(named)}. Write a letter."
        )
    return named[0] if named else require_letter(row, where, "answer", choices)


def _units(records: Iterable[SampleRecord]) -> Iterator[Unit]:
    """Each question as a unit, its subset and its kind as its part; a caption with what was counted in it."""
    for record in records:
        unit = scored_unit if record.sample.answer_kind == "caption" else sample_unit
        yield unit(record, stratum=(record.sample.subset or "", record.sample.answer_kind))


def _metrics(has_evaluator: bool, strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """Figures over all, of each subset and their mean, and where kinds are mixed the accuracy of each."""
    subsets, kinds = ({stratum[level] for stratum in strata} for level in (0, 1))
    parts = parts_of((), subsets - {""}) if subsets - {""} else {"all": [everywhere]}
    if kinds == {"caption"}:
        return captions.metrics(strata, parts)
    if kinds == {"yes_no"}:
        return figures(parts, confusion(read_strictly), confusion(read_officially) if has_evaluator else {})
    mixed = {str(kind): [in_stratum(1, kind)] for kind in KINDS if kind in kinds and len(kinds) > 1}
    official = {"accuracy": (is_officially_right, one)} if has_evaluator else {}
    return figures({**parts, **mixed}, {"accuracy": (is_right, one)}, official)
