"""Images and videos for tests, made on the fly."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageFilter

LEVELS = (20, 235)


def picture(width: int = 160, height: int = 120) -> Image.Image:
    """A photo-like picture: smooth noise, so that every part of the file carries information."""
    noise = np.random.default_rng(0).normal(128, 60, (height, width, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def numbered_frame(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """A frame that says its number in black and white blocks, bit by bit, over moving texture."""
    rows, columns = np.mgrid[0:height, 0:width]
    frame = np.stack([(columns + 3 * index) % 256, (2 * rows + index) % 256, (rows * columns + index) % 256], -1)
    frame = frame.astype(np.uint8)
    for bit in range(12):
        frame[:16, bit * 8 : bit * 8 + 8] = LEVELS[index >> bit & 1]
    return frame


def read_number(frame: np.ndarray) -> int:
    """The inverse of `numbered_frame`, through lossy coding."""
    return sum((frame[4:12, bit * 8 + 2 : bit * 8 + 6].mean() > 128) << bit for bit in range(12))


def write_video(
    path: Path,
    frames: int = 40,
    *,
    codec: str = "libx264",
    fps: int = 10,
    pixels: str = "yuv420p",
    container: dict[str, str] | None = None,
    pts: list[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of numbered frames, 96 x 64 pixels, a key frame every 12."""
    with av.open(str(path), "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        stream.codec_context.gop_size = 12
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered_frame(index), format="rgb24")
            if pts is not None:
                frame.pts = pts[index]
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def write_audio(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def turn_right(path: Path) -> None:
    """Set the display matrix of an MP4 to a quarter turn clockwise, as phones do for upright recordings."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def set_edit(path: Path, *, share: float) -> None:
    """Make the edit list of an MP4 show only the first part of the video."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12
    (duration,) = struct.unpack(">I", data[at : at + 4])
    data[at : at + 4] = struct.pack(">I", int(duration * share))
    path.write_bytes(data)
