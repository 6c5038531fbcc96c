"""How a run asked its tasks, as its settings tell it: the one description from which all comparisons of runs start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.prompts import OWN, SECTIONS, Section, take_apart


def how_asked(settings: Mapping[str, Any], task: str, media: str | None) -> dict[str, Any]:
    """How a task was asked. What the settings do not tell, as those of a run that was recorded elsewhere, is not in it.

    Args:
        settings: of the run.
        task: its name.
        media: the kind that its benchmark has; `None`: not known.

    Returns:
        `prompt`, the format; `system_prompt`, see `system_of`; `version` of the task; `decoding`, with the task's own
        `max_new_tokens` and the `contrast`, if any; `blind`, how media were hidden; `max_pixels` of each; where videos
        were shown, `num_frames` and `video_as`; and `judge`, who read what no rule settles. In it, `None` is said.
    """
    of_task = said_of(settings, task)
    told = {name: settings[name] for name in ("blind", "judge") if name in settings}
    if (prompt := prompt_of(settings, task)) is not None:
        told["prompt"] = prompt
    if "system_prompt" in settings or "format" in settings:
        told["system_prompt"] = system_of(settings, task)
    if "version" in of_task:
        told["version"] = of_task["version"]
    decoding = settings.get("decoding")
    if isinstance(decoding, Mapping) and decoding:
        own = {name: of_task[name] for name in ("max_new_tokens",) if name in of_task}
        told["decoding"] = {"contrast": None, **decoding, **own}  # A contrast is written only where there is one.
    # Of recorded responses nobody knows how videos were shown, but their user may have said how many frames.
    shown = settings.get("video_as", "") is not None or (media == "video" and settings.get("blind") is None)
    if media != "image" and shown:
        told |= {name: settings[name] for name in ("num_frames", "video_as") if name in settings}
    engine = settings.get("engine_settings") or {}
    return told | {name: engine[name] for name in ("max_pixels",) if name in engine}


def prompt_of(settings: Mapping[str, Any], task: str) -> str | None:
    """The format of the prompts that a task was asked with; `None` where the settings do not say."""
    prompt = said_of(settings, task).get("prompt", settings.get("prompt"))
    return prompt if isinstance(prompt, str) else None


def system_of(settings: Mapping[str, Any], task: str) -> str | None:
    """The system's turn before a task's questions: the user's, else the format's that the task was asked in."""
    system, written = settings.get("system_prompt"), settings.get("format")
    if system is None and isinstance(written, Mapping) and prompt_of(settings, task) != OWN:
        system = written.get("system")
    return system if isinstance(system, str) else None


def sections_of(settings: Mapping[str, Any], task: str) -> tuple[Section, ...] | None:
    """The sections that a task's prompts asked for; `None` where that is not known, as of prompts of a task's own."""
    prompt, _ = take_apart(prompt_of(settings, task) or OWN)
    written = settings.get("format")
    if prompt != OWN and isinstance(written, Mapping):
        told = written.get("sections")
        return tuple(name for name in SECTIONS["grounded"] if isinstance(told, Sequence) and name in told)
    return next((sections for name, sections in SECTIONS.items() if name == prompt), None)


def said_of(settings: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """What the settings say of a task; nothing where they do not."""
    tasks = settings.get("tasks")
    of_task = tasks.get(task) if isinstance(tasks, Mapping) else None
    return of_task if isinstance(of_task, Mapping) else {}
