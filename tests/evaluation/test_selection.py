"""`--limit` keeps whole groups, every subset, and the same samples for every checkpoint."""

from collections import Counter

from harness.core.types import Sample
from harness.evaluation.selection import choose_samples, too_few_clusters, what_limit_shows


def make_samples(subset: str, groups: int, size: int) -> list[Sample]:
    return [
        Sample(
            id=f"{subset}/{group}/{member}",
            task="t",
            target="yes",
            answer_kind="yes_no",
            question="?",
            subset=subset,
            group=f"{subset}/{group}" if size > 1 else None,
        )
        for group in range(groups)
        for member in range(size)
    ]


def test_no_limit_keeps_all_in_order() -> None:
    samples = make_samples("a", 5, 2)
    assert choose_samples(samples, None, 0) == samples
    assert choose_samples(samples, 10, 0) == samples
    assert choose_samples(samples, 99, 0) == samples


def test_a_share_is_of_all_samples() -> None:
    samples = make_samples("a", 45, 1)
    assert len(choose_samples(samples, 0.1, seed=0)) == 5
    assert choose_samples(samples, 0.1, seed=0) == choose_samples(samples, 5, seed=0)


def test_groups_stay_whole_and_subsets_take_turns() -> None:
    samples = make_samples("a", 50, 4) + make_samples("b", 10, 4) + make_samples("c", 50, 4)
    kept = choose_samples(samples, 24, 0)
    assert len(kept) == 24
    assert Counter(sample.subset for sample in kept) == {"a": 8, "b": 8, "c": 8}
    assert all(size == 4 for size in Counter(sample.group for sample in kept).values())
    positions = {sample.id: index for index, sample in enumerate(samples)}
    assert [positions[sample.id] for sample in kept] == sorted(positions[sample.id] for sample in kept)


def test_a_small_subset_does_not_stop_the_others() -> None:
    samples = make_samples("a", 2, 1) + make_samples("b", 100, 1)
    kept = choose_samples(samples, 50, 0)
    assert Counter(sample.subset for sample in kept) == {"a": 2, "b": 48}


def test_a_larger_limit_contains_a_smaller_one_and_the_seed_matters() -> None:
    samples = make_samples("a", 200, 2) + make_samples("b", 200, 2)
    small = {sample.id for sample in choose_samples(samples, 40, 0)}
    large = {sample.id for sample in choose_samples(samples, 100, 0)}
    other = {sample.id for sample in choose_samples(samples, 40, 1)}
    assert small < large
    assert small != other


def test_the_choice_does_not_depend_on_other_groups() -> None:
    samples = make_samples("a", 100, 1)
    kept = {sample.id for sample in choose_samples(samples, 20, 3)}
    dropped = next(sample.id for sample in samples if sample.id not in kept)
    remaining = [sample for sample in samples if sample.id != dropped]
    assert {sample.id for sample in choose_samples(remaining, 20, 3)} == kept


def test_what_a_limit_shows_is_reckoned_from_units_and_clusters() -> None:
    def ask(n: int, **of: str) -> Sample:
        return Sample(id=str(n), task="t", target="yes", answer_kind="yes_no", question="?", **of)

    alone = [ask(n) for n in range(200)]
    pairs = [ask(n, group=str(n // 2)) for n in range(400)]
    pictures = [ask(n, cluster=str(n // 5)) for n in range(200)]
    line = what_limit_shows({"alone": alone, "pairs": pairs, "pictures": pictures, "few": alone[:20]}, 200)
    # Miller's formula gives 2.80 sqrt((.1 - d^2) / 200) = 6.1 points; five questions a picture make 1.4 times the
    # variance, hence 7.2, of which Student's 39 degrees of freedom make a little more.
    assert "--limit 200:" in line
    assert ": alone 6.2 points, pairs 6.2 points, pictures 7.4 points, few none, being too few." in line
    assert "at least, and own has 5." in too_few_clusters({"own": pictures[:25], "pictures": pictures})
    assert too_few_clusters({"pictures": pictures[:30]}) == ""
