"""Records of the demo world with faults put in on purpose, so that the truth of every diagnostic is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.answers.objects import build_vocabulary
from harness.benchmarks import verdicts
from harness.benchmarks.registry import get_benchmark
from harness.core.prompts import build_prompt
from harness.core.types import BenchmarkFacts, Metric, Response, RunRecord, Sample, SampleRecord, TaskResult, Verdict
from harness.demo.annotations import annotate, describe_scene
from harness.demo.asking import ask_event, ask_located, ask_object, ask_order, ask_value
from harness.demo.chains import build_sample
from harness.demo.questions import Query, resolve, word_caption, word_plan
from harness.demo.rendering import draw_style
from harness.demo.videos import draw_video_scene
from harness.demo.world import GRID, OBJECTS, Entry, Scene, draw_scene, shown_objects
from harness.diagnostics.evidence import Conclusion, Evidence, gather
from harness.diagnostics.objects import Annotations, parse_annotation
from harness.diagnostics.specs import DIAGNOSTICS, measure
from harness.runs.folder import RunFolder

FAULTS = ("none", "wrong_object", "contradiction", "loop", "cut", "prior", "misread")
TASKS = ("pope", "videohallucer", "mmvu")


@dataclass(frozen=True)
class Planted:
    """A record, what was put into it, and what is needed to find it."""

    record: SampleRecord
    fault: str
    cause: str | None
    blind: Verdict
    annotation: dict[str, Any]


def chain(plan: str, caption: str, think: str, answer: str) -> str:
    return (
        f"<planning> {plan} </planning> <caption> {caption} </caption> <think> {think} </think> "
        f"<answer> {answer} </answer>"
    )


def judge_response(sample: Sample, response: Response) -> Verdict:
    """The task's own verdict."""
    return get_benchmark(sample.task).judge(sample, response)


def draw_question(rng: np.random.Generator, task: str) -> tuple[Query, Scene]:
    while True:
        if task == "pope":
            scene = draw_scene(rng, low=2)
            return ask_object(rng, scene, video=False, negative="adversarial"), scene
        if task == "videohallucer":
            scene = draw_video_scene(rng)
            asks = (ask_event, ask_order)
            if rng.random() < 0.4:
                return ask_located(rng, scene, video=True), scene
            return asks[int(rng.integers(2))](rng, scene), scene
        video = bool(rng.random() < 0.5)
        scene = draw_video_scene(rng) if video else draw_scene(rng, low=2)
        families = ("where", "color", "identity")
        query = ask_value(rng, scene, families[int(rng.integers(3))], video=video, option_count=int(rng.integers(3, 6)))
        if query is not None:
            return query, scene


def _wrong_answer(rng: np.random.Generator, sample: Sample) -> str:
    if sample.answer_kind == "yes_no":
        return "no" if sample.target == "yes" else "yes"
    others = [letter for letter in sample.choices or {} if letter != sample.target]
    return others[int(rng.integers(len(others)))]


def _think_for(query: Query, scene: Scene, sample: Sample, answer: str, rng: np.random.Generator) -> str:
    """A thinking in the world's own words that concludes `answer`."""
    if sample.answer_kind == "choice":
        return f"{resolve(query, scene)[0].rsplit(' ', 1)[0]} {answer}."
    name = OBJECTS[query.obj if query.obj is not None else 0]
    if answer == "no":
        return f"{name} none"
    for _ in range(2000):  # an entry of the object that makes the question true
        candidate = draw_video_scene(rng) if query.video else draw_scene(rng, low=2)
        for entry in candidate:
            told = (replace(entry, obj=query.obj if query.obj is not None else entry.obj),)
            thinking, found = resolve(query, told)
            if found == "yes":
                return thinking
    raise AssertionError("no thinking found")


def _with_wrong_object(rng: np.random.Generator, query: Query, scene: Scene) -> Scene:
    """The scene with one object that is not there: the asked-for one where it is absent, else another one."""
    shown = shown_objects(scene)
    absent = [i for i in range(len(OBJECTS)) if i not in shown]
    obj = query.obj if query.obj in absent else absent[int(rng.integers(len(absent)))]
    free = [cell for cell in range(GRID * GRID) if cell not in {entry.cell for entry in scene}]
    extra = Entry(obj=obj, cell=free[int(rng.integers(len(free)))])
    at = int(rng.integers(len(scene) + 1))
    return (*scene[:at], extra, *scene[at:])


def plant(count: int, seed: int = 0, tasks: Sequence[str] = TASKS) -> list[Planted]:
    """`count` records; a third of them without a fault."""
    rng = np.random.default_rng(seed)
    planted = []
    while len(planted) < count:
        number = len(planted)
        task = tasks[number % len(tasks)]
        query, scene = draw_question(rng, task)
        target = resolve(query, scene)[1]
        if query.kind == "choice" and resolve(query, scene)[0].endswith(" none"):
            continue
        base = build_sample(query, sample_id=f"{task}/{number}", target=target)
        sample = replace(
            base,
            task=task,
            subset="random",
            prompt=build_prompt(base, "grounded"),
            cluster=f"image-{number // 3}",
            attributes={"kind": "basic", "type": "multiple_choice"},
        )
        fault = "none" if rng.random() < 0.35 else FAULTS[1 + int(rng.integers(len(FAULTS) - 1))]
        one = _plant_one(rng, sample, query, scene, fault)
        if one is not None:
            planted.append(one)
    return planted


