"""The demo data sets: questions in the style of benchmarks over the demo world, in the hub's schemas.

    pope/test-00000-of-00001.parquet     id, question_id, question, answer, image_source, image, category
    repope/annotations/coco_repope_{category}.json        question_id, image, text, label: of POPE's questions
    hallusionbench/data/image-00000-of-00001.parquet      category, set_id, figure_id, question_id, question, image, ...
    dash_b/data/test-00000-of-00001.parquet               question_id, question, answer, object_name, image
    amber/data/query/query_discriminative.json and data/annotations.json and image/AMBER_N.png
    chair/data/test-00000-of-00001.parquet                question_id, question, gt_object, image, ...; chair_64 too
    amber_generative/data/query/query_generative.json     id, image, query, truth, hallu, ...; and image/AMBER_N.png
    mmbench/dev-00000-of-00001.parquet   index, question, hint, A, B, C, D, answer, category, l2-category, image
    videohallucer/{subset}/{subset}.json and videos/
    eventhallusion/questions/{subset}_questions.json and videos/{subset}/
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
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import DataError
from harness.core.files import cache_folder, write_errors

SEED: Final = 20260601
VERSION: Final = 1
"""Raised when the generator changes what it makes; part of the cache folder's name."""

_MODULES: Final = (
    "world.py", "rendering.py", "videos.py", "questions.py", "asking.py", "data.py", "data_images.py",
    "data_presence.py", "data_captions.py", "data_videos.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large the data sets are.

    Attributes:
        pope_images: images of POPE, with 18 questions each, and of AMBER, with four each; sets of HallusionBench, with
            eight questions each; a quarter of the images of DASH-B, with one question each.
        captions: images of CHAIR, and of AMBER, each to be described once.
        mmbench_groups: questions of MMBench, each with all rotations of its options.
        videohallucer_pairs: pairs in each of VideoHallucer's five subsets; half as many questions in each of
            EventHallusion's three sets.
        mmvu_items: questions of MMVU.
    """

    pope_images: int = 40
    captions: int = 60
    mmbench_groups: int = 200
    videohallucer_pairs: int = 60
    mmvu_items: int = 200


def build_demo_data(folder: Path, seed: int = SEED, *, sizes: Sizes | None = None) -> None:
    """Write all data sets into `folder`, which is made if it does not exist.

    Args:
        folder: of the data sets.
        seed: of all that is drawn.
        sizes: `None`: those of the demo data.
    """
    from harness.demo.data_captions import write_amber_generative, write_chair
    from harness.demo.data_images import write_mmbench, write_pope, write_repope
    from harness.demo.data_presence import write_amber, write_dash_b, write_hallusionbench
    from harness.demo.data_videos import write_eventhallusion, write_mmvu, write_videohallucer

    sizes = sizes or Sizes()
    write_pope(folder / "pope", seed, count=sizes.pope_images)
    write_repope(folder / "repope", folder / "pope")
    write_hallusionbench(folder / "hallusionbench", seed, count=sizes.pope_images)
    write_dash_b(folder / "dash_b", seed, count=4 * sizes.pope_images)
    write_amber(folder / "amber", seed, count=sizes.pope_images)
    for name in ("chair", "chair_64"):
        write_chair(folder / name, seed, count=sizes.captions)
    write_amber_generative(folder / "amber_generative", seed, count=sizes.captions)
    write_mmbench(folder / "mmbench", seed, count=sizes.mmbench_groups)
    write_videohallucer(folder / "videohallucer", seed, count=sizes.videohallucer_pairs)
    write_eventhallusion(folder / "eventhallusion", seed, count=sizes.videohallucer_pairs // 2)
    write_mmvu(folder / "mmvu", seed, count=sizes.mmvu_items)


def generator_digest() -> str:
    """What decides the data: the generator's version and source, and the world."""
    from harness.demo.world import NUMBER

    digest = hashlib.sha256(str(VERSION).encode())
    if NUMBER > 1:
        digest.update(bytes([NUMBER]))
    for name in _MODULES:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:12]


def build_once(place: Path, seed: int = SEED, *, sizes: Sizes | None = None) -> Path:
    """Write the data sets into `place`, unless it is there.

    They are written beside it and renamed, so that an interrupted or concurrent first use never leaves half of them.

    Args:
        place: folder of the data sets.
        seed: of all that is drawn.
        sizes: `None`: those of the demo data.

    Raises:
        StoreError: the folder cannot be written.
    """
    if place.is_dir():
        return place
    with write_errors(place, advice="Free some space, or set XDG_CACHE_HOME or --out to a writable folder."):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as scratch:
            build_demo_data(Path(scratch) / place.name, seed, sizes=sizes)
            try:
                (Path(scratch) / place.name).rename(place)
            except OSError:
                if not place.is_dir():  # Else another process was first, with the same data.
                    raise
    return place


def demo_data() -> Path:
    """The folder with the demo data in the cache, made on first use.

    Raises:
        StoreError: the cache cannot be written.
    """
    return build_once(cache_folder() / f"demo-{generator_digest()}")


def demo_data_folder(out: Path | None = None) -> Path:
    """Write the demo data into a folder of the user's, or find them in the cache.

    Args:
        out: a new or empty folder; `None`: the cache, see `demo_data`.

    Raises:
        DataError: the folder holds something already.
        StoreError: the folder cannot be written.
    """
    if out is None:
        return demo_data()
    with write_errors(out, advice="Choose another --out."):
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise DataError(
                f"folder {out} is not empty: the demo data need a folder of their own. Choose another --out."
            )
        build_demo_data(out)
    return out
