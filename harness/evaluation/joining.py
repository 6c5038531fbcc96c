"""Which question each response of a log answers.

The questions are those of a benchmark's data or of a file of rows, to which responses are joined by id or by the row's
number; or those of the log itself, where it says enough of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

from harness.benchmarks.columns import find
from harness.benchmarks.digests import are_published, of_own_data
from harness.benchmarks.labels import read_labels
from harness.benchmarks.own import is_table
from harness.benchmarks.plain import RIGHT, OwnScores
from harness.benchmarks.record import Benchmark, Row, questions_of
from harness.benchmarks.registry import benchmark_folders, get_benchmark
from harness.benchmarks.verdicts import judge_response
from harness.core.errors import DataError, UsageError
from harness.core.types import CLOSED, Sample, SampleRecord, TaskResult
from harness.evaluation.logs import Entry
from harness.evaluation.recorded import read_questions
from harness.evaluation.settings import EvalConfig
from harness.evaluation.task_registry import TaskData, benchmark_task, load_task
from harness.lmms.index import folder_tasks
from harness.lmms.questions import Question, options_of, to_facts, to_samples


def join_log(
    config: EvalConfig, source: str, rows: Path | None, entries: Sequence[Entry]
) -> tuple[TaskData, dict[str, Entry], list[str]]:
    """The questions, and which response of a log answers which of them.

    Args:
        config: names one task and where its questions are.
        source: the other harness.
        rows: JSON lines with the data set's field names, in place of `config.data`; `None` for both: the log's own.
        entries: of the log.

    Returns:
        the task; by sample id the entry of each sample that has one; the places of entries that answer no question.

    Raises:
        UsageError: no such task.
        DataError: the log says too little, or answers other questions or one question twice.
    """
    task, benchmark = _load(config, source, rows, entries)
    return task, *_join(task, benchmark, entries)


def _load(
    config: EvalConfig, source: str, rows: Path | None, entries: Sequence[Entry]
) -> tuple[TaskData, Benchmark | None]:
    """The task with its questions; and its benchmark, if it is one."""
    (name,) = config.tasks
    folders = benchmark_folders(config.tasks_dir, [name])
    benchmark = get_benchmark(name, config.tasks_dir) if name in folders or is_table(name) else None
    is_own = benchmark is None and config.tasks_dir is not None and name in folder_tasks(config.tasks_dir)
    is_own |= benchmark is not None and benchmark.source.table is not None and rows is None
    if config.data is not None or is_own:
        return load_task(name, data=config.data, tasks_dir=config.tasks_dir), benchmark
    if benchmark is None and rows is not None:
        raise UsageError(f"task {name!r} is no benchmark whose rows are known. Leave --samples out, or give --data.")
    if benchmark is None:
        return _plain_task(name, source, entries), None
    if rows is not None:
        labels = read_labels(benchmark, rows.parent, f"file:{rows.name}")
        samples = _samples(benchmark, read_questions(benchmark, rows))
        named = benchmark if are_published(benchmark.source, samples) else of_own_data(benchmark, rows.name)
        return benchmark_task(named, list(labels.apply(samples)), f"file:{rows.name}"), benchmark
    try:
        samples = _samples(benchmark, _asked(benchmark, entries))
        samples = list(read_labels(benchmark, None, f"log:{source}").apply(samples))
    except DataError as error:
        raise DataError(
            f"{error} So the log of {source} says too little of the questions: give them with --data hub, --data DIR "
            "or --samples FILE."
        ) from error
    return benchmark_task(benchmark, samples, f"log:{source}"), benchmark


def _asked(benchmark: Benchmark, entries: Iterable[Entry]) -> Iterator[tuple[str, Row]]:
    """Each question of the rows that a log holds, with its place."""
    for number, entry in enumerate(entries):
        index = number if entry.position is None else entry.position
        yield from questions_of(benchmark, entry.row, "", index, entry.where)


def _samples(benchmark: Benchmark, questions: Iterable[tuple[str, Row]]) -> list[Sample]:
    """The samples of some questions; one that is there again, as in a second file of a log, is one."""
    samples: dict[str, Sample] = {}
    for where, row in questions:
        sample = benchmark.read_row(row, where)
        samples.setdefault(sample.id, sample)
    return list(samples.values())


def _plain_task(name: str, source: str, entries: Sequence[Entry]) -> TaskData:
    """A task that the harness does not know, of a log's own questions: strict verdicts, and nothing official."""
    from harness.statistics import summarise

    asked: dict[str, Question] = {}
    for entry in entries:
        key = _plain_id(entry)
        target = find(entry.row, "answer")
        if key is None or target is None:
            raise DataError(f"{entry.where}: the log holds no {'answer' if target is None else 'id'} of this question.")
        options = {letter: text for letter in ascii_uppercase if (text := find(entry.row, letter)) is not None}
        question = str(find(entry.row, "question") or entry.asked or "")
        listed = "\n".join([question, *(f"{letter}. {text}" for letter, text in options.items())])
        asked.setdefault(
            key,
            Question(
                prompt=entry.asked if entry.asked and options_of(entry.asked) else listed,
                question=question,
                target=str(target),
                kinds=(),
                cluster=None,
                shares_media=False,
            ),
        )
    questions = list(asked.values())
    samples = [replace(sample, id=key) for key, sample in zip(asked, to_samples(name, questions), strict=True)]
    scored = OwnScores(name=name, headline=RIGHT, reads_answers=True)

    def summarise_plainly(records: Iterable[SampleRecord]) -> TaskResult:
        return replace(summarise(scored, records), official={RIGHT: None})

    return TaskData(
        name=name,
        version="0",
        source=f"log:{source}",
        samples=samples,
        open_media=lambda sample_id: [],
        judge=judge_response,
        summarise=summarise_plainly,
        facts=to_facts(name, questions),
        baselines=lambda samples: {},
    )


