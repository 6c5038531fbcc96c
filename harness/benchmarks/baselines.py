"""What a benchmark gives to a model that looks at nothing: the headlines of constant responses."""

from __future__ import annotations

from collections.abc import Sequence

from harness.benchmarks.record import Benchmark
from harness.core.types import Response, Sample, SampleRecord
from harness.statistics import summarise


def constant_headlines(benchmark: Benchmark, samples: Sequence[Sample]) -> dict[str, float | None]:
    """The headline of each of a benchmark's constant responses.

    Args:
        benchmark: whose questions these are.
        samples: that are asked.

    Returns:
        Value by name of the baseline; `None` where the headline is undefined.
    """
    return {name: _headline(benchmark, samples, text) for name, text in benchmark.baselines.items()}


def _headline(benchmark: Benchmark, samples: Sequence[Sample], text: str) -> float | None:
    response = Response(sample_id="", text=text)
    records = (
        SampleRecord(sample=sample, response=response, verdict=benchmark.judge(sample, response)) for sample in samples
    )
    # Only the headline is wanted, and no interval of it.
    return summarise(benchmark, records).metrics[benchmark.headline].value
