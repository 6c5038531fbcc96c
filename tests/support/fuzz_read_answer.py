"""Searches for texts that break the readers of answers, or slow them down.

    python tests/support/fuzz_read_answer.py --minutes 10              hypothesis
    python tests/support/fuzz_read_answer.py --minutes 10 --coverage   atheris, guided by coverage (pip install atheris)

Prints how many texts were tried and the slowest of them; ends with an error at the first exception, or at a text that
takes longer than `--slow-ms`.
"""

import argparse
import inspect
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support_scoring import task_module

from harness.answers.reading import Reading, match_answer, read_answer
from harness.answers.sections import split_sections
from harness.benchmarks.verdicts import official_text

read_pope = task_module("pope").read_pope
read_mmbench = task_module("mmbench").read_mmbench

QUESTION = "Is there a dog in the image?"
CHOICES = {"A": "red", "B": "dark red", "C": "Vitamin C", "D": "-3.5 %"}

# Repeated to a great length, each of these asks for something that is easily more than linear.
HOSTILE = {
    "opened thinking": "<think>",
    "closed thinking": "</think>",
    "opened answers": "<answer>",
    "empty answers": "<answer></answer>",
    "answers out of order": "</answer><answer>",
    "sections in sections": "<caption><planning>",
    "angle brackets": "<",
    "spaces": " ",
    "tabs and newlines": "\t\n",
    "newlines": "\n",
    "letters": "A ",
    "letters in parentheses": "(B) ",
    "letters without spaces": "B",
    "yes": "yes ",
    "no": "no",
    "yes and no": "yes no ",
    "answer is": "the answer is ",
    "answer": "answer",
    "final answer": "final answer: ",
    "boxes": "\\boxed{",
    "closed boxes": "\\boxed{B}",
    "braces": "{",
    "quotes": "'\"",
    "asterisks": "*",
    "asterisks and underscores": "*_",
    "full stops": ".",
    "questions": "is it? ",
    "commas": "a, ",
    "wait": "wait, ",
    "actually": "actually no, ",
    "not": "not ",
    "options": "Option A or B, ",
    "option texts": "dark red ",
    "denied texts": "not red or ",
    "zero width": "\u200b",
    "combining marks": "\u0301\u0323",
    "ligatures": "\ufdfa",
    "Chinese": "没有是",
    "digits": "1,000",
    "fractions": "\\frac{1}{2}",
    "powers": "10^",
    "dashes": "-",
    "if": "if there is yes otherwise ",
    "things": "there is no dog, ",
    "dogs": "dog ",
    "neither": "neither a dog nor ",
    "struck": "~~",
    "JSON": '{"answer": ',
    "special tokens": "<|im_end|>",
    "conclusions": "<conclusion>A</conclusion>",
    "all but one": "all but B are wrong, ",
    "asked and affirmed": "is it B? yes. ",
    "held claims": "the claim that a dog holds. ",
    "turned": "though it looks like a, it is b; ",
}

_WORDS = [
    *HOSTILE.values(),
    "yes", "no", "Yes,", "No.", "not", "n't", "there is", "a dog", "no dog", "I see", "I cannot", "the answer is",
    "Answer:", "B", "(B)", "B.", "option B", "is correct", "is wrong", "because", "but", "or", "and", "if", "whether",
    "wait", "actually", "</think>", "</answer>", "</caption>", "Final answer", "\\boxed{B}", "\\text{yes}", "$", "**",
    "`", "~~", "\n", "\n\n", " ", ".", "?", "!", ",", ";", ":", "-", "\u2014", "\u201c", "\u2019", "\u3002", "是",
    "没有", "答案", "はい", "아니요", "да", "нет", "نعم", "हाँ", "sí", "oui", "nein", "42", "٤٢", "𐩀", "1/2",
    "3.5 %", "10^6", "O(n^2)", "µV", "²", "½", "Ⅷ", "①", "Ａ", "ｙｅｓ", "\u200b", "\ufeff", "\u0301", "\ud83d",
    "\U0001f600", "\x00", "\x85", "\u2028", "<", ">", "{", "}", "[",
    "]", "(", ")", "|", "/", "\\", "'", '"', "#", "_", "=",
]  # fmt: skip


