"""Opening images and videos strictly: what is not whole is an error of its sample, never a picture with a grey half.

Imported lazily only: numpy is imported at the top; PIL and PyAV inside the functions that need them.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.core.errors import MediaError
from harness.media.bounds import MAX_IMAGE_BYTES, MAX_PIXELS, check_bytes, check_file
from harness.media.integrity import image_defect

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY16: Final = 65535
"""White in 16 bits."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO")
"""Formats of pictures. Pillow knows more, such as EPS, for which it starts an interpreter of programs."""


def open_image(source: bytes | str | Path | Image, *, name: str | None = None) -> Image:
    """Decode an image completely.

    Args:
        source: encoded bytes, a path, or a PIL image. A PIL image that somebody else has decoded already is taken as it
            is.
        name: what to call the source in an error; by default its path or its size.

    Returns:
        An RGB image, upright (its EXIF orientation applied); what is transparent in it is white, as in most viewers.

    Raises:
        MediaError: missing, no regular file, not an image of a known format, truncated, damaged, too large to decode
            safely, or of numbers whose range nobody knows.
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
            if isinstance(source, PilImage.Image):
                image = source
                if image.format not in (None, "MPO", *_FORMATS):
                    raise UnidentifiedImageError
            else:
                image = PilImage.open(io.BytesIO(data or b""), formats=_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise MediaError(f"image {name} has {image.width} x {image.height} pixels, too many to decode safely.")
            image.load()
        except MediaError:
            raise
        except PilImage.DecompressionBombError as error:
            raise MediaError(f"image {name} has too many pixels to decode safely.") from error
        except UnidentifiedImageError as error:
            known = ", ".join(_FORMATS)
            raise MediaError(
                f"image {name} is not an image in a known format. Convert it: {known} are read."
            ) from error
        except Exception as error:
            raise MediaError(f"image {name} cannot be decoded: {str(error) or type(error).__name__}.") from error
    with contextlib.suppress(Exception):  # Broken metadata beside sound pixels: they stay as they are stored.
        if data is None:
            image = ImageOps.exif_transpose(image)
        else:  # It is our own: the copy that the other form makes even of upright images is spared.
            ImageOps.exif_transpose(image, in_place=True)
    return _to_rgb(image, name)


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


def _read(source: bytes | str | Path, name: str | None) -> tuple[bytes, str]:
    if isinstance(source, (str, Path)):
        name = name or str(source)
        try:
            check_file(Path(source), f"image {name}", MAX_IMAGE_BYTES)
            with Path(source).open("rb") as file:
                source = file.read(MAX_IMAGE_BYTES + 1)
        except (OSError, ValueError) as error:
            raise MediaError(f"image {name} cannot be read: {error}.") from error
    if not isinstance(source, bytes):
        raise MediaError(f"image {name or ''} is a {type(source).__name__}, not an image.".replace("  ", " "))
    check_bytes(len(source), f"image {name or ''}", MAX_IMAGE_BYTES)
    return source, name or f"of {len(source)} bytes"


def _to_rgb(image: Image, name: str) -> Image:
    from PIL import Image as PilImage

    if image.mode[0] in "IF":  # Pillow clips 16-bit grey at 255; scale it instead.
        values = np.asarray(image)
        if image.mode == "F" or values.min() < 0 or values.max() > _GREY16:
            raise MediaError(
                f"image {name} has {image.mode}-mode pixels beyond 16 bits. Save it with 8 bits a channel."
            )
        grey = (values.astype(np.uint32) * 255 + _GREY16 // 2) // _GREY16
        grey[values == image.info.get("transparency", -1)] = 255
        return PilImage.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:  # Dropped, it would uncover what pixels hide, mostly black: black text is gone.
        image = image.convert("RGBA")
        image = PilImage.alpha_composite(PilImage.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
