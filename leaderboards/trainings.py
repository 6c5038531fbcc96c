"""One row for a training: the last checkpoint of each run of it, and all its seeds together.

Runs are of one training where their recipe (but for its seed) and its data are equal, as `run.json` tells of what was
trained with `harness train`; checkpoints of others are of one training run by their path, `RUN/checkpoint-300`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import stdev
from typing import Final

from harness.reports.text import name_some
from leaderboards.board import Cell, Group, Row
from leaderboards.grouping import with_rows
from leaderboards.naming import fingerprint, last_of_run, path_parts, says_nothing
from leaderboards.pooling import pool_results

_SEED: Final = re.compile(r"(?i)(?:(?:^|[-_. ]+)(?:seed|s)?|seed)[-_. ]*\d*$")
"""How names of seeds end: `grpo-seed-1`, `grpo_s1`, `grpo-1`, `seed1`."""
_NAMED: Final = 6
"""Seeds that a note names."""


def gather(group: Group, keep: Collection[str] = ()) -> Group:
    """The group with a row for each training.

    Args:
        group: a row for each checkpoint.
        keep: keys of rows that also stay as they are.
    """
    trainings: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in group.rows:
        training = row.latest.training
        key = last_of_run(row.latest.model)[0] or row.key
        if row.key in keep:
            key = row.key
        elif training is not None:
            key = f"training:{training['recipe']}|{training['data']}"
        trainings[key, row.decoding].append(row)
    rows = [row for keys, members in trainings.items() for row in _rows("\n".join(filter(None, keys)), members)]
    return with_rows(group, _unlike(rows))


def notes_on_seeds(group: Group) -> Iterator[str]:
    """What a reader must know of rows over several seeds: benchmarks that some seeds lack, and steps that differ."""
    for row in group.rows:
        last = _last(row.members) if row.seeds else {}
        for task in dict.fromkeys(task for of in last.values() for task in of.cells if task not in row.cells):
            runs = [of.cells[task].run for of in last.values() if task in of.cells]
            yield (
                f"“{row.label}” has no {runs[0].record.benchmarks[task].title} in “{group.title}”: only {len(runs)} of "
                f"its {len(last)} seeds {'have' if len(runs) > 1 else 'has'} it."
            )
        steps = {seed: int(_place(of)[0]) for seed, of in last.items()}
        if len(set(steps.values())) > 1:
            told = name_some([f"seed {seed} at {step}" for seed, step in steps.items()], _NAMED)
            yield f"The seeds of “{row.label}” in “{group.title}” stand at different steps: {told}."


def _rows(key: str, members: Sequence[Row]) -> Iterator[Row]:
    """The row of a training; of seeds that have no benchmark in common, one each."""
    last = _last(members)
    members = [row for seed in last for row in members if _seed(row) == seed]
    shared = [task for task in next(iter(last.values())).cells if all(task in row.cells for row in last.values())]
    if len(last) == 1 or not shared:
        for seed, row in last.items():
            own = key if len(last) == 1 and key.startswith("training:") else row.key
            yield replace(row, key=own, members=[of for of in members if _seed(of) == seed])
        return
    decoding, name = members[0].decoding, _common_name([row.latest.model for row in last.values()])
    yield Row(
        key=key,
        label=", ".join(filter(None, (name, decoding))) if name else f"{members[0].label}, {len(last)} seeds",
        decoding=decoding,
        fingerprint=None,
        step=None,
        cells={task: _pool({seed: row.cells[task] for seed, row in last.items()}) for task in shared},
        other_names=tuple(row.label for row in last.values()),
        members=members,
    )


def _last(members: Sequence[Row]) -> dict[int | None, Row]:
    """The last checkpoint of each seed, in the seeds' order."""
    seeds = sorted({_seed(row) for row in members}, key=lambda seed: -1 if seed is None else seed)
    return {seed: max((row for row in members if _seed(row) == seed), key=_place) for seed in seeds}


def _seed(row: Row) -> int | None:
    training = row.latest.training
    return None if training is None else training["seed"]


def _place(row: Row) -> tuple[float, object]:
    """Sorts the checkpoints of a training run from the first to the last."""
    training = row.latest.training
    step = float(training["step"]) if training is not None else last_of_run(row.latest.model)[1]
    return step, row.runs[0].age


def _common_name(models: Sequence[str]) -> str:
    """What names of seeds have in common: `grpo` of `out/grpo-seed-0/final` and `out/grpo-seed-1/final`.

    A part of the path that is the same in all stays as it is.
    """
    parts = [[part for part in path_parts(model) if not says_nothing(part)] for model in models]
    depth = min(map(len, parts))
    for place in range(1, depth + 1):
        names = {of[-place] for of in parts}
        if len(names) > 1:
            names = {_SEED.sub("", name) for name in names}
        if len(names) > 1:
            return ""
        if name := names.pop():
            return name
    return ""


def _unlike(rows: Sequence[Row]) -> list[Row]:
    """The rows with labels that are all unlike."""
    taken = {row.label for row in rows if not row.seeds}
    named: list[Row] = []
    for row in rows:
        label = row.label
        if row.seeds and label in taken:
            label = f"{label} #{(fingerprint(row.key.removeprefix('training:')) or '')[:6]}"
        taken.add(label)
        named.append(replace(row, label=label))
    return named


def _pool(cells: Mapping[int | None, Cell]) -> Cell:
    """The results of several seeds as one: means of figures, sums of counts."""
    latest = max(cells.values(), key=lambda cell: cell.run.age)
    results = [cell.result for cell in cells.values()]
    values = [value for result in results if (value := result.metrics[result.headline].value) is not None]
    return Cell(
        run=latest.run,
        seeds={seed: cell.run for seed, cell in cells.items()},
        spread=stdev(values) if len(values) == len(results) > 1 else None,
        result=pool_results(results),
    )
