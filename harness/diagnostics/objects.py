"""Caption fidelity against annotations: which objects a caption names, and which of them are there.

An annotation file is `annotations.jsonl`, one object a line: `sample_id`, and either `objects` (a list of names, as in
COCO-style lists) or what a registered world reads (`harness.core.worlds`); optional is `captions`, a list of true
captions. A file `vocabulary.json` beside it maps each object name to a list of its synonyms; without it, the world's
objects or the names of the file are the vocabulary, with COCO's synonyms where all of them are COCO categories. In the
names that are annotated capitals do not count, and a plural or a synonym stands for its object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.answers.coco import COCO_SYNONYMS, NO_OBJECTS
from harness.answers.objects import Vocabulary, build_vocabulary, find_objects, with_own_names
from harness.core.errors import DataError
from harness.core.reading import parse_json, read_text
from harness.core.worlds import AnnotationRules, Row, worlds

ANNOTATIONS: Final = "annotations.jsonl"
VOCABULARY: Final = "vocabulary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What is really in a sample's images or videos.

    Attributes:
        expected: objects that a full caption names.
        present: objects that a caption may name; more than `expected` where an object changes into another one.
        captions: true captions, where the data have them.
        row: the line of the file, for the rules.
        rules: of the world that it is of; `None` for all other data.
    """

    expected: frozenset[str]
    present: frozenset[str]
    captions: tuple[str, ...] = ()
    row: Row = field(default_factory=dict)
    rules: AnnotationRules | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCounts:
    """A caption's objects against the annotated ones.

    Attributes:
        mentions: mentions of objects of the vocabulary, repeated ones included.
        invented_mentions: those of objects that are not there.
        named: different objects that the caption names.
        invented: those that are not there.
        expected: annotated objects.
        found: annotated objects that the caption names.
    """

    mentions: int
    invented_mentions: int
    named: frozenset[str]
    invented: frozenset[str]
    expected: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """The annotations of one task.

    Attributes:
        samples: by sample id.
        vocabulary: of all its objects.
    """

    samples: Mapping[str, Annotation] = field(default_factory=dict)
    vocabulary: Vocabulary


def count_objects(caption: str, annotation: Annotation, vocabulary: Vocabulary) -> ObjectCounts:
    """Compare the objects that a caption names with those that are there."""
    mentioned = find_objects(caption, vocabulary)
    named = frozenset(mentioned)
    return ObjectCounts(
        mentions=len(mentioned),
        invented_mentions=sum(name not in annotation.present for name in mentioned),
        named=named,
        invented=named - annotation.present,
        expected=len(annotation.expected),
        found=len(annotation.expected & named),
    )


def read_annotations(path: Path) -> Annotations:
    """Read an annotation file.

    Args:
        path: the file, or the folder that holds `annotations.jsonl`.

    Raises:
        DataError: it is missing, or a line of it is malformed.
    """
    path = path / ANNOTATIONS if path.is_dir() else path
    samples: dict[str, Annotation] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    row = parse_json(line)
                    samples[str(row["sample_id"])] = parse_annotation(row)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise DataError(
                        f"{path}:{number} is not an annotation: {error!r}. Expected sample_id and objects."
                    ) from error
        beside = path.with_name(VOCABULARY)
        told = beside.exists()
        vocabulary = build_vocabulary(parse_json(read_text(beside))) if told else _own_vocabulary(samples.values())
    except OSError as error:
        raise DataError(f"annotations {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path.with_name(VOCABULARY)} is not a vocabulary: {error}. Expected NAME: [SYNONYM, ...]."
        ) from error
    named = {sample_id: _by_name(annotation, vocabulary) for sample_id, annotation in samples.items()}
    return Annotations(samples=named, vocabulary=vocabulary)


def _own_vocabulary(samples: Iterable[Annotation]) -> Vocabulary:
    annotations = list(samples)
    rules = annotations[0].rules if annotations else None
    if rules is not None and all(annotation.rules is rules for annotation in annotations):
        return build_vocabulary(rules.vocabulary)
    names = {name for annotation in annotations for name in annotation.present}
    categories = build_vocabulary(dict.fromkeys(COCO_SYNONYMS, ()))
    if names and all(categories.name(name) in COCO_SYNONYMS for name in names):
        return build_vocabulary(COCO_SYNONYMS, NO_OBJECTS)
    return with_own_names(names, {})


def _by_name(annotation: Annotation, vocabulary: Vocabulary) -> Annotation:
    """An annotation with its objects by their names in the vocabulary; a world's have them."""
    if annotation.rules is not None:
        return annotation
    return replace(
        annotation,
        expected=frozenset(map(vocabulary.name, annotation.expected)),
        present=frozenset(map(vocabulary.name, annotation.present)),
    )


def parse_annotation(row: Mapping[str, Any]) -> Annotation:
    """One line of an annotation file.

    Raises:
        KeyError, TypeError, AttributeError: it lists no objects, and no world reads it.
    """
    captions = tuple(str(caption) for caption in row.get("captions") or ())
    for world in worlds().values():
        rules = world.rules() if world.rules is not None else None
        if rules is not None and rules.reads(row):
            expected, present = rules.objects(row)
            return Annotation(expected=expected, present=present, captions=captions, row=row, rules=rules)
    objects = frozenset(str(name) for name in row["objects"])
    return Annotation(expected=objects, present=objects, captions=captions)
