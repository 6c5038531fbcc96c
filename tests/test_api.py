"""Python's names do what the commands do, on runs of the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import harness
from harness.core.errors import DataError, HarnessError, UsageError
from harness.core.types import Response, Sample, SampleRecord, Verdict
from harness.reports.frames import samples_frame


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> harness.Run:
    """A run of recorded responses, as `evaluate` gives it."""
    folder = tmp_path_factory.mktemp("api")
    return evaluated(folder, "yes")


def evaluated(folder: Path, response: str, *, every: int = 1, **settings: Any) -> harness.Run:
    recorded = folder / "responses.jsonl"
    names = [f"{split}/{n}" for split in ("random", "popular", "adversarial") for n in range(0, 300, every)]
    recorded.write_text("".join(json.dumps({"id": name, "response": response}) + "\n" for name in names))
    return harness.evaluate(
        "recorded",
        "pope",
        data="demo",
        engine="replay",
        engine_options={"responses": recorded},
        limit=24,
        out=folder / "run",
        **settings,
    )


def test_no_column_of_a_table_hides_another(tmp_path: Path) -> None:
    records = []
    for number, error in enumerate((None, "timed out")):
        told = {"question": "17", "there": "3", "category": "VD"}
        sample = Sample(
            id=str(number), task="toy", question="Is it red?", target="yes", answer_kind="yes_no", attributes=told
        )
        scores = {"there": 3.0, "rule": 1.0} if error is None else {}
        verdict = Verdict(
            sample_id=sample.id, answer=None, status="error" if error else "correct", rule="begins", scores=scores
        )
        response = Response(sample_id=sample.id, text="Yes", error=error)
        records.append(SampleRecord(sample=sample, response=response, verdict=verdict))
    frame = samples_frame(records)
    assert list(frame["question"]) == ["Is it red?"] * 2
    assert list(frame["rule"]) == ["begins"] * 2
    assert list(frame["attribute_question"]) == ["17"] * 2
    assert list(frame["attribute_there"]) == ["3"] * 2
    assert list(frame["category"]) == ["VD"] * 2
    assert [frame[name].dropna().tolist() for name in ("there", "score_rule")] == [[3.0], [1.0]]
    frame.to_parquet(tmp_path / "table.parquet")  # A column of texts and numbers would be refused.


def test_every_name_is_there_and_none_is_loaded_before_it_is_asked_for() -> None:
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    assert set(harness.__all__) <= set(dir(harness))
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(harness, "nonsense")  # noqa: B009
    asked = "import harness, sys; dir(harness); print(sorted({'torch', 'pandas', 'pydantic'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_run_is_figures_samples_and_a_table(run: harness.Run) -> None:
    again = harness.Run.load(run.folder)
    assert again.record == run.record
    frame = again.to_pandas()
    assert len(frame) == len(run.samples)
    assert list(frame["status"]) == [record.verdict.status for record in run.samples]
    assert frame.loc[frame["error"].isna(), "answer"].eq("yes").all()
    headline = run.headlines["pope"]
    assert headline.name == run.record.tasks["pope"].headline
    assert headline.value is not None
    for shown in (str(run), run._repr_html_()):
        assert f"{100 * headline.value:.1f}" in shown
    assert "<table>" in run._repr_html_()
    assert "<svg" in run._repr_html_()


def test_a_model_of_an_odd_name_is_escaped(run: harness.Run) -> None:
    from dataclasses import replace

    odd = replace(run, record=replace(run.record, model="<script>"))
    assert "<script>" not in odd._repr_html_()


def test_runs_are_compared_and_put_on_a_board(run: harness.Run, tmp_path: Path) -> None:
    other = evaluated(tmp_path, "no", system_prompt="Be brief.")
    assert "- system prompt: 'Be brief.'" in (other.folder / "report.md").read_text()
    comparison = harness.compare(run, other.folder)
    (task,) = comparison.tasks
    frame = comparison.to_pandas()
    assert list(frame["metric"]) == [figure.name for figure in task.metrics]
    assert frame["difference"].iloc[0] == pytest.approx(task.metrics[0].value)
    assert task.metrics[0].verdict in str(comparison)
    assert "Asked differently (pope): system_prompt: A None, B 'Be brief.'." in str(comparison)
    for one in (run, run.folder, str(run.folder)):
        assert [len(group.rows) for group in harness.leaderboard(one).groups] == [1]
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "config.json").write_text('{"schema_version": 4, "settings": {}}')
    (tmp_path / "torn" / "run.json").write_text("{")
    with pytest.warns(UserWarning, match=r"left out: .*torn"):
        board = harness.leaderboard([run, other.folder, tmp_path / "torn"], out=tmp_path / "board")
    assert len(board.groups) == 2  # Asked in two ways.
    assert (tmp_path / "board" / "index.html").exists()


def test_what_did_not_work_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = {"judge": "openai:m", "judge_base_url": "http://127.0.0.1:9/v1"}
    silent = r"127\.0\.0\.1:9.* ask it again"
    failed = r"13 samples could not be scored \(tolerated: 0\)"
    with pytest.warns(UserWarning, match=failed), pytest.warns(UserWarning, match=silent):
        evaluated(tmp_path, "hm", every=2, **judge)
    assert "missing: no response has sections" in capsys.readouterr().err
    with pytest.warns(UserWarning, match=silent):
        evaluated(tmp_path, "hm", every=2, max_failures=13, **judge)


ROWS = [
    {
        "question_id": n,
        "image": f"{n}.jpg",
        "text": "Is there a dog in the image?",
        "label": label,
        "category": "random",
    }
    for n, label in enumerate(("yes", "no", "no"))
]


def test_rows_and_files_are_scored_alike(tmp_path: Path) -> None:
    responses = {"random/0": "Yes, a dog.", "random/1": "yes", "random/2": "No."}
    scores = harness.score("pope", ROWS, responses)
    assert [record.verdict.status for record in scores.samples] == ["correct", "incorrect", "correct"]
    samples, recorded = tmp_path / "samples.jsonl", tmp_path / "responses.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    recorded.write_text("".join(json.dumps({"id": name, "response": text}) + "\n" for name, text in responses.items()))
    assert harness.score("pope", samples, recorded).result == scores.result
    assert len(scores.to_pandas()) == 3


@pytest.mark.parametrize(
    ("rows", "responses", "said"),
    [
        (ROWS[:1], {}, r"samples\[0\]: 'random/0' has no response"),
        (ROWS[:1] * 2, {"random/0": "yes"}, r"samples\[1\]: 'random/0' is there twice"),
        (ROWS[:1], {"random/0": "yes", "x": "no"}, "1 responses are to no sample, e.g. 'x'"),
        ([{"text": "?"}], {}, r"samples\[0\]"),
        (Path("rows.jsonl"), {}, "two files, or neither"),
        (["text"], {}, r"samples\[0\] is a str, not a row"),
        ([], {}, "samples holds no samples"),
        (ROWS[:1], {"random/0": 5}, "response to 'random/0' is a int, not a text"),
        (ROWS[:1], {"random/0": "yes", 5: "no", "x": "no"}, "2 responses are to no sample"),
    ],
)
def test_what_does_not_fit_is_named(rows: object, responses: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        harness.score("pope", rows, responses)  # type: ignore[arg-type]


def test_what_is_no_run_no_rows_or_no_text_is_named() -> None:
    with pytest.raises(UsageError, match="None is no path"):
        harness.Run.load(None)  # type: ignore[arg-type]
    for rows, responses in ((ROWS[:1], None), (3, {})):
        with pytest.raises(UsageError, match="Give rows and a mapping of sample id to response, or two files"):
            harness.score("pope", rows, responses)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the response is a NoneType, not a text"):
        harness.read_answer(None, "yes_no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runs", "said"),
    [([], "runs is empty. Give runs"), (5, "5 is no run. Give"), (["a", None], "None is no run. Give")],
)
def test_a_board_of_no_runs_is_refused(runs: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        harness.leaderboard(runs)  # type: ignore[arg-type]


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(UsageError, match="'pop'"):
        harness.score("pop", ROWS, {})


@pytest.mark.parametrize(
    ("model", "tasks", "settings", "said"),
    [
        (None, "pope", {}, "setting 'model'"),
        ("demo", [5], {}, "not all names"),
        ("demo", 5, {}, "5 are not all names"),
        ("demo", Path("gone.csv"), {}, r"gone\.csv"),
        ("demo", "pope", {"limit": "many"}, "setting 'limit'"),
        ("demo", "pope", {"outt": "x"}, "setting 'outt'"),
        ("demo", "pope", {"seed": -1}, "--seed -1 is out of range"),
    ],
)
def test_settings_of_other_types_are_named(
    model: object, tasks: object, settings: dict[str, object], said: str
) -> None:
    with pytest.raises(HarnessError, match=said):
        harness.evaluate(model, tasks, **settings)  # type: ignore[arg-type]


def test_an_answer_of_no_such_kind_or_options_is_refused() -> None:
    with pytest.raises(UsageError, match="kind 'bogus' does not exist"):
        harness.read_answer("x", "bogus")  # type: ignore[arg-type]
    for kind in ("choice", "yes_no"):
        with pytest.raises(UsageError, match="choices are a list"):
            harness.read_answer("A", kind, ["red", "blue"])  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="choices are a list"):
            harness.match_answer("A", "A", kind, ["red", "blue"])  # type: ignore[arg-type]


def test_rows_of_a_table_of_ones_own_are_read_as_the_table_is(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("Image,Question,Answer\na.png,Is it red?,yes\nb.png,Is it red?,no\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    rows = [
        {"Image": "a.png", "Question": "Is it red?", "Answer": "yes"},
        {"Image": "b.png", "Question": "Is it red?", "Answer": "no"},
    ]
    responses = {"1": "Yes.", "2": "Yes."}
    scores = harness.score(str(tmp_path / "mine.csv"), rows, responses)
    assert [record.verdict.status for record in scores.samples] == ["correct", "incorrect"]
    recorded = tmp_path / "responses.jsonl"
    recorded.write_text("".join(json.dumps({"id": name, "response": text}) + "\n" for name, text in responses.items()))
    for given in (responses, recorded):
        assert harness.score(tmp_path / "mine.csv", None, given).result == scores.result
    with pytest.raises(UsageError, match="samples is None, and 'pope' is no table"):
        harness.score("pope", None, responses)


def test_results_go_to_trackers_and_one_that_fails_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no such tracker"):
        harness.evaluate("/nowhere", "pope", track="nothing")
    sent: list[object] = []
    monkeypatch.setattr("harness.reports.tracking.check_trackers", tuple)
    monkeypatch.setattr(
        "harness.reports.tracking.track_run", lambda *given, label: sent.append(given) or ["wandb is away"]
    )
    with pytest.warns(UserWarning, match="wandb is away"):
        run = evaluated(tmp_path, "yes", track="wandb", diagnosed=False)
    assert sent == [(run.folder, ("wandb",))]
