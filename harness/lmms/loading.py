"""Making lmms-eval's Task objects from their configurations and data, at once or not at all.

Imported lazily: lmms-eval takes seconds.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError, UsageError
from harness.core.hub import fetching, how_to_get_in, hub_unreachable_reason
from harness.core.worlds import worlds
from harness.lmms.index import read_yaml
from harness.media.bounds import within

_STUB_SIDE: Final = 64
_BUILDERS: Final = ("csv", "json", "parquet", "text", "pandas", "arrow")
"""Names in the place of a data set's that stand for files, which lmms-eval looks up beside the YAML."""


def _make_task(config: dict[str, Any]) -> Any:
    """An lmms-eval Task for chat models, without its retries."""
    from lmms_eval.api.task import ConfigurableMessagesTask, ConfigurableTask

    class Task(ConfigurableMessagesTask):  # type: ignore[misc]  # lmms-eval is not typed
        def download(self, dataset_kwargs: dict[str, Any] | None = None) -> None:
            ConfigurableTask.download.__wrapped__(self, dataset_kwargs)

        def process_results(self, doc: Any, results: Any, full_docs: Any = None) -> Any:
            return ConfigurableTask.process_results.__wrapped__(self, doc, results, full_docs)

    if "class" in config:
        kind = config["class"]
        return kind(config=config) if "config" in inspect.signature(kind.__init__).parameters else kind()
    return Task(config=config, model_name=None)


def read_config(name: str, path: Path) -> dict[str, Any]:
    """The configuration of a task of lmms-eval's kind, its functions loaded.

    Raises:
        UsageError: its code needs a package that is missing, or fails when it is loaded.
    """
    from huggingface_hub.constants import HF_HOME
    from lmms_eval.utils import load_yaml_config

    os.environ.setdefault("HF_HOME", HF_HOME)  # Some tasks look for their videos in it, and fail where it is not set.
    try:
        config: dict[str, Any] = load_yaml_config(str(path), mode="full")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"task {name!r} needs the package {error.name!r}, which lmms-eval does not install. "
            f"Install it, e.g. with 'pip install {error.name}'."
        ) from error
    except (Exception, SystemExit) as error:  # The task's own code runs when it is loaded.
        raise UsageError(f"task {name!r} cannot be loaded: {type(error).__name__}: {error} ({path}).") from error
    return config


def find_data(name: str, path: Path, data: str | None) -> tuple[str, dict[str, Any]]:
    """Where the data of a task are, before anything slow is imported.

    Args:
        name: of the task.
        path: its YAML.
        data: `hub` or `None`: where the YAML says; or a folder with a copy.

    Returns:
        How records name the data (`hub:ID`; `yaml:NAME` of files that the YAML names; `dir:NAME` of a copy), and what
        is to be replaced in the task's configuration for it.

    Raises:
        UsageError: `data` is a world, which has nothing for this task.
        DataError: there are no such files.
    """
    config = read_yaml(path)
    named, kwargs = str(config.get("dataset_path")), config.get("dataset_kwargs") or {}
    if data in worlds():
        raise UsageError(f"task {name!r} has no {data} data. Leave --data out, or give --data hub or a folder.")
    if data is not None and data != "hub":
        folder = Path(data).expanduser()
        for place in (folder / name, folder / named.split("/")[-1]):
            if place.is_dir():
                return f"dir:{place.name}", _folder_of_data(place)
        raise DataError(f"{name}: data folder {data} has no folder {name!r} or {named.split('/')[-1]!r}.")
    if named in _BUILDERS:
        files = list(_texts(kwargs.get("data_files")))
        missing = next((file for file in files if not _is_there(file, path.parent)), None)
        if missing is not None:
            raise DataError(f"{name}: data file missing: {missing}, which {path} names; paths start beside the YAML.")
        return f"yaml:{Path(files[0]).name if files else named}", {}
    for place in (Path(named).expanduser(), path.parent / named):
        if place.is_dir():
            return f"yaml:{place.name}", _folder_of_data(place) | ({"dataset_kwargs": kwargs} if kwargs else {})
    if named.startswith((".", "/", "~")):
        raise DataError(f"{name}: data folder missing: {named}, which {path} names; paths start beside the YAML.")
    return f"hub:{named}", {}


def _folder_of_data(place: Path) -> dict[str, Any]:
    saved = (place / "dataset_dict.json").is_file()
    return {"dataset_path": str(place.resolve()), "dataset_kwargs": {"load_from_disk": True} if saved else {}}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _is_there(file: str, folder: Path) -> bool:
    """Whether a file is there, as far as its name can tell."""
    return any(mark in file for mark in "*?[:") or (folder / Path(file).expanduser()).exists() or Path(file).exists()


