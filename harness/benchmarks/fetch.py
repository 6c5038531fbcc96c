"""Where the files of a benchmark are: the hub, a world, or a folder of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.benchmarks.layouts import choose_row_files, list_files, missing_parts, saved_files
from harness.benchmarks.record import Benchmark, HubSource
from harness.benchmarks.registry import benchmark_folders
from harness.core.errors import DataError
from harness.core.hub import fetching, how_to_get_in, hub_unreachable_reason
from harness.core.worlds import name_choices, worlds
from harness.media.bounds import check_file, within

FOLDER: Final = "dir:"
"""Begins the name of data that lie in a folder of the user's."""
OWN: Final = "own:"
"""Begins the name of data that are a table of the user's own."""
_TIMEOUT_S: Final = 10.0
_README: Final = "README.md"
_MAX_README_BYTES: Final = 16 << 20


def locate(benchmark: Benchmark, data: str, outside: Sequence[Path] = ()) -> tuple[Path, str, tuple[Path, ...]]:
    """The folder that holds a benchmark's files, and how records name it.

    Args:
        benchmark: whose files they are.
        data: `hub`, the name of a world (`demo`), or a folder: a copy of the benchmark, or one with such a copy in a
            folder named after the task or the hub's data set.
        outside: folders that the user allows its files to be in besides.

    Returns:
        Folder; `hub:ID@COMMIT`, the world's name, `dir:NAME` or `own:TABLE`; and the folders that its files may be in,
        see `harness.media.bounds.within`.

    Raises:
        DataError: there is no such folder, it is a link out of the data folder, or the hub's data set is neither cached
            nor within reach.
    """
    if benchmark.source.table is not None:
        return _locate_table(benchmark, benchmark.source.table, data, outside)
    if data == "hub":
        folder, source = _fetch(benchmark)
        return folder, source, (folder, *outside)
    if data in worlds():
        folder = worlds()[data].data()
        return _subfolder(folder, benchmark, data), data, (folder, *outside)
    folder = Path(data).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(f"data folder {data} {what}. Give --data a folder, 'hub' or {name_choices(list(worlds()))}.")
    inside = _subfolder(folder, benchmark, data)
    within(inside, (folder, *outside))
    return inside, f"{FOLDER}{folder.resolve().name}", (folder, *outside)


def _locate_table(
    benchmark: Benchmark, table: Path, data: str, outside: Sequence[Path]
) -> tuple[Path, str, tuple[Path, ...]]:
    """A table is where it is named; where it is not there any more, in the folder of `data`."""
    given = [] if data == "hub" or data in worlds() else [Path(data).expanduser()]
    folder = next((folder for folder in (table.parent, *given) if (folder / table.name).is_file()), None)
    if folder is None:
        places = " and ".join(str(folder / table.name) for folder in (table.parent, *given))
        raise DataError(f"{benchmark.name}: there is no table {places}. Name its file, or give its folder with --data.")
    return folder, f"{OWN}{table.name}", (folder, *outside)


def cached_snapshot(source: HubSource) -> Path | None:
    """The local copy of the hub's data set, without asking the hub; it may lack files."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if source.hub is None:
        return None
    try:
        return Path(snapshot_download(source.hub, repo_type="dataset", revision=source.revision, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None


def _subfolder(folder: Path, benchmark: Benchmark, data: str) -> Path:
    names = {benchmark.name, (benchmark.source.hub or benchmark.name).split("/")[-1].lower()}
    folders = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    for name in sorted(names):
        if name in folders:
            return folders[name]
    others = sorted(set(folders) & set(benchmark_folders()))
    if others:
        raise DataError(f"data folder {data} has {', '.join(others)} but no folder {benchmark.name!r}.")
    return folder


def _fetch(benchmark: Benchmark) -> tuple[Path, str]:
    """The hub's files, fetched as far as they are not in the local cache; the cache alone where the hub is away."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    hub = benchmark.source.hub
    if hub is None:
        raise DataError(
            f"{benchmark.name}: its data are not on the hub. {benchmark.source.how_to_get} Then give --data DIR, or "
            "use --data demo."
        )
    reason = hub_unreachable_reason()
    if reason is None:
        try:
            with fetching(hub):
                return _download(benchmark, hub)
        except GatedRepoError as error:
            raise DataError(f"{benchmark.name}: {hub} is gated. {how_to_get_in(hub, 'dataset')}") from error
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise DataError(
                f"{benchmark.name}: the hub has no data set {hub} at revision {benchmark.source.revision}. "
                "Mend its benchmark.py, or give a local copy with --data DIR."
            ) from error
        except DataError:
            raise
        except Exception as error:  # The hub's client lets the errors of its HTTP library through.
            reason = f"fetching it failed ({(str(error).strip() or type(error).__name__).splitlines()[0]})"
    folder = cached_snapshot(benchmark.source)
    if folder is not None:
        rows = choose_row_files(list_files(folder), benchmark, _readme(folder, (folder,)))
        if rows and not missing_parts(rows, benchmark.source):
            return folder, f"hub:{hub}@{folder.name}"
    raise DataError(
        f"{benchmark.name}: data set {hub} is not in the local hub cache, and {reason}. Fetch it on a machine with "
        f"access ('hf download --repo-type dataset {hub}'), or give a copy with --data DIR, or use --data demo."
    )


def _download(benchmark: Benchmark, hub: str) -> tuple[Path, str]:
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    source = benchmark.source
    info = HfApi().dataset_info(hub, revision=source.revision, timeout=_TIMEOUT_S)
    files = sorted(sibling.rfilename for sibling in info.siblings or [])
    readme = None
    if _README in files:
        path = hf_hub_download(hub, _README, repo_type="dataset", revision=info.sha)
        readme = Path(path).read_text(encoding="utf-8", errors="replace")
    rows = choose_row_files(files, benchmark, readme)
    missing = missing_parts(rows, source) if rows else list(source.rows)
    if missing:
        raise DataError(f"{benchmark.name}: {hub} at {info.sha} has no {', no '.join(missing)}. Mend its benchmark.py.")
    patterns = [_README, *_escape(rows), *source.files]
    folder = snapshot_download(hub, repo_type="dataset", revision=info.sha, allow_patterns=patterns)
    return Path(folder), f"hub:{hub}@{info.sha}"


def _escape(names: Sequence[str]) -> list[str]:
    """File names as patterns that match only themselves."""
    return [name.replace("[", "[[]") for name in names]


def _readme(folder: Path, roots: Sequence[Path]) -> str | None:
    path = folder / _README
    if not path.exists():
        return None
    check_file(within(path, roots), str(path), _MAX_README_BYTES)
    return path.read_text(encoding="utf-8", errors="replace")


def read_row_files(folder: Path, benchmark: Benchmark, roots: Sequence[Path]) -> list[str]:
    """The files of a local folder that hold the rows, in order.

    Args:
        folder: of the data set.
        benchmark: whose rows they are.
        roots: see `harness.media.bounds.within`.

    Raises:
        DataError: there is none, some are missing, or one lies out of the data folder.
    """
    if benchmark.source.table is not None:
        within(folder / benchmark.source.table.name, roots)
        return [benchmark.source.table.name]
    chosen = choose_row_files(list_files(folder, roots), benchmark, _readme(folder, roots))
    if not chosen:
        raise DataError(
            f"{benchmark.name}: no rows in {folder}: expected .parquet, .jsonl, .json, .csv, .tsv or what save_to_disk "
            f"writes. {benchmark.source.how_to_get}"
        )
    for name in chosen:
        within(folder / name, roots)
    return saved_files(folder, chosen)
