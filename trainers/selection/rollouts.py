"""Rollouts of many prompts with an evaluation engine, stored as they finish, so that a killed selection goes on.

Files in the folder: `settings.json`, what must be equal to go on; `rollouts.jsonl`, a line a response: `id`, `number`,
`total` (null where a reward gave no signal), `parts` (reward by name), `finish_reason`, `error`, `text`,
`completion_tokens`, and another line, which counts, for a response that got a reward later, in the order of prompts and
numbers once all are there; `rollouts.rank-N.jsonl`, those of another process, until the first takes them up;
`selection.jsonl`, a line a prompt: `id`, `rollouts`, `mean`, `variance`, `expected_variance`, `category`, `selected`;
`selected.jsonl`, the rows to train on, in the schema of training data; `selection.svg`, mean against variance. Imported
lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness.core.errors import DataError, UsageError
from harness.core.files import drop_torn_tail, write_atomically
from harness.core.types import PromptFormat, Response
from harness.engines import Decoding, Request
from harness.evaluation.progress import Progress
from harness.evaluation.ranks import ALONE, Ranks
from trainers.console import say
from trainers.data.loading import as_request
from trainers.data.schema import Example, row_from_example
from trainers.layout import hold_settings
from trainers.rewards.functions import Reward
from trainers.selection.decision import categorise, choose, count_levels, expected_variance, undecided
from trainers.selection.plot import draw_selection
from trainers.selection.stored import Rollouts, sort_rollouts
from trainers.settings import SelectionSettings, Subset

if TYPE_CHECKING:
    from harness.engines import Engine

SETTINGS: Final = "settings.json"
ROLLOUTS: Final = "rollouts.jsonl"
SELECTION: Final = "selection.jsonl"
SELECTED: Final = "selected.jsonl"
PLOT: Final = "selection.svg"
SHARDS: Final = "rollouts.rank-*.jsonl"
FILES: Final = (SETTINGS, ROLLOUTS, SHARDS, SELECTION, SELECTED, PLOT)
"""Patterns of the names in a selection's folder."""
_Asked = tuple[int, int, int, bool]
"""Place of a prompt, number of its first rollout that is asked for, how many are, and whether all are there."""
_SCORED_TOGETHER: Final = 64
"""Responses that are scored in one call, so that a judge is asked in batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the rollouts of one prompt say.

    Attributes:
        id: the sample's id.
        rollouts: responses that count: a reward gave a signal on them.
        mean: of the rewards; `None` without rollouts.
        variance: of the rewards, unbiased; `None` with fewer than two.
        expected_variance: mean of the belief about the variance, by which prompts are ordered.
        category: `medium`, `easy` or `hard`; `None` without rollouts.
        selected: whether it is trained on.
    """

    id: str
    rollouts: int
    mean: float | None
    variance: float | None
    expected_variance: float
    category: Subset | None
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a selection consists of.

    Attributes:
        examples: the prompts.
        root: what media paths are relative to.
        prompt_format: what the model is asked to write.
        num_frames: frames of a video.
        rounds: how rollouts are spent, and which category is trained on.
        decoding: temperature and budget of the rollouts; its seed decides them.
        rewards: what a response earns.
        settings: JSON-able; all that must be equal for a killed selection to go on.
        check: raises where rewards cannot be had at all, as with a judge that is down; `None`: nothing can be told.
    """

    examples: Sequence[Example]
    root: Path
    prompt_format: PromptFormat
    num_frames: int
    rounds: SelectionSettings
    decoding: Decoding
    rewards: Sequence[Reward]
    settings: Mapping[str, Any]
    check: Callable[[], None] | None = None


def select(
    selection: Selection,
    engine: Engine,
    folder: Path,
    *,
    fresh: bool = False,
    settled: bool = False,
    ranks: Ranks = ALONE,
) -> list[Statistics]:
    """Spend rollouts until every prompt is decided, and write what was found.

    The engine is loaded only if rollouts are missing. Responses that were stored without the signal of a reward, as the
    judge did not answer, are scored again before anything is decided; what has none then counts as in training.

    Args:
        selection: what to do.
        engine: answers.
        folder: of the selection.
        fresh: throw away what is there.
        settled: the selection is trained on already: what has no signal stays without one.
        ranks: the processes that share the rollouts, this one being rank 0; the others `take_part`.

    Raises:
        StoreError: the folder holds a selection with other settings (`fresh` throws it away), or cannot be written.
        DataError: no prompt has a reward.
        HarnessError: the judge does not answer, or a reward is wrong; all responses are stored, and the same call goes
            on from there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES if fresh else ():
        for path in folder.glob(name):
            path.unlink()
    check_settings(folder, selection.settings)
    with (folder / ROLLOUTS).open("a+", encoding="utf-8", errors="replace") as file:
        drop_torn_tail(folder / ROLLOUTS)
        rollouts = Rollouts([example.sample for example in selection.examples], selection.rewards, file)
        rollouts.take_up(sorted(folder.glob(SHARDS)))
        ranks.publish("opened", json.dumps(selection.settings))
        if settled:
            rollouts.give_up()
        elif rollouts.waiting:
            say(f"selection: {len(rollouts.waiting)} responses lack the signal of a reward and are scored again")
            rollouts.score_again(_SCORED_TOGETHER, selection.check)
        _spend(selection, engine, rollouts, folder, ranks)
    rollouts.tell()
    sort_rollouts(folder / ROLLOUTS, [example.sample.id for example in selection.examples])
    statistics = _decide(selection, rollouts)
    _write(selection, folder, statistics)
    return statistics


