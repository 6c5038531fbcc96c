"""A run as a data set for the hub: a card, a table of samples a task, and the run's files.

No images and videos go along, so `report.html`, which shows them, stays here: they are their benchmarks' to give. Nor
do keys, addresses' passwords, and folders of this machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from harness.core.errors import UsageError
from harness.core.files import write_atomically, write_errors
from harness.core.types import Media, RunRecord, SampleRecord
from harness.diagnostics.run_folder import DIAGNOSTICS, FINDINGS, OF, digest_figures, read_diagnostics
from harness.reports.frames import samples_frame
from harness.reports.hiding import Hide, hiding, without_folders
from harness.reports.markdown import code, escape, table
from harness.reports.run_report import REPORT, baseline_line, blind_headlines, headline_rows, provenance
from harness.reports.text import public_path
from harness.runs.config import CONFIG, read_json
from harness.runs.folder import read_run
from harness.runs.records import RUN, SAMPLES, encode_record, read_records
from harness.runs.seals import seal
from leaderboards.card import HUB_SOURCE
from leaderboards.hub import CARD, PUBLISHED, read_published

_TAG: Final = "groundcheck-harness"
_DATA, _FILES = "data", "run"
_RUN_FILES: Final = (SAMPLES, CONFIG, RUN, DIAGNOSTICS, FINDINGS, REPORT)


def write_dataset(folder: Path, out: Path) -> list[Path]:
    """Write a run as a data set that `datasets.load_dataset(FOLDER, TASK, split="test")` loads.

    Args:
        folder: of a finished run.
        out: the folder of the data set; one that was written before is written again: the files that it says are a
            published run's are replaced, and all others stay.

    Returns:
        the files, and no other that is in the folder.

    Raises:
        StoreError: there is no finished run, or a file cannot be written.
        UsageError: `out` holds something else.
    """
    run = read_run(folder)
    tables = {task: out / _DATA / f"{_config_name(task)}.parquet" for task in run.tasks}
    files = [out / CARD, *tables.values(), *(out / _FILES / name for name in _RUN_FILES)]
    _make_room(out, files)
    hide = hiding(folder)
    records = [_public(record, hide) for record in read_records(folder)]
    for task, path in tables.items():
        _write_table((record for record in records if record.sample.task == task), path)
    _write_run(folder, records, out / _FILES, hide)
    write_atomically(out / CARD, "\n".join(_card(read_run(out / _FILES), blind_headlines(folder))) + "\n")
    return sorted([out / PUBLISHED, *(path for path in files if path.exists())])


def _make_room(out: Path, files: Sequence[Path]) -> None:
    """Delete what was published into a folder before, and list there what is to be, before it is written."""
    try:
        before = read_published(out / PUBLISHED)
    except (OSError, ValueError):
        before = None
    if before is None and out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} holds something else than a published run. Give another folder with --out.")
    ours = {out / name for name in before or ()}
    if lost := [path for path in files if path.exists() and path not in ours]:
        raise UsageError(f"{lost[0]} would be overwritten, and is not of a published run. Move it, or change --out.")
    with write_errors(out):
        for path in ours:
            path.unlink(missing_ok=True)
        for name in (_DATA, _FILES):
            (out / name).mkdir(parents=True, exist_ok=True)
    named = [path.relative_to(out).as_posix() for path in files]
    write_atomically(out / PUBLISHED, json.dumps({"files": named}, indent=2) + "\n")


def _tree(value: Any, hide: Hide) -> Any:
    if isinstance(value, str):
        return without_folders(value, hide)
    if isinstance(value, list):
        return [_tree(item, hide) for item in value]
    return {hide(key): _tree(item, hide) for key, item in value.items()} if isinstance(value, dict) else value


def _public(record: SampleRecord, hide: Hide) -> SampleRecord:
    sample, response, verdict = record.sample, record.response, record.verdict

    def told(text: str | None) -> str | None:
        return None if text is None else without_folders(text, hide)

    def media(of: Media) -> Media:
        return replace(of, source=without_folders(of.source, hide))

    return SampleRecord(
        sample=replace(
            sample,
            question=hide(sample.question),
            prompt=hide(sample.prompt),
            media=tuple(map(media, sample.media)),
            attributes={name: without_folders(value, hide) for name, value in sample.attributes.items()},
        ),
        response=replace(
            response,
            text=hide(response.text),
            error=told(response.error),
            model=None if response.model is None else public_path(response.model),
        ),
        verdict=replace(verdict, reason=told(verdict.reason)),
    )


def _config_name(task: str) -> str:
    return re.sub(r"[^\w.-]", "_", task)


def _write_table(records: Iterable[SampleRecord], path: Path) -> None:
    frame = samples_frame(records)
    frame["choices"] = [json.dumps(of, ensure_ascii=False) if of else None for of in frame["choices"]]
    frame.to_parquet(path, index=False)


def _write_run(folder: Path, records: list[SampleRecord], out: Path, hide: Hide) -> None:
    """The run's files, sealed again: boards can be built of them."""
    write_atomically(out / SAMPLES, "".join(f"{encode_record(record)}\n" for record in records))
    found = {CONFIG: read_json(folder / CONFIG), RUN: read_json(folder / RUN)}
    lines = {RUN: SAMPLES}
    if (diagnostics := read_diagnostics(folder)) is not None:
        found[DIAGNOSTICS] = diagnostics
        if (folder / FINDINGS).is_file():
            write_atomically(out / FINDINGS, hide((folder / FINDINGS).read_text(encoding="utf-8")))
            lines[DIAGNOSTICS] = FINDINGS
    for name, data in found.items():
        data = _tree(data, hide)
        if data.get(OF) is not None:  # Of a diagnosis: the run, whose names may just have been hidden.
            data[OF] = digest_figures(found[RUN])
        if data.get("seal") is not None:
            data["seal"] = seal(data, out / lines[name])
        found[name] = data
        write_atomically(out / name, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    if (folder / REPORT).is_file():
        report = (folder / REPORT).read_text(encoding="utf-8")
        write_atomically(out / REPORT, without_folders(report, hide))


def _card(run: RunRecord, blind: dict[str, float | None]) -> Iterator[str]:
    from huggingface_hub import DatasetCardData

    model = public_path(run.model)
    configs = [
        {
            "config_name": _config_name(task),
            "data_files": [{"split": "test", "path": f"{_DATA}/{_config_name(task)}.parquet"}],
        }
        for task in run.tasks
    ]
    scores = {}
    for task, result in run.tasks.items():
        metric = result.metrics[result.headline]
        kept = {"value": metric.value, "stderr": metric.stderr, "official": result.official.get(result.headline)}
        scores[task] = {"metric": result.headline, **kept, "samples": result.samples}
    metadata = DatasetCardData(
        pretty_name=f"Evaluation of {model}",
        license="other",
        license_name="of-each-benchmark",
        tags=[_TAG, "evaluation", "hallucination"],
        configs=configs,
        model=model,
        scores=scores,
        protocol={
            "prompt": run.prompt_format,
            "engine": run.engine,
            "judge": run.judge,
            "seed": run.seed,
            "limit": run.settings.get("limit"),
            "blind": run.settings.get("blind"),
            "decoding": dict(run.decoding),
        },
    )
    yield f"---\n{metadata.to_yaml()}\n---\n"
    yield f"# Evaluation of {escape(model)}\n"
    headers, rows = headline_rows(run)
    align = ["left", "left", *["right"] * (len(headers) - 2)]
    yield table(headers, [[escape(task), escape(metric), *cells] for task, metric, *cells in rows], align=align)
    if line := baseline_line(run, blind):
        yield f"\n{escape(line)}"
    yield f"\nAll figures are in [{REPORT}]({_FILES}/{REPORT}).\n\n## Samples\n"
    config = _config_name(next(iter(run.tasks)))
    yield f'```python\nfrom datasets import load_dataset\n\nload_dataset(REPO, {config!r}, split="test")\n```\n'
    yield "A row a sample: what was asked, what the model wrote, both verdicts. Images and videos are not in here."
    yield f"`{_FILES}/` is the run, for `harness leaderboard build --runs` and `harness compare`.\n\n## Protocol\n"
    yield from (f"- {escape(name)}: {escape(value)}" for name, value in provenance(run))
    yield "\n## Licence\n"
    yield "Questions and gold answers are the benchmarks', under their terms; read these before handing them on:\n"
    for task, facts in run.benchmarks.items():
        source = str(run.data.get(task, {}).get("source"))
        match = HUB_SOURCE.fullmatch(source)
        where = f"https://huggingface.co/datasets/{match['id']}" if match else code(source)
        yield f"- {escape(facts.title)}: {where}{f' ({escape(facts.citation)})' if facts.citation else ''}"
