"""Random numbers that depend on nothing but what they are for. Imported lazily only: numpy is imported at the top."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*parts: object) -> np.random.Generator:
    """Random numbers for one purpose.

    Args:
        *parts: what tells it from others: what is drawn, the run's seed, the batch (`trainer.moment`), the row.
    """
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16]))
