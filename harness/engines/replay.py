"""The `replay` engine: recorded responses in place of a model.

A recording is a JSON-lines file of `{"id": ..., "response": ...}` (with `"task"` where ids repeat between tasks; a list
of texts where several responses of a sample were recorded), or the `samples.jsonl` of a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError, UsageError
from harness.core.reading import decode, parse_json
from harness.core.types import Response
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
        if path.is_dir():
            path = path / "samples.jsonl"
        if not path.is_file():
            raise DataError(f"recording {str(responses)!r} not found. Give a JSON-lines file or a run folder.")
        self._path = path
        self._offsets: dict[tuple[str | None, str], int] = {}
        digest = hashlib.sha256()
        offset = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                digest.update(line)
                if line.strip():
                    key = self._key(line, number)
                    if key in self._offsets:
                        raise DataError(f"{path}:{number}: sample {key[1]!r} is recorded twice. Keep one of the lines.")
                    self._offsets[key] = offset
                offset += len(line)
        if not self._offsets:
            raise DataError(f"recording {path} is empty.")
        self._digest = f"sha256:{digest.hexdigest()}"

    video_as = None

    def describe(self) -> Mapping[str, Any]:
        """The recording's content, so that a run is not continued with another one."""
        return {"recording": self._digest}

    def load(self) -> None:
        """Nothing to load: the recording was indexed when the engine was made."""

    def generate(self, requests: Iterable[Request], decoding: Decoding) -> Iterator[tuple[Request, Response]]:
        """Yield the recorded responses in the order of the requests."""
        with self._path.open("rb") as file:
            for request in checked(requests, decoding):
                if request.finished:
                    continue
                offset = self._offsets.get(
                    (request.task, request.sample_id), self._offsets.get((_ANY_TASK, request.sample_id))
                )
                if offset is None:
                    responses = []
                else:
                    file.seek(offset)
                    responses = _decode(request.sample_id, parse_json(file.readline()))[: request.n]
                yield from ((request, response) for response in responses)
                error = f"no recorded response in {self._path.name}"
                if responses:
                    error = f"{len(responses)} of {request.n} responses are recorded in {self._path.name}"
                for _ in range(request.n - len(responses)):
                    yield request, failed(request, error)

    def close(self) -> None:
        """Nothing to free."""

    def _key(self, line: bytes, number: int) -> tuple[str | None, str]:
        try:
            data = parse_json(line)
            if "sample" in data:
                _decode(str(data["sample"]["id"]), data)
                return str(data["sample"]["task"]), str(data["sample"]["id"])
            key = (data.get("task", _ANY_TASK), str(data["id"]))
            if not _decode(key[1], data):
                raise TypeError("'response' is not a text")
            return key
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(
                f"{self._path}:{number} is not a recorded response ({what}). "
                'A line is {"id": SAMPLE_ID, "response": TEXT}.'
            ) from error


def _decode(sample_id: str, data: Mapping[str, Any]) -> list[Response]:
    if "sample" in data:
        return [decode(Response, data["response"])]
    texts = data["response"] if isinstance(data["response"], list) else [data["response"]]
    if not all(isinstance(text, str | None) for text in texts):
        raise TypeError("'response' is not a text")
    error, reason = data.get("error"), data.get("finish_reason")
    return [
        Response(
            sample_id=sample_id,
            text=text or "",
            finish_reason=reason if reason in ("stop", "length") else None,
            error="recorded without a response" if error is None and text is None else error and str(error),
        )
        for text in texts
    ]
