"""The rows of the experiment: what is trained, from which start, with which settings; standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        name: of the row, and of its folder.
        recipe: a recipe of `trainers/recipes/demo`; `None`: the checkpoint that all rows start from, untrained.
        subset: the part of the pool that is trained on, by measured reward variance; `None`: all of it.
        keep: share of the pool that counts as medium.
        overrides: settings of the recipe, `key=value`, beside the budget of all rows.
        what: one line about it.
    """

    name: str
    recipe: str | None
    subset: str | None = None
    keep: float = 0.5
    overrides: Sequence[str] = ()
    what: str

    @property
    def with_caption_reward(self) -> bool:
        """Whether a caption reward is part of what prompts are selected by."""
        return self.recipe not in ("grpo", "no_caption", "sft")


def _changed(name: str, what: str, *overrides: str, keep: float = 0.5) -> Row:
    return Row(name=name, recipe="method", subset="medium", keep=keep, overrides=overrides, what=f"the method {what}")


ROWS: Final = {
    row.name: row
    for row in (
        Row(name="base", recipe=None, what="the checkpoint that all others start from"),
        Row(name="sft", recipe="sft", what="supervised fine-tuning on the pool's true responses"),
        Row(name="grpo", recipe="grpo", what="plain GRPO on the whole pool: accuracy and format rewards"),
        Row(name="method", recipe="method", subset="medium", what="selection, caption reward, contrastive term"),
        Row(name="no_caption", recipe="no_caption", subset="medium", what="the method without the caption reward"),
        Row(name="no_infonce", recipe="no_infonce", subset="medium", what="the method without the contrastive term"),
        Row(name="no_selection", recipe="no_selection", what="the method on the whole pool"),
        Row(name="hard_only", recipe="hard_only", subset="hard", what="the method on the prompts measured hard"),
        Row(name="easy_only", recipe="easy_only", subset="easy", what="the method on the prompts measured easy"),
        _changed("infonce_0.54", "with the paper's absolute threshold", "ntk.threshold=0.54", "ntk.quantile=null"),
        _changed("infonce_q0.5", "with half of the pairs pushed apart, not a tenth", "ntk.quantile=0.5"),
        _changed(
            "infonce_hidden", "with the cosine of mean hidden states in place of the kernel", "ntk.estimator=hidden"
        ),
        _changed("infonce_x10", "with ten times the weight on the contrastive term", "ntk.weight=0.1"),
        _changed("keep_0.25", "on a quarter of the prompts, not half", keep=0.25),
        Row(name="grpo_free", recipe="grpo", overrides=("train.beta=0.0",), what="plain GRPO without KL to its start"),
        _changed("method_free", "without KL to its start", "train.beta=0.0"),
    )
}
"""All rows, in the order of the table."""

ORDER: Final = (
    "base", "grpo", "method", "no_caption", "no_infonce", "no_selection", "hard_only", "easy_only", "sft",
    "keep_0.25", "grpo_free", "method_free", "infonce_0.54", "infonce_q0.5", "infonce_hidden", "infonce_x10",
)  # fmt: skip
"""In which rows are run: those that the others are compared with come first."""


def choose_rows(names: Sequence[str]) -> list[Row]:
    """Rows by name, in the order in which they are run.

    Raises:
        UsageError: a name is unknown.
    """
    for name in names:
        if name not in ROWS:
            raise UsageError(f"row {name!r} does not exist. Rows: {', '.join(ORDER)}.")
    return [ROWS[name] for name in ORDER if name in names]
