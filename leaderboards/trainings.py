"""One row for a training: the last checkpoint of each run of it, and all its seeds together.

Runs are of one training where their recipe (but for its seed) and its data are equal, as `run.json` tells of what was
trained with `harness train`; checkpoints of others are of one training run by their path, `RUN/checkpoint-300`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import stdev
from typing import Final

from leaderboards.board import Cell, Group, Row
from leaderboards.grouping import order_of
from leaderboards.naming import fingerprint, last_of_run, path_parts, says_nothing
from leaderboards.pooling import pool_results

_SEED: Final = re.compile(r"(?i)[-_. ]*(?:seed|s)?[-_. ]*\d*$")
"""How names of seeds end: `grpo-seed-1`, `grpo_s1`, `grpo-1`."""


def gather(group: Group, keep: Collection[str] = ()) -> Group:
    """The group with a row for each training.

    Args:
        group: a row for each checkpoint.
        keep: keys of rows that also stay as they are.
    """
    trainings: dict[tuple[str, str], dict[int | None, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in group.rows:
        training = row.latest.training
        key, seed = last_of_run(row.latest.model)[0] or row.key, None
        if row.key in keep:
            key = row.key
        elif training is not None:
            key, seed = f"training:{training['recipe']}|{training['data']}", training["seed"]
        trainings[key, row.decoding][seed].append(row)
    rows = [_row("\n".join(filter(None, keys)), seeds) for keys, seeds in trainings.items()]
    rows = _unlike(rows)
    return replace(group, rows=sorted(rows, key=lambda row: order_of(row, group.ordered_by)))


def _row(key: str, seeds: Mapping[int | None, Sequence[Row]]) -> Row:
    members = [row for rows in seeds.values() for row in rows]
    last = {seed: max(rows, key=_place) for seed, rows in seeds.items()}
    if len(last) == 1:
        (row,) = last.values()
        return replace(row, key=key if key.startswith("training:") else row.key, members=members)
    ordered = {seed: last[seed] for seed in sorted(last, key=lambda seed: -1 if seed is None else seed)}
    cells: dict[str, Cell] = {}
    for task in dict.fromkeys(task for row in ordered.values() for task in row.cells):
        of_task = {seed: row.cells[task] for seed, row in ordered.items() if task in row.cells}
        cells[task] = _pool(of_task)
    decoding, name = members[0].decoding, _common_name([row.latest.model for row in ordered.values()])
    return Row(
        key=key,
        label=", ".join(filter(None, (name, decoding))) if name else f"{members[0].label}, {len(last)} seeds",
        decoding=decoding,
        fingerprint=None,
        step=None,
        cells=cells,
        other_names=tuple(row.label for row in ordered.values()),
        members=members,
    )


def _place(row: Row) -> tuple[float, object]:
    """Sorts the checkpoints of a training run from the first to the last."""
    training = row.latest.training
    step = float(training["step"]) if training is not None else last_of_run(row.latest.model)[1]
    return step, row.runs[0].age


def _common_name(models: Sequence[str]) -> str:
    """What names of seeds have in common: `grpo` of `out/grpo-seed-0/final` and `out/grpo-seed-1/final`."""
    parts = [[part for part in path_parts(model) if not says_nothing(part)] for model in models]
    depth = min(map(len, parts))
    for place in range(1, depth + 1):
        names = {_SEED.sub("", of[-place]) for of in parts}
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
