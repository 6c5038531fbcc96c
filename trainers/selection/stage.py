"""The selection stage of a recipe. Imported lazily only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engines import Decoding, make_engine
from harness.engines.checkpoints import Checkpoint
from harness.evaluation.plan import engine_options_of
from harness.evaluation.ranks import Ranks, share_work
from trainers.data.loading import data_digest
from trainers.data.schema import Example
from trainers.layout import FINAL, step_folders
from trainers.preparation import check_judge, choose_engine
from trainers.rewards.functions import Setup
from trainers.rewards.scoring import build_rewards
from trainers.selection.rollouts import SELECTED, Selection, select, take_part
from trainers.settings import Recipe
from trainers.trl_config import build_config

if TYPE_CHECKING:
    from harness.engines import Engine
    from harness.judges.caption import CaptionJudge


def select_rows(
    recipe: Recipe,
    checkpoint: Checkpoint,
    examples: Sequence[Example],
    root: Path,
    output: Path,
    judge: CaptionJudge | None,
    *,
    fresh: bool,
) -> Path:
    """Select by reward variance, or take the selection that is there.

    Returns:
        The file of the selected rows.

    Raises:
        HarnessError: see `trainers.selection.rollouts.select`.
    """
    folder = output / "selection"
    engine_name, options = choose_engine(recipe, recipe.selection.engine, recipe.selection.batch_size)
    begun = (output / FINAL).is_dir() or any(step_folders(output))

    def work(ranks: Ranks) -> None:
        engine = make_engine(engine_name, checkpoint, engine_options_of(options, engine_name, ranks))
        selection = _selection(recipe, checkpoint, examples, root, output, judge, engine)
        if ranks.rank:
            take_part(selection, engine, folder, ranks)
        else:
            select(selection, engine, folder, fresh=fresh, settled=begun and not fresh, ranks=ranks)

    share_work(work)
    return folder / SELECTED


def _selection(
    recipe: Recipe,
    checkpoint: Checkpoint,
    examples: Sequence[Example],
    root: Path,
    output: Path,
    judge: CaptionJudge | None,
    engine: Engine,
) -> Selection:
    """The selection that a recipe asks for, with an engine of its."""
    settings, rewards = recipe.selection, recipe.rewards
    rounds = [settings.first, settings.step, settings.most, settings.tolerance, settings.keep]
    budget = build_config(recipe, output).max_completion_length
    has_videos = any(media.kind == "video" for example in examples for media in example.sample.media)
    decoding = Decoding(max_new_tokens=budget, temperature=settings.temperature, top_p=settings.top_p, seed=recipe.seed)
    return Selection(
        examples=examples,
        root=root,
        prompt_format=recipe.prompt,
        num_frames=recipe.data.num_frames,
        rounds=settings,
        decoding=decoding,
        rewards=build_rewards(Setup(recipe=recipe, max_tokens=budget, judge=judge, tolerant=True)),
        settings={
            "weights": checkpoint.weights,
            "data": data_digest(list(examples)),
            "prompt": recipe.prompt,
            "num_frames": recipe.data.num_frames,
            "video_as": engine.video_as if has_videos else None,
            # All rollouts at once were stored in this form before they had a setting of their own.
            "rounds": rounds if settings.fixed is None else [8, 8, settings.fixed, 0, settings.keep],
            "decoding": [decoding.temperature, decoding.top_p, decoding.max_new_tokens, decoding.seed],
            "rewards": rewards.weights(),
            "judge": judge.identity if judge is not None else None,
            # Of what is given otherwise than when these settings were first stored.
            **({"repetition_span": span} if rewards.repetition and (span := rewards.repetition_span) != 4 else {}),
            **({"length_soft": soft} if rewards.length and (soft := rewards.length_soft) != 512 else {}),
            **({"accuracy": "graded"} if recipe.accuracy.graded else {}),
            **({"caption": "minus_blind"} if judge is not None and recipe.caption.minus_blind else {}),
            "engine": engine.name,
            "engine_settings": dict(engine.describe()),
        },
        check=None if judge is None else partial(check_judge, judge, str(recipe.judge.model)),
    )
