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
        overrides: settings of the recipe, `key=value`, beside the budget of all rows.
        what: one line about it.
    """

    name: str
    recipe: str | None
    subset: str | None = None
    overrides: Sequence[str] = ()
    what: str

    @property
    def with_caption_reward(self) -> bool:
        """Whether a caption reward is part of what prompts are selected by."""
        return self.recipe not in ("grpo", "no_caption", "sft")


def _changed(name: str, what: str, *overrides: str) -> Row:
    return Row(name=name, recipe="method", subset="medium", overrides=overrides, what=f"the method {what}")


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
    )
}
"""All rows, in the order of the table and in which they are run: what the others are compared with comes first."""


def choose_rows(names: Sequence[str]) -> list[Row]:
    """Rows by name, in the order of `ROWS`.

    Raises:
        UsageError: a name is unknown.
    """
    for name in names:
        if name not in ROWS:
            raise UsageError(f"row {name!r} does not exist. Rows: {', '.join(ROWS)}.")
    return [row for name, row in ROWS.items() if name in names]
