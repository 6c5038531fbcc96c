"""`harness doctor --engines MODEL`: whether the engines tell the same story of a user's own checkpoint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import combinations
from typing import Any, Final

from harness.core.errors import ModelError, UsageError
from harness.core.types import Response
from harness.doctor.cases import make_cases
from harness.engines import Decoding, Request, Tokens, make_engine
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint

MAX_NEW_TOKENS: Final = 64
_TOLERANCES: Final = {"float32": 1e-3}
_COARSE_TOLERANCE: Final = 0.1
"""In 16 bits, products in another order differ in the third digit, and so do log-probabilities."""
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """One way to answer.

    Attributes:
        label: what it is called in the table.
        engine: a key of `harness.engines.ENGINES`.
        options: its settings.
        model: another name of the checkpoint, for a server; `None`: the checkpoint itself.
    """

    label: str
    engine: str
    options: Mapping[str, Any]
    model: str | None = None


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


def run_engine_check(
    model: str,
    *,
    base_url: Sequence[str] | None = None,
    served_name: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    max_pixels: int | None = None,
    max_model_len: int | None = None,
    tolerance: float | None = None,
    as_json: bool = False,
) -> int:
    """Ask every usable engine the same, one after the other, and print how far they agree.

    Args:
        model: a folder, a hub id or `demo`.
        base_url: servers of the same checkpoint, compared too.
        served_name: name that the servers know it by; `None`: as `model`.
        dtype: precision of the engines in process; `None`: float32, in which engines can be compared.
        device: of `hf`.
        max_pixels: cap on the pixels of an image or frame.
        max_model_len: longest prompt and response together, of `vllm`.
        tolerance: greatest difference of a token's log-probability; `None`: 0.001 in float32, else 0.1.
        as_json: print JSON in place of tables.

    Returns:
        0 when all are equal within the tolerance, else 1.

    Raises:
        HarnessError: the checkpoint cannot be loaded, a server does not answer, or fewer than two runners are left.
    """
    dtype = dtype or "float32"
    if tolerance is None:
        tolerance = _TOLERANCES.get(dtype, _COARSE_TOLERANCE)
    elif tolerance < 0:
        raise UsageError(f"--tolerance {tolerance} is below 0.")
    checkpoint = resolve_checkpoint(model)
    shared = {name: value for name, value in (("dtype", dtype), ("max_pixels", max_pixels)) if value is not None}
    of_hf = shared | ({} if device is None else {"device": device})
    runners = []
    if base_url:  # First: a wrong address is known at once.
        of_api = {"base_url": base_url} | ({} if max_pixels is None else {"max_pixels": max_pixels})
        runners.append(Runner(label="api", engine="api", options=of_api, model=f"openai:{served_name or model}"))
    if find_spec("vllm") is not None:  # Before hf: its process is best started when torch has done nothing here.
        of_vllm = shared | ({} if max_model_len is None else {"max_model_len": max_model_len})
        runners.append(Runner(label="vllm", engine="vllm", options=of_vllm))
    runners.append(Runner(label="hf", engine="hf", options={**of_hf, "batch_size": 8}))
    runners.append(Runner(label="hf one by one", engine="hf", options={**of_hf, "batch_size": 1}))
    told, unusable = ask_all(checkpoint, runners)
    if len(told) < 2:
        raise UsageError(f"nothing to compare: {'; '.join(dict.fromkeys(unusable.values()))}")
    comparisons = [compare(pair, told[pair[0]], told[pair[1]], tolerance=tolerance) for pair in combinations(told, 2)]
    equal = all(comparison.equal for comparison in comparisons)
    distinct = len({item.response.text for item in next(iter(told.values())).values()})
    if as_json:
        found = {
            "model": model,
            "weights": checkpoint.weights,
            "dtype": dtype,
            "tolerance": tolerance,
            "cases": len(make_cases()),
            "distinct_texts": distinct,
            "unusable": unusable,
            "equal": equal,
            "comparisons": [asdict(comparison) for comparison in comparisons],
        }
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(comparisons, unusable, dtype, tolerance, distinct)))
    return 0 if equal else 1


def ask_all(
    checkpoint: Checkpoint, runners: Sequence[Runner], *, max_new_tokens: int = MAX_NEW_TOKENS
) -> tuple[dict[str, dict[str, Told]], dict[str, str]]:
    """Greedy responses of each runner to each case; one model is in memory at a time.

    Returns:
        By label and case, and why a runner in process could not load the checkpoint, by label.

    Raises:
        HarnessError: a runner failed in another way.
    """
    told, unusable = {}, {}
    for runner in runners:
        print(f"asking {runner.label} ...", file=sys.stderr)
        try:
            of_runner = replace(checkpoint, name=runner.model, folder=None) if runner.model else checkpoint
            told[runner.label] = _ask(of_runner, runner, make_cases(), max_new_tokens)
        except ModelError as error:
            if runner.model is not None:
                raise
            unusable[runner.label] = str(error)
    return told, unusable


def _ask(checkpoint: Checkpoint, runner: Runner, cases: Sequence[Request], max_new_tokens: int) -> dict[str, Told]:
    tokens: dict[str, Tokens] = {}
    engine = make_engine(runner.engine, checkpoint, runner.options)
    observed = (replace(case, observe=partial(tokens.__setitem__, case.sample_id)) for case in cases)
    try:
        engine.load()
        responses = {
            request.sample_id: response
            for request, response in engine.generate(observed, Decoding(max_new_tokens=max_new_tokens))
        }
    finally:
        engine.close()
    return {
        case.sample_id: Told(response=responses[case.sample_id], tokens=tokens.get(case.sample_id)) for case in cases
    }


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
        token, gap = _compare_tokens(mine.tokens, other.tokens)
        if token is not None:
            tokens.append(token)
        if gap is not None:
            gaps.append(gap)
        if not same or token is not None or (gap or 0.0) > tolerance:
            texts = mine.response.error or mine.response.text, other.response.error or other.response.text
            differences.append(Difference(case=name, token=token, logprob_difference=gap, texts=texts))
    return Comparison(
        engines=engines,
        cases=cases,
        equal_texts=equal_texts,
        first_token=min(tokens, default=None),
        logprob_difference=max(gaps, default=None),
        equal=not differences and cases > 0,
        differences=tuple(differences),
    )


def _compare_tokens(ours: Tokens | None, theirs: Tokens | None) -> tuple[int | None, float | None]:
    """First token that differs, and the greatest difference in log-probability before it."""
    if ours is None or theirs is None or ours.ids is None or theirs.ids is None:
        return None, None
    same = 0
    for mine, other in zip(ours.ids, theirs.ids, strict=False):
        if mine != other:
            break
        same += 1
    gaps = [abs(mine - other) for mine, other in zip(ours.logprobs[:same], theirs.logprobs[:same], strict=True)]
    ended_together = same == len(ours.ids) == len(theirs.ids)
    return None if ended_together else same, max(gaps, default=None)


def _lines(
    comparisons: Sequence[Comparison], unusable: Mapping[str, str], dtype: str, tolerance: float, distinct: int
) -> Iterator[str]:
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
