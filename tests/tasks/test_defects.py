"""Known defects of other harnesses' scoring that ours must not have, where no benchmark's own test has the case.

`test_parsers` has what published parsers misread; the tests of the benchmarks have their own: an outage that raises the
score of HallusionBench and groups of it that collide, AMBER's positive class and letter-exact parser, words that begin
with "no" in EventHallusion, substrings in RePOPE and DASH-B; `tests/judges` has judges that fail.
"""

from collections.abc import Callable, Sequence

import pytest
from support_scoring import OURS, Row, pope_rows, score, values

from harness import read_answer
from harness.core.types import Sample

ROWS = [row for word in ("yes", "no") for row in [row for row in pope_rows(OURS) if row["answer"] == word][:12]]
"""As many questions of POPE with the answer yes as with no."""
FIGURES = ("all/accuracy", "all/precision", "all/recall", "all/f1")


def of_pope(
    respond: Callable[[Sample], str | None] | Sequence[str | None], rows: Sequence[Row] = ROWS
) -> dict[str, float]:
    return {name: value or 0.0 for name, value in values(score("pope", rows, respond)).items()}


@pytest.mark.parametrize("silence", ["", "Hm.", "I cannot tell.", "Maybe."])
@pytest.mark.parametrize("silent", [range(6), range(12), range(12, 24), range(24)])
def test_silence_raises_no_figure(silence: str, silent: range) -> None:
    """lmms-eval's POPE: unread answers to gold yes are no misses, so that recall and F1 rise with them."""
    wrong = {"yes": "no", "no": "yes"}
    said = [wrong[row["answer"]] if place % 4 == 0 else row["answer"] for place, row in enumerate(ROWS)]
    before = of_pope(said)
    right = [row["answer"] for row in ROWS]
    after = of_pope([silence if place in silent and right[place] == text else text for place, text in enumerate(said)])
    assert all(after[name] <= before[name] for name in FIGURES)
    # A wrong answer that is withheld is no right one either.
    withheld = of_pope([silence if text != right[place] else text for place, text in enumerate(said)])
    assert withheld["all/accuracy"] == before["all/accuracy"]
    assert withheld["all/recall"] == before["all/recall"]


def test_the_share_of_yes_is_of_what_was_said() -> None:
    """lmms-eval's POPE counts the gold answers: .5 for every model. EvalScope's derives answers from the score."""
    assert of_pope(["yes"] * 24)["all/yes_ratio"] == 1.0
    assert of_pope(["No, there is none."] * 24)["all/yes_ratio"] == 0.0
    assert of_pope(["yes"] * 6 + ["I know."] * 12 + ["no"] * 6)["all/yes_ratio"] == 0.5


def test_what_is_not_read_is_no_answer() -> None:
    """VLMEvalKit's POPE counts Unknown for No in precision and recall; its "Overall" is an F1 over all splits."""
    figures = of_pope(["yes"] * 12 + ["Hm."] * 12)
    assert (figures["all/precision"], figures["all/recall"], figures["all/yes_ratio"]) == (1.0, 1.0, 1.0)
    assert (figures["all/accuracy"], figures["all/f1"]) == (0.5, 1.0)


def test_a_failed_sample_costs_itself_alone() -> None:
    """OMNEX-VL answers a whole batch with "error" where one sample fails, and counts that as wrong."""
    result = score("pope", ROWS, [None if place == 3 else row["answer"] for place, row in enumerate(ROWS)])
    assert (result.errors, result.metrics["all/accuracy"].value, result.metrics["all/accuracy"].n) == (1, 1.0, 23)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("A dog is visible, so B", "B"),
        ("E.", "E"),
        ("The answer is E", "E"),
        ("A person holds it. The answer is (C).", "C"),
        ("I see a dog and a cat", None),
    ],
)
def test_an_article_is_no_letter(text: str, letter: str | None) -> None:
    """HumbleBench takes every word of one letter for an option, and "E." for E in one of its two accuracies only."""
    options = dict(zip("ABCDE", ("a lawn", "a kennel", "a leash", "a bowl", "None of the above"), strict=True))
    assert read_answer(text, "choice", choices=options, question="What is beside the door?").answer == letter
