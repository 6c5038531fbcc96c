"""What the task plug-ins' `utils.py` are made of: functions that stock lmms-eval calls.

lmms-eval loads a placeholder, and `load_docs` puts the benchmark's rows in its place. A doc is a flat picture of a
`Sample`; its figures are those of the harness, taken from all docs at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.benchmarks.data import BenchmarkData, load_data, open_medium
from harness.benchmarks.record import Benchmark
from harness.benchmarks.registry import load_benchmark
from harness.core.errors import MediaError, UsageError
from harness.core.prompts import build_prompt
from harness.core.types import Media, Response, Sample, SampleRecord, Verdict
from harness.statistics import summarise

if TYPE_CHECKING:
    from datasets import Dataset

DATA_VARIABLE: Final = "HARNESS_DATA"
"""Environment variable that redirects stock lmms-eval: `hub` (the default), `demo`, or a folder."""
JUDGE_VARIABLE: Final = "HARNESS_JUDGE"
"""Environment variable that names the judge of tasks that need one, as `--judge` does."""

_SAME: Final = ("id", "task", "subset", "question", "target", "answer_kind", "group", "cluster")
_OBJECTS: Final = ("choices", "attributes")


def to_dataset(data: BenchmarkData) -> Dataset:
    """The samples of a benchmark as docs; media are absolute references, opened when they are asked for."""
    from datasets import Dataset

    return Dataset.from_list([_doc(sample, data) for sample in data.samples])


def _doc(sample: Sample, data: BenchmarkData) -> dict[str, Any]:
    doc: dict[str, Any] = {key: getattr(sample, key) for key in _SAME}
    # Arrow has no empty objects.
    doc |= {key: dict(getattr(sample, key) or {}) or None for key in _OBJECTS}
    doc["roots"] = [str(root.absolute()) for root in data.roots]
    doc["media"] = [(data.folder.absolute() / medium.source).as_posix() for medium in sample.media]
    doc["media_kind"] = sample.media[0].kind if sample.media else None
    return doc


def sample_of(doc: Mapping[str, Any]) -> Sample:
    """The sample that a doc pictures."""
    # Arrow gives every row the keys of all rows.
    objects = {key: {name: text for name, text in (doc[key] or {}).items() if text is not None} for key in _OBJECTS}
    return Sample(
        **{key: doc[key] for key in _SAME},
        choices=objects["choices"] or None,
        attributes=objects["attributes"],
        media=tuple(Media(kind=doc["media_kind"], source=source) for source in doc["media"]),
    )


def doc_to_text(doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any] | None = None) -> str:
    """The prompt, in the format that the YAML's `lmms_eval_specific_kwargs` name."""
    return build_prompt(sample_of(doc), (lmms_eval_specific_kwargs or {}).get("prompt_format", "direct"))


def doc_to_visual(doc: Mapping[str, Any]) -> list[Any]:
    """Decoded images, or paths of videos, which lmms-eval's models decode themselves.

    Raises:
        MediaError: an image is missing or not whole, or a video is missing.
    """
    visuals: list[Any] = []
    for medium in sample_of(doc).media:
        if medium.kind == "image":
            visuals.append(open_medium(Path("/"), medium, num_frames=1, roots=[Path(root) for root in doc["roots"]]))
        elif not Path(medium.source).is_file():
            raise MediaError(f"video missing: {medium.source}.")
        else:
            visuals.append(medium.source)
    return visuals


def doc_to_messages(
    doc: Mapping[str, Any], lmms_eval_specific_kwargs: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """One user turn for a chat model: media, then the prompt."""
    content = [{"type": doc["media_kind"], "url": visual} for visual in doc_to_visual(doc)]
    content.append({"type": "text", "text": doc_to_text(doc, lmms_eval_specific_kwargs)})
    return [{"role": "user", "content": content}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """The functions of one benchmark, for its `utils.py`.

    Attributes:
        benchmark: its record.
    """

    benchmark: Benchmark

    def load_docs(self, placeholder: Dataset) -> Dataset:
        """The docs of the benchmark, in place of what lmms-eval has loaded.

        Raises:
            DataError: see `harness.benchmarks.data.load_data`.
            UsageError: the benchmark needs a judge, and none is named.
        """
        if self.benchmark.rubric is not None and JUDGE_VARIABLE not in os.environ:
            raise UsageError(
                f"{self.benchmark.name} is scored by a judge. Name one in the environment, e.g. "
                f"{JUDGE_VARIABLE}=openai:MODEL (with OPENAI_BASE_URL), hf:CHECKPOINT or vllm:CHECKPOINT."
            )
        return to_dataset(load_data(self.benchmark, os.environ.get(DATA_VARIABLE, "hub")))

    def process_results(self, *metrics: str) -> Callable[[Mapping[str, Any], Sequence[str]], dict[str, Any]]:
        """A function that judges one response and hands the record to each of the task's metrics."""

        def process(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
            sample = sample_of(doc)
            response = Response(sample_id=sample.id, text=results[0])
            verdict = self.benchmark.judge(sample, response)
            record = asdict(SampleRecord(sample=sample, response=response, verdict=verdict))
            return dict.fromkeys(metrics, record)

        return process

    def aggregate(self, metric: str, *, official: bool = False) -> Callable[[Sequence[Mapping[str, Any]]], float]:
        """A function that takes one figure from the records of all docs.

        Args:
            metric: name of the figure, as in a run's metrics.
            official: the published evaluator's value instead of the strict one.
        """

        def figure(records: Sequence[Mapping[str, Any]]) -> float:
            result = summarise(self.benchmark, self._settled(_records(records)))
            value = result.official[metric] if official else result.metrics[metric].value
            return float("nan") if value is None else value

        return figure

    def _settled(self, records: Iterable[SampleRecord]) -> Iterator[SampleRecord]:
        """Records with what the judge says of them, if the benchmark needs one; it is asked about each once."""
        rubric = self.benchmark.rubric
        if rubric is None:
            yield from records
            return
        from harness.judges.answer import open_answer_judge

        judge = open_answer_judge(os.environ[JUDGE_VARIABLE])
        try:
            yield from judge.settle(records, {self.benchmark.name: rubric})
        finally:
            judge.close()


def functions(utils: str) -> Functions:
    """The functions of the benchmark whose `utils.py` asks, with its `__file__`.

    Raises:
        DataError: its `benchmark.py` cannot be loaded.
    """
    return Functions(benchmark=load_benchmark(Path(utils).resolve().parent))


def _records(records: Iterable[Mapping[str, Any]]) -> Iterable[SampleRecord]:
    for record in records:
        yield SampleRecord(
            sample=Sample(**{**record["sample"], "media": ()}),
            response=Response(**record["response"]),
            verdict=Verdict(**record["verdict"]),
        )
