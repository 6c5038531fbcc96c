"""Numbers with their units."""

import pytest

from harness.answers.values import digits, is_unit, quantities, quantity, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-one dogs", "21 dogs"),
        ("two hundred and three thousand", "200 and 3000"),
        ("one third of it", "1/3 of it"),
        ("a half", "1/2"),
        ("two dozen", "24"),
        ("minus three or negative one", "-3 or -1"),
        ("8 minus three", "8 minus 3"),
        ("\\frac{3}{4} m", " 3/4 m"),
        ("3 \\times 10^{5}", "3 x 10^5"),
        # no number
        ("no one, the one, the other one", "no one, the one, the other one"),
        ("an hour and a half", "an hour and a half"),
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
        ("12x, 2n + 1, 2^{n}, 3 + 2i", [1]),
        ("3,5", []),
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
        ("$1,200.50", 1200.5, "$"),
        ("$1,200.50$", 1200.5, ""),  # in LaTeX the sign is none of currency
        ("5‰", 5, "‰"),
        ("10 kΩ", 10, "kω"),
        ("3 dozen", 36, ""),
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
    "text",
    [
        "",
        "dog",
        "5 and 6",
        "5 to 6",
        "5 or 6",
        "5-6",
        "The 5",
        "5 is the sum",
        "2x + 1",
        "5" * 500,
        "1/0",
        "> 5",
        "5 feet 10 inches",
        "1 hour 30 minutes",
        "1998 BC",
        "12\\sqrt{3}",
        "12x",
        "3i",
        "3 x 2",
        "1920x1080",
        "-5 or more",
    ],
)
def test_a_text_that_is_none(text: str) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("text", "question", "found"),
    [
        ("There are 3 dogs.", None, [3]),
        ("At least 3, more than 4, not 5, over 6 and before 1998", None, []),
        ("x > 3, x ≠ 4, y >= 5, ±6, \\geq 7", None, []),
        ("3 or more, 4+ and 5 or fewer", None, []),
        ("step 2 of figure 3 in line 4", None, []),
        ("half of 8 and twice 9", None, []),
        ("2 times larger than 8", None, []),
        ("not 50 m but 150 m", None, [150]),
        ("so -> 3", None, [3]),
        ("There are 3 over 5.", "How many are over 5?", [3, 5]),
        ("It is step 2.", "Which step is it?", [2]),
        ("It is not 2.", "What is the note?", []),
    ],
)
def test_bounds_and_labels_are_no_values(text: str, question: str | None, found: list[float]) -> None:
    assert [number.value for number in values(text, question)] == found


def test_units() -> None:
    assert [name for name in ("cm", "km/h", "m^2", "kpa", "dogs", "people") if is_unit(name)] == [
        "cm", "km/h", "m^2", "kpa",
    ]  # fmt: skip
