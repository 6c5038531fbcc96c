"""Committing to the hub: a checkpoint's card and evaluation results, and a run as a data set."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from harness.core.errors import UsageError

CARD = "README.md"
PUBLISHED: Final = ".harness-published.json"
"""Of a published run: which files are its own, by which its folder is known, and what is replaced there."""
_OWN: Final = re.compile(r"README\.md|(?:data|run)/[\w.-]+")
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


def read_published(path: Path) -> Sequence[str]:
    """The files that a published run lists as its own, by their paths in its folder.

    Raises:
        OSError: there is no such list.
        ValueError: it is none of ours.
    """
    written = json.loads(path.read_text(encoding="utf-8"))
    names = written.get("files") if isinstance(written, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and _OWN.fullmatch(name) for name in names):
        raise ValueError(f"{path} does not list the files of a published run")
    return names


def push_dataset(repo: str, folder: Path, files: Sequence[Path], *, private: bool) -> str:
    """Commit a published run to a data set's repository, made where it is not there, and give the commit's address.

    Args:
        repo: ORG/NAME.
        folder: of the data set.
        files: those of it that are uploaded, `PUBLISHED` among them; what an earlier commit lists there is deleted.
        private: that nobody else is to see it.

    Raises:
        UsageError: the repository is of something else, or is public and `private` is asked for, or the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    api = HfApi()
    before: Sequence[str] = ()
    try:
        try:
            found = api.dataset_info(repo)
        except RepositoryNotFoundError:
            api.create_repo(repo, repo_type="dataset", private=private)
        else:
            there = {file.rfilename for file in found.siblings or ()} - {".gitattributes"}
            if private and not found.private:
                raise UsageError(
                    f"--push {repo} --private: this data set is public. Make it private on the hub, or name another."
                )
            if PUBLISHED in there:
                before = read_published(Path(api.hf_hub_download(repo, PUBLISHED, repo_type="dataset")))
            elif there:
                raise UsageError(f"--push {repo}: it holds something else than a published run. Name another data set.")
        done = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            commit_message=_MESSAGE,
            allow_patterns=[path.relative_to(folder).as_posix() for path in files],
            delete_patterns=list(before),
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise UsageError(f"--push {repo}: the hub refuses: {_line(error)}.") from error
    return str(done.commit_url)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
