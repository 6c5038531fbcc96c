"""CHAIR: figures by hand, the published evaluator's steps, its quirks, and rows."""

import json
import random
import time
from pathlib import Path

import pytest
from support_benchmarks import write_chair
from support_scoring import Row, samples_of, score, task_module, values

from harness.answers.coco import COCO_SYNONYMS
from harness.benchmarks.baselines import constant_headlines
from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.cli import main
from harness.core.errors import DataError
from harness.core.types import Response

CHAIR = get_benchmark("chair")
MODULE = task_module("chair")


def row(number: int, *there: str) -> Row:
    return {"question_id": number, "gt_object": list(there), "image": {}}


def mentions(caption: str) -> list[str]:
    found: list[str] = MODULE.official_mentions(caption, MODULE.coco_list())
    return found


def test_figures_by_hand() -> None:
    rows = [row(1, "dog", "person"), row(2, "cat"), row(3, "bus", "dining table"), row(4, "orange")]
    texts = ["A man walks two dogs. No cat is there.", "A kitten on a seat", "A bus, a bus, buses.", ""]
    result = score("chair", rows, texts)
    # Denied, the cat of the first does not count, and "seat" names several things.
    assert values(result) == pytest.approx(
        {
            "all/f1": 2 * 4 / (4 + 6),
            "all/chair_s": 0.0,
            "all/chair_i": 0.0,
            "all/recall": 4 / 6,
            "all/words": (9 + 5 + 5 + 0) / 4,
        }
    )
    # Published: person, dog, cat; cat, chair; bus (once: the singular of "bus" is "bu"); nothing, which is no
    # hallucination.
    assert result.official == pytest.approx(
        {"all/chair_s": 2 / 4, "all/chair_i": 2 / 6, "all/recall": 4 / 6, "all/f1": None, "all/words": None}
    )
    assert result.disagreements == 3


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("Two people ride buses; a bus.", ["person", "bus"]),
        ("A man's wine glasses, a wine glass and a glass.", ["person", "wine glass", "wine glass"]),
        ("A hot dog, a hot, dog.", ["hot dog", "dog"]),
        ("The seat of the toilet", ["toilet"]),
        ("A toilet seat. A seat.", ["toilet"]),
        ("A seat.", ["chair"]),
        ("A baby bear and an adult sheep, a passenger train", ["bear", "sheep", "train"]),
        ("A bow tie, two ties, a tie", ["tie", "tie"]),
        ("A tennis racket and a sports ball", ["tennis racket", "sports ball"]),
        ("There is no dog-like cat/dog thing.", []),
        (
            "men, women, children, oxen, geese, mice, skis, knives",
            ["person", "person", "person", "cow", "bird", "mouse", "skis", "knife"],
        ),
        # Its list has "iPhone" and " cheesecake", which no token is.
        ("An iPhone and a cheesecake", []),
        ("orange", ["orange"]),
    ],
)
def test_the_published_steps(caption: str, found: list[str]) -> None:
    assert mentions(caption) == found


def published_mentions(caption: str, singular: dict[str, str]) -> list[str]:
    """The published steps once more, over NLTK's tokens of single sentences."""
    from nltk.tokenize.destructive import NLTKWordTokenizer

    words = [
        singular.get(token, token)
        for sentence in caption.lower().split("\n")
        for token in NLTKWordTokenizer().tokenize(sentence)
    ]
    official = MODULE.coco_list()
    merged, place = [], 0
    while place < len(words):
        pair = " ".join(words[place : place + 2])
        merged.append(official.doubles.get(pair) or words[place])
        place += 2 if pair in official.doubles else 1
    if "toilet" in merged and "seat" in merged:
        merged = [word for word in merged if word != "seat"]
    return [official.objects[word] for word in merged if word in official.objects]


def test_equals_the_published_steps_over_nltks_tokens() -> None:
    rng = random.Random(0)
    singular = {"dogs": "dog", "buses": "bus", "bus": "bu", "glass": "glas", "people": "person", "men": "man"}
    words = ["a", "dog", "dogs", "bus", "buses", "wine", "glass", "hot", "people", "men's", "toilet", "seat", "tie"]
    words += [
        "no",
        "(dog)",
        "dog,",
        "“cat”",
        "'cat'",
        "cat's",
        "dog/cat",
        "dog-cat",
        "3:30",
        "1,000",
        "hot;",
        "bear!",
        "the baby",
    ]
    for _ in range(400):
        lines = [
            " ".join(rng.choices(words, k=rng.randint(1, 12))) + rng.choice(["", ".", "...", "?", '."', " --"])
            for _ in range(3)
        ]
        caption = "\n".join(lines)
        assert mentions(caption) == published_mentions(caption, singular), caption


@pytest.mark.parametrize(
    "text", ["'s" * 50_000, "x" + "." * 100_000, "a." * 50_000, "'ll" * 30_000, "x" + "'" * 99_999]
)
def test_tokens_take_time_in_proportion_to_the_text(text: str) -> None:
    start = time.process_time()
    assert "".join(MODULE.tokens(text)) == text
    assert time.process_time() - start < 2


