"""The command line: fast, lazy, and clear about mistakes."""

import subprocess
import sys

import pytest

from harness.cli import main

HEAVY = ("torch", "transformers", "vllm", "lmms_eval", "pandas", "numpy", "scipy", "PIL", "datasets", "av")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "harness", *arguments], capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from harness.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    for command in ("eval", "score", "compare", "tasks", "doctor", "demo"):
        assert command in result.stdout


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval"], "--model"),
        (["evil"], "did you mean eval?"),
        (
            ["eval", "--model", "demo", "--tasks", "pope", "--limit", "x"],
            "'x' is neither a number of samples nor a share",
        ),
        (["eval", "--model", "demo", "--tasks", "pope", "--limit", "1.5"], "--limit 1.5 is out of range"),
        (["eval", "--model", "demo", "--tasks", "pope", "--limit", "0"], "--limit 0 is out of range"),
        (["eval", "--model", "demo", "--tasks", ""], "no task named"),
        (["eval", "--model", "demo", "--tasks", "pope,pope"], "named twice"),
        (["eval", "--model", "demo", "--tasks", "pope", "--prompt", "loud"], "prompt 'loud' does not exist"),
        (["eval", "--model", "demo", "--tasks", "pope", "--engine", "steam"], "engine 'steam' does not exist"),
        (["eval", "--model", "demo", "--tasks", "pope", "--top-p", "0"], "--top-p"),
        (["eval", "--model", "demo", "--tasks", "pope", "--top-k", "-1"], "--top-k -1 is out of range"),
        (["eval", "--model", "demo", "--tasks", "pope", "--repetition-penalty", "0"], "--repetition-penalty 0.0"),
        (["eval", "--model", "demo", "--tasks", "pope", "--top-p", "nan"], "--top-p nan is out of range"),
        (["eval", "--model", "demo", "--tasks", "pope", "--temperature", "-1"], "--temperature"),
        (["eval", "--model", "demo", "--tasks", "pope", "--temperature", "nan"], "--temperature nan is out of range"),
        (["eval", "--model", "demo", "--tasks", "pope", "--temperature", "inf"], "--temperature inf is out of range"),
        (
            ["eval", "--model", "demo", "--tasks", "pope", "--seed", "-1"],
            "--seed -1 is out of range: it must be at least 0",
        ),
        (["eval", "--model", "demo", "--tasks", "pope", "--seed", "9" * 30], "it must be at most 9223372036854775807"),
        (["eval", "--model", "demo", "--tasks", "pope", "--batch-size", "9" * 30], "it must have at most 64 bits"),
        (["eval", "--model", "demo", "--tasks", "pope", "--revision", "r"], "--revision r: 'demo' is no id on the hub"),
        (["eval", "--model", "openai:m", "--tasks", "pope", "--revision", "r"], "'openai:m' is no id on the hub"),
        (["eval", "--model", "m" * 480, "--tasks", "pope", "--engine", "hf"], "is too long for the name of a file"),
        (
            ["eval", "--model", "demo", "--tasks", "pope", "--engine", "hf", "--engine-arg", "colour=red"],
            "engine 'hf' has no setting 'colour'",
        ),
        (
            ["eval", "--model", "demo", "--tasks", "pope", "--engine", "hf", "--engine-arg", "live=true"],
            "engine 'hf' has no setting 'live'",
        ),
        (
            ["eval", "--model", "demo", "--tasks", "pope", "--engine", "hf", "--engine-arg", "model=x"],
            "setting 'model' of engine 'hf' is 'x': Input should be an instance of Module.",
        ),
        (
            ["eval", "--model", "openai:m", "--tasks", "pope", "--data", "demo", "--engine-arg", "timeout_s=1m"],
            "setting 'timeout_s' of engine 'api' is '1m': Input should be a valid number.",
        ),
        (["eval", "--model", "./nowhere", "--tasks", "pope"], "model './nowhere' not found"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_the_module_runs_as_the_command() -> None:
    result = run("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("harness ")


def test_a_mistake_in_a_subprocess_exits_2() -> None:
    result = run("eval", "--model", "./nowhere", "--tasks", "pope")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_fault_of_the_program_exits_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("harness.commands.doctor.run", fail)
    assert main(["doctor"]) == 3
    assert "planted" in capsys.readouterr().err


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.commands.doctor.run", interrupt)
    assert main(["doctor"]) == 130
    assert "same command" in capsys.readouterr().err
