"""What the page says of a pair that its reader picks is what Python says of it, to the last word."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support_browser import Visit
from support_statements import check_text, check_words

from harness.benchmarks.counting import in_stratum, is_right, one, sample_unit
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.statistics.differences import test_together
from harness.statistics.specs import MetricSpec, Outcome, Ratio, Unit
from leaderboards.deltas import rounded
from leaderboards.outcomes import Outcomes
from leaderboards.page_data import shown
from leaderboards.samples import Reader, Runs, Samples, compare_samples

SCRIPT = Path(__file__).parents[2] / "leaderboards" / "templates" / "differences.js"
BOARDS = 100
FIELDS = ("a", "b", "value", "low", "high", "p", "family", "stderr", "freedom", "n", "least", "greatest", "note")


def recall_top(outcome: Outcome) -> float:
    return float(outcome.right and outcome.target == "yes")


def recall_bottom(outcome: Outcome) -> float:
    return float(outcome.target == "yes")


def splits(top: Any, bottom: Any) -> tuple[Ratio, ...]:
    return tuple(Ratio(top=top, bottom=bottom, within=in_stratum(0, name)) for name in ("x", "y"))


SPECS = (
    MetricSpec(name="accuracy", strict=(Ratio(top=is_right, bottom=one),)),
    MetricSpec(name="mean", strict=splits(is_right, one)),
    MetricSpec(name="recall", strict=splits(recall_top, recall_bottom), better=-1),
    MetricSpec(name="harmonic", strict=splits(is_right, one), combine="harmonic"),
    MetricSpec(name="spread", strict=splits(is_right, one), combine="spread", better=0),
    MetricSpec(name="share", strict=splits(is_right, one), better=0),
    MetricSpec(name="points", strict=(Ratio(top=is_right, bottom=one),), high=float("inf")),
    MetricSpec(name="groups", strict=(Ratio(top=is_right, bottom=one, unit="pair"),)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A benchmark of questions in two strata, alone or in pairs."""

    name: str
    headline: str
    spec: MetricSpec

    def units(self, records: Iterable[SampleRecord]) -> Iterator[Unit]:
        pairs: dict[str, SampleRecord] = {}
        for record in records:
            yield sample_unit(record, stratum=(record.sample.subset or "",))
            if record.sample.group is None:
                continue
            if (other := pairs.pop(record.sample.group, None)) is None:
                pairs[record.sample.group] = record
            else:
                both = [record.verdict.status, other.verdict.status]
                right, errors = both == ["correct"] * 2, both.count("error")
                outcome = Outcome("pair", (record.sample.subset or "",), right=right, errors=errors)
                yield Unit(record.sample.group, record.sample.cluster or "", outcome)

    def metrics(self, strata: Collection[tuple[str, ...]]) -> Sequence[MetricSpec]:
        return [self.spec]


def draw_task(rng: np.random.Generator) -> tuple[Task, list[Sample]]:
    spec = SPECS[int(rng.integers(len(SPECS)))]
    clusters, size = int(rng.choice([4, 6, 8, 25, 60])), int(rng.integers(1, 4)) * 2
    in_pairs = spec.name == "groups" or rng.random() < 0.3
    samples = [
        Sample(
            id=f"{c}/{i}",
            task="task",
            subset=str(rng.choice(["x", "y"])) if not in_pairs else "xy"[c % 2],
            question="Is it?",
            target=str(rng.choice(["yes", "no"])),
            answer_kind="yes_no",
            group=f"{c}/{i // 2}" if in_pairs else None,
            cluster=str(c),
        )
        for c in range(clusters)
        for i in range(size)
    ]
    return Task(name="task", headline=spec.name, spec=spec), samples


def draw_row(task: Task, samples: list[Sample], rng: np.random.Generator, failing: float) -> Runs:
    skill = float(rng.choice([0.5, 0.7, 0.75, 0.95, 1.0]))
    unsettled = float(rng.choice([0.0, 0.0, 0.1]))
    runs = {}
    for seed in range(int(rng.choice([1, 1, 2, 3]))):
        records = {}
        for sample in samples:
            fails, reads = rng.random() < failing, rng.random() >= unsettled
            right = bool(rng.random() < skill)
            answer = sample.target if right else {"yes": "no", "no": "yes"}[sample.target]
            status: Any = "error" if fails else "not_understood" if not reads else "correct" if right else "incorrect"
            verdict = Verdict(
                sample_id=sample.id,
                answer=None if fails or not reads else answer,
                rule=None,
                status=status,
                official=None,
                official_answer=None,
                reason=None,
            )
            records[sample.id] = SampleRecord(
                sample=sample, response=Response(sample_id=sample.id, text=""), verdict=verdict
            )
        runs[seed] = Samples(Reader(None), task, records)
    return runs if len(runs) > 1 else {None: runs[0]}


