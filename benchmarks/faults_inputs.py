"""Faults of what comes from strangers: media, servers, and files that are damaged."""

from __future__ import annotations

import json
import pickle
import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from faults_runs import LIMIT_S, Case, Outcome, ended, finished_runs
from hostile_server import Answer, HostileServer
from media_zoo import Exhibit, benchmark_rows, build_zoo, exhibits, png_of
from misbehaviours import MISBEHAVIOURS, Misbehaviour, leaks
from support_kills import run_command

from harness.core.worlds import shipped_checkpoints

QUICK: Final = (
    ("harness.engines.http_client:_FIRST_DELAY_S", 0.001),
    ("harness.engines.http_client:_LONGEST_DELAY_S", 0.01),
    ("harness.engines.http_client:_LONGEST_WAIT_S", 2.0),
)
"""A client that is as patient as the real one, in less time."""


def ask(server: HostileServer, data: str | Path, out: Path, *more: str) -> list[Any]:
    """An evaluation of a server's model."""
    return ["eval", "--model", "openai:m", "--base-url", server.base_url, "--data", data, "--out", out, *more]


def read_strictly(path: Path) -> list[Any]:
    """Values of a file of JSON or JSON lines, of standard JSON alone."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON")

    text = path.read_text(encoding="utf-8")
    parts = text.removesuffix("\n").split("\n") if path.suffix == ".jsonl" and text else [text] if text else []
    return [json.loads(part, parse_constant=refuse) for part in parts]


def names(work: Path) -> Iterator[Case]:
    """Names of what does not exist."""
    for command in (
        "eval --model demo --tasks pop", "eval --model nobody/nothing --tasks pope --data demo", "evil --model demo",
        "eval --model demo --tasks pope --data /nowhere", "eval --model demo --tasks pope --engine vlm",
        "score --task pop", "eval --model demo --tasks pope --limi 3 4", "eval --model demo --tasks pope --prompt x",
        "diagnose /nowhere", "compare /nowhere /nowhere", "train demo/metho --dry-run",
        "train demo/method --dry-run trian.x=1", "leaderboard build --runs /nowhere", "select demo/metho",
    ):  # fmt: skip

        def attempt(place: Path, command: str = command) -> tuple[int, Outcome, str]:
            log = place / "log.txt"
            out = ["--out", place / "run"] if command.startswith("eval") else []
            code = run_command([*command.split(), *out], log=str(log), within_s=LIMIT_S)
            return 1, *(ended(code, log, codes=(2,)) or ("survived", ""))

        yield Case(row="unknown names", name=command, attempt=attempt)


# --- media ---


def media(work: Path) -> Iterator[Case]:
    """Every file of the zoo as the image or video of a question: its sample has a response or one line of error."""

    @cache
    def records(kind: str) -> dict[str, Any]:
        place = work / "zoo" / kind
        shutil.rmtree(place, ignore_errors=True)
        shown = [one for one in build_zoo(place / "data/files") if one.kind == kind]
        kept = [one for one in shown if not (place / "data/files" / one.name).is_symlink()]
        rows, column = benchmark_rows(kept, kind), kind
        for row in rows:
            row[column] = f"files/{row[column]}"
        name = "test.jsonl" if kind == "image" else "validation.jsonl"
        (place / "data" / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        task = "pope" if kind == "image" else "mmvu"
        with HostileServer(lambda prompt, before: Answer()) as server:
            more = ("--tasks", task, "--num-frames", "2", "--max-pixels", "100000")
            code = run_command(
                ask(server, place / "data", place / "run", *more),
                log=str(place / "log.txt"),
                within_s=LIMIT_S,
                settings=QUICK,
            )
        if wrong := ended(code, place / "log.txt", codes=(1,)):
            return {one.name: wrong for one in kept}
        stored = [value["response"] for value in read_strictly(place / "run/samples.jsonl")]
        return dict(zip((one.name for one in kept), stored, strict=False))

    for exhibit in exhibits():

        def attempt(place: Path, exhibit: Exhibit = exhibit) -> tuple[int, Outcome, str]:
            found = records(exhibit.kind)
            if not isinstance(found.get(exhibit.name), dict):
                if (work / "zoo" / exhibit.kind / "data/files" / exhibit.name).is_symlink():
                    return 1, *_alone(place, work, exhibit)
                return 1, *found.get(exhibit.name, ("lost", "no record"))
            error = found[exhibit.name]["error"]
            if (error is None) != (exhibit.error is None):
                return 1, "silent", f"error {error!r}, expected {exhibit.error!r}"
            if error is not None and (not re.search(exhibit.error or "", error) or "\n" in error):
                return 1, "silent", f"the error is {error!r}"
            return 1, "survived", ""

        yield Case(row=f"{exhibit.kind} files", name=exhibit.name, attempt=attempt)
    yield Case(row="image files", name="a cell of a table elsewhere", attempt=_cell_elsewhere)


def _cell_elsewhere(place: Path) -> tuple[int, Outcome, str]:
    """A row that names the picture in a table out of the data, which ends a run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"image": [{"bytes": png_of((255, 0, 0))}]}), place / "private.parquet")
    (place / "data").mkdir()
    (row,) = benchmark_rows([next(one for one in exhibits() if one.kind == "image")], "image")
    row["image"] = f"{place}/private.parquet[0].image"
    (place / "data/test.jsonl").write_text(json.dumps(row))
    return 1, *_refused(place, "pope", codes=(2,))


