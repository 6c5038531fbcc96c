"""What is to be measured on a GPU: planned below 40 minutes, and told whatever happens to a part."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import gpu

    return gpu


def test_it_says_what_it_would_measure_in_under_forty_minutes(gpu, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--list"])
    gpu.main()
    text = capsys.readouterr().out
    planned = gpu.parts(Path("model"), Path("rows"), tiny=False)
    assert sum(part.minutes for part in planned) + 3 < 40
    assert all(part.name in text and (ROOT / "benchmarks" / part.command[0]).is_file() for part in planned)


def test_the_settings_of_its_steps_exist(gpu):
    from trainers.recipe import load_recipe

    for tiny in (False, True):
        for part in gpu.parts(Path("model"), Path("rows"), tiny=tiny):
            if part.command[0] == "train_step.py":
                recipe = load_recipe(part.command[1], part.command[2:-2])
                assert recipe.model == "model"
                assert recipe.ntk.estimator == part.name.rpartition(" ")[2]


def test_a_part_that_fails_is_told_and_figures_become_rows(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "HERE", tmp_path)
    (tmp_path / "bad.py").write_text("raise SystemExit('no GPU here')")
    (tmp_path / "slow.py").write_text("import time; time.sleep(60)")
    parts = [{"part": name, "seconds": 2.0} for name in ("generation", "kernel forward", "kernel backward", "step")]
    figures = {"parts": parts, "log": [{gpu.GAP: 0.004}, {"train_runtime": 1}], "peak_bytes": 3 * 2**30}
    (tmp_path / "good.py").write_text(f"import sys; open(sys.argv[2], 'w').write({json.dumps(figures)!r})")

    def measured(script, limit_s=30):
        part = gpu.Part(name="a", minutes=1, command=(script,), read=gpu.step_rows)
        return gpu.measure(part, tmp_path / f"{script}.json", limit_s)

    assert [row["figure"] for row in measured("bad.py")] == ["failed: no GPU here"]
    assert [row["figure"] for row in measured("slow.py", 0.5)] == ["took more than 0 minutes"]
    assert [row["value"] for row in measured("good.py")] == [2.0, "100.0%", "200.0%", 0.004, 3.0]
