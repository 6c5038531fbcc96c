"""The docs of an lmms-eval task as samples: what is asked, what is shown, and which of them belong together."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.core.types import AnswerKind, BenchmarkFacts, Media, MediaKind, Sample
from harness.lmms.loading import stub_docs

_IMAGE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_AUDIO_SUFFIXES: Final = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus")
_GROUP_COLUMNS: Final = ("image_id", "video_id", "videoID", "question_id", "group_id")
"""Columns that tell which questions belong together, where nothing is shown that could tell it."""
_OPTION: Final = re.compile(r"^[ \t]*\(?([A-Z])[.):]\)?[ \t]+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One doc as it is asked.

    Attributes:
        prompt: the text.
        question: without options and instruction, as far as the doc tells.
        target: the gold answer.
        kinds: of what is shown, in order.
        cluster: equal for docs that are not independent; `None`: it stands alone.
        shares_media: whether those show the same.
    """

    prompt: str
    question: str
    target: str
    kinds: Sequence[MediaKind]
    cluster: object
    shares_media: bool

    @property
    def choices(self) -> dict[str, str]:
        """The options that the prompt lists."""
        return options_of(self.prompt)


def options_of(prompt: str) -> dict[str, str]:
    """The options that a prompt lists, a line each, lettered from A; none where it lists them otherwise."""
    options = dict(_OPTION.findall(prompt))
    return options if list(options) == [chr(ord("A") + place) for place in range(len(options))] else {}


def read_questions(name: str, lmms_task: Any, roots: Sequence[Path]) -> list[Question]:
    """All docs of a task as they are asked; images are not decoded, as far as the task's code can do without.

    Args:
        name: of the task, for errors.
        lmms_task: lmms-eval's Task object.
        roots: where images that the docs name may be, see `harness.media.bounds.within`.

    Raises:
        DataError: a doc names an image that lies elsewhere.
        UsageError: it asks about something that is neither image nor video.
    """
    questions = []
    for index, (doc, images) in enumerate(stub_docs(lmms_task.eval_docs, roots)):
        text, visuals = _ask(lmms_task, index, doc)
        asked, target = doc.get("question"), lmms_task.doc_to_target(doc)
        kinds = [kind_of(name, visual) for visual in visuals]
        cluster, shares_media = _cluster(doc, lmms_task.config.cluster_key, visuals, images)
        questions.append(
            Question(
                prompt=text,
                question=asked.strip() if isinstance(asked, str) and asked.strip() and asked.strip() in text else text,
                target=target if isinstance(target, str) else json.dumps(target, ensure_ascii=False, default=str),
                kinds=kinds,
                cluster=cluster,
                shares_media=shares_media,
            )
        )
    return questions


def to_samples(name: str, questions: Sequence[Question]) -> list[Sample]:
    """Questions as samples; a cluster has the id of its first sample, so that it is the same on every machine."""
    answers = _answers(questions)
    sizes = Counter(question.cluster for question in questions)
    first: dict[object, str] = {}
    return [
        Sample(
            id=str(index),
            task=name,
            question=question.question,
            prompt=question.prompt,
            target=target,
            answer_kind=kind,
            choices=question.choices if kind == "choice" else None,
            cluster=first.setdefault(question.cluster, str(index))
            if question.cluster is not None and sizes[question.cluster] > 1
            else None,
            media=tuple(
                Media(kind=kind_of_medium, source=f"{name}[{index}].{position}")
                for position, kind_of_medium in enumerate(question.kinds)
            ),
        )
        for index, (question, (kind, target)) in enumerate(zip(questions, answers, strict=True))
    ]


def to_facts(name: str, questions: Sequence[Question]) -> BenchmarkFacts:
    """What the questions of a task tell of it."""
    kinds = {kind for question in questions for kind in question.kinds}
    return BenchmarkFacts(
        title=name,
        media="video" if "video" in kinds else "image" if kinds else None,
        has_open_answers=any(kind == "open" for kind, _ in _answers(questions)),
        clusters_share_media=bool(kinds) and all(question.shares_media for question in questions),
    )


def visuals_of(lmms_task: Any, doc: Mapping[str, Any]) -> list[Any]:
    """What a doc shows: images, and paths of files."""
    return list(lmms_task.doc_to_visual(doc) or [])


def kind_of(name: str, visual: Any) -> MediaKind:
    """Whether something that a task shows is an image or a video.

    Raises:
        UsageError: it is neither.
    """
    from PIL import Image as PilImage

    if isinstance(visual, PilImage.Image):
        return "image"
    if isinstance(visual, str) and not visual.lower().endswith(_AUDIO_SUFFIXES):
        return "image" if visual.lower().endswith(_IMAGE_SUFFIXES) else "video"
    raise UsageError(f"task {name!r} asks about something that is neither image nor video file.")


def _ask(lmms_task: Any, index: int, doc: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Prompt and visuals of a doc whose images are stubs; of the doc itself where its task cannot do with those."""
    try:
        return _text(lmms_task, doc), visuals_of(lmms_task, doc)
    except (Exception, SystemExit):
        try:
            real = lmms_task.eval_docs[index]
            return _text(lmms_task, real), visuals_of(lmms_task, real)
        except (Exception, SystemExit):
            # The medium is missing or broken, which opening it will say; the question may still be readable.
            return _text(lmms_task, lmms_task.eval_docs_no_media[index]), []


def _text(lmms_task: Any, doc: Mapping[str, Any]) -> str:
    return str(lmms_task.doc_to_text(doc)).strip()


def _cluster(
    doc: Mapping[str, Any], key: str | None, visuals: Sequence[Any], images: frozenset[str]
) -> tuple[object, bool]:
    """What is equal for docs that are not independent, and whether it is what they show.

    The `cluster_key` of the YAML decides where there is one, else what is shown, else a column that names a group.
    """
    if key is not None and doc.get(key) is not None:
        return str(doc[key]), False
    shown = frozenset(part for visual in visuals for part in _identities(visual, images))
    if shown:
        return shown, True
    return next((str(doc[column]) for column in _GROUP_COLUMNS if doc.get(column) is not None), None), False


def _identities(visual: Any, images: frozenset[str]) -> Iterable[str]:
    """What is equal for equal visuals: the path of a file, the doc's images, or the pixels of one made elsewhere."""
    if isinstance(visual, str):
        return [visual]
    if images:
        return images
    try:
        return [getattr(visual, "filename", "") or blake2b(visual.tobytes(), digest_size=16).hexdigest()]
    except (OSError, SyntaxError, ValueError):  # It is broken, which opening it will say.
        return []


def _answers(questions: Sequence[Question]) -> list[tuple[AnswerKind, str]]:
    """The gold answer of each question and of which kind it is: yes or no where all are, else an option or open."""
    yes_no = [question.target.strip(" .").lower() for question in questions]
    if set(yes_no) <= {"yes", "no"}:
        return [("yes_no", target) for target in yes_no]
    return [_option(question) or ("open", question.target) for question in questions]


def _option(question: Question) -> tuple[AnswerKind, str] | None:
    """The option that a gold answer names, by its letter or, where one option alone has it, by its text."""
    choices, target = question.choices, question.target.strip()
    letter = target.strip(" ().:")
    if letter in choices:
        return "choice", letter
    named = [letter for letter, text in choices.items() if text.strip() == target]
    return ("choice", named[0]) if len(named) == 1 else None
