"""Committing a checkpoint's card and evaluation results to its model repository on the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from harness.core.errors import UsageError

CARD = "README.md"
RESULTS = PurePosixPath(".eval_results")
_MESSAGE = "Add evaluation results"


def fetch_card(repo: str) -> str | None:
    """The card that a model repository has; `None` where it has none.

    Raises:
        UsageError: no such repository, no access, or no network.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    try:
        path = hf_hub_download(repo, CARD, force_download=True)
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UsageError(f"--push {repo}: its card cannot be read: {_line(error)}.") from error
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise UsageError(f"--push {repo}: its card cannot be read as text: {error}. Save it as UTF-8.") from error


def require_login(repo: str) -> str:
    """Name of the user who is logged in.

    Raises:
        UsageError: nobody is, or the hub cannot be asked.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        return str(HfApi().whoami()["name"])
    except LocalTokenNotFoundError as error:
        raise UsageError(f"--push {repo}: not logged in to the hub. Run 'hf auth login' first.") from error
    except (HfHubHTTPError, OSError) as error:
        raise UsageError(f"--push {repo}: the hub does not answer: {_line(error)}.") from error


def push(repo: str, files: Mapping[str, str]) -> str:
    """Commit files to a model repository, all or none, and give the commit's address.

    Args:
        repo: ORG/NAME of an existing model repository.
        files: path in the repository to text.

    Raises:
        UsageError: the hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    operations = [
        CommitOperationAdd(path_in_repo=path, path_or_fileobj=text.encode()) for path, text in sorted(files.items())
    ]
    try:
        return str(HfApi().create_commit(repo, operations, commit_message=_MESSAGE).commit_url)
    except (HfHubHTTPError, OSError) as error:
        raise UsageError(f"--push {repo}: the hub refuses: {_line(error)}.") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
