"""A benchmark is one folder: a toy, added in a temporary directory, goes through every command as the others do."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.benchmarks.registry import benchmark_folders, own_tasks_dir
from harness.cli import main

PICTURES = 24
COLOURS = ("red", "green", "blue")

BENCHMARK = '''
"""Squares: is the square of this colour? Its evaluator looks for the word yes, its questions share pictures."""

from functools import partial

from harness.benchmarks.columns import require_text, require_yes_no
from harness.benchmarks.counting import in_stratum, is_officially_right, is_right, share, subset_units
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.verdicts import judge_response
from harness.core.types import Sample
from harness.statistics.specs import MetricSpec, everywhere


def read_row(row, where):
    return Sample(
        id=require_text(row, where, "id"),
        task="squares",
        subset=require_text(row, where, "colour"),
        question=require_text(row, where, "question"),
        target=require_yes_no(row, where, "answer"),
        answer_kind="yes_no",
        cluster=require_text(row, where, "image"),
    )


def read_officially(sample, text):
    answer = "yes" if "yes" in text.lower() else "no"
    return answer == sample.target, answer


def metrics(strata):
    parts = {"all": everywhere, **{name: in_stratum(0, name) for (name,) in sorted(strata)}}
    return [
        MetricSpec(
            name=f"{part}/accuracy",
            strict=(share(is_right, within),),
            official=(share(is_officially_right, within),),
        )
        for part, within in parts.items()
    ]


BENCHMARK = Benchmark(
    name="squares",
    title="Squares!",
    description="is the square of this colour: yes or no",
    citation="nobody, 2026",
    version="1",
    media="image",
    answer_kinds=["yes_no"],
    source=HubSource(hub="nobody/squares", split="test", columns=["image"]),
    read_row=read_row,
    judge=partial(judge_response, read_officially=read_officially),
    units=subset_units,
    metrics=metrics,
    headline="all/accuracy",
    headline_title="squares told right",
    hallucination=True,
    clusters_share_media=True,
    telling={"red/accuracy": "right about red squares"},
    baselines={"always yes": "yes", "always no": "no"},
)
'''


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tasks with the toy, its data, and recorded responses of two models."""
    root = tmp_path_factory.mktemp("toy")
    (root / "tasks/squares").mkdir(parents=True)
    (root / "tasks/squares/benchmark.py").write_text(BENCHMARK)
    (root / "data/squares").mkdir(parents=True)
    rows = []
    for picture in range(PICTURES):
        colour = COLOURS[picture % 3]
        Image.new("RGB", (56, 56), colour).save(root / f"data/squares/{picture}.png")
        rows += [
            {
                "id": f"{picture}-{asked}",
                "colour": asked,
                "question": f"Is the square {asked}?",
                "answer": "yes" if asked == colour else "no",
                "image": f"{picture}.png",
            }
            for asked in COLOURS
        ]
    (root / "data/squares/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    # The worse model says yes to everything about every fourth picture; one answer of each is read otherwise by the
    # evaluator, which finds a yes in it.
    for name, every in (("better", 0), ("worse", 4)):
        responses = []
        for number, row in enumerate(rows):
            fooled = every and (number // 3) % every == 0
            text = "Yes." if fooled else f"{row['answer'].capitalize()}."
            if number == 1:
                text = "No, a yes would be wrong."
            responses.append({"id": row["id"], "response": text})
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in responses))
    return root


def evaluate(toy: Path, name: str, folder: str = "runs") -> Path:
    out = toy / folder / name
    arguments = ["--data", str(toy / "data"), "--tasks-dir", str(toy / "tasks"), "--out", str(out)]
    replayed = ["--engine", "replay", "--responses", str(toy / f"{name}.jsonl")]
    assert main(["eval", "--model", name, "--tasks", "squares", *arguments, *replayed]) == 0
    return out


@pytest.fixture(scope="module")
def runs(toy: Path) -> dict[str, Path]:
    return {name: evaluate(toy, name) for name in ("better", "worse")}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_run_has_both_verdicts_clusters_and_intervals(runs: dict[str, Path]) -> None:
    result = read(runs["worse"] / "run.json")["tasks"]["squares"]
    headline = result["metrics"]["all/accuracy"]
    assert result["headline"] == "all/accuracy"
    # 6 of 24 pictures, with two wrong answers each; one of their six wrong answers is the sentence with a "yes" in it.
    assert headline["value"] == pytest.approx(1 - 11 / 72)
    assert result["official"]["all/accuracy"] == pytest.approx(1 - 12 / 72)
    assert result["disagreements"] == 1
    # A third of the questions ask for the colour that the square has.
    assert result["baselines"] == pytest.approx({"always yes": 1 / 3, "always no": 2 / 3})
    assert "always no 66.7" in (runs["worse"] / "report.md").read_text(encoding="utf-8")
    # Wrong answers come in twos: the error is that of 24 pictures, larger than that of 72 independent answers.
    independent = (headline["value"] * (1 - headline["value"]) / 72) ** 0.5
    assert headline["stderr"] > 1.2 * independent
    assert 0 < headline["low"] < headline["value"] < headline["high"] < 1
    assert {"red/accuracy", "green/accuracy", "blue/accuracy"} < set(result["metrics"])


