"""Tables of rows over questions and seeds, as Markdown.

Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, Final

from harness.demo.experiment.results import SEED_FREE, Comparer, Results, Seeds, check_matched
from harness.demo.experiment.settings import DETAILS, HEADLINES
from harness.reports.differences import change
from harness.reports.markdown import code, table
from harness.statistics.differences import Difference

SIGNS: Final = (
    ("all/caption_fidelity", "caption fidelity"),
    ("all/chair_s", "captions with an absent object"),
    ("all/object_recall", "objects named"),
    ("all/think_answer_mismatch", "think against answer"),
    ("all/right_unsupported", "right against the caption"),
    ("all/wrong_perception", "wrong: perception"),
    ("all/wrong_reasoning", "wrong: reasoning"),
)
EXPLORATION: Final = (
    ("distinct_answers", "distinct answers"), ("unanimous", "one reward for all"), ("pass_at_k", "pass@8"),
)  # fmt: skip
BLOCKS: Final = (("name", "one side"), ("withhold", "other side"), ("opposed", "opposed"), ("other_pair", "unrelated"))


def score_tables(results: Results) -> list[str]:
    """Scores of rows and their parts, mean over seeds.

    Raises:
        StoreError: the rows have other seeds than one another.
    """
    check_matched(results)
    told = any(len(of) > 1 for of in results.values())
    spread = ", mean over seeds ± their standard deviation" if told else ""
    scores = {row: [_count(results, row), *_scores(results, row, HEADLINES)] for row in results}
    details = {row: _scores(results, row, DETAILS) for row in results}
    return [
        by_row(f"**Scores** in percent{spread}.", ["seeds", *(head for *_, head in HEADLINES)], scores),
        by_row("**Parts of the scores.**", [head for *_, head in DETAILS], details),
    ]


def _count(results: Results, row: str) -> str:
    return "—" if row == SEED_FREE else str(len(results[row]))


def cost_table(results: Results) -> str:
    """What each row spent, mean over seeds: rollouts, updates, and CPU seconds with those of its selection."""
    figures: list[Callable[[Mapping[str, Any]], float]] = [lambda of: of["rollouts"], lambda of: of["steps"], spent]
    return by_row(
        "**Cost**, mean over seeds.",
        ["rollouts", "updates", "CPU seconds"],
        {
            row: [f"{mean_of(seeds, figure):,.0f}" for figure in figures]
            for row, seeds in results.items()
            if row != SEED_FREE
        },
    )


def mean_of(seeds: Seeds, figure: Callable[[Mapping[str, Any]], float]) -> float:
    """A figure of a row's results, mean over seeds."""
    return fmean(figure(of) for of in seeds.values())


def levels(seeds: Seeds, figures: Sequence[tuple[str, str]]) -> list[str]:
    """Figures of a row in percent, and the share of its answers to yes/no questions at a glance, mean over seeds."""

    def level(task: str, name: str) -> str:
        return f"{100 * mean_of(seeds, lambda of: float(of['scores'][task][name])):.1f}"

    return [*(level(*at) for at in figures), f"{mean_of(seeds, lambda of: float(of['glances']['all/glances'])):.2f}"]


def spent(result: Mapping[str, Any]) -> float:
    """CPU seconds of a training: what was sampled before it, and its steps."""
    seconds = result["cpu_seconds"]
    return float(seconds["before"] + seconds["training"])


def difference_table(
    comparer: Comparer,
    against: str,
    rows: Sequence[str],
    tested: Mapping[tuple[str, str, str], Difference] | None = None,
) -> str:
    """Differences of rows from one of them, in points, on the seeds that they share.

    Args:
        comparer: of the rows.
        against: the row.
        rows: the others.
        tested: differences that are tested, by row, row that it is compared with, and task; the other way round they
            are left out.
    """
    figures, of = [(task, name) for task, name, _ in HEADLINES], tested or {}

    def cell(name: str, task: str, item: Difference) -> str:
        if (against, name, task) in of:
            return "tested the other way round"
        return _show(of.get((name, against, task), item))

    found = {name: items for name in rows if name != against and (items := comparer.compare(against, name, figures))}
    but = ", but of what is tested" if any(key[1] == against for key in of) else ""
    return by_row(
        f"**Against `{against}`**, in points, described{but}: each interval 95 % for itself.",
        ["seeds", *(head for *_, head in HEADLINES)],
        {
            name: [
                str(items[0].seeds[1]),
                *(cell(name, task, item) for (task, _), item in zip(figures, items, strict=True)),
            ]
            for name, items in found.items()
        },
    )


