"""What `harness.json` says of a training, and what tells one training from another.

Imported lazily only: datasets is imported by `trainers.data.loading`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.engines.checkpoints import Checkpoint
from harness.runs.config import flatten, read_json
from trainers.data.loading import data_digest
from trainers.data.schema import Example
from trainers.layout import FINAL, WHOLE, cost_file, saved_checkpoints
from trainers.preparation import is_trained
from trainers.settings import Recipe

_FREE: Final = frozenset(
    (
        *("output", "conflict_rows", "max_logprob_gap", "ntk.chunk_size"),
        *(f"judge.{name}" for name in ("base_url", "api_key_env", "cache", "gpu_share")),
        *(
            f"train.{name}"
            for name in (
                "gradient_checkpointing torch_empty_cache_steps vllm_gpu_memory_utilization ddp_timeout "
                "dataloader_num_workers dataloader_pin_memory dataloader_prefetch_factor "
                "vllm_server_base_url vllm_server_host vllm_server_port vllm_server_timeout vllm_group_port "
                "report_to run_name log_completions logging_strategy logging_first_step logging_steps "
                "save_strategy save_steps save_total_limit"
            ).split()
        ),
    )
)
"""Settings that decide nothing of what is trained: places, memory, what is logged and what is kept."""
BATCH: Final = frozenset(
    f"train.{name}"
    for name in (
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "steps_per_generation",
        "generation_batch_size",
    )
)
"""Settings that decide by what they come to with the number of processes (`batch_sizes`)."""
_TOLD_APART: Final = frozenset(("model", "seed", "data.train", "data.media_root"))
"""Settings that a recipe's digest leaves out: seeds are to have one, the others' contents have digests of their own."""

_WEIGHTS: Final = "trained_from.weights"
_ROWS: Final = "training.data"
_SELECTED: Final = "data.digest"
_SIZES: Final = {
    "batch.responses_per_update": "the responses of an update",
    "batch.responses_per_generation": "the responses that are sampled at a time",
    "batch.responses_per_pass": "the responses of a forward pass",
}
_HELD: Final = {
    _WEIGHTS: "the weights of model",
    _ROWS: "the rows of data.train",
    _SELECTED: "the selected rows",
    **_SIZES,
}
"""What a training that goes on has to have in common with what is there, by its place in `harness.json`."""


def differing(stored: Recipe, recipe: Recipe) -> list[str]:
    """Settings in which two recipes differ, but for those that decide nothing of what is trained."""
    one, other = (flatten(item.model_dump()) for item in (stored, recipe))
    return sorted(key for key in {*one, *other} - _FREE if one.get(key) != other.get(key))


def batch_sizes(recipe: Recipe, config: Any) -> dict[str, int]:
    """What batches come to, whatever processes and forward passes they are divided among.

    Args:
        recipe: resolved.
        config: of TRL, of the recipe.

    Returns:
        Responses of an optimizer step, those that are generated at a time (grpo), and those of a forward pass where the
        loss has means over one.
    """
    passes, size = config.gradient_accumulation_steps, config.per_device_train_batch_size
    sizes = {"responses_per_update": size * passes * config.world_size}
    if recipe.algorithm == "grpo":
        sizes["responses_per_generation"] = config.generation_batch_size
        if config.loss_type == "bnpo" or recipe.papo.enabled:
            sizes["responses_per_pass"] = size
    return sizes


def provenance(
    recipe: Recipe,
    batch: Mapping[str, int],
    checkpoint: Checkpoint,
    examples: Sequence[Example],
    given: Sequence[Example],
) -> dict[str, Any]:
    """What `harness.json` says of a trained checkpoint.

    Args:
        recipe: resolved.
        batch: see `batch_sizes`.
        checkpoint: that training starts from.
        examples: that are trained on.
        given: that they were selected from; what is selected may depend on the seed.
    """
    from harness.evaluation.provenance import git_commit

    cost = cost_file(Path(recipe.data.train).expanduser())
    return {
        "prompt_format": recipe.prompt,
        "trained_with": "harness train",
        "trained_from": {"name": checkpoint.name, "weights": checkpoint.weights},
        "data": {"source": recipe.data.train, "count": len(examples), "digest": data_digest(list(examples))}
        | ({"cost": dict(read_json(cost))} if cost.is_file() else {}),
        "commit": git_commit(),
        "batch": dict(batch),
        "training": {
            "recipe": _recipe_digest(recipe, batch, checkpoint),
            "data": data_digest(list(given)),
            "seed": recipe.seed,
        },
        "recipe": recipe.model_dump(),
    }


def _recipe_digest(recipe: Recipe, batch: Mapping[str, int], checkpoint: Checkpoint) -> str:
    """Of all that decides what is trained, but for the seed and the data: equal for the seeds of one recipe."""
    settings = flatten(recipe.model_dump(exclude={"eval"}))
    kept = {key: value for key, value in settings.items() if key not in _FREE | BATCH | _TOLD_APART}
    text = json.dumps({**kept, "batch": dict(batch), "start": checkpoint.weights}, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def refuse_other_start(
    output: Path, weights: str | None, examples: Sequence[Example], batch: Mapping[str, int] | None
) -> None:
    """Refuse to go on with what was trained from other weights, rows or batches than are there now; nothing is written.

    Args:
        output: the output folder.
        weights: fingerprint of those that training starts from; `None`: not known yet.
        examples: the rows, before a selection.
        batch: see `trainers.provenance.batch_sizes`; `None`: it is not trained.

    Raises:
        StoreError: says which of them differ.
    """
    held: dict[str, Any] = {_ROWS: data_digest(list(examples))} | ({} if weights is None else {_WEIGHTS: weights})
    if batch is not None and not is_trained(output):  # What is evaluated only may be by any number of processes.
        held |= flatten(batch, "batch")
    _hold(output, held)


def refuse_other_selection(output: Path, examples: Sequence[Example]) -> None:
    """Refuse to go on with what was trained on other selected rows; nothing is written.

    Raises:
        StoreError: they differ.
    """
    _hold(output, {_SELECTED: data_digest(list(examples))})


def told(output: Path) -> dict[str, Any]:
    """What the newest model of a folder says of its training, flat; empty where there is none."""
    newest = _newest(output)
    return {} if newest is None else flatten(read_json(newest / WHOLE))


def _newest(output: Path) -> Path | None:
    return output / FINAL if is_trained(output) else next(reversed(saved_checkpoints(output)), None)


def _hold(output: Path, facts: Mapping[str, Any]) -> None:
    """Hold facts, by their places in `harness.json`, against those of the newest model of a folder."""
    stored = told(output)
    # What older versions did not tell is not held, and was made with the same settings (`refuse_other_recipe`).
    others = [place for place, fact in facts.items() if stored.get(place, fact) != fact]
    if not others:
        return
    sizes = [f" ({stored[place]} before, {facts[place]} now)" if place in _SIZES else "" for place in others]
    named = [f"{_HELD[place]}{size}" for place, size in zip(others, sizes, strict=True)]
    advice = " (train.gradient_accumulation_steps makes up for another number of processes)" if any(sizes) else ""
    raise StoreError(
        f"{_newest(output)} was trained otherwise ({' and '.join(named)} differ). Put them back{advice}, give --fresh "
        "to throw it away, or another output=FOLDER."
    )
