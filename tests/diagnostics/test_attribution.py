"""Wrong answers and their causes."""

from __future__ import annotations

import pytest
from support_diagnostics import grounded, make_record, with_caption

from harness.diagnostics.attribution import attribute, measure_causes, tabulate_confusion
from harness.diagnostics.evidence import Evidence, gather


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        (with_caption(grounded(target="no"), "no"), None),
        (with_caption(grounded(answer="yes", think="So there is a dog.", target="no"), "yes"), "perception"),
        (with_caption(grounded(answer="yes", think="So there is a dog.", target="no"), "no"), "reasoning"),
        (with_caption(grounded(answer="yes", target="no"), "no"), "commitment"),
        (with_caption(grounded(answer="yes", target="no"), "yes"), "commitment"),
        (grounded(answer="yes", target="no"), "commitment"),
        (grounded(answer="yes", think="So there is a dog.", target="no"), "unattributed"),
        (with_caption(grounded(answer="yes", think="Hmm.", target="no"), "no"), "unattributed"),
        (with_caption(grounded(answer="yes", think="Hmm.", target="no"), "yes"), "perception"),
        (grounded(answer="", target="no"), "format"),
        (gather(make_record("<caption>c</caption><think>so", finish="length")), "truncation"),
        (gather(make_record("<caption>c</caption><think>so", finish=None)), "truncation"),
        (gather(make_record("", finish="stop")), "format"),
        (gather(make_record("", error="gone")), None),
        (grounded(answer="Who knows?", target="no"), "unattributed"),
        (grounded(answer="I cannot help with that.", target="no"), "format"),
    ],
)
def test_causes(item: Evidence, cause: str | None) -> None:
    assert attribute(item) == cause


def test_shares_of_causes_and_right_answers_add_up_to_one() -> None:
    items = [
        with_caption(grounded(target="no"), "no"),
        with_caption(grounded(answer="yes", think="So there is a dog.", target="no"), "yes"),
        grounded(answer="", target="no"),
        grounded(answer="yes", target="no"),
    ]
    shares = [figure.metric.value for figure in measure_causes(items, part="pope")]
    assert sum(share or 0.0 for share in shares) == pytest.approx(0.75)


def test_confusion_counts_pairs() -> None:
    table = tabulate_confusion(["perception", "perception", None], ["perception", "reasoning", None])
    assert table == {"perception": {"perception": 1, "reasoning": 1}, "right": {"right": 1}}
