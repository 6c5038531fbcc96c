"""Worlds that packages register: found by every process, used under their names, and refused where they are broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.worlds import shipped_checkpoints, world_of_checkpoint, worlds
from harness.diagnostics.objects import parse_annotation

WORLD = """
from pathlib import Path
from harness.core.worlds import World

HERE = Path(__file__).parent
WORLD = World(name={name!r}, data=lambda: HERE / "data", checkpoints={{"toy-small": HERE / "small"}}, judge="toy-small")
"""
SHOW = """
import json
from harness.benchmarks.fetch import locate
from harness.benchmarks.registry import get_benchmark
from harness.core.worlds import worlds
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.caption import load_caption_judge
folder, source, _ = locate(get_benchmark("pope"), "toy")
print(json.dumps([sorted(worlds()), str(folder), source, str(resolve_checkpoint("toy-small").folder),
                  load_caption_judge("toy").identity]))
"""


def install(folder: Path, *, name: str = "toy", target: str = "toy_world:WORLD") -> Path:
    """A package with a world, as pip would install it."""
    info = folder / "toy_package-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[harness.worlds]\ntoy = {target}\n")
    (folder / "toy_world.py").write_text(WORLD.format(name=name))
    (folder / "data" / "pope").mkdir(parents=True)
    (folder / "small").mkdir()
    (folder / "small" / "config.json").write_text("{}")
    (folder / "small" / "model.safetensors").write_bytes(b"weights")
    return folder


def run(program: str, package: Path | None, *, isolated: bool = False) -> subprocess.CompletedProcess[str]:
    """A new process that sees the harness, and `package` where one is given."""
    here = str(Path(__file__).parents[2])
    path = [str(package)] if package is not None else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, here])}
    if isolated:  # A checkout that is on the path without having been installed.
        program = f"import importlib.metadata as m; m.entry_points = lambda **_: ()\n{program}"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_demo_is_a_registered_world() -> None:
    assert "demo" in worlds()
    assert set(shipped_checkpoints()) >= {"demo", "demo-base", "demo-judge"}
    assert world_of_checkpoint("demo-base") is worlds()["demo"]
    assert world_of_checkpoint("Qwen/Qwen2.5-VL-7B-Instruct") is None
    for told in (
        {"data": {"source": "demo"}},
        {"trained_from": {"name": "demo-base"}, "data": {"source": "own.jsonl"}},
    ):
        assert world_of_checkpoint("trained/final", told) is worlds()["demo"]
    assert world_of_checkpoint("trained/final", {"trained_from": {"name": "M"}, "data": "demo"}) is None


def test_another_package_registers_its_world(tmp_path: Path) -> None:
    package = install(tmp_path / "site")
    result = run(SHOW, package)
    assert result.returncode == 0, result.stderr
    names, folder, source, checkpoint, judge = json.loads(result.stdout)
    assert names == ["demo", "toy"]
    assert (folder, source) == (str(package / "data" / "pope"), "toy")
    assert checkpoint == str(package / "small")
    assert judge.startswith("toy sha256:")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"target": "no_such_module:WORLD"}, "cannot be loaded: ModuleNotFoundError"),
        ({"target": "toy_world:HERE"}, "is not one harness.core.worlds.World of that name"),
        ({"name": "other"}, "is not one harness.core.worlds.World of that name"),
    ],
)
def test_a_broken_world_is_named_with_its_package(tmp_path: Path, broken: dict[str, str], said: str) -> None:
    result = run("from harness.core.worlds import worlds; worlds()", install(tmp_path / "site", **broken))
    assert "UsageError: the world 'toy' of the package toy-package" in result.stderr
    assert said in result.stderr


def test_a_checkout_that_was_not_installed_says_so() -> None:
    for program in (
        "from harness.cli import main; exit(main(['eval', '--model', 'demo', '--tasks', 'pope']))",
        "from harness.benchmarks.fetch import locate; from harness.benchmarks.registry import get_benchmark\n"
        "locate(get_benchmark('pope'), 'demo')",
    ):
        result = run(program, None, isolated=True)
        assert result.returncode != 0
        assert "once the harness is installed with 'pip install -e .'" in result.stderr


def test_only_the_worlds_own_rows_are_read_by_its_rules() -> None:
    scene = {"media": "x", "objects": [{"object": "red circle", "position": "top", "faint": False,
                                        "event": {"verb": "turns", "argument": "blue", "when": "first"}}]}  # fmt: skip
    row = {"sample_id": "1", "query": {"family": "object", "object": "red circle"}, "scenes": [scene]}
    annotation = parse_annotation(row)
    assert annotation.expected == {"red circle"}
    assert annotation.present == {"red circle", "blue circle"}
    assert annotation.rules is not None
    assert annotation.rules.true_caption(row) == "red circle top first turns blue"
    assert parse_annotation({"sample_id": "1", "objects": ["dog"]}).rules is None
