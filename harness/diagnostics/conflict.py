"""The sample-conflict map of a run as the diagnostics show it; it is computed elsewhere and stored with the run.

`conflict.json` holds the figures, `conflict.png` a picture of the map, `conflict.npy` the map itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from harness.core.errors import StoreError
from harness.reports.markdown import escape as escape_markdown
from harness.reports.markdown import table

FIGURES: Final = "conflict.json"
MAP: Final = "conflict.npy"
PICTURE: Final = "conflict.png"
SCHEMA_VERSION: Final = 1
CONFLICT_SAMPLES: Final = 512
"""Responses that are compared by default: 131,000 pairs, so that a share of 1 % of them still is a thousand pairs."""
DEFINITION: Final = (
    "Cosine of the gradients of two responses' mean log-probability with respect to the LM head (last-layer neural "
    "tangent kernel), teacher-forced on the stored responses, over pairs of different prompts. Below 0, a step that "
    "makes one likelier makes the other less likely; near 1, one teaches what the other does."
)
_SHOWN: Final = 5
_MATRIX_PARTS: Final = 12
_SHARES: Final = (("below_threshold", "below"), ("opposed", "below 0"))


def read_conflict(folder: Path) -> dict[str, Any] | None:
    """The figures of a run's map; `None` where none was made.

    Raises:
        StoreError: the file is not one.
    """
    path = folder / FIGURES
    if not path.exists():
        return None
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} cannot be read: {error}. Make it again with 'harness diagnose {folder} --conflict', or delete it."
        ) from error
    if not isinstance(figures, dict) or figures.get("schema_version") != SCHEMA_VERSION:
        raise StoreError(f"{path} is of another schema. Make it again with 'harness diagnose {folder} --conflict'.")
    try:
        _show_all(figures)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise StoreError(
            f"{path} is not a map of sample conflict: {error!r}. "
            f"Make it again with 'harness diagnose {folder} --conflict', or delete it."
        ) from error
    return figures


def _show_all(figures: Mapping[str, Any]) -> None:
    """Word everything that is shown of a map, so that what it lacks comes to light where its file is known."""
    basis(figures)
    figure_rows(figures)
    block_table(figures)
    _histogram(figures)
    for key in ("conflicting", "alike"):
        for pair in figures[key]:
            _number(pair["cosine"]), _link(pair["one"]), _link(pair["other"])


def basis(figures: Mapping[str, Any]) -> str:
    """What a map rests on, in a sentence."""
    drawn = f", drawn with seed {figures['seed']}" if figures["compared"] + figures["unopened"] < figures["of"] else ""
    unopened = f"; the media of {figures['unopened']} could not be opened" if figures["unopened"] else ""
    return (
        f"{figures['compared']} of {figures['of']} responses{drawn}, {figures['pairs']} pairs of different prompts, "
        f"under {figures['model']}{unopened}."
    )


def figure_rows(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of the figures of a map."""
    rows = [("mean ± s.e.", _with_error(figures["mean"], 3))]
    quantiles = {"least": figures["least"], **figures["quantiles"], "greatest": figures["greatest"]}
    rows += [(name, _number(value)) for name, value in quantiles.items()]
    for key, label in _SHARES:
        name = f"% of pairs {label}" + (f" {figures['threshold']}" if key == "below_threshold" else "")
        rows.append((f"{name} ± s.e.", _with_error(figures[key], 1, scale=100)))
    return rows


def conflict_lines(folder: Path) -> Iterator[str]:
    """The map as a section of `report.md`; nothing where none was made.

    Raises:
        StoreError: `conflict.json` cannot be read.
    """
    figures = read_conflict(folder)
    if figures is None:
        return
    yield "### Sample conflict"
    yield ""
    yield f"{DEFINITION} {escape_markdown(basis(figures))}"
    yield ""
    yield table(["similarity", "value"], [[name, value] for name, value in figure_rows(figures)])
    yield ""
    blocks = block_table(figures)
    if blocks is not None:
        headers, rows = blocks
        yield table(headers, [[escape_markdown(name), *means] for name, *means in rows])
        yield ""
    for title, key in (("most conflicting pairs", "conflicting"), ("most alike", "alike")):
        rows = [
            [_number(pair["cosine"]), escape_markdown(_sample(pair["one"])), escape_markdown(_sample(pair["other"]))]
            for pair in figures[key][:_SHOWN]
        ]
        yield table(["cosine", title, "and"], rows)
        yield ""
    if (folder / PICTURE).exists():
        yield f"![similarity of all samples]({PICTURE})"
        yield ""


