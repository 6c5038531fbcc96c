"""The experiment's tables, written between markers of a document, from what is finished.

Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Final

from harness.core.files import write_atomically
from harness.demo.experiment.curves import draw_rows
from harness.demo.experiment.results import SEED_FREE, Comparer, Results, draw_held_out, read_results
from harness.demo.experiment.rows import ROWS
from harness.reports.differences import change
from harness.reports.markdown import code, table
from harness.reports.splicing import update_document
from harness.statistics.differences import Difference, test_together

TABLES: Final = "tables.md"
HEADLINES: Final = (
    ("mmvu", "all/accuracy", "MMVU"),
    ("videohallucer", "mean/both", "VideoHallucer"),
    ("pope", "mean/accuracy", "POPE"),
    ("mmbench", "all/circular", "MMBench"),
)
"""Task, measure and heading, in the order of the paper's table."""
DETAILS: Final = (
    ("pope", "random/accuracy", "POPE random"),
    ("pope", "popular/accuracy", "popular"),
    ("pope", "adversarial/accuracy", "adversarial"),
    ("videohallucer", "mean/basic", "VideoHallucer basic"),
    ("videohallucer", "mean/hallucinated", "hallucinated"),
    ("mmbench", "all/vanilla", "MMBench vanilla"),
)
SIGNS: Final = (
    ("all/caption_fidelity", "caption fidelity"),
    ("all/chair_s", "captions with an absent object"),
    ("all/object_recall", "objects named"),
    ("all/glances", "yes/no answered at a glance"),
    ("all/think_answer_mismatch", "think against answer"),
    ("all/right_unsupported", "right against the caption"),
    ("all/wrong_perception", "wrong: perception"),
    ("all/wrong_reasoning", "wrong: reasoning"),
)
AGAINST: Final = ("grpo", "sft", SEED_FREE)
"""Rows against which the method is tested: those of the paper's main table."""
EXPLORATION: Final = (
    ("distinct_answers", "distinct answers"), ("unanimous", "one reward for all"), ("pass_at_k", "pass@8"),
)  # fmt: skip
BLOCKS: Final = (("name", "one side"), ("withhold", "other side"), ("opposed", "opposed"), ("other_pair", "unrelated"))


def write_report(out: Path, *, document: Path | None) -> str:
    """Write the tables into the experiment's folder and, where one is given, between the markers of a document.

    The document gets a picture of the training curves beside it, of its own name with `.svg`.

    Args:
        out: folder of the experiment.
        document: a file with a line `<!-- experiment:start -->` and one `<!-- experiment:end -->` after it.

    Returns:
        The tables.

    Raises:
        StoreError: nothing is finished, or the held-out questions are others.
        UsageError: the document lacks its markers.
    """
    results = read_results(out / "results")
    with draw_held_out(out, results) as held_out:
        text = render(results, Comparer(results, held_out))
    write_atomically(out / TABLES, text)
    if document is not None:
        picture = document.with_suffix(".svg")
        shown = f"![Training curves, mean over seeds, smoothed over ten updates]({picture.name})"
        update_document(document, f"{text}\n{shown}", "experiment", "--document")
        write_atomically(picture, draw_rows(results))
    return text


