"""Opening videos strictly: the whole file is decoded, a few frames are kept, and damage is an error of the sample.

Imported lazily only: numpy is imported at the top; PyAV inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from harness.core.errors import MediaError
from harness.media.bounds import (
    MAX_DECODE_S,
    MAX_FRAMES,
    MAX_KEPT_PIXELS,
    MAX_PIXELS,
    MAX_VIDEO_BYTES,
    check_file,
    check_time,
    time_limit,
)
from harness.media.integrity import container_defect, units_tile

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from PIL.Image import Image

_CONTAINERS: Final = "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,ivf,asf,flv,gif,ogg,mxf,nut,dv"
"""FFmpeg's demuxers of files that hold a video themselves: others make one of a picture or a text, or open what a
playlist names, from this machine or the network."""
_CODECS: Final = (
    "h264,hevc,libdav1d,libaom-av1,av1,vp8,vp9,libvpx,libvpx-vp9,vp6,vp6f,vp7,mpeg4,mpeg1video,mpeg2video,mjpeg,gif,flv,"
    "msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,h263,h263p,h261,theora,prores,dnxhd,ffv1,huffyuv,ffvhuff,utvideo,"
    "rawvideo,png,qtrle,dvvideo,cinepak,svq1,svq3,rv30,rv40,jpeg2000"
)
_OPTIONS: Final = {
    "format_whitelist": _CONTAINERS,
    "codec_whitelist": _CODECS,
    "protocol_whitelist": "file",
}
"""With which FFmpeg opens a file of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """Frames of a video, spread evenly over its length.

    Attributes:
        frames: [N, height, width, 3], uint8, RGB, upright; N is at most the number asked for.
        fps: frames per second of the whole video, on average where the rate varies.
        indices: which of the video's frames these are, ascending from 0 to `total_frames` - 1.
        total_frames: frames that the whole video decodes to.
        duration_s: from the first frame to the end of the last.
    """

    frames: npt.NDArray[np.uint8]
    fps: float
    indices: tuple[int, ...]
    total_frames: int
    duration_s: float


def open_video(path: str | Path, num_frames: int = 8, *, name: str | None = None) -> Video:
    """Decode a video completely, keeping `num_frames` frames of it.

    The frames kept are `round(i * (total - 1) / (num_frames - 1))`, i = 0 .. num_frames - 1; all frames where the video
    has no more than that, the first where one is asked for. They are counted by frame, not by time. The file is
    decoded as a stream: beside the frames kept, only the decoder's own few are in memory. Containers that state no
    frame count, or a wrong one, cost a second decoding.

    Damage within a frame's payload is only noticed where the codec notices it (H.264, MPEG-4 and AV1 mostly do; VP8,
    VP9 and HEVC may not).

    Args:
        path: a local file.
        num_frames: how many to keep, at least 1.
        name: what to call the video in an error; by default its path.

    Raises:
        MediaError: missing, no regular file, not a video of a known format, without a frame, one that decodes only in
            part, or beyond the limits of `harness.media.bounds`.
    """
    import av

    name = name or str(path)
    path = Path(path)
    try:
        check_file(path, f"video {name}", MAX_VIDEO_BYTES)
        with time_limit(MAX_DECODE_S):
            if defect := container_defect(path, f"video {name}"):
                raise MediaError(f"video {name} is {defect}.")
            expected = _count_packets(path, name)
            scan = _decode(path, name, sample_indices(expected, num_frames))
            if scan.total != expected and scan.total:
                scan = _decode(path, name, sample_indices(scan.total, num_frames))
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MediaError(f"video {name} cannot be decoded: {reason}.") from error
    if not scan.frames:
        raise MediaError(f"video {name} has no frame.")
    return Video(
        frames=np.stack(scan.frames),
        fps=scan.total / scan.duration_s,
        indices=tuple(sample_indices(scan.total, num_frames)),
        total_frames=scan.total,
        duration_s=scan.duration_s,
    )


def frame_images(video: Video) -> list[Image]:
    """The frames of a video as images, in order."""
    from PIL import Image as PilImage

    return [PilImage.fromarray(frame) for frame in video.frames]


def sample_indices(total: int, num_frames: int) -> list[int]:
    """Which of `total` frames are kept: see `open_video`."""
    if num_frames >= total:
        return list(range(total))
    return [int(index) for index in np.linspace(0, total - 1, num_frames).round()]


def _open(path: Path, name: str) -> Any:
    """The file as FFmpeg reads it, without opening any other."""
    import av

    try:
        # With the protocol, so that nothing before a colon in the name is taken for one.
        return av.open(f"file:{path}", metadata_errors="ignore", container_options=_OPTIONS)
    except ValueError as error:  # FFmpeg's invalid data and invalid argument both are.
        known = _CONTAINERS.replace(",", ", ")
        raise MediaError(f"video {name} is damaged or not in a known format. Convert it: {known} are read.") from error