def take_part(selection: Selection, engine: Engine, folder: Path, ranks: Ranks) -> None:
    """Do another rank's part of `select`: answer, score and store its share of the rollouts of each round.

    Raises:
        UsageError: this rank has other weights, data or settings than rank 0.
        HarnessError: see `select`.
    """
    settings = json.loads(ranks.wait_for("opened"))
    if settings != json.loads(json.dumps(selection.settings)):
        raise UsageError(
            f"rank {ranks.rank} does not select as rank 0 does. Give all machines the same model, data and recipe."
        )
    file = folder / SHARDS.replace("*", str(ranks.rank))
    with _Answering(engine, selection, ranks) as answering:
        for number in count():
            asked = json.loads(ranks.wait_for(f"round-{number}"))
            if asked is None:
                return
            ranks.begin(str(number))
            with file.open("a+", encoding="utf-8", errors="replace") as shard:
                rollouts = Rollouts([example.sample for example in selection.examples], selection.rewards, shard)
                answering.answer(asked, rollouts, lambda failed: ranks.count(failed=failed))
            ranks.gather(f"answered-{number}")


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Refuse to go on with, or train on, a selection that was made otherwise.

    Raises:
        StoreError: names the settings that differ.
    """
    hold_settings(folder / SETTINGS, settings, "Give --fresh to start over, or another output.")


def _spend(selection: Selection, engine: Engine, rollouts: Rollouts, folder: Path, ranks: Ranks) -> None:
    """Round after round; stored rollouts are taken as they are, so that a resumed selection decides alike."""
    active = list(range(len(selection.examples)))
    spent = [0] * len(selection.examples)
    rng = np.random.default_rng(selection.decoding.seed)
    rounds = 0
    with _Answering(engine, selection, ranks) as answering:
        for target in selection.rounds.targets():
            asked = [_ask(prompt, rollouts, range(spent[prompt], target)) for prompt in active]
            if any(not finished for *_, finished in asked):
                ranks.publish(f"round-{rounds}", json.dumps(asked))
                _answer_round(rounds, answering, asked, rollouts, ranks)
                rounds += 1
                rollouts.take_up(sorted(folder.glob(SHARDS)))
                rollouts.score_again(_SCORED_TOGETHER, selection.check)
            for prompt in active:
                spent[prompt] = target
            values, counts = count_levels(rollouts.lists(spent))
            again = undecided(values, counts, keep=selection.rounds.keep, tolerance=selection.rounds.tolerance, rng=rng)
            active = [prompt for prompt in active if again[prompt]]
            if not active:
                break
    ranks.publish(f"round-{rounds}", json.dumps(None))


def _answer_round(
    number: int, answering: _Answering, asked: Sequence[_Asked], rollouts: Rollouts, ranks: Ranks
) -> None:
    """Answer rank 0's share of a round, and wait until the other ranks have answered theirs."""
    ranks.begin(str(number))
    total, done = (sum(n for *_, n, _ in some) for some in (asked, [one for one in asked if one[-1]]))
    with Progress(total=total, done=done) as progress:

        def follow() -> None:
            progress.follow(*ranks.others)

        def finished(failed: bool) -> None:
            progress.advance(failed=failed)
            follow()

        answering.answer(asked, rollouts, finished)
        ranks.gather(f"answered-{number}", follow)


