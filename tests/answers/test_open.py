"""Matching open answers: what is certainly right, certainly wrong, and what rules cannot settle."""

import subprocess
import sys

import pytest

from harness.answers.open.formulas import same_formula
from harness.answers.open.matching import match_open
from harness.answers.open.quantities import read_quantity, same_quantity


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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1,000", "1000", True),
        ("0.5", "1/2", True),
        ("50%", "0.5", True),
        ("half", "0.5", True),
        ("2.50", "2.5", True),
        ("six", "6", True),
        ("2.1e4", "21000", True),
        ("2.1 × 10^4", "21000", True),
        ("2.1*10^{4}", "21,000", True),
        ("21 thousand", "21000", True),
        ("\\frac{1}{2}", "0.5", True),
        ("-5", "5", False),
        ("14", "41", False),
        ("40", "41", False),
        ("150 microvolts", "0.15 mv", True),
        ("150 mv", "150 µv", False),
        ("5 m/s", "5 m/s", True),
        ("5 m", "5 s", None),
        ("0.87", "0.866", None),
        ("5 apples", "5 pears", None),
        ("5", "5 apples", None),
        ("abc", "5", None),
        ("5-6", "5", None),
        ("1/0", "1", None),
        ("1" * 40, "1", None),
    ],
)
def test_quantities(one: str, other: str, same: bool | None) -> None:
    assert same_quantity(one, other) is same
    assert same_quantity(other, one) is same


def test_a_unit_that_the_question_names_may_be_missing() -> None:
    asked = ["rises", "above", "degrees", "celsius"]
    assert same_quantity("41", "41 °c", asked) is True
    assert same_quantity("41 degrees celsius", "41", asked) is True
    assert same_quantity("41", "41 kg", asked) is None


def test_the_parts_of_a_quantity() -> None:
    quantity = read_quantity("1.5e3 mv")
    assert quantity is not None
    assert (quantity.value, quantity.unit) == (1.5, "V")
    assert read_quantity("about 3 km") == read_quantity("3 km")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("n^2", "n*n", True),
        ("o(n^2)", "n^{2}", True),
        ("n log n", "n\\log(n)", True),
        ("nlogn", "n log n", True),
        ("1/sqrt(lc)", "\\frac{1}{\\sqrt{lc}}", True),
        ("(lc)^{-1/2}", "\\frac{1}{\\sqrt{lc}}", True),
        ("k+n", "n + k", True),
        ("w = 1/√lc", "\\frac{1}{\\sqrt{lc}}", True),
        ("(a+b)^2", "a^2+2ab+b^2", True),
        ("\\frac12 mv^2", "mv^2/2", True),
        ("x_1 + x_2", "x_{2}+x_{1}", True),
        ("f(x) = 2x", "2x", True),
        ("n^2", "2n", False),
        ("x_1 + x_2", "x_1 + x_3", False),
        ("n^2", "m^2", False),
        ("2^n", "n^2", False),
        ("1/lc", "\\frac{1}{\\sqrt{lc}}", False),
        ("dog", "cat", False),
        ("x+", "x", False),
        ("((((((((((((((x))))))))))))))", "x+0", False),
        ("9^9^9^9^9", "9^9^9^9", False),
        ("x/0", "x/0+1", False),
        ("\\int_0^1 x dx = \\dots", "\\frac{1}{\\sqrt{lc}}", False),
        ("log(-x)", "log(0-x)", False),
        ("", "", False),
    ],
)
def test_formulas(one: str, other: str, same: bool) -> None:
    assert same_formula(one, other) is same
    assert same_formula(other, one) is same


def test_reading_imports_the_standard_library_only() -> None:
    code = (
        "import sys; from harness.answers.reading import read_answer;"
        "from harness.answers.open.matching import match_open;"
        "read_answer('The answer is B.', 'choice'); match_open('n^2', 'n*n');"
        "print(sorted({'torch', 'numpy', 'sympy', 'math_verify', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
