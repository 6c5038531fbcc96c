"""README, model card, evaluation results, web folder, hub."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml
from huggingface_hub import EvalResultEntry, ModelCard, parse_eval_result_entries
from PIL import Image
from support_browser import CHROMIUM
from support_leaderboards import row_of, write_run, write_world

from harness.core.errors import DataError, UsageError
from harness.reports.differences import change
from harness.reports.page_data import PARTS
from harness.reports.splicing import markers
from leaderboards import hub
from leaderboards.board import Board
from leaderboards.build import BoardConfig, build_board
from leaderboards.card import make_card, make_eval_results, published_results
from leaderboards.markdown import BLOCK, count_shown, readme_block
from leaderboards.outputs import draw_pictures, write_pages
from leaderboards.publish import PublishConfig, publish_board

LEADER = "method/checkpoint-200"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_world(tmp_path_factory.mktemp("world"), counts=120, steps=(100, 200))
    for name in ("base", "outputs-sft"):
        (root / name / "report.html").write_text(f"<p>report of {name}</p>")
    (root / "base" / PARTS).mkdir()
    (root / "base" / PARTS / "samples-0.js").write_text("part()")
    return root


@pytest.fixture(scope="module")
def board(world: Path) -> Board:
    return build_board(BoardConfig(runs=[world], baseline="base"))


def rows_of(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.startswith("| ")][1:]


def test_a_readme_shows_the_first_rows_and_the_baseline(board: Board) -> None:
    block = readme_block(board, most=1)
    rows = rows_of(block)
    assert len(rows) == 2
    assert "base" in rows[1]
    assert "More was measured." in block
    assert "Reported" not in block


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "grounded prompt, all questions"),
        ({"limit": 0.5}, "grounded prompt, --limit 0.5"),
        ({"blind": "grey"}, "grounded prompt, all questions, images and videos grey"),
    ],
)
def test_a_readme_and_its_picture_say_how_the_questions_were_asked(
    tmp_path: Path, asked: dict[str, Any], told: str
) -> None:
    write_run(tmp_path / "a", model="m", counts=20, **asked)
    board = build_board(BoardConfig(runs=[tmp_path]))
    assert f"<sub>{told.capitalize()}. Percent, with 95 % intervals.</sub>" in readme_block(board, most=1)
    assert all(f">{told}</text>" in text for text in draw_pictures(board).values())


def test_a_readme_is_taken_in_within_ten_seconds(tmp_path: Path) -> None:
    """Whatever is measured: at most 149 words and 59 numbers, four columns, which row, whether it is real, and why."""
    for number in range(10):
        skills = dict.fromkeys(("pope", "videohallucer", "mmbench", "mmvu"), 0.4 + number / 20)
        write_run(tmp_path / f"m{number}", model=f"a-long-name-of-a-checkpoint-{number}", skills=skills, counts=40)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="a-long-name-of-a-checkpoint-3"))
    columns = [replace(of, facts=replace(of.facts, hallucination=True)) for of in board.groups[0].columns]
    board = replace(board, groups=[replace(board.groups[0], columns=columns)])
    block = readme_block(board, most=10, pictures=("light.svg", "dark.svg"), page="board/index.html")
    words, numbers = count_shown(block)
    assert (words <= 149, numbers <= 59) == (True, True), (words, numbers)
    rows = rows_of(block)
    assert len(rows[0].strip("|").split("|")) == 1 + 4
    assert 2 <= len(rows) < 10
    assert any("baseline" in row for row in rows)
    assert "The page has the rest." in block
    assert block.index("<picture>") < block.index("measured: ") < block.index("| ")


def test_words_and_numbers_are_those_that_a_reader_sees() -> None:
    shown = 'the <img alt="not this 1"> method is [better](http://not.this/2)\n| **88.7**<br><sub>[85.7, 91.6]</sub> |'
    assert count_shown(shown) == (4, 3)


def test_a_readme_says_which_whether_it_is_real_and_why(tmp_path: Path) -> None:
    for name, skill in (("base", 0.4), ("better", 0.9)):
        skills = {"pope": skill, "videohallucer": skill, "mmvu": 0.6}
        write_run(tmp_path / name, model=name, skills=skills, counts=180)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base"))
    (verdict,) = [line for line in readme_block(board, most=10).splitlines() if line.startswith("**")]
    shown = {}
    for task in ("pope", "videohallucer"):
        delta = row_of(board.groups[0], "better").cells[task].delta
        assert delta is not None
        shown[task] = change(delta)
    assert verdict.startswith(
        f"**Fewest hallucinations measured: better.** Against base: better on POPE ({shown['pope']}) and VideoHallucer "
        f"({shown['videohallucer']}), no difference shown on MMVU. Why, first of all: more right "
    )


def test_a_readme_shows_the_page(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("\n".join(["# T", *markers(BLOCK), ""]))
    with pytest.raises(UsageError, match="--screenshot needs --pages"):
        PublishConfig(readme=readme, screenshot=True)
    config = PublishConfig(readme=readme, pages=tmp_path / "board", screenshot=True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="--screenshot needs one of chromium"):
        publish_board(board, config)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_picture_of_the_page_is_small_and_not_empty(board: Board, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("\n".join(["# T", *markers(BLOCK), ""]))
    publish_board(board, PublishConfig(readme=readme, pages=tmp_path / "board", screenshot=True))
    assert 'src="board/page.png"' in readme.read_text()
    picture = tmp_path / "board" / "page.png"
    assert 10_000 < picture.stat().st_size < 300_000
    with Image.open(picture) as image:
        assert image.size == (1280, 960)
        assert len(image.getcolors() or []) > 20


def test_a_card_is_valid_for_the_hub(board: Board) -> None:
    results, left_out = published_results(board.groups, LEADER)
    assert left_out == []
    card = ModelCard(make_card(None, LEADER, results))
    found = {(item.dataset_name, item.metric_name): item for item in card.data.eval_results}
    strict = found["POPE", "mean/accuracy (strict)"]
    cell = row_of(board.groups[0], LEADER).cells["pope"]
    assert strict.metric_value == round(100 * (cell.metric.value or 0), 2)
    assert found["POPE", "mean/accuracy (official evaluator)"].metric_value == round(100 * (cell.official or 0), 2)
    assert (strict.dataset_type, strict.dataset_revision) == ("synthetic/pope", "0a1b2c3")
    assert ("MMVU", "all/accuracy (official evaluator)") not in found
    assert card.data.model_name == LEADER


def test_an_existing_card_keeps_what_is_not_ours(board: Board) -> None:
    existing = """---
