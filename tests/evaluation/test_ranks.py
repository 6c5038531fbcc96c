"""Several processes, one run: the same records and figures as one process, whatever happens to one of them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support_processes import Popen
from torch.distributed import HashStore, PrefixStore

from harness.cli import main
from harness.core.errors import EndedError, EngineError, UsageError
from harness.core.types import Media, Sample, SampleRecord
from harness.evaluation import ranks as ranks_module
from harness.evaluation.plan import engine_options_of
from harness.evaluation.ranks import Ranks, join_ranks, run_together, share_work
from harness.evaluation.selection import share_samples
from harness.runs.folder import read_run
from harness.runs.records import read_records

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ACCELERATE = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}


def start(launcher: list[str], out: Path, *arguments: str) -> Popen:
    command = [*launcher, "-m", "harness", "eval", "--model", "demo", "--out", str(out), "--no-diagnose", *arguments]
    return Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )


def alone(out: Path, *arguments: str) -> int:
    return main(["eval", "--model", "demo", "--out", str(out), "--no-diagnose", *arguments])


def comparable(out: Path) -> list[SampleRecord]:
    """Records in their order, without what differs between runs: times, batches, and the last digit of floats."""
    return [
        replace(record, response=replace(record.response, seconds=None, answer_logprobs=None, batch_size=None))
        for record in read_records(out)
    ]


ASKED = ["--engine", "hf", "--tasks", "pope,mmvu", "--limit", "24", "--batch-size", "4"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "one"
    assert alone(out, *ASKED) == 0
    return out


def test_two_processes_make_the_run_of_one_and_print_once(undisturbed: Path, tmp_path: Path) -> None:
    process = start(TORCHRUN, tmp_path / "two", *ASKED, "--json")
    printed, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    assert comparable(tmp_path / "two") == comparable(undisturbed)
    run = read_run(tmp_path / "two")
    assert run.tasks == read_run(undisturbed).tasks
    assert run.settings == read_run(undisturbed).settings
    assert json.loads(printed)["tasks"]["pope"]["samples"] == 24
    assert errors.splitlines()[-1].startswith("48/48 samples (100%)")
    files = {path.name for path in (tmp_path / "two").iterdir()}
    assert files == {".harness.lock", "config.json", "samples.jsonl", "run.json", "report.md"}


@pytest.mark.parametrize("stop", ["kill -9 of rank 1", "Ctrl-C"])
def test_a_run_that_loses_a_process_keeps_what_is_stored_and_goes_on(
    undisturbed: Path, tmp_path: Path, stop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "two"
    process = start(TORCHRUN, out, *ASKED)
    shard, samples = out / "samples.rank-1.jsonl", out / "samples.jsonl"
    wait_for(lambda: size(shard) > 0 and size(samples) > 0, process)
    if stop == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    else:
        os.kill(pid_of_rank(process.pid, 1), signal.SIGKILL)
    _, errors = process.communicate(timeout=180)
    assert process.returncode != 0
    said = [line for line in errors.splitlines() if line.startswith(("error:", "interrupted:"))]
    assert len(said) == 1, errors
    assert "run the same command" in said[0]
    assert said[0].startswith("interrupted:" if stop == "Ctrl-C" else "error: the launcher ended this process")
    assert not (out / "run.json").exists()
    stored = {(record.sample.id, record.response.seconds) for record in read_records(out)}
    assert 2 <= len(stored) < 48
    assert size(shard) > 0
    if stop == "Ctrl-C":
        again = start(TORCHRUN, out, *ASKED)
        _, errors = again.communicate(timeout=180)
        assert again.returncode == 0, errors
    else:
        assert alone(out, *ASKED) == 0
    assert comparable(out) == comparable(undisturbed)
    assert stored <= {(record.sample.id, record.response.seconds) for record in read_records(out)}
    assert not shard.exists()


def test_a_run_whose_folder_goes_ends_on_every_rank(tmp_path: Path) -> None:
    out = tmp_path / "two"
    process = start(TORCHRUN, out, *ASKED[:-4], "--limit", "240", "--batch-size", "4")
    wait_for(lambda: size(out / "samples.rank-1.jsonl") > 0 and size(out / "samples.jsonl") > 0, process)
    shutil.rmtree(out)
    _, errors = process.communicate(timeout=180)
    assert process.returncode != 0
    said = [line for line in errors.splitlines() if line.startswith("error:")]
    assert len(said) == 1, errors
    assert "is gone: someone else has deleted, moved or changed it. Nothing more is asked." in said[0]
    assert not out.exists()


@pytest.mark.parametrize("launcher", ["alone", "torchrun"])
def test_a_run_that_a_scheduler_ends_exits_0_and_goes_on(undisturbed: Path, tmp_path: Path, launcher: str) -> None:
    out = tmp_path / "ended"
    together = launcher == "torchrun"
    process = start(TORCHRUN if together else [sys.executable], out, *ASKED, "--requeue")
    # Of two, either may be done before the other begins.
    wait_for(lambda: any(size(file) for file in out.glob("samples*.jsonl")), process)
    if together:  # A scheduler signals every process of a step; the launcher itself would exit with an error.
        ranks = [pid_of_rank(process.pid, rank) for rank in (0, 1)]
        for pid in ranks:
            os.kill(pid, signal.SIGTERM)
    else:
        process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    assert errors.count("ended from outside: what was finished is stored") == 1, errors
    assert not (out / "run.json").exists()
    stored = (out / "samples.jsonl").read_bytes()
    assert 0 < len(list(read_records(out))) < 48
    assert alone(out, *ASKED, "--requeue") == 0
    if together:
        assert comparable(out) == comparable(undisturbed)
    else:
        assert bytes_without_seconds(out) == bytes_without_seconds(undisturbed)
        assert set(stored.splitlines()) < set((out / "samples.jsonl").read_bytes().splitlines())


def test_without_requeue_sigterm_kills_and_nothing_is_lost(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = start([sys.executable], out, *ASKED)
    wait_for(lambda: size(out / "samples.jsonl") > 0, process)
    process.terminate()
    process.communicate(timeout=180)
    assert process.returncode == -signal.SIGTERM
    assert alone(out, *ASKED) == 0
    assert bytes_without_seconds(out) == bytes_without_seconds(undisturbed)


def bytes_without_seconds(out: Path) -> bytes:
    return re.sub(rb'"seconds":[0-9.e-]+', b'"seconds":0', (out / "samples.jsonl").read_bytes())


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def wait_for(condition: Any, process: Popen) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def pid_of_rank(launcher: int, rank: int) -> int:
    """The launcher's children are what forks the ranks, and the ranks in their order; a rank leads its session."""
    ranks = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                _, parent, _, session, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(parent) == launcher and session == folder.name:
                ranks.append(int(folder.name))
    return sorted(ranks)[rank]


