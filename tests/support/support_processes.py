"""Programs in processes of their own that need not import Transformers and TRL first: each is forked.

`Popen` is `subprocess.Popen` for a command of this Python (`-m MODULE`, `-c CODE`, or a script): a fork of a process
that has imported what commands need, and done nothing else, runs it. It is a child of the caller with a main thread of
its own, gets the environment and streams that it is given, and ends as every interpreter does, but frees nothing. A
launcher's ranks are forked in the same way.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import pickle
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from harness.core.collecting import collect_again
from harness.core.plugins import registered

_EVALUATING = ("harness.commands.eval", "harness.engines.hf", "harness.reports.page", "torch.distributed.run")
_TRAINING = ("trainers.checks", "trainers.training", "trainers.conflict.run", "peft")
_LAUNCHERS = ("torch.distributed.run", "accelerate.commands.launch")
_HANDLER = "torch.distributed.elastic.multiprocessing.subprocess_handler.subprocess_handler"
_SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER: who adopts the children of a process that has ended.
_server: socket.socket | None = None
_asking = threading.Lock()


class Popen(subprocess.Popen[str]):
    """A program that is forked; see the module."""

    def _execute_child(
        self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any, env: Any,
        startupinfo: Any, creationflags: Any, shell: Any, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int,
        errread: int, errwrite: int, restore_signals: Any, gid: Any, gids: Any, uid: Any, umask: Any,
        start_new_session: bool, process_group: Any,
    ) -> None:  # fmt: skip
        python, *words = map(os.fspath, args)
        assert python == sys.executable, f"{python} is not this Python"
        streams = [number if given == -1 else given for number, given in enumerate((p2cread, c2pwrite, errwrite))]
        with _asking:
            self.pid = _fork(words, os.environ if env is None else env, cwd or Path.cwd(), start_new_session, streams)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def run(command: Sequence[Any], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and capture what it says."""
    timeout_s = options.pop("timeout", None)
    with Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            told, errors = process.communicate(timeout=timeout_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, told, errors)


def _fork(words: Sequence[str], env: Mapping[str, str], cwd: Any, session: bool, streams: Sequence[int]) -> int:
    """Have the server fork a program; its process becomes a child of this one."""
    global _server
    if _server is None:
        _server, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = f"import support_processes; support_processes.serve({theirs.fileno()})()"
        path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        forks = subprocess.Popen(
            [sys.executable, "-c", code], pass_fds=[theirs.fileno()], env=os.environ | {"PYTHONPATH": path}
        )
        theirs.close()
        atexit.register(lambda: (_server and _server.close(), forks.wait()))
    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        socket.send_fds(_server, [pickle.dumps((list(words), dict(env), str(cwd), session))], streams)
        return int(_server.recv(64))
    finally:
        prctl(_SUBREAPER, 0, 0, 0, 0)


def serve(descriptor: int) -> Callable[[], NoReturn]:
    """Fork what is asked for until nobody can ask any more; in each fork, give the program that it is to run."""
    server = socket.socket(fileno=descriptor)
    _import(_EVALUATING)
    while True:
        message, streams, _, _ = socket.recv_fds(server, 1 << 20, 3)
        if not message:
            os._exit(0)
        words, env, cwd, session = pickle.loads(message)
        if any("train" in word for word in words):
            from trainers.recipe import load_recipe
            from trainers.trl_vllm import leave_out_vllm

            leave_out_vllm(load_recipe("demo/sft", []))
            _import(_TRAINING)
        for _ in range(600):  # Those that have loaded weights may still be ending.
            if threading.active_count() == 1:
                break
            time.sleep(0.05)
        assert threading.active_count() == 1, threading.enumerate()
        read, write = os.pipe()
        if parent := os.fork():
            for each in (write, *streams):
                os.close(each)
            pid = os.read(read, 64)
            os.close(read)
            os.waitpid(parent, 0)  # From now on the child is the caller's.
            server.send(pid)
            continue
        if child := os.fork():
            os.write(write, str(child).encode())
            os._exit(0)
        server.close()
        for each in (read, write):
            os.close(each)
        return partial(_run_to_its_end, partial(_become, words, env, cwd, session, streams))


def _import(names: Sequence[str]) -> None:
    gc.disable()
    for name in names:
        import_module(name)
    from harness.engines import make_engine
    from harness.engines.checkpoints import resolve_checkpoint

    engine = make_engine("hf", resolve_checkpoint("demo"), {"device": "cpu"})
    engine.load()  # Transformers imports the most of itself when it loads something.
    engine.close()
    collect_again()  # But for what the imports made, which a collection in a fork would copy.


def _run_to_its_end(program: Callable[[], None]) -> NoReturn:
    """Run a program, and end this process as an interpreter ends.

    Only that nothing is freed of what was imported before: for that alone all of its memory would be copied, which
    takes as long as a small program.
    """
    code: Any = 0
    try:
        program()
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException as error:
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
        sys.excepthook(type(error), error, error.__traceback__)
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


def _become(words: list[str], env: Mapping[str, str], cwd: str, session: bool, streams: Sequence[int]) -> None:
    """Run a command of Python in this process, which was forked for it."""
    if session:
        os.setsid()
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        os.dup2(streams[number], number)
        os.close(streams[number])
        own = open(number, mode, buffering=1 if number == 2 else -1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, own)
        setattr(sys, f"__{name}__", own)
    warnings.filterwarnings("ignore", ".*found in sys.modules", RuntimeWarning)  # Which is why it was imported.
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Which a script in the background ignores.
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    registered.cache_clear()  # Of the packages on another path.
    sys.path[:0] = [part for part in env.get("PYTHONPATH", "").split(os.pathsep) if part and part not in sys.path]
    if words[0] == "-u":
        words = words[1:]
    kind, *rest = words
    if kind == "-m" and rest[0] in _LAUNCHERS:
        _serve_ranks()
    if kind == "-m":
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = list(words)
        sys.path.insert(0, str(Path(kind).parent))
        runpy.run_path(kind, run_name="__main__")


def _serve_ranks() -> None:
    """Before a launcher has threads, fork what will fork its ranks."""
    global _server
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if not os.fork():
        ours.close()
        serve(theirs.detach())()
    theirs.close()
    _server = ours
    subprocess.Popen = Popen  # type: ignore[misc]
    import_module(_HANDLER).Popen = Popen
