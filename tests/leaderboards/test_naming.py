"""What a checkpoint is called, and which step of which training run it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_leaderboards import write_run

from leaderboards.naming import Step, fingerprint, identity, label_checkpoints, short_names, training_step
from leaderboards.runs import load_runs


@pytest.mark.parametrize(
    ("model", "step"),
    [
        ("outputs/grpo/checkpoint-300", Step("outputs/grpo", 300)),
        ("/home/me/outputs/grpo/global_step_40/", Step("home/me/outputs/grpo", 40)),
        ("sft/epoch-2", Step("sft", 2)),
        ("Qwen/Qwen2.5-VL-7B", None),
        ("checkpoint-300", None),
        ("outputs/checkpoint-final", None),
        ("", None),
    ],
)
def test_training_step(model: str, step: Step | None) -> None:
    assert training_step(model) == step


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["Qwen/Qwen2.5-VL-7B"], ["Qwen/Qwen2.5-VL-7B"]),
        (["/home/me/secret/runs/grpo"], ["grpo"]),
        (["/home/me/runs/grpo/checkpoint-100"], ["grpo/checkpoint-100"]),
        (["/home/me/runs/grpo/final"], ["grpo/final"]),
        (["/a/x/grpo", "/a/y/grpo"], ["x/grpo", "y/grpo"]),
        (["/a/x/grpo", "grpo"], ["x/grpo", "grpo"]),
        (["demo"], ["demo"]),
        (["C:\\models\\grpo"], ["grpo"]),
    ],
)
def test_short_names_say_no_more_than_is_needed(models: list[str], names: list[str]) -> None:
    found = short_names(models)
    assert [found[model] for model in models] == names


def test_one_name_with_other_weights_gets_digits_of_the_weights() -> None:
    labels = label_checkpoints({"sha256:aaaaaa11|f": "demo", "sha256:bbbbbb22|f": "demo", "sha256:cc|f": "other"})
    assert labels == {
        "sha256:aaaaaa11|f": "demo #aaaaaa",
        "sha256:bbbbbb22|f": "demo #bbbbbb",
        "sha256:cc|f": "other",
    }


def test_one_name_and_weights_with_another_tokenizer_are_told_apart() -> None:
    labels = label_checkpoints({"sha256:aa|one": "demo", "sha256:aa|two": "demo"})
    assert len(set(labels.values())) == 2


def test_names_that_look_alike_once_cleaned_are_told_apart() -> None:
    labels = label_checkpoints({"sha256:aaaaaaa|": "dem\u200bo", "sha256:bbbbbbb|": "dem\u200co"})
    assert len(set(labels.values())) == 2
    assert all("\u200b" not in label and "\u200c" not in label for label in labels.values())


def test_identity_is_content_not_name(tmp_path: Path) -> None:
    for name, model, weights, files in [
        ("a", "one", "sha256:aa", "t"),
        ("b", "two", "sha256:aa", "t"),
        ("c", "one", "sha256:aa", "u"),
        ("d", "one", "sha256:bb", "t"),
        ("e", "one", None, None),
        ("f", "two", None, None),
    ]:
        write_run(tmp_path / name, model=model, weights=weights, files=files, skills={"pope": 0.8}, counts=6)
    keys = [identity(run) for run in load_runs([tmp_path])[0]]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5
    assert fingerprint(keys[0]) == "aa"
    assert fingerprint(keys[4]) is None
