"""Making lmms-eval's Task objects: from a plug-in's or its own configuration, at once or not at all.

Imported lazily: lmms-eval takes seconds.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from harness.core.errors import DataError, UsageError
from harness.core.hub import hub_unreachable_reason
from harness.core.worlds import worlds

_STUB_SIDE: Final = 64


def make_task(config: dict[str, Any], docs: Any = None) -> Any:
    """An lmms-eval Task for chat models, without its retries.

    Args:
        config: of the task, its functions loaded.
        docs: rows to use in place of what `config` would load.
    """
    from lmms_eval.api.task import ConfigurableMessagesTask, ConfigurableTask

    class Task(ConfigurableMessagesTask):  # type: ignore[misc]  # lmms-eval is not typed
        def download(self, dataset_kwargs: dict[str, Any] | None = None) -> None:
            if docs is None:
                ConfigurableTask.download.__wrapped__(self, dataset_kwargs)
            else:
                split = self.config.test_split or self.config.validation_split
                self.dataset = self.dataset_no_image = {split: docs}

        def process_results(self, doc: Any, results: Any, full_docs: Any = None) -> Any:
            return ConfigurableTask.process_results.__wrapped__(self, doc, results, full_docs)

    if "class" in config:
        kind = config["class"]
        return kind(config=config) if "config" in inspect.signature(kind.__init__).parameters else kind()
    return Task(config=config, model_name=None)


def read_config(name: str, path: Path) -> dict[str, Any]:
    """The configuration of one of lmms-eval's own tasks, its functions loaded.

    Raises:
        UsageError: its code needs a package that is missing, or fails when it is loaded.
    """
    from lmms_eval.utils import load_yaml_config

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


def redirect(name: str, config: dict[str, Any], data: str) -> str:
    """Point a task's configuration to a local copy of its data set, and say how records name the data."""
    hub = str(config.get("dataset_path"))
    if data == "hub":
        return f"hub:{hub}"
    if data in worlds():
        raise UsageError(f"task {name!r} has no {data} data. Give --data hub or a folder.")
    folder = Path(data).expanduser()
    for place in (folder / name, folder / hub.split("/")[-1]):
        if place.is_dir():
            config["dataset_path"] = str(place)
            config["dataset_kwargs"] = {"load_from_disk": True} if (place / "dataset_dict.json").is_file() else {}
            return f"dir:{place.name}"
    raise DataError(f"{name}: data folder {data} has no folder {name!r} or {hub.split('/')[-1]!r}.")


def load_lmms_task(name: str, config: dict[str, Any]) -> Any:
    """One of lmms-eval's own tasks with its data; what lmms-eval retries fails at once.

    Raises:
        DataError: its data set cannot be loaded, or is empty.
    """
    hub = str(config.get("dataset_path"))
    reason = None if Path(hub).exists() or "/" not in hub else hub_unreachable_reason()
    try:
        with _offline(reason is not None):
            task = make_task(config)
    except (Exception, SystemExit) as error:  # The data set's loader and the task's own code raise anything.
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise DataError(
            f"{name}: data set {hub} cannot be loaded: {why}{f' ({reason})' if reason else ''}. Fetch it on a machine "
            f"with access ('hf download --repo-type dataset {hub}'), or give a local copy with --data DIR."
        ) from error
    if not len(task.eval_docs):
        raise DataError(f"{name}: the data set {hub} is empty.")
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


def stub_docs(docs: Any) -> Iterator[dict[str, Any]]:
    """Docs whose images are small grey ones: enough to ask a task how many there are, without decoding any."""
    from datasets import Image as ImageFeature
    from PIL import Image as PilImage

    def stub(feature: Any, value: Any) -> Any:
        if isinstance(feature, ImageFeature):
            return None if value is None else PilImage.new("RGB", (_STUB_SIDE, _STUB_SIDE), (128, 128, 128))
        inner = getattr(feature, "feature", feature[0] if isinstance(feature, list) else None)
        if isinstance(inner, ImageFeature):
            return [stub(inner, item) for item in value or []]
        return value

    raw = docs.with_format("arrow")
    for index in range(len(docs)):
        (row,) = raw[index : index + 1].to_pylist()
        yield {column: stub(docs.features[column], value) for column, value in row.items()}


def version_of(config: Mapping[str, Any]) -> str:
    """The version that a task states in its metadata, else `0`."""
    metadata = config.get("metadata")
    entries = metadata if isinstance(metadata, list) else [metadata]
    return str(next((entry["version"] for entry in entries if isinstance(entry, dict) and "version" in entry), "0"))
