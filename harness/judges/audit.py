"""The reading audit: how often the answer judge reads what the rules read, in a random sample of a run's answers.

It tells the error of reading on the run's own responses. No verdict is changed by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappush, heappushpop
from typing import Final, NamedTuple

from harness.answers.sameness import same
from harness.core.types import JUDGE, Agreement, Audit, Disagreement, SampleRecord
from harness.judges.answer import NO_ANSWER, AnswerJudge, Said, case_of, possible_answers
from harness.judges.cache import content_key
from harness.judges.prompts import Case
from harness.statistics.intervals import exact_interval

_VERIFIED: Final = {"correct": "the same", "incorrect": "something else", NO_ANSWER: NO_ANSWER}


class _Drawn(NamedTuple):
    rank: int
    record: SampleRecord


class AuditSample:
    """A random sample of the answers that rules read and settled, drawn while the records pass by.

    Attributes:
        wanted: answers of each kind of question that are drawn, where there are as many.
    """

    def __init__(self, wanted: int, seed: int) -> None:
        """Begin.

        Args:
            wanted: see the class.
            seed: the same seed draws the same samples, in whatever order they come.
        """
        self.wanted = wanted
        self._seed = seed
        self._read: dict[str, int] = {}
        self._drawn: dict[str, list[_Drawn]] = {}

    def watch(self, records: Iterable[SampleRecord]) -> Iterator[SampleRecord]:
        """Pass records on, and keep some of them."""
        for record in records:
            verdict, kind = record.verdict, record.sample.answer_kind
            has_one = verdict.answer is not None and kind != "caption"  # Of which no one answer is read.
            if has_one and verdict.rule not in (None, JUDGE) and not verdict.is_unsettled:
                self._read[kind] = self._read.get(kind, 0) + 1
                self._offer(self._drawn.setdefault(kind, []), record)
            yield record

    def _offer(self, drawn: list[_Drawn], record: SampleRecord) -> None:
        """Keep those whose keys are the smallest: keys are as good as random, and the same in every order."""
        key = content_key(str(self._seed), record.sample.task, record.sample.id)
        one = _Drawn(-int.from_bytes(key, "big"), record)
        if len(drawn) < self.wanted:
            heappush(drawn, one)
        elif drawn:
            heappushpop(drawn, one)

    def audit(self, judge: AnswerJudge) -> Audit:
        """Ask a judge about what was drawn."""
        kinds: dict[str, Agreement] = {}
        disagreements: list[Disagreement] = []
        for kind, drawn in sorted(self._drawn.items()):
            records = [one.record for one in sorted(drawn, key=lambda one: one.rank, reverse=True)]
            opinions = _opinions(judge, records)
            told = [opinion for opinion in opinions if opinion is not None]
            agreed = sum(opinion.agrees for opinion in told)
            low, high = exact_interval(agreed, len(told)) if told else (None, None)
            kinds[kind] = Agreement(
                value=agreed / len(told) if told else None,
                low=low,
                high=high,
                n=len(told),
                failures=len(opinions) - len(told),
                read=self._read[kind],
            )
            disagreements += [
                Disagreement(
                    task=record.sample.task,
                    sample_id=record.sample.id,
                    rule=record.verdict.rule or "",
                    read=record.verdict.answer or "",
                    judge=opinion.said,
                )
                for record, opinion in zip(records, opinions, strict=True)
                if opinion is not None and not opinion.agrees
            ]
        return Audit(wanted=self.wanted, kinds=kinds, disagreements=disagreements)


class _Opinion(NamedTuple):
    agrees: bool
    said: str


def _opinions(judge: AnswerJudge, records: Sequence[SampleRecord]) -> list[_Opinion | None]:
    """What a judge makes of the answers that rules read; `None` where it failed.

    A general model is asked what was answered, without being told what the rules read, so that it does not just agree.
    Where rules cannot tell whether its wording of an open answer means the same as theirs, it is asked that too.
    """
    if judge.is_verifier:
        grades = judge.grade([case_of(record, _in_words(record)) for record in records])
        return [None if grade is None else _Opinion(grade == "correct", _VERIFIED[grade]) for grade in grades]
    said = judge.read(records)
    equal = [None if one is None else _is_same(record, one) for record, one in zip(records, said, strict=True)]
    open_ones = [place for place, one in enumerate(said) if one is not None and equal[place] is None]
    cases = [Case(records[place].sample.question, _words(said[place]), _read(records[place])) for place in open_ones]
    for place, grade in zip(open_ones, judge.grade(cases), strict=True):
        equal[place] = None if grade is None else grade == "correct"
    return [None if agrees is None else _Opinion(agrees, _words(one)) for one, agrees in zip(said, equal, strict=True)]


def _is_same(record: SampleRecord, said: Said) -> bool | None:
    """Whether a judge read what the rules read; `None` where rules cannot tell."""
    if said.answer is None or record.sample.answer_kind != "open":
        return said.answer == record.verdict.answer
    return same(said.answer, _read(record))


def _read(record: SampleRecord) -> str:
    return record.verdict.answer or ""


def _in_words(record: SampleRecord) -> str:
    """What the rules read, as a verifier compares it with a response."""
    answers = possible_answers(record) if record.sample.answer_kind != "open" else {}
    return answers.get(_read(record), _read(record))


def _words(said: Said | None) -> str:
    return NO_ANSWER if said is None or said.answer is None else said.answer
