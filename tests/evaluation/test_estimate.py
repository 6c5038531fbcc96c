"""What a dry run tells is what the run then takes."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.errors import StoreError
from harness.evaluation.estimate import Estimate, TaskEstimate, estimate
from harness.evaluation.plan import make_plan
from harness.evaluation.settings import EvalConfig
from harness.evaluation.task_registry import load_task
from harness.runs.records import read_records


def test_prompts_are_as_long_as_they_turn_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["eval", "--model", "demo", "--tasks", "pope,videohallucer", "--limit", "4", "--max-new-tokens", "6"]
    asked += ["--engine", "hf", "--out", str(tmp_path / "run"), "--no-diagnose"]
    assert main([*asked, "--dry-run"]) == 0
    assert not (tmp_path / "run").exists()
    assert "leave --dry-run out" in capsys.readouterr().out
    config = EvalConfig(
        model="demo", tasks=("pope", "videohallucer"), limit=4, max_new_tokens=6, engine="hf", out=tmp_path / "run"
    )
    plan = make_plan(config)
    before = estimate(plan, [tmp_path / "run"])
    assert main([*asked, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run"], told["tasks"]) == (str(tmp_path / "run"), [asdict(task) for task in before.tasks])
    assert main(asked) == 0
    after = estimate(plan, [tmp_path / "run"])
    records = list(read_records(tmp_path / "run"))
    for task in before.tasks:
        counts = [record.response.prompt_tokens or 0 for record in records if record.sample.task == task.task]
        assert (task.samples, task.stored, task.budget) == (len(counts), 0, 6)
        assert task.prompt_tokens == pytest.approx(sum(counts) / len(counts))
    assert [task.stored for task in after.tasks] == [task.samples for task in before.tasks]
    folders = [tmp_path / "run", tmp_path / "run" / "repeats" / "seed-1"]
    assert [task.stored for task in estimate(plan, folders, fresh=True).tasks] == [0, 0]
    assert [task.samples for task in estimate(plan, folders).tasks] == [2 * task.samples for task in before.tasks]
    with pytest.raises(StoreError, match="other settings"):
        estimate(make_plan(replace(config, prompt="direct")), folders)
    assert plan.checkpoint.folder is not None
    assert before.weight_bytes == sum(path.stat().st_size for path in plan.checkpoint.folder.glob("*.safetensors"))
    config_json = json.loads((plan.checkpoint.folder / "config.json").read_text())
    text = config_json.get("text_config", config_json)
    size = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    assert before.cache_bytes == 2 * text["num_hidden_layers"] * text["num_key_value_heads"] * size * 4


def test_tokens_memory_and_time_are_reckoned_from_what_is_left() -> None:
    task = TaskEstimate(task="t", samples=1000, stored=400, prompt_tokens=100.0, budget=500)
    lines = list(Estimate(tasks=[task], weight_bytes=7_000_000_000, cache_bytes=50_000).lines())
    assert lines == [
        "tokens: 600 prompts of about 60,000 in all, and at most 300,000 generated",
        "memory: weights 7,000 MB as they are stored, and 50.0 kB a token of context, 30 MB a sample at its longest",
        "time: at 1,000 generated tokens a second, and every response at its longest, 5 min",
    ]
    served = TaskEstimate(task="t", samples=10, stored=0, prompt_tokens=None, budget=500)
    lines = list(Estimate(tasks=[served], weight_bytes=None, cache_bytes=None).lines())
    assert lines[0] == "tokens: 10 prompts, and at most 5,000 generated"
    assert len(lines) == 2


def test_what_a_killed_run_has_stored_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole lines of all its processes; the line that it was killed in is not one."""
    recording, out = tmp_path / "r.jsonl", tmp_path / "run"
    samples = load_task("pope", data="demo").samples
    recording.write_text("".join(json.dumps({"id": of.id, "response": "yes"}) + "\n" for of in samples))
    asked = ["eval", "--model", "m", "--tasks", "pope", "--data", "demo", "--engine", "replay", "--limit", "18"]
    asked += ["--responses", str(recording), "--out", str(out), "--no-diagnose"]
    assert main(asked) == 0
    lines = (out / "samples.jsonl").read_text().splitlines(keepends=True)
    (out / "samples.jsonl").write_text("".join(lines[:-3]) + lines[-3][:-300])
    with pytest.raises(StoreError, match=r"samples\.jsonl:16 is not a sample record"):
        list(read_records(out))  # Of a finished run it is damage.
    (out / "run.json").unlink()
    (out / "samples.rank-1.jsonl").write_text(lines[-1] + lines[-2][:100])
    assert len(list(read_records(out))) == len(lines) - 2
    capsys.readouterr()
    assert main([*asked, "--dry-run"]) == 0
    assert "tokens: 2 prompts" in capsys.readouterr().out
