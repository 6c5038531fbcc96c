"""TRL's configuration of a recipe. Imported lazily only: torch and trl are imported at the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import ceil, gcd
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

import torch
from pydantic import ConfigDict, Field, create_model
from trl import GRPOConfig, SFTConfig

from harness.core.errors import UsageError
from trainers.extensions.chosen import check_chosen
from trainers.recipe import validated
from trainers.settings import Recipe
from trainers.trl_vllm import check_sampling

_MANAGED: Final = {
    "output_dir": "output",
    "seed": "seed",
    "data_seed": "seed",
    "trust_remote_code": "trust_remote_code",
    "reward_weights": "rewards",
    "model_init_kwargs": "train.dtype or train.attn_implementation",
    "remove_unused_columns": "nothing: the trainers need all columns",
    "max_pixels": "data.max_pixels",
    "resume_from_checkpoint": "nothing: the same command goes on from the last checkpoint",
    "chat_template_kwargs": "nothing: prompts are made as an evaluation makes them",
    **dict.fromkeys(
        ("use_transformers_continuous_batching", "use_transformers_paged"),
        "train.use_vllm: Transformers' continuous batching takes no images",
    ),
}
"""Arguments of TRL that the recipe sets elsewhere, or that have no effect here."""
_COLLATED: Final = frozenset(
    ("max_length", "packing", "padding_free", "pad_to_multiple_of", "completion_only_loss", "assistant_only_loss",
     "dataset_kwargs", "eos_token")
)  # fmt: skip
"""Arguments of `SFTConfig` about what batches are made of, which `trainers.showing` does."""
_MODEL_ARGUMENTS: Final[Mapping[str, Any]] = {
    "dtype": Literal["bfloat16", "float16", "float32"], "attn_implementation": str, "bits": Literal[4, 8],
}  # fmt: skip
"""Keys of `train` that go to the loading of the model rather than to TRL."""
_PLAIN: Final = frozenset((bool, int, float, type(None)))
"""Types that are checked; what else TRL takes may be written in more ways than its annotations say."""
_RANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    name: bounds
    for names, bounds in (
        ("learning_rate weight_decay warmup_steps adam_epsilon beta epsilon top_k dataloader_num_workers", {"ge": 0}),
        ("max_grad_norm epsilon_high vllm_importance_sampling_clip_max vllm_importance_sampling_cap",
         {"ge": 0, "allow_inf_nan": True}),
        ("delta", {"gt": 0, "allow_inf_nan": True}),
        ("temperature repetition_penalty sapo_temperature_neg sapo_temperature_pos num_train_epochs save_steps "
         "logging_steps", {"gt": 0}),
        ("per_device_train_batch_size gradient_accumulation_steps generation_batch_size steps_per_generation "
         "num_iterations max_completion_length ref_model_sync_steps vllm_max_model_length vllm_tensor_parallel_size",
         {"ge": 1}),
        ("num_generations", {"ge": 2}),
        ("min_p label_smoothing_factor ref_model_mixup_alpha top_entropy_quantile", {"ge": 0, "le": 1}),
        ("top_p vllm_gpu_memory_utilization", {"gt": 0, "le": 1}),
        ("adam_beta1 adam_beta2", {"ge": 0, "lt": 1}),
    )
    for name in names.split()
}  # fmt: skip
"""Of arguments that TRL does not check itself; infinite are upper bounds alone, which bound nothing then."""
_CHOICES: Final[Mapping[str, Sequence[str | bool]]] = {
    "loss_type": ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"),
    "scale_rewards": ("group", "batch", "none", True, False),
    "importance_sampling_level": ("token", "sequence"),
    "multi_objective_aggregation": ("sum_then_normalize", "normalize_then_sum"),
    "vllm_mode": ("server", "colocate"),
    "vllm_model_impl": ("vllm", "transformers"),
    "vllm_importance_sampling_mode": ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask"),
}
"""Of arguments whose choices TRL's types do not say; the others name them with their fields."""


def build_config(recipe: Recipe, output: Path, *, gpus: int | None = None) -> Any:
    """TRL's configuration.

    Args:
        recipe: resolved.
        output: its output folder.
        gpus: processes that it is planned for; `None`: those that a launcher has started.

    Raises:
        UsageError: an unknown key of `train` (the nearest ones are named), a value of a wrong type or out of range, or
            values that do not fit together.
    """
    kind: Any = GRPOConfig if recipe.algorithm == "grpo" else SFTConfig
    if gpus is not None:
        kind = type(kind.__name__, (kind,), {"world_size": gpus})
    known = {item.name: item for item in fields(kind)}
    _check_train(recipe, kind)
    arguments: dict[str, Any] = {
        "report_to": "none",
        "logging_steps": 1,
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "bf16": torch.cuda.is_available(),
        **{key: value for key, value in recipe.train.items() if key not in _MODEL_ARGUMENTS},
        "output_dir": str(output),
        "seed": recipe.seed,
        "trust_remote_code": recipe.trust_remote_code,
        "remove_unused_columns": False,
    }
    for name in ("gradient_checkpointing", "gradient_checkpointing_kwargs"):
        # Newer versions of Transformers warn about these names, and TRL still sets the first one.
        if (newer := name.replace("gradient", "activation")) in known:
            value = arguments.pop(name, known[name].default)
            arguments.setdefault(newer, value)
    if recipe.algorithm == "grpo":
        arguments["reward_weights"] = list(recipe.rewards.weights().values())
    else:
        arguments |= {"max_length": None, "dataset_kwargs": {"skip_prepare_dataset": True}}
    try:
        config = kind(**arguments)
    except (ValueError, TypeError) as error:
        raise UsageError(f"train: {' '.join(str(error).split())}") from error
    if (config.save_total_limit or 0) <= 0:
        config.save_total_limit = None  # As Transformers takes it.
    if config.eval_strategy != "no" or config.eval_on_start or config.save_strategy == "best":
        raise UsageError(
            "train.eval_strategy, train.eval_on_start and train.save_strategy=best need data to evaluate on, which a "
            "recipe has none of. Use eval.tasks with eval.every=true to evaluate each checkpoint that is saved."
        )
    check_chosen(recipe, config)
    if recipe.algorithm == "grpo":
        if config.sync_ref_model and (not config.beta or recipe.lora.rank):
            raise UsageError(
                "train.sync_ref_model needs a reference model of its own, which there is with train.beta above 0 and "
                "without lora.rank. Set it to false."
            )
        _check_batches(recipe, config)
        _check_ports(recipe, config)
        check_sampling(config)
    return config


