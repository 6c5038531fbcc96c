"""Diagnosing run folders: what is written, what is said to be missing, and the command."""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support_benchmarks import pope_rows, write_pope
from support_diagnostics import make_record, plant, store

from harness.cli import main
from harness.commands.diagnose import add_arguments, find_media, run
from harness.core.errors import DataError, StoreError
from harness.core.types import JudgePrompt, Metric, SampleRecord
from harness.diagnostics.conflict import read_conflict
from harness.diagnostics.diagnose import Diagnosis, diagnose
from harness.diagnostics.run_folder import read_diagnostics
from harness.judges.caption import CaptionJudge, load_caption_judge
from harness.judges.model import JudgeModel
from harness.reports.diagnostics_report import diagnostics_lines, summary_lines
from harness.reports.writing import write_reports

GONE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def planted_run(tmp_path: Path, count: int = 60) -> tuple[Path, Path]:
    """A run, and a folder with its annotations."""
    planted = plant(count, seed=2)
    for task in {one.record.sample.task for one in planted}:
        lines = [json.dumps(one.annotation) for one in planted if one.record.sample.task == task]
        (tmp_path / "truth" / task).mkdir(parents=True)
        (tmp_path / "truth" / task / "annotations.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return store(tmp_path / "run", [one.record for one in planted]), tmp_path / "truth"


class Answers:
    """A judge's model that always says the same."""

    problem: str | None = None

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.prompts: list[str] = []

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        for index, prompt in enumerate(prompts):
            self.prompts.append(prompt.user)
            yield index, self.text

    def close(self) -> None:
        pass


GROUNDED = "<planning>p</planning><caption>A cat on a sofa.</caption><think>{think}</think><answer>{answer}</answer>"


def grounded_records() -> list[SampleRecord]:
    said = [
        ("So there is no dog.", "no"),
        ("So there is a dog.", "yes"),
        ("Hmm.", "yes"),
        ("So there is no dog.", "yes"),
    ]
    return [
        make_record(GROUNDED.format(think=think, answer=answer), target="no", sample_id=f"random/{n}", cluster=f"i{n}")
        for n, (think, answer) in enumerate(said)
    ]


def diagnose_and_report(folder: Path, **options: Any) -> Diagnosis:
    diagnosis = diagnose(folder, **options)
    write_reports(folder, diagnosis)
    return diagnosis


def test_a_run_gets_its_figures_findings_and_reports(tmp_path: Path) -> None:
    folder, truth = planted_run(tmp_path)
    before = {path.name for path in folder.iterdir()}
    diagnosis = diagnose(folder, annotations=truth)
    assert {path.name for path in folder.iterdir()} - before == {"diagnostics.json", "findings.jsonl"}
    write_reports(folder, diagnosis)
    assert {path.name for path in folder.iterdir()} - before >= {"report.md", "report.html"}
    data = read_diagnostics(folder)
    assert data is not None
    assert data["schema_version"] == 1
    assert data["judge"] is None
    for name, figure in data["metrics"].items():
        assert figure["name"] == name
        assert {"value", "stderr", "low", "high", "n", "definition", "examples"} <= set(figure)
        if figure["value"] is None:
            assert figure["reason"]
    for task, causes in data["attribution"].items():
        wrong = sum(
            e.verdict.status in ("incorrect", "unanswered") for e in diagnosis.evidence if e.sample.task == task
        )
        assert sum(counts["n"] for counts in causes.values()) == wrong
    lines = (folder / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [e.sample.id for e in diagnosis.evidence]
    # What is written is JSON that every reader takes: no NaN, no infinity.
    json.loads((folder / "diagnostics.json").read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))


def test_examples_are_ids_of_samples_that_show_it(tmp_path: Path) -> None:
    folder, truth = planted_run(tmp_path)
    diagnosis = diagnose(folder, annotations=truth)
    flagged = {(f.task, f.id) for f in diagnosis.findings if "looping" in f.flags}
    for figure in diagnosis.figures:
        part, _, name = figure.metric.name.partition("/")
        if name == "looping" and part != "all":
            assert {(part, example) for example in figure.examples} <= flagged
        if name == "looping" and part == "all":
            assert {tuple(example.split("/", 1)) for example in figure.examples} <= flagged


def test_direct_prompts_give_not_applicable(tmp_path: Path) -> None:
    records = [make_record(text, sample_id=f"random/{n}") for n, text in enumerate(["yes", "no", "", "Yes."])]
    folder = store(tmp_path / "run", records, prompt="direct")
    diagnosis = diagnose(folder)
    figures = {figure.metric.name: figure for figure in diagnosis.figures}
    for name in ("think_answer_mismatch", "caption_fidelity", "well_formed", "wrong_perception"):
        assert figures[f"pope/{name}"].metric.value is None
        assert "not" in (figures[f"pope/{name}"].reason or "")
    assert figures["pope/yes_bias"].metric.value == 0.0 - 1 / 3
    assert diagnosis.attribution["pope"]["format"]["n"] == 1
    assert "perception" not in diagnosis.attribution["pope"]
    assert any("direct prompts" in line for line in diagnosis.missing)
    assert "not applicable" in "\n".join(diagnostics_lines(folder))


def test_of_a_task_with_prompts_of_its_own_no_sections_are_expected(tmp_path: Path) -> None:
    said = [make_record(text, task="mine", sample_id=f"mine/{n}") for n, text in enumerate(["yes", "no", "Yes."])]
    folder = store(tmp_path / "run", [*grounded_records(), *said], tasks={"mine": {"prompt": "own"}, "pope": {}})
    figures = {figure.metric.name: figure.metric for figure in diagnose(folder).figures}
    assert (figures["pope/well_formed"].value, figures["mine/well_formed"].value) == (1.0, None)
    assert figures["all/well_formed"].n == 4


def test_the_judge_tells_what_rules_cannot(tmp_path: Path) -> None:
    folder = store(tmp_path / "run", grounded_records())
    without = diagnose(folder)
    assert without.attribution["pope"]["unattributed"]["n"] == 2
    assert without.attribution["pope"]["commitment"]["n"] == 1
    model = Answers("no")
    diagnosis = diagnose(folder, judge=CaptionJudge(JudgeModel(lambda: model, identity="always no")))
    causes = {cause: counts["n"] for cause, counts in diagnosis.attribution["pope"].items() if counts["n"]}
    # The judge finds "no" in the caption and in the thinking that came to nothing.
    assert causes == {"reasoning": 1, "commitment": 2}
    figures = {figure.metric.name: figure.metric for figure in diagnosis.figures}
    assert figures["pope/caption_fidelity"].value == 1.0
    assert figures["pope/judge_without_caption"].value == 1.0
    assert figures["pope/corrected_fidelity"].value is None
    assert figures["pope/think_read"].value == 1.0
    data = read_diagnostics(folder)
    assert data is not None
    assert data["judge"]["identity"] == "always no"
    assert data["judge"]["failures"] == 0
    assert data["judge"]["check"]["judge/no_captions"]["value"] == 1.0
    assert data["judge"]["check"]["judge/true_captions"]["value"] is None
    assert sum("what someone wrote about the question" in prompt for prompt in model.prompts) == 1


def test_a_later_diagnosis_keeps_what_a_judge_and_other_runs_have_told(tmp_path: Path) -> None:
    def figures(diagnosis: Diagnosis) -> dict[str, Any]:
        return diagnosis.to_json() | {"missing": None}

    folder = store(tmp_path / "run", grounded_records())
    blind = store(tmp_path / "blind", grounded_records(), blind="withheld")
    first = diagnose(folder, judge=CaptionJudge(JudgeModel(lambda: Answers("no"), identity="always no")), blind=blind)
    assert first.judge == "always no"
    again = diagnose(folder)
    assert figures(again) == figures(first)
    assert not any("Give a judge" in line for line in again.missing)
    judge = load_caption_judge("openai:m", base_url=GONE)
    with_another = diagnose(folder, judge=judge)
    judge.close()
    assert figures(with_another) == figures(first)
    assert any(GONE in line for line in with_another.missing)
    assert "what always no had found before is kept." in with_another.missing
    blind.rename(tmp_path / "moved")
    without_it = diagnose(folder)
    assert without_it.judge == "always no"
    assert any("what an earlier diagnosis had by --blind is left out" in line for line in without_it.missing)
    other = CaptionJudge(JudgeModel(lambda: Answers("yes"), identity="always yes"))
    assert diagnose(folder, judge=other).judge == diagnose(folder).judge == "always yes"


def test_a_judge_that_is_down_is_named_and_costs_its_figures_only(tmp_path: Path) -> None:
    folder = store(tmp_path / "run", grounded_records())
    judge = load_caption_judge("openai:m", base_url=GONE)
    diagnosis = diagnose(folder, judge=judge)
    judge.close()
    figures = {figure.metric.name: figure.metric for figure in diagnosis.figures}
    assert figures["pope/caption_fidelity"].value is None
    assert figures["pope/think_answer_mismatch"].value == pytest.approx(1 / 3)
    assert any(GONE in line for line in diagnosis.missing)
    assert GONE in "\n".join(diagnostics_lines(folder))


def test_a_judge_that_fails_now_and_then_rests_figures_on_the_rest(tmp_path: Path) -> None:
    class Flaky(Answers):
        def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
            for index, _ in super().complete(prompts):
                yield index, None if "Hmm." in prompts[index].user else "no"

    folder = store(tmp_path / "run", grounded_records())
    diagnosis = diagnose(folder, judge=CaptionJudge(JudgeModel(lambda: Flaky("no"), identity="flaky")))
    assert diagnosis.asked is not None
    assert diagnosis.asked.failures == 1
    assert any("did not answer 1 of" in line for line in diagnosis.missing)


def test_the_judge_is_compared_with_the_worlds_rules(tmp_path: Path) -> None:
    folder, truth = planted_run(tmp_path)
    judge = CaptionJudge(JudgeModel(lambda: Answers("yes"), identity="always yes"))
    diagnosis = diagnose_and_report(folder, annotations=truth, judge=judge)
    counted = sum(n for table in diagnosis.confusion.values() for row in table.values() for n in row.values())
    known = [e for e in diagnosis.evidence if e.caption is not None and e.caption.by == "world"]
    assert counted == len(known)
    assert "by the judge (columns)" in (folder / "report.html").read_text(encoding="utf-8")


def test_blind_runs_are_joined_by_sample(tmp_path: Path) -> None:
    sighted = [make_record(t, sample_id=f"random/{n}", target="yes") for n, t in enumerate(["yes", "no", "yes", "yes"])]
    blind = [make_record("no", sample_id=f"random/{n}", target="yes") for n in range(3)]
    diagnosis = diagnose(
        store(tmp_path / "run", sighted, prompt="direct"),
        blind=store(tmp_path / "blind", blind, prompt="direct", blind="withheld"),
    )
    figures = {figure.metric.name: figure.metric for figure in diagnosis.figures}
    assert (figures["pope/blind_accuracy"].value, figures["pope/blind_accuracy"].n) == (0.0, 3)
    assert figures["pope/visual_gain"].value == pytest.approx(2 / 3)
    assert figures["pope/blind_agreement"].value == pytest.approx(1 / 3)
    assert figures["pope/wrong_as_blind"].value == 1.0


def test_of_a_sample_that_was_tried_again_the_last_record_counts(tmp_path: Path) -> None:
    records = [make_record("", error="server: gone"), make_record("yes")]
    folder = store(tmp_path / "run", records, prompt="direct", complete=False)
    diagnosis = diagnose_and_report(folder)
    assert len(diagnosis.evidence) == 1
    assert diagnosis.evidence[0].is_right
    assert "unfinished run" in (folder / "report.html").read_text(encoding="utf-8")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run folder"):
        diagnose(tmp_path)
    folder = store(tmp_path / "run", grounded_records())
    with pytest.raises(DataError, match="no such file"):
        diagnose(folder, annotations=tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="annotations"):
        diagnose(folder, annotations=tmp_path / "empty")
    with pytest.raises(StoreError):
        diagnose(folder, blind=tmp_path / "none")
    assert list(diagnostics_lines(folder)) == []
    (folder / "diagnostics.json").write_text('{"schema_version": 99}', encoding="utf-8")
    with pytest.raises(StoreError, match="harness diagnose"):
        read_diagnostics(folder)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("response", "text", None),
        ("sample", "attributes", None),
        ("sample", "question", None),
        ("sample", "group", ["a"]),
        ("response", "completion_tokens", "9"),
        ("response", "answer_logprobs", [0.5]),
        ("response", "answer_logprobs", [math.nan]),
        ("verdict", "status", "bogus"),
    ],
)
def test_a_damaged_record_is_named(
    tmp_path: Path, part: str, field: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store(tmp_path / "run", grounded_records())
    path = folder / "samples.jsonl"
    first, *others = path.read_text(encoding="utf-8").splitlines()
    record = json.loads(first)
    record[part][field] = value
    path.write_text("\n".join([json.dumps(record), *others]) + "\n", encoding="utf-8")
    with pytest.raises(StoreError, match=rf"samples\.jsonl:1 is not a sample record: {part}\.{field}"):
        diagnose(folder)
    assert main(["diagnose", str(folder), "--no-images"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_record_of_no_object_is_named(tmp_path: Path) -> None:
    folder = store(tmp_path / "run", grounded_records())
    (folder / "run.json").write_text("[]", encoding="utf-8")
    with pytest.raises(StoreError, match=r"run\.json"):
        diagnose_and_report(folder)


@pytest.mark.parametrize("damage", [{"compared": None}, {"mean": 0.1}, {"histogram": []}, {"alike": [{}]}, None])
def test_a_conflict_map_that_lacks_something_is_named(tmp_path: Path, damage: dict[str, object] | None) -> None:
    folder = store(tmp_path / "run", grounded_records())
    rate = {"value": 0.1, "stderr": None}
    figures: dict[str, object] = {"schema_version": 1, "model": "m", "compared": 2, "of": 2, "seed": 0, "unopened": 0}
    figures |= {"pairs": 1, "quantiles": {"p50": 0.1}, "least": 0.1, "greatest": 0.1, "threshold": 0.54}
    figures |= {"mean": rate, "below_threshold": rate, "opposed": rate, "histogram": [0, 1], "blocks": []}
    figures |= {"conflicting": [], "alike": []}
    (folder / "conflict.json").write_text(json.dumps(figures), encoding="utf-8")
    assert read_conflict(folder) == figures
    damaged = {"schema_version": 1} if damage is None else {**figures, **damage}
    (folder / "conflict.json").write_text(json.dumps(damaged), encoding="utf-8")
    with pytest.raises(StoreError, match=r"conflict\.json is not a map of sample conflict"):
        diagnose_and_report(folder)


def test_a_score_that_is_a_sum_is_shown_as_it_is(tmp_path: Path) -> None:
    metric = Metric(name="all/x", value=1523.4, stderr=20.0, low=1484.0, high=1563.0, n=4)
    folder = store(tmp_path / "run", grounded_records(), metric=metric)
    diagnose_and_report(folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    scores = page[page.index('<h2 id="run">') :]
    assert "<b>1523.4</b>" in page[: page.index('id="samples"')]
    assert "<td>1523.4</td><td>[1484.0, 1563.0]</td>" in scores
    assert "<th>% or number</th>" in scores
    assert ">%<" not in scores
    shares = store(tmp_path / "shares", grounded_records())
    diagnose_and_report(shares)
    page = (shares / "report.html").read_text(encoding="utf-8")
    assert "<b>50.0 %</b>" in page
    assert "<th>%</th>" in page
    assert "<td>50.0</td><td>[30.0, 70.0]</td>" in page


def test_the_report_section_escapes_ids_and_shows_every_cause(tmp_path: Path) -> None:
    record = make_record(GROUNDED.format(think="Hmm.", answer="yes"), target="no", sample_id="a|`b`<i>")
    folder = store(tmp_path / "run", [record])
    diagnose(folder)
    text = "\n".join(diagnostics_lines(folder))
    assert text.startswith("## Why it went wrong")
    assert re.search(r"\| unattributed +\| +1 \|", text)
    assert r"a\|\`b\`&lt;i&gt;" in text
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}
    assert bars == {5, 7}


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_command_prints_a_summary_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, truth = planted_run(tmp_path)
    assert run(parse(str(folder), "--annotations", str(truth), "--no-images")) == 0
    printed = capsys.readouterr().out
    assert "perception" in printed
    assert "captions that imply the right answer" in printed
    assert printed.strip().endswith("report.html")
    assert run(parse(str(folder), "--annotations", str(truth), "--no-images", "--json")) == 0
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert data["metrics"]["pope/chair_s"]["value"] > 0
    assert list(summary_lines(folder))


def test_data_that_are_gone_cost_the_images_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store(tmp_path / "run", grounded_records())
    assert find_media(folder) is None
    assert "--data" in capsys.readouterr().err
    assert find_media(folder, str(tmp_path / "none")) is None
    assert "does not exist" in capsys.readouterr().err


def test_the_arguments_cost_no_heavy_import() -> None:
    code = (
        "import sys, argparse; from harness.commands.diagnose import add_arguments;"
        "add_arguments(argparse.ArgumentParser());"
        "print(sorted({'numpy', 'torch', 'transformers', 'scipy', 'httpx', 'PIL', 'harness.judges.caption'}"
        " & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_reordered_lines_do_not_accuse_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = write_pope(tmp_path / "data"), tmp_path / "run"
    responses = tmp_path / "responses.jsonl"
    lines = [{"id": f"{row['category']}/{row['question_id']}", "response": "yes"} for row in pope_rows()]
    responses.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = (
        f"eval --model m --engine replay --responses {responses} --tasks pope --data {data} --out {run} --limit 12"
    )
    assert main([*command.split(), "--no-diagnose"]) == 0
    path = run / "samples.jsonl"
    path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    capsys.readouterr()
    assert find_media(run, str(data)) is not None
    assert capsys.readouterr().err == ""
