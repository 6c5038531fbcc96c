"""Tasks by name: their samples, how their media are opened, and how their responses are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.benchmarks.baselines import constant_headlines
from harness.benchmarks.data import BenchmarkData, by_content, load_data, open_medium
from harness.benchmarks.own import is_table, own_benchmark, refuse_other_files
from harness.benchmarks.record import Benchmark
from harness.benchmarks.registry import benchmark_folders, find_benchmarks, load_benchmark, unknown_task
from harness.core.errors import UsageError
from harness.core.formats import OwnFormat, ask
from harness.core.prompts import with_letters
from harness.core.types import BenchmarkFacts, Media, PromptFormat, Response, Sample, SampleRecord, TaskResult, Verdict
from harness.judges.prompts import Rubric
from harness.lmms.index import PREFIX, Entry, folder_tasks, lmms_eval_tasks, read_yaml, unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskData:
    """One task, ready to be asked.

    Attributes:
        name: plain task name, or lmms-eval's for one of its kind.
        version: of the task; runs of different versions are not mixed.
        source: the data set: `hub:ID@COMMIT`, `demo`, `dir:NAME`, `own:TABLE`, or `yaml:NAME` for files that a task
            names itself.
        samples: with prompts and media references, in the data set's order.
        open_media: a sample's id to its decoded media, in order. Raises `MediaError`.
        judge: both verdicts on a response.
        summarise: the figures over judged samples, each once, in any order.
        facts: what is known of the benchmark.
        baselines: headlines of constant responses to some of the samples, once these were summarised.
        reconsider: all judged samples to verdicts by sample id that replace theirs; `None`: each is judged alone.
        labels: files of labels that stand apart from the rows, by name and content; empty: there are none.
        max_new_tokens: token budget that the task asks for; `None` leaves it to the prompt format.
        rubric: what the answer judge is asked about its responses, if that is something of its own.
        has_own_budget: whether its figures are of responses of that budget, whatever the user asks for.
        has_own_prompts: whether its prompts are its own, whatever format is asked for.
        by_content: a medium under a name that copies of it have too, where the data hold it several times.
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
    reconsider: Callable[[Iterable[SampleRecord]], Mapping[str, Verdict]] | None = None
    labels: str = ""
    max_new_tokens: int | None = None
    rubric: Rubric | None = None
    has_own_budget: bool = False
    has_own_prompts: bool = False
    by_content: Callable[[Media], Media] = lambda medium: medium


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A line of `harness tasks`.

    Attributes:
        name: what `--tasks` takes.
        description: one line.
        metric: the figure that stands for the task; empty for groups of tasks.
        data: id of the hub's data set, a table's name, or what a task's YAML names; empty for groups of tasks.
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
    data: str | None = None,
    world: str | None = None,
    tasks_dir: Path | None = None,
    allow_outside: Sequence[Path] = (),
    num_frames: int = 8,
    prompt_format: PromptFormat | OwnFormat = "direct",
    letters: bool = False,
) -> TaskData:
    """Load a task's samples; no image or video is opened.

    Args:
        name: of a benchmark, of any generating lmms-eval task, or of a file: see `harness.benchmarks.own`.
        data: `hub`, `demo`, or a folder: see `harness.benchmarks.fetch.locate`. `None`: a task of lmms-eval's kind has
            its data where its YAML says, a table of questions beside it, any other benchmark in `world`.
        world: that the model is of, if any; else a benchmark's data are the hub's.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        allow_outside: folders that media may be in besides the data's own.
        num_frames: frames kept of a video.
        prompt_format: of benchmarks; lmms-eval's tasks have prompts of their own.
        letters: whether benchmarks' yes/no questions are asked as options with letters.

    Raises:
        UsageError: no such task, a group of tasks, or one that is not evaluated by generating text.
        DataError: see `harness.benchmarks.data.load_benchmark`.
    """
    asked = partial(_ask, prompt_format, letters)
    if is_table(name):
        benchmark = own_benchmark(Path(name).expanduser())
        return _load_benchmark(benchmark, data or "hub", num_frames, asked, allow_outside)
    plain = name.removeprefix(PREFIX)
    folders = _benchmark_folders(tasks_dir, [plain])
    if plain in folders:
        benchmark = load_benchmark(folders[plain])
        task = _load_benchmark(benchmark, data or world or "hub", num_frames, asked, allow_outside)
        return task if benchmark_folders().get(plain) in (None, folders[plain]) else _in_place_of_ours(task, tasks_dir)
    known = lmms_eval_tasks(tasks_dir)
    if name not in known:
        raise _unknown(name, [*folders, *known], tasks_dir)
    entry = known[name]
    if entry.kind != "task":
        shown = ",".join(entry.members[:8]) + (f" (and {len(entry.members) - 8} more)" if entry.members[8:] else "")
        raise UsageError(f"{name!r} is a {entry.kind} of tasks. Name its tasks instead: --tasks {shown}.")
    task = _load_lmms_eval_task(name, entry.path, data, num_frames, allow_outside)
    return task if name not in benchmark_folders() else _in_place_of_ours(task, tasks_dir)


