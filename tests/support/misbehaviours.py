"""What servers do that a client must survive: a table of replies, each with what should come of it.

Every entry is a reply to a chat completion. Whatever it is, nothing may hang, grow without bound, leak the key, be read
as what it is not, or leave a record behind that cannot be read again.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from typing import Any, Final, Literal
from urllib.parse import quote

from hostile_server import Answer

KEY: Final = "sk-proj-4f9A/7+c2Qz8vT1"
"""The key that servers give back in every way; with characters that URLs and patterns write otherwise."""

Outcome = Literal["read", "failed", "ended", "any"]
"""`read`: the sample has its response; `failed`: it has an error; `ended`: the run ends with exit code 2, and can go on
later; `any`: whichever, as long as nothing else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """One thing that a server does.

    Attributes:
        name: what it is, in a few words.
        answer: the reply to a chat completion.
        outcome: what comes of it when the server always does that.
        text: the response, where it is read.
    """

    name: str
    answer: Answer
    outcome: Outcome
    text: str | None = None


OK_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PAYLOAD: Final = Answer().payload()


def completion(**changes: Any) -> dict[str, Any]:
    """A sound chat completion with other members."""
    return {**json.loads(PAYLOAD), **changes}


def choice(**changes: Any) -> dict[str, Any]:
    """A chat completion whose only choice has other members."""
    return completion(choices=[{**json.loads(PAYLOAD)["choices"][0], **changes}])


def tokens(*logprobs: Any, token: Any = "yes", data: Any = None) -> dict[str, Any]:
    """A chat completion of one token a log-probability."""
    return choice(logprobs={"content": [{"token": token, "logprob": value, "bytes": data} for value in logprobs]})


def _wire(*parts: bytes | float) -> Answer:
    return Answer(wire=lambda headers: parts)


def _endless(first: bytes, part: bytes, wait_s: float = 0.0) -> Answer:
    def parts(headers: Mapping[str, str]) -> Iterator[bytes | float]:
        yield first
        while True:
            yield part
            if wait_s:
                yield wait_s

    return Answer(wire=parts)


def _echo(form: Callable[[str], bytes]) -> Answer:
    """Gives the key that it was sent back, in some form."""

    def parts(headers: Mapping[str, str]) -> Iterable[bytes]:
        return (form(headers.get("Authorization", "").removeprefix("Bearer ")),)

    return Answer(wire=parts)


def _sized(body: bytes, *headers: bytes, head: bytes = OK_HEAD) -> bytes:
    return head + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _said(text: str) -> bytes:
    return _sized(json.dumps(choice(message={"content": text})).encode())


def _refusal(text: str, status: bytes = b"400 Bad Request") -> bytes:
    body = json.dumps({"error": {"message": text}}).encode()
    return _sized(body, head=b"HTTP/1.1 " + status + b"\r\n")


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return (
        OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + end
    )


def _body(data: Any) -> Answer:
    return Answer(body=data if isinstance(data, bytes) else json.dumps(data).encode())


