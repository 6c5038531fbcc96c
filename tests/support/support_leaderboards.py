"""Synthetic runs for the tests of the leaderboards, made through the harness's own store, scoring and statistics."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness.benchmarks.registry import get_benchmark
from harness.core.types import Metric, Response, RunRecord, Sample, SampleRecord
from harness.diagnostics.figures import Figure
from harness.diagnostics.specs import diagnostics
from harness.runs.folder import RunFolder, read_run
from harness.runs.seals import seal
from harness.statistics import summarise
from leaderboards.board import Group, Row

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b **bold** _it_ `c` [x](http://e.vil) ![y](z)",
    "=cmd|' /C calc'!A0",
    "</script><img src=x onerror=alert(2)>",
    "100% & {b} \\input{x} ~^ $e$ #1",
    "line\nbreak\tand\x07bell \u202egnp.exe",
)
SPLITS = ("random", "popular", "adversarial")
SUBSETS = ("object_relation", "temporal", "semantic_detail", "external_factual", "external_nonfactual")


def row_of(group: Group, label: str) -> Row:
    """The row of that label."""
    return next(row for row in group.rows if row.label == label)


@cache
def questions(task: str, count: int) -> Sequence[Sample]:
    """About `count` questions of a task, the same in every run."""
    rows: list[dict[str, Any]]
    if task in ("pope", "repope"):
        rows = [
            {
                "category": SPLITS[i % 3],
                "question_id": str(i // 3),
                "question": f"Is there a thing {i}?",
                "answer": "yes" if (i // 3) % 2 else "no",
                "image_source": f"image_{i // 18}",
            }
            for i in range(count)
        ]
    elif task == "videohallucer":
        rows = [
            {
                "subset": SUBSETS[i // 2 % 5],
                "index": i // 10,
                "kind": "basic" if i % 2 == 0 else "hallucination",
                "question": f"Does it happen {i}?",
                "answer": "yes" if i % 2 == 0 else "no",
                "video": f"video_{i // 2}.mp4",
            }
            for i in range(count)
        ]
    elif task == "mmbench":
        rows = [
            {
                "index": i // 4 + (i % 4) * 1_000_000,
                "question": f"Which one {i // 4}?",
                **{letter: f"option {(k + i) % 4}" for k, letter in enumerate("ABCD")},
                "answer": "ABCD"[(4 - i % 4) % 4],
                "category": f"category {i // 4 % 4}",
                "l2-category": f"group {i // 4 % 2}",
            }
            for i in range(count)
        ]
    else:
        rows = [
            {
                "id": f"validation_{i}",
                "question_type": "multiple-choice",
                "question": f"What is shown {i}?",
                "choices": {letter: f"option {letter.lower()}{i}" for letter in "ABCDE"},
                "answer": "ABCDE"[i % 5],
                "video": f"video_{i}.mp4",
                "metadata": {"subject": f"subject {i % 4}"},
            }
            for i in range(count)
        ]
    read_row = get_benchmark(task).read_row
    return [read_row(row, f"{task} row {i}") for i, row in enumerate(rows)]


def respond(sample: Sample, skill: float, yes_bias: float, silent: float, rng: random.Random) -> str:
    """A response; how hard the question is follows from its id, so that runs agree on easy and hard ones."""
    hardness = int.from_bytes(hashlib.sha256(sample.id.encode()).digest()[:4], "big") / 2**32
    if rng.random() < silent:
        return "I am not able to tell."
    right = 0.75 * hardness + 0.25 * rng.random() < skill
    if sample.answer_kind == "yes_no":
        if not right and sample.target == "no":
            return "Yes."
        if not right:
            return "Yes." if rng.random() < yes_bias else "No."
        return sample.target.capitalize() + "."
    letters = list(sample.choices or "ABCD")
    return sample.target if right else rng.choice([letter for letter in letters if letter != sample.target])


@cache
def answered(task: str, count: int, number: int, text: str, failed: bool) -> SampleRecord:
    """An answer to one of `count` questions, or none, judged; many runs give the same."""
    sample = questions(task, count)[number]
    error = "Broken: synthetic" if failed else None
    response = Response(sample_id=sample.id, text=text, finish_reason=None if failed else "stop", error=error)
    return SampleRecord(sample=sample, response=response, verdict=get_benchmark(task).judge(sample, response))


def write_run(
    folder: Path,
    *,
    model: str = "base",
    weights: str | None = "",
    skills: Mapping[str, float] | None = None,
    counts: int | Mapping[str, int] = 60,
    prompt: str = "grounded",
    limit: float | None = None,
    blind: str | None = None,
    started: str = "2026-03-01T10:00:00+00:00",
    seed: int = 0,
    yes_bias: float = 0.5,
    silent: float = 0.0,
    failures: int = 0,
    judge: str | None = None,
    num_frames: int = 8,
    video_as: str | None = "native",
    versions: Mapping[str, str] | None = None,
    temperature: float = 0.0,
    decoding: Mapping[str, Any] | None = None,
    files: str | None = "sha256:tok",
    source: str = "hub:synthetic/{task}@0a1b2c3",
    training: Mapping[str, Any] | None = None,
    engine: str = "replay",
) -> Path:
    """Write a finished run and give its folder; `weights=""` derives them from the model's name."""
    skills = {"pope": 0.8, "videohallucer": 0.6} if skills is None else skills
    if weights == "":
        weights = "sha256:" + hashlib.sha256(model.encode()).hexdigest()
    rng = random.Random(f"{model}/{weights}/{seed}")
    tasks: dict[str, Sequence[Sample]] = {
        task: questions(task, counts if isinstance(counts, int) else counts[task]) for task in skills
    }
    data = {
        task: {
            "source": source.format(task=task),
            "count": len(samples),
            "digest": "sha256:" + hashlib.sha256(repr(samples).encode()).hexdigest(),
        }
        for task, samples in tasks.items()
    }
    usual = {"max_new_tokens": 128, "temperature": temperature, "top_p": 1.0, "repetition_penalty": 1.0}
    decoding = {**usual, **(decoding or {})}
    settings = {
        "model": {"name": model, "weights": weights, "files": files if weights else None},
        "prompt": prompt,
        "decoding": decoding,
        "seed": seed,
        "limit": limit,
        "blind": blind,
        "num_frames": num_frames,
        "video_as": video_as,
        "engine": "replay",
        "engine_settings": {},
        "tasks": {task: {"version": (versions or {}).get(task, "1"), **data[task]} for task in tasks},
    }
    run_folder = RunFolder(folder, settings)
    records: dict[str, list[SampleRecord]] = {}
    for task, samples in tasks.items():
        records[task] = []
        for number, sample in enumerate(samples):
            failed = number < failures
            text = "" if failed else respond(sample, skills[task], yes_bias, silent, rng)
            record = answered(task, len(samples), number, text, failed)
            records[task].append(record)
            run_folder.append(record)
    run_folder.sort([(task, sample.id) for task, samples in tasks.items() for sample in samples])
    run_folder.complete(
        RunRecord(
            id=folder.name,
            model=model,
            weights=weights,
            engine=engine,
            prompt_format=prompt,
            decoding=decoding,
            seed=seed,
            data=data,
            judge=judge,
            versions={"harness": "0.1.0"},
            git_commit="0123456789abcdef0123456789abcdef01234567",
            started=started,
            seconds=1.0,
            settings=settings,
            training=training,
            tasks={task: summarise(get_benchmark(task), records[task]) for task in tasks},
            benchmarks={task: get_benchmark(task).facts for task in tasks},
        )
    )
    run_folder.close()
    return folder


