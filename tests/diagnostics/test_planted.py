"""Faults that were put in are found, and nothing else: precision and recall over 0.95."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

import pytest
from support_diagnostics import TASKS, Planted, annotations_of, make_record, plant

from harness.answers.coco import COCO_SYNONYMS
from harness.answers.objects import build_vocabulary
from harness.answers.sections import SECTION_NAMES
from harness.diagnostics.diagnose import Diagnosis, examine
from harness.diagnostics.findings import Finding
from harness.diagnostics.objects import Annotation, Annotations

FLAG_OF = {
    "wrong_object": "invented_object",
    "contradiction": "think_answer_mismatch",
    "loop": "looping",
    "cut": "cut_off",
    "prior": "prior_answer",
}


def precision_and_recall(true: set[str], found: set[str]) -> tuple[float, float]:
    both = len(true & found)
    return both / max(len(found), 1), both / max(len(true), 1)


@pytest.fixture(scope="module")
def world() -> tuple[list[Planted], Diagnosis]:
    planted = plant(900, seed=11)
    diagnosis = examine(
        [one.record for one in planted],
        expected=defaultdict(lambda: SECTION_NAMES),
        annotations=annotations_of(planted),
        blind={(one.record.sample.task, one.record.sample.id): one.blind for one in planted},
    )
    return planted, diagnosis


@pytest.mark.parametrize(("fault", "flag"), FLAG_OF.items())
def test_planted_faults_of_the_demo_world_are_found(
    world: tuple[list[Planted], Diagnosis], fault: str, flag: str
) -> None:
    planted, diagnosis = world
    true = {one.record.sample.id for one in planted if one.fault == fault}
    found = {finding.id for finding in diagnosis.findings if flag in finding.flags}
    assert len(true) > 50
    precision, recall = precision_and_recall(true, found)
    assert precision > 0.95
    assert recall > 0.95


@pytest.mark.parametrize("cause", ["perception", "reasoning", "commitment", "truncation"])
def test_causes_of_the_demo_world_are_found(world: tuple[list[Planted], Diagnosis], cause: str) -> None:
    planted, diagnosis = world
    true = {one.record.sample.id for one in planted if one.cause == cause}
    found = {finding.id for finding in diagnosis.findings if finding.cause == cause}
    assert len(true) > 5
    assert min(precision_and_recall(true, found)) > 0.95


def test_rates_are_those_that_were_planted(world: tuple[list[Planted], Diagnosis]) -> None:
    planted, diagnosis = world
    figures = {figure.metric.name: figure.metric for figure in diagnosis.figures}
    for task in TASKS:
        of_task = [one for one in planted if one.record.sample.task == task]
        share = sum(one.fault == "cut" for one in of_task) / len(of_task)
        assert figures[f"{task}/cut_off"].value == pytest.approx(share)
        assert figures[f"{task}/chair_s"].value == pytest.approx(
            sum(one.fault == "wrong_object" for one in of_task) / len(of_task)
        )
    assert figures["all/cut_off"].value == pytest.approx(sum(one.fault == "cut" for one in planted) / len(planted))


# The same faults in prose, which no grammar of ours can read.

_PLACES = ("on the left", "in the background", "next to a wall", "in the foreground", "near the window", "under a lamp")
_SEEN = (
    "Looking at the caption, a {thing} is described {place}. Therefore there is a {thing} in the image.",
    "We have to find a {thing}. One is mentioned {place}, so the answer is yes.",
    "The question is about a {thing}. I can see a {thing} {place}. So yes, a {thing} is present.",
    "The description says that a {thing} is {place}, which means the correct answer is yes.",
)
_UNSEEN = (
    "Looking at the caption, only other things are described. Therefore there is no {thing} in the image.",
    "We have to find a {thing}. None is mentioned anywhere, so the answer is no.",
    "The question is about a {thing}. I cannot see a {thing} in it. So no, there is no {thing}.",
    "The description never speaks of a {thing}, which means the correct answer is no.",
)
_LOOPS = (
    "Wait, let me check the picture again to be sure.",
    "Hmm, but it could be something else after all.",
    "Let me look at the left side once more.",
)
_THINGS = ("dog", "cat", "bus", "chair", "bicycle", "horse", "umbrella", "clock", "bottle", "laptop", "kite", "bench")


def _prose(count: int, seed: int) -> tuple[list[Planted], dict[str, Annotations]]:
    rng = random.Random(seed)
    planted, annotations = [], {}
    for number in range(count):
        thing, *others = rng.sample(_THINGS, 5)
        there = rng.random() < 0.5
        objects = [*others[:2], *([thing] if there else [])]
        fault = rng.choice(["none", "none", *FLAG_OF])
        named = list(objects)
        if fault == "wrong_object":
            named.append(others[3])
        rng.shuffle(named)
        caption = ". ".join(f"A {name} is {rng.choice(_PLACES)}" for name in named) + "."
        target = "yes" if there else "no"
        wrong = "no" if there else "yes"
        concludes = wrong if fault == "prior" else target
        thinking = rng.choice(_SEEN if concludes == "yes" else _UNSEEN).format(thing=thing, place=rng.choice(_PLACES))
        if fault == "loop":
            thinking = f"{rng.choice(_LOOPS)} " * rng.randint(3, 30) + thinking
        answer = wrong if fault in ("contradiction", "prior") else target
        text = (
            f"<planning>Look for a {thing}.</planning>\n<caption>{caption}</caption>\n<think>{thinking}</think>\n"
            f"<answer>{answer}</answer>"
        )
        if fault == "cut":
            text = text[: text.index("</think>") - rng.randint(0, 20)]
        sample_id = f"random/{number}"
        record = make_record(
            text,
            target=target,
            question=f"Is there a {thing} in the image?",
            sample_id=sample_id,
            finish="length" if fault == "cut" else "stop",
        )
        blind_answer = wrong if fault == "prior" or rng.random() < 0.5 else target
        blind = replace(
            record.verdict, answer=blind_answer, status="correct" if blind_answer == target else "incorrect"
        )
        planted.append(Planted(record=record, fault=fault, cause=None, blind=blind, annotation={"thing": thing}))
        annotations[sample_id] = Annotation(expected=frozenset(objects), present=frozenset(objects))
    return planted, {"pope": Annotations(samples=annotations, vocabulary=build_vocabulary(COCO_SYNONYMS))}


class LookUp:
    """A judge that answers yes where the caption names the thing that is asked for."""

    problem = None

    def complete(self, prompts):  # type: ignore[no-untyped-def]
        for index, prompt in enumerate(prompts):
            thing = prompt.user.split("Is there a ")[1].split(" in the image")[0]
            told = prompt.user.split("-----")[1] if "-----" in prompt.user else ""
            yield index, "yes" if f"a {thing} is" in told.lower() else "no"

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def prose() -> tuple[list[Planted], list[Finding]]:
    from harness.judges.caption import CaptionJudge
    from harness.judges.model import JudgeModel

    planted, annotations = _prose(700, seed=5)
    diagnosis = examine(
        [one.record for one in planted],
        expected=defaultdict(lambda: SECTION_NAMES),
        judge=CaptionJudge(JudgeModel(LookUp, identity="look-up")),
        annotations=annotations,
        blind={("pope", one.record.sample.id): one.blind for one in planted},
    )
    return planted, list(diagnosis.findings)


@pytest.mark.parametrize(("fault", "flag"), FLAG_OF.items())
def test_planted_faults_in_prose_are_found(prose: tuple[list[Planted], list[Finding]], fault: str, flag: str) -> None:
    planted, findings = prose
    true = {one.record.sample.id for one in planted if one.fault == fault}
    found = {finding.id for finding in findings if flag in finding.flags}
    assert len(true) > 50
    precision, recall = precision_and_recall(true, found)
    assert precision > 0.95
    assert recall > 0.95
