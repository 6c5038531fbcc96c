"""The plan of the experiment, `plan.yaml`: what is run, in which order, with what, and what it costs.

Imported lazily only: pydantic is imported by what is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import Field, model_validator

from harness.core.errors import UsageError
from trainers.part import Part
from trainers.recipe import validated

FILE: Final = Path(__file__).with_name("plan.yaml")
RESPONSES: Final = 64
"""Of an update; examples where a row is supervised."""
What = Literal["exploration", "confirmation", "description"]
Score = Callable[["Run", int], float]
"""A run after so many updates: the mean of the outcomes."""


class Outcome(Part):
    """A figure that decides, and the gain in points below which there is none."""

    task: str
    measure: str
    margin: float


class Hypothesis(Part):
    """What is tested: of each pair, that the first row is better, or that it has no gain of the margin."""

    says: str
    claim: Literal["better", "no_gain"]
    pairs: list[tuple[str, str]]


class Kind(Part):
    """How rows of a kind spend: updates at which they are asked, rollouts before the first, updates at equal cost."""

    updates: list[int]
    rollouts_before: int
    equal_cpu: int


class Row(Part):
    """One row of the tables.

    Attributes:
        what: one line about it.
        kind: how it spends; `None`: the checkpoint that all rows start from, untrained.
        recipe: of `trainers/recipes/demo`.
        set: settings of the recipe, `key=value`.
        like: the row whose tuned setting it takes; `None`: it is tuned itself.
        seconds: of CPU an update, where it differs from its kind's.
    """

    what: str
    kind: str | None = None
    recipe: str | None = None
    set: list[str] = Field(default=[])
    like: str | None = None
    seconds: float | None = None


class Block(Part):
    """Rows and seeds that are run and committed together.

    Attributes:
        what: `exploration` asks the demo's own data sets, the others the held-out questions.
        world: number of the world (see `harness.demo.world`).
        pool: seed of the training questions.
        share: of seven conflicting kinds of them, those on which a bypass fails and those on which it pays.
        rows: by name.
        settings: all of the grid, or the one that was chosen by it.
        updates: all of the row's kind, the one number that was chosen with the setting, or the one at which kinds cost
            equally many CPU seconds.
        seeds: of training.
    """

    what: What
    world: int = 1
    pool: int
    share: tuple[int, int] = (2, 5)
    rows: list[str]
    settings: Literal["grid", "chosen"] = "chosen"
    updates: Literal["all", "equal_cpu", "chosen"] = "all"
    seeds: list[int]


class Seconds(Part):
    """CPU seconds: an update by kind, a rollout, asking by kind of block, measuring, a build, and all there are."""

    update: dict[str, float]
    rollout: float
    asked: dict[str, float]
    measured: float
    build: float
    budget: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training of a row.

    Attributes:
        block: its name.
        row: its name.
        setting: number of its setting in the grid; `None` where the row is not trained.
        seed: of training; `None` where the row is not trained.
        updates: those after which it is asked, ascending; 0 alone: it is not trained.
    """

    block: str
    row: str
    setting: int | None
    seed: int | None
    updates: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of its files: `grpo.2-seed-30`, with the number of the setting."""
        return f"{self.row}.{self.setting or 0}-seed-{self.seed or 0}"

    @property
    def save_steps(self) -> int:
        """Updates between checkpoints, so that there is one where it is asked."""
        return gcd(*self.updates)

    def file(self, results: Path, updates: int) -> Path:
        """Where its result after so many updates is kept."""
        return results / self.block / f"{self.name}@{updates}.json"

    def missing(self, results: Path) -> list[int]:
        """The updates without a result yet."""
        return [updates for updates in self.updates if not self.file(results, updates).is_file()]


class Plan(Part):
    """The whole plan; see the comments in its file."""

    outcomes: list[Outcome]
    asked_before: dict[int, str]
    held_out: int
    exploration: int
    hypotheses: list[Hypothesis]
    kinds: dict[str, Kind]
    grid: dict[str, list[list[str]]]
    rows: dict[str, Row]
    blocks: dict[str, Block]
    seconds: Seconds

    @model_validator(mode="after")
    def _fits_together(self) -> Plan:
        rows = {name for block in self.blocks.values() for name in block.rows} | {
            name for hypothesis in self.hypotheses for pair in hypothesis.pairs for name in pair
        }
        if unknown := rows - {*self.rows}:
            raise ValueError(f"rows that are not described: {', '.join(sorted(unknown))}")
        if self.held_out in self.asked_before:
            raise ValueError(f"held_out {self.held_out}: something has been asked with it")
        if any(low >= high for kind in self.kinds.values() for low, high in pairwise(kind.updates)):
            raise ValueError("the updates of a kind ascend")
        return self

    def tuned(self, row: str) -> str:
        """The row whose tuning decides the setting of a row."""
        return self.rows[row].like or row

    def rollouts(self, row: str, updates: int) -> int:
        """The most responses that a row may have sampled after so many updates."""
        of = self.rows[row].kind
        if of is None:
            return 0
        return self.kinds[of].rollouts_before + (0 if of in ("told", "imitated") else RESPONSES * updates)

    def made_with(self, row: str, setting: int) -> dict[str, Any]:
        """What makes a row's results its own: `set` of the grid (`None`: no such setting), its recipe and its `set`."""
        of = self.rows[row]
        settings = self.grid.get(of.kind or "", [[]])
        chosen = settings[setting] if setting < len(settings) else None
        return {"set": chosen, "recipe": of.recipe, "row_set": of.set}

    @property
    def figures(self) -> list[tuple[str, str]]:
        """Task and measure of each outcome."""
        return [(outcome.task, outcome.measure) for outcome in self.outcomes]

    def asked_with(self, name: str) -> int:
        """Seed of the questions that a block asks."""
        return self.exploration if self.blocks[name].what == "exploration" else self.held_out

    def made_on(self, name: str) -> dict[str, Any]:
        """What the results of a block have in common: world, seed and shares of its pool, seed of its questions."""
        block = self.blocks[name]
        return {"world": block.world, "pool": [block.pool, *block.share], "asked": self.asked_with(name)}

    def runs(self, name: str, score: Score | None) -> Iterator[Run]:
        """The trainings of a block, seed by seed.

        Args:
            name: of the block.
            score: of a run of the exploration, for the choice of settings; `None`: as if the last was chosen, which
                costs most.
        """
        block = self.blocks[name]
        for seed in block.seeds:
            for row in block.rows:
                yield from self._trainings(name, row, seed, score)

    def _trainings(self, name: str, row: str, seed: int, score: Score | None) -> Iterator[Run]:
        block, of = self.blocks[name], self.rows[row].kind
        if of is None:
            if seed == block.seeds[0]:
                yield Run(block=name, row=row, setting=None, seed=None, updates=(0,))
            return
        kind = self.kinds[of]
        if block.settings == "grid":
            for setting in range(len(self.grid[of])):
                yield Run(block=name, row=row, setting=setting, seed=seed, updates=tuple(kind.updates))
            return
        setting, chosen = (0, kind.updates[-1]) if score is None else self.choose(row, score)
        most = max(chosen, kind.equal_cpu)
        updates = {"equal_cpu": (kind.equal_cpu,), "chosen": (chosen,)}.get(
            block.updates, tuple(at for at in kind.updates if at <= most)
        )
        yield Run(block=name, row=row, setting=setting, seed=seed, updates=updates)

    def choose(self, row: str, score: Score) -> tuple[int, int]:
        """Setting and number of updates of a row, by the rule of the plan.

        Raises:
            UsageError: the row was not tuned.
        """
        of = self.tuned(row)
        blocks = [name for name, block in self.blocks.items() if block.settings == "grid" and of in block.rows]
        if not blocks:
            raise UsageError(f"row {row!r} takes the setting of {of!r}, which no block of the plan tunes.")
        seeds = self.blocks[blocks[0]].seeds
        tries: dict[tuple[int, int], list[float]] = {}
        for run in (run for seed in seeds for run in self._trainings(blocks[0], of, seed, None)):
            for updates in run.updates:
                tries.setdefault((run.setting or 0, updates), []).append(score(run, updates))
        means = {key: sum(of) / len(of) for key, of in tries.items()}
        return min(means, key=lambda key: (-means[key], key[1], key[0]))

    def cost(self, name: str) -> float:
        """CPU seconds of a block, by arithmetic."""
        block, seconds = self.blocks[name], self.seconds
        total = seconds.build if block.world > 1 else 0.0
        before = {self.kinds[of].rollouts_before for row in block.rows if (of := self.rows[row].kind)}
        total += seconds.rollout * sum(before)
        for seed in block.seeds:
            for row in block.rows:
                for run in self._trainings(name, row, seed, None):
                    rate = self.rows[row].seconds or seconds.update.get(self.rows[row].kind or "", 0.0)
                    total += rate * run.updates[-1] + seconds.asked[block.what] * len(run.updates)
                    total += seconds.measured * len(run.updates) if block.what != "exploration" else 0.0
        return total


@cache
def load_plan(file: Path = FILE) -> Plan:
    """The plan that a file holds.

    Raises:
        UsageError: it is none.
    """
    tree: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree["blocks"] = {name: _plain(block) for name, block in tree["blocks"].items()}
    for hypothesis in tree["hypotheses"]:
        hypothesis["pairs"] = [tuple(pair) for pair in hypothesis["pairs"]]
    return validated(Plan, tree, f"{file}: ")


def _plain(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, **({"share": tuple(block["share"])} if "share" in block else {})}


def choose_blocks(names: Sequence[str]) -> list[str]:
    """Names of blocks in the order of the plan; all where none is given.

    Raises:
        UsageError: a name is unknown.
    """
    blocks = load_plan().blocks
    for name in names:
        if name not in blocks:
            raise UsageError(f"block {name!r} does not exist. Blocks: {', '.join(blocks)}.")
    return [name for name in blocks if name in names or not names]
