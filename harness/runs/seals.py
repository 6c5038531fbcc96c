"""The seal of a finished run: a digest of its record and its samples, by which a later change of either is noticed.

It is no signature: who changes a run on purpose can seal it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import StoreError
from harness.runs.records import SAMPLES


def seal(folder: Path, run: Mapping[str, Any]) -> str:
    """The seal of a run.

    Args:
        folder: the run folder, with its sorted `samples.jsonl`.
        run: what its `run.json` holds; a seal in it does not count.

    Raises:
        StoreError: the samples cannot be read.
    """
    try:
        with (folder / SAMPLES).open("rb") as file:
            samples = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{error.filename or folder / SAMPLES} cannot be read: {error.strerror or error}.") from error
    record = json.dumps({name: value for name, value in run.items() if name != "seal"}, sort_keys=True)
    return "sha256:" + hashlib.sha256(f"{record}\n{samples}".encode()).hexdigest()
