"""Matching open answers: what is certainly right, certainly wrong, and what rules cannot settle."""

import pytest

from harness.answers.open.matching import match_open


@pytest.mark.parametrize(
    ("answer", "target", "match"),
    [
        # certainly the same
        ("the Faraday cage", "Faraday Cage", True),
        ("Faraday cages", "Faraday cage", True),
        ("El Nino", "El Niño", True),
        ("breadth first search", "Breadth-First Search", True),
        ("Prims algorithm", "Prim's algorithm", True),
        ("DFS", "Depth-First Search (DFS)", True),
        ("depth-first search (DFS)", "Depth-First Search", True),
        ("heat or warmth", "heat or warmth", True),
        ("warmth", "heat or warmth", True),
        ("coolant", "cutting fluid/coolant", True),
        ("center of mass", "center of gravity (mass)", True),
        ("It is called a capacitor.", "capacitor", True),
        ("a capacitor, not a resistor", "capacitor", True),
        ("probably a capacitor", "capacitor", True),
        # certainly not
        (None, "capacitor", False),
        ("", "capacitor", False),
        ("...", "capacitor", False),
        ("no", "capacitor", False),
        ("B", "capacitor", False),
        ("not a capacitor", "capacitor", False),
        ("anything but a capacitor", "capacitor", False),
        ("search", "Binary Search", False),
        ("capacitor or resistor", "capacitor", False),
        ("resistor, capacitor, coil", "capacitor", False),
        ("right", "left", False),
        ("even", "odd", False),
        ("Boy 3", "Boy 4", False),
        ("I don't know", "capacitor", False),
        # not settled by rules
        ("a device that stores charge", "capacitor", None),
        ("capacitor circuit", "capacitor", None),
        ("NaCl", "salt", None),
        ("mass", "center of gravity (mass)", None),
        ("x" * 3000, "capacitor", None),
    ],
)
def test_phrases(answer: str | None, target: str, match: bool | None) -> None:
    assert match_open(answer, target) is match


@pytest.mark.parametrize(
    ("answer", "target", "question", "match"),
    [
        ("Lorentz force", "Lorentz", "This is the ____ force.", True),
        ("level C7", "C7", "It is at level ____.", True),
        ("Raynaud's", "Raynaud's phenomenon", "It is **____ phenomenon**.", True),
        ("This is the Lorentz force.", "Lorentz", "This is the ____ force.", True),
        ("binary search algorithm", "binary search", "What is the algorithm shown in the video?", True),
        ("binary search tree", "binary search", "What is the algorithm shown in the video?", None),
        ("high-pass", "high-pass filter", "What kind of filter is it?", None),
        ("The knob changes the duty cycle", "duty cycle", "The knob changes the ____.", True),
        ("The knob changes the speed", "duty cycle", "The knob changes the ____.", None),
        ("What kind of filter is it?", "high-pass", "What kind of filter is it?", False),
        ("filter", "high-pass", "What kind of filter is it?", False),
    ],
)
def test_the_question_around_the_blank(answer: str, target: str, question: str, match: bool | None) -> None:
    assert match_open(answer, target, question) is match
