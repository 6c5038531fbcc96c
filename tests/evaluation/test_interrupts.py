"""A signal that a library swallowed is raised again at the next check; a scheduler's ends the work without an error."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_server import Answer, HostileServer
from support_processes import Popen

from harness.core.errors import EndedError, EngineError
from harness.evaluation import interrupts as interrupts_module
from harness.evaluation.interrupts import Interrupts, ended_by_scheduler


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Python's own handler, which it leaves out where it was started in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)


def test_a_swallowed_interrupt_is_raised_at_the_next_check() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        interrupts.check()
        with pytest.raises(KeyboardInterrupt):
            interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_of_the_main_thread_nothing_is_touched() -> None:
    before = signal.getsignal(signal.SIGINT)

    def enter() -> None:
        with Interrupts() as interrupts:
            interrupts.check()

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)


def test_sigterm_is_remembered_too_where_it_ends_the_work() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def work() -> None:
        with ended_by_scheduler(True), Interrupts() as interrupts:
            with contextlib.suppress(EndedError):  # As a library does.
                terminate()
            terminate()  # A second one interrupts nothing.
            interrupts.check()

    with pytest.raises(EndedError):
        work()
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_breaks_because_of_the_signal_is_no_error() -> None:
    def work() -> None:
        with ended_by_scheduler(True):
            try:
                terminate()
            except EndedError as ended:
                raise RuntimeError("a server of ours has gone") from ended

    with pytest.raises(EndedError):
        work()


def test_a_model_s_process_may_go_before_the_signal_comes() -> None:
    threading.Timer(0.2, terminate).start()
    with pytest.raises(EndedError), ended_by_scheduler(True):
        raise EngineError("vLLM died")


def test_an_error_without_a_signal_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts_module, "_GRACE_S", 0.01)
    with pytest.raises(EngineError, match="vLLM died"), ended_by_scheduler(True):
        raise EngineError("vLLM died")


def test_sigterm_kills_unless_it_is_wanted() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ended_by_scheduler(False):
        assert signal.getsignal(signal.SIGTERM) is before


_STUCK = """
import sys, time
def stuck(*arguments, **options):
    print("stuck", flush=True)
    while True:
        time.sleep(3600)
def stuck_outside_of_python(*arguments, **options):
    import torch
    print("stuck", flush=True)
    while True:
        torch.linalg.svd(torch.rand(6000, 6000))
def one_then(then, first):
    asked = []
    def call(*arguments, **options):
        asked.append(1)
        return first(*arguments, **options) if len(asked) == 1 else then()
    return call
"""
_SLACK_S = 2.0
"""Beside the two seconds, for a machine with other work."""


def start(tmp_path: Path, patch: str, *arguments: str) -> Popen:
    script = tmp_path / "script.py"
    script.write_text(f"{_STUCK}\n{patch}\nfrom harness.cli import run\nrun()\n")
    command = [sys.executable, str(script), "eval", "--out", str(tmp_path / "run"), "--limit", "48", *arguments]
    return Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupt_process(process: Popen, *after_s: float) -> str:
    """Ctrl-C, and again after so many seconds each; what the process said, which has to end in time."""
    start_s = time.monotonic()
    for wait_s in (0.0, *after_s):
        time.sleep(wait_s)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=2 + _SLACK_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 130, errors
    assert time.monotonic() - start_s < 2 + _SLACK_S
    assert errors.count("interrupted: finished samples are stored; run the same command to go on.") == 1, errors
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    return errors


HF = ["--model", "demo", "--engine", "hf", "--tasks", "pope", "--batch-size", "4"]
SERVED = ["--model", "openai:m", "--tasks", "pope", "--data", "demo"]
CASES = {
    "a server that never answers": ("", SERVED),
    "a thread that opens media for a server": (
        "from harness.engines import api\napi.open_media = one_then(stuck, api.open_media)", SERVED,
    ),
    "a thread that opens media": (
        "from harness.engines import hf\nhf.prepare = one_then(stuck, hf.prepare)", HF,
    ),
    "a forward pass": (
        "from harness.engines.hf import HfEngine as E\n"
        "E._generate_together = one_then(stuck_outside_of_python, E._generate_together)", HF,
    ),
    "the loading of a model": ("from harness.engines import hf\nhf.load_model = stuck_outside_of_python", HF),
    "a thread of the end of the program": (
        "import threading\nfrom harness.engines import hf\nload = hf.load_model\n"
        "def load_model(*a, **o):\n    threading.Thread(target=stuck).start()\n    time.sleep(3600)\n"
        "hf.load_model = load_model", HF,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "again_s"),
    [
        *((case, ()) for case in CASES),
        ("a server that never answers", (0.0,)),
        ("a thread that opens media", (0.2,)),
        ("a forward pass", (0.05, 0.05, 0.05)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"again-{len(value)}",
)
def test_ctrl_c_ends_the_process_whatever_it_is_doing(case: str, again_s: tuple[float, ...], tmp_path: Path) -> None:
    patch, arguments = CASES[case]
    waiting = threading.Event()

    def plan(prompt: str, before: int) -> Answer:
        if case == "a server that never answers" and len(server.bodies) > 1:
            waiting.set()
            return Answer(delay_s=3600.0)
        return Answer()

    with HostileServer(plan) as server:
        process = start(tmp_path, patch, *arguments, *(["--base-url", server.base_url] if arguments is SERVED else []))
        assert process.stdout is not None
        if patch:
            assert process.stdout.readline() == "stuck\n", process.communicate()
        else:
            assert waiting.wait(60)
        time.sleep(0.3)
        interrupt_process(process, *again_s)
    samples = tmp_path / "run" / "samples.jsonl"
    if samples.exists():
        assert all(json.loads(line)["response"]["text"] for line in samples.read_text().splitlines())
