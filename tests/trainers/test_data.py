"""Training data: the schema's mistakes by row and field, and the converters on rows as they are published."""

import argparse
import json
import os

import pytest

from harness.commands.data import add_arguments, run
from harness.core.errors import DataError, UsageError
from trainers.data.converters import convert_llava_cot, convert_trl, convert_video_r1
from trainers.data.schema import example_from_row, read_examples, row_from_example

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
        ({"answer": "C"}, "field 'answer': 'C' is not one of A, B"),
        ({"answer_kind": "number"}, "field 'answer_kind'.*yes_no, choice, open"),
        ({"answer_kind": "yes_no", "answer": "maybe"}, "'maybe' is not one of yes, no"),
        ({"choices": ["dog"]}, "field 'choices': expected at least two"),
        ({"choices": None}, "field 'choices': expected at least two"),
        ({"choices": ["dog"] * 27}, "field 'choices': .* at most 26"),
        ({"choices": {"a": "dog", "B": "cat"}}, "capital letter"),
        ({"media": "x.png"}, "field 'media': expected a list"),
        ({"grade": "ocr"}, "field 'grade': only answers of the kind open are graded"),
        ({"answer_kind": "open", "grade": "rouge"}, "'grade': expected one of numerical, regression, ocr, free_form"),
        ({"media": [{"kind": "audio", "path": "x"}]}, "field 'media': .*image or video, got \"audio\""),
        ({"media": [{"type": "video", "path": "x"}]}, "field 'media': a medium has no 'type', but path and kind"),
        ({"media": None, "image": "x.png"}, "field 'image' is not read. Media stand in 'media', a list"),
        ({"media": [], "videos": [{"path": "x"}]}, "field 'videos' is not read"),
        ({"media": [], "path": "images/1.png"}, "field 'path' is not read"),
        ({"media": [], "image_paths": ["a.JPG"]}, "field 'image_paths' is not read"),
        ({"response": " "}, "field 'response': expected a text that is not empty"),
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
    with pytest.raises(DataError, match=r"rows\.jsonl:3 is not JSON"):
        next(rows)


def test_ids_are_unique_and_files_exist(tmp_path):
    with pytest.raises(DataError, match=":2: field 'id': 'a' occurs in line 1"):
        list(read_examples(write(tmp_path / "rows.jsonl", [ROW, ROW])))
    with pytest.raises(DataError, match="not found"):
        list(read_examples(tmp_path / "none.jsonl"))
    with pytest.raises(DataError, match="field 'response' is missing"):
        list(read_examples(write(tmp_path / "rows.jsonl", [ROW]), require_response=True))


def test_columns_that_say_nothing_else_are_ignored():
    row, bare = {**ROW, "media": ["x.png"]}, {**ROW, "media": []}
    for whole, more in (
        (bare, {"images": None, "videos": [], "note": "x", "path": "shard-3.jsonl"}),
        (row, {"image": "x.png", "images": ["x.png"], "path": "x.png"}),
        (row, {"media": [{"path": "x.png", "width": 3, "fps": 2}]}),
    ):
        assert example_from_row({**whole, **more}, "w") == example_from_row(whole, "w")


def test_media_kind_is_told_by_the_name():
    media = example_from_row({**ROW, "media": ["a/b.MP4", {"path": "a/b.jpeg"}]}, "w").sample.media
    assert [item.kind for item in media] == ["video", "image"]


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


@pytest.mark.parametrize(
    ("kind", "answer", "grade"),
    [
        ("numerical", "3.5", "numerical"),
        ("OCR", "EXIT ONLY", "ocr"),
        ("free-form", "A dog sleeps.", "free_form"),
        ("regression", "12", "regression"),
        ("free-form", "Yes", None),
        ("essay", "A dog.", None),
    ],
)
def test_video_r1_kinds_stay_with_the_row(kind, answer, grade, tmp_path, capsys):
    row = {
        **VIDEO_R1,
        "data_type": "text",
        "path": "x",
        "problem_type": kind,
        "options": [],
        "solution": f"<answer>{answer}</answer>",
    }
    assert command("convert", write(tmp_path / "in.jsonl", [row]), "--from", "video-r1", "--out", tmp_path / "out") == 0
    assert command("validate", tmp_path / "out", "--media-root", tmp_path) == 0
    counted = "yes_no" if answer == "Yes" else f"open ({grade})" if grade else "open"
    assert f"1 rows: 1 {counted}; " in capsys.readouterr().out
    (example,) = read_examples(tmp_path / "out")
    assert example.sample.attributes == ({} if grade is None else {"grade": grade})
    assert example_from_row(row_from_example(example), "again") == example


