"""Objects that captions name, and annotations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.answers.objects import build_vocabulary
from harness.core.errors import DataError
from harness.diagnostics.objects import Annotation, count_objects, read_annotations

ANNOTATION = Annotation(expected=frozenset({"dog", "person"}), present=frozenset({"dog", "person"}))
VOCABULARY = build_vocabulary({"dog": ["puppy"], "person": ["man", "men"], "cat": []})


def test_chair_and_precision_by_hand() -> None:
    counts = count_objects("A man, a man and a cat; a cat.", ANNOTATION, VOCABULARY)
    assert (counts.mentions, counts.invented_mentions) == (4, 2)
    assert (sorted(counts.named), sorted(counts.invented)) == (["cat", "person"], ["cat"])
    assert (counts.expected, counts.found) == (2, 1)


def test_coco_lists_get_cocos_synonyms(tmp_path: Path) -> None:
    rows = [
        {"sample_id": "random/1", "objects": ["person", "couch"]},
        {"sample_id": "random/2", "objects": ["teddy bear"], "captions": ["A teddy bear."]},
    ]
    (tmp_path / "annotations.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read_annotations(tmp_path)
    annotation = found.samples["random/1"]
    counts = count_objects("Two women on a sofa hold a stuffed bear.", annotation, found.vocabulary)
    assert sorted(counts.named) == ["couch", "person", "teddy bear"]
    assert sorted(counts.invented) == ["teddy bear"]
    assert found.samples["random/2"].captions == ("A teddy bear.",)


def test_a_vocabulary_beside_the_annotations_is_used(tmp_path: Path) -> None:
    (tmp_path / "annotations.jsonl").write_text('{"sample_id": "1", "objects": ["axolotl"]}', encoding="utf-8")
    (tmp_path / "vocabulary.json").write_text('{"axolotl": ["mexican salamander"], "newt": []}', encoding="utf-8")
    found = read_annotations(tmp_path)
    counts = count_objects("A Mexican salamander and a newt.", found.samples["1"], found.vocabulary)
    assert (sorted(counts.named), sorted(counts.invented)) == (["axolotl", "newt"], ["newt"])


@pytest.mark.parametrize(
    ("objects", "synonyms", "caption", "found"),
    [
        ([["dog"], ["Dog"]], None, "A dog.", "dog"),
        ([["car", "tree"], ["cars", "tree"]], None, "A car and two trees.", "car"),
        ([["puppy"]], {"dog": ["puppy"]}, "A puppy.", "dog"),
        ([["Dog", "Person"]], None, "A man with a dog.", "person"),
        ([["T-Shirt  rack"]], None, "A t-shirt rack.", "t-shirt rack"),
    ],
)
def test_annotated_objects_have_the_names_of_the_vocabulary(
    tmp_path: Path, objects: list[list[str]], synonyms: object, caption: str, found: str
) -> None:
    rows = [json.dumps({"sample_id": str(number), "objects": names}) for number, names in enumerate(objects)]
    (tmp_path / "annotations.jsonl").write_text("\n".join(rows), encoding="utf-8")
    if synonyms is not None:
        (tmp_path / "vocabulary.json").write_text(json.dumps(synonyms), encoding="utf-8")
    annotations = read_annotations(tmp_path)
    for annotation in annotations.samples.values():
        counts = count_objects(caption, annotation, annotations.vocabulary)
        assert found in counts.named
        assert (counts.invented, counts.found) == (frozenset(), counts.expected)


@pytest.mark.parametrize("line", ['{"sample_id": "1"}', "{", '["1"]', '{"sample_id": "1", "objects": 3}'])
def test_malformed_annotations_are_named_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "annotations.jsonl"
    path.write_text(f'{{"sample_id": "0", "objects": []}}\n{line}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"annotations\.jsonl:2"):
        read_annotations(path)
