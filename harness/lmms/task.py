"""lmms-eval's own tasks under the harness's loop: its questions, its per-sample results, its aggregation.

Imported lazily: lmms-eval takes seconds.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from harness.core.errors import MediaError, UsageError
from harness.core.types import Media, Metric, Response, Sample, SampleRecord, TaskResult, Verdict
from harness.lmms.loading import load_lmms_task, read_config, redirect, stub_docs, version_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_IMAGE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_AUDIO_SUFFIXES: Final = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus")
# What lmms-eval strips from responses unless a task says otherwise.
_REASONING_TAGS: Final = [["<think>", "</think>"], ["<analysis>", "</analysis>"]]
_SCORE_KEYS: Final = ("score", "correct", "accuracy", "acc", "exact_match", "is_correct", "hit")


class ForeignTask:
    """One of lmms-eval's own tasks.

    Attributes:
        name: lmms-eval's name of it.
        version: as its YAML states it.
        source: `hub:ID` or `dir:NAME`.
        lmms_task: the Task object.
        samples: in the order of its docs; the id of a sample is the number of its doc.
        max_new_tokens: token budget that it asks for, or `None`.
    """

    def __init__(self, name: str, path: Path, *, data: str, num_frames: int) -> None:
        """Load the task and its questions; images are not decoded.

        Raises:
            UsageError: it cannot be loaded, is not evaluated by generating one text a question, or asks about audio.
            DataError: its data set cannot be loaded.
        """
        import lmms_eval.api.metrics  # noqa: F401 - registers the aggregations that tasks name
        from loguru import logger

        logger.disable("lmms_eval")
        self.name = name
        self._num_frames = num_frames
        config = read_config(name, path)
        output = config.get("output_type", "generate_until")
        if output != "generate_until":
            raise UsageError(f"task {name!r} is evaluated by {output!r}; the harness generates one text per question.")
        self.source = redirect(name, config, data)
        self.lmms_task = load_lmms_task(name, config)
        self.version = version_of(config)
        self._docs = self.lmms_task.eval_docs
        self._judged: dict[tuple[str, str], Any] = {}
        self.samples = [self._sample(index, doc) for index, doc in enumerate(stub_docs(self._docs))]
        generation = self.lmms_task.config.generation_kwargs or {}
        self.max_new_tokens: int | None = generation.get("max_new_tokens")
        # A blank line ends a response only where a task says so, not by lmms-eval's default.
        self._until = [text for text in _listed(generation.get("until")) if text and text.strip()]

    def _sample(self, index: int, doc: Mapping[str, Any]) -> Sample:
        text, visuals = self._ask(index, doc)
        target = self.lmms_task.doc_to_target(doc)
        return Sample(
            id=str(index),
            task=self.name,
            question=text,
            prompt=text,
            target=target if isinstance(target, str) else json.dumps(target, ensure_ascii=False, default=str),
            answer_kind="open",
            media=tuple(
                Media(kind=self._kind(visual), source=f"{self.name}[{index}].{position}")
                for position, visual in enumerate(visuals)
            ),
        )

    def _ask(self, index: int, doc: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Prompt and visuals of a doc whose images are stubs; of the doc itself where its task cannot do with those."""
        try:
            return self._text(doc), self._visuals(doc)
        except (Exception, SystemExit):
            try:
                real = self._docs[index]
                return self._text(real), self._visuals(real)
            except (Exception, SystemExit):
                # The medium is missing or broken, which opening it will say; the question may still be readable.
                return self._text(self.lmms_task.eval_docs_no_media[index]), []

    def _text(self, doc: Mapping[str, Any]) -> str:
        return str(self.lmms_task.doc_to_text(doc)).strip()

    def _visuals(self, doc: Mapping[str, Any]) -> list[Any]:
        return list(self.lmms_task.doc_to_visual(doc) or [])

    def _kind(self, visual: Any) -> Any:
        from PIL import Image as PilImage

        if isinstance(visual, PilImage.Image):
            return "image"
        if isinstance(visual, str) and not visual.lower().endswith(_AUDIO_SUFFIXES):
            return "image" if visual.lower().endswith(_IMAGE_SUFFIXES) else "video"
        raise UsageError(f"task {self.name!r} asks about something that is neither image nor video file.")

    def open_media(self, sample_id: str) -> list[Image | Video]:
        """Decode the media of one sample.

        Raises:
            MediaError: missing, or not whole.
        """
        from harness.media.images import open_image, refuse_truncated_images
        from harness.media.videos import open_video

        where = f"{self.name}[{sample_id}]"
        try:
            with refuse_truncated_images():
                visuals = self._visuals(self._docs[int(sample_id)])
        except (Exception, SystemExit) as error:  # Tasks exit the program when a video is missing.
            raise MediaError(f"{where} cannot be opened: {str(error) or type(error).__name__}.") from error
        media: list[Image | Video] = []
        for position, visual in enumerate(visuals):
            if self._kind(visual) == "image":
                media.append(open_image(visual, name=f"{where}.{position}"))
            else:
                media.append(open_video(visual, self._num_frames))
        return media

    def judge(self, sample: Sample, response: Response) -> Verdict:
        """The task's own per-sample result as a verdict; it counts as correct when its first score is 1 or true."""
        if response.error is not None:
            return Verdict(sample_id=sample.id, answer=None, status="error")
        if not response.text.strip():
            return Verdict(sample_id=sample.id, answer=None, status="unanswered", official=False)
        answer = self._final_text(response.text)
        try:
            score = _first_score(self._results(sample.id, response.text))
        except (Exception, SystemExit) as error:  # The task's own code, which may ask a judge that is not there.
            reason = f"the task's own scoring failed: {type(error).__name__}: {error}"
            return Verdict(sample_id=sample.id, answer=answer, status="error", reason=reason)
        if score is None:
            return Verdict(
                sample_id=sample.id, answer=answer, status="incorrect", reason="judged over all samples only"
            )
        right = score >= 1
        return Verdict(sample_id=sample.id, answer=answer, status="correct" if right else "incorrect", official=right)

    def summarise(self, records: Iterable[SampleRecord]) -> TaskResult:
        """The task's own figures, by its own aggregation; samples with an error are left out."""
        counts = {"unanswered": 0, "truncated": 0, "errors": 0, "samples": 0}
        collected: dict[str, list[Any]] = {}
        for record in records:
            counts["samples"] += 1
            counts["unanswered"] += record.verdict.status == "unanswered"
            counts["truncated"] += record.response.finish_reason == "length"
            counts["errors"] += record.verdict.status == "error"
            if record.verdict.status != "error":
                for name, value in self._results(record.sample.id, record.response.text).items():
                    collected.setdefault(name, []).append(value)
                # An aggregation may change what it is given, and a repeat may hold the same response.
                self._judged.pop((record.sample.id, record.response.text), None)
        metrics = {f"all/{name}": self._metric(name, collected.get(name, []), counts) for name in self._metric_names()}
        shown = [name for name, metric in metrics.items() if metric.value is not None]
        return TaskResult(
            task=self.name,
            headline=(shown or list(metrics) or [""])[0],
            metrics=metrics,
            official={name: metric.value for name, metric in metrics.items()},
            disagreements=0,
            baselines={},
            **counts,
        )

    def _metric_names(self) -> list[str]:
        return list(self.lmms_task.aggregation())

    def _metric(self, name: str, values: Sequence[Any], counts: Mapping[str, int]) -> Metric:
        figure = self.lmms_task.aggregation()[name]
        arguments = {"args": SimpleNamespace(output_path=os.devnull)} if _takes_args(figure) else {}
        value = stderr = None
        if values:
            try:
                value = figure(values, **arguments)
            except Exception:  # Some only write a file for a submission site, and need the settings of lmms-eval's CLI.
                value = None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            value = None
        numbers = [float(item) for item in values if isinstance(item, (int, float))]
        if value is not None and 1 < len(numbers) == len(values) and math.isclose(statistics.fmean(numbers), value):
            stderr = statistics.stdev(numbers) / math.sqrt(len(numbers))
        return Metric(
            name=f"all/{name}",
            value=None if value is None else float(value),
            stderr=stderr,
            low=None if value is None or stderr is None else value - 1.96 * stderr,
            high=None if value is None or stderr is None else value + 1.96 * stderr,
            n=len(values),
            n_unanswered=counts["unanswered"],
            n_errors=counts["errors"],
        )

    def _results(self, sample_id: str, text: str) -> Mapping[str, Any]:
        """The task's result for one response; kept until it is summarised, since some tasks ask a judge for it."""
        key = (sample_id, text)
        if key not in self._judged:
            index = int(sample_id)
            request = SimpleNamespace(resps=[self._final_text(text)], filtered_resps={})
            pipeline = self.lmms_task._filters[0]
            pipeline.apply([request], self.lmms_task.task_docs)
            response = request.filtered_resps[pipeline.name]
            try:
                results = self.lmms_task.process_results(self.lmms_task.eval_docs_no_media[index], [response])
            except KeyError:  # It looks at the image.
                results = self.lmms_task.process_results(self._docs[index], [response])
            self._judged[key] = results
        return self._judged[key]  # type: ignore[no-any-return]

    def _final_text(self, text: str) -> str:
        """What the task is given: the final answer of a structured response, without reasoning, up to a stop text."""
        from lmms_eval.api.reasoning import strip_reasoning_tags

        from harness.benchmarks.verdicts import official_text

        text = official_text(text) or text
        tags = self.lmms_task.config.reasoning_tags
        if tags not in ("none", False):
            text = strip_reasoning_tags(text, tags if isinstance(tags, list) else _REASONING_TAGS)
        for stop in self._until:
            text = text.split(stop, 1)[0]
        return text.strip()


def _takes_args(figure: Any) -> bool:
    try:
        return "args" in inspect.signature(figure).parameters
    except (TypeError, ValueError):
        return False


def _first_score(results: Mapping[str, Any]) -> float | None:
    for value in results.values():
        if isinstance(value, Mapping):
            value = next((value[key] for key in _SCORE_KEYS if isinstance(value.get(key), (bool, int, float))), None)
        if isinstance(value, (bool, int, float)):
            return float(value)
    return None


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