def test_video_r1_rows_of_text_need_no_path():
    row = {**VIDEO_R1, "data_type": "text", "path": ""}
    for missing in ({}, {"path": None}):
        assert convert_video_r1({**row, **missing}, "w")["media"] == []


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
        "id": "f:1", "media": [{"kind": "image", "path": "a.png"}], "question": "Is it red?", "answer": "no",
        "answer_kind": "yes_no",
    }  # fmt: skip
    told = [{"role": "assistant", "content": "<think>x</think><answer>4</answer>"}]
    converted = convert_trl({"prompt": "How many?", "completion": told}, "f:1")
    assert (converted["answer"], converted["answer_kind"]) == ("4", "open")
    assert converted["response"] == "<think>x</think><answer>4</answer>"
    with pytest.raises(DataError, match="no target"):
        convert_trl({"prompt": "How many?"}, "f:1")


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ({"solution": "$\\boxed{5}$"}, "5"),
        ({"solution": "\\boxed{4}? No: <answer> \\boxed{\\frac{1}{2}} </answer>"}, "\\frac{1}{2}"),
        ({"solution": None, "answer": None, "ground_truth": 7}, "7"),
    ],
)
def test_targets_of_trl_rows_are_what_a_response_can_say(target, answer):
    assert convert_trl({"prompt": "How many?", "completion": "I see.", **target}, "w")["answer"] == answer


def asked(text, answer="B", **row):
    converted = convert_trl({"prompt": text, "answer": answer, **row}, "w")
    return {key: converted[key] for key in converted.keys() - {"id", "media"}}


OPTIONS = "\nA. running\nB. sleeping"
CHOICE = {"choices": {"A": "running", "B": "sleeping"}, "answer": "B", "answer_kind": "choice"}


@pytest.mark.parametrize(
    "question",
    [
        "Choose the option that shows what the dog is doing.",
        "Look at the dog. Select the word that fits.",
        "Answer with the option's letter: what colour is the bus?\nLook at the left side.",
        "The dog is here.\nSelect a word for its colour.",
        "Answer yes or no.",
    ],
)
@pytest.mark.parametrize(
    "instruction", ["", " Please answer with the option's letter from the given choices directly."]
)
def test_of_a_question_nothing_but_how_to_answer_is_left_out(question, instruction):
    assert asked(question + instruction + OPTIONS) == {"question": question, **CHOICE}
    assert asked(question + OPTIONS + "\n" + instruction) == {"question": question, **CHOICE}
    row = {**VIDEO_R1, "problem": f"{question}\n{instruction}"}
    assert convert_video_r1(row, "w")["question"] == question
    turns = [{"from": "human", "value": question + instruction + OPTIONS}, LLAVA_COT["conversations"][1]]
    converted = convert_llava_cot({**LLAVA_COT, "conversations": turns}, "w")
    assert {**CHOICE, "question": question}.items() <= converted.items()


@pytest.mark.parametrize(
    "instruction",
    [
        "Answer the question using a single word or phrase.",
        "Please provide only the single option letter (e.g., A, B, C, D, etc.) within the <answer> </answer> tags.",
        "Choose the correct option. Answer with its letter only!",
        "Please answer yes or no.",
    ],
)
def test_instructions_are_left_out(instruction):
    assert asked(f"Is it red? {instruction}", "no")["question"] == "Is it red?"


@pytest.mark.parametrize(
    "instruction",
    [
        "Please provide your answer by stating the letter followed by the full option.",
        "Answer with an option letter.",
        "Answer with the letter, e.g. B.\nChoose one option only, without explanation.",
        "Select one option that best answers the question.",
        "Please choose the correct option based on the video.",
    ],
)
def test_after_the_options_an_instruction_may_have_any_words(instruction):
    assert asked(f"Which?{OPTIONS}\n{instruction}") == {"question": "Which?", **CHOICE}
    text = f"Which?{OPTIONS}"
    assert asked(f"{text}\n{instruction}", "Neither.") == {
        "question": text, "answer": "Neither.", "answer_kind": "open"
    }  # fmt: skip
    for more in ("Choose the option that fits: what does it do?", f"{instruction} Look at the dog."):
        assert asked(f"{text}\n{more}")["question"] == f"{text}\n{more}"


