from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support_benchmarks import (
    image_bytes,
    pope_rows,
    write_all,
    write_mmvu,
    write_parquet,
    write_pope,
    write_videohallucer,
)
from support_media import encode, picture
from support_scoring import OURS, PUBLISHED

from harness.benchmarks.data import BenchmarkData, load_data, open_medium
from harness.benchmarks.digests import digest_prompts, digest_samples
from harness.benchmarks.registry import get_benchmark
from harness.core.errors import DataError, MediaError
from harness.media.videos import Video


def load(task: str, data: Path | str) -> BenchmarkData:
    return load_data(get_benchmark(task), str(data))


def open_first(benchmark: BenchmarkData, index: int = 0) -> Any:
    return open_medium(benchmark.folder, benchmark.samples[index].media[0], 4)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("copies"))


@pytest.mark.parametrize(
    ("task", "count", "ids"),
    [
        ("pope", 30, ["adversarial/1", "random/10"]),
        ("videohallucer", 30, ["object_relation/0/basic", "external_nonfactual/2/hallucination"]),
        ("eventhallusion", 9, ["entire_001/0", "misleading_002/0"]),
        ("mmbench", 14, ["0", "1000003"]),
        ("mmvu", 6, ["validation_0", "validation_5"]),
    ],
)
@pytest.mark.parametrize("nested", [True, False])
def test_downloaded_layouts(copies: Path, task: str, count: int, ids: list[str], nested: bool) -> None:
    benchmark = load(task, copies if nested else copies / task)
    assert [benchmark.samples[0].id, benchmark.samples[-1].id] == ids
    assert len(benchmark.samples) == count
    assert benchmark.source == f"dir:{copies.name if nested else task}"
    medium = open_first(benchmark, -1)
    if task in ("pope", "mmbench"):
        assert medium.size == (32, 24)
    else:
        assert isinstance(medium, Video)
        assert medium.frames.shape == (4, 64, 96, 3)


def test_folder_named_after_the_hub_data_set(copies: Path, tmp_path: Path) -> None:
    shutil.copytree(copies / "pope", tmp_path / "POPE")
    assert len(load("pope", tmp_path).samples) == 30


def test_media_sources_are_relative(copies: Path) -> None:
    expected = {
        "pope": "data/test-00001-of-00002.parquet[13].image",
        "videohallucer": "external_nonfactual/videos/2.mp4",
        "eventhallusion": "videos/misleading/misleading_002.mp4",
        "mmbench": "en/dev-00000-of-00001.parquet[13].image",
        "mmvu": "videos/Chemistry/5.mp4",
    }
    assert {task: load(task, copies).samples[-1].media[0].source for task in expected} == expected


def test_every_row_has_its_own_image(tmp_path: Path) -> None:
    rows = [{**row, "image": {"bytes": image_bytes(index), "path": None}} for index, row in enumerate(pope_rows())]
    write_parquet(tmp_path / "test-00000-of-00001.parquet", rows, row_group_size=7)
    benchmark = load("pope", tmp_path)
    for index in [0, 1, 29, 3, 28, 14, 13, 15, 0]:
        assert np.asarray(open_first(benchmark, index))[0, 0].tolist() == [index, 40, 90]


def test_save_to_disk(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {column: datasets.Image() if column == "image" else datasets.Value("string") for column in pope_rows()[0]}
    )
    dataset = datasets.Dataset.from_list(pope_rows(), features=features)
    dataset.save_to_disk(str(tmp_path / "plain"), num_shards=3)
    datasets.DatasetDict({"test": dataset, "train": dataset}).save_to_disk(str(tmp_path / "splits"))
    hub = load("pope", write_pope(tmp_path / "hub"))
    for name in ("plain", "splits"):
        saved = load("pope", tmp_path / name)
        assert [sample.id for sample in saved.samples] == [sample.id for sample in hub.samples]
        assert open_first(saved, 29).size == (32, 24)
        # The same questions over the same images, whatever the layout.
        assert digest_samples(saved.samples) == digest_samples(hub.samples)
    (tmp_path / "plain/data-00001-of-00003.arrow").unlink()
    with pytest.raises(DataError, match=r"1 of 3 parts|data-00001-of-00003\.arrow is missing"):
        load("pope", tmp_path / "plain")


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_loose_files_with_image_paths(tmp_path: Path, suffix: str) -> None:
    images = tmp_path / "images"
    images.mkdir()
    rows = pope_rows()
    for index, row in enumerate(rows):
        (images / f"{index}.png").write_bytes(row["image"]["bytes"])
        row["image"] = f"{index}.png" if index % 2 else f"images/{index}.png"
        row["question"] += "\u2028"  # A line separator that is no end of line.
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    text = "\n".join(lines) if suffix == "jsonl" else f"[{','.join(lines)}]"
    (tmp_path / f"questions.{suffix}").write_text(text, encoding="utf-8")
    benchmark = load("pope", tmp_path)
    assert len(benchmark.samples) == 30
    assert benchmark.samples[1].media[0].source == "images/1.png"
    assert open_first(benchmark, 7).size == (32, 24)


