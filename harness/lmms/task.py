"""Tasks of lmms-eval's kind, its own and users', under the harness's loop: their questions and scoring, our statistics.

Imported lazily: lmms-eval takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from harness.answers.sections import split_sections
from harness.benchmarks.plain import RIGHT, OwnScores
from harness.benchmarks.verdicts import judge_response
from harness.core.errors import MediaError, UsageError
from harness.core.types import Metric, Response, Sample, SampleRecord, ScoreMean, TaskResult, Verdict
from harness.lmms.index import read_yaml
from harness.lmms.judging import no_failed_judge, reads_answer_tags
from harness.lmms.loading import cache_folders, find_data, load_lmms_task, read_config, right_from, version_of
from harness.lmms.questions import kind_of, read_questions, to_facts, to_samples, visuals_of
from harness.lmms.scores import aggregate, alone, highest, mean_factor, numbers_of, shared_factor
from harness.media.bounds import OutsideError, within

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video

_REASONING_TAGS: Final = [["<think>", "</think>"], ["<analysis>", "</analysis>"]]
"""What lmms-eval strips from responses unless a task says otherwise."""
_CONSTANTS: Final = {"yes_no": ("yes", "no"), "choice": ("A",)}
_NO_TARGET: Final = ("", "null", "None")
"""Gold answers of a split whose gold answers are kept back."""
_NO_WORDS: Final = "---"
"""What a scoring that cannot take an empty response is given in its place: no answer either."""


class LmmsEvalTask:
    """A task of lmms-eval's kind.

    Attributes:
        name: lmms-eval's name of it.
        version: as its YAML states it.
        source: of its data, see `harness.lmms.loading.find_data`.
        lmms_task: the Task object.
        samples: in the order of its docs; the id of a sample is the number of its doc.
        facts: what its YAML and docs tell of it.
        max_new_tokens: token budget that it asks for, or `None`.
    """

    def __init__(
        self, name: str, path: Path, *, data: str | None, num_frames: int, allow_outside: Sequence[Path] = ()
    ) -> None:
        """Load the task and its questions; images are not decoded.

        Args:
            name: of the task.
            path: its YAML.
            data: see `harness.lmms.loading.find_data`.
            num_frames: frames kept of a video.
            allow_outside: folders that media may be in, beside the data's, the YAML's and the hub's caches.

        Raises:
            UsageError: it cannot be loaded, is not evaluated by generating one text a question, or asks about audio.
            DataError: its data set cannot be loaded.
        """
        output = read_yaml(path).get("output_type", "generate_until")
        if output != "generate_until":
            raise UsageError(f"task {name!r} is evaluated by {output!r}; the harness generates one text per question.")
        self.source, changes = find_data(name, path, data)
        folders = [Path(changes[key]) for key in ("dataset_path",) if key in changes]
        self._roots = (*folders, path.parent, *cache_folders(), *allow_outside)
        import lmms_eval.api.metrics  # noqa: F401 - registers the aggregations that tasks name
        from loguru import logger

        logger.disable("lmms_eval")
        self.name = name
        self._num_frames = num_frames
        config = read_config(name, path)
        self.lmms_task = load_lmms_task(name, config | changes, self.source, path)
        self.version = version_of(config)
        self._docs = self.lmms_task.eval_docs
        self._reads_tags = reads_answer_tags(self.lmms_task.config.process_results, path.parent)
        self._judged: dict[tuple[str, str], Any] = {}
        self._without_numbers: set[str] = set()
        self._over_all: set[str] = set()
        self._is_accuracy = False
        self._right_from = right_from(name, config)
        self._rates = False
        questions = read_questions(name, self.lmms_task, self._roots)
        self.samples = to_samples(name, questions)
        self.facts = to_facts(name, questions)
        generation = self.lmms_task.config.generation_kwargs or {}
        budget = generation.get("max_new_tokens")
        self.max_new_tokens: int | None = None if budget is None else int(budget)
        # A blank line ends a response only where a task says so, not by lmms-eval's default.
        self._until = [text for text in _listed(generation.get("until")) if text and text.strip()]

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
                visuals = visuals_of(self.lmms_task, self._docs[int(sample_id)])
        except (Exception, SystemExit) as error:  # Tasks exit the program when a video is missing.
            raise MediaError(f"{where} cannot be opened: {str(error) or type(error).__name__}.") from error
        media: list[Image | Video] = []
        for position, visual in enumerate(visuals):
            if kind_of(self.name, visual) == "image":
                shown = self._inside(visual, where) if isinstance(visual, str) else visual
                media.append(open_image(shown, name=f"{where}.{position}"))
            else:
                media.append(open_video(self._inside(visual, where), self._num_frames))
        return media

    def _inside(self, visual: str, where: str) -> Path:
        try:
            return within(Path(visual), self._roots)
        except OutsideError as error:
            raise MediaError(f"{where}: {error}") from error

    def judge(self, sample: Sample, response: Response) -> Verdict:
        """Both verdicts on one response.

        Official: the first of the task's numbers is 1, or what its metadata give as `right_from`, or more. A number
        above 1 without that is a rating, of which nobody has said what is right: there is none. Strict: what the
        response means, as the harness reads it. An open answer that no rule can settle is what the task says it is; of
        a task that says nothing of single samples it counts wrong.
        """
        if response.error is not None:
            return Verdict(sample_id=sample.id, answer=None, status="error")
        text = self._final_text(response.text)
        try:
            scores = self._numbers(sample, self._results(sample.id, self._given(response.text)))
        except (Exception, SystemExit) as error:  # The task's own code, which may ask a judge that is not there.
            reason = f"the task's own scoring failed: {type(error).__name__}: {error}"
            return Verdict(sample_id=sample.id, answer=text or None, status="error", reason=reason)
        return self._verdict(sample, response, scores)

    def _verdict(self, sample: Sample, response: Response, scores: Mapping[str, float]) -> Verdict:
        text, number = self._final_text(response.text), self._first(scores)
        self._rates |= self._right_from is None and number is not None and number > 1
        official = (
            None if number is None or self._rates else number >= (1 if self._right_from is None else self._right_from)
        )
        # Up to a stop text, too, where the answer could be anything.
        read = response if sample.answer_kind != "open" else replace(response, text=text)
        verdict = replace(judge_response(sample, read), official=official, scores=scores)
        is_told = official is not None and not verdict.is_unsettled
        if sample.answer_kind != "open" or is_told or (number is not None and self._rates):
            return verdict
        return Verdict(
            sample_id=sample.id,
            answer=text or None,
            status="unanswered" if not text else "correct" if official else "incorrect",
            official=official,
            reason="judged over all samples only" if official is None else None,
            scores=scores,
        )

    def _first(self, scores: Mapping[str, float]) -> float | None:
        """The first number of a sample of which more is better."""
        return next((scores[name] for name in self._figures if name in scores and self._better(name) != -1), None)

    def reconsider(self, records: Iterable[SampleRecord]) -> dict[str, Verdict]:
        """Other verdicts, by sample id, where only all samples tell that the task's numbers are ratings."""
        known = [record for record in records if self._first(record.verdict.scores) is not None]
        self._rates |= self._right_from is None and any((self._first(of.verdict.scores) or 0) > 1 for of in known)
        early = [record for record in known if record.verdict.official is not None] if self._rates else []
        return {of.sample.id: self._verdict(of.sample, of.response, of.verdict.scores) for of in early}

    def _numbers(self, sample: Sample, results: Mapping[str, Any]) -> dict[str, float]:
        """The numbers that the task gave one sample: those that its results hold, and what metrics give for it alone.

        A metric that once gives something else for one sample than right or wrong is one over all samples. Without a
        gold answer, as in a split for submissions, it tells neither.
        """
        given = numbers_of(results, self._figures, self.lmms_task.config.score_key)
        silent = results.keys() & self._figures.keys() - given.keys() - self._over_all
        for name in silent if sample.target not in _NO_TARGET else ():
            number = alone(self._figures[name], results[name])
            if number is None:
                self._over_all.add(name)
            else:
                self._without_numbers.add(name)
                given[name] = number
        return {name: given[name] for name in self._figures if name in given}

    def summarise(self, records: Iterable[SampleRecord]) -> TaskResult:
        """The task's own figures; samples with an error are left out.

        Those that are means of the samples' numbers have intervals by `harness.statistics`, percentages as shares. Of
        others, the task's own aggregation gives a value, and nothing more can be said.
        """
        from harness.statistics import summarise

        records = list(records)
        means: dict[str, ScoreMean] = {}
        others: dict[str, Metric] = {}
        items = self._items(records)
        for name, figure in self._figures.items():
            numbers = [record.verdict.scores[name] for record in records if name in record.verdict.scores]
            given, high = items.get(name, numbers), highest(numbers)
            value = aggregate(figure, given)
            if name in self._without_numbers:
                factor = shared_factor(figure, given, numbers)
            else:
                factor = mean_factor(figure, given, value, self.lmms_task.config.score_key)
            if factor == 1 or (factor == 100 and high == 1):
                means[f"all/{name}"] = ScoreMean(score=name, high=high, better=self._better(name))
            else:
                others[f"all/{name}"] = Metric(name=f"all/{name}", value=value, n=len(given))
        self._judged.clear()
        first = next(iter(self._figures), "")
        single = all(record.verdict.scores.get(first) in (0, 1) for record in records if not _failed(record))
        reads_answers = single or self._right_from is not None or not self.facts.has_open_answers
        scored = OwnScores(name=self.name, headline="", means=means, reads_answers=reads_answers)
        result = summarise(scored, records)
        self._is_accuracy = single and f"all/{first}" in means
        names = [*(f"all/{name}" for name in self._figures), *([RIGHT] if scored.reads_answers else [])]
        for name, metric in others.items():
            others[name] = replace(metric, n_unanswered=result.unanswered, n_errors=result.errors)
        metrics = {name: result.metrics[name] if name in result.metrics else others[name] for name in names}
        return replace(
            result,
            headline=next((name for name in names if metrics[name].value is not None), names[0] if names else ""),
            metrics=metrics,
            official={name: result.official.get(name, metrics[name].value) for name in names},
            means=means,
        )

    def baselines(self, samples: Sequence[Sample]) -> dict[str, float | None]:
        """What constant answers to a closed set of questions score, where the headline of what was summarised says it.

        It does where it is an accuracy: their score is the share of their gold answers.
        """
        kinds = {sample.answer_kind for sample in samples}
        if not self._is_accuracy or len(kinds) != 1:
            return {}
        targets = [sample.target for sample in samples]
        constants = _CONSTANTS.get(kinds.pop(), ())
        return {f"always {answer}": targets.count(answer) / len(targets) for answer in constants}

    @property
    def _figures(self) -> Mapping[str, Callable[..., Any]]:
        """The aggregation of each metric."""
        return cast("Mapping[str, Callable[..., Any]]", self.lmms_task.aggregation())

    def _better(self, name: str) -> Literal[-1, 1]:
        """Whether a lower value of a metric is better (-1), or a higher one (1), as where the task does not say it."""
        return -1 if self.lmms_task.higher_is_better().get(name) is False else 1

    def _items(self, records: Iterable[SampleRecord]) -> dict[str, list[Any]]:
        """What the task's scoring gave each sample, by metric, where that says more than the stored numbers.

        A task whose metrics are plain means is not asked again about what was scored in an earlier session.
        """
        from lmms_eval.api.metrics import mean

        items: dict[str, list[Any]] = {name: [] for name, figure in self._figures.items() if figure is not mean}
        for record in records if items else ():
            if _failed(record):
                continue
            try:
                results = self._results(record.sample.id, self._given(record.response.text))
            except (Exception, SystemExit):
                # It was scored in an earlier session. A figure over the other samples alone would be another one: the
                # stored numbers, which are of all, have to do, or there is no value.
                return {}
            for name in items.keys() & results.keys():
                items[name].append(results[name])
        return items

    def _results(self, sample_id: str, text: str) -> Mapping[str, Any]:
        """The task's result for one response.

        It is kept until it is summarised, since some tasks ask a judge for it, and not longer, since an aggregation may
        change what it is given, and a repeat may hold the same response.
        """
        key = (sample_id, text)
        if key not in self._judged:
            try:
                self._judged[key] = self._score(int(sample_id), text)
            except (Exception, SystemExit):
                if text:
                    raise
                self._judged[key] = self._score(int(sample_id), _NO_WORDS)
        return cast("Mapping[str, Any]", self._judged[key])

    def _score(self, index: int, text: str) -> Any:
        request = SimpleNamespace(resps=[text], filtered_resps={})
        pipeline = self.lmms_task._filters[0]
        pipeline.apply([request], self.lmms_task.task_docs)
        response = request.filtered_resps[pipeline.name]
        with no_failed_judge():
            try:
                return self.lmms_task.process_results(self.lmms_task.eval_docs_no_media[index], [response])
            except KeyError:  # It looks at the image.
                return self.lmms_task.process_results(self._docs[index], [response])

    def _given(self, text: str) -> str:
        """What the task is given of a response: its final text, in the tags that it stood in if the task reads those.

        What it reads beside the answer, such as whether there is any reasoning, lmms-eval strips before as well.
        """
        final = self._final_text(text)
        if self._reads_tags and split_sections(text).complete_answer is not None:
            return f"<answer>{final}</answer>"
        return final

    def _final_text(self, text: str) -> str:
        """The final answer of a structured response, without reasoning, up to a stop text."""
        from lmms_eval.api.reasoning import strip_reasoning_tags

        answer = split_sections(text).complete_answer if "<" in text else None
        text = text if answer is None else answer
        tags = self.lmms_task.config.reasoning_tags
        if tags not in ("none", False):
            text = strip_reasoning_tags(text, tags if isinstance(tags, list) else _REASONING_TAGS)
        for stop in self._until:
            text = text.split(stop, 1)[0]
        return text.strip()


def _failed(record: SampleRecord) -> bool:
    return record.verdict.status == "error"


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
