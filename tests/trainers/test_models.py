"""Loading what is trained."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import transformers

from harness.core.errors import UsageError
from harness.engines.checkpoints import resolve_checkpoint
from trainers.models import load_model


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