def _video_stream(container: Any, name: str) -> Any:
    """The first stream of moving pictures; cover art of an audio file is none."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            codec = stream.codec_context
            if codec is None or codec.name not in _CODECS.split(","):
                raise MediaError(f"video {name} has a codec that this FFmpeg cannot decode. Convert it, e.g. to H.264.")
            if codec.width * codec.height > MAX_PIXELS:
                raise MediaError(f"video {name} has {codec.width} x {codec.height} pixels, too many to decode safely.")
            codec.options = {"max_pixels": str(MAX_PIXELS)}  # A stream may change its size.
            return stream
    raise MediaError(f"video {name} has no video stream{' (audio only)' if container.streams.audio else ''}.")


def _count_packets(path: Path, name: str) -> int:
    """Packets of the video stream: for healthy files nearly always its frames. Reads the file, decodes nothing."""
    with _open(path, name) as container:
        stream = _video_stream(container, name)
        damaged = _damage_test(stream)
        count = 0
        for packet in container.demux(stream):
            if packet.is_corrupt or damaged(packet):
                raise MediaError(f"video {name} is truncated or damaged at packet {count + 1}.")
            count += packet.size > 0
            _check_going(count, name)
        # In MP4 and MOV an edit list may leave out frames on purpose; there the boxes have been checked instead.
        if count < stream.frames and "mp4" not in container.format.name:
            raise MediaError(f"video {name} is truncated or damaged: {count} of {stream.frames} frames found.")
    return count


def _damage_test(stream: Any) -> Callable[[Any], bool]:
    """A test of packets for damage that the decoder conceals without a word: FFmpeg's HEVC decoder does."""
    extradata = stream.codec_context.extradata
    # Version 1 of the configuration record, which has at least 23 bytes (ISO/IEC 14496-15, 8.3.3.1); without one the
    # units are separated by start codes instead.
    if stream.codec_context.name != "hevc" or not extradata or len(extradata) < 23 or extradata[0] != 1:
        return lambda packet: False
    length_bytes = (extradata[21] & 3) + 1
    return lambda packet: not units_tile(bytes(packet), length_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    frames: list[npt.NDArray[np.uint8]]
    total: int
    duration_s: float


def _decode(path: Path, name: str, keep: Sequence[int]) -> _Scan:
    wanted = set(keep)
    frames: list[npt.NDArray[np.uint8]] = []
    total = 0
    first_s = last_s = end_s = None
    size: tuple[int, int] | None = None
    with _open(path, name) as container:
        stream = _video_stream(container, name)
        stream.thread_type = "AUTO"
        rate = stream.average_rate or stream.guessed_rate
        frame_s = 1 / float(rate) if rate else 0.0
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise MediaError(f"video {name} is damaged at frame {total}.")
            _check_going(total, name)
            size = size or (frame.width, frame.height)
            if len(wanted) * size[0] * size[1] > MAX_KEPT_PIXELS:
                raise MediaError(
                    f"video {name}: {len(wanted)} frames of {size[0]} x {size[1]} pixels are more than "
                    f"{MAX_KEPT_PIXELS:,} pixels in all. Ask for fewer with --num-frames."
                )
            if total in wanted:
                frames.append(_to_pixels(frame, size))
            if frame.time is not None:
                first_s = frame.time if first_s is None else min(first_s, frame.time)
                last_s = frame.time if last_s is None else max(last_s, frame.time)
                if last_s == frame.time:
                    own_s = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
                    end_s = last_s + (own_s or frame_s)
            total += 1
    if first_s is not None and end_s is not None and end_s > first_s:
        duration_s = end_s - first_s
    else:
        duration_s = total * (frame_s or 1.0)
    return _Scan(frames=frames, total=total, duration_s=duration_s)


def _check_going(frames: int, name: str) -> None:
    """Refuse to go on with a video that has no end in sight."""
    if frames > MAX_FRAMES:
        raise MediaError(f"video {name} has more than {MAX_FRAMES:,} frames, the most that are read. Cut it.")
    check_time(f"video {name}")


def _to_pixels(frame: VideoFrame, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """RGB pixels [height, width, 3], upright; a stream that changes its size keeps that of its first frame."""
    pixels = np.asarray(frame.reformat(width=size[0], height=size[1], format="rgb24").to_ndarray(), dtype=np.uint8)
    # The display matrix says by how many degrees, counter-clockwise, a player turns the stored picture.
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
