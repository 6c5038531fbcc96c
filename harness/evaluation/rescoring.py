"""The responses of a run judged again, by the benchmark of now or by one with other labels of the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.benchmarks.fetch import locate
from harness.benchmarks.labels import HUB, read_labels
from harness.benchmarks.record import Benchmark
from harness.benchmarks.verdicts import with_target
from harness.core.errors import DataError
from harness.core.types import JUDGE, SampleRecord
from harness.core.worlds import worlds
from harness.runs.folder import read_run
from harness.runs.records import read_records


def judge_run(benchmark: Benchmark, folder: Path, *, data: str | None = None) -> Iterator[SampleRecord]:
    """The samples of a run, judged by a benchmark; what the answer judge read in that run is not read again.

    Args:
        benchmark: of the run, or one that asks the questions of another which is.
        folder: of a finished run.
        data: where files of labels are that stand apart from the rows, as `--data`; `None`: where the run's data came
            from: the hub's have them in the harness's cache folder.

    Raises:
        StoreError: `folder` holds no finished run.
        DataError: the run has none of the benchmark's questions, or the labels are not there or of other questions.
    """
    run = read_run(folder)
    names = [benchmark.name, *([benchmark.asks_as] if benchmark.asks_as is not None else [])]
    task = next((name for name in names if name in run.tasks), None)
    if task is None:
        raise DataError(f"{folder} has {', '.join(run.tasks)}, and no questions of {' or '.join(names)}.")
    source = data or str(run.data[task]["source"])
    place = None
    if source in worlds() or (data is not None and data != "hub"):
        place, source, _ = locate(benchmark, source)
    labels = read_labels(benchmark, place, HUB if source == "hub" else source)
    latest = {record.sample.id: record for record in read_records(folder) if record.sample.task == task}
    for record in latest.values():
        sample = labels.label(replace(record.sample, task=benchmark.name))
        if sample is None:
            continue
        verdict = benchmark.judge(sample, record.response)
        if record.verdict.rule == JUDGE and sample.answer_kind != "open":
            said = record.verdict
            told = replace(verdict, answer=said.answer, rule=JUDGE, status=said.status, reason=said.reason)
            verdict = with_target(told, sample.target)
        yield SampleRecord(sample=sample, response=record.response, verdict=verdict)
    labels.refuse_unused()
