"""CHAIR: objects that a caption of a COCO image names, though they are not there (Rohrbach et al., EMNLP 2018).

The figures are those of `harness.benchmarks.captions`; f1 and words are the harness's own. Papers draw 500 images of
val2014 with seeds of their own and let models write 64 or 512 tokens: no two of them are of the same images. Here the
images are the 500 of the hub's data set that lmms-eval asks about, and length is part of the benchmark: `chair` is
asked with 512 tokens, `chair_64` with 64, whatever `--max-new-tokens` says.

The published evaluator takes tokens of the lower-cased caption to their singular, merges double words ("hot dog", "baby
bear"), drops "seat" beside "toilet", and maps what is left by 80 rows of synonyms to objects. Denied objects count, and
its singular of "bus" is "bu", of "ties" "ty": these are never found. It has no licence, and no part of it is here: the
list of synonyms is read from the installed lmms-eval, and refused if it is another one than was looked at.

Strictly, denied objects do not count, nor words that name several things ("bat", "glass", "seat", "bow"), nor what only
sounds like an object ("train station", an orange cat): `harness.answers.coco`.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from harness.answers.coco import COCO_SYNONYMS, NO_OBJECTS
from harness.answers.objects import build_vocabulary
from harness.benchmarks.captions import (
    Counted,
    Read,
    by_vocabulary,
    caption_units,
    count_named,
    join_objects,
    judge_caption,
    metrics,
)
from harness.benchmarks.columns import find, require, require_text
from harness.benchmarks.record import Benchmark, HubSource
from harness.core.errors import DataError
from harness.core.types import Response, Sample, Verdict

QUESTION: Final = "Please describe this image in detail."
_LIST: Final = "tasks/coco_cap_chair/utils.py"
_LIST_SHA256: Final = "bb077b54000825cf8ebbe1e8ddee342172029db6c68bb9075d661ea7ffd4af0a"
_NAMES: Final = ("INVERSE_SYNONYM_DICT", "DOUBLE_WORD_DICT")
_IRREGULAR: Final = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse", "geese": "goose",
    "oxen": "ox", "knives": "knife", "pocketknives": "pocketknife", "calves": "calf", "buffaloes": "buffalo",
    "flamingoes": "flamingo", "glass": "glas", "glasses": "glass", "skis": "ski",
}  # fmt: skip
_LOST: Final = frozenset(
    ("bus", "minibus", "airbus", "tennis", "sports", "ties", "canoes", "collies", "doggies", "magpies")
)
"""Words whose singular by the evaluator's library is no word of the list ("bu", "tenni", "ty", "cano", "magpy")."""
_BREAK: Final = re.compile(r"""([\"“”„«»‘’`()\[\]{}<>;@#$%&?!*‒-―]|''|--|\.{2,}|[:,](?!\d)|(?<!\w)'|\s+)""")
_TAILS: Final = (".", "'s", "'m", "'d", "'ll", "'re", "'ve", "n't", "'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """The published evaluator's words.

    Attributes:
        objects: word or double word to object.
        doubles: two words to what they are merged to.
        singulars: words that matter, in the singular and the plural, to the singular.
    """

    objects: Mapping[str, str]
    doubles: Mapping[str, str]
    singulars: Mapping[str, str]


def _plural(word: str) -> str:
    if word.endswith("man"):
        return f"{word[:-3]}men"
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if re.search(r"[^aeiou]y$", word) else f"{word}s"


def _official(objects: Mapping[str, str], doubles: Mapping[str, str]) -> Official:
    words = {part for phrase in (*objects, *doubles) for part in phrase.split(" ")}
    singulars = {_plural(word): word for word in words} | {word: word for word in words} | _IRREGULAR
    singulars |= {plural.replace("man", "men"): plural for plural in words if plural.endswith("man")}
    known = {plural: singular for plural, singular in singulars.items() if plural not in _LOST}
    return Official(objects=objects, doubles=doubles, singulars=known)


@cache
def coco_list() -> Official:
    """The published evaluator's list, as the installed lmms-eval has it.

    Raises:
        DataError: it is not there, or another one than was looked at.
    """
    spec = find_spec("lmms_eval")
    path = Path(spec.origin if spec is not None and spec.origin is not None else "lmms_eval").parent / _LIST
    advice = "The official figures need its list of synonyms: pip install lmms_eval==0.7.3"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        values = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in _NAMES
        }
        objects, doubles = (values[name] for name in _NAMES)
    except (OSError, SyntaxError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read ({type(error).__name__}). {advice}.") from error
    digest = hashlib.sha256(json.dumps([objects, doubles], sort_keys=True).encode()).hexdigest()
    if digest != _LIST_SHA256:
        raise DataError(f"{path} holds another list than was looked at (sha256 {digest[:12]}). {advice}.")
    return _official(objects, doubles)


@cache
def _own_list(names: str) -> Official:
    objects = {name: name for name in names.split("; ")}
    return _official(objects, {name: name for name in objects if name.count(" ") == 1})


@cache
def _strict(names: str | None) -> Read:
    if names is None:
        return by_vocabulary(build_vocabulary(COCO_SYNONYMS, NO_OBJECTS))
    return by_vocabulary(build_vocabulary(dict.fromkeys(names.split("; "), ())))


def tokens(text: str) -> list[str]:
    """Words and punctuation of a lower-cased text, as far as words of the list are concerned those of NLTK's tokenizer.

    A full stop at the end of a word is taken for the end of a sentence.
    """
    found = []
    for part in _BREAK.split(text):
        word, tails = part.strip(), []
        end = len(word)
        while tail := next((tail for tail in _TAILS if end > len(tail) and word.endswith(tail, 0, end)), ""):
            end -= len(tail)
            tails.append(tail)
        found += [word[:end], *reversed(tails)] if word else []
    return found


def official_mentions(caption: str, words: Official) -> list[str]:
    """The objects that the published evaluator finds in a caption, repeated ones too."""
    single = [words.singulars.get(token, "") for token in tokens(caption.lower())]
    merged: list[str] = []
    place = 0
    while place < len(single):
        double = " ".join(single[place : place + 2])
        merged.append(words.doubles.get(double, single[place]))
        place += 2 if double in words.doubles else 1
    if "toilet" in merged and "seat" in merged:
        merged = [word for word in merged if word != "seat"]
    return [words.objects[word] for word in merged if word in words.objects]


def read_officially(sample: Sample, caption: str) -> Counted:
    """What the published evaluator counts in a caption."""
    names = sample.attributes.get("vocabulary")
    words = coco_list() if names is None else _own_list(names)
    return count_named(official_mentions(caption, words), sample)


def judge(sample: Sample, response: Response) -> Verdict:
    """Both verdicts on a caption."""
    return judge_caption(sample, response, _strict(sample.attributes.get("vocabulary")), read_officially)


def read_row(row: Mapping[str, Any], where: str, *, task: str = "chair") -> Sample:
    """A row to a sample: an image with the objects that are there.

    A row of other images than COCO's names its objects in `vocabulary`.

    Raises:
        DataError: a column is missing, or does not list objects.
    """
    names = find(row, "vocabulary")
    vocabulary = None if names is None else _names(names, where, "vocabulary")
    if vocabulary is None:
        coco_list()
    there = _names(require(row, where, "gt_object", "objects"), where, "gt_object")
    unknown = set(there) - set(COCO_SYNONYMS if vocabulary is None else vocabulary)
    if unknown:
        raise DataError(f"{where}: column 'gt_object' holds {min(unknown)!r}, which is not one of the objects.")
    name = require_text(row, where, "question_id", "image_id")
    image = find(row, "image_id")
    if image is None and isinstance(row.get("image"), str):
        image = find(row, "image")
    return Sample(
        id=name,
        task=task,
        question=str(find(row, "question") or QUESTION),
        target=join_objects(there),
        answer_kind="caption",
        cluster=name if image is None else str(image),
        attributes={} if vocabulary is None else {"vocabulary": join_objects(vocabulary)},
    )


def _names(value: Any, where: str, column: str) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{where}: column {column!r} holds {type(value).__name__}, expected a list of objects.")
    return list(value)


BENCHMARK = Benchmark(
    name="chair",
    title="CHAIR (512 tokens)",
    description="objects that captions of COCO images invent, in up to 512 tokens",
    citation="Rohrbach et al., Object Hallucination in Image Captioning, EMNLP 2018",
    version="1.0",
    media="image",
    answer_kinds=["caption"],
    source=HubSource(
        hub="tsunghanwu/mscoco_chair",
        split="test",
        rows=["data/test-*.parquet", "test-*.parquet"],
        columns=["image"],
        editions={500: ()},
    ),
    read_row=read_row,
    judge=judge,
    units=caption_units,
    metrics=metrics,
    headline="all/f1",
    headline_title="F1 of the objects named",
    hallucination=True,
    telling={"all/chair_i": "objects that are not there", "all/recall": "objects that are there and named"},
    baselines={"always a person": "A person."},
    response_tokens=512,
)
