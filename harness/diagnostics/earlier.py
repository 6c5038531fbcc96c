"""What earlier diagnoses of a run were given, so that a later one without it keeps what they found.

`judged.json` in the run folder holds the answers of the caption judge; `diagnostics.json` the other runs and the
annotations, by their paths from the run folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from harness.core.errors import HarnessError, StoreError
from harness.core.files import write_atomically
from harness.core.types import JudgeQuestion
from harness.diagnostics.run_folder import read_stored, read_unchecked

if TYPE_CHECKING:
    from harness.judges.caption import CaptionJudge

JUDGED: Final = "judged.json"
_SCHEMA_VERSION: Final = 1
_Found = TypeVar("_Found")


class RememberedJudge:
    """The judge of a diagnosis, its answers kept with the run; or the one before, as far as its answers go.

    Attributes:
        identity: of the judge.
        failures: questions so far that have no answer, repeated ones included.
        problem: why it could not be used in the last call; `None` where it could.
    """

    def __init__(self, folder: Path, identity: str, answers: Mapping[str, str], judge: CaptionJudge | None) -> None:
        self.identity = identity
        self.failures = 0
        self.problem: str | None = None
        self.answered = False
        self._path = folder / JUDGED
        self._answers = dict(answers)
        self._judge = judge

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[str | None]:
        """The raw text on each question, in order; `None` where there is none."""
        texts: Sequence[str | None] = [None] * len(questions)
        if self._judge is not None:
            texts = self._judge.ask(questions)
            self.problem = self._judge.problem
        keys = [_key(question) for question in questions]
        found = {key: text for key, text in zip(keys, texts, strict=True) if text is not None}
        self.answered = self.answered or bool(found)
        self._answers |= found
        answers = [self._answers.get(key) for key in keys]
        self.failures += answers.count(None)
        return answers

    def store(self) -> None:
        """Keep the answers, where a judge has given any.

        Raises:
            StoreError: the folder cannot be written.
        """
        if self.answered:
            kept = {"schema_version": _SCHEMA_VERSION, "judge": self.identity, "answers": self._answers}
            write_atomically(self._path, json.dumps(kept, indent=0, ensure_ascii=False) + "\n")


def remember(folder: Path, judge: CaptionJudge | None) -> RememberedJudge | None:
    """The judge that was given, with the answers that it has given before; without one, the one before.

    Raises:
        StoreError: `judged.json` is damaged.
    """
    stored = read_stored(folder / JUDGED, _SCHEMA_VERSION, f"harness diagnose {folder} --caption-judge MODEL") or {}
    identity = stored.get("judge") if judge is None else judge.identity
    if identity is None:
        return None
    return RememberedJudge(folder, identity, stored["answers"] if identity == stored.get("judge") else {}, judge)


def _key(question: JudgeQuestion) -> str:
    return blake2b(json.dumps(asdict(question), sort_keys=True).encode(), digest_size=16).hexdigest()


class Given:
    """What a diagnosis rests on beside the run: what it was given, else what the one before was.

    Attributes:
        kept: option to its paths from the run folder.
        left_out: what of the one before cannot be used any more, one line each.
    """

    def __init__(self, folder: Path) -> None:
        self.kept: dict[str, list[str]] = {}
        self.left_out: list[str] = []
        self._folder = folder
        self._before: Mapping[str, Sequence[str]] = {}
        with suppress(StoreError):  # It is made again.
            self._before = (read_unchecked(folder) or {}).get("given", {})

    def read(self, option: str, paths: Sequence[Path], read: Callable[[Sequence[Path]], _Found]) -> _Found | None:
        """What is at the paths of an option, or at those of the diagnosis before; `None` where there are none.

        Raises:
            HarnessError: what was given now cannot be used.
        """
        wanted = paths or [self._folder / path for path in self._before.get(option, ())]
        if not wanted:
            return None
        try:
            found = read(wanted)
        except HarnessError as error:
            if paths:
                raise
            self.left_out.append(f"what an earlier diagnosis had by --{option} is left out: {error}")
            return None
        folder = self._folder.resolve()
        self.kept[option] = [Path(os.path.relpath(path.resolve(), folder)).as_posix() for path in wanted]
        return found
