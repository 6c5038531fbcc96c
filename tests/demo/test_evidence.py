"""What is said of the plan once its blocks are whole, on results that are made up."""

import json
import random
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from harness.core.errors import StoreError
from harness.demo.data import Sizes, build_demo_data
from harness.demo.experiment import paragraphs, report
from harness.demo.experiment.doses import compare_doses, draw_doses
from harness.demo.experiment.evidence import gather, read_confirmed
from harness.demo.experiment.hypotheses import test_in_order
from harness.demo.experiment.measuring import compress_verdicts
from harness.demo.experiment.plan import load_plan
from harness.demo.experiment.results import SEED_FREE, Comparer, draw_held_out, read_records, read_samples, score_of
from harness.demo.experiment.sections import sections
from harness.demo.experiment.settings import DETAILS, HEADLINES, HELD_OUT_SIZES
from harness.reports.differences import change
from harness.reports.splicing import markers

DOCS = Path(__file__).parents[2] / "docs"
KEPT = DOCS.parent / "leaderboards" / "demo" / "experiment"
TODAY = load_plan()
ASKED = 5
WORLD = TODAY.blocks["world-2"].model_copy(update={"world": 1})
PLAN = TODAY.model_copy(update={"held_out": ASKED, "exploration": ASKED, "blocks": {**TODAY.blocks, "world-2": WORLD}})
"""The plan with the questions, and the world, of the results that are made up."""
TASKS = {task for task, *_ in HEADLINES}
RIGHT = {"base": 0.5, "grpo": 0.5, "placebo": 0.5, "rft": 0.6, "caption": 0.9, "method": 0.9}
"""Shares of right answers of rows; 0.7 of all others."""


@pytest.fixture(scope="module")
def kept():
    with gather(TODAY, KEPT / "results") as evidence:
        yield evidence


def exchanged(evidence, one, other):
    """Evidence in which two rows have each other's results, wherever they stand together."""

    names = {one: other, other: one}

    def swap(comparer):
        if comparer is None or not {*names} <= {*comparer.results}:
            return comparer
        return Comparer({row: comparer.results[names.get(row, row)] for row in comparer.results}, comparer.questions)

    confirmed = swap(evidence.confirmed)
    return replace(
        evidence,
        confirmed=confirmed,
        tested=test_in_order(TODAY, confirmed),
        by_updates={at: swap(comparer) for at, comparer in evidence.by_updates.items()},
        cheap=swap(evidence.cheap),
        tuned={names.get(row, row): means for row, means in evidence.tuned.items()},
        described={block: swap(comparer) for block, comparer in evidence.described.items()},
        doses={share: swap(comparer) for share, comparer in evidence.doses.items()},
        elsewhere=swap(evidence.elsewhere),
    )


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """Results of all trainings of the plan; in the exploration the second setting is the best."""
    out = tmp_path_factory.mktemp("made-up")
    sizes = Sizes(pope_images=8, mmbench_groups=4, videohallucer_pairs=8, mmvu_items=6)
    build_demo_data(out / "asked", ASKED, sizes=sizes)
    samples = {task: read_samples(out / "asked", task) for task in TASKS}
    asked = [ASKED, *(getattr(sizes, name) for name in HELD_OUT_SIZES)]
    for name, block in PLAN.blocks.items():
        score = None if block.settings == "grid" else score_of(PLAN, out / "results")
        for run in PLAN.runs(name, score):
            for updates in run.updates:
                rng = random.Random(f"{run.name} {name} {updates}")
                share = RIGHT.get(run.row, 0.7)
                right = {task: "".join("01"[rng.random() < share] for _ in found) for task, found in samples.items()}
                scores = {
                    task: {figure: share for of, figure, _ in (*HEADLINES, *DETAILS) if of == task} for task in TASKS
                }
                if block.settings == "grid":
                    scores["pope"]["mean/accuracy"] = 0.1 * (run.setting == 1) + updates / 10_000
                result = {
                    "row": run.row,
                    "seed": run.seed,
                    "updates": updates,
                    "steps": updates,
                    **PLAN.made_with(run.row, run.setting or 0),
                    "settings": {"world": 1, "held_out": asked, "pool": [600, block.pool, *block.share]},
                    "rollouts": PLAN.rollouts(run.row, updates),
                    "cpu_seconds": {"before": 1.0, "training": float(updates)},
                    "scores": scores,
                    "verdicts": {
                        task: compress_verdicts(read_records(found, {"status": right[task], "answers": {}}))[task]
                        for task, found in samples.items()
                    },
                    "glances": {"all/glances": 0.5},
                }
                file = run.file(out / "results", updates)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(result))
    shutil.rmtree(out / "asked")
    return out / "results"


