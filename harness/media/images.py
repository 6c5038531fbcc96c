"""Opening images and videos strictly: what is not whole is an error of its sample, never a picture with a grey half.

Imported lazily only: numpy is imported at the top; PIL and PyAV inside the functions that need them.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from harness.core.errors import MediaError
from harness.media.integrity import image_defect

if TYPE_CHECKING:
    from PIL.Image import Image

ImageSource = bytes | str | Path | BinaryIO | Mapping[str, Any]

MAX_PIXELS: Final = 178_956_970
"""Pixels beyond which an image is taken for a decompression bomb: Pillow's own limit."""


def open_image(source: ImageSource | Image, *, name: str | None = None) -> Image:
    """Decode an image completely.

    Args:
        source: encoded bytes, a path, an open file, a mapping with `bytes` or `path` (an undecoded image column), or a
            PIL image. A PIL image that somebody else has decoded already is taken as it is.
        name: what to call the source in an error; by default its path or its size.

    Returns:
        An RGB image, upright (its EXIF orientation applied).

    Raises:
        MediaError: missing, not an image, truncated, damaged, or too large to decode safely.
    """
    from PIL import Image as PilImage
    from PIL import ImageOps, UnidentifiedImageError

    if isinstance(source, PilImage.Image):
        name = name or str(getattr(source, "filename", "") or f"{source.mode} image")
        data = None
    else:
        data, name = _read(source, name)
        if not data:
            raise MediaError(f"image {name} is empty.")
        if defect := image_defect(data):
            raise MediaError(f"image {name} is {defect}.")
    with refuse_truncated_images():
        # Pillow's readers raise whatever a broken file makes them stumble over, from SyntaxError to struct.error.
        try:
            image = source if isinstance(source, PilImage.Image) else PilImage.open(io.BytesIO(data or b""))
            if image.width * image.height > MAX_PIXELS:
                raise MediaError(f"image {name} has {image.width} x {image.height} pixels, too many to decode safely.")
            image.load()
        except MediaError:
            raise
        except PilImage.DecompressionBombError as error:
            raise MediaError(f"image {name} has too many pixels to decode safely.") from error
        except UnidentifiedImageError as error:
            raise MediaError(f"image {name} is not an image in a known format.") from error
        except Exception as error:
            raise MediaError(f"image {name} cannot be decoded: {str(error) or type(error).__name__}.") from error
    with contextlib.suppress(Exception):  # Broken metadata beside sound pixels: they stay as they are stored.
        if data is None:
            image = ImageOps.exif_transpose(image)
        else:  # It is our own: the copy that the other form makes even of upright images is spared.
            ImageOps.exif_transpose(image, in_place=True)
    return _to_rgb(image)


@contextlib.contextmanager
def refuse_truncated_images() -> Iterator[None]:
    """Make Pillow refuse truncated images, whatever another library set, while any thread is within.

    Pillow's switch is global, and lmms-eval sets it to lenient when it is imported.
    """
    from PIL import ImageFile

    with _switch.lock:
        if _switch.users == 0:
            _switch.before = ImageFile.LOAD_TRUNCATED_IMAGES
        _switch.users += 1
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        with _switch.lock:
            _switch.users -= 1
            if _switch.users == 0:
                ImageFile.LOAD_TRUNCATED_IMAGES = _switch.before


class _Switch:
    """How many threads hold Pillow's switch, and what it was before the first did."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before = False


_switch = _Switch()


def _read(source: ImageSource, name: str | None) -> tuple[bytes, str]:
    if isinstance(source, Mapping):
        data, path = source.get("bytes"), source.get("path")
        if data is not None:
            return _read(data, name or path)
        if path is None:
            raise MediaError(f"image {name or ''} is missing: neither bytes nor a path.".replace("  ", " "))
        return _read(str(path), name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), name or f"of {len(source)} bytes"
    if isinstance(source, (str, Path)):
        try:
            return Path(source).read_bytes(), name or str(source)
        except FileNotFoundError as error:
            raise MediaError(f"image missing: {name or source}.") from error
        except (OSError, ValueError) as error:
            raise MediaError(f"image {name or source} cannot be read: {error}.") from error
    if hasattr(source, "read"):
        return source.read(), name or str(getattr(source, "name", "of an open file"))
    raise MediaError(f"image {name or ''} is a {type(source).__name__}, not an image.".replace("  ", " "))


def _to_rgb(image: Image) -> Image:
    if image.mode.startswith("I;16"):  # Pillow clips 16-bit grey at 255; scale it instead.
        from PIL import Image as PilImage

        grey = (np.asarray(image).astype(np.uint32) * 255 + 32767) // 65535
        return PilImage.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:  # Pillow warns when these go to RGB directly.
        image = image.convert("RGBA")
    return image.convert("RGB")
