"""Which of a task's metrics are means of its samples' numbers, whatever the answers are."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.lmms.scores import aggregate, alone, highest, mean_factor, numbers_of, shared_factor

Figure = Callable[[list[Any]], Any]


def mean(items: list[float]) -> float:
    return sum(items) / len(items)


def median(items: list[float]) -> float:
    return items[len(items) // 2]


def percent(items: list[dict[str, Any]]) -> float:
    return round(100 * sum(item["score"] for item in items) / len(items), 2)


def by_category(items: list[dict[str, Any]]) -> float:
    """Points over categories, as MME counts them."""
    categories = {item["category"] for item in items}
    of = {name: [item["score"] for item in items if item["category"] == name] for name in categories}
    return sum(100 * sum(scores) / len(scores) for scores in of.values())


def f1(items: list[dict[str, Any]]) -> float:
    hits = sum(item["said"] == item["gold"] == "yes" for item in items)
    all_yes = sum((item["said"] == "yes") + (item["gold"] == "yes") for item in items)
    return 2 * hits / all_yes if all_yes else 0.0


def numbers(*scores: float) -> list[Any]:
    return list(scores)


def objects(*scores: float) -> list[Any]:
    """Each with all that the metrics above look at."""
    return [
        {
            "score": score,
            "category": "first" if place < 3 else "second",
            "gold": "yes" if place % 2 else "no",
            "said": "yes" if (place % 2 == 1) == (score == 1) else "no",
        }
        for place, score in enumerate(scores)
    ]


@pytest.mark.parametrize("scores", [(1, 0, 0, 1, 1, 0, 1), (0,) * 7, (1,) * 7])
@pytest.mark.parametrize(
    ("figure", "make", "factor"),
    [
        (mean, numbers, 1),
        (median, numbers, None),
        (percent, objects, 100),
        (by_category, objects, None),
        (f1, objects, None),
    ],
)
def test_a_mean_is_told_from_what_has_its_value_by_chance(
    figure: Figure, make: Callable[..., list[Any]], factor: float | None, scores: tuple[float, ...]
) -> None:
    items = make(*scores)
    assert mean_factor(figure, items, aggregate(figure, items), "score") == factor


def test_one_in_the_samples_numbers_is_missing() -> None:
    items = [{"score": 1.0}, {"score": None}, {"score": 0.0}]
    assert mean_factor(lambda items: 0.5, items, 0.5, "score") is None


def words(*scores: float) -> list[dict[str, str]]:
    """Items without numbers: what was said, what is right, and of which category it is."""
    return [
        {"said": "A" if score else "B", "gold": "A", "category": "first" if place < 3 else "second"}
        for place, score in enumerate(scores)
    ]


def accuracy(items: list[dict[str, str]]) -> float:
    print("a table of its own")
    return round(sum(item["said"] == item["gold"] for item in items) / len(items), 5)


def percent_or_nothing(items: list[dict[str, str]], args: Any) -> float | None:
    return 100 * accuracy(items) or None


def over_categories(items: list[dict[str, str]]) -> float:
    of = [[item for item in items if item["category"] == name] for name in {item["category"] for item in items}]
    return sum(map(accuracy, of)) / len(of)


def precision(items: list[dict[str, str]]) -> float:
    said = [item for item in items if item["said"] == "A"]
    return sum(item["gold"] == "A" for item in said) / len(said)


def overlap(items: list[dict[str, str]]) -> float:
    return sum(0.5 if item["said"] == "A" else 0.2 for item in items) / len(items)


@pytest.mark.parametrize(
    ("figure", "numbers", "factor"),
    [
        (accuracy, [1, 0, 0, 1, 1, 0, 1], 1),
        (percent_or_nothing, [1, 0, 0, 1, 1, 0, 1], 100),
        (percent_or_nothing, [0] * 7, 1),  # A share or a percentage: 0 is the same in both.
        (over_categories, [1, 0, 0, 1, 1, 0, 1], None),
    ],
)
def test_metrics_whose_items_hold_no_numbers_say_what_each_sample_is(
    figure: Figure, numbers: list[float], factor: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    items = words(*numbers)
    assert [alone(figure, item) for item in items] == numbers
    assert shared_factor(figure, items, numbers) == factor
    assert capsys.readouterr().out == ""


def test_a_metric_that_gives_anything_else_for_a_sample_says_nothing_of_it() -> None:
    right, wrong = words(1, 0)
    assert alone(precision, right) == 1.0
    assert alone(precision, wrong) is None
    assert alone(overlap, right) is None
    assert alone(lambda items: {"a": 1}, right) is None
    assert shared_factor(accuracy, words(1, 0), [1.0]) is None
    assert shared_factor(accuracy, [], []) is None


def test_a_metric_that_is_slow_is_not_asked_for_each_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.5])
    monkeypatch.setattr("harness.lmms.scores.time.monotonic", lambda: next(clock))
    assert alone(accuracy, words(1)[0]) is None


@pytest.mark.parametrize("kind", [bool, int, float, np.float32, np.bool_, np.int64])
def test_numbers_of_every_kind_are_kept(kind: Callable[[int], Any]) -> None:
    results = {"a": kind(1), "b": {"points": kind(1), "score": 7}, "c": {"hit": kind(0)}, "d": "text", "e": [1.0]}
    found = numbers_of(results, ["a", "b", "c", "d", "e", "f"], "points")
    assert found == {"a": 1.0, "b": 1.0, "c": 0.0}
    assert {type(value) for value in found.values()} == {float}


def test_what_is_no_number_has_no_value() -> None:
    assert numbers_of({"a": float("nan"), "b": float("inf")}, ["a", "b"], None) == {}
    assert aggregate(lambda items: {"a": 1}, [1]) is None
    assert aggregate(lambda items: float("nan"), [1]) is None
    assert aggregate(len, []) is None


def test_an_aggregation_that_fails_or_ends_the_program_has_no_value() -> None:
    def leave(items: list[Any]) -> float:
        raise SystemExit("no key")

    assert aggregate(leave, [1]) is None
    assert aggregate(lambda items: 1 / 0, [1]) is None


def test_an_aggregation_may_change_what_it_is_given() -> None:
    def eat(items: list[dict[str, Any]]) -> float:
        total = 0.0
        while items:
            total += items.pop().pop("score")
        return total / 4

    items = objects(1, 0, 0, 1)
    assert aggregate(eat, items) == aggregate(eat, items) == 0.5
    assert mean_factor(eat, items, 0.5, None) == 1


def test_an_aggregation_is_given_lmms_evals_settings_where_it_asks_for_them() -> None:
    def submit(items: list[Any], args: Any) -> int:
        return len(args.output_path)

    assert aggregate(submit, [1]) == len("/dev/null")


@pytest.mark.parametrize(
    ("scores", "high"),
    [((0, 1), 1), ((0.9,), 1), ((0, 3), 5), ((7.5,), 10), ((66, 100), 100), ((-1, 1), None), ((101,), None), ((), 1)],
)
def test_the_scale_is_the_least_that_holds_all_scores(scores: tuple[float, ...], high: float | None) -> None:
    assert highest(scores) == high


def test_the_same_figure_is_the_same_twice() -> None:
    draw = random.Random(1)
    items = numbers(*(draw.random() for _ in range(50)))
    assert mean_factor(mean, items, aggregate(mean, items), None) == 1
    assert mean_factor(median, items, aggregate(median, items), None) is None
