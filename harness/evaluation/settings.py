"""What one evaluation is asked to do, checked before anything slow happens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.core.files import to_path
from harness.core.formats import is_own
from harness.core.plugins import plugins
from harness.core.prompts import AUTO, FORMATS, take_apart
from harness.engines.contrasts import read_contrast

DEFAULT_MAX_NEW_TOKENS: Final[Mapping[str, int]] = {"direct": 128, "think": 1024, "grounded": 1536}
"""Token budget of a response by prompt format."""
Texts = str | Path | Iterable[str | Path]
"""Names, or names with commas between them; that of a table may be a path."""
MAX_INT: Final = 2**63 - 1
"""What JSON, seeds and tensors of others hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalConfig:
    """The settings of one evaluation.

    Attributes:
        model: local folder, hub id, or `demo`.
        tasks: plain task names, in the order of the report.
        data: `hub`, a world (`demo`), a folder, or `None`: its world for a checkpoint that comes with one, else `hub`;
            for a task of lmms-eval's kind what its YAML names.
        prompt: `direct`, `think`, `grounded`, a format of the user's (a YAML file, or a name that a package has, see
            `harness.core.formats`), or `auto`: what the checkpoint was trained with, else `direct`. With `-letters`,
            yes/no questions are asked as options with letters; `letters` alone is `auto-letters`. Tasks of lmms-eval's
            kind have prompts of their own.
        engine: a name of `harness.engines.ENGINES`, or `auto`.
        engine_options: keyword settings of the engine.
        out: the run folder; `None`: named after model and settings under `runs/`.
        limit: samples per task at least, in whole pairs and rotation groups; below 1 the share of them; `None`: all.
        seed: of sampling and of the choice that `limit` makes.
        num_frames: frames per video.
        max_new_tokens: token budget of a response; `None`: what a task of lmms-eval's kind asks for, else by prompt
            format.
        temperature: 0 is greedy.
        top_p: nucleus mass when sampling.
        top_k: how many of the most probable tokens are drawn from when sampling; 0: all.
        repetition_penalty: on tokens that are there already, prompt included; 1 is none.
        decoding: a method of contrastive decoding, see `harness.engines.contrasts`; `None`: there is none.
        system_prompt: text of a system's turn before each question; `None`: none but what the prompt format or
            the chat template has.
        repeats: how often every question is asked in all; above 1 with the seeds that follow.
        blind: `grey` or `withheld`: ask without showing the media; `None`: show them.
        judge: `openai:MODEL`, `hf:CHECKPOINT` or `vllm:CHECKPOINT`, which reads and settles answers that the rules
            cannot; `None`: they stay unsettled.
        judge_base_url: its OpenAI-compatible server.
        judge_api_key_env: environment variable that holds that server's key; `None`: `OPENAI_API_KEY` for the address
            that it goes with, and no key for any other.
        audit: answers of each kind of question that rules read and the judge is asked about, at most.
        max_failures: failed samples that are tolerated before the exit code becomes 1.
        fresh: start over in a folder that holds a run.
        tasks_dir: folder of tasks beside the harness's own; `None`: there is none.
        allow_outside: folders that media may be in besides the data's own.
        revision: revision of a hub checkpoint.
        trust_remote_code: run Python code that comes with the checkpoint, where it has any.
    """

    model: str
    tasks: tuple[str, ...]
    data: str | None = None
    prompt: str = "auto"
    engine: str = "auto"
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    out: Path | None = None
    limit: float | None = None
    seed: int = 0
    num_frames: int = 8
    max_new_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    decoding: str | None = None
    system_prompt: str | None = None
    repeats: int = 1
    blind: str | None = None
    judge: str | None = None
    judge_base_url: str | None = None
    judge_api_key_env: str | None = None
    audit: int = 100
    max_failures: int = 0
    fresh: bool = False
    tasks_dir: Path | None = None
    allow_outside: tuple[Path, ...] = ()
    revision: str | None = None
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without looking at files, and write numbers and paths in one way.

        The name of a run's folder has a digest of its settings, in which 20 and 20.0 are two.

        Raises:
            UsageError: a setting is out of its range, or a path's home folder does not exist.
        """
        asked_in, _ = take_apart(self.prompt)
        if asked_in not in (*FORMATS, AUTO) and not is_own(asked_in):
            raise UsageError(
                f"prompt {self.prompt!r} does not exist. Choose one of: {', '.join((*FORMATS, *plugins('formats')))}, "
                "auto, FILE.yaml, each also as FORMAT-letters: yes/no questions as A and B."
            )
        if not self.tasks:
            raise UsageError("no task named. Give --tasks NAME,...; 'harness tasks' lists them.")
        repeated = sorted({task for task in self.tasks if self.tasks.count(task) > 1})
        if repeated:
            raise UsageError(f"task {repeated[0]!r} is named twice in --tasks.")
        for name, value, least in (
            ("--num-frames", self.num_frames, 1),
            ("--max-new-tokens", self.max_new_tokens, 1),
            ("--repeats", self.repeats, 1),
            ("--seed", self.seed, 0),
            ("--top-k", self.top_k, 0),
            ("--max-failures", self.max_failures, 0),
            ("--audit", self.audit, 0),
        ):
            if value is not None and not least <= value <= MAX_INT:
                what = f"at least {least}" if value < least else f"at most {MAX_INT}"
                raise UsageError(f"{name} {value} is out of range: it must be {what}.")
        for name, value in self.engine_options.items():
            if isinstance(value, int) and abs(value) > MAX_INT:
                raise UsageError(f"--{name.replace('_', '-')} {value} is out of range: it must have at most 64 bits.")
        if self.limit is not None and not (0 < self.limit < 1 or (self.limit >= 1 and self.limit % 1 == 0)):
            raise UsageError(
                f"--limit {self.limit} is out of range: it must be a number of samples, or a share between 0 and 1."
            )
        if self.judge is None and (self.judge_base_url, self.judge_api_key_env) != (None, None):
            raise UsageError("--judge-base-url and --judge-api-key-env need --judge openai:MODEL.")
        if not 0 <= self.temperature < math.inf:
            raise UsageError(f"--temperature {self.temperature} is out of range: it must be 0 (greedy) or above.")
        if self.repeats > 1 and self.temperature == 0:
            raise UsageError(
                f"--repeats {self.repeats} needs --temperature above 0: greedy responses are all the same."
            )
        if self.decoding is not None:
            read_contrast(self.decoding)
            if self.blind == "withheld":
                raise UsageError(
                    "--decoding compares what is shown with what is not: with --blind withheld, nothing is."
                )
        if self.blind not in (None, "grey", "withheld"):
            raise UsageError(f"--blind {self.blind!r} does not exist. Choose one of: grey, withheld.")
        if not 0 < self.repetition_penalty < math.inf:
            raise UsageError(f"--repetition-penalty {self.repetition_penalty} is out of range: it must be above 0.")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p {self.top_p} is out of range: it must be above 0 and at most 1.")
        options = dict(self.engine_options)
        if options.get("responses") is not None:
            options["responses"] = to_path(options["responses"])
        written: dict[str, Any] = {
            "allow_outside": tuple(map(to_path, self.allow_outside)),
            "engine_options": options,
            **{name: to_path(path) for name in ("out", "tasks_dir") if (path := getattr(self, name)) is not None},
            **{name: float(getattr(self, name)) for name in ("temperature", "top_p", "repetition_penalty")},
            "limit": int(self.limit) if self.limit is not None and self.limit >= 1 else self.limit,
        }
        for name, value in written.items():
            object.__setattr__(self, name, value)


def read_config(settings: Mapping[str, Any]) -> EvalConfig:
    """Settings of an evaluation, of the types that they have.

    Raises:
        UsageError: one is not known, of another type, or out of its range.
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    try:
        return TypeAdapter(tuple[EvalConfig], config=ConfigDict(extra="forbid")).validate_python((settings,))[0]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"][1:]))
        raise UsageError(f"setting {name!r}: {first['msg']}. See harness.evaluation.settings.EvalConfig.") from error


def read_names(texts: Texts) -> tuple[str, ...]:
    """Names, one by one.

    Raises:
        UsageError: one is no text and no path.
    """
    parts = texts.split(",") if isinstance(texts, str) else listed(texts)
    if not all(isinstance(part, str | Path) for part in parts):
        raise UsageError(f"{texts!r} are not all names.")
    return tuple(name for part in parts if (name := str(part).strip()))


def listed(given: Any) -> list[Any]:
    """What may be one or several, as a list."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
