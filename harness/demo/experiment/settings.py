"""What all rows of the experiment have in common. Imported lazily only: numpy is imported below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.demo.data import Sizes
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.caption import load_caption_judge
from trainers.recipe import load_recipe

POOL_SEED: Final = 51
HELD_OUT_SEED: Final = 20261127
"""Of questions that nothing was tuned on; the demo's own data sets have another one."""
HELD_OUT: Final = Sizes(pope_images=80, mmbench_groups=150, videohallucer_pairs=60, mmvu_items=300)
HELD_OUT_SIZES: Final = ("pope_images", "mmbench_groups", "videohallucer_pairs", "mmvu_items")
"""Fields of `Sizes` that are about what is asked, in the order in which results keep them."""
MAX_NEW_TOKENS: Final = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What all rows have in common.

    Attributes:
        out: folder of the experiment.
        model: the checkpoint that every row starts from.
        steps: updates of each row, of 64 responses (or examples) each.
        rollouts: responses to each prompt of the pool, from the start checkpoint, by which prompts are selected.
        pool_rows: training questions.
        sizes: of the held-out data.
        sampled: questions a task that are asked eight times, for exploration; 0 leaves it out.
        overrides: `key=value` for every row that is trained.
    """

    out: Path
    model: str = "demo"
    steps: int = 60
    rollouts: int = 16
    pool_rows: int = 600
    sizes: Sizes = HELD_OUT
    sampled: int = 48
    overrides: Sequence[str] = ()

    @property
    def results(self) -> Path:
        """Folder of what is reported."""
        return self.out / "results"

    def settings(self) -> dict[str, Any]:
        """What must be equal for two rows to stand in one table."""
        recipe = load_recipe("demo/method", [text for text in self.overrides if recipe_part(text) == "judge"])
        judge = load_caption_judge(
            str(recipe.judge.model), base_url=recipe.judge.base_url, api_key_env=recipe.judge.api_key_env
        )
        judge.close()
        return {
            "weights": resolve_checkpoint(self.model).weights,
            "judge": judge.identity,
            "steps": self.steps,
            "rollouts": self.rollouts,
            "pool": [self.pool_rows, POOL_SEED],
            "held_out": [HELD_OUT_SEED, *(getattr(self.sizes, name) for name in HELD_OUT_SIZES)],
            "sampled": self.sampled,
            "overrides": list(self.overrides),
        }


def recipe_part(override: str) -> str:
    """The part of a recipe that a `key=value` is about."""
    return override.partition("=")[0].partition(".")[0].strip()
