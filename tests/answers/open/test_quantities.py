"""Numbers with units."""

import pytest

from harness.answers.open.quantities import read_quantity, same_quantity


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
        ("3 apples", "7 pears", False),
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
    apples = read_quantity("2 apples")
    assert apples is not None
    assert (apples.value, apples.unit, apples.unit_text) == (2, None, "apples")
    assert read_quantity("about 3 km") == read_quantity("3 km")
