"""Whether a sentence says that the event asked about happens."""

import pytest

from harness.answers.yes_no.events import event_stance
from harness.answers.yes_no.questions import ask

JUMP = "Does the man jump over the fence?"
START = "Does 'a man opens the door' happen at the beginning of the video?"
ORDER = "Does 'she ties a knot' happen earlier than 'she cuts the rope'?"
STEP = "Based on the video, should we soak the beans when we make stew?"


@pytest.mark.parametrize(
    ("question", "sentence", "stance"),
    [
        (JUMP, "the man jumps over the fence", "yes"),
        (JUMP, "the man does not jump over the fence", "no"),
        (JUMP, "the man never jumps", "no"),
        (JUMP, "the man walks, rather than jumping over it", "no"),
        (JUMP, "he jumps", "yes"),
        (JUMP, "he suddenly jumps the fence", "yes"),
        (JUMP, "he touches the fence", None),
        (JUMP, "the man climbs under a gate", None),
        (JUMP, "the weather is fine", None),
        (JUMP, "i need to check whether the man jumps over the fence", None),
        (JUMP, "instead of jumping over the fence, he walks", "no"),
        (JUMP, "he walks instead of jumping over the fence", "no"),
        (START, "'a man opens the door' happens at the beginning of the video", "yes"),
        (START, "'a man opens the door' does not happen at the beginning", "no"),
        (START, "it happens at the end of the video", "no"),
        (START, "it happens at the start", "yes"),
        (ORDER, "it happens earlier", "yes"),
        (ORDER, "it happens later", "no"),
        (STEP, "we should soak the beans", "yes"),
        (STEP, "we should not soak the beans", "no"),
        (STEP, "the video is about stew", None),
    ],
)
def test_the_event(question: str, sentence: str, stance: str | None) -> None:
    assert event_stance(sentence, ask(question)) == stance
