"""`harness compare` on run folders."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from support_leaderboards import write_run
from support_scoring import record_of, rotations, samples_of

from harness.cli import main
from harness.core.types import Sample, SampleRecord
from harness.runs.records import encode_record


def pope_samples(n: int = 60) -> list[Sample]:
    return samples_of(
        "pope",
        (
            {
                "question_id": str(i),
                "question": f"Is there a dog in image {i}?",
                "answer": ("yes", "no")[i % 2],
                "category": "random",
                "image_source": f"{i // 3}.jpg",
            }
            for i in range(n)
        ),
    )


def wrong(sample: Sample) -> str:
    return {"yes": "no", "no": "yes"}[sample.target]


def write(folder: Path, records: Iterable[SampleRecord]) -> Path:
    folder.mkdir()
    (folder / "samples.jsonl").write_text("".join(encode_record(record) + "\n" for record in records))
    return folder


def answered(samples: Iterable[Sample], reply: Callable[[Sample], str | None]) -> list[SampleRecord]:
    return [record_of(sample, reply(sample)) for sample in samples]


def compared(capsys: pytest.CaptureFixture[str], a: Path, b: Path, *more: str) -> Any:
    code = main(["compare", str(a), str(b), "--json", *more])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)["tasks"]


def number(sample: Sample) -> int:
    return int(sample.id.rsplit("/", 1)[-1])


def test_changes_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples()
    # A is wrong on 0..9. B is wrong on 6..9 and on 20, 21, of which 21 (gold no) is a hallucination; so are none of
    # 7 and 9, which A had got wrong with a yes already. B does not answer 23, which A had right.
    a = write(tmp_path / "a", answered(samples, lambda s: wrong(s) if number(s) < 10 else s.target))
    b = write(
        tmp_path / "b",
        answered(
            samples,
            lambda s: wrong(s) if number(s) in (6, 7, 8, 9, 20, 21) else "hm" if number(s) == 23 else s.target,
        ),
    )
    task = compared(capsys, a, b)["pope"]
    assert task["samples"] == 60
    assert task["left_out"] == {"only_a": 0, "only_b": 0, "errors": 0, "incomplete": 0}
    assert task["fixed"] == {"count": 6, "ids": [f"random/{i}" for i in range(6)]}
    assert task["broken"] == {"count": 3, "ids": ["random/20", "random/21", "random/23"]}
    assert task["newly_hallucinated"] == {"count": 1, "ids": ["random/21"]}

    accuracy = task["metrics"]["mean/accuracy"]
    assert (accuracy["a"], accuracy["b"]) == (50 / 60, 53 / 60)
    assert accuracy["value"] == pytest.approx(3 / 60)
    # "hm" may have been right.
    assert task["unsettled"] == {"a": 0, "b": 1}
    assert [accuracy[name] for name in ("least", "greatest")] == pytest.approx([3 / 60, 4 / 60])
    assert accuracy["could_turn"] is False
    assert task["metrics"]["mean/yes_ratio"]["least"] is None
    # Images hold three questions: gains 3, 3, -1, -2 of four of the twenty images.
    gains = [3, 3, -1, -2, *[0] * 16]
    moved = [(gain - 3 / 20) / 60 for gain in gains]
    assert accuracy["stderr"] == pytest.approx(sqrt(20 / 19 * sum(of**2 for of in moved)))
    assert accuracy["low"] < 0 < 3 / 60 < accuracy["high"]
    assert (accuracy["family"], accuracy["verdict"]) == (1, "no difference shown")
    assert accuracy["p"] > 0.05
    assert accuracy["needed_n"] > 60
    # Of all other figures the interval is for itself, and nothing is tested.
    f1 = task["metrics"]["random/f1"]
    assert (f1["family"], f1["p"], f1["verdict"]) == (0, None, "not tested")
    assert f1["low"] < f1["value"] < f1["high"]


def test_same_samples_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(30)
    a = write(tmp_path / "a", answered(samples[:25], lambda s: s.target))
    b = write(tmp_path / "b", answered(samples[3:], lambda s: None if number(s) == 10 else s.target))
    task = compared(capsys, a, b)["pope"]
    assert task["samples"] == 21
    assert task["left_out"] == {"only_a": 3, "only_b": 5, "errors": 1, "incomplete": 0}
    assert task["metrics"]["all/accuracy"]["n"] == 21


def test_groups_are_compared_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = samples_of("mmbench", [row for n in range(4) for row in rotations(n, f"q{n}", ["a", "b", "c"], 0)])
    a = write(tmp_path / "a", answered(samples, lambda s: s.target))
    b = write(tmp_path / "b", answered(samples, lambda s: None if s.id == "1000002" else s.target))
    task = compared(capsys, a, b)["mmbench"]
    assert task["samples"] == 9
    assert task["left_out"] == {"only_a": 0, "only_b": 0, "errors": 1, "incomplete": 2}
    circular = task["metrics"]["all/circular"]
    assert (circular["a"], circular["b"], circular["n"]) == (1.0, 1.0, 3)
    assert not any("gold_share" in name for name in task["metrics"])


def test_other_data_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(10)
    a = write(tmp_path / "a", answered(samples, lambda s: s.target))
    changed = [replace(sample, question="Is there a cat?") if number(sample) == 4 else sample for sample in samples]
    b = write(tmp_path / "b", answered(changed, lambda s: s.target))
    assert main(["compare", str(a), str(b)]) == 2
    message = capsys.readouterr().err
    assert "different data: 1 pope samples differ, e.g. 'random/4' in question" in message
    assert "Is there a cat?" in message


def test_nothing_in_common(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(10)
    a = write(tmp_path / "a", answered(samples[:5], lambda s: s.target))
    b = write(tmp_path / "b", answered(samples[5:], lambda s: s.target))
    assert main(["compare", str(a), str(b)]) == 2
    assert "no sample with a response in both" in capsys.readouterr().err
    c = write(tmp_path / "c", answered(samples_of("mmbench", rotations(0, "q", ["a", "b"], 0)), lambda s: s.target))
    assert main(["compare", str(a), str(c)]) == 2
    assert "no task is in both" in capsys.readouterr().err
    assert main(["compare", str(a), str(tmp_path / "absent")]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_records_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(2)
    a = write(tmp_path / "a", answered(samples, lambda s: s.target))
    b = write(tmp_path / "b", answered(samples, lambda s: s.target))
    c = tmp_path / "c"
    (c / "samples.jsonl").mkdir(parents=True)
    whole = (b / "samples.jsonl").read_bytes()
    for line, message in (
        (b"\xff\xfe\n", "is not a sample record: Invalid JSON"),
        (whole[:20] + b"\n", "is not a sample record: "),  # Without its end it would be of a run that is written.
    ):
        (b / "samples.jsonl").write_bytes(whole + line)
        assert main(["compare", str(a), str(b)]) == 2
        error = capsys.readouterr().err
        assert f"error: {b / 'samples.jsonl'}:3 {message}" in error
        assert error.endswith("Delete that line, or run 'harness eval' again with --fresh.\n")
    assert main(["compare", str(a), str(c)]) == 2
    assert f"error: {c / 'samples.jsonl'} cannot be read: no regular file" in capsys.readouterr().err


def test_the_last_record_of_a_sample_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(6)
    a = write(tmp_path / "a", answered(samples, lambda s: s.target))
    tried_again = [*answered(samples[:2], lambda s: None), *answered(samples, lambda s: s.target)]
    b = write(tmp_path / "b", tried_again)
    task = compared(capsys, a, b)["pope"]
    assert (task["samples"], task["left_out"]["errors"]) == (6, 0)


def test_metrics_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(12)
    a = write(tmp_path / "a", answered(samples, lambda s: s.target))
    b = write(tmp_path / "b", answered(samples, lambda s: wrong(s) if number(s) < 3 else s.target))
    metrics = compared(capsys, a, b, "--metrics", "headline, random/f1")["pope"]["metrics"]
    assert {name for name, of in metrics.items() if of["p"] is not None} == set()  # Four images are too few.
    assert all("4 clusters of questions" in of["note"] for of in metrics.values() if of["value"] is not None)
    more = pope_samples(30)
    c = write(tmp_path / "c", answered(more, lambda s: s.target))
    d = write(tmp_path / "d", answered(more, lambda s: wrong(s) if number(s) < 3 else s.target))
    metrics = compared(capsys, c, d, "--metrics", "headline, random/f1")["pope"]["metrics"]
    assert {name: of["family"] for name, of in metrics.items() if of["p"] is not None} == {
        "mean/accuracy": 2, "random/f1": 2,
    }  # fmt: skip
    assert list(metrics)[:2] == ["random/f1", "mean/accuracy"]
    assert main(["compare", str(a), str(b), "--metrics", "acuracy"]) == 2
    assert "no figure of pope matches --metrics 'acuracy'" in capsys.readouterr().err


def test_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(30)
    a = write(tmp_path / "a", answered(samples, lambda s: s.target))
    b = write(tmp_path / "b", answered(samples, lambda s: wrong(s) if number(s) in (4, 5) else s.target))
    assert main(["compare", str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert "Differences are B - A in points; one is tested" in out
    assert "\npope: 30 samples in both\n" in out
    assert "mean/accuracy: 100.0 → 93.3, −6.7 [" in out
    assert "no difference shown (p = " in out
    assert "harness score --run" in out
    assert "broken: 2 (random/4, random/5)" in out
    assert "newly hallucinated: 1 (random/5)" in out
    assert "fixed: 0\n" in out


def test_runs_of_different_judges_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write(tmp_path / name, answered(pope_samples(30), lambda s: s.target)) for name in "abc"]
    for folder, judge in zip(runs, ("openai:m", "openai:n", "openai:n"), strict=True):
        (folder / "config.json").write_text(json.dumps({"schema_version": 2, "settings": {"judge": judge}}))
    assert main(["compare", str(runs[0]), str(runs[1])]) == 0
    assert "judged by openai:m in A and by openai:n in B" in capsys.readouterr().out
    assert main(["compare", str(runs[1]), str(runs[2])]) == 0
    assert "judged by" not in capsys.readouterr().out
    assert main(["compare", str(runs[0]), str(runs[1]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["judges"] == {"a": "openai:m", "b": "openai:n"}


def test_a_task_that_is_scored_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        replace(record, sample=replace(record.sample, task="mme"))
        for record in answered(pope_samples(20), lambda s: s.target)
    ]
    flipped = [
        replace(record, verdict=replace(record.verdict, status="incorrect")) if number(record.sample) < 4 else record
        for record in records
    ]
    task = compared(capsys, write(tmp_path / "a", records), write(tmp_path / "b", flipped))["mme"]
    assert task["metrics"]["all/right"]["value"] == pytest.approx(-0.2)
    assert task["broken"]["count"] == 4


def test_a_task_takes_eight_lines_and_all_has_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = pope_samples(60)
    a = write(tmp_path / "a", answered(samples, lambda s: wrong(s) if number(s) < 6 else s.target))
    b = write(tmp_path / "b", answered(samples, lambda s: "hm" if 3 < number(s) < 14 else s.target))
    for options in ((), ("--metrics", "*")):
        assert main(["compare", str(a), str(b), *options]) == 0
        task = capsys.readouterr().out.split("\n\n")[1]
        assert task.startswith("pope: 60 samples in both")
        assert len(task.splitlines()) <= 8
    assert "tested figures more; --all shows them" in task
    assert main(["compare", str(a), str(b), "--all"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name} " in out for name in ("random/f1", "all/accuracy", "mean/yes_ratio"))
    assert "not tested" in out


def test_a_run_that_is_not_finished_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = answered(pope_samples(), lambda s: s.target)
    a, b = write(tmp_path / "a", records[:7]), write(tmp_path / "b", records)
    tasks = {"tasks": {"pope": {"count": 60}, "mmbench": {"count": 9}}}
    (a / "config.json").write_text(json.dumps({"settings": tasks}))
    assert main(["compare", str(a), str(b)]) == 0
    told = capsys.readouterr().out
    assert "A is not finished (7 of 69 samples): run the same 'harness eval' again." in told
    assert "Only in" not in told


def test_a_run_whose_files_do_not_belong_together_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, counts={"pope": 18}, skills={"pope": 0.8})
    pair = (str(tmp_path / "a"), str(tmp_path / "b"))
    assert main(["compare", *pair]) == 0
    samples, record = tmp_path / "a" / "samples.jsonl", tmp_path / "b" / "run.json"
    whole = samples.read_text(encoding="utf-8")
    samples.write_text(whole.partition("\n")[2], encoding="utf-8")
    assert main(["compare", *pair]) == 2
    assert f"{tmp_path / 'a'}: its run.json or samples.jsonl was changed" in capsys.readouterr().err
    samples.write_text(whole, encoding="utf-8")
    for text, why in (("{", "run.json cannot be read"), ('{"schema_version": 1}', "has schema version 1")):
        record.write_text(text)
        assert main(["compare", *pair]) == 2
        assert why in capsys.readouterr().err


def test_other_settings_and_tasks_of_one_run_alone_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, tokens, tasks in (("a", 1536, ("pope", "more")), ("b", 64, ("pope",))):
        records = answered(pope_samples(), lambda s: s.target)
        more = [replace(of, sample=replace(of.sample, task="more")) for of in records[:1]] if name == "a" else []
        folder = write(tmp_path / name, [*records, *more])
        decoding = {"max_new_tokens": tokens, "seed": 0} | ({"contrast": "vcd:alpha=1"} if name == "b" else {})
        settings = {
            "decoding": decoding,
            "tasks": {task: {"prompt": "direct", "version": f"of {name}"} for task in tasks},
            "format": {"system": "Look twice."},
            "system_prompt": "Be brief." if name == "a" else None,
        }
        (folder / "config.json").write_text(json.dumps({"settings": settings}))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    told = capsys.readouterr().out
    assert "Only in A, not compared: more." in told
    assert (
        "Asked differently (pope): decoding.contrast: A None, B 'vcd:alpha=1'; decoding.max_new_tokens: A 1536, B 64; "
        "system_prompt: A 'Be brief.', B 'Look twice.'; version: A 'of a', B 'of b'."
    ) in told
    assert "seed" not in told
    page = tmp_path / "pair.html"
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--data", "demo", "--html", str(page)]) == 0
    assert "decoding.max_new_tokens: A 1536, B 64;" in page.read_text()