@pytest.fixture
def recording(tmp_path: Path, undisturbed: Path) -> list[str]:
    """Arguments that replay 24 responses, one of which is missing."""
    path = tmp_path / "responses.jsonl"
    lines = (undisturbed / "samples.jsonl").read_text().splitlines()[1:24]
    path.write_text("".join(f"{line}\n" for line in lines))
    return ["--engine", "replay", "--responses", str(path), "--tasks", "pope", "--limit", "24", "--prompt", "grounded"]


def test_repeats_are_shared_too_and_all_exit_with_the_code_of_the_run(recording: list[str], tmp_path: Path) -> None:
    arguments = [*recording, "--repeats", "2", "--temperature", "1"]
    assert alone(tmp_path / "one", *arguments) == 1
    process = start(TORCHRUN, tmp_path / "two", *arguments)
    _, errors = process.communicate(timeout=180)
    assert errors.count("warning: 2 samples could not be scored") == 1
    assert errors.count("exitcode  : 1 ") == 2, errors
    for run in ("", "repeats/seed-1"):
        assert comparable(tmp_path / "two" / run) == comparable(tmp_path / "one" / run)
        assert read_run(tmp_path / "two" / run).tasks == read_run(tmp_path / "one" / run).tasks
    process = start(TORCHRUN, tmp_path / "two", *recording, "--fresh", "--seed", "3")
    _, errors = process.communicate(timeout=180)
    assert errors.count("exitcode  : 1 ") == 2, errors
    assert read_run(tmp_path / "two").seed == 3


def test_accelerate_launches_a_run(recording: list[str], tmp_path: Path) -> None:
    process = start(ACCELERATE, tmp_path / "run", *recording, "--max-failures", "1")
    printed, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    assert printed.count("mean/accuracy") == 1
    assert len(list(read_records(tmp_path / "run"))) == 24


def test_vllm_has_an_engine_a_machine_with_a_copy_a_process(store: HashStore) -> None:
    # Two machines of two processes and of one; rank 0 has its plan before the others begin with theirs.
    ranks = [Ranks(rank=rank, size=3, local_rank=rank % 2, store=store) for rank in range(3)]
    found = [engine_options_of({}, "vllm", rank) for rank in ranks]
    for rank in ranks:
        rank.close()
    assert [rank.share for rank in ranks] == [(0, 2), None, (1, 2)]
    assert [found[0], found[2]] == [{"data_parallel": 2}, {"data_parallel": 1}]
    with pytest.raises(UsageError, match="--tensor-parallel"):
        engine_options_of({"tensor_parallel": 2}, "vllm", ranks[0])


def make_sample(task: str, number: int, image: str | None) -> Sample:
    media = () if image is None else (Media(kind="image", source=f"{image}.png"),)
    return Sample(id=str(number), task=task, target="yes", answer_kind="yes_no", question="?", media=media)


def by_image(medium: Media) -> Media:
    """Of copies that begin with the number of their image."""
    return replace(medium, source=medium.source[0])


