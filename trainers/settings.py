"""What a recipe can say: one frozen dataclass a part; standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from harness.core.errors import UsageError
from harness.core.types import PromptFormat

Algorithm = Literal["sft", "grpo"]
Subset = Literal["medium", "easy", "hard"]
REWARDS: Final = ("accuracy", "format", "caption", "length", "repetition")
ENGINES: Final = ("auto", "hf", "vllm")
"""Engines that a selection or an evaluation can name."""
_LARGEST_SEED: Final = 2**32 - 1
"""Of NumPy's generators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """The training data.

    Attributes:
        train: a JSONL file in the schema of `trainers.data.schema`, or a world (`demo`): drawn from it.
        media_root: what media paths are relative to; `None`: the file's folder.
        num_frames: frames of a video, which are shown as images.
        max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.
        limit: rows to use, the first ones; `None`: all.
        demo_rows: rows to draw where `train` is a world.
    """

    train: str
    media_root: str | None = None
    num_frames: int = 8
    max_pixels: int | None = None
    limit: int | None = None
    demo_rows: int = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSettings:
    """The `rewards` part of a recipe.

    Attributes:
        accuracy: weight of the strict verdict.
        format: weight of the format reward.
        caption: weight of the caption reward; 0 needs no judge.
        length: weight of the penalty on long responses; 0 leaves it out.
        repetition: weight of the penalty on repeated n-grams; 0 leaves it out.
        length_soft: response tokens that are free of the length penalty.
        repetition_span: words of an n-gram.
    """

    accuracy: float = 1.0
    format: float = 0.1
    caption: float = 1.0
    length: float = 0.0
    repetition: float = 0.0
    length_soft: int = 512
    repetition_span: int = 4

    def weights(self) -> dict[str, float]:
        """Weight by reward, those that count."""
        return {name: getattr(self, name) for name in REWARDS if getattr(self, name) != 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """The text-only LLM behind the caption reward.

    Attributes:
        model: `demo`, a folder or hub id of a text-only model, or `openai:MODEL`; `None`: no judge.
        base_url: address of an OpenAI-compatible server.
        cache: folder of its answers; `None`: the harness's cache folder.
        engine: `vllm`, `hf` or `auto`.
    """

    model: str | None = None
    base_url: str | None = None
    cache: str | None = None
    engine: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSettings:
    """Selection by reward variance.

    Attributes:
        enabled: select before training; else all rows are trained on.
        subset: `medium`, the rows with the highest variance; or, of the rest, the `easy` or the `hard` ones.
        keep: share of the rows that counts as medium.
        fixed: rollouts of every prompt (64 in the paper); `None`: adaptive, by the next four.
        first: rollouts of every prompt before any is decided.
        step: rollouts that are added to an undecided prompt at a time.
        most: rollouts after which a prompt is decided by what it has.
        tolerance: expected loss of variance at which a prompt stops (see `trainers.selection.decision`).
        temperature: of the rollouts.
        top_p: nucleus mass of the rollouts.
        engine: `hf`, `vllm` or `auto`.
        batch_size: requests a batch (hf); `None`: the engine's own choice.
    """

    enabled: bool = True
    subset: Subset = "medium"
    keep: float = 0.5
    fixed: int | None = None
    first: int = 8
    step: int = 8
    most: int = 96
    tolerance: float = 0.01
    temperature: float = 1.0
    top_p: float = 1.0
    engine: str = "auto"
    batch_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NtkSettings:
    """The contrastive term.

    Attributes:
        weight: factor on the loss; 0 leaves it out.
        estimator: `exact`, `top_tokens`, `sketch` or `hidden`.
        threshold: similarity at or below which a pair is a positive; `None` where `quantile` is given.
        quantile: the threshold is this quantile of the batch's pairs; `None` where `threshold` is given.
        temperature: tau.
        empty_rows: `skip` or `least_similar`.
        max_tokens: tokens of each sequence that `top_tokens` keeps.
        sketch_size: dimensions of `sketch`.
        chunk_size: columns of the vocabulary that are held at a time: the setting to lower when memory runs out.
    """

    weight: float = 0.01
    estimator: str = "exact"
    threshold: float | None = 0.54
    quantile: float | None = None
    temperature: float = 0.5
    empty_rows: str = "skip"
    max_tokens: int = 64
    sketch_size: int = 256
    chunk_size: int = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSettings:
    """Low-rank adaptation by PEFT.

    Attributes:
        rank: of the update; 0 trains all weights.
        alpha: scale, divided by the rank.
        dropout: on the adapter's input.
        target_modules: names of the layers, or PEFT's `all-linear`.
    """

    rank: int = 0
    alpha: int = 64
    dropout: float = 0.0
    target_modules: str | list[str] = "all-linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSettings:
    """The evaluation after training.

    Attributes:
        tasks: names of tasks; empty: no evaluation.
        data: `hub`, `demo` or a folder; `None`: the world that the training data are of, else `hub`.
        limit: samples a task; `None`: all.
        every: evaluate each checkpoint that is saved, too.
        start: evaluate the checkpoint that training starts from, too.
        engine: `hf`, `vllm` or `auto`.
        num_frames: frames of a video.
        max_new_tokens: token budget; `None`: by prompt format.
        batch_size: requests a batch (hf); `None`: the engine's own choice.
    """

    tasks: list[str] = field(default_factory=list)
    data: str | None = None
    limit: int | None = None
    every: bool = False
    start: bool = False
    engine: str = "auto"
    num_frames: int = 8
    max_new_tokens: int | None = None
    batch_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A whole training run, from the checkpoint it starts from to its evaluation.

    Attributes:
        algorithm: `sft` or `grpo`.
        model: the checkpoint to start from: `demo`, a folder or a hub id.
        output: folder of checkpoints, logs and selection.
        prompt: what the model is asked to write: `direct`, `think` or `grounded`.
        seed: of everything that is drawn.
        data: the training data.
        rewards: what a response earns (grpo).
        judge: of the caption reward (grpo).
        selection: by reward variance (grpo).
        ntk: the contrastive term (grpo).
        lora: low-rank adaptation.
        eval: the evaluation after training.
        max_logprob_gap: mean difference between the log-probabilities of sampling (vLLM) and of scoring at which a run
            stops.
        freeze_vision: train the language model alone.
        conflict_rows: training rows whose similarity is measured before and after training; 0: none.
        train: arguments of TRL's `GRPOConfig` or `SFTConfig` by their own names.
    """

    algorithm: Algorithm
    model: str
    output: str
    data: DataSettings
    prompt: PromptFormat = "grounded"
    seed: int = 0
    rewards: RewardSettings = field(default_factory=RewardSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    ntk: NtkSettings = field(default_factory=NtkSettings)
    lora: LoraSettings = field(default_factory=LoraSettings)
    eval: EvalSettings = field(default_factory=EvalSettings)
    max_logprob_gap: float = 0.05
    freeze_vision: bool = False
    conflict_rows: int = 64
    train: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check what the parts cannot check alone.

        Raises:
            UsageError: names the setting.
        """
        if self.algorithm == "grpo" and self.ntk.weight:
            if not math.isfinite(self.ntk.weight):
                raise UsageError(f"ntk.weight {self.ntk.weight} is not a finite number.")
            if self.ntk.estimator not in ("exact", "top_tokens", "sketch", "hidden"):
                raise UsageError(
                    f"ntk.estimator {self.ntk.estimator!r} does not exist. Choose exact, top_tokens, sketch or hidden."
                )
            check_contrast(
                self.ntk.threshold, self.ntk.quantile, self.ntk.temperature, self.ntk.empty_rows, part="ntk."
            )
        self._check_least()
        if self.seed > _LARGEST_SEED:
            raise UsageError(f"seed {self.seed} is out of range: it must be at most {_LARGEST_SEED}.")
        if not self.max_logprob_gap > 0:
            raise UsageError(f"max_logprob_gap {self.max_logprob_gap} is out of range: it must be above 0.")
        if not 0 <= self.lora.dropout < 1:
            raise UsageError(f"lora.dropout {self.lora.dropout} is out of range: 0 to below 1.")
        if self.algorithm == "grpo" and self.selection.enabled:
            if not self.selection.temperature > 0:  # All rollouts of a prompt would be the same.
                raise UsageError(
                    f"selection.temperature {self.selection.temperature} is out of range: it must be above 0."
                )
            if not 0 < self.selection.top_p <= 1:
                raise UsageError(f"selection.top_p {self.selection.top_p} is out of range: above 0 to 1.")
        for name, engine in (("selection.engine", self.selection.engine), ("eval.engine", self.eval.engine)):
            if engine not in ENGINES:
                raise UsageError(f"{name} {engine!r} does not exist. Choose one of: {', '.join(ENGINES)}.")
        if self.train.get("bits") not in (None, 4, 8, "4", "8"):
            raise UsageError(f"train.bits {self.train['bits']!r} is out of range: 4 or 8.")

    def _check_least(self) -> None:
        for name, value, least in (
            ("seed", self.seed, 0),
            ("data.num_frames", self.data.num_frames, 1),
            ("data.max_pixels", self.data.max_pixels, 1),
            ("data.limit", self.data.limit, 1),
            ("data.demo_rows", self.data.demo_rows, 1),
            ("rewards.repetition_span", self.rewards.repetition_span if self.rewards.repetition else None, 1),
            ("selection.fixed", self.selection.fixed, 2),
            ("selection.batch_size", self.selection.batch_size, 1),
            ("ntk.chunk_size", self.ntk.chunk_size, 1),
            ("ntk.max_tokens", self.ntk.max_tokens, 1),
            ("ntk.sketch_size", self.ntk.sketch_size, 1),
            ("lora.rank", self.lora.rank, 0),
            ("conflict_rows", self.conflict_rows, 0),
            ("eval.limit", self.eval.limit, 1),
            ("eval.num_frames", self.eval.num_frames, 1),
            ("eval.max_new_tokens", self.eval.max_new_tokens, 1),
            ("eval.batch_size", self.eval.batch_size, 1),
        ):
            if value is not None and value < least:
                raise UsageError(f"{name} {value} is out of range: it must be at least {least}.")


def check_contrast(
    threshold: float | None, quantile: float | None, temperature: float, empty_rows: str, *, part: str = ""
) -> None:
    """Check the settings of the contrastive term.

    Args:
        threshold: see `NtkSettings`.
        quantile: see `NtkSettings`.
        temperature: see `NtkSettings`.
        empty_rows: see `NtkSettings`.
        part: what stands before the names in a message.

    Raises:
        UsageError: not exactly one of `threshold` and `quantile`, or a setting out of its range.
    """
    if (threshold is None) == (quantile is None):
        raise UsageError(f"give exactly one of {part}threshold and {part}quantile; set the other to null.")
    if quantile is not None and not 0 < quantile < 1:
        raise UsageError(f"{part}quantile {quantile} is out of range: it must be between 0 and 1.")
    if threshold is not None and not -1 <= threshold <= 1:
        raise UsageError(f"{part}threshold {threshold} is out of range: a cosine is between -1 and 1.")
    if not temperature > 0:
        raise UsageError(f"{part}temperature {temperature} is out of range: it must be above 0.")
    if empty_rows not in ("skip", "least_similar"):
        raise UsageError(f"{part}empty_rows {empty_rows!r} does not exist. Choose skip or least_similar.")
