"""Whether two answers to an open question are the same."""

import pytest

from harness.answers.sameness import same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "paris."),
        ("the lever", "a lever"),
        ("e-mail", "**E-Mail**"),
        ("café", "cafe"),
        ("El Niño", "El Nino"),
        ("Caffè Bar", "caffe\u0300bar"),
        ("नीला रंग", "नीलारंग"),
        ("がっこう", "か\u3099っこう"),
        ("Depth-First Search (DFS)", "DFS"),
        ("Depth-First Search (DFS)", "depth-first search"),
        ("3", "three"),
        ("1,000", "1000.0"),
        ("1/2", ".5"),
        ("\\frac{1}{2}", "0.5"),
        ("5 cm", "5 centimeters"),
        ("5", "5 cm"),
        ("$5", "5 dollars"),
        ("10⁵", "10^5"),
        ("sodium-potassium", "sodium potassium"),
        ("1 out of 5", "1"),
        ("10^6", "1000000"),
        ("1.5 x 10^3", "1500"),
        ("x = 4", "4"),
        ("[1, 2]", "[1,2]"),
        ("2-3", "2 to 3"),
        ("between 2 and 3", "from 2 to 3"),
        ("n^2", "n*n"),
        ("O(n log n)", "n\\log(n)"),
        ("2x", "x*2"),
        ("1e-3", "0.001"),
        ("10-20 kHz", "10 kHz to 20 kHz"),
        ("$10-$20", "10 to 20 dollars"),
        ("-5 to 5", "between -5 and 5"),
        ("5 PM", "5 pm"),
        ("60 MPH", "60 mph"),
        ("5 mL", "5 ml"),
        ("5 MPa", "5 Mpa"),
        ("No", "no"),
        ("up", "Up."),
        ("St", "ST"),
        ("ox (animal)", "OX"),
        ("pH", "PH"),
        ("EV", "ev"),
        ("mg", "Mg"),
        ("III", "iii"),
        ("II", "ii"),
        ("1 million", "1 Million"),
        ("1 Million", "1000000"),
        ("2 Dozen", "24"),
        ("two Million", "2,000,000"),
        ("e", "E"),
        ("c7", "C7"),
        ("5 MΩ", "5MΩ"),
        ("5 Men", "5 men"),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert same(one, other) is True
    assert same(other, one) is True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3", "4"),
        ("-4", "4"),
        ("0.33", "1/3"),
        ("1990", "1991"),
        ("5 cm", "6 cm"),
        ("2-3", "2-4"),
        ("3 dogs", "2"),
        ("10-20 Hz", "10-30 Hz"),
    ],
)
def test_numbers_that_differ(one: str, other: str) -> None:
    assert same(one, other) is False
    assert same(other, one) is False


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # other words
        ("Paris", "London"),
        ("a dog", "a puppy"),
        ("C++", "C"),
        ("dog", "3"),
        # other units
        ("5 cm", "5 m"),
        ("500 cm", "5 m"),
        ("5 dollars", "5 euros"),
        ("$5.99", "€5.99"),
        ("5%", "5‰"),
        ("10 kΩ", "10 Ω"),
        ("$5", "5 cents"),
        # other values, or parts of them
        ("1 hour 30 minutes", "1.5 hours"),
        ("2 hours 30 minutes", "2 hours"),
        ("5 feet 10 inches", "5 feet"),
        ("1998 BC", "1998"),
        ("12\\sqrt{3}", "12"),
        ("12x", "12"),
        ("10⁵", "105"),
        ("1920x1080", "1920"),
        ("3 out of 5", "3/5"),
        # formulas
        ("H2O", "HO2"),
        ("C#", "C"),
        ("f'(x)", "f(x)"),
        ("|x|", "x"),
        ("50%", "0.5"),
        ("3000", "3"),  # in thousands?
        ("5 mW", "5 MW"),
        ("5 mW", "5.0 MW"),
        ("MHz", "mHz"),
        ("5 MΩ", "5 mΩ"),
        ("10-20 kHz", "10-20 Hz"),
        ("10-20 minutes", "10 to 20 seconds"),
        # capitals
        ("Aa", "AA"),
        ("Aa (genotype)", "AA"),
        ("rr", "Rr"),
        ("AaBb", "AABB"),
        ("CO", "Co"),
        ("mA", "MA"),
        ("5 mw", "5 MW"),
        # accents and marks
        ("bò", "bơ"),
        ("नीला", "नाला"),
        ("かき", "かぎ"),
        ("й", "и"),
        # no ranges
        ("3cos(x) - 1", "3sin(x) - 1"),
        ("5a - 2b", "5b - 2a"),
        ("2^n - 1", "2n - 1"),
        ("10^{-3}", "10 to 3"),
        ("2020-01-02", "2020-02-01"),
        ("1/2/2020", "2/4/2020"),
        ("2 and 3", "2-3"),
        # a value in a range
        ("2-3", "2"),
        # signs between digits tell them apart
        ("3:4", "34"),
        ("[1,2]", "12"),
        ("9:30", "930"),
        ("n^2", "2n"),
        ("", "dog"),
        ("", ""),
        ("...", "!"),
    ],
)
def test_what_cannot_be_told(one: str, other: str) -> None:
    assert same(one, other) is None
    assert same(other, one) is None
