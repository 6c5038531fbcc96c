from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from support_media import encode, picture

from harness.core.errors import MediaError
from harness.media.images import open_image, refuse_truncated_images

KINDS = {
    "jpeg": ("JPEG", {}),
    "progressive": ("JPEG", {"progressive": True}),
    "jpeg with restarts": ("JPEG", {"restart_marker_blocks": 4}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
}


@pytest.fixture(params=[False, True], ids=["strict", "lenient"])
def _pillow_setting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", request.param)


@pytest.mark.usefixtures("_pillow_setting")
@pytest.mark.parametrize("kind", KINDS)
def test_whole_images_open_and_cut_ones_do_not(kind: str) -> None:
    name, options = KINDS[kind]
    data = encode(picture(), name, **options)
    image = open_image(data)
    assert (image.mode, image.size) == ("RGB", (160, 120))
    # A GIF without its last two bytes holds every pixel.
    last = len(data) - (2 if kind == "gif" else 0)
    cuts = sorted({*range(1, last, max(1, last // 60)), *range(last - 30, last)})
    accepted = []
    for cut in cuts:
        try:
            open_image(data[:cut])
        except MediaError:
            continue
        accepted.append(cut)
    assert accepted == []


def test_zero_filled_half_of_a_jpeg_is_refused() -> None:
    data = encode(picture(), "JPEG")
    half = len(data) // 2
    with pytest.raises(MediaError, match="no end-of-image marker"):
        open_image(data[:half] + bytes(len(data) - half))


def test_flipped_bit_in_png_is_refused() -> None:
    data = bytearray(encode(picture(), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(MediaError, match="checksum of chunk IDAT"):
        open_image(bytes(data))


def test_setting_of_pillow_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with refuse_truncated_images():
        with refuse_truncated_images():
            assert ImageFile.LOAD_TRUNCATED_IMAGES is False
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_threads_share_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(picture(), "BMP")
    failures: list[str] = []

    def work() -> None:
        for _ in range(40):
            open_image(data)
            try:
                open_image(data[: len(data) // 2])
            except MediaError:
                continue
            failures.append("accepted")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize("source_kind", ["bytes", "path", "text path", "pil"])
def test_sources(tmp_path: Path, source_kind: str) -> None:
    data = encode(picture(), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    sources = {
        "bytes": data,
        "path": path,
        "text path": str(path),
        "pil": Image.open(io.BytesIO(data)),
    }
    opened = open_image(sources[source_kind])
    assert np.array_equal(np.asarray(opened), np.asarray(picture()))


def test_exif_orientation_is_applied() -> None:
    image = picture(40, 20)
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn a quarter clockwise to see it upright.
    turned = open_image(encode(image, "PNG", exif=exif))
    assert turned.size == (20, 40)
    assert np.array_equal(np.asarray(turned), np.rot90(np.asarray(image), -1))
    assert open_image(encode(turned, "PNG")).size == (20, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    image = picture(16, 8).convert(mode)
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert open_image(encode(image, kind)).mode == "RGB"


def _black_text(mode: str) -> Image.Image:
    """Black in the left half, the same black but transparent in the right one."""
    image = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 4))
    if mode in ("RGBA", "LA"):
        return image.convert(mode)
    levels = np.zeros((4, 8), np.uint16 if mode == "I;16" else np.uint8)
    levels[:, 4:] = 1
    plain = Image.fromarray(levels)
    if mode == "P":
        plain.putpalette([0] * 6)
    if mode == "RGB":
        plain = plain.convert(mode)
    plain.info["transparency"] = (1, 1, 1) if mode == "RGB" else 1
    return plain


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "I;16"])
def test_what_is_transparent_is_white(mode: str) -> None:
    image = _black_text(mode)
    for source in (encode(image, "PNG"), image):
        opened = np.asarray(open_image(source))
        assert (opened[:, :4] == 0).all()
        assert (opened[:, 4:] == 255).all()


def test_what_is_half_transparent_is_mixed_with_white() -> None:
    opened = open_image(encode(Image.new("RGBA", (2, 2), (200, 0, 0, 51)), "PNG"))
    assert opened.getpixel((0, 0)) == (244, 204, 204)


def test_sixteen_bit_grey_is_scaled() -> None:
    grey = np.array([[0, 32768, 65535]], np.uint16)
    opened = np.asarray(open_image(encode(Image.fromarray(grey), "PNG")))
    assert opened[0, :, 0].tolist() == [0, 128, 255]


def test_errors_name_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MediaError, match=r"image missing: .*gone\.png\."):
        open_image(tmp_path / "gone.png")
    with pytest.raises(MediaError, match=r"image t\.parquet\[3\]\.image is empty\."):
        open_image(b"", name="t.parquet[3].image")
    with pytest.raises(MediaError, match=r"image x is not an image in a known format\."):
        open_image(b"GIF? no, text" * 20, name="x")
    with pytest.raises(MediaError, match="is a list, not an image"):
        open_image([1, 2])  # type: ignore[arg-type]
    with pytest.raises(MediaError, match=r"no regular file"):
        open_image(tmp_path)
    monkeypatch.setattr("harness.media.images.MAX_PIXELS", 100)
    with pytest.raises(MediaError, match="160 x 120 pixels, too many"):
        open_image(encode(picture(), "PNG"), name="bomb")


def test_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 160 * 120 // 3)
    with pytest.raises(MediaError, match="too many pixels"):
        open_image(encode(picture(), "PNG"))


def test_lazy_pil_image_that_is_cut_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(picture(), "JPEG")
    with pytest.raises(MediaError, match="cannot be decoded"):
        open_image(Image.open(io.BytesIO(data[: len(data) // 2])))
