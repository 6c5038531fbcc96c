"""Replies that lean on the question, and those that are read without one."""

import pytest

from harness.answers.yes_no.short_replies import elliptic_reply, is_no_claim, plain_reply, tail_reply


@pytest.mark.parametrize(
    ("sentence", "affirms"),
    [
        ("it does", True),
        ("it does not", False),
        ("he is indeed", True),
        ("there are several", True),
        ("there is none", False),
        ("i see one", True),
        ("i do not see any", False),
        ("i do not think it is", False),
        ("it seems that it is not", False),
        ("that is what happens in the video", True),
        ("this is not shown in the video", False),
        ("none of them are", False),
        ("i count two", True),
        # a matter of its own: for another stage
        ("there is a dog", None),
        ("it is beside the table", None),
        ("the answer is", None),
        ("yes", None),
    ],
)
def test_without_matter_of_its_own(sentence: str, affirms: bool | None) -> None:
    assert elliptic_reply(sentence) is affirms


@pytest.mark.parametrize(
    ("sentence", "affirms"),
    [
        ("i looked for a car but did not find any", False),
        ("i looked for a car, and there is one", True),
        ("i looked for a car and found one", True),
        ("there are roads and houses, but there are none", False),
        ("i searched the street for a car in vain", None),
        ("a car drives and stops", None),
    ],
)
def test_the_last_clause(sentence: str, affirms: bool | None) -> None:
    assert tail_reply(sentence) is affirms


@pytest.mark.parametrize(
    ("sentence", "affirms"),
    [
        ("there is no dog", False),
        ("the image does not contain a dog", False),
        ("i can not see a dog", False),
        ("a dog is not present", False),
        ("there is a dog", True),
        ("i see a dog", True),
        ("the image shows a dog", True),
        ("there is no other animal", True),
        ("a dog", None),
        ("the dog sleeps", None),
        ("i see a dog without a leash", None),
    ],
)
def test_without_a_question(sentence: str, affirms: bool | None) -> None:
    assert plain_reply(sentence) is affirms


@pytest.mark.parametrize(
    ("sentence", "no_claim"),
    [
        ("i need to check whether there is a dog", True),
        ("let me look for a dog", True),
        ("the question asks about a dog", True),
        ("it would be a dog", True),
        ("there is a dog", False),
        ("i am unable to find a dog", False),
        ("the dog in question is there", False),
    ],
)
def test_what_is_asked_or_planned(sentence: str, no_claim: bool) -> None:
    assert is_no_claim(sentence) is no_claim
