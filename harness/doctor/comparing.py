"""How far two runners agree, case by case and token by token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from harness.core.types import Response
from harness.engines import Tokens

_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one runner said to one case: the response, and its tokens where the engine knows them."""

    response: Response
    tokens: Tokens | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A case on which two runners differ.

    Attributes:
        case: its name.
        token: index of the first token that differs; `None` where tokens are equal or not known.
        logprob_difference: greatest one up to there; `None` where it is not known.
        texts: of the two, or their errors.
    """

    case: str
    token: int | None
    logprob_difference: float | None
    texts: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runners, case by case.

    Attributes:
        engines: their labels.
        cases: that at least one of them answered.
        equal_texts: of them.
        first_token: least index of a token that differs; `None` where none does.
        logprob_difference: greatest difference in the log-probability of a token that both chose after the same
            tokens; `None` where the tokens of one are not known.
        equal: all texts and tokens are equal, and log-probabilities within the tolerance.
        differences: the cases that differ, in their order.
    """

    engines: tuple[str, str]
    cases: int
    equal_texts: int
    first_token: int | None
    logprob_difference: float | None
    equal: bool
    differences: tuple[Difference, ...]


def compare(
    engines: tuple[str, str], ours: Mapping[str, Told], theirs: Mapping[str, Told], *, tolerance: float
) -> Comparison:
    """Compare two runners case by case; a case that neither could answer is left out.

    Args:
        engines: their labels.
        ours: of the first, by case.
        theirs: of the second, for the same cases.
        tolerance: greatest difference of a token's log-probability that is still equal.
    """
    differences, tokens, gaps = [], [], []
    cases = equal_texts = 0
    for name, mine in ours.items():
        other = theirs[name]
        if mine.response.error is not None and other.response.error is not None:
            continue
        cases += 1
        same = (mine.response.text, mine.response.error) == (other.response.text, other.response.error)
        equal_texts += same
        token, gap = compare_tokens(mine.tokens, other.tokens)
        if token is not None:
            tokens.append(token)
        if gap is not None:
            gaps.append(gap)
        if not same or token is not None or (gap is not None and not gap <= tolerance):  # NaN is no equality.
            texts = mine.response.error or mine.response.text, other.response.error or other.response.text
            differences.append(Difference(case=name, token=token, logprob_difference=gap, texts=texts))
    return Comparison(
        engines=engines,
        cases=cases,
        equal_texts=equal_texts,
        first_token=min(tokens, default=None),
        logprob_difference=_greatest(gaps),
        equal=not differences and cases > 0,
        differences=tuple(differences),
    )


def compare_tokens(ours: Tokens | None, theirs: Tokens | None) -> tuple[int | None, float | None]:
    """First token that differs, and the greatest difference in log-probability before it; `None`: none, not known.

    One that is not a number is the greatest.
    """
    if ours is None or theirs is None or ours.ids is None or theirs.ids is None:
        return None, None
    same = 0
    for mine, other in zip(ours.ids, theirs.ids, strict=False):
        if mine != other:
            break
        same += 1
    gaps = [abs(mine - other) for mine, other in zip(ours.logprobs[:same], theirs.logprobs[:same], strict=True)]
    ended_together = same == len(ours.ids) == len(theirs.ids)
    return None if ended_together else same, _greatest(gaps)


def _greatest(gaps: Sequence[float]) -> float | None:
    return max(gaps, key=lambda gap: (isnan(gap), gap), default=None)


def comparison_lines(
    comparisons: Sequence[Comparison], unusable: Mapping[str, str], dtype: str, tolerance: float, distinct: int
) -> Iterator[str]:
    """A table of comparisons, and the cases that differ."""
    from tabulate import tabulate

    rows = [
        (
            " / ".join(item.engines),
            f"{item.equal_texts} of {item.cases}",
            "–" if item.first_token is None else item.first_token,
            "not known" if item.logprob_difference is None else f"{item.logprob_difference:.1e}",
            "yes" if item.equal else "NO",
        )
        for item in comparisons
    ]
    headers = ("engines", "equal texts", "first differing token", "largest log-prob. difference", "equal")
    yield tabulate(rows, headers=headers, disable_numparse=True)
    yield ""
    yield f"Greedy, {dtype}; log-probabilities count as equal within {tolerance:g}. {distinct} distinct texts" + (
        "." if distinct > 1 else ": a model that always says the same proves little."
    )
    for label, reason in unusable.items():
        yield f"{label} left out: {reason}"
    for item in comparisons:
        for found in item.differences:
            where = "" if found.token is None else f", from token {found.token}"
            gap = "" if found.logprob_difference is None else f" (log-prob. up to {found.logprob_difference:.1e} apart)"
            yield ""
            yield f"{found.case}{where}{gap}"
            for label, text in zip(item.engines, found.texts, strict=True):
                yield f"  {label}: {_shorten(text, found)}"


def _shorten(text: str, found: Difference) -> str:
    """The text around the place where the two part."""
    first, second = found.texts
    place = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
    start = max(0, place - _SHOWN // 2)
    shown = " ".join(text[start : start + 2 * _SHOWN].split())
    return ("…" if start else "") + shown + ("…" if len(text) > start + 2 * _SHOWN else "")
