"""Progress: a bar on a terminal, plain lines elsewhere, and a rate that leaves out earlier sessions."""

import io

import pytest

from harness.evaluation import progress
from harness.evaluation.progress import Progress


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_come_now_and_then_with_rate_and_time_left(clock: Clock) -> None:
    stream = io.StringIO()
    with Progress(total=1000, done=100, stream=stream) as bar:
        for _ in range(100):
            clock.now += 0.25
            bar.advance(failed=False)
        bar.advance(failed=True)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "160/1000 samples (16%), 4.0/s, about 4 min left"
    assert lines[-1] == "201/1000 samples (20%), 4.0/s, 1 failed, about 3 min left"
    assert len(lines) == 2


def test_what_other_processes_finish_counts_too(clock: Clock) -> None:
    stream = io.StringIO()
    with Progress(total=100, done=0, stream=stream) as bar:
        clock.now = 20
        bar.follow(0, 0)
        bar.advance(failed=False)
        clock.now = 40
        bar.follow(39, 2)
        bar.follow(49, 2)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "0/100 samples (0%), 0.0/s",
        "40/100 samples (40%), 1.0/s, 2 failed, about 60 s left",
        "50/100 samples (50%), 1.2/s, 2 failed, about 40 s left",
    ]


def test_a_run_with_nothing_to_do_prints_nothing() -> None:
    stream = io.StringIO()
    with Progress(total=5, done=5, stream=stream):
        pass
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar(clock: Clock) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Progress(total=2, done=0, stream=stream) as bar:
        bar.advance(failed=False)
        bar.advance(failed=True)
    assert "2/2" in stream.getvalue()
    assert "sample/s" in stream.getvalue() or "s/sample" in stream.getvalue()
    assert "failed=1" in stream.getvalue()