def test_a_score_that_is_had_without_looking_is_said_to_show_nothing(
    toy: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not beyond" not in (runs["better"] / "report.md").read_text(encoding="utf-8")
    # Yes to the first question about each picture and no to the others: 2 of 3 right about red ones, else 1 or 2 of 3.
    lines = (toy / "better.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [{**json.loads(line), "response": "No" if n % 3 else "Yes"} for n, line in enumerate(lines)]
    (toy / "guess.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    capsys.readouterr()
    guess = evaluate(toy, "guess", "others")
    known = "For comparison, without looking: squares always yes 33.3, always no 66.7"
    said = "By the interval not beyond that, so that nothing shows any looking: squares"
    told = capsys.readouterr().out
    assert f"{known}. {said} (always no)." in told
    assert f"{known}. {said} (always no)" in (guess / "report.md").read_text(encoding="utf-8")

    # The same checkpoint is blind as good as it is: 84.7.
    blind, arguments = toy / "others/blind", ["--data", str(toy / "data"), "--tasks-dir", str(toy / "tasks")]
    replayed = ["--engine", "replay", "--responses", str(toy / "worse.jsonl"), "--blind", "withheld"]
    evaluated = ["eval", "--model", "worse", "--tasks", "squares", *arguments, "--out", str(blind), *replayed]
    assert main(evaluated) == 0
    seen = evaluate(toy, "worse", "others")
    assert main(["diagnose", str(seen), *arguments, "--blind", str(blind)]) == 0
    assert f"{known}, blind 84.7. {said} (blind)" in (seen / "report.md").read_text(encoding="utf-8")
    page = (seen / "report.html").read_text(encoding="utf-8")
    assert "always yes 33.3 %, always no 66.7 %, blind 84.7 %" in page
    assert "not shown to be better" in page


def test_the_run_stores_what_is_known_of_the_benchmark(runs: dict[str, Path]) -> None:
    facts = read(runs["better"] / "run.json")["benchmarks"]["squares"]
    assert facts["title"] == "Squares!"
    assert facts["hallucination"] is True
    assert facts["telling"] == {"red/accuracy": "right about red squares"}


def test_score_gives_the_figures_of_the_run(
    toy: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--samples", str(toy / "data/squares/rows.jsonl"), "--responses", str(toy / "worse.jsonl")]
    assert main(["score", "--task", "squares", "--tasks-dir", str(toy / "tasks"), *files, "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    stored = read(runs["worse"] / "run.json")["tasks"]["squares"]
    assert scored["official"] == stored["official"]
    for name, metric in scored["metrics"].items():
        assert metric.items() <= stored["metrics"][name].items()


def test_compare_pairs_and_clusters(toy: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    both = [str(runs["worse"]), str(runs["better"])]
    assert main(["compare", *both, "--tasks-dir", str(toy / "tasks"), "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)["tasks"]["squares"]
    difference = compared["metrics"]["all/accuracy"]
    assert difference["value"] == pytest.approx(11 / 72)
    assert len(compared["fixed"]["ids"]) == compared["fixed"]["count"] == 11
    # Six of the pictures changed, all for the better, whatever the number of questions about each.
    assert difference["verdict"] == "better"
    assert difference["freedom"] < PICTURES


def test_diagnose_finds_pictures_and_writes_the_page(
    toy: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(toy / "data"), "--tasks-dir", str(toy / "tasks"), "--json"]
    assert main(["diagnose", str(runs["worse"]), *arguments]) == 0
    shown = capsys.readouterr()
    assert "warning" not in shown.err
    assert json.loads(shown.out)["metrics"]["squares/yes_bias"]["value"] == pytest.approx(11 / 72)
    page = (runs["worse"] / "report.html").read_text(encoding="utf-8")
    # One picture for the three questions about it.
    assert page.count("data:image/jpeg") == PICTURES


def test_the_leaderboard_tests_it_and_tells_why(toy: Path, runs: dict[str, Path]) -> None:
    out = toy / "board"
    arguments = ["--runs", str(toy / "runs"), "--baseline", "worse", "--out", str(out)]
    assert main(["leaderboard", "build", *arguments, "--tasks-dir", str(toy / "tasks")]) == 0
    text = (out / "leaderboard.md").read_text(encoding="utf-8")
    assert "Squares\\!" in text or "Squares!" in text
    assert "squares told right" in text
    why = r"\*\*Why \(better against worse\):\*\* (More right about red squares: .*, e\.g\. \d+-red of |No change )"
    assert re.search(why, text)
    assert re.search(r"▲ \+15\.3 \[\d+\.\d, \d+\.\d\] \\\*", text), "better beyond chance, with a paired interval"


def test_what_no_rule_reads_is_told_wherever_it_is_counted(
    toy: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # "better" with 12 of its 72 answers said so that no rule reads them, and one refused.
    rows = [json.loads(line) for line in (toy / "better.jsonl").read_text(encoding="utf-8").splitlines()]
    for number in range(0, 72, 6):
        rows[number]["response"] = "Squares are wonderful things."
    rows[2]["response"] = "I cannot help with that."
    (toy / "vague.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    vague = evaluate(toy, "vague", "others")
    result = read(vague / "run.json")["tasks"]["squares"]
    accuracy = result["metrics"]["all/accuracy"]
    assert (result["not_understood"], result["unanswered"], accuracy["n_unsettled"]) == (12, 1, 12)
    assert [accuracy[name] for name in ("value", "if_wrong", "if_right")] == [59 / 72, 59 / 72, 71 / 72]
    report = (vague / "report.md").read_text(encoding="utf-8")
    assert "81.9 to 98.6" in report
    assert re.search(r"\| begins +\| the response begins with the answer +\| +59 +\| +100.0 \|", report)
    assert "## Answers that no rule reads or settles (12)" in report
    assert "81.9 to 98.6" in (vague / "report.html").read_text(encoding="utf-8")
    for words in ("range", "not understood", "undecided"):
        assert words not in (runs["better"] / "report.md").read_text(encoding="utf-8").lower()
    capsys.readouterr()

    # Of the 13 answers by which it is worse than "better", 12 may be right; against "worse" they decide who is better.
    tasks_dir = ["--tasks-dir", str(toy / "tasks")]
    assert main(["compare", str(runs["better"]), str(vague), *tasks_dir, "--metrics", "headline"]) == 0
    told = capsys.readouterr().out
    assert (
        "unsettled: 0 answers in A and 12 in B, which no rule reads or settles; they cannot turn a difference" in told
    )
    assert main(["compare", str(runs["worse"]), str(vague), *tasks_dir, "--metrics", "headline"]) == 0
    assert "they could turn over all/accuracy (B - A from −2.8 to +13.9)" in capsys.readouterr().out

    board = toy / "vague board"
    build = ["leaderboard", "build", "--runs", str(vague), str(runs["worse"]), "--baseline", "worse"]
    assert main([*build, "--out", str(board), *tasks_dir]) == 0
    text = (board / "leaderboard.md").read_text(encoding="utf-8")
    assert re.search(r"\| vague +\| +\*\*81.9\*\* \[.*?\]<br>range 81.9 to 98.6<br>= −2.8 \[.*?\] \? ", text)
    (line,) = [
        row
        for row in csv.DictReader((board / "leaderboard.csv").read_text().splitlines())
        if row["checkpoint"] == "vague"
    ]
    assert (line["not_understood"], line["undecided"], line["could_turn"]) == ("12", "0", "True")
    assert float(line["if_right"]) == pytest.approx(71 / 72)
    assert "if_right" not in (toy / "board/leaderboard.csv").read_text().splitlines()[0]


def test_no_benchmark_is_named_outside_its_folder() -> None:
    root = own_tasks_dir().parent
    named = re.compile(rf"\b({'|'.join(benchmark_folders())})\b(?!-[is]\b)", re.IGNORECASE)  # CHAIR-i is a figure.
    furniture = root / "harness" / "answers" / "coco.py"
    demo = root / "harness" / "demo"  # The world has data sets of its own for each of them.
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for room in ("harness", "trainers", "leaderboards")
        for path in sorted((root / room).rglob("*"))
        if path.suffix in (".py", ".html", ".css", ".js", ".j2") and demo not in path.parents and path != furniture
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if named.search(line) and not path.is_relative_to(root / "leaderboards" / "demo")
    ]
    assert found == []
