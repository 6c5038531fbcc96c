"""How well captions that give an answer away are told from descriptions, and what a judge makes of what they leave out.

    python benchmarks/captions.py [--data DIR] [--judge NAME]

Of the leak check (`harness.judges.leaks`) it prints precision and recall on the captions of `tests/judges/probes`: on
those that it was made with, and on those that were written afterwards, which it was not changed for. With DIR (real
responses, see `benchmarks/reading.py`) also how often it strikes real ways of stating an answer, and passages of real
responses in which neither answer, option, choice nor conclusion is spoken of.

With a judge (a folder of a text-only model, or `openai:MODEL` with `OPENAI_BASE_URL`) it prints what it answers, asked
as the caption reward asks it, about things that a caption mentions, denies, and leaves out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from harness.answers.reading import read_answer
from harness.answers.text import sentences
from harness.core.types import AnswerKind, JudgeQuestion
from harness.judges.caption import NOTHING, load_caption_judge, read_judgement
from harness.judges.leaks import leaks_answer

PROBES = Path(__file__).resolve().parents[1] / "tests" / "judges" / "probes"
CHOICES = {"A": "a dog", "B": "a cat", "C": "a horse", "D": "none of them"}
KINDS: tuple[AnswerKind, ...] = ("yes_no", "choice", "open")
STATED = ("answer is", "marker", "boxed", "begins", "ends", "begins with letter", "option is", "I choose")
"""Rules of the reader that find an answer which is stated, and not one that follows from a description."""
_SPEAKS = re.compile(
    r"(?i)answer|option|choice|choose|select|correct|conclu|therefore|question|explanation|\bans\b|return"
)


def read_probes(name: str) -> list[list[str]]:
    """The lines of a file of probes, each as its columns."""
    return [line.split("\t") for line in (PROBES / name).read_text(encoding="utf-8").splitlines()]


def strikes(caption: str, kind: AnswerKind) -> bool:
    """Whether the leak check strikes a caption."""
    return leaks_answer(caption, kind, CHOICES if kind == "choice" else None)


def check_probes(name: str) -> tuple[float, float, list[str]]:
    """Precision and recall of the leak check, and what it gets wrong."""
    counts: Counter[tuple[bool, bool]] = Counter()
    wrong = []
    for label, kind, caption in read_probes(name):
        leak, struck = label == "leak", strikes(caption, kind)  # type: ignore[arg-type]
        counts[leak, struck] += 1
        if leak != struck:
            wrong.append(f"{label}, {kind}: {caption}")
    hits = counts[True, True]
    return hits / (hits + counts[False, True]), hits / (hits + counts[True, False]), wrong


def stated_answers(data: Path) -> tuple[int, int]:
    """Real responses in which an answer is stated, and how many of them the leak check strikes."""
    struck = total = 0
    for kind in KINDS:
        for line in (data / f"labelled_{kind}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            rule = read_answer(row["response"], kind, CHOICES if kind == "choice" else None, row["question"]).rule
            if row["meaning"] is not None and rule in STATED:
                total += 1
                struck += strikes(row["response"], kind)
    return total, struck


def passages(data: Path) -> Iterator[tuple[AnswerKind, str]]:
    """What stands between the first and the last sentences of real responses, where it speaks of no answer."""
    for kind in KINDS:
        with gzip.open(data / f"unlabelled_{kind}.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                parts = sentences(json.loads(line)["response"])[1:-2]
                text = " ".join(parts)[:1500]
                if len(parts) >= 2 and not _SPEAKS.search(text):
                    yield kind, text


def judge_absence(name: str) -> list[list[object]]:
    """A row for each kind of probe: how often a judge answers yes, no, or that nothing follows."""
    judge = load_caption_judge(name)
    probes = read_probes("absence.tsv")
    questions = [JudgeQuestion(question=text, caption=caption, answer_kind="yes_no") for _, text, caption in probes]
    said: dict[str, Counter[str]] = {}
    for (label, *_), question, text in zip(probes, questions, judge.ask(questions), strict=True):
        answer = read_judgement(text, question) if text is not None else "failed"
        said.setdefault(label, Counter())["unknown" if answer is None or answer in NOTHING else answer] += 1
    judge.close()
    return [[label, *(count[word] for word in ("yes", "no", "unknown", "failed"))] for label, count in said.items()]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="real responses")
    parser.add_argument("--judge", metavar="NAME", help="a text-only model")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="passages to print that were struck")
    given = parser.parse_args()
    for name in ("leaks.tsv", "leaks_held_out.tsv"):
        precision, recall, wrong = check_probes(name)
        print(f"{name}: {len(read_probes(name))} captions, precision {precision:.3f}, recall {recall:.3f}")
        print("".join(f"  {line}\n" for line in wrong), end="")
    if given.data:
        total, struck = stated_answers(given.data)
        print(f"real responses that state an answer: {struck} of {total} struck ({struck / total:.3f})")
        told = list(passages(given.data))
        hit = [text for kind, text in told if strikes(text, kind)]
        print(f"passages of real responses that speak of no answer: {len(hit)} of {len(told)} struck")
        print("".join(f"  {text[:300]}\n" for text in hit[: given.show]), end="")
    if given.judge:
        print(tabulate(judge_absence(given.judge), headers=["right", "yes", "no", "unknown", "failed"]))


if __name__ == "__main__":
    main()
