"""Captions as answers: what is counted in them, their figures by hand, and what nothing is gained by."""

from typing import Any

import pytest

from harness.answers.objects import build_vocabulary
from harness.benchmarks.captions import by_vocabulary, caption_units, description, join_objects, judge_caption, metrics
from harness.core.prompts import build_prompt
from harness.core.types import Response, Sample, SampleRecord, TaskResult
from harness.statistics import summarise

NAMES = ("dog", "cat", "person", "tree", "car", "bus")
VOCABULARY = build_vocabulary({name: {"person": ["man"]}.get(name, ()) for name in NAMES})
THERE = [("dog", "person"), ("cat",), ("tree", "car"), ("dog", "tree")]


class Toy:
    name = "toy"
    headline = "all/f1"
    units = staticmethod(caption_units)
    metrics = staticmethod(metrics)


def sample(number: int) -> Sample:
    return Sample(
        id=str(number),
        task="toy",
        question="Describe this image.",
        target=join_objects(THERE[number]),
        answer_kind="caption",
        cluster=str(number),
    )


def record(number: int, text: str, error: str | None = None) -> SampleRecord:
    response = Response(sample_id=str(number), text=text, error=error)
    verdict = judge_caption(sample(number), response, by_vocabulary(VOCABULARY))
    return SampleRecord(sample=sample(number), response=response, verdict=verdict)


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [("<think>A dog", "length", "cut off"), ("<think>A dog", None, "cut off"), ("", "stop", "empty")],
)
def test_why_nothing_is_described(text: str, finish_reason: Any, reason: str) -> None:
    response = Response(sample_id="0", text=text, finish_reason=finish_reason)
    verdict = judge_caption(sample(0), response, by_vocabulary(VOCABULARY))
    assert (verdict.status, verdict.reason) == ("unanswered", reason)


def score(*texts: str) -> TaskResult:
    return summarise(Toy(), [record(number, text) for number, text in enumerate(texts)])


def test_figures_by_hand() -> None:
    # Named: dog, man; dog, dog, no cat; car, bus; nothing.
    result = score("A man and a dog.", "A dog, a small dog, and no cat.", "A car behind a bus", "It is nice.")
    found = {name: metric.value for name, metric in result.metrics.items()}
    # There and named: dog, person, car; different ones named: 2 + 1 + 2; there: 7.
    assert found == pytest.approx(
        {
            "all/f1": 2 * 3 / (5 + 7),
            "all/chair_s": 2 / 3,
            "all/chair_i": 3 / 6,
            "all/recall": 3 / 7,
            "all/words": (5 + 8 + 5 + 3) / 4,
        }
    )
    assert all(metric.stderr for metric in result.metrics.values())
    assert [name for name, metric in result.metrics.items() if metric.scale != "share"] == ["all/words"]
    assert (result.unanswered, result.errors) == (1, 0)
    assert set(result.official.values()) == {None}


def test_verdicts() -> None:
    statuses = [
        record(0, text).verdict
        for text in ("A dog.", "A dog and a cat.", "", "It is nice.", "I'm sorry, but I can't help with that.")
    ]
    assert [(verdict.status, verdict.answer, verdict.reason) for verdict in statuses] == [
        ("correct", "dog", None),
        ("incorrect", "dog; cat", None),
        ("unanswered", None, "empty"),
        ("unanswered", None, "names no object"),
        ("unanswered", None, "refused"),
    ]
    assert record(0, "", error="died").verdict.status == "error"


@pytest.mark.parametrize(
    ("response", "caption"),
    [
        ("A dog.", "A dog."),
        ("<planning>cat</planning><caption>a dog</caption><think>cat</think><answer>1</answer>", "a dog"),
        ("<think>Is it a cat?</think><answer>A dog.</answer>", "A dog."),
        ("<planning>look for a cat</planning> <caption> a dog", "a dog"),
        ("<think>a cat", ""),
        ("<think>a cat</think> A dog.", "A dog."),
        ("a < b and a dog", "a < b and a dog"),
    ],
)
def test_what_is_taken_for_the_caption(response: str, caption: str) -> None:
    assert description(response) == caption


@pytest.mark.parametrize(
    "text", ["", " \n", "I cannot tell.", "Describe this image.", "object", "<caption></caption>", "yes", "A"]
)
def test_saying_nothing_is_worth_nothing(text: str) -> None:
    metrics_of = score(*[text] * 4).metrics
    assert (metrics_of["all/f1"].value, metrics_of["all/recall"].value) == (0.0, 0.0)
    # Nothing said is not "no hallucination".
    assert metrics_of["all/chair_s"].value is None
    assert metrics_of["all/chair_i"].value is None


def test_naming_everything_is_worth_what_chance_is() -> None:
    everything = score(*[", ".join(NAMES)] * 4).metrics
    assert everything["all/recall"].value == 1.0
    assert everything["all/chair_s"].value == 1.0
    assert everything["all/f1"].value == pytest.approx(2 * 7 / (24 + 7))
    assert everything["all/f1"].value < score("A man, a dog", "a cat", "a tree", "a dog").metrics["all/f1"].value
    repeated = score("dog " * 50, "", "", "").metrics["all/f1"].value
    assert repeated == score("dog", "", "", "").metrics["all/f1"].value


def test_a_request_to_describe_is_asked_as_it_is() -> None:
    assert build_prompt(sample(0), "direct") == "Describe this image."
    assert build_prompt(sample(0), "think").endswith("then give the description between <answer> and </answer>.")
    assert "describe between <caption> and </caption>" in build_prompt(sample(0), "grounded")
