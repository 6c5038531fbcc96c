"""CPU time and memory of a leaderboard of many runs with a baseline, into all formats.

    python benchmarks/boards.py                  2,000 runs of four tasks
    python benchmarks/boards.py --runs 200 --without-baseline

The runs are forty that differ, each under fifty names: synthetic answers to 270 questions.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from support_leaderboards import write_run, write_sealed

DISTINCT = 40
COUNTS = {"pope": 120, "videohallucer": 60, "mmbench": 60, "mmvu": 30}


def write_runs(root: Path, runs: int) -> None:
    """Write the runs, of which the first are the distinct ones."""
    for number in range(min(runs, DISTINCT)):
        skills = dict(zip(COUNTS, (0.7 + 0.005 * number, 0.5 + 0.01 * number, 0.7, 0.6), strict=True))
        write_run(root / f"run-{number}", model=f"models/{number}", skills=skills, counts=COUNTS, seed=number)
    for number in range(DISTINCT, runs):
        folder = root / f"run-{number}"
        shutil.copytree(root / f"run-{number % DISTINCT}", folder)
        record = json.loads((folder / "run.json").read_text())
        record |= {"id": folder.name, "model": f"models/{number}", "weights": f"sha256:{number:064x}"}
        write_sealed(folder, record)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--without-baseline", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_runs(Path(folder) / "runs", arguments.runs)
        command = [sys.executable, "-m", "harness", "leaderboard", "build", "--runs", f"{folder}/runs"]
        command += ["--out", f"{folder}/board"] + ([] if arguments.without_baseline else ["--baseline", "run-0"])
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = (Path(folder) / "board" / "index.html").stat().st_size
        print(
            f"{arguments.runs} runs: {used.ru_utime + used.ru_stime:.1f} s of CPU time, "
            f"{used.ru_maxrss / 1024:.0f} MiB, a page of {size / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()
