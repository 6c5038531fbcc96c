"""What is watched and written while TRL trains. Imported lazily only: torch, transformers and trl are imported."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from math import cos, pi
from pathlib import Path
from typing import Any, Final

import torch
from transformers import TrainerCallback

from harness.core.files import write_atomically
from trainers.console import say
from trainers.layout import WHOLE, step_folders
from trainers.ranks import wait_for_main_rank
from trainers.trl_config import steps_a_batch

_PATIENCE: Final = 20
"""Logged steps after which a warning is due."""
_MOSTLY: Final = 0.9
_FIRST: Final = {"loss": "loss", "mean_token_accuracy": "token accuracy", "reward": "reward"}
"""What is printed of a step before each reward, by its name in the log."""
_THEN: Final = {
    "constant_groups": "constant groups",
    "kl": "kl",
    "completions/mean_length": "tokens",
    "ntk/loss": "ntk",
    "ntk/positives": "positives",
    "step_time": "seconds",
}
"""What is printed after them."""


class Completes(TrainerCallback):  # type: ignore[misc]
    """Ends the saving of a checkpoint: `harness.json` tells that it is whole, and older ones are deleted.

    It says what the checkpoint was trained to write, with what, on what. Transformers deletes too, but by the time of
    the last change, and whatever is called `checkpoint-*`, a user's copy too.
    """

    def __init__(self, facts: Mapping[str, Any], keep: int | None) -> None:
        """Keep what is written.

        Args:
            facts: JSON-able, see `trainers.provenance.provenance`.
            keep: most checkpoints that stay, beside the best one; `None`: all.
        """
        self._facts = dict(facts)
        self._keep = keep

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Delete what a run that was killed had not come to."""
        self._delete_old(args, state)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Complete the checkpoint that was saved last; the last of the callbacks to."""
        wait_for_main_rank()  # The others have written their parts.
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if state.is_world_process_zero and folder.is_dir():
            write_provenance(folder, self._facts | {"step": state.global_step})
            self._delete_old(args, state)

    def _delete_old(self, args: Any, state: Any) -> None:
        if self._keep and state.is_world_process_zero:
            for folder in step_folders(Path(args.output_dir), upto=state.global_step)[: -self._keep]:
                if str(folder) == state.best_model_checkpoint:
                    continue
                (folder / WHOLE).unlink(missing_ok=True)
                shutil.rmtree(folder)


def write_provenance(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `harness.json` into a checkpoint."""
    write_atomically(folder / WHOLE, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


class Lines(TrainerCallback):  # type: ignore[misc]
    """One short line a logged step, in place of TRL's dictionary of all figures, which `log.jsonl` holds."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Print what a person watches."""
        if not logs or not state.is_world_process_zero:
            return
        rewards = {name: name.split("/")[1] for name in logs if name.startswith("rewards/") and name.endswith("/mean")}
        labels = _FIRST | rewards | _THEN
        shown = [f"{label} {logs[name]:.3g}" for name, label in labels.items() if logs.get(name) is not None]
        if shown:
            say(f"step {state.global_step}/{state.max_steps}  {'  '.join(shown)}")


class CountsCpu(TrainerCallback):  # type: ignore[misc]
    """Logs the CPU seconds of each step, of all threads of this process, so that trainings compare at equal cost.

    They are of what a checkpoint rests on: steps that a killed run had taken and takes again count once.
    """

    def __init__(self) -> None:
        """What came before training is not a step's."""
        self._last = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to count."""
        self._last = time.process_time()

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add to what was logged what was spent since."""
        now = time.process_time()
        if state.log_history:
            state.log_history[-1]["cpu_seconds"] = round(now - self._last, 3)
        self._last = now


class Watch(TrainerCallback):  # type: ignore[misc]
    """Warns, once each, about training that goes on without learning anything.

    That is: nearly every group of responses has one reward, so that it has no advantages; or the threshold of the
    contrastive term is above all similarities, so that its loss is exactly zero.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._constant: list[float] = []
        self._inert: list[Mapping[str, Any]] = []
        self._warned: set[str] = set()

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Look at what was logged."""
        if not logs or not state.is_world_process_zero:
            return
        if logs.get("constant_groups") is not None:
            self._constant.append(logs["constant_groups"])
            recent = self._constant[-_PATIENCE:]
            share = sum(recent) / len(recent)
            if len(recent) == _PATIENCE and share >= _MOSTLY:
                self._warn(
                    "constant",
                    f"{share:.0%} of the groups of the last {_PATIENCE} steps have one reward for all responses and "
                    "teach nothing. Select by variance (selection.enabled=true), raise train.temperature, or check the "
                    "rewards.",
                )
        if logs.get("ntk/positives") is not None:
            inert = logs["ntk/positives"] == 1.0
            self._inert = [*self._inert, logs] if inert else []
            if len(self._inert) >= _PATIENCE:
                quantiles = ", ".join(f"{name} {logs[f'ntk/{name}']:.3g}" for name in ("q05", "q50", "q95", "max"))
                self._warn(
                    "inert",
                    f"ntk.threshold={logs['ntk/threshold']:g} is above every similarity of the last {_PATIENCE} steps "
                    f"({quantiles}): all pairs are positives and the term is exactly 0. "
                    "Use ntk.threshold=null ntk.quantile=0.9.",
                )

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            say(f"warning: {text}")


class EndsAtBudget(TrainerCallback):  # type: ignore[misc]
    """Ends training with the step in which so many responses have been sampled, those of earlier sessions included."""

    def __init__(self, most: int) -> None:
        """Keep the budget."""
        self._most = most

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take no step where an earlier session came to the end."""
        if state.stateful_callbacks.get("rollouts", 0) >= self._most:
            state.max_steps = state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End where all responses of a batch have been learned from."""
        if state.stateful_callbacks.get("rollouts", 0) >= self._most and not state.global_step % steps_a_batch(args):
            control.should_save = control.should_training_stop = True


class CosineKl(TrainerCallback):  # type: ignore[misc]
    """Lets the weight of the KL term fall from `train.beta` to 0, half a cosine (Visionary-R1, arXiv 2505.14677)."""

    def __init__(self, trainer: Any) -> None:
        """Take TRL's trainer, which reads its `beta` anew in every step."""
        self._trainer = trainer
        self._start: float = trainer.beta

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the weight of this step: it depends on nothing else, so that a resumed run has the same."""
        self._trainer.beta = self._start / 2 * (1 + cos(pi * state.global_step / state.max_steps))


class EndsWhenAsked(TrainerCallback):  # type: ignore[misc]
    """Saves and stops where a run can be resumed, once any of its processes was asked to.

    Attributes:
        asked: whether this one was.
        ended: whether training was stopped for it.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        """Nobody has asked yet.

        Args:
            end: called before training ends so: leaves out what would come after it.
        """
        self.asked = self.ended = False
        self._end = end

    def ask(self, *_: Any) -> None:
        """Ask for the end; a signal's handler."""
        self.asked = True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Agree with the other processes, which are all at the end of the same step."""
        if state.global_step % steps_a_batch(args):
            return
        asked = self.asked
        if torch.distributed.is_initialized():
            anyone = torch.tensor(float(asked), device=args.device)
            torch.distributed.all_reduce(anyone, torch.distributed.ReduceOp.MAX)
            asked = bool(anyone)
        if asked:
            control.should_save = control.should_training_stop = self.ended = True
            self._end()