def reported(results):
    with gather(PLAN, results) as evidence:
        return "\n\n".join(sections(PLAN, results, evidence))


def test_what_is_whole_is_reported(made_up):
    told = reported(made_up)
    assert "learning_rate=1.5e-4, beta=0.1" in told  # The second setting.
    for title in (
        "What is confirmed",
        "Every seed",
        "At about equal CPU seconds",
        "Rivals",
        "Parts",
        "Five pools",
        "One other world",
    ):
        assert f"**{title}" in told
    for name in PLAN.blocks["parts"].rows + PLAN.blocks["rivals"].rows:
        assert f"| {name} " in told
    # The first two hypotheses are as they were made; what comes after one that is not shown is described.
    lines = told.partition("**Beside them**")[0].splitlines()
    verdicts = [line.split("|")[-2].strip() for line in lines if line.startswith("| ") and "over" in line]
    assert verdicts[:2] == ["shown", "shown"]
    first_not = next((place for place, verdict in enumerate(verdicts) if verdict != "shown"), len(verdicts))
    assert set(verdicts[first_not + 1 :]) == {"described"}


def test_tables_are_called_what_they_are(made_up):
    told = reported(made_up)
    assert told.count("no row may spend more than 13,440 rollouts; the cost is below.") == 3
    before, _, cheap = told.partition("**At about equal CPU seconds**")
    cheap = cheap.partition("**Parts**")[0]
    assert "kind: `combination`." in cheap  # Its updates take 1.8 s, those of its kind 1.3.
    assert "| combination " in before
    assert "| combination " not in cheap


def test_a_figure_has_a_line_for_each_row_and_outcome(made_up):
    with draw_held_out(read_confirmed(PLAN, made_up)) as questions:
        found = {share: of.results for share, of in compare_doses(PLAN, made_up, questions).items()}
    assert [*found] == [(0, 7), (2, 5), (3, 4), (4, 3), (5, 2)]
    assert {len(seeds) for of in found.values() for seeds in of.values()} == {3}
    drawn = draw_doses(PLAN, found)
    assert drawn.count("<polyline") == 8
    assert "questions, those that a glance gets wrong" in drawn


def test_what_is_not_whole_is_not_reported(made_up, tmp_path):
    some = tmp_path / "results"
    shutil.copytree(made_up, some)
    for block in ("rivals", "dose-4-3", "world-2"):
        next((some / block).iterdir()).unlink()
    told = reported(some)
    assert "**Parts**" in told
    for title in ("Rivals", "Five pools", "One other world"):
        assert f"**{title}" not in told
    with gather(PLAN, some) as evidence, pytest.raises(StoreError, match="rivals, dose-, world-2 not whole"):
        paragraphs.paragraphs(evidence)
    next((some / "confirm").iterdir()).unlink()
    with pytest.raises(StoreError, match="'confirm' is not whole"):
        read_confirmed(PLAN, some)


def test_the_page_is_made_of_what_is_kept(tmp_path):
    """Byte for byte, its first paragraphs too."""
    (tmp_path / "results").symlink_to(KEPT / "results")
    page = tmp_path / "evidence.md"
    page.write_bytes((DOCS / page.name).read_bytes())
    report.write_report(tmp_path, document=page)
    made = {file.name: file.read_bytes() for file in tmp_path.glob("evidence*")}
    assert made == {file.name: file.read_bytes() for file in DOCS.glob("evidence*")}
    before = page.read_text(encoding="utf-8").partition(markers("claims")[0])[0]
    assert before.strip() == "# Evidence from the demo world"


def test_no_verdict_can_be_left_out(made_up, monkeypatch):
    monkeypatch.setattr(paragraphs, "JUDGED", ())
    monkeypatch.setattr(paragraphs, "DESCRIBED", {})
    with gather(PLAN, made_up) as evidence:
        told = paragraphs.paragraphs(evidence)
    for item in evidence.tested:
        assert (f"{item.verdict.capitalize()}: that {item.hypothesis.says[0].lower()}" in told) == item.is_tested
        for difference in item.differences.values():
            assert change(difference) in told


@pytest.mark.parametrize("claim", paragraphs.every_claim())
def test_a_sentence_is_written_while_the_results_say_it(claim, kept):
    """With the results of two rows exchanged it is not, for some two."""
    assert claim(kept)[1]
    trained = [row for row in kept.confirmed.results if row != SEED_FREE]
    assert any(not claim(exchanged(kept, *rows))[1] for rows in combinations(trained, 2))


def test_a_sentence_that_does_not_hold_is_not_written(kept, monkeypatch):
    monkeypatch.setattr(paragraphs, "JUDGED", (lambda _: ("Pigs fly.", False),))
    with pytest.raises(StoreError, match=r"does not say: 'Pigs fly\.'"):
        paragraphs.paragraphs(kept)
