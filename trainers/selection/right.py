"""Rejection sampling: a model's own right responses among the rollouts of a selection, as rows to fine-tune on.

Fine-tuning on them (RFT, Yuan et al. 2023, arXiv 2308.01825) is the baseline that has the prompts, the rollouts and the
accuracy reward of reinforcement learning, the judge's where approved captions are asked for, and no wrong responses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.errors import DataError, UsageError
from harness.core.files import refuse_foreign, refuse_unmarked, write_atomically
from trainers.data.schema import Example, row_from_example
from trainers.layout import cost_file
from trainers.selection.stored import read_rollouts
from trainers.settings import Recipe


def check_right(recipe: Recipe, *, captions: bool) -> None:
    """Refuse a recipe whose rollouts do not tell which responses are right.

    Raises:
        UsageError: its rewards lack accuracy, or the caption reward where captions have to be approved.
    """
    for option, reward in (("--right-responses", "accuracy"), *([("--approved-captions", "caption")] * captions)):
        if reward not in recipe.rewards.weights():
            raise UsageError(f"{option}: the rollouts tell it by the {reward} reward. Set rewards.{reward} above 0.")


def check_target(recipe: Recipe, out: Path) -> None:
    """Refuse a file for right responses that holds something else, before any of them is sampled.

    Raises:
        UsageError: it is the training data, in the output folder, or not a file of such rows.
        StoreError: it cannot be read.
    """
    option = "--right-responses"
    if out.resolve() == Path(recipe.data.train).expanduser().resolve():
        raise UsageError(f"{option} {out} is data.train, which is read. Give another file with {option}.")
    if out.resolve().is_relative_to(Path(recipe.output).expanduser().resolve()):
        raise UsageError(
            f"{option} {out} is in the output folder {recipe.output}, which is for runs alone. Give another."
        )
    advice = f"Give another file with {option}."
    refuse_foreign(out, ("id", "question", "answer", "answer_kind", "response"), option=option, advice=advice)
    refuse_unmarked(cost_file(out), (b'"rollouts": ',), f"harness select {option}")


def right_responses(
    examples: Sequence[Example], rollouts: Path, *, captions: bool = False, per_prompt: int = 4
) -> tuple[list[Example], dict[str, Any]]:
    """Rows with the right responses of a file of rollouts, and what they have cost.

    A response is right that earned all of the accuracy reward and ended by itself: one that was cut off would be
    learned with an end that the model did not write.

    Args:
        examples: the prompts.
        rollouts: the file, as `trainers.selection.rollouts` writes it.
        captions: take those alone whose caption earned all of the caption reward, 1, in whichever of its forms.
        per_prompt: the first so many of a prompt, in the order of their numbers; the same text counts once.

    Returns:
        Rows in the order of the prompts, `#` and the rollout's number after their ids; and counts: `rollouts`, all that
        were sampled; `right`, of those; `rows` and `prompts`, of what is returned.

    Raises:
        DataError: no response is right.
        StoreError: a line of the file is damaged.
    """
    wanted = ("accuracy", "caption") if captions else ("accuracy",)
    found = {(record["id"], record["number"]): record for record in read_rollouts(rollouts)}  # The last line counts.
    texts: dict[str, dict[str, int]] = {}
    right = 0
    for (name, number), record in sorted(found.items()):
        earned = all((record["parts"].get(part) or 0) >= 1 for part in wanted)
        if earned and record["finish_reason"] == "stop" and record["text"].strip():
            right += 1
            texts.setdefault(name, {}).setdefault(record["text"].strip(), number)
    rows = [
        replace(example, sample=replace(example.sample, id=f"{example.sample.id}#{number}"), response=text)
        for example in examples
        for text, number in list(texts.get(example.sample.id, {}).items())[:per_prompt]
    ]
    if not rows:
        raise DataError(f"{rollouts}: none of {len(found)} responses earned all of {' and '.join(wanted)}.")
    prompts = len({row.sample.id.rpartition("#")[0] for row in rows})
    return rows, {"rollouts": len(found), "right": right, "rows": len(rows), "prompts": prompts}


def write_right_responses(rows: Sequence[Example], cost: dict[str, Any], out: Path) -> None:
    """Write rows to train on and, beside them, what they have cost.

    Raises:
        StoreError: a file cannot be written.
    """
    write_atomically(out, "".join(json.dumps(row_from_example(row), ensure_ascii=False) + "\n" for row in rows))
    write_atomically(cost_file(out), json.dumps(cost, indent=2) + "\n")
