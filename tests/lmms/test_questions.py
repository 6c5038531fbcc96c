"""Docs as samples: what belongs together, and of which kind the answers are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from PIL import Image
from support_benchmarks import image_bytes

from harness.core.errors import UsageError
from harness.core.types import Sample
from harness.lmms.questions import read_questions, to_facts, to_samples


class FakeTask:
    """The few parts of an lmms-eval task that asking takes."""

    def __init__(
        self, docs: datasets.Dataset, show: Any, *, cluster_key: str | None = None, prompt: Any = None
    ) -> None:
        self.eval_docs = self.eval_docs_no_media = docs
        self.config = SimpleNamespace(cluster_key=cluster_key)
        self.doc_to_visual = show
        self.doc_to_text = prompt or (lambda doc: doc["question"])

    def doc_to_target(self, doc: Any) -> Any:
        return doc["answer"]


def docs_of(rows: list[dict[str, Any]], **features: Any) -> datasets.Dataset:
    rows = [{"question": f"What is {number}?", "answer": "a word", **row} for number, row in enumerate(rows)]
    text = {name: datasets.Value("string") for name in rows[0] if name not in features}
    return datasets.Dataset.from_list(rows, features=datasets.Features({**text, **features}))


def clusters(task: FakeTask) -> list[str | None]:
    return [sample.cluster for sample in to_samples("t", read_questions("t", task, [Path("/")]))]


def embedded(*seeds: int) -> list[dict[str, Any]]:
    return [{"image": {"bytes": image_bytes(seed), "path": None}} for seed in seeds]


def convert(doc: Any) -> list[Any]:
    return [doc["image"].convert("RGB")]


def test_docs_with_the_same_image_are_one_cluster_named_by_its_first() -> None:
    task = FakeTask(docs_of(embedded(3, 1, 3, 2, 1, 3), image=datasets.Image()), convert)
    assert clusters(task) == ["0", "1", "0", None, "1", "0"]
    assert to_facts("t", read_questions("t", task, [Path("/")])).clusters_share_media is True


def test_what_is_shown_counts_whatever_else_a_doc_says() -> None:
    rows = [row | {"question_id": "same"} for row in embedded(1, 2)]
    assert clusters(FakeTask(docs_of(rows, image=datasets.Image()), convert)) == [None, None]


def test_the_cluster_key_of_the_yaml_decides() -> None:
    rows = [row | {"scene": scene} for row, scene in zip(embedded(1, 2, 1), ("x", "x", "y"), strict=True)]
    task = FakeTask(docs_of(rows, image=datasets.Image()), convert, cluster_key="scene")
    assert clusters(task) == ["0", "0", None]
    assert to_facts("t", read_questions("t", task, [Path("/")])).clusters_share_media is False
    # lmms-eval looks a key up in results too: one that docs do not have is passed over.
    assert clusters(FakeTask(docs_of(rows, image=datasets.Image()), convert, cluster_key="gone")) == ["0", None, "0"]


def test_videos_are_known_by_their_paths_and_images_made_elsewhere_by_their_pixels() -> None:
    rows = [{"path": path} for path in ("a.mp4", "b.mp4", "a.mp4")]
    task = FakeTask(docs_of(rows), lambda doc: [doc["path"]])
    assert clusters(task) == ["0", None, "0"]
    assert to_facts("t", read_questions("t", task, [Path("/")])).media == "video"
    drawn = FakeTask(docs_of(rows), lambda doc: [Image.new("RGB", (8, 8), (len(doc["path"]), ord(doc["path"][0]), 0))])
    assert clusters(drawn) == ["0", None, "0"]


@pytest.mark.parametrize("column", ["question_id", "image_id", "video_id"])
def test_questions_without_media_are_grouped_by_an_id(column: str) -> None:
    rows = [{column: name} for name in ("q1", "q2", "q1")]
    task = FakeTask(docs_of(rows), lambda doc: [])
    assert clusters(task) == ["0", None, "0"]
    facts = to_facts("t", read_questions("t", task, [Path("/")]))
    assert (facts.media, facts.clusters_share_media) == (None, False)


def test_what_is_neither_image_nor_video_is_refused() -> None:
    for visual in ({"audio": 1}, "a.wav"):
        with pytest.raises(UsageError, match="neither image nor video"):
            read_questions("t", FakeTask(docs_of([{}]), lambda doc, visual=visual: [visual]), [Path("/")])


def read(answers: list[str], prompts: list[str] | None = None) -> list[Sample]:
    rows = [{"answer": answer} for answer in answers]
    prompt = None if prompts is None else lambda doc: prompts[int(doc["question"][8])]
    return to_samples("t", read_questions("t", FakeTask(docs_of(rows), lambda doc: [], prompt=prompt), [Path("/")]))


def test_yes_and_no_are_a_closed_set() -> None:
    samples = read(["Yes", "no", "No."])
    assert {sample.answer_kind for sample in samples} == {"yes_no"}
    assert [sample.target for sample in samples] == ["yes", "no", "no"]
    assert {sample.answer_kind for sample in read(["Yes", "no", "two"])} == {"open"}


def test_letters_of_listed_options_are_a_closed_set() -> None:
    prompts = ["Which?\nA. red\nB. blue\nAnswer with a letter.", "Which, in A. D. 79?\n(A) one\n(B) two\n(C) three"]
    first, second = read(["B", "(C)"], prompts)
    assert (first.answer_kind, first.target, first.choices) == ("choice", "B", {"A": "red", "B": "blue"})
    assert (second.target, second.choices) == ("C", {"A": "one", "B": "two", "C": "three"})
    # A target that is no listed option, or options that are listed otherwise: nobody can tell.
    assert [sample.answer_kind for sample in read(["B", "D"], prompts)] == ["choice", "open"]
    assert {sample.answer_kind for sample in read(["B"], ["Which? A. red B. blue"])} == {"open"}


def test_the_text_of_one_option_stands_for_its_letter() -> None:
    prompts = ["Which?\n(A) red\n(B) blue", "How many?", "Which?\n(A) red\n(B) red"]
    samples = read(["blue", "7", "red"], prompts)
    assert [(sample.answer_kind, sample.target) for sample in samples] == [
        ("choice", "B"), ("open", "7"), ("open", "red"),
    ]  # fmt: skip
    assert samples[1].choices is None


def test_the_question_is_the_docs_where_the_prompt_holds_it() -> None:
    (sample,) = read(["yes"], ["What is 0? Answer yes or no."])
    assert (sample.question, sample.prompt) == ("What is 0?", "What is 0? Answer yes or no.")
    (sample,) = read(["yes"], ["Tell me."])
    assert sample.question == sample.prompt == "Tell me."
