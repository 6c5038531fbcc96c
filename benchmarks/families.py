"""The matrix of families in docs/engines.md: on tiny random checkpoints, what each engine sees and whether all agree.

    python benchmarks/families.py [FAMILY ...]

Each is asked by `harness doctor --engines`, in a process of its own: about a minute each, most of it vLLM's start.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
HEADERS = ("family", "videos as", "hf sees", "batch = single", "apart by", "vllm sees", "vllm = hf", "apart by")
REASON = 110


def main() -> int:
    """Print the table and, below, why cells are empty."""
    from support_families import FAMILIES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    rows, notes = [], []
    for name in parser.parse_args().families or FAMILIES:
        found, error = examine(name)
        rows.append((name, *(cells(found) if found else ["failed"])))
        reasons = {"the command": error} if found is None else found["unusable"] | _unseen(found)
        notes += [f"{name}, {label}: {reason[:REASON]}" for label, reason in reasons.items()]
        print(rows[-1], *notes[-len(reasons) :] if reasons else (), file=sys.stderr, flush=True)
    print(tabulate(rows, headers=HEADERS, tablefmt="github", disable_numparse=True))
    print("\n".join(["", *notes]))
    return 0


def examine(name: str) -> tuple[dict[str, Any] | None, str]:
    """What `harness doctor --engines --json` says of a family, or why it says nothing."""
    from support_families import build

    with tempfile.TemporaryDirectory() as folder:
        build(name, Path(folder) / name)
        command = [sys.executable, "-m", "harness", "doctor", "--engines", str(Path(folder) / name), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None, (done.stderr.strip().splitlines() or ["no output"])[-1]
    return found, ""


def cells(found: dict[str, Any]) -> Iterator[str]:
    """A row of the table, without its name."""
    pairs = {tuple(item["engines"]): item for item in found["comparisons"]}
    yield {"native": "videos", "frames": "images", None: "?"}[found["seen"]["hf"]["video_as"]]
    for label, pair in (("hf", ("hf", "hf one by one")), ("vllm", ("vllm", "hf"))):
        seen, item = found["seen"].get(label), pairs.get(pair)
        yield f"{seen['moved']} of {seen['media']}" if seen else "–"
        yield f"{item['equal_texts']} of {item['cases']}" if item else "–"
        yield f"{item['logprob_difference']:.0e}" if item and item["logprob_difference"] is not None else "–"


def _unseen(found: dict[str, Any]) -> dict[str, str]:
    """The first of what an engine does not see."""
    return {
        f"{label} does not see {len(item['unseen'])}": "; ".join(next(iter(item["unseen"].items())))
        for label, item in found["seen"].items()
        if item["unseen"]
    }


if __name__ == "__main__":
    sys.exit(main())
