"""Commands in processes of their own that are killed at a known point or moment, and what they leave behind."""

import json
import os
import pickle
import signal
import subprocess
import sys
from importlib import import_module

from support_processes import Popen


def run_command(argv, kill=None, log=None, *, within_s=None, settings=()):
    """Run `harness` in a process of its own, and give its exit code: -9 where it was killed.

    Args:
        argv: the command's arguments.
        kill: a function as `module:Class.method`, which of its calls, and whether the process dies `before` or `after`
            it; `None`: nowhere.
        log: file of what it prints; `None`: nowhere.
        within_s: seconds after which it is killed; `None`: never.
        settings: what is set in the process before, each as `module:path` and its value.
    """
    given = pickle.dumps(([str(argument) for argument in argv], kill, settings))
    program = [sys.executable, "-c", f"import support_kills; support_kills.run({given!r})"]
    with open(log or os.devnull, "ab") as told, Popen(program, stdout=told, stderr=told) as process:
        try:
            return process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def run(given):
    """What the process does."""
    import torch

    from harness.cli import main

    argv, kill, settings = pickle.loads(given)
    os.environ.pop("OMP_NUM_THREADS", None)  # As at a user's, who has not set it.
    torch.set_num_threads(2)  # Whatever the machine has.
    for name, value in settings:
        setattr(*_find(name), value)
    if kill is not None:
        _plant(*kill)
    code = main(argv)
    sys.stdout.flush()
    os._exit(code)


def _plant(name, call, when):
    """Make a function kill its process around one of its calls."""
    owner, last = _find(name)
    wrapped, calls = getattr(owner, last), 0

    def deadly(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = wrapped(*args, **kwargs)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, last, deadly)


def _find(name):
    """What has the attribute that `module:path` names, and the attribute."""
    module, _, path = name.partition(":")
    *parents, last = path.split(".")
    owner = import_module(module)
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, last


_OF_TIME = ("step_time", "cpu_seconds", "ntk/seconds")


def what_training_left(output):
    """What must be the same whether a training was killed or not, by the name of its file; times are left out."""
    left, here = {}, str(output).encode()
    for folder in (output / "final", output / "selection"):
        for path in folder.rglob("*"):
            if path.is_file():
                left[str(path.relative_to(output))] = path.read_bytes().replace(here, b"OUT")
    for path in output.glob("checkpoint-*/*"):
        if path.suffix in (".safetensors", ".pt", ".pth") or path.name == "harness.json":
            left[str(path.relative_to(output))] = path.read_bytes().replace(here, b"OUT")
    for path in output.glob("evaluations/step-*"):
        left[f"{path.name}"] = what_a_run_left(path, ())
    for path in output.glob("runs/*"):
        left |= {f"{path.name}: {name}": value for name, value in what_a_run_left(path).items()}
    log = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    left["log"] = [{name: entry[name] for name in entry if name not in _OF_TIME} for entry in log]
    for name in ("conflict.json", "recipe.yaml", "evaluations/best.json"):
        if (output / name).is_file():
            left[name] = (output / name).read_bytes().partition(b"\n")[2].replace(here, b"OUT")
    return left


def what_a_run_left(path, reports=("diagnostics.json", "findings.jsonl")):
    """What must be the same in a run folder whether its commands were killed or not."""
    run = json.loads((path / "run.json").read_text())
    records = [json.loads(line) for line in (path / "samples.jsonl").read_text().splitlines()]
    for record in records:
        del record["response"]["seconds"]
    return {
        "run": {name: run[name] for name in ("tasks", "weights", "data")},
        "samples": records,
        **{name: (path / name).read_bytes() for name in reports},
    }
