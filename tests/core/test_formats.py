"""Prompt formats of a user's: what they ask, how they are refused, and what a run and a board know of them."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.core import plugins
from harness.core.errors import UsageError
from harness.core.formats import ask, find_format, is_own, make_format
from harness.core.types import Sample
from harness.runs.asked import system_of
from harness.runs.folder import read_run
from harness.runs.records import read_records
from leaderboards.build import BoardConfig, build_board

THINKING = {
    "instruction": "Reason between <think> and </think>, then give {final} between <answer> and </answer>.",
    "sections": ["think", "answer"],
    "system": "You look twice.",
}


def sample(kind: Any = "yes_no", **others: Any) -> Sample:
    return Sample(id="1", task="t", target="yes", answer_kind=kind, question=" Is {it} red? ", **others)


def test_a_format_asks_what_it_says() -> None:
    made = make_format("mine", THINKING, "here")
    asked = "Reason between <think> and </think>, then give yes or no between <answer> and </answer>."
    assert ask(sample(), made) == f"Is {{it}} red?\n{asked}"
    choices = {"A": "yes", "B": "no"}
    assert ask(sample(choices=choices), made).splitlines()[1:3] == ["A. yes", "B. no"]
    assert "the letter of the right option" in ask(sample(choices=choices), made)
    by_kind = {
        "template": "{instruction}\n{options}\nQ: {question} {{}}\nA:",
        "instruction": {"yes_no": "Yes or no?", "choice": "Choose.", "open": "Say."},
    }
    other = make_format("mine", by_kind, "here")
    assert ask(sample(), other) == "Yes or no?\nQ: Is {it} red? {}\nA:"
    assert ask(sample("caption"), other) == "Q: Is {it} red? {}\nA:"
    braces = make_format("mine", {"template": "{question} {options}{{options}} {{{options}}}"}, "here")
    assert ask(sample(), braces) == "Is {it} red? {options} {}"
    assert (made.like, other.like) == ("think", "direct")
    assert ask(sample(), "direct").endswith("using yes or no.")


def test_two_texts_are_two_formats() -> None:
    one = make_format("mine", THINKING, "here").name
    assert one.startswith("mine@")
    assert make_format("mine", {**THINKING, "system": None}, "there").name != one
    assert make_format("mine", dict(reversed(THINKING.items())), "there").name == one


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"templat": "x"}, "templat"),
        ({"max_new_tokens": 0}, "must be at least 1"),
        ({"template": "{question} {instruction}"}, "lacks {options}"),
        ({"template": "{question} {options} {instruction} {x}"}, "{x} is not known"),
        ({"template": "{question:{x}} {options} {instruction}"}, "{question} stands as it is"),
        ({"template": "{question!z} {options} {instruction}"}, "{question} stands as it is"),
        ({"template": "{question:.0} {options} {instruction}"}, "{question} stands as it is"),
        ({"template": "{question} {options"}, "expected '}'"),
        ({"template": "{question} {options}"}, "an instruction needs {instruction}"),
        ({"instruction": {"yes_no": "a"}}, "no text for choice, open"),
        ({"instruction": {"yesno": "a"}}, "instruction"),
        ({"instruction": 5}, "instruction is 5"),
        ({"name": "mine"}, "name is no field of it"),
        ({"sections": ["answer", "think"]}, "in the order"),
        ({"sections": ["think", "think", "answer"]}, "read once"),
        ({"sections": ["caption", "think", "answer"]}, "no text of the format says <caption>"),
        ({"sections": ["answer"]}, "sections has no think"),
        ({"sections": ["reason"]}, "sections"),
        ({"system": 3}, "system is 3"),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=r"prompt format here\.yaml: ") as raised:
        make_format("mine", {**THINKING, **changed}, "here.yaml")
    assert said in str(raised.value)


def test_a_file_that_holds_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text, said in (
        ("mine.yaml", "a: [", "cannot be read"),
        ("mine.yaml", "- a", "holds no fields"),
        ("think.yaml", "instruction: a", "cannot be its name"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(UsageError, match=said):
            find_format(str(tmp_path / name))
    assert main(["eval", "--model", "demo", "--tasks", "pope", "--prompt", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml cannot be read" in capsys.readouterr().err


def test_a_package_may_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="careful", value="json:decoder", group="harness.formats")
    monkeypatch.setattr("harness.core.formats.plugins", lambda _: {"careful": point})
    monkeypatch.setattr("harness.core.formats.load_plugin", lambda *_: THINKING)
    assert is_own("careful")
    assert find_format("careful").system == "You look twice."
    assert "formats" in plugins.Group.__args__  # type: ignore[attr-defined]


def test_packages_at_odds_leave_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(name="careful", value=value, group="harness.formats") for value in ("json", "re")]
    monkeypatch.setattr(plugins, "registered", lambda _: {"careful": points})
    assert not any(map(is_own, ("direct", "think", "auto")))
    for refused in (is_own, find_format):
        with pytest.raises(UsageError, match="have one name"):
            refused("careful")
    monkeypatch.setattr(plugins, "registered", lambda _: {"direct": points[:1]})
    assert not is_own("direct")
    with pytest.raises(UsageError, match="has the name of the harness's own"):
        find_format("direct")


def test_a_run_and_a_board_know_it_by_its_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = tmp_path / "responses.jsonl"
    names = [f"{split}/{n}" for split in ("random", "popular", "adversarial") for n in range(300)]
    text = "<think>It is.</think><answer>yes</answer>"
    recorded.write_text("".join(json.dumps({"id": name, "response": text}) + "\n" for name in names))
    path = tmp_path / "mine.yaml"
    command = [
        "eval",
        "--model",
        "recorded",
        "--tasks",
        "pope",
        "--data",
        "demo",
        "--engine",
        "replay",
        "--limit",
        "24",
    ]
    command += ["--responses", str(recorded), "--prompt", str(path)]
    for name, words in (("a", "twice"), ("b", "thrice")):
        path.write_text(json.dumps({**THINKING, "system": f"You look {words}."}))
        assert main([*command, "--out", str(tmp_path / "runs" / name)]) == 0
    a, b = (read_run(tmp_path / "runs" / name) for name in "ab")
    assert a.prompt_format != b.prompt_format
    assert a.settings["format"]["instruction"]["yes_no"] == THINKING["instruction"]
    assert system_of(a.settings, "pope") == "You look twice."
    assert str(tmp_path) not in json.dumps(a.settings["format"])
    assert "Reason between <think>" in next(iter(read_records(tmp_path / "runs" / "a"))).sample.prompt
    diagnosed = json.loads((tmp_path / "runs" / "a" / "diagnostics.json").read_text())["metrics"]
    assert diagnosed["pope/well_formed"]["value"] == 1
    assert len(build_board(BoardConfig(runs=[tmp_path / "runs"])).groups) == 2
    assert main([*command, "--out", str(tmp_path / "runs" / "a")]) == 2
    assert "holds a run of other settings" in capsys.readouterr().err
