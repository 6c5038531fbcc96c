"""The example package, installed into a clean folder, adds to every command; broken ones are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import support_processes

from harness.benchmarks.plain import scored_task
from harness.benchmarks.registry import get_benchmark
from harness.cli import main
from harness.core.errors import UsageError
from harness.core.plugins import registered
from harness.evaluation.recorded import find_benchmark
from harness.evaluation.task_registry import expand_tasks, load_task

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "plugin"
EVAL = ["eval", "--model", "demo", "--tasks", "pope"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example as pip installs it."""
    target = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source") / "plugin"
    subprocess.run(["cp", "-r", str(EXAMPLE), str(source)], check=True)  # Building leaves files in it.
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(source)], check=True, capture_output=True)
    return target


def harness(package: Path, *arguments: str, cwd: Path, forked: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)])}
    command = [sys.executable, "-m", "harness", *arguments]
    if forked:
        return support_processes.run(command, env=environment, cwd=cwd)
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def test_benchmark_engine_diagnostic_reward_and_format_are_found(installed: Path, tmp_path: Path) -> None:
    asked = [
        "eval",
        "--model",
        "demo",
        "--tasks",
        "colours",
        "--data",
        str(EXAMPLE / "data"),
        "--engine",
        "mean_colour",
    ]
    ended = harness(installed, *asked, "--out", "run", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["engine"] == "mean_colour"
    assert record["tasks"]["colours"]["metrics"]["all/accuracy"]["value"] == 1.0
    figures = json.loads((tmp_path / "run" / "diagnostics.json").read_text())["metrics"]
    assert figures["colours/shouting"]["value"] == 0.0
    assert "responses in capitals" in (tmp_path / "run" / "report.html").read_text()
    loud = harness(
        installed,
        *asked,
        "--out",
        "loud",
        "--engine-arg",
        "loud=true",
        "--no-diagnose",
        "--prompt",
        "careful",
        cwd=tmp_path,
        forked=True,
    )
    assert loud.returncode == 0, loud.stderr
    assert "Look twice" in (tmp_path / "loud" / "samples.jsonl").read_text()
    assert '"YES."' in (tmp_path / "loud" / "samples.jsonl").read_text()
    dry = ["train", "demo/grpo", "rewards.brief=0.1", f"output={tmp_path / 'x'}", "--dry-run"]
    known = harness(installed, *dry, cwd=tmp_path, forked=True)
    assert known.returncode == 0, known.stderr
    unknown = harness(ROOT, *dry, cwd=tmp_path, forked=True)
    assert unknown.returncode == 2
    assert "rewards.brief" in unknown.stderr


def write_package(folder: Path, group: str, entry: str) -> None:
    """What makes a package installed: that it names something of the harness's."""
    info = folder / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[harness.{group}]\n{entry}\n")


@pytest.mark.parametrize(
    ("group", "entry", "arguments", "said"),
    [
        (
            "engines",
            "x = nowhere:X",
            [*EVAL, "--engine", "x"],
            "cannot be loaded",
        ),
        (
            "diagnostics",
            "x = leaving:X",
            ["eval", "--model", "demo", "--tasks", "pope"],
            "cannot be loaded: SystemExit",
        ),
        ("engines", "hf = nowhere:X", [*EVAL, "--engine", "hf"], "own"),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, group: str, entry: str, arguments: list[str], said: str) -> None:
    write_package(tmp_path, group, entry)
    (tmp_path / "leaving.py").write_text("import sys; sys.exit()")
    ended = harness(tmp_path, *arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("pope = colour_plugin", "the benchmark 'pope' of the package broken"),
        ("x = nowhere.there", "the benchmark 'x' of the package broken (nowhere.there) is no"),
        ("x = failing.inner", "(failing.inner) is no package (ZeroDivisionError: division by zero)."),
        ("x = nowhere\nx = there", "have one name"),
        ("leaving = leaving", "leaving/benchmark.py cannot be loaded: SystemExit"),
    ],
)
def test_the_benchmark_of_a_broken_package_is_left_out_and_named_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entry: str, said: str
) -> None:
    write_package(tmp_path, "benchmarks", entry)
    (tmp_path / "failing.py").write_text("1 / 0\n")
    (tmp_path / "leaving").mkdir()
    (tmp_path / "leaving" / "__init__.py").write_text("")
    (tmp_path / "leaving" / "benchmark.py").write_text("import sys; sys.exit()")
    monkeypatch.syspath_prepend(tmp_path)
    registered.cache_clear()
    try:
        assert main(["tasks"]) == 0
        assert expand_tasks(["pope"]) == ["pope"]
        assert load_task("pope", data="demo").name == "pope"
        assert get_benchmark("pope") == find_benchmark("pope", None, None) == scored_task("pope")
        if not entry.startswith(("pope", "leaving")):
            for ask in (get_benchmark, load_task, scored_task, lambda name: expand_tasks(["pope", name])):
                with pytest.raises(UsageError) as raised:
                    ask("x")
                assert said in str(raised.value)
    finally:
        registered.cache_clear()
    told = capsys.readouterr()
    assert "warning: left out: " in told.err
    assert said in told.err
    assert told.err.count("\n") == 1
    assert {"pope", "mmvu"} <= {line.split()[0] for line in told.out.splitlines()}
