"""What a checkpoint is, what it is called on a board, and which step of which training run it is."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final, NamedTuple

from harness.reports.text import one_line
from leaderboards.runs import StoredRun

_STEP: Final = re.compile(r"(?i)(?:checkpoint|ckpt|step|global_?step|iter|epoch)[-_]?(\d+)")
_SAYS_NOTHING: Final = frozenset({"final", "model", "checkpoint", "best", "last", "merged", "hf", "weights", "output"})
_FINAL: Final = "final"
"""Name of the last checkpoint of a training."""
_DIGITS: Final = 6
"""Hexadecimal digits that tell apart the few checkpoints of one name."""


class Step(NamedTuple):
    """Where a checkpoint stands in its training run.

    Attributes:
        run: folder of the training run, as the user named it.
        step: its step (or epoch) number.
    """

    run: str
    step: int


def identity(run: StoredRun) -> str:
    """What makes two runs runs of one checkpoint: the content of weights and tokenizer files, not the name.

    A model without weights of its own (behind an API, or recorded) is its name at its address.
    """
    record = run.record
    if record.weights is not None:
        model = record.settings.get("model")
        files = model.get("files") if isinstance(model, Mapping) else None
        return f"{record.weights}|{files or ''}"
    address = (record.settings.get("engine_settings") or {}).get("base_url")
    return f"name:{record.model}|{address or ''}"


def unusual_decoding(settings: Mapping[str, Any]) -> str:
    """How tokens were chosen, where that is not greedily and without more: a checkpoint answers otherwise so."""
    usual = {"repetition_penalty": 1, "temperature": 0}
    if settings.get("temperature"):
        usual |= {"top_p": 1, "top_k": 0}
    told = [str(settings["contrast"])] if settings.get("contrast") else []
    told += [f"{name} {settings[name]}" for name, value in usual.items() if settings.get(name) not in (None, value)]
    return one_line(", ".join(told))


def fingerprint(key: str) -> str | None:
    """The first digits of a checkpoint's weights, as shown on a board; `None` without weights."""
    return None if key.startswith("name:") else short_digest(key.partition("|")[0])


def short_digest(digest: str) -> str:
    """The first digits of a digest: twelve, of which two in a million are hardly ever alike by chance."""
    return digest.removeprefix("sha256:")[:12]


def training_step(model: str) -> Step | None:
    """The step in a name such as `outputs/grpo/checkpoint-300`; `None` where the name tells none."""
    parts = path_parts(model)
    match = _STEP.fullmatch(parts[-1]) if len(parts) > 1 else None
    return None if match is None else Step("/".join(parts[:-1]), int(match[1]))


def last_of_run(model: str) -> tuple[str | None, float]:
    """The training run that a name tells of, and the place of the checkpoint in it: its step, or infinity for the last.

    The run is `None` where the name tells of none.
    """
    step = training_step(model)
    if step is not None:
        return step.run, step.step
    parts = path_parts(model)
    return ("/".join(parts[:-1]), inf) if len(parts) > 1 and parts[-1] == _FINAL else (None, 0.0)


def says_nothing(part: str) -> bool:
    """Whether a part of a path does not tell trainings apart: `final`, `checkpoint-300`."""
    return part.lower() in _SAYS_NOTHING or _STEP.fullmatch(part) is not None


def label_checkpoints(models: Mapping[str, str]) -> dict[str, str]:
    """A short name for each checkpoint, no two alike.

    The end of the path that tells them apart is kept, so that a page does not show where a user keeps his files.
    Checkpoints of one name get the first digits of their weights.

    Args:
        models: identity to the name that the user gave.
    """
    labels: dict[str, str] = {}
    by_name: dict[str, list[str]] = defaultdict(list)
    names = short_names(sorted(set(models.values())))
    for key, model in sorted(models.items()):
        by_name[names[model]].append(key)
    for name, keys in by_name.items():
        for key, suffix in zip(keys, _suffixes(keys), strict=True):
            labels[key] = f"{name} #{suffix}" if suffix else name
    return labels


def short_names(models: Sequence[str]) -> dict[str, str]:
    """The shortest end of each path that says something and differs from the others'; hub ids stay whole."""
    names: dict[str, str] = {}
    pending = {model: _leastpath_parts(model) for model in models}
    while pending:
        tails = {model: "/".join(path_parts(model)[-count:]) for model, count in pending.items()}
        taken = list(names.values()) + list(tails.values())
        longer = {
            model: count + 1
            for model, count in pending.items()
            if taken.count(tails[model]) > 1 and count < len(path_parts(model))
        }
        names.update({model: one_line(tail) for model, tail in tails.items() if model not in longer})
        pending = longer
    return names


def path_parts(model: str) -> list[str]:
    """The parts of a path that name something."""
    return [part for part in re.split(r"[/\\]", model) if part not in ("", ".", "..", "~")] or [model]


def _leastpath_parts(model: str) -> int:
    parts = path_parts(model)
    if len(parts) == 2 and not model.startswith(("/", ".", "~")):
        return 2
    return 2 if says_nothing(parts[-1]) else 1


def _suffixes(keys: Sequence[str]) -> list[str]:
    """Hexadecimal digits that tell checkpoints of one name apart; empty where the name is enough."""
    if len(keys) == 1:
        return [""]
    shown = [fingerprint(key) or "" for key in keys]
    if len({digits[:_DIGITS] for digits in shown}) == len(keys):
        return [digits[:_DIGITS] for digits in shown]
    # The same weights with another tokenizer or template, or the same name at another address.
    return [hashlib.sha256(key.encode()).hexdigest()[:_DIGITS] for key in keys]
