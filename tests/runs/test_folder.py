"""The run folder: nothing finished is lost, other settings are refused, and what is written can be read."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support_runs import SETTINGS, make_record, make_run

from harness.core.errors import StoreError
from harness.core.types import SampleRecord, Verdict
from harness.diagnostics.conflict import FIGURES, MAP, PICTURE
from harness.diagnostics.earlier import JUDGED
from harness.diagnostics.run_folder import DIAGNOSTICS, FINDINGS
from harness.reports.diagnostics_report import PAGE
from harness.reports.page_data import PARTS
from harness.reports.run_report import REPORT
from harness.runs.folder import RunFolder, Shard, read_run
from harness.runs.records import RUN, read_records
from harness.runs.seals import seal


def store_shard(path: Path, *sample_ids: str, rank: int = 1) -> Shard:
    shard = Shard(path, rank, (path / "samples.jsonl").stat().st_size)
    for sample_id in sample_ids:
        shard.append(make_record(sample_id))
    return shard


def test_shards_are_taken_up_by_whoever_goes_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a"))
    for rank, sample_id in ((1, "b"), (12, "c")):
        shard = store_shard(tmp_path, sample_id, rank=rank)
        assert set(shard.finished) == {("pope", "a")}
        shard.close()
    folder.close()
    assert [record.sample.id for record in read_records(tmp_path)] == ["a", "b", "c"]
    with (tmp_path / "samples.rank-12.jsonl").open("a") as file:
        file.write('{"torn')
    again = RunFolder(tmp_path, SETTINGS)
    assert set(again.finished) == {("pope", "a"), ("pope", "b"), ("pope", "c")}
    again.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".harness.lock", "config.json", "samples.jsonl"]


def test_a_shard_that_is_still_written_keeps_others_out(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS).close()
    shard = store_shard(tmp_path, "b")
    for fresh in (False, True):
        with pytest.raises(StoreError, match="another process"):
            RunFolder(tmp_path, SETTINGS, fresh=fresh)
    assert [record.sample.id for record in read_records(tmp_path)] == ["b"]
    shard.close()
    fresh_folder = RunFolder(tmp_path, SETTINGS, fresh=True)
    assert fresh_folder.finished == {}
    fresh_folder.close()


def test_a_shard_elsewhere_than_the_run_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run", SETTINGS).close()
    with pytest.raises(StoreError, match="rank 3 does not see the run"):
        Shard(tmp_path / "elsewhere", 3, 0)
    with pytest.raises(StoreError, match="all machines share"):
        Shard(tmp_path / "run", 3, 10)


def test_a_shard_reads_no_further_than_the_run_was_when_it_was_opened(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a"))
    size_bytes = folder.size_bytes
    folder.append(make_record("b"))
    shard = Shard(tmp_path, 1, size_bytes)
    assert set(shard.finished) == {("pope", "a")}
    shard.close()
    folder.close()


def test_half_a_character_is_stored_as_a_question_mark(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a", text="yes \ud83d ü"))
    folder.close()
    assert next(read_records(tmp_path)).response.text == "yes ? ü"


def test_verdicts_can_be_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    for sample_id in ("b", "a"):
        folder.append(make_record(sample_id))
    folder.sort([("pope", "a"), ("pope", "b")])
    changed = Verdict(sample_id="x", answer="no", status="incorrect")
    folder.rewrite(replace(record, verdict=changed) for record in read_records(tmp_path))
    folder.close()
    assert [(record.sample.id, record.verdict) for record in read_records(tmp_path)] == [("a", changed), ("b", changed)]


def test_a_finished_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", SETTINGS)
    for sample_id in ("b", "a"):
        folder.append(make_record(sample_id))
    folder.sort([("pope", "a"), ("pope", "b")])
    run = folder.complete(make_run())
    folder.close()
    assert read_run(tmp_path / "run") == run == replace(make_run(), seal=run.seal)
    assert run.seal == seal(asdict(run), tmp_path / "run/samples.jsonl")
    assert [record.sample.id for record in read_records(tmp_path / "run")] == ["a", "b"]


def test_the_same_settings_go_on_and_skip_what_is_finished(tmp_path: Path) -> None:
    first = RunFolder(tmp_path, SETTINGS)
    first.append(make_record("a"))
    first.append(make_record("b", error="media: broken"))
    first.close()
    second = RunFolder(tmp_path, SETTINGS)
    assert second.finished == {("pope", "a"): (123,)}
    assert second.failed == {("pope", "b")}
    second.append(make_record("b"))
    second.sort([("pope", "a"), ("pope", "b")])
    second.close()
    assert [record.response.error for record in read_records(tmp_path)] == [None, None]


@pytest.mark.parametrize("torn", ['{"sample": {"task": "po', "\x00\x00\x00", '{"sample":{}}'])
def test_a_torn_last_line_is_cut_and_the_rest_kept(tmp_path: Path, torn: str) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a"))
    folder.close()
    with (tmp_path / "samples.jsonl").open("a", encoding="utf-8") as file:
        file.write(torn)
    again = RunFolder(tmp_path, SETTINGS)
    assert set(again.finished) == {("pope", "a")}
    again.append(make_record("b"))
    again.close()
    assert [record.sample.id for record in read_records(tmp_path)] == ["a", "b"]


def test_a_torn_only_line_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS).close()
    (tmp_path / "samples.jsonl").write_text("x" * 200_000)
    folder = RunFolder(tmp_path, SETTINGS)
    assert folder.finished == {}
    folder.close()
    assert (tmp_path / "samples.jsonl").read_text() == ""


def test_a_process_killed_while_writing_loses_only_what_was_in_flight(tmp_path: Path) -> None:
    program = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from support_runs import SETTINGS, make_record
from harness.runs.folder import RunFolder
folder = RunFolder(__import__("pathlib").Path(sys.argv[1]), SETTINGS)
for index in range(50):
    folder.append(make_record(str(index)))
os.kill(os.getpid(), signal.SIGKILL)
"""
    arguments = [sys.executable, "-c", program, str(tmp_path / "run"), str(Path(__file__).parents[1] / "support")]
    result = subprocess.run(arguments, check=False)
    assert result.returncode == -9
    folder = RunFolder(tmp_path / "run", SETTINGS)
    assert len(folder.finished) == 50
    folder.close()


