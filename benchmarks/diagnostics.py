"""How long 10,000 stored records take to diagnose without a judge: `python benchmarks/diagnostics.py [COUNT]`.

Half of the records have the demo world's terse chains, half have a few hundred words of prose; both with annotations
and a blind run. Reading the folder and writing figures, findings and reports are part of the time.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from support_diagnostics import plant, store

from harness.core.types import SampleRecord
from harness.diagnostics.diagnose import diagnose
from harness.reports.diagnostics_report import PAGE
from harness.reports.writing import write_reports

WORDS = re.findall(
    r"\w+",
    "the picture shows a man in a red shirt who walks past an old brick house with green doors while two dogs and a "
    "child play near the water on a sunny day and some birds sit in the trees above them as a boat goes by",
)


def prose(words: int, rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) + ("." if rng.random() < 0.08 else "") for _ in range(words))


def lengthen(record: SampleRecord, rng: random.Random) -> SampleRecord:
    """A record with sections as long as a large model writes them."""
    answer = record.sample.target
    text = (
        f"<planning>{prose(40, rng)}</planning>\n<caption>{prose(120, rng)}</caption>\n"
        f"<think>{prose(250, rng)} So the answer is {answer}.</think>\n<answer>{answer}</answer>"
    )
    return replace(record, response=replace(record.response, text=text))


def main(count: int) -> None:
    rng = random.Random(0)
    planted = plant(count, seed=1)
    with tempfile.TemporaryDirectory() as name:
        records = [lengthen(one.record, rng) if n % 2 else one.record for n, one in enumerate(planted)]
        folder = store(Path(name) / "run", records)
        withheld = [replace(one.record, verdict=one.blind) for one in planted]
        blind = store(Path(name) / "blind", withheld, blind="withheld")
        truth = Path(name) / "truth"
        for one in planted:
            task = truth / one.record.sample.task
            task.mkdir(parents=True, exist_ok=True)
            with (task / "annotations.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(one.annotation) + "\n")
        start = time.perf_counter()
        diagnosis = diagnose(folder, annotations=truth, blind=blind)
        write_reports(folder, diagnosis)
        seconds = time.perf_counter() - start
        size = (folder / PAGE).stat().st_size / 1e6
    print(f"{count} records, {len(diagnosis.figures)} figures: {seconds:.1f} s; page {size:.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
