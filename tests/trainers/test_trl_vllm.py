"""TRL does not import a vLLM that a recipe does not use."""

from pathlib import Path

import pytest
from trl import import_utils

import trainers.run
from trainers.recipe import load_recipe
from trainers.trl_vllm import leave_out_vllm


def test_vllm_is_there_for_the_recipes_that_use_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_utils, "is_vllm_available", lambda min_version=None: True)
    leave_out_vllm(load_recipe("demo/grpo", ["train.use_vllm=true"]))
    assert import_utils.is_vllm_available()
    leave_out_vllm(load_recipe("demo/grpo", []))
    assert not import_utils.is_vllm_available(min_version="0.28.0")


def test_it_is_left_out_before_anything_of_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainers.run, "leave_out_vllm", lambda recipe: pytest.fail(recipe.algorithm))
    with pytest.raises(pytest.fail.Exception, match="grpo"):
        trainers.run.train(load_recipe("demo/grpo", [f"output={tmp_path / 'out'}"]))
