"""What a recipe can say of rewards, and of the judge that some of them ask."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from harness.core.secrets import hide_credentials
from trainers.part import Count, Part


class RewardSettings(Part, extra="allow"):
    """The `rewards` part of a recipe: beside these, `module:function` of a user's own, with its weight.

    Attributes:
        accuracy: weight of the strict verdict.
        format: weight of the format reward.
        caption: weight of the caption reward, which asks the judge.
        hard_format: weight of the format and the right answer at once (Vision-R1).
        key_steps: weight of the share of a row's key steps in the reasoning (StepRAR of R1-VL).
        step_validity: weight of steps in order, with all that belongs to them (StepRVR of R1-VL).
        visual_facts: weight of the share of a row's facts that the judge finds (Perception-R1).
        length: weight of the penalty on long responses; 0 leaves it out.
        repetition: weight of the penalty on repeated n-grams; 0 leaves it out.
        length_soft: response tokens that are free of the length penalty.
        repetition_span: words of an n-gram.
    """

    __pydantic_extra__: dict[str, float] = Field(init=False)
    accuracy: float = 1.0
    format: float = 0.1
    caption: float = 1.0
    hard_format: float = 0.0
    key_steps: float = 0.0
    step_validity: float = 0.0
    visual_facts: float = 0.0
    length: float = 0.0
    repetition: float = 0.0
    length_soft: int = 512
    repetition_span: Count = 4

    @property
    def judged(self) -> list[str]:
        """The rewards that count and ask the judge, by the names of their settings."""
        return [f"rewards.{name}" for name in ("caption", "visual_facts") if getattr(self, name)]

    def weights(self) -> dict[str, float]:
        """Weight by reward, those that count."""
        weights = self.model_dump(exclude={"length_soft", "repetition_span"})
        return {name: weight for name, weight in weights.items() if weight != 0}


class AccuracySettings(Part):
    """How the accuracy reward is given.

    Attributes:
        graded: rows with a `grade` earn a share of 1 for what is nearly right; else all are right or wrong.
    """

    graded: bool = False


class CaptionSettings(Part):
    """How the caption reward is given.

    Attributes:
        minus_blind: less what the judge is right about without a caption (-1 to 1); else 1 or 0, see
            `trainers.rewards.functions.caption_reward`.
    """

    minus_blind: bool = True


class JudgeSettings(Part):
    """The text-only LLM behind the caption reward and that for visual facts.

    Attributes:
        model: `demo`, a folder or hub id of a text-only model, or `openai:MODEL`; `policy`: the model that is trained,
            without the picture; `None`: no judge.
        base_url: address of an OpenAI-compatible server.
        api_key_env: environment variable that holds the server's key; `None`: `OPENAI_API_KEY` where no address is
            named, and no key for any other.
        cache: folder of its answers; `None`: the harness's cache folder.
        engine: `vllm`, `hf` or `auto`.
        gpu_share: share of the memory of the first training GPU that its server takes; 0: it runs elsewhere.
    """

    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    cache: str | None = None
    engine: str = "auto"
    gpu_share: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _holds_no_secret(self) -> Self:
        if self.base_url is not None and hide_credentials(self.base_url) != self.base_url:
            raise ValueError(
                "judge.base_url holds a password or a key, which would be stored with the recipe: name the variable "
                "that holds it in judge.api_key_env, or put the whole address into OPENAI_BASE_URL"
            )
        return self
