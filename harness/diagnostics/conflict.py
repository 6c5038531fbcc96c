"""The sample-conflict map of a run, which is computed elsewhere and stored with the run.

`conflict.json` holds the figures, `conflict.png` a picture of the map, `conflict.npy` the map itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from harness.diagnostics.run_folder import read_stored

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


def read_conflict(folder: Path) -> dict[str, Any] | None:
    """The figures of a run's map; `None` where none was made.

    Raises:
        StoreError: the file is not one.
    """
    return read_stored(folder / FIGURES, SCHEMA_VERSION, f"harness diagnose {folder} --conflict")
