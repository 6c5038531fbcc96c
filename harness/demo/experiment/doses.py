"""Dose and response: rows on pools in which a bypass of the caption pays more or less. Imported lazily only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Final

from harness.demo.experiment.plan import Plan
from harness.demo.experiment.results import Comparer, Results, read_results
from harness.demo.experiment.settings import TITLES, titles_of
from harness.demo.experiment.tables import by_row, levels, mean_of, spent
from harness.reports.differences import change
from harness.reports.plots import SERIES, Line, lines
from harness.reports.svg import picture

DOSE: Final = "dose-"
"""Of the names of blocks whose pools differ in what a bypass earns."""
Share = tuple[int, int]
"""Of seven conflicting training questions, those on which a bypass fails and those on which it pays."""


def compare_doses(plan: Plan, results: Path, questions: Path) -> dict[Share, Comparer]:
    """The rows of the dose blocks by share, at equal CPU seconds, with the pool of `confirm` among them."""
    names = [name for name in plan.blocks if name.startswith(DOSE)]
    rows, seeds = plan.blocks[names[0]].rows, plan.blocks[names[0]].seeds
    shares = {plan.blocks[name].share: name for name in ["confirm", *names]}
    found = {}
    for share in sorted(shares):
        read = read_results(
            plan, results, [shares[share]], rows, lambda row: plan.kinds[plan.rows[row].kind or ""].equal_cpu
        )
        same = {row: {seed: of for seed, of in by.items() if seed in seeds} for row, by in read.items()}
        found[share] = Comparer(same, questions)
    return found


def dose_table(plan: Plan, found: Mapping[Share, Comparer]) -> str:
    """Levels and differences of the rows from plain GRPO, a line for each share and row."""
    rows = {}
    for (fails, pays), comparer in found.items():
        for row, seeds in comparer.results.items():
            others = (
                [change(item) for item in comparer.compare("grpo", row, plan.figures)] if row != "grpo" else ["", ""]
            )
            rows[f"{fails}:{pays}, `{row}`"] = [*levels(seeds, plan.figures), *others, f"{mean_of(seeds, spent):,.0f}"]
    titles = titles_of(plan)
    title = (
        "**Five pools**, each drawn once, by how many of seven conflicting questions of theirs an answer at a glance "
        "gets wrong and right. Settings tuned at 2:5 alone, about equal CPU seconds, three seeds, each interval 95 % "
        "for itself, nothing tested. With the share changes how often `yes` is right, which is not told apart from it."
    )
    heads = [*titles, "yes/no at a glance", *(f"{name} against `grpo`" for name in titles), "CPU seconds"]
    return by_row(title, heads, rows)


def draw_doses(plan: Plan, found: Mapping[Share, Results]) -> str:
    """A plot for each outcome with a line a row over the shares: the mean over seeds between the least and greatest."""
    plots = []
    for outcome in plan.outcomes:
        series = []
        for row, tone in zip(next(iter(found.values())), SERIES, strict=False):
            points, band = [], []
            for share, of in found.items():
                values = [float(item["scores"][outcome.task][outcome.measure]) for item in of[row].values()]
                points.append((float(share[0]), fmean(values)))
                band.append((float(share[0]), min(values), max(values)))
            series.append(Line(row, tone, points, band=band, dots=True))
        of_seven = "of seven conflicting questions, those that a glance gets wrong"
        plots.append(lines(series, title=TITLES[outcome.task], scale=100.0, across_is=of_seven))
    return picture(plots, columns=len(plots))
