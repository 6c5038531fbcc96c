"""A run folder, as far as the diagnostics read it: records, settings, annotations, and what an earlier one found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError, StoreError
from harness.core.types import SampleRecord
from harness.core.worlds import worlds
from harness.diagnostics.evidence import Key
from harness.diagnostics.figures import Figure
from harness.diagnostics.objects import ANNOTATIONS, Annotations, read_annotations
from harness.runs.config import CONFIG, read_json
from harness.runs.records import RUN, read_records
from harness.runs.seals import seal

DIAGNOSTICS: Final = "diagnostics.json"
FINDINGS: Final = "findings.jsonl"
OF: Final = "of"
"""Key of the digest of the figures of the run that was diagnosed, see `digest_figures`."""
SCHEMA_VERSION: Final = 1


def latest_records(folder: Path) -> list[SampleRecord]:
    """The records of a run, of each sample the last one, in the order in which the samples first occur.

    Raises:
        StoreError: there are none, or one is damaged.
    """
    return list(by_key(read_records(folder)).values())


def by_key(records: Iterable[SampleRecord]) -> dict[Key, SampleRecord]:
    """Records by task and sample id, of each sample the last one."""
    return {(record.sample.task, record.sample.id): record for record in records}


def read_settings(folder: Path) -> Mapping[str, Any]:
    """The run's settings, from `run.json` where it is finished, else from `config.json`; empty where neither says.

    Raises:
        StoreError: the settings of the engine are no object.
    """
    for name in (RUN, CONFIG):
        settings = _stored(folder / name).get("settings")
        if isinstance(settings, Mapping):
            if not isinstance(settings.get("engine_settings"), Mapping | None):
                raise StoreError(f"{folder / name}: the setting engine_settings is not an object. Copy the run again.")
            return settings
    return {}


def read_model(folder: Path) -> tuple[str | None, str | None]:
    """Fingerprint of the weights of a run's checkpoint, and its name; `None` each where the run does not say."""
    run, model = _stored(folder / RUN), read_settings(folder).get("model")
    settings: Mapping[str, Any] = model if isinstance(model, Mapping) else {}
    return run.get("weights") or settings.get("weights"), run.get("model") or settings.get("served")


def digest_figures(run: Mapping[str, Any]) -> str | None:
    """What a diagnosis tells by which samples of a run it is of; `None` of a run that is not finished.

    Not its seal, which has the times of the run in it: one that was killed is diagnosed with the same bytes. Samples
    that are asked again after the diagnosis change figures: those that failed, or that no judge had settled.

    Args:
        run: what `run.json` holds; empty where there is none.
    """
    if not (tasks := run.get("tasks")):
        return None
    return "sha256:" + hashlib.sha256(json.dumps(tasks, sort_keys=True).encode()).hexdigest()


def read_run_figures(folder: Path) -> str | None:
    """`digest_figures` of a run folder."""
    return digest_figures(_stored(folder / RUN))


def read_media(folder: Path) -> Mapping[str, str | None]:
    """Task to the kind of media that its benchmark has; empty for an unfinished run."""
    facts = _stored(folder / RUN).get("benchmarks")
    told = facts.items() if isinstance(facts, Mapping) else ()
    return {str(task): of.get("media") for task, of in told if isinstance(of, Mapping)}


def _stored(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where the file is missing or holds something else."""
    with suppress(StoreError):
        return read_json(path)
    return {}


def read_data(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Task to `{source, count, digest}` of the data of a finished run; empty for an unfinished one."""
    data = _stored(folder / RUN).get("data")
    return {str(task): of for task, of in data.items() if isinstance(of, Mapping)} if isinstance(data, Mapping) else {}


def find_annotations(
    folder: Path, given: Path | None, records: Sequence[SampleRecord]
) -> tuple[dict[str, Annotations], list[str]]:
    """The annotations of a run's tasks: the ones that were given, else those of the world that a task ran on.

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
        return _world_annotations(folder, records)
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


def _world_annotations(folder: Path, records: Sequence[SampleRecord]) -> tuple[dict[str, Annotations], list[str]]:
    found, left_out = {}, []
    for task, of in read_data(folder).items():
        world = worlds().get(str(of.get("source")))
        if world is None or world.rules is None:
            continue
        annotations, asks = read_annotations(world.data() / task), world.rules().asks
        asked = [record.sample for record in records if record.sample.task == task]
        known = ((sample, annotations.samples.get(sample.id)) for sample in asked)
        if all(annotation is not None and asks(sample, annotation.row) for sample, annotation in known):
            found[task] = annotations
        else:
            left_out.append(f"{task} ran on {world.name} data of another version: its annotations are not used.")
    return found, left_out


def read_diagnostics(folder: Path) -> dict[str, Any] | None:
    """What `diagnostics.json` of a run folder holds; `None` where there is none.

    Raises:
        StoreError: the file is not one, it or `findings.jsonl` was changed after the diagnosis, or the run was.
    """
    data = read_unchecked(folder)
    if data is None:
        return None
    again = f"'harness diagnose {folder}'"
    if data.get("seal") is not None and data["seal"] != seal(data, folder / FINDINGS):
        raise StoreError(
            f"{folder}: its {DIAGNOSTICS} or {FINDINGS} was changed after the diagnosis. Make them again with {again}."
        )
    if OF in data and data[OF] != read_run_figures(folder):
        raise StoreError(f"{folder}: it was diagnosed before the run ended. Diagnose it again with {again}.")
    return data


def read_unchecked(folder: Path) -> dict[str, Any] | None:
    """The same for whoever makes it again: a diagnosis that was killed may have written one of its two files.

    Raises:
        StoreError: the file is not one.
    """
    return read_stored(folder / DIAGNOSTICS, SCHEMA_VERSION, f"harness diagnose {folder}")


def read_figures(folder: Path, stored: Mapping[str, Any]) -> dict[str, Figure]:
    """The figures among what `read_diagnostics` gives, by name.

    Raises:
        StoreError: one is not as it should be.
    """
    try:
        return {name: Figure.from_json(name, of) for name, of in stored.get("metrics", {}).items()}
    except (ValueError, TypeError, AttributeError) as error:
        again = f"Make it again with 'harness diagnose {folder}'."
        raise StoreError(f"{folder / DIAGNOSTICS} cannot be used: {error}. {again}") from error


def read_stored(path: Path, schema_version: int, command: str) -> dict[str, Any] | None:
    """A JSON file of a known schema that a command makes; `None` where there is none.

    Raises:
        StoreError: the file is not one; the command that makes it again is named.
    """
    if not path.exists():
        return None
    again = f"Make it again with '{command}', or delete it."
    try:
        data = read_json(path)
    except StoreError as error:
        raise StoreError(f"{error} {again}") from error
    if data.get("schema_version") != schema_version:
        raise StoreError(f"{path} is of another schema. {again}")
    return data
