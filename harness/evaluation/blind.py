"""Asking without showing: questions with their media withheld or grey, to measure what language alone gives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from harness.evaluation.task_registry import TaskData
from harness.media.grey import grey

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video


def blind_media(task: TaskData, blind: str | None) -> TaskData:
    """A task that shows the model nothing of its media.

    Args:
        task: the task.
        blind: `grey`: each image and frame becomes a grey one of its size; `withheld`: there are none; `None`: the task
            as it is.
    """
    if blind is None:
        return task
    if blind == "withheld":
        samples = [replace(sample, media=()) for sample in task.samples]
        return replace(task, samples=samples, open_media=lambda sample_id: [])
    return replace(task, open_media=partial(_open_grey, task))


def _open_grey(task: TaskData, sample_id: str) -> list[Image | Video]:
    return [grey(medium) for medium in task.open_media(sample_id)]