def render(results: Results, comparer: Comparer) -> str:
    """All tables as Markdown."""
    parts = [
        _by_row(
            "**Scores** on the held-out questions, percent, mean over seeds ± their standard deviation.",
            ["seeds", *(head for *_, head in HEADLINES)],
            {
                row: ["—" if row == SEED_FREE else str(len(results[row])), *_scores(results, row, HEADLINES)]
                for row in results
            },
        ),
        _by_row(
            "**Parts of the scores.**",
            [head for *_, head in DETAILS],
            {row: _scores(results, row, DETAILS) for row in results},
        ),
    ]
    tested = _test(comparer, results)
    parts.append(
        "**Differences** in points, over questions and seeds together, with 95 % intervals. "
        + (
            f"Tested is `method` against {', '.join(code(name) for name in AGAINST)}, the comparisons of the paper's "
            f"main table: {len(tested)} differences together, so that their intervals hold all at once in 95 %; bold: "
            "a difference is shown. All others are described only, each interval for itself."
            if tested
            else "With one seed nothing is tested."
        )
    )
    for against in (*AGAINST, "method"):
        rows = [name for name in results if name != against]
        if against == "method":
            rows = [name for name in rows if name.startswith(("no_", "hard", "easy", "infonce"))]
        parts.append(_differences(against, comparer, rows, tested))
    parts += [_signs(results), _similarity(results), _learning(results), _commands(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _by_row(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A table with its title; empty without rows."""
    return f"{title}\n\n{table(['row', *heads], [[row, *cells] for row, cells in rows.items()])}" if rows else ""


def _scores(results: Results, row: str, figures: Sequence[tuple[str, str, str]]) -> list[str]:
    cells = []
    for task, name, _ in figures:
        values = [100 * float(result["scores"][task][name]) for result in results[row].values()]
        cells.append(f"{fmean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
    return cells


def _test(comparer: Comparer, results: Results) -> dict[tuple[str, str, str], Difference]:
    """The tested differences by row, row that it is compared with, and task; none where there is one seed."""
    if len(results.get("method", {})) < 2:
        return {}
    figures = [(task, name) for task, name, _ in HEADLINES]
    found = {
        ("method", against, task): item
        for against in AGAINST
        for (task, _), item in zip(figures, comparer.compare(against, "method", figures), strict=False)
    }
    return dict(zip(found, test_together(list(found.values())), strict=True))


def _differences(
    against: str, comparer: Comparer, rows: Sequence[str], tested: Mapping[tuple[str, str, str], Difference]
) -> str:
    figures = [(task, name) for task, name, _ in HEADLINES]
    found = {name: items for name in rows if (items := comparer.compare(against, name, figures))}
    return _by_row(
        f"**Against `{against}`**",
        ["seeds", *(head for *_, head in HEADLINES)],
        {
            name: [
                str(items[0].seeds[1]),
                *(
                    _show(tested.get((name, against, task), item))
                    for (task, _), item in zip(figures, items, strict=True)
                ),
            ]
            for name, items in found.items()
        },
    )


def _show(item: Difference) -> str:
    if item.is_shown:
        return f"**{change(item)}** {code(item.stars)}"
    return change(item) + " (tested)" * bool(item.family)


def _mean(results: Results, row: str, part: str, name: str) -> str:
    values = [float(of[part][name]) for of in results[row].values() if of.get(part, {}).get(name) is not None]
    return f"{fmean(values):.3f}" if values else "—"


def _signs(results: Results) -> str:
    stored = [of.get("diagnostic_titles", {}) for seeds in results.values() for of in seeds.values()]
    signs = {name: title for titles in stored for name, title in titles.items() if name.startswith("all/")}
    signs = {**dict(SIGNS), **{name: title for name, title in signs.items() if name not in dict(SIGNS)}}
    return _by_row(
        "**Diagnostics** over all held-out questions, and exploration over eight samples at temperature 1, mean over "
        "seeds.",
        [*signs.values(), *(head for _, head in EXPLORATION)],
        {
            row: [
                *(_mean(results, row, "diagnostics", name) for name in signs),
                *(_mean(results, row, "exploration", name) for name, _ in EXPLORATION),
            ]
            for row in results
        },
    )


def _similarity(results: Results) -> str:
    def cell(row: str, estimator: str, name: str) -> str:
        values = [of["similarity"][estimator].get(name) for of in results[row].values()]
        return f"{fmean(values):.2f}" if None not in values else "—"

    exact, hidden = ([(kind, name) for name, _ in BLOCKS] for kind in ("exact", "hidden"))
    return _by_row(
        "**Similarity of samples** whose conflict is known by construction, before (`base`) and after training: mean "
        "cosine on each side of a conflict, between its sides, and between conflicts about other objects.",
        [*(f"kernel: {head}" for _, head in BLOCKS), "above 0.54", *(f"proxy: {head}" for _, head in BLOCKS)],
        {row: [cell(row, *place) for place in (*exact, ("exact", "above_0.54"), *hidden)] for row in results},
    )


def _learning(results: Results) -> str:
    def cell(row: str, name: str) -> str:
        curves: list[Sequence[float]] = [of["log"][name] for of in results[row].values() if name in of["log"]]
        ends = (fmean(fmean(curve[part]) for curve in curves) for part in (slice(20), slice(-20, None)) if curves)
        return " → ".join(f"{end:.2f}" for end in ends) or "— → —"

    trained = [row for row in results if any("accuracy" in of["log"] for of in results[row].values())]
    return _by_row(
        "**Learning**: means over the first and the last 20 updates, on the questions trained on.",
        ["accuracy", "caption reward", "groups with one reward"],
        {row: [cell(row, name) for name in ("accuracy", "caption", "constant_groups")] for row in trained},
    )


def _commands(results: Results) -> str:
    rows = [[code(row), ROWS[row].what, code(f"harness demo experiment --rows {row}")] for row in results]
    return "**Rows.**\n\n" + table(["row", "what it is", "command"], rows, align=["left"] * 3)
