"""Runs that are set beside a run: those that do not belong to it are refused, what they do not tell is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_diagnostics import make_record

from harness.cli import main
from harness.core.errors import StoreError, UsageError
from harness.core.types import SampleRecord
from harness.diagnostics.diagnose import Diagnosis, diagnose
from harness.diagnostics.other_runs import find_unlike
from harness.runs.records import encode_record


def records_of(*texts: str, question: str = "Is there a dog in the image?") -> list[SampleRecord]:
    return [
        make_record(text, target="yes", sample_id=str(n), cluster=f"i{n}", question=question)
        for n, text in enumerate(texts)
    ]


def settings_of(
    weights: str | None = "sha256:a", *, served: str | None = None, seed: int = 0, **more: object
) -> dict[str, Any]:
    model = {"weights": weights, "files": None, "served": served}
    settings = {"model": model, "prompt": "direct", "seed": seed, "blind": None, "judge": None, "num_frames": 8}
    settings |= {"system_prompt": None, "tasks": {"pope": {"version": "1"}}}
    return {**settings, "decoding": {"temperature": 0.0}, "engine_settings": {"max_pixels": None}, **more}


def store(path: Path, records: Sequence[SampleRecord], settings: dict[str, Any] | None) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"settings": settings} if settings else {}), encoding="utf-8")
    lines = "".join(encode_record(record) + "\n" for record in records)
    (path / "samples.jsonl").write_text(lines, encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return store(tmp_path / "run", records_of("yes", "no"), settings_of())


def values(diagnosis: Diagnosis) -> dict[str, float | None]:
    return {figure.metric.name: figure.metric.value for figure in diagnosis.figures}


def test_a_blind_run_of_the_same_checkpoint_is_taken(run: Path, tmp_path: Path) -> None:
    for kind in ("withheld", "grey"):
        blind = store(tmp_path / kind, records_of("no", "no"), settings_of(blind=kind))
        assert values(diagnose(run, blind=blind))["pope/blind_accuracy"] == 0.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (settings_of(), "saw its images"),
        (settings_of("sha256:b", blind="withheld"), "another checkpoint"),
        (settings_of(blind="withheld", prompt="think"), "prompt: run 'direct', other 'think'"),
        (settings_of(blind="withheld", judge="openai:m prompt:1"), "judge: run None, other 'openai:m prompt:1'"),
        (settings_of(blind="withheld", decoding={"temperature": 1.0}), r"decoding\.temperature: run 0\.0, other 1\.0"),
        (
            settings_of(blind="grey", decoding={"temperature": 0.0, "contrast": "vcd:alpha=1"}),
            r"decoding\.contrast: run None, other 'vcd:alpha=1'",
        ),
        (
            settings_of(blind="grey", tasks={"pope": {"version": "2"}}),
            "asked pope differently .version: run '1', other '2'",
        ),
        (settings_of(blind="withheld", system_prompt="Be brief."), "system_prompt: run None, other 'Be brief.'"),
        ({"prompt": "direct"}, "do not say that the images were withheld"),
        (None, "do not say that the images were withheld"),
    ],
)
def test_a_run_that_is_not_the_same_one_blind_is_refused(
    run: Path, tmp_path: Path, settings: dict[str, Any] | None, message: str
) -> None:
    other = store(tmp_path / "other", records_of("no", "no"), settings)
    with pytest.raises(UsageError, match=message) as caught:
        diagnose(run, blind=other)
    assert str(other) in str(caught.value)


def test_a_run_is_not_its_own_blind_run(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="saw its images"):
        diagnose(run, blind=run)
    blind = store(tmp_path / "blind", records_of("no", "no"), settings_of(blind="grey"))
    with pytest.raises(UsageError, match="was asked without its images itself"):
        diagnose(blind, blind=blind)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            records_of("no", "no", question="Is there a cat in the image?"),
            r"2 of 2 samples differ, e\.g\. pope '0' in q",
        ),
        (
            [replace(r, sample=replace(r.sample, target="no")) for r in records_of("no", "no")],
            "in target: 'no' against",
        ),
        ([replace(r, sample=replace(r.sample, id="x" + r.sample.id)) for r in records_of("no")], "none of the samples"),
    ],
)
def test_other_questions_are_refused(run: Path, tmp_path: Path, changed: list[SampleRecord], message: str) -> None:
    other = store(tmp_path / "other", changed, settings_of(blind="withheld"))
    with pytest.raises(UsageError, match=message):
        diagnose(run, blind=other)
    (other / "config.json").write_text(json.dumps({"settings": settings_of(seed=1)}), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        diagnose(run, repeats=[other])


def test_repeats_differ_in_their_seed_alone(run: Path, tmp_path: Path) -> None:
    repeats = [store(tmp_path / f"r{k}", records_of("no", "no"), settings_of(seed=k)) for k in (1, 2)]
    assert values(diagnose(run, repeats=repeats))["pope/pass_at_k"] == 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (settings_of("sha256:b", seed=1), "another checkpoint"),
        (settings_of(), "seed 0 as well"),
        (settings_of(seed=1, prompt="grounded"), "prompt: run 'direct', other 'grounded'"),
        (
            settings_of(seed=1, tasks={"pope": {"prompt": "own"}}),
            "asked pope differently .prompt: run 'direct', other 'own'",
        ),
        (settings_of(seed=1, blind="grey"), "blind: run None, other 'grey'"),
        (settings_of(seed=1, decoding={"temperature": 0.7}), r"decoding\.temperature: run 0\.0, other 0\.7"),
        (settings_of(seed=1, num_frames=4), "num_frames: run 8, other 4"),
        (settings_of(seed=1, format={"system": "Be brief."}), "system_prompt: run None, other 'Be brief.'"),
        (settings_of(seed=1, engine_settings={"max_pixels": 9}), "max_pixels: run None, other 9"),
    ],
)
def test_repeats_that_are_no_samples_of_the_same_are_refused(
    run: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    other = store(tmp_path / "other", records_of("no", "no"), settings)
    with pytest.raises(UsageError, match=message):
        diagnose(run, repeats=[other])


def test_settings_of_videos_are_of_runs_with_videos(tmp_path: Path) -> None:
    shown = {"with": settings_of(video_as="native"), "without": settings_of(video_as=None, num_frames=4)}
    shown["frames"] = settings_of(video_as="frames", num_frames=4)
    runs = {name: store(tmp_path / name, records_of("no"), settings) for name, settings in shown.items()}
    assert list(find_unlike(runs["with"], runs["without"], ["pope"]).lines()) == []
    (told,) = find_unlike(runs["with"], runs["frames"], ["pope"]).lines()
    assert "num_frames: A 8, B 4; video_as: A 'native', B 'frames'" in told


def test_how_videos_were_shown_is_not_held_against_a_task_of_images(tmp_path: Path) -> None:
    a, b = (
        store(tmp_path / name, records_of("no"), settings_of(video_as="native", num_frames=frames))
        for name, frames in (("a", 4), ("b", 8))
    )
    assert "num_frames: A 4, B 8" in find_unlike(a, b, ["pope"]).settings["pope"]
    for folder in (a, b):
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))["settings"]
        record = {"settings": settings, "benchmarks": {"pope": {"media": "image"}}}
        (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert list(find_unlike(a, b, ["pope"]).lines()) == []


def test_the_run_itself_and_a_run_given_twice_are_no_repeats(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run)
    for same in (run, tmp_path / "link", run / ".." / "run"):
        with pytest.raises(UsageError, match="is the run itself"):
            diagnose(run, repeats=[same])
    other = store(tmp_path / "other", records_of("no", "no"), settings_of(seed=1))
    with pytest.raises(UsageError, match="is given twice"):
        diagnose(run, repeats=[other, tmp_path / "link" / ".." / "other"])
    shutil.copytree(other, tmp_path / "copy")
    with pytest.raises(UsageError, match="seed 1 as well"):
        diagnose(run, repeats=[other, tmp_path / "copy"])


@pytest.mark.parametrize(
    ("served", "other", "refused"),
    [
        ("openai:m", "openai:m", False),
        ("openai:m", "openai:n", True),
        ("m", "openai:m", False),
        (None, "openai:n", False),
    ],
)
def test_runs_without_known_weights_are_told_apart_by_name(
    tmp_path: Path, served: str | None, other: str, refused: bool
) -> None:
    run = store(tmp_path / "run", records_of("yes", "no"), settings_of(None, served=served))
    repeat = store(tmp_path / "repeat", records_of("no", "no"), settings_of(None, served=other, seed=1))
    if refused:
        with pytest.raises(UsageError, match=r"openai:n \(weights not known\), where"):
            diagnose(run, repeats=[repeat])
    else:
        assert values(diagnose(run, repeats=[repeat]))["pope/pass_at_k"] == 0.5


def test_what_a_recorded_run_does_not_tell_is_not_held_against_it(run: Path, tmp_path: Path) -> None:
    first, other = (store(tmp_path / name, records_of("no", "no"), None) for name in ("a", "b"))
    assert values(diagnose(first, repeats=[other]))["pope/pass_at_k"] == 0.0
    assert values(diagnose(run, repeats=[other]))["pope/pass_at_k"] == 0.5
    blind = store(tmp_path / "blind", records_of("no", "no"), {"blind": "withheld"})
    assert values(diagnose(first, blind=blind))["pope/visual_gain"] == 0.0


def test_a_folder_that_is_no_run_is_named(run: Path, tmp_path: Path) -> None:
    for option in ({"blind": tmp_path / "none"}, {"repeats": [tmp_path / "none"]}):
        with pytest.raises(StoreError, match="not a run folder"):
            diagnose(run, **option)  # type: ignore[arg-type]


def test_nothing_is_written_and_the_command_exits_with_2(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(run), "--no-images", "--blind", str(run)]) == 2
    assert capsys.readouterr().err.startswith(f"error: --blind {run}: that run saw its images")
    assert not (run / "diagnostics.json").exists()


def test_runs_may_differ_in_how_fast_they_were_made(run: Path, tmp_path: Path) -> None:
    quick = settings_of(seed=1, engine="vllm", engine_settings={"max_pixels": None, "batch_size": 512})
    quick["decoding"]["repetition_penalty"] = 1.0  # The other run does not tell.
    repeat = store(tmp_path / "repeat", records_of("no", "no"), quick)
    assert values(diagnose(run, repeats=[repeat]))["pope/pass_at_k"] == 0.5


def test_a_wrong_run_is_refused_before_the_map_of_conflict_is_made(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trainers.conflict.run.map_run", lambda *_, **__: pytest.fail("the map was made"))
    assert main(["diagnose", str(run), "--no-images", "--conflict", "--blind", str(run)]) == 2
    assert "saw its images" in capsys.readouterr().err


def test_a_map_that_fails_costs_the_map_only(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise StoreError("no map")

    monkeypatch.setattr("trainers.conflict.run.map_run", fails)
    assert main(["diagnose", str(run), "--no-images", "--conflict"]) == 2
    assert (run / "diagnostics.json").exists()
    assert (run / "report.html").exists()


def test_an_evaluation_with_several_samples_diagnoses_its_own_repeats(tmp_path: Path) -> None:
    command = ["eval", "--model", "demo", "--tasks", "pope", "--out", str(tmp_path / "run"), "--limit", "2"]
    assert main([*command, "--temperature", "1", "--repeats", "3", "--max-new-tokens", "8"]) == 0
    data = json.loads((tmp_path / "run" / "diagnostics.json").read_text(encoding="utf-8"))
    assert data["metrics"]["pope/pass_at_k"]["n"] > 0
    repeats = sorted((tmp_path / "run" / "repeats").iterdir())
    assert "pope/pass_at_k" in values(diagnose(tmp_path / "run", repeats=repeats))
