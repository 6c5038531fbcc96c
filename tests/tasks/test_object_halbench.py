"""Object HalBench: figures by hand from what a judge lists, its replies, and its rows."""

import base64
import json
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from support_benchmarks import image_bytes
from support_judges import Scripted, judge_of
from support_scoring import record_of, samples_of, task_module

from harness.benchmarks.data import load_data, open_medium
from harness.benchmarks.registry import benchmark_folders, get_benchmark
from harness.core.types import SampleRecord, TaskResult
from harness.statistics import summarise
from harness.statistics.counts import tabulate
from harness.statistics.differences import compare, measure

HALBENCH = get_benchmark("object_halbench")
MODULE = task_module("object_halbench")
THERE = [["dog", "person"], ["cat"], ["bus"], ["car"]]


def records(*texts: str) -> list[SampleRecord]:
    rows = [{"question_id": n, "question": "What is there?", "gt_object": of} for n, of in enumerate(THERE)]
    samples = samples_of("object_halbench", rows)
    return [record_of(sample, text) for sample, text in zip(samples, texts, strict=True)]


def settled(asked: list[SampleRecord], replies: dict[str, str]) -> Iterator[SampleRecord]:
    def reply(prompt: str) -> str | None:
        return next((said for word, said in replies.items() if word in prompt), None)

    return judge_of(Scripted(reply)).settle(asked, {"object_halbench": HALBENCH.rubric})


def listed(asked: list[SampleRecord], replies: dict[str, str]) -> TaskResult:
    return summarise(HALBENCH, settled(asked, replies))


def test_figures_by_hand() -> None:
    asked = records("alpha beta", "gamma", "delta", "")
    replies = {
        "alpha": '["dog", "two men", "tree"]',
        "gamma": '["kitten", "seat", "dog"]',
        "delta": "[]",
        "": '["car"]',
    }
    result = listed(asked, replies)
    # Named: dog, person; cat, dog (a seat may be many things); nothing; nothing, whatever the judge says of nothing.
    assert {name: metric.value for name, metric in result.metrics.items()} == pytest.approx(
        {
            "all/f1": 2 * 3 / (4 + 5),
            "all/chair_s": 1 / 2,
            "all/chair_s_refine": 1 / 2,
            "all/chair_i": 1 / 4,
            "all/recall": 3 / 5,
            "all/words": (2 + 1 + 1 + 0) / 4,
        }
    )
    # By the published synonyms the seat is a chair.
    assert result.official == pytest.approx(
        {
            "all/chair_s": 1 / 4,
            "all/chair_s_refine": 1 / 2,
            "all/chair_i": 2 / 5,
            "all/recall": 3 / 5,
            "all/f1": None,
            "all/words": None,
        }
    )
    assert (result.unanswered, result.unsettled) == (2, 0)


def test_a_description_that_the_judge_fails_on_counts_wrong_and_opens_a_range() -> None:
    texts = ("alpha beta", "gamma", "delta", "")
    judged = listed(records(*texts), {"alpha": '["dog", "person"]', "gamma": '["dog"]', "delta": "[]", "": "[]"})
    # The list of the one that invents is cut off.
    dodged = listed(records(*texts), {"alpha": '["dog", "person"]', "gamma": '["dog", "do', "delta": "[]", "": "[]"})
    metric = dodged.metrics["all/f1"]
    assert metric.value == judged.metrics["all/f1"].value == 4 / 8
    assert (metric.n, metric.n_unsettled, metric.if_wrong, metric.if_right) == (4, 1, 4 / 8, 6 / 8)
    invented = dodged.metrics["all/chair_i"]
    assert (invented.value, invented.if_wrong, invented.if_right) == (1 / 3, 1 / 3, 0.0)
    assert dodged.metrics["all/words"].value == judged.metrics["all/words"].value
    assert (dodged.unsettled, dodged.official["all/chair_s"]) == (1, 1 / 4)
    specs = HALBENCH.metrics({("",)})
    spec = next(spec for spec in specs if spec.name == "all/f1")
    tables = [
        tabulate(HALBENCH.units(settled(records(*texts), {"alpha": said, "gamma": "", "delta": "[]", "": "[]"})))
        for said in ('["dog"]', '["dog", "person"]')
    ]
    difference = compare(spec, *({0: measure(spec, table)} for table in tables))
    assert difference.value
    assert difference.could_turn


def test_the_judge_sees_what_is_scored() -> None:
    long = f"{'The scene is calm. ' * 60}A cat is there. {'The scene is calm. ' * 120}"
    asked = records(
        long, "<caption>A dog and a cat.</caption>", "<caption>A kite.</caption><answer>A bus.</answer>", ""
    )
    model = Scripted(lambda prompt: "[]")
    list(judge_of(model).settle(asked, {"object_halbench": HALBENCH.rubric}))
    seen = "".join(model.seen)
    assert all(text in seen for text in (long.strip(), "A dog and a cat.", "A kite."))
    assert "A bus." not in seen


def test_equal_responses_are_held_each_against_its_own_image() -> None:
    result = listed(records(*["A dog."] * 4), {"A dog.": '["dog"]'})
    assert result.metrics["all/chair_s"].value == 3 / 4


def test_without_a_judge_nothing_is_counted() -> None:
    result = summarise(HALBENCH, records("A dog.", "A cat.", "A bus.", ""))
    assert {metric.value for metric in result.metrics.values()} == {None}
    assert set(result.official.values()) == {None}
    assert result.undecided == 4


@pytest.mark.parametrize(
    ("reply", "objects"),
    [
        ('["dog", "hot dog"]', ["dog", "hot dog"]),
        ('```json\n["dog"]\n```', ["dog"]),
        ("<think>[1]</think> []", []),
        ("[1, 2]", None),
        ('{"dog": 1}', None),
        ('["dog", "cat", "ca', None),  # How it went on is not known.
        ("none", None),
        ("][", None),
        ("", None),
    ],
)
def test_replies(reply: str, objects: list[str] | None) -> None:
    assert MODULE.read_list(reply) == objects


def script() -> Any:
    path = benchmark_folders()["object_halbench"] / "rows.py"
    spec = spec_from_file_location("object_halbench_rows", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_are_made_of_questions_and_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [{"image_id": n, "question": f"What is in image {n}?"} for n in (7, 9)]
    for row in images:
        row["image"] = base64.b64encode(image_bytes(int(str(row["image_id"])))).decode()
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in images))
    coco = tmp_path / "coco"
    coco.mkdir()
    arguments = [str(tmp_path / "questions.jsonl"), str(coco), str(tmp_path / "data")]
    assert script().main(arguments) == 2
    assert "instances_train2014.json is not COCO's" in capsys.readouterr().err
    categories = [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
    instances = {"train": [{"image_id": 7, "category_id": 18}], "val": [{"image_id": 9, "category_id": 1}]}
    told = {"train": [{"image_id": 7, "caption": "A dog on a couch."}], "val": [{"image_id": 8, "caption": "A cat."}]}
    for split in ("train", "val"):
        stored = {"categories": categories, "annotations": instances[split]}
        (coco / f"instances_{split}2014.json").write_text(json.dumps(stored))
        (coco / f"captions_{split}2014.json").write_text(json.dumps({"annotations": told[split]}))
    assert script().main(arguments) == 0
    data = load_data(HALBENCH, str(tmp_path / "data"))
    assert [sample.target for sample in data.samples] == ["couch; dog", "person"]
    assert data.samples[1].question == "What is in image 9?"
    assert [sample.cluster for sample in data.samples] == ["7", "9"]
    assert open_medium(data.folder, data.samples[0].media[0], 1).size == (32, 24)
