"""The demo data sets: sizes, the hub's schemas, rotations, and gold answers against the annotations."""

import collections
import io
import json

import numpy as np
import pytest

from harness.benchmarks.data import load_data
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError, StoreError
from harness.core.prompts import FORMATS, build_prompt
from harness.core.types import Sample
from harness.demo.data import build_demo_data, build_once, demo_data, demo_data_folder, generator_digest
from harness.demo.data_images import rotate
from harness.demo.tokenizer import VOCABULARY, build_tokenizer
from harness.demo.world import OBJECTS, PARTNER, POPULAR, Entry, is_held_out

POSITIONS = ["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"]

TASKS = ["pope", "hallusionbench", "dash_b", "amber", "mmbench", "videohallucer", "eventhallusion", "mmvu"]


@pytest.fixture(scope="module")
def data():
    return demo_data()


def read_rows(data, task):
    """Rows of the task's data, as the hub's files hold them; VideoHallucer's with subset, index and kind."""
    import pyarrow.parquet as pq

    if task in ("pope", "mmbench", "hallusionbench", "dash_b"):
        (path,) = (data / task).rglob("*.parquet")
        return pq.read_table(path).to_pylist()
    if task == "amber":
        truths = json.loads((data / task / "data/annotations.json").read_text())
        queries = json.loads((data / task / "data/query/query_discriminative.json").read_text())
        return [
            {**truth, **query, "answer": truth["truth"], "question": query["query"]}
            for truth, query in zip(truths, queries, strict=True)
        ]
    if task == "eventhallusion":
        files = sorted((data / task / "questions").iterdir())
        items = [item for file in files for item in json.loads(file.read_text())]
        asked = [(item, question) for item in items for question in item["questions"]]
        return [{**item, **question, "subset": item["id"].split("_")[0]} for item, question in asked]
    if task == "mmvu":
        return json.loads((data / task / "validation.json").read_text())
    rows = []
    for subset in (
        "object_relation",
        "temporal",
        "semantic_detail",
        "external_factual",
        "external_nonfactual",
    ):
        for index, pair in enumerate(json.loads((data / task / subset / f"{subset}.json").read_text())):
            assert set(pair) == {"basic", "hallucination", "type"}
            rows += [{"subset": subset, "index": index, "kind": k, **pair[k]} for k in ("basic", "hallucination")]
    return rows


def sample_id(task, row):
    if task == "pope":
        return f"{row['category']}/{row['question_id']}"
    if task == "videohallucer":
        return f"{row['subset']}/{row['index']}/{row['kind']}"
    if task == "hallusionbench":
        return "VD/scene/" + "/".join(row[name] for name in ("set_id", "figure_id", "question_id"))
    if task == "eventhallusion":
        return f"{row['id']}/0"
    return str(row[{"mmbench": "index", "dash_b": "question_id"}.get(task, "id")])


def gold(task, row):
    if task == "hallusionbench":
        return {"1": "yes", "0": "no"}[row["gt_answer"]]
    return row["answer"].rstrip(".").lower() if task == "eventhallusion" else row["answer"]


def annotations(data, task):
    lines = (data / task / "annotations.jsonl").read_text().splitlines()
    return {record["sample_id"]: record for record in map(json.loads, lines)}


def choices_of(task, row):
    if task == "mmbench":
        return {letter: row[letter] for letter in "ABCD" if row[letter] != "nan"}
    if task == "mmvu" and row["question_type"] == "multiple-choice":
        return {letter: text for letter, text in row["choices"].items() if text}
    return None


def test_pope_has_the_hub_schema(data):
    from PIL import Image

    rows = read_rows(data, "pope")
    assert list(rows[0]) == ["id", "question_id", "question", "answer", "image_source", "image", "category"]
    assert len(rows) >= 600
    assert len({row["id"] for row in rows}) == len(rows)
    per_category = collections.Counter(row["category"] for row in rows)
    assert set(per_category) == {"random", "popular", "adversarial"}
    assert len(set(per_category.values())) == 1
    per_image = collections.Counter((row["category"], row["image_source"], row["answer"]) for row in rows)
    assert set(per_image.values()) == {3}
    assert {type(row["question_id"]) for row in rows} == {str}
    image = Image.open(io.BytesIO(rows[0]["image"]["bytes"]))
    assert image.size == (84, 84)
    assert image.mode == "RGB"