@pytest.mark.parametrize("copies", [False, True])
def test_shares_are_whole_lots_of_one_image_and_alike_in_size(copies: bool) -> None:
    tasks: Any = [SimpleNamespace(name=name, by_content=by_image if copies else lambda medium: medium) for name in "ab"]
    samples = {
        "a": [make_sample("a", n, f"{n // 3}-{n}" if copies else str(n // 3)) for n in range(12)],
        "b": [make_sample("b", number, None) for number in range(5)],
    }
    shares = [share_samples(tasks, samples, (rank, 3)) for rank in range(3)]
    # Images 0 to 3 of three questions each: the fourth goes to rank 0 again, which then has most.
    assert [[sample.id for sample in share["a"]] for share in shares] == [
        ["0", "1", "2", "9", "10", "11"],
        ["3", "4", "5"],
        ["6", "7", "8"],
    ]
    assert [[sample.id for sample in share["b"]] for share in shares] == [["2"], ["0", "3"], ["1", "4"]]
    assert share_samples(tasks, samples, (0, 1)) == samples
    assert share_samples(tasks, samples, None) == {}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[HashStore]:
    """What the ranks meet in, with signs of life of the others."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ranks_module, "_BEAT_S", 0.02)
    store = HashStore()
    yield store
    signal.signal(signal.SIGTERM, before)


def test_whoever_stops_first_says_why_and_the_others_are_quiet(
    store: HashStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(rank: int) -> None:
        ranks = Ranks(rank=rank, size=2, store=store)
        monkeypatch.setattr(ranks_module, "join_ranks", lambda: ranks)

    def fail(ranks: Ranks) -> int:
        raise UsageError("no such thing.")

    join(1)
    with pytest.raises(UsageError, match="no such thing"):
        run_together(fail)
    join(0)
    assert run_together(fail) == 2
    join(0)
    assert run_together(lambda ranks: int(ranks.wait_for("never"))) == 2


def test_after_a_stage_the_process_goes_on_as_before_or_ends_with_the_others(
    store: HashStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter(range(9))

    def join() -> Ranks:  # Those that the launcher started meet again under another name.
        return Ranks(rank=0, size=2, store=PrefixStore(f"stage-{next(numbers)}", store))

    monkeypatch.setattr(ranks_module, "join_ranks", join)
    monkeypatch.setattr(ranks_module, "_GOODBYE_S", 0.05)
    before = signal.getsignal(signal.SIGTERM)
    assert [share_work(lambda ranks: ranks.size) for _ in range(2)] == [2, 2]
    assert signal.getsignal(signal.SIGTERM) is before

    def stopped(ranks: Ranks) -> None:
        PrefixStore("stage-2", store).compare_set("harness/stopped", "", "1 7")
        ranks.wait_for("never")

    with pytest.raises(SystemExit) as ended:
        share_work(stopped)
    assert ended.value.code == 7
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.setattr(ranks_module, "join_ranks", lambda: Ranks())
    assert share_work(lambda ranks: ranks.share) == (0, 1)


def test_the_launcher_ending_a_process_is_an_error_with_a_reason(
    store: HashStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranks = Ranks(rank=0, size=2, store=store)
    monkeypatch.setattr(ranks_module, "join_ranks", lambda: ranks)

    def swallow(ranks: Ranks) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        except EndedError:
            pass
        ranks.check()
        return 0

    with pytest.raises(EngineError, match="another one of the run died"):
        run_together(swallow)


def test_a_silent_rank_is_noticed(store: HashStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "_SILENT_S", 0.1)
    ranks = Ranks(rank=0, size=3, store=store)
    stop = threading.Event()

    def live() -> None:
        number = 0
        while not stop.wait(0.01):
            number += 1
            store.set("harness/beat/1", json.dumps([number, "", 0, 0]))
            store.set("harness/beat/2", json.dumps([7, "", 0, 0]))

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(EngineError, match="rank 2 has given no sign of life"):
            ranks.wait_for("never")
    finally:
        stop.set()
        thread.join()
        ranks.close()


def test_rank_0_hears_how_far_the_others_are(store: HashStore) -> None:
    ranks = Ranks(rank=0, size=3, store=store)
    ranks.begin("seed-0")
    for rank, stage, done in ((1, "seed-0", 4), (2, "seed-9", 100)):
        store.set(f"harness/beat/{rank}", json.dumps([1, stage, done, 1]))
    deadline = time.monotonic() + 10
    while ranks.others == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ranks.others == (4, 1)
    for rank, done in ((1, 6), (2, 5)):
        store.set(f"point/{rank}", json.dumps([done, 2]))
    ranks.gather("point")
    ranks.close()
    assert ranks.others == (11, 4)


def test_a_lost_store_ends_the_run() -> None:
    class Lost:
        def __getattr__(self, name: str) -> Any:
            def fail(*_: Any) -> None:
                raise RuntimeError("Connection reset by peer\nat 0x0")

            return fail

    before = signal.getsignal(signal.SIGTERM)
    ranks = Ranks(rank=1, size=2, store=Lost())
    try:
        with pytest.raises(EngineError, match=r"lost each other \(Connection reset by peer\)"):
            ranks.wait_for("anything")
    finally:
        ranks.close()
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("environment", "named"),
    [({"WORLD_SIZE": "2", "RANK": "0"}, "not MASTER_ADDR"), ({"WORLD_SIZE": "two"}, "must be numbers")],
)
def test_half_an_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=named):
        join_ranks()
