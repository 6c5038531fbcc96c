"""Committing to the hub: a checkpoint's card and evaluation results, and a run as a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

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


def push_dataset(repo: str, folder: Path, *, private: bool) -> str:
    """Commit a folder to a data set's repository, which is made where it is not there, and give the commit's address.

    Args:
        repo: ORG/NAME.
        folder: of the data set; what an earlier commit of such a folder left is deleted.
        private: whether a repository that is made is private.

    Raises:
        UsageError: the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi()
    try:
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            commit_message=_MESSAGE,
            delete_patterns=["data/*", "run/*"],
        )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise UsageError(f"--push {repo}: the hub refuses: {_line(error)}.") from error
    return str(done.commit_url)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
