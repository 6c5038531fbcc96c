"""TRL does not import a vLLM that a recipe does not use, and compares log-probabilities of one distribution."""

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from trl import import_utils

import trainers.run
from harness.core.errors import UsageError
from trainers.recipe import load_recipe
from trainers.trl_config import build_config
from trainers.trl_vllm import check_server, comparable_logprobs, leave_out_vllm, starting_vllm


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


def config_of(*settings: str) -> Any:
    recipe = load_recipe("demo/grpo", ["train.use_vllm=true", "train.vllm_mode=colocate", *settings])
    return build_config(recipe, Path("out"))


@pytest.mark.parametrize(
    ("setting", "mode"),
    [
        ("train.top_p=0.95", "raw_logprobs"),
        ("train.top_k=20", "raw_logprobs"),
        ("train.min_p=0.1", "raw_logprobs"),
        ("train.repetition_penalty=1.1", "raw_logprobs"),
        ("train.generation_kwargs={top_p: 0.9}", "raw_logprobs"),
        ("train.temperature=0.7", "processed_logprobs"),
        ("train.vllm_mode=server train.top_p=0.95", "processed_logprobs"),  # It is started elsewhere.
    ],
)
def test_what_sampling_leaves_out_is_no_gap(setting: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = SimpleNamespace(LLM=lambda **settings: settings)
    monkeypatch.setitem(sys.modules, "trl.generation.vllm_generation", made)
    plain = made.LLM
    config = config_of(*re.split(" (?=train)", setting))
    with starting_vllm(config, comparable_logprobs(config)):
        assert made.LLM(model="m", logprobs_mode="processed_logprobs") == {"model": "m", "logprobs_mode": mode}
    assert made.LLM is plain


def test_what_vllm_cannot_tell_is_refused() -> None:
    with pytest.raises(UsageError, match=r"train\.temperature=0\.7 with top_p"):
        config_of("train.temperature=0.7", "train.top_p=0.9")
    config_of("train.temperature=0.7", "train.top_p=0.9", "train.vllm_importance_sampling_correction=false")


@pytest.mark.parametrize(
    ("mode", "top_p", "refused"),
    [("processed_logprobs", 0.9, True), ("raw_logprobs", 0.9, False), ("processed_logprobs", 1.0, False)],
)
def test_a_server_has_to_tell_what_is_scored(mode: str, top_p: float, refused: bool) -> None:
    client = SimpleNamespace(get_server_info=lambda: {"model_config": {"logprobs_mode": mode}})
    trainer = SimpleNamespace(
        accelerator=SimpleNamespace(is_main_process=True), vllm_generation=SimpleNamespace(vllm_client=client)
    )
    config = config_of("train.vllm_mode=server", f"train.top_p={top_p}")
    with pytest.raises(UsageError, match="--logprobs-mode raw_logprobs") if refused else nullcontext():
        check_server(trainer, config)
