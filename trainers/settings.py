"""What a recipe can say: a frozen pydantic model a part, which knows its types and ranges.

Ranges are checked whether a part is used or not; what parts must be to each other, where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import Field, model_validator

from harness.core.types import PromptFormat
from harness.engines import VideoAs
from trainers.method_settings import DynamicSamplingSettings, NoisyRolloutSettings, PapoSettings, TGrpoSettings
from trainers.part import Count, Part
from trainers.reward_settings import AccuracySettings, CaptionSettings, JudgeSettings, RewardSettings

if TYPE_CHECKING:
    from harness.engines.checkpoints import Checkpoint

POLICY: Final = "policy"
"""The name of the judge that is the model itself."""
Algorithm = Literal["sft", "grpo"]
Subset = Literal["medium", "easy", "hard"]
Engine = Literal["auto", "hf", "vllm"]
"""Engines that a selection or an evaluation can name."""
Estimator = Literal["exact", "top_tokens", "hidden"]
EmptyRows = Literal["skip", "least_similar"]


class DataSettings(Part):
    """The training data.

    Attributes:
        train: a JSONL file in the schema of `trainers.data.schema`, or a world (`demo`): drawn from it.
        media_root: what media paths are relative to, and must not lead out of; `None`: the file's folder.
        allow_outside: folders that media may be in besides.
        num_frames: frames of a video.
        video_as: how videos are shown: `native`, or `frames`, an image a frame; `None`: natively where the family has
            videos, as in an evaluation.
        max_pixels: cap on the pixels of an image or frame; `None`: what the processor says.
        limit: rows to use, the first ones; `None`: all.
        demo_rows: rows to draw where `train` is a world.
        demo_videos: share of them that is about videos.
    """

    train: str
    media_root: str | None = None
    allow_outside: list[str] = Field(default=[])
    num_frames: Count = 8
    video_as: VideoAs | None = None
    max_pixels: Count | None = None
    limit: Count | None = None
    demo_rows: Count = 2000
    demo_videos: float = Field(default=0.0, ge=0, le=1)


class SelectionSettings(Part):
    """Selection by reward variance.

    Attributes:
        enabled: select before training; else all rows are trained on.
        subset: `medium`, the rows with the highest variance; or, of the rest, the `easy` or the `hard` ones.
        keep: share of the rows that counts as medium.
        fixed: rollouts of every prompt (64 in the paper); `None`: adaptive, by the next four.
        first: rollouts of every prompt before any is decided.
        step: rollouts that are added to an undecided prompt at a time.
        most: rollouts after which a prompt is decided by what it has.
        tolerance: expected loss of variance at which a prompt stops, as a share of the mean variance of what is kept
            (see `trainers.selection.decision`); 0 never stops early.
        temperature: of the rollouts.
        top_p: nucleus mass of the rollouts.
        engine: `hf`, `vllm` or `auto`.
        batch_size: requests a batch (hf); `None`: the engine's own choice.
    """

    enabled: bool = True
    subset: Subset = "medium"
    keep: float = Field(default=0.5, gt=0, le=1)
    fixed: int | None = Field(default=None, ge=2)
    first: int = Field(default=8, ge=2)
    step: Count = 8
    most: int = 96
    tolerance: float = Field(default=0.01, ge=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)  # At 0 all rollouts of a prompt would be the same.
    top_p: float = Field(default=1.0, gt=0, le=1)
    engine: Engine = "auto"
    batch_size: Count | None = None

    @model_validator(mode="after")
    def _can_stop(self) -> Self:
        if self.first > self.most:
            raise ValueError(f"selection.first {self.first} is above selection.most {self.most}")
        return self

    def targets(self) -> list[int]:
        """Rollouts that an undecided prompt has after each round, ascending."""
        if self.fixed is not None:
            return [self.fixed]
        return [*range(self.first, self.most, self.step), self.most] if self.tolerance else [self.most]


class NtkSettings(Part):
    """The contrastive term.

    Attributes:
        weight: factor on the loss; 0 leaves it out.
        estimator: `exact`, `top_tokens` or `hidden`.
        threshold: similarity at or below which a pair is a positive; `None` where `quantile` is given.
        quantile: the threshold is this quantile of the batch's pairs; `None` where `threshold` is given.
        temperature: tau.
        empty_rows: `skip` or `least_similar`.
        max_tokens: tokens of each sequence that `top_tokens` keeps: at least those that the model is not sure of.
        chunk_size: columns of the vocabulary that are held at a time: the setting to lower when memory runs out.
    """

    weight: float = 0.01
    estimator: Estimator = "exact"
    threshold: float | None = Field(default=0.54, ge=-1, le=1)
    quantile: float | None = Field(default=None, gt=0, lt=1)
    temperature: float = Field(default=0.5, gt=0)
    empty_rows: EmptyRows = "skip"
    max_tokens: Count = 256
    chunk_size: Count = 16384


class LoraSettings(Part):
    """Low-rank adaptation by PEFT.

    Attributes:
        rank: of the update; 0 trains all weights.
        alpha: scale, divided by the rank; at 0 nothing would be trained.
        dropout: on the adapter's input.
        target_modules: a list of names of layers, a regular expression of their whole names, or PEFT's `all-linear`.
    """

    rank: int = Field(default=0, ge=0)
    alpha: int = Field(default=64, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: str | list[str] = "all-linear"


class EvalSettings(Part):
    """The evaluation after training.

    Attributes:
        tasks: names of tasks; empty: no evaluation.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        data: `hub`, `demo` or a folder; `None`: the world that the training data are of, else `hub`.
        limit: samples a task; `None`: all.
        every: evaluate each checkpoint that is saved, too.
        every_steps: evaluate the model while it is trained, before the first step and after every so many; `None`: do
            not.
        while_limit: samples a task of these evaluations; `None`: `limit`.
        best: a figure, `TASK:metric`, by which the best of these checkpoints is kept; `None`: none is.
        patience: evaluations without a better one after which training stops; `None`: it goes on.
        start: evaluate the checkpoint that training starts from, too.
        engine: `hf`, `vllm` or `auto`.
        num_frames: frames of a video.
        max_new_tokens: token budget; `None`: by prompt format.
        batch_size: requests a batch (hf); `None`: the engine's own choice.
    """

    tasks: list[str] = Field(default=[])
    tasks_dir: str | None = None
    data: str | None = None
    limit: Count | None = None
    every: bool = False
    every_steps: Count | None = None
    while_limit: Count | None = None
    best: str | None = None
    patience: Count | None = None
    start: bool = False
    engine: Engine = "auto"
    num_frames: Count = 8
    max_new_tokens: Count | None = None
    batch_size: Count | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.every_steps is None and (self.while_limit, self.best, self.patience) != (None, None, None):
            raise ValueError("eval.while_limit, eval.best and eval.patience are about eval.every_steps: set it")
        if self.every_steps is not None and not self.tasks:
            raise ValueError("eval.every_steps: there is nothing to ask. Set eval.tasks, or eval.every_steps=null")
        if self.patience is not None and self.best is None:
            raise ValueError("eval.patience waits for a better eval.best: set it to TASK:metric")
        return self


class Recipe(Part):
    """A whole training run, from the checkpoint it starts from to its evaluation.

    Attributes:
        algorithm: `sft` or `grpo`.
        model: the checkpoint to start from: `demo`, a folder or a hub id.
        trust_remote_code: run Python code that comes with it, where it has any.
        output: folder of checkpoints, logs and selection.
        prompt: what the model is asked to write: `direct`, `think` or `grounded`.
        seed: of everything that is drawn.
        data: the training data.
        rewards: what a response earns (grpo).
        accuracy: how the accuracy reward is given.
        caption: how the caption reward is given.
        judge: of captions and facts (grpo).
        selection: by reward variance (grpo).
        ntk: the contrastive term (grpo).
        dynamic_sampling: sampling again where there is no signal (grpo).
        papo: the policy pushed away from itself with the image masked (grpo).
        t_grpo: bonuses by what shuffled frames do to answers (grpo).
        noisy_rollout: half of a group sampled on noised images (grpo).
        lora: low-rank adaptation.
        eval: the evaluation after training.
        max_rollouts: training ends with the step in which so many responses have been sampled (grpo); `None`: by its
            steps alone.
        max_logprob_gap: mean difference between the log-probabilities of sampling (vLLM) and of scoring at which a run
            stops.
        kl_schedule: how the weight of the KL term goes on from `train.beta`: `constant`, or `cosine`, falling to 0.
        freeze_vision: train the language model alone.
        conflict_rows: training rows whose similarity is measured before and after training; 0: none.
        train: arguments of TRL's `GRPOConfig` or `SFTConfig` by their own names.
        stages: trainings one after the other, each from the end of the one before: what each sets otherwise.
    """

    algorithm: Algorithm
    model: str
    trust_remote_code: bool = False
    output: str
    prompt: PromptFormat = "grounded"
    seed: int = Field(default=0, ge=0, le=2**32 - 1)  # NumPy's generators take no more.
    data: DataSettings
    rewards: RewardSettings = RewardSettings()
    accuracy: AccuracySettings = AccuracySettings()
    caption: CaptionSettings = CaptionSettings()
    judge: JudgeSettings = JudgeSettings()
    selection: SelectionSettings = SelectionSettings()
    ntk: NtkSettings = NtkSettings()
    dynamic_sampling: DynamicSamplingSettings = DynamicSamplingSettings()
    papo: PapoSettings = PapoSettings()
    t_grpo: TGrpoSettings = TGrpoSettings()
    noisy_rollout: NoisyRolloutSettings = NoisyRolloutSettings()
    lora: LoraSettings = LoraSettings()
    eval: EvalSettings = EvalSettings()
    max_rollouts: Count | None = None
    max_logprob_gap: float = Field(default=0.05, gt=0)
    kl_schedule: Literal["constant", "cosine"] = "constant"
    freeze_vision: bool = False
    conflict_rows: int = Field(default=64, ge=0)
    train: dict[str, Any] = Field(default={})
    stages: list[dict[str, Any]] = Field(default=[])

    @property
    def selects(self) -> bool:
        """Whether rows are selected before training."""
        return self.algorithm == "grpo" and self.selection.enabled

    @property
    def needs_judge(self) -> bool:
        """Whether a reward asks a judge."""
        return self.algorithm == "grpo" and bool(self.rewards.judged)

    def kept(self, rows: int) -> int:
        """Most rows that are trained on, of so many."""
        if not self.selects:
            return rows
        medium = round(self.selection.keep * rows)
        return medium if self.selection.subset == "medium" else rows - medium

    def resolve_model(self) -> Checkpoint:
        """The checkpoint to start from.

        Raises:
            ModelError: see `harness.engines.checkpoints.resolve_checkpoint`.
        """
        from harness.engines.checkpoints import resolve_checkpoint

        return resolve_checkpoint(self.model, trust_remote_code=self.trust_remote_code, sees=True)

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.algorithm == "grpo" and self.ntk.weight and (self.ntk.threshold is None) == (self.ntk.quantile is None):
            raise ValueError("give exactly one of ntk.threshold and ntk.quantile; set the other to null")
        return self
