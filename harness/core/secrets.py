"""Keys and passwords: known from when they are read, and taken out of every text that someone else had a hand in."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any, Final
from urllib.parse import quote, unquote

_HIDDEN: Final = "***"
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_SEPARATORS: Final = r"[\W_]*"
_SEPARATOR: Final = re.compile(r"[\W_]+")
_LONG: Final = 16
"""Letters and digits from which no text holds a key by chance, whatever it is made of."""
_SHORT: Final = 8
"""The same where there are digits among them."""
_SHORTEST: Final = 6
_USER: Final = re.compile(r"(?<=//)\S*@")
_QUERY: Final = re.compile(r"(?<=[?&])([^\s=&#'\"]*)=[^\s&#'\"]+")

_patterns: dict[str, re.Pattern[str]] = {}
"""By what a text without separators, in small letters, holds where it holds the secret in this form."""
_words: set[str] = set()
"""Secrets that are too short to be looked for in any other form than their own."""


def keep_secret(secret: str) -> None:
    """Have `redact` take a key or password out of every text from now on.

    It is found in other letters and with anything but letters and digits between its own (spaces, line ends, zero-width
    characters), as it stands in a URL, in base64 and in hexadecimal. One of fewer than 8 letters and digits, or of
    letters alone and fewer than 16, is found as it is only; one of fewer than 6 characters, or that is a word
    (`EMPTY`, which servers without keys are given), is not, as it could be part of any text.
    """
    plain = "".join(_SEPARATOR.split(secret))
    if len(plain) >= _LONG or (len(plain) >= _SHORT and not plain.isalpha()):
        for form in (secret, quote(secret, safe=""), secret.encode().hex(), *_base64_forms(secret)):
            parts = "".join(_SEPARATOR.split(form)).lower()
            _patterns.setdefault(parts, re.compile(_SEPARATORS.join(map(re.escape, parts)), re.IGNORECASE))
    elif len(secret) >= _SHORTEST and not secret.isalpha():
        _words.add(secret)


def _base64_forms(secret: str) -> list[str]:
    """What base64 of any text that holds the secret has of it, by where it begins within three bytes."""
    forms = []
    for shift, first in enumerate((0, 2, 3)):
        data = b"\0" * shift + secret.encode()
        coded = b64encode(data).decode().rstrip("=")
        forms.append(coded[first : len(coded) - (1 if len(data) % 3 else 0)])
    return forms


def redact(text: str) -> str:
    """A text with `***` in place of the secrets that are known. Redact before cutting: half a key is one, too."""
    for word in _words:
        text = text.replace(word, _HIDDEN)
    if _patterns:
        plain = _SEPARATOR.sub("", text).lower()
        for parts, pattern in _patterns.items():
            if parts in plain:
                text = pattern.sub(_HIDDEN, text)
    return text


def received_text(text: str) -> str:
    """A text from elsewhere as it may be kept: without secrets, and with U+FFFD for NUL and halves of characters."""
    return redact(_NO_TEXT.sub("\ufffd", text))


def received(value: Any) -> Any:
    """The same for every text in a tree of JSON.

    Raises:
        RecursionError: it is too deep.
    """
    if isinstance(value, str):
        return received_text(value)
    if isinstance(value, list):
        return [received(item) for item in value]
    if isinstance(value, dict):
        return {received_text(key): received(item) for key, item in value.items()}
    return value


def hide_credentials(text: str) -> str:
    """A text with addresses that may be shown: without user, password, and the values of the query."""
    return _QUERY.sub(rf"\1={_HIDDEN}", _USER.sub(f"{_HIDDEN}@", text))


def keep_credentials_secret(user_info: str, query: str) -> None:
    """Have `redact` know what an address holds of secrets.

    Args:
        user_info: what stands before the `@`, quoted as it stands there.
        query: what stands behind the `?`.
    """
    user, _, password = user_info.partition(":")
    values = [part.partition("=")[2] for part in query.split("&")]
    for secret in (password, f"{unquote(user)}:{unquote(password)}" if password else "", *values):
        keep_secret(unquote(secret))