def test_options_that_go_on_stay_in_the_question():
    for text in (f"Which?{OPTIONS}\non the left.", "Which?\nA. running\non the left.\nB. sleeping"):
        assert asked(text) == {"question": text, "answer": "B", "answer_kind": "open"}


def test_media_of_trl_rows():
    def media(*parts, **row):
        content = [*parts, {"type": "text", "text": "Is it red?"}]
        return convert_trl({"prompt": [{"role": "user", "content": content}], "answer": "no", **row}, "w")["media"]

    image, clip = {"kind": "image", "path": "a.png"}, {"kind": "video", "path": "clip"}
    assert media({"type": "image", "image": "a.png"}) == [image]
    assert media({"image": {"bytes": None, "path": "a.png"}}) == [image]
    assert media({"type": "video", "path": "clip"}, {"type": "image"}, images=["a.png"]) == [clip, image]
    assert media(images=None, image="a.png", videos=["clip"]) == [image, clip]
    assert media({"type": "image", "image": "a.png"}, images=["a.png"]) == [image]
    both = media({"type": "image"}, {"type": "image", "image": "a.png"}, images=[{"path": "a.png"}, "b.png"])
    assert both == [{"kind": "image", "path": "b.png"}, image]
    for wrong in (
        lambda: media({"type": "image"}),
        lambda: media({"type": "image"}, images=["a.png", "b.png"]),
        lambda: media({"type": "image", "image": "a.png"}, images=["a.png", "b.png"]),
        lambda: media({"type": "image_url", "image_url": {"url": "a.png"}}),
        lambda: asked("<image> Is it red?", "no"),
    ):
        with pytest.raises(
            DataError, match=r"field 'prompt'|field 'content' of the user's message: a part of the type"
        ):
            wrong()