def test_fresh_starts_over_and_removes_what_the_old_run_left(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a"))
    folder.sort([("pope", "a")])
    folder.complete(make_run())
    folder.close()
    again = RunFolder(tmp_path, {**SETTINGS, "seed": 5}, fresh=True)
    assert again.finished == {}
    again.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".harness.lock", "config.json", "samples.jsonl"]


def files_in(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*"))


def test_fresh_deletes_what_runs_write_and_nothing_else(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "repeats" / "seed-1", tmp_path / "blind"):
        folder = RunFolder(path, SETTINGS)
        folder.append(make_record("a"))
        store_shard(path, "b").close()
        folder.close()
    kept = files_in(tmp_path / "blind")
    (tmp_path / "report-samples").mkdir()
    names = (DIAGNOSTICS, FINDINGS, JUDGED, FIGURES, MAP, PICTURE, REPORT, PAGE, f"{PARTS}/1.js", ".run.json.x", RUN)
    for name in (*names, "notes.md", "slurm-77.out"):
        (tmp_path / name).touch()
    (tmp_path / "repeats" / "seed-1" / REPORT).touch()
    RunFolder(tmp_path, SETTINGS, fresh=True).close()
    assert files_in(tmp_path) == sorted(
        [".harness.lock", "config.json", "notes.md", "samples.jsonl", "slurm-77.out", "blind"]
        + [f"blind/{name}" for name in kept]
    )


def test_fresh_waits_for_a_repeat_that_is_at_work(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS).close()
    repeat = RunFolder(tmp_path / "repeats" / "seed-1", SETTINGS)
    with pytest.raises(StoreError, match=r"another process is writing to .*seed-1"):
        RunFolder(tmp_path, SETTINGS, fresh=True)
    repeat.append(make_record("a"))
    repeat.close()


@pytest.mark.parametrize(
    "held",
    [
        {"thesis.tex": "x"},
        {".harness.lock": "", "final": "of a training, which has a lock too"},
        {"config.json": '{"model_type": "qwen2_5_vl"}', "model.safetensors": "weights"},
    ],
)
def test_a_folder_of_something_else_is_left_alone_even_with_fresh(tmp_path: Path, held: dict[str, str]) -> None:
    for name, text in held.items():
        (tmp_path / name).write_text(text)
    for fresh in (False, True):
        with pytest.raises(StoreError, match="not a run folder"):
            RunFolder(tmp_path, SETTINGS, fresh=fresh)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == held


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    "left", [(".harness.lock",), (".harness.lock", ".config.json.k3j2"), (".harness.lock", "samples.jsonl")]
)
def test_a_run_that_was_killed_before_it_stored_anything_starts(
    tmp_path: Path, left: tuple[str, ...], fresh: bool
) -> None:
    for name in left:
        (tmp_path / name).touch()
    folder = RunFolder(tmp_path, SETTINGS, fresh=fresh)
    folder.append(make_record("a"))
    folder.close()
    again = RunFolder(tmp_path, SETTINGS)
    assert set(again.finished) == {("pope", "a")}
    again.close()


