"""The `replay` engine: recorded responses in place of a model.

A recording is a JSON-lines file of `{"id": ..., "response": ...}` (with `"task"` where ids repeat between tasks; a list
of texts where several responses of a sample were recorded), or what a run has stored. A run says what it asked, and its
responses are given to no other questions; where it has asked again what had failed, the last record counts.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from harness.core.console import show
from harness.core.endings import recorded_ending
from harness.core.errors import DataError, UsageError
from harness.core.reading import decode, parse_json
from harness.core.types import Response, Sample
from harness.engines import Decoding, Request, checked, failed
from harness.engines.checkpoints import Checkpoint

_ANY_TASK: Final = None


class ReplayEngine:
    """Gives each request the response that was recorded for it; a sample without one is an error of that sample."""

    name = "replay"

    def __init__(self, checkpoint: Checkpoint, *, responses: str | Path | None = None) -> None:
        """Index the recording by sample; the texts stay on disk.

        Raises:
            UsageError: no recording was named.
            DataError: the file is missing, a line is not a recorded response, or a sample is recorded twice.
        """
        del checkpoint
        if responses is None:
            raise UsageError("engine 'replay' needs a recording: give --responses FILE.")
        path = Path(responses)
        self._paths = [path / "samples.jsonl", *sorted(path.glob("samples.rank-*.jsonl"))] if path.is_dir() else [path]
        self._name = self._paths[0].name
        if not self._paths[0].is_file():
            raise DataError(f"recording {str(responses)!r} not found. Give a JSON-lines file or a run folder.")
        self._places: dict[tuple[str | None, str], tuple[int, int]] = {}
        digest = hashlib.sha256()
        for index, part in enumerate(self._paths):
            self._index(index, part, digest)
        if not self._places:
            raise DataError(f"recording {self._paths[0]} is empty.")
        self._digest = f"sha256:{digest.hexdigest()}"

    video_as = None

    def describe(self) -> Mapping[str, Any]:
        """The recording's content, so that a run is not continued with another one."""
        return {"recording": self._digest}

    def load(self) -> None:
        """Nothing to load: the recording was indexed when the engine was made."""

    def refuse_others(self, samples: Iterable[Sample]) -> None:
        """See that a run's responses are to the questions that are to be asked.

        Another wording of the prompt is the same question, and is told.

        Raises:
            DataError: a question, its options or its media are others than those of the run.
        """
        reworded: list[str] = []
        with self._opened() as files:
            for sample in samples:
                data = self._recorded(files, sample.task, sample.id)
                if data is None or "sample" not in data:
                    continue
                before = self._sample(data["sample"], sample.id)
                for what, recorded, asked in (
                    ("question", before.question, sample.question),
                    ("options", before.choices, sample.choices),
                    ("media", *_sizes(before, sample)),
                ):
                    if recorded != asked:
                        raise DataError(
                            f"the run in {self._paths[0].parent} was of other questions: {what} of {sample.task} "
                            f"{sample.id!r} recorded as {recorded!r}, asked as {asked!r}. Give the data that it was "
                            "made with."
                        )
                if before.prompt and before.prompt != sample.prompt:
                    reworded.append(f"{sample.task} {sample.id}")
        if reworded:
            show(
                f"warning: {len(reworded)} of the recorded responses are to another wording of the prompt, e.g. of "
                f"{reworded[0]}. Give the --prompt that they were recorded with.",
                file=sys.stderr,
            )

    def _sample(self, data: Any, sample_id: str) -> Sample:
        try:
            return decode(Sample, data)
        except ValueError as error:
            raise DataError(f"{self._paths[0]}: what was asked as {sample_id!r} is not a sample ({error}).") from error

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield the recorded responses in the order of the requests."""
        with self._opened() as files:
            for request in checked(requests, decoding):
                if request.finished:
                    continue
                data = self._recorded(files, request.task, request.sample_id)
                responses = [] if data is None else _decode(request.sample_id, data)[: request.n]
                yield from ((request, response) for response in responses)
                error = f"no recorded response in {self._name}"
                if responses:
                    error = f"{len(responses)} of {request.n} responses are recorded in {self._name}"
                for _ in range(request.n - len(responses)):
                    yield request, failed(request, error)

    def close(self) -> None:
        """Nothing to free."""

    def _index(self, index: int, path: Path, digest: hashlib._Hash) -> None:
        offset = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip() and (line.endswith(b"\n") or not _is_torn(path, line)):
                    key, of_run = _key(path, line, number)
                    if key in self._places and not of_run:
                        raise DataError(f"{path}:{number}: sample {key[1]!r} is recorded twice. Keep one of the lines.")
                    self._places[key] = (index, offset)
                digest.update(line)
                offset += len(line)

    @contextmanager
    def _opened(self) -> Iterator[list[BinaryIO]]:
        with ExitStack() as opened:
            yield [opened.enter_context(path.open("rb")) for path in self._paths]

    def _recorded(self, files: Sequence[BinaryIO], task: str, sample_id: str) -> Any:
        """What is recorded of a sample; `None`: nothing."""
        place = self._places.get((task, sample_id), self._places.get((_ANY_TASK, sample_id)))
        if place is None:
            return None
        file = files[place[0]]
        file.seek(place[1])
        return parse_json(file.readline())


def _is_torn(path: Path, line: bytes) -> bool:
    """Whether a last line is what a killed process left of one, or is being written."""
    if not (path.parent / "config.json").exists() or (path.parent / "run.json").exists():
        return False
    try:
        parse_json(line)
    except ValueError:
        return True
    return False


def _key(path: Path, line: bytes, number: int) -> tuple[tuple[str | None, str], bool]:
    """Task and id of a recorded sample, and whether a run has recorded it."""
    try:
        data = parse_json(line)
        if "sample" in data:
            _decode(str(data["sample"]["id"]), data)
            return (str(data["sample"]["task"]), str(data["sample"]["id"])), True
        key = (data.get("task", _ANY_TASK), str(data["id"]))
        if not isinstance(key[0], str | None):
            raise TypeError("'task' is not a text")
        if not _decode(key[1], data):
            raise TypeError("'response' is not a text")
        return key, False
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f'{path}:{number} is not a recorded response ({what}). A line is {{"id": SAMPLE_ID, "response": TEXT}}.'
        ) from error


def _decode(sample_id: str, data: Mapping[str, Any]) -> list[Response]:
    if "sample" in data:
        return [decode(Response, data["response"])]
    error = data.get("error") or None
    recorded = data.get("response") if error is not None else data["response"]
    texts = recorded if isinstance(recorded, list) else [recorded]
    if not all(isinstance(text, str | None) for text in texts):
        raise TypeError("'response' is not a text")
    return [
        Response(
            sample_id=sample_id,
            text=text or "",
            finish_reason=recorded_ending(data.get("finish_reason")) if error is None and text is not None else None,
            error="recorded without a response" if error is None and text is None else error and str(error),
        )
        for text in texts
    ]


def _sizes(recorded: Sample, asked: Sample) -> tuple[list[Any], list[Any]]:
    """The encoded lengths of the media of a sample then and now; one that is not known is taken for the other's."""
    before, now = ([medium.size_bytes for medium in sample.media] for sample in (recorded, asked))
    if len(before) == len(now):
        before = [now[k] if size is None or now[k] is None else size for k, size in enumerate(before)]
    return before, now
