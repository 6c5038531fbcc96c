"""TRL imports a vLLM that is installed whether it is used or not, which takes many seconds."""

from __future__ import annotations

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
