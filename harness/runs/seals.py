"""Seals: a digest of a record and of the file of lines it is about, by which a later change of either is noticed.

A seal is no signature: who changes a run on purpose can seal it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import StoreError


def seal(record: Mapping[str, Any], lines: Path) -> str:
    """The seal of a finished run, or of its diagnosis.

    Args:
        record: what `run.json` or `diagnostics.json` holds; a seal in it does not count.
        lines: the sorted `samples.jsonl` of the run, or the `findings.jsonl` of the diagnosis.

    Raises:
        StoreError: the lines cannot be read.
    """
    try:
        with lines.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{error.filename or lines} cannot be read: {error.strerror or error}.") from error
    text = json.dumps({name: value for name, value in record.items() if name != "seal"}, sort_keys=True)
    return "sha256:" + hashlib.sha256(f"{text}\n{digest}".encode()).hexdigest()