def _plant_one(rng: np.random.Generator, sample: Sample, query: Query, scene: Scene, fault: str) -> Planted | None:
    plan, target = word_plan(query), sample.target
    wrong = _wrong_answer(rng, sample)
    told, cause, finish = scene, None, "stop"
    think, answer = resolve(query, scene)
    blind = wrong if fault == "prior" or rng.random() < 0.5 else target
    if fault == "wrong_object":
        told = _with_wrong_object(rng, query, scene)
        think, answer = resolve(query, told)
        if query.kind == "choice" and think.endswith(" none"):
            return None
        cause = None if answer == target else "perception"
    elif fault == "contradiction":
        answer, cause = wrong, "commitment"
    elif fault in ("prior", "misread"):
        think, answer, cause = _think_for(query, scene, sample, wrong, rng), wrong, "reasoning"
        if fault == "misread":
            blind = target
    elif fault == "loop":
        unit = f"look again at {think} and check it"
        think = f"{' '.join([unit] * int(rng.integers(4, 20)))} {think}"
    text = chain(plan, word_caption(told), think, answer)
    if fault == "cut":
        text, finish, cause = text[: text.index("</think>") - int(rng.integers(1, 8))], "length", "truncation"
    response = Response(sample_id=sample.id, text=text, finish_reason=finish, completion_tokens=len(text.split()))
    verdict = judge_response(sample, response)
    styles = [draw_style(rng) for _ in scene]
    annotation = annotate(sample.id, query, [describe_scene("x", scene, styles)])
    return Planted(
        record=SampleRecord(sample=sample, response=response, verdict=verdict),
        fault=fault,
        cause=cause if verdict.status != "correct" else None,
        blind=Verdict(sample_id=sample.id, answer=blind, status="correct" if blind == target else "incorrect"),
        annotation=annotation,
    )


def annotations_of(planted: Sequence[Planted]) -> dict[str, Annotations]:
    """By task."""
    vocabulary = build_vocabulary(dict.fromkeys(OBJECTS, ()))
    tasks = {one.record.sample.task for one in planted}
    return {
        task: Annotations(
            samples={
                one.record.sample.id: parse_annotation(one.annotation)
                for one in planted
                if one.record.sample.task == task
            },
            vocabulary=vocabulary,
        )
        for task in tasks
    }


def make_record(
    text: str,
    *,
    target: str = "yes",
    question: str = "Is there a dog in the image?",
    kind: str = "yes_no",
    choices: dict[str, str] | None = None,
    sample_id: str = "random/1",
    task: str = "pope",
    finish: str | None = "stop",
    cluster: str | None = None,
    group: str | None = None,
    error: str | None = None,
) -> SampleRecord:
    """A record of one response, with the strict verdict of the answer reader."""
    sample = Sample(
        id=sample_id,
        task=task,
        target=target,
        answer_kind=kind,
        question=question,
        choices=choices,
        cluster=cluster,
        group=group,
        subset="random",
    )
    response = Response(sample_id=sample_id, text=text, finish_reason=finish, error=error)
    verdict = verdicts.judge_response(sample, response)
    if error is None:
        verdict = replace(verdict, official=verdict.answer == target)
    return SampleRecord(sample=sample, response=response, verdict=verdict)


SHARE = Metric(name="all/x", value=0.5, stderr=0.1, low=0.3, high=0.7, n=2)


def store(
    path: Path,
    records: Sequence[SampleRecord],
    *,
    prompt: str = "grounded",
    complete: bool = True,
    metric: Metric = SHARE,
    **more: object,
) -> Path:
    """A run folder with these records."""
    settings = {"prompt": prompt, "num_frames": 8, **more}
    folder = RunFolder(path, settings)
    for record in records:
        folder.append(record)
    folder.close()
    tasks = list(dict.fromkeys(record.sample.task for record in records))
    if complete:
        folder.complete(
            RunRecord(
                id=path.name,
                model="a | model <b>",
                weights=None,
                engine="replay",
                prompt_format=prompt,
                decoding={},
                seed=0,
                data={task: {"source": "dir:x", "count": len(records), "digest": "sha256:0"} for task in tasks},
                judge=None,
                versions={},
                git_commit=None,
                started="2026-01-01T00:00:00+00:00",
                seconds=1.0,
                settings=settings,
                benchmarks={task: BenchmarkFacts(title=task) for task in tasks},
                tasks={
                    task: TaskResult(
                        task=task,
                        headline="all/x",
                        metrics={"all/x": metric},
                        official={"all/x": None},
                        unanswered=0,
                        truncated=0,
                        errors=0,
                        disagreements=0,
                        samples=len(records),
                    )
                    for task in tasks
                },
            )
        )
    return path


GROUNDED = "<planning>p</planning><caption>{caption}</caption><think>{think}</think><answer>{answer}</answer>"


def grounded(
    caption: str = "A cat.", think: str = "There is no dog.", answer: str = "no", **changes: object
) -> Evidence:
    record = make_record(GROUNDED.format(caption=caption, think=think, answer=answer), **changes)  # type: ignore[arg-type]
    return gather(record)


def with_caption(item: Evidence, answer: str) -> Evidence:
    return replace(item, caption=Conclusion(answer=answer, by="judge"))


def value_of(name: str, *items: Evidence) -> float | None:
    """What a rate comes to over some samples of POPE."""
    rate = next(of for of in DIAGNOSTICS if of.spec.name == name)
    return measure(rate, items, part="pope").metric.value
