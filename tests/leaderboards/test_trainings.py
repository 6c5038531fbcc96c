"""One row for a training: all its seeds together, of each the last checkpoint."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from support_leaderboards import row_of, write_diagnostics, write_run, write_sealed

from harness.core.errors import UsageError
from harness.core.types import Metric
from leaderboards.answers import answer
from leaderboards.board import Board
from leaderboards.build import BoardConfig, build_board
from leaderboards.data import render_csv, render_json
from leaderboards.markdown import render_markdown
from leaderboards.outputs import write_board
from leaderboards.page import render_page
from leaderboards.pooling import pool_metrics
from leaderboards.provenance import unlike_baseline

SKILLS = (0.85, 0.9, 0.95)


def train(
    root: Path, name: str, seed: int, step: int = 100, skill: float = 0.9, data: str = "sha256:d", **more: Any
) -> Path:
    training = {"recipe": f"sha256:{name}", "data": data, "seed": seed, "step": step}
    return write_run(
        root / f"{name}-{seed}-{step}-{data[-1]}",
        model=f"out/{name}-seed-{seed}/checkpoint-{step}" if step < 100 else f"out/{name}-seed-{seed}/final",
        weights=f"sha256:{name}{seed}{step}{data}",
        skills=dict.fromkeys(more.get("tasks", ("pope", "videohallucer")), skill),
        counts=more.get("counts", 180),
        training=training,
    )


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    write_run(tmp_path / "base", model="base", skills={"pope": 0.7, "videohallucer": 0.6}, counts=180)
    for seed, skill in enumerate(SKILLS):
        train(tmp_path, "grpo", seed, skill=skill)
        train(tmp_path, "grpo", seed, step=50, skill=0.5)
    return tmp_path


def board_of(root: Path, **settings: object) -> Board:
    return build_board(BoardConfig(runs=[root], references=[], **settings))  # type: ignore[arg-type]


def test_seeds_of_one_recipe_are_one_row(seeds: Path) -> None:
    board = board_of(seeds, baseline="base")
    (group,) = board.groups
    assert [row.label for row in group.rows] == ["grpo", "base"]
    row = group.rows[0]
    assert row.seeds == [0, 1, 2]
    cell = row.cells["pope"]
    values = [run.record.tasks["pope"].metrics["mean/accuracy"].value or 0 for run in cell.seeds.values()]
    assert cell.metric.value == pytest.approx(fmean(values))
    assert cell.spread == pytest.approx(stdev(values))
    assert cell.metric.low is not None
    assert cell.metric.low < min(values)
    assert cell.result.samples == 3 * 180
    assert cell.delta is not None
    assert cell.delta.seeds == (1, 3)
    assert cell.delta.of_seeds > 0
    assert cell.delta.value == pytest.approx(fmean(values) - (row_of(group, "base").cells["pope"].metric.value or 0))
    # All checkpoints are at hand, and the curves are of all steps.
    assert len(row.members) == 6
    assert len(row.runs) == 3
    assert {point.step for curve in board.groups[0].curves for point in curve.points} <= {50, 100}
    stored = json.loads(render_json(board))["groups"][0]["rows"][0]
    assert (stored["seeds"], len(stored["members"])) == ([0, 1, 2], 6)
    assert [seed["value"] for seed in stored["cells"]["pope"]["seeds"]] == values
    # It is no run's, and has no run's weights.
    assert (stored["weights"], stored["cells"]["pope"]["run"]) == (None, None)
    assert [seed["run"]["id"] for seed in stored["cells"]["pope"]["seeds"]] == [
        f"grpo-{seed}-100-d" for seed in range(3)
    ]
    line = next(csv.DictReader(io.StringIO(render_csv(board))))
    assert (line["seeds"], float(line["spread"])) == ("3", cell.spread)
    assert (line["run"], line["engine"]) == ("grpo-0-100-d; grpo-1-100-d; grpo-2-100-d", "replay")
    assert line["weights"].count("; ") == 2
    assert "| grpo (3 seeds) " in render_markdown(board)
    page = render_page(board, lambda run: f"{run.record.id}.html")
    told = re.findall(r'<tr class="member"><th scope="row"><a href="[^"]+\.html">(.*?)</a><small>(.*?)</small>', page)
    assert sorted(text for _, text in told) == [f"seed {s}, step {t}" for s in range(3) for t in (100, 50)]
    assert all(name.startswith("grpo-seed-") for name, _ in told)
    assert ">3 seeds, 6 checkpoints<" in page


def test_other_data_are_another_training(seeds: Path) -> None:
    train(seeds, "grpo", 3, data="sha256:e")
    labels = [row.label for row in board_of(seeds).groups[0].rows]
    assert sorted(labels) == ["base", "grpo", "grpo-seed-3/final"]


def test_a_row_with_one_seed_keeps_its_name(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", counts=180)
    train(tmp_path, "sft", 4, step=50)
    train(tmp_path, "sft", 4)
    (group,) = board_of(tmp_path).groups
    assert sorted(row.label for row in group.rows) == ["base", "sft-seed-4/final"]
    assert all(row.seeds == [] for row in group.rows)


def test_a_lucky_seed_does_not_make_a_row_better_than_chance(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", skills={"pope": 0.8}, counts=360)
    for seed, skill in enumerate((0.99, 0.62, 0.8)):
        train(tmp_path, "luck", seed, skill=skill, counts=360, tasks=("pope",))
    together = row_of(board_of(tmp_path, baseline="base").groups[0], "luck").cells["pope"].delta
    alone = board_of(tmp_path, baseline="base", rows_of="checkpoints").groups[0]
    assert together is not None
    assert together.verdict == "no difference shown"
    assert row_of(alone, "luck-seed-0/final").cells["pope"].delta.verdict == "better"  # type: ignore[union-attr]


def test_the_last_checkpoint_of_a_foreign_training_stands_for_it(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", counts=60)
    for step in (100, 200):
        write_run(tmp_path / f"s{step}", model=f"out/grpo/checkpoint-{step}", counts=60)
    board = board_of(tmp_path)
    assert sorted(row.label for row in board.groups[0].rows) == ["base", "grpo/checkpoint-200"]
    assert {curve.figure for curve in board.groups[0].curves} == {"POPE", "VideoHallucer"}
    write_run(tmp_path / "final", model="out/grpo/final", counts=60)
    assert sorted(row.label for row in board_of(tmp_path).groups[0].rows) == ["base", "grpo/final"]
    assert len(board_of(tmp_path, rows_of="checkpoints").groups[0].rows) == 4


def test_an_earlier_checkpoint_can_be_the_baseline(tmp_path: Path) -> None:
    for step in (100, 200, 300):
        write_run(tmp_path / f"s{step}", model=f"out/grpo/checkpoint-{step}", counts=60)
    (group,) = board_of(tmp_path, baseline="grpo/checkpoint-100").groups
    assert sorted(row.label for row in group.rows) == ["grpo/checkpoint-100", "grpo/checkpoint-300"]
    assert group.baseline == "grpo/checkpoint-100"
    with pytest.raises(UsageError, match="is none of the checkpoints"):
        board_of(tmp_path, baseline="grpo/checkpoint-400")


def test_a_seeds_own_name_finds_its_row(seeds: Path) -> None:
    (group,) = board_of(seeds, baseline="grpo-seed-1/final").groups
    assert group.baseline == "grpo"


def test_diagnostics_of_seeds_are_pooled(seeds: Path) -> None:
    for seed in range(3):
        write_diagnostics(seeds / f"grpo-{seed}-100-d", perception=0.1 * (seed + 1))
    (group,) = board_of(seeds).groups
    row = row_of(group, "grpo")
    assert row.diagnostics["all/chair_i"].metric.value == pytest.approx(fmean(
        json.loads((seeds / f"grpo-{seed}-100-d" / "diagnostics.json").read_text())["metrics"]["all/chair_i"]["value"]
        for seed in range(3)
    ))  # fmt: skip
    counts = [run.diagnostics.attribution["pope"]["perception"] for run in row.runs if run.diagnostics]
    assert row.attributed["pope"]["perception"] == sum(counts)


def test_pooled_intervals_are_over_questions_and_seeds() -> None:
    metrics = [Metric(name="x", value=value, stderr=0.02, low=value - 0.04, high=value + 0.04) for value in (0.5, 0.6)]
    pooled = pool_metrics(metrics)
    assert pooled.value == pytest.approx(0.55)
    assert pooled.stderr == pytest.approx((0.02**2 + 0.1**2 / 2 / 2) ** 0.5)
    assert pooled.low is not None
    assert pooled.high is not None
    assert 0 <= pooled.low < 0.5 < 0.6 < pooled.high <= 1
    unknown = pool_metrics([metrics[0], Metric(name="x", value=None)])
    assert (unknown.value, unknown.low) == (None, None)


def test_pooled_intervals_are_not_narrower_than_those_of_the_seeds() -> None:
    # Few clusters: Student's quantile of a seed's own interval is well above 1.96.
    same = pool_metrics([Metric(name="x", value=0.5, stderr=0.2, low=0.1, high=0.9)] * 3)
    assert (same.low, same.high) == (pytest.approx(0.1), pytest.approx(0.9))
    near_one = [Metric(name="x", value=value, stderr=0.01, low=value - 0.1, high=1.0) for value in (0.98, 0.99)]
    pooled = pool_metrics(near_one)
    assert pooled.low is not None
    assert pooled.low <= 0.985 - 0.1


def test_what_some_seeds_lack_is_left_out_and_said(tmp_path: Path) -> None:
    """One lucky seed's benchmark would else stand, and be tested, under the name of all three."""
    write_run(tmp_path / "base", model="base", skills={"pope": 0.7, "videohallucer": 0.5}, counts=180)
    train(tmp_path, "grpo", 0)
    train(tmp_path, "grpo", 1, tasks=("pope",))
    train(tmp_path, "grpo", 2, step=300, tasks=("pope",))
    for seed, step in ((0, 100), (1, 100)):
        write_diagnostics(tmp_path / f"grpo-{seed}-{step}-d", perception=0.1)
    board = board_of(tmp_path, baseline="base")
    row = row_of(board.groups[0], "grpo")
    assert (row.seeds, list(row.cells)) == ([0, 1, 2], ["pope"])
    assert (row.diagnostics, row.attributed) == ({}, {})
    of = "“grounded prompt, all questions”"
    assert f"“grpo” has no VideoHallucer in {of}: only 1 of its 3 seeds has it." in board.notes
    steps = "seed 0 at 100, seed 1 at 100, seed 2 at 300"
    assert f"The seeds of “grpo” in {of} stand at different steps: {steps}." in board.notes
    render_page(board, lambda run: None)