def _alone(place: Path, work: Path, exhibit: Exhibit) -> tuple[Outcome, str]:
    """A link out of the data, which ends a run."""
    files = place / "data/files"
    files.mkdir(parents=True)
    shutil.copy(work / "zoo" / exhibit.kind / "data/files" / exhibit.name, files / exhibit.name, follow_symlinks=False)
    (row,) = benchmark_rows([exhibit], exhibit.kind)
    row[exhibit.kind] = f"files/{exhibit.name}"
    (place / "data" / ("test.jsonl" if exhibit.kind == "image" else "validation.jsonl")).write_text(json.dumps(row))
    return _refused(place, "pope" if exhibit.kind == "image" else "mmvu", codes=(1, 2))


def _refused(place: Path, task: str, codes: tuple[int, ...]) -> tuple[Outcome, str]:
    """Nothing of the data is sent."""
    with HostileServer(lambda prompt, before: Answer()) as server:
        argv = ask(server, place / "data", place / "run", "--tasks", task)
        code = run_command(argv, log=str(place / "log.txt"), within_s=LIMIT_S, settings=QUICK)
        sent = [part for body in server.bodies for part in body["messages"][0]["content"] if part["type"] != "text"]
    if sent:
        return "leaked", "it was sent"
    return ended(code, place / "log.txt", codes=codes) or ("survived", "")


# --- servers ---


