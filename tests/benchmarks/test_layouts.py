"""Which files of a data set hold its rows."""

from pathlib import Path

import pytest
from support_benchmarks import write_pope
from support_scoring import benchmark_of

from harness.benchmarks.layouts import choose_row_files, list_files, missing_parts
from harness.core.errors import DataError

ALL = "00000-of-00001.parquet"


@pytest.mark.parametrize(
    ("task", "files", "chosen"),
    [
        # the hub's own layout before anything else; another configuration stays where it is
        ("pope", f"data/test-{ALL} Full/random-{ALL} loose.json", f"data/test-{ALL}"),
        ("mmbench", f"cn/dev-{ALL} en/dev-{ALL}", f"en/dev-{ALL}"),
        # what save_to_disk wrote
        ("pope", "test/state.json test/data-0.arrow train/data-0.arrow", "test/data-0.arrow"),
        # loose files, of the split where names tell, and of the best format
        ("pope", "train.parquet test.parquet", "test.parquet"),
        ("pope", "questions.json questions.parquet notes.txt", "questions.parquet"),
        ("pope", "notes.txt", ""),
    ],
)
def test_the_files_of_the_rows(task: str, files: str, chosen: str) -> None:
    assert choose_row_files(files.split(), benchmark_of(task)) == chosen.split()


def test_a_part_that_lacks_is_named() -> None:
    with pytest.raises(DataError, match=r"1 of 2 parts of data/test are missing, e\.g\. data/test-00001-of-00002"):
        choose_row_files(["data/test-00000-of-00002.parquet"], benchmark_of("pope"))
    lacking = missing_parts(["temporal/temporal.json"], benchmark_of("videohallucer").source)
    assert len(lacking) == 4
    assert not any("temporal" in part for part in lacking)
    # The five published subsets are whole without the further ones.
    published = ("object_relation", "temporal", "semantic_detail", "external_factual", "external_nonfactual")
    files = [f"{subset}/{subset}.json" for subset in published]
    assert missing_parts(files, benchmark_of("videohallucer").source) == []
    assert missing_parts([*files, "interaction/interaction.json"], benchmark_of("videohallucer").source) == []


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write_pope(tmp_path / "elsewhere")
    (tmp_path / "pope").mkdir()
    (tmp_path / "pope/data").symlink_to(tmp_path / "elsewhere/data")
    (tmp_path / "pope/loop").symlink_to(tmp_path / "pope")
    (tmp_path / "pope/.cache").mkdir()
    (tmp_path / "pope/.cache/test-00000-of-00009.parquet").write_text("hidden")
    roots = (tmp_path / "pope", tmp_path / "elsewhere")
    assert {name.removeprefix("loop/") for name in list_files(tmp_path / "pope", roots)} == {
        "data/test-00000-of-00002.parquet",
        "data/test-00001-of-00002.parquet",
    }
    with pytest.raises(DataError, match=r"leads out of the data folder .*--allow-outside"):
        list_files(tmp_path / "pope")