def test_one_seed_that_was_asked_otherwise_marks_the_row(tmp_path: Path) -> None:
    write_run(tmp_path / "base", model="base", skills={"pope": 0.7}, counts=60)
    for seed in range(2):
        folder = train(tmp_path, "grpo", seed, tasks=("pope",), counts=60)
        record = json.loads((folder / "run.json").read_text())
        write_sealed(folder, record | {"engine": "replay" if seed else "vllm"})
    board = board_of(tmp_path, baseline="base")
    unlike = unlike_baseline(row_of(board.groups[0], "grpo"), board.groups[0].base)
    assert unlike == ["engine vllm and replay, not replay"]
    assert "| grpo (2 seeds) † " in render_markdown(board)


def test_a_column_that_only_one_seed_of_a_row_has_orders_nothing(tmp_path: Path) -> None:
    train(tmp_path, "grpo", 0)
    train(tmp_path, "grpo", 1, tasks=("pope",))
    train(tmp_path, "plain", 0, tasks=("pope",))
    board = build_board(BoardConfig(runs=[tmp_path], baseline="plain-seed-0/final"))
    (group,) = board.groups
    # The seed's own row, which opens below, and its card have it.
    assert (list(group.titles), list(group.ordered_by)) == (["pope", "videohallucer"], ["pope"])
    assert answer(group) is not None
    assert write_board(board, tmp_path / "board")


