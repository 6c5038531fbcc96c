"""RePOPE: counts and figures by hand, the official ones against the published evaluator, and old POPE runs rescored."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support_scoring import OURS, PUBLISHED, QUIRKS, SPLITS, Row, pope_rows, score

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.benchmarks.yes_no import read_letters
from harness.cli import main
from harness.core.errors import DataError
from harness.core.types import Response, Sample, SampleRecord
from harness.statistics import summarise

REPOPE, POPE = get_benchmark("repope"), get_benchmark("pope")
LABELS = PUBLISHED / "repope"

needs_labels = pytest.mark.skipif(
    not LABELS.is_dir(),
    reason=f"{LABELS} is not there: RePOPE's labels have no licence, so that they are not handed on",
)


def write_data(folder: Path, rows: list[Row], corrected: dict[str, str]) -> Path:
    """POPE's rows, and RePOPE's files with a label for each question that `corrected` names."""
    (folder / "pope").mkdir(parents=True)
    (folder / "pope/rows.jsonl").write_text("".join(json.dumps({**row, "image": None}) + "\n" for row in rows))
    (folder / "repope/annotations").mkdir(parents=True)
    for split in SPLITS:
        lines = [
            json.dumps(
                {
                    "question_id": int(row["question_id"]),
                    "image": row["image_source"],
                    "text": row["question"],
                    "label": corrected[name],
                }
            )
            for row in rows
            if row["category"] == split and (name := f"{split}/{row['question_id']}") in corrected
        ]
        (folder / f"repope/annotations/coco_repope_{split}.json").write_text("\n".join(lines))
    return folder


def asked(data: Path, task: str = "repope") -> dict[str, Sample]:
    return {sample.id: sample for sample in load_data(get_benchmark(task), str(data)).samples}


def answered(samples: dict[str, Sample], respond: Any, task: str = "repope") -> list[SampleRecord]:
    benchmark = get_benchmark(task)
    responses = {name: Response(sample_id=name, text=respond(sample)) for name, sample in samples.items()}
    return [
        SampleRecord(sample=sample, response=responses[name], verdict=benchmark.judge(sample, responses[name]))
        for name, sample in samples.items()
    ]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Four questions a split, two of them yes."""
    return [
        {
            "question_id": str(number),
            "question": f"Is there a thing {number} in the image?",
            "answer": "yes" if number < 3 else "no",
            "image_source": f"COCO_val2014_{number // 2}",
            "category": split,
        }
        for split in SPLITS
        for number in range(1, 5)
    ]


@pytest.fixture(scope="module")
def corrected(rows: list[Row]) -> dict[str, str]:
    """One yes is turned round in every split, and one no in one; a yes and a no are removed."""
    labels = {f"{row['category']}/{row['question_id']}": row["answer"] for row in rows}
    labels |= {f"{split}/1": "no" for split in SPLITS} | {"popular/3": "yes"}
    del labels["random/4"], labels["adversarial/2"]
    return labels


@pytest.fixture(scope="module")
def data(rows: list[Row], corrected: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), rows, corrected)


def test_kept_questions_have_their_corrected_labels(data: Path, corrected: dict[str, str]) -> None:
    samples = asked(data)
    assert {name: sample.target for name, sample in samples.items()} == corrected
    assert {sample.task for sample in samples.values()} == {"repope"}
    loaded = load_data(REPOPE, str(data))
    assert loaded.source == f"dir:{data.name}"
    assert loaded.labels.startswith("RePOPE@sha256:")


def test_figures_by_hand(data: Path, rows: list[Row]) -> None:
    # Answering POPE's labels: right on 2 of 3, 2 of 4 and 2 of 3 that are kept.
    of_pope = {f"{row['category']}/{row['question_id']}": row["answer"] for row in rows}
    result = summarise(REPOPE, answered(asked(data), lambda sample: of_pope[sample.id]))
    figures = {name: metric.value for name, metric in result.metrics.items()}
    assert [figures[f"{split}/accuracy"] for split in SPLITS] == pytest.approx([2 / 3, 2 / 4, 2 / 3])
    assert figures["mean/accuracy"] == pytest.approx((2 / 3 + 2 / 4 + 2 / 3) / 3)
    # popular: gold 2 and 3 are yes, said 1 and 2 are.
    assert [figures[f"popular/{name}"] for name in ("precision", "recall", "f1", "yes_ratio")] == [0.5, 0.5, 0.5, 0.5]


