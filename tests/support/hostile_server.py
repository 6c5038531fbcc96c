"""An OpenAI-compatible server on loopback that misbehaves on request."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """One reply: a chat completion unless told otherwise.

    Attributes:
        wire: in place of all else, given the request's headers: what is written to the connection as it is, bytes and
            seconds to wait, before it is closed.
    """

    text: str = "yes"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    finish_reason: str = "stop"
    message: Mapping[str, Any] | None = None
    choices: Sequence[str] = ()
    logprobs: Sequence[tuple[str, float]] | None = None
    model: str | None = None
    delay_s: float = 0.0
    cut: bool = False
    disconnect: bool = False
    wire: Callable[[Mapping[str, str]], Iterable[bytes | float]] | None = None

    def payload(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.status >= 400:
            return json.dumps({"error": {"message": self.text, "code": None}}).encode()
        message = self.message if self.message is not None else {"role": "assistant", "content": self.text}
        messages = [{"role": "assistant", "content": text} for text in self.choices] or [message]
        choices: list[dict[str, Any]] = [
            {"index": index, "message": message, "finish_reason": self.finish_reason}
            for index, message in enumerate(messages)
        ]
        if self.logprobs is not None:
            tokens = [
                {"token": text, "logprob": logprob, "bytes": list(text.encode())} for text, logprob in self.logprobs
            ]
            for choice in choices:
                choice["logprobs"] = {"content": tokens}
        return json.dumps(
            {
                "choices": choices,
                "usage": {"prompt_tokens": 7, "completion_tokens": 3},
                **({} if self.model is None else {"model": self.model}),
            }
        ).encode()


Plan = Callable[[str, int], Answer]
"""From a prompt's text and how often it was sent before to the reply."""


class HostileServer:
    """A server whose chat completions follow a plan; remembers what it was sent.

    Attributes:
        bodies: JSON bodies of chat completions, in order of arrival.
        keys: their Authorization headers.
        headers: all headers of every request, with its method and path as `:path`.
        most_at_once: chat completions that were under way at the same time, at most.
    """

    def __init__(self, plan: Plan, *, models: Answer | None = None, prefix: str = "/v1") -> None:
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.keys: list[str | None] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self._at_once = 0
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        listing = models or Answer(body=json.dumps({"data": [{"id": "m", "owned_by": "someone"}]}).encode())
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # A body that follows its head would wait 40 ms for the client's word.

            def log_message(self, *arguments: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._note()
                self._send(
                    listing
                    if self.path.split("?")[0] == f"{prefix}/models"
                    else Answer(status=404, text="nothing here")
                )

            def do_POST(self) -> None:
                self._note()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.split("?")[0] != f"{prefix}/chat/completions":
                    self._send(Answer(status=404, text="nothing here"))
                    return
                prompt = body["messages"][-1]["content"][-1]["text"]
                with server._lock:
                    server.bodies.append(body)
                    server.times.append(time.monotonic())
                    server.keys.append(self.headers.get("Authorization"))
                    before = server._counts[prompt]
                    server._counts[prompt] += 1
                    server._at_once += 1
                    server.most_at_once = max(server.most_at_once, server._at_once)
                try:
                    self._send(plan(prompt, before))
                finally:
                    with server._lock:
                        server._at_once -= 1

            def _note(self) -> None:
                with server._lock:
                    server.headers.append({**self.headers, ":path": f"{self.command} {self.path}"})

            def _send(self, answer: Answer) -> None:
                server._closing.wait(answer.delay_s)
                if answer.disconnect or server._closing.is_set():
                    self.close_connection = True
                    return
                if answer.wire is not None:
                    self.close_connection = True
                    with suppress(OSError):  # The client has given up.
                        for part in answer.wire(self.headers):
                            if server._closing.is_set():
                                return
                            if isinstance(part, float):
                                server._closing.wait(part)
                            else:
                                self.wfile.write(part)
                    return
                payload = answer.payload()
                try:
                    self.send_response(answer.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(payload)))
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(payload[: len(payload) // 2] if answer.cut else payload)
                except OSError:  # The client has given up.
                    self.close_connection = True
                if answer.cut:
                    self.close_connection = True

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # The client has given up.

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.base_url = f"{self.origin}{prefix}"

    def stop(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> HostileServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
