"""Running a TRL trainer to its end: resuming, saving on failure, the log and its curves.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

import gc
import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from harness.core.errors import EndedError, HarnessError, ModelError
from harness.core.files import write_atomically, write_errors
from harness.engines.threads import threads_for
from trainers.callbacks import EndsWhenAsked, write_provenance
from trainers.conflict.probe import ConflictProbe
from trainers.console import say
from trainers.curves import draw_curves
from trainers.layout import CURVES, FINAL, LOG, WHOLE, step_folders
from trainers.models import save_whole_model
from trainers.ranks import wait_for_main_rank
from trainers.rewards.in_trl import FailedTogetherError
from trainers.weight_names import mend_names


def end_training() -> None:
    """Give back what a trainer held on a GPU, once nothing refers to it, and let models be loaded whole again."""
    # Under ZeRO-3 every model that is loaded would be divided among processes that have gone.
    unset_hf_deepspeed_config()
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def run_trainer(trainer: Any, output: Path, facts: Mapping[str, Any]) -> Any:
    """Train from the last checkpoint in the output folder, or from the start, and save the whole model.

    A killed run that is resumed equals an undisturbed one: TRL restores model, optimiser, schedule, place in the data
    and random numbers, and responses are sampled anew only at the steps at which they would have been. One that was
    killed after its last step takes none: what it had reached is saved.

    Returns:
        The whole model as it was saved, apart from the trainer, for an evaluation; `None` where its weights are sharded
        or quantised, and in all processes but the first.

    Raises:
        HarnessError: training ended early; the state it reached is saved as a checkpoint where it is alone, or where
            a reward failed.
        EndedError: a scheduler ended it; the state it reached is saved.
    """
    # Checkpoints of the model alone lack the state of the optimiser, without which training would go on otherwise.
    last = None if trainer.args.save_only_model else last_checkpoint(output)
    if last is not None:
        say(f"resuming from {last}")
    threads = threads_for(trainer.model, trainer.args.device.type)
    with _ended_where_it_can_be_resumed(trainer) as asked, threads():
        _train(trainer, output, last)
        if not asked.ended:
            with write_errors(output / FINAL):
                return _save_final(trainer, output, facts)
    if trainer.is_world_process_zero():
        say(f"step {trainer.state.global_step} is saved in {last_checkpoint(output)}")
    raise EndedError


@contextmanager
def _ended_where_it_can_be_resumed(trainer: Any) -> Iterator[EndsWhenAsked]:
    """SIGTERM, where it ends the command, waits for the end of a step, or of the saving of the final model."""
    # What comes after training is measured of its end, and there is little time. The last callback may remove others.
    asked = EndsWhenAsked(partial(trainer.remove_callback, ConflictProbe))
    end = signal.getsignal(signal.SIGTERM)
    if not callable(end):
        yield asked
        return
    trainer.add_callback(asked)
    signal.signal(signal.SIGTERM, asked.ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, end)
    if asked.asked and not asked.ended:
        raise EndedError


def _train(trainer: Any, output: Path, last: Path | None) -> None:
    try:
        with _no_step_beyond_the_last(trainer), _named_failures_of_saving(trainer, output):
            trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except FailedTogetherError as error:
        _save_reached(trainer, output)
        raise (error.failure or SystemExit(error.exit_code)) from error
    except HarnessError:
        if trainer.args.world_size == 1:  # The other processes wait elsewhere.
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


@contextmanager
def _no_step_beyond_the_last(trainer: Any) -> Iterator[None]:
    """Transformers looks for the end after a step only, and would take one more than was to be."""
    run_epoch = trainer._run_epoch

    def within(*args: Any, **kwargs: Any) -> None:
        if trainer.state.global_step < trainer.state.max_steps and not trainer.control.should_training_stop:
            run_epoch(*args, **kwargs)
        else:
            trainer.control.should_training_stop = True

    trainer._run_epoch = within
    try:
        yield
    finally:
        del trainer._run_epoch


@contextmanager
def _named_failures_of_saving(trainer: Any, output: Path) -> Iterator[None]:
    """A disk that is full or gone is the user's to mend."""
    save = trainer._save_checkpoint

    def within(*args: Any, **kwargs: Any) -> None:
        with write_errors(output / f"checkpoint-{trainer.state.global_step}"):
            save(*args, **kwargs)

    trainer._save_checkpoint = within
    try:
        yield
    finally:
        del trainer._save_checkpoint


def last_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint that was saved to its end."""
    for folder in reversed(step_folders(output)):
        if (folder / WHOLE).is_file():
            return folder
        say(f"warning: {folder} was cut off while it was saved; it is left out.")
    return None


def _save_reached(trainer: Any, output: Path) -> None:
    """Save where training stopped; all processes have to call this."""
    step = trainer.state.global_step
    folder = output / f"checkpoint-{step}"
    (is_saved, *_) = gather_object([(folder / WHOLE).is_file()])
    if step == 0 or is_saved:
        return
    trainer.control = trainer.callback_handler.on_step_end(trainer.args, trainer.state, trainer.control)
    with _named_failures_of_saving(trainer, output):
        trainer._save_checkpoint(trainer.model, trial=None)
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
    wait_for_main_rank()  # Launchers end it where another process has ended.
    if trainer.is_world_process_zero():
        say(f"step {step} is saved in {folder}")


def _save_final(trainer: Any, output: Path, facts: Mapping[str, Any]) -> Any:
    folder = output / FINAL
    sharded = trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled
    whole = None
    if sharded:
        trainer.save_model(str(folder))  # Gathers the shards; every process takes part.
    if trainer.is_world_process_zero():
        # Without the casts that mixed precision wraps around `forward`.
        model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        if not sharded:
            whole = save_whole_model(model, trainer.processing_class, folder)
        elif not hasattr(model, "merge_and_unload"):  # Adapters have names of their own.
            mend_names(folder)
        write_provenance(folder, {**facts, "step": trainer.state.global_step})
    trainer.accelerator.wait_for_everyone()
    if whole is None or getattr(whole, "is_quantized", False):
        return None
    if hasattr(trainer, "release_model"):
        trainer.release_model()
    whole.gradient_checkpointing_disable()
    return whole


def write_log(output: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write what was logged, a line a step, and the curves of what matters.

    What Transformers says at the end, times and a mean loss, is left out: it is of the last session alone.
    """
    history = [entry for entry in history if "train_runtime" not in entry]
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
            "out of GPU memory. Lower train.per_device_train_batch_size and raise train.gradient_accumulation_steps as "
            "much, lower ntk.chunk_size or train.vllm_gpu_memory_utilization, or set train.gradient_checkpointing="
            "true: so the same command goes on from the last checkpoint. With a lower train.max_completion_length or "
            "data.max_pixels it is another training: give --fresh, or another output=FOLDER."
        )
    if "probability tensor contains" in str(error):
        return ModelError(
            "the model's probabilities are no numbers any more: training diverged. Lower train.learning_rate or "
            "train.max_grad_norm, or raise train.temperature; give --fresh, or delete the checkpoints that are spoilt."
        )
    return None