def published_evaluator(texts: list[str], labels: list[str]) -> dict[str, float]:
    """RePOPE's `evaluate.py`: what is neither yes nor no is in no count."""
    counts: Counter[tuple[str, str]] = Counter()
    for text, label in zip(texts, labels, strict=True):
        lowered = text.lower()
        answer = "yes" if "yes" in lowered else "no" if "no" in lowered else "no" if "not" in lowered else None
        if answer is not None:
            counts[answer, label] += 1
    tp, fp, tn, fn = (counts[pair] for pair in (("yes", "yes"), ("yes", "no"), ("no", "no"), ("no", "yes")))
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return {
        "accuracy": (tp + tn) / (tp + tn + fp + fn),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "yes_ratio": (tp + fp) / (tp + fp + tn + fn),
    }


def test_official_figures_are_the_published_evaluators() -> None:
    rng = random.Random("repope")
    rows = pope_rows(OURS) * 9
    texts = rng.choices([text for text in QUIRKS if "<" not in text] + ["", "Maybe.", "no", "Yes."], k=len(rows))
    numbered = [{**row, "question_id": str(number)} for number, row in enumerate(rows)]
    result = score("repope", numbered, texts)
    for split in SPLITS:
        places = [place for place, row in enumerate(rows) if row["category"] == split]
        expected = published_evaluator([texts[i] for i in places], [rows[i]["answer"] for i in places])
        assert {name: result.official[f"{split}/{name}"] for name in expected} == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "official", "strict"),
    [
        ("Eyes closed, no glasses.", "yes", None),
        ("The image shows a snowboard.", "no", None),
        ("There isn't a dog.", None, "no"),
        ("I do not know.", "no", None),
        ("No, my eyes see none.", "yes", "no"),
        ("", None, None),
    ],
)
def test_substrings_that_are_no_answers(text: str, official: str | None, strict: str | None) -> None:
    assert read_letters(text) == official
    row = {"question_id": "1", "question": "Is there a dog in the image?", "answer": "no", "category": "random"}
    sample = REPOPE.read_row(row, "row 1")
    assert REPOPE.judge(sample, Response(sample_id=sample.id, text=text)).answer == strict


def test_an_unread_response_is_wrong_and_not_left_out(rows: list[Row]) -> None:
    four = [row for row in rows if row["category"] == "random"]
    result = score("repope", four, ["yes", "Maybe.", "no", "no"])
    assert result.metrics["random/accuracy"].value == 3 / 4
    assert result.official["random/accuracy"] == 3 / 3


def test_pope_shows_both_where_the_labels_are_beside_its_data(
    rows: list[Row], corrected: dict[str, str], data: Path, tmp_path: Path
) -> None:
    folder = write_data(tmp_path / "both", rows, corrected)
    (folder / "repope").rename(folder / "pope/repope")
    (folder / "pope/repope/annotations").rename(folder / "pope/annotations")
    result = summarise(POPE, answered(asked(folder, "pope"), lambda sample: sample.target, "pope"))
    apart = summarise(REPOPE, answered(asked(data), lambda sample: asked(data, "pope")[sample.id].target))
    assert result.metrics["mean/accuracy"].value == 1.0
    for name, metric in apart.metrics.items():
        both = result.metrics[f"repope/{name}"]
        assert (both.value, both.n, both.low, both.high) == (metric.value, metric.n, metric.low, metric.high)
    bare = summarise(POPE, answered(asked(data, "pope"), lambda sample: sample.target, "pope"))
    assert not any(name.startswith("repope/") for name in bare.metrics)


def test_an_unread_answer_may_be_right_under_each_label(
    rows: list[Row], corrected: dict[str, str], tmp_path: Path
) -> None:
    folder = write_data(tmp_path, rows, corrected)
    (folder / "repope/annotations").rename(folder / "pope/annotations")
    samples = asked(folder, "pope")
    unread = answered(samples, lambda sample: "I see." if sample.id == "random/1" else sample.target, "pope")
    result = summarise(POPE, unread)
    # random/1 is yes in POPE and no in RePOPE, where 2 and 3 are right and 4 is removed.
    assert result.metrics["random/accuracy"].range == (3 / 4, 1.0)
    assert result.metrics["repope/random/accuracy"].range == (2 / 3, 1.0)


def run_of_pope(data: Path, out: Path, rows: list[Row]) -> Path:
    responses = out.parent / "responses.jsonl"
    texts = {f"{row['category']}/{row['question_id']}": f"{row['answer'].capitalize()}." for row in rows}
    responses.write_text("".join(json.dumps({"id": name, "response": text}) + "\n" for name, text in texts.items()))
    replayed = ["--engine", "replay", "--responses", str(responses), "--no-diagnose"]
    assert main(["eval", "--model", "old", "--tasks", "pope", "--data", str(data), "--out", str(out), *replayed]) == 0
    return out


