"""Phrases that announce an answer, and phrases that take one back."""

import pytest

from harness.answers.cues import FINAL, STATED, closing_brace, conclusions, spans, take_backs


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("the answer is b.", [(STATED, "b.")]),
        ("my verdict: no", [(STATED, "no")]),
        ("the correct option is (c)", [(STATED, "(c)")]),
        ("so \\boxed{b} it is", [(FINAL, "b")]),
        ("final answer: b", [(FINAL, "b")]),
        ('{"reason": "x", "answer": "b"}', [(FINAL, '"b"}')]),
        ("la respuesta es b", [(STATED, "b")]),
        ("答案是 b", [(STATED, "b")]),
        ("the answer is a. no, the answer is b.", [(STATED, "a. no, the answer is b."), (STATED, "b.")]),
        # nothing is announced
        ("i see a dog", []),
        ("an option is b", []),
        ("the answer", []),
        # by someone else, in another case, or before a second thought
        ("the wrong answer is b", []),
        ("a tempting answer is b", []),
        ("if there were a dog, the answer would be yes", []),
        ("it is clear that, had there been one, the answer would have been b", []),
        ("at first i thought the answer was b", []),
    ],
)
def test_what_announces_an_answer(text: str, announced: list[tuple[int, str]]) -> None:
    assert [(cue.rank, text[cue.payload : cue.end].strip()) for cue in conclusions(text)] == announced


def test_how_an_answer_is_announced() -> None:
    (asked,) = conclusions("the answer to whether there is a dog is no")
    assert asked.indirect
    (denied,) = conclusions("the answer can not be b")
    assert denied.denied
    (plain,) = conclusions("the answer is b")
    assert (plain.indirect, plain.denied) == (False, False)


@pytest.mark.parametrize(("text", "end"), [("{b} c", 2), ("{\\text{b}} c", 9), ("{b", 2), ("{" + "b" * 999, 321)])
def test_where_a_brace_closes(text: str, end: int) -> None:
    assert closing_brace(text, 1) == end


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("it is b", ["it is b"]),
        ("b. wait, a", ["b.", ", a"]),
        ("yes. actually, no", ["yes.", ", no"]),
        ("b. hmm, let me rethink. c", ["b.", ",", "think. c"]),
        ("b. scratch that. c", ["b.", ". c"]),
        ("no wait, yes", [", yes"]),
        ("是。等等，不是", ["是。", "，不是"]),
        # nothing was said before, or it is no second thought
        ("wait", ["wait"]),
        ("wait, b", ["wait, b"]),
        ('"wait, b', ['"wait, b']),
        ("they wait for a bus", ["they wait for a bus"]),
        ("the man is actually sitting", ["the man is actually sitting"]),
        ("sorry, i cannot tell", ["sorry, i cannot tell"]),
    ],
)
def test_what_takes_back(text: str, stretches: list[str]) -> None:
    assert [text[start:end].strip() for start, end in spans(text)] == stretches
    assert len(take_backs(text)) >= len(stretches) - 1
