"""The demo data sets: POPE, VideoHallucer, MMBench and MMVU style questions over the demo world, in the hub's schemas.

    pope/test-00000-of-00001.parquet     id, question_id, question, answer, image_source, image, category
    mmbench/dev-00000-of-00001.parquet   index, question, hint, A, B, C, D, answer, category, l2-category, image
    videohallucer/{subset}/{subset}.json and videos/
    mmvu/validation.json and videos/SUBJECT/N.mp4
    {task}/annotations.jsonl             the truth behind each sample, keyed by sample id

The data are not shipped: they are made on first use, in a few seconds, into a cache folder (`demo_data`), which keeps
the package small and the generator honest. The seed is fixed, so every machine gets the same questions and scenes, and
one machine the same bytes (video encoders differ between FFmpeg builds). Scenes come from the layouts that
`world.is_held_out` reserves, so that no training example ever had the same objects in the same cells.

An annotation line holds `sample_id`, `query` (what was asked, in the world's terms), and `scenes`: for each image or
video of the sample the `media` it is stored as and its `objects` with `object`, `position`, `faint`, and in a video
`event` (`verb`, `argument`, `when`). Imported lazily only: numpy is imported at the top.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import DataError
from harness.core.files import cache_folder

SEED: Final = 20260601
VERSION: Final = 1
"""Raised when the generator changes what it makes; part of the cache folder's name."""

_MODULES: Final = (
    "world.py", "rendering.py", "videos.py", "questions.py", "asking.py", "data.py", "data_images.py", "data_videos.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large the data sets are.

    Attributes:
        pope_images: images of POPE, with 18 questions each.
        mmbench_groups: questions of MMBench, each with all rotations of its options.
        videohallucer_pairs: pairs in each of VideoHallucer's five subsets.
        mmvu_items: questions of MMVU.
    """

    pope_images: int = 40
    mmbench_groups: int = 200
    videohallucer_pairs: int = 60
    mmvu_items: int = 200


def build_demo_data(folder: Path, seed: int = SEED, *, sizes: Sizes | None = None) -> None:
    """Write all four data sets into `folder`, which is made if it does not exist.

    Args:
        folder: of the data sets.
        seed: of all that is drawn.
        sizes: `None`: those of the demo data.
    """
    from harness.demo.data_images import write_mmbench, write_pope
    from harness.demo.data_videos import write_mmvu, write_videohallucer

    sizes = sizes or Sizes()
    write_pope(folder / "pope", seed, count=sizes.pope_images)
    write_mmbench(folder / "mmbench", seed, count=sizes.mmbench_groups)
    write_videohallucer(folder / "videohallucer", seed, count=sizes.videohallucer_pairs)
    write_mmvu(folder / "mmvu", seed, count=sizes.mmvu_items)


def generator_digest() -> str:
    """What decides the data: the generator's version and source."""
    digest = hashlib.sha256(str(VERSION).encode())
    for name in _MODULES:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:12]


def demo_data(folder: Path | None = None) -> Path:
    """The folder with the demo data, made on first use.

    The data are written beside their place and renamed into it, so that an interrupted or concurrent first use never
    leaves half a data set behind.

    Args:
        folder: the cache folder to use instead of `cache_folder()`.

    Raises:
        DataError: the folder cannot be written.
    """
    place = (folder or cache_folder()) / f"demo-{generator_digest()}"
    if place.is_dir():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    except OSError as error:
        raise DataError(
            f"demo data cannot be written to {place.parent}: {error.strerror}. Set XDG_CACHE_HOME to a writable folder."
        ) from error
    try:
        build_demo_data(scratch)
        try:
            scratch.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    except OSError as error:
        raise DataError(
            f"demo data cannot be written to {place.parent}: {error.strerror}. Free some space or set XDG_CACHE_HOME."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place


def demo_data_folder(out: Path | None = None) -> Path:
    """Write the demo data into a folder of the user's, or find them in the cache.

    Args:
        out: a new or empty folder; `None`: the cache, see `demo_data`.

    Raises:
        DataError: the folder holds something already, or cannot be written.
    """
    if out is None:
        return demo_data()
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise DataError(
                f"folder {out} is not empty: the demo data need a folder of their own. Choose another --out."
            )
        build_demo_data(out)
    except OSError as error:
        raise DataError(f"demo data cannot be written to {out}: {error.strerror}. Choose another --out.") from error
    return out
