"""The rates over samples one by one, on hand-made texts with hand-computed values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support_diagnostics import GROUNDED, grounded, make_record, value_of, with_caption

from harness.answers.objects import build_vocabulary
from harness.core.types import Sample
from harness.core.worlds import Row
from harness.demo.annotations import RULES
from harness.diagnostics.attribution import count_causes, measure_causes
from harness.diagnostics.evidence import Conclusion, Evidence, gather
from harness.diagnostics.objects import Annotation, Annotations
from harness.diagnostics.specs import DIAGNOSTICS, measure

BY_NAME = {of.spec.name: of for of in DIAGNOSTICS}


def test_a_thinking_that_the_worlds_rules_do_not_read_is_read_as_any_other() -> None:
    def follow(sample: Sample, row: Row, thinking: str) -> str | None:
        return "no" if thinking == "cube none" else None

    rules = replace(RULES, answer_from_thinking=follow, answer_from_caption=lambda *_: None)
    annotation = Annotation(expected=frozenset(), present=frozenset(), rules=rules)
    for think, found in (
        ("cube none", Conclusion(answer="no", by="world")),
        ("So the answer is yes.", Conclusion(answer="yes", by="rules")),
        ("I look at the picture.", None),
    ):
        record = grounded(think=think).record
        annotations = Annotations(samples={record.sample.id: annotation}, vocabulary=build_vocabulary({}))
        assert gather(record, annotations=annotations).think == found


def test_think_answer_mismatch() -> None:
    agree, differ = grounded(), grounded(answer="yes")
    silent = grounded(think="I look at the picture.")
    assert value_of("think_answer_mismatch", agree, differ, silent) == 0.5
    assert value_of("think_read", agree, differ, silent) == pytest.approx(2 / 3)
    assert measure(BY_NAME["think_answer_mismatch"], [differ], part="pope").examples == ("random/1",)


def test_caption_answer_mismatch_and_fidelity_rest_on_what_the_caption_implies() -> None:
    right = with_caption(grounded(target="no"), "no")
    wrong = with_caption(grounded(target="no"), "yes")
    unknown = grounded(target="no")
    assert value_of("caption_answer_mismatch", right, wrong, unknown) == 0.5
    assert value_of("caption_fidelity", right, wrong, unknown) == 0.5
    assert value_of("right_unsupported", right, wrong, unknown) == 0.5
    assert value_of("caption_fidelity", unknown) is None


def test_a_leaking_caption_earns_nothing_and_is_counted() -> None:
    leak = with_caption(grounded(caption="A lawn. The answer is no.", target="no"), "no")
    assert leak.leaks
    assert value_of("caption_fidelity", leak) == 0.0
    assert value_of("caption_leaks", leak, grounded()) == 0.5
    assert value_of("caption_answer_mismatch", leak) is None


def test_corrected_fidelity_by_hand() -> None:
    def item(supports: bool, guessed: bool) -> Evidence:
        return replace(with_caption(grounded(target="no"), "no" if supports else "yes"), without_caption=guessed)

    items = [item(True, True), item(True, False), item(True, False), item(False, False)]
    # f = 3/4, b = 1/4: (3/4 - 1/4) / (3/4) = 2/3.
    assert value_of("corrected_fidelity", *items) == pytest.approx(2 / 3)
    assert measure(BY_NAME["corrected_fidelity"], items, part="pope").metric.n == 4
    # A caption that misleads where a guess was right counts against it: (0 + 1 - 1) / 1.
    assert value_of("corrected_fidelity", item(False, True), item(True, False)) == 0.0


def guesses(*pairs: tuple[bool, bool]) -> list[Evidence]:
    """Samples by whether the caption supports the right answer and whether the judge guesses it."""
    return [
        replace(
            with_caption(grounded(target="no", sample_id=f"random/{n}", cluster=f"i{n}"), "no" if supports else "yes"),
            without_caption=guessed,
        )
        for n, (supports, guessed) in enumerate(pairs)
    ]


def test_corrected_fidelity_has_no_least_value() -> None:
    no_help = guesses(*[(False, True)] * 60, *[(True, True)] * 20, *[(False, False)] * 10, *[(True, False)] * 10)
    metric = measure(BY_NAME["corrected_fidelity"], no_help, part="pope").metric
    # f = .3, b = .8: (.3 - .8) / .2. The interval is Student's, and symmetric where it is not cut.
    assert metric.value == pytest.approx(-2.5)
    assert metric.low is not None
    assert metric.high is not None
    assert metric.low < -3
    assert metric.low + metric.high == pytest.approx(2 * metric.value)


@pytest.mark.parametrize("pair", [(True, False), (False, False)])
def test_corrected_fidelity_of_captions_that_agree_has_a_finite_interval(pair: tuple[bool, bool]) -> None:
    metric = measure(BY_NAME["corrected_fidelity"], guesses(*[pair] * 20), part="pope").metric
    assert metric.value == float(pair[0])
    assert metric.low is not None
    assert metric.high is not None
    assert -1 < metric.low < metric.value <= metric.high <= 1


def test_a_judge_that_always_guesses_right_is_given_as_the_reason() -> None:
    figure = measure(BY_NAME["corrected_fidelity"], guesses(*[(False, True)] * 3, (True, True)), part="pope")
    assert figure.metric.value is None
    assert figure.reason is not None
    assert "right without a caption" in figure.reason
    assert "no judge was asked" in (measure(BY_NAME["corrected_fidelity"], [grounded()], part="pope").reason or "")


def test_format_validity_by_section() -> None:
    good = grounded()
    twice = gather(make_record(GROUNDED.format(caption="c", think="t", answer="no") + "<answer>yes</answer>"))
    unclosed = gather(make_record("<planning>p</planning><caption>c</caption><think>t"))
    assert value_of("well_formed", good, twice, unclosed) == pytest.approx(1 / 3)
    assert value_of("answer_valid", good, twice, unclosed) == pytest.approx(1 / 3)
    assert value_of("think_valid", good, twice, unclosed) == pytest.approx(2 / 3)
    assert value_of("caption_valid", good, twice, unclosed) == 1.0


def test_direct_responses_are_not_applicable_and_never_zero() -> None:
    items = [gather(make_record("yes"), expected=()), gather(make_record("No."), expected=())]
    for name in (
        "well_formed",
        "think_valid",
        "think_answer_mismatch",
        "think_read",
        "caption_fidelity",
        "think_words",
    ):
        figure = measure(BY_NAME[name], items, part="pope")
        assert figure.metric.value is None, name
        assert figure.reason, name
    assert set(count_causes(items)) == {"format", "truncation", "unattributed"}
    shares = {figure.metric.name: figure for figure in measure_causes(items, part="pope")}
    assert shares["pope/wrong_perception"].metric.value is None
    assert shares["pope/wrong_unattributed"].metric.value == 0.5


def test_a_description_that_names_what_is_not_there_went_wrong_in_perception_whatever_was_asked_for() -> None:
    record = make_record("A dog.")
    record = replace(
        record,
        sample=replace(record.sample, answer_kind="caption", target="cat"),
        verdict=replace(record.verdict, answer="dog", rule="objects", status="incorrect"),
    )
    (item,) = [gather(record, expected=())]
    assert count_causes([item])["perception"] == {"n": 1, "examples": ["random/1"]}


def test_samples_without_a_response_are_errors_and_in_no_rate() -> None:
    items = [grounded(), gather(make_record("", error="server: gone"))]
    figure = measure(BY_NAME["cut_off"], items, part="pope")
    assert (figure.metric.n, figure.metric.n_errors, figure.metric.value) == (1, 1, 0.0)
    assert sum(counts["n"] for counts in count_causes(items).values()) == 1
    for share in measure_causes(iter([*items, *items[1:]]), part="pope"):
        assert (share.metric.n, share.metric.n_errors) == (1, 2)
    for share in measure_causes(items[1:], part="pope"):
        assert (share.metric.value, share.metric.n_errors) == (None, 1)


def test_yes_bias_by_hand() -> None:
    items = [grounded(answer=answer, target=target) for answer, target in (("yes", "no"), ("yes", "yes"), ("no", "no"))]
    assert value_of("yes_bias", *items) == pytest.approx(1 / 3)


def test_every_diagnostic_has_a_definition_of_its_own() -> None:
    definitions = [of.spec.definition for of in DIAGNOSTICS]
    assert all(len(definition) > 30 for definition in definitions)
    assert len(set(definitions)) == len(definitions)
    assert len(BY_NAME) == len(DIAGNOSTICS)
