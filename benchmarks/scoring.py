"""Speed of reading answers: responses a second, and whether time grows with the length of hostile texts.

    python benchmarks/scoring.py

Prints, for each kind of response of 200 words (every text another one), microseconds and responses a second, and the
same for the published evaluators' readers; then, for each hostile pattern, the
time of 100,000 and of 800,000 characters and their ratio: 8 is linear. Times are CPU times, the best of several runs.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from harness.answers.reading import read_answer
from harness.benchmarks.verdicts import official_text
from harness.core.types import AnswerKind

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from fuzz_read_answer import HOSTILE
from support_scoring import task_module

read_pope = task_module("pope").read_pope
read_mmbench = task_module("mmbench").read_mmbench
videohallucer_hit = task_module("videohallucer").videohallucer_hit

QUESTION = "Is there a dog in the image?"
CHOICES = {"A": "turquoise", "B": "magenta", "C": "ochre", "D": "dark magenta"}
WORDS = """
    the image shows a busy street with several people walking near shops while cars are parked along the road and a red
    bus is passing by under clear sky trees building window man woman holding bag standing sitting next table chair it
    appears that they look at something interesting there is also small detail in background
"""


def paragraph(words: int, chance: random.Random) -> str:
    """Sentences of 8 to 18 common words."""
    said: list[str] = []
    words_known = WORDS.split()
    while len(said) < words:
        sentence = [chance.choice(words_known) for _ in range(chance.randint(8, 18))]
        said += [sentence[0].capitalize(), *sentence[1:-1], f"{sentence[-1]}."]
    return " ".join(said[:words])


KINDS: list[tuple[str, AnswerKind, Callable[[str], str]]] = [
    ("yes/no, answer first", "yes_no", lambda text: f"Yes, there is a dog. {text}"),
    ("yes/no, answer last", "yes_no", lambda text: f"{text} Therefore, the answer is no."),
    ("yes/no, structured", "yes_no", lambda text: f"<caption>c</caption><think>{text}</think><answer>no</answer>"),
    ("yes/no, declarative", "yes_no", lambda text: f"{text} There is no dog in the image."),
    ("yes/no, no answer", "yes_no", lambda text: text),
    ("choice, answer first", "choice", lambda text: f"B. {text}"),
    ("choice, answer last", "choice", lambda text: f"{text} So the answer is (B)."),
    ("choice, structured", "choice", lambda text: f"<think>{text}</think><answer>B</answer>"),
    ("choice, no answer", "choice", lambda text: text),
    ("open, answer last", "open", lambda text: f"{text} The answer is a dog."),
    ("open, no answer", "open", lambda text: text),
]


OFFICIAL: dict[str, Callable[[str], object]] = {
    "official POPE": lambda text: read_pope(official_text(text)),
    "official VideoHallucer": lambda text: videohallucer_hit(official_text(text), "yes"),
    "official MMBench": lambda text: read_mmbench(official_text(text), CHOICES),
}
ANSWER_KINDS: tuple[AnswerKind, ...] = ("yes_no", "choice", "open")


def seconds_to_read(responses: list[str], kind: AnswerKind, repeats: int) -> float:
    """CPU time of the fastest of several runs over the responses."""
    choices = CHOICES if kind == "choice" else None
    times = []
    for _ in range(repeats):
        started = time.process_time()
        for response in responses:
            read_answer(response, kind, choices, QUESTION)
        times.append(time.process_time() - started)
    return min(times)


def seconds_for(responses: list[str], read: Callable[[str], object], repeats: int) -> float:
    """CPU time of the fastest of several runs of one of the published readers."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        for response in responses:
            read(response)
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--responses", type=int, default=400, help="responses of each kind")
    parser.add_argument("--characters", type=int, default=100_000, help="length of a hostile text")
    options = parser.parse_args()

    chance = random.Random(0)
    texts = [paragraph(200, chance) for _ in range(options.responses)]
    for name, kind, form in KINDS:
        responses = [form(text) for text in texts]
        seconds = seconds_to_read(responses, kind, 5)
        print(f"{name:24} {seconds / len(responses) * 1e6:8.1f} us {len(responses) / seconds:10.0f} responses/s")

    for name, read in OFFICIAL.items():
        seconds = seconds_for(texts, read, 5)
        print(f"{name:24} {seconds / len(texts) * 1e6:8.1f} us {len(texts) / seconds:10.0f} responses/s")

    print()
    for name, pattern in HOSTILE.items():
        short = pattern * (options.characters // len(pattern))
        ratios = []
        slowest = 0.0
        for kind in ANSWER_KINDS:
            one = seconds_to_read([short], kind, 3)
            eight = seconds_to_read([short * 8], kind, 1)
            ratios.append(eight / max(one, 1e-4))
            slowest = max(slowest, eight)
        print(f"{name:24} slowest {slowest * 1000:8.1f} ms   ratios {' '.join(f'{ratio:5.1f}' for ratio in ratios)}")


if __name__ == "__main__":
    main()
