"""The shipped demo checkpoint: what it is made of, and that it sees."""

import json
import re

import numpy as np
import pytest

from harness.core.worlds import shipped_checkpoints
from harness.demo.chains import word_response
from harness.demo.checking import ask, summarise
from harness.demo.data import demo_data
from harness.demo.look_up import check_look_up, share_of_options_found

DEMO = shipped_checkpoints()["demo"]
CHAIN = re.compile(
    r"<planning> look \S.* </planning> <caption> .+ </caption> <think> .+ </think> <answer> [^<>]+ </answer>"
)


@pytest.fixture(scope="module")
def data():
    return demo_data()


@pytest.mark.parametrize("name", ["demo", "demo-base"])
def test_it_is_small_and_complete(name):
    names = {path.name for path in shipped_checkpoints()[name].iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "processor_config.json",
        "harness.json",
        "README.md",
    } <= names
    assert sum(path.stat().st_size for path in shipped_checkpoints()[name].rglob("*") if path.is_file()) < 15e6


def test_it_says_what_it_is():
    settings = json.loads((DEMO / "harness.json").read_text())
    assert settings["prompt_format"] == "grounded"
    assert settings["trained_with"].startswith("harness demo build")
    assert "by construction" in settings["note"]
    assert "by construction" in (DEMO / "README.md").read_text()


def test_it_sees_and_hallucinates_partners(data, tmp_path):
    accuracy = summarise(ask(str(DEMO), data, tmp_path / "run", tasks=("pope",), prompt="grounded"))
    assert accuracy["pope/random"] > 0.85
    assert accuracy["pope/adversarial"] < accuracy["pope/random"] - 0.15


@pytest.mark.parametrize(("task", "floor"), [("videohallucer", 0.65), ("mmbench", 0.85), ("mmvu", 0.6)])
def test_it_is_above_chance_elsewhere(data, tmp_path, task, floor):
    shares = summarise(ask(str(DEMO), data, tmp_path / "run", tasks=(task,), prompt="grounded", limit=100))
    assert shares[f"{task}/all"] > floor


def test_it_answers_from_a_true_caption(monkeypatch):
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(DEMO).eval()
    figures = check_look_up(DEMO, expecting=True, count=20)
    assert figures["image"] > 0.95
    assert figures["video"] > 0.9
    assert share_of_options_found(model) > 0.9

    def without_caption(*given, **options):
        return re.sub("<caption> .+ </caption>", "<caption> </caption>", word_response(*given, **options))

    monkeypatch.setattr("harness.demo.look_up.word_response", without_caption)
    assert share_of_options_found(model) < 0.6  # Chance.


@pytest.mark.parametrize("task", ["pope", "videohallucer"])
def test_responses_are_chains_that_end(data, task, tmp_path):
    grounded, direct = (
        [record.response.text for record in ask(str(DEMO), data, tmp_path / form, tasks=(task,), prompt=form, limit=16)]
        for form in ("grounded", "direct")
    )
    assert np.mean([CHAIN.fullmatch(text) is not None for text in grounded]) > 0.9
    assert all(answer in ("yes", "no") for answer in direct)