def _table() -> Iterator[tuple[str, Answer, Outcome] | tuple[str, Answer, Outcome, str]]:
    # The connection.
    yield "closes the connection", Answer(disconnect=True), "failed"
    yield "sends no HTTP", _wire(b"\x00\x16\x03\x01 what?\r\n\r\n"), "failed"
    yield "sends a status that is none", _wire(b"HTTP/1.1 fine\r\n\r\n"), "failed"
    yield "sends half a head", _wire(OK_HEAD), "failed"
    yield "sends half a body", Answer(cut=True), "failed"
    yield "sends more than it said", _wire(OK_HEAD + b"Content-Length: 3\r\n\r\n" + PAYLOAD), "failed"
    yield "sends a length that is none", _wire(OK_HEAD + b"Content-Length: ten\r\n\r\n" + PAYLOAD), "failed"
    yield "sends a negative length", _wire(OK_HEAD + b"Content-Length: -1\r\n\r\n" + PAYLOAD), "failed"
    yield "sends two lengths", _wire(_sized(PAYLOAD, b"Content-Length: 7")), "failed"
    yield "sends no length", _wire(OK_HEAD + b"\r\n" + PAYLOAD), "read", "yes"
    yield "speaks HTTP/1.0", _wire(b"HTTP/1.0 200 OK\r\n\r\n" + PAYLOAD), "read", "yes"
    yield "sends single bytes as chunks", _wire(_chunked(*(b"%c" % byte for byte in PAYLOAD))), "read", "yes"
    yield "sends chunks of no size", _wire(_chunked(PAYLOAD, end=b"zz\r\n\r\n")), "failed"
    yield "sends a chunk of a huge size", _wire(_chunked(end=b"f" * 40 + b"\r\n")), "failed"
    yield "sends half of its chunks", _wire(_chunked(PAYLOAD[:20], end=b"")), "failed"
    yield "never answers", Answer(delay_s=3600.0), "failed"
    yield "drips its body", _endless(OK_HEAD + b"Content-Length: 100000\r\n\r\n", b" ", 0.05), "failed"
    yield "drips its head", _endless(OK_HEAD, b"X-A: b\r\n", 0.05), "failed"
    yield "never ends its body", _endless(OK_HEAD + b"\r\n", b" " * 65536), "failed"
    yield (
        "never ends its chunks",
        _endless(OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\n     \r\n" * 9999),
        "failed",
    )
    yield "never stops to say continue", _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99, 0.01), "failed"
    yield "sends headers of 1 MB", _wire(_sized(PAYLOAD, b"X-A: " + b"a" * 2**20)), "failed"
    yield "sends 10,000 headers", _wire(_sized(PAYLOAD, *[b"X-A: b"] * 10_000)), "any"
    yield "sets cookies", Answer(headers={"Set-Cookie": "id=1; Path=/"}), "read", "yes"
    # Compression.
    yield "compresses", _body_of("gzip", gzip.compress(PAYLOAD)), "read", "yes"
    yield "sends a gzip bomb", Answer(wire=lambda headers: (_encoded("gzip", _bomb()),)), "failed"
    yield (
        "sends a bomb of a bomb",
        Answer(wire=lambda headers: (_encoded("gzip, gzip", gzip.compress(_bomb())),)),
        "failed",
    )
    yield "says gzip of what is none", _body_of("gzip", PAYLOAD), "failed"
    yield "compresses in an unknown way", _body_of("x-evil", PAYLOAD), "failed"
    yield "sends a zstandard bomb", _body_of("zstd", b"\x28\xb5\x2f\xfd"), "failed"
    # The status.
    for status in (201, 206):
        yield f"status {status} with a completion", Answer(status=status), "read", "yes"
    for status in (202, 204, 205):
        yield f"status {status} without a body", Answer(status=status, body=b""), "failed"
    for status in (300, 301, 302, 303, 304, 307, 308):
        elsewhere = {"Location": "http://169.254.169.254/latest/meta-data"}
        yield f"redirects with {status}", Answer(status=status, headers=elsewhere, body=b""), "ended"
    for status in (400, 406, 410, 411, 413, 415, 418, 422, 431, 451, 499):
        yield f"status {status}", Answer(status=status, text="no"), "failed"
    for status in (401, 402, 403, 404, 405, 407):
        yield f"status {status}", Answer(status=status, text="no"), "ended"
    for status in (408, 409, 425, 429, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 529, 599):
        yield f"status {status}", Answer(status=status, text="later"), "failed"
    yield "a status of four digits", _wire(b"HTTP/1.1 2000 OK\r\n\r\n" + PAYLOAD), "failed"
    yield "an error that is a page", Answer(status=502, body=b"<html>" + b"<br>" * 99_999), "failed"
    yield "an error of a huge message", Answer(status=400, text="a" * 10_000_000), "failed"
    yield "an error that is a tree", Answer(status=400, body=b'{"error":' * 9_999 + b"1" + b"}" * 9_999), "failed"
    yield "an error that is a number", Answer(status=400, body=b'{"error": 7}'), "failed"
    yield "an error with an object for a message", Answer(status=400, body=b'{"error":{"message":{"a":[1]}}}'), "failed"
    quota = b'{"error":{"message":"pay","code":"insufficient_quota"}}'
    yield "a quota that is used up", Answer(status=429, body=quota), "ended"
    # How long to wait.
    for wait in ("7200", "1e400", "99999999999999999999", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 -2300"):
        yield f"Retry-After {wait[:24]}", Answer(status=429, headers={"Retry-After": wait}), "ended"
    for wait in ("0.01", "-5", "nan", "soon", "\xb2", "Thu, 01 Jan 1970 00:00:00 GMT", "0ms", ""):
        yield f"Retry-After {wait!r}", Answer(status=429, headers={"Retry-After": wait}), "failed"
    for wait in ("\xb2", "-1", "1" * 9, "."):
        outcome: Outcome = "ended" if wait.isdecimal() else "failed"
        yield f"retry-after-ms {wait!r}", Answer(status=503, headers={"retry-after-ms": wait}), outcome
    limits = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "\xb2"}
    yield "a rate limit that is no time", Answer(headers=limits), "read", "yes"
    # Bodies that are no completion.
    for name, body in {
        "a page": b"<html><body>Sign in</body></html>",
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "a number": b"7",
        "text": b'"yes"',
        "an empty object": b"{}",
        "no choice": b'{"choices":[]}',
        "an object of choices": b'{"choices":{"0":{"message":{"content":"yes"}}}}',
        "choices that are text": b'{"choices":"yes"}',
        "null as its choice": b'{"choices":[null]}',
        "a choice without a message": b'{"choices":[{}]}',
        "null as its message": b'{"choices":[{"message":null}]}',
        "a list as its message": b'{"choices":[{"message":["yes"]}]}',
        "half of its JSON": PAYLOAD[:-9],
        "two completions": PAYLOAD + PAYLOAD,
        "bytes that are no text": PAYLOAD.replace(b"yes", b"\xff\xfe"),
        "a stream of events": b"data: " + PAYLOAD + b"\n\ndata: [DONE]\n\n",
        "lists nested 10,000 deep": b"[" * 10_000 + b"]" * 10_000,
        "objects nested 100,000 deep": b'{"choices":' * 100_000,
        "a completion beside lists nested 10,000 deep": PAYLOAD[:-1] + b',"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        "a number of 5,000 digits": PAYLOAD.replace(b": 7", b": " + b"7" * 5_000),
    }.items():
        yield f"sends {name}", _body(body), "failed"
    yield "sends 300 MB of text", _large(b'{"choices":[{"message":{"content":"', b"a" * 2**20, 300, b'"}}]}'), "failed"
    yield "sends its JSON in UTF-16", _body(PAYLOAD.decode().encode("utf-16")), "any"
    yield "sends its JSON behind a byte order mark", _body(b"\xef\xbb\xbf" + PAYLOAD), "any"
    # Text that is none, and text that is hard to keep.
    for value in (7, 1.5, True, {"a": 1}, [7], [{"text": 7}], ["yes", 1]):
        yield f"gives {value!r} as text", _body(choice(message={"content": value})), "failed"
    yield "gives half a character", _body(choice(message={"content": "yes \ud83d"})), "read", "yes \ufffd"
    yield "gives NUL", _body(choice(message={"content": "yes\x00"})), "read", "yes\ufffd"
    yield "gives escape sequences", _body(choice(message={"content": "\x1b[2Jyes"})), "read", "\x1b[2Jyes"
    page = "yes</script><script>alert(1)</script>"
    yield "gives a script", _body(choice(message={"content": page})), "read", page
    yield "gives thinking that is no text", _body(choice(message={"content": "yes", "reasoning": [1]})), "read", "yes"
    for name, value in {"a number": 7, "an object": {"a": 1}, "a huge text": "x" * 10_000_000}.items():
        yield f"gives {name} as the reason", _body(choice(finish_reason=value)), "failed"
    # Numbers that are none. JSON as Python reads it has NaN and infinities.
    for name, raw in {
        "text": '"seven"', "a negative number": "-7", "a fraction": "7.5", "true": "true", "a list": "[7]",
        "a number of 4,000 digits": "7" * 4_000, "1e400": "1e400", "NaN": "NaN", "an object": "{}",
    }.items():  # fmt: skip
        yield f"counts {name} tokens", _body(PAYLOAD.replace(b": 7", b": " + raw.encode())), "read", "yes"
    yield "counts in a list", _body(completion(usage=[7])), "read", "yes"
    yield "counts in words", _body(completion(usage="seven")), "read", "yes"
    for name, raw in {
        "NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "1e400": "1e400", "-1e400": "-1e400",
        "a positive number": "2.5", "text": '"-0.1"', "true": "true", "null": "null",
        "-4,000 digits": "-" + "7" * 4_000,
    }.items():  # fmt: skip
        body = json.dumps(tokens("#")).replace('"#"', raw).encode()
        yield f"gives {name} as a log-probability", _body(body), "read", "yes"
    for name, value in {"a number": 7, "a list": [7], "null": None}.items():
        yield f"gives {name} as a token", _body(tokens(-0.1, token=value)), "read", "yes"
    for name, value in {"300": [300], "-1": [-1], "text": ["a"], "a number": 10**10, "fractions": [1.5]}.items():
        yield f"gives {name} as a token's bytes", _body(tokens(-0.1, data=value)), "read", "yes"
    for name, value in {"text": "no", "a list": [1], "an object of nothing": {}, "null": {"content": None}}.items():
        yield f"gives {name} as log-probabilities", _body(choice(logprobs=value)), "read", "yes"
    for value in ("first", -1, 10**30, None, [0], 1.5):
        yield f"counts its choice as {str(value)[:9]}", _body(choice(index=value)), "read", "yes"
    yield "gives 10,000 choices", _body(completion(choices=completion()["choices"] * 10_000)), "read", "yes"
    # The key.
    forms: dict[str, Callable[[str], str]] = {
        "as it is": lambda key: key,
        "in spaces": " ".join,
        "in lines": "\n".join,
        "in zero-width spaces": "\u200b".join,
        "in two lines": lambda key: f"{key[:9]}\r\n{key[9:]}",
        "in a URL": lambda key: quote(key, safe=""),
        "in base64": lambda key: base64.b64encode(key.encode()).decode(),
        "in base64 of a header": lambda key: base64.b64encode(f"Authorization: Bearer {key}".encode()).decode(),
        "in hexadecimal": lambda key: key.encode().hex(),
        "in capitals": str.upper,
    }
    for name, form in forms.items():
        yield f"echoes the key {name}", _echo(lambda key, form=form: _said(f"no: {form(key)}!")), "read"  # type: ignore[misc]
        yield f"refuses with the key {name}", _echo(lambda key, form=form: _refusal(f"no: {form(key)}!")), "failed"  # type: ignore[misc]
    yield "refuses with the key where it is cut", _echo(lambda key: _refusal("a" * 290 + key)), "failed"
    yield "refuses with the key in its error's code", _echo(
        lambda key: _sized(json.dumps({"error": {"code": key}}).encode(), head=b"HTTP/1.1 400 No\r\n")
    ), "failed"  # fmt: skip
    yield (
        "ends with the key",
        _echo(lambda key: _sized(json.dumps(choice(finish_reason=f"by {key}")).encode())),
        "failed",
    )
    yield "ends with the key where it is cut", _echo(
        lambda key: _sized(json.dumps(choice(finish_reason="a" * 90 + key)).encode())
    ), "failed"  # fmt: skip
    yield "thinks of the key", _echo(
        lambda key: _sized(json.dumps(choice(message={"content": "yes", "reasoning": key})).encode())
    ), "read"  # fmt: skip
    yield "gives the key as its status", _echo(lambda key: b"HTTP/1.1 400 " + key.encode() + b"\r\n\r\n"), "failed"
    yield "gives the key for HTTP", _echo(lambda key: key.encode() + b"\r\n\r\n"), "failed"
    yield "redirects to the key", _echo(
        lambda key: _sized(b"", b"Location: /" + key.encode(), head=b"HTTP/1.1 302 " + key.encode() + b"\r\n")
    ), "ended"  # fmt: skip


