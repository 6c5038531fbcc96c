"""`harness select`: what it prints, what it refuses, and that it leaves the user's files alone."""

from pathlib import Path

import pytest
from support_training import TINY_GRPO, YesJudge, parse

import harness.judges.caption
from harness.commands import select
from harness.core.errors import UsageError
from harness.core.worlds import shipped_checkpoints
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


@needs_checkpoint
@pytest.mark.parametrize("name", ["settings.json", "rollouts.jsonl"])
def test_a_selection_folder_of_the_users_is_left_alone(name, tmp_path):
    (tmp_path / "selection").mkdir()
    (tmp_path / "selection" / name).write_text("{}\n")
    with pytest.raises(UsageError, match=f"{name} was not made by a run"):
        select.run(parse(select.add_arguments, "demo/grpo", f"output={tmp_path}", "--fresh"))
    assert (tmp_path / "selection" / name).read_text() == "{}\n"
