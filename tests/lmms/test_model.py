"""The model of lmms-eval finds checkpoints as everything else does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import ModelError, UsageError

# lmms-eval and what it imports warn of each other's deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_adapter_stands_for_its_base_with_it(
    family_checkpoint: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vllm = pytest.importorskip("harness.engines.vllm")
    from harness.lmms.model import HarnessVllm

    base, given = family_checkpoint("qwen2_vl"), []

    def engine(checkpoint: Any, **_: Any) -> Any:
        given.append(checkpoint)
        return SimpleNamespace(load=lambda: None, close=lambda: None)

    monkeypatch.setattr(vllm, "VllmEngine", engine)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base), "r": 4}))
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    HarnessVllm(model=str(tmp_path))
    assert (given[0].folder, given[0].adapter) == (base, tmp_path)


def test_code_of_a_model_is_trusted_as_lmms_eval_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vllm = pytest.importorskip("harness.engines.vllm")
    from harness.lmms.model import HarnessVllm

    given: list[Any] = []

    def engine(checkpoint: Any, *, engine_args: Any, **_: Any) -> Any:
        given.append((checkpoint.trust_remote_code, engine_args))
        return SimpleNamespace(load=lambda: None, close=lambda: None)

    monkeypatch.setattr(vllm, "VllmEngine", engine)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    for refused in ({}, {"trust_remote_code": "False"}):
        with pytest.raises(ModelError, match="if you trust it, add trust_remote_code=True to --model_args") as error:
            HarnessVllm(model=str(tmp_path), **refused)
        assert "--trust-remote-code" not in str(error.value)
    with pytest.raises(UsageError, match="trust_remote_code=perhaps: give True or False"):
        HarnessVllm(model=str(tmp_path), trust_remote_code="perhaps")
    HarnessVllm(model=str(tmp_path), trust_remote_code=True)
    assert given == [(True, {})]
