"""The build of the demo checkpoint, a few steps a stage."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from harness.demo.build import export, export_all, stage_digests, train
from harness.demo.checking import render_card
from harness.demo.judge import render_judge_card
from harness.demo.recipe import BASE_RECIPE, JUDGE, JUDGE_RECIPE, RECIPE

SMOKE, SMOKE_JUDGE = (tuple(replace(stage, steps=2, batch=4) for stage in recipe) for recipe in (RECIPE, JUDGE_RECIPE))


class Interrupted(Exception):
    pass


def same(first, second):
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.fixture(scope="module", autouse=True)
def _short_steps():
    """Muon iterates once a step, not five times, which would be most of what these tests cost."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.optim, "Muon", partial(torch.optim.Muon, ns_steps=1))
        yield


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    return tmp_path_factory.mktemp("build") / "stages"


@pytest.fixture(scope="module")
def finished(stages):
    model, seconds = train(stages, 3, SMOKE, log=lambda text: None)
    return model, seconds


def test_the_recipe_runs_every_stage(finished):
    model, seconds = finished
    assert list(seconds) == [stage.name for stage in RECIPE]
    assert all(torch.isfinite(value).all() for value in model.parameters())


def test_a_killed_build_resumes_with_the_same_numbers(finished, tmp_path):
    done = []

    def log(text):
        done.append(text)
        if sum("done in" in line for line in done) == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(tmp_path, 3, SMOKE, log=log)
    assert len(list(tmp_path.glob("*.pt"))) == 3
    lines = []
    model, seconds = train(tmp_path, 3, SMOKE, log=lines.append)
    assert lines[0] == f"resuming after stage {RECIPE[2].name}"
    assert list(seconds) == [stage.name for stage in RECIPE[3:]]
    assert same(model, finished[0])


def test_a_stage_depends_on_the_seed_and_on_what_came_before():
    digests = stage_digests(SMOKE, 0)
    assert len(set(digests)) == len(SMOKE)
    assert not set(digests) & set(stage_digests(SMOKE, 1))
    longer = (*SMOKE[:1], RECIPE[1], *SMOKE[2:])
    assert [a == b for a, b in zip(digests, stage_digests(longer, 0), strict=True)] == [True] + [False] * (
        len(SMOKE) - 1
    )


def test_a_stage_is_left_out_where_its_skill_is_there_already(tmp_path):
    learn, needed = SMOKE[0], replace(SMOKE[1], name="needed", unless=0.5)
    trained, seconds = train(tmp_path / "needed", 3, (learn, needed), log=lambda text: None)
    assert list(seconds) == [learn.name, "needed"]  # Two steps find no options.
    lines = []
    left_out = replace(needed, name="left-out", unless=0.0)
    model, seconds = train(tmp_path / "out", 3, (learn, left_out), log=lines.append)
    assert list(seconds) == [learn.name]
    assert any(line.startswith("stage left-out left out: 0% of the options") for line in lines)
    assert not same(model, trained)
    assert same(model, train(tmp_path / "out", 3, (learn,), log=lines.append)[0])
    again, seconds = train(tmp_path / "out", 3, (learn, left_out), log=lines.append)
    assert not seconds
    assert same(again, model)


def test_what_is_exported(finished, tmp_path):
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

    export(finished[0], tmp_path, seed=3)
    settings = json.loads((tmp_path / "harness.json").read_text())
    assert settings["prompt_format"] == "grounded"
    assert settings["trained_with"] == "harness demo build --seed 3"
    assert "by construction" in settings["note"]
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path)
    assert same(model, finished[0])
    processor = AutoProcessor.from_pretrained(tmp_path)
    assert model.generation_config.eos_token_id == [processor.tokenizer.convert_tokens_to_ids("<|im_end|>")]


def test_a_build_has_three_checkpoints_and_trains_their_common_stages_once(finished, stages):
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    out, lines = stages.parent, []
    base = SMOKE[: len(BASE_RECIPE)]
    export_all(out, 3, {"judge": SMOKE_JUDGE, "base": base, "demo": SMOKE}, log=lines.append)
    assert [line.split()[1] for line in lines if "done in" in line] == [stage.name for stage in JUDGE]
    base, end = (load_file(out / name / "model.safetensors") for name in ("base", "demo"))
    assert base.keys() == end.keys()
    assert any(not torch.equal(base[name], end[name]) for name in base)
    for name in ("base", "demo"):
        assert json.loads((out / name / "harness.json").read_text())["prompt_format"] == "grounded"
    judge = AutoModelForCausalLM.from_pretrained(out / "judge")
    trained, _ = train(stages, 3, SMOKE_JUDGE, log=lambda text: None)
    assert torch.equal(judge.model.embed_tokens.weight, trained.model.language_model.embed_tokens.weight)
    assert json.loads((out / "judge" / "harness.json").read_text())["judge_prompt"] == "demo"


def cells(card):
    """The rows of a card's tables, without the spaces that align them."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in card.splitlines() if line.startswith("|")]


def test_the_model_cards_show_the_figures():
    figures = {"direct": {"pope/all": 0.75, "mmvu/all": 0.5}, "grounded": {"pope/all": 0.875, "mmvu/all": 0.25}}
    for name in ("demo", "base"):
        card = render_card(figures, {"image": 1.0, "video/order": 0.95}, name=name, seed=3, parameters=1_200_000)
        first, _, mmvu, pope, second, _, *found = cells(card)
        assert (first, mmvu, pope) == (
            ["questions", "direct", "grounded"], ["mmvu/all", "0.500", "0.250"], ["pope/all", "0.750", "0.875"]
        )  # fmt: skip
        assert (second, found) == (["questions", "right"], [["image", "1.000"], ["video/order", "0.950"]])
        assert "harness demo build --seed 3" in card
        assert "hallucinates by construction" in card
    card = render_judge_card({"true": {"image": 0.99}, "other": {"image": 0.3}, "none": {"image": 0.25}}, seed=3)
    head, _, row = cells(card)
    assert (head, row) == (["questions", "true", "other", "none"], ["image", "0.990", "0.300", "0.250"])
    assert "harness demo build --seed 3" in card
