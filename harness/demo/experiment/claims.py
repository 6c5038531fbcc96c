"""The first paragraph of the evidence page: what came out of every hypothesis, then sentences that hold.

The verdicts are written from what is kept, so that none can be left out. A sentence after them is written only while
what is kept says so. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from harness.core.errors import StoreError
from harness.demo.experiment.hypotheses import Tested, in_words
from harness.demo.experiment.plan import Plan
from harness.demo.experiment.results import SEED_FREE, Comparer
from harness.demo.experiment.settings import HEADLINES, TITLES
from harness.reports.differences import change
from harness.reports.markdown import code
from harness.statistics.differences import Difference

Said = tuple[str, bool]
"""A sentence, and whether what is kept says so."""
Share = tuple[int, int]
"""Of seven conflicting kinds of training questions, those on which a bypass fails and those on which it pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What sentences are checked on, and tables made of.

    Attributes:
        plan: that it was made by.
        confirmed: the rows that are confirmed, at the chosen numbers of updates.
        tested: the hypotheses and what came out.
        by_updates: the confirmed rows that are trained on the whole pool, after each number of updates.
        cheap: the confirmed rows at about equal CPU seconds.
        tuned: means of both outcomes of a row's tries in the exploration, by row.
        untold: that mean of plain GRPO with the setting of `caption`, which its placebo has, too.
        described: the rows of `parts` and `rivals`, each with the main rows, where they are whole.
        doses: the rows at each share, at about equal CPU seconds; none where they are not whole.
    """

    plan: Plan
    confirmed: Comparer
    tested: Sequence[Tested]
    by_updates: Mapping[int, Comparer]
    cheap: Comparer
    tuned: Mapping[str, Sequence[float]]
    untold: float
    described: Mapping[str, Comparer]
    doses: Mapping[Share, Comparer]

    @property
    def tested_differences(self) -> dict[tuple[str, str, str], Difference]:
        """By row, row that it is compared with, and task."""
        return {key: of for item in self.tested if item.is_tested for key, of in item.differences.items()}

    def compare(self, after: str, before: str, *, among: Comparer | None = None) -> list[Difference]:
        """Both outcomes of a row against another's, of the confirmed rows or others."""
        figures = [(outcome.task, outcome.measure) for outcome in self.plan.outcomes]
        return (among or self.confirmed).compare(before, after, figures)


def _glances(evidence: Evidence) -> Said:
    plain, caption, method, placebo, start = (
        [float(of["glances"]["all/glances"]) for of in evidence.confirmed.results[row].values()]
        for row in ("grpo", "caption", "method", "placebo", SEED_FREE)
    )
    says = (
        f"Answers to yes/no questions that bypass the caption are {100 * fmean(plain):.0f} % of `grpo`'s, "
        f"{100 * fmean(placebo):.0f} % of `placebo`'s, {100 * fmean(caption):.0f} % of `caption`'s and "
        f"{100 * fmean(method):.1f} % of `method`'s ({100 * start[0]:.0f} % of their start's), on every seed of these "
        "two fewer than on any of `grpo`'s."
    )
    return says, max(caption + method) < min(plain) and start[0] < fmean(plain) < fmean(placebo)


def _few_rollouts(evidence: Evidence) -> Said:
    ahead = {at: evidence.compare("caption", "grpo", among=of) for at, of in evidence.by_updates.items()}
    less, more = ({at: differences[place] for at, differences in ahead.items()} for place in (0, 1))
    first, middle, last = ahead
    by = [f"{change(more[at])} with {evidence.plan.rollouts('caption', at):,}" for at in (first, middle)]
    titles = [TITLES[outcome.task] for outcome in evidence.plan.outcomes]
    says = (
        "All else is described, not tested, each interval 95 % for itself. With fewer rollouts `caption` is ahead of "
        f"`grpo` on {titles[1]}, by {' and '.join(by)}; on {titles[0]} with none."
    )
    return says, _up(more[first]) and _up(more[middle]) and not _up(more[last]) and not any(map(_up, less.values()))


def _cheap(evidence: Evidence) -> Said:
    frames, videos = evidence.compare("method", "grpo", among=evidence.cheap)
    titles = [TITLES[outcome.task] for outcome in evidence.plan.outcomes]
    says = (
        f"At about equal CPU seconds `method` is ahead of `grpo` by {change(videos)} of {titles[1]}, and by "
        f"{change(frames)} of {titles[0]}, where 0 is in the interval."
    )
    return says, _up(videos) and not _up(frames)


def _start(evidence: Evidence) -> Said:
    found = {row: evidence.compare(row, SEED_FREE) for row in ("grpo", "method", "combination")}
    says = "Better than their start on both outcomes are `grpo`, `method` and `combination`, the method by "
    return f"{says}{_both(evidence, found['method'])}.", all(_up(item) for of in found.values() for item in of)


