"""Where a checkpoint is and what it is: resolving its name and fingerprinting its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.core.errors import ModelError
from harness.core.hub import fetching, how_to_get_in, hub_unreachable_reason
from harness.core.prompts import FORMATS
from harness.core.reading import check_depth, parse_json, read_text
from harness.core.types import PromptFormat
from harness.core.worlds import name_choices, shipped_checkpoints, world_of_checkpoint
from harness.engines.kinds import PROCESSOR_FILES, check_own_code, check_sees
from harness.engines.preparation import one_line

SERVED: Final = "openai:"
"""A model behind an OpenAI-compatible server is named so, and as the server names it."""
_WEIGHT_SUFFIXES: Final = (".safetensors", ".bin", ".pt", ".gguf")
_NOT_WEIGHTS: Final = (
    "consolidated*",  # The same once more, as Mistral's own code reads them.
    "training_args.bin",
    "optimizer.bin",
    "scheduler.bin",
    "optimizer.pt",
    "scheduler.pt",
    "scaler.pt",
)
_BEHAVIOUR_SUFFIXES: Final = (".json", ".jinja", ".txt", ".model", ".py")
# Files that a trainer or the harness writes beside the model and that do not change what it says.
_NOT_BEHAVIOUR: Final = ("trainer_state.json", "harness.json", "README.md")
_ADAPTER: Final = "adapter_config.json"
_SHOWN: Final = 60
"""Characters of a value that an error quotes."""
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_LFS_BLOB: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model on disk, or the name of one behind an API or a recording.

    Attributes:
        name: as the user gave it.
        folder: where its files are, of an adapter those of its base model; `None` when there are none.
        adapter: where those of an adapter (LoRA) are; `None`: it is a whole model.
        weights: `sha256:...` over the weight files' content and names; `None` when there are none.
        files: `sha256:...` over configuration, tokenizer, processor and template files; `None` when there are none.
        prompt_format: what `harness.json` says the checkpoint was trained with; `None` when it does not say.
        training: what it says of the training, see `RunRecord.training`; `None` when it does not say.
        world: the made-up world that it is of, see `world_of_checkpoint`; `None`: of none.
        trust_remote_code: Python code that comes with it may be run.
    """

    name: str
    folder: Path | None
    weights: str | None = None
    files: str | None = None
    prompt_format: PromptFormat | None = None
    adapter: Path | None = None
    training: Mapping[str, Any] | None = None
    world: str | None = None
    trust_remote_code: bool = False

    @property
    def processor_folder(self) -> Path | None:
        """Where processor, tokenizer and chat template are: beside an adapter, if it was saved with them."""
        return self.folder if self.folder is None else _processor_folder(self.folder, self.adapter)


