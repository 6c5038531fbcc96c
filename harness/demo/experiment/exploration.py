"""What the exploration came to, on the demo's own data. Imported lazily only."""

from __future__ import annotations

from pathlib import Path

from harness.demo.experiment.plan import Plan, Run
from harness.demo.experiment.results import read_result, score_of
from harness.demo.experiment.settings import titles_of
from harness.demo.experiment.tables import by_row


def chosen_table(plan: Plan, results: Path) -> str:
    """The setting that was chosen for each row, of how many, and what it came to."""
    score = score_of(plan, results)
    rows = {}
    for row, scored in tries(plan, results).items():
        ordered = sorted(scored, reverse=True)
        setting, updates = plan.choose(row, score)
        settings = plan.grid[plan.rows[row].kind or ""]
        words = ", ".join(text.removeprefix("train.") for text in settings[setting])
        (best,) = (run for run in plan.runs("tune", None) if (run.row, run.setting) == (row, setting))
        scores = read_result(plan, best.file(results, updates))["scores"]
        looked = [
            _glances(plan, run, at, results) for run in plan.runs("tune", None) if run.row == row for at in run.updates
        ]
        rows[row] = [
            words,
            str(updates),
            *(_percent(scores[outcome.task][outcome.measure]) for outcome in plan.outcomes),
            *map(_percent, (ordered[0], ordered[1], ordered[-1])),
            f"{_glances(plan, best, updates, results):.2f}",
            f"{min(looked):.2f} to {max(looked):.2f}",
        ]
    title = (
        "**Tuning** on the demo's own data: of four settings, trained with one seed and asked at three numbers of "
        "updates, the one with the highest mean of both outcomes."
    )
    heads = [
        "chosen",
        "updates",
        *titles_of(plan),
        "mean",
        "second best",
        "worst",
        "yes/no at a glance",
        "of all tries",
    ]
    return by_row(title, heads, rows)


def combined_table(plan: Plan, results: Path) -> str:
    """What the combinations came to, of which the best is confirmed."""
    score = score_of(plan, results)
    rows = {run.row: [*(_percent(score(run, at)) for at in run.updates)] for run in plan.runs("combine", score)}
    updates = next(iter(plan.runs("combine", score))).updates
    title = (
        "**Combinations** on the demo's own data, one seed, with the setting of `caption`: the mean of both outcomes. "
        f"The best of the three after {plan.choose('caption', score)[1]} updates, `caption`'s number, is `combination`."
    )
    return by_row(title, [f"{at} updates" for at in updates], rows)


def tries(plan: Plan, results: Path) -> dict[str, list[float]]:
    """Means of both outcomes of each row's tries."""
    score, found = score_of(plan, results), dict[str, list[float]]()
    for run in plan.runs("tune", None):
        found.setdefault(run.row, []).extend(score(run, at) for at in run.updates)
    return found


def untold_score(plan: Plan, results: Path) -> float:
    """Plain GRPO's mean of both outcomes with the setting of `caption`, which its placebo has, too."""
    score = score_of(plan, results)
    setting, updates = plan.choose("caption", score)
    (run,) = (run for run in plan.runs("tune", None) if (run.row, run.setting) == ("grpo", setting))
    return score(run, updates)


def _glances(plan: Plan, run: Run, at: int, results: Path) -> float:
    return float(read_result(plan, run.file(results, at))["glances"]["all/glances"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
