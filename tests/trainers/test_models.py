"""Loading what is trained."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.engines.checkpoints import resolve_checkpoint
from trainers.models import load_model


def test_no_adapter_is_trained_on_top_of_another() -> None:
    adapted = replace(resolve_checkpoint("demo"), name="mine", adapter=Path("mine"))
    recipe: Any = SimpleNamespace(lora=SimpleNamespace(rank=8))
    with pytest.raises(UsageError, match="Merge it first: harness merge mine OUT"):
        load_model(recipe, adapted)
