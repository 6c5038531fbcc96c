"""What a task's own scoring says: the numbers of one sample, and which of its metrics are means of them."""

from __future__ import annotations

import inspect
import io
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from math import isclose, isfinite
from numbers import Real
from statistics import fmean
from types import SimpleNamespace
from typing import Any, Final

_KEYS: Final = ("score", "correct", "accuracy", "acc", "exact_match", "is_correct", "hit")
"""Where the object that a task gives for a sample holds its number, unless its YAML names another `score_key`."""
_SCALES: Final = (1.0, 5.0, 10.0, 100.0)
"""No task tells between which bounds its numbers lie: that is the least of these that none of them is above."""
_ROUNDED: Final = 5.1e-5
"""Tasks round their figures: shares to four digits, percentages to two."""
_ALONE: Final = {0.0: 0.0, 1.0: 1.0, 100.0: 1.0}
"""What a metric may give for one sample where each is right or wrong, and the sample's number then."""
_SLOW_S: Final = 1.0
"""A metric that takes longer for one sample is not asked for each of thousands."""
_PARTS: Final = 4
"""Parts of the samples over which a metric has to be the mean too."""


def numbers_of(results: Mapping[str, Any], metrics: Iterable[str], score_key: str | None) -> dict[str, float]:
    """The numbers that a task gave one sample, by metric; metrics without a number are left out.

    Args:
        results: what the task's `process_results` returned.
        metrics: names of the task's metrics.
        score_key: name of the number in an object, as the task's YAML gives it.
    """
    numbers = {name: _number(results[name], score_key) for name in metrics if name in results}
    return {name: number for name, number in numbers.items() if number is not None}


def _number(item: Any, score_key: str | None) -> float | None:
    value = item[key] if (key := _key(item, score_key)) is not None else item
    if isinstance(value, Real) or getattr(value, "shape", None) == ():  # NumPy's are not all real numbers to Python.
        number = float(value)
        return number if isfinite(number) else None
    return None


def _key(item: Any, score_key: str | None) -> str | None:
    return next((key for key in (score_key, *_KEYS) if key in item), None) if isinstance(item, Mapping) else None


def aggregate(figure: Callable[..., Any], items: Sequence[Any]) -> float | None:
    """A metric over the items of its samples; `None` where it gives no number.

    Some only write a file for a submission site and need the settings of lmms-eval's command line, some take no empty
    list or none of their own: whatever they raise, they have no value.
    """
    try:
        return _number(_aggregated(figure, items), None) if items else None
    except (Exception, SystemExit):
        return None


def _aggregated(figure: Callable[..., Any], items: Sequence[Any]) -> Any:
    takes_args = "args" in inspect.signature(figure).parameters
    arguments = {"args": SimpleNamespace(output_path=os.devnull)} if takes_args else {}
    # It may change what it is given, and print tables of its own.
    given = [dict(item) if isinstance(item, Mapping) else item for item in items]
    with redirect_stdout(io.StringIO()):
        return figure(given, **arguments)


def alone(figure: Callable[..., Any], item: Any) -> float | None:
    """The number of a sample whose item holds none: 1 or 0, as the metric of it alone says; `None` where it does not.

    Where nothing is right some metrics give nothing, which is taken for 0: `shared_factor` tells whether it is.
    """
    started = time.monotonic()
    try:
        value = _aggregated(figure, [item])
    except (Exception, SystemExit):
        return None
    if time.monotonic() - started > _SLOW_S:
        return None
    number = 0.0 if value is None else _number(value, None)
    return None if number is None else _ALONE.get(number)


def shared_factor(figure: Callable[..., Any], items: Sequence[Any], numbers: Sequence[float]) -> float | None:
    """As `mean_factor`, of a metric whose items hold no numbers: whether it is the mean of those that `alone` gives.

    It has to be over all items and over parts of them, which are drawn. Where all numbers are equal that tells nothing,
    and it is taken for their mean.

    Args:
        figure: the metric's aggregation.
        items: what it is taken over.
        numbers: of each item.
    """
    if not items or len(numbers) < len(items):
        return None
    draw = random.Random(0)
    halves = (draw.sample(range(len(items)), (len(items) + 1) // 2) for _ in range(_PARTS))
    found = []
    for part in (range(len(items)), *halves):
        of = [numbers[place] for place in part]
        value = aggregate(figure, [items[place] for place in part])
        found.append((0.0 if value is None and not any(of) else value, of))
    for factor in (1.0, 100.0):
        if all(value is not None and _is_mean(value, of, factor) for value, of in found):
            return factor
    return None


def mean_factor(
    figure: Callable[..., Any], items: Sequence[Any], value: float | None, score_key: str | None
) -> float | None:
    """1 where a metric is the mean of its items' numbers, 100 where it is that in percent, `None` where it is neither.

    Other metrics can have the value of the mean by chance, as all of them have where every answer is wrong. So the
    metric is also taken over the same items with other numbers, which are drawn.

    Args:
        figure: the metric's aggregation.
        items: what it is taken over.
        value: what it gives for them.
        score_key: see `numbers_of`.
    """
    numbers = [number for item in items if (number := _number(item, score_key)) is not None]
    if value is None or len(numbers) < len(items):
        return None
    draw = random.Random(0)
    drawn = [1.0, *(float(draw.random() < 0.5) for _ in items[1:])]
    other = aggregate(figure, [_with(*pair, score_key) for pair in zip(items, drawn, strict=True)])
    for factor in (1.0, 100.0):
        if _is_mean(value, numbers, factor) and other is not None and _is_mean(other, drawn, factor):
            return factor
    return None


def _is_mean(value: float, numbers: Sequence[float], factor: float) -> bool:
    return isclose(value, factor * fmean(numbers), rel_tol=1e-9, abs_tol=factor * _ROUNDED)


def _with(item: Any, number: float, score_key: str | None) -> Any:
    """An item with another number, of the same type."""
    key = _key(item, score_key)
    kind = type(item if key is None else item[key])
    return kind(number) if key is None else {**item, key: kind(number)}


def highest(numbers: Sequence[float]) -> float | None:
    """The upper end of the scale that numbers are on, its lower end being 0; `None` where it cannot be told."""
    return next((scale for scale in _SCALES if all(0 <= number <= scale for number in numbers)), None)
