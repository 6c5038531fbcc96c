"""From samples to stored verdicts: what cannot be stored is not asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hostile_server import Answer, HostileServer

from harness.cli import main
from harness.core.types import Media, SampleRecord
from harness.demo.data import demo_data
from harness.engines import Request
from harness.evaluation.asking import generate
from harness.evaluation.task_registry import load_task
from harness.runs.folder import RunFolder


def cut(path: Path) -> None:
    with (path / "samples.jsonl").open("r+b") as file:
        file.truncate(100)


@pytest.mark.parametrize("damage", [shutil.rmtree, cut])
@pytest.mark.parametrize("engine", ["api", "hf", "replay"])
def test_a_run_whose_folder_goes_stops_at_once(
    engine: str,
    damage: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, stored, append = tmp_path / "run", [], RunFolder.append

    def store(self: RunFolder, record: SampleRecord) -> None:
        append(self, record)
        stored.append(record.sample.id)
        if len(stored) == 5:
            damage(out)

    monkeypatch.setattr(RunFolder, "append", store)
    asked = ["--tasks", "pope", "--data", "demo", "--limit", "240", "--out", str(out)]
    with HostileServer(lambda prompt, before: Answer()) as server:
        if engine == "api":
            code = main(["eval", "--model", "openai:m", "--base-url", server.base_url, *asked])
        elif engine == "hf":
            code = main(["eval", "--model", "demo", "--engine", "hf", "--batch-size", "4", *asked])
        else:
            recording = tmp_path / "recording.jsonl"
            recording.write_text(json.dumps({"id": "x", "response": "yes"}) + "\n")
            code = main(["eval", "--model", "m", "--engine", "replay", "--responses", str(recording), *asked])
        assert len(server.bodies) <= 5 + 2 * 32
    assert code == 2
    assert len(stored) == 5
    said = capsys.readouterr().err
    assert f"error: {out / 'samples.jsonl'} " in said
    assert "Nothing more is asked." in said
    assert "Traceback" not in said


def test_questions_about_one_image_follow_each_other_wherever_the_data_have_them() -> None:
    def sample(name: str, *sources: str) -> Any:
        media = tuple(Media(kind="image", source=source) for source in sources)
        return SimpleNamespace(id=name, task="t", prompt="?", media=media)

    asked: list[str] = []

    def note(requests: Iterator[Request], decoding: object) -> Iterator[Any]:
        asked.extend(f"{request.sample_id}{'+' * request.finished}" for request in requests)
        return iter([])

    plan: Any = SimpleNamespace(
        tasks=[SimpleNamespace(name="t", open_media=list, by_content=lambda medium: medium)],
        budgets={"t": 1},
        settings={},
        engine=SimpleNamespace(generate=note),
        decoding=None,
    )
    samples = [sample("1", "a"), sample("2", "b"), sample("3"), sample("4", "a"), sample("5"), sample("6", "b", "a")]
    store: Any = SimpleNamespace(finished={("t", "4")}, failed=set(), models=set())
    generate(plan, {"t": samples}, store, lambda failed: None)
    assert asked == ["1", "4+", "2", "3", "5", "6"]


def test_copies_of_an_image_in_several_rows_are_one() -> None:
    task = load_task("pope", data=str(demo_data()))
    known = [tuple(map(task.by_content, sample.media)) for sample in task.samples]
    assert len({sample.media for sample in task.samples}) == len(known)
    scenes: dict[Any, list[Any]] = {}
    for sample, media in zip(task.samples, known, strict=True):
        scenes.setdefault(media, []).append(sample)
    pictures = [
        {task.open_media(sample.id)[0].tobytes() for sample in scene}  # type: ignore[union-attr]
        for scene in list(scenes.values())[:3]
    ]
    assert [len(scene) for scene in scenes.values()][:3] == [18] * 3
    assert len(set.union(*pictures)) == len(pictures) == sum(map(len, pictures))
    assert len(set(known)) < len(known) / 2
