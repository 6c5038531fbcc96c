"""Recorded responses to verdicts and figures, without a model.

Samples and responses are JSON-lines files that are joined by id, streaming: of millions of rows, ids and counts are in
memory. Only the standard library is imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from harness.core.errors import DataError, UsageError
from harness.core.files import refuse_foreign, replacement, write_errors
from harness.core.jsonlines import RowIndex, read_rows

if TYPE_CHECKING:
    from harness.benchmarks.record import Benchmark
    from harness.core.types import Response, Sample, SampleRecord, TaskResult

_SHOWN: Final = 5
"""Ids that are told."""
_ADVICE: Final = "Free space, or give another file with --per-sample."

Settle = Callable[[Iterable["SampleRecord"]], Iterator["SampleRecord"]]
"""Records in, the same records out, with the verdicts that a judge could settle."""


def score_records(
    benchmark: Benchmark,
    records: Iterable[SampleRecord],
    *,
    per_sample: Path | None = None,
    settle: Settle | None = None,
    differing: list[str] | None = None,
) -> TaskResult:
    """The figures of judged samples, which are read once.

    Args:
        benchmark: whose they are.
        records: see `judge_recorded`; what it raises goes through.
        per_sample: where to write the sample records; each also has a `disagreement` flag.
        settle: asks a judge about what the rules could not settle.
        differing: is given the ids of the first few samples on which the two verdicts differ.

    Raises:
        StoreError: `per_sample` cannot be written.
    """
    from harness.statistics import summarise

    with _per_sample_file(per_sample) as file:
        settled = records if settle is None else settle(records)
        return summarise(benchmark, _watched(settled, file, per_sample, differing))


def judge_recorded(
    benchmark: Benchmark, samples: Path, responses: Path, *, allow_missing: bool = False
) -> Iterator[SampleRecord]:
    """The judged samples of recorded responses, one at a time.

    Args:
        benchmark: whose they are.
        samples: JSON lines, or JSON, with the data set's field names, or a table of a benchmark of one's own; files of
            labels that stand apart are looked for beside it.
        responses: JSON lines with `id` and `response` (text), and optionally `finish_reason` and `error`.
        allow_missing: take a sample without a response as unanswered; the published evaluator is given an empty text.

    Raises:
        DataError: a file or row is malformed; ids are missing, unknown or there twice.
    """
    with RowIndex(responses) as index:
        if index.duplicates:
            raise DataError(_listing(responses, index.duplicates, "found more than once"))
        yield from _joined(benchmark, samples, index, allow_missing)


def find_benchmark(task: str, responses: Path | None, tasks_dir: Path | None) -> Benchmark:
    """The benchmark that recorded responses are scored by.

    Args:
        task: plain task name.
        responses: their file, which an error says how to replay.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.

    Raises:
        UsageError: no such task, or none that is a benchmark.
    """
    from harness.benchmarks.own import is_table, refuse_other_files
    from harness.benchmarks.registry import benchmark_folders, get_benchmark
    from harness.benchmarks.tables import read_table, row_name
    from harness.lmms.index import lmms_eval_tasks

    refuse_other_files([task])
    if not is_table(task) and task not in benchmark_folders(tasks_dir, [task]) and task in lmms_eval_tasks(tasks_dir):
        raise UsageError(
            f"task {task!r} is scored by code of its own over data of its own. Replay the responses instead: "
            f"harness eval --model NAME --tasks {task} --engine replay --responses {responses or 'FILE'}."
        )
    benchmark = get_benchmark(task, tasks_dir)
    if benchmark.with_rows is None or benchmark.source.table is None:
        return benchmark
    table = benchmark.source.table
    return benchmark.with_rows(benchmark, read_table(table).rows, partial(row_name, table.name))


def _joined(benchmark: Benchmark, samples: Path, index: RowIndex, allow_missing: bool) -> Iterator[SampleRecord]:
    """The judged samples; after a first problem the rest is only checked, so that all problems are counted."""
    from harness.benchmarks.labels import read_labels
    from harness.core.types import Response, SampleRecord

    labels = read_labels(benchmark, samples.parent, f"file:{samples.name}")
    missing: list[str] = []
    repeated: list[str] = []
    absent: set[int] = set()
    count = 0
    for where, row in read_questions(benchmark, samples):
        count += 1
        sample = benchmark.read_row(row, where)
        answer, again = index.take(sample.id)
        asked = labels.label(sample)
        if asked is None:
            continue
        sample = asked
        if answer is None:
            again = hash(sample.id) in absent
            absent.add(hash(sample.id))
            if not allow_missing and not again:
                missing.append(sample.id)
        if again:
            repeated.append(sample.id)
        if missing or repeated:
            continue
        if answer is None:
            response = Response(sample_id=sample.id, text="")
        else:
            response = _read_response(sample, answer, index.path)
        yield SampleRecord(sample=sample, response=response, verdict=benchmark.judge(sample, response))
    if not count:
        raise DataError(f"{samples} holds no samples.")
    labels.refuse_unused()
    problems = []
    if repeated:
        problems.append(_listing(samples, repeated, "found more than once"))
    if missing:
        what = f"of {count} without a response in {index.path}"
        problems.append(_listing(samples, missing, what))
    if unknown := index.unused():
        problems.append(_listing(index.path, unknown, f"not in {samples}"))
    if problems:
        hint = " Give --allow-missing to count missing ones as unanswered." if missing else ""
        raise DataError(" ".join(problems) + hint)


def read_questions(benchmark: Benchmark, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each question of a file with its place for errors; tables and `.json` are read whole, lines one at a time."""
    from harness.benchmarks.record import questions_of
    from harness.benchmarks.tables import read_table, row_name

    rows: Iterable[tuple[str, Mapping[str, Any]]]
    if benchmark.source.table is None and path.suffix.lower() != ".json":
        rows = ((f"{path}:{number}", row) for number, _, row in read_rows(path))
    else:
        rows = ((row_name(path.name, index), row) for index, row in enumerate(read_table(path).rows))
    for index, (where, row) in enumerate(rows):
        yield from questions_of(benchmark, row, path.stem, index, where)


