"""From rows on disk to what the trainers read: prompts and the row itself.

Imported lazily only: datasets is imported at the top.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datasets import Dataset

from harness.core.errors import DataError, MediaError
from harness.core.prompts import build_prompt
from harness.core.types import PromptFormat
from harness.core.worlds import worlds
from harness.engines import Request
from trainers.data.schema import Example, example_from_row, find_medium, read_examples, row_from_example

if TYPE_CHECKING:
    from PIL.Image import Image

    from harness.media.videos import Video
    from trainers.settings import Recipe


def training_file(recipe: Recipe, output: Path) -> tuple[Path, Path]:
    """The file of a recipe's data and what its media paths are relative to; a world's data are made on first use.

    Raises:
        DataError: the file is missing.
    """
    world = worlds().get(recipe.data.train)
    if world is not None and world.rows is not None:
        file = world.rows.write(output / "data", recipe.data.demo_rows, recipe.seed, recipe.data.demo_videos)
    else:
        file = Path(recipe.data.train).expanduser()
        if not file.is_file():
            raise DataError(f"training data {file} not found. Give data.train=FILE, or make it: 'harness data'.")
    root = Path(recipe.data.media_root).expanduser() if recipe.data.media_root else file.parent
    return file, root


def read_training(
    file: Path, root: Path, *, outside: Sequence[str] = (), limit: int | None, require_response: bool
) -> list[Example]:
    """Rows of a file, checked, their media found.

    Args:
        file: of the rows.
        root: what media paths are relative to.
        outside: folders that media may be in besides.
        limit: rows to read; `None`: all.
        require_response: refuse rows without a `response`.

    Raises:
        DataError: a row is malformed, a file of its media is missing or out of `root`, or there is no row.
    """
    roots = (root, *(Path(name).expanduser() for name in outside))
    examples: list[Example] = []
    for example in read_examples(file, require_response=require_response):
        if limit is not None and len(examples) == limit:
            break
        for media in example.sample.media:
            find_medium(media, roots, f"{file}: row {example.sample.id!r}", "data.media_root")
        examples.append(example)
    if not examples:
        raise DataError(f"training data {file} holds no rows.")
    return examples


def data_digest(examples: list[Example]) -> str:
    """Fingerprint of the rows that are trained on, in order."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(row_from_example(example), sort_keys=True).encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"


def as_request(example: Example, root: Path, *, prompt_format: PromptFormat, num_frames: int) -> Request:
    """An example as an engine is asked it; opening its media raises `DataError`, which names the row."""
    return Request(
        task=example.sample.task,
        sample_id=example.sample.id,
        prompt=build_prompt(example.sample, prompt_format),
        media=example.sample.media,
        open_media=partial(_open_row, example, root, num_frames),
    )


def _open_row(example: Example, root: Path, num_frames: int) -> list[Image | Video]:
    from harness.media.images import open_image
    from harness.media.videos import open_video

    try:
        return [
            open_video(root / media.source, num_frames) if media.kind == "video" else open_image(root / media.source)
            for media in example.sample.media
        ]
    except MediaError as error:
        raise DataError(
            f"training row {example.sample.id!r}: {error} 'harness data validate --media' finds all such rows."
        ) from error


def parse_row(text: str) -> Example:
    """An example from the JSON text that travels through the trainer."""
    return example_from_row(json.loads(text), "training row")


def build_dataset(examples: list[Example], *, prompt_format: PromptFormat) -> Dataset:
    """The rows as a trainer of TRL reads them.

    Columns: `row`, the row as JSON, and `prompt`, its text as a conversation of one turn. What is shown to the model is
    made of the row, by `trainers.showing`.
    """
    prompts = [build_prompt(example.sample, prompt_format) for example in examples]
    return Dataset.from_dict(
        {
            "row": [json.dumps(row_from_example(example)) for example in examples],
            "prompt": [[{"role": "user", "content": prompt}] for prompt in prompts],
        }
    )
