"""Reading stored results back into judged samples, and comparing rows over questions and seeds.

Imported lazily only: numpy and scipy are imported inside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import StoreError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.demo.data import Sizes, build_demo_data
from harness.demo.experiment.measuring import STATUS, implied_answer
from harness.demo.experiment.plan import Plan, Run, Score
from harness.demo.experiment.settings import HELD_OUT_SIZES
from harness.demo.world import NUMBER, WORLD
from harness.statistics.counts import Table, tabulate
from harness.statistics.differences import Difference, compare, measure

SEED_FREE: Final = "base"
_DRAW: Final = """
import json, pathlib, sys
from harness.demo.data import Sizes, build_demo_data
folder, seed, sizes = json.loads(sys.argv[1])
build_demo_data(pathlib.Path(folder), seed, sizes=Sizes(**sizes))
"""
_STATUS: Final = {sign: status for status, sign in STATUS.items()}

Seeds = Mapping[int, Mapping[str, Any]]
"""Of a row: what is kept, by seed."""
Results = Mapping[str, Seeds]
"""Row to seed to what its result file holds, after one number of updates for each row."""


def read_result(plan: Plan, file: Path) -> dict[str, Any]:
    """What a result file holds.

    Raises:
        StoreError: its block is one of the plan, which by now has another recipe, other settings or fewer rollouts for
            its row, or another world, pool or other questions for the block.
    """
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    (row, setting, _), block = _parts(file), file.parent.name
    if block in plan.blocks and row in plan.rows:
        settings = result["settings"]
        on = {"world": settings["world"], "pool": settings["pool"][1:], "asked": settings["held_out"][0]}
        for name, planned in (plan.made_with(row, int(setting)) | plan.made_on(block)).items():
            if (made := (result | on)[name]) != planned:
                raise StoreError(
                    f"{file}: made with {name} {made}, the plan has {planned}. Delete it: it is made anew."
                )
        if (rollouts := result["rollouts"]) > (most := plan.rollouts(row, result["updates"])):
            raise StoreError(f"{file}: {rollouts} rollouts, the plan has {most}. Delete it: it is made anew.")
    return result


def _parts(file: Path) -> tuple[str, str, str]:
    """Row, number of its setting and updates, of the name of a result file (see `Run.file`)."""
    training, _, updates = file.stem.rpartition("@")
    row, _, setting = training.rpartition("-seed-")[0].rpartition(".")
    return row, setting, updates


def read_results(
    plan: Plan, folder: Path, blocks: Sequence[str], order: Sequence[str], at: Callable[[str], int]
) -> Results:
    """Results of blocks whose rows stand in one table.

    Args:
        plan: by which they were made, if it has the blocks.
        folder: of all results.
        blocks: their names.
        order: the rows in the order of the table; rows that are not among them are left out.
        at: the number of updates after which a row is looked at.

    Raises:
        StoreError: there are none, or they are of different experiments, a row's of different settings, or not those
            that the plan has by now.
    """
    found: dict[str, dict[int, Mapping[str, Any]]] = {name: {} for name in order}
    settings = None
    for file in sorted(file for block in blocks for file in (folder / block).glob("*.json")):
        row, _, updates = _parts(file)
        if row not in found or (row != SEED_FREE and updates != str(at(row))):
            continue
        result = read_result(plan, file)
        settings = settings or result["settings"]
        if result["settings"] != settings:
            raise StoreError(f"{file}: another experiment than the results beside it. Report one folder at a time.")
        seed = result["seed"] or 0
        if seed in found[row]:
            raise StoreError(
                f"{file}: there is another result of {row!r} with seed {seed}. Delete the one that is old."
            )
        found[row][seed] = result
    found = {name: dict(sorted(seeds.items())) for name, seeds in found.items() if seeds}
    if not found:
        raise StoreError(f"no result of {', '.join(blocks)} in {folder}. Run 'harness demo experiment --plan' first.")
    return found


def match_seeds(results: Results, rows: Sequence[str]) -> Results:
    """Some rows with the seeds that all of them have.

    Raises:
        StoreError: there is no such seed.
    """
    trained = [row for row in rows if row in results and row != SEED_FREE]
    shared = set.intersection(*({*results[row]} for row in trained)) if trained else set()
    if trained and not shared:
        raise StoreError(f"{', '.join(trained)} have no seed in common, so they stand in no table together.")
    matched = {row: {seed: of for seed, of in results[row].items() if seed in shared} for row in trained}
    return {row: matched.get(row, results.get(row, {})) for row in rows if row in results}


def check_matched(results: Results) -> None:
    """Refuse a table whose rows have other seeds than one another.

    Raises:
        StoreError: names two of them.
    """
    seeds = {row: sorted(of) for row, of in results.items() if row != SEED_FREE}
    for row, found in seeds.items():
        first, expected = next(iter(seeds.items()))
        if found != expected:
            raise StoreError(f"{row} has the seeds {found}, {first} {expected}: they stand in no table together.")


def score_of(plan: Plan, results: Path) -> Score:
    """The mean of the outcomes of a run, from what is kept of it.

    Raises (when it is called):
        StoreError: the run has no result yet, or one that was made otherwise than the plan has it by now.
    """

    def score(run: Run, updates: int) -> float:
        file = run.file(results, updates)
        if not file.is_file():
            raise StoreError(f"{file} is missing: settings are chosen once all of block {run.block!r} is there.")
        scores = read_result(plan, file)["scores"]
        return sum(float(scores[of.task][of.measure]) for of in plan.outcomes) / len(plan.outcomes)

    return score


def is_whole(plan: Plan, results: Path, name: str) -> bool:
    """Whether all of a block is there."""
    try:
        return not any(run.missing(results) for run in plan.runs(name, score_of(plan, results)))
    except StoreError:
        return False


def chosen_updates(plan: Plan, results: Path) -> Callable[[str], int]:
    """The number of updates that the exploration chose for a row."""
    score = score_of(plan, results)
    return lambda row: 0 if plan.rows[row].kind is None else plan.choose(row, score)[1]


@contextmanager
def draw_held_out(results: Results) -> Iterator[Path]:
    """The questions that were asked, which are drawn again: results are kept without them."""
    settings = next(iter(next(iter(results.values())).values()))["settings"]
    seed, *sizes = settings["held_out"]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "held-out"
        told = {"captions": 1, **dict(zip(HELD_OUT_SIZES, sizes, strict=True))}  # Nobody is asked for captions.
        if settings["world"] == NUMBER:
            build_demo_data(folder, seed, sizes=Sizes(**told))
        else:  # A process has one world.
            command = [sys.executable, "-c", _DRAW, json.dumps([str(folder), seed, told])]
            subprocess.run(command, env={**os.environ, WORLD: str(settings["world"])}, check=True)
        yield folder


def read_samples(held_out: Path, task: str) -> list[Sample]:
    """The held-out questions of a task in the order of their ids."""
    return sorted(load_data(get_benchmark(task), str(held_out)).samples, key=lambda sample: sample.id)


def read_records(samples: Sequence[Sample], stored: Mapping[str, Any]) -> list[SampleRecord]:
    """Judged samples from compressed verdicts (see `measuring.compress_verdicts`), which are in the order of the ids.

    Raises:
        StoreError: the numbers differ, so the questions are others.
    """
    if len(samples) != len(stored["status"]):
        raise StoreError(f"{len(stored['status'])} verdicts on {len(samples)} questions: other held-out data.")
    records = []
    for place, (sample, sign) in enumerate(zip(samples, stored["status"], strict=True)):
        status = _STATUS[sign]
        answer = stored["answers"].get(str(place), implied_answer(sample, status))
        records.append(
            SampleRecord(
                sample=sample,
                response=Response(sample_id=sample.id, text=""),
                verdict=Verdict(sample_id=sample.id, answer=answer, status=status),
            )
        )
    return records


class Comparer:
    """Compares rows on the held-out questions, which are read once."""

    def __init__(self, results: Results, held_out: Path) -> None:
        """Args: `results` by row and seed, and the folder of the held-out data."""
        self.results = results
        self.questions = held_out
        self._samples = cache(lambda task: read_samples(held_out, task))
        self._table = cache(self._read_table)

    def compare(self, before: str, after: str, figures: Sequence[tuple[str, str]]) -> list[Difference]:
        """Figures of one row against another's, over questions and the seeds that both have.

        Args:
            before: a row.
            after: a row.
            figures: task and name of the measure.

        Returns:
            A difference each; none where a row has no result.
        """
        if before not in self.results or after not in self.results:
            return []
        seeds = match_seeds(self.results, [before, after])
        return [self._difference(seeds, before, after, task, name) for task, name in figures]

    def _difference(self, results: Results, before: str, after: str, task: str, name: str) -> Difference:
        tables = [{seed: self._table(row, seed, task) for seed in results[row]} for row in (before, after)]
        strata = {outcome.stratum for runs in tables for table in runs.values() for outcome in table.outcomes}
        spec = next(item for item in get_benchmark(task).metrics(strata) if item.name == name)
        sides = [{seed: measure(spec, table) for seed, table in runs.items()} for runs in tables]
        return compare(spec, sides[0], sides[1])

    def _read_table(self, row: str, seed: int, task: str) -> Table:
        stored = self.results[row][seed]["verdicts"][task]
        return tabulate(get_benchmark(task).units(read_records(self._samples(task), stored)))