def resolve_checkpoint(
    name: str, *, revision: str | None = None, trust_remote_code: bool = False, sees: bool = False
) -> Checkpoint:
    """Find a checkpoint by name: one that comes with a world (`demo`), a local folder, or a hub id.

    Of a hub id what the local cache lacks is fetched, to the revision that is there. The folder of an adapter stands
    for its base model with the adapter, whether or not it holds the base's configuration too.

    Args:
        name: the name.
        revision: of a hub id; `None`: its main branch.
        trust_remote_code: Python code that comes with the checkpoint may be run, where there is any.
        sees: it is to be asked about images; else it may be a text-only model.

    Raises:
        ModelError: no such folder, a folder without weights, a broken `harness.json`, a hub id that cannot be fetched,
            an adapter whose base model cannot be found, code that is needed and not trusted, or, if it is to see,
            a text-only model, or one without processor or chat template.
    """
    shipped = shipped_checkpoints()
    if name in shipped:
        folder = shipped[name]
    elif Path(name).expanduser().is_dir():
        folder = Path(name).expanduser()
    elif _HUB_ID.fullmatch(name) and not name.startswith((".", "~")):
        folder = _fetch(name, revision)
    else:
        raise ModelError(
            f"model {name!r} not found: no such folder, and not a hub id (ORG/NAME). "
            f"Give a folder with config.json and weights, a hub id, or {name_choices(list(shipped))}."
        )
    adapter = folder if (folder / _ADAPTER).is_file() else None
    if adapter is not None:
        folder = _base_of(name, adapter, trust_remote_code)
    if not (folder / "config.json").is_file():
        raise ModelError(f"model {name!r}: no config.json in {folder}. Give the folder that save_pretrained wrote.")
    found = [file for place in (folder, adapter) if place is not None for file in weight_files(place)]
    if not found:
        raise ModelError(
            f"model {name!r}: no weights (*{', *'.join(_WEIGHT_SUFFIXES)}) in {folder}. "
            "Was the download or save cut off?"
        )
    behaviour_files = [file for place in (folder, adapter) if place is not None for file in _behaviour_files(place)]
    read_object(folder / "config.json")
    for path in behaviour_files:
        if path.suffix == ".json":  # The libraries that read them do not say which it was.
            _read_json(path)
    _check_index(name, folder)
    if not trust_remote_code:  # Such code may bring what no file tells.
        check_own_code(name, folder)
        if sees:
            check_sees(name, folder, _processor_folder(folder, adapter))
    about = (adapter or folder) / "harness.json"
    told = read_object(about) if about.is_file() else {}
    world = world_of_checkpoint(name, told)
    return Checkpoint(
        name=name,
        folder=folder,
        weights=_digest(found),
        files=_digest(behaviour_files),
        prompt_format=_trained_format(told, about),
        adapter=adapter,
        training=_training(told),
        world=None if world is None else world.name,
        trust_remote_code=trust_remote_code,
    )


def _processor_folder(folder: Path, adapter: Path | None) -> Path:
    with_adapter = adapter is not None and any((adapter / name).is_file() for name in PROCESSOR_FILES)
    return adapter if adapter is not None and with_adapter else folder


def _base_of(name: str, adapter: Path, trust_remote_code: bool) -> Path:
    """The folder of an adapter's base model."""
    try:
        base = read_object(adapter / _ADAPTER)["base_model_name_or_path"]
        resolved = resolve_checkpoint(base, trust_remote_code=trust_remote_code)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"adapter {name!r}: {adapter / _ADAPTER} names no base model ({error}). Mend it.") from error
    except ModelError as error:
        raise ModelError(
            f"adapter {name!r}: its base model cannot be had: {error} Set base_model_name_or_path in "
            f"{adapter / _ADAPTER} to where it is."
        ) from error
    if resolved.folder is None or resolved.adapter is not None:
        raise ModelError(f"adapter {name!r}: its base model {base!r} is an adapter, too. Merge that: harness merge.")
    return resolved.folder


def _behaviour_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix in _BEHAVIOUR_SUFFIXES and path.name not in _NOT_BEHAVIOUR
    )


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder that hold weights, in order: where there are safetensors, those alone, as libraries do."""
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix in _WEIGHT_SUFFIXES and not _matches(path.name, _NOT_WEIGHTS)
    )
    return [path for path in files if path.suffix == ".safetensors"] or files


def weight_indices(folder: Path) -> list[Path]:
    """The files that say which weights are in which of the files that `weight_files` names."""
    kinds = tuple({path.suffix for path in weight_files(folder)})
    return sorted(
        path
        for path in folder.glob("*.index.json")
        if path.name.removesuffix(".index.json").endswith(kinds) and not _matches(path.name, _NOT_WEIGHTS)
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _check_index(name: str, folder: Path) -> None:
    """Refuse a sharded checkpoint of which a shard is missing, before any time is spent on loading it."""
    for index_path in weight_indices(folder):
        shards = set(read_index(index_path).values())
        missing = sorted(shard for shard in shards if not (folder / shard).is_file())
        if missing:
            raise ModelError(
                f"model {name!r}: {len(missing)} of {len(shards)} weight files missing in {folder}, "
                f"e.g. {missing[0]}. Fetch or save the checkpoint again."
            )


def read_index(path: Path) -> Mapping[str, str]:
    """The file of each weight, as an index of a sharded checkpoint says.

    Raises:
        ModelError: it does not say so.
    """
    told = read_object(path).get("weight_map")
    if not isinstance(told, dict) or not all(isinstance(file, str) for file in told.values()):
        raise ModelError(f"{path} is not a weight index: weight_map is no table of files. Fetch the checkpoint again.")
    return told


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object that a file of a checkpoint holds.

    Raises:
        ModelError: it holds none.
    """
    told = _read_json(path)
    if not isinstance(told, dict):
        raise ModelError(
            f"{path} is not a JSON object: {str(told)[:_SHOWN]!r}. Mend it, or fetch the checkpoint again."
        )
    return told