def steps_a_batch(config: Any) -> int:
    """Steps that a batch of responses is used for: a run that is resumed in between would sample other responses."""
    if not isinstance(config, GRPOConfig):
        return 1
    passes = config.steps_per_generation * config.num_iterations
    return int(passes // gcd(passes, config.gradient_accumulation_steps))


def steps_an_epoch(config: Any, rows: int) -> int:
    """Optimizer steps that Transformers takes in an epoch of so many rows."""
    passes: int
    if isinstance(config, GRPOConfig):  # Rows that do not fill a batch of responses are left out.
        batches = rows // (config.generation_batch_size // config.num_generations)
        passes = batches * config.steps_per_generation * config.num_iterations
    else:
        passes = ceil(rows / (config.per_device_train_batch_size * config.world_size))
    return max(1, -(-passes // int(config.gradient_accumulation_steps)))


def _check_train(recipe: Recipe, kind: Any) -> None:
    """Refuse unknown keys of `train`, and numbers and switches of a wrong type, which TRL takes as they are."""
    for key in recipe.train:
        if key in _MANAGED:
            raise UsageError(f"train.{key} is not for a recipe to set. Use {_MANAGED[key]}.")
        if recipe.algorithm == "sft" and key in _COLLATED:
            raise UsageError(
                f"train.{key} has no effect: each row is a sequence of its own, prompt and media whole, and its "
                "response alone is learned. Leave it out."
            )
    free: dict[str, Mapping[str, Any]] = {
        f"{what}_steps": {} for what in ("save", "logging") if recipe.train.get(f"{what}_strategy", "steps") != "steps"
    }  # Nothing is done every so many steps.
    if isinstance(steps := recipe.train.get("max_steps"), int) and steps > 0:
        free["num_train_epochs"] = {}  # The steps are counted instead.
    if recipe.train.get("use_vllm"):
        free["top_k"] = {"ge": -1}  # All tokens, which Transformers knows as 0 alone.
    ranges = {**_RANGES, **free}
    hints = get_type_hints(kind)
    checked: dict[str, Any] = {name: (hint | None, None) for name, hint in _MODEL_ARGUMENTS.items()}
    for item in fields(kind):
        hint = hints[item.name]
        plain = _PLAIN.issuperset(get_args(hint) or (hint,))
        if choices := item.metadata.get("choices") or _CHOICES.get(item.name):
            kind_of: Any = Literal[tuple(choices)]
            checked[item.name] = (kind_of | None if type(None) in get_args(hint) else kind_of, None)
        else:
            checked[item.name] = (hint if plain else Any, Field(None, **ranges.get(item.name, {})))
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())
    validated(create_model("Train", __config__=config, **checked), recipe.train, f"{kind.__name__}: ", "train.")


def _check_ports(recipe: Recipe, config: Any) -> None:
    """Refuse a judge at the address of the vLLM that samples responses."""
    if not (config.use_vllm and config.vllm_mode == "server" and recipe.needs_judge and recipe.judge.base_url):
        return
    sampler = config.vllm_server_base_url or f"http://{config.vllm_server_host}:{config.vllm_server_port}"
    if _address(sampler) == _address(recipe.judge.base_url):
        raise UsageError(
            f"judge.base_url={recipe.judge.base_url} is where train.vllm_mode=server samples responses ({sampler}). "
            "Give the judge a port of its own: vllm serve JUDGE --port 8001, judge.base_url=http://localhost:8001/v1."
        )


def _address(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return "localhost" if parts.hostname in ("127.0.0.1", "0.0.0.0", "::1") else parts.hostname, parts.port


def _check_batches(recipe: Recipe, config: Any) -> None:
    """Refuse what would train wrongly in silence.

    Raises:
        UsageError: names the setting to change.
    """
    passes = config.gradient_accumulation_steps
    together = config.per_device_train_batch_size * passes * config.world_size
    prompts = config.generation_batch_size // config.num_generations
    if recipe.ntk.weight and (prompts < 2 or together < 2):
        raise UsageError(
            f"ntk: a step's {together} responses of a generation batch of {config.generation_batch_size} are of "
            f"{min(prompts, together)} prompt, pairs need two. Raise train.per_device_train_batch_size or "
            "train.gradient_accumulation_steps, or set ntk.weight=0."
        )
    if recipe.ntk.weight and config.steps_per_generation % passes:
        raise UsageError(
            f"ntk: responses are generated every {config.steps_per_generation} forward passes "
            f"(train.steps_per_generation), a step has {passes} (train.gradient_accumulation_steps), and the term "
            "compares all responses of a step. Make the first a multiple of the second, or leave it out."
        )
    used = steps_a_batch(config)
    if config.save_strategy == "steps" and used > 1 and config.save_steps % used:  # A share of all steps is none.
        raise UsageError(
            f"train.save_steps {config.save_steps:g} is not a multiple of the {used} steps that a batch of "
            "responses is used for; a run resumed in between would sample other responses. Choose a multiple."
        )
