"""Training data: the schema's mistakes by row and field, and the converters on rows as they are published."""

import argparse
import json

import pytest

from harness.errors import DataError, UsageError
from trainers.data.command import add_arguments, run
from trainers.data.converters import convert_llava_cot, convert_trl, convert_video_r1
from trainers.data.schema import example_from_row, media_kind, read_examples, row_from_example

ROW = {
    "id": "a",
    "media": ["images/1.png", {"kind": "video", "path": "clips/2"}],
    "question": "Which?",
    "choices": ["dog", "cat"],
    "answer": "B",
    "answer_kind": "choice",
}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_row_is_read_and_written():
    example = example_from_row(ROW, "f:1")
    assert dict(example.sample.choices) == {"A": "dog", "B": "cat"}
    assert [(media.kind, media.source) for media in example.sample.media] == [
        ("image", "images/1.png"),
        ("video", "clips/2"),
    ]
    assert example.sample.task == "train"
    assert example_from_row(row_from_example(example), "again") == example


def test_kinds_of_answers():
    assert (
        example_from_row({"id": 7, "question": "q", "answer": 3.5, "answer_kind": "open"}, "w").sample.target == "3.5"
    )
    yes = example_from_row({"id": 7, "question": "q", "answer": "Yes", "answer_kind": "yes_no", "response": "r"}, "w")
    assert (yes.sample.id, yes.sample.target, yes.response) == ("7", "yes", "r")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "field 'id' is missing"),
        ({"id": "  "}, "field 'id'"),
        ({"question": 3}, "field 'question'"),
        ({"answer": "C"}, "field 'answer': .*letters A, B"),
        ({"answer_kind": "number"}, "field 'answer_kind'.*yes_no, choice, open"),
        ({"answer_kind": "yes_no", "answer": "maybe"}, "neither yes nor no"),
        ({"choices": ["dog"]}, "field 'choices'"),
        ({"choices": {"a": "dog", "B": "cat"}}, "capital letter"),
        ({"media": "x.png"}, "field 'media': expected a list"),
        ({"media": [{"kind": "audio", "path": "x"}]}, "neither image nor video"),
        ({"response": ""}, "field 'response'"),
    ],
)
def test_a_mistake_names_row_and_field(tmp_path, change, message):
    path = write(tmp_path / "rows.jsonl", [ROW, {**ROW, "id": "b", **change}])
    with pytest.raises(DataError, match=f"rows.jsonl:2: .*{message}"):
        list(read_examples(path))