def draw_board(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Two tasks of three rows as the page has them, and what Python says of all pairs of rows."""
    rng = np.random.default_rng(seed)
    tasks, expected, drawn = [], [], []
    for _ in range(2):
        task, samples = draw_task(rng)
        failing = float(rng.choice([0.0, 0.0, 0.05]))
        rows = [draw_row(task, samples, rng, failing) for _ in range(3)]
        first = next(iter(rows[0].values()))
        outcomes = Outcomes(task.spec, first.records, first.units)
        for place, runs in enumerate(rows):
            outcomes.add(str(place), {seed: (run.records, run.units) for seed, run in runs.items()})
        assert len(outcomes.rows) == 3
        tasks.append(outcomes.to_json({str(place): place for place in range(3)}, questions=False))
        drawn.append((task, rows))
    for a, b in ((0, 1), (1, 0), (2, 1)):
        told = test_together([compare_samples(task.spec, rows[a], rows[b]) for task, rows in drawn])
        for place, item in enumerate(map(rounded, told)):
            expected.append({"pair": [a, b], "task": place, **asdict(item), "shown": shown(item, 100.0)})
    return json.loads(json.dumps({"tasks": tasks})), expected


def test_a_pair_on_the_page_is_what_python_says(tmp_path: Path, visit: Visit) -> None:
    (tmp_path / "page.html").write_text(f"<!doctype html><title>x</title><script>{SCRIPT.read_text()}</script>")
    page = visit(tmp_path / "page.html")
    seen: dict[str, int] = {}
    for seed in range(BOARDS):
        board, expected = draw_board(seed)
        found = page.evaluate(
            """({ tasks }) => [[0, 1], [1, 0], [2, 1]].flatMap(([a, b]) =>
                differences.testTogether(tasks.map((task) => differences.compare(task, a, b)))
                  .map((item) => ({ ...item, shown: differences.shown(item, 100) })))""",
            board,
        )
        for told, want in zip(found, expected, strict=True):
            where = f"board {seed}, pair {want['pair']}, task {want['task']}"
            for name in FIELDS:
                if isinstance(want[name], float):
                    assert told[name] == pytest.approx(want[name], rel=1e-9, abs=1e-12), (where, name)
                else:
                    assert told[name] == want[name], (where, name)
            says, wants = told["shown"], want["shown"]
            assert {name: says[name] for name in ("change", "words", "verdict", "sign", "stars", "tone", "doubt")} == {
                name: wants[name] for name in ("change", "words", "verdict", "sign", "stars", "tone", "doubt")
            }, where
            if says["value"] is not None:
                check_words(f"{says['change']}, {says['words']}", where)
                ends = (
                    says["change"].partition("[")[2].rstrip("]").split(", ") if "[" in says["change"] else (None, None)
                )
                check_text(says["sign"], *ends, says["stars"], where)
            seen[says["verdict"]] = seen.get(says["verdict"], 0) + 1
    assert min(seen[name] for name in ("better", "worse", "changed", "no difference shown", "not tested")) > 10, seen


def test_a_row_over_other_samples_is_left_out() -> None:
    rng = np.random.default_rng(0)
    task, samples = draw_task(rng)
    runs = draw_row(task, samples, rng, 0.0)
    first = next(iter(runs.values()))
    outcomes = Outcomes(task.spec, first.records, first.units)
    other = [replace(sample, id=f"other/{sample.id}") for sample in samples]
    for key, of in (("same", samples), ("other", other), ("fewer", samples[2:])):
        drawn = draw_row(task, of, rng, 0.0)
        outcomes.add(key, {seed: (run.records, run.units) for seed, run in drawn.items()})
    assert list(outcomes.rows) == ["same"]
