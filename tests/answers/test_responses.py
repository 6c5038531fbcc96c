"""What the reader is right for on real responses of models, which the repository does not hold."""

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "responses"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the labelled responses are not in {DATA}")

LEAST_RIGHT = {"yes_no": 0.97, "choice": 0.97, "open": 0.94}


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], Counter[str]]:
    """How the rows were read, as `benchmarks/reading.py` counts it, by how they were chosen and kind."""
    benchmark: dict[str, Any] = runpy.run_path(str(ROOT / "benchmarks" / "reading.py"))
    found: dict[tuple[str, str], Counter[str]] = {}
    for kind in LEAST_RIGHT:
        for row in benchmark["labelled"](DATA, kind):
            found.setdefault((row["how_chosen"], kind), Counter())[benchmark["ours"](row)] += 1
    return found


@pytest.mark.parametrize("kind", LEAST_RIGHT)
def test_rows_drawn_at_random_are_read_right(outcomes: dict[tuple[str, str], Counter[str]], kind: str) -> None:
    counts = outcomes["unbiased", kind]
    assert counts["right"] >= LEAST_RIGHT[kind] * counts.total(), counts


def test_next_to_none_of_them_is_misread(outcomes: dict[tuple[str, str], Counter[str]]) -> None:
    counts: Counter[str] = sum((outcomes["unbiased", kind] for kind in LEAST_RIGHT), Counter())
    assert counts.total() > 300
    assert counts["misread"] <= counts.total() / 200, counts


@pytest.mark.parametrize("kind", LEAST_RIGHT)
def test_failures_of_an_earlier_reader_are_read_right(outcomes: dict[tuple[str, str], Counter[str]], kind: str) -> None:
    counts = outcomes["failures of an earlier reader", kind]
    assert counts["right"] >= 0.93 * counts.total(), counts
    assert counts["misread"] <= counts.total() / 50, counts
