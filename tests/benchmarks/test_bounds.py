"""Data stay in their folder: no row and no link of a data set leads to a file elsewhere, and none of it is sent."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_server import Answer, HostileServer
from media_zoo import benchmark_rows, build_zoo, png_of

from harness.benchmarks.data import load_data, open_medium
from harness.benchmarks.registry import get_benchmark
from harness.cli import main
from harness.core.errors import DataError, HarnessError, MediaError
from harness.core.types import Media

SECRET = png_of((1, 2, 3))


def row(image: str, number: int = 0) -> dict[str, Any]:
    return {
        "id": str(number),
        "question_id": str(number),
        "question": "Is there a dog?",
        "answer": "yes",
        "image_source": "x",
        "image": image,
        "category": "random",
    }


def write_rows(folder: Path, *images: str) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps(row(image, number)) for number, image in enumerate(images)]
    (folder / "test.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def open_first(folder: Path) -> Any:
    data = load_data(get_benchmark("pope"), str(folder))
    return open_medium(data.folder, data.samples[0].media[0], 1, data.roots)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a secret beside that of the data."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/secret.png").write_bytes(SECRET)
    (tmp_path / "data").mkdir()
    return tmp_path


def relative(place: Path) -> None:
    write_rows(place / "data", "../secret/secret.png")


def detour(place: Path) -> None:
    (place / "data/sub").mkdir()
    write_rows(place / "data", "sub/../../secret/secret.png")


def absolute(place: Path) -> None:
    write_rows(place / "data", str(place / "secret/secret.png"))


def link_to_file(place: Path) -> None:
    (place / "data/a.png").symlink_to(place / "secret/secret.png")
    write_rows(place / "data", "a.png")


def link_to_link(place: Path) -> None:
    (place / "data/b.png").symlink_to(place / "secret/secret.png")
    (place / "data/a.png").symlink_to("b.png")
    write_rows(place / "data", "a.png")


def link_to_folder(place: Path) -> None:
    (place / "data/images").symlink_to(place / "secret")
    write_rows(place / "data", "images/secret.png")


def address(place: Path) -> None:
    write_rows(place / "data", "https://huggingface.co/datasets/o/n/resolve/main/../secret/secret.png")


def linked_rows(place: Path) -> None:
    write_rows(place / "secret", str(place / "secret/secret.png"))
    (place / "data/test.jsonl").symlink_to(place / "secret/test.jsonl")


def linked_data(place: Path) -> None:
    write_rows(place / "secret", "secret.png")
    (place / "data/pope").symlink_to(place / "secret")


def parquet_path(place: Path, name: str = "../secret/secret.png") -> None:
    rows = [row("", 0) | {"image": {"bytes": None, "path": name}}, row("", 1) | {"image": {"bytes": SECRET[:9]}}]
    pq.write_table(pa.Table.from_pylist(rows), place / "data/test.parquet")


def parquet_absolute(place: Path) -> None:
    parquet_path(place, str(place / "secret/secret.png"))


def save_to_disk_part(place: Path) -> None:
    (place / "data/state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret/x.arrow"}]}))
    (place / "data/x.arrow").write_bytes(b"")


@pytest.mark.parametrize("name", ["{secret}/x.parquet[0].image", "../secret/x.parquet[0].image", "x.parquet[0].image"])
@pytest.mark.parametrize("options", [[], ["--allow-outside", "{secret}"]])
def test_a_row_names_no_cell_of_a_table(
    name: str, options: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = place / "secret"
    pq.write_table(pa.table({"image": [{"bytes": SECRET}]}), secret / "x.parquet")
    (place / "data/x.parquet").symlink_to(secret / "x.parquet")
    write_rows(place / "data", name.format(secret=secret))
    code, sent = run_and_capture(place, *(option.format(secret=secret) for option in options))
    assert code == 2
    assert "names a cell of a table" in capsys.readouterr().err
    assert sent == []


@pytest.mark.parametrize("source", ["{secret}/x.parquet[0].image", "../secret/x.parquet[0].image"])
def test_a_cell_of_a_table_elsewhere_is_not_opened(source: str, place: Path) -> None:
    pq.write_table(pa.table({"image": [{"bytes": SECRET}]}), place / "secret/x.parquet")
    medium = Media(kind="image", source=source.format(secret=place / "secret"))
    with pytest.raises(MediaError, match="leads out of the data folder"):
        open_medium(place / "data", medium, 1)
    assert open_medium(place / "data", medium, 1, [place / "data", place / "secret"])


@pytest.mark.parametrize("wrap", [str, lambda path: {"bytes": None, "path": path}], ids=["text", "object"])
def test_what_stands_for_encoded_bytes_is_no_path(wrap: Callable[[str], object], place: Path) -> None:
    cell = {"bytes": wrap(str(place / "secret/secret.png"))}
    pq.write_table(pa.Table.from_pylist([row("", 0) | {"image": cell}]), place / "data/test.parquet")
    with pytest.raises(MediaError, match="not bytes"):
        open_first(place / "data")


@pytest.mark.parametrize("name", ["test.parquet", "test.arrow"])
def test_a_pipe_for_a_table_is_not_waited_for(name: str, place: Path) -> None:
    os.mkfifo(place / "data" / name)
    with pytest.raises(DataError, match="no regular file"):
        load_data(get_benchmark("pope"), str(place / "data"))


ESCAPES: list[Callable[[Path], None]] = [
    relative,
    detour,
    absolute,
    link_to_file,
    link_to_link,
    link_to_folder,
    address,
    linked_rows,
    linked_data,
    parquet_path,
    parquet_absolute,
]


def run_and_capture(place: Path, *options: str) -> tuple[int, list[str]]:
    """Evaluate over a server, and what it was sent."""
    with HostileServer(lambda prompt, before: Answer(text="yes")) as server:
        code = main(
            f"eval --model openai:m --base-url {server.base_url} --tasks pope --no-diagnose --data {place / 'data'} "
            f"--out {place / 'run'} {' '.join(options)}".split()
        )
        return code, [json.dumps(body) for body in server.bodies]


def is_sent(sent: list[str]) -> bool:
    """Whether a picture of the secret's colour went out, in whatever encoding."""
    import io
    import re

    from PIL import Image

    for text in sent:
        for content in re.findall(r"data:[a-z]+/[a-z]+;base64,([A-Za-z0-9+/=]+)", text):
            image = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
            if image.getpixel((0, 0)) == (1, 2, 3):
                return True
    return False


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: escape.__name__)
def test_an_escape_is_refused_and_nothing_is_sent(
    escape: Callable[[Path], None], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    escape(place)
    code, sent = run_and_capture(place)
    told = capsys.readouterr().err
    assert code in (1, 2)
    if code == 2:
        assert "leads out of the data folder" in told
        assert "--allow-outside" in told
    assert not is_sent(sent)


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: escape.__name__)
def test_what_the_user_allows_is_read(escape: Callable[[Path], None], place: Path) -> None:
    escape(place)
    code, sent = run_and_capture(place, "--allow-outside", str(place / "secret"))
    assert is_sent(sent)
    assert code == (1 if escape in (parquet_path, parquet_absolute) else 0)  # Their second row is no picture.


