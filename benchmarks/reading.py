"""How often readers of answers are right on real responses of models, by kind and source; and how fast ours is.

    python benchmarks/reading.py [--data DIR] [--rules] [--hostile]

DIR holds `labelled_{yes_no,choice,open}.jsonl` (columns `question`, `options`, `response`, `meaning`, `source`,
`how_chosen`), labelled by people, and `unlabelled_*.jsonl.gz` for the speed. Of an open answer a reader is right where
it gives what the label says, by its own comparison; of a response without an answer where it gives none.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Literal

from tabulate import tabulate

from harness.answers.reading import match_reading, read_answer, read_for_target
from harness.benchmarks.verdicts import official_text
from harness.core.types import AnswerKind

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from fuzz_read_answer import CHOICES, HOSTILE, QUESTION
from support_scoring import task_module

ROOT = Path(__file__).resolve().parents[1]
KINDS: tuple[AnswerKind, ...] = ("yes_no", "choice", "open")
Row = dict[str, Any]
Outcome = Literal["right", "misread", "not understood"]
Reader = Callable[[Row], Outcome]


def options(row: Row) -> dict[str, str] | None:
    """Option letter to text; the data hold them as an object, or as a list with or without letters."""
    given = row["options"]
    if not given or isinstance(given, dict):
        return given or None
    lettered = all(option[1:2] in (".", ":", ")") for option in given)
    return {
        (option[0] if lettered else "ABCDEFGHIJ"[place]): (option[2:].strip() if lettered else option)
        for place, option in enumerate(given)
    }


def judged(answer: str | None, meaning: str | None) -> Outcome:
    """A closed answer against its label."""
    if answer is None:
        return "right" if meaning is None else "not understood"
    return "right" if answer.lower() == str(meaning).lower() else "misread"


def ours(row: Row) -> Outcome:
    """`harness.read_answer`."""
    kind, meaning = row["kind"], row["meaning"]
    if kind != "open" or meaning is None:
        return judged(read_answer(row["response"], kind, options(row), row["question"]).answer, meaning)
    reading = read_for_target(row["response"], meaning, kind, None, row["question"])
    match = match_reading(reading, meaning, kind)
    return {"right": "right", "wrong": "misread", "unknown": "not understood"}[match]  # type: ignore[return-value]


def closed(read: Callable[[str, Mapping[str, str]], str | None]) -> Reader:
    """A published reader of yes/no or of letters."""
    return lambda row: judged(read(official_text(row["response"]), options(row) or {}), row["meaning"])


def matching(is_right: Callable[[str, str], bool]) -> Reader:
    """A published comparison of an open answer, which cannot say that there is none."""
    return lambda row: (
        "right" if row["meaning"] is not None and is_right(row["response"], row["meaning"]) else "misread"
    )


def readers(kind: AnswerKind) -> dict[str, Reader]:
    """Our reader and others of that kind."""
    with redirect_stdout(sys.stderr):  # lmms-eval prints while it is imported.
        from lmms_eval.tasks.mmmu.utils import eval_open, parse_multi_choice_response, parse_open_response
        from lmms_eval.tasks.mmvu.utils import evaluate_with_rule_based

    read_pope, read_mmbench = task_module("pope").read_pope, task_module("mmbench").read_mmbench
    hit = task_module("videohallucer").videohallucer_hit
    found: dict[AnswerKind, dict[str, Reader]] = {
        "yes_no": {
            "POPE": closed(lambda text, _: read_pope(text)),
            "VideoHallucer": closed(lambda text, _: next((word for word in ("yes", "no") if hit(text, word)), None)),
            "lmms-eval, POPE": closed(lambda text, _: text.lower().strip()),
        },
        "choice": {
            "MMBench": closed(lambda text, offered: {"Z": None}.get(letter := read_mmbench(text, offered), letter)),
            "lmms-eval, MMMU": closed(lambda text, offered: parse_multi_choice_response(text, list(offered), offered)),
        },
        "open": {
            "lmms-eval, MMMU": matching(lambda text, meaning: eval_open(meaning, parse_open_response(text))),
            "lmms-eval, MMVU": matching(
                lambda text, meaning: evaluate_with_rule_based({"answer": meaning, "question_type": "open-ended"}, text)
            ),
        },
    }
    return {"ours": ours, **found[kind]}


def labelled(folder: Path, kind: AnswerKind) -> list[Row]:
    lines = (folder / f"labelled_{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), "kind": kind} for line in lines]


def unlabelled(folder: Path, kind: AnswerKind) -> list[Row]:
    with gzip.open(folder / f"unlabelled_{kind}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def shares(outcomes: Counter[Outcome]) -> list[object]:
    total = outcomes.total()
    return [total, *(f"{100 * outcomes[name] / total:.1f}" for name in ("right", "misread", "not understood"))]


def accuracy_tables(folder: Path) -> None:
    rows = {kind: labelled(folder, kind) for kind in KINDS}
    for chosen in sorted({row["how_chosen"] for kind in KINDS for row in rows[kind]}, reverse=True):
        lines = []
        for kind in KINDS:
            drawn = [row for row in rows[kind] if row["how_chosen"] == chosen]
            for name, read in readers(kind).items():
                lines.append([kind, name, *shares(Counter(read(row) for row in drawn))])
        print(f"\n{chosen}\n")
        print(tabulate(lines, ["kind", "reader", "responses", "right %", "misread %", "not understood %"], "github"))
    lines = []
    for kind in KINDS:
        for source in sorted({row["source"] for row in rows[kind]}):
            drawn = [row for row in rows[kind] if row["source"] == source]
            lines.append([kind, source.split("/")[-1], *shares(Counter(ours(row) for row in drawn))])
    print("\nours, by source\n")
    print(tabulate(lines, ["kind", "source", "responses", "right %", "misread %", "not understood %"], "github"))


def rule_table(folder: Path) -> None:
    """Which rule reads how many real responses, and how many of the labelled ones it gets right."""
    lines = []
    for kind in KINDS:
        used: Counter[str] = Counter()
        for row in unlabelled(folder, kind):
            reading = read_answer(row["response"], kind, options(row), row["question"])
            used[reading.rule if reading.answer is not None else f"- {reading.outcome}"] += 1
        right: Counter[tuple[str, bool]] = Counter()
        for row in labelled(folder, kind):
            reading = read_answer(row["response"], kind, options(row), row["question"])
            if reading.answer is not None:
                right[reading.rule, ours(row) == "right"] += 1
        for rule, count in used.most_common():
            known = right[rule, True] + right[rule, False]
            lines.append([kind, rule, count, f"{right[rule, True]} of {known}" if known else ""])
    print(tabulate(lines, ["kind", "rule", "of the unlabelled", "labelled ones right"], "github"))


def speed_table(folder: Path) -> None:
    lines, seconds, count = [], 0.0, 0
    for kind in KINDS:
        rows = unlabelled(folder, kind)
        spent = min(cpu_seconds(rows, kind) for _ in range(3))
        lines.append([kind, len(rows), f"{len(rows) / spent:.0f}"])
        seconds, count = seconds + spent, count + len(rows)
    lines.append(["all", count, f"{count / seconds:.0f}"])
    print(f"\n{tabulate(lines, ['kind', 'responses', 'responses/s of one core'], 'github')}")


def cpu_seconds(rows: list[Row], kind: AnswerKind) -> float:
    offered = [options(row) for row in rows]
    started = time.process_time()
    for row, choices in zip(rows, offered, strict=True):
        read_answer(row["response"], kind, choices, row["question"])
    return time.process_time() - started


def hostile_table(characters: int) -> Iterator[list[object]]:
    """CPU time for texts of that many characters, and for four times as many: linear is a ratio of 4."""
    for name, pattern in HOSTILE.items():
        for kind in KINDS:
            spent = []
            for length in (characters, 4 * characters):
                text = pattern * (length // len(pattern))
                started = time.process_time()
                read_answer(text, kind, CHOICES if kind == "choice" else None, QUESTION)
                spent.append(max(time.process_time() - started, 1e-3))
            yield [name, kind, f"{1000 * spent[1]:.0f}", f"{spent[1] / spent[0]:.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "responses")
    parser.add_argument("--rules", action="store_true", help="which rule reads what")
    parser.add_argument("--hostile", action="store_true", help="time on texts that are made to be slow")
    chosen = parser.parse_args()
    if chosen.hostile:
        print(tabulate(hostile_table(7_000), ["text", "kind", "ms for 28,000 characters", "ratio"], "github"))
        return
    if not chosen.data.is_dir():
        sys.exit(f"{chosen.data} is no folder: name one with labelled responses by --data.")
    if chosen.rules:
        rule_table(chosen.data)
        return
    accuracy_tables(chosen.data)
    speed_table(chosen.data)


if __name__ == "__main__":
    main()
