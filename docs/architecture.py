"""The picture of the house in architecture.md, drawn from the imports.

    python docs/architecture.py            draw it into the page
    python docs/architecture.py --check    fail where the page shows another house than the imports

A node is a room of the import contract in pyproject.toml, with the first words of its docstring. An arrow goes to a
room that it uses: it imports a module of it, wherever in the code, or names one in a table ("module:function").
Arrows that follow from others are left out: A uses C is not drawn where A uses B and B uses C.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_suffix(".md")
PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)
PACKAGES = ("harness", "trainers", "leaderboards")


def rooms() -> list[str]:
    """The rooms of the contract, top floor first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return [
        room.strip()
        for contract in contracts
        if contract["type"] == "layers"
        for floor in contract["layers"]
        for room in floor.split("|")
    ]


def uses(of: list[str]) -> dict[str, set[str]]:
    """The other rooms that each room uses."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found: dict[str, set[str]] = {room: set() for room in of}
    for module in graph.modules:
        room = _room(module, of)
        if room is None:  # The package itself, which holds the version.
            continue
        texts = (node.value for node in ast.walk(_parse(module)) if isinstance(node, ast.Constant))
        named = {text.partition(":")[0] for text in texts if isinstance(text, str)} & graph.modules
        used = {_room(name, of) for name in graph.find_modules_directly_imported_by(module) | named}
        found[room] |= {other for other in used if other not in (None, room)}
    return found


def _room(module: str, of: list[str]) -> str | None:
    return next((room for room in of if f"{module}.".startswith(f"{room}.")), None)


@cache
def _parse(module: str) -> ast.Module:
    path = (ROOT / module.replace(".", "/")).with_suffix(".py")
    return ast.parse((path if path.exists() else path.with_suffix("") / "__init__.py").read_text(encoding="utf-8"))


def draw() -> str:
    """The picture in Mermaid, which GitHub draws in the colours of the reader's theme."""
    of = rooms()
    direct = uses(of)

    @cache
    def reached(room: str) -> frozenset[str]:
        return frozenset(direct[room]).union(*(reached(other) for other in direct[room]))

    lines = ["flowchart TB"]
    for room in of:
        words = re.split(r"[.:;]", ast.get_docstring(_parse(room)) or "", maxsplit=1)[0]
        lines.append(f'    {_node(room)}["{_name(room)}<br>{words[:1].lower()}{words[1:]}"]')
    for room in of:
        for other in of:
            if other in direct[room] and not any(other in reached(between) for between in direct[room]):
                lines.append(f"    {_node(room)} --> {_node(other)}")
    return "\n".join(lines) + "\n"


def _node(room: str) -> str:
    return room.replace(".", "_")


def _name(room: str) -> str:
    return room.replace(".", "/") + ("/" if (ROOT / room.replace(".", "/")).is_dir() else ".py")


def main() -> None:
    """Draw, or check."""
    page = PAGE.read_text(encoding="utf-8")
    drawn = PICTURE.sub(lambda _: draw(), page)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(drawn, encoding="utf-8")
    elif drawn != page:
        sys.exit(f"{PAGE.relative_to(ROOT)} shows another house than the imports: run 'python docs/architecture.py'.")


if __name__ == "__main__":
    main()
