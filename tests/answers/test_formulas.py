"""Short formulas: the same, or not."""

import pytest

from harness.answers.formulas import same_formula


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("n^2", "n*n", True),
        ("o(n^2)", "n^{2}", True),
        ("n log n", "n\\log(n)", True),
        ("1/sqrt(lc)", "\\frac{1}{\\sqrt{lc}}", True),
        ("(lc)^{-1/2}", "\\frac{1}{\\sqrt{lc}}", True),
        ("k+n", "n + k", True),
        ("w = 1/√lc", "\\frac{1}{\\sqrt{lc}}", True),
        ("(a+b)^2", "a^2+2ab+b^2", True),
        ("\\frac12 mv^2", "mv^2/2", True),
        ("x_1 + x_2", "x_{2}+x_{1}", True),
        ("f(x) = 2x", "2x", True),
        ("\\pi f + πf", "2πf", True),
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
        ("log(-x)", "log(0-x)", True),
        ("H2O", "HO2", False),
        ("", "", False),
    ],
)
def test_formulas(one: str, other: str, same: bool) -> None:
    assert same_formula(one, other) is same
    assert same_formula(other, one) is same