def test_card_declares_the_files(tmp_path: Path) -> None:
    write_parquet(tmp_path / "elsewhere/a.parquet", pope_rows())
    write_parquet(tmp_path / "elsewhere/b.parquet", [{"other": 1}])
    card = """---
configs:
- config_name: Full
  data_files:
  - split: test
    path: elsewhere/b.parquet
- config_name: default
  data_files:
  - split: train
    path: elsewhere/b.parquet
  - split: test
    path: elsewhere/a*
---
"""
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert len(load("pope", tmp_path).samples) == 30


def test_flat_videohallucer_files(tmp_path: Path, copies: Path) -> None:
    for subset in ("temporal", "semantic_detail"):
        shutil.copy(copies / "videohallucer" / subset / f"{subset}.json", tmp_path)
    shutil.copytree(copies / "videohallucer/temporal/videos", tmp_path / "temporal/videos")
    benchmark = load("videohallucer", tmp_path)
    sources = [sample.media[0].source for sample in benchmark.samples]
    assert sources[0] == "temporal/videos/0.mp4"
    assert isinstance(open_first(benchmark), Video)
    with pytest.raises(MediaError, match=r"^video missing: semantic_detail/videos/0\.mp4\.$"):
        open_first(benchmark, 6)


def test_mmvu_rows_with_video_path(tmp_path: Path) -> None:
    items = json.loads((write_mmvu(tmp_path) / "validation.json").read_text())
    for item in items:
        item["video_path"] = item.pop("video").split("/videos/")[-1]
    (tmp_path / "validation.json").unlink()
    write_parquet(tmp_path / "validation-00000-of-00001.parquet", items)
    benchmark = load("mmvu", tmp_path)
    assert benchmark.samples[0].media[0].source == "videos/Art/0.mp4"
    assert isinstance(open_first(benchmark), Video)


def test_embedded_video(tmp_path: Path, copies: Path) -> None:
    item = json.loads((copies / "mmvu/validation.json").read_text())[0]
    content = (copies / "mmvu/videos/Art/0.mp4").read_bytes()
    write_parquet(tmp_path / "validation-00000-of-00001.parquet", [{**item, "video": {"bytes": content, "path": None}}])
    assert isinstance(open_first(load("mmvu", tmp_path)), Video)


def test_broken_media_cost_their_samples_only(tmp_path: Path) -> None:
    rows = pope_rows()
    rows[3]["image"] = {"bytes": rows[3]["image"]["bytes"][:40], "path": None}
    rows[4]["image"] = None
    rows[5]["image"] = {"bytes": b"", "path": None}
    write_parquet(tmp_path / "test-00000-of-00001.parquet", rows)
    benchmark = load("pope", tmp_path)
    failed = {}
    for index in range(30):
        try:
            open_first(benchmark, index)
        except MediaError as error:
            failed[index] = str(error)
    assert list(failed) == [3, 4, 5]
    assert all(f"test-00000-of-00001.parquet[{index}].image" in text for index, text in failed.items())


def test_empty_media_cell_in_json(tmp_path: Path, copies: Path) -> None:
    items = json.loads((copies / "mmvu/validation.json").read_text())
    items[1]["video"] = None
    (tmp_path / "validation.json").write_text(json.dumps(items))
    benchmark = load("mmvu", tmp_path)
    assert len(benchmark.samples) == 6
    with pytest.raises(MediaError, match=r"validation\.json\[1\]\.video"):
        open_first(benchmark, 1)


@pytest.mark.parametrize("parts", [["i" * 5000], ["i" * 60] * 80])
def test_encoded_image_where_a_file_name_is_expected(tmp_path: Path, parts: list[str]) -> None:
    rows = [{**row, "image": "/".join(parts)} for row in pope_rows()]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(
        DataError,
        match=r"^pope: test\.jsonl, row 1: column 'image' holds 'i[i/]{39}\.\.\.' \(\d+ characters\), .*too long",
    ) as caught:
        load("pope", tmp_path)
    assert len(str(caught.value)) < 350


