"""`harness doctor --engines MODEL`: whether the engines tell the same story of a user's own checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import combinations
from typing import Any, Final, NamedTuple

from harness.core.console import show, to_json
from harness.core.errors import EngineError, ModelError, UsageError, without_samples
from harness.doctor.cases import make_cases
from harness.doctor.comparing import Told, compare, comparison_lines
from harness.doctor.seeing import greyed_cases, look, seen_lines
from harness.engines import Decoding, Request, Tokens, VideoAs, make_engine
from harness.engines.checkpoints import Checkpoint, resolve_checkpoint
from harness.engines.inputs import choose_video_as, load_processor

MAX_NEW_TOKENS: Final = 64
_TOLERANCES: Final = {"float32": 1e-3}
_COARSE_TOLERANCE: Final = 0.1
"""In 16 bits, products in another order differ in the third digit, and so do log-probabilities."""


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


class Answered(NamedTuple):
    """What one runner said, by case, and how it was shown videos."""

    told: Mapping[str, Told]
    video_as: VideoAs | None


def run_engine_check(
    model: str,
    *,
    base_url: Sequence[str] | None = None,
    served_name: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    max_pixels: int | None = None,
    video_as: VideoAs | None = None,
    trust_remote_code: bool = False,
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
        video_as: how videos are shown; `None`: as the checkpoint's family takes them, to servers too.
        trust_remote_code: run Python code that comes with the checkpoint, where it has any.
        max_model_len: longest prompt and response together, of `vllm`.
        tolerance: greatest difference of a token's log-probability; `None`: 0.001 in float32, else 0.1.
        as_json: print JSON in place of tables.

    Returns:
        0 when all are equal within the tolerance and each sees all media, else 1.

    Raises:
        HarnessError: the checkpoint cannot be loaded, a server does not answer, or fewer than two runners are left.
    """
    dtype = dtype or "float32"
    if tolerance is None:
        tolerance = _TOLERANCES.get(dtype, _COARSE_TOLERANCE)
    elif tolerance < 0:
        raise UsageError(f"--tolerance {tolerance} is below 0.")
    if served_name is not None and not base_url:
        raise UsageError("--served-name is a name at a server: it needs --base-url.")
    checkpoint = resolve_checkpoint(model, trust_remote_code=trust_remote_code, sees=True)
    given = {"dtype": dtype, "max_pixels": max_pixels, "video_as": video_as}
    shared = {name: value for name, value in given.items() if value is not None}
    of_hf = shared | ({} if device is None else {"device": device})
    runners = []
    if base_url:  # First: a wrong address is known at once.
        family = load_processor(checkpoint)
        of_api: dict[str, Any] = {"base_url": base_url, "video_as": choose_video_as(family, video_as, model)}
        of_api |= {} if max_pixels is None else {"max_pixels": max_pixels}
        runners.append(Runner(label="api", engine="api", options=of_api, model=f"openai:{served_name or model}"))
    if find_spec("vllm") is not None:  # Before hf: its process is best started when torch has done nothing here.
        of_vllm = shared | ({} if max_model_len is None else {"max_model_len": max_model_len})
        runners.append(Runner(label="vllm", engine="vllm", options=of_vllm))
    runners.append(Runner(label="hf", engine="hf", options={**of_hf, "batch_size": 8}))
    runners.append(Runner(label="hf one by one", engine="hf", options={**of_hf, "batch_size": 1}))
    cases = make_cases()
    greyed = list(greyed_cases(cases))
    all_told, unusable = ask_all(checkpoint, runners, [*cases, *(item.request for item in greyed)])
    if len(all_told) < 2:
        raise UsageError(f"nothing to compare: {'; '.join(dict.fromkeys(unusable.values()))}")
    seen = {
        label: look(of_one.told, greyed, tolerance=tolerance, video_as=of_one.video_as)
        for label, of_one in all_told.items()
    }
    told = {
        label: {case.sample_id: of_one.told[case.sample_id] for case in cases} for label, of_one in all_told.items()
    }
    comparisons = [compare(pair, told[pair[0]], told[pair[1]], tolerance=tolerance) for pair in combinations(told, 2)]
    equal = all(comparison.equal for comparison in comparisons)
    distinct = len({item.response.text for item in next(iter(told.values())).values()})
    if as_json:
        found = {
            "model": model,
            "weights": checkpoint.weights,
            "dtype": dtype,
            "tolerance": tolerance,
            "cases": len(cases),
            "distinct_texts": distinct,
            "unusable": unusable,
            "equal": equal,
            "comparisons": [asdict(comparison) for comparison in comparisons],
            "seen": {label: asdict(item) for label, item in seen.items()},
        }
        show(to_json(found))
    else:
        lines = comparison_lines(comparisons, unusable, dtype, tolerance, distinct)
        show("\n".join([*lines, *seen_lines(seen)]))
    return 0 if equal and not any(item.unseen for item in seen.values()) else 1


def ask_all(
    checkpoint: Checkpoint, runners: Sequence[Runner], cases: Sequence[Request]
) -> tuple[dict[str, Answered], dict[str, str]]:
    """Greedy responses of each runner to each case; one model is in memory at a time.

    Returns:
        By label, and why a runner in process could not load or run the checkpoint, by label.

    Raises:
        HarnessError: a runner failed in another way.
    """
    told, unusable = {}, {}
    for runner in runners:
        show(f"asking {runner.label} ...", file=sys.stderr)
        try:
            of_runner = replace(checkpoint, name=runner.model, folder=None) if runner.model else checkpoint
            told[runner.label] = _ask(of_runner, runner, cases)
        except (ModelError, EngineError) as error:
            if runner.model is not None:
                raise type(error)(without_samples(error)) from error
            unusable[runner.label] = without_samples(error)
    return told, unusable


def _ask(checkpoint: Checkpoint, runner: Runner, cases: Sequence[Request]) -> Answered:
    tokens: dict[str, Tokens] = {}
    engine = make_engine(runner.engine, checkpoint, runner.options)
    observed = (replace(case, observe=partial(tokens.__setitem__, case.sample_id)) for case in cases)
    try:
        engine.load()
        video_as = engine.video_as
        responses = {
            request.sample_id: response
            for request, response in engine.generate(observed, Decoding(max_new_tokens=MAX_NEW_TOKENS))
        }
    finally:
        engine.close()
    told = {
        case.sample_id: Told(response=responses[case.sample_id], tokens=tokens.get(case.sample_id)) for case in cases
    }
    return Answered(told, video_as)