def test_old_runs_are_rescored_without_a_model(
    data: Path, rows: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of_pope(data, tmp_path / "run", rows)
    capsys.readouterr()
    rescore = ["score", "--task", "repope", "--from-run", str(run), "--out", str(tmp_path / "again")]
    assert main([*rescore, "--data", str(data), "--json"]) == 0
    scored, old = json.loads(capsys.readouterr().out), json.loads((run / "run.json").read_text())
    assert scored["tasks"].keys() == {"repope"}
    assert scored["tasks"]["repope"]["samples"] == 10
    assert scored["tasks"]["repope"]["metrics"]["popular/accuracy"]["value"] == 0.5
    assert scored["data"]["repope"]["labels"].startswith("RePOPE@sha256:")
    same = ("model", "weights", "engine", "prompt_format", "decoding", "seed", "judge")
    assert {name: scored[name] for name in same} == {name: old[name] for name in same}
    assert scored["settings"]["rescored"] == {"run": "run", "seal": old["seal"], "task": "pope"}
    told = "of the run run (task pope), judged again"
    assert told in (tmp_path / "again/report.md").read_text()
    assert main(rescore) == 2
    told = capsys.readouterr().err
    assert "git clone https://github.com/YanNeu/RePOPE" in told
    assert "git -C" in told
    assert "checkout bcf22e5" in told
    assert main(["score", "--task", "mmvu", "--from-run", str(run)]) == 2
    assert "has pope, and no questions of mmvu" in capsys.readouterr().err


def test_a_rescored_run_is_what_asking_again_would_give(data: Path, rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    run = run_of_pope(data, tmp_path / "runs/old", rows)
    rescore = ["score", "--from-run", str(run), "--data", str(data), "--no-diagnose"]
    assert main([*rescore, "--task", "repope", "--out", str(tmp_path / "runs/rescored")]) == 0
    replayed = ["--engine", "replay", "--responses", str(tmp_path / "runs/responses.jsonl"), "--no-diagnose"]
    asked = ["eval", "--model", "old", "--tasks", "repope", "--data", str(data), "--out", str(tmp_path / "asked")]
    assert main([*asked, *replayed]) == 0
    rescored, fresh = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("runs/rescored", "asked"))
    for name in ("tasks", "benchmarks", "data"):
        assert rescored[name] == fresh[name], name
    assert rescored["settings"]["tasks"] == fresh["settings"]["tasks"]
    # It stands beside the old run, in one row of one table.
    assert main(["leaderboard", "build", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "board")]) == 0
    board = json.loads((tmp_path / "board/leaderboard.json").read_text())
    (group,) = board["groups"]
    (row,) = group["rows"]
    assert row["cells"].keys() == {"pope", "repope"}
    assert "rescored (responses of old)" in (tmp_path / "board/leaderboard.md").read_text()


def test_pope_shows_both_where_an_old_run_is_rescored_beside_the_labels(
    data: Path, rows: list[Row], corrected: dict[str, str], tmp_path: Path
) -> None:
    run = run_of_pope(data, tmp_path / "run", rows)
    both = write_data(tmp_path / "both", rows, corrected)
    (both / "repope/annotations").rename(both / "pope/annotations")
    rescore = ["score", "--task", "pope", "--from-run", str(run), "--data", str(both), "--no-diagnose"]
    assert main([*rescore, "--out", str(tmp_path / "again")]) == 0
    metrics = json.loads((tmp_path / "again/run.json").read_text())["tasks"]["pope"]["metrics"]
    assert (metrics["popular/accuracy"]["value"], metrics["repope/popular/accuracy"]["value"]) == (1.0, 0.5)


def test_what_a_judge_read_is_not_read_again(data: Path, rows: list[Row], tmp_path: Path) -> None:
    run = run_of_pope(data, tmp_path / "run", rows)
    lines = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    # Of a question that is yes in POPE and no in RePOPE.
    told = next(line for line in lines if line["sample"]["id"] == "popular/1")
    told["response"]["text"] = "Hm."
    told["verdict"] |= {"answer": "no", "rule": "judge", "status": "incorrect", "reason": "judge: no"}
    (run / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "judge": "some judge"}))
    rescore = ["score", "--task", "repope", "--from-run", str(run), "--data", str(data), "--no-diagnose"]
    assert main([*rescore, "--out", str(tmp_path / "again")]) == 0
    assert json.loads((tmp_path / "again/run.json").read_text())["judge"] == "some judge"
    again = [json.loads(line) for line in (tmp_path / "again/samples.jsonl").read_text().splitlines()]
    verdict = next(line["verdict"] for line in again if line["sample"]["id"] == "popular/1")
    assert [verdict[name] for name in ("answer", "rule", "status", "reason")] == ["no", "judge", "correct", "judge: no"]


