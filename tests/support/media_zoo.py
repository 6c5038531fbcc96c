"""A zoo of media: whole, odd, damaged and hostile files, made from seeds in seconds, each with what is expected of it.

`build_zoo(folder)` writes them and gives the list; `benchmark_rows` makes a benchmark's rows of it, a question a file.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from PIL import Image
from support_media import encode, picture, turn_right, write_audio, write_video

MANY_FRAMES: Final = 1_000_001


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A file of the zoo.

    Attributes:
        name: of the file.
        kind: as what it is opened.
        error: a regular expression that the one line of its error holds; `None`: it opens.
    """

    name: str
    kind: Literal["image", "video"]
    error: str | None = None


_MAKERS: dict[str, tuple[Exhibit, Callable[[Path], Any]]] = {}


def _shown(name: str, make: Callable[[Path], Any], *, error: str | None = None, kind: Any = "image") -> None:
    assert name not in _MAKERS, name
    _MAKERS[name] = (Exhibit(name=name, kind=kind, error=error), make)


def build_zoo(folder: Path) -> list[Exhibit]:
    """Write all files into a folder of their own; about ten seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    for exhibit, make in _MAKERS.values():
        made = make(folder / exhibit.name)
        if isinstance(made, bytes):
            (folder / exhibit.name).write_bytes(made)
    return exhibits()


def exhibits() -> list[Exhibit]:
    """All there are, in order."""
    return [exhibit for exhibit, _ in _MAKERS.values()]


# --- images ---


def _saved(kind: str, mode: str = "RGB", **options: Any) -> Callable[[Path], bytes]:
    return lambda _: encode(picture().convert(mode), kind, **options)


def _cut(make: Callable[[Path], bytes], share: float = 0.6) -> Callable[[Path], bytes]:
    def cut(path: Path) -> bytes:
        data = make(path)
        return data[: int(len(data) * share)]

    return cut


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *, bits: int = 8, colour: int = 2, before: bytes = b"") -> bytes:
    """A PNG of any claims: its size, bits a channel, colour type, and compressed data."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + before + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _bomb(side: int) -> bytes:
    """A black PNG of one bit a pixel: a few kilobytes that unpack to as many pixels as one likes."""
    row, packer = bytes(side // 8 + 1), zlib.compressobj(9)
    data = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    return png(side, side, data, bits=1, colour=0)


def _rgb16(_: Path) -> bytes:
    rows = np.random.default_rng(0).integers(0, 65536, (8, 8, 3)).astype(">u2")
    return png(8, 8, zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)), bits=16)


def _text_bomb(_: Path) -> bytes:
    text = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    return png(1, 1, zlib.compress(bytes(4)), before=_chunk(b"zTXt", text))


def _pixels(values: np.ndarray[Any, Any], kind: str) -> Callable[[Path], bytes]:
    return lambda _: encode(Image.fromarray(values), kind)


def _animation(kind: str) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        frames = [Image.new("RGB", (40, 30), (shade, 0, 0)) for shade in (0, 90, 180, 250)]
        return encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)

    return make


def long_gif(frames: int) -> bytes:
    """A GIF of one pixel and any number of frames."""
    head = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
    frame = b"!\xf9\4\0\x0a\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return head + frame * frames + b";"


def _gif_of_size(width: int, height: int) -> bytes:
    data = bytearray(long_gif(1))
    data[6:10] = struct.pack("<HH", width, height)
    data[-12:-8] = struct.pack("<HH", width, height)
    return bytes(data)