def servers(work: Path) -> Iterator[Case]:
    """A server that misbehaves to the first of four questions, and answers the others."""
    for misbehaviour in MISBEHAVIOURS:

        def attempt(place: Path, misbehaviour: Misbehaviour = misbehaviour) -> tuple[int, Outcome, str]:
            first: list[str] = []

            def plan(prompt: str, before: int) -> Answer:
                first.append(prompt)
                return misbehaviour.answer if prompt == first[0] else Answer()

            log, run = place / "log.txt", place / "run"
            with HostileServer(plan) as server:
                argv = ask(server, "demo", run, "--tasks", "pope", "--limit", "6", "--api-key-env", "OPENAI_API_KEY")
                code = run_command(argv, log=str(log), within_s=60.0, settings=_impatient())
            if wrong := ended(code, log):
                return 1, *wrong
            texts = [path.read_text(errors="surrogateescape") for path in (*run.glob("*.*"), log) if path.is_file()]
            if found := leaks("\n".join(text for text in texts)):
                return 1, "leaked", f"the key is there {found}"
            try:
                for path in (*run.glob("*.json"), *run.glob("*.jsonl")):
                    read_strictly(path)
            except ValueError as error:
                return 1, "lost", f"{path.name} cannot be read: {error}"
            if misbehaviour.outcome == "ended":
                return 1, *(("survived", "") if code == 2 else ("silent", f"exit {code}, expected 2"))
            responses = [value["response"] for value in read_strictly(run / "samples.jsonl")]
            failed = sum(response["error"] is not None for response in responses)
            if misbehaviour.outcome == "failed" and not failed:
                return 1, "silent", "no sample has an error"
            if misbehaviour.outcome == "read" and failed:
                return 1, "lost", f"{failed} samples have errors"
            return 1, "survived", ""

        yield Case(row="servers", name=misbehaviour.name, attempt=attempt)


def _impatient() -> tuple[tuple[str, Any], ...]:
    from harness.engines.api import ApiEngine

    defaults = {**(ApiEngine.__init__.__kwdefaults__ or {}), "timeout_s": 3.0, "attempts": 2}
    return (*QUICK, ("harness.engines.api:ApiEngine.__init__.__kwdefaults__", defaults))


# --- damaged files ---

_ODD: Final = (None, "x", -1, 10**400, [], {}, True, 0.5, "\x1b[2J", [[[]]], float("nan"), "../../etc/passwd")