def load_lmms_task(name: str, config: dict[str, Any], source: str, path: Path) -> Any:
    """A task of lmms-eval's kind with its data; what lmms-eval retries fails at once.

    Args:
        name: of the task.
        config: see `read_config`.
        source: of its data, see `find_data`.
        path: its YAML.

    Raises:
        DataError: its data set cannot be loaded, or is empty.
        UsageError: it aggregates a metric in a way that does not exist.
    """
    from huggingface_hub.errors import GatedRepoError

    kind, _, data = source.partition(":")
    reason = hub_unreachable_reason() if kind == "hub" else None
    try:
        with _offline(reason is not None), fetching(data) if kind == "hub" and reason is None else nullcontext():
            task = _make_task(config)
        count = len(task.eval_docs)
    except (Exception, SystemExit) as error:  # The data set's loader and the task's own code raise anything.
        last = getattr(error, "last_attempt", None)  # Of what lmms-eval retried.
        shown = last.exception() if last is not None else error
        why = f"{type(shown).__name__}: {shown}".strip(" :\n").splitlines()[0].rstrip(".")
        advice = (
            f"Fetch it on a machine with access ('hf download --repo-type dataset {data}'), or give a local copy with "
            "--data DIR."
            if kind == "hub"
            else f"Mend it, or {path}."
        )
        if isinstance(shown, GatedRepoError) or "is a gated dataset" in str(shown):  # Of which datasets has no class.
            advice = how_to_get_in(data, "dataset")
        raise DataError(
            f"{name}: data set {data} cannot be loaded: {why}{f' ({reason})' if reason else ''}. {advice}"
        ) from error
    if not count:
        raise DataError(f"{name}: the data set {data} is empty.")
    unknown = [metric for metric, figure in task.aggregation().items() if not callable(figure)]
    if unknown:
        raise UsageError(f"task {name!r}: metric {unknown[0]!r} has no aggregation that lmms-eval knows. Mend {path}.")
    return task


@contextmanager
def _offline(offline: bool) -> Iterator[None]:
    """Keep the hub's clients from trying for minutes what has been found out of reach."""
    import datasets.config
    import huggingface_hub.constants

    before = (huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)
    if offline:
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def cache_folders() -> tuple[Path, ...]:
    """Where the hub's clients keep what they fetched and unpacked."""
    from datasets.config import HF_DATASETS_CACHE
    from huggingface_hub.constants import HF_HOME, HF_HUB_CACHE

    own = os.environ.get("LMMS_EVAL_DATASETS_CACHE", "").strip()
    return Path(HF_HOME), Path(HF_HUB_CACHE), Path(HF_DATASETS_CACHE), *([Path(own)] if own else [])


def stub_docs(docs: Any, roots: Sequence[Path]) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Docs whose images are small grey ones: enough to ask a task how many there are, without decoding any.

    Each comes with what identifies its images: digests of their encoded bytes, or paths.

    Args:
        docs: a data set.
        roots: where images that the docs name may be, see `harness.media.bounds.within`.

    Raises:
        OutsideError: one lies elsewhere.
    """
    from datasets import Image as ImageFeature
    from PIL import Image as PilImage

    images: set[str] = set()

    def stub(feature: Any, value: Any) -> Any:
        if isinstance(feature, ImageFeature):
            if value is None:
                return None
            content = value["bytes"]
            if content is None:  # An archive's member is written `zip://MEMBER::ARCHIVE`.
                within(Path(str(value["path"]).rpartition("::")[2]), roots)
            images.add(str(value["path"]) if content is None else blake2b(content, digest_size=16).hexdigest())
            return PilImage.new("RGB", (_STUB_SIDE, _STUB_SIDE), (128, 128, 128))
        inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) else None)
        if isinstance(inner, ImageFeature):
            return [stub(inner, item) for item in value or []]
        return value

    raw = docs.with_format("arrow")
    for index in range(len(docs)):
        (row,) = raw[index : index + 1].to_pylist()
        images.clear()
        doc = {column: stub(docs.features[column], value) for column, value in row.items()}
        yield doc, frozenset(images)


def version_of(config: Mapping[str, Any]) -> str:
    """The version that a task states in its metadata, else `0`."""
    return str(_stated(config, "version", "0"))


def right_from(name: str, config: Mapping[str, Any]) -> float | None:
    """The least of a task's numbers that is right, as its metadata state it; `None`: they do not.

    Raises:
        UsageError: it is no number.
    """
    value = _stated(config, "right_from", None)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise UsageError(f"task {name!r}: 'right_from' in its metadata is {value!r}, not a number.")
    return value


def _stated(config: Mapping[str, Any], key: str, default: Any) -> Any:
    metadata = config.get("metadata")
    entries = metadata if isinstance(metadata, list) else [metadata]
    return next((entry[key] for entry in entries if isinstance(entry, dict) and key in entry), default)
