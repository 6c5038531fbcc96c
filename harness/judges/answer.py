"""The answer judge: a language model that is asked about the answers that the rules could not read or settle.

For a yes/no or multiple-choice question it is asked what was answered, never what is right: it sees question, options
and response, and what it read is compared with the target by rule. For an open question it is asked whether the
response comes to what the target says. It sees no image, and nothing of a model's thinking. Of a long response it sees
the first 1,000 and the last 2,000 characters: where answers stand.

Refused, empty and cut-off responses are not asked about. A judge that fails, or whose reply cannot be read, leaves the
answer as it was: counted, and never scored in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from harness.answers.reading import Reading, match_reading, read_answer
from harness.answers.sections import split_sections
from harness.answers.tails import cut_turns
from harness.core.errors import UsageError
from harness.core.types import JUDGE, JudgeQuestion, Sample, SampleRecord, Status
from harness.core.worlds import JudgeWording
from harness.engines.checkpoints import resolve_checkpoint
from harness.judges.model import Asked, JudgeModel, local_model, served_model, trained_wording
from harness.judges.prompts import GENERAL, Case, Rubric, grading_prompt, verifier_prompt, with_options

WORDING_VERSION: Final = "answer-2"
VERIFIER_VERSION: Final = "verifier-1"
JUDGE_BASE_URL: Final = "--judge-base-url"
MAX_NEW_TOKENS: Final = 1_024
"""Far more than a word: some models cannot be told not to think first."""
_TOGETHER: Final = 512
"""Unsettled answers that are asked about at a time: a server's 32 requests in flight never run short, and a killed
process loses no more replies."""
_HELD_BACK: Final = 8_192
"""Records that wait at most for the verdicts of others, so that their order is kept in bounded memory."""
_BEGINNING: Final = 1_000
_END: Final = 2_000
_PHRASE: Final = 300
"""Characters of an open answer that a judge words; a longer reply is no phrase, as it was asked for."""
_MEMORY: Final = 0.6
"""Of the GPU, for vLLM: the judged model has been freed by then, except where it is asked again with other seeds."""

Grade = Literal["correct", "incorrect", "no answer"]
NO_ANSWER: Final = "no answer"
_GRADES: Final[dict[str, Grade]] = {
    **{letter: grade for letter, grade in zip("abc", get_args(Grade), strict=True)},
    **{grade: grade for grade in get_args(Grade)},
    **dict.fromkeys(("invalid", "incomplete", "repetitive", "refusal"), NO_ANSWER),
}
_STATUSES: Final[dict[Grade, Status]] = {
    "correct": "correct",
    "incorrect": "incorrect",
    NO_ANSWER: "unanswered",
}
_WORD: Final = "(correct|incorrect|no answer|invalid|incomplete|repetitive|refusal)"
_GRADE: Final = re.compile(
    rf"""\W*(?:final\ judge?ment\W*|judge?ment\W*|grade\W*|answer\W*)?(?:boxed\W*)?
         (?:([abc])(?:\W+{_WORD}\b.*|\W*) | {_WORD}\W*)""",
    re.IGNORECASE | re.VERBOSE,
)
_NONE: Final = re.compile(r"\W*none\W*", re.IGNORECASE)


class Said(NamedTuple):
    """What a judge says that a response answers; `None`: nothing."""

    answer: str | None


class AnswerJudge:
    """Judges the answers that rules could not read or settle.

    Attributes:
        is_verifier: whether its model was trained to compare an answer with a right one and says nothing but that. What
            a response answers is then found by comparing it with each possible answer, the right one being no other
            than the rest.
        failures: answers so far that were to be settled and that it gave no verdict on.
        problem: why its model could not be used, the last time that it could not; `None` where it always could.
    """

    def __init__(self, model: JudgeModel, *, wording: JudgeWording = GENERAL, is_verifier: bool = False) -> None:
        """Make a judge.

        Args:
            model: the model.
            wording: how it is asked what was answered.
            is_verifier: see the class.
        """
        self.failures = 0
        self.problem: str | None = None
        self.is_verifier = is_verifier
        self._model = model
        self._wording = wording

    @property
    def identity(self) -> str:
        """Model, fingerprint of its weights and versions of the wording; verdicts of equal identity are comparable."""
        return self._model.identity

    def read(self, records: Sequence[SampleRecord]) -> list[Said | None]:
        """What each response answers, in order; `None` where that could not be had."""
        if self.is_verifier:
            return self._read_by_comparing(records)
        asked: list[Asked[Said]] = []
        for record in records:
            sample = record.sample
            question = JudgeQuestion(
                question=sample.question,
                caption=shown(record.response.text),
                answer_kind=sample.answer_kind,
                choices=sample.choices,
                source="reasoning",
            )
            asked.append((self._wording.word(question), partial(read_said, sample)))
        return self._ask(asked)

    def grade(self, cases: Sequence[Case]) -> list[Grade | None]:
        """Whether each response comes to the right answer, in order; `None` where no verdict could be had."""
        word = verifier_prompt if self.is_verifier else grading_prompt
        asked: list[Asked[Grade]] = [(word(case), read_grade) for case in cases]
        return cast("list[Grade | None]", self._ask(asked))

    def _ask(self, asked: Sequence[Asked[Any]]) -> list[Any]:
        said = self._model.ask(asked)
        self.problem = self._model.problem or self.problem
        return said

    def settle(
        self, records: Iterable[SampleRecord], rubrics: Mapping[str, Rubric] | None = None
    ) -> Iterator[SampleRecord]:
        """Pass records on in their order, those that the rules left unsettled with the judge's verdict.

        Args:
            records: of any tasks.
            rubrics: by task, of those that have questions of their own.
        """
        held: list[SampleRecord] = []
        unsettled = 0
        for record in records:
            held.append(record)
            unsettled += record.verdict.is_unsettled
            if not unsettled:
                yield held.pop()
            elif unsettled >= _TOGETHER or len(held) >= _HELD_BACK:
                yield from self._settle_all(held, rubrics or {})
                held, unsettled = [], 0
        yield from self._settle_all(held, rubrics or {})

    def close(self) -> None:
        """Free the model, close connections and cache. Idempotent."""
        self._model.close()

    def _settle_all(self, records: Sequence[SampleRecord], rubrics: Mapping[str, Rubric]) -> Iterator[SampleRecord]:
        unsettled = [record for record in records if record.verdict.is_unsettled]
        rated = iter(self._rate([of for of in unsettled if of.sample.task in rubrics], rubrics))
        unsettled = [record for record in unsettled if record.sample.task not in rubrics]
        said = iter(self.read([record for record in unsettled if record.sample.answer_kind != "open"]))
        grades = iter(self.grade([case_of(record) for record in unsettled if record.sample.answer_kind == "open"]))
        for record in records:
            if record.verdict.is_unsettled:
                is_open = record.sample.answer_kind == "open"
                if record.sample.task in rubrics:
                    judged = next(rated)
                else:
                    judged = _with_grade(record, next(grades)) if is_open else _with_answer(record, next(said))
                self.failures += judged.verdict.is_unsettled
                record = judged
            yield record

    def _rate(self, records: Sequence[SampleRecord], rubrics: Mapping[str, Rubric]) -> list[SampleRecord]:
        """Records with the verdicts of their tasks' own questions."""
        if self.is_verifier:
            self.problem = "it was trained to compare answers and says nothing else; give a general model"
            return list(records)
        cases = []
        for record in records:
            rubric = rubrics[record.sample.task]
            cases.append((record, rubric, (rubric.shown or shown)(record.response.text)))
        asked: list[Asked[Any]] = [(rubric.word(record, text), rubric.read) for record, rubric, text in cases]
        return [
            replace(record, verdict=rubric.settle(record, text, said))
            for (record, rubric, text), said in zip(cases, self._ask(asked), strict=True)
        ]

    def _read_by_comparing(self, records: Sequence[SampleRecord]) -> list[Said | None]:
        answers = [possible_answers(record) for record in records]
        grades = iter(
            self.grade(
                [
                    case_of(record, target)
                    for record, of_record in zip(records, answers, strict=True)
                    for target in of_record.values()
                ]
            )
        )
        return [_one_given({answer: next(grades) for answer in of_record}) for of_record in answers]


