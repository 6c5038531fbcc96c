"""The plan of the experiment: that it is one, fits its budget, and asks what was never asked before."""

import pytest

from harness.core.errors import UsageError
from harness.demo.data import SEED
from harness.demo.experiment.plan import FILE, RESPONSES, choose_blocks, load_plan

PLAN = load_plan()


def test_the_plan_fits_its_budget():
    assert sum(PLAN.cost(name) for name in PLAN.blocks) <= PLAN.seconds.budget
    assert PLAN.cost("world-2") > PLAN.seconds.build


def test_every_kind_may_spend_what_the_method_spends():
    most = PLAN.rollouts("method", PLAN.kinds["selected"].updates[-1])
    for name, row in PLAN.rows.items():
        if row.kind not in (None, "told"):
            spent = [PLAN.rollouts(name, updates) for updates in PLAN.kinds[row.kind].updates]
            assert most - 4 * RESPONSES < spent[-1] <= most, name


def test_nothing_was_asked_with_the_held_out_seed():
    assert PLAN.exploration == SEED
    assert SEED in PLAN.asked_before
    assert PLAN.held_out not in PLAN.asked_before


def test_what_was_asked_before_is_refused(tmp_path):
    used = tmp_path / "plan.yaml"
    used.write_text(FILE.read_text().replace(f"held_out: {PLAN.held_out}", f"held_out: {SEED}"))
    with pytest.raises(UsageError, match="something has been asked with it"):
        load_plan(used)


def test_a_row_that_is_not_described_is_refused(tmp_path):
    other = tmp_path / "plan.yaml"
    other.write_text(FILE.read_text().replace("pairs: [[caption, grpo]]", "pairs: [[caption, grop]]"))
    with pytest.raises(UsageError, match="rows that are not described: grop"):
        load_plan(other)


def test_the_best_try_is_chosen_by_the_rule_and_a_control_takes_it():
    def score(run, updates):
        return {("caption", 2, 120): 0.7, ("caption", 1, 120): 0.7, ("caption", 1, 210): 0.7}.get(
            (run.row, run.setting, updates), 0.5
        )

    assert PLAN.choose("caption", score) == (1, 120)
    assert PLAN.choose("placebo", score) == (1, 120)
    assert PLAN.choose("grpo", score) == (0, 60)
    (run,) = {run for run in PLAN.runs("parts", score) if run.row == "no_selection" and run.seed == 30}
    assert (run.setting, run.updates, run.save_steps) == (1, (120,), 120)
    (run,) = {run for run in PLAN.runs("confirm", score) if run.row == "placebo" and run.seed == 30}
    assert (run.updates, run.save_steps) == ((60, 120), 60)
    (run,) = (run for run in PLAN.runs("confirm", score) if run.row == "base")
    assert (run.seed, run.updates, run.name) == (None, (0,), "base.0-seed-0")


def test_every_asking_that_is_measured_is_paid_for():
    free = PLAN.model_copy(update={"seconds": PLAN.seconds.model_copy(update={"measured": 0.0})})
    askings = sum(len(run.updates) for run in free.runs("confirm", None))
    assert PLAN.cost("confirm") - free.cost("confirm") == pytest.approx(askings * PLAN.seconds.measured)
    assert PLAN.cost("tune") == free.cost("tune")


def test_a_block_that_tests_something_has_a_hypothesis_on_its_questions():
    assert [name for name, block in PLAN.blocks.items() if block.what == "confirmation"] == ["confirm"]


def test_rows_of_one_block_have_the_same_seeds():
    for name in PLAN.blocks:
        seeds = {}
        for run in PLAN.runs(name, None):
            if run.seed is not None:
                seeds.setdefault(run.row, set()).add(run.seed)
        assert all(found == set(PLAN.blocks[name].seeds) for found in seeds.values())


def test_blocks_come_in_the_order_of_the_plan():
    assert choose_blocks(["confirm", "tune"]) == ["tune", "confirm"]
    assert choose_blocks([]) == [*PLAN.blocks]
    with pytest.raises(UsageError, match="block 'tone' does not exist"):
        choose_blocks(["tone"])
