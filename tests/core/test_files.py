"""Files that survive: whole or not at all, one writer at a time, also where the file system has no locks."""

import errno
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from harness.core.errors import StoreError, UsageError
from harness.core.files import hold_lock, refuse_foreign, write_atomically, write_errors

HOLDER = """
import sys, time
import filelock
from pathlib import Path
from harness.core.files import hold_lock

def refuse(*_, **__):
    raise OSError(37, "No locks available")

if sys.argv[2] == "no locks":
    filelock.lock_descriptor = refuse
lock = hold_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def refuse(*_: object, **__: object) -> bool:
    """What the system says on a file system without locks."""
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.fixture(params=["locks", "no locks"])
def locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file system with and one without locks."""
    if request.param == "no locks":
        monkeypatch.setattr(filelock, "lock_descriptor", refuse)
    return str(request.param)


def test_an_atomic_write_leaves_no_debris_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(StoreError):
        write_atomically(tmp_path / "target", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            r"cannot write .*out: No space left on device\. .*free space",
        ),
        (
            Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
            "No space left on device",
        ),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"), "is the disk full?"),
    ],
)
def test_a_full_disk_is_named_whoever_writes(error: Exception, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=said), write_errors(tmp_path / "out"):
        raise error
    with pytest.raises(RuntimeError, match=r"^other$"), write_errors(tmp_path / "out"):
        raise RuntimeError("other")


def test_a_lock_keeps_others_out_until_it_is_closed(tmp_path: Path, locks: str) -> None:
    path = tmp_path / "new" / "lock"
    first = hold_lock(path)
    with pytest.raises(StoreError, match=rf"another process is writing to {path.parent}\. .* another output=FOLDER\."):
        hold_lock(path, option="output=FOLDER")
    first.close()
    hold_lock(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["lock"]


def test_a_process_that_is_killed_leaves_its_folder_to_the_next(tmp_path: Path, locks: str) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path, locks], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(StoreError, match="another process"):
                hold_lock(path)
        finally:
            holder.kill()
    hold_lock(path).close()
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]


def test_without_locks_a_process_of_another_machine_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filelock, "lock_descriptor", refuse)
    (tmp_path / "lock.held").write_text("1\nelsewhere.example\n")
    with pytest.raises(StoreError, match=rf"killed on another machine, delete {tmp_path / 'lock.held'}"):
        hold_lock(tmp_path / "lock")
    (tmp_path / "lock.held").unlink()
    hold_lock(tmp_path / "lock").close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write .*file/lock: .* Choose another --out"):
        hold_lock(tmp_path / "file" / "lock")


def test_a_file_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    for text in (None, "", '{"id": 1, "answer": "yes", "more": 2}\n{'):
        if text is not None:
            file.write_text(text)
        refuse_foreign(file, ("id", "answer"), option="--out", advice="")
    for text in ('{"id": 1}\n', "my notes\n", "[1]\n", "1\n", "[" * 100_000):
        file.write_text(text)
        with pytest.raises(UsageError, match=r"out\.jsonl holds something else.*--out"):
            refuse_foreign(file, ("id", "answer"), option="--out", advice="")
        assert file.read_text() == text
