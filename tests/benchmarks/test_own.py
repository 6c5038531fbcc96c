"""A table of one's own is a benchmark: its rows, its errors, and every command over it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support_scoring import PUBLISHED

from harness.benchmarks.data import BenchmarkData, load_data
from harness.benchmarks.digests import digest_words
from harness.benchmarks.own import is_table, own_benchmark
from harness.benchmarks.registry import get_benchmark
from harness.benchmarks.tables import read_table
from harness.cli import main
from harness.core.errors import DataError
from harness.core.types import Response

COLOURS = ("red", "green", "blue", "yellow", "black", "white")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for colour in COLOURS:
        Image.new("RGB", (56, 56), colour).save(tmp_path / f"images/{colour}.png")
    return tmp_path


def load(folder: Path, text: str, name: str = "mine.csv", **given: Any) -> BenchmarkData:
    (folder / name).write_text(text, encoding="utf-8")
    return load_data(own_benchmark(folder / name, **given), "hub")


def test_one_image_is_one_cluster_however_its_path_is_spelled(pictures: Path) -> None:
    spelled = ("images/red.png", "./images/red.png", "images/../images//red.png", "images/blue.png")
    data = load(pictures, "image,question,answer\n" + "".join(f"{path},Is it red?,yes\n" for path in spelled))
    assert [of.cluster for of in data.samples] == ["images/red.png"] * 3 + ["images/blue.png"]


def test_nan_is_a_word_in_a_table_of_ones_own(pictures: Path) -> None:
    data = load(
        pictures,
        "id,image,question,A,B,C,answer\n"
        "Nan,images/red.png,Which bread?,pita,NaN,,nan\n"
        "2,images/red.png,What?,,,,nan\n",
    )
    first, second = data.samples
    assert (first.id, first.choices, first.target) == ("Nan", {"A": "pita", "B": "NaN"}, "B")
    assert (second.id, second.target) == ("2", "nan")


def test_two_options_of_one_letter_are_refused(pictures: Path) -> None:
    row = {"image": "images/red.png", "question": "Q?", "answer": "B", "choices": {"a": "x", "A": "y", "B": "z"}}
    with pytest.raises(DataError, match=r"row 1: column 'choices' has two options of one letter \('a', 'A', 'B'\)"):
        load(pictures, json.dumps(row) + "\n", "mine.jsonl")


def test_rows_say_what_they_ask(pictures: Path) -> None:
    data = load(
        pictures,
        "Image ,question,answer,A,B,subset\n"
        "images/red.png,Is it red?,Yes,,,plain\n"
        "images/red.png,Is it blue?,no,,,plain\n"
        "images/red.png,Is it green?,no,,,\n"
        '"images/blue.png","Which colour, of these?",b,red,blue,plain\n'
        "images/green.png,Which colour?,Red,red,blue,plain\n"
        ",,,,,\n",
    )
    first, second, third, fourth, fifth = data.samples
    assert [of.id for of in data.samples] == ["1", "2", "3", "4", "5"]
    assert (first.target, first.answer_kind, first.subset, first.task) == ("yes", "yes_no", "plain", "mine.csv")
    assert third.subset is None
    assert (fourth.target, fourth.choices) == ("B", {"A": "red", "B": "blue"})
    assert fourth.question == "Which colour, of these?"
    assert fifth.target == "A", "the text of an option stands for its letter"
    assert [of.media[0].source for of in data.samples] == ["images/red.png"] * 3 + ["images/blue.png"] + [
        "images/green.png"
    ]
    assert first.cluster == second.cluster != fourth.cluster
    assert (data.source, data.benchmark.facts.media) == ("own:mine.csv", "image")
    assert list(data.benchmark.answer_kinds) == ["yes_no", "choice"]
    assert data.benchmark.facts.clusters_share_media
    assert dict(data.benchmark.baselines) == {"always yes": "yes", "always no": "no", "always A": "A"}


def test_yes_and_no_may_end_with_a_full_stop(pictures: Path) -> None:
    text = "image,question,answer\nimages/red.png,Is it red?,Yes.\nimages/red.png,Is it blue?,No.\n"
    assert [(of.answer_kind, of.target) for of in load(pictures, text).samples] == [("yes_no", "yes"), ("yes_no", "no")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(pictures: Path, separator: str) -> None:
    lines = [["id", "image", "question", "answer"], ["a", "images/red.png", '"Which\ncolour, ""then""?"', "rot"]]
    text = "\ufeff" + "\r\n".join(separator.join(cells) for cells in lines) + "\r\n\r\n"
    (sample,) = load(pictures, text, "mine.tsv" if separator == "\t" else "mine.csv").samples
    assert sample.question.replace("\r", "") == 'Which\ncolour, "then"?'
    assert (sample.id, sample.answer_kind, sample.target) == ("a", "open", "rot")


def test_a_spreadsheet_of_another_encoding_is_told_how_to_save_it(pictures: Path) -> None:
    (pictures / "mine.csv").write_bytes("image,question,answer\nimages/red.png,Größe?,yes\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"not UTF-8 .*: in a spreadsheet save it as CSV UTF-8"):
        load_data(own_benchmark(pictures / "mine.csv"), "hub")


def test_lines_of_json_have_the_same_columns(pictures: Path) -> None:
    rows = [
        {"image": "red.png", "question": "Which?", "answer": "B", "choices": ["blue", "red"], "group": "one"},
        {"image": "blue.png", "question": "Which?", "answer": "red", "choices": {"A": "blue", "B": "red"}, "group": 2},
    ]
    data = load(pictures, "".join(json.dumps(row) + "\n" for row in rows), "mine.jsonl")
    assert [of.target for of in data.samples] == ["B", "B"]
    assert [of.cluster for of in data.samples] == ["group one", "group 2"]
    assert data.samples[0].media[0].source == "images/red.png", "a folder 'images' need not be said"
    assert not data.benchmark.facts.clusters_share_media


GOOD = "images/red.png,Is it red?,yes\nimages/red.png,Is it red?,yes\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"image,question,answer\n{GOOD}images/red.png,Is it?,yess\n", "mine.csv, row 4: column 'answer' holds 'yess'"),
        (
            f"image,question,answer\n{GOOD}images/rde.png,Is it?,yess\nimages/red.png,,no\n",
            r"(?s)row 4: column 'answer' holds 'yess'.*row 4: column 'image' holds 'images/rde.png'.* And 1 more\.",
        ),
        (f"image,question,answer\n{GOOD}images/red.png,,yes\n", "mine.csv, row 4: column 'question' is empty"),
        (f"image,question,answer\n{GOOD},Is it?,yes\n", "mine.csv, row 4: column 'image' is empty"),
        (f"image,question,answer\n{GOOD}images/rde.png,Is it?,yes\n", "row 4: column 'image' holds 'images/rde.png'"),
        (f"image,question,answer\n{GOOD}../x.png,Is it?,yes\n", "row 4: '.*' leads out of the data folder"),
        (f"image,question,answer\n{GOOD}images/red.png,Is it, then?,yes\n", "row 4 has 4 cells, and the header 3"),
        (f"image,question\n{GOOD}", "row 2 has 3 cells, and the header 2"),
        ("image,question\nimages/red.png,Is it?\n", "row 2: no column 'answer'"),
        (
            "picture,question,answer\nimages/red.png,Is it?,yes\n",
            "no column 'image' or 'video'. Columns found: picture",
        ),
        ("image,video,question,answer\n,,Is it?,yes\n", "columns 'image' and 'video': a table has one of them"),
        ("image,image,question,answer\n", "names column 'image' twice"),
        ("image,question,answer\n", "mine.csv has no rows"),
        ("image,question,answer,kind\nimages/red.png,Is it?,yes,yesno\n", "row 2: column 'kind' holds 'yesno'"),
        ("image,question,answer,A,B\nimages/red.png,Is it?,C,x,y\n", "row 2: column 'answer' holds 'C', expected one"),
        (
            "image,question,answer,A,B,C\nimages/red.png,Is it?,x,X,y,x\n",
            "row 2: column 'answer' holds 'x', the text of options A and C. Write a letter",
        ),
        ("image,question,answer,A,C\nimages/red.png,Is it?,C,x,y\n", r"row 2: columns A, B, ... hold 2 options \(A, C"),
        (
            "image,question,answer,id\nimages/red.png,Is it?,yes,7\nimages/red.png,Is?,yes,7\n",
            "row 3: sample id '7' occurs twice, first in mine.csv, row 2. Give every row an id of its own",
        ),
        (f"image,Image ,question,answer\n,{GOOD}", "row 2: two columns are named 'image', but for capitals and spaces"),
        ("image,question,answer,A,B,a\nred.png,Is it?,A,x,y,z\n", "row 2: two columns are named 'A', but for"),
        (
            "image,question,answer,subset\nimages/red.png,Is it?,yes,all\n",
            "row 2: column 'subset' holds 'all', the name of other figures",
        ),
        (
            f"image,question,answer,subset\n{GOOD.replace('yes', 'yes,one')}images/red.png,Is it?,no, mean\n",
            "row 4: column 'subset' holds 'mean', the name of other figures",
        ),
        (
            "image,question,answer,subset\nimages/red.png,Is it?,yes,open\n",
            "row 2: column 'subset' holds 'open', the name of other figures",
        ),
        (
            "image,question,answer,choices\nimages/red.png,Which?,A,red;blue\n",
            "row 2: column 'choices' holds 'red;blue', not a list. In a CSV file each option has a column, A, B, ...",
        ),
    ],
)
def test_a_mistake_is_named_with_its_row_and_column(
    pictures: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match=told):
        load(pictures, text)
    assert main(["eval", "--model", "demo", "--tasks", str(pictures / "mine.csv")]) == 2
    assert re.search(told, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ("red, blue", "mine.jsonl, row 1: column 'choices' holds 'red, blue', not a list"),
        (["red", None], "mine.jsonl, row 1: column 'choices' holds None as option B, not a text"),
        ({"A": "red", "B": " "}, "column 'choices' holds ' ' as option B, not a text"),
        (["red", ["blue"]], r"column 'choices' holds \['blue'\] as option B, not a text"),
        (list(map(str, range(27))), "column 'choices' holds 27 options, and there are letters for 26"),
    ],
)
def test_options_that_cannot_be_asked_are_refused(pictures: Path, choices: object, told: str) -> None:
    row = {"image": "red.png", "question": "Which?", "answer": "red", "choices": choices}
    with pytest.raises(DataError, match=told):
        load(pictures, json.dumps(row) + "\n", "mine.jsonl")


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (None, r"mine\.jsonl, row 1: column 'image' is empty"),
        (5, r"mine\.jsonl, row 1: column 'image' holds '5', .* no such"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"group": "g"}])
def test_a_row_without_the_name_of_a_file_is_named(
    pictures: Path, image: object, told: str, more: dict[str, str]
) -> None:
    row = {"image": image, "question": "Is it red?", "answer": "yes", **more}
    with pytest.raises(DataError, match=told):
        load(pictures, json.dumps(row) + "\n", "mine.jsonl")


def test_the_folder_is_named_where_a_table_is_in_the_current_one(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures)
    with pytest.raises(DataError, match=rf"there is no such file in {re.escape(str(pictures))}\. Name files"):
        load(Path(), "image,question,answer\nimages/gone.png,Is it red?,yes\n")


def test_an_answer_that_is_one_option_s_letter_and_another_s_text_is_refused(pictures: Path) -> None:
    header, asked = "image,question,A,B,C,answer\n", "images/red.png,Which letter is on the sign?,B,C,A"
    told = r"row 2: column 'answer' holds 'a', a letter, which is also the text of option C. Write \(A\) .* or \(C\)"
    with pytest.raises(DataError, match=told):
        load(pictures, f"{header}{asked},a\n")
    for answer, target in (("(A)", "A"), ("(c)", "C")):
        (sample,) = load(pictures, f"{header}{asked},{answer}\n").samples
        assert sample.target == target
    (sample,) = load(pictures, f"{header}images/red.png,Which letter is it?,A,B,C,B\n").samples
    assert sample.target == "B"


@pytest.mark.parametrize("letters", ["a,b", "A,b", "A,B"])
def test_columns_of_options_are_known_in_small_letters_too(pictures: Path, letters: str) -> None:
    (sample,) = load(pictures, f"image,question,answer,{letters}\nimages/blue.png,Which colour?,b,red,blue\n").samples
    assert (sample.answer_kind, sample.target) == ("choice", "B")
    assert sample.choices == {"A": "red", "B": "blue"}
    (sample,) = load(pictures, "image,question,answer,x,y\nimages/blue.png,Is it blue?,yes,3,4\n").samples
    assert sample.answer_kind == "yes_no", "other columns of one letter are no options"
    row = {"image": "red.png", "question": "Which?", "answer": "B", "choices": {"a": "blue", "b": "red"}}
    (sample,) = load(pictures, json.dumps(row) + "\n", "mine.jsonl").samples
    assert sample.choices == {"A": "blue", "B": "red"}


@pytest.mark.parametrize("name", ["MINE.CSV", "Mine.Tsv", "mine.JSONL"])
def test_the_ending_of_a_table_may_be_in_capitals(pictures: Path, name: str) -> None:
    cells = [["image", "question", "answer"], ["images/red.png", "Is it?", "yess"], ["images/red.png", "Is it?", "yes"]]
    separator = "\t" if name.lower().endswith(".tsv") else ","
    text = "".join(separator.join(of) + "\n" for of in cells)
    where = "row 2"
    if name.lower().endswith(".jsonl"):
        text = "".join(json.dumps(dict(zip(cells[0], of, strict=True))) + "\n" for of in cells[1:])
        where = "row 1"
    with pytest.raises(DataError, match=f"{where}: column 'answer' holds 'yess'"):
        load(pictures, text, name, kind="yes_no")
    assert len(load(pictures, text.replace("yess", "no"), name).samples) == 2


def test_rows_are_read_as_the_table_has_them(pictures: Path) -> None:
    """A program that has rows in hand may name the columns as a file may."""
    benchmark = load(pictures, "image,question,answer,A,B\nimages/red.png,Which?,A,red,blue\n").benchmark
    row = {" Image": "images/red.png", "Question": "Which colour?", "ANSWER": "blue", "a": "red", "b": "blue"}
    ((_, asked),) = benchmark.questions(row, "", 4)
    assert benchmark.read_row(asked, "").id == "5"
    sample = benchmark.read_row({"ID": 7, **row}, "rows[0]")
    assert (sample.id, sample.target, sample.cluster) == ("7", "B", "images/red.png")
    with pytest.raises(DataError, match=r"rows\[0\]: two columns are named 'image'"):
        benchmark.read_row({"image": "images/red.png", **row}, "rows[0]")


def test_a_kind_that_is_said_is_kept_to(pictures: Path) -> None:
    text = "image,question,answer\nimages/red.png,Which colour?,red\n"
    assert load(pictures, text).samples[0].answer_kind == "open"
    with pytest.raises(DataError, match="row 2: column 'answer' holds 'red', expected yes or no"):
        load(pictures, text, kind="yes_no")


def test_a_table_is_known_by_its_ending() -> None:
    assert all(map(is_table, ("./mine.csv", "a b/mine.CSV", "mine.tsv", "mine.jsonl")))
    assert not any(map(is_table, ("mine", "mmmu_val", "./tasks/mine")))


def run_of(folder: Path, table: Path, name: str, responses: Mapping[str, str], *more: str) -> Path:
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps({"id": i, "response": text}) + "\n" for i, text in responses.items()))
    out = folder / "runs" / name
    replayed = ["--engine", "replay", "--responses", str(file), "--out", str(out)]
    assert main(["eval", "--model", name, "--tasks", str(table), *replayed, *more]) == 0
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_table(folder: Path, name: str) -> list[Sequence[str]]:
    rows = [
        (f"{picture}-{asked}", f"images/{picture}.png", f"Is it {asked}?", "yes" if picture == asked else "no", asked)
        for picture in COLOURS
        for asked in COLOURS[:3]
    ]
    lines = [("id", "image", "question", "answer", "subset"), *rows]
    (folder / name).write_text("".join(",".join(row) + "\n" for row in lines))
    return rows


def test_a_table_goes_through_every_command(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write_table(pictures, "colours.csv")
    table = pictures / "colours.csv"
    right = {name: answer for name, _, _, answer, _ in rows}
    better = run_of(pictures, table, "better", right)
    worse = run_of(pictures, table, "worse", {name: "Yes." if name[0] in "rg" else right[name] for name in right})
    result = read(worse / "run.json")["tasks"]["colours.csv"]
    # Of the three questions about the red, and about the green picture, one each is right with yes.
    assert result["metrics"]["all/accuracy"]["value"] == pytest.approx(14 / 18)
    assert result["metrics"]["all/yes_ratio"]["value"] == pytest.approx(7 / 18)
    assert result["metrics"]["red/accuracy"]["value"] == pytest.approx(5 / 6)
    assert result["baselines"] == pytest.approx({"always yes": 3 / 18, "always no": 15 / 18})
    assert result["official"]["all/accuracy"] is None, "nobody published an evaluator of it"
    # Of six pictures two are 4/9 below the mean of 7/9, and four 2/9 above it.
    deviations = 2 * (4 / 9) ** 2 + 4 * (2 / 9) ** 2
    assert result["metrics"]["all/accuracy"]["stderr"] == pytest.approx((deviations / (6 * 5)) ** 0.5)
    page = (worse / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == len(COLOURS)

    capsys.readouterr()
    assert main(["compare", str(worse), str(better), "--json"]) == 0, "without the table"
    compared = json.loads(capsys.readouterr().out)["tasks"]["colours.csv"]
    assert compared["metrics"]["all/accuracy"]["value"] == pytest.approx(4 / 18)
    assert compared["fixed"]["count"] == 4
    assert main(["diagnose", str(worse), "--data", str(pictures), "--json"]) == 0
    shown = capsys.readouterr()
    assert "warning" not in shown.err
    assert json.loads(shown.out)["metrics"]["colours.csv/yes_bias"]["value"] == pytest.approx(4 / 18)

    responses = ["--responses", str(pictures / "worse.jsonl")]
    assert main(["score", "--task", str(table), *responses, "--json"]) == 0, "recorded responses, without images"
    scored = json.loads(capsys.readouterr().out)["metrics"]
    assert scored["all/accuracy"]["value"] == result["metrics"]["all/accuracy"]["value"]

    board = pictures / "board"
    build = ["leaderboard", "build", "--runs", str(pictures / "runs"), "--baseline", "worse", "--out", str(board)]
    assert main(build) == 0
    text = (board / "leaderboard.md").read_text(encoding="utf-8")
    assert "colours.csv" in text
    assert re.search(r"\+22\.2 \[", text)


def test_an_evaluator_gives_a_second_verdict(pictures: Path) -> None:
    data = load(
        pictures,
        f"image,question,answer\n{GOOD}",
        evaluator=lambda text: "yes" if "yes" in text.lower() else "no",
    )
    sample = data.samples[0]
    verdict = data.benchmark.judge(sample, Response(sample_id=sample.id, text="No, a yes would be wrong."))
    assert (verdict.status, verdict.official) == ("incorrect", True)
    specs = data.benchmark.metrics([("", "yes_no")])
    assert {spec.name for spec in specs if spec.official} == {spec.name for spec in specs} > {"all/f1"}


def test_own_questions_are_not_taken_for_the_benchmark_whose_form_they_have(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"question_id": n, "category": "random", "question": "Is it?", "answer": "yes", "image": "red.png"}
        for n in range(6)
    ]
    images = pictures / "images"
    (images / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = run_of(pictures, Path("pope"), "some", {f"random/{n}": "yes" for n in range(6)}, "--data", str(images))
    facts = read(out / "run.json")["benchmarks"]["pope"]
    assert facts["own_data"] is True
    assert facts["title"] == "images (own data, asked as POPE)"
    told = "pope is images (own data, asked as POPE): no published figure is of these questions."
    assert told in capsys.readouterr().out
    assert told in (out / "report.md").read_text(encoding="utf-8")
    assert main(["doctor", "--protocol", str(out)]) == 0
    assert "no published figure is of these questions" in capsys.readouterr().out
    board = pictures / "board"
    assert main(["leaderboard", "build", "--runs", str(out), "--out", str(board)]) == 0
    text = (board / "leaderboard.md").read_text(encoding="utf-8")
    assert "own data, asked as POPE" in text
    assert "GPT-4o" not in text, "a figure that is reported of POPE says nothing beside other questions"


def test_a_table_named_as_a_benchmark_is_not_taken_for_it(pictures: Path) -> None:
    write_table(pictures, "pope.csv")
    responses = {f"{picture}-{asked}": "no" for picture in COLOURS for asked in COLOURS[:3]}
    out = run_of(pictures, pictures / "pope.csv", "some", responses)
    board = pictures / "board"
    assert main(["leaderboard", "build", "--runs", str(out), "--out", str(board)]) == 0
    assert "GPT-4o" not in (board / "leaderboard.md").read_text(encoding="utf-8")


def test_a_folder_in_the_place_of_a_benchmark_of_ours_says_so(pictures: Path) -> None:
    tasks = pictures / "tasks"
    (tasks / "pope").mkdir(parents=True)
    write_table(pictures, "tasks/pope/rows.csv")
    (tasks / "pope/images").symlink_to(pictures / "images")
    (tasks / "pope/benchmark.py").write_text(
        "from pathlib import Path\n"
        "from harness.benchmarks.own import own_benchmark\n"
        "BENCHMARK = own_benchmark(Path(__file__).with_name('rows.csv'), name='pope', title='POPE')\n"
    )
    outside = ["--allow-outside", str(pictures)]
    responses = {f"{picture}-{asked}": "no" for picture in COLOURS for asked in COLOURS[:3]}
    out = run_of(pictures, Path("pope"), "some", responses, "--tasks-dir", str(tasks), *outside)
    facts = read(out / "run.json")["benchmarks"]["pope"]
    assert (facts["own_data"], facts["title"]) == (True, "POPE (of tasks)")


@pytest.mark.parametrize("name", ["pope", "videohallucer", "mmvu"])
def test_the_published_questions_are_known_in_any_form(name: str) -> None:
    """Copies of them in a folder are the benchmark, whatever the order of their rows."""
    shared = PUBLISHED / name
    if not shared.is_dir():
        pytest.skip(f"the published questions are not in {shared}")
    benchmark = get_benchmark(name)
    samples = []
    for file in sorted(shared.glob("*.json"), reverse=True):
        for index, row in enumerate(read_table(file).rows):
            full = {"category": file.stem.rsplit("_", 1)[-1], **row}
            samples += [benchmark.read_row(of, "") for _, of in benchmark.questions(full, file.stem, index)]
    assert digest_words(samples) in benchmark.source.editions[len(samples)]
    turned = [replace(samples[0], target="something else"), *samples[1:]]
    assert digest_words(turned) not in benchmark.source.editions[len(samples)]


def test_captions_are_held_against_the_objects_of_the_table(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "seen.csv").write_text(
        "id,image,question,answer,kind,subset\n"
        "a,images/red.png,Describe it.,Dog; man,caption,indoor\n"
        "b,images/blue.png,Describe it.,cat;traffic light,caption,outdoor\n"
    )
    texts = {"a": "A dog beside a cat.", "b": "A cat under two traffic lights, and no dog."}
    first = run_of(pictures, pictures / "seen.csv", "first", texts)
    second = run_of(pictures, pictures / "seen.csv", "second", {**texts, "a": "A man with a dog"})
    result = read(first / "run.json")["tasks"]["seen.csv"]
    assert result["headline"] == "all/f1"
    values = {name: metric["value"] for name, metric in result["metrics"].items()}
    # Named: dog and cat, of which dog is there; cat and traffic light, both there. There: four.
    assert values["all/f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert values["all/chair_s"] == 0.5
    assert [values[f"{part}/chair_s"] for part in ("indoor", "outdoor", "mean")] == [1.0, 0.0, 0.5]
    assert [values[f"{part}/words"] for part in ("indoor", "outdoor", "mean")] == [5.0, 9.0, 7.0]
    capsys.readouterr()
    assert main(["compare", str(first), str(second), "--json"]) == 0
    (figures,) = (of["metrics"] for of in json.loads(capsys.readouterr().out)["tasks"].values())
    assert figures["all/f1"]["value"] == pytest.approx(1 - 0.75)
    board = pictures / "board"
    assert main(["leaderboard", "build", "--runs", str(pictures / "runs"), "--out", str(board)]) == 0
    assert "F1 of the objects named" in (board / "leaderboard.md").read_text(encoding="utf-8")


def test_a_record_tells_further_objects_and_other_words(pictures: Path) -> None:
    text = "image,question,answer\nimages/red.png,Describe it.,puppy\n"
    data = load(pictures, text, kind="caption", objects={"dog": ["puppy"], "umbrella": []})
    (sample,) = data.samples
    assert sample.target == "dog"
    judged = {
        text: data.benchmark.judge(sample, Response(sample_id=sample.id, text=text)).status
        for text in ("Two puppies? A dog.", "A dog and an umbrella", "A horse")
    }
    assert list(judged.values()) == ["correct", "incorrect", "unanswered"]
    with pytest.raises(DataError, match="captions and questions"):
        load(pictures, "image,question,answer,kind\nred.png,Is it?,dog,caption\nred.png,Is it?,yes,\n")


def test_scoring_alone_needs_no_image_where_a_group_is_said(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, responses = pictures / "mine.csv", pictures / "responses.jsonl"
    table.write_text("image,question,answer,group\nred.png,Is it red?,yes,g\n,Is it dark?,yes,g\n")
    responses.write_text("".join(json.dumps({"id": name, "response": "Yes"}) + "\n" for name in (1, 2)))
    assert main(["score", "--task", str(table), "--responses", str(responses), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["all/accuracy"]["n"] == 2
