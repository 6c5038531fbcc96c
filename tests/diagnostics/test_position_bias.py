"""Options and positions, by hand."""

from __future__ import annotations

import pytest
from support_diagnostics import make_record

from harness.diagnostics.evidence import Evidence, gather
from harness.diagnostics.position_bias import option_consistency, position_bias


def choice(
    answer: str | None,
    target: str,
    order: str,
    group: str,
    kind: dict[str, str] | None = None,
    error: str | None = None,
) -> Evidence:
    choices = dict(zip("ABC", order, strict=True))
    record = make_record(
        answer or "I cannot say",
        kind="choice",
        target=target,
        choices=choices,
        group=group,
        cluster=group,
        sample_id=f"{group}/{order}",
        question="Which?",
        task="mmbench",
        error=error,
    )
    return gather(record, expected=())


def test_option_consistency_compares_texts_not_letters() -> None:
    same = [choice("A", "A", "xyz", "1"), choice("B", "B", "zxy", "1")]
    letter = [choice("A", "A", "xyz", "2"), choice("A", "B", "zxy", "2")]
    silent = [choice(None, "A", "xyz", "3"), choice(None, "B", "zxy", "3")]
    failed = [choice("A", "A", "xyz", "4"), choice(None, "B", "zxy", "4", error="x")]
    figure = option_consistency([*same, *letter, *silent, *failed, choice("A", "A", "xyz", "5")], part="mmbench")
    assert figure.metric.value == pytest.approx(1 / 3)
    assert (figure.metric.n, figure.metric.n_errors) == (3, 1)
    assert figure.examples == ("2", "3")


def test_position_bias_is_the_spread_of_the_recalls() -> None:
    items = [choice("A", "A", "xyz", str(n)) for n in range(4)]
    items += [choice("A" if n else "B", "B", "xyz", f"b{n}") for n in range(4)]
    # Recall of A 1, of B 1/4: population standard deviation 3/8.
    assert position_bias(items, part="mmbench").metric.value == pytest.approx(3 / 8)
    assert position_bias(items[:4], part="mmbench").metric.value is None