class _Answering:
    """An engine for this process's share of each round: loaded when it is needed, and closed at the end."""

    def __init__(self, engine: Engine, selection: Selection, ranks: Ranks) -> None:
        self._engine, self._selection, self._ranks = engine, selection, ranks
        self._loaded = False

    def __enter__(self) -> _Answering:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def answer(self, asked: Sequence[_Asked], rollouts: Rollouts, finished: Callable[[bool], None]) -> None:
        """Answer and store; `finished` is called for each response with whether it failed."""
        part, parts = self._ranks.share or (0, 0)
        share = asked[part::parts] if parts else []
        if all(is_finished for *_, is_finished in share):
            return
        if not self._loaded:
            self._engine.load()
            self._loaded = True
        requests = iter([_request(self._selection, *one) for one in share])
        for batch in _batches(self._engine.generate(requests, self._selection.decoding), _SCORED_TOGETHER):
            rollouts.store(batch)
            for _, response in batch:
                finished(response.error is not None)
            self._ranks.check()


def _ask(prompt: int, rollouts: Rollouts, numbers: range) -> _Asked:
    """All that a prompt still needs of a round, as one request."""
    missing = [number for number in numbers if not rollouts.has(prompt, number)]
    return (prompt, missing[0], len(missing), False) if missing else (prompt, numbers.start, len(numbers), True)


def _request(selection: Selection, prompt: int, first: int, n: int, finished: bool) -> Request:
    """What was asked, as an engine takes it.

    Its id, of which its seeds are made, holds the number of its first rollout. Rollouts of a request are stored
    together, so that a round which was interrupted is asked with the seeds that it would have had.
    """
    example = selection.examples[prompt]
    return replace(
        as_request(example, selection.root, prompt_format=selection.prompt_format, num_frames=selection.num_frames),
        sample_id=f"{example.sample.id}#{first}",
        n=n,
        finished=finished,
    )


def _batches(responses: Iterator[tuple[Request, Response]], size: int) -> Iterator[list[tuple[Request, Response]]]:
    """Responses by the hundred or so, those of one request always together."""
    incomplete: dict[str, list[tuple[Request, Response]]] = {}
    batch: list[tuple[Request, Response]] = []
    for request, response in responses:
        of_request = incomplete.setdefault(request.sample_id, [])
        of_request.append((request, response))
        if len(of_request) == request.n:
            batch += incomplete.pop(request.sample_id)
        if len(batch) >= size:
            yield batch
            batch = []
    batch += [item for of_request in incomplete.values() for item in of_request]
    if batch:
        yield batch


def _decide(selection: Selection, rollouts: Rollouts) -> list[Statistics]:
    lists = rollouts.lists([selection.rounds.targets()[-1]] * len(selection.examples))
    rated = {place: row for place, row in enumerate(lists) if row}
    if not rated:
        raise DataError(
            "no rollout has a reward: every response failed, or every reward gave no signal. rollouts.jsonl has the "
            "errors."
        )
    values, counts = count_levels(list(rated.values()))
    variance = expected_variance(values, counts)
    means = np.array([np.mean(row) for row in rated.values()])
    rewards = [reward for row in rated.values() for reward in row]
    categories = categorise(means, choose(variance, selection.rounds.keep), min(rewards), max(rewards))
    found = dict(zip(rated, zip(categories, variance, strict=True), strict=True))
    statistics = []
    for place, (example, row) in enumerate(zip(selection.examples, lists, strict=True)):
        category, expected = found.get(place, (None, 0.0))
        statistics.append(
            Statistics(
                id=example.sample.id,
                rollouts=len(row),
                mean=round(float(np.mean(row)), 6) if row else None,
                variance=round(float(np.var(row, ddof=1)), 6) if len(row) > 1 else None,
                expected_variance=round(float(expected), 6),
                category=category,
                selected=category == selection.rounds.subset,
            )
        )
    return statistics


def _write(selection: Selection, folder: Path, statistics: Sequence[Statistics]) -> None:
    chosen = [example for example, item in zip(selection.examples, statistics, strict=True) if item.selected]
    if not chosen:
        counts = Counter(str(item.category) for item in statistics)
        raise DataError(
            f"no prompt is '{selection.rounds.subset}' "
            f"({', '.join(f'{n} {name}' for name, n in sorted(counts.items()))}). "
            "Choose another selection.subset, or more data."
        )
    write_atomically(folder / SELECTION, "".join(json.dumps(asdict(item)) + "\n" for item in statistics))
    rows = (json.dumps(row_from_example(example), ensure_ascii=False) + "\n" for example in chosen)
    write_atomically(folder / SELECTED, "".join(rows))
    points = [
        (item.mean, item.variance or 0.0, item.category)
        for item in statistics
        if item.mean is not None and item.category is not None
    ]
    write_atomically(folder / PLOT, draw_selection(points))
