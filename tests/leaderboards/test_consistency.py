"""No two statements contradict each other: stars, intervals, p-values, words, colours, leads, and `compare`."""

from __future__ import annotations

import csv
import html
import io
import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support_coverage import metric_of, table_of
from support_leaderboards import write_run
from support_statements import DELTA, SHOWN, check_text, check_words

from harness.cli import main
from harness.core.types import Metric
from harness.reports.differences import SIGNS
from harness.statistics.differences import Difference, compare, measure, test_together
from harness.statistics.specs import Outcome
from leaderboards.answers import answer
from leaderboards.board import Board, Group, Reason, Reasons
from leaderboards.build import BoardConfig, build_board
from leaderboards.data import render_csv, render_json
from leaderboards.latex import render_latex
from leaderboards.markdown import render_markdown
from leaderboards.page import render_page

BOARDS = 100
ACCURACY = metric_of("mmvu", "all/accuracy", [("", "")])
OUTCOMES = [Outcome("sample", ("", ""), right=right, kind="open_ended") for right in (True, False)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Group:
    root = tmp_path_factory.mktemp("runs")
    for name in "abcdef":
        write_run(root / name, model=name, skills={"pope": 0.8, "videohallucer": 0.7, "mmvu": 0.6}, counts=20)
    return build_board(BoardConfig(runs=[root], references=[])).groups[0]


def draw(rng: np.random.Generator) -> Difference:
    """A difference of simulated runs: few clusters and many, effects of all sizes, one seed and several."""
    clusters, size = int(rng.choice([3, 5, 6, 8, 25, 80])), int(rng.integers(1, 5))
    effect = float(rng.choice([0.0, 0.0, 0.03, -0.08, 0.3, -0.3]))
    spec = replace(ACCURACY, better=int(rng.choice([1, 1, 1, -1])))
    rates = rng.beta(8, 2, clusters)

    def side(shift: float) -> dict[int | None, Any]:
        seeds = int(rng.choice([1, 1, 3]))
        rights = [rng.binomial(size, np.clip(rates + shift + rng.normal(0, 0.02), 0, 1)) for _ in range(seeds)]
        return {seed: measure(spec, table_of(OUTCOMES, [right, size - right])) for seed, right in enumerate(rights)}

    return compare(spec, side(0.0), side(effect))


def on_the_edge(item: Difference, family: int, rng: np.random.Generator) -> Difference:
    """A difference whose interval ends very near 0, on either side."""
    if not item.stderr or item.value is None:
        return item
    (widest, *_) = test_together([replace(item, value=0.0)] * family)
    value = (widest.high or 0.0) * (1 + float(rng.choice([1e-3, -1e-3])))
    return replace(item, a=0.0, b=value, value=value) if value < 1 else item


def random_board(template: Group, seed: int) -> Board:
    rng = np.random.default_rng(seed)
    rows = list(template.rows[: int(rng.integers(2, 7))])
    base = int(rng.integers(len(rows)))
    drawn = {(row.key, task): draw(rng) for row in rows if row is not rows[base] for task in row.cells}
    family = sum(item.low is not None for item in drawn.values())
    drawn = {key: on_the_edge(item, family, rng) if rng.random() < 0.3 else item for key, item in drawn.items()}
    tested = dict(zip(drawn, test_together(list(drawn.values())), strict=True))
    told = []
    for row in rows:
        cells = {}
        for task, cell in row.cells.items():
            delta = tested.get((row.key, task))
            value = 0.8 if delta is None or delta.b is None else delta.b
            metric = Metric(name=cell.metric.name, value=value, low=max(0, value - 0.1), high=min(1, value + 0.1), n=20)
            result = replace(cell.result, metrics={cell.result.headline: metric})
            cells[task] = replace(cell, result=result, delta=delta)
        told.append(replace(row, cells=cells, is_baseline=row is rows[base]))
    told.sort(key=lambda row: -(row.score(template.ordered_by) or 0))
    looked = test_together([draw(rng) for _ in range(4)])
    reasons = Reasons(
        row=told[0].label,
        family=max(item.family for item in looked),
        found=[Reason(what=f"answers of kind {i}", difference=of) for i, of in enumerate(looked) if of.is_shown][:3],
    )
    group = replace(
        template,
        rows=told,
        baseline=rows[base].label,
        tests=max(item.family for item in tested.values()),
        outcomes={},
        reasons=reasons,
    )
    return Board(title="x", groups=[group])


def check_board(board: Board) -> int:
    """Every statement about every difference; gives how many differences were shown."""
    (group,) = board.groups
    data = json.loads(render_json(board))["groups"][0]
    deltas = [cell["delta"] for row in data["rows"] for cell in row["cells"].values() if cell["delta"] is not None]
    for delta in deltas:
        shown = delta["p"] is not None and delta["p"] < 0.05
        excludes = delta["low"] is not None and not delta["low"] <= 0 <= delta["high"]
        assert shown == (delta["verdict"] in SHOWN) == bool(delta["stars"]) == (excludes and delta["family"] > 0)
        assert (delta["p"] is None) == (delta["verdict"] == "not tested") == (delta["low"] is None)
        assert delta["low"] is not None or delta["note"]
        if shown:
            assert delta["verdict"] == ("better" if delta["value"] * delta["better"] > 0 else "worse")
        assert delta["family"] in (0, data["tests"])
    assert data["why"]["looked_at"] == 0 or all(of["p"] < 0.05 and of["stars"] for of in data["why"]["found"])

    markdown = html.unescape(render_markdown(board))
    table, _, provenance = markdown.partition("<details>")
    for line in table.splitlines():
        for cell in line.split("|") if line.startswith("| ") and "baseline" not in line else ():
            match = DELTA.search(cell.rpartition("<br>")[2]) if "<br>" in cell and "**" in cell else None
            if match is not None:
                stars = cell.count("\\*")
                check_text(match["sign"], match["low"], match["high"], "*" * stars, cell)
    said_lines = [line for line in provenance.splitlines() if re.search(r"\(p [<=] |not tested", line)]
    assert len(said_lines) == sum(delta["value"] is not None for delta in deltas)
    for line in said_lines:
        check_words(line, line)
    for row in csv.DictReader(io.StringIO(render_csv(board))):
        if row["p"]:
            assert (float(row["p"]) < 0.05) == (row["verdict"] in SHOWN) == (
                not float(row["delta_low"]) <= 0 <= float(row["delta_high"])
            )  # fmt: skip
    starred = render_latex(board).count("^{*") - 3  # The caption explains the three.
    assert starred == sum(bool(delta["stars"]) for delta in deltas)

    page = html.unescape(render_page(board, lambda run: None))
    delta_item = r'<li>[^<]* <span class="([^"]*)">(.*?)</span> <span class="muted small verdict">(.*?)</span>'
    table = page[page.index('<table class="rows">') : page.index("</table>")]
    links = re.findall(r'<a class="delta (\w+)" href="#pair" title="([^"]*)">(.*?)</a>', table, flags=re.S)
    assert len(links) == sum(delta["value"] is not None for delta in deltas)
    told = [delta for row in data["rows"] for cell in row["cells"].values() if (delta := cell["delta"])]
    for delta, (tone, verdict, text) in zip((of for of in told if of["value"] is not None), links, strict=True):
        assert tone == (delta["verdict"] if delta["verdict"] in ("better", "worse") else "muted")
        assert verdict.startswith(delta["verdict"])
        match = DELTA.search(text)
        assert match is not None
        assert (match["sign"] or "", text.count("*")) == (SIGNS[delta["verdict"]], len(delta["stars"]))
        check_text(match["sign"], match["low"], match["high"], "*" * text.count("*"), text)
        check_words(f"{text}, {verdict}", text)
    for tone, change, verdict in re.findall(delta_item, page):
        check_words(f"{change}, {verdict}", change)
        assert tone == (verdict.split()[0] if verdict.startswith(("better", "worse")) else "muted")

    said = answer(group)
    assert said is not None
    leader = group.rows[0]
    for column in group.columns:
        delta_ = leader.cells[column.task].delta
        if column.task in group.ordered_by and delta_ is not None:
            (part,) = (part for part in said.verdict.lower().split(", ") if column.title.lower() in part)
            assert part.startswith(delta_.verdict), said.verdict
            assert not (delta_.is_shown and group.baseline in said.rivals.split(", "))
    for sentence in said.real if leader.label != group.baseline else ():
        check_words(sentence, sentence)
    if leader.label == group.baseline:
        others = [row for row in group.rows if not row.is_baseline]
        for verdict in ("better", "worse"):
            counted = sum(any(row.cells[task].delta.verdict == verdict for task in group.ordered_by) for row in others)  # type: ignore[union-attr]
            (told,) = [s for s in said.real if s.lower().startswith(f"{verdict} on")] or [""]
            assert (f": {counted} of " in told) == (counted > 0), said.real
    return sum(bool(delta["stars"]) for delta in deltas)


def test_no_statement_of_100_random_boards_contradicts_another(template: Group) -> None:
    shown = [check_board(random_board(template, seed)) for seed in range(BOARDS)]
    assert sum(shown) > BOARDS / 2  # Both kinds of statements were there to be looked at.
    assert sum(of == 0 for of in shown) > BOARDS / 20


@pytest.mark.parametrize("seed", range(6))
def test_compare_says_what_the_board_says(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    rng = random.Random(seed)
    for name in ("base", "a", "b"):
        skills = {"pope": rng.choice((0.6, 0.8, 0.82)), "mmvu": rng.choice((0.5, 0.55, 0.8))}
        write_run(tmp_path / name, model=name, skills=skills, counts=rng.choice((150, 150, 60)), seed=seed)
    board = build_board(BoardConfig(runs=[tmp_path], baseline="base", references=[]))
    capsys.readouterr()
    for row in board.groups[0].rows:
        for task, cell in row.cells.items():
            delta = cell.delta
            if delta is None or delta.value is None:
                continue
            assert main(["compare", str(tmp_path / "base"), str(tmp_path / row.label), "--json"]) == 0
            told = json.loads(capsys.readouterr().out)["tasks"][task]["metrics"][cell.result.headline]
            for name in ("a", "b", "value", "stderr", "freedom", "n", "least", "greatest"):
                assert told[name] == pytest.approx(getattr(delta, name)), name
            if delta.p is not None and told["p"] < 1:
                assert delta.p == pytest.approx(min(1, told["p"] / told["family"] * delta.family))
            assert main(["compare", str(tmp_path / "base"), str(tmp_path / row.label)]) == 0
            (line,) = (
                of for of in capsys.readouterr().out.split(f"\n{task}: ")[1].splitlines() if cell.result.headline in of
            )
            check_words(line.partition("→")[2].partition(", ")[2], line)
