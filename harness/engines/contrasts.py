"""Contrastive decoding against hallucination: which there are, and how users name them. Standard library only."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

from harness.core.errors import UsageError

Method = Literal["vcd", "m3id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Next tokens are chosen by how much more probable the image makes them.

    `vcd` (Leng et al., CVPR 2024, arXiv 2311.16922), with l the logits and l' those of a noised image, is

        (1 + alpha) l - alpha l'

    `m3id` (Favero et al., CVPR 2024, arXiv 2403.14003), with l and l' log-probabilities, l' those without the image,
    and t the number of the token from 1, is

        l + (exp(decay t) - 1) (l - l')    where max l < log threshold, else l

    with decay t counted as 60 at most, where float32 still holds the scores; in both a token is out of question where
    l < log beta + max l, with l as it was.

    Attributes:
        method: which of the two.
        alpha: (vcd) 0 leaves the logits. Default of the authors' code; their scripts set 1.
        noise_step: (vcd) of 1,000 diffusion steps, as the authors'.
        decay: (m3id) lambda, per token; 0 leaves the log-probabilities.
        threshold: (m3id) alpha in the paper; 1: at every token.
        beta: 0 leaves every token.
    """

    method: Method
    alpha: float = 0.5
    noise_step: int = 500
    decay: float = 0.02
    threshold: float = 1.0
    beta: float = 0.1

    def __str__(self) -> str:
        """As `--decoding` takes it, with all parameters of the method."""
        told = asdict(self)
        return f"{self.method}:" + ",".join(f"{name}={told[name]:g}" for name in _PARAMETERS[self.method])


_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "vcd": ("alpha", "beta", "noise_step"),
    "m3id": ("decay", "threshold", "beta"),
}
_RANGES: Final = {
    "alpha": (0.0, math.inf), "beta": (0.0, 1.0), "noise_step": (0, 999), "decay": (0.0, math.inf),
    "threshold": (0.0, 1.0),
}  # fmt: skip


def read_contrast(text: str) -> Contrast:
    """A method as `--decoding` takes it: `vcd`, `m3id`, or with parameters, `vcd:alpha=1,beta=0.2`.

    Raises:
        UsageError: no such method or parameter, or a value out of range.
    """
    method, _, given = text.partition(":")
    if method not in _PARAMETERS:
        raise UsageError(f"--decoding {text!r} does not exist. Choose one of: {', '.join(_PARAMETERS)}.")
    kinds = {field.name: int if field.name == "noise_step" else float for field in fields(Contrast)}
    values: dict[str, Any] = {}
    for part in filter(None, given.split(",")):
        name, _, value = part.partition("=")
        if name not in _PARAMETERS[method]:
            known = ", ".join(_PARAMETERS[method])
            raise UsageError(f"--decoding {text!r}: {method} has no parameter {name!r}. It has: {known}.")
        low, high = _RANGES[name]
        try:
            values[name] = kinds[name](value)
        except ValueError:
            values[name] = math.nan
        if not low <= values[name] <= high or math.isinf(values[name]):
            what = "a whole number" if kinds[name] is int else "a number"
            end = f"between {low:g} and {high:g}" if high < math.inf else f"of at least {low:g}"
            raise UsageError(f"--decoding {text!r}: {name} must be {what} {end}.")
    return Contrast(method=method, **values)  # type: ignore[arg-type]