def write_world(root: Path, *, counts: int = 240, steps: Sequence[int] = (100, 200, 300, 400)) -> Path:
    """A base model, an SFT model, and two training runs, of which the plain one hallucinates more and more."""
    tasks = ("pope", "videohallucer", "mmbench", "mmvu")
    levels: dict[str, tuple[float, ...]] = {"base": (0.82, 0.66, 0.80, 0.55), "outputs/sft": (0.80, 0.62, 0.78, 0.60)}
    for i, step in enumerate(steps):
        levels[f"outputs/grpo/checkpoint-{step}"] = (0.83 - 0.02 * i, 0.70 - 0.08 * i, 0.82, 0.60)
        levels[f"outputs/method/checkpoint-{step}"] = (0.85 + 0.02 * i, 0.70 + 0.04 * i, 0.82 + 0.01 * i, 0.62)
    for number, (model, skills) in enumerate(sorted(levels.items())):
        folder = write_run(
            root / model.replace("/", "-"),
            model=model,
            skills=dict(zip(tasks, skills, strict=True)),
            counts=counts,
            started=f"2026-03-{number + 1:02d}T10:00:00+00:00",
            silent=0.01,
        )
        wrong = 1 - skills[0]
        write_diagnostics(folder, perception=wrong * 0.6, reasoning=wrong * 0.2, commitment=wrong * 0.1)
    return root