def test_half_a_character_in_a_question(tmp_path: Path) -> None:
    halves = ("\ud83d", "\ude00")
    rows = [
        {**row, "question": f"Is there {half} a dog?", "image": None}
        for row, half in zip(pope_rows(), halves, strict=False)
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    samples = load("pope", tmp_path).samples
    assert [sample.question for sample in samples] == [f"Is there {half} a dog?" for half in halves]
    changed = [replace(samples[0], question=samples[1].question), samples[1]]
    assert digest_samples(samples) != digest_samples(changed)
    assert digest_prompts(samples).startswith("sha256:")
    # Ids are printed, and are seeds.
    (tmp_path / "test.jsonl").write_text(json.dumps({**rows[0], "question_id": "1\ud83d"}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.jsonl, row 1: sample id 'adversarial/1\\ud83d' holds half a character"):
        load("pope", tmp_path)


def _without(column: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != column} for row in pope_rows()]


def _changed(index: int, **cells: Any) -> list[dict[str, Any]]:
    rows = pope_rows()
    rows[index].update(cells)
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_without("answer"), r"test\.parquet\[0\]: no column 'answer'\. Columns found: id, question_id, .*image"),
        (_without("image"), r"no column 'image'\. Columns found: id, question_id"),
        (_changed(7, answer=None), r"test\.parquet\[7\]: column 'answer' is empty"),
        (_changed(1, question_id="1"), r"sample id 'adversarial/1' occurs twice"),
    ],
)
def test_rows_that_cannot_be_asked(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    write_parquet(tmp_path / "test.parquet", rows)
    with pytest.raises(DataError, match=message):
        load("pope", tmp_path)


def test_folders_without_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load("pope", tmp_path / "gone")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file, not a folder"):
        load("pope", tmp_path / "file")
    with pytest.raises(DataError, match=r"no rows in .*--local-dir"):
        load("pope", tmp_path)
    (tmp_path / "mmbench").mkdir()
    with pytest.raises(DataError, match="has mmbench but no folder 'pope'"):
        load("pope", tmp_path)


def test_empty_tables(tmp_path: Path) -> None:
    schema = pa.Table.from_pylist(pope_rows()).schema
    pq.write_table(schema.empty_table(), tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"pope: the data set in .* is empty"):
        load("pope", tmp_path)
    (tmp_path / "test.parquet").unlink()
    (tmp_path / "test.json").write_text("[]")
    with pytest.raises(DataError, match="is empty"):
        load("pope", tmp_path)


def test_damaged_tables(tmp_path: Path) -> None:
    write_parquet(tmp_path / "test.parquet", pope_rows())
    data = (tmp_path / "test.parquet").read_bytes()
    (tmp_path / "test.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"test\.parquet cannot be read"):
        load("pope", tmp_path)
    (tmp_path / "test.parquet").unlink()
    for text in ("{", "[1, 2]", '"text"'):
        (tmp_path / "test.json").write_text(text)
        with pytest.raises(DataError, match=r"test\.json cannot be read"):
            load("pope", tmp_path)
    (tmp_path / "test.json").rename(tmp_path / "test.jsonl")
    with pytest.raises(DataError, match=r"test\.jsonl cannot be read"):
        load("pope", tmp_path)


def test_pair_without_a_question(tmp_path: Path) -> None:
    folder = write_videohallucer(tmp_path)
    path = folder / "temporal/temporal.json"
    pairs = json.loads(path.read_text())
    pairs[1]["hallucination"] = "no"
    path.write_text(json.dumps(pairs))
    with pytest.raises(DataError, match=r"temporal\.json\[1\]: 'hallucination' holds str"):
        load("videohallucer", folder)
    del pairs[1]["hallucination"]
    path.write_text(json.dumps(pairs))
    with pytest.raises(DataError, match=r"temporal\.json\[1\]"):
        load("videohallucer", folder)


def check_questions(folder: Path, counts: dict[str, int], media: dict[str, str]) -> None:
    """The questions alone are read; what lacks is named when it is opened."""
    for task, count in counts.items():
        benchmark = load(task, folder)
        assert len(benchmark.samples) == count
        assert benchmark.samples[0].media[0].source == media[task]
        with pytest.raises(MediaError, match="video missing"):
            open_first(benchmark)


def test_our_questions() -> None:
    counts = {"videohallucer": 68, "mmvu": 57}
    media = {"videohallucer": "object_relation/videos/garden_0_40.mp4", "mmvu": "videos/Astronomy/0.mp4"}
    check_questions(OURS, counts, media)


def test_published_questions() -> None:
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published questions are not in {PUBLISHED}: tests over questions have run over ours alone")
    counts = {"videohallucer": 1952, "mmvu": 1000}
    media = {"videohallucer": "object_relation/videos/1052_6143391925_916_970.mp4", "mmvu": "videos/Art/0.mp4"}
    check_questions(PUBLISHED, counts, media)


def test_damaged_part_of_a_table_costs_its_samples_only(tmp_path: Path) -> None:
    rows = [{**row, "image": {"bytes": encode(picture(), "PNG"), "path": None}} for row in pope_rows()]
    path = tmp_path / "test-00000-of-00001.parquet"
    write_parquet(path, rows, row_group_size=5)
    group = pq.ParquetFile(path).metadata.row_group(3)
    chunk = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == "image.bytes")
    data = bytearray(path.read_bytes())
    start = (chunk.dictionary_page_offset or chunk.data_page_offset) + 10
    data[start : start + 200] = bytes(200)
    path.write_bytes(data)
    benchmark = load("pope", tmp_path)
    failed = []
    for index in range(30):
        try:
            open_first(benchmark, index)
        except MediaError:
            failed.append(index)
    assert failed == [15, 16, 17, 18, 19]
    assert digest_samples(benchmark.samples)
