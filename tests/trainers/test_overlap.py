"""Training data against benchmarks: by COCO's ids, by what pictures look like, and by frames of videos."""

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from support_scoring import PUBLISHED

from harness.cli import main
from harness.demo.rows import write_demo_rows
from trainers.data.overlap import coco_id


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("COCO_val2014_000000310196.jpg", 310196),
        ("COCO_val2014_000000310196", 310196),
        ("coco/train2017/000000310196.jpg", 310196),
        ("https://images.cocodataset.org/test2015/COCO_test2015_000000000001.jpg", 1),
        ("VG_100K/2321234.jpg", None),
        ("frame_000000310196.jpg", None),
        ("0000003101960.jpg", None),
    ],
)
def test_an_image_of_coco_is_known_in_any_of_its_splits(name: str, number: int | None) -> None:
    assert coco_id(name) == number
    assert coco_id(None, "", name) == number


def write_rows(path: Path, media: list[str]) -> Path:
    rows = [
        {"id": n, "media": [name], "question": "Is it?", "answer": "yes", "answer_kind": "yes_no"}
        for n, name in enumerate(media)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def overlap(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> dict:
    capsys.readouterr()
    assert main(["data", "overlap", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_published_images_are_found_by_name_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """POPE's own question files; a training file names every image from 310,000 to 320,000 of COCO, none at hand."""
    if not (PUBLISHED / "pope").is_dir():
        pytest.skip(f"the published questions are not in {PUBLISHED}")
    (tmp_path / "pope").mkdir()
    questions = []
    for file in sorted((PUBLISHED / "pope").glob("*.json")):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        questions += [{**row, "category": file.stem.rsplit("_", 1)[-1]} for row in rows]
    (tmp_path / "pope/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions))
    numbers = range(310_000, 320_000)
    train = write_rows(tmp_path / "train.jsonl", [f"train2017/{number:012d}.jpg" for number in numbers])
    asked = {row["image"] for row in questions}
    shared = {name for name in asked if int(name[-16:-4]) in numbers}
    assert shared
    found = overlap(capsys, str(train), "--tasks", "pope", "--data", str(tmp_path / "pope"), code=1)
    (task,) = found["tasks"].values()
    assert (task["pictures"], task["named"], task["opened"], found["opened"]) == (500, 500, 0, 0)
    assert {match["asked"] for match in task["matches"]} == shared
    assert {match["by"] for match in task["matches"]} == {"id"}
    assert len(task["asked"]) == sum(row["image"] in shared for row in questions)
    others = write_rows(tmp_path / "others.jsonl", ["train2017/000000000009.jpg"])
    assert 9 not in {int(name[-16:-4]) for name in asked}
    assert overlap(capsys, str(others), "--tasks", "pope", "--data", str(tmp_path / "pope"), code=0)["rows"] == []


def test_copies_are_found_by_what_they_look_like(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two images of the demo's POPE, in other sizes and formats, among training rows of the demo, of other scenes."""
    import pyarrow.parquet as pq

    from harness.demo.data import demo_data

    rows = pq.read_table(next((demo_data() / "pope").glob("*.parquet")), columns=["image", "image_source"]).to_pylist()
    first, second = ({row["image_source"]: row["image"]["bytes"] for row in rows}[f"demo_00{n}"] for n in (1, 2))
    train = write_demo_rows(tmp_path, 60, 0)
    lines = train.read_text().splitlines()
    names = ["smaller.webp", "larger.jpg"]
    for n, (data, size) in enumerate([(first, (70, 66)), (second, (300, 300))]):
        image = Image.open(io.BytesIO(data)).convert("RGB").resize(size)
        image.save(tmp_path / names[n], **({"lossless": True} if n == 0 else {"quality": 85}))
        row = {**json.loads(lines[0]), "id": f"copy {n}", "media": [names[n]]}
        lines.append(json.dumps(row))
    lines.append(json.dumps({**row, "id": "gone", "media": ["gone.png"]}))
    train.write_text("\n".join(lines) + "\n")
    arguments = [str(train), "--tasks", "pope", "--data", "demo"]
    clean = tmp_path / "clean.jsonl"
    found = overlap(capsys, *arguments, "--out", str(clean), code=1)
    assert found["rows"] == ["copy 0", "copy 1"]
    task = found["tasks"]["pope"]
    assert [(of["train"], of["asked"], of["by"]) for of in task["matches"]] == [
        ("smaller.webp", "demo_001", "hash"),
        ("larger.jpg", "demo_002", "hash"),
    ]
    assert task["opened"] == task["pictures"] < task["questions"], "an image is opened once for all its questions"
    assert found["pictures"] - found["opened"] == 1
    assert clean.read_text().splitlines() == [json.dumps(json.loads(line)) for line in (*lines[:60], lines[62])]
    assert overlap(capsys, str(clean), *arguments[1:], code=0)["rows"] == []

    assert main(["data", "overlap", *arguments]) == 1
    told = capsys.readouterr().out
    assert "row 'copy 0' smaller.webp = " in told
    assert "2 training rows show what these benchmarks ask about" in told
    assert "--out FILE" in told


def test_videos_are_compared_by_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from harness.demo.data import demo_data

    videos = sorted((demo_data() / "videohallucer").rglob("*.mp4"))
    assert len(videos) > 10
    tasks = tmp_path / "tasks/clips"
    tasks.mkdir(parents=True)
    for n, video in enumerate(videos[:8]):
        (tasks / f"{n}.mp4").write_bytes(video.read_bytes())
    table = tasks / "clips.csv"
    table.write_text("video,question,answer\n" + "".join(f"{n}.mp4,Is it?,yes\n" for n in range(8)))
    (tmp_path / "seen.mp4").write_bytes(videos[3].read_bytes())
    (tmp_path / "other.mp4").write_bytes(videos[9].read_bytes())
    train = write_rows(tmp_path / "train.jsonl", ["seen.mp4", "other.mp4"])
    found = overlap(capsys, str(train), "--tasks", str(table), code=1)
    assert [(of["train"], of["asked"]) for of in found["tasks"]["clips.csv"]["matches"]] == [("seen.mp4", "3.mp4")]


def write_table(folder: Path, names: list[str]) -> Path:
    table = folder / "asked.csv"
    table.write_text("image,question,answer\n" + "".join(f"{name},Is it?,yes\n" for name in names))
    return table


def draw(path: Path, seed: int, contrast: float = 255) -> str:
    """A picture of 8 x 8 grey squares of random brightness."""
    import numpy as np

    squares = np.random.default_rng(seed).random((8, 8)) * contrast
    Image.fromarray(squares.astype("uint8")).resize((64, 64), Image.Resampling.NEAREST).convert("RGB").save(path)
    return path.name


def test_pictures_without_contrast_are_like_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for colour in ("red", "blue", "white"):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{colour}.png")
    names = [draw(tmp_path / "seen.png", 0), draw(tmp_path / "other.png", 1), draw(tmp_path / "dark.png", 2, 4)]
    table = write_table(tmp_path, ["blue.png", "white.png", names[0]])
    train = write_rows(tmp_path / "train.jsonl", ["red.png", *names, "gone.png"])
    clean = tmp_path / "clean.jsonl"
    arguments = [str(train), "--tasks", str(table)]
    found = overlap(capsys, *arguments, "--out", str(clean), code=1)
    task = found["tasks"]["asked.csv"]
    assert [(of["train"], of["asked"]) for of in task["matches"]] == [("seen.png", "seen.png")]
    assert (found["pictures"], found["opened"], found["plain"]) == (5, 4, 2)
    assert (task["pictures"], task["opened"], task["plain"]) == (3, 3, 2)
    assert found["not_compared"] == ["0", "3", "4"]
    assert [json.loads(line)["id"] for line in clean.read_text().splitlines()] == [0, 2, 3, 4]
    assert main(["data", "overlap", *arguments, "--out", str(clean)]) == 1
    told = capsys.readouterr().out
    assert "4 opened (2 of them without contrast, which tells nothing)" in told
    assert (
        f"The other rows are in {clean}. Rows besides that could not be compared: 3, e.g. red.png of '0' has no" in told
    )
    others = write_rows(tmp_path / "others.jsonl", ["other.png", "gone.png"])
    assert main(["data", "overlap", str(others), "--tasks", str(table)]) == 0
    told = capsys.readouterr().out
    assert re.search(
        r"No overlap was found\. Rows besides that could not be compared: 1, e\.g\. row '1': .*gone\.png", told
    )


def test_rows_are_compared_with_each_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id of COCO's says nothing where a benchmark has none."""
    (tmp_path / "pope").mkdir()
    asked = {"question_id": 1, "image": "COCO_val2014_000000000001.jpg", "text": "?", "label": "yes"}
    (tmp_path / "pope/rows.jsonl").write_text(json.dumps({**asked, "category": "random"}) + "\n")
    named = "train2017/000000000009.jpg"
    train = write_rows(tmp_path / "train.jsonl", [draw(tmp_path / "some.png", 1), named])
    pope = overlap(capsys, str(train), "--tasks", "pope", "--data", str(tmp_path / "pope"), code=0)
    assert pope["not_compared"] == ["0"]
    table = write_table(tmp_path, [draw(tmp_path / "asked.png", 2)])
    assert overlap(capsys, str(train), "--tasks", str(table), code=0)["not_compared"] == ["1"]


def test_what_cannot_be_compared_is_not_said_to_be_without_overlap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = write_rows(tmp_path / "train.jsonl", ["gone.png"])
    assert main(["data", "overlap", str(train), "--tasks", "pope", "--data", "demo"]) == 2
    told = capsys.readouterr().err
    assert f"nothing of {train} can be compared with pope: none of 1 images and videos of {train} can be" in told
    assert "e.g. row '0': field 'media': " in told
    assert "gone.png" in told
    bare = write_rows(tmp_path / "bare.jsonl", [])
    bare.write_text('{"id": "a", "question": "Is it?", "answer": "yes", "answer_kind": "yes_no"}\n')
    assert main(["data", "overlap", str(bare), "--tasks", "pope", "--data", "demo"]) == 2
    assert f"{bare}: field 'media' names no image or video in any of 1 rows, e.g. row 'a'" in capsys.readouterr().err
    assert main(["data", "overlap", str(train), "--tasks", " ,", "--data", "demo"]) == 2
    assert "no task named" in capsys.readouterr().err
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert main(["data", "overlap", str(empty), "--tasks", "pope", "--data", "demo"]) == 2
    assert main(["data", "overlap", str(train), "--tasks", "pope", "--data", "demo", "--out", str(train)]) == 2
    assert "is the file that is read" in capsys.readouterr().err
    gone = tmp_path / "gone.jsonl"
    assert main(["data", "overlap", str(gone), "--tasks", "pope", "--data", "demo", "--out", str(empty)]) == 2
    assert f"{gone} not found" in capsys.readouterr().err
