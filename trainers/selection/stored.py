"""Rollouts as they are stored: what each earned, and which still wait for a signal of a reward, as of a judge's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from harness.core.errors import StoreError
from harness.core.files import drop_torn_tail, replacement, write_errors
from harness.core.reading import decode_json, parse_json
from harness.core.types import Response, Sample
from harness.engines import Request
from trainers.console import say
from trainers.rewards.functions import ANNOTATIONS, Reward
from trainers.rewards.scoring import add_up_group, score_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rollout:
    """What a line of the file holds."""

    id: str
    number: int
    total: float | None
    parts: Mapping[str, float | None]
    text: str
    finish_reason: Literal["stop", "length"] | None = None
    error: str | None = None
    completion_tokens: int | None = None


def read_rollouts(path: Path) -> Iterator[Mapping[str, Any]]:
    """The lines of a file of rollouts.

    Raises:
        StoreError: one is damaged.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = parse_json(line)
                decode_json(_Rollout, line)
            except ValueError as error:
                raise StoreError(
                    f"{path}:{number} is not a rollout: {error}. Delete that line, or select with --fresh."
                ) from error
            yield record


def sort_rollouts(path: Path, order: Sequence[str]) -> None:
    """Bring a file of rollouts into the order of prompts and numbers, the last line of each: what counts.

    Args:
        path: the file.
        order: ids of the prompts.

    Raises:
        StoreError: the file is damaged, or cannot be written.
    """
    places = {name: place for place, name in enumerate(order)}
    lines: dict[tuple[int, int], tuple[int, int]] = {}
    start = 0
    with path.open("rb") as source:
        for line, record in zip(source, read_rollouts(path), strict=True):
            lines[places[record["id"]], record["number"]] = (start, len(line))
            start += len(line)
        pieces = [lines[key] for key in sorted(lines)]
        if sum(length for _, length in pieces) == start and pieces == sorted(pieces):
            return  # It is in order.
        with replacement(path) as ordered, write_errors(path):
            for offset, length in pieces:
                source.seek(offset)
                ordered.buffer.write(source.read(length))


