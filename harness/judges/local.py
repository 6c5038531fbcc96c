"""Judges on this machine: a text-only checkpoint through vLLM or Transformers.

Imported lazily only: torch and transformers are imported at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from harness.core.errors import ModelError
from harness.core.types import JudgePrompt
from harness.engines.checkpoints import Checkpoint, read_object
from harness.engines.hf_device import move
from harness.engines.hf_generation import generate
from harness.engines.threads import threads_for
from harness.engines.vllm_platform import set_environment
from harness.engines.weights import load_model

_TOKENS_A_BATCH: Final = {"cpu": 16_384, "cuda": 65_536}
"""Tokens of prompts, padding included, that are generated for together."""
_MOST_A_BATCH: Final = 256
"""Prompts, however short: each keeps a cache of its own while it is answered."""
_MOST_CONTEXT: Final = 8_192
"""Tokens: a caption, its question and a word of answer are far below; more would only reserve memory."""
_SMALLER: Final = "Name a smaller judge, or one behind a server: openai:MODEL."
_SHOWN: Final = 300
"""Characters of a library's error that are shown: the first sentences; some hold a whole configuration."""
_CLOSING: Final = "</answer>"
"""Nothing that follows it counts, so nothing is generated after it."""
_GENERIC_TOKENIZERS: Final = ("TokenizersBackend", "PreTrainedTokenizerFast")


def load_tokenizer(folder: Path) -> Any:
    """A checkpoint's tokenizer as it was saved.

    `AutoTokenizer` goes by the kind of model where the files name no class of their own, and gives a tokenizer of
    another vocabulary the pre-tokenizer of that kind, which silently drops words.

    Raises:
        OSError, ValueError: there is none.
    """
    config = folder / "tokenizer_config.json"
    named = read_object(config).get("tokenizer_class") if config.is_file() else None
    loader = PreTrainedTokenizerFast if named in _GENERIC_TOKENIZERS else AutoTokenizer
    return loader.from_pretrained(folder, trust_remote_code=False)


def render(tokenizer: Any, prompt: JudgePrompt) -> str:
    """The text that the model continues: the chat template's, or the plain prompt where there is none."""
    if not getattr(tokenizer, "chat_template", None):
        return f"{prompt.user}\n{prompt.begun}"
    messages = [{"role": "user", "content": prompt.user}]
    # Models that think before they speak are told not to, where their template knows how.
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False, enable_thinking=False)
    return str(text) + prompt.begun


