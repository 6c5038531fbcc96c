"""AMBER, its generative half: what descriptions of 1,004 images name, cover and invent (Wang et al., 2023).

- chair = nouns that are not there / nouns, repeated ones counted again (the harness's chair_i);
- cover = objects that are there and named / objects that are there;
- hal = descriptions with a noun that is not there / descriptions (strictly: / those that name an object);
- cog = objects that people expect there wrongly and that are named / objects that they would expect;
- f1, the harness's own, and words: see `harness.benchmarks.captions`.

The published evaluator takes nouns by NLTK's tagger, case kept ("Dog" at the start of a sentence is none), to their
WordNet lemma and keeps those of its vocabulary. A noun then is, in this order: safe in every image; a word for
something that is there; a word for something expected, which only marks that; similar to such a word; similar to a word
for something that is there; or invented. Similar is what spaCy's `en_core_web_lg` has above .8: a table that `words.py`
beside this file makes once. All steps but the tagging depend on the word and the image alone, and stand in each sample:
`key`, from word to what naming it does.

Strictly the same key is read in the lower-cased description by the harness's finder: denied words do not count, nor
those that are as often no nouns ("can", "light", "watch"), nor words that are safe everywhere.

Questions, gold words and the vocabulary are files of the authors' repository, the images an archive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.answers.objects import Vocabulary, build_vocabulary, find_objects
from harness.benchmarks import captions
from harness.benchmarks.captions import OFFICIAL, Counted, Named, caption_units, judge_caption, objects_there
from harness.benchmarks.columns import find, require_text
from harness.benchmarks.counting import score_of
from harness.benchmarks.record import Benchmark
from harness.benchmarks.registry import load_module, own_tasks_dir
from harness.core.errors import DataError
from harness.core.files import cache_folder
from harness.core.reading import parse_json, read_text
from harness.core.types import Response, Sample, Verdict
from harness.statistics.specs import MetricSpec, Ratio

_OTHER_HALF: Final = load_module(own_tasks_dir() / "amber").BENCHMARK
VERSION: Final = 1
"""Of the table's layout."""
PLACE: Final = Path("amber_generative") / "words.json"
"""Where the table is, in the harness's cache folder."""
_NLTK: Final = {
    "punkt_tab": "tokenizers/punkt_tab/",
    "averaged_perceptron_tagger_eng": "taggers/averaged_perceptron_tagger_eng/",
    "wordnet": "corpora/wordnet/",
}
"""Where its data are. With the slash they are found in an archive too, as its downloader may leave them."""
_NO_NOUNS: Final = frozenset(
    "can hot sound support leave light note core line watch orange cream drink file switch".split()
)
"""Words of the vocabulary that in descriptions are as often verbs or adjectives."""
_BETWEEN: Final = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The vocabulary.

    Attributes:
        relation: words to associated words; all of them together are the vocabulary.
        safe: words that are right in every image.
        similar: words to those that the evaluator's model takes for the same, themselves too if they have a vector.
        digest: of the table; empty: there is none.
    """

    relation: Mapping[str, Sequence[str]]
    safe: Collection[str] = ()
    similar: Mapping[str, Collection[str]] = field(default_factory=dict)
    digest: str = ""

    @property
    def vocabulary(self) -> list[str]:
        """All words that count."""
        return list(dict.fromkeys(word for name, others in self.relation.items() for word in (name, *others)))


class Effect(NamedTuple):
    """What naming a word does.

    Attributes:
        invented: whether it counts as not there.
        covers: place of the gold word that it covers.
        marks: places of the expected words that it marks.
    """

    invented: bool
    covers: int | None = None
    marks: tuple[int, ...] = ()


def table_path() -> Path:
    """Where the table is: beside this file, else in the cache."""
    beside = Path(__file__).with_name("words.json")
    return beside if beside.is_file() else cache_folder() / PLACE


@cache
def read_words(path: Path) -> Words:
    """The table that `words.py` makes.

    Raises:
        DataError: it is not there, or not such a table.
    """
    made = f"python {Path(__file__).with_name('words.py')} DIR"
    if not path.is_file():
        raise DataError(
            f"amber_generative: the table of similar words is not there ({path}). Make it once, with spaCy's "
            f"en_core_web_lg and a checkout DIR of {_OTHER_HALF.labels.repository}: {made}"
        )
    text = read_text(path)
    try:
        table = parse_json(text)
        if table["version"] != VERSION:
            raise ValueError(f"it is of version {table['version']}, not {VERSION}")
        return Words(
            relation={str(name): tuple(map(str, others)) for name, others in table["relation"].items()},
            safe=frozenset(table["safe"]),
            similar={str(word): frozenset(others) for word, others in table["similar"].items()},
            digest=f"{table['model']} sha256:{sha256(text.encode()).hexdigest()[:12]}",
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no table of words: {error!r}. Make it again: {made}") from error


def effects(truth: Sequence[str], expected: Sequence[str], words: Words) -> dict[str, Effect]:
    """What naming each word of the vocabulary does in an image.

    Args:
        truth: what is there, as gold words.
        expected: what people expect there wrongly.
        words: the vocabulary.

    Raises:
        KeyError: a gold word is not in the vocabulary.
    """
    (same, like), (same_wrong, like_wrong) = (_first_places(gold, words) for gold in (truth, expected))
    found = {}
    for word in words.vocabulary:
        if word in words.safe:
            found[word] = Effect(False)
        elif word in same:
            found[word] = Effect(False, same[word])
        else:
            marks = [places[word] for places in (same_wrong, like_wrong) if word in places]
            found[word] = Effect(word not in like, like.get(word), tuple(dict.fromkeys(marks)))
    return found


def _first_places(gold: Sequence[str], words: Words) -> tuple[dict[str, int], dict[str, int]]:
    """The place of the first gold word that a word is one for, and of the first for which it is similar to one.

    The published order: the associated words of all gold words, then the gold words themselves.
    """
    ordered = [(other, place) for place, word in enumerate(gold) for other in words.relation[word]]
    ordered += [(word, place) for place, word in enumerate(gold)]
    same: dict[str, int] = {}
    like: dict[str, int] = {}
    for other, place in ordered:
        same.setdefault(other, place)
        for word in words.similar.get(other, ()):
            like.setdefault(word, place)
    return same, like


def write_key(found: Mapping[str, Effect]) -> str:
    """What words do, as it stands in a sample: `sky=t0;cloud=!h0;hat=!`."""

    def word_of(effect: Effect) -> Iterator[str]:
        if effect.invented:
            yield "!"
        if effect.covers is not None:
            yield f"t{effect.covers}"
        yield from (f"h{place}" for place in effect.marks)

    return _BETWEEN.join(f"{word}={''.join(word_of(effect))}" for word, effect in found.items())


@cache
def read_key(key: str) -> dict[str, Effect]:
    """The inverse of `write_key`."""
    found = {}
    for part in key.split(_BETWEEN):
        word, _, told = part.partition("=")
        places = told.lstrip("!").replace("t", " t").replace("h", " h").split()
        found[word] = Effect(
            told.startswith("!"),
            next((int(place[1:]) for place in places if place[0] == "t"), None),
            tuple(int(place[1:]) for place in places if place[0] == "h"),
        )
    return found


@cache
def _finder(words: tuple[str, ...]) -> Vocabulary:
    return build_vocabulary({word: () for word in words if word not in _NO_NOUNS})


def _count(mentioned: Sequence[str], sample: Sample, *, strict: bool) -> Counted:
    known = read_key(sample.attributes["key"])
    if strict:  # Words that are safe everywhere say nothing.
        mentioned = [word for word in mentioned if known[word] != Effect(False)]
    effects_of = [known[word] for word in mentioned]
    covered = {effect.covers for effect in effects_of if effect.covers is not None}
    invented = [word for word, effect in zip(mentioned, effects_of, strict=True) if effect.invented]
    counts = Named(
        mentions=len(mentioned),
        invented=len(invented),
        named=len(covered) + len(set(invented)),
        found=len(covered),
        # A gold word that stands twice can be covered once, which the published evaluator counts as missed.
        there=len(objects_there(sample)) if strict else int(sample.attributes["there"]),
    )
    marked = {place for effect in effects_of for place in effect.marks}
    return Counted(mentioned, counts, {"marked": len(marked), "expected": int(sample.attributes["expected"])})


def read_strictly(sample: Sample, caption: str) -> Counted:
    """The words of the vocabulary that a description names and does not deny."""
    words = tuple(read_key(sample.attributes["key"]))
    return _count(find_objects(caption, _finder(words)), sample, strict=True)


@cache
def nouns_of() -> Callable[[str], list[str]] | None:
    """The published way from a text to the lemmas of its nouns; `None`: NLTK or its data are not there."""
    try:
        nltk = import_module("nltk")
        for place in _NLTK.values():
            nltk.data.find(place)
        lemmatize = nltk.stem.WordNetLemmatizer().lemmatize
    except (ImportError, LookupError):
        return None

    def nouns(text: str) -> list[str]:
        return [lemmatize(word) for word, tag in nltk.pos_tag(nltk.word_tokenize(text)) if tag.startswith("NN")]

    return nouns


def read_officially(sample: Sample, caption: str) -> Counted | None:
    """What the published evaluator counts in a description; `None` without NLTK's data."""
    nouns = nouns_of()
    if nouns is None:
        return None
    known = read_key(sample.attributes["key"])
    return _count([noun for noun in nouns(caption) if noun in known], sample, strict=False)


