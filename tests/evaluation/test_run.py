"""The evaluation from the command line, on the demo: resumable, strict about settings, and one bad sample costs one."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hostile_server import Answer, HostileServer
from PIL import Image
from support_families import build
from support_processes import Popen

from harness.cli import main
from harness.core.worlds import shipped_checkpoints
from harness.runs.folder import read_run
from harness.runs.records import read_records

LIMIT = "24"
TASKS = "pope,videohallucer"
BATCHES = ["--batch-size", "8"]


def evaluate(out: Path, *arguments: str, tasks: str = TASKS, limit: str = LIMIT, model: str = "demo") -> int:
    command = ["eval", "--model", model, "--tasks", tasks, "--limit", limit, "--out", str(out), *arguments]
    return main([*command, *([] if "replay" in arguments else BATCHES)])


def figures(out: Path) -> dict[str, Any]:
    run = json.loads((out / "run.json").read_text())
    return {task: (result["metrics"], result["official"]) for task, result in run["tasks"].items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    assert evaluate(out) == 0
    return out


@pytest.fixture(scope="module")
def local_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from harness.demo.data import demo_data

    folder = tmp_path_factory.mktemp("data") / "copy"
    shutil.copytree(demo_data(), folder)
    yield folder
    shutil.rmtree(folder)


def test_a_run_folder_holds_config_samples_record_and_report(undisturbed: Path) -> None:
    assert sorted(path.name for path in undisturbed.iterdir()) == [
        ".harness.lock",
        "config.json",
        "diagnostics.json",
        "findings.jsonl",
        "report.html",
        "report.md",
        "run.json",
        "samples.jsonl",
    ]
    run = read_run(undisturbed)
    settings = json.loads((shipped_checkpoints()["demo"] / "harness.json").read_text())
    assert run.prompt_format == settings["prompt_format"]
    assert run.weights is not None
    assert run.data["pope"]["source"] == "demo"
    assert run.batch_size == 8
    records = list(read_records(undisturbed))
    assert len(records) == sum(result.samples for result in run.tasks.values())
    assert len({record.response.text for record in records}) > 10
    report = (undisturbed / "report.md").read_text()
    assert "mean/accuracy" in report
    assert run.weights in report


def test_the_same_command_again_gives_the_same_without_the_model(
    undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("harness.engines.hf.HfEngine.load", fail)
    before = (undisturbed / "run.json").read_bytes()
    assert evaluate(undisturbed) == 0
    assert (undisturbed / "run.json").read_bytes() == before


def test_a_changed_run_is_not_diagnosed_and_its_record_is_made_again_of_its_samples(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("harness.engines.hf.HfEngine.load", lambda self: pytest.fail("the model was loaded"))
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    run, samples, diagnosis = (out / name for name in ("run.json", "samples.jsonl", "diagnostics.json"))
    record, lines, found = run.read_text(), samples.read_text(), diagnosis.read_bytes()
    samples.write_text(lines.replace('"status":"correct"', '"status":"incorrect"', 1))
    assert main(["diagnose", str(out), "--no-images"]) == 2
    assert "samples.jsonl was changed after the run had ended" in capsys.readouterr().err
    samples.write_text(lines)
    run.write_text(record[:99])
    for command in (["diagnose", "--no-images"], ["runs", "show"]):
        assert main([*command, str(out)]) == 2
        assert f"delete {run} and run the same command again" in capsys.readouterr().err
    assert diagnosis.read_bytes() == found
    run.unlink()
    assert main(["diagnose", str(out), "--no-images"]) == 0
    assert f"warning: {out} is not finished (48 of 48 samples)" in capsys.readouterr().err
    assert evaluate(out) == 0
    assert figures(out) == figures(undisturbed)
    assert samples.read_text() == lines


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_in_the_middle_goes_on_to_the_same_result(
    undisturbed: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "harness", "eval", "--model", "demo", "--tasks", TASKS, "--limit", LIMIT, *BATCHES]
    process = Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    samples = out / "samples.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (samples.exists() and samples.stat().st_size > 0):
        time.sleep(0.005)
    os.kill(process.pid, stop)
    _, errors = process.communicate(timeout=60)
    if stop == signal.SIGINT:
        assert process.returncode == 130, errors
        assert "same command" in errors
    else:
        assert process.returncode == -9
    assert not (out / "run.json").exists()
    stored = [json.loads(line) for line in samples.read_text().splitlines() if line.endswith("}")]
    assert stored
    assert evaluate(out) == 0
    assert figures(out) == figures(undisturbed)
    texts = {(record.sample.task, record.sample.id): record.response.text for record in read_records(out)}
    assert texts == {(r.sample.task, r.sample.id): r.response.text for r in read_records(undisturbed)}
    kept = {(line["sample"]["task"], line["sample"]["id"]): line["response"]["seconds"] for line in stored}
    now = {(record.sample.task, record.sample.id): record.response.seconds for record in read_records(out)}
    assert {key: now[key] for key in kept} == kept, "a finished sample was computed again"


def test_other_settings_are_refused_and_fresh_starts_over(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    assert evaluate(out, "--prompt", "direct") == 2
    assert "prompt: stored 'grounded', asked 'direct'" in capsys.readouterr().err
    assert evaluate(out, limit="26") == 2
    assert "limit: stored 24, asked 26" in capsys.readouterr().err
    assert figures(out) == figures(undisturbed)
    assert evaluate(out, "--fresh", limit="8", tasks="pope") == 0
    assert set(figures(out)) == {"pope"}


def test_fresh_keeps_the_old_run_where_no_model_answers(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert ask_server(out, "--fresh") == 2
    assert "no server answers" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("lost", ["report.md", "diagnostics.json"])
def test_what_a_kill_after_the_last_sample_left_out_is_made_up_for(
    undisturbed: Path, tmp_path: Path, lost: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    record, report = ((out / name).read_text() for name in ("run.json", "report.md"))
    (out / lost).unlink()
    assert evaluate(out) == 0
    assert (out / "diagnostics.json").exists()
    assert (out / "report.md").read_text() == report
    assert (out / "run.json").read_text() == record


def test_a_report_that_is_older_than_its_run_is_written_again(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    report = (out / "report.md").read_text()
    (out / "report.md").write_text("of the run before")
    os.utime(out / "report.md", (0, 0))
    assert evaluate(out) == 0
    assert (out / "report.md").read_text() == report


def test_changed_weights_at_the_same_path_are_refused(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(shipped_checkpoints()["demo"], model)
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    same = ["--data", "demo"]
    assert evaluate(out, *same, model=str(model)) == 0, "a copy of the checkpoint is the same checkpoint"
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    assert evaluate(out, *same, model=str(model)) == 2
    assert "model.weights: stored" in capsys.readouterr().err


def test_replaying_the_responses_gives_the_same_figures(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "replayed"
    arguments = ["--engine", "replay", "--responses", str(undisturbed), "--prompt", "grounded"]
    assert evaluate(out, *arguments) == 0
    assert figures(out) == figures(undisturbed)
    assert "warning" not in capsys.readouterr().err
    assert evaluate(tmp_path / "blind", *arguments, "--blind", "withheld") == 2
    assert "was of other questions: media of pope" in capsys.readouterr().err


def test_twenty_corrupt_media_cost_twenty_samples(
    local_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(local_copy, data)
    corrupted = corrupt_images(data / "pope", 12) | corrupt_videos(data / "mmvu", 8)
    out = tmp_path / "run"
    arguments = ["--data", str(data), "--prompt", "direct", "--max-new-tokens", "8"]
    assert evaluate(out, *arguments, tasks="pope,mmvu", limit="100000") == 1
    assert "20 samples could not be scored" in capsys.readouterr().err
    run = read_run(out)
    assert {task: result.errors for task, result in run.tasks.items()} == {"pope": 12, "mmvu": 8}
    failed = {(r.sample.task, r.sample.id): r.response.error for r in read_records(out) if r.verdict.status == "error"}
    assert set(failed) == corrupted
    assert all(error is not None and error.startswith("media: ") for error in failed.values())
    assert all(result.metrics[result.headline].n_errors > 0 for result in run.tasks.values())
    assert run.tasks["pope"].metrics["all/accuracy"].n == run.tasks["pope"].samples - 12
    report = (out / "report.md").read_text()
    assert "Samples that could not be scored (20)" in report
    assert evaluate(out, *arguments, "--max-failures", "20", tasks="pope,mmvu", limit="100000") == 0
    shutil.copytree(local_copy, data, dirs_exist_ok=True)
    capsys.readouterr()


def corrupt_images(folder: Path, count: int, every: int = 10) -> set[tuple[str, str]]:
    """Half-truncate every so manieth image of a POPE table, and leave out the rows after the last; give the samples."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    [path] = folder.glob("*.parquet")
    table = pq.read_table(path)
    rows = table.to_pylist()[: every * count]
    corrupted = set()
    for row in rows[::every]:
        buffer = io.BytesIO()
        Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB").save(buffer, "JPEG", quality=90)
        row["image"]["bytes"] = buffer.getvalue()[: len(buffer.getvalue()) // 2]
        corrupted.add(("pope", f"{row['category']}/{row['question_id']}"))
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    return corrupted


def corrupt_videos(folder: Path, count: int) -> set[tuple[str, str]]:
    """Truncate, empty, scramble or remove videos of MMVU, and leave out most of the others; give the samples."""
    corrupted = set()
    for index, (row, path) in enumerate(first_videos(folder, 5 * count)[:count]):
        content = path.read_bytes()
        if index % 4 == 0:
            path.unlink()
        else:
            path.write_bytes([b"", content[: len(content) // 2], b"\0" * len(content)][index % 4 - 1])
        corrupted.add(("mmvu", str(row["id"])))
    return corrupted


def first_videos(folder: Path, count: int) -> list[tuple[dict[str, Any], Path]]:
    """The first rows of an MMVU table and their videos; the others are left out."""
    table = folder / "validation.json"
    rows = json.loads(table.read_text())[:count]
    table.write_text(json.dumps(rows))
    return [(row, folder / "videos" / row["video"].split("/videos/")[-1].removeprefix("videos/")) for row in rows]


def test_a_mended_sample_is_tried_again_and_a_replaced_one_refused(
    local_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(local_copy / "mmvu", data)
    videos = [path for _, path in first_videos(data, 40)]
    hidden = videos[0].with_suffix(".away")
    videos[0].rename(hidden)
    out = tmp_path / "run"
    arguments = ["--data", str(data), "--prompt", "direct", "--max-new-tokens", "8"]
    assert evaluate(out, *arguments, "--max-failures", "1000", tasks="mmvu", limit="100000") == 0
    assert evaluate(out, *arguments, tasks="mmvu", limit="100000") == 1
    assert read_run(out).tasks["mmvu"].errors == 1
    hidden.rename(videos[0])
    assert evaluate(out, *arguments, tasks="mmvu", limit="100000") == 0
    assert read_run(out).tasks["mmvu"].errors == 0
    videos[1].write_bytes(videos[1].read_bytes() + b"\0")
    capsys.readouterr()
    assert evaluate(out, *arguments, tasks="mmvu", limit="100000") == 2
    assert "run on other media (1 replaced since" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "pop"], "Did you mean 'pope'?"),
        (["--tasks", "pope", "--data", "/nowhere"], "data folder /nowhere does not exist"),
        (["--tasks", "pope", "--data", "hub"], "HF_HUB_OFFLINE"),
        (["--tasks", "pope", "--batch-size", "0"], "--batch-size 0"),
        (["--tasks", "pope", "--repeats", "3"], "--temperature above 0"),
        (["--tasks", "pope", "--engine", "replay"], "--responses"),
        (["--tasks", "pope", "--decoding", "opera"], "Choose one of: vcd, m3id"),
        (["--tasks", "pope", "--decoding", "vcd", "--engine", "vllm"], "engine 'vllm' does not give. Use --engine hf"),
        (["--tasks", "pope", "--decoding", "vcd", "--blind", "withheld"], "with --blind withheld, nothing is"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_folder(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["eval", "--model", "demo", "--out", str(out), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not out.exists()


def test_an_output_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert evaluate(tmp_path / "file" / "run") == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_record_as_json(undisturbed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(undisturbed, "--json") == 0
    run = json.loads(capsys.readouterr().out)
    assert run["tasks"]["pope"]["headline"] == "mean/accuracy"


def test_a_judge_settles_what_the_rules_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.evaluation.task_registry import load_task
    from harness.judges.answer import AnswerJudge
    from harness.judges.model import JudgeModel

    class Backend:
        problem: str | None = None
        silent = True

        def complete(self, prompts: Sequence[Any]) -> Iterator[tuple[int, str | None]]:
            for index in range(len(prompts)):
                yield index, None if self.silent else self.reply(prompts[index].user)

        def reply(self, prompt: str) -> str:
            return "A" if prompt.startswith("You grade") else "none"

        def close(self) -> None:
            pass

    backend = Backend()
    monkeypatch.setattr(
        "harness.judges.answer.open_answer_judge",
        lambda name, **_: AnswerJudge(JudgeModel(lambda: backend, identity=name)),
    )
    recording = tmp_path / "responses.jsonl"
    with recording.open("w") as file:
        for number, sample in enumerate(load_task("mmvu", data="demo").samples):
            text = sample.target if number < 50 else "something of that sort, seen from afar"
            file.write(json.dumps({"id": sample.id, "response": text}) + "\n")
    arguments = ["--engine", "replay", "--responses", str(recording), "--judge", "openai:m"]
    out = tmp_path / "run"
    assert evaluate(out, *arguments, tasks="mmvu", limit="100000") == 1
    unsettled = read_run(out).tasks["mmvu"].unsettled
    assert unsettled > 0
    assert "the judge gave no verdict on" in capsys.readouterr().err
    backend.silent = False
    assert evaluate(out, *arguments, tasks="mmvu", limit="100000") == 0
    run = read_run(out)
    assert run.tasks["mmvu"].unsettled == 0
    assert run.judge == "openai:m"
    judged = [record for record in read_records(out) if record.verdict.rule == "judge"]
    assert len(judged) == unsettled
    said = {("open", "correct", "judge: correct"), ("choice", "unanswered", "judge: no answer")}
    assert {(one.sample.answer_kind, one.verdict.status, one.verdict.reason) for one in judged} == said
    assert run.audit is not None
    agreement = run.audit.kinds["choice"]
    assert (agreement.value, agreement.n, agreement.failures) == (0.0, agreement.read, 0)
    assert len(run.audit.disagreements) == sum(one.n for one in run.audit.kinds.values())
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "## Reading audit" in report
    assert f"`mmvu` `{run.audit.disagreements[0].sample_id}`" in report
    capsys.readouterr()
    assert evaluate(out, *arguments, "--audit", "3", tasks="mmvu", limit="100000") == 0
    assert "reading audit" in capsys.readouterr().out
    again = read_run(out)
    assert again.audit is not None
    assert {kind: one.n for kind, one in again.audit.kinds.items()} == dict.fromkeys(run.audit.kinds, 3)
    written = (out / "run.json").stat().st_mtime_ns
    assert evaluate(out, *arguments, "--audit", "3", tasks="mmvu", limit="100000") == 0
    assert (out / "run.json").stat().st_mtime_ns == written
    assert evaluate(out, *arguments[:4], tasks="mmvu", limit="100000") == 2
    assert "judge: stored 'openai:m', asked None" in capsys.readouterr().err


def test_asking_several_times_stores_runs_that_differ_and_compares_them(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["--repeats", "3", "--temperature", "1.2"]
    assert evaluate(out, *arguments, tasks="pope", limit="18") == 0
    runs = [out, out / "repeats" / "seed-1", out / "repeats" / "seed-2"]
    assert [read_run(run).seed for run in runs] == [0, 1, 2]
    texts = [[record.response.text for record in read_records(run)] for run in runs]
    ids = [[record.sample.id for record in read_records(run)] for run in runs]
    assert ids[0] == ids[1] == ids[2]
    assert texts[0] != texts[1]
    assert texts[1] != texts[2]
    figures = json.loads((out / "diagnostics.json").read_text())["metrics"]
    assert 1 <= figures["pope/distinct_answers"]["value"] <= 3
    before = [(run / "run.json").read_bytes() for run in runs]
    assert evaluate(out, *arguments, tasks="pope", limit="18") == 0
    assert [(run / "run.json").read_bytes() for run in runs] == before


def test_failures_of_the_repeats_count_too(
    local_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    shutil.copytree(local_copy / "pope", data)
    corrupt_images(data, 720, every=1)
    arguments = ["--data", str(data), "--repeats", "3", "--temperature", "1.2"]
    assert evaluate(out, *arguments, "--max-failures", "18", tasks="pope", limit="18") == 1
    errors = capsys.readouterr().err
    assert "54 samples could not be scored (tolerated: 18)" in errors
    assert str(out / "repeats" / "seed-2" / "samples.jsonl") in errors


@pytest.mark.parametrize("blind", ["grey", "withheld"])
def test_a_blind_run_asks_the_same_and_shows_nothing(undisturbed: Path, tmp_path: Path, blind: str) -> None:
    out = tmp_path / "blind"
    assert evaluate(out, "--blind", blind) == 0
    seen, unseen = list(read_records(undisturbed)), list(read_records(out))
    assert [record.sample.prompt for record in seen] == [record.sample.prompt for record in unseen]
    assert all(record.response.error is None for record in unseen)
    assert [record.response.text for record in seen] != [record.response.text for record in unseen]
    tokens = [record.response.prompt_tokens or 0 for record in unseen]
    shown = [record.response.prompt_tokens or 0 for record in seen]
    assert all(a == b if blind == "grey" else a < b for a, b in zip(tokens, shown, strict=True))
    assert main(["diagnose", str(undisturbed), "--blind", str(out), "--no-images"]) == 0
    figures = json.loads((undisturbed / "diagnostics.json").read_text())["metrics"]
    assert 0 <= figures["pope/blind_accuracy"]["value"] <= 1


def test_videos_of_a_family_without_a_way_for_them_are_shown_as_images_and_the_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = build("llava", tmp_path / "llava"), tmp_path / "run"

    def ask(*more: str) -> int:
        asked = ["eval", "--model", str(model), "--tasks", "videohallucer", "--data", "demo", "--engine", "hf"]
        return main([*asked, "--limit", "2", "--max-new-tokens", "4", "--out", str(out), "--no-diagnose", *more])

    assert ask("--video-as", "native") == 2
    assert "takes no videos" in capsys.readouterr().err
    assert not out.exists()
    assert ask() == 0
    assert read_run(out).settings["video_as"] == "frames"
    assert "shown as images" in (out / "report.md").read_text()
    # 8 frames of 16 visual tokens, which the prompt of a dropped video would not have.
    assert all((record.response.prompt_tokens or 0) > 8 * 16 for record in read_records(out))
    stored = json.loads((out / "config.json").read_text())
    stored["settings"]["video_as"] = "native"
    (out / "config.json").write_text(json.dumps(stored))
    assert ask() == 2
    assert "video_as: stored 'native', asked 'frames'" in capsys.readouterr().err


def test_contrastive_decoding_is_part_of_the_protocol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    command = ["eval", "--model", "demo", "--tasks", "pope", "--limit", "4", "--max-new-tokens", "24", "--no-diagnose"]
    assert main([*command, "--batch-size", "2", "--decoding", "vcd:alpha=1", "--out", str(out)]) == 0
    assert read_run(out).decoding["contrast"] == "vcd:alpha=1,beta=0.1,noise_step=500"
    assert "--decoding vcd:alpha=1,beta=0.1,noise_step=500: 2 forward passes a token" in capsys.readouterr().err
    assert main([*command, "--decoding", "m3id", "--out", str(out)]) == 2
    assert "decoding.contrast: stored 'vcd:" in capsys.readouterr().err


def ask_server(out: Path, *more: str, base_url: str = "http://127.0.0.1:9/v1") -> int:
    """720 questions about nothing, some of which are about something red."""
    asked = ["eval", "--model", "openai:m", "--base-url", base_url, "--tasks", "pope", "--data", "demo", "--blind"]
    return main([*asked, "withheld", "--no-diagnose", "--max-failures", "720", "--out", str(out), *more])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "config.json"}


@pytest.fixture(scope="module")
def with_failures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("served") / "run"
    with HostileServer(lambda prompt, before: refused(prompt)) as server:
        assert ask_server(out, base_url=server.base_url) == 0
    assert read_run(out).tasks["pope"].errors > 64
    return out


def stop_after(out: Path, count: int, answer: Answer, *more: str) -> None:
    """A run whose server answers so many questions and then refuses the key."""
    refusal = Answer(status=401, text="no", delay_s=0.5)
    with HostileServer(lambda prompt, before: answer if len(server.bodies) <= count else refusal) as server:
        assert ask_server(out, *more, base_url=server.base_url) == 2
    assert 0 < len(list(read_records(out))) <= count


def refused(prompt: str) -> Answer:
    return Answer(finish_reason="content_filter", message={"content": ""}) if " red " in prompt else Answer()


def test_a_finished_run_stays_when_what_failed_cannot_be_asked_again(
    with_failures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(with_failures, out)
    before = contents(out)
    assert ask_server(out) == 2
    assert "no server answers" in capsys.readouterr().err
    assert contents(out) == before


def test_what_fails_again_as_it_did_leaves_a_finished_run(
    with_failures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(with_failures, out)
    failed, figures_before = read_run(out).tasks["pope"].errors, figures(out)
    with HostileServer(lambda prompt, before: refused(prompt)) as server:
        assert ask_server(out, base_url=server.base_url) == 0
        assert len(server.bodies) == failed
    assert figures(out) == figures_before
    monkeypatch.setattr("harness.engines.http_client._back_off", lambda tries: 0.0)
    with HostileServer(lambda prompt, before: Answer(status=500, text="no")) as server:
        assert ask_server(out, base_url=server.base_url) == 2
    assert "requests in a row failed" in capsys.readouterr().err
    assert figures(out) == figures_before
    records = list(read_records(out))
    assert len(records) == 720
    assert sum(record.response.error is not None for record in records) == failed
    assert any("status 500" in (record.response.error or "") for record in records)


def test_questions_that_all_fail_for_the_first_time_still_end_a_continued_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    stop_after(out, 10, Answer())
    answered = len(list(read_records(out)))
    with HostileServer(lambda prompt, before: Answer(status=400, text="no")) as server:
        assert ask_server(out, base_url=server.base_url) == 2
    assert len(list(read_records(out))) == answered + 32


def test_starting_over_never_deletes_what_the_run_is_made_of(
    with_failures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, link = tmp_path / "run", tmp_path / "link.jsonl"
    shutil.copytree(with_failures, out)
    link.symlink_to(out / "samples.jsonl")
    before = contents(out)
    replay = ["--model", "m", "--engine", "replay", "--tasks", "pope", "--data", "demo", "--blind", "withheld"]
    for responses in (out, out / "samples.jsonl", link):
        asked = ["eval", *replay, "--responses", str(responses), "--out", str(out)]
        assert main(asked) == 2
        assert main([*asked, "--fresh"]) == 2
        assert f"--fresh would delete {responses}" in capsys.readouterr().err
    assert main(["score", "--from-run", str(out), "--task", "pope", "--out", str(out), "--fresh"]) == 2
    assert f"--fresh would delete {out}" in capsys.readouterr().err
    assert contents(out) == before
    (out / "mine.jsonl").write_bytes((out / "samples.jsonl").read_bytes())
    assert main(["eval", *replay, "--responses", str(out / "mine.jsonl"), "--out", str(out), "--fresh"]) == 1
    assert (out / "mine.jsonl").is_file()


@pytest.mark.parametrize(("column", "cell"), [("subset", "b"), ("group", "2")])
def test_a_changed_cell_of_a_table_is_another_set_of_questions(
    column: str, cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"id": "1", "image": "a.png", "question": "Is there a dog?", "answer": "yes", "subset": "a", "group": "1"}
    rows = [row, {**row, "id": "2", "question": "Is there a cat?"}]
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    recording = tmp_path / "r.jsonl"
    recording.write_text("".join(json.dumps({"id": of["id"], "response": "yes"}) + "\n" for of in rows))

    def score() -> int:
        lines = [",".join(row), *(",".join(of.values()) for of in rows)]
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
        asked = ["eval", "--model", "m", "--tasks", str(tmp_path / "rows.csv"), "--engine", "replay", "--no-diagnose"]
        return main([*asked, "--responses", str(recording), "--out", str(tmp_path / "run")])

    assert score() == 0
    assert score() == 0
    rows[1][column] = cell
    capsys.readouterr()
    assert score() == 2
    assert "the questions of rows.csv are others" in capsys.readouterr().err


def test_a_run_is_of_the_model_that_has_answered_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, asked = tmp_path / "run", ["--limit", "18"]
    stop_after(out, 4, Answer(model="m-1"), *asked)
    stored = (out / "samples.jsonl").read_bytes()
    with HostileServer(lambda prompt, before: Answer(model="m-2")) as other:
        assert ask_server(out, *asked, base_url=other.base_url) == 2
        assert "'m-2' answers as openai:m, and what is stored was answered by 'm-1'." in capsys.readouterr().err
        assert (out / "samples.jsonl").read_bytes() == stored
        with HostileServer(lambda prompt, before: Answer(model="m-1")) as server:
            assert ask_server(out, *asked, base_url=server.base_url) == 0
        assert {record.response.model for record in read_records(out)} == {"m-1"}
        sent = len(other.bodies)
        capsys.readouterr()
        assert ask_server(out, *asked, base_url=other.base_url) == 0
        assert len(other.bodies) == sent
    assert f"nothing is asked: {out} holds this run, of {read_run(out).started[:10]}. If openai:m is another" in (
        capsys.readouterr().err
    )
