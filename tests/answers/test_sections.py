"""Taking a structured response apart."""

import pytest

from harness.answers.sections import SECTION_NAMES, Sections, open_section, split_sections

WHOLE = "<planning>look</planning>\n<caption>a dog</caption>\n<think>a dog, so yes</think>\n<answer>yes</answer>"


def texts(sections: Sections) -> tuple[str | None, ...]:
    return sections.planning, sections.caption, sections.think, sections.answer


def test_a_whole_response_is_taken_apart() -> None:
    sections = split_sections(WHOLE)
    assert texts(sections) == ("look", "a dog", "a dog, so yes", "yes")
    assert [block.name for block in sections.blocks] == list(SECTION_NAMES)
    assert sections.structured
    assert sections.outside == ""
    assert not sections.cut_off
    assert sections.is_well_formed()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (None, None, None, None)),
        ("yes", (None, None, None, None)),
        ("<think>a</think>b", (None, None, "a", None)),
        ("<PreThink>p</PRETHINK><Answer> B </aNSWER>", ("p", None, None, "B")),
        ("< answer >yes</ answer >", (None, None, None, "yes")),
        # the last complete answer that is not empty; else an unclosed one; else the empty one
        ("<answer>a</answer><answer>b</answer>", (None, None, None, "b")),
        ("<answer>a</answer><answer></answer>", (None, None, None, "a")),
        ("<answer>a</answer><answer>b", (None, None, None, "a")),
        ("<answer></answer><answer>b", (None, None, None, "b")),
        ("<answer> </answer>", (None, None, None, "")),
        ("<answer>a <answer>b</answer>", (None, None, None, "b")),
        ("<answer>B<answer>", (None, None, None, "B")),
        ("<answer>B</think>", (None, None, None, "B")),
        # tags inside a section that has both of its tags are quoted
        (
            "<think>write <answer>x</answer> here</think><answer>y</answer>",
            (None, None, "write <answer>x</answer> here", "y"),
        ),
        ("<think>write <answer>x</answer></think>", (None, None, "write <answer>x</answer>", None)),
        ("<planning>then <think></planning><think>t</think>", ("then <think>", None, "t", None)),
        # without its closing tag a section ends where the next one opens
        ("<planning>p<caption>c</caption>", ("p", "c", None, None)),
        ("<caption>c<think>t</think><answer>a</answer>", (None, "c", "t", "a")),
        # an unclosed thinking ends only at an answer that ends the response
        ("<think>t<answer>a</answer>", (None, None, "t", "a")),
        ("<think>t<answer>a", (None, None, "t", "a")),
        ("<think>t <answer>a</answer> more", (None, None, "t a more", None)),
        ("<think>t", (None, None, "t", None)),
        # a thinking that the prompt opened
        ("t</think>a", (None, None, "t", None)),
        ("t <answer>x</answer> u</think><answer>y</answer>", (None, None, "t\nx\nu", "y")),
        ("<caption>c</caption>t</think><answer>y</answer>", (None, "c", "t", "y")),
        ("<answer>y</answer></think>", (None, None, None, "y")),
        ("t</think>", (None, None, "t", None)),
    ],
)
def test_which_text_belongs_to_which_section(text: str, expected: tuple[str | None, ...]) -> None:
    assert texts(split_sections(text)) == expected


THOUGHTS = {
    "Kimi": "◁think▷{}◁/think▷",
    "Magistral": "[THINK]{}[/THINK]",
    "thinking": "<thinking>{}</thinking>",
    "analysis": "<analysis>{}</analysis>",
    "reasoning": "<reasoning>{}</reasoning>",
    "Seed": "<seed:think>{}</seed:think>",
    "MiniMax": "<mm:think>{}</mm:think>",
    "Gemma": "<|channel>thought\n{}<channel|>",
    "gpt-oss": "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
}


@pytest.mark.parametrize("form", THOUGHTS.values(), ids=THOUGHTS)
def test_the_thinking_of_other_families(form: str) -> None:
    sections = split_sections(form.format("It is a dog.") + "No")
    assert (texts(sections), sections.outside) == ((None, None, "It is a dog.", None), "No")
    assert not sections.cut_off
    begun = split_sections(form.partition("{}")[0] + "It is a dog.")
    assert (begun.think, begun.cut_off) == ("It is a dog.", True)
    prompted = split_sections("It is a dog." + form.partition("{}")[2] + "No")
    assert (prompted.think, prompted.outside) == ("It is a dog.", "No")