class Rollouts:
    """Rewards by prompt and rollout, and their file; a rollout without any signal is known but does not count.

    Attributes:
        waiting: records of responses on which a reward gave no signal that may give one yet, by prompt and number.
    """

    def __init__(self, samples: Sequence[Sample], rewards: Sequence[Reward], file: TextIO) -> None:
        """Start with what the file holds.

        Args:
            samples: of the prompts.
            rewards: what a response earns.
            file: a line a rollout, appended to; where a rollout got its reward later, its last line counts.
        """
        self.waiting: dict[tuple[int, int], Mapping[str, Any]] = {}
        self._samples = samples
        self._rewards = rewards
        self._file = file
        self._places = {sample.id: place for place, sample in enumerate(samples)}
        self._known: list[dict[int, tuple[float | None, ...]]] = [{} for _ in samples]
        for record in read_rollouts(Path(file.name)):
            self._add(self._of_a_row(record))

    def take_up(self, shards: Sequence[Path]) -> None:
        """Move what other processes have stored into the file.

        Raises:
            StoreError: a shard is damaged, or the file cannot be written.
        """
        for shard in shards:
            with write_errors(Path(self._file.name)):
                drop_torn_tail(shard)
            records = list(read_rollouts(shard))
            for record in records:
                self._add(self._of_a_row(record))
            self._write(records)
            with write_errors(shard):
                os.fsync(self._file.fileno())
                shard.unlink()  # Where this is not reached, the records are there twice, and one of them counts.

    def has(self, prompt: int, number: int) -> bool:
        """Whether a rollout is known, with or without a reward."""
        return number in self._known[prompt]

    def lists(self, upto: Sequence[int]) -> list[list[float]]:
        """Rewards of each prompt, of rollouts below a number of its own."""
        weights = [reward.weight for reward in self._rewards]
        return [
            add_up_group(weights, [parts for number, parts in sorted(known.items()) if number < most])
            for known, most in zip(self._known, upto, strict=True)
        ]

    def tell(self) -> None:
        """Print how many rollouts there are, and on how many which reward gave no signal, failed ones apart."""
        sampled = sum(map(len, self._known))
        say(f"selection: {sampled} rollouts, {sampled / len(self._known):.1f} a prompt")
        answered = [parts for known in self._known for parts in known.values() if parts]
        rated = [parts for parts in answered if any(part is not None for part in parts)]
        if silent := len(answered) - len(rated):
            say(f"warning: {silent} responses have no reward and do not count: no reward gave a signal on them")
        for place, reward in enumerate(self._rewards):
            if lacking := sum(parts[place] is None for parts in rated):
                say(
                    f"warning: reward '{reward.name}' gave no signal on {lacking} of {sampled} responses; as in "
                    "training it counts there as the mean of its others for the prompt, or as 0 where there are none"
                )

    def store(self, batch: Sequence[tuple[Request, Response]]) -> None:
        """Score and store responses; those of one request are numbered from the number in its id.

        Raises:
            HarnessError: a reward raised it; the responses are stored without its signal then.
        """
        records: list[Mapping[str, Any]] = []
        for request, response in batch:
            name, _, first = request.sample_id.rpartition("#")
            number = int(first)
            while self.has(self._places[name], number):
                number += 1
            record = {
                "id": name,
                "number": number,
                "total": None,
                "parts": {},
                "finish_reason": response.finish_reason,
                "error": response.error,
                "text": response.text,
                "completion_tokens": response.completion_tokens,
            }
            records.append(record)
            self._add(record)
        self._score(records, [response for _, response in batch])

    def score_again(self, together: int, check: Callable[[], None] | None) -> None:
        """Score what waits for a signal from its stored text, until that adds nothing; give up what is left.

        Args:
            together: responses that are scored in one call.
            check: raises where it is not the responses' fault, as with a judge that is down.

        Raises:
            HarnessError: `check` or a reward raised it; what waits is waiting still, in the file too.
        """
        while self.waiting:
            records = list(self.waiting.values())
            found = 0
            for start in range(0, len(records), together):
                some = records[start : start + together]
                responses = [
                    Response(
                        sample_id=record["id"],
                        text=record["text"],
                        finish_reason=record["finish_reason"],
                        completion_tokens=record.get("completion_tokens"),
                    )
                    for record in some
                ]
                found += self._score(some, responses)
            if not found:
                if check is not None:
                    check()
                self.give_up()

    def give_up(self) -> None:
        """Leave without a signal what has none, until the file is read again."""
        self.waiting.clear()

    def _score(self, records: Sequence[Mapping[str, Any]], responses: Sequence[Response]) -> int:
        """Write records with their rewards, where these are others than before; how many are."""
        samples = [self._samples[self._places[record["id"]]] for record in records]
        scored, failure = score_missing(self._rewards, samples, responses, [record["parts"] for record in records])
        found = [
            {**record, "total": one.total, "parts": one.parts}
            for record, one in zip(records, scored, strict=True)
            if one.parts != record["parts"]
        ]
        for record in found:
            self._add(record)
        self._write(found)
        if failure is not None:
            raise failure
        return len(found)

    def _write(self, records: Sequence[Mapping[str, Any]]) -> None:
        with write_errors(Path(self._file.name)):
            self._file.write("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
            self._file.flush()

    def _of_a_row(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        if record["id"] not in self._places:
            raise StoreError(
                f"{self._file.name} has a rollout of {record['id']!r}, which is no row. Select with --fresh."
            )
        return record

    def _add(self, record: Mapping[str, Any]) -> None:
        prompt, number = self._places[record["id"]], record["number"]
        failed = record["error"] is not None
        parts = {reward.name: record["parts"].get(reward.name) for reward in self._rewards}
        self._known[prompt][number] = () if failed and record["total"] is None else tuple(parts.values())
        attributes = self._samples[prompt].attributes
        if not failed and any(
            part is None and (name not in ANNOTATIONS or ANNOTATIONS[name] in attributes)
            for name, part in parts.items()
        ):
            self.waiting[prompt, number] = record
        else:
            self.waiting.pop((prompt, number), None)