def write_diagnostics(folder: Path, **shares: float) -> None:
    """A hand-made `diagnostics.json`: three figures, and wrong answers by cause as shares of a run's POPE samples."""
    samples = read_run(folder).tasks["pope"].samples
    rate = shares["perception"]
    specs = {of.spec.name: of.spec for of in diagnostics()}
    figures: dict[str, dict[str, Any]] = {
        "pope/looping": {"value": 0.0, "n": samples},
        "all/caption_fidelity": {
            "value": 1 - rate,
            "stderr": 0.02,
            "low": 0.96 - rate,
            "high": 1.04 - rate,
            "n": samples,
        },
        "all/chair_i": {"value": rate, "low": rate - 0.02, "high": rate + 0.02},
        "all/think_words": {"value": 31.4, "low": 29.0, "high": 33.8},
        "all/corrected_fidelity": {"value": None},
    }
    metrics = {
        name: Figure(metric=Metric(name=name, **of), spec=specs[name.partition("/")[2]]).to_json()
        for name, of in figures.items()
    }
    (folder / "diagnostics.json").write_text(
        json.dumps(
            {
                "schema_version": 1,
                "metrics": metrics,
                "attribution": {
                    "pope": {
                        cause: {"n": round(share * samples), "examples": ["random/0"]}
                        for cause, share in shares.items()
                    }
                },
                "judge": None,
            }
        )
    )


def score_itself(folder: Path, task: str, *, better: int = 1) -> None:
    """Turn a task of a run into one of lmms-eval's kind: prompts of its own, and a score of 1 or 0 for each answer."""
    record = json.loads((folder / "run.json").read_text())
    result = record["tasks"][task]
    metric = result["metrics"][result["headline"]]
    result |= {"headline": "all/hit", "metrics": {"all/hit": metric | {"name": "all/hit"}}}
    result["official"] = {"all/hit": metric["value"]}
    result["means"] = {"all/hit": {"score": "hit", "high": 1.0, "better": better}}
    record["settings"]["tasks"][task] |= {"prompt": "own", "max_new_tokens": 16}
    record["benchmarks"][task] |= {"title": task, "hallucination": False, "has_open_answers": True, "telling": {}}
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    for sample in samples:
        if sample["sample"]["task"] == task:
            sample["verdict"]["scores"] = {"hit": float(sample["verdict"]["status"] == "correct")}
    (folder / "samples.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    write_sealed(folder, record)


def write_sealed(folder: Path, record: dict[str, Any]) -> None:
    """Write a run's record by hand, as if the run had ended so."""
    (folder / "run.json").write_text(json.dumps(record | {"seal": seal(record, folder / "samples.jsonl")}))
