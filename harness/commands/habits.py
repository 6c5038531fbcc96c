"""What to type here for the options of lmms-eval and lm-evaluation-harness, and for those that are nearly right."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_ALWAYS: Final = "every sample is always kept, in the run folder: leave it out"
_ELSEWHERE: Final[Mapping[str, str]] = {
    "--apply-chat-template": "a checkpoint's own chat template is always used: leave it out",
    "--cache-requests": "a run goes on where it was: type the same command again",
    "--check-integrity": "here 'harness doctor'",
    "--fewshot-as-multiturn": "there are no examples in prompts: leave it out",
    "--gen-kwargs": "here --temperature, --top-p and --max-new-tokens",
    "--include-path": "here --tasks-dir DIR",
    "--log-samples": _ALWAYS,
    "--log-samples-suffix": _ALWAYS,
    "--max-batch-size": "here --batch-size",
    "--model-args": "here --model CKPT, with --dtype, --device-map, --max-pixels and others, or --engine-arg KEY=VALUE",
    "--num-fewshot": "there are no examples in prompts: leave it out",
    "--output": "here --out DIR",
    "--output-path": "here --out DIR",
    "--predict-only": "responses are always kept, and 'harness score --from-run RUN' scores them again: leave it out",
    "--show-config": "here 'harness tasks', and config.json in the run folder",
    "--use-cache": "a run goes on where it was: type the same command again",
    "--trackio-args": "here --track trackio; its own variables say the project",
    "--verbosity": "there is one: leave it out",
    "--wandb-args": "here --track wandb; its own variables, such as WANDB_PROJECT, say where to",
    "--write-out": _ALWAYS,
}
"""Options of `lmms-eval` and `lm_eval` that have another name here, or none."""


def with_hyphens(argument: str) -> str:
    """An option as it is written here: `--batch_size=8` is `--batch-size=8`."""
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def explain_unknown(parser: argparse.ArgumentParser, rest: Iterable[str]) -> str:
    """What to type for arguments that a command does not have, in words; the values of such options are left out."""
    own = list(_options(parser))
    options = [text.partition("=")[0] for text in rest if text.startswith("-")]
    told = []
    for option in options or rest:
        near = difflib.get_close_matches(option, own, n=1, cutoff=0.7)
        told.append(f"{option}: {_ELSEWHERE.get(option) or (f'did you mean {near[0]}?' if near else 'not known')}")
    return "; ".join(told)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _options(command)