def _benchmark_folders(tasks_dir: Path | None, asked: Iterable[str] = ()) -> dict[str, Path]:
    """Folders of benchmarks by name, without those of ours whose name a YAML of the user's takes."""
    if tasks_dir is None:
        return benchmark_folders(asked=asked)
    taken = folder_tasks(tasks_dir)
    return {
        name: folder
        for name, folder in benchmark_folders(tasks_dir, [name for name in asked if name not in taken]).items()
        if name not in taken or folder.is_relative_to(tasks_dir.resolve())
    }


def _in_place_of_ours(task: TaskData, tasks_dir: Path | None) -> TaskData:
    """A task of the user's that has the name of one of ours: its runs say that they are not of that."""
    title = f"{task.facts.title} (of {tasks_dir.resolve().name if tasks_dir is not None else 'the user'})"
    return replace(task, facts=replace(task.facts, title=title, own_data=True))


def _unknown(name: str, known: Iterable[str], tasks_dir: Path | None) -> UsageError:
    error = unknown_task(name, known)
    broken = unreadable(tasks_dir) if tasks_dir is not None else {}
    return UsageError(" ".join([str(error), *(f"{path} cannot be read: {why}." for path, why in broken.items())]))


def _load_benchmark(
    benchmark: Benchmark, data: str, num_frames: int, ask: Callable[[Sample], Sample], outside: Sequence[Path]
) -> TaskData:
    loaded = load_data(benchmark, data, outside)
    samples = tuple(map(ask, loaded.samples))
    media = partial(_open_media, loaded, {sample.id: sample for sample in samples}, num_frames)
    task = benchmark_task(loaded.benchmark, samples, loaded.source)
    contents = partial(by_content, loaded.folder)
    return replace(task, open_media=media, labels=loaded.labels, by_content=contents)


def _ask(prompt_format: PromptFormat | OwnFormat, letters: bool, sample: Sample) -> Sample:
    asked = with_letters(sample) if letters else sample
    return replace(asked, prompt=ask(asked, prompt_format))


def benchmark_task(benchmark: Benchmark, samples: Sequence[Sample], source: str) -> TaskData:
    """A benchmark's task of some samples, without media.

    Args:
        benchmark: whose samples they are.
        samples: in the order of the report.
        source: how records name them.
    """
    from harness.statistics import summarise

    return TaskData(
        name=benchmark.name,
        version=benchmark.version,
        source=source,
        samples=samples,
        open_media=lambda sample_id: [],
        judge=benchmark.judge,
        summarise=partial(summarise, benchmark),
        facts=benchmark.facts,
        baselines=partial(constant_headlines, benchmark),
        rubric=benchmark.rubric,
        max_new_tokens=benchmark.response_tokens,
        has_own_budget=benchmark.response_tokens is not None,
    )


