"""Sentences of the evidence page, each with a check of what is kept: it is written only while that says so.

`ahead` and `behind` are of an interval of its own that leaves out 0. Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

from harness.demo.experiment.evidence import Evidence
from harness.demo.experiment.hypotheses import is_gain, is_loss
from harness.demo.experiment.plan import Outcome
from harness.demo.experiment.results import SEED_FREE, Comparer, Seeds
from harness.demo.experiment.settings import HEADLINES, TITLES, titles_of
from harness.reports.differences import change
from harness.statistics.differences import Difference, test_together

Said = tuple[str, bool]
"""A sentence, and whether what is kept says so."""
Claim = Callable[[Evidence], Said]
_FIGURES: Final = {task: (task, name) for task, name, _ in HEADLINES}
MMBENCH, MMVU = _FIGURES["mmbench"], _FIGURES["mmvu"]
"""Figures that decide nothing: no row is trained on choices or on videos."""


def _few_rollouts(evidence: Evidence) -> Said:
    ahead = {at: evidence.compare("caption", "grpo", among=of) for at, of in evidence.by_updates.items()}
    cheap = evidence.compare("method", "grpo", among=evidence.cheap)
    same = evidence.compare("caption", "grpo", among=evidence.cheap)
    first, middle, last = ahead.values()
    by = [
        f"{change(of[1])} with {evidence.plan.rollouts('caption', at):,}" for at, of in ahead.items() if of is not last
    ]
    family = [*first, *middle, *last, *cheap]
    titles = titles_of(evidence.plan)
    says = (
        f"With fewer rollouts `caption` is ahead of `grpo` on {titles[1]}, by {' and '.join(by)}. The latter are also "
        f"the runs at about equal CPU seconds, where `method` is ahead by {change(cheap[1])}. On {titles[0]} neither "
        f"is. Tested together, these {len(family)} differences, those with all rollouts among them, show nothing."
    )
    level = not any(is_gain(item) or is_loss(item) for item in (first[0], middle[0], cheap[0], *last))
    shown = any(item.is_shown for item in test_together(family))
    return says, level and same == middle and all(map(is_gain, (first[1], middle[1], cheap[1]))) and not shown


def _method_and_caption(evidence: Evidence) -> Said:
    between = evidence.compare("method", "caption", among=evidence.cheap)
    choices = evidence.confirmed.compare("caption", "method", [MMBENCH])[0]
    says = (
        f"At about equal CPU seconds `method` over `caption` is {_both(evidence, between)}. On {TITLES[MMBENCH[0]]} it "
        f"is ahead with all rollouts, by {change(choices)}; the two differ in KL and number of updates, too."
    )
    return says, not any(is_gain(item) or is_loss(item) for item in between) and is_gain(choices)


def _glances(evidence: Evidence) -> Said:
    found = {row: _glances_of(seeds) for row, seeds in evidence.confirmed.results.items()}
    words = {row: _percent(fmean(shares)) for row, shares in found.items()}
    says = (
        f"Answers to yes/no questions at a glance, which bypass the caption, are {words[SEED_FREE]} of the start's and "
        f"in the end {words['grpo']} of `grpo`'s, {words['rft']} of `rft`'s, {words['placebo']} of `placebo`'s, "
        f"{words['caption']} of `caption`'s and {words['method']} of `method`'s, on every seed of the last two fewer "
        "than on any of `grpo`'s."
    )
    fewer = max(found["caption"] + found["method"]) < min(found["grpo"])
    return says, fewer and fmean(found["placebo"]) > fmean(found["rft"]) > found[SEED_FREE][0] < fmean(found["grpo"])


def _caption_left_out(evidence: Evidence) -> Said:
    parts, (frames, videos) = evidence.described["parts"], titles_of(evidence.plan)
    without, other = (evidence.compare(row, "method", among=parts) for row in ("no_caption", "method_placebo"))
    added = [
        evidence.compare(*pair, among=parts) for pair in (("no_contrast", "selection"), ("no_selection", "contrast"))
    ]
    says = (
        f"Without its caption reward the method is behind on {videos} ({_both(evidence, without)}), but is trained on "
        "other prompts, as it selects without it; on the same ones, where another prompt's caption is judged, it is "
        f"so on {frames} alone ({_both(evidence, other)}). Added to either of the other parts the caption reward "
        f"is ahead on {videos}, by {change(added[0][1])} beside selection and {change(added[1][1])}, with its own "
        "setting, beside the contrastive term."
    )
    level = not any(is_gain(item) or is_loss(item) for item in (without[0], other[1]))
    return says, level and is_loss(without[1]) and is_loss(other[0]) and all(is_gain(of[1]) for of in added)


def _other_parts(evidence: Evidence) -> Said:
    parts = evidence.described["parts"]
    pairs = (("no_contrast", "method"), ("contrast", "grpo"), ("no_selection", "method"), ("selection", "grpo"))
    found = [evidence.compare(*pair, among=parts) for pair in pairs]
    told = [_both(evidence, of) for of in found]
    says = (
        f"Of the contrastive term nothing is shown, left out of the method ({told[0]}) or alone over `grpo` "
        f"({told[1]}), nor of selection ({told[2]}, with the setting and updates of `caption`; {told[3]})."
    )
    return says, not any(is_gain(item) or is_loss(item) for of in found for item in of)


def _doses(evidence: Evidence) -> Said:
    compared = [
        item
        for by in evidence.doses.values()
        for row in ("caption", "method")
        for item in evidence.compare(row, "grpo", among=by)
    ]
    wide = max((item.high or 0.0) - (item.low or 0.0) for item in compared[1::2]) / 2
    says = (
        f"On {len(evidence.doses)} pools, a glance being wrong on "
        f"{_listed(str(fails) for fails, _ in evidence.doses)} of {sum(next(iter(evidence.doses)))} conflicting "
        "questions, neither is ahead of `grpo` or behind, at about equal CPU seconds and with three seeds, which leave "
        f"up to ±{100 * wide:.0f} points of {titles_of(evidence.plan)[1]} open (the pool with "
        f"{evidence.plan.blocks['confirm'].share[0]} is that of all else, "
        "three of whose five seeds these are)."
    )
    return says, not any(is_gain(item) or is_loss(item) for item in compared)


def _always(evidence: Evidence) -> Said:
    """Of the pool on which a bypass always pays, and the glances on the others."""
    always, *others = evidence.doses
    outcome, told = evidence.plan.outcomes[1], ("caption", "method")
    reinforced = ("grpo", *told)
    glances = {share: {row: _glances_of(of) for row, of in by.results.items()} for share, by in evidence.doses.items()}
    videos = {row: _scores_of(of, outcome) for row, of in evidence.doses[always].results.items()}
    start = fmean(_scores_of(evidence.confirmed.results[SEED_FREE], outcome))
    ends = [score for row in reinforced for score in videos[row]]
    bypasses = min(min(glances[always][row]) for row in reinforced)
    rare = max(share for at in others for row in told for share in glances[at][row])
    late = {row: _others_of(evidence.cheap.results[row], evidence.doses[others[0]].results[row]) for row in told}
    plain = [fmean(glances[share]["grpo"]) for share in others]
    says = (
        "Where a glance is always right a caption reward does not prevent it: on each seed of all three rows at least "
        f"{_percent(bypasses)} of the answers are glances, and {TITLES[outcome.task]} falls from {100 * start:.1f} to "
        f"between {100 * min(ends):.1f} and {100 * max(ends):.1f} (`rft` has {100 * min(videos['rft']):.1f} to "
        f"{100 * max(videos['rft']):.1f}). On the other pools `grpo` has {_listed(map(_percent, plain))}, `caption` "
        f"and `method` at most {_percent(rare)} on any seed; on the two more that the pool with {others[0][0]} has, "
        f"`caption` has {_percent(min(late['caption']))} and {_percent(max(late['caption']))}."
    )
    lower = max(ends) < min(start, *videos["rft"]) and bypasses > max(plain)
    rarely = plain == sorted(plain, reverse=True) and max(rare, *late["method"], min(late["caption"])) < plain[0]
    return says, lower and rarely and len(late["caption"]) == 2


def _rivals(evidence: Evidence) -> Said:
    among, rows = evidence.described["rivals"], evidence.plan.blocks["rivals"].rows
    over = {
        base: {row: evidence.compare(row, base, among=among) for row in rows} for base in ("grpo", "caption", "method")
    }
    ahead = [row for by in over.values() for row, of in by.items() if any(map(is_gain, of))]
    behind = {base: [row for row, of in by.items() if any(map(is_loss, of))] for base, by in over.items()}
    noisy = _glances_of(among.results["noisy"])
    blind = among.results["minus_blind"]
    most = max(of["rollouts"] for of in blind.values())
    videos = fmean(_scores_of(blind, evidence.plan.outcomes[1]))
    says = (
        f"Of {len(rows)} rivals, with three seeds and at most as many rollouts, none is ahead of `grpo`, `caption` or "
        f"`method`. `noisy`, of whose answers at least {_percent(min(noisy))} are glances on each seed, is behind all "
        f"three on {titles_of(evidence.plan)[1]}, `grpo` by {change(over['grpo']['noisy'][1])}, which is shown when "
        f"the rivals are tested against it together, and `gspo` is behind `caption` and `method` on "
        f"{titles_of(evidence.plan)[0]}. `minus_blind` was chosen with {most:,} rollouts: {100 * videos:.1f} of "
        f"{titles_of(evidence.plan)[1]} and at most {_percent(max(_glances_of(blind)))} of glances on any seed."
    )
    family = [item for of in over["grpo"].values() for item in of]
    shown = [item for item in test_together(family) if item.is_shown]
    places = is_loss(over["grpo"]["noisy"][1]) and is_loss(over["caption"]["gspo"][0]) and len(shown) == 1
    expected = {"grpo": ["noisy"], "caption": ["noisy", "gspo"], "method": ["noisy", "gspo"]}
    return says, not ahead and behind == expected and places and shown[0].value == over["grpo"]["noisy"][1].value


def _elsewhere(evidence: Evidence) -> Said:
    there = evidence.elsewhere
    assert there is not None
    caption, method = (evidence.compare(row, "grpo", among=there) for row in ("caption", "method"))
    rows = [row for row in there.results if row != SEED_FREE]
    starts = [evidence.compare(row, SEED_FREE, among=there) for row in rows]
    glances = {row: _glances_of(of) for row, of in there.results.items()}
    words = {row: _percent(fmean(shares)) for row, shares in glances.items()}
    frames, videos = titles_of(evidence.plan)
    open_videos = there.compare("grpo", "method", [MMVU])[0]
    least = min((of[0] for of in starts), key=lambda item: item.value or 0.0)
    says = (
        "In one other world (one build, settings tuned in the first, all rollouts, three seeds) neither `caption` nor "
        f"`method` is ahead of `grpo`, over which they have {_both(evidence, caption)}, and {_both(evidence, method)}; "
        f"on {TITLES[MMVU[0]]} `method` is behind it, {change(open_videos)}. There {words['grpo']} of `grpo`'s answers "
        f"are glances (start {words[SEED_FREE]}, `caption` {words['caption']}, `method` {words['method']}), and it is "
        f"not behind its start for that. All rows are ahead of their start on {frames}, by at least {change(least)}, "
        f"and none is on {videos}."
    )
    level = not any(map(is_gain, [*caption, *method])) and not any(is_gain(of[1]) for of in starts)
    fewer = max(glances["caption"] + glances["method"]) < min(glances["grpo"])
    return says, level and fewer and is_loss(open_videos) and all(
        is_gain(of[0]) and not is_loss(of[1]) for of in starts
    )


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


def _price(evidence: Evidence) -> Said:
    rows = ("method", "grpo", "combination", "placebo", "caption")
    lost = {row: evidence.confirmed.compare(SEED_FREE, row, [MMBENCH])[0] for row in rows}
    kept = evidence.confirmed.compare(SEED_FREE, "sft", [MMBENCH])[0]
    says = (
        f"All five confirmed rows that are trained by reward are behind their start on {TITLES[MMBENCH[0]]}, from "
        f"{change(lost['method'])} (`method`) to {change(lost['caption'])} (`caption`); of `sft` that is not shown, "
        f"{change(kept)}."
    )
    ordered = sorted(rows, key=lambda row: lost[row].value or 0.0)
    is_so = ordered[0] == "caption" and ordered[-1] == "method" and not is_loss(kept)
    return says, is_so and all(map(is_loss, lost.values()))


def _start(evidence: Evidence) -> Said:
    rows = [row for row in evidence.confirmed.results if row != SEED_FREE]
    found = {row: evidence.compare(row, SEED_FREE) for row in rows}
    ahead = [row for row, differences in found.items() if all(map(is_gain, differences))]
    fewest, early = next(iter(evidence.by_updates.items()))
    both = {SEED_FREE: evidence.confirmed.results[SEED_FREE], "grpo": early.results["grpo"]}
    plain = evidence.compare("grpo", SEED_FREE, among=Comparer(both, early.questions))
    says = (
        f"`grpo`, `method` and `combination` are ahead of their start on both outcomes, the method by "
        f"{_both(evidence, found['method'])}; `caption` on {titles_of(evidence.plan)[0]} alone "
        f"({_both(evidence, found['caption'])}), which does not set it apart from them. That plain GRPO costs on "
        f"{titles_of(evidence.plan)[1]}, as in the paper, did not come out, tuned and with all rollouts: "
        f"{change(found['grpo'][1])}; with {evidence.plan.rollouts('grpo', fewest):,}, {change(plain[1])}."
    )
    caption = is_gain(found["caption"][0]) and not is_gain(found["caption"][1])
    return says, ahead == ["grpo", "method", "combination"] and caption and not is_loss(plain[1])


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


def _for_whom(evidence: Evidence) -> Said:
    most = max(of["rollouts"] for of in evidence.confirmed.results["method"].values())
    says = (
        "For whom it may be worth its rollouts is a judgement, on differences that are described below and not shown "
        "when they are tested together: the caption reward, for those with few rollouts or little processor time, "
        f"unless all questions reward bypassing captions; for those with {most:,} and a tuned setting of plain GRPO it "
        "is not shown to be, nor in the one other world that was built, where fewer were not tried; and that selection "
        "or the contrastive term adds anything to either outcome is nowhere shown."
    )
    level = evidence.tested[0].verdict == "not shown"
    added = [*evidence.compare("method", "caption"), *evidence.compare("method", "caption", among=evidence.cheap)]
    grounds = (_few_rollouts, _caption_left_out, _other_parts, _always, _elsewhere)
    return says, level and not any(map(is_gain, added)) and all(of(evidence)[1] for of in grounds)


JUDGED: Final[tuple[Claim, ...]] = (_for_whom,)
"""Of the first paragraph, after the verdicts."""
DESCRIBED: Final[Mapping[str, tuple[Claim, ...]]] = {
    "Rollouts and time": (_few_rollouts, _method_and_caption),
    "Glances": (_glances, _always),
    "Parts": (_caption_left_out, _other_parts, _placebo),
    "Pools": (_doses,),
    "Rivals": (_rivals,),
    "Another world": (_elsewhere,),
    "Tuning": (_tuning,),
    "Start, oracle and price": (_start, _oracle, _price),
}
"""Of the list after it, by what it is about."""


def _mean(evidence: Evidence, row: str) -> float:
    """Of both outcomes and all seeds."""
    seeds = evidence.confirmed.results[row]
    return fmean(score for outcome in evidence.plan.outcomes for score in _scores_of(seeds, outcome))


def _scores_of(seeds: Seeds, outcome: Outcome) -> list[float]:
    return [float(of["scores"][outcome.task][outcome.measure]) for of in seeds.values()]


def _glances_of(seeds: Seeds) -> list[float]:
    """Shares of the answers to yes/no questions."""
    return [float(of["glances"]["all/glances"]) for of in seeds.values()]


def _others_of(seeds: Seeds, known: Seeds) -> list[float]:
    return _glances_of({seed: of for seed, of in seeds.items() if seed not in known})


def _percent(share: float) -> str:
    return f"{100 * share:.{int(share < 0.01)}f} %"


def _listed(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} and {last}"


def _both(evidence: Evidence, differences: Sequence[Difference]) -> str:
    return " and ".join(
        f"{change(item)} of {title}" for title, item in zip(titles_of(evidence.plan), differences, strict=True)
    )
