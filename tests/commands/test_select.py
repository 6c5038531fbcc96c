"""`harness select`: what it prints, what it refuses, and that it leaves the user's files alone."""

import json
from pathlib import Path

import pytest
from support_training import TINY_GRPO, YesJudge, parse, train_tiny

import harness.judges.caption
from harness.commands import select
from harness.core.errors import UsageError
from harness.core.worlds import shipped_checkpoints
from harness.engines.checkpoints import resolve_checkpoint
from trainers.selection.rollouts import SELECTED

needs_checkpoint = pytest.mark.skipif(
    not (shipped_checkpoints()["demo"] / "model.safetensors").is_file(),
    reason="the demo checkpoint is not part of this checkout",
)


def test_sft_has_nothing_to_select_by():
    with pytest.raises(UsageError, match="only grpo recipes"):
        select.run(parse(select.add_arguments, "demo/sft"))


@needs_checkpoint
def test_select_prints_the_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(harness.judges.caption, "load_caption_judge", lambda *_, **__: YesJudge())
    arguments = parse(select.add_arguments, "demo/method", *TINY_GRPO, f"output={tmp_path}")
    assert select.run(arguments) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert written[0] == tmp_path / "selection" / SELECTED
    assert all(path.is_file() for path in written)
    assert len((tmp_path / "selection" / SELECTED).read_text().splitlines()) == 6
    again = parse(select.add_arguments, "demo/method", *TINY_GRPO, f"output={tmp_path}", "--fresh")
    assert select.run(again) == 0
    capsys.readouterr()
    # Hot rollouts of a tiny budget are rarely right and caption the truth; what is judged here is stored already.
    file = tmp_path / "selection" / "rollouts.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    changed = [{**record, "parts": {**record["parts"], "accuracy": 1.0}, "finish_reason": "stop"} for record in records]
    file.write_text("".join(json.dumps(record) + "\n" for record in changed))
    out = tmp_path.parent / f"{tmp_path.name}-right.jsonl"
    command = ("demo/method", *TINY_GRPO, f"output={tmp_path}", "--right-responses", out, "--per-prompt", "2")
    assert select.run(parse(select.add_arguments, *command)) == 0
    said = capsys.readouterr().out
    assert f"{len(records)} rollouts, {len(records)} of them right: 24 rows of 12 prompts" in said
    assert said.splitlines()[-1] == f"train on them: data.train={out} data.media_root={tmp_path / 'data'}"
    recipe = (f"data.train={out}", f"data.media_root={tmp_path / 'data'}", "train.max_steps=1", "train.save_steps=1")
    trained = tmp_path.parent / f"{tmp_path.name}-rft"
    train_tiny("demo/rft", trained, *recipe)
    assert json.loads((trained / "final" / "harness.json").read_text())["data"]["cost"] == {
        "rollouts": len(records), "right": len(records), "rows": 24, "prompts": 12, "approved_captions": False,
        "per_prompt": 2, "weights": resolve_checkpoint("demo").weights,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rewards.accuracy=0", "--right-responses", "x"), r"--right-responses: .* rewards\.accuracy above 0"),
        (("rewards.caption=0", "--right-responses", "x", "--approved-captions"), r"rewards\.caption above 0"),
        (("--approved-captions",), "Give both"),
        (("--right-responses", "x", "--per-prompt", "0"), "at least 1"),
    ],
)
def test_what_no_rollout_tells_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        select.run(parse(select.add_arguments, "demo/method", *arguments, "--dry-run"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train.jsonl", r"is data\.train"),
        ("out/data/train.jsonl", "is in the output folder"),
        ("notes.md", r"notes\.md holds something else"),
        ("rows.jsonl", r"rows\.jsonl holds something else"),
        ("right.jsonl", r"right\.cost\.json was not written by 'harness select"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_nothing_else_is_overwritten_with_right_responses(name, message, more, tmp_path):
    row = {"id": "1", "question": "Is it?", "answer": "yes", "answer_kind": "yes_no"}
    mine = {
        "train.jsonl": json.dumps({**row, "response": "yes"}), "out/data/train.jsonl": json.dumps(row),
        "notes.md": "# Mine", "rows.jsonl": json.dumps(row), "right.cost.json": '{\n  "euros": 3\n}',
    }  # fmt: skip
    for file, text in mine.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    settings = (f"output={tmp_path / 'out'}", f"data.train={tmp_path / 'train.jsonl'}")
    with pytest.raises(UsageError, match=message):
        select.run(parse(select.add_arguments, "demo/grpo", *settings, "--right-responses", tmp_path / name, *more))
    assert all((tmp_path / file).read_text() == text for file, text in mine.items())


@needs_checkpoint
@pytest.mark.parametrize("name", ["settings.json", "rollouts.jsonl"])
def test_a_selection_folder_of_the_users_is_left_alone(name, tmp_path):
    (tmp_path / "selection").mkdir()
    (tmp_path / "selection" / name).write_text("{}\n")
    with pytest.raises(UsageError, match=f"{name} was not made by a run"):
        select.run(parse(select.add_arguments, "demo/grpo", f"output={tmp_path}", "--fresh"))
    assert (tmp_path / "selection" / name).read_text() == "{}\n"
