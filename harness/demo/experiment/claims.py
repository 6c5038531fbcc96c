"""The first paragraph of the evidence page: sentences that are written only while what is kept says so.

Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import StoreError
from harness.demo.experiment.plan import RESPONSES
from harness.demo.experiment.results import SEED_FREE, Results
from harness.reports.differences import change
from harness.statistics.differences import Difference

Said = tuple[str, bool]
"""A sentence, and whether what is kept says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What sentences are checked on.

    Attributes:
        results: folder of all results.
        main: the rows of the main table.
        tested: its tested differences, by row, row that it is compared with, and task.
        parts: the differences of the rows without a part from the method, by row and task, each for itself.
    """

    results: Path
    main: Results
    tested: Mapping[tuple[str, str, str], Difference]
    parts: Mapping[tuple[str, str], Difference]


def _start(evidence: Evidence) -> Said:
    video, image = (evidence.tested["method", SEED_FREE, task] for task in ("videohallucer", "pope"))
    return (
        f"On questions of the demo world that nothing was tuned on, the method is better than its start on POPE, by "
        f"{change(image)} points (five seeds); on VideoHallucer no difference is shown, {change(video)}.",
        (video.verdict, image.verdict) == ("no difference shown", "better") and len(evidence.main["method"]) == 5,
    )


def _grpo(evidence: Evidence) -> Said:
    video, image = (evidence.tested["method", "grpo", task] for task in ("videohallucer", "pope"))
    return (
        f"It is better than plain GRPO on POPE, by {change(image)}; on VideoHallucer none is shown, {change(video)}.",
        (video.verdict, image.verdict) == ("no difference shown", "better"),
    )


def _sft(evidence: Evidence) -> Said:
    video, image = (evidence.tested["method", "sft", task] for task in ("videohallucer", "pope"))
    return (
        "Against fine-tuning on true responses, which no other row is given, none is shown, "
        f"{change(video)} and {change(image)}.",
        video.verdict == image.verdict == "no difference shown",
    )


def _together(evidence: Evidence) -> Said:
    families = {item.family for item in evidence.tested.values()}
    return (
        f"These intervals hold all at once in 95 %, over {len(evidence.tested)} comparisons.",
        families == {len(evidence.tested)},
    )


def _uneven(evidence: Evidence) -> Said:
    stored = next(iter(evidence.main["method"].values()))
    trained = RESPONSES * stored["updates"]
    selected = stored["settings"]["rollouts"] * stored["settings"]["pool"][0]
    return (
        f"The comparison is not even: plain GRPO had {trained:,} rollouts and the method {trained + selected:,}, and "
        "neither was tuned as the other was.",
        (trained, selected) == (3840, 9600),
    )


def _parts(evidence: Evidence) -> Said:
    names = {"no_caption": "caption reward", "no_infonce": "contrastive term", "no_selection": "selection"}
    told = (f"{words} {change(evidence.parts[name, 'pope'])}" for name, words in names.items())
    inside = (item.low is not None and item.low <= 0 <= (item.high or 0) for item in evidence.parts.values())
    return (
        f"No part is shown to be needed: what leaving one out does to POPE is, for the {', the '.join(told)} (three "
        "seeds, each interval for itself), and on VideoHallucer 0 is in all three as well.",
        all(inside) and len(evidence.parts) == 6,
    )


def _open(evidence: Evidence) -> Said:
    others = [folder.name for folder in evidence.results.iterdir() if folder.is_dir() and folder.name != "first"]
    return (
        "For whom the method is worth its rollouts these figures do not tell; the plan below was written to tell it, "
        "and nothing of it is reported yet.",
        not others,
    )


CLAIMS: Final[tuple[Callable[[Evidence], Said], ...]] = (_start, _grpo, _sft, _together, _uneven, _parts, _open)


def paragraph(evidence: Evidence) -> str:
    """The paragraph.

    Raises:
        StoreError: what is kept does not say what a sentence says: it has to be written anew.
    """
    said = [claim(evidence) for claim in CLAIMS]
    for sentence, holds in said:
        if not holds:
            raise StoreError(
                f"{evidence.results} does not say: {sentence!r} Write harness/demo/experiment/claims.py anew."
            )
    return " ".join(sentence for sentence, _ in said)
