"""Two runs as one page: their differences, and every sample that changed with both responses and its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.core.files import refuse_unmarked, write_atomically
from harness.core.types import SampleRecord
from harness.diagnostics.other_runs import find_unlike
from harness.diagnostics.run_folder import by_key
from harness.reports.differences import family_note
from harness.reports.html import render, script_json
from harness.reports.page_data import STATES, span_of
from harness.reports.text import counted, factor_of, number, one_line
from harness.reports.thumbnails import Thumbnails, make_thumbnails
from harness.runs.comparison import TaskComparison, says_what_is_not
from harness.runs.folder import read_run
from harness.runs.records import RUN, read_records
from leaderboards.naming import short_names
from leaderboards.page_data import pack, shown

if TYPE_CHECKING:
    from harness.core.types import RunRecord
    from harness.media import OpenMedia

_MARK: Final = b'<meta name="generator" content="harness-compare">'
"""In every such page."""


def write_pair_page(
    path: Path, folders: tuple[Path, Path], comparisons: Sequence[TaskComparison], *, open_media: OpenMedia | None
) -> None:
    """Write the page of two runs, with the figures that are tested.

    Args:
        path: of the page.
        folders: of the run before and the run after.
        comparisons: of their tasks.
        open_media: opens a sample's media for the pictures; `None`: there are none.

    Raises:
        UsageError: a file of another kind is there.
        StoreError: a run cannot be read, or the page not be written.
    """
    refuse_unmarked(path, (_MARK,), "harness compare")
    runs = [read_run(folder) if (folder / RUN).exists() else None for folder in folders]
    changed = {(of.task, name) for of in comparisons for name in (*of.fixed, *of.broken)}
    before, after = (
        by_key(of for of in read_records(folder) if (of.sample.task, of.sample.id) in changed) for folder in folders
    )
    facts = {task: of for run in runs if run is not None for task, of in run.benchmarks.items()}
    pictures = Thumbnails(uris=[], words=[], of_sample={}, left_out=0, failed=0)
    if open_media is not None:
        # Newly hallucinated samples first, while there is room.
        order = [(of.task, name) for of in comparisons for name in (*of.newly_hallucinated, *of.broken, *of.fixed)]
        shared = {task for task, of in facts.items() if of.clusters_share_media}
        pictures = make_thumbnails((after[key].sample for key in dict.fromkeys(order)), open_media, shared=shared)
    titles = {of.task: one_line(facts[of.task].title) if of.task in facts else of.task for of in comparisons}
    rows: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    for of in comparisons:
        places = {name: len(samples) + place for place, name in enumerate((*of.fixed, *of.broken))}
        samples += [_sample(before[of.task, name], after[of.task, name], pictures) for name in places]
        lists = {"fixed": of.fixed, "broken": of.broken, "hallucinated": of.newly_hallucinated}
        found = {name: [places[sample] for sample in ids if sample in places] for name, ids in lists.items()}
        rows += list(_rows(of, titles[of.task], found))
    names = _names(folders)
    family = max((item.family for of in comparisons for item in of.metrics), default=0)
    page = render(
        "compare.html",
        room="leaderboards",
        title=f"{names[0]} → {names[1]}",
        runs=[(name, _facts(run)) for name, run in zip(names, runs, strict=True)],
        unlike=[one_line(line) for line in find_unlike(*folders, titles).lines()],
        left_out=[(titles[of.task], _left_out(of)) for of in comparisons],
        pictures=pictures,
        data=script_json(
            {
                "names": names,
                "note": family_note(family).replace("B - A", f"{names[1]} − {names[0]}"),
                "rows": rows,
                "samples": pack(samples),
                "images": pictures.uris,
            }
        ),
    )
    write_atomically(path, page)


def _names(folders: Sequence[Path]) -> list[str]:
    """The ends of two paths that tell them apart."""
    paths = [str(folder.resolve()) for folder in folders]
    return [short_names(paths)[path] for path in paths]


def _facts(run: RunRecord | None) -> str:
    if run is None:
        return "unfinished run"
    judge = f"judge {run.judge}" if run.judge else "no judge"
    return f"{one_line(run.model)}, {run.prompt_format} prompt, engine {run.engine}, {judge}, {run.started[:10]}"


def _left_out(of: TaskComparison) -> str:
    known = [(of.left_out.only_a, "only before"), (of.left_out.only_b, "only after")]
    known += [(of.left_out.errors, "without a response"), (of.left_out.incomplete, "of torn pairs or rotations")]
    return "; ".join(
        [f"{counted(of.samples, 'sample')} in both", *(f"{count} {why} left out" for count, why in known if count)]
    )


def _rows(of: TaskComparison, title: str, lists: dict[str, list[int]]) -> Iterator[dict[str, Any]]:
    """The figures that are tested, or of which it is said why they are not: the first of each task, with its lists."""
    tested = [item for item in of.metrics if item.family] or list(of.metrics[:1])
    for place, item in enumerate(tested):
        scale = factor_of(item.scale)
        yield {
            "task": of.task,
            "title": f"{title}, {one_line(item.name)}",
            "tab": title,
            "a": number(item.a, scale),
            "b": number(item.b, scale),
            "shown": shown(item, scale),
            "lists": None if place else lists,
        }


def _sample(before: SampleRecord, after: SampleRecord, pictures: Thumbnails) -> dict[str, Any]:
    sample = after.sample
    return {
        "id": sample.id,
        "question": one_line(sample.question),
        "images": pictures.of_sample.get((sample.task, sample.id), []),
        "sides": [{"state": _state(record), "sample": _side(record)} for record in (before, after)],
    }


def _state(record: SampleRecord) -> dict[str, str]:
    right = record.verdict.status == "correct"
    said = "a wrong yes" if record.sample.answer_kind == "yes_no" and says_what_is_not(record) else None
    return {"text": said or STATES[record.verdict.status], "tone": "right" if right else "wrong"}


def _side(record: SampleRecord) -> dict[str, Any]:
    """One response under the short keys of `harness.reports.page_data`."""
    sample, verdict = record.sample, record.verdict
    return {
        "q": sample.question,
        "c": dict(sample.choices) if sample.choices else None,
        "g": sample.target,
        "x": record.response.text,
        "e": record.response.error,
        "a": verdict.answer,
        "r": verdict.reason,
        "sp": span_of(record),
    }
