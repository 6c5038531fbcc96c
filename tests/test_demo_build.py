"""The build of the demo checkpoint, a few steps a stage."""

import json

import pytest
import torch

from harness.demo.build import export, export_parts, stage_digests, train
from harness.demo.checking import render_card
from harness.demo.recipe import RECIPE
from harness.demo.training import Stage

SMOKE = tuple(
    Stage(
        name=stage.name,
        steps=2,
        batch=4,
        muon=stage.muon,
        adam=stage.adam,
        hold=stage.hold,
        mixture=stage.mixture,
        easy=stage.easy,
    )
    for stage in RECIPE
)


class Interrupted(Exception):
    pass


def same(first, second):
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    return tmp_path_factory.mktemp("build") / "stages"


@pytest.fixture(scope="module")
def finished(stages):
    model, seconds = train(stages, 3, recipe=SMOKE, log=lambda text: None)
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
        train(tmp_path, 3, recipe=SMOKE, log=log)
    assert len(list(tmp_path.glob("*.pt"))) == 3
    lines = []
    model, seconds = train(tmp_path, 3, recipe=SMOKE, log=lines.append)
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


def test_base_and_judge_stand_beside_the_checkpoint(finished, stages):
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    out = stages.parent
    export(finished[0], out, seed=3)
    export_parts(out, 3, recipe=SMOKE)
    base, end = (load_file(folder / "model.safetensors") for folder in (out / "base", out))
    assert base.keys() == end.keys()
    assert any(not torch.equal(base[name], end[name]) for name in base)
    judge = AutoModelForCausalLM.from_pretrained(out / "judge")
    embeddings = next(weight for name, weight in end.items() if name.endswith("embed_tokens.weight"))
    assert torch.equal(judge.model.embed_tokens.weight, embeddings)
    assert json.loads((out / "judge" / "harness.json").read_text())["judge_prompt"] == "demo"


def test_the_model_card_shows_the_figures():
    figures = {"pope/all": {"direct": 0.75, "grounded": 0.875}, "mmvu/all": {"direct": 0.5, "grounded": 0.25}}
    card = render_card(figures, seed=3, parameters=1_200_000)
    assert (
        "| questions | direct | grounded |\n|---|---:|---:|\n| mmvu/all | 0.500 | 0.250 |\n| pope/all | 0.750" in card
    )
    assert "harness demo build --seed 3" in card
    assert "hallucinates by construction" in card