def responses() -> st.SearchStrategy[str]:
    """Random text, and random sequences of the words that the readers look for."""
    words = st.lists(st.sampled_from(_WORDS), max_size=60)
    joined = st.builds(lambda glue, said: glue.join(said), st.sampled_from(["", " ", "\n"]), words)
    repeated = st.builds(lambda word, times: word * times, st.sampled_from(_WORDS), st.integers(1, 400))
    pieces = st.lists(st.one_of(joined, repeated, st.text(max_size=40)), max_size=4).map("".join)
    return st.one_of(st.text(), joined, repeated, pieces)


def check(reading: Reading, response: str, answers: tuple[str, ...] | None = None) -> None:
    """Whether a reading is one: an answer of the kind exactly where it was read, resting on words of the response."""
    assert (reading.answer is not None) == (reading.outcome == "read")
    assert reading.answer is None or (reading.answer in answers if answers is not None else reading.answer.strip())
    assert reading.span is None or 0 <= reading.span[0] < reading.span[1] <= len(response)
    assert reading.rule


def read_all(text: str) -> None:
    """Every reader on one text; raises where one of them fails or gives what it must not."""
    sections = split_sections(text)
    assert len(sections.outside) + sum(len(block.text) for block in sections.blocks) <= len(text)
    check(read_answer(text, "yes_no", question=QUESTION), text, ("yes", "no"))
    check(read_answer(text, "yes_no"), text, ("yes", "no"))
    check(read_answer(text, "choice", CHOICES, QUESTION), text, (*CHOICES,))
    check(read_answer(text, "choice"), text, ("A", "B", "C", "D", "E"))
    check(read_answer(text, "open", question=text), text)
    for target in ("150 µV", "\\frac{1}{\\sqrt{LC}}", "Depth-First Search (DFS)", text):
        assert match_answer(text, target, "open", question=QUESTION) in ("right", "wrong", "unknown")
    assert read_pope(official_text(text)) in ("yes", "no")
    assert read_mmbench(official_text(text), CHOICES) in (*CHOICES, "Z", None)


class Watch:
    """Counts texts and remembers the slowest, relative to its length."""

    def __init__(self, slow_ms: float) -> None:
        self.slow_ms = slow_ms
        self.tried = 0
        self.slowest_ms = 0.0
        self.slowest = ""

    def __call__(self, text: str) -> None:
        spent_ms = min(self.milliseconds(text), self.slow_ms)
        if spent_ms == self.slow_ms:  # once more: another program may have been in the way
            spent_ms = self.milliseconds(text)
        self.tried += 1
        if spent_ms > self.slowest_ms:
            self.slowest_ms, self.slowest = spent_ms, text
        if spent_ms > self.slow_ms + len(text) * 0.1:
            raise AssertionError(f"{spent_ms:.0f} ms for {len(text)} characters: {text[:200]!r}")

    @staticmethod
    def milliseconds(text: str) -> float:
        started = time.process_time()
        read_all(text)
        return (time.process_time() - started) * 1000

    def report(self) -> None:
        print(f"{self.tried} texts; the slowest took {self.slowest_ms:.1f} ms for {len(self.slowest)} characters")
        print(repr(self.slowest[:200]))


def search(minutes: float, watch: Watch) -> None:
    """Hypothesis, in rounds of new random texts, until the time is over."""
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:

        @settings(
            max_examples=2000,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(responses())
        def round_of_texts(text: str) -> None:
            watch(text)

        round_of_texts()


def search_by_coverage(minutes: float, watch: Watch) -> None:
    """Atheris: texts that reach new lines of the readers breed."""
    import atheris

    def one_input(data: bytes) -> None:
        watch(atheris.FuzzedDataProvider(data).ConsumeUnicode(4096))

    run: Callable[[bytes], None] = one_input
    seconds = int(timedelta(minutes=minutes).total_seconds())
    for name in [name for name in sys.modules if name.startswith("harness.answers")]:
        for function in vars(sys.modules[name]).copy().values():
            if inspect.isfunction(function) and function.__module__ == name:
                atheris.instrument_func(function)
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096"], run)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--slow-ms", type=float, default=200, help="besides 0.1 ms a character")
    parser.add_argument("--coverage", action="store_true", help="use atheris instead of hypothesis")
    options = parser.parse_args()
    watch = Watch(options.slow_ms)
    try:
        (search_by_coverage if options.coverage else search)(options.minutes, watch)
    finally:
        watch.report()


if __name__ == "__main__":
    main()