def _large(begin: bytes, part: bytes, count: int, end: bytes) -> Answer:
    return Answer(wire=lambda headers: chain((OK_HEAD + b"\r\n" + begin,), repeat(part, count), (end,)))


def _body_of(encoding: str, data: bytes) -> Answer:
    return _wire(_encoded(encoding, data))


def _encoded(encoding: str, data: bytes) -> bytes:
    return _sized(data, b"Content-Encoding: " + encoding.encode())


@cache
def _bomb() -> bytes:
    coder, part = zlib.compressobj(1, wbits=31), b" " * 2**20
    return b"".join(coder.compress(part) for _ in range(500)) + coder.flush()


def leaks(text: str) -> list[str]:
    """In which of its forms the key is in a text."""
    folded = re.sub(r"\\[nrt]|\\u[0-9a-f]{4}|[\W_]", "", text).lower()
    forms = {
        "as it is": (KEY, text),
        "in other letters, or parted": (re.sub(r"[\W_]", "", KEY).lower(), folded),
        "in a URL": (quote(KEY, safe=""), text),
        "in hexadecimal": (KEY.encode().hex(), text),
        "its beginning": (KEY[:12], text),
    }
    for shift in range(3):  # Where it begins within three bytes; what its neighbours decide is left out.
        inner = base64.b64encode(b"\0" * shift + KEY.encode()).decode()[4:-4]
        forms[f"in base64 behind {shift} bytes"] = (inner, text)
    return [name for name, (form, within) in forms.items() if form in within]


MISBEHAVIOURS: Final = tuple(
    Misbehaviour(name=name, answer=answer, outcome=outcome, text=text[0] if text else None)
    for name, answer, outcome, *text in _table()
)
