"""The table of methods names every method, with a switch that resolves, and figures that were measured."""

import re
import runpy
from pathlib import Path

import pytest

from trainers.recipe import load_recipe, shipped_recipes
from trainers.trl_config import build_config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
SWITCH_OF = runpy.run_path(str(ROOT / "benchmarks" / "methods.py"))["switch_of"]
ROWS = {" ".join(switch): line.split("|") for line in PAGE.splitlines() if (switch := SWITCH_OF(line)) is not None}


def test_every_method_has_a_row():
    named = [text for switch in ROWS for text in switch.split() if text.startswith("methods/")]
    assert sorted(named) == shipped_recipes(methods=True)


@pytest.mark.parametrize("switch", ROWS)
def test_a_row_holds_a_switch_that_resolves_and_measured_costs(switch, tmp_path):
    plain = load_recipe("demo/grpo")
    recipe = load_recipe("demo/grpo", switch.split())
    build_config(recipe, tmp_path)
    assert (recipe == plain) == (switch == "demo/grpo")
    assert re.fullmatch(r" \d+; \d+, \d+; \d+\.\d\d ", ROWS[switch][5])
    assert all(cell.strip() for cell in ROWS[switch][1:-1])


def test_what_the_page_says_of_numbers_is_the_default():
    recipe = load_recipe("demo/grpo")
    bonus, noise, papo = recipe.t_grpo, recipe.noisy_rollout, recipe.papo
    assert f"at least {bonus.ratio} times" in PAGE
    assert f"above {bonus.right} earn {bonus.bonus}" in PAGE
    assert f"of {bonus.shortest} to {bonus.longest} tokens earn {bonus.length_bonus}" in PAGE
    assert f"t₀ {noise.step}, λ {noise.steepness:g}" in PAGE
    assert f"γ is {papo.weight}" in PAGE
    assert f"patches of {papo.patch} pixels" in PAGE
    assert recipe.dynamic_sampling.rounds == 3