def _jpeg_of_size(width: int, height: int) -> bytes:
    data = bytearray(encode(picture(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _bmp_of_size(side: int) -> bytes:
    data = bytearray(encode(picture(), "BMP"))
    data[18:26] = struct.pack("<ii", side, side)
    return bytes(data)


def _flipped(_: Path) -> bytes:
    data = bytearray(encode(picture(), "PNG"))
    data[len(data) // 2] ^= 1
    return bytes(data)


def _rotated(_: Path) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(picture(), "JPEG", exif=exif)


def _pages(_: Path) -> bytes:
    return encode(picture(), "TIFF", save_all=True, append_images=[picture(20, 10)])


_SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
_ENTITY: Final = (
    b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg">&x;</svg>'
)
_EPS: Final = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(x) print\nshowpage\n%%EOF\n"
_UNKNOWN: Final = "not an image in a known format"

for _name, _make in {
    "rgb.png": _saved("PNG"),
    "grey.png": _saved("PNG", "L"),
    "alpha.png": _saved("PNG", "RGBA"),
    "grey_alpha.png": _saved("PNG", "LA"),
    "palette.png": _saved("PNG", "P"),
    "one_bit.png": _saved("PNG", "1"),
    "grey16.png": _pixels(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000, "PNG"),
    "rgb16.png": _rgb16,
    "one_pixel.png": lambda _: encode(Image.new("RGB", (1, 1)), "PNG"),
    "wide.png": lambda _: encode(Image.new("RGB", (30_000, 1)), "PNG"),
    "appended.png": lambda _: encode(picture(), "PNG") + b"what a camera appends",
    "rgb.jpg": _saved("JPEG"),
    "progressive.jpg": _saved("JPEG", progressive=True),
    "grey.jpg": _saved("JPEG", "L"),
    "cmyk.jpg": _saved("JPEG", "CMYK"),
    "rotated.jpg": _rotated,
    "really_a_png.jpg": _saved("PNG"),
    "rgb.webp": _saved("WEBP"),
    "lossless.webp": _saved("WEBP", lossless=True),
    "alpha.webp": _saved("WEBP", "RGBA"),
    "animated.webp": _animation("WEBP"),
    "rgb.gif": _saved("GIF"),
    "animated.gif": _animation("GIF"),
    "long.gif": lambda _: long_gif(MANY_FRAMES),
    "animated.png": _animation("PNG"),
    "rgb.bmp": _saved("BMP"),
    "rgb.tiff": _saved("TIFF"),
    "lzw.tiff": _saved("TIFF", compression="tiff_lzw"),
    "cmyk.tiff": _saved("TIFF", "CMYK"),
    "grey16.tiff": _pixels(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000, "TIFF"),
    "pages.tiff": _pages,
    "rgb.ppm": _saved("PPM"),
    "rgb.jp2": _saved("JPEG2000"),
    "rgb.avif": _saved("AVIF"),
    "icon.ico": _saved("ICO"),
}.items():
    _shown(_name, _make)

for _name, (_make, _error) in {
    "empty.png": (lambda _: b"", "is empty"),
    "cut.png": (_cut(_saved("PNG")), "truncated"),
    "cut.jpg": (_cut(_saved("JPEG")), "truncated"),
    "cut.webp": (_cut(_saved("WEBP")), "cannot be decoded|known format|truncated"),
    "cut.gif": (_cut(_saved("GIF")), "cannot be decoded"),
    "cut.bmp": (_cut(_saved("BMP")), "cannot be decoded"),
    "cut.tiff": (_cut(_saved("TIFF")), "cannot be decoded|known format"),
    "cut.avif": (_cut(_saved("AVIF")), "cannot be decoded|known format"),
    "flipped.png": (_flipped, "checksum"),
    "words.png": (lambda _: b"These are words.\n" * 50, _UNKNOWN),
    "page.jpg": (lambda _: b"<!doctype html><title>404</title>", _UNKNOWN),
    "noise.png": (lambda _: np.random.default_rng(0).bytes(5000), _UNKNOWN),
    "drawing.svg": (lambda _: _SVG, _UNKNOWN),
    "entity.svg": (lambda _: _ENTITY, _UNKNOWN),
    "script.eps": (lambda _: _EPS, _UNKNOWN),
    "paper.pdf": (lambda _: b"%PDF-1.4\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n", _UNKNOWN),
    "old.pcx": (_saved("PCX"), _UNKNOWN),
    "numbers.npy": (lambda _: b"\x93NUMPY\1\0v\0{'descr': '<f4'}" + bytes(64), _UNKNOWN),
    "packed.png.gz": (lambda _: b"\x1f\x8b\x08\0" + bytes(60), _UNKNOWN),
    "bomb.png": (lambda _: _bomb(20_000), "pixels"),
    "claim.png": (lambda _: png(2**31 - 1, 2**31 - 1, zlib.compress(b"\0")), "pixels"),
    "claim.jpg": (lambda _: _jpeg_of_size(65_500, 65_500), "pixels"),
    "claim.gif": (lambda _: _gif_of_size(65_535, 65_535), "pixels"),
    "claim.bmp": (lambda _: _bmp_of_size(2**30), "pixels"),
    "no_width.png": (lambda _: png(0, 5, zlib.compress(b"\0" * 5)), "cannot be decoded|known format|no pixel"),
    "text_bomb.png": (_text_bomb, "cannot be decoded|known format"),
    "float.tiff": (_pixels(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8), "TIFF"), "8 bits"),
    "int32.tiff": (_pixels(np.arange(64, dtype=np.int32).reshape(8, 8) * 9_999_999, "TIFF"), "8 bits"),
    "folder.png": (lambda path: path.mkdir(), "no regular file"),
    "gone.png": (lambda path: None, "missing"),
    "pipe.png": (os.mkfifo, "no regular file"),
    "zeros.png": (lambda path: path.symlink_to("/dev/zero"), "no regular file|outside"),
    "huge.png": (lambda path: path.touch() or os.truncate(path, 9 << 30), r"more than \d+ MiB"),
}.items():
    _shown(_name, _make, error=_error)


# --- videos ---

_SECRET: Final = "secret.mp4"
"""A whole video beside the zoo, which playlists lead to."""


def _playlist(text: str) -> Callable[[Path], bytes]:
    def make(path: Path) -> bytes:
        secret = path.parent.parent / _SECRET
        if not secret.exists():
            write_video(secret, 5)
        return text.format(secret=secret).encode()

    return make


def _turned(path: Path) -> None:
    write_video(path, 4)
    turn_right(path)


def _of(make: Callable[[Path], Any], change: Callable[[bytes], bytes]) -> Callable[[Path], bytes]:
    def changed(path: Path) -> bytes:
        make(path)
        return change(path.read_bytes())

    return changed


def _whole(**options: Any) -> Callable[[Path], Any]:
    return lambda path: write_video(path, 12, **options) and None


_CONCAT: Final = "ffconcat version 1.0\nfile {secret}\n"
_HLS: Final = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"
_HLS_URL: Final = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
_DASH: Final = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{secret}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>"
)
_SDP: Final = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"

for _name, _make in {
    "h264.mp4": _whole(),
    "ten_bit.mp4": _whole(pixels="yuv420p10le"),
    "hevc.mp4": _whole(codec="libx265", options={"x265-params": "log-level=none"}),
    "av1.mp4": _whole(codec="libaom-av1", options={"cpu-used": "8"}),
    "mpeg4.mp4": _whole(codec="mpeg4"),
    "h264.mov": _whole(),
    "prores.mov": _whole(codec="prores", pixels="yuv422p10le"),
    "h264.mkv": _whole(),
    "ffv1.mkv": _whole(codec="ffv1"),
    "vp8.webm": _whole(codec="libvpx", options={"deadline": "realtime"}),
    "vp9.webm": _whole(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "mpeg4.avi": _whole(codec="mpeg4"),
    "mjpeg.avi": _whole(codec="mjpeg", pixels="yuvj420p"),
    "mpeg2.mpg": _whole(codec="mpeg2video", fps=25),
    "h264.ts": _whole(),
    "flash.flv": _whole(codec="flv"),
    "windows.wmv": _whole(codec="wmv2"),
    "moving.gif": _animation("GIF"),
    "turned.mp4": _turned,
    "one_frame.mp4": lambda path: write_video(path, 1) and None,
}.items():
    _shown(_name, _make, kind="video")

_CLOSED: Final = "not in a known format"
for _name, (_make, _error) in {
    "empty.mp4": (lambda _: b"", "is empty|cannot be decoded|known format"),
    "words.mp4": (lambda _: b"These are words.\n" * 90, "cannot be decoded|known format"),
    "noise.mp4": (lambda _: np.random.default_rng(0).bytes(9000), "cannot be decoded|known format"),
    "picture.mp4": (_saved("JPEG"), _CLOSED),
    "cut.mp4": (_of(_whole(), lambda data: data[: len(data) // 2]), "truncated|damaged"),
    "cut.mkv": (_of(_whole(), lambda data: data[: len(data) // 2]), "truncated|damaged"),
    "sound.m4a": (lambda path: write_audio(path) and None, "audio only"),
    "unknown_codec.mp4": (_of(_whole(), lambda data: data.replace(b"avc1", b"QQQQ")), "codec"),
    "list.ffconcat": (_playlist(_CONCAT), _CLOSED),
    "list.mp4": (_playlist(_CONCAT), _CLOSED),
    "list.m3u8": (_playlist(_HLS), _CLOSED),
    "list.ts": (_playlist(_HLS), _CLOSED),
    "web.m3u8": (_playlist(_HLS_URL), _CLOSED),
    "list.mpd": (_playlist(_DASH), _CLOSED),
    "call.sdp": (_playlist(_SDP), _CLOSED),
    "frame%03d.png": (_saved("PNG"), _CLOSED),
    "concat:a.mp4|b.mp4": (lambda path: None, "missing"),
    "endless.gif": (lambda _: long_gif(MANY_FRAMES), "frames"),
    "wall.gif": (lambda _: _gif_of_size(65_535, 65_535), "pixels|cannot be decoded"),
    "folder.mp4": (lambda path: path.mkdir(), "no regular file"),
    "pipe.mp4": (os.mkfifo, "no regular file"),
    "zeros.mp4": (lambda path: path.symlink_to("/dev/zero"), "no regular file|outside"),
}.items():
    _shown(_name, _make, error=_error, kind="video")


def benchmark_rows(exhibits: list[Exhibit], kind: str) -> list[dict[str, Any]]:
    """A question a file, as rows of POPE's (images) or MMVU's (videos) layout."""
    names = [exhibit.name for exhibit in exhibits if exhibit.kind == kind]
    if kind == "image":
        return [
            {
                "id": str(number),
                "question_id": str(number),
                "question": "Is there a dog?",
                "answer": "yes",
                "image_source": name,
                "image": name,
                "category": "random",
            }
            for number, name in enumerate(names)
        ]
    return [
        {
            "id": f"validation_{number}",
            "video": name,
            "question_type": "open-ended",
            "metadata": {"subject": "Art", "knowledge": []},
            "question": "What is shown?",
            "choices": dict.fromkeys("ABCDE", ""),
            "answer": "dolly zoom",
        }
        for number, name in enumerate(names)
    ]


def png_of(colour: tuple[int, int, int]) -> bytes:
    """A small picture of one colour, whose bytes are recognised wherever they turn up."""
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), colour).save(buffer, "PNG")
    return buffer.getvalue()
