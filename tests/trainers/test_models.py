"""Loading what is trained."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from support_families import FAMILIES

from harness.core.errors import UsageError
from harness.engines.checkpoints import resolve_checkpoint
from trainers.models import adapter_config, load_model, vision_parts
from trainers.settings import LoraSettings


def test_no_adapter_is_trained_on_top_of_another() -> None:
    adapted = replace(resolve_checkpoint("demo"), name="mine", adapter=Path("mine"))
    recipe: Any = SimpleNamespace(lora=SimpleNamespace(rank=8))
    with pytest.raises(UsageError, match="Merge it first: harness merge mine OUT"):
        load_model(recipe, adapted)


def test_loading_on_one_rank_is_refused_where_the_others_would_have_no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")
    monkeypatch.setattr(transformers, "__version__", "5.19.0")
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