def _oracle(evidence: Evidence) -> Said:
    frames, videos = evidence.compare("method", "sft")
    says = f"Over `sft`, which alone is given true responses, the method has {_both(evidence, (frames, videos))}."
    return says, _up(videos) and not _up(frames) and not _down(frames)


def _price(evidence: Evidence) -> Said:
    """Of the benchmark of choices, which nothing is trained for."""
    figure = next((task, name) for task, name, _ in HEADLINES if task == "mmbench")
    rows = ("method", "grpo", "combination", "placebo", "caption")
    lost = {row: evidence.confirmed.compare(SEED_FREE, row, [figure])[0] for row in rows}
    kept = evidence.confirmed.compare(SEED_FREE, "sft", [figure])[0]
    says = (
        f"Rewards have a price: all rows that have them lose on {TITLES[figure[0]]}, from {change(lost['method'])} "
        f"(`method`) to {change(lost['caption'])} (`caption`); for `sft` none is shown, {change(kept)}."
    )
    ordered = sorted(rows, key=lambda row: lost[row].value or 0.0)
    is_so = ordered[0] == "caption" and ordered[-1] == "method" and not _down(kept)
    return says, is_so and all(map(_down, lost.values()))


def _tuning(evidence: Evidence) -> Said:
    caption, plain = (evidence.tuned[row] for row in ("caption", "grpo"))
    ranges = (f"{100 * min(of):.1f} and {100 * max(of):.1f}" for of in (plain, caption))
    says = (
        f"How plain GRPO is tuned decides more: its {len(plain)} tries in the exploration (one seed, mean of both "
        f"outcomes) lie between {next(ranges)}, those of `caption` between {next(ranges)}."
    )
    return says, min(caption) > max(plain) and max(plain) - min(plain) > max(caption) - min(caption)


def _placebo(evidence: Evidence) -> Said:
    differences = evidence.compare("placebo", "grpo")
    says = (
        f"`placebo` over `grpo` is {_both(evidence, differences)}; it has the setting of `caption`, with which plain "
        f"GRPO itself came to {100 * evidence.untold:.1f} in the exploration."
    )
    behind = all((item.value or 0.0) < 0 for item in differences)
    return says, behind and not any(map(_down, differences)) and evidence.untold < max(evidence.tuned["grpo"])


def _for_whom(evidence: Evidence) -> Said:
    most = max(of["rollouts"] for of in evidence.confirmed.results["method"].values())
    says = (
        "For whom it is worth its rollouts: the caption reward for those who have few of them or cannot tune plain "
        "GRPO, the whole method for those who count processor time; for those who have "
        f"{most:,} rollouts and tune plain GRPO with them, neither is shown to be."
    )
    _, videos = evidence.compare("method", "grpo")
    level = evidence.tested[0].verdict == "not shown" and not _up(videos)
    return says, level and all(of(evidence)[1] for of in (_few_rollouts, _cheap, _tuning))


CLAIMS: Final[tuple[Callable[[Evidence], Said], ...]] = (
    _few_rollouts,
    _cheap,
    _glances,
    _tuning,
    _for_whom,
    _price,
    _start,
    _oracle,
    _placebo,
)


def _both(evidence: Evidence, differences: Sequence[Difference]) -> str:
    return " and ".join(
        f"{change(item)} of {TITLES[outcome.task]}"
        for outcome, item in zip(evidence.plan.outcomes, differences, strict=True)
    )


def _up(item: Difference) -> bool:
    return item.low is not None and item.low > 0


def _down(item: Difference) -> bool:
    return item.high is not None and item.high < 0


def paragraph(evidence: Evidence) -> str:
    """The paragraph.

    Raises:
        StoreError: what is kept does not say what a sentence says: it has to be written anew.
    """
    said = [claim(evidence) for claim in CLAIMS]
    for sentence, holds in said:
        if not holds:
            raise StoreError(f"What is kept does not say: {sentence!r} Write harness/demo/experiment/claims.py anew.")
    plan, tested = evidence.plan, [item for item in evidence.tested if item.is_tested]
    told = [f"{item.verdict.capitalize()}: {item.hypothesis.says} ({in_words(plan, item)}.)" for item in tested]
    told += [sentence for sentence, _ in said]
    if untested := [in_words(plan, item) for item in evidence.tested if not item.is_tested]:
        told.append(f"What the other hypotheses compare is described as well: {'; '.join(untested)}.")
    return " ".join(told) + "\n\n" + rows_in_words(plan, evidence.confirmed.results)


def rows_in_words(plan: Plan, rows: Iterable[str]) -> str:
    """What rows are."""
    return f"The rows: {'; '.join(f'{code(row)}, {plan.rows[row].what}' for row in rows)}."
