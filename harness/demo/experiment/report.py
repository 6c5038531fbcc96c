"""The experiment's tables, written between markers of a document, from what is finished.

Imported lazily only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Final

from harness.core.files import write_atomically
from harness.demo.data import Sizes, build_demo_data
from harness.demo.experiment.curves import draw_rows
from harness.demo.experiment.results import SEED_FREE, Comparer, Contrast, Results, adjust, read_results
from harness.demo.experiment.rows import ROWS
from harness.reports.markdown import code, table
from harness.reports.splicing import update_document

TABLES: Final = "tables.md"
HEADLINES: Final = (
    ("mmvu", "all/accuracy", "MMVU"),
    ("videohallucer", "mean/both", "VideoHallucer"),
    ("pope", "mean/accuracy", "POPE"),
    ("mmbench", "all/circular", "MMBench"),
)
"""Task, measure and heading, in the order of the paper's table."""
DETAILS: Final = (
    ("pope", "random/accuracy", "POPE random"),
    ("pope", "popular/accuracy", "popular"),
    ("pope", "adversarial/accuracy", "adversarial"),
    ("videohallucer", "mean/basic", "VideoHallucer basic"),
    ("videohallucer", "mean/hallucinated", "hallucinated"),
    ("mmbench", "all/vanilla", "MMBench vanilla"),
)
SIGNS: Final = (
    ("all/caption_fidelity", "caption fidelity"),
    ("all/chair_s", "captions with an absent object"),
    ("all/object_recall", "objects named"),
    ("all/glances", "yes/no answered at a glance"),
    ("all/think_answer_mismatch", "think against answer"),
    ("all/right_unsupported", "right against the caption"),
    ("all/wrong_perception", "wrong: perception"),
    ("all/wrong_reasoning", "wrong: reasoning"),
)
EXPLORATION: Final = (
    ("distinct_answers", "distinct answers"), ("unanimous", "one reward for all"), ("pass_at_k", "pass@8"),
)  # fmt: skip
BLOCKS: Final = (("name", "one side"), ("withhold", "other side"), ("opposed", "opposed"), ("other_pair", "unrelated"))


def write_report(out: Path, *, document: Path | None) -> str:
    """Write the tables into the experiment's folder and, where one is given, between the markers of a document.

    The document gets a picture of the training curves beside it, of its own name with `.svg`.

    Args:
        out: folder of the experiment.
        document: a file with a line `<!-- experiment:start -->` and one `<!-- experiment:end -->` after it.

    Returns:
        The tables.

    Raises:
        StoreError: nothing is finished, or the held-out questions are others.
        UsageError: the document lacks its markers.
    """
    results = read_results(out / "results")
    with _held_out(out, results) as held_out:
        text = render(results, Comparer(results, held_out))
    write_atomically(out / TABLES, text)
    if document is not None:
        picture = document.with_suffix(".svg")
        shown = f"![Training curves, mean over seeds, smoothed over ten updates]({picture.name})"
        update_document(document, f"{text}\n{shown}", "experiment", "--document")
        write_atomically(picture, draw_rows(results))
    return text


@contextmanager
def _held_out(out: Path, results: Results) -> Iterator[Path]:
    """The held-out questions, which are drawn again where results were kept without them."""
    if (out / "held-out").is_dir():
        yield out / "held-out"
        return
    settings = next(iter(next(iter(results.values())).values()))["settings"]
    seed, *sizes = settings["held_out"]
    with TemporaryDirectory() as scratch:
        build_demo_data(Path(scratch), seed, sizes=Sizes(**dict(zip(Sizes.__slots__, sizes, strict=True))))
        yield Path(scratch)