class TransformersJudge:
    """A causal language model of Transformers, greedy, in batches of similar length."""

    problem: str | None = None

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        max_new_tokens: int,
        device: str | None = None,
        sees: bool = False,
        model: Any = None,
    ) -> None:
        """Load the model.

        Args:
            checkpoint: a checkpoint with a folder.
            max_new_tokens: token budget of an answer.
            device: a torch device; `None`: CUDA where it is, else CPU.
            sees: it is one that takes images, and is shown none.
            model: the checkpoint's model where it is in memory already, such as one that is trained: it is asked where
                and as it is. `None`: loaded.

        Raises:
            ModelError: Transformers cannot load it as a causal language model, or it does not fit the device.
        """
        transformers_logging.disable_progress_bar()
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._device = torch.device(chosen) if model is None else model.device
        dtype = torch.float32 if self._device.type == "cpu" else "auto"
        try:
            self._tokenizer = load_tokenizer(_folder(checkpoint))
            self._model = model if model is not None else load_model(checkpoint, text_only=not sees, dtype=dtype)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, ModelError) as error:
            raise ModelError(
                f"judge {checkpoint.name!r} cannot be loaded: {' '.join(str(error).split())[:_SHOWN]} "
                "A judge is a text-only model that AutoModelForCausalLM loads."
            ) from error
        if model is None:
            move(self._model, self._device, f"judge {checkpoint.name!r}", _SMALLER)
            self._model.eval()
        self._threads = threads_for(self._model, self._device.type)
        context = _context(checkpoint)
        budget = min(max_new_tokens, context // 2)
        self._longest = context - budget
        self._tokenizer.padding_side = "left"
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._settings = GenerationConfig(
            max_new_tokens=budget,
            do_sample=False,
            eos_token_id=_ends(self._tokenizer, self._model.generation_config.eos_token_id),
            pad_token_id=self._tokenizer.pad_token_id,
        )

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        """Yield the place of each prompt with the model's text, batch by batch; `None` where it failed."""
        ids = _encode(self._tokenizer, prompts)
        fitting = [index for index, row in enumerate(ids) if len(row) <= self._longest]
        lengths = [len(ids[index]) for index in fitting]
        for batch in plan_batches(lengths, _TOKENS_A_BATCH.get(self._device.type, _TOKENS_A_BATCH["cpu"])):
            yield from self._complete_batch(ids, [fitting[place] for place in batch])

    def _complete_batch(self, ids: Sequence[Sequence[int]], batch: Sequence[int]) -> Iterator[tuple[int, str | None]]:
        """Answer a batch; when memory does not suffice, in halves."""
        try:
            with self._threads():
                answers = self._generate([ids[index] for index in batch])
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            if len(batch) == 1:
                yield batch[0], None
                return
            middle = len(batch) // 2
            yield from self._complete_batch(ids, batch[:middle])
            yield from self._complete_batch(ids, batch[middle:])
        else:
            yield from zip(batch, answers, strict=True)

    @torch.no_grad()  # A model that is trained keeps what it computes: it must not be of inference mode.
    def _generate(self, rows: Sequence[Sequence[int]]) -> list[str | None]:
        inputs = self._tokenizer.pad({"input_ids": list(rows)}, return_tensors="pt").to(self._device)
        output = generate(
            self._model, self._settings, input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        )
        start = inputs["input_ids"].shape[1]
        return [text.strip() for text in self._tokenizer.batch_decode(output[:, start:], skip_special_tokens=True)]

    def close(self) -> None:
        """Free the model."""
        del self._model
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


class VllmJudge:
    """A checkpoint in vLLM's offline engine, greedy."""

    problem: str | None = None

    def __init__(self, checkpoint: Checkpoint, *, max_new_tokens: int, memory: float) -> None:
        """Start the engine.

        Args:
            checkpoint: a checkpoint with a folder.
            max_new_tokens: token budget of an answer.
            memory: share of the GPU's memory, so that the judged model may stay beside it.

        Raises:
            ModelError: vLLM cannot load it.
        """
        set_environment()
        from vllm import LLM, SamplingParams

        try:
            self._tokenizer = load_tokenizer(_folder(checkpoint))
            context = _context(checkpoint)
            self._model = LLM(
                model=str(checkpoint.folder),
                max_model_len=context,
                gpu_memory_utilization=memory,
                disable_log_stats=True,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"judge {checkpoint.name!r} cannot be loaded by vLLM: {' '.join(str(error).split())[:_SHOWN]}"
            ) from error
        budget = min(max_new_tokens, context // 2)
        self._settings = SamplingParams(temperature=0.0, max_tokens=budget)
        self._longest = context - budget

    def complete(self, prompts: Sequence[JudgePrompt]) -> Iterator[tuple[int, str | None]]:
        """Yield the place of each prompt with the model's text."""
        ids = _encode(self._tokenizer, prompts)
        fitting = [index for index, row in enumerate(ids) if len(row) <= self._longest]
        requests = [{"prompt_token_ids": ids[index]} for index in fitting]
        outputs = self._model.generate(requests, self._settings, use_tqdm=False)
        for index, output in zip(fitting, outputs, strict=True):
            yield index, self._tokenizer.decode(output.outputs[0].token_ids, skip_special_tokens=True).strip()

    def close(self) -> None:
        """Free the model."""
        del self._model


def _ends(tokenizer: Any, defaults: int | Sequence[int] | None) -> list[int]:
    """Tokens that end an answer: the model's own, and the end of the answer section where that is one token."""
    own = tokenizer.eos_token_id if defaults is None else defaults
    ends = [own] if isinstance(own, int) else list(own or [])
    closing = tokenizer.convert_tokens_to_ids(_CLOSING)
    known = isinstance(closing, int) and closing != tokenizer.unk_token_id
    return [*ends, closing] if known and closing not in ends else ends


def _encode(tokenizer: Any, prompts: Sequence[JudgePrompt]) -> list[list[int]]:
    if not prompts:
        return []
    rows: list[list[int]] = tokenizer([render(tokenizer, p) for p in prompts], add_special_tokens=False)["input_ids"]
    return rows


def _context(checkpoint: Checkpoint) -> int:
    """Tokens of prompt and answer that fit: what the model was made for, at most 8,192; longer questions fail."""
    config = read_object(_folder(checkpoint) / "config.json")
    return min(int(config.get("max_position_embeddings") or _MOST_CONTEXT), _MOST_CONTEXT)


def _folder(checkpoint: Checkpoint) -> Path:
    if checkpoint.folder is None:
        raise ModelError(f"judge {checkpoint.name!r} has no files; give a folder, a hub id, or openai:MODEL.")
    if checkpoint.adapter is not None:
        raise ModelError(f"judge {checkpoint.name!r} is an adapter: make it a model first, harness merge ADAPTER OUT.")
    return checkpoint.folder


def plan_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Places of prompts in batches of similar length, the longest first, each of at most `tokens` with its padding."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    batches: list[list[int]] = []
    for index in order:
        # The first of a batch is its longest: all are padded to it.
        if batches and len(batches[-1]) < _MOST_A_BATCH and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
