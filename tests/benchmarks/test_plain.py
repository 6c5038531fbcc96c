"""Tasks that score their samples themselves, counted from stored runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.benchmarks.plain import RIGHT, OwnScores, scored_task
from harness.core.types import Metric, Response, Sample, SampleRecord, ScoreMean, Status, TaskResult, Verdict
from harness.statistics import summarise
from harness.statistics.counts import tabulate
from harness.statistics.differences import Difference, compare, measure, test_together

HIT = ScoreMean(score="hit", high=1.0)


def record(number: int, cluster: str | None = None, status: Status = "correct", **scores: float) -> SampleRecord:
    name = str(number)
    sample = Sample(id=name, task="t", target="x", answer_kind="open", question="?", cluster=cluster)
    verdict = Verdict(sample_id=name, answer=None, status=status, scores=scores)
    return SampleRecord(sample=sample, response=Response(sample_id=name, text="x"), verdict=verdict)


def result(means: dict[str, ScoreMean] | None, *names: str) -> TaskResult:
    return TaskResult(
        task="t",
        headline="all/hit",
        metrics={name: Metric(name=name, value=0.5) for name in names},
        official={},
        unanswered=0,
        truncated=0,
        errors=0,
        disagreements=0,
        samples=1,
        means=means,
    )


def test_ratings_have_an_interval_within_their_scale() -> None:
    task = OwnScores(name="t", headline="r", means={"r": ScoreMean(score="rating", high=5.0)})
    metric = summarise(task, [record(number, rating=rating) for number, rating in enumerate((5, 5, 5, 4))]).metrics["r"]
    assert metric.value == pytest.approx(4.75)
    # s.e. 0.25, Student's 3.18 with 3 degrees of freedom: 4.75 + 0.80 is beyond the scale.
    assert metric.low == pytest.approx(4.75 - 3.1824 * 0.25, abs=1e-4)
    assert metric.high == 5.0


def test_numbers_of_no_known_range_have_an_interval_only_where_they_differ() -> None:
    task = OwnScores(name="t", headline="r", means={"r": ScoreMean(score="r", high=None)})
    some = summarise(task, [record(number, r=value) for number, value in enumerate((-3.0, 200.0, 7.0))]).metrics["r"]
    assert some.low is not None
    assert some.low < 0
    same = summarise(task, [record(number, r=-3.0) for number in range(3)]).metrics["r"]
    assert (same.value, same.low, same.high) == (-3.0, None, None)


def test_a_metric_counts_the_samples_that_have_it() -> None:
    means = {"all/a": replace(HIT, score="a"), "all/b": replace(HIT, score="b")}
    records = [record(0, a=1.0), record(1, a=0.0), record(2, b=1.0), record(3, status="error")]
    found = summarise(OwnScores(name="t", headline="all/a", means=means), records).metrics
    assert [(found[name].value, found[name].n, found[name].n_errors) for name in means] == [(0.5, 2, 1), (1.0, 1, 1)]


def compared(means: dict[str, ScoreMean], first: list[SampleRecord], second: list[SampleRecord]) -> Difference:
    task = OwnScores(name="t", headline="", means=means)
    (spec,) = task.metrics({()})
    sides = [{None: measure(spec, tabulate(task.units(side)))} for side in (first, second)]
    (found,) = test_together([compare(spec, sides[0], sides[1])])
    return found


def test_hits_and_ratings_are_tested_by_clusters() -> None:
    before = [record(number, cluster=str(number // 3), hit=0.0) for number in range(18)]
    hits = [replace(of, verdict=replace(of.verdict, scores={"hit": 1.0})) for of in before]
    assert compared({"all/hit": HIT}, before, hits).verdict == "better"
    rated = [
        replace(of, verdict=replace(of.verdict, scores={"hit": 0.5 + place / 40})) for place, of in enumerate(before)
    ]
    found = compared({"all/hit": HIT}, before, rated)
    assert found.freedom is not None
    assert found.freedom <= 5
    assert found.verdict == "better"


def test_where_no_interval_can_be_given_nothing_is_tested() -> None:
    means = {"all/r": ScoreMean(score="r", high=None)}
    same = [record(number, r=-3.0) for number in range(8)]
    # All about one picture: nothing is known of others.
    alone = [record(number, cluster="one", hit=float(number % 2)) for number in range(8)]
    flipped = [record(number, cluster="one", hit=1.0) for number in range(8)]
    for found, value in ((compared(means, same, same), 0.0), (compared({"all/hit": HIT}, alone, flipped), 0.5)):
        assert (found.value, found.low, found.p, found.verdict) == (value, None, None, "not tested")
        assert found.note


def test_runs_share_what_both_know_in_the_widest_range() -> None:
    one = result({"all/hit": HIT, "all/rating": ScoreMean(score="rating", high=5.0)}, "all/hit", RIGHT)
    other = result({"all/hit": replace(HIT, high=10.0)}, "all/hit")
    both = scored_task("t", None, [one, other])
    assert both.headline == "all/hit"
    (spec,) = both.metrics({()})
    assert (spec.name, spec.high) == ("all/hit", 10.0)
    assert [spec.name for spec in scored_task("t", None, [one]).metrics({()})] == ["all/hit", "all/rating", RIGHT]


def test_a_stored_run_decides_how_a_task_of_a_benchmarks_name_is_counted() -> None:
    assert scored_task("pope").headline == "mean/accuracy"
    assert scored_task("pope", None, [result(None)]).headline == "mean/accuracy"
    assert isinstance(scored_task("pope", None, [result({"all/hit": HIT})]), OwnScores)


def test_of_a_run_that_does_not_tell_the_share_of_right_answers_is_known() -> None:
    for results in ([result(None), result({"all/hit": HIT})], [result({}), result({})]):
        assert [spec.name for spec in scored_task("t", None, results).metrics({()})] == [RIGHT]
