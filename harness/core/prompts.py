"""Prompt formats: what is appended to a question, and how options are written.

`direct` asks for the answer alone, `think` for `<think>` and `<answer>`, `grounded` for the four sections of the
method: `<planning> <caption> <think> <answer>`. Responses are taken apart again by `harness.answers.sections`. In any
of them, a run may ask yes/no questions as options with letters, `A. yes` and `B. no`: `think-letters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

from harness.core.errors import UsageError
from harness.core.types import AnswerKind, PromptFormat, Sample

FORMATS: Final[tuple[PromptFormat, ...]] = ("direct", "think", "grounded")
Section = Literal["planning", "caption", "think", "answer"]
SECTIONS: Final[Mapping[PromptFormat, tuple[Section, ...]]] = {
    "direct": (),
    "think": ("think", "answer"),
    "grounded": ("planning", "caption", "think", "answer"),
}
"""Sections that a format asks for, in order."""
AUTO: Final = "auto"
"""Stands for the format that a checkpoint was trained with, else `direct`."""
LETTERS: Final = "letters"
OWN: Final = "own"
"""Stands in a run's record for the prompt of a task that brings its own and knows no formats."""

_DIRECT: Final[Mapping[AnswerKind, str]] = {
    "yes_no": "Answer the question using yes or no.",
    "choice": "Answer with the option's letter from the given choices directly.",
    "open": "Answer the question using a single word or phrase.",
    "caption": "",
}
FINAL: Final[Mapping[AnswerKind, str]] = {
    "yes_no": "yes or no",
    "choice": "the letter of the right option",
    "open": "a single word or phrase",
    "caption": "the description",
}
"""What answers a question of each kind."""
_SUMMARY: Final = "a single word or phrase"
"""A grounded response describes in its caption, so that its answer to a request for a description sums it up."""
_THINK: Final = (
    "First reason step by step between <think> and </think>, then give {final} between <answer> and </answer>."
)
_GROUNDED: Final = (
    "First plan between <planning> and </planning> what to look for, then describe between <caption> and </caption> "
    "what is seen, so that the question can be answered from the description alone, then reason from it between "
    "<think> and </think>, and last give {final} between <answer> and </answer>."
)


def take_apart(prompt: str) -> tuple[str, bool]:
    """The format of a prompt's name, and whether yes/no questions are asked as letters; `letters` is `auto-letters`."""
    if prompt == LETTERS:
        return AUTO, True
    return prompt.removesuffix(f"-{LETTERS}"), prompt.endswith(f"-{LETTERS}")


def with_letters(sample: Sample) -> Sample:
    """A yes/no question as one between the options `A. yes` and `B. no`; any other as it is."""
    return replace(sample, choices={"A": "yes", "B": "no"}) if sample.answer_kind == "yes_no" else sample


def instruction(prompt_format: PromptFormat, answer_kind: AnswerKind) -> str:
    """The instruction that ends a prompt; a request for a description needs none to be answered directly.

    Raises:
        UsageError: `prompt_format` is not one of `FORMATS`.
    """
    if prompt_format == "direct":
        return _DIRECT[answer_kind]
    if prompt_format == "think":
        return _THINK.format(final=FINAL[answer_kind])
    if prompt_format == "grounded":
        return _GROUNDED.format(final=_SUMMARY if answer_kind == "caption" else FINAL[answer_kind])
    raise UsageError(f"prompt format {prompt_format!r} does not exist. Choose one of: {', '.join(FORMATS)}, auto.")


def build_prompt(sample: Sample, prompt_format: PromptFormat) -> str:
    """The text that follows a sample's media: question, options one a line, instruction.

    A hint or context column is part of `sample.question` already (see `tasks/`).
    """
    lines = [sample.question.strip(), *option_lines(sample)]
    lines.append(instruction(prompt_format, "choice" if sample.as_letters else sample.answer_kind))
    return "\n".join(filter(None, lines))


def option_lines(sample: Sample) -> list[str]:
    """The options of a question as they are written; none where it has none."""
    return [f"{letter}. {text}" for letter, text in (sample.choices or {}).items()]