def test_files_are_read_line_by_line(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n\nnot json\n")
    rows = read_examples(path)
    assert next(rows).sample.id == "a"  # Before the broken line is seen.
    with pytest.raises(DataError, match=r"rows\.jsonl:3: not JSON"):
        next(rows)


def test_ids_are_unique_and_files_exist(tmp_path):
    with pytest.raises(DataError, match=":2: field 'id': 'a' occurs in line 1"):
        list(read_examples(write(tmp_path / "rows.jsonl", [ROW, ROW])))
    with pytest.raises(DataError, match="not found"):
        list(read_examples(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="field 'response' is missing"):
        list(read_examples(write(tmp_path / "rows.jsonl", [ROW]), require_response=True))


def test_media_kind_is_told_by_the_name():
    assert media_kind("a/b.MP4") == "video"
    assert media_kind("a/b.jpeg") == "image"


VIDEO_R1 = {
    "problem_id": 2,
    "problem": "What appears on the screen?",
    "data_type": "video",
    "problem_type": "multiple choice",
    "options": ["A. A notification", "B) A command", "C. A warning"],
    "solution": "<answer>B</answer>",
    "path": "./LLaVA-Video-178K/clip.mp4",
    "data_source": "LLaVA-Video-178K",
}


def test_video_r1_multiple_choice():
    example = example_from_row(convert_video_r1(VIDEO_R1, "w"), "w")
    assert example.sample.id == "2"
    assert dict(example.sample.choices) == {"A": "A notification", "B": "A command", "C": "A warning"}
    assert example.sample.target == "B"
    assert (example.sample.media[0].kind, example.sample.media[0].source) == ("video", "LLaVA-Video-178K/clip.mp4")
    assert example.response is None


def test_video_r1_other_kinds():
    row = {**VIDEO_R1, "problem_type": "free-form", "data_type": "image", "options": [], "path": "./a.png"}
    row["problem"] = "What type of swimsuit is it?\nAnswer the question using a single word or phrase."
    converted = convert_video_r1({**row, "solution": "<answer>Wetsuit</answer>"}, "w")
    assert converted["question"] == "What type of swimsuit is it?"
    assert (converted["answer"], converted["answer_kind"]) == ("Wetsuit", "open")
    assert convert_video_r1({**row, "solution": "<answer>Yes.</answer>"}, "w")["answer_kind"] == "yes_no"


def test_omnex_sections_become_the_response():
    row = {**VIDEO_R1, "process": "<prethink>look</prethink>\n<caption>a</caption>\n<think>b</think>"}
    response = convert_video_r1(row, "w")["response"]
    assert response == "<planning>look</planning>\n<caption>a</caption>\n<think>b</think>\n<answer>B</answer>"


def test_video_r1_with_a_wrong_option_is_refused():
    with pytest.raises(DataError, match="field 'solution'"):
        convert_video_r1({**VIDEO_R1, "solution": "<answer>E</answer>"}, "w")
    with pytest.raises(DataError, match="field 'problem_type'"):
        convert_video_r1({key: value for key, value in VIDEO_R1.items() if key != "problem_type"}, "w")


LLAVA_COT = {
    "id": "geo-1",
    "image": "geo/1.png",
    "conversations": [
        {"from": "human", "value": "<image>\nHow long is AB?\nChoices:\nA. 3\nB. 5"},
        {
            "from": "gpt",
            "value": "<SUMMARY> Find AB. </SUMMARY>\n\n<CAPTION> A triangle. </CAPTION>\n\n"
            "<REASONING> By Pythagoras. </REASONING>\n\n<CONCLUSION> B </CONCLUSION>",
        },
    ],
}


def test_llava_cot_sections_become_ours():
    example = example_from_row(convert_llava_cot(LLAVA_COT, "w"), "w")
    assert example.sample.question == "How long is AB?"
    assert dict(example.sample.choices) == {"A": "3", "B": "5"}
    assert example.sample.target == "B"
    assert example.response == (
        "<planning> Find AB. </planning> <caption> A triangle. </caption> <think> By Pythagoras. </think> "
        "<answer> B </answer>"
    )


def test_llava_cot_without_sections_is_refused():
    turns = [LLAVA_COT["conversations"][0], {"from": "gpt", "value": "B"}]
    with pytest.raises(DataError, match="<CONCLUSION>"):
        convert_llava_cot({**LLAVA_COT, "conversations": turns}, "w")


def test_trl_rows():
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is it red?"}]}]
    row = {"prompt": messages, "images": ["a.png"], "solution": "no"}
    converted = convert_trl(row, "f:1")
    assert converted == {
        "id": "f:1", "media": ["a.png"], "question": "Is it red?", "answer": "no", "answer_kind": "yes_no",
    }  # fmt: skip
    told = [{"role": "assistant", "content": "<think>x</think><answer>4</answer>"}]
    converted = convert_trl({"prompt": "How many?", "completion": told}, "f:1")
    assert (converted["answer"], converted["answer_kind"]) == ("4", "open")
    assert converted["response"] == "<think>x</think><answer>4</answer>"
    with pytest.raises(DataError, match="no target"):
        convert_trl({"prompt": "How many?"}, "f:1")


def command(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_convert_reads_arrays_and_lines(tmp_path, layout, capsys):
    rows = [{**VIDEO_R1, "problem_id": number, "problem": "x" * 5000} for number in range(500)]  # Beyond one block.
    source = tmp_path / "source.json"
    source.write_text(json.dumps(rows, indent=1) if layout == "array" else "\n".join(map(json.dumps, rows)))
    assert command("convert", source, "--from", "video-r1", "--out", tmp_path / "out.jsonl") == 0
    assert "500 rows" in capsys.readouterr().out
    assert [example.sample.id for example in read_examples(tmp_path / "out.jsonl")][-1] == "499"


def test_convert_stops_at_a_bad_row_or_counts_it(tmp_path, capsys):
    source = tmp_path / "source.json"
    source.write_text(json.dumps([VIDEO_R1, {**VIDEO_R1, "options": []}]))
    out = tmp_path / "out.jsonl"
    with pytest.raises(DataError, match=r"source.json\[1\]: field 'options'.*--skip-bad"):
        command("convert", source, "--from", "video-r1", "--out", out)
    assert not out.exists()
    assert command("convert", source, "--from", "video-r1", "--out", out, "--skip-bad") == 0
    assert "1 rows left out" in capsys.readouterr().err
    with pytest.raises(UsageError, match="Name another"):
        command("convert", source, "--from", "video-r1", "--out", source)


def test_a_cut_off_array_is_refused(tmp_path):
    source = tmp_path / "source.json"
    source.write_text(json.dumps([VIDEO_R1, VIDEO_R1])[:-40])
    with pytest.raises(DataError, match="cut off"):
        command("convert", source, "--from", "video-r1", "--out", tmp_path / "out.jsonl")


def test_validate_looks_for_media(tmp_path, capsys):
    from PIL import Image

    row = {**ROW, "media": ["1.png"]}
    path = write(tmp_path / "rows.jsonl", [row])
    with pytest.raises(DataError, match=r"row 'a': field 'media': .*1\.png is missing"):
        command("validate", path)
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    assert command("validate", path, "--media") == 0
    assert "1 rows: 1 choice; media: 1 image" in capsys.readouterr().out
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:40])
    with pytest.raises(DataError, match="row 'a': field 'media': image"):
        command("validate", path, "--media")
