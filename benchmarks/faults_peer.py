"""What lmms-eval's own command does on the demo checkpoint where the same can be tried: the table's last column."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from faults_runs import Case, Outcome
from media_zoo import png_of
from support_media import write_video

from harness.core.worlds import shipped_checkpoints

ROW: Final = "lmms-eval"
_COMMAND: Final = (sys.executable, "-c", "from lmms_eval.cli.dispatch import main; main()", "eval")
_TASK: Final = """task: faults_{kind}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.{kind}
doc_to_text: "Is there a dog?"
doc_to_target: answer
generation_kwargs: {{max_new_tokens: 8}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1}}
"""
_UTILS: Final = """from PIL import Image
def image(doc): return [Image.open(doc["file"]).convert("RGB")]
def video(doc): return [doc["file"]]
"""
_LIMIT_S: Final = 900.0


def peer(work: Path) -> Iterator[Case]:
    """Cases named as the rows of ours that they stand beside."""
    if find_spec("lmms_eval") is None:
        return
    attempts: dict[str, Callable[[Path], str]] = {
        "unknown names": _unknown,
        "image files": lambda place: _broken(place, "image"),
        "video files": lambda place: _broken(place, "video"),
        "killed: eval": _killed,
    }
    for name, attempt in attempts.items():

        def case(place: Path, attempt: Callable[[Path], str] = attempt) -> tuple[int, Outcome, str]:
            return 1, "survived", attempt(place)

        yield Case(row=ROW, name=name, attempt=case)


def _task(place: Path, kind: str, count: int, broken: bool) -> list[str]:
    """A task of some questions, the second on a file that is cut in half, and the arguments that ask it."""
    (place / "tasks").mkdir()
    files = []
    for number in range(count):
        path = place / f"{number}.{'png' if kind == 'image' else 'mp4'}"
        if kind == "image":
            path.write_bytes(png_of((number, 0, 0)))
        else:
            write_video(path, 8)
        if broken and number == 1:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        files.append({"file": str(path), "answer": "yes"})
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in files))
    (place / "tasks/utils.py").write_text(_UTILS)
    (place / f"tasks/faults_{kind}.yaml").write_text(_TASK.format(kind=kind, rows=place / "rows.jsonl"))
    model = f"pretrained={shipped_checkpoints()['demo']},device=cpu,device_map=cpu,attn_implementation=sdpa"
    return [
        "--model", "qwen2_5_vl", "--model_args", model, "--include_path", str(place / "tasks"), "--log_samples",
        "--tasks", f"faults_{kind}", "--output_path", str(place / "out"), "--batch_size", "1",
    ]  # fmt: skip


def _ask(arguments: list[str], place: Path, until: str | None = None) -> tuple[int, str]:
    """Its exit code and what it prints; killed as soon as it prints `until`."""
    log = place / "log.txt"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*_COMMAND, *arguments], stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + _LIMIT_S
        while process.poll() is None and time.monotonic() < deadline:
            if until is not None and re.search(until, log.read_text(errors="replace")):
                break
            time.sleep(0.02)
        if process.poll() is None:
            os.killpg(process.pid, 9)
        return process.wait(), log.read_text(errors="replace")


def _stored(place: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in (place / "out").rglob("*samples*.jsonl"))


def _ending(code: int, text: str) -> str:
    ending = f"no end in {_LIMIT_S:.0f} s" if code == -9 else f"exit {code}"
    return f"{ending}{', traceback' if 'Traceback' in text else ''}"


def _unknown(place: Path) -> str:
    arguments = _task(place, "image", 2, broken=False)
    arguments[arguments.index("faults_image")] = "faults_imag"
    return _ending(*_ask(arguments, place))


def _broken(place: Path, kind: str) -> str:
    whole, cut = place / "whole", place / "cut"
    for where in (whole, cut):
        where.mkdir()
    code, text = _ask(_task(whole, kind, 4, broken=False), whole)
    if code or _stored(whole) != 4:
        return f"does not run here without faults ({_ending(code, text)})"
    code, text = _ask(_task(cut, kind, 4, broken=True), cut)
    return f"one of 4 cut in half: {_ending(code, text)}, {_stored(cut)} of 4 stored"


def _killed(place: Path) -> str:
    count = 24
    arguments = [*_task(place, "image", count, broken=False), "--use_cache", str(place / "cache")]
    code, text = _ask(arguments, place, r"Model Responding[^\r\n]*\b(8|9|1\d)/24\b")
    before = max(map(int, re.findall(r"Model Responding[^\r\n]*\b(\d+)/24\b", text)), default=0)
    if code != -9 or before < 8:
        return f"was not killed ({_ending(code, text)}, {before} of {count})"
    code, text = _ask(arguments, place)
    asked = max((int(total) for total in re.findall(r"Model Responding[^\r\n]*/(\d+) ", text)), default=0)
    return f"with --use_cache, killed after {before} of {count}: asks {asked} again; {_ending(code, text)}"
