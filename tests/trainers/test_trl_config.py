"""What TRL takes as it is, and would stop a training later or train otherwise in silence, is refused by its name."""

import re

import pytest

from harness.core.errors import UsageError
from trainers.plan.disk import most_checkpoints
from trainers.recipe import load_recipe
from trainers.trl_config import build_config, steps_a_batch


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("grpo", "loss_type=foo", "should be 'grpo', 'dr_grpo', 'dapo'"),
        ("sft", "loss_type=dapo", "should be 'nll', 'dft' or 'chunked_nll'"),
        ("grpo", "scale_rewards=foo", "should be 'group', 'batch', 'none', True or False"),
        ("grpo", "importance_sampling_level=foo", "should be 'token' or 'sequence'"),
        ("grpo", "multi_objective_aggregation=foo", "should be 'sum_then_normalize' or 'normalize_then_sum'"),
        ("grpo", "vllm_mode=foo", "should be 'server' or 'colocate'"),
        ("grpo", "vllm_importance_sampling_mode=foo", "should be 'token_truncate'"),
        ("sft", "train_sampling_strategy=foo", "should be 'random', 'sequential'"),
        ("sft", "learning_rate=.inf", "should be a finite number"),
        ("sft", "adam_beta2=2.0", "should be less than 1"),
        ("sft", "save_steps=0", "should be greater than 0"),
        ("sft", "num_train_epochs=0.0 max_steps=-1", "should be greater than 0"),
        ("grpo", "top_p=5.0", "should be less than or equal to 1"),
        ("grpo", "top_k=-1", "should be greater than or equal to 0"),
        ("grpo", "epsilon_high=.nan", "should be greater than or equal to 0"),
        ("grpo", "max_grad_norm=-.inf", "should be greater than or equal to 0"),
        ("grpo", "delta=.nan", "should be greater than 0"),
        ("grpo", "beta=-1", "should be greater than or equal to 0"),
        ("grpo", "epsilon=-1", "should be greater than or equal to 0"),
        ("grpo", "num_iterations=0", "should be greater than or equal to 1"),
        ("grpo", "steps_per_generation=0", "should be greater than or equal to 1"),
        ("grpo", "num_generations=0", "should be greater than or equal to 2"),
    ],
)
def test_choices_and_ranges_are_checked(name, setting, message, tmp_path):
    with pytest.raises(UsageError, match=rf"train\.{setting.partition('=')[0]}=.*: it {re.escape(message)}"):
        build_config(load_recipe(f"demo/{name}", [f"train.{item}" for item in setting.split()]), tmp_path)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("grpo", ["chat_template_kwargs={enable_thinking: true}"], "train.chat_template_kwargs is not for a recipe"),
        ("sft", ["chat_template_kwargs={enable_thinking: true}"], "train.chat_template_kwargs is not for a recipe"),
        ("grpo", ["use_transformers_continuous_batching=true"], "Use train.use_vllm"),
        ("grpo", ["sync_ref_model=true", "beta=0.0"], "train.sync_ref_model needs a reference model"),
    ],
)
def test_what_has_no_effect_or_no_place_is_refused(name, settings, message, tmp_path):
    with pytest.raises(UsageError, match=re.escape(message)):
        build_config(load_recipe(f"demo/{name}", [f"train.{setting}" for setting in settings]), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        "scale_rewards=false",
        "scale_rewards=batch",
        "loss_type=bnpo",
        "top_k=0",
        "top_k=-1 use_vllm=true",
        "max_grad_norm=.inf epsilon_high=.inf vllm_importance_sampling_clip_max=.inf delta=.inf",
        "save_strategy=no save_steps=0 logging_strategy=no logging_steps=0",
        "save_strategy=epoch save_steps=0",
        "num_train_epochs=0 max_steps=2",
    ],
)
def test_what_trl_takes_is_taken(settings, tmp_path):
    build_config(load_recipe("demo/grpo", [f"train.{setting}" for setting in settings.split()]), tmp_path)


def test_all_checkpoints_are_kept_where_none_is_a_limit(tmp_path):
    for limit, kept in (("-1", 4), ("0", 4), ("null", 4), ("1", 2)):
        settings = [f"train.save_total_limit={limit}", "train.save_steps=1", "train.max_steps=4"]
        config = build_config(load_recipe("demo/sft", settings), tmp_path)
        assert config.save_total_limit == (1 if limit == "1" else None)
        assert most_checkpoints(config, 100) == kept


@pytest.mark.parametrize(
    ("name", "settings", "count"),
    [
        ("grpo", "max_steps=100 save_steps=30", 4),
        ("grpo", "max_steps=400 save_steps=500", 1),
        ("grpo", "max_steps=10 save_steps=0.3", 4),
        ("grpo", "max_steps=10 save_strategy=epoch num_iterations=2", 1),
        # Of 100 rows 25 batches of 4 prompts, with 2 updates each; and 13 batches of 8 examples.
        ("grpo", "max_steps=-1 num_train_epochs=3 save_steps=50 num_iterations=2", 3),
        ("sft", "max_steps=-1 num_train_epochs=2 save_steps=10", 3),
        ("sft", "max_steps=-1 num_train_epochs=2 save_steps=10 save_total_limit=1", 2),
    ],
)
def test_checkpoints_are_planned_as_transformers_saves_them(name, settings, count, tmp_path):
    batch = "per_device_train_batch_size=8 gradient_accumulation_steps=1 save_total_limit=null"
    batch += " num_generations=4 gradient_accumulation_steps=2" if name == "grpo" else ""
    given = [f"train.{item}" for item in f"{batch} {settings}".split()]
    assert most_checkpoints(build_config(load_recipe(f"demo/{name}", given), tmp_path), 100) == count


@pytest.mark.parametrize(
    ("generation", "accumulation", "steps"), [(1, 1, 1), (2, 1, 2), (4, 2, 2), (2, 4, 1), (3, 2, 3), (3, 4, 3)]
)
def test_a_run_is_resumed_where_a_batch_of_responses_begins(generation, accumulation, steps, tmp_path):
    passes = (f"train.steps_per_generation={generation}", f"train.gradient_accumulation_steps={accumulation}")
    config = build_config(load_recipe("demo/grpo", [*passes, f"train.save_steps={steps * 2}"]), tmp_path)
    assert steps_a_batch(config) == steps
    for saved in () if steps == 1 else (steps + 1, 0.25):
        with pytest.raises(UsageError, match=rf"save_steps {saved} is not a multiple of the {steps} steps"):
            build_config(load_recipe("demo/grpo", [*passes, f"train.save_steps={saved}"]), tmp_path)
