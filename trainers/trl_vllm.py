"""What TRL does otherwise with vLLM: it imports it always, and compares log-probabilities of other distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from harness.core.errors import UsageError
from trainers.settings import Recipe


def leave_out_vllm(recipe: Recipe) -> None:
    """Have TRL take vLLM for not installed, in this process, unless the recipe uses it.

    To be called before TRL's trainers are imported, which is when TRL looks for it.

    Args:
        recipe: resolved.
    """
    if not recipe.train.get("use_vllm"):
        from trl import import_utils

        import_utils.is_vllm_available = lambda min_version=None: False


def is_truncated(config: Any) -> bool:
    """Whether responses are sampled from a changed distribution: from a part of it, or with penalties."""
    given: dict[str, Any] = {
        "top_p": config.top_p,
        "top_k": config.top_k,
        "min_p": config.min_p,
        "repetition_penalty": config.repetition_penalty,
        **(config.generation_kwargs or {}),
    }
    return (
        given["top_p"] < 1
        or given["top_k"] > 0
        or bool(given["min_p"])
        or given["repetition_penalty"] != 1
        or any(given.get(name) for name in ("presence_penalty", "frequency_penalty"))
    )


def check_sampling(config: Any) -> None:
    """Refuse what vLLM has no log-probabilities of that could be compared with the trainer's.

    Raises:
        UsageError: responses are sampled from a part of the distribution at another temperature than 1.
    """
    compares = config.use_vllm and config.vllm_importance_sampling_correction
    if compares and config.temperature != 1 and is_truncated(config):
        raise UsageError(
            f"train.temperature={config.temperature} with top_p, top_k, min_p or a penalty: vLLM tells "
            "log-probabilities after both or before both, and the trainer scores after the temperature alone. Set "
            "train.temperature=1, sample from the whole distribution (train.top_p=1), or set "
            "train.vllm_importance_sampling_correction=false."
        )


@contextmanager
def starting_vllm(config: Any, arguments: Mapping[str, Any]) -> Iterator[None]:
    """While a trainer is made: start its vLLM, if it is colocated, with arguments that TRL has no settings for."""
    if not (config.use_vllm and config.vllm_mode == "colocate"):
        yield
        return
    generation = import_module("trl.generation.vllm_generation")
    start = generation.LLM
    generation.LLM = lambda **given: start(**given | arguments)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        generation.LLM = start  # type: ignore[attr-defined]


def comparable_logprobs(config: Any) -> dict[str, Any]:
    """Arguments with which a colocated vLLM tells log-probabilities of what is scored.

    TRL asks for those of the distribution that was sampled from: of a nucleus of mass .95 they are up to .05 higher a
    token than those that it scores, which are of all tokens. That is neither a fault of vLLM's nor a change of the
    policy, but TRL multiplies the loss by the ratio, over a whole response: a few per cent a token leave next to
    nothing of a long one's gradient. Where tokens are cut off or penalised, vLLM's raw ones are compared, at
    temperature 1.

    Args:
        config: TRL's configuration.
    """
    return {"logprobs_mode": "raw_logprobs"} if is_truncated(config) else {}


def check_server(trainer: Any, config: Any) -> None:
    """Refuse a server whose log-probabilities are of another distribution than the one that is scored.

    Raises:
        UsageError: says how to start it.
    """
    corrects = config.vllm_mode == "server" and config.vllm_importance_sampling_correction
    if not (config.use_vllm and corrects and is_truncated(config) and trainer.accelerator.is_main_process):
        return
    mode = trainer.vllm_generation.vllm_client.get_server_info()["model_config"]["logprobs_mode"]
    if mode != "raw_logprobs":
        raise UsageError(
            f"the vLLM server at train.vllm_server_base_url tells {mode}, which are of the part of the distribution "
            "that train.top_p, top_k, min_p or a penalty leave. Start it with --logprobs-mode raw_logprobs."
        )
