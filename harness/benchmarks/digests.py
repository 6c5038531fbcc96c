"""Which data these are: fingerprints of questions and media, and whether they are those that were published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from harness.benchmarks.fetch import FOLDER
from harness.benchmarks.record import Benchmark, HubSource
from harness.core.types import Sample


def digest_prompts(samples: Sequence[Sample]) -> str:
    """Fingerprint of what the model is asked, word for word, and of all that figures depend on: `sha256:...`.

    Groups and clusters count by which samples are in one: some data sets name them by files, which may be moved.
    """
    groups: dict[str | None, int | None] = {None: None}
    clusters: dict[str | None, int | None] = {None: None}
    return _digest(
        [
            *(sample.id, sample.prompt, sample.question, sample.target, sample.answer_kind, sample.subset),
            None if sample.choices is None else list(sample.choices.items()),
            sorted(sample.attributes.items()),
            groups.setdefault(sample.group, len(groups)),
            clusters.setdefault(sample.cluster, len(clusters)),
        ]
        for sample in samples
    )


def digest_samples(samples: Sequence[Sample]) -> str:
    """Fingerprint of what is asked and shown: `sha256:...` over each question and the encoded length of its media.

    The length is the same whether a medium lies in a table or in a file, and is known without decoding. Every medium
    that is missing or was replaced is noticed, save one of equal length.
    """
    return _digest(
        [
            sample.id,
            sample.question,
            None if sample.choices is None or sample.as_letters else list(sample.choices.items()),
            sample.target,
            [medium.size_bytes for medium in sample.media],
        ]
        for sample in samples
    )


def digest_words(samples: Iterable[Sample]) -> str:
    """Fingerprint of a data set's questions as rows give them, whatever their order and spaces, without their media."""
    return _digest(
        sorted(
            [of.id, " ".join(of.question.split()), list((of.choices or {}).values()), of.target.strip()]
            for of in samples
        )
    )


def _digest(rows: Iterable[Sequence[Any]]) -> str:
    total = hashlib.sha256()
    for row in rows:
        total.update(json.dumps(row, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")
    return f"sha256:{total.hexdigest()}"


def of_own_data(benchmark: Benchmark, source: str) -> Benchmark:
    """A benchmark of others' questions than those that were published under its name.

    Args:
        benchmark: whose record it is.
        source: how records name the data.
    """
    name = source.removeprefix(FOLDER)
    return replace(benchmark, title=f"{name} (own data, asked as {benchmark.title})", own_data=True)


def are_published(source: HubSource, samples: Iterable[Sample]) -> bool:
    """Whether questions are those that were published under the benchmark's name, as far as that is known.

    Args:
        source: of the benchmark.
        samples: all of them, before labels that stand apart are applied.
    """
    counted = [sample for sample in samples if source.in_editions(sample)]
    if (known := source.editions.get(len(counted))) is None:
        return not source.editions
    return not known or digest_words(counted) in known
