"""Statements that answer a yes/no question by repeating it."""

import pytest

from harness.answers.statements import read_statement
from harness.answers.text import sentences

DOG = "Is there a dog in the image?"
LINES = "Is the dashed line shorter than the solid line?"
NORTH = "Is Norway the farthest north?"
FINITE = "Is the limit finite?"


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (DOG, "There is a dog.", "yes"),
        (DOG, "Based on the image provided, I can see a dog on the left.", "yes"),
        (DOG, "There are two dogs in the picture.", "yes"),
        (DOG, "There is a dog sitting on a bed.", "yes"),
        (DOG, "There is no dog.", "no"),
        (DOG, "There isn't a dog in the image.", "no"),
        (DOG, "I do not see a dog.", "no"),
        (DOG, "The image shows a cat, not a dog.", "no"),
        (DOG, "There is no visible evidence of a dog.", "no"),
        (DOG, "There is a cat. There is no dog.", "no"),
        (LINES, "The dashed line is shorter than the solid line.", "yes"),
        (LINES, "The dashed line appears to be slightly shorter than the solid line, as its ends show.", "yes"),
        (LINES, "The dashed line is not shorter than the solid line.", "no"),
        (LINES, "The dashed line is longer than the solid line.", "no"),
        (LINES, "The two lines are of equal length.", "no"),
        (LINES, "So both lines have the same length.", "no"),
        (NORTH, "Norway is not the farthest north. Iceland is.", "no"),
        (NORTH, "Although it is small, Norway is the farthest north.", "yes"),
        (FINITE, "The limit is finite.", "yes"),
        (FINITE, "The limit is not finite.", "no"),
        (FINITE, "We get 1 + 1. Therefore, the limit is finite. That is the end.", "yes"),
        ("In the map, is the river wide?", "The river is wide.", "yes"),
    ],
)
def test_a_statement_that_repeats_the_question(question: str, text: str, answer: str) -> None:
    found = read_statement(sentences(text), question)
    assert found.answer == answer
    assert found.rule in ("statement", "same size")
    assert found.words in text


@pytest.mark.parametrize(
    ("affirmed", "denied"),
    [
        ("There is a dog.", "There is no dog."),
        ("There's a dog.", "There isn't a dog."),
        ("There appears to be a dog in the image.", "There does not appear to be a dog in the image."),
        ("There seems to be a dog.", "There doesn't seem to be a dog."),
        ("I see a dog.", "I don't see a dog."),
        ("I can see a dog.", "I cannot see a dog."),
        ("You will find a dog.", "I was unable to find a dog."),
        ("The image shows a dog.", "The image does not show a dog."),
        ("The picture displays dogs.", "The picture displays no dogs."),
        ("A dog can be seen.", "No dog can be seen."),
        ("A dog is to be seen.", "A dog is nowhere to be seen."),
        ("A dog is visible.", "A dog is not visible."),
        ("A dog is shown.", "A dog is not shown."),
        ("A dog is in the image.", "A dog isn't in the image."),
        ("It is a dog.", "It is not a dog."),
        ("It's a dog on a sofa.", "It's not a dog."),
        ("Those are dogs.", "They're not dogs."),
        ("A dog.", "No dog."),
        ("Some dogs in the image.", "Not a dog in the image."),
    ],
)
def test_every_form_is_read_in_both_polarities(affirmed: str, denied: str) -> None:
    assert [read_statement(sentences(text), DOG).answer for text in (affirmed, denied)] == ["yes", "no"]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        # other words
        (DOG, "There is a cat."),
        (DOG, "The dog is brown."),
        (DOG, "It is a dog bowl."),
        (DOG, "This is a dog crossing sign."),
        (DOG, "It's not a dog racing game."),
        (DOG, "It is a dog-shaped cloud."),
        (DOG, "There is a dog bed in the image."),
        (DOG, "I see a dog-shaped pillow."),
        ("Is there a bird?", "There is bird seed on the ground."),
        ("Is there a fish?", "There is a man fishing."),
        ("Is there a bowl?", "There are people bowling."),
        ("Is there a train?", "The image shows people training."),
        (DOG, "It was a dog, but now it's gone."),
        (DOG, "It is bigger than a dog."),
        (DOG, "It is for dogs."),
        (DOG, "It is not for dogs."),
        (DOG, "No dogs allowed."),
        (DOG, "No cat."),
        ("Is there any?", "It is not that."),
        (DOG, "I tried to find a dog."),
        (DOG, "There's no denying that there's a dog."),
        (FINITE, "The limit is infinite."),
        (NORTH, "Iceland is the farthest north."),
        # the same words in another order
        (LINES, "The solid line is shorter than the dashed line."),
        (LINES, "The solid line is longer than the dashed line."),
        # hedges and conditions
        (DOG, "There may be a dog."),
        (DOG, "It is not clear whether there is a dog."),
        (DOG, "Is there a dog?"),
        (DOG, "The question is if there is a dog."),
        (DOG, "There is something like a dog."),
        (LINES, "The lines are almost of the same length."),
        (LINES, "The lines are not of the same length."),
        (FINITE, "The limit is finite if x is positive."),
        (FINITE, "It would be wrong that the limit is finite."),
        # two negations, or the negation of a part
        (DOG, "It is not true that there is no dog."),
        (FINITE, "The limit is not fully finite."),
        ("Is the limit not finite?", "The limit is not finite."),
        # a contradiction
        (FINITE, "The limit is finite. Hence, the limit is not finite."),
        # set before the reasons in longer working
        (FINITE, "The limit is finite. One. Two. Three. Four."),
    ],
)
def test_no_statement_of_it(question: str, text: str) -> None:
    assert read_statement(sentences(text), question).answer is None


def test_every_sentence_counts_where_something_else_has_to_agree() -> None:
    parts = sentences("We look. The limit is finite. It is small. It is nice. It is big. It is red.")
    assert read_statement(parts, FINITE).answer is None
    assert read_statement(parts, FINITE, everywhere=True).answer == "yes"
