"""Faults of the machine: commands that are killed at random moments, and disks that fill up under them.

Whatever happens, the same command typed again ends with what an undisturbed one leaves: `same` says how equal.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from support_kills import run_command, what_a_run_left, what_training_left
from support_training import TINY_GRPO

Outcome = Literal["survived", "lost", "doubled", "leaked", "hung", "silent", "crashed"]
"""`lost`: work or a record is gone, or does not go on; `doubled`: a record is there twice; `leaked`: a key, a file, a
script or an escape sequence came out; `hung`: no end within the limit; `silent`: other figures, and no word of it;
`crashed`: a traceback or exit code 3 for what the user has to mend."""
LIMIT_S = 300.0
_FAULT = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing that is tried.

    Attributes:
        row: the row of the table that it counts in.
        name: unique within its row.
        attempt: does it in an empty folder; gives how many faults that were, what came of it, and details.
    """

    row: str
    name: str
    attempt: Callable[[Path], tuple[int, Outcome, str]]


def ended(code: int | None, log: Path, *, codes: tuple[int, ...] = (0, 1, 2)) -> tuple[Outcome, str] | None:
    """What is wrong with how a command ended; `None`: nothing."""
    text = log.read_text(errors="replace") if log.exists() else ""
    if code == -9:
        return "hung", f"no end within {LIMIT_S:.0f} s"
    if "Traceback (most recent call last)" in text or code not in (0, 1, 2):
        return "crashed", f"exit {code}: {text.strip()[-400:]}"
    return None if code in codes else ("lost", f"exit {code}: {text.strip()[-400:]}")


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal; log-probabilities depend in their last digits on what else is in a batch."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command, what it starts from, and what it leaves.

    Attributes:
        share: of all kills.
        argv: its arguments, given its folder.
        left: what must be the same in the end.
        start: what its folder holds before.
    """

    share: float
    argv: Callable[[Path], list[Any]]
    left: Callable[[Path], Any]
    start: Callable[[Path], None] = lambda place: None


def _run(place: Path) -> Any:
    left = what_a_run_left(place / "run")
    left["samples"] = sorted(left["samples"], key=lambda record: (record["sample"]["task"], record["sample"]["id"]))
    for name in ("diagnostics.json", "findings.jsonl"):
        left[name] = [json.loads(line) for line in left[name].decode().splitlines()] if name[-1] == "l" else json.loads(
            left[name]
        )  # fmt: skip
    del left["diagnostics.json"]["seal"]  # It has the last digits in it.
    return left


def _files(place: Path) -> Any:
    return {
        str(path.relative_to(place)): path.read_bytes().replace(str(place).encode(), b"HERE")
        for path in place.rglob("*")
        # A killed write leaves what it had of the file beside it, hidden, under a name that nothing reads.
        if path.is_file() and path.suffix != ".lock" and not path.name.startswith(".")
    }


def _evaluation(out: Path, *more: str) -> list[Any]:
    asked = "eval --model demo --tasks pope,mmbench --limit 24 --prompt grounded".split()
    return [*asked, "--out", out, *more]


def _training(place: Path) -> list[Any]:
    more = ("train.max_steps=3", "train.save_total_limit=2", "conflict_rows=4", "eval.tasks=[pope]", "eval.limit=4")
    return ["demo/method", *TINY_GRPO, *more, f"output={place / 'out'}"]


@cache
def finished_runs(work: Path) -> list[Path]:
    """Two runs to start from, made when they are first needed."""
    runs = [work / "runs" / name for name in ("a", "b")]
    for seed, run in enumerate(runs):
        if not (run / "report.html").exists():
            code = run_command(_evaluation(run, "--seed", str(seed)), log=str(work / "runs.txt"))
            assert code == 0, (work / "runs.txt").read_text()
    return runs


def commands(work: Path) -> dict[str, Command]:
    """The commands that are disturbed."""

    def undiagnosed(place: Path) -> None:
        keep = shutil.ignore_patterns("diagnostics*", "findings*", "report*")
        shutil.copytree(finished_runs(work)[0], place / "run", ignore=keep)

    return {
        "eval": Command(share=0.3, argv=lambda place: _evaluation(place / "run"), left=_run),
        "diagnose": Command(
            share=0.2,
            argv=lambda place: ["diagnose", place / "run", "--caption-judge", "demo"],
            left=_run,
            start=undiagnosed,
        ),
        "select": Command(
            share=0.15,
            argv=lambda place: ["select", *_training(place)],
            left=lambda place: _files(place / "out/selection"),
        ),
        "train": Command(
            share=0.15,
            argv=lambda place: ["train", *_training(place)],
            left=lambda place: what_training_left(place / "out"),
        ),
        "leaderboard": Command(
            share=0.2,
            argv=lambda place: ["leaderboard", "build", "--runs", *finished_runs(work), "--out", place / "board"],
            left=lambda place: _files(place / "board"),
        ),
    }  # fmt: skip


class References:
    """What the undisturbed commands leave, and how long they take; each is run once, when it is first needed."""

    def __init__(self, work: Path) -> None:
        self._work, self._made = work, dict[str, tuple[Any, float, int]]()

    def __call__(self, name: str, command: Command) -> tuple[Any, float, int]:
        """What is left, seconds, bytes on disk."""
        if name not in self._made:
            place = fresh(self._work / f"undisturbed-{name}")
            command.start(place)
            begun, log = time.monotonic(), place / "log.txt"
            code = run_command(command.argv(place), log=str(log))
            assert code == 0, log.read_text()
            seconds, size = time.monotonic() - begun, sum(p.stat().st_size for p in place.rglob("*") if p.is_file())
            self._made[name] = (command.left(place), seconds, size)
        return self._made[name]


def fresh(place: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def compared(command: Command, place: Path, reference: Any) -> tuple[Outcome, str]:
    """What the end is like beside an undisturbed one."""
    lines = (place / "run/samples.jsonl").read_text().splitlines() if (place / "run/samples.jsonl").exists() else []
    ids = [(sample["task"], sample["id"]) for sample in (json.loads(line)["sample"] for line in lines)]
    if len(set(ids)) < len(ids):
        return "doubled", f"{len(ids) - len(set(ids))} records are there twice"
    left = command.left(place)
    if gone := reference.keys() - left.keys():
        return "lost", f"not there: {sorted(gone)[:3]}"
    differ = sorted(reference.keys() ^ left.keys()) + [
        key for key in reference if not same(reference[key], left.get(key))
    ]
    return ("silent", f"other than undisturbed: {differ[:3]}") if differ else ("survived", "")


def kills(work: Path, count: int, seed: int) -> Iterator[Case]:
    """Chains of up to five kills, then one undisturbed end. Moments are uniform over an undisturbed command's time."""
    found, references = commands(work), References(work)
    for name, command in found.items():
        left, chain = round(count * command.share), 0
        while left > 0:
            length = min(5, left)

            def attempt(
                place: Path, name: str = name, command: Command = command, chain: int = chain, length: int = length
            ) -> tuple[int, Outcome, str]:
                reference, seconds, _ = references(name, command)
                rng, log = random.Random(f"{seed} {name} {chain}"), place / "log.txt"
                command.start(place)
                done, moments = 0, []
                for _ in range(20 * length):
                    moments.append(rng.random() * seconds)
                    begun = time.monotonic()
                    code = run_command(command.argv(place), log=str(log), within_s=moments[-1])
                    done += code == -9
                    if code != -9:  # The undisturbed one may have been slower: the first of all starts the server.
                        seconds = time.monotonic() - begun
                    if code != -9 and (wrong := ended(code, log, codes=(0,))):
                        return max(done, 1), *wrong
                    if done == length:
                        break
                    if code == 0:  # It was through before its moment: what is left is checked below, the rest anew.
                        outcome, note = compared(command, place, reference)
                        if outcome != "survived":
                            return done, outcome, note
                        shutil.rmtree(place)
                        place.mkdir()
                        command.start(place)
                code = run_command(command.argv(place), log=str(log), within_s=LIMIT_S)
                if wrong := ended(code, log, codes=(0,)):
                    return done, *wrong
                outcome, note = compared(command, place, reference)
                return done, outcome, f"{note} after kills at {[round(at, 2) for at in moments]} s" if note else ""

            yield Case(row=f"killed: {name}", name=f"chain {chain}", attempt=attempt)
            left, chain = left - length, chain + 1


