"""The demo world as the rest of the harness knows it: an entry point of the group `harness.worlds` names `WORLD`.

Nothing below the commands imports the demo; see `harness.core.worlds`. Cheap to import: what needs numpy is loaded when
it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.core.worlds import AnnotationRules, JudgeWording, TrainingRows, World
from harness.demo.data import demo_data

_CHECKPOINTS: Final = Path(__file__).parent / "checkpoints"


def _rules() -> AnnotationRules:
    from harness.demo.annotations import RULES

    return RULES


def _wording() -> JudgeWording:
    from harness.demo.judge_wording import WORDING

    return WORDING


def _write_rows(folder: Path, rows: int, seed: int, videos: float) -> Path:
    from harness.demo.rows import write_demo_rows

    return write_demo_rows(folder, rows, seed, videos)


def _remove_rows(folder: Path) -> None:
    from harness.demo.rows import remove_demo_rows

    remove_demo_rows(folder)


WORLD: Final = World(
    name="demo",
    data=demo_data,
    checkpoints={
        "demo": _CHECKPOINTS / "demo",
        "demo-base": _CHECKPOINTS / "base",
        "demo-judge": _CHECKPOINTS / "judge",
    },
    judge="demo-judge",
    wording=_wording,
    rules=_rules,
    rows=TrainingRows(write=_write_rows, remove=_remove_rows),
)
