"""`harness power`: by assumption, by one run's clusters, by two runs' difference."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import harness
from harness.cli import main
from harness.core.errors import UsageError

PICTURES, EACH = 30, 4


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three runs over thirty pictures with four questions each; two differ in whole pictures."""
    root = tmp_path_factory.mktemp("power")
    Image.new("RGB", (8, 8), "red").save(root / "red.png")
    names = [f"{picture}-{n}" for picture in range(PICTURES) for n in range(EACH)]
    rows = "".join(f"{name},red.png,Is it?,yes,{name.split('-')[0]}\n" for name in names)
    (root / "mine.csv").write_text("id,image,question,answer,group\n" + rows)
    # The better one gains five pictures and loses two.
    wrong = {"worse": set(range(10)), "better": {0, 1, 2, 3, 4, 10, 11}, "perfect": set()}
    folders = {}
    for model, pictures in wrong.items():
        lines = [{"id": name, "response": "no" if int(name.split("-")[0]) in pictures else "yes"} for name in names]
        (root / f"{model}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        folders[model] = root / model
        replayed = ["--engine", "replay", "--responses", str(root / f"{model}.jsonl"), "--no-diagnose"]
        out = ["--out", str(folders[model])]
        assert main(["eval", "--model", model, "--tasks", str(root / "mine.csv"), *replayed, *out]) == 0
    return folders


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main(["power", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_by_assumption_it_is_the_published_formula(capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, "--task", "pope", "--difference", "2")
    # (1.960 + .842)^2 (.1 - .02^2) / .02^2 = 1954, and a few for Student's quantiles.
    assert found["needed_samples"] == pytest.approx(1956, abs=2)
    assert (found["metric"], found["disagreement"], found["design_effect"]) == ("mean/accuracy", 0.1, 1)
    clustered = ask(capsys, "--task", "pope", "--difference", "2", "--cluster-size", "6", "--disagreement", "5")
    assert clustered["design_effect"] == 1.5
    assert clustered["needed_samples"] == pytest.approx(1.5 * 1954 * (0.05 - 0.0004) / (0.1 - 0.0004), rel=0.01)
    assert main(["power", "--task", "pope", "--difference", "2"]) == 0
    told = capsys.readouterr().out
    assert "assumed: two runs disagree on 10 % of the answers" in told
    assert "80 % power, two-sided 5 %" in told


def test_two_runs_tell_how_their_difference_varies(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    both = [str(runs["worse"]), str(runs["better"])]
    found = ask(capsys, "--task", "mine.csv", "--difference", "10", "--runs", *both)
    assert found["disagreement"] == pytest.approx(7 / 30)
    assert found["units"] == PICTURES * EACH
    # Whole pictures move: 7/30 disagree and the difference is 3/30, so that one picture has the variance below.
    variance = (7 / 30 - (3 / 30) ** 2) * 30 / 29
    pictures = (1.960 + 0.842) ** 2 * variance / 0.1**2
    assert found["needed_clusters"] == pytest.approx(pictures, rel=0.05)
    assert found["needed_samples"] == pytest.approx(EACH * pictures, rel=0.05)
    # 'compare' says of its own difference what it takes by the same test, with normal quantiles.
    capsys.readouterr()
    assert main(["compare", *both, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)["tasks"]["mine.csv"]["metrics"]["all/accuracy"]
    assert found["needed_samples"] == pytest.approx(compared["needed_n"], rel=0.05)
    assert main(["power", "--task", "mine.csv", "--difference", "10", "--runs", *both]) == 0
    assert "they disagree on 23.3 % of 120 samples" in capsys.readouterr().out


def test_one_run_tells_its_clusters(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, "--task", "mine.csv", "--difference", "5", "--runs", str(runs["worse"]))
    # All four answers about a picture are right or wrong: a picture is worth one answer, save for small numbers.
    assert found["design_effect"] == pytest.approx(4 * (119 / 120) * (30 / 29))
    assert found["needed_samples"] == pytest.approx(4.1 * 7.85 * (0.1 - 0.0025) / 0.0025, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--task", "pope", "--difference", "2", "--metric", "all/x"], "--metric all/x is a figure of runs"),
        (["--task", "pope", "--difference", "0"], "--difference 0 is no difference"),
        (["--task", "pope", "--difference", "12"], "more than the sides can differ by"),
        (["--task", "pop", "--difference", "2", "--runs", "RUN"], "has no samples of 'pop'"),
        (["--task", "pope", "--difference", "2", "--runs", "RUN", "RUN"], "has mine.csv: 'pope' is not in both"),
        (["--task", "mine.csv", "--difference", "2", "--runs", "RUN", "RUN"], "no variation: .*|shows no variation"),
        (["--task", "mine.csv", "--difference", "2", "--runs", "PERFECT"], "shows no variation"),
        (["--task", "mine.csv", "--difference", "2", "--runs", "RUN", "--metric", "all/x"], "has no figure 'all/x'"),
        (["--task", "mine.csv", "--difference", "2", "--runs", "RUN", "--cluster-size", "2"], "is assumed"),
        (["--task", "pope", "--difference", "2", "--disagreement", "0"], "--disagreement 0 is out of range"),
        (["--task", "pope", "--difference", "inf"], "--difference inf is no finite number"),
        (["--task", "pope", "--difference", "2", "--disagreement", "nan"], "--disagreement nan is no finite number"),
        (["--task", "pope", "--difference", "2", "--cluster-size", "inf"], "--cluster-size inf is no finite number"),
        (["--task", "pope", "--difference", "2", "--design-effect", "inf"], "--design-effect inf is no finite number"),
        (["--task", "popee", "--difference", "2"], "task 'popee' not found. Did you mean 'pope'"),
        (["--task", "shapes", "--difference", "2"], "task 'shapes' not found"),
        (["--task", "gone.csv", "--difference", "2"], "gone.csv cannot be read"),
        (["--task", "mmmu", "--difference", "2"], "'mmmu' is a group of 2 tasks. Name one of them, e.g. mmmu_val"),
    ],
)
def test_what_cannot_be_reckoned_is_a_mistake(
    runs: dict[str, Path], arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"RUN": str(runs["worse"]), "PERFECT": str(runs["perfect"])}
    assert main(["power", *(named.get(text, text) for text in arguments)]) == 2
    import re

    assert re.search(told, capsys.readouterr().err)


def test_a_benchmark_of_ones_own_takes_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = ["--tasks-dir", str(tmp_path)]
    assert main(["tasks", "new", "shapes", "--kind", "yes_no", *tasks]) == 0
    responses = tmp_path / "responses.jsonl"
    responses.write_text("".join(json.dumps({"id": str(n), "response": "yes"}) + "\n" for n in (1, 2, 3)))
    replayed = ["--engine", "replay", "--responses", str(responses), "--no-diagnose", "--out", str(tmp_path / "run")]
    assert main(["eval", "--model", "any", "--tasks", "shapes", *tasks, *replayed]) == 0
    assert ask(capsys, "--task", "shapes", "--difference", "5", *tasks)["metric"] == "all/accuracy"
    run = tmp_path / "run"
    told = "the benchmark 'shapes' of these runs, whose figure is all/accuracy, is not known"
    asked = ["power", "--task", "shapes", "--difference", "5", "--runs", str(run)]
    for command in (asked, [*asked, str(run)], ["compare", str(run), str(run)]):
        assert main(command) == 2
        assert told in capsys.readouterr().err
    with pytest.raises(UsageError, match=told):
        harness.compare(run, run)
    assert main(["compare", str(run), str(run), *tasks]) == 0
    assert "all/accuracy" in capsys.readouterr().out
