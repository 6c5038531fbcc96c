"""Running a TRL trainer to its end: resuming, saving on failure, the log and its curves.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from transformers.utils import logging as transformers_logging

from harness.errors import HarnessError, ModelError
from harness.files import write_atomically
from trainers.callbacks import write_provenance
from trainers.curves import draw_curves
from trainers.evaluation import FINAL
from trainers.models import save_whole_model
from trainers.preparation import say

LOG: Final = "log.jsonl"
CURVES: Final = "curves.svg"


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Without Transformers' progress bars, and without its notes to TRL about names that will change."""
    transformers_logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, message=".*deprecated and will be removed in v6.*")
        yield


def free_memory() -> None:
    """Give back what a trainer held on a GPU, once nothing refers to it."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def run_trainer(trainer: Any, output: Path, facts: Mapping[str, Any]) -> None:
    """Train from the last checkpoint in the output folder, or from the start, and save the whole model.

    A killed run that is resumed equals an undisturbed one: TRL restores model, optimiser, schedule, place in the data
    and random numbers, and responses are sampled anew only at the steps at which they would have been.

    Raises:
        HarnessError: training ended early; in one process the state it reached is saved as a checkpoint.
    """
    last = last_checkpoint(output)
    if last is not None:
        say(f"resuming from {last}")
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except HarnessError:
        _save_reached(trainer, output)
        raise
    except (RuntimeError, MemoryError) as error:
        known = _describe_failure(error)
        if known is None:
            raise
        raise known from error
    finally:
        if trainer.is_world_process_zero():
            write_log(output, trainer.state.log_history)
    _save_final(trainer, output, facts)


def last_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint that was saved to its end; the state, which is written last, tells."""
    saved = sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for folder in saved:
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            say(f"warning: {folder} was cut off while it was saved; it is left out.")
            continue
        return folder
    return None


def _save_reached(trainer: Any, output: Path) -> None:
    """Save where training stopped; only alone, since with several processes the others wait elsewhere."""
    step = trainer.state.global_step
    if trainer.args.world_size > 1 or step == 0 or (output / f"checkpoint-{step}").is_dir():
        return
    trainer.control = trainer.callback_handler.on_step_end(trainer.args, trainer.state, trainer.control)
    trainer._save_checkpoint(trainer.model, trial=None)
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
    say(f"step {step} is saved in {output / f'checkpoint-{step}'}")


def _save_final(trainer: Any, output: Path, facts: Mapping[str, Any]) -> None:
    folder = output / FINAL
    sharded = trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled
    if sharded:
        trainer.save_model(str(folder))  # Gathers the shards; every process takes part.
    if trainer.is_world_process_zero():
        model = trainer.accelerator.unwrap_model(trainer.model)
        if not sharded:
            save_whole_model(model, trainer.processing_class, folder)
        elif hasattr(model, "merge_and_unload"):
            say(f"{folder} holds the adapter; merge it into its base before it is evaluated.")
        write_provenance(folder, {**facts, "step": trainer.state.global_step})
    trainer.accelerator.wait_for_everyone()


def write_log(output: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write what was logged, a line a step, and the curves of what matters."""
    if not history:
        return
    write_atomically(output / LOG, "".join(json.dumps(entry) + "\n" for entry in history))
    curves = draw_curves(history)
    if curves:
        write_atomically(output / CURVES, curves)


def _describe_failure(error: BaseException) -> HarnessError | None:
    """An error of the frameworks that a setting mends, in words; `None` for any other."""
    if isinstance(error, torch.OutOfMemoryError):
        return ModelError(
            "out of GPU memory. Lower train.per_device_train_batch_size (and raise train.gradient_accumulation_steps), "
            "train.max_completion_length, data.max_pixels or ntk.chunk_size; set train.gradient_checkpointing=true. "
            "Saved checkpoints stay; the same command goes on from the last."
        )
    return None
