"""A run folder, as far as the diagnostics read it: records, settings, annotations, and what an earlier one found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.diagnostics.evidence import Key
from harness.diagnostics.objects import ANNOTATIONS, Annotations, read_annotations
from harness.errors import DataError, StoreError
from harness.store import CONFIG, RUN, read_records
from harness.types import PromptFormat, SampleRecord

DIAGNOSTICS: Final = "diagnostics.json"
FINDINGS: Final = "findings.jsonl"
PAGE: Final = "report.html"
SCHEMA_VERSION: Final = 1


def latest_records(folder: Path) -> list[SampleRecord]:
    """The records of a run, of each sample the last one, in the order in which the samples first occur."""
    return list(by_key(read_records(folder)).values())


def by_key(records: Iterable[SampleRecord]) -> dict[Key, SampleRecord]:
    """Records by task and sample id, of each sample the last one."""
    return {(record.sample.task, record.sample.id): record for record in records}


def read_settings(folder: Path) -> Mapping[str, Any]:
    """The run's settings, from `run.json` where it is finished, else from `config.json`; empty where neither says."""
    for name in (RUN, CONFIG):
        with suppress(OSError, ValueError):
            settings = json.loads((folder / name).read_text(encoding="utf-8")).get("settings")
            if isinstance(settings, Mapping):
                return settings
    return {}


def read_prompt_format(folder: Path) -> PromptFormat:
    """What a run's prompts asked for; where its settings do not say, `direct`."""
    stored = read_settings(folder).get("prompt")
    return "grounded" if stored == "grounded" else "think" if stored == "think" else "direct"


def read_data(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Task to `{source, count, digest}` of the data of a finished run; empty for an unfinished one."""
    with suppress(OSError, ValueError):
        data = json.loads((folder / RUN).read_text(encoding="utf-8")).get("data")
        if isinstance(data, Mapping):
            return {str(task): of for task, of in data.items() if isinstance(of, Mapping)}
    return {}


def find_annotations(
    folder: Path, given: Path | None, records: Sequence[SampleRecord]
) -> tuple[dict[str, Annotations], list[str]]:
    """The annotations of a run's tasks: the ones that were given, else the demo data's for tasks that ran on them.

    Args:
        folder: the run folder.
        given: an annotation file, a folder that holds `annotations.jsonl`, or one with such a folder per task.
        records: of the run.

    Returns:
        Annotations by task, and what was left out and why, one line each.

    Raises:
        DataError: given ones are missing or malformed.
    """
    if given is None:
        return _demo_annotations(folder, records)
    if not given.exists():
        raise DataError(f"--annotations {given}: no such file or folder.")
    if given.is_file() or (given / ANNOTATIONS).exists():
        return dict.fromkeys({record.sample.task for record in records}, read_annotations(given)), []
    by_task = {
        child.name: read_annotations(child) for child in sorted(given.iterdir()) if (child / ANNOTATIONS).exists()
    }
    if not by_task:
        raise DataError(f"--annotations {given}: no {ANNOTATIONS} in it or in a folder of a task in it.")
    return by_task, []


def _demo_annotations(folder: Path, records: Sequence[SampleRecord]) -> tuple[dict[str, Annotations], list[str]]:
    tasks = [task for task, of in read_data(folder).items() if of.get("source") == "demo"]
    if not tasks:
        return {}, []
    from harness.demo.data import demo_data
    from harness.diagnostics.world import asks

    data = demo_data()
    found, left_out = {}, []
    for task in tasks:
        annotations = read_annotations(data / task)
        asked = [record.sample for record in records if record.sample.task == task]
        known = ((sample, annotations.samples.get(sample.id)) for sample in asked)
        if all(annotation and annotation.query and asks(sample, annotation.query) for sample, annotation in known):
            found[task] = annotations
        else:
            left_out.append(f"{task} ran on demo data of another version: its annotations are not used.")
    return found, left_out


def read_diagnostics(folder: Path) -> dict[str, Any] | None:
    """What `diagnostics.json` of a run folder holds; `None` where there is none.

    Raises:
        StoreError: the file is not one.
    """
    path = folder / DIAGNOSTICS
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}. Make it again with 'harness diagnose {folder}'.") from error
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise StoreError(f"{path} is of another schema. Make it again with 'harness diagnose {folder}'.")
    return data
