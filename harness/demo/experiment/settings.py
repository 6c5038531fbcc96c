"""What all rows of a block have in common. Imported lazily only: numpy is imported below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.demo.checking import TASKS
from harness.demo.data import Sizes
from harness.demo.experiment.plan import Plan, load_plan
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.caption import load_caption_judge

HELD_OUT: Final = Sizes(pope_images=80, mmbench_groups=150, videohallucer_pairs=60, mmvu_items=300)
HELD_OUT_SIZES: Final = ("pope_images", "mmbench_groups", "videohallucer_pairs", "mmvu_items")
"""Fields of `Sizes` that are about what is asked, in the order in which results keep them."""
MAX_NEW_TOKENS: Final = 56
HEADLINES: Final = (
    ("mmvu", "all/accuracy", "MMVU"),
    ("videohallucer", "mean/both", "VideoHallucer"),
    ("pope", "mean/accuracy", "POPE"),
    ("mmbench", "all/circular", "MMBench"),
)
"""Task, measure and heading, in the order of the paper's table."""
TITLES: Final = {task: head for task, _, head in HEADLINES}
DETAILS: Final = (
    ("pope", "random/accuracy", "POPE random"),
    ("pope", "popular/accuracy", "popular"),
    ("pope", "adversarial/accuracy", "adversarial"),
    ("videohallucer", "mean/basic", "VideoHallucer basic"),
    ("videohallucer", "mean/hallucinated", "hallucinated"),
    ("mmbench", "all/vanilla", "MMBench vanilla"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What all rows of a block have in common.

    Attributes:
        out: folder of the experiment.
        asked: seed of the questions that rows are asked.
        sizes: of their data.
        tasks: that are asked.
        world: number of the world that all is drawn from.
        model: the checkpoint that every row starts from.
        judge: of captions.
        pool: seed of the training questions.
        share: of seven conflicting kinds of them, those on which a bypass fails and those on which it pays.
        pool_rows: how many there are.
        rollouts: responses to each of them, from the start checkpoint, by which prompts are selected.
        right_rollouts: the same, of which the right ones are imitated.
        sampled: questions a task that are asked eight times, for exploration, where more than scores is measured.
        more: `key=value` for every row that is trained.
    """

    out: Path
    asked: int
    sizes: Sizes = HELD_OUT
    tasks: Sequence[str] = TASKS
    world: int = 1
    model: str = "demo"
    judge: str = "demo"
    pool: int
    share: tuple[int, int] = (2, 5)
    pool_rows: int = 600
    rollouts: int = 16
    right_rollouts: int = 22
    sampled: int = 48
    more: Sequence[str] = ()

    @property
    def ground(self) -> Path:
        """Folder of the training questions, and of what was selected of them."""
        return self.out / "grounds" / f"world-{self.world}-pool-{self.pool}-share-{self.share[0]}-{self.share[1]}"

    @property
    def questions(self) -> Path:
        """Folder of the questions that rows are asked."""
        return self.out / "asked" / f"world-{self.world}-{self.asked}"

    def settings(self) -> dict[str, Any]:
        """What must be equal for two rows to stand in one table."""
        judge = load_caption_judge(self.judge)
        judge.close()
        return {
            "weights": resolve_checkpoint(self.model).weights,
            "judge": judge.identity.replace(str(self.out), "OUT"),  # The same wherever it is run.
            "world": self.world,
            "pool": [self.pool_rows, self.pool, *self.share],
            "rollouts": [self.rollouts, self.right_rollouts],
            "held_out": [self.asked, *(getattr(self.sizes, name) for name in HELD_OUT_SIZES)],
            "sampled": self.sampled,
            "overrides": list(self.more),
        }


def titles_of(plan: Plan) -> list[str]:
    """Headings of the outcomes of a plan."""
    return [TITLES[task] for task, _ in plan.figures]


def experiment_of(name: str, out: Path) -> Experiment:
    """The experiment of a block of the plan."""
    plan = load_plan()
    block = plan.blocks[name]
    built = out / f"world-{block.world}"
    explores = block.what == "exploration"
    return Experiment(
        out=out,
        asked=plan.asked_with(name),
        sizes=Sizes() if explores else HELD_OUT,
        tasks=[outcome.task for outcome in plan.outcomes] if explores else TASKS,
        world=block.world,
        model="demo" if block.world == 1 else str(built / "demo"),
        judge="demo" if block.world == 1 else str(built / "judge"),
        pool=block.pool,
        share=block.share,
    )