def judge(sample: Sample, response: Response) -> Verdict:
    """Both verdicts on a description."""
    return judge_caption(sample, response, read_strictly, read_officially)


def read_row(row: Mapping[str, Any], where: str) -> Sample:
    """A request for a description; its gold words are in the row, with a vocabulary, or else come from the annotations.

    Raises:
        DataError: a column is missing, or gold words are not what they should be.
    """
    sample = Sample(
        id=require_text(row, where, "id"),
        task="amber_generative",
        question=require_text(row, where, "query", "question"),
        target="",
        answer_kind="caption",
        cluster=require_text(row, where, "id"),
    )
    if find(row, "truth") is None:
        return sample
    words = Words(relation={word: () for word in _words(row, where, "vocabulary")})
    return _complete(sample, _words(row, where, "truth"), _words(row, where, "hallu"), words, where)


def _words(row: Mapping[str, Any], where: str, column: str) -> list[str]:
    value = row.get(column)
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(word, str) for word in value):
        raise DataError(f"{where}: column {column!r} holds {type(value).__name__}, expected a list of words.")
    return list(value)


def _complete(sample: Sample, truth: Sequence[str], expected: Sequence[str], words: Words, where: str) -> Sample:
    try:
        key = write_key(effects(truth, expected, words))
    except KeyError as error:
        advice = "Fetch all files from one commit, and make the table with it."
        raise DataError(f"{where}: gold word {error} is not in the vocabulary. {advice}") from error
    told = {"key": key, "there": str(len(truth)), "expected": str(len(expected)), "words": words.digest}
    return replace(sample, target=captions.join_objects(truth), attributes=told)


