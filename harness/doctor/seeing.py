"""Whether a model sees what it is asked about: the same question with a medium grey must change what it computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from harness.doctor.comparing import Told, compare_tokens
from harness.engines import Request, VideoAs
from harness.media.grey import grey

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video


class Greyed(NamedTuple):
    """A case of which one medium is grey."""

    case: str
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one runner was seen to see.

    Attributes:
        media: that were greyed.
        moved: of them, those without which it computes something else.
        unseen: names of the others, and why.
        not_known: of them, those of which a server tells too little.
        video_as: how videos were shown; `None`: not known.
    """

    media: int
    moved: int
    unseen: Mapping[str, str]
    not_known: int
    video_as: VideoAs | None


def greyed_cases(cases: Iterable[Request]) -> Iterator[Greyed]:
    """Each case with each of its media grey, one at a time."""
    for case in cases:
        for place, medium in enumerate(case.media):
            which = f", the {medium.kind} grey" if len(case.media) == 1 else f", {medium.kind} {place + 1} grey"
            media = list(case.media)
            media[place] = replace(medium, source=f"{medium.source} grey")  # Engines open what has one source once.
            request = replace(
                case,
                sample_id=case.sample_id + which,
                media=tuple(media),
                open_media=partial(_open_greyed, case, place),
            )
            yield Greyed(case.sample_id, request)


def _open_greyed(case: Request, place: int) -> list[Image | Video]:
    return [grey(medium) if at == place else medium for at, medium in enumerate(case.open_media())]


def look(
    told: Mapping[str, Told], greyed: Sequence[Greyed], *, tolerance: float, video_as: VideoAs | None = None
) -> Seen:
    """Compare what a runner said to cases as they are and with a medium grey.

    Args:
        told: by the names of both.
        greyed: those with a grey medium.
        tolerance: greatest difference in a token's log-probability that is none.
        video_as: how videos were shown.
    """
    unseen: dict[str, str] = {}
    not_known = 0
    for case, request in greyed:
        shown, hidden = told[case], told[request.sample_id]
        error = shown.response.error or hidden.response.error
        token, gap = compare_tokens(shown.tokens, hidden.tokens)
        if error is not None:
            unseen[request.sample_id] = error
        elif shown.response.text != hidden.response.text or token is not None or (gap or 0.0) > tolerance:
            continue
        elif gap is None:
            not_known += 1
        else:
            unseen[request.sample_id] = f"log-probabilities at most {gap:.1e} apart"
    moved = len(greyed) - len(unseen) - not_known
    return Seen(media=len(greyed), moved=moved, unseen=unseen, not_known=not_known, video_as=video_as)


def seen_lines(seen: Mapping[str, Seen]) -> Iterator[str]:
    """What was seen, in words."""
    yield ""
    for label, item in seen.items():
        how = {"native": "; videos are shown as videos", "frames": "; videos are shown as images", None: ""}
        known = f" ({item.not_known} not known: equal texts without log-probabilities)" if item.not_known else ""
        yield f"{label} sees {item.moved} of {item.media} media{known}{how[item.video_as]}."
        for name, reason in item.unseen.items():
            yield f"  NOT SEEN: {name}: {reason}"