def _read_json(path: Path) -> Any:
    try:
        told = parse_json(read_text(path))
        check_depth(told)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}. Mend it, or fetch the checkpoint again.") from error
    return told


def _digest(paths: Sequence[Path]) -> str:
    """Fingerprint of files by content and name, so that a copy or a move keeps it and a retrained model changes it."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name}\0{_file_sha256(path)}\0".encode())
    return f"sha256:{total.hexdigest()}"


def _file_sha256(path: Path) -> str:
    # In the hub's cache a large file is a link to a blob that is named by its sha256: no need to read gigabytes.
    target = path.resolve()
    if target.parent.name == "blobs" and _LFS_BLOB.fullmatch(target.name):
        return target.name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _training(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    training = told.get("training")
    if not isinstance(training, dict):
        return None
    found = {name: {**training, "step": told.get("step")}.get(name) for name in ("recipe", "data", "seed", "step")}
    return found if list(map(type, found.values())) == [str, str, int, int] else None


def _trained_format(told: Mapping[str, Any], about: Path) -> PromptFormat | None:
    prompt_format: PromptFormat | None = told.get("prompt_format")
    if prompt_format is not None and prompt_format not in FORMATS:
        raise ModelError(f"{about}: prompt_format {prompt_format!r} is not one of {', '.join(FORMATS)}. Mend it.")
    return prompt_format


def _fetch(name: str, revision: str | None) -> Path:
    with fetching(name):
        return _fetch_alone(name, revision)


def _fetch_alone(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    patterns = [f"*{suffix}" for suffix in (*_BEHAVIOUR_SUFFIXES, ".safetensors")]
    fetch = partial(snapshot_download, name, ignore_patterns=list(_NOT_WEIGHTS))
    cached = None
    with suppress(LocalEntryNotFoundError):
        cached = Path(fetch(revision=revision, allow_patterns=patterns, local_files_only=True))
    reason = hub_unreachable_reason()
    if reason is not None:
        if cached is not None and weight_files(cached):
            return cached
        raise ModelError(
            f"model {name!r} is neither a folder nor in the local hub cache, and {reason}. "
            f"Fetch it on a machine with access ('hf download {name}') or give a folder."
        )
    if cached is not None:  # Of its commit another tool, or a download that was killed, may have left a part.
        revision = cached.name
    try:
        folder = Path(fetch(revision=revision, allow_patterns=patterns))
        if not weight_files(folder):  # Of an older model, saved before there were safetensors.
            folder = Path(fetch(revision=revision, allow_patterns=[*patterns, "*.bin"]))
        return folder
    except GatedRepoError as error:
        raise ModelError(f"model {name!r} is gated. {how_to_get_in(name, 'model')}") from error
    except RepositoryNotFoundError as error:  # The hub does not tell which.
        told = f"the hub has no such model, or it is private. Check the name. {how_to_get_in(name, 'model')}"
        raise ModelError(f"model {name!r}: {told}") from error
    except LocalEntryNotFoundError as error:
        raise ModelError(f"model {name!r} cannot be fetched: {one_line(error)} Try again.") from error
    except HfHubHTTPError as error:
        if cached is not None and weight_files(cached):  # The hub has forgotten this commit.
            return cached
        status = error.response.status_code if error.response is not None else "no"
        raise ModelError(f"model {name!r}: the hub answered with status {status}. Check the name.") from error
