"""A signal that a library swallowed is raised again at the next check; a scheduler's ends the work without an error."""

import contextlib
import os
import signal
import threading
import time

import pytest

from harness.core.errors import EndedError, EngineError
from harness.evaluation import interrupts as interrupts_module
from harness.evaluation.interrupts import Interrupts, ended_by_scheduler


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)


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
    time.sleep(0.01)


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