def render(results: Results, comparer: Comparer) -> str:
    """All tables as Markdown."""
    parts = [_scores(results), _details(results)]
    for against in ("grpo", "sft", SEED_FREE):
        if against in results:
            parts.append(_contrasts(results, comparer, against))
    if "method" in results:
        parts.append(_ablations(results, comparer))
    parts += [_signs(results), _similarity(results), _learning(results), _commands(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _values(results: Results, row: str, task: str, name: str) -> list[float]:
    return [float(result["scores"][task][name]) for result in results[row].values()]


def _percent(values: Sequence[float]) -> str:
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * fmean(values):.1f}{spread}"


def _scores(results: Results) -> str:
    rows = [
        [row, _seeds(results, row), *(_percent(_values(results, row, task, name)) for task, name, _ in HEADLINES)]
        for row in results
    ]
    return "**Scores** on the held-out questions, percent, mean over seeds ± their standard deviation.\n\n" + table(
        ["row", "seeds", *(head for *_, head in HEADLINES)], rows
    )


def _seeds(results: Results, row: str) -> str:
    return "—" if row == SEED_FREE else str(len(results[row]))


def _details(results: Results) -> str:
    rows = [[row, *(_percent(_values(results, row, task, name)) for task, name, _ in DETAILS)] for row in results]
    return "**Parts of the scores.**\n\n" + table(["row", *(head for *_, head in DETAILS)], rows)


def _contrasts(results: Results, comparer: Comparer, against: str) -> str:
    figures = [(task, name) for task, name, _ in HEADLINES]
    chosen = [name for name in results if name != against]
    found = {name: comparer.compare(against, name, figures) for name in chosen}
    return _contrast_table(
        f"**Against `{against}`**: differences in points with 95 % intervals", {k: v for k, v in found.items() if v}
    )


def _ablations(results: Results, comparer: Comparer) -> str:
    figures = [(task, name) for task, name, _ in HEADLINES]
    of_method = [name for name in results if name.startswith(("no_", "hard", "easy", "keep", "infonce", "method_"))]
    found = {name: comparer.compare("method", name, figures) for name in of_method}
    found = {name: contrasts for name, contrasts in found.items() if contrasts}
    if not found:
        return ""
    return _contrast_table("**Ablations against `method`**: differences in points with 95 % intervals", found)


def _contrast_table(title: str, found: Mapping[str, Sequence[Contrast]]) -> str:
    several = [item for contrasts in found.values() for item in contrasts if item.seeds > 1]
    adjusted = {id(item): new for item, new in zip(several, adjust(several), strict=True)}
    rows = [
        [name, str(contrasts[0].seeds), *(_show(adjusted.get(id(item), item)) for item in contrasts)]
        for name, contrasts in found.items()
    ]
    return (
        f"{title}, paired by question and seed; bold where the interval excludes zero, * where Holm's adjustment over "
        "the table still does. Nothing is marked where there is one seed.\n\n"
        + table(["row", "seeds", *(head for *_, head in HEADLINES)], rows)
    )


def _show(item: Contrast) -> str:
    text = f"{100 * item.difference:+.1f} [{100 * item.low:+.1f}, {100 * item.high:+.1f}]"
    if item.seeds == 1:
        return text
    text = f"**{text}**" if item.low > 0 or item.high < 0 else text
    return text + ("*" if item.p_holm < 0.05 else "")


def _mean(results: Results, row: str, part: str, name: str) -> str:
    values = [float(of[part][name]) for of in results[row].values() if of.get(part, {}).get(name) is not None]
    return f"{fmean(values):.3f}" if values else "—"


def _signs(results: Results) -> str:
    stored = [of.get("diagnostic_titles", {}) for seeds in results.values() for of in seeds.values()]
    signs = {name: title for titles in stored for name, title in titles.items() if name.startswith("all/")}
    signs = {**dict(SIGNS), **{name: title for name, title in signs.items() if name not in dict(SIGNS)}}
    heads = ["row", *signs.values(), *(head for _, head in EXPLORATION)]
    rows = [
        [
            row,
            *(_mean(results, row, "diagnostics", name) for name in signs),
            *(_mean(results, row, "exploration", name) for name, _ in EXPLORATION),
        ]
        for row in results
    ]
    return (
        "**Diagnostics** over all held-out questions, and exploration over eight samples at temperature 1, mean over "
        "seeds.\n\n" + table(heads, rows)
    )


def _similarity(results: Results) -> str:
    def cell(row: str, estimator: str, name: str) -> str:
        values = [of["similarity"][estimator].get(name) for of in results[row].values()]
        return f"{fmean(values):.2f}" if None not in values else "—"

    heads = ["row", *(f"kernel: {head}" for _, head in BLOCKS), "above 0.54", *(f"proxy: {head}" for _, head in BLOCKS)]
    rows = [
        [
            row,
            *(cell(row, "exact", name) for name, _ in BLOCKS),
            cell(row, "exact", "above_0.54"),
            *(cell(row, "hidden", name) for name, _ in BLOCKS),
        ]
        for row in results
    ]
    return (
        "**Similarity of samples** whose conflict is known by construction, before (`base`) and after training: mean "
        "cosine on each side of a conflict, between its sides, and between conflicts about other objects.\n\n"
        + table(heads, rows)
    )


def _learning(results: Results) -> str:
    def cell(row: str, name: str, part: slice) -> str:
        curves: list[Sequence[float]] = [of["log"][name] for of in results[row].values() if name in of["log"]]
        return f"{fmean(fmean(curve[part]) for curve in curves):.2f}" if curves else "—"

    names = ("accuracy", "caption", "constant_groups")
    trained = [row for row in results if any("accuracy" in of["log"] for of in results[row].values())]
    rows = [
        [row, *(f"{cell(row, name, slice(0, 20))} → {cell(row, name, slice(-20, None))}" for name in names)]
        for row in trained
    ]
    if not rows:
        return ""
    return "**Learning**: means over the first and the last 20 updates, on the questions trained on.\n\n" + table(
        ["row", "accuracy", "caption reward", "groups with one reward"], rows
    )


def _commands(results: Results) -> str:
    rows = [[code(row), ROWS[row].what, code(f"harness demo experiment --rows {row}")] for row in results]
    return "**Rows.**\n\n" + table(["row", "what it is", "command"], rows, align=["left"] * 3)
