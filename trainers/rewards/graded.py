"""Graded accuracy: between 0 and 1 for open answers whose rows say how they are graded; standard library only.

The definitions are those of Video-R1's rewards (github.com/tulerfeng/Video-R1, `src/r1-v/src/open_r1/grpo.py`), with
four differences: numbers are read with their words and units, as an evaluation reads them; a number is held against as
many decimals as its target has, if these are more than two; ROUGE does not stem, and knows letters of all scripts; a
target of one word, which has no bigrams, is not held against them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from harness.answers.values import quantity
from harness.benchmarks.verdicts import judge_response, official_text
from harness.core.types import Response, Sample
from trainers.data import GRADE


def graded_accuracy(samples: Sequence[Sample], responses: Sequence[Response]) -> list[float | None]:
    """As `accuracy`, but for rows with a `grade`: a share of 1 for an answer that is nearly right.

    - `numerical`: 1 where the strict verdict is `correct`, or the numbers are the same to two decimals, or to those of
      the target where these are more; else 0.
    - `regression`: 1 minus the difference from the target relative to it, not below 0.
    - `ocr`: 1 minus the word error rate, not below 0.
    - `free_form`: the mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L.
    """
    return [_grade(sample, response) for sample, response in zip(samples, responses, strict=True)]


def _grade(sample: Sample, response: Response) -> float | None:
    verdict = judge_response(sample, response)
    if verdict.status == "error":
        return None
    right = verdict.status == "correct"
    match sample.attributes.get(GRADE):
        case "numerical":
            return float(right or _same_number(verdict.answer or "", sample.target))
        case "regression":
            return max(float(right), _closeness(verdict.answer or "", sample.target))
        case "ocr":
            return max(0.0, 1.0 - word_error_rate(official_text(response.text), sample.target))
        case "free_form":
            return rouge(official_text(response.text), sample.target)
    return float(right)


def _same_number(told: str, target: str) -> bool:
    one, other = quantity(told), quantity(target)
    if one is None or other is None or (one.unit and other.unit and one.unit != other.unit):
        return False
    decimals = max((len(digits) for digits in re.findall(r"\.(\d+)", target)), default=0)
    return abs(one.value - other.value) <= 0.5 * 10.0 ** -max(2, decimals) * (1 + 1e-9)


def _closeness(told: str, target: str) -> float:
    one, other = quantity(told), quantity(target)
    if one is None or other is None or (one.unit and other.unit and one.unit != other.unit):
        return 0.0
    return max(0.0, 1.0 - (abs(one.value - other.value) + 1e-9) / (abs(other.value) + 1e-9)) if one != other else 1.0


def word_error_rate(told: str, target: str) -> float:
    """Words that are replaced, left out or added, per word of the target: 0 for the same words, and without bound."""
    words = target.split()
    return _edits(told.split(), words, replaced=1) / max(1, len(words))


def rouge(told: str, target: str) -> float:
    """Mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L (Lin, 2004) over words in lower case: 0 to 1."""
    ours, theirs = (re.findall(r"\w+", text.lower()) for text in (told, target))
    scores = [_overlap(ours, theirs, span) for span in (1, 2) if len(theirs) >= span]
    together = len(ours) + len(theirs)
    # What is left after the fewest deletions and insertions is the longest common subsequence, twice.
    scores.append((together - _edits(ours, theirs, replaced=2)) / together if together else 0.0)
    return sum(scores) / len(scores)


def _overlap(ours: Sequence[str], theirs: Sequence[str], span: int) -> float:
    """F1 of n-grams: those in common, twice, over all."""
    counts = [Counter(tuple(words[at : at + span]) for at in range(len(words) - span + 1)) for words in (ours, theirs)]
    return 2 * (counts[0] & counts[1]).total() / (counts[0].total() + counts[1].total())


def _edits(told: Sequence[str], target: Sequence[str], *, replaced: int) -> int:
    """Least cost of changes that make one sequence the other: 1 for a word that is added or left out."""
    costs = list(range(len(target) + 1))
    for row, word in enumerate(told, start=1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(target, start=1):
            change = diagonal + (replaced if word != other else 0)
            diagonal, costs[column] = costs[column], min(change, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1]