def no_judge(task: str) -> str:
    """What to say of a task that has questions of its own to a judge where there is none."""
    return (
        f"{task} is scored by a judge, and none was given: nothing of it is scored. Give --judge, or score the run "
        f"afterwards: harness score --from-run RUN --task {task} --judge MODEL --out FOLDER"
    )


def shown(response: str) -> str:
    """What a judge sees of a response: what counts of it, without the middle of a long one."""
    sections = split_sections(response)
    text = cut_turns((sections.answer or sections.outside) if sections.structured else response).strip()
    if len(text) <= _BEGINNING + _END:
        return text
    return f"{text[:_BEGINNING]}\n(... left out ...)\n{text[-_END:]}"


def case_of(record: SampleRecord, target: str | None = None) -> Case:
    """A response to be compared with an answer, the target unless another one is given."""
    sample = record.sample
    question = with_options(sample.question, sample.choices)
    return Case(question, sample.target if target is None else target, shown(record.response.text))


def possible_answers(record: SampleRecord) -> dict[str, str]:
    """The answers that a question of a closed set can have, each as it is compared with a response."""
    if record.sample.answer_kind == "yes_no":
        return {"yes": "yes", "no": "no"}
    choices = record.sample.choices or dict.fromkeys("ABCDE", "")
    return {letter: f"{letter}. {text}".strip(" .") for letter, text in choices.items()}


