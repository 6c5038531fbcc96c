"""`harness score` on real files."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support_logs import INSPECT_POPE, LMMS_POPE, VLM_POPE, logged_rows, write_rows

import harness
from harness.cli import main
from harness.core.types import SampleRecord
from harness.runs.records import decode_record

Rows = list[dict[str, Any]]


def read_record(line: str) -> SampleRecord:
    """A line of --per-sample: a sample record, and whether its two verdicts differ."""
    row = json.loads(line)
    assert isinstance(row.pop("disagreement"), bool)
    return decode_record(json.dumps(row).encode())


def write(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def pope(n: int = 12) -> tuple[Rows, Rows]:
    splits = ("random", "popular", "adversarial")
    samples = [
        {
            "question_id": str(i),
            "question": f"Is there a dog in image {i}?",
            "answer": ("yes", "no")[i % 2],
            "category": splits[i % 3],
            "image_source": f"{i // 4}.jpg",
        }
        for i in range(n)
    ]
    responses = [{"id": f"{s['category']}/{s['question_id']}", "response": s["answer"]} for s in samples]
    return samples, responses


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    samples, responses = pope()
    return write(tmp_path / "samples.jsonl", samples), write(tmp_path / "responses.jsonl", responses)


def command(files: tuple[Path, Path], *more: str, task: str = "pope") -> list[str]:
    return ["score", "--task", task, "--samples", str(files[0]), "--responses", str(files[1]), *more]


def scored(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], *more: str, task: str = "pope") -> Any:
    code = main(command(files, "--json", *more, task=task))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def refused(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], *more: str, task: str = "pope") -> str:
    assert main(command(files, *more, task=task)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_json(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    result = scored(files, capsys)
    assert result["task"] == "pope"
    assert result["headline"] == {"metric": "mean/accuracy", "value": 1.0, "stderr": 0.0}
    assert set(result["metrics"]["random/f1"]) == {"value", "stderr", "low", "high", "n"}
    assert set(result["official"]) == set(result["metrics"])
    assert result["official"]["all/accuracy"] == 1.0
    assert {key: result[key] for key in ("unanswered", "errors", "disagreements", "samples")} == {
        "unanswered": 0, "errors": 0, "disagreements": 0, "samples": 12,
    }  # fmt: skip


def test_table_for_people(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    rows[1]["response"] = "I would rather keep quiet"  # gold no; the published evaluator takes it for yes
    rows[0]["response"] = ""  # gold yes; the published evaluator takes it for yes
    write(files[1], rows)
    assert main(command(files)) == 0
    out = capsys.readouterr().out
    assert "mean/accuracy *" in out
    counts = "1 (8.3 %) unanswered (refused, empty or cut off; counted wrong), 0 (0.0 %) cut off, 0 (0.0 %) errors"
    assert f"12 samples: {counts} (left out)" in out
    assert "no judge was given; see --judge): 1 (8.3 %) not understood, no rule reads them\n" in out
    assert "0.8333 to 0.9167" in out
    assert "strict and official differ on 1 of 12 samples: random/0" in out


def test_a_table_says_nothing_of_what_there_is_none_of(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(files)) == 0
    out = capsys.readouterr().out
    assert not any(word in out for word in ("range", "unsettled", "understood", "undecided"))


def test_explain_shows_one_answer(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    rows[1]["response"] = "A lawn. There is no dog in image 1."
    write(files[1], rows)
    assert main(command(files, "--explain", "popular/1")) == 0
    explained = capsys.readouterr().out
    assert "response  A lawn. >>>There is no dog in image 1.<<<\n" in explained
    assert "strict    right\n" in explained
    # The same of a run folder.
    run = tmp_path / "run"
    run.mkdir()
    assert main(command(files, "--per-sample", str(tmp_path / "out.jsonl"))) == 0
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    write(run / "samples.jsonl", [{k: v for k, v in record.items() if k != "disagreement"} for record in records])
    capsys.readouterr()
    assert main(["score", "--run", str(run), "--explain", "popular/1"]) == 0
    assert capsys.readouterr().out == explained
    assert main(["score", "--run", str(run), "--explain", "popular/1", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["verdict"]["rule"], shown["reading"]["span"]) == ("statement", [8, 35])


def test_explain_finds_a_sample_of_a_table_by_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.csv").write_text("image,question,answer\na.png,Is it red?,yes\n")
    write(tmp_path / "r.jsonl", [{"id": "1", "response": "Yes, it is."}])
    recorded = ["--task", str(tmp_path / "mine.csv"), "--responses", str(tmp_path / "r.jsonl")]
    assert main(["score", *recorded, "--explain", "1"]) == 0
    assert "Yes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--explain", "random/99"], "has no sample 'random/99'"),
        (["--explain", "random/0", "--judge", "openai:m"], "asks no judge"),
        (["--explain", "random/0", "--per-sample", "out.jsonl"], "Leave --judge and --per-sample out"),
        (["--out", "run", "--fresh"], "--out, --fresh belongs to --from"),
        (["--run", "somewhere"], "--run RUN with --explain ID"),
        (["--explain", "random/0", "--run", "nowhere"], "nowhere is not a run folder"),
    ],
)
def test_what_cannot_be_explained(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert message in refused(files, capsys, *more)


def test_the_real_command(files: tuple[Path, Path]) -> None:
    code = "import sys; from harness.cli import main; sys.exit(main())"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *command(files, "--json")], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert json.loads(run.stdout)["headline"]["value"] == 1.0


def test_order_of_the_files_does_not_matter(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(0)
    lines = [
        json.dumps({**json.loads(x), "response": rng.choice(("yes", "no"))}) for x in files[1].read_text().splitlines()
    ]
    write(files[1], lines)
    before = scored(files, capsys)
    rng.shuffle(lines)
    write(files[1], lines)
    assert scored(files, capsys) == before


def test_missing_ids(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    write(files[1], files[1].read_text().splitlines()[7:])
    message = refused(files, capsys)
    assert "7 ids of 12 without a response" in message
    assert "random/0, popular/1, adversarial/2, random/3, popular/4 and 2 more" in message
    assert "--allow-missing" in message
    result = scored(files, capsys, "--allow-missing")
    assert (result["unanswered"], result["metrics"]["all/accuracy"]["value"]) == (7, 5 / 12)


def test_unknown_ids(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    write(files[1], [*files[1].read_text().splitlines(), {"id": "random/99", "response": "yes"}])
    for more in ([], ["--allow-missing"]):
        assert "1 id not in" in (message := refused(files, capsys, *more))
        assert "random/99" in message


def test_repeated_ids(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lines = files[1].read_text().splitlines()
    write(files[1], lines + lines[:2] + lines[:1])
    message = refused(files, capsys)
    assert "responses.jsonl: 3 ids found more than once: " in message
    assert "random/0" in message
    write(files[1], lines)
    rows = files[0].read_text().splitlines()
    write(files[0], [*rows, rows[4]])
    assert "samples.jsonl: 1 id found more than once: popular/4" in refused(files, capsys)
    write(files[1], lines[:4] + lines[5:])
    assert "samples.jsonl: 1 id found more than once: popular/4" in refused(files, capsys, "--allow-missing")


def test_all_rows_with_one_id_take_no_quadratic_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = write(tmp_path / "s.jsonl", pope(2)[0])
    responses = write(tmp_path / "r.jsonl", [{"id": "random/0", "response": "yes"}] * 20_000)
    assert "19999 ids found more than once: random/0" in refused((samples, responses), capsys)


@pytest.mark.parametrize(
    ("place", "line", "message"),
    [
        (1, '{"id": "random/0", "response"', "responses.jsonl:3 is not JSON"),
        (1, "[1, 2]", "responses.jsonl:3 is not a JSON object but list"),
        (1, '{"response": "yes"}', "responses.jsonl:3: column 'id' is missing"),
        (1, '{"id": true, "response": "yes"}', "responses.jsonl:3: column 'id' is missing"),
        (0, '{"question_id": "2"', "samples.jsonl:3 is not JSON"),
        (0, '{"question_id": "2", "question": "?", "answer": "no"}', "samples.jsonl:3: no column 'category'"),
        (0, "[" * 100_000, "samples.jsonl:3 is not JSON"),
    ],
)
def test_broken_lines_are_named(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], place: int, line: str, message: str
) -> None:
    lines = files[place].read_text().splitlines()
    lines[2] = line
    write(files[place], lines)
    assert message in refused(files, capsys)


def test_responses_that_are_no_text(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    write(files[1], [{**rows[0], "response": None}, *rows[1:]])
    assert "id 'random/0': column 'response' holds NoneType, not text" in refused(files, capsys)
    write(files[1], [{"id": "random/0"}, *rows[1:]])
    assert "id 'random/0': column 'response' is missing" in refused(files, capsys)


def test_errors_are_left_out_and_counted(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    rows[0] = {"id": "random/0", "error": "server: status 500"}
    rows[1]["finish_reason"] = "MAX_TOKENS"
    rows[2]["finish_reason"] = ""
    write(files[1], rows)
    result = scored(files, capsys, "--max-failures", "1")
    assert (result["errors"], result["truncated"], result["metrics"]["all/accuracy"]["n"]) == (1, 1, 11)
    assert main(command(files)) == 1
    assert "warning: 1 samples have no verdict (tolerated: 0)" in capsys.readouterr().err


def test_an_unknown_reason_of_an_end_is_refused(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    write(files[1], [{**rows[0], "finish_reason": "content_filter"}, *rows[1:]])
    problem = "responses.jsonl: id 'random/0': column 'finish_reason' holds 'content_filter', not 'stop' or 'length'"
    assert problem in refused(files, capsys)


def test_rows_that_hold_several_questions(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """VLMEvalKit keeps POPE so: a question that several splits ask is one row."""
    samples = [{**row, "category": "random,popular,adversarial"} for row in pope(2)[0]]
    splits = ("random", "popular", "adversarial")
    responses = [
        {"id": f"{split}/{number}", "response": ("yes", "no")[number]} for split in splits for number in (0, 1)
    ]
    result = scored((write(files[0], samples), write(files[1], responses)), capsys)
    assert (result["samples"], result["headline"]["value"]) == (6, 1.0)
    assert {name.split("/")[0] for name in result["metrics"]} == {*splits, "mean", "all"}
    both = harness.score("pope", samples, {row["id"]: row["response"] for row in responses})
    assert both.result.metrics["mean/accuracy"].value == 1.0
    write(files[0], [{**samples[0], "label": "perhaps", "answer": None}])
    assert "samples.jsonl:1.random: column 'answer' holds 'perhaps'" in refused(files, capsys)


def test_what_the_name_of_the_file_and_the_number_of_the_row_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [{"question_id": 1, "image": "1.jpg", "text": "Is there a dog in the image?", "label": "yes"}]
    responses = write(tmp_path / "r.jsonl", [{"id": "popular/1", "response": "Yes"}])
    result = scored((write(tmp_path / "coco_pope_popular.json", asked), responses), capsys)
    assert result["metrics"]["popular/accuracy"]["value"] == 1.0
    pair = {kind: {"question": "Is it?", "video": "v.mp4", "answer": "yes"} for kind in ("basic", "hallucination")}
    responses = write(tmp_path / "r.jsonl", [{"id": f"temporal/0/{kind}", "response": "Yes"} for kind in pair])
    (tmp_path / "temporal.json").write_text(json.dumps([pair], indent=4))
    result = scored((tmp_path / "temporal.json", responses), capsys, task="videohallucer")
    assert result["metrics"]["temporal/both"]["value"] == 1.0
    rated = [{"question": "What?", "gt_answer": "A dog.", "image_content": ["dog"]}] * 2
    responses = write(tmp_path / "r.jsonl", [{"id": str(number), "response": "A dog."} for number in (0, 1)])
    assert scored((write(tmp_path / "s.jsonl", rated), responses), capsys, task="mmhal_bench")["samples"] == 2


def test_empty_and_absent_files(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    absent = tmp_path / "absent.jsonl"
    assert "cannot read" in refused((absent, files[1]), capsys)
    assert "cannot read" in refused((files[0], absent), capsys)
    assert "cannot read" in refused((files[0], tmp_path), capsys)
    empty = write(tmp_path / "empty.jsonl", [])
    assert "holds no samples" in refused((empty, empty), capsys)
    assert "12 ids of 12 without a response" in refused((files[0], empty), capsys)
    assert scored((files[0], empty), capsys, "--allow-missing")["unanswered"] == 12


def test_byte_order_mark_blank_lines_and_line_ends(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in files:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n").rstrip())
    assert scored(files, capsys)["headline"]["value"] == 1.0


def test_unknown_task(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert "task 'pop' not found. Did you mean 'pope'?" in refused(files, capsys, task="pop")


def test_per_sample_records(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    rows[0]["response"] = ""
    write(files[1], rows)
    out = tmp_path / "deep" / "out.jsonl"
    scored(files, capsys, "--per-sample", str(out))
    lines = out.read_text().splitlines()
    assert [json.loads(line)["disagreement"] for line in lines] == [True] + [False] * 11
    record = read_record(lines[0])
    assert (record.sample.id, record.verdict.status, record.verdict.official) == ("random/0", "unanswered", True)


def test_text_that_utf8_cannot_hold(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in files[1].read_text().splitlines()]
    rows[0]["response"] = "yes \ud800 \x00 \u202e"
    write(files[1], rows)
    out = tmp_path / "out.jsonl"
    scored(files, capsys, "--per-sample", str(out))
    assert read_record(out.read_text().splitlines()[0]).response.text == rows[0]["response"].replace("\ud800", "?")


def test_nothing_half_written_is_left(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = files[0].parent
    out = folder / "out.jsonl"
    out.write_text("before\n")
    write(files[1], files[1].read_text().splitlines()[:5])
    refused(files, capsys, "--per-sample", str(out))
    assert out.read_text() == "before\n"
    assert sorted(path.name for path in folder.iterdir()) == ["out.jsonl", "responses.jsonl", "samples.jsonl"]


def test_per_sample_file_that_cannot_be_written(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = files[0].parent
    monkeypatch.chdir(folder)
    assert "cannot write .: it is a folder. Give the name of a file" in refused(files, capsys, "--per-sample", ".")
    os.mkfifo("pipe")
    assert "cannot write pipe: it is a device or pipe" in refused(files, capsys, "--per-sample", "pipe")
    message = refused(files, capsys, "--per-sample", str(files[0] / "out.jsonl"))
    assert message.endswith("Free space, or give another file with --per-sample.\n")
    assert sorted(path.name for path in folder.iterdir()) == ["pipe", "responses.jsonl", "samples.jsonl"]


@pytest.mark.parametrize("rows", [12, 2000])
def test_disk_full_of_per_sample_records(tmp_path: Path, rows: int) -> None:
    samples, responses = pope(rows)
    given = write(tmp_path / "samples.jsonl", samples), write(tmp_path / "responses.jsonl", responses)
    # A file may not grow beyond 1 kB: the last lines fail when the file is closed, many fail earlier.
    program = (
        "import resource, signal, sys\n"
        "from harness.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-B", "-c", program, *command(given, "--per-sample", str(tmp_path / "out.jsonl"))]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: cannot write {tmp_path / 'out.jsonl'}: File too large. "
        "Free space, or give another file with --per-sample.\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["responses.jsonl", "samples.jsonl"]


def test_all_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = {"question": "Is it?", "video": "v.mp4", "subset": "temporal", "index": 0}
    mmbench = {"question": "Which?", "A": "cat", "B": "dog", "category": "c", "l2-category": "l", "hint": None}
    mmvu = {"question": "Which?", "video": "videos/Art/1.mp4"}
    cases: dict[str, tuple[Rows, dict[str, str], dict[str, float]]] = {
        "videohallucer": (
            [{**video, "kind": "basic", "answer": "yes"}, {**video, "kind": "hallucination", "answer": "no"}],
            {"temporal/0/basic": "Yes.", "temporal/0/hallucination": "No."},
            {"mean/both": 1.0, "temporal/hallucinated": 1.0, "all/yes_difference": 0.0},
        ),
        "mmbench": (
            [{**mmbench, "index": 4, "answer": "A"}, {**mmbench, "index": 1_000_004, "answer": "B"}],
            {"4": "A", "1000004": "(B)"},
            {"all/circular": 1.0, "l2/l/circular": 1.0, "category/c/circular": 1.0, "all/vanilla": 1.0},
        ),
        "mmvu": (
            [
                {**mmvu, "id": "a", "question_type": "open-ended", "choices": {}, "answer": "Dolly zoom"},
                {**mmvu, "id": "b", "question_type": "multiple-choice", "choices": {"A": "x", "B": "y"}, "answer": "B"},
            ],
            {"a": "A tracking shot of some kind", "b": "B"},
            {"all/accuracy": 0.5, "open_ended/accuracy": 0.0, "multiple_choice/accuracy": 1.0},
        ),
    }
    for task, (rows, texts, expected) in cases.items():
        samples = write(tmp_path / "s.jsonl", rows)
        responses = write(tmp_path / "r.jsonl", [{"id": key, "response": text} for key, text in texts.items()])
        result = scored((samples, responses), capsys, task=task)
        assert {name: result["metrics"][name]["value"] for name in expected} == expected
        if task == "mmvu":
            assert set(result["official"].values()) == {None}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what Linux says of a process")
def test_memory_grows_by_bytes_a_row_not_by_rows(tmp_path: Path) -> None:
    samples, responses = tmp_path / "s.jsonl", tmp_path / "r.jsonl"
    rows, answers = pope(33_000)
    write(samples, rows)
    write(responses, answers)
    code = (
        "import sys; from harness.cli import main; main(); "  # Not by getrusage, which counts the parent's peak, too.
        "print(next(of.split()[1] for of in open('/proc/self/status') if of.startswith('VmHWM')), file=sys.stderr)"
    )
    peaks = []
    for n in (3_000, 33_000):
        for path, part in ((samples, rows), (responses, answers)):
            write(path, part[:n])
        run = subprocess.run(
            [sys.executable, "-c", code, *command((samples, responses), "--json")],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(run.stderr))
    # 30,000 more samples as Python objects would take over 55 MB.
    assert peaks[1] - peaks[0] < 14_000


def test_a_log_of_another_harness_becomes_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", logged_rows())
    given = ["score", "--task", "pope", "--samples", str(rows)]
    runs = tmp_path / "runs"
    assert main([*given, "--from", "lmms-eval", "--model", "one", "--out", str(runs / "a"), str(LMMS_POPE)]) == 0
    out = capsys.readouterr().out
    assert "lmms-eval/pope_accuracy" in out.splitlines()[0]
    assert out.splitlines()[2].split()[:7] == ["pope", "mean/accuracy", "83.3", "[0.0,", "100.0]", "83.3", "33.3"]
    assert "lmms-eval/pope\\_accuracy" in (runs / "a" / "report.md").read_text()
    assert {path.name for path in (runs / "a").iterdir()} >= {"config.json", "samples.jsonl", "run.json", "report.html"}
    assert main([*given, "--from", "inspect", "--out", str(runs / "b"), "--json", str(INSPECT_POPE)]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "mockllm/seer-1"
    assert main(["compare", str(runs / "a"), str(runs / "b"), "--metrics", "headline"]) == 0
    assert "18 samples in both" in capsys.readouterr().out
    assert main(["leaderboard", "build", "--runs", str(runs), "--out", str(tmp_path / "board")]) == 0
    board = (tmp_path / "board" / "leaderboard.md").read_text()
    assert "one" in board
    assert "mockllm/seer-1" in board


def test_exit_code_of_a_log_with_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["score", "--task", "pope", "--from", "vlmevalkit", "--out", str(tmp_path / "run"), str(VLM_POPE)]
    assert main(given) == 1
    err = capsys.readouterr().err
    assert "warning: nothing tells which questions share an image" in err
    assert "warning: 1 samples could not be scored" in err
    assert main([*given, "--max-failures", "1"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "give --samples FILE and --responses FILE, or --from NAME"),
        (["--from", "vlmeval", "x"], "--from 'vlmeval' does not exist. Choose one of: lmms-eval, vlmevalkit,"),
        (["--from", "inspect"], "--from inspect takes the files of a log"),
        (["--from", "inspect", "x", "--responses", "y"], "--from inspect takes the files of a log"),
        (["--from", "inspect", "x", "--data", "hub", "--samples", "y"], "Give one of them"),
        (["--from", "inspect", "gone.eval"], "cannot read gone.eval"),
        (["--samples", "x", "--responses", "y", "z"], "give --samples FILE and --responses FILE, or --from NAME"),
    ],
)
def test_what_does_not_go_together(capsys: pytest.CaptureFixture[str], more: list[str], message: str) -> None:
    assert main(["score", "--task", "pope", *more]) == 2
    assert message in capsys.readouterr().err