def disks(work: Path, count: int, seed: int) -> Iterator[Case]:
    """A tmpfs too small for what a command writes; it is made larger, and the command typed again."""
    found, references = commands(work), References(work)
    for name in ("eval", "diagnose", "leaderboard", "train"):
        command = found[name]
        for number in range(count):

            def attempt(
                place: Path, name: str = name, command: Command = command, number: int = number
            ) -> tuple[int, Outcome, str]:
                reference, _, size = references(name, command)
                disk, log = fresh(work / "disk"), place / "log.txt"  # As deep as the reference: boards link to runs.
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "none", disk], check=True)
                try:
                    command.start(disk)
                    base = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
                    share = random.Random(f"{seed} {name} {number}").random()
                    room = base + 8192 + int(share * max(size - base, 0))
                    subprocess.run(["mount", "-o", f"remount,size={room}", disk], check=True)
                    code = run_command(command.argv(disk), log=str(log), within_s=LIMIT_S)
                    if wrong := ended(code, log, codes=(0, 2)):
                        return 1, *wrong
                    if code and not any(word in log.read_text().lower() for word in ("no space", "disk", "full")):
                        return 1, "silent", f"does not say that the disk is full: {log.read_text()[-300:]}"
                    subprocess.run(["mount", "-o", "remount,size=1g", disk], check=True)
                    code = run_command(command.argv(disk), log=str(log), within_s=LIMIT_S)
                    wrong = ended(code, log, codes=(0,))
                    return 1, *(wrong or compared(command, disk, reference))
                finally:
                    subprocess.run(["umount", "--lazy", disk], check=True)

            yield Case(row=f"disk full: {name}", name=f"{number}", attempt=attempt)