def read_grade(text: str) -> Grade | None:
    """The class that a judge replied: its letter, its word, or both where they are of one class, in the last line.

    Returns:
        `None` for anything else.
    """
    lines = text.rpartition("</think>")[2].strip().splitlines()
    match = _GRADE.fullmatch(lines[-1]) if lines else None
    found = {_GRADES[word.lower()] for word in match.groups() if word} if match is not None else set()
    return found.pop() if len(found) == 1 else None


def read_said(sample: Sample, text: str) -> Said | None:
    """What a judge replied that a response to a question answers.

    Returns:
        `None` for a reply that is neither an answer of the question's kind nor "none".
    """
    last = text.rpartition("</think>")[2].strip()
    if _NONE.fullmatch(last):
        return Said(None)
    if sample.answer_kind == "open":
        return Said(last) if last and len(last) <= _PHRASE and "\n" not in last else None
    answer = read_answer(last, sample.answer_kind, sample.choices).answer
    return None if answer is None else Said(answer)


def _one_given(grades: dict[str, Grade | None]) -> Said | None:
    """The one answer that a response was found to give; `None` where a comparison failed or several were found."""
    given = [answer for answer, grade in grades.items() if grade == "correct"]
    if None in grades.values() or len(given) > 1:
        return None
    return Said(given[0] if given else None)


def _with_answer(record: SampleRecord, said: Said | None) -> SampleRecord:
    if said is None:
        return record
    if said.answer is None:
        return _settled(record, "unanswered", None, NO_ANSWER)
    reading = Reading(answer=said.answer, outcome="read", rule=JUDGE)
    is_right = match_reading(reading, record.sample.target, record.sample.answer_kind) == "right"
    return _settled(record, "correct" if is_right else "incorrect", said.answer, said.answer)


def _with_grade(record: SampleRecord, grade: Grade | None) -> SampleRecord:
    if grade is None:
        return record
    return _settled(record, _STATUSES[grade], None if grade == NO_ANSWER else record.verdict.answer, grade)


def _settled(record: SampleRecord, status: Status, answer: str | None, said: str) -> SampleRecord:
    verdict = replace(record.verdict, status=status, answer=answer, rule=JUDGE, reason=f"judge: {said}")
    return replace(record, verdict=verdict)


def open_answer_judge(name: str, *, base_url: str | None = None, api_key_env: str | None = None) -> AnswerJudge:
    """A judge by name; its model is loaded, or its server asked, with the first question that is not in the cache.

    A model whose own name holds CompassVerifier is asked in the words and classes that it was trained on.

    Args:
        name: `openai:MODEL` for a model behind an OpenAI-compatible server; `hf:CHECKPOINT` or `vllm:CHECKPOINT` for a
            folder or hub id of a text-only model on this machine.
        base_url: address of the server; `None`: `OPENAI_BASE_URL`, else OpenAI's own.
        api_key_env: variable that holds its key, see `harness.judges.model.served_model`.

    Raises:
        UsageError: `name` is not of that form, the address is not one or is given for a checkpoint, or OpenAI's own has
            no key.
        ModelError: there is no such checkpoint, or it is not complete.
    """
    engine, _, model = name.partition(":")
    if engine not in ("openai", "hf", "vllm") or not model:
        raise UsageError(
            f"--judge {name!r} is not of the form openai:MODEL, hf:CHECKPOINT or vllm:CHECKPOINT, e.g. openai:gpt-4o."
        )
    own_name = Path(model).name
    is_verifier = "compassverifier" in re.sub(r"[^a-z]", "", own_name.lower())
    if engine == "openai":
        version = VERIFIER_VERSION if is_verifier else f"{WORDING_VERSION} {GENERAL.version}"
        served = served_model(
            name,
            version,
            max_new_tokens=MAX_NEW_TOKENS,
            option=JUDGE_BASE_URL,
            base_url=base_url,
            api_key_env=api_key_env,
        )
        return AnswerJudge(served, is_verifier=is_verifier)
    if base_url is not None or api_key_env is not None:
        raise UsageError(f"{JUDGE_BASE_URL} and --judge-api-key-env are of a server; {name!r} runs on this machine.")
    checkpoint = resolve_checkpoint(model)
    wording = trained_wording(checkpoint)
    local = local_model(
        checkpoint,
        f"{engine}:{own_name}",  # By content, not by place: a checkpoint that was moved is the same judge.
        VERIFIER_VERSION if is_verifier else f"{WORDING_VERSION} {wording.version}",
        max_new_tokens=MAX_NEW_TOKENS,
        use_vllm=engine == "vllm",
        memory=_MEMORY,
    )
    return AnswerJudge(local, wording=wording, is_verifier=is_verifier)
