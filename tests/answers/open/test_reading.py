"""The final answer's text in a free text."""

import pytest

from harness.answers.open.reading import read_open

QUESTION = "Which technique is shown in the video?"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # announced, the strongest and last one
        ("The answer is X-ray imaging.", "X-ray imaging"),
        ("The answer is panning. \\boxed{dolly zoom}", "dolly zoom"),
        ('{"thought": "x", "answer": "dolly zoom"}', "dolly zoom"),
        ("The answer is panning. The answer is dolly zoom", "dolly zoom"),
        ("The answer is dolly zoom because the background shrinks.", "dolly zoom"),
        # a short first sentence before an explanation, or the text itself
        ("Dolly zoom. The background shrinks while the man stays as large as he was.", "Dolly zoom"),
        ("a dolly zoom", "a dolly zoom"),
        # without what leads in to it or decorates it
        ("In conclusion, dolly zoom", "dolly zoom"),
        ("I would guess dolly zoom.", "dolly zoom"),
        ("It is not panning but dolly zoom", "dolly zoom"),
        ("**'Dolly zoom'.**", "Dolly zoom"),
        ("(dolly zoom)", "dolly zoom"),
        ("$\\frac{1}{2}$", "\\frac{1}{2}"),
        ("5 \\mu\\text{m}", "5 µm"),
        (".5", ".5"),
        ("dolly zoom dolly zoom dolly zoom", "dolly zoom"),
        # taken back
        ("Panning. Correction: dolly zoom", "dolly zoom"),
        ("Panning... no, dolly zoom", "dolly zoom"),
        ("Panning? No, dolly zoom", "dolly zoom"),
        # no answer
        ("", None),
        ("...", None),
        ("your answer", None),
        ("Which technique is shown in the video?", None),
        ("I cannot determine the technique.", None),
        ("I'm sorry, I can't help with that.", None),
        ("Answer the question using a single word or phrase.", None),
    ],
)
def test_the_answer(text: str, answer: str | None) -> None:
    assert read_open(text, QUESTION) == answer
