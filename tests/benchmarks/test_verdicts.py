"""From one response to its two verdicts."""

from typing import Any

import pytest

from harness.benchmarks.registry import get_benchmark
from harness.benchmarks.verdicts import judge_response, official_text
from harness.core.types import NEEDS_JUDGE, Response, Sample

YES_NO = Sample(id="a", task="t", question="Is there a dog?", target="no", answer_kind="yes_no")
OPEN = Sample(id="a", task="t", question="What is it?", target="Dolly Zoom", answer_kind="open")
NUMBER = Sample(id="a", task="t", question="How many dogs are there?", target="3", answer_kind="open")


@pytest.mark.parametrize(
    ("sample", "response", "answer", "status", "reason"),
    [
        (YES_NO, {"text": "No."}, "no", "correct", None),
        (YES_NO, {"text": "Yes."}, "yes", "incorrect", None),
        (YES_NO, {"text": "I see"}, None, "not_understood", None),
        (YES_NO, {"text": "I cannot help with that."}, None, "unanswered", "refused"),
        (YES_NO, {"text": " "}, None, "unanswered", "empty"),
        (YES_NO, {"text": "Well", "finish_reason": "length"}, None, "unanswered", "cut off"),
        (YES_NO, {"text": "<think>There is"}, None, "unanswered", "cut off"),
        (YES_NO, {"text": "", "error": "engine: died"}, None, "error", None),
        (OPEN, {"text": "dolly zoom"}, "dolly zoom", "correct", None),
        (OPEN, {"text": "The answer is: a tracking shot"}, "a tracking shot", "incorrect", NEEDS_JUDGE),
        (NUMBER, {"text": "The answer is 3."}, "3", "correct", None),
        (NUMBER, {"text": "The answer is 4."}, "4", "incorrect", None),
        (OPEN, {"text": "not a dolly zoom"}, "not a dolly zoom", "incorrect", NEEDS_JUDGE),
        (OPEN, {"text": "One may call it what one will here"}, None, "not_understood", None),
    ],
)
def test_the_strict_verdict(
    sample: Sample, response: dict[str, Any], answer: str | None, status: str, reason: str | None
) -> None:
    verdict = judge_response(sample, Response(sample_id="a", **response))
    assert (verdict.answer, verdict.status, verdict.reason) == (answer, status, reason)
    assert (verdict.official, verdict.official_answer) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "<think>yes or no? It is there: yes.</think>\n\nno",
        "yes or no? It is there: yes.</think>\n\nno",
        "<think>Is it yes?</think><answer>no</answer>",
    ],
)
def test_what_follows_a_thinking_is_given_to_every_published_evaluator(text: str) -> None:
    for task in ("pope", "repope", "dash_b", "eventhallusion", "hallusionbench", "videohallucer"):
        attributes = {"category": "VD", "figure": "0", "question": "0", "visual_input": "1", "kind": "basic"}
        sample = Sample(id="a", task=task, question="Is it?", target="no", answer_kind="yes_no", attributes=attributes)
        verdict = get_benchmark(task).judge(sample, Response(sample_id="a", text=text))
        assert (verdict.official, verdict.official_answer, verdict.status) == (True, "no", "correct"), task


def test_the_published_evaluator_is_given_the_final_answer() -> None:
    given = []

    def read_officially(sample: Sample, text: str) -> tuple[bool, str]:
        given.append((sample, text))
        return True, "what it read"

    response = Response(sample_id="a", text="<think>no</think><answer> yes </answer>")
    verdict = judge_response(YES_NO, response, read_officially)
    assert given == [(YES_NO, "yes")]
    assert (verdict.status, verdict.official, verdict.official_answer) == ("incorrect", True, "what it read")
    judge_response(YES_NO, Response(sample_id="a", text="", error="engine: died"), read_officially)
    assert len(given) == 1


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("Yes, a dog.", "Yes, a dog."),
        ("  yes \n", "  yes \n"),
        ("", ""),
        ("a < b", "a < b"),
        ("<b>No</b>", "<b>No</b>"),
        ("<answer>No</answer>", "No"),
        ("<answer>\n No.\n</answer>", "No."),
        ("<ANSWER>No</ANSWER>", "No"),
        ("<answer>yes</answer> <answer>no</answer>", "no"),
        ("<answer>yes</answer> <answer></answer>", ""),
        ("<answer>yes</answer> <answer>no", "yes"),
        ("<answer>yes", ""),
        ("<think>yes</think> no", "no"),
        ("No. <think>It may be there: yes.</think>", "No."),
        ("It may be there: yes.</think>\n\nNo.\n", "No."),
        ("<think>yes</think> no <think>or", ""),
        ("<think>yes</think> <answer>no", ""),
        ("no</answer>", "no"),
        ("<think>yes", ""),
        ("<prethink>p</prethink> yes", "yes"),
        ("◁think▷yes◁/think▷ no", "no"),
        ("[THINK]yes", ""),
        ("<REASONING>yes</REASONING> <CONCLUSION>no</CONCLUSION>", "no"),
        ("yes <caption>", ""),
        ("yes</think>", ""),
        ("<think>so <answer>yes</answer></think>", ""),
        ("<think>no</think><answer>yes</answer>", "yes"),
    ],
)
def test_what_an_evaluator_is_given(response: str, text: str) -> None:
    assert official_text(response) == text
