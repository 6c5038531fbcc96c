"""Sampling responses within TRL: from rows as an evaluation shows them, some with other media, and more of them.

What the model is given is made of the row by the code of the evaluation (`trainers.showing`), for sampling and for
scoring: TRL keeps what processors make of images by name, and has not the names of all families. Imported lazily only:
torch and trl are imported at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from accelerate.utils import gather_object  # type: ignore[import-untyped]
from trl import GRPOTrainer

from trainers.extensions import Batch, Extension, Input
from trainers.showing import Change, Rows, media_fields


class SamplingTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL is not typed.
    """TRL's trainer, with the responses that extensions want.

    Attributes:
        rows: shows the model the rows of the data set.
    """

    def __init__(self, *args: Any, rows: Rows, extensions: Sequence[Extension], **kwargs: Any) -> None:
        """Make the trainer.

        Args:
            *args: of `GRPOTrainer`; the model takes groups.
            rows: shows the model the rows of the data set.
            extensions: what is added to GRPO.
            **kwargs: of `GRPOTrainer`.
        """
        super().__init__(*args, **kwargs)
        self.rows = rows
        self._extensions = extensions
        self._asked: Sequence[str] = []
        self._changes: Sequence[Change | None] = ()
        self._batch: Batch | None = None
        self._drawn = (-1, 0)

    def _tokenize_prompts(self, prompts: Any) -> Any:
        """Prompts as an evaluation asks them, in place of what TRL makes of text and images."""
        shown = self.rows.shown(self._asked, self._changes)
        groups = self.rows.encode_prompts(self._asked, shown)
        ids: list[list[int]] = [[]] * len(prompts)
        for group in groups:
            told, mask = group.fields["input_ids"], group.fields["attention_mask"].bool()
            for place, row, kept in zip(group.places, told, mask, strict=True):
                ids[place] = row[kept].tolist()
        if not self.use_vllm:
            return ids, None, {"groups": groups}
        images = [each.opened.images or None for each in shown]
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


def _in_turn(first: Change | None, then: Change | None) -> Change | None:
    if first is None or then is None:
        return first or then
    return lambda opened: then(first(opened))
