"""Options of other harnesses are understood or answered."""

from __future__ import annotations

import pytest

from harness.cli import main
from harness.commands.habits import with_hyphens


def test_hyphens_are_those_of_names_alone() -> None:
    assert with_hyphens("--batch_size=a_b") == "--batch-size=a_b"
    assert with_hyphens("my_model") == "my_model"


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (["--output_path", "logs"], "--output-path: here --out DIR. See"),
        (["--log_samples"], "--log-samples: every sample is always kept"),
        (["--model_args", "pretrained=x,device_map=auto"], "--model-args: here --model CKPT"),
        (["--gen_kwargs", "temperature=0"], "--gen-kwargs: here --temperature"),
        (
            ["--num_fewshot", "0", "--show_config"],
            "--num-fewshot: there are no examples in prompts: leave it out; --show",
        ),
        (["--limt", "3"], "--limt: did you mean --limit?"),
        (["--nonsense-of-mine=3"], "--nonsense-of-mine: not known"),
        (["stray"], "stray: not known"),
    ],
)
def test_an_option_of_another_harness_is_answered(
    rest: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "--model", "demo", "--tasks", "pope", *rest]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "pretrained" not in error


def test_underscores_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--model", "demo", "--tasks", "pope", "--max_new_tokens", "0"]) == 2
    assert "--max-new-tokens 0 is out of range" in capsys.readouterr().err


def test_every_command_is_completed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "bash"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("--judge-base-url", "leaderboard_publish", "--num-frames"):
        assert word in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--foo"], "--foo stands before a command"),
        (["-x"], "-x stands before a command"),
        (["--model", "demo"], "--model stands before a command"),
        (["runs", "rm", "x", "--yess"], "--yess: did you mean --yes?"),
        (["runs", "list", "nosuch"], "nosuch: no such folder"),
    ],
)
def test_what_does_not_fit_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "--runs" not in error