def test_the_answer_of_other_families() -> None:
    whole = "<SUMMARY>look</SUMMARY><CAPTION>a dog</CAPTION><REASONING>so</REASONING><CONCLUSION>yes</CONCLUSION>"
    assert texts(split_sections(whole)) == ("look", "a dog", "so", "yes")
    assert texts(split_sections("<think>so</think>\n<response>\nyes\n</response>")) == (None, None, "so", "yes")
    assert not split_sections("<details><summary>More</summary>No</details>").structured
    assert not split_sections("[think] ◁ No<|end|>").structured


def test_tags_that_no_prompt_asks_for_are_not_well_formed() -> None:
    assert split_sections("<think>t</think><answer>a</answer>").is_well_formed(("think", "answer"))
    assert not split_sections("<thinking>t</thinking><answer>a</answer>").is_well_formed(("think", "answer"))
    assert not split_sections("<think>t</think><response>a</response>").is_well_formed(("think", "answer"))


@pytest.mark.parametrize(
    ("text", "structured"),
    [
        ("yes", False),
        ("<b>yes</b>", False),
        ("<answers>", False),
        ("</think>", True),
        ("<CAPTION>", True),
        ("x <answer>", True),
    ],
)
def test_any_tag_makes_a_response_structured(text: str, structured: bool) -> None:
    assert split_sections(text).structured is structured


@pytest.mark.parametrize(
    ("text", "cut_off"),
    [
        ("<think>t", True),
        ("<planning>p</planning><caption>c", True),
        ("<think>t</think><answer>a", False),
        ("<think>t</think>", False),
        ("yes", False),
        ("<think>t <answer>a</answer> but", True),
    ],
)
def test_a_response_that_ends_inside_a_section_is_cut_off(text: str, cut_off: bool) -> None:
    assert split_sections(text).cut_off is cut_off


@pytest.mark.parametrize(
    "text",
    [
        "",
        WHOLE.replace("</think>", ""),
        WHOLE + " indeed",
        "Sure! " + WHOLE,
        WHOLE + "</answer>",
        WHOLE + "<answer>no</answer>",
        WHOLE.replace("a dog</caption>", "</caption>"),
        "<caption>c</caption><planning>p</planning><think>t</think><answer>a</answer>",
        "<think>t</think><answer>a</answer>",
    ],
)
def test_a_response_of_any_other_form_is_not_well_formed(text: str) -> None:
    assert not split_sections(text).is_well_formed()


def test_the_form_may_have_fewer_sections() -> None:
    sections = split_sections("<think>t</think>\n<answer>a</answer>")
    assert sections.is_well_formed(("think", "answer"))
    assert not sections.is_well_formed()


def test_what_is_out_of_place_is_counted() -> None:
    sections = split_sections("a</caption>b<think>x <answer> y</think><answer>1</answer><answer>2</answer>")
    assert sections.stray_tags == 1
    assert sections.outside == "a\nb"
    assert [sections.count(name) for name in SECTION_NAMES] == [0, 0, 1, 2]
    assert sections.complete_answer == "2"


def test_the_last_complete_answer_may_be_empty() -> None:
    sections = split_sections("<answer>yes</answer><answer></answer><answer>no")
    assert sections.complete_answer == ""
    assert sections.answer == "yes"
    assert split_sections("<answer>yes").complete_answer is None


def test_no_text_is_lost_and_none_is_read_twice() -> None:
    text = "o1<planning>p</planning>o2<caption>c<think>t</think>o3<answer>a</answer>o4"
    sections = split_sections(text)
    assert [block.text for block in sections.blocks] == ["p", "c", "t", "a"]
    assert sections.outside.split() == ["o1", "o2", "o3", "o4"]


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("assistant\n<think>\n", "<think>\n"),
        ("assistant: ◁think▷", "◁think▷"),
        ("assistant\n<think>\n\n</think>\n\n", ""),
        ("Write <think> and </think> around it.\nassistant\n", ""),
        ("<think> is a tag. assistant:", ""),
        ("", ""),
    ],
)
def test_a_tag_that_a_prompt_ends_with(prompt: str, tag: str) -> None:
    assert open_section(prompt) == tag