license: apache-2.0
tags:
- vision
model-index:
- name: my-model
  results:
  - task:
      type: image-text-to-text
    dataset:
      name: Other
      type: org/other
    metrics:
    - type: accuracy
      value: 12.5
---
# My model

Words of mine.
"""
    results, _ = published_results(board.groups, LEADER)
    once = make_card(existing, LEADER, results)
    card = ModelCard(once)
    assert card.data.license == "apache-2.0"
    assert card.data.tags == ["vision"]
    assert card.data.model_name == "my-model"
    assert "Words of mine." in card.text
    assert sum(item.dataset_type == "org/other" for item in card.data.eval_results) == 1
    assert make_card(once, LEADER, results) == once


def test_a_card_with_broken_metadata_is_refused(board: Board) -> None:
    results, _ = published_results(board.groups, LEADER)
    with pytest.raises(DataError, match="metadata is not valid"):
        make_card("---\nlicense: [\n---\n", LEADER, results)


def test_evaluation_results_are_in_the_hubs_format(board: Board) -> None:
    results, _ = published_results(board.groups, LEADER)
    files, left_out = make_eval_results(results, {"pope": "adversarial"})
    assert sorted(files) == ["mmbench.yaml", "mmvu.yaml", "pope.yaml", "videohallucer.yaml"]
    assert left_out == []
    (entry,) = parse_eval_result_entries(yaml.safe_load(files["pope.yaml"]))
    assert isinstance(entry, EvalResultEntry)
    assert (entry.dataset_id, entry.task_id, entry.dataset_revision) == ("synthetic/pope", "adversarial", "0a1b2c3")
    cell = row_of(board.groups[0], LEADER).cells["pope"]
    assert entry.value == round(100 * (cell.official or 0), 2)
    assert entry.date == cell.run.record.started
    assert "official evaluator" in (entry.notes or "")
    (open_ended,) = parse_eval_result_entries(yaml.safe_load(files["mmvu.yaml"]))
    assert "(strict)" in (open_ended.notes or "")


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Board:
    """Two benchmarks that judge one data set, and two more that the registry knows nothing of."""
    root = tmp_path_factory.mktemp("sharing")
    for name, tasks, source in (
        ("a", ("pope", "repope"), "hub:lmms-lab-encoder/POPE@0a1b2c3"),
        ("b", ("mmvu", "mmbench"), "hub:synthetic/both"),
        ("c", ("videohallucer",), "hub:tsunghanwu/mscoco_chair"),
    ):
        write_run(root / name, model="m", skills=dict.fromkeys(tasks, 0.8), counts=20, source=source)
    return build_board(BoardConfig(runs=[root]))


def test_benchmarks_of_one_data_set_stay_apart_in_the_card(sharing: Board) -> None:
    results, _ = published_results(sharing.groups, "m")
    by_task = {result.column.task: result for result in results}
    once = make_card(None, "m", [by_task["pope"]])
    card = ModelCard(make_card(once, "m", [by_task["repope"], by_task["videohallucer"]]))
    found = {(of.dataset_name, of.dataset_config, of.dataset_type, of.metric_type) for of in card.data.eval_results}
    assert found == {
        ("POPE", "pope", "lmms-lab-encoder/POPE", "accuracy"),
        ("RePOPE", "repope", "lmms-lab-encoder/POPE", "accuracy"),
        ("VideoHallucer", "videohallucer", "tsunghanwu/mscoco_chair", "both"),
    }


def test_the_hub_gets_one_result_for_each_task_of_a_data_set(sharing: Board) -> None:
    results, _ = published_results(sharing.groups, "m")
    files, left_out = make_eval_results(results, {})
    assert sorted(files) == ["pope.yaml"]
    assert sorted(line.partition(", so it has no .eval_results entry")[0] for line in left_out) == [
        "MMBench: the data set synthetic/both is also that of mmvu",
        "MMVU: the data set synthetic/both is also that of mmbench",
        "RePOPE: the data set lmms-lab-encoder/POPE is pope's, which it judges by other labels",
        "VideoHallucer: the data set tsunghanwu/mscoco_chair is also that of chair, chair_64",
    ]
    files, _ = make_eval_results(results, {"repope": "corrected", "mmvu": "x"})
    assert sorted(files) == ["mmvu.yaml", "pope.yaml", "repope.yaml"]
    with pytest.raises(UsageError, match="POPE and RePOPE would both be the task 'default' of the data set lmms-lab"):
        make_eval_results(results, {"repope": "default"})


@pytest.mark.parametrize(("task", "source"), [("nonsense", "hub:a/{task}"), ("pope", "dir:{task}")])
def test_an_id_of_a_task_that_gets_no_entry_is_refused(tmp_path: Path, task: str, source: str) -> None:
    write_run(tmp_path / "a", model="m", counts=20, source=source)
    results, _ = published_results(build_board(BoardConfig(runs=[tmp_path])).groups, "m")
    with pytest.raises(
        UsageError, match=f"--task-id {task}: no such task gets an .eval_results entry. Those that can: "
    ):
        make_eval_results(results, {task: "1"})


def test_a_card_is_of_one_checkpoint_not_of_the_mean_over_its_seeds(tmp_path: Path) -> None:
    models = {}
    for seed, skill in enumerate((0.5, 0.9)):
        folder = models[seed] = tmp_path / f"grpo-seed-{seed}" / "final"
        folder.mkdir(parents=True)
        training = {"recipe": "sha256:r", "data": "sha256:d", "seed": seed, "step": 10}
        skills = {"pope": skill}
        write_run(tmp_path / f"run-{seed}", model=str(folder), counts=60, training=training, skills=skills)
    board = build_board(BoardConfig(runs=[tmp_path / "run-0", tmp_path / "run-1"]))
    (row,) = board.groups[0].rows
    publish_board(board, PublishConfig(card=str(models[0])))
    assert not (models[1] / "README.md").exists()
    told, _ = ModelCard.load(models[0] / "README.md").data.eval_results
    alone = board.groups[0].rows[0].cells["pope"].seeds[0].record.tasks["pope"].metrics["mean/accuracy"]
    assert told.metric_value == round(100 * (alone.value or 0), 2)
    with pytest.raises(UsageError, match=r"'grpo' is the mean over 2 seeds, .*: grpo-seed-0/final, grpo-seed-1/final"):
        publish_board(board, PublishConfig(card=row.label))


def test_a_run_with_failed_samples_is_no_result_of_the_benchmark(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="m", skills={"pope": 1.0}, counts=60, failures=1)
    results, left_out = published_results(build_board(BoardConfig(runs=[tmp_path])).groups, "m")
    assert results == []
    assert "1 of 60 samples have no response, so it is not a result of the benchmark" in left_out[0]


def test_a_limited_run_is_no_result_of_the_benchmark(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="m", counts=20, limit=20)
    results, left_out = published_results(build_board(BoardConfig(runs=[tmp_path])).groups, "m")
    assert results == []
    assert len(left_out) == 2
    assert "--limit" in left_out[0]


def test_a_limit_that_leaves_nothing_out_is_a_result_of_the_benchmark(tmp_path: Path) -> None:
    write_run(tmp_path / "whole", model="m", counts=20)
    write_run(tmp_path / "limited", model="n", counts=20, limit=1000)
    results, left_out = published_results(build_board(BoardConfig(runs=[tmp_path])).groups, "n")
    assert ([result.column.task for result in results], left_out) == (["pope", "videohallucer"], [])


def test_local_data_get_no_evaluation_result_on_the_hub(tmp_path: Path) -> None:
    write_run(tmp_path / "a", model="m", counts=20, source="dir:{task}")
    results, _ = published_results(build_board(BoardConfig(runs=[tmp_path])).groups, "m")
    files, left_out = make_eval_results(results, {})
    assert files == {}
    assert "no hub data set" in left_out[0]


def test_pages_are_a_folder_that_can_be_served(board: Board, world: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    written = write_pages(board, out)
    assert sorted(path.name for path in out.iterdir()) == [
        *(".nojekyll", "index.html", "leaderboard-dark.svg", "leaderboard-light.svg", "leaderboard.csv"),
        *("leaderboard.json", "leaderboard.md", "leaderboard.tex", "runs"),
    ]
    assert set(written) >= {out / "index.html", out / "runs" / "base" / "report.html"}
    assert (out / "runs" / "outputs-sft" / "report.html").read_text() == "<p>report of outputs-sft</p>"
    assert (out / "runs" / "base" / PARTS / "samples-0.js").read_text() == "part()"
    assert "runs/outputs-sft/report.html" in (out / "index.html").read_text()
    assert str(world) not in (out / "index.html").read_text()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    write_pages(board, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_pages_without_reports_link_none(board: Board, tmp_path: Path) -> None:
    publish_board(board, PublishConfig(pages=tmp_path / "with"))
    publish_board(board, PublishConfig(pages=tmp_path / "without", reports=False))
    assert "report.html" in (tmp_path / "with" / "index.html").read_text()
    assert "report.html" not in (tmp_path / "without" / "index.html").read_text()
    assert not (tmp_path / "without" / "runs").exists()


def test_reports_of_one_id_get_folders_of_their_own(tmp_path: Path) -> None:
    for number, parent in enumerate(("x", "y")):
        folder = write_run(tmp_path / "runs" / parent / "run", model=f"m{number}", counts=20)
        (folder / "report.html").write_text(parent)
    write_pages(build_board(BoardConfig(runs=[tmp_path / "runs"])), tmp_path / "site")
    assert {path.read_text() for path in (tmp_path / "site" / "runs").rglob("report.html")} == {"x", "y"}


def test_pages_overwrite_no_report_of_another_run(tmp_path: Path) -> None:
    source = write_run(tmp_path / "a" / "run", counts=20)
    other = write_run(tmp_path / "site" / "runs" / "run", counts=20)
    for folder in (source, other):
        (folder / "report.html").write_text(str(folder))
    (other / "config.json").unlink()  # Of a foreign run.
    with pytest.raises(UsageError, match=r"site/runs/run is a run, whose report would be overwritten .*a/run\. Give"):
        write_pages(build_board(BoardConfig(runs=[source])), tmp_path / "site")
    assert (other / "report.html").read_text() == str(other)
    write_pages(build_board(BoardConfig(runs=[other])), tmp_path / "site")
    assert (other / "report.html").read_text() == str(other)


def test_pages_write_nothing_where_a_file_is_not_a_boards(board: Board, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="was not written by"):
        write_pages(board, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_publishing_everywhere_at_once_is_idempotent(board: Board, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("\n".join(["# T", *markers(BLOCK), ""]))
    config = PublishConfig(readme=readme, pages=tmp_path / "docs" / "board", card=LEADER, card_dir=tmp_path / "card")
    publish_board(board, config)
    text = readme.read_text()
    assert 'srcset="docs/board/leaderboard-dark.svg"' in text
    assert "(docs/board/index.html)" in text
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert any("is up to date" in line for line in publish_board(board, config))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("content", ["# Modèle\n".encode("latin-1"), None])
def test_a_card_that_cannot_be_read_is_the_users_mistake(board: Board, tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        (tmp_path / "README.md").mkdir()
    else:
        (tmp_path / "README.md").write_bytes(content)
    with pytest.raises(DataError, match=r"README.md cannot be read as text: .* Save it as UTF-8") as raised:
        publish_board(board, PublishConfig(card=LEADER, card_dir=tmp_path))
    assert raised.value.exit_code == 2


def test_the_card_goes_to_the_checkpoints_own_folder(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    write_run(tmp_path / "run", model=str(checkpoint), counts=20)
    publish_board(build_board(BoardConfig(runs=[tmp_path / "run"])), PublishConfig(card="checkpoint"))
    assert (checkpoint / "README.md").is_file()
    assert (checkpoint / ".eval_results" / "pope.yaml").is_file()


def test_a_checkpoint_that_is_elsewhere_needs_a_folder(board: Board) -> None:
    with pytest.raises(UsageError, match="--card-dir"):
        publish_board(board, PublishConfig(card=LEADER))


@pytest.mark.parametrize(
    "options",
    [
        *({}, {"repo": "a/b"}, {"card_dir": Path("x"), "readme": Path("r")}, {"readme": Path("r"), "rows": 0}),
        {"pages": Path("x"), "task_ids": {"pope": "1"}},
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PublishConfig(**options)


class FakeHub:
    """Stands in for the hub's client: who is logged in, what a repository holds, what was committed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, card: str | None, user: str | None) -> None:
        self.commits: list[tuple[str, dict[str, bytes]]] = []
        self.asked = 0
        outer = self

        class Api:
            def whoami(self) -> dict[str, str]:
                outer.asked += 1
                if user is None:
                    raise huggingface_hub.errors.LocalTokenNotFoundError("no token")
                return {"name": user}

            def create_commit(self, repo: str, operations: list[Any], commit_message: str) -> Any:
                files = {operation.path_in_repo: operation.path_or_fileobj for operation in operations}
                outer.commits.append((repo, files))
                return type("Info", (), {"commit_url": f"https://huggingface.co/{repo}/commit/1"})

        def download(repo: str, name: str, force_download: bool) -> str:
            outer.asked += 1
            if card is None:
                raise huggingface_hub.errors.EntryNotFoundError("404")
            (tmp_path / "fetched.md").write_text(card)
            return str(tmp_path / "fetched.md")

        monkeypatch.setattr(huggingface_hub, "HfApi", Api)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)


