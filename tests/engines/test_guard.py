"""Processes that must not outlive the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from harness.engines.guard import Guard

PARENT = """
import subprocess, sys, time
from harness.engines.guard import Guard
child = subprocess.Popen(["sleep", "60"])
guard = Guard([child.pid])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_guarded_process_dies_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_released_guard_kills_nothing() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        guard = Guard([child.pid])
        guard.release()
        time.sleep(0.1)
        assert is_running(child.pid)
    finally:
        child.kill()
        child.wait()
