"""GRPO and what methods add to it (`trainers.extensions`): TRL's trainer, a few methods extended, nothing copied.

- The LM head is fused into the loss and never called as a module, so the states it reads are captured by a hook on the
  backbone: no second forward, and the same gradients with gradient checkpointing and with LoRA.
- Each sequence carries its row and the number of its prompt, since TRL shuffles and splits the generation batch.
- What is added to the loss is scaled for gradient accumulation like the policy loss.

Imported lazily only: torch and trl are imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import torch
from torch import Tensor
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import RepeatSampler, add_fused_lm_head

from harness.core.errors import HarnessError
from harness.engines.inputs import visual_ids
from harness.engines.model_fixes import fix_model
from trainers.extensions import Batch, Extension, Forward, Input
from trainers.models import without_unused_scales
from trainers.resuming import RestoresWeights
from trainers.rewards.in_trl import fill_missing
from trainers.rollouts import SamplingTrainer
from trainers.showing import Change, Rows, media_fields, take_groups

Read = TypeVar("Read")
_CONSTANT: Final = 1e-6
"""Rewards of a group that differ by less are the same but for rounding."""
_GAP: Final = "sampling/sampling_logp_difference/mean"


class TrainingError(HarnessError):
    """Training cannot go on; what was reached is saved."""


class SamplerByEpoch(RepeatSampler):  # type: ignore[misc]  # TRL is not typed.
    """TRL's sampler with an order that the number of the epoch decides.

    TRL's draws a new order whenever it is started, so that a run that is resumed in its second epoch would go through
    the first one's order again. The first epoch is the same.
    """

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        if self.shuffle and self.seed is not None:
            self.generator.manual_seed(self.seed + epoch)


class ExtendedGRPOTrainer(RestoresWeights, SamplingTrainer):
    """TRL's GRPO trainer with extensions, and guards on rewards and on sampling.

    It trains only: a recipe has no data to evaluate on, and no tools.
    """

    def __init__(
        self, *args: Any, rows: Rows, extensions: Sequence[Extension], max_logprob_gap: float, **kwargs: Any
    ) -> None:
        """Make the trainer.

        Args:
            *args: of `GRPOTrainer`; the model takes groups.
            rows: shows the model the rows of the data set.
            extensions: what is added to GRPO.
            max_logprob_gap: mean difference between log-probabilities of sampling and of scoring that ends training.
            **kwargs: of `GRPOTrainer`.
        """
        super().__init__(*args, rows=rows, extensions=extensions, **kwargs)
        self._max_logprob_gap = max_logprob_gap
        self._captured: list[Tensor] | None = None
        self._scored: Tensor | None = None
        model = self.accelerator.unwrap_model(self.model)
        self.language_model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._hook = self.language_model.base_model.register_forward_hook(self._capture)
        if not self.use_vllm:  # TRL suppresses image tokens alone, which have no pixels in a response.
            suppressed = sorted({*self.generation_kwargs["suppress_tokens"], *visual_ids(rows.processor)})
            self.generation_config.suppress_tokens = self.generation_kwargs["suppress_tokens"] = suppressed
        if self.ref_model is not None:
            reference = self.accelerator.unwrap_model(self.ref_model)
            with without_unused_scales(reference):  # TRL has loaded it, with its own configuration.
                add_fused_lm_head(reference, self.temperature, self.args.cast_lm_head_to_fp32)
            take_groups(reference)
            fix_model(reference)

    def _capture(self, module: Any, arguments: Any, output: Any) -> None:
        if self._captured is not None:
            self._captured.append(output.last_hidden_state)

    def release_model(self) -> None:
        """Let go of the model, which outlives the trainer and its optimiser."""
        self._hook.remove()

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        plain = super()._get_train_sampler(dataset)
        names = ("data_source", "mini_repeat_count", "batch_size", "repeat_count", "shuffle", "seed")
        return SamplerByEpoch(**{name: getattr(plain, name) for name in names})

    def _generate_and_score_completions(self, inputs: list[Input]) -> dict[str, Any]:
        step = self.state.global_step
        self._drawn = (step, self._drawn[1] + 1 if self._drawn[0] == step else 0)
        first = self.accelerator.process_index * len(inputs)
        self._batch = Batch(first=first, inputs=inputs, prompt_ids=[], completion_ids=[], logprobs=None)
        self._ask(inputs, range(first, first + len(inputs)))
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        output["row"] = [each["row"] for each in inputs]
        ids = output["completion_ids"]
        output["prompt_number"] = (torch.arange(len(ids), device=ids.device) + first) // self.num_generations
        for extension in self._extensions:
            if extension.scored is not None:
                output |= extension.scored(self, output)
        self._batch = None
        if gaps := self._metrics["train"].get(_GAP):
            check_logprob_gap(gaps[-1], self._max_logprob_gap)
        return output

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        assert self._batch is not None, "asked for"
        rewards: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        rewards = fill_missing(rewards, self.num_generations)
        for extension in self._extensions:
            if extension.rewarded is not None:
                rewards = extension.rewarded(self, self._batch, rewards)
        total = (rewards * self.reward_weights.to(rewards.device)).nansum(1).view(-1, self.num_generations)
        constant = total.amax(1) - total.amin(1) < _CONSTANT
        self.record("constant_groups", constant.float().mean().item())
        return rewards

    def score(self, output: Mapping[str, Any], changes: Sequence[Change | None]) -> Tensor:
        """Log-probabilities of a batch's responses with changed media, [B, C], without a gradient."""
        size = self.args.per_device_train_batch_size
        self._asked, self._changes = output["row"], changes
        logprobs: Tensor
        with torch.no_grad(), disable_gradient_checkpointing(self.model, self.args.gradient_checkpointing_kwargs):
            logprobs, *_ = self._get_per_token_logps_and_entropies(self.model, *_whole(output), batch_size=size)
        self._changes = ()
        return logprobs

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **options: Any
    ) -> Any:
        size = options.pop("batch_size", None) or len(input_ids)
        parts = []
        for start in range(0, len(input_ids), size):
            part = slice(start, start + size)
            groups = self.rows.encode(self._asked[part], self._changes[part])
            fields = media_fields(groups, input_ids.shape[1] - logits_to_keep, logits_to_keep)
            given = partial(model, **self._prepare_input(fields))
            parts.append(
                super()._get_per_token_logps_and_entropies(
                    given, input_ids[part], attention_mask[part], logits_to_keep, **options
                )
            )
        logprobs, entropies, auxiliary = zip(*parts, strict=True)
        result = (
            torch.cat(logprobs),
            None if entropies[0] is None else torch.cat(entropies),
            None if auxiliary[0] is None else torch.stack(auxiliary).mean(),
        )
        if self._captured is not None:
            self._scored = result[0]
        return result

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        self._asked = inputs["row"]
        terms = [extension.loss for extension in self._extensions if extension.loss is not None]
        if not terms or not torch.is_grad_enabled():
            plain: Tensor = super()._compute_loss(model, inputs)
            return plain
        if self.current_pass == 0:
            for extension in self._extensions:
                if extension.begin is not None:
                    extension.begin(self)
        loss: Tensor
        loss, forward = self._watched(partial(super()._compute_loss, model, inputs), inputs)
        for term in terms:
            loss = loss + term(self, inputs, forward) / self.passes
        return loss

    @property
    def passes(self) -> int:
        """Forward passes of the current optimizer step."""
        return int(self.current_gradient_accumulation_steps)

    @property
    def current_pass(self) -> int:
        """Number of the pass in its optimizer step."""
        return int(self._step % self.passes)

    def look_ahead(self, read: Callable[[Mapping[str, Any], Forward], Read]) -> list[Read]:
        """Take all passes of the current optimizer step without gradients, before the first of them.

        Random numbers, as of dropout, are those that the passes themselves will draw.

        Args:
            read: what is kept of a pass: takes its inputs and what it gave.
        """
        first, device = self._step % self.args.steps_per_generation, self.accelerator.device
        forked = torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type)
        checkpointing = self.args.gradient_checkpointing_kwargs
        kept = []
        with torch.no_grad(), forked, disable_gradient_checkpointing(self.model, checkpointing):
            for inputs in self._buffered_inputs[first : first + self.passes]:
                score = partial(self._get_per_token_logps_and_entropies, self.model_wrapped, *_whole(inputs))
                kept.append(read(inputs, self._watched(score, inputs)[1]))
        return kept

    def _watched(self, score: Callable[[], Any], inputs: Mapping[str, Any]) -> tuple[Any, Forward]:
        """The result of what takes a forward pass of the policy, and what that gave."""
        self._asked, self._captured = inputs["row"], []
        try:
            result = score()
            (states,) = self._captured
        finally:
            self._captured = None
        assert self._scored is not None, "scored by the pass"
        forward, self._scored = Forward(states=states, logprobs=self._scored), None
        return result, forward

    def record(self, name: str, value: float) -> None:
        """Log a figure of this step; of several their mean is logged."""
        self._metrics["train"][name].append(value)


def _whole(inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor, int]:
    """Tokens of prompts and responses, their mask, and tokens of the responses."""
    ids, mask = (torch.cat([inputs[f"prompt_{name}"], inputs[f"completion_{name}"]], dim=1) for name in ("ids", "mask"))
    return ids, mask, inputs["completion_ids"].size(1)


def check_logprob_gap(gap: float, most: float) -> None:
    """Refuse to train on responses that another distribution sampled.

    Raises:
        TrainingError: the gap is too large, or not a number.
    """
    if not gap <= most:
        raise TrainingError(
            f"log-probabilities of sampling and scoring differ by {gap:.3g} a token on average, more than "
            f"max_logprob_gap={most}: vLLM and the trainer see different prompts or weights, and gradients would be "
            "wrong. Check image sizes and precision; raise max_logprob_gap only if the difference is rounding."
        )
