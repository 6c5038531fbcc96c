"""What a plain text answers to a yes/no question."""

import pytest

from harness.answers.yes_no import polarity, read_yes_no

QUESTION = "Is the blue cup larger than the red cup?"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("Yes.", "yes"),
        ("(B) no", "no"),
        ("B (No)", "no"),
        ('"yes"', "yes"),
        ("Definitely yes", "yes"),
        ("true", "yes"),
        ("Not true", "no"),
        ("No, it is not", "no"),
        ("no because it is small", "no"),
        ("no no no", "no"),
        ("yes yes yes", "yes"),
        *((f"{word}, it is.", "yes") for word in ("Absolutely", "Definitely", "Certainly")),
        *((f"{word} not.", "no") for word in ("Absolutely", "Definitely", "Certainly", "Of course", "Probably")),
        ("Probably yes", "yes"),
        ("Most likely not", "no"),
        ("Of course!", "yes"),
        ("Certainly no", "no"),
        ("Indeed, there is no dog.", None),
        ("Indeed, it is.", "yes"),
        ("Absolutely not a cat, but a dog", None),
        # said of the image or of the model, and not of what was asked
        ("Yes, I see the image.", None),
        ("Yes, I can help with that", None),
        ("Yes, unfortunately I can't see the image.", None),
        ("No, unfortunately I can't see the image.", None),
        ("Yes, but I cannot tell.", None),
        ("No, however, I can't tell for sure.", None),
        ("No, but I cannot determine it from the image.", None),
        ("Yes, but I can't identify the person.", "yes"),
        ("No, but I cannot tell what is behind the door.", "no"),
        ("Yes, I see the image of a dog.", "yes"),
        ("Yes, I can see a dog in the image.", "yes"),
        ("Yes or no", None),
        ("yes/no", None),
        ("No dogs", None),
        ("no different from it", None),
        ("No. 30", None),
        ("Yesterday", None),
        ("Nothing", None),
        ("maybe", None),
        ("", None),
    ],
)
def test_a_text_begins_with_yes_or_no(payload: str, expected: str | None) -> None:
    assert polarity(payload) == expected


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("Certainly, a dog is lying on the grass with no leash.", "Is there a dog?", "yes"),
        ("Certainly, a dog is lying on the grass with no leash.", "Is a dog lying on the grass?", "yes"),
        ("Certainly, there is a dog, no doubt.", "Is there a dog?", "yes"),
        ("Absolutely, the dog isn't hidden.", "Is there a dog?", "yes"),
        ("Indeed, there is no dog.", "Is there no dog in the image?", "yes"),
        ("Indeed, there is no dog.", "Is there a dog?", None),
        ("Certainly, no dog is there.", "Is there a dog?", None),
        ("Absolutely, the image does not show a dog.", "Is there a dog?", None),
        ("Definitely, a dog is not visible.", "Is there a dog?", None),
        ("Certainly, the dog isn't brown.", "Is the dog brown?", None),
    ],
)
def test_a_negation_behind_certainly_counts_where_it_is_of_what_was_asked(
    text: str, question: str, expected: str | None
) -> None:
    assert polarity(text, question) == expected


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("Yes", "yes", "begins"),
        ("No, the red one is.", "no", "begins"),
        ("(A) Yes, it is.", "yes", "begins"),
        ("Based on the image, no, it is not.", "no", "begins"),
        ("It is small.\nIt is blue.\nNo", "no", "ends"),
        ("One holds more water, so yes.", "yes", "ends"),
        ("It is small. So the answer is no.", "no", "answer is"),
        ("Yes, at first sight. But look: the answer is no.", "no", "answer is"),
        ("The answer is B (No).", "no", "answer is"),
        ("\\boxed{yes}", "yes", "boxed"),
        ("The blue cup is larger than the red cup.", "yes", "statement"),
        ("The blue cup is not larger than the red cup.", "no", "statement"),
        ("Both cups are of the same size.", "no", "same size"),
        ("Absolutely! The blue cup is not larger than the red cup.", "no", "statement"),
        ("Certainly! The blue cup is larger than the red cup.", "yes", "begins"),
        # neither, or both
        ("Yes or no", None, "nothing"),
        ("yes, no", None, "nothing"),
        ("no no yes", None, "nothing"),
        ("Yes 20%, No 80%", None, "nothing"),
        ("No (20%), Yes (80%)", None, "nothing"),
        ("Yes, it is. No, it is not.", None, "nothing"),
        ("If it holds more, then yes.", None, "nothing"),
        ("A) Yes\nB) No", None, "nothing"),
        ("The answer is not yes.", None, "nothing"),
        ("The blue cup stands on a table.", None, "nothing"),
        ("B", None, "nothing"),
        ("No doubt.", None, "nothing"),
        # refusals
        ("I cannot tell which one is larger.", None, "refused"),
        ("The blue cup is left of the red cup. There is not enough information.", None, "refused"),
        ("Yes, unfortunately I can't see the image.", None, "refused"),
        ("I'm sorry.", None, "refused"),
        # a statement beside what declines: nobody knows which of them counts
        ("The blue cup is larger than the red cup. I cannot determine it without more context.", None, "nothing"),
        ("The blue cup is larger than the red cup, but it is hard to tell.", None, "nothing"),
        ("The blue cup is larger than the red cup. I cannot determine their exact size.", None, "nothing"),
        ("It is hard to say. Therefore, the blue cup is larger than the red cup.", "yes", "statement"),
        ("I'm sorry, but the blue cup is not larger than the red cup.", "no", "statement"),
        ("Yes, I can see the image. The blue cup is not larger than the red cup.", "no", "statement"),
    ],
)
def test_without_letters(text: str, answer: str | None, rule: str) -> None:
    found = read_yes_no(text, QUESTION)
    assert (found.answer, found.rule) == (answer, rule)
    assert found.words in text
    assert bool(found.words) is (answer is not None)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I don't see any.", "nothing"),
        ("The image does not show any evidence of it.", "nothing"),
        ("There is a cat. I do not see any birds.", "nothing"),
        ("I can't see a bird, but there is a dog.", "nothing"),
        ("I can't see the image.", "refused"),
        ("As an assistant for texts I am not able to view images.", "refused"),
        ("I don't have access to the photo.", "refused"),
    ],
)
def test_not_to_see_something_is_no_refusal_to_say_whether_it_is_there(text: str, rule: str) -> None:
    found = read_yes_no(text, "Is there a dog?")
    assert (found.answer, found.rule) == (None, rule)


@pytest.mark.parametrize(
    "declined", ["Its breed is not clear.", "I cannot tell its breed.", "Its age is hard to tell."]
)
@pytest.mark.parametrize(("said", "answer"), [("There is a dog", "yes"), ("There is no dog but a cat", "no")])
def test_what_is_declined_of_something_else_is_no_refusal(said: str, answer: str, declined: str) -> None:
    for text in (f"{said}. {declined}", f"{said}, but {declined}"):
        assert read_yes_no(text, "Is there a dog?").answer == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The blue cup is larger than the red cup. Therefore, the answer is A.", "yes"),
        ("The blue cup is not larger than the red cup. Therefore, the answer is B.", "no"),
        ("The blue cup is larger than the red cup. Therefore, the answer is B.", None),
        ("Therefore, the answer is B.", None),
        ("The answer is (A) no. So the answer is A.", "no"),
    ],
)
def test_a_letter_that_the_question_does_not_offer_needs_its_word_or_a_statement(text: str, answer: str | None) -> None:
    assert read_yes_no(text, QUESTION).answer == answer