def expand_tasks(names: Sequence[str], tasks_dir: Path | None = None) -> list[str]:
    """Replace lmms-eval's groups and tags by their tasks, in order and each once.

    Raises:
        UsageError: no such task.
    """
    refuse_other_files(names)
    tables = {Path(name).name: name for name in names if is_table(name)}
    if clash := [name for name in names if is_table(name) and tables[Path(name).name] != name]:
        raise UsageError(f"{clash[0]} and {tables[Path(clash[0]).name]} have one name. Rename one of them.")
    plain = [name.removeprefix(PREFIX) for name in names]
    plugins = {**_benchmark_folders(tasks_dir, plain), **{name: Path(name) for name in tables.values()}}
    if all(name in plugins for name in plain):
        return list(dict.fromkeys(plain))
    known = lmms_eval_tasks(tasks_dir)
    found: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        plain = name.removeprefix(PREFIX)
        if plain in plugins and not above:
            found[plain] = None
        elif name not in known:
            raise _unknown(name, [*plugins, *known], tasks_dir)
        elif known[name].kind == "task" or name in above:
            found[name] = None
        else:
            for member in known[name].members:
                visit(member, (*above, name))

    for name in names:
        visit(name, ())
    return list(found)


def _load_lmms_eval_task(name: str, path: Path, data: str | None, num_frames: int, outside: Sequence[Path]) -> TaskData:
    from harness.lmms.task import LmmsEvalTask

    task = LmmsEvalTask(name, path, data=data, num_frames=num_frames, allow_outside=outside)
    return TaskData(
        name=name,
        version=task.version,
        source=task.source,
        samples=task.samples,
        open_media=task.open_media,
        judge=task.judge,
        summarise=task.summarise,
        facts=task.facts,
        baselines=task.baselines,
        reconsider=task.reconsider,
        max_new_tokens=task.max_new_tokens,
        has_own_prompts=True,
    )


def _open_media(
    data: BenchmarkData, samples: Mapping[str, Sample], num_frames: int, sample_id: str
) -> list[Image | Video]:
    return [open_medium(data.folder, medium, num_frames, data.roots) for medium in samples[sample_id].media]


def list_tasks(
    *, tasks_dir: Path | None = None, everything: bool = False, problems: list[str] | None = None
) -> list[TaskInfo]:
    """The tasks there are: benchmarks, and tasks of lmms-eval's kind.

    Args:
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        everything: list lmms-eval's own tasks too, not only those of `tasks_dir`.
        problems: takes what is wrong with benchmarks that are left out; `None`: it is raised.

    Raises:
        UsageError: no such folder.
        DataError: a benchmark cannot be loaded.
    """
    from harness.benchmarks.fetch import cached_snapshot

    folders = _benchmark_folders(tasks_dir)
    benchmarks = {name: of for name, of in find_benchmarks(tasks_dir, problems).items() if name in folders}
    tasks = [
        TaskInfo(
            name=benchmark.name,
            description=benchmark.description,
            metric=benchmark.headline,
            data=benchmark.source.hub or (benchmark.source.table.name if benchmark.source.table is not None else ""),
            local="cached" if cached_snapshot(benchmark.source) is not None else "",
        )
        for benchmark in benchmarks.values()
    ]
    # Under their plain names benchmarks come first, as in --tasks.
    hidden = {*benchmarks, *(f"{PREFIX}{name}" for name in benchmarks)}
    others = lmms_eval_tasks(tasks_dir) if everything else folder_tasks(tasks_dir) if tasks_dir is not None else {}
    return tasks + [_describe(name, entry) for name, entry in sorted(others.items()) if name not in hidden]


def _describe(name: str, entry: Entry) -> TaskInfo:
    if entry.kind != "task":
        return TaskInfo(name=name, description=f"lmms-eval {entry.kind} of {len(entry.members)} tasks")
    config = read_yaml(entry.path)
    listed = config.get("metric_list")
    metrics = [of for of in (listed if isinstance(listed, list) else ()) if isinstance(of, dict)]
    return TaskInfo(
        name=name,
        description="lmms-eval task",
        metric=f"all/{metrics[0].get('metric')}" if metrics else "",
        data=str(config.get("dataset_path", "")),
    )
