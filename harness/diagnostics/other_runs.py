"""Runs that are set beside a run: one that was asked without the images, and ones sampled with other seeds.

What is computed from them means something only where the checkpoint and the questions are the same. A run that is known
to differ is refused; what a run does not tell, as one that was recorded elsewhere, is not held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.core.types import SampleRecord, Verdict
from harness.diagnostics.evidence import Key
from harness.diagnostics.run_folder import by_key, latest_records, read_media, read_model, read_settings
from harness.engines.checkpoints import SERVED
from harness.runs.asked import how_asked
from harness.runs.comparison import find_other_questions
from harness.runs.config import name_differences
from harness.runs.folder import unfinished
from harness.runs.records import RUN

_OF_MEDIA: Final = ("blind", "num_frames", "video_as", "max_pixels")
"""In what runs may differ of which one was shown no media: it has no use for the rest of them."""


def read_blind(folder: Path, records: Sequence[SampleRecord], blind: Path) -> dict[Key, Verdict]:
    """The verdicts of a run of the same checkpoint and questions that was asked without its images or videos.

    Args:
        folder: the run that saw them.
        records: of that run.
        blind: folder of the run that did not.

    Raises:
        StoreError: `blind` is no run folder.
        UsageError: that run is not known to be blind, or is of another checkpoint, other settings or other questions.
    """
    found = by_key(latest_records(blind))
    settings = read_settings(blind)
    again = "Evaluate the same checkpoint on the same questions with 'harness eval ... --blind withheld'"
    if "blind" not in settings:
        raise UsageError(
            f"--blind {blind}: its settings do not say that the images were withheld. {again}, or add "
            '"blind": "withheld" to the settings of a run that was recorded elsewhere.'
        )
    if not settings["blind"]:
        raise UsageError(f"--blind {blind}: that run saw its images and videos. {again}, and give that run.")
    if read_settings(folder).get("blind"):
        raise UsageError(f"{folder} was asked without its images itself. Diagnose the run that saw them.")
    _refuse_other_model(folder, blind, "--blind")
    _refuse_other_settings(folder, records, blind, found, "--blind")
    _refuse_other_questions(folder, records, blind, found, "--blind")
    return {key: record.verdict for key, record in found.items()}


def read_repeats(
    folder: Path, records: Sequence[SampleRecord], repeats: Sequence[Path]
) -> list[dict[Key, SampleRecord]]:
    """The records of runs of the same checkpoint and questions, sampled with other seeds.

    Args:
        folder: the run.
        records: of that run.
        repeats: folders of the others.

    Raises:
        StoreError: one of them is no run folder.
        UsageError: one is the run itself or given twice, or is of another checkpoint, other settings or other
            questions.
    """
    found = []
    before = [folder]
    for path in repeats:
        _refuse_same_run(before, path)
        of_path = by_key(latest_records(path))
        _refuse_other_model(folder, path, "--repeats")
        _refuse_other_settings(folder, records, path, of_path, "--repeats")
        _refuse_other_questions(folder, records, path, of_path, "--repeats")
        found.append(of_path)
        before.append(path)
    return found


def _refuse_same_run(before: Sequence[Path], path: Path) -> None:
    settings = read_settings(path)
    for place, other in enumerate(before):
        if path.resolve() == other.resolve():
            what = "is given twice" if place else "is the run itself"
            raise UsageError(f"--repeats {path} {what}. Give runs that were sampled with other seeds.")
        if settings.get("seed") is not None and settings == read_settings(other):
            raise UsageError(
                f"--repeats {path} has all settings of {other}, seed {settings['seed']} as well, so that its responses "
                "are no new samples. Evaluate again with another --seed, or with --repeats."
            )


def _refuse_other_model(folder: Path, path: Path, option: str) -> None:
    weights, name = read_model(folder)
    other_weights, other_name = read_model(path)
    if weights is not None and other_weights is not None:
        is_other = weights != other_weights
    else:
        is_other = None not in (name, other_name) and _plain(name) != _plain(other_name)
    if is_other:
        raise UsageError(
            f"{option} {path} is a run of another checkpoint: {_word(other_name, other_weights)}, "
            f"where {folder} is of {_word(name, weights)}. Give a run of the same checkpoint."
        )


def _plain(name: str | None) -> str:
    return (name or "").removeprefix(SERVED)


def _word(name: str | None, weights: str | None) -> str:
    return f"{name or 'no known name'} ({weights[:19] if weights else 'weights not known'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """What else two compared runs differ in, so that a difference between them may be due to that.

    Attributes:
        judges: who judged what no rule settles, in A and in B; `None`: nobody, or it is not known.
        unfinished: how far A and B have come, in words; `None`: it is finished, or does not tell.
        only: tasks of one run that the other has no samples of, of A and of B.
        settings: by task, in which settings of how it was asked they differ, in words; empty where none is known.
    """

    judges: tuple[str | None, str | None]
    unfinished: tuple[str | None, str | None]
    only: tuple[Sequence[str], Sequence[str]]
    settings: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """A line for each kind of what differs."""
        for side, told in zip("AB", self.unfinished, strict=True):
            if told:
                yield f"{side} is not finished ({told}): run the same 'harness eval' again."
        if self.judges[0] != self.judges[1]:
            a, b = (judge or "nobody" for judge in self.judges)
            yield f"What no rule settles was judged by {a} in A and by {b} in B: a difference may be theirs."
        for side, names in zip("AB", self.only, strict=True):
            if names:
                yield f"Only in {side}, not compared: {', '.join(names)}."
        for words in dict.fromkeys(filter(None, self.settings.values())):
            names = [task for task, told in self.settings.items() if told == words]
            yield f"Asked differently ({', '.join(names)}): {words}. A difference may be due to that."


def find_unlike(run_a: Path, run_b: Path, tasks: Iterable[str]) -> Unlike:
    """What else two runs differ in, of tasks that are compared."""
    a, b = read_settings(run_a), read_settings(run_b)
    (in_a, told_a), (in_b, told_b) = _progress(run_a, a), _progress(run_b, b)
    return Unlike(
        judges=(a.get("judge"), b.get("judge")),
        unfinished=(told_a, told_b),
        only=(sorted(in_a - in_b), sorted(in_b - in_a)),
        # Who judged is told apart from that.
        settings={task: _differences((run_a, run_b), task, ("A", "B"), without=("judge",)) for task in tasks},
    )


def _progress(folder: Path, settings: Mapping[str, Any]) -> tuple[set[str], str | None]:
    """The tasks that a run has samples of, and how far it has come where it is not finished."""
    tasks = settings.get("tasks")
    if (folder / RUN).exists() and isinstance(tasks, Mapping):
        return set(tasks), None
    records = latest_records(folder)
    return {record.sample.task for record in records}, unfinished(folder, settings, len(records))


def _refuse_other_settings(
    folder: Path, records: Sequence[SampleRecord], path: Path, others: Iterable[Key], option: str
) -> None:
    """Refuse settings whose effect would be taken for that of the images, or for chance."""
    without = _OF_MEDIA if option == "--blind" else ()
    asked = {task for task, _ in others}
    for task in dict.fromkeys(record.sample.task for record in records if record.sample.task in asked):
        if different := _differences((folder, path), task, (folder.name, path.name), without=without):
            but = "seeing the images" if option == "--blind" else "their seed"
            raise UsageError(
                f"{option} {path} was asked {task} differently ({different}). "
                f"Give runs that differ from {folder} in {but} alone."
            )


def _differences(runs: tuple[Path, Path], task: str, names: tuple[str, str], *, without: Sequence[str]) -> str:
    """In what two runs differ of how they asked a task, of all that both tell."""
    asked = (how_asked(read_settings(run), task, read_media(run).get(task)) for run in runs)
    one, other = ({name: of for name, of in told.items() if name not in without} for told in asked)
    return name_differences(_told(one, other), _told(other, one), *names)


def _told(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """What both of two trees of settings tell, as the first one tells it."""
    return {
        name: _told(value, others[name]) if isinstance(value, Mapping) and isinstance(others[name], Mapping) else value
        for name, value in settings.items()
        if name in others
    }


def _refuse_other_questions(
    folder: Path,
    records: Sequence[SampleRecord],
    path: Path,
    others: Mapping[Key, SampleRecord],
    option: str,
) -> None:
    shared = [(record.sample, others[key].sample) for key, record in by_key(records).items() if key in others]
    if not shared:
        raise UsageError(
            f"{option} {path} has none of the samples of {folder}. Give a run of the same tasks and samples."
        )
    if different := find_other_questions(shared):
        here, there, column = different[0]
        raise UsageError(
            f"{option} {path} is over other data than {folder}: {len(different)} of {len(shared)} samples differ, e.g. "
            f"{here.task} {here.id!r} in {column}: {getattr(there, column)!r} against {getattr(here, column)!r}. "
            "Give a run on the same data."
        )
