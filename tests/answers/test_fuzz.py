"""No string breaks the readers. A longer search: `python tests/support/fuzz_read_answer.py --minutes 10`."""

import time

import pytest
from fuzz_read_answer import CHOICES, HOSTILE, QUESTION, check, read_all, responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.answers.reading import match_answer, read_answer

SHORT = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@SHORT
@given(responses())
def test_any_response_is_read(response: str) -> None:
    read_all(response)


@SHORT
@given(responses(), st.dictionaries(st.text(max_size=6), st.text(max_size=30), max_size=6), st.text(max_size=60))
def test_options_and_questions_may_be_anything(response: str, choices: dict[str, str], question: str) -> None:
    check(read_answer(response, "choice", choices, question), response, tuple(choices))
    check(read_answer(response, "yes_no", choices, question), response, ("yes", "no"))


@SHORT
@given(responses(), st.text(max_size=40), st.text(max_size=60))
def test_targets_may_be_anything(response: str, target: str, question: str) -> None:
    assert match_answer(response, target, "open", question=question) in ("right", "wrong", "unknown")


@pytest.mark.parametrize("form", ["{}", "x{}x"])
@pytest.mark.parametrize("name", HOSTILE)
def test_long_hostile_texts_are_read_in_time(name: str, form: str) -> None:
    text = form.replace("{}", HOSTILE[name] * (40_000 // len(HOSTILE[name])))
    started = time.process_time()
    check(read_answer(text, "yes_no", question=QUESTION), text, ("yes", "no"))
    check(read_answer(text, "choice", CHOICES, QUESTION), text, tuple(CHOICES))
    check(read_answer(text, "open", question=QUESTION), text)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "text", ["NO WAIT", "no, wait", "Wait", "wait wait", "oops", "{\nI see", "𐩀", "dog: 𐩀", "²", "\x00invalid"]
)
def test_texts_that_once_broke_a_reader(text: str) -> None:
    read_all(text)


def test_lone_surrogates_and_combining_marks_are_read() -> None:
    for text in ("\ud800yes", "yes\udfff", "a" + "\u0301\u0323" * 20_000 + " yes", "\u0301" * 5_000):
        read_all(text)
