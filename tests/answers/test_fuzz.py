"""No string breaks the readers. A longer search: `python tests/support/fuzz_read_answer.py --minutes 10`."""

import pytest
from fuzz_read_answer import CHOICES, HOSTILE, QUESTION, responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.answers.open.matching import match_open
from harness.answers.reading import read_answer
from harness.answers.sections import split_sections
from harness.answers.wording import fold

SHORT = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@SHORT
@given(responses())
def test_yes_no_is_yes_or_no_or_none(response: str) -> None:
    assert read_answer(response, "yes_no") in ("yes", "no", None)
    assert read_answer(response, "yes_no", question=QUESTION) in ("yes", "no", None)


@SHORT
@given(responses())
def test_a_choice_is_a_key_or_none(response: str) -> None:
    assert read_answer(response, "choice", CHOICES, QUESTION) in (*CHOICES, None)
    assert read_answer(response, "choice") in ("A", "B", "C", "D", "E", None)


@SHORT
@given(responses(), st.dictionaries(st.text(max_size=6), st.text(max_size=30), max_size=6), st.text(max_size=60))
def test_options_and_questions_may_be_anything(response: str, choices: dict[str, str], question: str) -> None:
    assert read_answer(response, "choice", choices, question) in (*choices, None)
    read_answer(response, "yes_no", question=question)


@SHORT
@given(responses(), st.text(max_size=40), st.text(max_size=60))
def test_open_answers_match_or_not(response: str, target: str, question: str) -> None:
    answer = read_answer(response, "open", question=question)
    assert answer is None or answer.strip() == answer != ""
    assert match_open(answer, target, question) in (True, False, None)
    assert match_open(response, target, question) in (True, False, None)


@SHORT
@given(responses())
def test_sections_hold_the_whole_response(response: str) -> None:
    sections = split_sections(response)
    assert (sections.answer is None) == (sections.count("answer") == 0)
    assert len(sections.outside) + sum(len(block.text) for block in sections.blocks) <= len(response)
    assert sections.complete_answer is None or sections.complete_answer in response


@pytest.mark.parametrize("name", HOSTILE)
def test_long_hostile_texts_are_read(name: str) -> None:
    # A ligature is eighteen letters once it is folded.
    text = HOSTILE[name] * (100_000 // max(len(HOSTILE[name]), len(fold(HOSTILE[name]))))
    split_sections(text)
    assert read_answer(text, "yes_no", question=QUESTION) in ("yes", "no", None)
    assert read_answer(text, "choice", CHOICES, QUESTION) in (*CHOICES, None)
    answer = read_answer(text, "open", question=QUESTION)
    assert match_open(answer, "a dog", QUESTION) in (True, False, None)


@pytest.mark.parametrize(
    "text", ["NO WAIT", "no, wait", "Wait", "wait wait", "oops", "{\nI see", "𐩀", "dog: 𐩀", "²", "\x00invalid"]
)
def test_texts_that_once_broke_a_reader(text: str) -> None:
    assert read_answer(text, "yes_no", question=QUESTION) in ("yes", "no", None)
    assert read_answer(text, "choice", CHOICES, QUESTION) in (*CHOICES, None)
    assert match_open(read_answer(text, "open", question=QUESTION), text, QUESTION) in (True, False, None)


def test_lone_surrogates_and_combining_marks_are_read() -> None:
    for text in ("\ud800yes", "yes\udfff", "a" + "\u0301\u0323" * 20_000 + " yes", "\u0301" * 5_000):
        for kind in ("yes_no", "choice", "open"):
            read_answer(text, kind, CHOICES if kind == "choice" else None)  # type: ignore[arg-type]
