"""Why: at most three changes beyond chance, each with a sample that shows it, or that there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support_leaderboards import write_run, write_sealed

from leaderboards.answers import answer
from leaderboards.board import Group, Reasons
from leaderboards.build import BoardConfig, build_board


def found(root: Path, baseline: str = "base") -> Reasons:
    reasons = group_of(root, baseline).reasons
    assert reasons is not None
    return reasons


def group_of(root: Path, baseline: str = "base") -> Group:
    return build_board(BoardConfig(runs=[root], baseline=baseline)).groups[0]


def write_findings(folder: Path, find: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """What a diagnosis would store of a run and of each sample."""
    records = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    lines = [{"task": of["sample"]["task"], "id": of["sample"]["id"], **find(of)} for of in records]
    (folder / "findings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "diagnostics.json").write_text(json.dumps({"schema_version": 1}))


def by(cause: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda of: {"cause": cause} if of["verdict"]["status"] == "incorrect" else {}


def test_what_changed_beyond_chance_is_named_with_a_sample_that_shows_it(tmp_path: Path) -> None:
    for name, skill, cause in (("base", 0.5, "perception"), ("best", 0.97, "reasoning")):
        folder = write_run(tmp_path / name, model=name, skills={"pope": skill, "mmvu": skill}, counts=240)
        write_findings(folder, by(cause))
    reasons = found(tmp_path)
    assert reasons.row == "best"
    assert 1 <= len(reasons.found) <= 3
    assert all(reason.difference.is_shown and reason.difference.family == reasons.family for reason in reasons.found)
    (wrong,) = (reason for reason in reasons.found if reason.what == "answers wrong by perception")
    assert (wrong.difference.value or 0) < 0
    assert wrong.example is not None
    _, name = wrong.example
    statuses = []
    for run in ("base", "best"):
        lines = [json.loads(line) for line in (tmp_path / run / "samples.jsonl").read_text().splitlines()]
        statuses += [of["verdict"]["status"] for of in lines if of["sample"]["id"] == name]
    assert statuses[0] == "incorrect"
    said = answer(group_of(tmp_path))
    assert said is not None
    (sentence,) = (of for of in said.why if "perception" in of)
    assert sentence.startswith("Fewer answers wrong by perception: ")
    assert f", e.g. {name} of " in sentence


def test_where_nothing_changed_it_says_so(tmp_path: Path) -> None:
    for name, skill in (("base", 0.8), ("twin", 0.801)):
        write_findings(write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=180), by("format"))
    reasons = found(tmp_path)
    assert reasons.found == []
    said = answer(group_of(tmp_path))
    assert said is not None
    assert said.why == [f"None of {reasons.family} changes that were looked at is beyond chance."]


def test_telling_metrics_need_no_diagnosis(tmp_path: Path) -> None:
    for name, skill in (("base", 0.3), ("best", 0.99)):
        write_run(tmp_path / name, model=name, skills={"pope": skill, "videohallucer": 0.7}, counts=360)
    reasons = found(tmp_path)
    assert reasons.family == 4  # Two of POPE, two of VideoHallucer.
    (adversarial,) = (reason for reason in reasons.found if reason.what == "right on adversarial POPE")
    assert adversarial.example is not None
    assert adversarial.example[1].startswith("adversarial/")


def test_faults_are_looked_at_too(tmp_path: Path) -> None:
    for name, share in (("base", 2), ("best", 100)):
        folder = write_run(tmp_path / name, model=name, skills={"mmvu": 0.6}, counts=120)
        write_findings(
            folder,
            lambda of, share=share: (
                {"flags": ["looping"]} if int(of["sample"]["id"].split("_")[1]) % share == 0 else {}
            ),
        )  # type: ignore[misc]
    reasons = found(tmp_path)
    assert [reason.what for reason in reasons.found] == ["responses that repeat themselves"]


def test_runs_that_are_not_all_diagnosed_are_not_compared_by_it(tmp_path: Path) -> None:
    for name, skill in (("base", 0.3), ("best", 0.99)):
        folder = write_run(tmp_path / name, model=name, skills={"mmvu": skill}, counts=120)
        if name == "base":
            write_findings(folder, by("reasoning"))
    assert group_of(tmp_path).reasons is None
    (tmp_path / "best" / "findings.jsonl").write_text("{broken\n")
    assert group_of(tmp_path).reasons is None


def test_findings_of_a_diagnosis_that_is_left_out_say_nothing(tmp_path: Path) -> None:
    for name, skill in (("base", 0.3), ("best", 0.99)):
        write_findings(write_run(tmp_path / name, model=name, skills={"mmvu": skill}, counts=120), by("reasoning"))
    assert found(tmp_path).found
    (tmp_path / "best" / "diagnostics.json").write_text(json.dumps({"schema_version": 1, "seal": "sha256:0"}))
    assert group_of(tmp_path).reasons is None


def test_as_many_are_tested_as_have_an_interval(tmp_path: Path) -> None:
    """POPE's two hints, which come first, rest on too few images."""
    for name, skill in (("base", 0.3), ("best", 0.99)):
        skills, counts = dict.fromkeys(("pope", "videohallucer"), skill), {"pope": 60, "videohallucer": 240}
        write_run(tmp_path / name, model=name, skills=skills, counts=counts)
    reasons = found(tmp_path)
    assert reasons.family == 2
    assert reasons.found


def test_the_best_row_beside_a_leading_baseline_is_looked_at(tmp_path: Path) -> None:
    for name, skill in (("base", 0.99), ("worse", 0.3), ("worst", 0.1)):
        write_run(tmp_path / name, model=name, skills={"pope": skill}, counts=360)
    reasons = found(tmp_path)
    assert reasons.row == "worse"
    assert all((reason.difference.value or 0) < 0 for reason in reasons.found if reason.what.startswith("right"))


def test_reasons_are_of_the_best_row_or_of_none(tmp_path: Path) -> None:
    for name, skill in (("base", 0.5), ("best", 0.99), ("second", 0.9)):
        write_run(tmp_path / name, model=name, skills={"videohallucer": skill}, counts=240)
    assert found(tmp_path).row == "best"
    # The best row's questions are paired otherwise, so that it cannot be compared.
    path = tmp_path / "best/samples.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[0]["sample"]["group"] = "another pair"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    write_sealed(tmp_path / "best", json.loads((tmp_path / "best/run.json").read_text()))
    group = group_of(tmp_path)
    assert [row.label for row in group.rows] == ["best", "second", "base"]
    assert group.reasons is None


def test_causes_are_of_each_answer_once(tmp_path: Path) -> None:
    for name, skill, cause in (("base", 0.5, "perception"), ("best", 0.97, "reasoning")):
        folder = write_run(tmp_path / name, model=name, skills={"pope": skill, "repope": skill}, counts=240)
        write_findings(folder, by(cause))
    (wrong,) = (reason for reason in found(tmp_path).found if reason.what == "answers wrong by perception")
    assert wrong.difference.n == 240