def test_a_row_of_several_questions_is_refused():
    texts = {"user": ["What animal is it?", "What colour is it?"], "assistant": ["A dog."]}
    turns = [
        {"role": role, "content": texts[role][number // 2]} for number, role in enumerate(("user", "assistant", "user"))
    ]
    with pytest.raises(
        DataError, match=r"'prompt': a row holds one question: .* these are of user, assistant, user, as"
    ):
        convert_trl({"prompt": turns, "completion": "Brown.", "answer": "brown"}, "w")
    system = {"role": "system", "content": "Be brief."}
    converted = convert_trl({"prompt": [system, turns[2]], "completion": "Brown.", "answer": "brown"}, "w")
    assert (converted["question"], converted["response"]) == ("What colour is it?", "Brown.")


def command(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_convert_reads_arrays_and_lines(tmp_path, layout, capsys):
    rows = [{**VIDEO_R1, "problem_id": number, "problem": "x" * 5000} for number in range(500)]  # Beyond one block.
    source = tmp_path / "source.json"
    text = json.dumps(rows, indent=1) if layout == "array" else "\n".join(map(json.dumps, rows))
    source.write_text(text, encoding="utf-8-sig")  # With a byte order mark, as Windows writes it.
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


TRL = {"id": "a", "messages": [{"role": "user", "content": "Is it red?"}], "solution": "no"}


def harness(*arguments):
    from harness.cli import main

    return main(["data", *map(str, arguments)])


def source_of(folder, *rows):
    path = folder / "source.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize(
    ("source_format", "row", "message"),
    [
        ("trl", {**TRL, "messages": ["hi"]}, "field 'messages[0]': a str"),
        ("trl", {**TRL, "prompt": [None]}, "field 'prompt[0]': a NoneType"),
        ("trl", {**TRL, "completion": ["no"]}, "field 'completion[0]': a str"),
        ("trl", {**TRL, "messages": [{"role": "user", "content": None}]}, "field 'content' of the user's message"),
        ("trl", {**TRL, "messages": [{"role": "user", "content": ["q"]}]}, "field 'content' of the user's message"),
        ("trl", {**TRL, "messages": [{"role": "user", "content": [{"text": 3}]}]}, "field 'content'"),
        ("trl", {**TRL, "messages": [*TRL["messages"], {"role": "assistant"}]}, "the assistant's message"),
        ("trl", {**TRL, "solution": ["no"]}, "'ground_truth') is a list"),
        ("trl", {**TRL, "id": ["a"]}, "field 'id': a list"),
        ("llava-cot", {**LLAVA_COT, "conversations": ["x", "y"]}, "field 'conversations[0]': a str"),
        (
            "llava-cot",
            {**LLAVA_COT, "conversations": [{"from": "human"}, {"from": "gpt", "value": None}]},
            "CONCLUSION",
        ),
        ("llava-cot", {**LLAVA_COT, "conversations": [{"from": "human"}, LLAVA_COT["conversations"][1]]}, "'value'"),
        ("video-r1", {**VIDEO_R1, "options": [{"A": "x"}, None]}, "field 'options'"),
        ("video-r1", {**VIDEO_R1, "problem_id": {}}, "field 'problem_id': a dict"),
        ("omnex", {**VIDEO_R1, "path": [None]}, "field 'path'"),
    ],
)
def test_a_malformed_row_is_named_or_skipped(tmp_path, capsys, source_format, row, message):
    good = {"trl": TRL, "llava-cot": LLAVA_COT}.get(source_format, VIDEO_R1)
    source, out = source_of(tmp_path, good, row), tmp_path / "out.jsonl"
    assert harness("convert", source, "--from", source_format, "--out", out) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {source}[1]: ")
    assert message in error
    assert harness("convert", source, "--from", source_format, "--out", out, "--skip-bad") == 0
    assert "1 rows left out" in capsys.readouterr().err
    assert len(list(read_examples(out))) == 1


def test_rows_without_an_id_get_the_name_of_their_place(tmp_path):
    source, out = source_of(tmp_path, {**TRL, "id": None}, {**TRL, "id": None}), tmp_path / "out.jsonl"
    assert harness("convert", source, "--from", "trl", "--out", out) == 0
    assert [example.sample.id for example in read_examples(out)] == [f"{source}[0]", f"{source}[1]"]


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_a_source_that_is_not_utf8_is_named_by_row(tmp_path, capsys, layout):
    source, out = tmp_path / "source.json", tmp_path / "out.jsonl"
    rows = [json.dumps(TRL).encode(), json.dumps({**TRL, "id": "café"}, ensure_ascii=False).encode("latin-1")]
    source.write_bytes(b"[" + b",\n".join(rows) + b"]" if layout == "array" else b"\n".join(rows))
    assert harness("convert", source, "--from", "trl", "--out", out) == 2
    where = f"{source}[1]" if layout == "array" else f"{source}:2"
    assert capsys.readouterr().err == f"error: {where}: not UTF-8 (byte 0xe9). Save the file as UTF-8.\n"
    assert list(tmp_path.iterdir()) == [source]


def test_a_source_that_is_no_json_file_is_refused(tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    assert harness("convert", tmp_path, "--from", "trl", "--out", out) == 2
    assert f"{tmp_path} cannot be read: Is a directory" in capsys.readouterr().err
    (tmp_path / "loop").symlink_to("loop")
    assert harness("convert", tmp_path / "loop", "--from", "trl", "--out", out) == 2
    source = source_of(tmp_path, TRL, "hi")
    assert harness("convert", source, "--from", "trl", "--out", out) == 2
    assert f"{source}[1]: the array holds a str" in capsys.readouterr().err
    for text in ("[" * 100_000, '{"a":' * 100_000):
        source.write_text(text)
        assert harness("convert", source, "--from", "trl", "--out", out) == 2
    assert not out.exists()


def test_half_a_character_is_refused_by_row_and_field(tmp_path, capsys):
    half = {**TRL, "messages": [{"role": "user", "content": "q?\ud800 \\"}]}
    source, out = source_of(tmp_path, half), tmp_path / "o"
    assert harness("convert", source, "--from", "trl", "--out", out) == 2
    assert f"{source}[0]: field 'question': \\ud800 is half of a character" in capsys.readouterr().err
    assert not out.exists()
    assert (
        harness("convert", source_of(tmp_path, half, {**TRL, "id": "2"}), "--from", "trl", "--out", out, "--skip-bad")
        == 0
    )
    row = json.loads(out.read_text(encoding="utf-8"))
    for field, value in (("id", "a\udfff"), ("answer", "\ud83d"), ("response", "\ud83d."), ("media", ["\ud83d.png"])):
        changed = {**row, "answer_kind": "open", "answer": "x", field: value}
        out.write_text(json.dumps({**row, "id": "0"}) + "\n" + json.dumps(changed) + "\n", encoding="utf-8")
        assert harness("validate", out) == 2
        assert f"{out}:2: field '{field}': \\ud" in capsys.readouterr().err


def test_a_target_that_cannot_be_written_is_refused(tmp_path, capsys):
    source = source_of(tmp_path, TRL)
    (tmp_path / "folder").mkdir()
    for out in (tmp_path / "folder", source / "out.jsonl", tmp_path / ("x" * 300)):
        assert harness("convert", source, "--from", "trl", "--out", out) == 2
        assert f"error: cannot write {out}: " in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe")
    assert harness("convert", source, "--from", "trl", "--out", tmp_path / "pipe") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe", "source.json"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("rows", [[], [{"id": "a"}], [TRL, {"id": "b"}]])
def test_a_failed_conversion_keeps_the_old_file(tmp_path, capsys, rows):
    source, out = source_of(tmp_path, *rows), tmp_path / "out.jsonl"
    out.write_text(kept := '{"id": "1", "question": "?", "answer": "a", "answer_kind": "open"}\n')
    skip = ["--skip-bad"] if len(rows) == 1 else []
    assert harness("convert", source, "--from", "trl", "--out", out, *skip) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "holds no rows" in captured.err or "neither 'prompt' nor 'messages'" in captured.err
    assert out.read_text() == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "source.json"]


def test_an_id_that_occurs_twice_is_refused_or_skipped(tmp_path, capsys):
    source, out = source_of(tmp_path, TRL, {**TRL, "id": "b"}, {**TRL, "id": " a "}), tmp_path / "out.jsonl"
    assert harness("convert", source, "--from", "trl", "--out", out) == 2
    assert f"{source}[2]: id 'a' occurs in {source}[0] already." in capsys.readouterr().err
    assert harness("convert", source, "--from", "trl", "--out", out, "--skip-bad") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("2 rows written")
    assert "1 rows left out, the first: " in captured.err
    assert harness("validate", out) == 0


def test_a_media_path_that_is_too_long_is_missing(tmp_path, capsys):
    from trainers.data.loading import read_training

    path = write(tmp_path / "rows.jsonl", [{**ROW, "media": ["x" * 300]}])
    assert harness("validate", path) == 2
    assert "row 'a': field 'media'" in capsys.readouterr().err
    with pytest.raises(DataError, match="row 'a': field 'media'"):
        read_training(path, tmp_path, limit=None, require_response=False)


def test_media_stay_in_their_folder(tmp_path, capsys):
    from PIL import Image

    from trainers.data.loading import read_training

    (tmp_path / "data").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "data/link.png").symlink_to(tmp_path / "secret.png")
    for name in ("../secret.png", str(tmp_path / "secret.png"), "link.png"):
        path = write(tmp_path / "data/rows.jsonl", [{**ROW, "media": [name]}])
        assert harness("validate", path, "--media") == 2
        said = capsys.readouterr().err
        assert "row 'a': field 'media'" in said
        assert f"leads out of the data folder {tmp_path / 'data'}" in said
        options = {"limit": None, "require_response": False}
        with pytest.raises(DataError, match=r"data\.allow_outside"):
            read_training(path, path.parent, **options)
        assert len(read_training(path, path.parent, outside=[str(tmp_path)], **options)) == 1
        assert harness("validate", path, "--media", "--allow-outside", tmp_path) == 0


def test_the_help_shows_the_schema_that_errors_point_to(capsys):
    with pytest.raises(DataError, match="'harness data --help' shows the schema"):
        example_from_row({}, "w")
    with pytest.raises(SystemExit):
        harness("--help")
    shown = capsys.readouterr().out
    example = example_from_row(json.loads(shown[shown.index("{") : shown.index("}\n") + 1]), "help")
    assert all(f"\n  {field} " in shown for field in [*row_from_example(example), "choices", "response"])
