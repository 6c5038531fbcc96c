"""The first paragraphs of the evidence page: what came out of every hypothesis, and sentences that hold.

The verdicts are written from what is kept, so that none can be left out. A sentence after them is written only while
what is kept says so. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from harness.core.errors import StoreError
from harness.demo.experiment.hypotheses import Tested, in_words, is_gain, is_loss
from harness.demo.experiment.plan import Outcome, Plan
from harness.demo.experiment.results import SEED_FREE, Comparer, Seeds
from harness.demo.experiment.settings import HEADLINES, TITLES, titles_of
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
        return (among or self.confirmed).compare(before, after, self.plan.figures)


def _few_rollouts(evidence: Evidence) -> Said:
    ahead = {at: evidence.compare("caption", "grpo", among=of) for at, of in evidence.by_updates.items()}
    less, more = ({at: differences[place] for at, differences in ahead.items()} for place in (0, 1))
    first, middle, last = ahead
    by = [f"{change(more[at])} with {evidence.plan.rollouts('caption', at):,}" for at in (first, middle)]
    titles = titles_of(evidence.plan)
    says = (
        "All else is described: picked after it was seen, each interval 95 % for itself. With fewer rollouts "
        f"`caption` is ahead of `grpo` on {titles[1]}, by {' and '.join(by)}; on {titles[0]} with none."
    )
    return says, is_gain(more[first]) and is_gain(more[middle]) and not is_gain(more[last]) and not any(
        map(is_gain, less.values())
    )


def _cheap(evidence: Evidence) -> Said:
    caption, method, between = (
        evidence.compare(*pair, among=evidence.cheap)
        for pair in (("caption", "grpo"), ("method", "grpo"), ("method", "caption"))
    )
    titles = titles_of(evidence.plan)
    says = (
        f"At about equal CPU seconds `caption` is ahead of it on {titles[1]} by {change(caption[1])} and `method` by "
        f"{change(method[1])}, on {titles[0]} neither; between these two no difference is shown, {change(between[0])} "
        f"of {titles[0]} and {change(between[1])} of {titles[1]}."
    )
    level = not any(is_gain(item) or is_loss(item) for item in (caption[0], method[0], *between))
    return says, level and is_gain(caption[1]) and is_gain(method[1])


def _glances(evidence: Evidence) -> Said:
    found = {row: _glances_of(seeds) for row, seeds in evidence.confirmed.results.items()}
    words = {row: _percent(fmean(shares)) for row, shares in found.items()}
    says = (
        f"Answers to yes/no questions that bypass the caption, {words[SEED_FREE]} of the start's, are in the end "
        f"{words['grpo']} of `grpo`'s, {words['rft']} of `rft`'s, {words['placebo']} of `placebo`'s, "
        f"{words['caption']} of `caption`'s and {words['method']} of `method`'s, on every seed of the last two fewer "
        "than on any of `grpo`'s."
    )
    fewer = max(found["caption"] + found["method"]) < min(found["grpo"])
    return says, fewer and fmean(found["placebo"]) > fmean(found["rft"]) > found[SEED_FREE][0] < fmean(found["grpo"])


def _tuning(evidence: Evidence) -> Said:
    caption, plain = (evidence.tuned[row] for row in ("caption", "grpo"))
    ranges = (f"{100 * min(of):.1f} and {100 * max(of):.1f}" for of in (plain, caption))
    held_out = [_mean(evidence, row) for row in ("grpo", "caption")]
    says = (
        "In the exploration (one seed, mean of both outcomes) plain GRPO's four settings at three numbers of updates "
        f"lie between {next(ranges)}, those of `caption` between {next(ranges)}; held out, with the chosen ones, the "
        f"two are at {100 * held_out[0]:.1f} and {100 * held_out[1]:.1f}."
    )
    return says, min(caption) > max(plain) and abs(held_out[0] - held_out[1]) < min(caption) - max(plain)


def _parts(evidence: Evidence) -> Said:
    parts = evidence.described["parts"]
    caption, contrast, selection = (
        evidence.compare(row, "method", among=parts) for row in ("no_caption", "no_contrast", "no_selection")
    )
    alone = [evidence.compare(row, "grpo", among=parts) for row in ("contrast", "selection")]
    says = (
        f"Left out of the method, the caption reward is missed on {titles_of(evidence.plan)[1]} "
        f"({_both(evidence, caption)}); the contrastive term ({_both(evidence, contrast)}) and selection "
        f"({_both(evidence, selection)}) are not shown to be, nor is either, alone over `grpo`, shown to do anything "
        f"({_both(evidence, alone[0])}; {_both(evidence, alone[1])})."
    )
    level = not any(is_gain(item) or is_loss(item) for of in (contrast, selection, *alone) for item in of)
    return says, level and is_loss(caption[1]) and not is_loss(caption[0])


def _doses(evidence: Evidence) -> Said:
    """Of the pools: on the first of them a bypass always pays."""
    always, *others = evidence.doses
    outcome, told = evidence.plan.outcomes[1], ("caption", "method")
    reinforced = ("grpo", *told)
    glances = {share: {row: _glances_of(of) for row, of in by.results.items()} for share, by in evidence.doses.items()}
    videos = {row: _scores_of(of, outcome) for row, of in evidence.doses[always].results.items()}
    start = fmean(_scores_of(evidence.confirmed.results[SEED_FREE], outcome))
    ends = [fmean(videos[row]) for row in reinforced]
    bypasses = min(min(glances[always][row]) for row in reinforced)
    rare = max(fmean(glances[share][row]) for share in others for row in told)
    plain = [fmean(glances[share]["grpo"]) for share in others]
    says = (
        f"On {len(glances)} pools, a glance being wrong on {_listed(str(fails) for fails, _ in glances)} of "
        f"{sum(always)} conflicting kinds of their questions, neither is shown to be ahead of `grpo`, or behind (three "
        "seeds, about equal CPU seconds). Where a glance is always right a caption reward does not prevent it: on each "
        f"seed of all three rows at least {_percent(bypasses)} of the answers are glances, and {TITLES[outcome.task]} "
        f"falls from {100 * start:.1f} to between {100 * min(ends):.1f} and {100 * max(ends):.1f} (`rft`: "
        f"{100 * fmean(videos['rft']):.1f}). On the others at most {_percent(rare)} of `caption`'s and `method`'s are, "
        f"of `grpo`'s {_listed(map(_percent, plain))}."
    )
    compared = [
        item for by in evidence.doses.values() for row in told for item in evidence.compare(row, "grpo", among=by)
    ]
    level = not any(is_gain(item) or is_loss(item) for item in compared)
    fallen = max(max(videos[row]) for row in reinforced) < min(start, *videos["rft"])
    return says, level and fallen and bypasses > max(plain) and plain == sorted(plain, reverse=True) and rare < plain[0]


def _for_whom(evidence: Evidence) -> Said:
    most = max(of["rollouts"] for of in evidence.confirmed.results["method"].values())
    says = (
        "For whom it may be worth its rollouts, as a judgement: the caption reward, for those with few of them or "
        f"little processor time, unless all questions reward bypassing captions; for those with {most:,} and a tuned "
        "setting of plain GRPO it is not shown to be, and that selection and the contrastive term add anything is "
        "nowhere shown."
    )
    level = evidence.tested[0].verdict == "not shown"
    added = [*evidence.compare("method", "caption"), *evidence.compare("method", "caption", among=evidence.cheap)]
    grounds = (_few_rollouts, _cheap, _parts, _doses)
    return says, level and not any(map(is_gain, added)) and all(of(evidence)[1] for of in grounds)


def _price(evidence: Evidence) -> Said:
    """Of the benchmark of choices, which nothing is trained for."""
    figure = next((task, name) for task, name, _ in HEADLINES if task == "mmbench")
    rows = ("method", "grpo", "combination", "placebo", "caption")
    lost = {row: evidence.confirmed.compare(SEED_FREE, row, [figure])[0] for row in rows}
    kept = evidence.confirmed.compare(SEED_FREE, "sft", [figure])[0]
    says = (
        f"All five confirmed rows that are trained by reward lose on {TITLES[figure[0]]}, from "
        f"{change(lost['method'])} (`method`) to {change(lost['caption'])} (`caption`); for `sft` no loss is shown, "
        f"{change(kept)}."
    )
    ordered = sorted(rows, key=lambda row: lost[row].value or 0.0)
    is_so = ordered[0] == "caption" and ordered[-1] == "method" and not is_loss(kept)
    return says, is_so and all(map(is_loss, lost.values()))


def _start(evidence: Evidence) -> Said:
    rows = [row for row in evidence.confirmed.results if row != SEED_FREE]
    found = {row: evidence.compare(row, SEED_FREE) for row in rows}
    better = [row for row, differences in found.items() if all(map(is_gain, differences))]
    says = (
        "Of the confirmed rows `grpo`, `method` and `combination` alone are better than their start on both "
        f"outcomes, the method by {_both(evidence, found['method'])}; that plain GRPO costs on "
        f"{titles_of(evidence.plan)[1]}, as in the paper, did not come out: {change(found['grpo'][1])}."
    )
    return says, better == ["grpo", "method", "combination"]


def _oracle(evidence: Evidence) -> Said:
    frames, videos = evidence.compare("method", "sft")
    says = f"Over `sft`, which alone is given true responses, the method has {_both(evidence, (frames, videos))}."
    return says, is_gain(videos) and not is_gain(frames) and not is_loss(frames)


def _placebo(evidence: Evidence) -> Said:
    differences = evidence.compare("placebo", "grpo")
    says = (
        f"`placebo` over `grpo` is {_both(evidence, differences)}; it has the setting of `caption`, with which plain "
        f"GRPO had {100 * evidence.untold:.1f} in the exploration (mean of both outcomes), against "
        f"{100 * max(evidence.tuned['grpo']):.1f} with its own."
    )
    behind = all((item.value or 0.0) < 0 for item in differences)
    return says, behind and not any(map(is_loss, differences)) and evidence.untold < max(evidence.tuned["grpo"])


CLAIMS: Final[tuple[Callable[[Evidence], Said], ...]] = (
    _few_rollouts,
    _cheap,
    _glances,
    _parts,
    _doses,
    _tuning,
    _for_whom,
)
"""Of the first paragraph, after the verdicts."""
BESIDE: Final[tuple[Callable[[Evidence], Said], ...]] = (_price, _start, _oracle, _placebo)
"""Of the second one, before what the hypotheses compare that are not tested."""


def _mean(evidence: Evidence, row: str) -> float:
    """Of both outcomes and all seeds."""
    seeds = evidence.confirmed.results[row]
    return fmean(score for outcome in evidence.plan.outcomes for score in _scores_of(seeds, outcome))


def _scores_of(seeds: Seeds, outcome: Outcome) -> list[float]:
    return [float(of["scores"][outcome.task][outcome.measure]) for of in seeds.values()]


def _glances_of(seeds: Seeds) -> list[float]:
    """Shares of the answers to yes/no questions."""
    return [float(of["glances"]["all/glances"]) for of in seeds.values()]


def _percent(share: float) -> str:
    return f"{100 * share:.{int(share < 0.01)}f} %"


def _listed(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} and {last}"


def _both(evidence: Evidence, differences: Sequence[Difference]) -> str:
    return " and ".join(
        f"{change(item)} of {title}" for title, item in zip(titles_of(evidence.plan), differences, strict=True)
    )


def paragraphs(evidence: Evidence) -> str:
    """The paragraphs: verdicts and what follows for whom, what stands beside it, and the rows in words.

    Raises:
        StoreError: what is kept does not say what a sentence says: it has to be written anew.
    """
    plan, tested = evidence.plan, [item for item in evidence.tested if item.is_tested]
    told = [f"{item.verdict.capitalize()}: that {_clause(item)} ({in_words(plan, item)})." for item in tested]
    beside = _checked(BESIDE, evidence)
    if untested := [in_words(plan, item) for item in evidence.tested if not item.is_tested]:
        told.append("The hypotheses after it were therefore not tested.")
        beside.append(f"What the other hypotheses compare: {'; '.join(untested)}.")
    rows = rows_in_words(plan, evidence.confirmed.results)
    return "\n\n".join([" ".join([*told, *_checked(CLAIMS, evidence)]), " ".join(beside), rows])


def _clause(item: Tested) -> str:
    says = item.hypothesis.says.rstrip(".")
    return says[0].lower() + says[1:]


def _checked(claims: Sequence[Callable[[Evidence], Said]], evidence: Evidence) -> list[str]:
    said = [claim(evidence) for claim in claims]
    for sentence, holds in said:
        if not holds:
            raise StoreError(f"What is kept does not say: {sentence!r} Write harness/demo/experiment/claims.py anew.")
    return [sentence for sentence, _ in said]


def rows_in_words(plan: Plan, rows: Iterable[str]) -> str:
    """What rows are."""
    return f"The rows: {'; '.join(f'{code(row)}, {plan.rows[row].what}' for row in rows)}."
