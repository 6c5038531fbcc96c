"""Numbers with their units."""

import pytest

from harness.answers.values import digits, is_unit, quantities, quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-one dogs", "21 dogs"),
        ("two hundred and three thousand", "200 and 3000"),
        ("one third of it", "1/3 of it"),
        ("a half", "1/2"),
        ("\\frac{3}{4} m", " 3/4 m"),
        ("3 \\times 10^{5}", "3 x 10^5"),
        # no number
        ("no one, the one, the other one", "no one, the one, the other one"),
        ("one of them and one another", "one of them and one another"),
        ("someone often", "someone often"),
    ],
)
def test_number_words_are_digits(text: str, expected: str) -> None:
    assert digits(text) == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5 of 10", [5, 10]),
        ("-3 or +4", [-3, 4]),
        ("9-5", [9, 5]),  # a difference, or a range
        ("1,234.5 and 2,000,000", [1234.5, 2_000_000]),
        (".5, 3.", [0.5, 3]),
        ("1/2 and 1 1/2", [0.5, 1.5]),
        ("2 x 10^3 m", [2000]),
        ("1e5", [100_000]),
        ("3 million", [3_000_000]),
        ("$5.50, 20%", [5.5, 20]),
        # parts of something else
        ("x5 v1.2 A4", []),
        ("5:30", []),
        ("10^6", []),
        ("5√2, 3π, 5\\sqrt{2}", []),
        ("1/0", []),
        ("x_1", []),
    ],
)
def test_every_number_of_a_text(text: str, values: list[float]) -> None:
    found = quantities(text)
    assert [number.value for number in found] == values
    assert all(text[number.start : number.end].strip() for number in found)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5", 5, ""),
        ("five", 5, ""),
        ("(5)", 5, ""),
        ("about 5 cm", 5, "cm"),
        ("5 centimeters.", 5, "cm"),
        ("≈ 5 m/s", 5, "m/s"),
        ("x = 5", 5, ""),
        ("f(2) = -5", -5, ""),
        ("$1,200.50", 1200.5, ""),  # in LaTeX the sign is none of currency
        ("5 dollars", 5, "$"),
        ("50 %", 50, "%"),
        ("90^\\circ", 90, "°"),
        ("$\\frac{3}{4}$", 0.75, ""),
        ("3 brown dogs", 3, "brown dogs"),
        ("2.5 million", 2_500_000, ""),
    ],
)
def test_a_text_that_is_one_quantity(text: str, value: float, unit: str) -> None:
    found = quantity(text)
    assert found is not None
    assert (found.value, found.unit) == (pytest.approx(value), unit)


@pytest.mark.parametrize(
    "text", ["", "dog", "5 and 6", "5 to 6", "5 or 6", "5-6", "The 5", "5 is the sum", "2x + 1", "5" * 500, "1/0"]
)
def test_a_text_that_is_none(text: str) -> None:
    assert quantity(text) is None


def test_units() -> None:
    assert [name for name in ("cm", "km/h", "m^2", "kpa", "dogs", "people") if is_unit(name)] == [
        "cm", "km/h", "m^2", "kpa",
    ]  # fmt: skip
