"""Tasks by name: their samples, how their media are opened, and how their responses are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.benchmarks.baselines import constant_headlines
from harness.benchmarks.data import BenchmarkData, load_data, open_medium
from harness.benchmarks.record import Benchmark
from harness.benchmarks.registry import benchmark_folders, find_benchmarks, get_benchmark, unknown_task
from harness.core.errors import UsageError
from harness.core.prompts import build_prompt
from harness.core.types import BenchmarkFacts, PromptFormat, Response, Sample, SampleRecord, TaskResult, Verdict
from harness.lmms.index import PREFIX, lmms_eval_tasks

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskData:
    """One task, ready to be asked.

    Attributes:
        name: plain task name, or lmms-eval's for one of its own.
        version: of the task; runs of different versions are not mixed.
        source: the data set: `hub:ID@COMMIT`, `demo` or `dir:NAME`.
        samples: with prompts and media references, in the data set's order.
        open_media: a sample's id to its decoded media, in order. Raises `MediaError`.
        judge: both verdicts on a response.
        summarise: the figures over judged samples, each once, in any order.
        facts: what is known of the benchmark.
        baselines: headlines of constant responses to some of the samples.
        build_lmms_task: makes the lmms-eval Task object, on the first call; importing lmms-eval takes seconds.
        max_new_tokens: token budget that the task asks for; `None` leaves it to the prompt format.
    """

    name: str
    version: str
    source: str
    samples: Sequence[Sample]
    open_media: Callable[[str], list[Image | Video]]
    judge: Callable[[Sample, Response], Verdict]
    summarise: Callable[[Iterable[SampleRecord]], TaskResult]
    facts: BenchmarkFacts
    baselines: Callable[[Sequence[Sample]], Mapping[str, float | None]]
    build_lmms_task: Callable[[], Any]
    max_new_tokens: int | None = None

    @property
    def lmms_task(self) -> Any:
        """The lmms-eval Task object over the same samples."""
        return self.build_lmms_task()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A line of `harness tasks`.

    Attributes:
        name: what `--tasks` takes.
        description: one line.
        metric: the figure that stands for the task; empty for lmms-eval's own.
        data: id of the hub's data set; empty for lmms-eval's own.
        local: `cached` when the hub's data set has been fetched, else empty; the demo's is always there.
    """

    name: str
    description: str
    metric: str = ""
    data: str = ""
    local: str = ""


def load_task(
    name: str,
    *,
    data: str = "hub",
    tasks_dir: Path | None = None,
    num_frames: int = 8,
    prompt_format: PromptFormat = "direct",
) -> TaskData:
    """Load a task's samples; no image or video is opened.

    Args:
        name: of a benchmark, or of any generating lmms-eval task.
        data: `hub`, `demo`, or a folder: see `harness.benchmarks.fetch.locate`.
        tasks_dir: folder of task plug-ins; `None`: the ones that come with the harness.
        num_frames: frames kept of a video.
        prompt_format: of benchmarks; lmms-eval's tasks have prompts of their own.

    Raises:
        UsageError: no such task, a group of tasks, or one that is not evaluated by generating text.
        DataError: see `harness.benchmarks.data.load_benchmark`.
    """
    plain = name.removeprefix(PREFIX)
    folders = benchmark_folders(tasks_dir)
    if plain in folders:
        return _load_benchmark(get_benchmark(plain, tasks_dir), folders[plain], data, num_frames, prompt_format)
    known = lmms_eval_tasks(tasks_dir)
    if name not in known:
        raise unknown_task(name, [*folders, *known])
    entry = known[name]
    if entry.kind != "task":
        shown = ",".join(entry.members[:8]) + (f" (and {len(entry.members) - 8} more)" if entry.members[8:] else "")
        raise UsageError(f"{name!r} is a {entry.kind} of tasks. Name its tasks instead: --tasks {shown}.")
    return _load_foreign(name, entry.path, data, num_frames)