class _Canary:
    """Shows that a pickle was loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def _flip(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _odd_value(data: bytes, rng: random.Random) -> bytes:
    """One value of a JSON tree is another."""
    lines = data.decode().splitlines() if data.startswith(b'{"') and data.count(b"\n") > 1 else [data.decode()]
    at = rng.randrange(len(lines))
    tree = node = json.loads(lines[at])
    while True:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.2:
            break
        node = node[key]
    node[key] = rng.choice(_ODD)
    lines[at] = json.dumps(tree)
    return "\n".join([*lines, ""]).encode()


BYTES: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "empty": lambda data, rng: b"",
    "cut": _cut,
    "a bit flipped": _flip,
    "zeros": lambda data, rng: bytes(len(data)),
    "noise": lambda data, rng: rng.randbytes(500),
    "bytes that are no text": lambda data, rng: data[: len(data) // 2] + b"\xff\xfe\x80" + data[len(data) // 2 :],
    "twice": lambda data, rng: data + data,
    "nested 100,000 deep": lambda data, rng: b"[" * 100_000 + b"]" * 100_000,
    "another tree": lambda data, rng: b'[{"a": [1, null]}]',
    "an odd value": _odd_value,
    "an odd value more": _odd_value,
    "an alias bomb": lambda data, rng: (
        b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
    ),
}
PLACES: Final[dict[str, Callable[[Path], Any]]] = {
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(_Canary(path.with_name("canary")))),
}


def damage(path: Path, kind: str, rng: random.Random) -> None:
    """Damage a file."""
    if kind in PLACES:
        PLACES[kind](path)
    else:
        path.write_bytes(BYTES[kind](path.read_bytes(), rng))


def damaged(work: Path, rounds: int, seed: int) -> Iterator[Case]:
    """Each file of a run, a checkpoint, a recipe and a data set, damaged in every way; what then reads it says so."""
    recipes = Path(__file__).parents[1] / "trainers/recipes/demo"

    def figures(board: Path) -> Any:
        rows = [
            row for group in json.loads((board / "leaderboard.json").read_text())["groups"] for row in group["rows"]
        ]
        return {(row["checkpoint"], task): cell["metrics"] for row in rows for task, cell in row["cells"].items()}

    def of_run(place: Path, name: str) -> tuple[Path, list[list[Any]]]:
        shutil.copytree(finished_runs(work)[0], place / "runs/a")
        there = place / "runs/a"
        readers = [
            ["leaderboard", "build", "--runs", place / "runs", "--out", place / "board", "--reference"],
            ["diagnose", there, "--no-images"],
            ["compare", there, finished_runs(work)[1]],
        ]
        return there / name, readers

    def of_checkpoint(place: Path, name: str) -> tuple[Path, list[list[Any]]]:
        shutil.copytree(shipped_checkpoints()["demo"], place / "model")
        asked = "eval --data demo --tasks pope --limit 4".split()
        argv = [*asked, "--model", place / "model", "--out", place / "run"]
        return place / "model" / name, [argv]

    def of_recipe(place: Path, name: str) -> tuple[Path, list[list[Any]]]:
        shutil.copy(recipes / name, place / name)
        return place / name, [["train", place / name, "--dry-run", f"output={place / 'out'}"]]

    def of_data(place: Path, name: str) -> tuple[Path, list[list[Any]]]:
        (place / "data").mkdir()
        (place / "data/a.png").write_bytes(png_of((255, 0, 0)))
        rows = [{**row, "image": "a.png"} for row in benchmark_rows(exhibits()[:6], "image")]
        (place / "data" / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        argv = ["eval", "--model", "demo", "--data", place / "data", "--tasks", "pope", "--out", place / "run"]
        return place / "data" / name, [argv]

    targets: dict[str, tuple[Callable[[Path, str], tuple[Path, list[list[Any]]]], list[str]]] = {
        "damaged runs": (of_run, ["config.json", "run.json", "samples.jsonl", "diagnostics.json", "findings.jsonl"]),
        "damaged checkpoints": (
            of_checkpoint,
            [p.name for p in sorted(shipped_checkpoints()["demo"].iterdir()) if p.name != "README.md"],
        ),
        "damaged recipes": (of_recipe, ["method.yaml"]),
        "damaged data": (of_data, ["test.jsonl"]),
    }

    @cache
    def undamaged() -> Any:
        place = work / "undamaged"
        shutil.rmtree(place, ignore_errors=True)
        _, (build, *_) = of_run(place, "run.json")
        assert run_command(build, log=str(work / "undamaged.txt")) == 0, (work / "undamaged.txt").read_text()
        return figures(place / "board")

    for row, (prepare, names) in targets.items():
        for name in names:
            for kind in (*BYTES, *PLACES):
                if kind.startswith("an odd") and name.endswith((".yaml", ".safetensors", ".jinja")):
                    continue
                for turn in range(rounds):

                    def attempt(
                        place: Path, prepare: Any = prepare, name: str = name, kind: str = kind, turn: int = turn
                    ) -> tuple[int, Outcome, str]:
                        path, readers = prepare(place, name)
                        damage(path, kind, random.Random(f"{seed} {name} {kind} {turn}"))
                        for number, argv in enumerate(readers):
                            log = place / f"log{number}.txt"
                            code = run_command(argv, log=str(log), within_s=120.0)
                            if wrong := ended(code, log):
                                return 1, wrong[0], f"harness {argv[0]}: {wrong[1]}"
                            said = log.read_text(errors="replace")
                            if code == 2 and not any(part in said for part in (name, str(path.parent))):
                                return 1, "silent", f"harness {argv[0]} does not name the file: {said.strip()[-300:]}"
                            if list(place.rglob("canary")):
                                return 1, "leaked", f"harness {argv[0]} ran code of a pickle"
                            if (place / "board/leaderboard.json").exists() and argv[0] == "leaderboard" and code == 0:
                                reference, shown = undamaged(), figures(place / "board")
                                if any(shown[key] != reference.get(key) for key in shown):
                                    return 1, "silent", "the board shows other figures"
                        return 1, "survived", ""

                    yield Case(row=row, name=f"{name}, {kind}, {turn}", attempt=attempt)
