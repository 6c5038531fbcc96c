"""Under which conditions a task was asked, and in what two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

from harness.runs.asked import how_asked
from leaderboards.naming import short_digest
from leaderboards.runs import StoredRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What must be equal for two results of one task to be compared.

    Attributes:
        headline: name of the metric that stands for the task.
        digest: of the questions that were asked; `None` when it is not known.
        count: how many they were.
        source: where they came from; compared only where the digest is not known.
        version: of the task.
        prompt: prompt format.
        num_frames: frames per video; `None` for tasks with images.
        video_as: how videos were shown, `native` or `frames`; `None`: there were none, or it is not known.
        judge: who read and settled what the rules could not; `None` where nobody did or a task scores itself.
        system: text of a system's turn before each question; `None`: there was none.
        blind: how the media were hidden from the model; `None`: they were shown.
    """

    headline: str
    digest: str | None
    count: int
    source: str | None
    version: str | None
    prompt: str
    num_frames: int | None
    video_as: str | None
    judge: str | None
    system: str | None = None
    blind: str | None = None


def protocol_of(run: StoredRun, task: str) -> Protocol:
    """Under which conditions a run asked a task."""
    record = run.record
    data, asked = record.data[task], how_asked(record.settings, task, record.benchmarks[task].media)
    version = asked.get("version")
    digest, count = data.get("digest"), data.get("count")
    return Protocol(
        headline=record.tasks[task].headline,
        digest=None if digest is None else str(digest),
        count=count if isinstance(count, int) else record.tasks[task].samples,
        source=None if digest is not None else str(data.get("source")),
        version=None if version is None else str(version),
        prompt=asked.get("prompt", record.prompt_format),
        num_frames=asked.get("num_frames"),
        video_as=asked.get("video_as"),
        # A task that scores its answers itself has no use for a judge of ours.
        judge=record.judge if record.tasks[task].means is None else None,
        system=asked.get("system_prompt"),
        blind=asked.get("blind"),
    )


def differences(one: Protocol, other: Protocol) -> list[str]:
    """In what two protocols of one task differ, prompt format and blindness aside, in words."""
    found = []
    if one.headline != other.headline:
        found.append(f"headline {one.headline}, not {other.headline}")
    if (one.digest, one.source, one.count) != (other.digest, other.source, other.count):
        shown = [f"{protocol.count} questions, {_digest(protocol)}" for protocol in (one, other)]
        found.append(f"other data ({shown[0]}; not {shown[1]})")
    if one.version != other.version:
        found.append(f"task version {one.version or 'unknown'}, not {other.version or 'unknown'}")
    if one.num_frames != other.num_frames:
        found.append(f"{one.num_frames or 'unknown'} frames per video, not {other.num_frames or 'unknown'}")
    if one.video_as != other.video_as:
        found.append(f"videos shown {shown_as(one.video_as)}, not {shown_as(other.video_as)}")
    if one.judge != other.judge:
        found.append(f"judge {one.judge or 'none'}, not {other.judge or 'none'}")
    if one.system != other.system:
        found.append(f"system prompt {one.system or 'none'!r}, not {other.system or 'none'!r}")
    return found


def shown_as(video_as: str | None) -> str:
    """How videos were shown, in words."""
    return {"native": "as videos", "frames": "as images", None: "in an unknown way"}[video_as]


def capped_at(max_pixels: int | None) -> int | str:
    """The most pixels of an image, or in words that nobody chose them."""
    return max_pixels or "the processor's own cap"


def _digest(protocol: Protocol) -> str:
    if protocol.digest is None:
        return f"source {protocol.source}"
    return f"digest {short_digest(protocol.digest)}"