def test_pope_absent_objects_are_of_their_kind(data):
    truth = annotations(data, "pope")
    partners = collections.Counter()
    for row in read_rows(data, "pope"):
        if row["answer"] == "yes":
            continue
        record = truth[sample_id("pope", row)]
        asked = OBJECTS.index(record["query"]["object"])
        present = {o["object"] for o in record["scenes"][0]["objects"]}
        has_partner = OBJECTS[PARTNER[asked]] in present
        partners[row["category"], has_partner] += 1
        if row["category"] == "popular":
            assert asked in POPULAR
    assert partners["random", True] == 0
    assert partners["adversarial", True] >= 2 * partners["adversarial", False]


def test_repope_keeps_what_can_be_decided(data):
    truth, kept = annotations(data, "pope"), annotations(data, "repope")
    faint = {
        name
        for name, record in truth.items()
        if any(o["faint"] and o["object"] == record["query"]["object"] for o in record["scenes"][0]["objects"])
    }
    assert 0.05 < len(faint) / len(truth) < 0.3
    assert set(kept) == set(truth) - faint
    samples = load_data(get_benchmark("repope"), str(data)).samples
    assert {sample.id: sample.target for sample in samples} == {
        sample_id("pope", row): row["answer"] for row in read_rows(data, "pope") if sample_id("pope", row) in kept
    }


def test_hallusionbench_asks_the_same_of_a_figure_and_of_its_edit(data):
    answers = collections.defaultdict(list)
    for row in read_rows(data, "hallusionbench"):
        answers[row["set_id"], row["question"]].append(gold("hallusionbench", row))
    assert len(answers) == 4 * 40
    assert {len(two) for two in answers.values()} == {2}
    # The old object goes, the new one comes, and what is asked of the third stays.
    kinds = collections.Counter(tuple(two) for two in answers.values())
    assert kinds == {("yes", "no"): 40, ("no", "yes"): 40, ("yes", "yes"): 80}
    scenes = collections.defaultdict(set)
    for name, record in annotations(data, "hallusionbench").items():
        shown = record["scenes"][0]["objects"]
        scenes[name.split("/")[2]].add(tuple(sorted((o["position"], o["object"]) for o in shown)))
    assert all(len(set(first) ^ set(second)) == 2 for first, second in map(tuple, scenes.values()))


@pytest.mark.parametrize("task", ["chair", "chair_64"])
def test_chair_lists_what_is_there(data, task):
    loaded = load_data(get_benchmark(task), str(data))
    truth = annotations(data, task)
    assert len(loaded.samples) == 60
    tokenizer = build_tokenizer()
    for sample in loaded.samples:
        shown = [entry["object"] for entry in truth[sample.id]["scenes"][0]["objects"]]
        assert sample.target == "; ".join(shown)
        assert set(sample.attributes["vocabulary"].split("; ")) == set(OBJECTS)
        assert VOCABULARY.index("<unk>") not in tokenizer(build_prompt(sample, "grounded"))["input_ids"]


def test_descriptions_of_amber_list_shapes(data):
    loaded = load_data(get_benchmark("amber_generative"), str(data))
    truth = annotations(data, "amber_generative")
    assert len(loaded.samples) == 60
    for sample in loaded.samples:
        shown = {entry["object"].split()[1] for entry in truth[sample.id]["scenes"][0]["objects"]}
        assert set(sample.target.split("; ")) == shown
    assert any(sample.attributes["expected"] != "0" for sample in loaded.samples)


def test_dash_b_lacks_what_its_images_lead_to_expect(data):
    rows, truth = read_rows(data, "dash_b"), annotations(data, "dash_b")
    assert collections.Counter(row["answer"] for row in rows) == {"yes": 80, "no": 80}
    for row in rows:
        shown = {o["object"] for o in truth[row["question_id"]]["scenes"][0]["objects"]}
        assert (row["object_name"] in shown) == (row["answer"] == "yes")
        if row["answer"] == "no":
            assert OBJECTS[PARTNER[OBJECTS.index(row["object_name"])]] in shown


def test_amber_has_its_one_sided_types(data):
    counts = collections.Counter((row["type"], row["answer"]) for row in read_rows(data, "amber"))
    assert counts == {
        ("discriminative-hallucination", "no"): 80,
        ("discriminative-relation", "yes"): 40,
        ("relation", "no"): 40,
    }


