"""What comes before anything slow: the data checked, the judge asked a first question, engines chosen.

Imported lazily only: datasets is imported by `trainers.data.loading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import DataError, HarnessError, ModelError, UsageError
from trainers.console import say
from trainers.data.loading import read_training, training_file
from trainers.data.schema import Example
from trainers.layout import FINAL, WHOLE
from trainers.rewards import Score
from trainers.rewards.asking import LEAVE_OUT, answers_now, why_not
from trainers.rewards.functions import accuracy_reward
from trainers.settings import POLICY, Recipe

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge

_CHECKED: Final = 500
"""Rows whose targets are tried before training."""


def prepare(recipe: Recipe, output: Path) -> tuple[list[Example], Path, CaptionJudge | None]:
    """Read the data and ask the judge a first question, before anything slow happens.

    Where training is done already the judge is not asked: nothing but an evaluation is left.

    Raises:
        DataError: a row is malformed, or no row's own target would be judged right.
        ModelError: the judge does not answer.
    """
    examples, root = read_rows(recipe, output)
    return examples, root, open_judge(recipe, ask=not is_trained(output)) if recipe.needs_judge else None


def read_rows(recipe: Recipe, output: Path) -> tuple[list[Example], Path]:
    """The rows of a recipe's data, and what their media paths are relative to.

    Raises:
        DataError: a row is malformed, or no row's own target would be judged right.
    """
    file, root = training_file(recipe, output)
    examples = read_training(
        file,
        root,
        outside=recipe.data.allow_outside,
        limit=recipe.data.limit,
        require_response=recipe.algorithm == "sft",
    )
    if recipe.algorithm == "grpo":
        check_targets(examples, file, accuracy_reward(recipe))
    return examples, root


def is_trained(output: Path) -> bool:
    """Whether training in a folder has come to its end."""
    return (output / FINAL / WHOLE).is_file()


def check_targets(examples: Sequence[Example], file: Path, score: Score) -> None:
    """Try each row's own target as the answer: what is never judged right can teach nothing.

    Args:
        examples: the rows.
        file: that they are read from.
        score: the accuracy reward.

    Raises:
        DataError: none of the first rows is judged right.
    """
    from harness.core.types import Response

    checked = examples[:_CHECKED]
    told = [Response(sample_id=row.sample.id, text=f"<answer>{row.sample.target}</answer>") for row in checked]
    values = score([row.sample for row in checked], told)
    wrong = [row for row, value in zip(checked, values, strict=True) if value is None or value < 1 - 1e-6]
    if not wrong:
        return
    first = wrong[0].sample
    text = (
        f"{file}: of the first {len(checked)} rows {len(wrong)} have an answer that is not judged right even when it "
        f"is given word for word, e.g. row {first.id!r}: {first.target[:60]!r} ({first.answer_kind})."
    )
    if len(wrong) == len(checked):
        raise DataError(f"{text} Is answer_kind right? 'harness data validate' checks the schema.")
    say(f"warning: {text}")


def open_judge(recipe: Recipe, *, ask: bool = True) -> CaptionJudge:
    """The judge, once it has answered.

    Args:
        recipe: names it.
        ask: ask it a first question.

    Raises:
        UsageError: the recipe names none.
        ModelError: it does not answer; nothing was spent yet.
    """
    from harness.judges.caption import load_caption_judge

    if recipe.judge.model is None:
        raise UsageError(
            f"{' and '.join(recipe.rewards.judged)} needs a judge: set judge.model (a checkpoint, demo, or "
            "openai:MODEL)."
        )
    if recipe.judge.model == POLICY:
        from trainers.rewards.policy import PolicyJudge

        return PolicyJudge(recipe, recipe.resolve_model())  # Whether it answers is what it is to learn.
    judge = load_caption_judge(
        recipe.judge.model,
        base_url=recipe.judge.base_url,
        api_key_env=recipe.judge.api_key_env,
        cache_dir=Path(recipe.judge.cache).expanduser() if recipe.judge.cache else None,
        engine=recipe.judge.engine,
        option="judge.base_url",
    )
    if ask:
        try:
            check_judge(judge, recipe.judge.model)
        except HarnessError:
            judge.close()
            raise
    return judge


def check_judge(judge: CaptionJudge, name: str) -> None:
    """Ask a judge a question that it has to answer itself, not from the answers that are on disk.

    Raises:
        ModelError: it does not answer.
    """
    if not answers_now(judge):
        raise ModelError(f"the judge {name!r} does not answer: {why_not(judge)} Start it, or {LEAVE_OUT}.")


def choose_engine(recipe: Recipe, name: str, batch_size: int | None) -> tuple[str, dict[str, Any]]:
    """An engine, `auto` resolved (vLLM where it is installed and there is a GPU, else hf), and its settings."""
    from harness.engines import vllm_is_usable

    if name == "auto":
        name = "vllm" if vllm_is_usable() else "hf"
    data = recipe.data
    wanted = {
        "max_pixels": data.max_pixels,
        "video_as": data.video_as,
        "batch_size": batch_size if name == "hf" else None,
    }
    return name, {key: value for key, value in wanted.items() if value is not None}
