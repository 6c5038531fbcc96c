"""What the harness survives: the table of docs/reliability.md.

    python benchmarks/faults.py --work DIR             all of it; the same command goes on where it was stopped
    python benchmarks/faults.py --work DIR --only ROW  one row, or rows that begin so; --case NAME: one case of it
    python benchmarks/faults.py --work DIR --docs      the table into docs/reliability.md, from what is in DIR

What was tried at another commit, or with other versions of the packages, is tried again. The table has of each row what
was found at the last commit that it was tried at, and names the commit.

Every case runs the real commands in processes of their own, on the demo checkpoint or a server on loopback. What did
not survive is printed with the command that repeats it. Full disks need a tmpfs: run it as root, or under
`unshare -Urm`. Cases are drawn from `--seed`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

if TYPE_CHECKING:
    from faults_runs import Case

# Each process that a command runs in reads this file first: all else is imported where it is needed.
ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reliability.md"
PACKAGES: Final = ("torch", "transformers", "trl", "pillow", "av", "lmms-eval")


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


def tree() -> dict[str, Any]:
    """Commit and versions of what is tried; a commit that ends in `-dirty` stands for no known state."""
    command = ("git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    versions = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {"commit": done.stdout.strip(), "versions": versions}


def last(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each row, what was found of the tree that it was tried in last; a case that was tried again counts once."""
    of = {result["row"]: result["of"] for result in results}
    found = {(result["row"], result["case"]): result for result in results if result["of"] == of[result["row"]]}
    return list(found.values())


def table(results: Sequence[dict[str, Any]], planned: Sequence[tuple[str, str]]) -> str:
    """The table in Markdown, and of what it is; `planned` are rows and names of all cases."""
    from faults_peer import ROW
    from faults_runs import Outcome
    from tabulate import tabulate

    found = last(results)
    bad = [outcome for outcome in get_args(Outcome) if outcome != "survived"]
    beside = {result["case"]: result["note"] for result in found if result["row"] == ROW}
    commits = {result["row"]: result["of"]["commit"] for result in found}
    counts: dict[str, Counter[str]] = {row: Counter() for row, _ in planned if row in commits and row != ROW}
    for result in found:
        if result["row"] in counts:
            counts[result["row"]][result["outcome"]] += result["tried"]
    lines = [
        (row, of.total(), of["survived"], *(of[one] or "–" for one in bad), commits[row], beside.get(row, ""))
        for row, of in counts.items()
    ]
    headers = ("fault", "tried", "survived", *bad, "commit", "lmms-eval")
    text = tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)
    versions = {", ".join(f"{name} {of}" for name, of in result["of"]["versions"].items()) for result in found}
    tried = {(result["row"], result["case"]) for result in found}
    lacking = Counter(row for row, case in planned if (row, case) not in tried)
    more = [f"{count} of {row}" for row, count in lacking.items()]
    told = f"\n\nNot tried yet: {', '.join(more)}." if more else ""
    return f"{text}\n\nWith {'; and with '.join(sorted(versions))}.{told}"


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

    from harness.reports.splicing import update_document

    work, of = arguments.work.resolve(), tree()
    work.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OPENAI_API_KEY": KEY}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests/support"), str(ROOT / "benchmarks")])
    stored = work / "results.jsonl"
    results = [json.loads(line) for line in stored.read_text().splitlines()] if stored.exists() else []
    place = work / sha256(json.dumps(of).encode()).hexdigest()[:12]  # What one tree has made is no start for another.
    planned = [(case.row, case.name) for case in cases(place, arguments)]
    if arguments.docs:
        update_document(PAGE, table(results, planned), "faults", "--docs")
        return 0
    if of["commit"].endswith("-dirty"):
        if arguments.case is None:
            parser.error(f"{ROOT} has changes that are not committed: commit them, or try one --case")
        fresh(place)
    done = {(result["row"], result["case"]) for result in results if result["of"] == of}
    for case in cases(place, arguments):
        if not case.row.startswith(arguments.only) or (arguments.case not in (None, case.name)):
            continue
        if arguments.case is None and (case.row, case.name) in done:
            continue
        begun = time.monotonic()
        try:
            tried, outcome, note = case.attempt(fresh(place / "case"))
        except (OSError, ValueError, LookupError, TypeError) as error:  # What is left is not what the check reads.
            tried, outcome, note = 1, "lost", f"{type(error).__name__}: {error}"
        result = {"row": case.row, "case": case.name, "tried": tried, "outcome": outcome, "note": note, "of": of}
        result["seconds"] = round(time.monotonic() - begun, 1)
        results.append(result)
        if not of["commit"].endswith("-dirty"):
            with stored.open("a") as file:
                file.write(json.dumps(result) + "\n")
        print("." if outcome == "survived" else "", end="", file=sys.stderr, flush=True)
        if outcome != "survived":
            again = f"--seed {arguments.seed} --kills {arguments.kills} --only {case.row!r} --case {case.name!r}"
            print(f"\n{case.row}, {case.name}: {outcome}. {note}", file=sys.stderr)
            print(f"    python benchmarks/faults.py --work {arguments.work} {again}", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(table(results, planned))
    return int(any(result["outcome"] != "survived" for result in last(results)))


if __name__ == "__main__":
    sys.exit(main())