def conflict_summary(folder: Path) -> Iterator[str]:
    """The map for a terminal; nothing where none was made.

    Raises:
        StoreError: `conflict.json` cannot be read.
    """
    from tabulate import tabulate

    figures = read_conflict(folder)
    if figures is None:
        return
    yield ""
    yield f"sample conflict: {basis(figures)}"
    yield ""
    yield tabulate(figure_rows(figures), headers=["similarity", "value"], disable_numparse=True, stralign="right")
    yield ""
    pairs = [
        [title, _number(pair["cosine"]), _sample(pair["one"]), _sample(pair["other"])]
        for title, key in (("most conflicting", "conflicting"), ("most alike", "alike"))
        for pair in figures[key][:_SHOWN]
    ]
    yield tabulate(pairs, headers=["pairs", "cosine", "of", "and"], disable_numparse=True)


def conflict_section(folder: Path) -> str:
    """The map as a part of `report.html`; empty where none was made.

    Raises:
        StoreError: `conflict.json` cannot be read.
    """
    figures = read_conflict(folder)
    if figures is None:
        return ""
    parts = [f"<h2>Sample conflict</h2><p>{escape(DEFINITION)}</p>", f'<p class="dim">{escape(basis(figures))}</p>']
    plots = f"<figure><figcaption>pairs by similarity</figcaption>{_histogram(figures)}</figure>"
    if (folder / PICTURE).exists():
        data = base64.b64encode((folder / PICTURE).read_bytes()).decode()
        plots += (
            "<figure><figcaption>all samples: red alike, blue opposed</figcaption>"
            f'<img alt="similarity of all samples" style="width:100%;max-width:512px;image-rendering:pixelated" '
            f'src="data:image/png;base64,{data}"></figure>'
        )
    parts.append(f'<div class="plots">{plots}</div>')
    parts.append(_html(["similarity", "value"], [[escape(name), value] for name, value in figure_rows(figures)]))
    blocks = block_table(figures)
    if blocks is not None:
        headers, rows = blocks
        parts.append(_html(headers, [[escape(name), *means] for name, *means in rows]))
    for title, key in (("most conflicting pairs", "conflicting"), ("most alike", "alike")):
        rows = [[_number(pair["cosine"]), _link(pair["one"]), _link(pair["other"])] for pair in figures[key]]
        parts.append(_html(["cosine", title, "and"], rows))
    return "".join(parts)


def block_table(figures: Mapping[str, Any]) -> tuple[list[str], list[list[str]]] | None:
    """Means by part as headers and rows: a matrix with numbered columns, or where the parts are many only its diagonal.

    `None` where there is one part.
    """
    means = {(block["one"], block["other"]): _number(block["mean"]) for block in figures["blocks"]}
    parts = list(dict.fromkeys(one for one, _ in means))
    if len(parts) < 2:
        return None
    if len(parts) > _MATRIX_PARTS:
        return ["mean within", "similarity"], [[part, means[part, part]] for part in parts]
    headers = ["mean similarity", *(str(number) for number in range(1, len(parts) + 1))]
    return headers, [
        [f"{number} {part}", *(means.get((part, other)) or means[other, part] for other in parts)]
        for number, part in enumerate(parts, start=1)
    ]


def _histogram(figures: Mapping[str, Any]) -> str:
    counts = figures["histogram"]
    width, height, foot = 600, 180, 22
    step, top = width / len(counts), max([*counts, 1])
    bars = []
    for place, count in enumerate(counts):
        low = -1 + 2 * place / len(counts)
        # The square root keeps the few pairs of the tails in sight.
        tall = height * (count / top) ** 0.5
        bars.append(
            f'<rect x="{place * step + 1:.1f}" y="{height - tall:.1f}" width="{step - 2:.1f}" height="{tall:.1f}" '
            f'class="bar"><title>{low:.2f} to {low + 2 / len(counts):.2f}: {count} pairs</title></rect>'
        )
    ticks = "".join(
        f'<text x="{min(max((value + 1) / 2 * width, 10), width - 10):.0f}" y="{height + 16}" class="tick">{value:g}'
        "</text>"
        for value in (-1, -0.5, 0, 0.5, 1)
    )
    return (
        f'<svg viewBox="0 0 {width} {height + foot}" width="{width}" height="{height + foot}" role="img" '
        f'aria-label="pairs by similarity, square-root scale">{"".join(bars)}{ticks}</svg>'
    )


def _html(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in headers)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _link(sample: Mapping[str, str]) -> str:
    name = _sample(sample)
    return f'<a href="#{escape(quote(name, safe=""), quote=True)}">{escape(name)}</a>'


def _sample(sample: Mapping[str, str]) -> str:
    return f"{sample['task']}/{sample['id']}"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _with_error(figure: Mapping[str, Any], digits: int, *, scale: int = 1) -> str:
    if figure["value"] is None:
        return "–"
    value = _number(scale * figure["value"], digits)
    return value if figure["stderr"] is None else f"{value} ± {_number(scale * figure['stderr'], digits)}"