def test_eventhallusion_has_its_one_sided_sets(data):
    counts = collections.Counter((row["subset"], row["answer"]) for row in read_rows(data, "eventhallusion"))
    assert counts == {("entire", "No."): 30, ("interleave", "Yes."): 30, ("misleading", "No."): 30}


def test_mmbench_groups_have_all_their_rotations(data):
    rows = read_rows(data, "mmbench")
    assert list(rows[0]) == [
        "index",
        "question",
        "hint",
        "A",
        "B",
        "C",
        "D",
        "answer",
        "category",
        "l2-category",
        "image",
    ]
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["index"] % 1_000_000].append(row)
    assert len(groups) == 200
    sizes = set()
    for group in groups.values():
        options = [choices_of("mmbench", row) for row in group]
        size = len(options[0])
        sizes.add(size)
        assert sorted(row["index"] // 1_000_000 for row in group) == list(range(size))
        assert [list(choice) for choice in options] == [list("ABCD"[:size])] * size
        answers = {choice[row["answer"]] for row, choice in zip(group, options, strict=True)}
        assert len(answers) == 1
        assert sorted(row["answer"] for row in group) == list("ABCD"[:size])
        for letter in "ABCD"[:size]:
            assert len({choice[letter] for choice in options}) == size
    assert sizes == {2, 3, 4}


def test_rotation_moves_options_and_answer_together():
    assert rotate(["w", "x", "y"], 2, 0) == (["w", "x", "y"], 2)
    assert rotate(["w", "x", "y"], 2, 1) == (["y", "w", "x"], 0)
    assert rotate(["w", "x", "y"], 0, 2) == (["x", "y", "w"], 2)


def test_videohallucer_pairs_and_videos(data):
    rows = read_rows(data, "videohallucer")
    assert len(rows) == 2 * 300
    assert collections.Counter(row["subset"] for row in rows) == dict.fromkeys({row["subset"] for row in rows}, 120)
    for basic, false in zip(rows[::2], rows[1::2], strict=True):
        assert (basic["answer"], false["answer"]) == ("yes", "no")
        if basic["subset"] == "semantic_detail":
            assert basic["question"] == false["question"]
            assert basic["video"] != false["video"]
        else:
            assert basic["video"] == false["video"]
            assert basic["question"] != false["question"]
        assert all((data / "videohallucer" / r["subset"] / "videos" / r["video"]).is_file() for r in (basic, false))


def test_external_pairs_differ_in_plausibility(data):
    truth = annotations(data, "videohallucer")
    for name, record in truth.items():
        subset, index, kind = name.split("/")
        if not subset.startswith("external") or kind == "basic":
            continue
        basic = truth[f"{subset}/{index}/basic"]["query"]
        asked = record["query"]
        assert {k: v for k, v in asked.items() if k != "object"} == {k: v for k, v in basic.items() if k != "object"}
        partner = OBJECTS[PARTNER[OBJECTS.index(basic["object"])]]
        assert (asked["object"] == partner) == (subset == "external_factual")


def test_mmvu_has_the_hub_schema(data):
    rows = read_rows(data, "mmvu")
    assert len(rows) == 200
    assert {row["question_type"] for row in rows} == {"multiple-choice", "open-ended"}
    for row in rows:
        assert set(row) == {"id", "video", "question_type", "metadata", "question", "choices", "answer"}
        assert list(row["choices"]) == list("ABCDE")
        assert row["video"].startswith(f"videos/{row['metadata']['subject']}/")
        assert (data / "mmvu" / row["video"]).is_file()
        assert any(row["choices"].values()) == (row["question_type"] == "multiple-choice")


def true_value(query, scene):
    """The right answer to an annotated query, worked out from the annotation alone."""
    objects = scene["objects"]
    events = {o["object"]: o.get("event") or {} for o in objects}
    start = [o for o in objects if (o.get("event") or {}).get("verb") != "appears"]
    family, name = query["family"], query.get("object")
    if family == "object":
        return "yes" if name in events else "no"
    if family == "located":
        return "yes" if any((o["object"], o["position"]) == (name, query["position"]) for o in start) else "no"
    if family == "event":
        event = events.get(name, {})
        happened = (event.get("verb"), event.get("argument")) == (query["verb"], query.get("argument"))
        return "yes" if happened else "no"
    if family == "order":
        return "yes" if events[name]["when"] == query["when"] else "no"
    if family == "where":
        return next(o["position"] for o in objects if o["object"] == name)
    if family in ("color", "identity"):
        found = next(o["object"] for o in start if o["position"] == query["position"])
        return found if family == "identity" else found.split()[0]
    if family == "count":
        return str(len(start))
    if family in ("who", "who_when"):
        key = "verb" if family == "who" else "when"
        (found,) = [o for o, event in events.items() if event.get(key) == query[key]]
        return found
    if family == "what_happens":
        return events[name].get("verb", "stays")
    assert family in ("becomes", "direction")
    return events[name]["argument"]


@pytest.mark.parametrize("task", TASKS)
def test_gold_answers_follow_from_the_annotations(data, task):
    truth = annotations(data, task)
    rows = read_rows(data, task)
    assert set(truth) == {sample_id(task, row) for row in rows}
    for row in rows:
        record = truth[sample_id(task, row)]
        (scene,) = record["scenes"]
        value = true_value(record["query"], scene)
        choices = choices_of(task, row)
        assert (choices[gold(task, row)] if choices else gold(task, row)) == value, record
        assert choices is None or list(choices.values()).count(value) == 1


@pytest.mark.parametrize("task", TASKS)
def test_scenes_are_of_reserved_layouts(data, task):
    for record in annotations(data, task).values():
        for scene in record["scenes"]:
            entries = [
                Entry(obj=OBJECTS.index(o["object"]), cell=POSITIONS.index(o["position"])) for o in scene["objects"]
            ]
            assert is_held_out(tuple(entries))


@pytest.mark.parametrize("task", TASKS)
def test_the_tokenizer_knows_every_word(data, task):
    tokenizer = build_tokenizer()
    yes_no = ("pope", "hallusionbench", "dash_b", "amber", "videohallucer", "eventhallusion")
    for row in read_rows(data, task):
        choices = choices_of(task, row)
        kind = "yes_no" if task in yes_no else "choice" if choices else "open"
        sample = Sample(
            id="x", task=task, target=gold(task, row), answer_kind=kind, question=row["question"], choices=choices
        )
        for form in FORMATS:
            text = build_prompt(sample, form)
            assert VOCABULARY.index("<unk>") not in tokenizer(text)["input_ids"], text


def test_media_show_what_the_annotations_say(data):
    """The clear objects of an image stand out from the background, and its empty cells do not."""
    from PIL import Image

    truth = annotations(data, "pope")
    clear, empty = [], []
    for row in read_rows(data, "pope")[::6][:20]:
        pixels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])), np.float64)
        contrast = pixels.reshape(3, 28, 3, 28, 3).transpose(0, 2, 1, 3, 4).reshape(9, 28, 28, 3)
        middle, edge = contrast[:, 12:16, 12:16].mean((1, 2)), contrast[:, :3].mean((1, 2))
        objects = {o["position"]: o["faint"] for o in truth[sample_id("pope", row)]["scenes"][0]["objects"]}
        for number, position in enumerate(POSITIONS):
            difference = np.abs(middle[number] - edge[number]).max()
            if position not in objects:
                empty.append(difference)
            elif not objects[position]:
                clear.append(difference)
    assert np.median(clear) > 4 * np.median(empty)


def test_the_same_seed_gives_the_same_bytes(data, tmp_path):
    build_demo_data(tmp_path / "again")
    names = sorted(p.relative_to(data) for p in data.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    assert all((data / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)


def test_the_cache_is_filled_once(tmp_path, monkeypatch):
    calls = []

    def build(folder, seed, *, sizes):
        calls.append(folder)
        (folder / "pope").mkdir(parents=True)

    monkeypatch.setattr("harness.demo.data.build_demo_data", build)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = demo_data()
    assert first == tmp_path / "harness" / f"demo-{generator_digest()}"
    assert demo_data_folder() == first
    assert len(calls) == 1
    assert [p.name for p in first.parent.iterdir()] == [first.name]


def test_a_failed_build_leaves_nothing_behind(tmp_path, monkeypatch):
    def build(folder, seed, *, sizes):
        (folder / "pope").mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("harness.demo.data.build_demo_data", build)
    with pytest.raises(StoreError, match="No space left on device"):
        build_once(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_data_are_not_written_over_other_files(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        demo_data_folder(tmp_path)
