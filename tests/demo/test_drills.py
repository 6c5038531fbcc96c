"""Text-only drills: what they ask for must follow from the caption that they show."""

import re

import numpy as np
import pytest

from harness.demo.drills import draw_choice_drill, draw_comparison_drill, draw_look_up_drill, draw_option_drill

ENTRY = r"(?:red|orange|yellow|green|blue|purple) (?:circle|square|triangle|star)"


def caption_of(drill):
    if "<caption>" in drill.response:
        return re.search(r"<caption> (.*?) </caption>", drill.response)[1]
    return re.search(r"Caption: (.*?) \. ", drill.prompt)[1]


def chains(drill):
    return re.findall(r"<think> (.*?) </think>(?: <answer> (.*?) </answer>)?", drill.response)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_look_ups_copy_entries_of_the_caption(rng):
    for _ in range(200):
        drill = draw_look_up_drill(rng, most=10)
        caption = caption_of(drill)
        entries = caption.split(" ; ")
        found = chains(drill)
        assert 1 <= len(found) <= 10
        for thinking, answer in found:
            match = re.match(rf"({ENTRY}) (.*)", thinking)
            if match and answer:
                entry = next((e for e in entries if e.startswith(match[1] + " ")), None)
                assert answer == ("no" if entry is None else "yes")
                assert match[2] == "none" if entry is None else thinking.removesuffix(" stays") == entry
            elif not match and not thinking.endswith("none"):
                key, value = thinking.split(" ", 1)
                assert any(key in entry.split() and entry.startswith(value) for entry in entries), drill


def test_option_drills_name_the_right_letters(rng):
    for _ in range(100):
        drill = draw_option_drill(rng)
        options = dict(re.findall(r"^([A-E])\. (.*?)(?:<|$)", drill.prompt, re.M))
        ((thinking, _),) = chains(drill)
        pairs = re.findall(r"(.*?) ([A-E])\.(?: |$)", thinking)
        assert {letter: text for text, letter in pairs} == options
        assert len(pairs) == len(options) >= 2


def test_choice_drills_end_with_the_letter_of_the_value(rng):
    for _ in range(200):
        drill = draw_choice_drill(rng, most=6)
        options = dict(re.findall(r"^([A-E])\. (.*?)(?:<|$)", drill.prompt, re.M))
        assert len(set(options.values())) == len(options)
        for thinking, answer in chains(drill):
            assert thinking.endswith(f"{options[answer]} {answer}.")


def test_comparison_drills_ask_the_same_of_every_object(rng):
    answers = []
    for _ in range(200):
        drill = draw_comparison_drill(rng, most=6)
        caption, question = caption_of(drill), drill.prompt
        for thinking, answer in chains(drill):
            answers.append(answer)
            seen, asked, claimed = thinking.partition(" asked ")
            match = re.search(r"(turn|move) (\w+) in the video", question)
            if match:
                assert answer == ("yes" if f" {match[1]}s {match[2]} " in f"{seen} " else "no")
                assert not asked or claimed == f"{match[1]}s {match[2]}"
            assert (thinking.endswith("none") and not asked) or seen.removesuffix(" stays") in caption
    assert 0.15 < np.mean([answer == "yes" for answer in answers]) < 0.6


def test_comparison_drills_can_ask_for_a_wrong_detail(rng):
    found = 0
    for _ in range(100):
        drill = draw_comparison_drill(rng, most=6, details=1.0)
        if re.search(r"(turn|move) (\w+) in the video", drill.prompt):
            happened = re.findall(r"(turns|moves) (\w+) asked (\w+) (\w+)", drill.response)
            assert any(verb == claimed and detail != other for verb, detail, claimed, other in happened)
            found += 1
    assert found > 10
