"""What is said of the plan once its blocks are whole, on results that are made up."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import StoreError
from harness.demo.data import Sizes, build_demo_data
from harness.demo.experiment import report
from harness.demo.experiment.claims import paragraph
from harness.demo.experiment.measuring import compress_verdicts
from harness.demo.experiment.plan import load_plan
from harness.demo.experiment.results import read_records, read_samples, score_of
from harness.demo.experiment.second import doses, draw_doses, is_whole, sections
from harness.demo.experiment.settings import DETAILS, HEADLINES, HELD_OUT_SIZES
from harness.reports.splicing import markers

DOCS = Path(__file__).parents[2] / "docs"
KEPT = DOCS.parent / "leaderboards" / "demo" / "experiment"
PLAN = load_plan()
TASKS = {task for task, *_ in HEADLINES}
RIGHT = {"base": 0.5, "grpo": 0.5, "placebo": 0.5, "rft": 0.6, "caption": 0.9, "method": 0.9}
"""Shares of right answers of rows; 0.7 of all others."""


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """Results of all trainings of the plan; in the exploration the second setting is the best."""
    out = tmp_path_factory.mktemp("made-up")
    sizes = Sizes(pope_images=8, mmbench_groups=4, videohallucer_pairs=8, mmvu_items=6)
    build_demo_data(out / "asked", 5, sizes=sizes)
    samples = {task: read_samples(out / "asked", task) for task in TASKS}
    asked = [5, *(getattr(sizes, name) for name in HELD_OUT_SIZES)]
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
                    "settings": {"world": 1, "held_out": asked, "share": block.share},
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


def test_what_is_whole_is_reported(made_up):
    told = "\n\n".join(sections(PLAN, made_up))
    assert "learning_rate=1.5e-4, beta=0.1" in told  # The second setting.
    for title in (
        "At the chosen numbers of updates",
        "At equal CPU seconds",
        "Rivals",
        "Parts",
        "Dose and response",
        "Another world",
    ):
        assert f"**{title}" in told
    for name in PLAN.blocks["parts"].rows + PLAN.blocks["rivals"].rows:
        assert f"| {name} " in told
    # The first two hypotheses are as they were made; what comes after one that is not shown is described.
    verdicts = [line.split("|")[-2].strip() for line in told.splitlines() if line.startswith("| ") and "over" in line]
    assert verdicts[:2] == ["shown", "shown"]
    first_not = next((place for place, verdict in enumerate(verdicts) if verdict != "shown"), len(verdicts))
    assert set(verdicts[first_not + 1 :]) == {"described"}


def test_tables_are_called_what_they_are(made_up):
    told = "\n\n".join(sections(PLAN, made_up))
    assert told.count("no row may spend more than 13,440 rollouts; the cost is below.") == 3
    before, _, cheap = told.partition("**At equal CPU seconds**")
    cheap = cheap.partition("**Parts**")[0]
    assert "kind: `combination`." in cheap  # Its updates take 1.8 s, those of its kind 1.3.
    assert "| combination " in before
    assert "| combination " not in cheap


def test_a_figure_has_a_line_for_each_row_and_outcome(made_up):
    found = doses(PLAN, made_up)
    assert [*found] == [(0, 7), (2, 5), (3, 4), (4, 3), (5, 2)]
    assert {len(seeds) for of in found.values() for seeds in of.values()} == {3}
    drawn = draw_doses(PLAN, found)
    assert drawn.count("<polyline") == 8
    assert "kinds, those that a glance gets wrong" in drawn


def test_what_is_not_whole_is_not_reported(made_up, tmp_path):
    some = tmp_path / "results"
    shutil.copytree(made_up, some)
    next((some / "confirm").iterdir()).unlink()
    assert not is_whole(PLAN, some, "confirm")
    told = "\n\n".join(sections(PLAN, some))
    assert "**Tuning**" in told
    assert "At the chosen numbers" not in told
    assert "Dose and response" not in told
    shutil.rmtree(some / "tune")
    assert not sections(PLAN, some)


def test_the_page_is_made_of_what_is_kept(tmp_path, monkeypatch):
    """Byte for byte, its first paragraph too, of which no sentence is written that does not hold."""
    given = []
    monkeypatch.setattr(report, "paragraph", lambda evidence: given.append(evidence) or paragraph(evidence))
    (tmp_path / "results").symlink_to(KEPT / "results")
    page = tmp_path / "evidence.md"
    page.write_bytes((DOCS / page.name).read_bytes())
    report.write_report(tmp_path, document=page)
    assert page.read_bytes() == (DOCS / page.name).read_bytes()
    assert page.with_suffix(".svg").read_bytes() == (DOCS / "evidence.svg").read_bytes()
    start, end = markers("claims")
    before, _, rest = page.read_text(encoding="utf-8").partition(start)
    assert before.strip() == "# Evidence from the demo world"
    assert rest.partition(end)[0].strip() == paragraph(*given)

    (evidence,) = given
    tested = evidence.tested.items()
    turned = {key: replace(item, low=-(item.high or 0), high=-(item.low or 0)) for key, item in tested}
    with pytest.raises(StoreError, match="does not say: 'On questions"):
        paragraph(replace(evidence, tested=turned))
    others = replace(evidence, results=tmp_path)  # A folder beside 'first'.
    (tmp_path / "confirm").mkdir()
    with pytest.raises(StoreError, match="does not say: 'For whom"):
        paragraph(others)
