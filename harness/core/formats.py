"""Prompt formats of one's own: a YAML file, or a mapping with the same fields that an installed package names.

    instruction: "Look twice, then give {final} between <answer> and </answer>."
    sections: [think, answer]

or with a text for each kind of question (`yes_no`, `choice`, `open`, `caption`), a `template` around it, a `system`
prompt and a budget. A format's name in a run ends with a digest of all of it: two texts are two formats, whatever they
are called.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from string import Formatter
from typing import Any, Final, get_args

from harness.core.errors import UsageError
from harness.core.plugins import load_plugin, plugins, refuse_own_names
from harness.core.prompts import AUTO, FINAL, FORMATS, LETTERS, OWN, Section, build_prompt, option_lines
from harness.core.reading import decode, parse_yaml, read_text
from harness.core.types import AnswerKind, PromptFormat, Sample

_TEMPLATE: Final = "{question}\n{options}\n{instruction}"
_OURS: Final = (*FORMATS, AUTO, LETTERS, OWN)
_KINDS: Final = tuple(FINAL)
_NAME: Final = re.compile(r"[A-Za-z][\w-]*")
_TAG: Final = re.compile(r"</?\s*(planning|prethink|caption|think|answer)\s*>", re.IGNORECASE)
_ADVICE: Final = "See 'Prompt formats of your own' in docs/scoring.md."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFormat:
    """A prompt format of the user's.

    Attributes:
        name: in runs, with a digest of the rest: `mine@0a1b2c3d`.
        template: the text that follows a sample's media: `{question}`, `{options}`, one a line, `{instruction}`.
        instruction: by kind of question; `{final}` stands for what answers such a question.
        sections: that a response is to have, in order: what diagnostics hold it to.
        system: of a system's turn before each question; `None`: there is none.
        max_new_tokens: token budget of a response; `None`: that of the format of ours with such sections.
    """

    name: str
    template: str = _TEMPLATE
    instruction: Mapping[AnswerKind, str]
    sections: Sequence[Section] = ()
    system: str | None = None
    max_new_tokens: int | None = None

    @property
    def like(self) -> PromptFormat:
        """The format of ours whose responses are about as long."""
        return "grounded" if "caption" in self.sections else "think" if "think" in self.sections else "direct"


def is_own(prompt: str) -> bool:
    """Whether the name of a format, without `-letters`, is that of a file or of a package's; no file is read."""
    return prompt.endswith((".yaml", ".yml")) or (prompt not in _OURS and prompt in plugins("formats"))


def find_format(prompt: str) -> OwnFormat:
    """The format that a file or an installed package holds.

    Raises:
        UsageError: it cannot be read, or does not hold a format; says which field.
    """
    refuse_own_names("formats", _OURS)
    if prompt in plugins("formats"):
        return make_format(prompt, load_plugin(plugins("formats")[prompt], "formats"), prompt)
    path = Path(prompt).expanduser()
    try:
        written = parse_yaml(read_text(path), unique=True)
    except (OSError, ValueError) as error:
        raise UsageError(f"prompt format {path} cannot be read: {error}. {_ADVICE}") from error
    return make_format(path.stem, written, str(path))


def make_format(name: str, written: Any, place: str) -> OwnFormat:
    """A format of what is written of it.

    Args:
        name: of the format.
        written: its fields.
        place: for errors.

    Raises:
        UsageError: a field is unknown, of another type, or does not fit the others.
    """

    def refuse(what: str) -> UsageError:
        return UsageError(f"prompt format {place}: {what}. {_ADVICE}")

    if not _NAME.fullmatch(name) or name.endswith(f"-{LETTERS}") or name in _OURS:
        raise refuse(f"{name!r} cannot be its name: letters, digits, _ and -, and none of ours")
    if not isinstance(written, Mapping):
        raise refuse("it holds no fields such as 'instruction'")
    if "name" in written:
        raise refuse("name is no field of it")
    given = written.get("instruction", "")
    if isinstance(given, str):
        given = dict.fromkeys(_KINDS, given)
    elif isinstance(given, Mapping):
        given = {"caption": "", **given}
    try:
        made = decode(OwnFormat, {**written, "name": name, "instruction": given})
        parsed = [part for part in Formatter().parse(made.template) if part[1] is not None]
    except ValueError as error:
        raise refuse(str(error)) from error
    if missing := [kind for kind in _KINDS if kind not in made.instruction]:
        raise refuse(f"instruction has no text for {', '.join(missing)}; give one for each kind, or one for all")
    if changed := [name for _, name, spec, conversion in parsed if spec or conversion]:
        raise refuse(f"template: {{{changed[0]}}} stands as it is, without ! and : behind its name")
    used = {name for _, name, _, _ in parsed if name is not None}
    known = {"question", "options", "instruction"}
    if unknown := sorted(used - known):
        raise refuse(
            f"template: {{{unknown[0]}}} is not known, only {', '.join(sorted(known))}; write {{{{ for a brace"
        )
    if lost := [name for name in ("question", "options") if name not in used]:
        raise refuse(f"template lacks {{{lost[0]}}}, without which it would not be asked")
    if any(made.instruction.values()) != ("instruction" in used):
        raise refuse("an instruction needs {instruction} in the template, and the other way round")
    texts = " ".join([made.template, made.system or "", *made.instruction.values()])
    told = {tag.lower().replace("prethink", "planning") for tag in _TAG.findall(texts)}
    if (order := [section for section in get_args(Section) if section in made.sections]) != list(made.sections):
        raise refuse(f"sections are read once and in the order {', '.join(get_args(Section))}")
    if untold := [section for section in order if section not in told]:
        raise refuse(f"sections has {untold[0]}, and no text of the format says <{untold[0]}>")
    if unread := sorted(told - set(order)):
        raise refuse(f"its texts say <{unread[0]}>, and sections has no {unread[0]}")
    if order and order[-1] != "answer":
        raise refuse("sections does not end with answer, which is what is scored")
    if made.max_new_tokens is not None and made.max_new_tokens < 1:
        raise refuse(f"max_new_tokens is {made.max_new_tokens}, and must be at least 1")
    made = replace(made, sections=order)
    digest = hashlib.sha256(json.dumps(asdict(made), sort_keys=True).encode()).hexdigest()
    return replace(made, name=f"{name}@{digest[:8]}")


def ask(sample: Sample, prompt_format: PromptFormat | OwnFormat) -> str:
    """The text that follows a sample's media, in a format of ours or of one's own."""
    if not isinstance(prompt_format, OwnFormat):
        return build_prompt(sample, prompt_format)
    kind: AnswerKind = "choice" if sample.as_letters else sample.answer_kind
    parts = {
        "question": sample.question.strip(),
        "options": "\n".join(option_lines(sample)),
        "instruction": prompt_format.instruction[kind].replace("{final}", FINAL[kind]),
    }
    asked, is_empty = "", False
    for literal, name, _, _ in Formatter().parse(prompt_format.template):
        asked += literal.removeprefix("\n") if is_empty else literal  # Of a part without a text no empty line.
        text = "" if name is None else parts[name]
        asked, is_empty = asked + text, name is not None and not text
    return asked.strip()
