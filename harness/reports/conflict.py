"""The sample-conflict map of a run as it is shown: in words, as tables, and as what its plot shows."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.core.errors import StoreError
from harness.diagnostics.conflict import DEFINITION, FIGURES, PICTURE, read_conflict
from harness.reports.markdown import escape, table
from harness.reports.text import number, plain_table, with_error

_SHOWN: Final = 5
"""Pairs at either end, in Markdown and on a terminal; the page shows all that are stored."""
_MATRIX_PARTS: Final = 12
"""Parts of the data whose means fit side by side."""
_SHARES: Final = (("below_threshold", "below"), ("opposed", "below 0"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictMap:
    """What is shown of a map; texts are plain and must be escaped.

    Attributes:
        definition: what is compared.
        basis: what the map rests on, in a sentence.
        figures: names and values.
        blocks: means by part of the data as headers and rows; `None` where there is one part.
        pairs: for each end, its title and the pairs: cosine, one sample and the other.
        histogram: counts of equal bins from -1 to 1.
        picture: of the whole map, as a data URI; `None` where there is none.
    """

    definition: str
    basis: str
    figures: Sequence[tuple[str, str]]
    blocks: tuple[Sequence[str], Sequence[Sequence[str]]] | None
    pairs: Sequence[tuple[str, Sequence[tuple[str, str, str]]]]
    histogram: Sequence[int]
    picture: str | None


def read_map(folder: Path) -> ConflictMap | None:
    """What is shown of a run's map; `None` where none was made.

    Raises:
        StoreError: `conflict.json` cannot be read, or lacks something.
    """
    figures = read_conflict(folder)
    if figures is None:
        return None
    try:
        return word_map(figures, folder / PICTURE)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise StoreError(
            f"{folder / FIGURES} is not a map of sample conflict: {error!r}. "
            f"Make it again with 'harness diagnose {folder} --conflict', or delete it."
        ) from error


def word_map(figures: Mapping[str, Any], picture: Path | None = None) -> ConflictMap:
    """What is shown of the figures of a map.

    Args:
        figures: as they are stored.
        picture: file of the map's picture; not shown where there is none.
    """
    if not figures["histogram"]:
        raise ValueError("its histogram has no bins")
    image = base64.b64encode(picture.read_bytes()).decode() if picture is not None and picture.exists() else None
    return ConflictMap(
        definition=DEFINITION,
        basis=_basis(figures),
        figures=_figures(figures),
        blocks=_blocks(figures),
        pairs=[
            (title, [_pair(pair) for pair in figures[key]])
            for title, key in (("most conflicting pairs", "conflicting"), ("most alike", "alike"))
        ],
        histogram=[int(count) for count in figures["histogram"]],
        picture=None if image is None else f"data:image/png;base64,{image}",
    )


def conflict_lines(folder: Path) -> Iterator[str]:
    """The map as a section of `report.md`; nothing where none was made.

    Raises:
        StoreError: see `read_map`.
    """
    found = read_map(folder)
    if found is None:
        return
    yield from ("### Sample conflict", "", f"{found.definition} {escape(found.basis)}", "")
    yield from (table(["similarity", "value"], found.figures), "")
    if found.blocks is not None:
        headers, rows = found.blocks
        yield from (table(headers, [[escape(name), *means] for name, *means in rows]), "")
    for title, pairs in found.pairs:
        shown = [[cosine, escape(one), escape(other)] for cosine, one, other in pairs[:_SHOWN]]
        yield from (table(["cosine", title, "and"], shown, align=["right", "left", "left"]), "")
    if found.picture is not None:
        yield from (f"![similarity of all samples]({PICTURE})", "")


def conflict_summary(folder: Path) -> Iterator[str]:
    """The map for a terminal; nothing where none was made.

    Raises:
        StoreError: see `read_map`.
    """
    found = read_map(folder)
    if found is None:
        return
    yield from ("", f"sample conflict: {found.basis}", "")
    yield plain_table(["similarity", "value"], found.figures)
    pairs = [[title, *pair] for title, pairs in found.pairs for pair in pairs[:_SHOWN]]
    yield from ("", plain_table(["pairs", "cosine", "of", "and"], pairs, align=["left", "right", "left", "left"]))


def _basis(figures: Mapping[str, Any]) -> str:
    drawn = f", drawn with seed {figures['seed']}" if figures["compared"] + figures["unopened"] < figures["of"] else ""
    unopened = f"; the media of {figures['unopened']} could not be opened" if figures["unopened"] else ""
    return (
        f"{figures['compared']} of {figures['of']} responses{drawn}, {figures['pairs']} pairs of different prompts, "
        f"under {figures['model']}{unopened}."
    )


def _figures(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [("mean ± s.e.", _with_error(figures["mean"], 1.0, 3))]
    quantiles = {"least": figures["least"], **figures["quantiles"], "greatest": figures["greatest"]}
    rows += [(name, _cosine(value)) for name, value in quantiles.items()]
    for key, label in _SHARES:
        name = f"% of pairs {label}" + (f" {figures['threshold']}" if key == "below_threshold" else "")
        rows.append((f"{name} ± s.e.", _with_error(figures[key], 100.0, 1)))
    return rows


def _blocks(figures: Mapping[str, Any]) -> tuple[list[str], list[list[str]]] | None:
    """A matrix with numbered columns, or where the parts are many only its diagonal."""
    means = {(block["one"], block["other"]): _cosine(block["mean"]) for block in figures["blocks"]}
    parts = list(dict.fromkeys(one for one, _ in means))
    if len(parts) < 2:
        return None
    if len(parts) > _MATRIX_PARTS:
        return ["mean within", "similarity"], [[part, means[part, part]] for part in parts]
    headers = ["mean similarity", *(str(place) for place in range(1, len(parts) + 1))]
    return headers, [
        [f"{place} {part}", *(means.get((part, other)) or means[other, part] for other in parts)]
        for place, part in enumerate(parts, start=1)
    ]


def _pair(pair: Mapping[str, Any]) -> tuple[str, str, str]:
    one, other = (f"{sample['task']}/{sample['id']}" for sample in (pair["one"], pair["other"]))
    return _cosine(pair["cosine"]), one, other


def _cosine(value: float | None) -> str:
    return number(value, 1.0, 3)


def _with_error(figure: Mapping[str, Any], scale: float, digits: int) -> str:
    return with_error(figure["value"], figure["stderr"], scale, digits)
