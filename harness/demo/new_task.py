"""A folder to begin a benchmark of one's own with: its record, and three questions about pictures of the demo world.

Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from harness.core.errors import UsageError
from harness.core.files import write_atomically, write_errors
from harness.core.types import AnswerKind
from harness.demo.asking import ask_object, ask_value
from harness.demo.data_images import encode_png
from harness.demo.questions import Query, resolve, word_question
from harness.demo.rendering import draw_style
from harness.demo.videos import render_image
from harness.demo.world import OBJECTS, draw_scene

ROWS: Final = 3
TABLE: Final = "rows.csv"
_ADVICE: Final = "Choose another folder with --tasks-dir."
_RECORD: Final = '''\
"""{name}: a benchmark of our own. Its questions are in {table} beside this file, its images in images/."""

from pathlib import Path

from harness.benchmarks.own import own_benchmark

HERE = Path(__file__).parent

BENCHMARK = own_benchmark(
    HERE / "{table}",
    name=HERE.name,
    title="{name}",  # As reports and boards show it.
    description="what it asks, in one line",
    kind="{kind}",
    version="1",  # Raise it when questions or answers change: runs of different versions are not mixed.
    hallucination={hallucination},  # Whether wrong answers are hallucinations: boards are ordered by such benchmarks.
)
'''


def write_task(folder: Path, kind: AnswerKind) -> list[Path]:
    """Write a benchmark's folder.

    Args:
        folder: named as the benchmark; made here.
        kind: of its questions.

    Returns:
        What was written.

    Raises:
        UsageError: the folder is there already.
        StoreError: it cannot be written.
    """
    if folder.exists():
        raise UsageError(f"{folder} is there already. Give another name, or another folder with --tasks-dir.")
    rng = np.random.default_rng([ROWS, 17])
    written, rows = [], []
    for number in range(1, ROWS + 1):
        scene = draw_scene(rng, low=2, held_out=True)
        pixels, _ = render_image(scene, rng, styles=[draw_style(rng, faint_rate=0) for _ in scene])
        if kind == "yes_no":
            query = ask_object(rng, scene, video=False, negative="random", present=number % 2 == 1)
        elif kind == "caption":
            query = Query(family="count", video=False)  # Asked this, the demo's model describes the whole image.
        else:
            asked = ask_value(rng, scene, "where", video=False, option_count=4 if kind == "choice" else 0)
            assert asked is not None, "every scene has something that is somewhere"
            query = asked
        image = folder / "images" / f"{number}.png"
        with write_errors(image, advice=_ADVICE):
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_bytes(encode_png(pixels))
        written.append(image)
        row = {"id": str(number), "image": f"images/{image.name}", "question": word_question(query)}
        answer = "; ".join(OBJECTS[of.obj] for of in scene) if kind == "caption" else resolve(query, scene)[1]
        rows.append({**row, **query.options, "answer": answer})
    write_atomically(folder / TABLE, _as_csv(rows))
    record = _RECORD.format(name=folder.name, table=TABLE, kind=kind, hallucination=kind in ("yes_no", "caption"))
    write_atomically(folder / "benchmark.py", record)
    return [folder / "benchmark.py", folder / TABLE, *written]


def _as_csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