def test_questions_about_one_image_are_a_cluster() -> None:
    rows = [
        {**row(n, "dog"), **more}
        for n, more in enumerate(({"image_id": 7, "image": "a.jpg"}, {"image_id": 7}, {"image": "b.jpg"}, {}))
    ]
    for task in ("chair", "object_halbench"):
        assert [sample.cluster for sample in samples_of(task, rows)] == ["7", "7", "b.jpg", "3"]


def test_the_two_lengths_are_two_benchmarks() -> None:
    short = get_benchmark("chair_64")
    assert (CHAIR.response_tokens, short.response_tokens) == (512, 64)
    (sample,) = samples_of("chair_64", [row(1, "dog")])
    assert sample.task == "chair_64"


def test_constant_captions_are_beside_the_score() -> None:
    rows = [row(1, "dog", "person"), row(2, "cat")]
    assert constant_headlines(CHAIR, samples_of("chair", rows)) == {"always a person": pytest.approx(2 / 5)}


def test_rows_of_the_hub(tmp_path: Path) -> None:
    data = load_data(CHAIR, str(write_chair(tmp_path / "chair")))
    first = data.samples[0]
    assert (len(data.samples), first.id, first.target, first.answer_kind) == (24, "100", "dog; person", "caption")
    assert first.question == "Please describe this image in detail."


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"gt_object": "dog"}, "expected a list of objects"),
        ({"gt_object": ["dragon"]}, "'dragon', which is not one of the objects"),
        ({"gt_object": None}, "column 'gt_object' is empty"),
        ({"question_id": None}, "column 'question_id' is empty"),
    ],
)
def test_bad_rows(bad: Row, said: str) -> None:
    with pytest.raises(DataError, match=said):
        CHAIR.read_row({**row(1, "dog"), **bad}, "row 7")


def test_another_list_of_synonyms_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "_LIST_SHA256", "0" * 64)
    MODULE.coco_list.cache_clear()
    with pytest.raises(DataError, match="another list than was looked at"):
        CHAIR.read_row(row(1, "dog"), "row 7")
    MODULE.coco_list.cache_clear()
    monkeypatch.undo()
    assert CHAIR.read_row(row(1, "dog"), "row 7").target == "dog"


def test_other_images_name_their_objects() -> None:
    sample = CHAIR.read_row({**row(1, "red star"), "vocabulary": ["red star", "blue circle"]}, "row 7")
    verdict = CHAIR.judge(sample, Response(sample_id="1", text="red star left ; blue circle top ; a dog"))
    assert verdict.scores["official mentions"] == verdict.scores["mentions"] == 2
    assert (verdict.status, verdict.answer) == ("incorrect", "red star; blue circle")


def test_the_demo_is_scored(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert (
        main(
            ["eval", "--model", "demo", "--tasks", "chair", "--limit", "8", "--out", str(run), "--max-new-tokens", "32"]
        )
        == 0
    )
    stored = json.loads((run / "run.json").read_text())
    result = stored["tasks"]["chair"]
    assert 0.5 < result["metrics"]["all/f1"]["value"] <= 1.0
    assert result["official"]["all/recall"] == result["metrics"]["all/recall"]["value"]
    assert stored["settings"]["tasks"]["chair"]["max_new_tokens"] == 512


def test_the_list_is_the_one_that_the_rules_describe() -> None:
    official = MODULE.coco_list()
    assert set(official.objects.values()) == set(COCO_SYNONYMS)
    assert len(official.doubles) == 29 + 2 * 12 + 2
    changed = {double: merged for double, merged in official.doubles.items() if merged != double}
    young = {double for double in changed if double.startswith(("baby ", "adult "))}
    assert len(young) == 24
    assert {double: changed[double] for double in changed.keys() - young} == {
        "bow tie": "tie",
        "toilet seat": "toilet",
        "wine glas": "wine glass",
        "passenger jet": "jet",
        "passenger train": "train",
    }


def test_two_runs_differ_in_points_whatever_the_length_of_captions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, captions in (("a", ["A dog."] * 24), ("b", ["A dog near a person and a bus."] * 24)):
        responses = tmp_path / f"{name}.jsonl"
        lines = [json.dumps({"id": str(100 + n), "response": text}) for n, text in enumerate(captions)]
        responses.write_text("\n".join(lines) + "\n")
        arguments = ["eval", "--model", name, "--engine", "replay", "--responses", str(responses), "--no-diagnose"]
        data = tmp_path / "data"
        if not data.exists():
            write_chair(data / "chair")
        assert main([*arguments, "--tasks", "chair", "--data", str(data), "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    said = capsys.readouterr().out
    # The dog is in half of the images, which have two objects each: 2 x 12 / (24 + 48), and 2 x 36 / (72 + 48).
    assert "all/f1: 33.3 → 60.0, +26.7" in said