def _plain_id(entry: Entry) -> str | None:
    name = find(entry.row, "id", "index", "question_id")
    return str(entry.position if name is None else name) if (name, entry.position) != (None, None) else None


def _join(task: TaskData, benchmark: Benchmark | None, entries: Iterable[Entry]) -> tuple[dict[str, Entry], list[str]]:
    """The entry of each sample that has one, and the places of those that answer no question."""
    samples = {sample.id: sample for sample in task.samples}
    found: dict[str, Entry] = {}
    unknown = []
    for entry in entries:
        names = _ids(task, benchmark, entry, samples)
        if not names:
            unknown.append(entry.where)
        for name in names:
            _check(samples[name], entry)
            found[name] = _merged(name, found[name], entry) if name in found else entry
    bare = next((entry for entry in found.values() if entry.text is None and entry.error is None), None)
    if bare is not None:
        raise DataError(f"{bare.where} holds a score and no response to count. Give the file of predictions as well.")
    if not found:
        raise DataError(
            f"none of the {len(unknown)} responses answers a question of {task.source}; the first is at {unknown[0]}. "
            "Give the data that the log was made with."
        )
    return found, unknown


def _ids(task: TaskData, benchmark: Benchmark | None, entry: Entry, samples: Mapping[str, Sample]) -> list[str]:
    """The samples that an entry answers, of which a benchmark's row may hold several."""
    problem = ""
    if benchmark is not None:
        try:
            asked = _samples(benchmark, _asked(benchmark, [entry]))
            return [sample.id for sample in asked if sample.id in samples]
        except DataError as error:  # The log does not hold the row; its number may do.
            problem = f" ({error})"
    if (name := _plain_id(entry)) is not None and name in samples:
        return [name]
    if entry.position is None:
        raise DataError(f"{entry.where}: the log does not tell which question of {task.name} this is{problem}.")
    return [task.samples[entry.position].id] if entry.position < len(task.samples) else []


def _check(sample: Sample, entry: Entry) -> None:
    """Refuse a response to another question than the one that it was joined to.

    Prompts are built in many ways, so all words of the question have to be there, in any order.
    """
    said = [entry.asked, *(find(entry.row, name) for name in ("question", "hint"))]
    missing = _words(sample.question) - _words(" ".join(str(text) for text in said if text is not None))
    target = str(find(entry.row, "answer") or "").strip(" .():").lower()
    if any(said) and missing:
        what = f"its question lacks {sorted(missing)[0]!r} of {sample.question!r}"
    elif sample.answer_kind in CLOSED and target and target != sample.target.lower():
        what = f"its gold answer is {target!r}, not {sample.target!r}"
    else:
        return
    raise DataError(
        f"{entry.where} answers another question than {sample.id!r}: {what}. Give the data that the log was made with "
        "by --data or --samples."
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _merged(name: str, first: Entry, second: Entry) -> Entry:
    """Two entries of one sample, of which one has the score of the other's response."""
    whole = [entry for entry in (first, second) if (entry.text, entry.error) != (None, None)] or [first]
    if {(entry.text, entry.error) for entry in whole[1:]} - {(whole[0].text, whole[0].error)} or (
        first.scores.keys() & second.scores
    ):
        raise DataError(
            f"{second.where} answers {name!r}, as {first.where} does. Give one response a question: the log of one run."
        )
    reason = first.finish_reason or second.finish_reason
    return replace(whole[0], finish_reason=reason, scores={**first.scores, **second.scores})
