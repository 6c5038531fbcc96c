"""How much the training data conflict before and after training: the mean similarity of some of its rows.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from transformers import TrainerCallback

from harness.core.files import write_atomically
from harness.runs.config import read_json
from trainers.conflict.figures import describe
from trainers.conflict.run import similarity_of
from trainers.conflict.states import force_rows
from trainers.console import say
from trainers.data.schema import Example
from trainers.layout import CONFLICT
from trainers.ranks import world_size
from trainers.selection.stored import read_rollouts
from trainers.showing import Rows

_KEPT: Final = ("mean", "below_threshold", "opposed", "quantiles")


def probed_rows(examples: Sequence[Example], rollouts: Path, count: int, seed: int) -> list[Example]:
    """Rows with a response to force: their own, else the first that selection sampled; at most `count`, drawn.

    Args:
        examples: the training data.
        rollouts: `rollouts.jsonl` of the selection; may be missing.
        count: most rows.
        seed: of the draw.
    """
    sampled: dict[str, str] = {}
    if rollouts.is_file() and any(example.response is None for example in examples):
        for record in read_rollouts(rollouts):
            if record["number"] == 0 and record["text"]:
                sampled[record["id"]] = record["text"]
    known = [
        replace(example, response=example.response or sampled[example.sample.id])
        for example in examples
        if example.response is not None or example.sample.id in sampled
    ]
    return known if len(known) <= count else random.Random(seed).sample(known, count)


class ConflictProbe(TrainerCallback):  # type: ignore[misc]  # Transformers is not typed.
    """Measures the similarity of the same rows, with the same responses, before and after training.

    Each process measures its share of the rows. It is left out where the weights are sharded, and where no row has a
    response. A run that is resumed takes what was measured before from its output folder. What is measured changes
    nothing in training.
    """

    def __init__(self, examples: Sequence[Example], rows: Rows) -> None:
        """Keep the rows.

        Args:
            examples: rows with a response.
            rows: shows them to the model, as in training.
        """
        self._rows, self._shown = list(examples), rows
        self._sequences = force_rows(self._rows, rows)
        self._shared = len(self._rows) >= world_size()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure, unless an earlier session of this run has."""
        if state.global_step and (Path(args.output_dir) / CONFLICT).is_file():
            return
        before = self._measure(args, model)
        if state.is_world_process_zero:
            _write(Path(args.output_dir), {"rows": len(self._rows), "before": before})

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure again, and put both into the log."""
        file = Path(args.output_dir) / CONFLICT
        if not file.is_file():
            return
        before = read_json(file)["before"]
        after = self._measure(args, model)
        if not state.is_world_process_zero:
            return
        _write(Path(args.output_dir), {"rows": len(self._rows), "before": before, "after": after})
        one, other = before["mean"]["value"], after["mean"]["value"]
        state.log_history.append({"step": state.global_step, "conflict/mean_before": one, "conflict/mean_after": other})
        say(f"similarity of {len(self._rows)} training rows: {one:.3f} before, {other:.3f} after training")

    def _measure(self, args: Any, model: Any) -> dict[str, Any]:
        whole = model.get_base_model() if hasattr(model, "get_base_model") else model
        count = len(self._rows)
        first, last = (count * rank // args.world_size for rank in (args.process_index, args.process_index + 1))
        similarity = similarity_of(
            whole,
            self._shown.processor,
            self._sequences[first:last] if self._shared else self._sequences,
            max_pixels=self._shown.max_pixels,
            video_as=self._shown.video_as,
            shared=self._shared,
        )
        ids = [row.sample.id for row in self._rows]
        figures = describe(
            similarity, [(row.sample.task, row.sample.id) for row in self._rows], ["train"] * len(ids), ids, ids
        )
        return {key: figures[key] for key in _KEPT}


def _write(output: Path, figures: Mapping[str, Any]) -> None:
    write_atomically(output / CONFLICT, json.dumps(figures, indent=1) + "\n")