def read_annotation(row: Mapping[str, Any], file: str, where: str) -> Sample | None:
    """The gold words of a description; `None` of a yes/no question."""
    if find(row, "type") != "generative":
        return None
    gold = {"truth": json.dumps(_words(row, where, "truth")), "hallu": json.dumps(_words(row, where, "hallu"))}
    return Sample(
        id=require_text(row, where, "id"),
        task="amber_generative",
        question="",
        target="",
        answer_kind="caption",
        attributes=gold,
    )


def annotate(sample: Sample, label: Sample | None) -> Sample:
    """A request with what naming each word does.

    Raises:
        DataError: it has no gold words, or the table of similar words or NLTK's data are not there.
    """
    if sample.target:
        return sample
    where = f"amber_generative: image {sample.id}"
    if label is None:
        raise DataError(f"{where} has no annotation. Fetch its two files from one commit.")
    words = read_words(table_path())
    if nouns_of() is None:
        raise DataError(
            f"amber_generative: NLTK's data are not there, by which its evaluator finds nouns. Fetch them with "
            f"'python -m nltk.downloader {' '.join(_NLTK)}'."
        )
    truth, expected = (json.loads(label.attributes[name]) for name in ("truth", "hallu"))
    return _complete(sample, truth, expected, words, where)


_NAMES: Final = {"chair_i": "chair", "recall": "cover", "chair_s": "hal"}


def metrics(strata: Collection[tuple[str, ...]]) -> list[MetricSpec]:
    """The figures over all descriptions."""
    found = [
        replace(spec, name=f"all/{_NAMES.get(name := spec.name.removeprefix('all/'), name)}")
        for spec in captions.metrics(strata)
    ]
    strict, official = (
        Ratio(top=score_of(f"{prefix}marked"), bottom=score_of(f"{prefix}expected")) for prefix in ("", OFFICIAL)
    )
    return [*found, MetricSpec(name="all/cog", strict=(strict,), official=(official,), better=-1)]


BENCHMARK = Benchmark(
    name="amber_generative",
    title="AMBER (generative)",
    description="what descriptions of images name, cover and invent",
    citation="Wang et al., AMBER: An LLM-free Multi-dimensional Benchmark for MLLMs Hallucination Evaluation, 2023",
    version="1.0",
    media="image",
    answer_kinds=["caption"],
    source=replace(
        _OTHER_HALF.source,
        split="generative",
        rows=["data/query/query_generative.json", "query_generative.json"],
        editions={1004: []},
    ),
    read_row=read_row,
    judge=judge,
    units=caption_units,
    metrics=metrics,
    headline="all/f1",
    headline_title="F1 of the objects named",
    hallucination=True,
    telling={"all/chair": "objects that are not there", "all/cover": "objects that are there and named"},
    baselines={"always a person": "A person."},
    labels=replace(_OTHER_HALF.labels, read=read_annotation, apply=annotate),
)
