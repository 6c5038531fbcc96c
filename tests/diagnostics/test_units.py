"""The diagnostics one by one, on hand-made texts with hand-computed values."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_diagnostics import make_record

from harness.core.errors import DataError
from harness.core.types import Verdict
from harness.diagnostics.attribution import attribute, count_causes, measure_causes, tabulate_confusion
from harness.diagnostics.evidence import Conclusion, Evidence, gather
from harness.diagnostics.figures import Amount, DiagnosticSpec, estimate_figure
from harness.diagnostics.loops import measure_repetition, split_words
from harness.diagnostics.objects import Annotation, build_vocabulary, count_objects, find_objects, read_annotations
from harness.diagnostics.position_bias import option_consistency, position_bias
from harness.diagnostics.specs import DIAGNOSTICS, measure

GROUNDED = "<planning>p</planning><caption>{caption}</caption><think>{think}</think><answer>{answer}</answer>"
X = DiagnosticSpec(name="x", definition="d", reason="not known: why")
BY_NAME = {of.spec.name: of for of in DIAGNOSTICS}


def grounded(
    caption: str = "A cat.", think: str = "There is no dog.", answer: str = "no", **changes: object
) -> Evidence:
    record = make_record(GROUNDED.format(caption=caption, think=think, answer=answer), **changes)  # type: ignore[arg-type]
    return gather(record)


def with_caption(item: Evidence, answer: str) -> Evidence:
    return replace(item, caption=Conclusion(answer=answer, by="judge"))


# Repetition


def test_repeated_ngrams_by_hand() -> None:
    found = measure_repetition("a b c d a b c d")
    # abcd bcda cdab dabc abcd: five 4-grams, four of them different.
    assert found.words == 8
    assert found.repeated == pytest.approx(1 / 5)
    assert not found.loops


@pytest.mark.parametrize(
    ("text", "unit", "times"),
    [
        ("look at it now " * 3, 4, 3.0),
        ("start here then " + "no wait let me check that again " * 4, 7, 4.0),
        ("the " * 12, 1, 12.0),
        ("a b c d e f g " * 3 + "a b", 7, 23 / 7),
    ],
)
def test_a_loop_is_found_with_its_unit(text: str, unit: int, times: float) -> None:
    found = measure_repetition(text)
    assert (found.unit, found.times, found.tail, found.loops) == (unit, pytest.approx(times), True, True)


def test_a_loop_that_ends_is_still_one() -> None:
    found = measure_repetition("the cat sat here now " * 5 + "and so the answer must be that there is no dog")
    assert (found.unit, found.tail, found.loops) == (5, False, True)


def test_emphasis_and_lists_are_no_loops() -> None:
    for text in (
        "no no no",
        "red circle top ; red square left ; red star right ; red triangle bottom ; red circle center",
        "First I look at A. It is a dog. Then I look at B. It is a cat. Then I look at C. It is a horse.",
        "one two three four " * 2,
    ):
        assert not measure_repetition(text).loops, text


def test_a_long_text_of_repeats_without_succession_loops_by_its_ngrams() -> None:
    sentences = [f"let me look at the picture once more to be sure {word}" for word in "abcdefgh"]
    found = measure_repetition(" ".join(sentences))
    assert found.unit == 0
    assert found.repeated > 0.5
    assert found.loops


def test_scripts_without_spaces_count_characters() -> None:
    assert split_words("狗在图中。A dog") == ["狗", "在", "图", "中", "a", "dog"]
    assert measure_repetition("图中没有狗，" * 4).loops


@given(st.text(max_size=400))
def test_any_text_can_be_measured(text: str) -> None:
    found = measure_repetition(text)
    assert 0 <= found.repeated < 1
    assert found.times * found.unit <= max(found.words, 0)


# Objects


ANNOTATION = Annotation(expected=frozenset({"dog", "person"}), present=frozenset({"dog", "person"}))
VOCABULARY = build_vocabulary({"dog": ["puppy"], "person": ["man", "men"], "cat": [], "hot dog": [], "bus": []})


def test_objects_are_found_by_name_synonym_and_plural_the_longest_first() -> None:
    caption = "Two Men and a puppy with hot dogs near buses; a hotdog-shaped sign, cats-eye."
    assert find_objects(caption, VOCABULARY) == ["person", "dog", "hot dog", "bus"]


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("There is no dog.", []),
        ("There is no cat, but a dog lies there.", ["dog"]),
        ("A man without a dog", ["person"]),
        ("The dog isn't near the cat.", ["dog"]),
        ("No people. A dog sleeps.", ["dog"]),
        ("not a cat but a dog", ["dog"]),
    ],
)
def test_what_is_denied_is_not_named(caption: str, found: list[str]) -> None:
    assert find_objects(caption, VOCABULARY) == found


@pytest.mark.parametrize(
    "caption", ["a t-shirt rack", "a T-shirt-rack", "a t-shirt\n  rack", "a t shirt rack", "two T-Shirt Racks"]
)
def test_hyphens_spaces_and_line_breaks_between_words_are_the_same(caption: str) -> None:
    vocabulary = build_vocabulary({"t-shirt rack": [], "big  lamp": ["night-light", ""]})
    assert find_objects(caption, vocabulary) == ["t-shirt rack"]
    assert find_objects("A big lamp and a night light.", vocabulary) == ["big  lamp", "big  lamp"]


def test_letters_that_look_like_others_are_no_mention() -> None:
    assert find_objects("a bu\u017f and a b\u0131rd", build_vocabulary({"bus": [], "bird": []})) == []


def test_chair_and_precision_by_hand() -> None:
    counts = count_objects("A man, a man and a cat; a cat.", ANNOTATION, VOCABULARY)
    assert (counts.mentions, counts.invented_mentions) == (4, 2)
    assert (sorted(counts.named), sorted(counts.invented)) == (["cat", "person"], ["cat"])
    assert (counts.expected, counts.found) == (2, 1)


def test_coco_lists_get_cocos_synonyms(tmp_path: Path) -> None:
    rows = [
        {"sample_id": "random/1", "objects": ["person", "couch"]},
        {"sample_id": "random/2", "objects": ["teddy bear"], "captions": ["A teddy bear."]},
    ]
    (tmp_path / "annotations.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read_annotations(tmp_path)
    annotation = found.samples["random/1"]
    counts = count_objects("Two women on a sofa hold a stuffed bear.", annotation, found.vocabulary)
    assert sorted(counts.named) == ["couch", "person", "teddy bear"]
    assert sorted(counts.invented) == ["teddy bear"]
    assert found.samples["random/2"].captions == ("A teddy bear.",)


def test_a_vocabulary_beside_the_annotations_is_used(tmp_path: Path) -> None:
    (tmp_path / "annotations.jsonl").write_text('{"sample_id": "1", "objects": ["axolotl"]}', encoding="utf-8")
    (tmp_path / "vocabulary.json").write_text('{"axolotl": ["mexican salamander"], "newt": []}', encoding="utf-8")
    found = read_annotations(tmp_path)
    counts = count_objects("A Mexican salamander and a newt.", found.samples["1"], found.vocabulary)
    assert (sorted(counts.named), sorted(counts.invented)) == (["axolotl", "newt"], ["newt"])


@pytest.mark.parametrize("line", ['{"sample_id": "1"}', "{", '["1"]', '{"sample_id": "1", "objects": 3}'])
def test_malformed_annotations_are_named_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "annotations.jsonl"
    path.write_text(f'{{"sample_id": "0", "objects": []}}\n{line}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"annotations\.jsonl:2"):
        read_annotations(path)


# Rates


def test_a_rate_has_the_clustered_error_of_its_clusters() -> None:
    # Four clusters of two equal samples, one of which counts: as good as four samples.
    amounts = [Amount("pope", f"{c}/{n}", f"c{c}", float(c == 0), example=c == 0) for c in range(4) for n in range(2)]
    figure = estimate_figure(X, "pope", amounts)
    assert figure.metric.value == pytest.approx(0.25)
    assert figure.metric.stderr == pytest.approx(math.sqrt(0.25 * 0.75 / 3))
    assert figure.metric.n == 8
    assert figure.examples == ("0/0", "0/1")


def test_a_ratio_of_sums_is_not_a_mean_of_ratios() -> None:
    figure = estimate_figure(X, "pope", [Amount("pope", "a", "a", 1, 1), Amount("pope", "b", "b", 0, 3)])
    assert figure.metric.value == pytest.approx(1 / 4)


def test_no_samples_is_no_value_and_a_reason() -> None:
    figure = estimate_figure(X, "pope", [])
    assert figure.metric.value is None
    assert figure.to_json()["reason"] == "not known: why"


def value(name: str, *items: Evidence) -> float | None:
    return measure(BY_NAME[name], items, part="pope").metric.value


def test_think_answer_mismatch() -> None:
    agree, differ = grounded(), grounded(answer="yes")
    silent = grounded(think="I look at the picture.")
    assert value("think_answer_mismatch", agree, differ, silent) == 0.5
    assert value("think_read", agree, differ, silent) == pytest.approx(2 / 3)
    assert measure(BY_NAME["think_answer_mismatch"], [differ], part="pope").examples == ("random/1",)


def test_caption_answer_mismatch_and_fidelity_rest_on_what_the_caption_implies() -> None:
    right = with_caption(grounded(target="no"), "no")
    wrong = with_caption(grounded(target="no"), "yes")
    unknown = grounded(target="no")
    assert value("caption_answer_mismatch", right, wrong, unknown) == 0.5
    assert value("caption_fidelity", right, wrong, unknown) == 0.5
    assert value("right_unsupported", right, wrong, unknown) == 0.5
    assert value("caption_fidelity", unknown) is None


def test_a_leaking_caption_earns_nothing_and_is_counted() -> None:
    leak = with_caption(grounded(caption="A lawn. The answer is no.", target="no"), "no")
    assert leak.leaks
    assert value("caption_fidelity", leak) == 0.0
    assert value("caption_leaks", leak, grounded()) == 0.5
    assert value("caption_answer_mismatch", leak) is None


def test_corrected_fidelity_by_hand() -> None:
    def item(supports: bool, guessed: bool) -> Evidence:
        return replace(with_caption(grounded(target="no"), "no" if supports else "yes"), without_caption=guessed)

    items = [item(True, True), item(True, False), item(True, False), item(False, False)]
    # f = 3/4, b = 1/4: (3/4 - 1/4) / (3/4) = 2/3.
    assert value("corrected_fidelity", *items) == pytest.approx(2 / 3)
    assert measure(BY_NAME["corrected_fidelity"], items, part="pope").metric.n == 4
    # A caption that misleads where a guess was right counts against it: (0 + 1 - 1) / 1.
    assert value("corrected_fidelity", item(False, True), item(True, False)) == 0.0


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
    assert value("well_formed", good, twice, unclosed) == pytest.approx(1 / 3)
    assert value("answer_valid", good, twice, unclosed) == pytest.approx(1 / 3)
    assert value("think_valid", good, twice, unclosed) == pytest.approx(2 / 3)
    assert value("caption_valid", good, twice, unclosed) == 1.0


def test_direct_responses_are_not_applicable_and_never_zero() -> None:
    items = [gather(make_record("yes"), prompt_format="direct"), gather(make_record("No."), prompt_format="direct")]
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
    assert value("yes_bias", *items) == pytest.approx(1 / 3)


def test_every_diagnostic_has_a_definition_of_its_own() -> None:
    definitions = [of.spec.definition for of in DIAGNOSTICS]
    assert all(len(definition) > 30 for definition in definitions)
    assert len(set(definitions)) == len(definitions)
    assert len(BY_NAME) == len(DIAGNOSTICS)


# Blind runs


def blind(answer: str | None, target: str) -> Verdict:
    status = "unanswered" if answer is None else "correct" if answer == target else "incorrect"
    return Verdict(sample_id="random/1", answer=answer, status=status)


def test_blind_figures_by_hand() -> None:
    def item(answer: str, blind_answer: str | None, target: str) -> Evidence:
        record = make_record(answer, target=target)
        return gather(record, prompt_format="direct", blind=blind(blind_answer, target))

    items = [item("yes", "yes", "yes"), item("no", "yes", "no"), item("yes", "yes", "no"), item("no", None, "no")]
    assert value("blind_accuracy", *items) == 0.25
    assert value("blind_agreement", *items) == pytest.approx(2 / 3)
    assert value("visual_gain", *items) == pytest.approx(0.75 - 0.25)
    assert value("wrong_as_blind", *items) == 1.0
    assert value("blind_accuracy", grounded()) is None


# Options


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
    return gather(record, prompt_format="direct")


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


# Attribution


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