def test_a_saved_part_elsewhere_is_refused(place: Path) -> None:
    save_to_disk_part(place)
    with pytest.raises(HarnessError, match="missing"):
        load_data(get_benchmark("pope"), str(place / "data"))


@pytest.mark.parametrize(
    "name", ["file:///etc/passwd", "a\0b.png", "~/x.png", "concat:a.png|b.png", "http://127.0.0.1/x"]
)
def test_other_names_are_files_that_are_missing(name: str, place: Path) -> None:
    (place / "data/images").mkdir()
    write_rows(place / "data", name)
    with pytest.raises(HarnessError, match=r"missing|no name of a file"):
        open_first(place / "data")


def test_the_files_of_the_hubs_cache_are_links_to_its_blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "hub/datasets--o--n"
    snapshot = repository / "snapshots/abc"
    (repository / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (repository / "blobs/123").write_bytes(SECRET)
    write_rows(snapshot, "a.png")
    (snapshot / "a.png").symlink_to("../../blobs/123")
    assert open_first(snapshot).size == (24, 24)
    (tmp_path / "link").symlink_to(snapshot)
    assert open_first(tmp_path / "link").size == (24, 24)
    for place, name in ((snapshot.parent, "abc"), (snapshot, ".")):
        monkeypatch.chdir(place)
        assert open_first(Path(name)).size == (24, 24)
    elsewhere = write_rows(tmp_path / "elsewhere", "a.png")
    (elsewhere / "a.png").symlink_to(snapshot / "a.png")
    assert load_data(get_benchmark("pope"), str(elsewhere), [tmp_path / "link"]).samples
    outside = tmp_path / "blobs"
    outside.mkdir()
    (outside / "123").write_bytes(SECRET)
    (snapshot / "a.png").unlink()
    (snapshot / "a.png").symlink_to(outside / "123")
    with pytest.raises(HarnessError, match="leads out"):
        load_data(get_benchmark("pope"), str(snapshot))


def test_a_folder_that_is_itself_a_link_is_the_users(place: Path) -> None:
    write_rows(place / "data", "a.png")
    (place / "data/a.png").write_bytes(SECRET)
    (place / "linked").symlink_to(place / "data")
    assert open_first(place / "linked").size == (24, 24)


@pytest.mark.parametrize("task", ["pope", "mmvu"])
def test_an_evaluation_over_the_zoo_costs_each_bad_file_its_sample(tmp_path: Path, task: str) -> None:
    kind = "image" if task == "pope" else "video"
    exhibits = [
        exhibit for exhibit in build_zoo(tmp_path / "data/files") if not os.path.islink(_file(tmp_path, exhibit))
    ]
    rows = benchmark_rows(exhibits, kind)
    column = "image" if task == "pope" else "video"
    for of in rows:
        of[column] = f"files/{of[column]}"
    name = "test.jsonl" if task == "pope" else "validation.jsonl"
    (tmp_path / "data" / name).write_text("\n".join(map(json.dumps, rows)) + "\n")
    with HostileServer(lambda prompt, before: Answer(text="yes")) as server:
        code = main(
            f"eval --model openai:m --base-url {server.base_url} --tasks {task} --num-frames 2 --max-pixels 100000 "
            f"--data {tmp_path / 'data'} --out {tmp_path / 'run'}".split()
        )
    assert code == 1
    records = [json.loads(line) for line in (tmp_path / "run/samples.jsonl").read_text().splitlines()]
    shown = [exhibit for exhibit in exhibits if exhibit.kind == kind]
    assert len(records) == len(shown)
    for exhibit, record in zip(shown, records, strict=True):
        error = record["response"]["error"]
        assert (error is None) == (exhibit.error is None), (exhibit.name, error)
        assert error is None or "\n" not in error
    assert (tmp_path / "run/report.html").exists()


def _file(tmp_path: Path, exhibit: Any) -> Path:
    return tmp_path / "data/files" / exhibit.name
