"""The errors of the harness: one tree, one line each, with an exit code.

A message says what is wrong, where, and what to do next. Only `harness.cli.main` catches these.
"""

from __future__ import annotations

from typing import Final

INTERRUPTED: Final = 130
"""Exit code of a program that Ctrl-C ended, as shells count it: 128 and the number of the signal."""


AGAIN: Final = "Finished samples are stored; run the same command again."
"""What to do when an engine has ended a run."""


class EndedError(KeyboardInterrupt):
    """A scheduler or a launcher has asked this process to end (SIGTERM); what was finished is stored."""


class HarnessError(Exception):
    """Root of every error that the harness raises on purpose.

    Attributes:
        exit_code: what the command line exits with: 2 for what the user can mend, 3 for the program's fault.
    """

    exit_code = 3


class UsageError(HarnessError):
    """The user asked for something that does not exist or does not fit together."""

    exit_code = 2


class DataError(HarnessError):
    """A data set, row or recorded response is missing or malformed."""

    exit_code = 2


class ModelError(HarnessError):
    """A checkpoint is missing, incomplete, or of a kind that the engine does not support."""

    exit_code = 2


class StoreError(HarnessError):
    """A run folder cannot be read, written, or holds a run of other settings."""

    exit_code = 2


class EngineError(HarnessError):
    """An engine died while it was generating; what was finished is stored."""


class UnavailableError(EngineError):
    """No sample can be answered for now, and not because of the program: a server is away, full, or refuses."""

    exit_code = 2


class MediaError(HarnessError):
    """One image or video cannot be read; it costs its sample only."""

    exit_code = 2


def without_samples(error: HarnessError) -> str:
    """What an engine's error says where no samples are stored: without the advice to go on with them."""
    return " ".join(str(error).replace(AGAIN, "").split())