def by_row(title: str, heads: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A table with its title; empty without rows."""
    return f"{title}\n\n{table(['row', *heads], [[row, *cells] for row, cells in rows.items()])}" if rows else ""


def _scores(results: Results, row: str, figures: Sequence[tuple[str, str, str]]) -> list[str]:
    cells = []
    for task, name, _ in figures:
        values = [100 * float(result["scores"][task][name]) for result in results[row].values()]
        cells.append(f"{fmean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else ""))
    return cells


def _show(item: Difference) -> str:
    if item.is_shown:
        return f"**{change(item)}** {code(item.stars)}"
    return change(item) + " (tested)" * bool(item.family)


def _mean(results: Results, row: str, part: str, name: str) -> str:
    values = [float(of[part][name]) for of in results[row].values() if of.get(part, {}).get(name) is not None]
    some = f" ({len(values)} of {len(results[row])} seeds)" if len(values) < len(results[row]) else ""
    return f"{fmean(values):.3f}{some}" if values else "—"


def signs(results: Results) -> str:
    """Diagnostics and exploration; a figure that a row or some seeds of it lack is said to be missing."""
    stored = [of.get("diagnostic_titles", {}) for seeds in results.values() for of in seeds.values()]
    found = {name: title for titles in stored for name, title in titles.items()}
    titles = {**dict(SIGNS), **{name: title for name, title in found.items() if name not in dict(SIGNS)}}
    return by_row(
        "**Diagnostics** over all held-out questions, and exploration over eight samples at temperature 1, mean over "
        "seeds.",
        ["yes/no answered at a glance", *titles.values(), *(head for _, head in EXPLORATION)],
        {
            row: [
                _mean(results, row, "glances", "all/glances"),
                *(_mean(results, row, "diagnostics", name) for name in titles),
                *(_mean(results, row, "exploration", name) for name, _ in EXPLORATION),
            ]
            for row in results
        },
    )


def similarity(results: Results) -> str:
    """Similarity of samples whose conflict is known."""

    def cell(row: str, estimator: str, name: str) -> str:
        values = [of["similarity"][estimator].get(name) for of in results[row].values() if "similarity" in of]
        return f"{fmean(values):.2f}" if values and None not in values else "—"

    exact, hidden = ([(kind, name) for name, _ in BLOCKS] for kind in ("exact", "hidden"))
    return by_row(
        "**Similarity of samples** whose conflict is known by construction, before (`base`) and after training: mean "
        "cosine on each side of a conflict, between its sides, and between conflicts about other objects.",
        [*(f"kernel: {head}" for _, head in BLOCKS), "above 0.54", *(f"proxy: {head}" for _, head in BLOCKS)],
        {row: [cell(row, *place) for place in (*exact, ("exact", "above_0.54"), *hidden)] for row in results},
    )


def learning(results: Results) -> str:
    """Rewards at the start and the end of training."""

    def cell(row: str, name: str) -> str:
        curves: list[Sequence[float]] = [of["log"][name] for of in results[row].values() if name in of["log"]]
        ends = (fmean(fmean(curve[part]) for curve in curves) for part in (slice(2), slice(-2, None)) if curves)
        return " → ".join(f"{end:.2f}" for end in ends) or "— → —"

    trained = [row for row in results if any("accuracy" in of.get("log", {}) for of in results[row].values())]
    return by_row(
        "**Learning**: means over the first and the last 20 updates, on the questions trained on.",
        ["accuracy", "caption reward", "groups with one reward"],
        {row: [cell(row, name) for name in ("accuracy", "caption", "constant_groups")] for row in trained},
    )
