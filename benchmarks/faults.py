"""What the harness survives: the table of docs/reliability.md.

    python benchmarks/faults.py --work DIR             all of it; the same command goes on where it was stopped
    python benchmarks/faults.py --work DIR --only ROW  one row, or rows that begin so; --case NAME: one case of it
    python benchmarks/faults.py --work DIR --docs      the table into docs/reliability.md, from what is in DIR

Every case runs the real commands in processes of their own, on the demo checkpoint or a server on loopback. What did
not survive is printed with the command that repeats it. Full disks need a tmpfs: run it as root, or under
`unshare -Urm`. Cases are drawn from `--seed`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

if TYPE_CHECKING:
    from faults_runs import Case

# Each process that a command runs in reads this file first: all else is imported where it is needed.
ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reliability.md"


def cases(work: Path, arguments: argparse.Namespace) -> Iterator[Case]:
    """All there are."""
    from faults_inputs import damaged, media, names, servers
    from faults_peer import peer
    from faults_runs import disks, kills
    from faults_texts import texts

    yield from kills(work, arguments.kills, arguments.seed)
    yield from disks(work, arguments.disks, arguments.seed)
    yield from chain(names(work), media(work), servers(work))
    yield from damaged(work, arguments.rounds, arguments.seed)
    yield from chain(texts(work), peer(work))


def table(results: list[dict[str, Any]]) -> str:
    """The table in Markdown."""
    from faults_peer import ROW
    from faults_runs import Outcome
    from tabulate import tabulate

    bad = [outcome for outcome in get_args(Outcome) if outcome != "survived"]
    rows: dict[str, dict[str, int]] = {}
    for result in results:
        if result["row"] == ROW:
            continue
        row = rows.setdefault(result["row"], dict.fromkeys(("tried", *get_args(Outcome)), 0))
        row["tried"] += result["tried"]
        row[result["outcome"]] += result["tried"]
    beside = {result["case"]: result["note"] for result in results if result["row"] == ROW}
    lines = [
        (name, row["tried"], row["survived"], *(row[outcome] or "–" for outcome in bad), beside.get(name, ""))
        for name, row in rows.items()
    ]
    return tabulate(
        lines, headers=("fault", "tried", "survived", *bad, f"lmms-eval {version('lmms-eval')}"), tablefmt="github"
    )


def main() -> int:
    """Try what has not been tried, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder of what is made, and results")
    parser.add_argument("--only", default="", metavar="ROW", help="rows that begin so")
    parser.add_argument("--case", metavar="NAME", help="one case, again")
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="in all (default: 200)")
    parser.add_argument("--disks", type=int, default=5, metavar="N", help="full disks a command (default: 5)")
    parser.add_argument(
        "--rounds", type=int, default=1, metavar="N", help="times that each damage is drawn (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/reliability.md, and try nothing")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from faults_runs import fresh
    from misbehaviours import KEY

    from harness.reports.splicing import splice

    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OPENAI_API_KEY": KEY}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests/support"), str(ROOT / "benchmarks")])
    stored = work / "results.jsonl"
    results = [json.loads(line) for line in stored.read_text().splitlines()] if stored.exists() else []
    if arguments.docs:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(splice(text, table(results), "faults", PAGE.name), encoding="utf-8")
        return 0
    done = {(result["row"], result["case"]) for result in results}
    for case in cases(work, arguments):
        if not case.row.startswith(arguments.only) or (arguments.case not in (None, case.name)):
            continue
        if arguments.case is None and (case.row, case.name) in done:
            continue
        begun = time.monotonic()
        try:
            tried, outcome, note = case.attempt(fresh(work / "case"))
        except (OSError, ValueError, LookupError, TypeError) as error:  # What is left is not what the check reads.
            tried, outcome, note = 1, "lost", f"{type(error).__name__}: {error}"
        result = {"row": case.row, "case": case.name, "tried": tried, "outcome": outcome, "note": note}
        result["seconds"] = round(time.monotonic() - begun, 1)
        results.append(result)
        if arguments.case is None:
            with stored.open("a") as file:
                file.write(json.dumps(result) + "\n")
        print("." if outcome == "survived" else "", end="", file=sys.stderr, flush=True)
        if outcome != "survived":
            again = f"--seed {arguments.seed} --kills {arguments.kills} --only {case.row!r} --case {case.name!r}"
            print(f"\n{case.row}, {case.name}: {outcome}. {note}", file=sys.stderr)
            print(f"    python benchmarks/faults.py --work {arguments.work} {again}", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(table(results))
    return int(any(result["outcome"] != "survived" for result in results))


if __name__ == "__main__":
    sys.exit(main())