@pytest.mark.parametrize("more", [["--model", "other"], ["--per-sample", "out.jsonl"], ["--allow-missing"], ["log"]])
def test_what_the_rescored_run_says_itself_is_refused(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--task", "repope", "--from-run", "run", *more]) == 2
    assert "takes model, questions and responses from the run alone" in capsys.readouterr().err


def test_labels_that_lie_out_of_the_data_folder_are_refused(data: Path, rows: list[Row], tmp_path: Path) -> None:
    folder = write_data(tmp_path / "mine", rows, {})
    for split in SPLITS:
        name = f"repope/annotations/coco_repope_{split}.json"
        (folder / name).unlink()
        (folder / name).symlink_to(data / name)
    with pytest.raises(DataError, match="leads out of the data folder"):
        load_data(REPOPE, str(folder))
    assert load_data(REPOPE, str(folder), (data,)).samples


def test_labels_beside_the_data_folder_are_not_looked_at(data: Path, rows: list[Row], tmp_path: Path) -> None:
    folder = write_data(tmp_path / "mine", rows, {})
    (folder / "pope").rename(folder / "copy")
    (folder / "repope").rename(folder / "pope")
    assert len(load_data(POPE, str(folder / "copy")).samples) == len(rows)
    (folder / "pope").rename(folder / "repope")
    with pytest.raises(DataError, match=r"the labels of RePOPE .* are not there; looked in [^,]*copy"):
        load_data(REPOPE, str(folder / "copy"))


def test_a_run_over_the_hubs_data_finds_the_labels_in_the_cache(
    data: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of_pope(data, tmp_path / "run", rows)
    record = json.loads((run / "run.json").read_text())
    record["data"]["pope"]["source"] = "hub:lmms-lab-encoder/POPE@0123"
    (run / "run.json").write_text(json.dumps(record))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = tmp_path / "cache/harness/labels/RePOPE"
    place.mkdir(parents=True)
    (place / "annotations").symlink_to(data / "repope/annotations")
    capsys.readouterr()
    results = {}
    for task in ("repope", "pope"):
        rescore = ["score", "--task", task, "--from-run", str(run), "--json", "--out", str(tmp_path / task)]
        assert main([*rescore, "--no-diagnose"]) == 0
        results[task] = json.loads(capsys.readouterr().out)["tasks"][task]
    assert results["repope"]["samples"] == 10
    assert results["pope"]["metrics"]["repope/popular/accuracy"]["value"] == 0.5


def test_recorded_responses_of_removed_questions_are_not_unknown(
    data: Path, rows: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_of_pope(data, tmp_path / "run", rows)
    capsys.readouterr()
    samples = tmp_path / "repope/rows.jsonl"
    samples.parent.mkdir()
    samples.write_text((data / "pope/rows.jsonl").read_text())
    (samples.parent / "annotations").symlink_to(data / "repope/annotations")
    files = ["--samples", str(samples), "--responses", str(tmp_path / "responses.jsonl")]
    assert main(["score", "--task", "repope", *files, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 10


def test_labels_of_other_questions_are_refused(data: Path, rows: list[Row], tmp_path: Path) -> None:
    other = [{**row, "question": row["question"].replace("thing", "cat")} for row in rows]
    folder = write_data(tmp_path / "other", other, {})
    for split in SPLITS:
        name = f"repope/annotations/coco_repope_{split}.json"
        (folder / name).write_text((data / name).read_text())
    with pytest.raises(DataError, match="is of question 'Is there a thing 1"):
        load_data(REPOPE, str(folder))
    (folder / "repope/annotations/coco_repope_popular.json").unlink()
    with pytest.raises(DataError, match="has 2 of the 3 files of RePOPE"):
        load_data(REPOPE, str(folder))


@needs_labels
def test_counts_of_the_published_labels(tmp_path: Path) -> None:
    rows = pope_rows(PUBLISHED)
    write_data(tmp_path, rows, {})
    for path in LABELS.rglob("coco_repope_*.json"):
        (tmp_path / "repope/annotations" / path.name).write_text(path.read_text())
    labels, of_pope = asked(tmp_path), asked(tmp_path, "pope")
    changes = Counter(
        (sample.subset, sample.target, labels[name].target if name in labels else "removed")
        for name, sample in of_pope.items()
    )
    table = {"random": (2774, 139, 5, 207, 19), "popular": (2727, 139, 39, 207, 66)}
    table["adversarial"] = (2684, 139, 33, 207, 109)
    kinds = (("yes", "no"), ("no", "yes"), ("yes", "removed"), ("no", "removed"))
    for split, (kept, *changed) in table.items():
        assert sum(sample.subset == split for sample in labels.values()) == kept
        assert [changes[split, *kind] for kind in kinds] == changed
    result = summarise(REPOPE, answered(labels, lambda sample: of_pope[sample.id].target))
    accuracies = [result.metrics[f"{split}/accuracy"].value for split in SPLITS]
    assert accuracies == pytest.approx([2630 / 2774, 2549 / 2727, 2512 / 2684])
