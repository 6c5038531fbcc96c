"""Loading what is trained."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support_families import FAMILIES

from harness.core.errors import UsageError
from harness.engines.checkpoints import resolve_checkpoint
from trainers import models
from trainers.models import adapter_config, load_model, training_dtype, vision_parts, widen_adapter
from trainers.settings import LoraSettings


def test_loading_on_one_rank_is_refused_where_the_others_would_have_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    monkeypatch.setattr(models.transformers, "__version__", "5.19.0")
    with pytest.raises(UsageError, match=r"fsdp_cpu_ram_efficient_loading trains other weights with .* 5\.19"):
        load_model(SimpleNamespace(), resolve_checkpoint("demo"))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_parts_that_see_are_neither_adapted_nor_left_unfrozen(family: str) -> None:
    from peft import inject_adapter_in_model

    with torch.device("meta"):
        model, _ = FAMILIES[family].make()
        for part in vision_parts(model, resolve_checkpoint("demo")):
            part.requires_grad_(False)
        trained = {name for name, value in model.named_parameters() if value.requires_grad}
        inject_adapter_in_model(adapter_config(LoraSettings(rank=2)), model)
    adapted = {name for name, _ in model.named_parameters() if "lora_" in name}
    for names in (trained, adapted):
        assert names
        seeing = ("vision", "visual", "tower", "image_embed", "audio")
        assert not [name for name in names if any(part in name for part in seeing)]


def recipe_of(rank: int = 0, **train: Any) -> Any:
    return SimpleNamespace(lora=SimpleNamespace(rank=rank), train=train)


def test_sixteen_bits_lose_the_steps_that_a_copy_in_float32_takes() -> None:
    """The paper's learning rate, on weights of a trained model's size."""
    start = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 0.02
    moved = {}
    for dtype in (torch.bfloat16, torch.float32):
        weights = torch.nn.Parameter(start.to(dtype))
        before = weights.detach().clone()
        optimiser = torch.optim.AdamW([weights], lr=1e-6, weight_decay=0.0)
        for _ in range(50):
            weights.grad = torch.ones_like(weights)
            optimiser.step()
        moved[dtype] = (weights != before).float().mean().item()
    assert moved[torch.bfloat16] < 0.05
    assert moved[torch.float32] == 1.0


@pytest.mark.parametrize(
    ("recipe", "sharded", "dtype"),
    [
        (recipe_of(), {}, torch.float32),
        (recipe_of(rank=8), {}, torch.bfloat16),
        (recipe_of(deepspeed="z3.json"), {}, torch.bfloat16),
        (recipe_of(), {"ACCELERATE_USE_DEEPSPEED": "true"}, torch.bfloat16),
        (recipe_of(bf16=True), {"ACCELERATE_USE_FSDP": "true"}, torch.bfloat16),
        (
            recipe_of(bf16=False),
            {"ACCELERATE_USE_FSDP": "true"},
            torch.float32,
        ),  # Nothing is mixed: FSDP casts nothing.
        (recipe_of(dtype="bfloat16", bf16=True), {}, None),
        (recipe_of(dtype="float16", bf16=False), {"ACCELERATE_USE_FSDP": "true"}, None),
        (recipe_of(rank=8, dtype="float32"), {}, torch.float32),
    ],
)
def test_what_is_trained_is_held_in_float32_somewhere(
    recipe: Any, sharded: dict[str, str], dtype: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sharded.items():
        monkeypatch.setenv(name, value)
    if dtype is None:
        with pytest.raises(UsageError, match=r"train\.dtype=b?float16: weights of 16 bits without a copy"):
            training_dtype(recipe, on_gpu=True)
    else:
        assert training_dtype(recipe, on_gpu=True) == dtype


def test_the_adapter_of_a_quantised_model_is_widened() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)).to(torch.bfloat16)
    model[0].requires_grad_(False)
    widen_adapter(model)
    assert [layer.weight.dtype for layer in model] == [torch.bfloat16, torch.float32]
