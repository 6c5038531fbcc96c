"""What the site does to the pages.

A site has the pages of docs/ alone: links to files beside it name the file. The demo's board, which is committed, is
served with it.
"""

from __future__ import annotations

import re
from pathlib import Path
from shutil import copytree
from typing import Any, Final

BOARD: Final = "../leaderboards/demo"
_SERVED: Final = "leaderboard"
_OUTSIDE: Final = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]+)[^)]*\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page without links out of the folder of pages, but that to the board."""
    top = "../" * page.url.count("/")

    def inside(link: re.Match[str]) -> str:
        if link[2].rstrip("/") == BOARD:
            return f'<a href="{top}{_SERVED}/index.html">{link[1]}</a>'
        return f"{link[1]} (`{link[2].removeprefix('../')}`)"

    return _OUTSIDE.sub(inside, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Put the board beside the pages."""
    copytree(Path(config.docs_dir) / BOARD, Path(config.site_dir) / _SERVED, dirs_exist_ok=True)
