"""Records and a run to write and read."""

from harness.core.types import (
    BenchmarkFacts,
    Media,
    Metric,
    Response,
    RunRecord,
    Sample,
    SampleRecord,
    TaskResult,
    Verdict,
)

SETTINGS = {"model": {"name": "m", "weights": "sha256:1"}, "seed": 0, "tasks": {"pope": {"digest": "sha256:2"}}}


def make_record(sample_id: str, *, text: str = "yes", error: str | None = None, task: str = "pope") -> SampleRecord:
    return SampleRecord(
        sample=Sample(
            id=sample_id,
            task=task,
            target="yes",
            answer_kind="yes_no",
            question="Is there a «dog» \u2028 in it?",
            media=(Media(kind="image", source="x[1].image", size_bytes=123),),
            cluster="x",
            attributes={"kind": "basic"},
        ),
        response=Response(sample_id=sample_id, text="" if error else text, error=error, finish_reason="stop"),
        verdict=Verdict(sample_id=sample_id, answer="yes", status="error" if error else "correct", official=True),
    )


def make_run() -> RunRecord:
    metric = Metric(name="mean/accuracy", value=0.5, stderr=0.1, low=0.3, high=0.7, n=2)
    result = TaskResult(
        task="pope",
        headline="mean/accuracy",
        metrics={"mean/accuracy": metric},
        official={"mean/accuracy": 0.5},
        unanswered=0,
        truncated=0,
        errors=0,
        disagreements=0,
        samples=2,
    )
    return RunRecord(
        id="r",
        model="m",
        weights="sha256:1",
        engine="hf",
        prompt_format="direct",
        decoding={"temperature": 0.0},
        seed=0,
        data={"pope": {"source": "demo", "count": 2, "digest": "sha256:2"}},
        judge=None,
        versions={"harness": "0"},
        git_commit=None,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        settings=SETTINGS,
        tasks={"pope": result},
        benchmarks={"pope": BenchmarkFacts(title="POPE", media="image")},
    )
