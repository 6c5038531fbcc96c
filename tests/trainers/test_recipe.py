"""Recipes: inheritance, overrides, mistakes by name, and that every shipped one resolves."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.core.errors import UsageError
from harness.engines.checkpoints import Checkpoint
from harness.runs.config import flatten
from trainers.provenance import batch_sizes, provenance
from trainers.recipe import as_yaml, load_recipe, recipe_stages, shipped_recipes

SHIPPED = shipped_recipes()
LOSSES = [f"methods/{name}" for name in ("cispo", "dapo", "dr_grpo", "gspo")]
EIGHT = {"sft", "grpo", "method", "no_caption", "no_selection", "easy_only", "hard_only", "no_infonce"}
MINIMAL = "algorithm: grpo\nmodel: demo\noutput: out\ndata: {train: demo}\n"


@pytest.fixture
def minimal(tmp_path):
    path = tmp_path / "minimal.yaml"
    path.write_text(MINIMAL)
    return str(path)


def test_the_eight_recipes_exist_for_demo_and_7b():
    for folder in ("demo", "qwen2_5_vl_7b"):
        assert {name.split("/")[1] for name in SHIPPED if name.startswith(f"{folder}/")} >= EIGHT


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_resolve_and_survive_a_round_trip(name, tmp_path):
    recipe = load_recipe(name)
    assert recipe.output == f"runs/{name}"
    path = tmp_path / "resolved.yaml"
    path.write_text(as_yaml(recipe))
    assert load_recipe(str(path)) == recipe


def test_each_ablation_changes_one_thing():
    method = load_recipe("demo/method")
    assert load_recipe("demo/no_caption").rewards.weights() == {"accuracy": 1.0, "format": 0.1}
    assert load_recipe("demo/no_infonce").ntk.weight == 0
    assert not load_recipe("demo/no_selection").selection.enabled
    assert load_recipe("demo/easy_only").selection.subset == "easy"
    assert load_recipe("demo/hard_only").selection.subset == "hard"
    for name in EIGHT - {"sft", "method"}:
        assert load_recipe(f"demo/{name}").train == method.train
    plain = load_recipe("demo/grpo")
    assert (plain.ntk.weight, plain.rewards.caption, plain.selection.enabled) == (0, 0, False)


@pytest.mark.parametrize("url", ["http://me:secret@host/v1", "http://host/v1?api_key=secret"])
def test_a_judge_s_password_does_not_get_into_a_recipe(minimal, url):
    with pytest.raises(UsageError, match=r"judge\.base_url holds a password or a key") as error:
        load_recipe(minimal, [f"judge.base_url={url}"])
    assert "secret" not in str(error.value)
    assert load_recipe(minimal, ["judge.base_url=http://host/v1", "judge.api_key_env=NAME"]).judge.api_key_env == "NAME"


def test_two_servers_on_one_port_are_refused(tmp_path):
    from trainers.trl_config import build_config

    sampler = ["train.use_vllm=true", "train.vllm_mode=server"]
    for judge, more in (("localhost:8000", []), ("n2:9000", ["train.vllm_server_base_url=http://n2:9000"])):
        with pytest.raises(UsageError, match=rf"judge\.base_url=http://{judge}/v1 is where train\.vllm_mode=server"):
            build_config(load_recipe("demo/method", [*sampler, *more, f"judge.base_url=http://{judge}/v1"]), tmp_path)
    build_config(load_recipe("demo/method", [*sampler, "judge.base_url=http://localhost:8001/v1"]), tmp_path)


def test_published_settings():
    recipe = load_recipe("qwen2_5_vl_7b/published")
    expected = {
        "learning_rate": 1e-6, "lr_scheduler_type": "cosine", "weight_decay": 0.01, "num_generations": 8, "beta": 0.04,
        "max_grad_norm": 5, "max_completion_length": 768, "temperature": 1.0, "top_p": 0.95, "num_train_epochs": 1,
    }  # fmt: skip
    assert {key: recipe.train[key] for key in expected} == expected
    assert recipe.data.max_pixels == 401408
    assert recipe.rewards.weights() == {"accuracy": 1.0, "format": 1.0, "caption": 1.0}
    assert (recipe.ntk.weight, recipe.ntk.temperature, recipe.ntk.threshold) == (1.0, 0.5, 0.5)
    assert not recipe.selects


def test_the_table_of_paper_code_and_ours_is_what_the_recipes_say():
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    table = text[text.index("| setting | `paper`") :].partition("\n\n")[0]
    header, *rows = re.findall(r"^\| (`?[a-z_.]+`?) \| (.+?) \| (.+?) \| (.+?) \| .+ \|$", table, re.MULTILINE)
    names = [name.strip("`") for name in header[1:]]
    assert names == ["paper", "published", "method"]
    flat = [flatten(load_recipe(f"qwen2_5_vl_7b/{name}").model_dump()) for name in names]
    told = {row[0].strip("`"): [yaml.safe_load(value) for value in row[1:]] for row in rows}
    differing = {key for key in flat[0] if len({str(recipe[key]) for recipe in flat}) > 1}
    assert set(told) == differing - {"output"}
    assert told == {key: [recipe[key] for recipe in flat] for key in told}


def test_overrides_are_yaml_with_dotted_keys(minimal):
    recipe = load_recipe(
        minimal,
        ["ntk.threshold=null", "ntk.quantile=0.3", "train.learning_rate=1e-5", "train.save_strategy=no",
         "train.bf16=true", "eval.tasks=[pope]", "seed=7", "lora.target_modules=[q_proj]", "rewards.accuracy=2"],
    )  # fmt: skip
    assert (recipe.ntk.threshold, recipe.ntk.quantile, recipe.seed) == (None, 0.3, 7)
    assert recipe.train == {"learning_rate": 1e-5, "save_strategy": "no", "bf16": True}
    assert recipe.eval.tasks == ["pope"]
    assert recipe.lora.target_modules == ["q_proj"]
    assert recipe.rewards.accuracy == 2.0


@pytest.mark.parametrize("word", ["trueish", "1e-4_run", "2026-01-31", "2026-99-99", "no", "1e5x", "Falsework"])
def test_words_that_begin_like_a_value_are_words(minimal, word):
    assert load_recipe(minimal, [f"output={word}"]).output == word


@pytest.mark.parametrize(("text", "number"), [("1e-4", 1e-4), ("1.e+3", 1e3), (".5e2", 50.0), ("-2E1", -20.0)])
def test_exponents_are_numbers_without_a_point_too(minimal, text, number):
    assert load_recipe(minimal, [f"train.learning_rate={text}"]).train == {"learning_rate": number}


def test_a_term_that_is_off_needs_no_threshold(minimal):
    off = ["ntk.weight=0", "ntk.threshold=null"]
    assert load_recipe(minimal, off).ntk.threshold is None
    with pytest.raises(UsageError, match="exactly one"):
        load_recipe(minimal, off[1:])


def test_rollouts_of_a_round(minimal):
    assert load_recipe(minimal, ["selection.first=4", "selection.most=13"]).selection.targets() == [4, 12, 13]
    assert load_recipe(minimal, ["selection.tolerance=0"]).selection.targets() == [96]
    assert load_recipe(minimal, ["selection.fixed=4"]).selection.targets() == [4]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ntk.thresh=1", r"'ntk.thresh' does not exist. Did you mean 'threshold'"),
        ("reward.accuracy=1", "Did you mean 'rewards'"),
        ("rewards.acuracy=1", r"'rewards\.acuracy' does not exist. Did you mean 'accuracy'.*module:function"),
        ("rewards.my:reward=x", r"rewards\.my:reward='x': it should be a valid number"),
        ("seed=x", "seed='x': it should be a valid integer"),
        ("seed=true", "seed=True: it should be a valid integer"),
        ("rewards.format=[1]", "should be a valid number"),
        ("algorithm=ppo", "should be 'sft' or 'grpo'"),
        ("data=demo", "a part with settings of its own"),
        ("model.name=x", "is a value, not a part"),
        ("nonsense", "is not key=value"),
        ("data={", "not YAML"),
        ("ntk.quantile=0.5", "exactly one of ntk.threshold and ntk.quantile"),
        ("ntk.estimator=exakt", "top_tokens"),
        ("data.num_frames=0", "greater than or equal to 1"),
        ("max_logprob_gap=0", "greater than 0"),
        ("seed=-1", "seed=-1: it should be greater than or equal to 0"),
        ("seed=4294967296", "less than or equal to 4294967295"),
        ("data.max_pixels=-5", r"data\.max_pixels=-5"),
        ("ntk.temperature=0", r"ntk\.temperature=0: it should be greater than 0"),
        ("ntk.threshold=1.5", r"ntk\.threshold=1\.5: it should be less than or equal to 1"),
        ("ntk.threshold=.nan", r"ntk\.threshold=nan: it should be a finite number"),
        ("ntk.empty_rows=drop", r"ntk\.empty_rows='drop': it should be 'skip' or 'least_similar'"),
        ("ntk.weight=.inf", r"ntk\.weight=inf: it should be a finite number"),
        ("rewards.accuracy=.nan", r"rewards\.accuracy=nan: it should be a finite number"),
        ("rewards.repetition_span=0", r"rewards\.repetition_span=0"),
        ("ntk.quantile=1.5", r"ntk\.quantile=1\.5: it should be less than 1"),
        ("lora.dropout=1", r"lora\.dropout=1"),
        ("lora.alpha=0", r"lora\.alpha=0: it should be greater than 0"),
        ("lora.target_modules=5", r"lora\.target_modules=5: it should be a valid string"),
        ("selection.temperature=0", r"selection\.temperature=0"),
        ("selection.top_p=0", r"selection\.top_p=0"),
        ("selection.first=1", r"selection\.first=1"),
        ("selection.first=97", "selection.first 97 is above selection.most 96"),
        ("selection.step=0", r"selection\.step=0"),
        ("selection.tolerance=1", r"selection\.tolerance=1"),
        ("selection.keep=0", r"selection\.keep=0"),
        ("selection.keep=1.5", r"selection\.keep=1\.5"),
        ("selection.fixed=1", r"selection\.fixed=1: it should be greater than or equal to 2"),
        ("selection.engine=vlm", "selection.engine='vlm': it should be 'auto', 'hf' or 'vllm'"),
        ("eval.batch_size=0", r"eval\.batch_size=0"),
        ("output=0x_", "not YAML"),
    ],
)
def test_mistakes_are_named(minimal, override, message):
    with pytest.raises(UsageError, match=message):
        load_recipe(minimal, [override])


def test_unknown_recipes_name_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'demo/method'"):
        load_recipe("demo/methd")


def test_extends(tmp_path):
    (tmp_path / "a.yaml").write_text(MINIMAL + "train: {beta: 0.1, top_p: 0.9}\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\ntrain: {beta: 0.2}\n")
    assert load_recipe(str(tmp_path / "b.yaml")).train == {"beta": 0.2, "top_p": 0.9}
    (tmp_path / "c.yaml").write_text("extends: none.yaml\n")
    with pytest.raises(UsageError, match="there is no"):
        load_recipe(str(tmp_path / "c.yaml"))
    (tmp_path / "d.yaml").write_text("extends: e.yaml\n")
    (tmp_path / "e.yaml").write_text("extends: d.yaml\n")
    with pytest.raises(UsageError, match="in turn"):
        load_recipe(str(tmp_path / "d.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "not a mapping"),
        ("a: [\n", "not YAML"),
        ("algorithm: grpo\nmodel: demo\noutput: x\n", "'data' is missing"),
    ],
)
def test_broken_files_are_refused(tmp_path, text, message):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_recipe(str(path))


def test_seeds_of_a_recipe_are_told_from_other_recipes(tmp_path):
    from trainers.trl_config import build_config

    start = Checkpoint(name="start", folder=None, weights="sha256:w")

    def told(*overrides, weights="sha256:w", gpus=8):
        recipe = load_recipe("demo/grpo", ["train.per_device_train_batch_size=8", *overrides])
        batch = batch_sizes(recipe, build_config(recipe, tmp_path, gpus=gpus))
        return provenance(recipe, batch, replace(start, weights=weights), [], [])["training"]

    first = told("seed=0", "output=a")
    assert told("seed=1", "output=b", "eval.limit=5", "train.save_steps=7") == {**first, "seed": 1}
    assert told("train.gradient_checkpointing=true", "judge.api_key_env=KEY", "train.vllm_server_port=1") == first
    # The same batch: of twice the passes, on half the processes.
    passes = "train.gradient_accumulation_steps"
    assert told("train.per_device_train_batch_size=4", f"{passes}=2") == told(f"{passes}=2", gpus=4) == first
    for other in (
        told("train.learning_rate=1e-9"),
        told("rewards.accuracy=2.0"),
        told(weights="sha256:v"),
        told(gpus=4),
        told("train.generation_batch_size=128"),
    ):
        assert other["recipe"] != first["recipe"]
    # Where a loss has means over a forward pass it is not the same.
    for mean in ("train.loss_type=bnpo", "papo.enabled=true"):
        assert told(mean)["recipe"] != told(mean, "train.per_device_train_batch_size=4", f"{passes}=2")["recipe"]


def test_stages_go_on_from_one_another_and_are_checked_before_the_first(minimal):
    stages = "stages=[{train: {max_completion_length: 32}}, {train: {max_completion_length: 64}, seed: 1}]"
    recipe = load_recipe(minimal, ["output=runs/x", "eval.start=true", "train.max_steps=3", stages])
    first, second = recipe_stages(recipe)
    assert (first.model, first.output, first.eval.start, first.seed) == (recipe.model, "runs/x/stage-1", True, 0)
    assert (second.model, second.output, second.eval.start) == ("runs/x/stage-1/final", "runs/x/stage-2", False)
    assert second.train == {"max_steps": 3, "max_completion_length": 64}
    assert second.seed == 1
    assert recipe_stages(first) == [first]
    with pytest.raises(UsageError, match=r"stages, number 2: 'model' is not set by a stage"):
        load_recipe(minimal, ["stages=[{}, {model: demo}]"])
    with pytest.raises(UsageError, match=r"stages, number 1: setting 'rewards\.acuracy' does not exist"):
        load_recipe(minimal, ["stages=[{rewards: {acuracy: 1}}]"])
    with pytest.raises(UsageError, match=r"stages, number 1: setting 'data\.trian' does not exist"):
        load_recipe(minimal, ["stages=[{data: {trian: x}}]"])


@pytest.mark.parametrize("last", LOSSES)
def test_of_several_losses_the_last_counts_alone(last):
    alone = load_recipe("demo/grpo", [last])
    for first in LOSSES:
        assert load_recipe("demo/grpo", [first, last]) == alone


def test_methods_are_laid_over_a_recipe_in_turn():
    recipe = load_recipe("demo/grpo", ["methods/papo", "papo.weight=0.5", "methods/dapo", "methods/gspo"])
    assert (recipe.papo.enabled, recipe.papo.weight, recipe.output) == (True, 0.5, "runs/demo/grpo")
    assert (recipe.train["loss_type"], recipe.train["epsilon_high"]) == ("grpo", 4e-4)
    assert recipe.train["max_steps"] == load_recipe("demo/grpo").train["max_steps"]
    with pytest.raises(UsageError, match=r"'methods/papa' is not key=value.* Did you mean 'methods/papo'"):
        load_recipe("demo/grpo", ["methods/papa"])
    with pytest.raises(UsageError, match=r"'methods/papo' is laid over another one: .*demo/grpo methods/papo"):
        load_recipe("methods/papo")
