"""AMBER's descriptions: the published steps once more over random words, figures by hand, its table and its files."""

import json
import random
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from support_benchmarks import write_amber_generative
from support_scoring import Row, samples_of, score, task_module, values

from harness.benchmarks.data import load_data, open_medium
from harness.benchmarks.registry import benchmark_folders, get_benchmark
from harness.cli import main
from harness.core.errors import DataError
from harness.core.types import Response, Sample

AMBER = get_benchmark("amber_generative")
MODULE = task_module("amber_generative")
RELATION = {
    "sky": [],
    "road": ["street", "ground"],
    "person": ["people", "man"],
    "man": ["person", "people"],
    "dog": [],
    "ship": ["boat"],
    "tree": ["bush"],
    "car": ["window", "vehicle"],
}
"""Our own words, in the form of its `relation.json`."""
WORDS = sorted({word for name, others in RELATION.items() for word in (name, *others)})


@pytest.fixture
def nouns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes every word of the vocabulary for a noun, its case kept, and takes an s from its end."""

    def lemmas(text: str) -> list[str]:
        bare = [word.strip(".,") for word in text.split()]
        return [word if word in WORDS else word.removesuffix("s") for word in bare]

    monkeypatch.setattr(MODULE, "nouns_of", lambda: lemmas)


def words(similar: set[frozenset[str]] = frozenset(), safe: tuple[str, ...] = (), lost: tuple[str, ...] = ()) -> Any:  # type: ignore[assignment]
    like = {
        word: [other for other in WORDS if frozenset((word, other)) in similar or (word == other and word not in lost)]
        for word in WORDS
    }
    return MODULE.Words(relation=RELATION, safe=frozenset(safe), similar=like)


def sample_of(truth: list[str], hallu: list[str], vocabulary: Any) -> Sample:
    bare = Sample(id="1", task="amber_generative", question="Describe this image.", target="", answer_kind="caption")
    return MODULE._complete(bare, truth, hallu, vocabulary, "row 1")


def published(found: list[str], truth: list[str], hallu: list[str], vocabulary: Any) -> tuple[int, int, int, int]:
    """AMBER's `inference.py` for one description, from BENCHMARKS' steps: nouns, invented, covered and marked."""
    kept = [noun for noun in found if noun in WORDS]
    safe = [(other, word) for word in range(len(truth)) for other in RELATION[truth[word]]]
    safe += [(truth[word], word) for word in range(len(truth))]
    wrong = [(other, word) for word in range(len(hallu)) for other in RELATION[hallu[word]]]
    wrong += [(hallu[word], word) for word in range(len(hallu))]
    covered, marked, invented = [0] * len(truth), [0] * len(hallu), 0
    for noun in kept:
        if noun in vocabulary.safe:
            continue
        exact = [place for other, place in safe if other == noun]
        if exact:
            covered[exact[0]] = 1
            continue
        for matches in (lambda other: other == noun, lambda other: noun in vocabulary.similar[other]):  # noqa: B023
            places = [place for other, place in wrong if matches(other)]
            if places:
                marked[places[0]] = 1
        similar = [place for other, place in safe if noun in vocabulary.similar[other]]
        if similar:
            covered[similar[0]] = 1
        else:
            invented += 1
    return len(kept), invented, sum(covered), sum(marked)


@pytest.mark.usefixtures("nouns")
def test_equals_the_published_steps() -> None:
    rng = random.Random(0)
    gold = list(RELATION)
    for _ in range(500):
        pairs = {frozenset(rng.sample(WORDS, 2)) for _ in range(rng.randint(0, 12))}
        vocabulary = words(pairs, tuple(rng.sample(WORDS, rng.randint(0, 2))), tuple(rng.sample(WORDS, 1)))
        truth, hallu = rng.choices(gold, k=rng.randint(1, 5)), rng.choices(gold, k=rng.randint(0, 4))
        found = rng.choices([*WORDS, "Dog", "cloud"], k=rng.randint(0, 9))
        sample = sample_of(truth, hallu, vocabulary)
        scores = AMBER.judge(sample, Response(sample_id="1", text=" ".join(found))).scores
        ours = tuple(scores[f"official {name}"] for name in ("mentions", "invented", "found", "marked"))
        assert ours == published(found, truth, hallu, vocabulary), (truth, hallu, found)
        assert (scores["official there"], scores["official expected"]) == (len(truth), len(hallu))


@pytest.mark.usefixtures("nouns")
def test_figures_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": n, "query": "Describe this image.", "image": "AMBER_1.jpg"} for n in (1, 2)]
    gold = [(["sky", "person", "road"], ["dog", "ship"]), (["tree", "ship", "ship"], ["man"])]
    # Under one table: "window" is similar to "sky", and "boat" is a word of "ship".
    table = words({frozenset(("window", "sky"))}, safe=("ground",))
    samples = [sample_of(*of, table) for of in gold]
    monkeypatch.setattr("support_scoring.samples_of", lambda task, rows: samples)
    result = score(
        "amber_generative", rows, ["A man and a dog. No boats. A window, the ground.", "Two trees, a Boat and a man"]
    )
    # Kept: man, dog, boat, window, ground; tree, man (Boat is none). Invented: dog, boat; man.
    # Covered: person, sky; tree. Marked: dog, ship; man.
    assert result.official == pytest.approx(
        {"all/chair": 3 / 7, "all/hal": 2 / 2, "all/cover": 3 / 6, "all/cog": 3 / 3, "all/f1": None, "all/words": None}
    )
    # Strictly: man, dog, window (the boats are denied, the ground says nothing); tree, boat, man.
    assert values(result) == pytest.approx(
        {
            "all/f1": 2 * 4 / (4 + 2 + 5),
            "all/chair": 2 / 6,
            "all/hal": 1.0,
            "all/cover": 4 / 5,
            "all/cog": 2 / 3,
            "all/words": (11 + 7) / 2,
        }
    )


def test_a_key_says_what_naming_a_word_does() -> None:
    table = words({frozenset(("window", "sky"))}, safe=("ground",))
    found = MODULE.effects(["sky", "road"], ["person"], table)
    assert MODULE.read_key(MODULE.write_key(found)) == found
    effect = MODULE.Effect
    assert (found["ground"], found["street"], found["sky"]) == (effect(False), effect(False, 1), effect(False, 0))
    assert (found["window"], found["man"], found["dog"]) == (effect(False, 0), effect(True, None, (0,)), effect(True))


def script() -> Any:
    path = benchmark_folders()["amber_generative"] / "words.py"
    spec = spec_from_file_location("amber_words", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_made_and_read(tmp_path: Path) -> None:
    def similarity(one: str, other: str) -> float:
        return 0.9 if one[0] == other[0] else 0.8

    table = script().make_table(RELATION, ["ground"], similarity, "letters 1.0")
    assert table["similar"]["person"] == ["people", "person"]
    path = tmp_path / "words.json"
    path.write_text(json.dumps(table))
    read = MODULE.read_words(path)
    assert read.vocabulary == MODULE.Words(relation=RELATION).vocabulary
    assert read.digest.startswith("letters 1.0 sha256:")
    assert read.similar["dog"] == {"dog"}  # .8 is not above .8.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is not there .*words.py DIR"),
        ("{", "no table of words"),
        ('{"version": 9}', "of version 9, not 1"),
        ("[]", "no table"),
    ],
)
def test_a_table_that_cannot_be_used_says_how_it_is_made(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=said):
        MODULE.read_words(path)


def test_the_script_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = script()
    assert module.main([str(tmp_path), "--out", str(tmp_path / "words.json")]) == 2
    assert "is no checkout of AMBER" in capsys.readouterr().err
    (tmp_path / "data").mkdir()
    (tmp_path / "data/relation.json").write_text(json.dumps(RELATION))
    (tmp_path / "data/safe_words.txt").write_text("ground\n")
    try:
        import en_core_web_lg  # noqa: F401
    except ImportError:
        assert module.main([str(tmp_path), "--out", str(tmp_path / "words.json")]) == 2
        assert "python -m spacy download en_core_web_lg" in capsys.readouterr().err


@pytest.mark.usefixtures("nouns")
def test_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = write_amber_generative(tmp_path / "amber", RELATION)
    with pytest.raises(DataError, match="the table of similar words is not there"):
        load_data(AMBER, str(folder))
    path = tmp_path / "cache/harness" / MODULE.PLACE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(script().make_table(RELATION, [], lambda one, other: float(one == other), "none 0")))
    data = load_data(AMBER, str(folder))
    assert [sample.target for sample in data.samples] == ["sky; dog", "person; road"]
    assert data.samples[0].attributes["words"].startswith("none 0 sha256:")
    assert open_medium(data.folder, data.samples[0].media[0], 1).size == (32, 24)
    monkeypatch.setattr(MODULE, "nouns_of", lambda: None)
    with pytest.raises(DataError, match=r"python -m nltk\.downloader punkt_tab averaged_perceptron_tagger_eng wordnet"):
        load_data(AMBER, str(folder))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"truth": "dog"}, "'truth' holds str, expected a list"),
        ({"truth": ["cat"]}, "'cat' is not in the vocabulary"),
        ({"vocabulary": None}, "NoneType"),
    ],
)
def test_bad_rows(bad: Row, said: str) -> None:
    good = {"id": 1, "query": "Describe.", "truth": ["dog"], "hallu": [], "vocabulary": WORDS, "image": {}}
    with pytest.raises(DataError, match=said):
        AMBER.read_row({**good, **bad}, "row 1")


def test_without_nltks_data_there_is_no_official_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "nouns_of", lambda: None)
    row = {"id": 1, "query": "Describe.", "truth": ["dog"], "hallu": [], "vocabulary": WORDS, "image": {}}
    result = score("amber_generative", [row], ["A dog."])
    assert set(result.official.values()) == {None}
    assert result.metrics["all/f1"].value == 1.0


def test_words_are_read_strictly_in_the_plural_too() -> None:
    truth = ["strawberry", "cherry", "butterfly", "shelf", "mouse", "snowman"]
    row = {"id": 1, "query": "Describe.", "truth": truth, "hallu": [], "vocabulary": [*truth, "dog"], "image": {}}
    text = "Strawberries, cherries and butterflies on shelves, two mice and snowmen."
    assert score("amber_generative", [row], [text]).metrics["all/cover"].value == 1.0


def test_nouns_are_those_of_nltk() -> None:
    nouns = MODULE.nouns_of()
    if nouns is None:
        pytest.skip("NLTK's tagger is not there")
    assert nouns("Dogs run. The dogs chase two men on the streets.") == ["Dogs", "dog", "men", "street"]


def test_nltks_data_are_found_as_its_downloader_leaves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])
    assert MODULE.nouns_of.__wrapped__() is None
    for unpacked in ("tokenizers/punkt_tab", "taggers/averaged_perceptron_tagger_eng"):
        (tmp_path / unpacked).mkdir(parents=True)
    (tmp_path / "corpora").mkdir()
    with ZipFile(tmp_path / "corpora" / "wordnet.zip", "w") as archive:
        archive.writestr("wordnet/lexnames", "")
    assert MODULE.nouns_of.__wrapped__() is not None


def test_the_demo_is_scored(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["eval", "--model", "demo", "--tasks", "amber_generative", "--limit", "8", "--out", str(run)]) == 0
    result = json.loads((run / "run.json").read_text())["tasks"]["amber_generative"]
    assert 0.5 < result["metrics"]["all/f1"]["value"] <= 1.0
    assert samples_of("amber_generative", [{"id": 1, "query": "q", "image": "x"}])[0].target == ""
