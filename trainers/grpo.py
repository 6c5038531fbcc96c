"""GRPO and what methods add to it (`trainers.extensions`): TRL's trainer, a few methods extended, nothing copied.

- The LM head is fused into the loss and never called as a module, so the states it reads are captured by a hook on the
  backbone: no second forward, and the same gradients with gradient checkpointing and with LoRA.
- Each sequence carries its row and the number of its prompt, since TRL shuffles and splits the generation batch.
- What the model is given is made of the row by the code of the evaluation (`trainers.showing`), for sampling and for
  scoring: TRL keeps what processors make of images by name, and has not the names of all families.
- What is added to the loss is scaled for gradient accumulation like the policy loss.

Imported lazily only: torch and trl are imported at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

import torch
from accelerate.utils import gather_object  # type: ignore[import-untyped]
from torch import Tensor
from trl import GRPOTrainer
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import RepeatSampler, add_fused_lm_head

from harness.core.errors import HarnessError
from harness.core.types import Response
from harness.engines.inputs import visual_ids
from harness.engines.model_fixes import fix_model
from trainers.data.loading import parse_row
from trainers.extensions import Batch, Extension, Forward, Input
from trainers.models import without_unused_scales
from trainers.resuming import RestoresWeights
from trainers.rewards.functions import Reward
from trainers.rewards.scoring import score_part
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


class ExtendedGRPOTrainer(RestoresWeights, GRPOTrainer):  # type: ignore[misc]  # TRL is not typed.
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
        super().__init__(*args, **kwargs)
        self.rows = rows
        self._asked: Sequence[str] = []
        self._changes: Sequence[Change | None] = ()
        self._extensions = extensions
        self._batch: Batch | None = None
        self._drawn = (-1, 0)
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

    def _tokenize_prompts(self, prompts: Any) -> Any:
        """Prompts as an evaluation asks them, in place of what TRL makes of text and images."""
        groups = self.rows.encode(self._asked, self._changes)
        ids: list[list[int]] = [[]] * len(prompts)
        for group in groups:
            told, mask = group.fields["input_ids"], group.fields["attention_mask"].bool()
            for place, row, kept in zip(group.places, told, mask, strict=True):
                ids[place] = row[kept].tolist()
        if not self.use_vllm:
            return ids, None, {"groups": groups}
        changes = self._changes or [None] * len(prompts)
        shown = [self.rows.changed(row, change).opened for row, change in zip(self._asked, changes, strict=True)]
        images = [each.images or None for each in shown]
        return ids, images if any(images) else None, {}

    def _sample(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: int, **options: Any
    ) -> Any:
        spent = self.rollouts + len(prompt_ids) * self.accelerator.num_processes
        self.state.stateful_callbacks["rollouts"] = spent  # Kept with a checkpoint.
        self._metrics["train"]["rollouts"] = [spent]
        if self.use_vllm:
            if self._changes:  # A server samples all responses of a group from the images of the first.
                num_generations = 1
            ids, logprobs = super()._generate_single_turn(prompt_ids, images, {}, num_generations, **options)
            # What was sampled with other images than it is scored with is compared with nothing, and left uncorrected.
            changes = self._changes or [None] * len(ids)
            return ids, [
                each if change is None else [None] * len(each) for each, change in zip(logprobs, changes, strict=True)
            ]
        completions: list[list[int]] = [[]] * len(prompt_ids)
        for group in multimodal_fields["groups"]:
            length = group.fields["input_ids"].shape[1]
            width = -(-length // (self.pad_to_multiple_of or 1)) * (self.pad_to_multiple_of or 1)
            fields = media_fields([group], width, 0)
            told, _ = super()._generate_single_turn(
                [prompt_ids[place] for place in group.places], None, fields, num_generations, **options
            )
            for place, ids in zip(group.places, told, strict=True):
                completions[place] = ids
        return completions, None

    def _generate_single_turn(self, prompt_ids: Any, *arguments: Any, **options: Any) -> Any:
        assert self._batch is not None, "asked for"
        ids, logprobs = self._sample(prompt_ids, *arguments, **options)
        self._batch = batch = replace(self._batch, prompt_ids=prompt_ids, completion_ids=ids, logprobs=logprobs)
        for extension in self._extensions:
            if extension.sampled is not None:
                extension.sampled(self, batch)
        return ids, logprobs

    def sample(
        self, inputs: Sequence[Input], places: Sequence[int], changes: Sequence[Change | None] = ()
    ) -> list[tuple[list[int], list[int], list[float | None] | None]]:
        """Sample further responses: the same ones in all ranks, which share the work.

        Args:
            inputs: what is asked, an input a response.
            places: of the responses in the batch of all ranks, which extensions may show other media.
            changes: of media, after theirs; empty: none.

        Returns:
            Of each the tokens of its prompt, its own, and their log-probabilities by vLLM.
        """
        share = -(-len(inputs) // self.accelerator.num_processes)
        first = share * self.accelerator.process_index
        mine = [min(place, len(inputs) - 1) for place in range(first, first + share)]  # All ranks as many.
        self._ask([inputs[item] for item in mine], [places[item] for item in mine])
        if changes:
            before = self._changes or [None] * share
            self._changes = [_in_turn(one, changes[item]) for one, item in zip(before, mine, strict=True)]
        prompt_ids, images, fields = self._tokenize_prompts(mine)
        ids, logprobs = self._sample(prompt_ids, images, fields, 1)
        self._changes = ()
        told: list[Any] = gather_object(list(zip(prompt_ids, ids, logprobs or [None] * share, strict=True)))
        return told[: len(inputs)]

    def _ask(self, inputs: Sequence[Input], places: Sequence[int]) -> None:
        """What is sampled next, with media as extensions show them."""
        self._asked = [each["row"] for each in inputs]
        shown = [extension.shown for extension in self._extensions if extension.shown is not None]
        self._changes = []
        for place, row in zip(places, self._asked, strict=True) if shown else ():
            change = None
            for function in shown:
                change = _in_turn(change, function(self, place, row))
            self._changes.append(change)

    def accuracy(self, inputs: Sequence[Input], completion_ids: Sequence[Sequence[int]]) -> list[float]:
        """The accuracy of responses as it is rewarded, before its weight; NaN where there is none."""
        function = self.reward_funcs[self.reward_func_names.index("accuracy")]
        texts = self.processing_class.batch_decode(completion_ids, skip_special_tokens=True)
        rows = [each["row"] for each in inputs]
        values = function(prompts=rows, completions=texts, completion_ids=completion_ids, row=rows)
        return [float("nan") if value is None else value for value in values]

    @property
    def rollouts(self) -> int:
        """Responses that this run has sampled, those of sessions before included."""
        spent: int = self.state.stateful_callbacks.get("rollouts", 0)
        return spent

    @property
    def moment(self) -> str:
        """The batch that is sampled, for what is drawn for it: a step may have several."""
        step, number = self._drawn
        return f"{step}/{number}"

    def _generate(self, prompts: Any) -> Any:
        *generated, _, tool_images = super()._generate(prompts)
        assert self._batch is not None, "asked for"
        prompts[:] = [each["prompt"] for each in self._batch.inputs]  # Others, where a group was sampled again.
        self._asked, self._changes = [each["row"] for each in self._batch.inputs], ()
        # Without images TRL makes no fields of them, which it has by name for some families only.
        return (*generated, None, tool_images)

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


def _in_turn(first: Change | None, then: Change | None) -> Change | None:
    if first is None or then is None:
        return first or then
    return lambda opened: then(first(opened))


def _whole(inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor, int]:
    """Tokens of prompts and responses, their mask, and tokens of the responses."""
    ids, mask = (torch.cat([inputs[f"prompt_{name}"], inputs[f"completion_{name}"]], dim=1) for name in ("ids", "mask"))
    return ids, mask, inputs["completion_ids"].size(1)


def fill_missing(rewards: Tensor, generations: int) -> Tensor:
    """Rewards without a signal (NaN) set to the mean of the others in their group and of their kind.

    TRL's sum takes NaN for 0, which would hold a judge's failure against a response; the mean leaves its advantage to
    its other rewards. Where a whole group has no signal of a kind, 0 for all of it changes no advantage; a response
    without any signal at all stays NaN and is left out by TRL.

    Args:
        rewards: [N, kinds of reward], groups of `generations` rows together.
        generations: responses of a prompt.
    """
    groups = rewards.view(-1, generations, rewards.shape[1])
    mean = torch.nanmean(groups, dim=1, keepdim=True).expand_as(groups)
    filled = torch.where(groups.isnan(), mean, groups).reshape_as(rewards)
    return torch.where(rewards.isnan().all(1, keepdim=True), rewards, filled)


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


def as_trl_reward(reward: Reward, end_tokens: Sequence[int]) -> Callable[..., list[float | None]]:
    """A reward in the form that TRL calls: columns of a batch to rewards.

    Args:
        reward: the reward.
        end_tokens: a response that ends in one of them was not cut off.
    """
    ends = frozenset(end_tokens)

    def function(
        prompts: Any, completions: Sequence[Any], completion_ids: Sequence[Sequence[int]], row: Sequence[str], **_: Any
    ) -> list[float | None]:
        samples = [parse_row(text).sample for text in row]
        responses = [
            Response(
                sample_id=sample.id,
                text=(completion if isinstance(completion, str) else completion[0]["content"]).strip(),
                finish_reason="stop" if ids and ids[-1] in ends else "length",
                completion_tokens=len(ids),
            )
            for sample, completion, ids in zip(samples, completions, completion_ids, strict=True)
        ]
        return score_part(reward, samples, responses)

    function.__name__ = reward.name
    return function


def empty_reward(name: str) -> Callable[..., list[float]]:
    """A reward in the form that TRL calls, of nothing: an extension fills it in."""

    def function(completions: Sequence[Any], **_: Any) -> list[float]:
        return [0.0] * len(completions)

    function.__name__ = name
    return function