def test_seeds_without_a_common_benchmark_are_rows_of_their_own(tmp_path: Path) -> None:
    train(tmp_path, "grpo", 0, tasks=("pope",))
    train(tmp_path, "grpo", 1, tasks=("mmbench",))
    (group,) = board_of(tmp_path).groups
    assert sorted(row.label for row in group.rows) == ["grpo-seed-0/final", "grpo-seed-1/final"]
    assert len({row.key for row in group.rows}) == 2


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("out/grpo-v1/seed-{}/final", "grpo-v1"),
        ("out/no-focus/{}/final", "no-focus"),
        ("out/qwen2.5/s{}/final", "qwen2.5"),
        ("out/qwen2.5-{}", "qwen2.5"),
        ("out/grpo_s{}/checkpoint-100", "grpo"),
        ("out/grpo.seed{}", "grpo"),
        ("run-{}/qwen2.5", "qwen2.5"),
        ("out/loss{}/final", "loss0/final, 2 seeds"),
    ],
)
def test_a_seed_is_taken_off_the_part_that_tells_it(tmp_path: Path, model: str, name: str) -> None:
    for seed in range(2):
        training = {"recipe": "sha256:r", "data": "sha256:d", "seed": seed, "step": 100}
        of = {"model": model.format(seed), "weights": f"sha256:{seed}", "training": training}
        write_run(tmp_path / str(seed), skills={"pope": 0.8}, counts=12, **of)  # type: ignore[arg-type]
    assert [row.label for row in board_of(tmp_path).groups[0].rows] == [name]
