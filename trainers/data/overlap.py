"""Images and videos of training data that benchmarks ask about: by COCO's ids, and by what they look like.

An id is the number in a COCO file name: `COCO_val2014_000000310196.jpg` and `train2017/000000310196.jpg` are one image,
which COCO's splits of 2014 and 2017 sort otherwise. What pictures look like is told by perceptual hashes: ImageHash's
pHash of each colour, which says of the lowest 16 x 16 frequencies which are above their median, 768 bits in all. Copies
in another size, format or quality differ in few of them, other pictures in about half. Of a video its first and its
middle frame count.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.core.errors import DataError, MediaError, UsageError
from trainers.data.schema import find_medium, read_examples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from harness.core.types import Media
    from harness.evaluation.task_registry import TaskData
    from harness.media.videos import Video

DISTANCE: Final = 64
"""Bits of 768 in which copies may differ. Measured: JPEG of quality 30, a third of the size and brighter light 18 at
most on photographs; different pictures 102 at least, even in the demo's plain world. A copy of which two per cent are
cut off at each side differs in about as many, and is not found."""
CONTRAST: Final = 2.0
"""Standard deviation of a colour, of levels 0 to 255 in 64 x 64 pixels, below which its hash tells nothing: all plain
pictures have one hash, and copies of pictures below it were measured to differ as different pictures do."""
FRAMES: Final = 3
"""Frames that are kept of a video, so that the middle one is among them."""
HASH_SIZE: Final = 16
_COCO: Final = re.compile(r"(?:COCO_(?:train|val|test)\d{4}_)?(\d{12})")
_BLOCK: Final = 4096
"""Pictures of one side that are compared at a time."""


@dataclass(slots=True, kw_only=True)
class Picture:
    """An image or a video that rows or questions are about.

    Attributes:
        name: where it is, for people.
        about: ids of the rows or questions.
        open: gives its frames, of an image one. Raises `MediaError` or `DataError`.
        coco: its id in COCO; `None`: its name is none of COCO's.
        bits: hashes of its frames: [F, 768]; `None`: it could not be opened, or none has contrast.
        plain: whether it was opened, and none of its frames has contrast.
        problem: why it has no hashes, in words.
    """

    name: str
    about: list[str]
    open: Callable[[], list[Image]]
    coco: int | None
    bits: NDArray[np.float32] | None = None
    plain: bool = False
    problem: str = ""

    @property
    def opened(self) -> bool:
        """Whether it could be opened."""
        return self.plain or self.bits is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A picture of the training data that a benchmark asks about.

    Attributes:
        train: the one in the training data.
        asked: the one of the benchmark.
        by: how it was found, by its id where both ways found it.
        distance: bits in which they differ; 0 by id.
    """

    train: Picture
    asked: Picture
    by: Literal["id", "hash"]
    distance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What training data and one benchmark have in common.

    Attributes:
        task: plain task name.
        pictures: different images and videos that the benchmark asks about.
        questions: that it asks.
        opened: pictures of the benchmark that could be opened.
        plain: those of them without contrast, which nothing is compared with.
        named: pictures of the benchmark with an id of COCO's.
        matches: what was found, each picture of the training data once a picture of the benchmark.
    """

    task: str
    pictures: int
    questions: int
    opened: int
    plain: int
    named: int
    matches: Sequence[Match] = field(default=())

    @property
    def rows(self) -> list[str]:
        """Ids of the training rows about pictures of the benchmark."""
        return list(dict.fromkeys(row for match in self.matches for row in match.train.about))

    @property
    def asked(self) -> list[str]:
        """Ids of the questions about pictures of the training data."""
        return list(dict.fromkeys(name for match in self.matches for name in match.asked.about))


def coco_id(*names: str | None) -> int | None:
    """The number of an image in COCO by one of the names that are given for it."""
    for name in names:
        match = _COCO.fullmatch(PurePosixPath(name).name.partition(".")[0]) if name else None
        if match is not None:
            return int(match[1])
    return None


def training_pictures(source: Path, roots: Sequence[Path]) -> list[Picture]:
    """The different images and videos of a training file.

    Args:
        source: JSON lines in the schema of the recipes.
        roots: what media paths are relative to, and other folders that they may be in.

    Raises:
        DataError: a row is malformed, or none names an image or a video.
    """
    found: dict[str, Picture] = {}
    names = []
    for example in read_examples(source):
        names.append(example.sample.id)
        for medium in example.sample.media:
            opened = partial(_open_training, medium, roots, f"row {example.sample.id!r}")
            picture = found.setdefault(
                medium.source, Picture(name=medium.source, about=[], open=opened, coco=coco_id(medium.source))
            )
            picture.about.append(example.sample.id)
    if not names:
        raise DataError(f"{source} holds no rows.")
    if not found:
        raise DataError(
            f"{source}: field 'media' names no image or video in any of {len(names):,} rows, e.g. row {names[0]!r}. "
            "There is nothing to compare."
        )
    return list(found.values())


def _open_training(medium: Media, roots: Sequence[Path], where: str) -> list[Image]:
    from harness.media.images import open_image
    from harness.media.videos import open_video

    path = find_medium(medium, roots, where, "--media-root")
    try:
        return _frames(open_image(path) if medium.kind == "image" else open_video(path, FRAMES))
    except MediaError as error:
        raise MediaError(f"{where}: field 'media': {error}") from error


def asked_pictures(task: TaskData) -> list[Picture]:
    """The different images and videos that a benchmark asks about; rows of a table that hold one image have one."""
    found: dict[str, Picture] = {}
    for sample in task.samples:
        if not sample.media:
            continue
        shared = sample.cluster if task.facts.clusters_share_media else None
        name = sample.media[0].source
        picture = found.setdefault(
            shared or name,
            Picture(
                name=shared or name,
                about=[],
                open=partial(_open_asked, task, sample.id),
                coco=coco_id(sample.cluster, *(medium.source for medium in sample.media)),
            ),
        )
        picture.about.append(sample.id)
    return list(found.values())


def _open_asked(task: TaskData, sample_id: str) -> list[Image]:
    return [frame for medium in task.open_media(sample_id) for frame in _frames(medium)]


def _frames(medium: Image | Video) -> list[Image]:
    """An image; of a video its first and its middle frame."""
    from harness.media.videos import Video, frame_images

    if not isinstance(medium, Video):
        return [medium]
    frames = frame_images(medium)
    return [frames[0], frames[len(frames) // 2]]


def hash_pictures(pictures: Sequence[Picture], progress: Callable[[Iterable[Any]], Iterable[Any]]) -> None:
    """Hash what can be opened and has contrast.

    Args:
        pictures: are given their `bits`, or the `problem`.
        progress: shows how far it is.

    Raises:
        UsageError: ImageHash is not installed.
    """
    try:
        import imagehash  # noqa: F401
    except ImportError as error:
        raise UsageError("comparing pictures needs the package 'imagehash': pip install imagehash.") from error
    with ThreadPoolExecutor(thread_name_prefix="hash") as pool:
        for _ in progress(pool.map(_hash, pictures)):
            pass


def _hash(picture: Picture) -> None:
    import imagehash
    import numpy as np

    try:
        frames = [frame.convert("RGB") for frame in picture.open()]
    except (MediaError, DataError) as error:
        picture.problem = str(error)
        return
    small = [np.asarray(frame.resize((64, 64))) for frame in frames]
    if all(levels.std(axis=(0, 1)).max() < CONTRAST for levels in small):
        picture.plain, picture.problem = True, f"{picture.name} of {picture.about[0]!r} has no contrast"
        return
    colours = [frame.split() for frame in frames]
    hashes = [[imagehash.phash(band, hash_size=HASH_SIZE).hash.ravel() for band in bands] for bands in colours]
    picture.bits = np.asarray(hashes, dtype=np.float32).reshape(len(frames), -1)


def find_overlap(task: TaskData, train: Sequence[Picture], asked: Sequence[Picture], distance: int) -> Overlap:
    """What training data and a benchmark have in common.

    Args:
        task: the benchmark.
        train: pictures of the training data.
        asked: pictures of the benchmark.
        distance: bits in which copies may differ.
    """
    found: dict[tuple[int, int], Match] = {}
    by_id: dict[int, list[int]] = defaultdict(list)
    for place, picture in enumerate(train):
        if picture.coco is not None:
            by_id[picture.coco].append(place)
    for other, picture in enumerate(asked):
        for place in by_id.get(picture.coco or -1, ()):
            found[place, other] = Match(train=train[place], asked=picture, by="id", distance=0)
    for place, other, bits in _alike(train, asked, distance):
        match = Match(train=train[place], asked=asked[other], by="hash", distance=bits)
        found.setdefault((place, other), match)
    return Overlap(
        task=task.name,
        pictures=len(asked),
        questions=len(task.samples),
        opened=sum(picture.opened for picture in asked),
        plain=sum(picture.plain for picture in asked),
        named=sum(picture.coco is not None for picture in asked),
        matches=[found[key] for key in sorted(found)],
    )


def not_compared(train: Sequence[Picture], found: Sequence[Overlap]) -> dict[str, str]:
    """Ids of the training rows of which it cannot be told whether a benchmark asks about them, each with the reason."""
    rows: dict[str, str] = {}
    for picture in train:
        for overlap in found:
            by_hash = picture.bits is not None and overlap.opened > overlap.plain
            if not by_hash and (picture.coco is None or not overlap.named):
                why = picture.problem or f"no picture of {overlap.task} can be opened"
                rows.update(dict.fromkeys(picture.about, why))
    return rows


def _alike(train: Sequence[Picture], asked: Sequence[Picture], distance: int) -> Iterator[tuple[int, int, int]]:
    """Places of pictures that look alike, with the bits in which they differ: of two videos the most of a frame."""
    import numpy as np

    ours, theirs = _by_frames(train), _by_frames(asked)
    for frames in ours.keys() & theirs.keys():
        places, others = ours[frames], theirs[frames]
        right = np.stack([bits for _, bits in others], 1)  # [F, M, 768]
        for start in range(0, len(places), _BLOCK):
            left = np.stack([bits for _, bits in places[start : start + _BLOCK]], 1)
            # Of bits, |a - b| = a + b - 2 ab.
            ones = left.sum(2)[:, :, None] + right.sum(2)[:, None, :]
            differing = (ones - 2 * left @ right.swapaxes(1, 2)).max(0)
            for row, column in zip(*np.nonzero(differing <= distance), strict=True):
                yield places[start + row][0], others[column][0], int(differing[row, column])


def _by_frames(pictures: Sequence[Picture]) -> Mapping[int, list[tuple[int, NDArray[np.float32]]]]:
    """Places and hashes of the pictures that were opened, by the number of their frames."""
    found: dict[int, list[tuple[int, NDArray[np.float32]]]] = defaultdict(list)
    for place, picture in enumerate(pictures):
        if picture.bits is not None:
            found[len(picture.bits)].append((place, picture.bits))
    return found