def test_starting_over_can_be_killed_at_any_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is removed last, the folder holds an unfinished run, which the same command begins again."""

    class Killed(BaseException):
        pass

    kills = 0
    for after in range(6):
        path = tmp_path / str(after)
        folder = RunFolder(path, SETTINGS)
        folder.append(make_record("a"))
        folder.sort([("pope", "a")])
        folder.complete(make_run())
        folder.close()
        (path / "report.md").touch()
        removed = 0
        unlink = Path.unlink

        def die(self: Path, missing_ok: bool = False) -> None:
            nonlocal removed
            if removed == after:  # noqa: B023
                raise Killed
            removed += 1
            unlink(self, missing_ok)  # noqa: B023

        monkeypatch.setattr(Path, "unlink", die)
        try:
            RunFolder(path, SETTINGS, fresh=True).close()
        except Killed:
            kills += 1
        monkeypatch.undo()
        with pytest.raises(StoreError) if after else nullcontext():
            read_run(path)
        again = RunFolder(path, SETTINGS, fresh=True)
        assert again.finished == {}
        again.close()
    assert kills >= 3


def test_a_run_is_one_process_s_until_it_is_closed(tmp_path: Path) -> None:
    first = RunFolder(tmp_path, SETTINGS)
    first.append(make_record("a"))
    first.sort([("pope", "a")])
    for fresh in (False, True):
        with pytest.raises(StoreError, match="another process"):
            RunFolder(tmp_path, SETTINGS, fresh=fresh)
    run = first.complete(make_run())
    first.close()
    assert read_run(tmp_path) == run


@pytest.mark.parametrize("sessions", [None, [1], [{"started": "x", "seconds": 1}], [{}], [{"started": None}]])
def test_damaged_sessions_are_a_clear_error(tmp_path: Path, sessions: object) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a"))
    folder.close()
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "sessions": sessions}))
    with pytest.raises(StoreError, match=r"config\.json does not list the sessions"):
        RunFolder(tmp_path, SETTINGS)
    RunFolder(tmp_path, SETTINGS, fresh=True).close()


def test_the_time_of_a_session_that_was_cut_off_counts(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS).close()
    config = json.loads((tmp_path / "config.json").read_text())
    config["sessions"][0]["started"] = "2026-01-01T00:00:00+00:00"
    (tmp_path / "config.json").write_text(json.dumps(config))
    start_s = 1767225600
    os.utime(tmp_path / "samples.jsonl", (start_s + 90, start_s + 90))
    folder = RunFolder(tmp_path, SETTINGS)
    assert folder.seconds_before == 90
    assert folder.started == "2026-01-01T00:00:00+00:00"
    folder.close()


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, SETTINGS)
    folder.append(make_record("a"))
    kept = (tmp_path / "samples.jsonl").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) + 10, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"File too large\. What was finished is kept; free space"):
            folder.append(make_record("b"))
        folder.close()  # In a `finally`, it would take the place of the error that says what to do.
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len((tmp_path / "samples.jsonl").read_bytes()) == len(kept) + 10
    RunFolder(tmp_path, SETTINGS).close()
    assert (tmp_path / "samples.jsonl").read_bytes() == kept


def test_an_unfinished_run_is_named_as_such(tmp_path: Path) -> None:
    RunFolder(tmp_path, SETTINGS).close()
    with pytest.raises(StoreError, match="not finished"):
        read_run(tmp_path)
    with pytest.raises(StoreError, match="not a run folder"):
        read_run(tmp_path / "nothing")


@pytest.mark.parametrize("text", ["[]", "{", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_foreign_run_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StoreError, match=r"run\.json"):
        read_run(tmp_path)


def delete_folder(path: Path, name: str) -> None:
    shutil.rmtree(path)


def delete(path: Path, name: str) -> None:
    (path / name).unlink()


def move(path: Path, name: str) -> None:
    path.rename(path.with_name("elsewhere"))


def truncate(path: Path, name: str) -> None:
    with (path / name).open("r+b") as file:
        file.truncate(7)


def write_into(path: Path, name: str) -> None:
    with (path / name).open("ab") as file:
        file.write(b"x\n")


def replace_file(path: Path, name: str) -> None:
    content = (path / name).read_bytes()
    (path / name).rename(path / "held")
    (path / name).write_bytes(content)


Damage = Callable[[Path, str], None]
DAMAGE: dict[Damage, str] = {
    delete_folder: "is gone",
    delete: "is gone",
    move: "is gone",
    truncate: "holds 7 bytes",
    write_into: "this run has written",
    replace_file: "is not the file",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("rank", [0, 1])
def test_a_folder_that_is_not_left_alone_is_noticed_with_the_next_sample(
    tmp_path: Path, damage: Damage, rank: int
) -> None:
    path = tmp_path / "run"
    folder = RunFolder(path, SETTINGS)
    store = Shard(path, rank, folder.size_bytes) if rank else folder
    store.append(make_record("a"))
    store.append(make_record("b"))
    damage(path, "samples.rank-1.jsonl" if rank else "samples.jsonl")
    with pytest.raises(StoreError, match=DAMAGE[damage]) as error:
        store.append(make_record("c"))
    assert "run the same command again" in str(error.value)
    for opened in {store, folder}:
        opened.close()


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_folder_that_goes_after_the_last_sample_is_an_error_of_its_own(tmp_path: Path, damage: Damage) -> None:
    folder = RunFolder(tmp_path / "run", SETTINGS)
    folder.append(make_record("a"))
    damage(tmp_path / "run", "samples.jsonl")
    with pytest.raises(StoreError, match=r"samples\.jsonl"):
        folder.take_up_shards()
    with pytest.raises(StoreError, match=r"samples\.jsonl"):
        folder.sort([("pope", "a")])
    folder.close()


def test_a_folder_that_goes_while_a_judge_is_asked_is_noticed_with_its_next_verdict(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", SETTINGS)
    keys = [("pope", name) for name in "abc"]
    for _, name in keys:
        folder.append(make_record(name))
    folder.sort(keys)
    asked = []

    def judged() -> Iterator[SampleRecord]:
        for _, name in keys:
            asked.append(name)
            yield make_record(name)
            shutil.rmtree(tmp_path / "run", ignore_errors=True)

    with pytest.raises(StoreError, match=r"samples\.jsonl"):
        folder.rewrite(judged())
    assert asked == ["a", "b"]
    folder.close()