def _load_benchmark(
    benchmark: Benchmark, folder: Path, data: str, num_frames: int, prompt_format: PromptFormat
) -> TaskData:
    from harness.statistics import summarise

    loaded = load_data(benchmark, data)
    samples = tuple(replace(sample, prompt=build_prompt(sample, prompt_format)) for sample in loaded.samples)
    return TaskData(
        name=benchmark.name,
        version=benchmark.version,
        source=loaded.source,
        samples=samples,
        open_media=partial(_open_media, loaded.folder, {sample.id: sample for sample in samples}, num_frames),
        judge=benchmark.judge,
        summarise=partial(summarise, benchmark),
        facts=benchmark.facts,
        baselines=partial(constant_headlines, benchmark),
        build_lmms_task=cache(partial(_build_lmms_task, folder, loaded, prompt_format)),
    )


def expand_tasks(names: Sequence[str], tasks_dir: Path | None = None) -> list[str]:
    """Replace lmms-eval's groups and tags by their tasks, in order and each once.

    Raises:
        UsageError: no such task.
    """
    plugins = benchmark_folders(tasks_dir)
    if all(name.removeprefix(PREFIX) in plugins for name in names):
        return list(dict.fromkeys(name.removeprefix(PREFIX) for name in names))
    known = lmms_eval_tasks(tasks_dir)
    found: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        plain = name.removeprefix(PREFIX)
        if plain in plugins and not above:
            found[plain] = None
        elif name not in known:
            raise unknown_task(name, [*plugins, *known])
        elif known[name].kind == "task" or name in above:
            found[name] = None
        else:
            for member in known[name].members:
                visit(member, (*above, name))

    for name in names:
        visit(name, ())
    return list(found)


def _load_foreign(name: str, path: Path, data: str, num_frames: int) -> TaskData:
    from harness.lmms.task import ForeignTask

    task = ForeignTask(name, path, data=data, num_frames=num_frames)
    return TaskData(
        name=name,
        version=task.version,
        source=task.source,
        samples=task.samples,
        open_media=task.open_media,
        judge=task.judge,
        summarise=task.summarise,
        facts=BenchmarkFacts(title=name),
        baselines=lambda samples: {},
        build_lmms_task=lambda: task.lmms_task,
        max_new_tokens=task.max_new_tokens,
    )


def _open_media(folder: Path, samples: Mapping[str, Sample], num_frames: int, sample_id: str) -> list[Image | Video]:
    return [open_medium(folder, medium, num_frames) for medium in samples[sample_id].media]


def _build_lmms_task(folder: Path, data: BenchmarkData, prompt_format: PromptFormat) -> Any:
    from lmms_eval.utils import load_yaml_config

    from harness.lmms.loading import make_task
    from harness.lmms.plugin import to_dataset

    config = load_yaml_config(str(folder / f"{folder.name}.yaml"), mode="full")
    config["lmms_eval_specific_kwargs"] = {"prompt_format": prompt_format}
    return make_task(config, docs=to_dataset(data))


def list_tasks(*, tasks_dir: Path | None = None, everything: bool = False) -> list[TaskInfo]:
    """The tasks there are.

    Args:
        tasks_dir: folder of task plug-ins; `None`: the ones that come with the harness.
        everything: list lmms-eval's own tasks too.

    Raises:
        UsageError: no tasks folder.
    """
    from harness.benchmarks.fetch import cached_snapshot

    benchmarks = find_benchmarks(tasks_dir)
    tasks = [
        TaskInfo(
            name=benchmark.name,
            description=benchmark.description,
            metric=benchmark.headline,
            data=benchmark.source.hub,
            local="cached" if cached_snapshot(benchmark.source) is not None else "",
        )
        for benchmark in benchmarks.values()
    ]
    if everything:
        # Under their plain names ours come first, as in --tasks.
        hidden = {*benchmarks, *(f"{PREFIX}{name}" for name in benchmarks)}
        tasks += [
            TaskInfo(name=name, description=f"lmms-eval {entry.kind}")
            for name, entry in sorted(lmms_eval_tasks(tasks_dir).items())
            if name not in hidden
        ]
    return tasks
