"""What a text tells of this machine, taken out before the text leaves it: keys, passwords and folders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.core.secrets import hide_credentials, keep_secret, redact

_TOKEN: Final = re.compile(r"\b(?:hf_[A-Za-z0-9]{20,}|sk-[\w-]{20,}|gh[pousr]_[A-Za-z0-9]{30,})")
_SECRET: Final = re.compile(r"(?i)key|token|secret|password")
"""In the name of a variable that holds one."""
_FOLDERS: Final = re.compile(r"(?:(?<=file://)|(?<![\w./<…-]))(?:~|[A-Za-z]:)?[\\/](?:[^\s/\\'\"()<>:,;]+[\\/])+")
_PATH: Final = re.compile(r"(?:[a-z]+:)?((?:~|[A-Za-z]:)?[\\/](?![\\/])[^\n]*[\\/])[^\n\\/]*")

Hide = Callable[[str], str]


def hiding(folder: Path) -> Hide:
    """What takes the places and secrets of this machine out of a text; folders of a model's own response stay."""
    from huggingface_hub import get_token

    for name, value in (*os.environ.items(), ("token", get_token() or "")):
        if _SECRET.search(name):
            keep_secret(value)
    places = {str(path) for path in (Path.home(), Path.cwd(), folder.resolve().parent) if len(path.parts) > 1}
    longest = "|".join(re.escape(place) for place in sorted(places, key=len, reverse=True))
    here = re.compile(rf"(?<![\w.])(?:{longest})(?![\w-])")

    def hide(text: str) -> str:
        text = _TOKEN.sub("***", redact(text))
        return here.sub("…", text) if places else text

    return hide


def folders_in(text: str) -> set[str]:
    """The folders that a text names, each with the separator at its end; of a text that is one path, spaces and all."""
    path = _PATH.fullmatch(text)
    return {*_FOLDERS.findall(text), *([path[1]] if path else [])}


def without_folders(text: str, hide: Hide) -> str:
    """The same of a text that names files: of each path the name."""
    return hide(_FOLDERS.sub("…/", hide_credentials(text)))