def _listing(path: Path, ids: Sequence[str], what: str) -> str:
    first = list(dict.fromkeys(ids))[:_SHOWN]
    more = f" and {len(ids) - len(first)} more" if len(ids) > len(first) else ""
    return f"{path}: {len(ids)} {'id' if len(ids) == 1 else 'ids'} {what}: {', '.join(first)}{more}."


def _read_response(sample: Sample, row: Mapping[str, Any], path: Path) -> Response:
    from harness.core.endings import recorded_ending
    from harness.core.types import Response

    error, text = row.get("error"), row.get("response")
    if error:
        return Response(sample_id=sample.id, text="", error=str(error))
    if not isinstance(text, str):
        holds = "is missing" if "response" not in row else f"holds {type(text).__name__}, not text"
        raise DataError(f"{path}: id {sample.id!r}: column 'response' {holds}. Give a text, or an 'error'.")
    try:
        return Response(sample_id=sample.id, text=text, finish_reason=recorded_ending(row.get("finish_reason")))
    except ValueError as problem:
        raise DataError(f"{path}: id {sample.id!r}: column {problem}.") from problem


def _watched(
    records: Iterable[SampleRecord], file: TextIO | None, path: Path | None, differing: list[str] | None
) -> Iterator[SampleRecord]:
    from tqdm import tqdm

    from harness.runs.records import encode_record

    for record in tqdm(records, unit=" samples", leave=False, disable=None):  # Shown on a terminal alone.
        differs = record.verdict.is_disputed
        if file is not None and path is not None:
            with write_errors(path, advice=_ADVICE):
                file.write(f'{encode_record(record)[:-1]},"disagreement":{"true" if differs else "false"}}}\n')
        if differs and differing is not None and len(differing) < _SHOWN:
            differing.append(record.sample.id)
        yield record


@contextmanager
def _per_sample_file(path: Path | None) -> Iterator[TextIO | None]:
    """A file that appears under its name only when everything went well."""
    if path is None:
        yield None
        return
    refuse_foreign(path, ("sample", "response", "verdict"), option="--per-sample", advice=_ADVICE)
    with replacement(path, advice=_ADVICE) as file:
        yield file


def judge_rows(
    benchmark: Benchmark, rows: Iterable[Mapping[str, Any]], responses: Mapping[str, str]
) -> list[SampleRecord]:
    """Rows and responses that are in memory, judged.

    Args:
        benchmark: whose rows they are.
        rows: with the field names of its data set.
        responses: by sample id.

    Raises:
        DataError: there are no rows, a row is malformed, or ids are missing, unknown or there twice.
    """
    from harness.core.types import Response, SampleRecord

    records: dict[str, SampleRecord] = {}
    for where, row in _questions(benchmark, rows):
        sample = benchmark.read_row(row, where)
        if sample.id in records or sample.id not in responses:
            what = "is there twice" if sample.id in records else "has no response"
            raise DataError(f"{where}: {sample.id!r} {what}. Give each sample once, and a response to each.")
        text = responses[sample.id]
        if not isinstance(text, str):
            raise DataError(f"the response to {sample.id!r} is a {type(text).__name__}, not a text.")
        response = Response(sample_id=sample.id, text=text)
        records[sample.id] = SampleRecord(sample=sample, response=response, verdict=benchmark.judge(sample, response))
    if not records:
        raise DataError("samples holds no samples. Give a row for each question.")
    if unknown := sorted(responses.keys() - records.keys(), key=str):
        raise DataError(f"{len(unknown)} responses are to no sample, e.g. {unknown[0]!r}. Leave them out.")
    return list(records.values())


def _questions(benchmark: Benchmark, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each question of rows in memory with a name of its place for errors."""
    from harness.benchmarks.record import questions_of

    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(f"samples[{number}] is a {type(row).__name__}, not a row. Of a table: to_dict('records').")
        yield from questions_of(benchmark, row, "", number, f"samples[{number}]")