def test_push_only_says_what_it_would_do(board: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = FakeHub(monkeypatch, tmp_path, card=None, user="me")
    done = publish_board(board, PublishConfig(card=LEADER, repo="me/model"))
    assert fake.asked == 0
    assert fake.commits == []
    assert any("would commit to the model repository me/model" in line for line in done)
    assert any("README.md" in line for line in done)


def test_push_commits_card_and_results_over_the_card_that_is_there(
    board: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = FakeHub(monkeypatch, tmp_path, card="---\nlicense: mit\n---\n# Mine\n", user="me")
    done = publish_board(board, PublishConfig(card=LEADER, repo="me/model", dry_run=False))
    ((repo, files),) = fake.commits
    assert repo == "me/model"
    assert sorted(files) == [
        *(".eval_results/mmbench.yaml", ".eval_results/mmvu.yaml", ".eval_results/pope.yaml"),
        *(".eval_results/videohallucer.yaml", "README.md"),
    ]
    card = ModelCard(files["README.md"].decode())
    assert card.data.license == "mit"
    assert len(card.data.eval_results) == 7
    assert "committed as me: https://huggingface.co/me/model/commit/1" in done


def test_push_without_login_says_how_to_log_in(board: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = FakeHub(monkeypatch, tmp_path, card=None, user=None)
    with pytest.raises(UsageError, match="hf auth login"):
        publish_board(board, PublishConfig(card=LEADER, repo="me/model", dry_run=False))
    assert fake.commits == []


def test_a_repository_without_a_card_gets_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FakeHub(monkeypatch, tmp_path, card=None, user="me")
    assert hub.fetch_card("me/model") is None
