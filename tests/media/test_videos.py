from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support_media import encode, picture, read_number, set_edit, turn_right, write_audio, write_video

from harness.core.errors import MediaError
from harness.media.videos import open_video, sample_indices

FORMATS = {
    "h264.mp4": {},
    "faststart.mp4": {"container": {"movflags": "faststart"}},
    "fragmented.mp4": {"container": {"movflags": "frag_keyframe+empty_moov"}},
    "h264.mov": {},
    "h264.mkv": {},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "h264.ts": {},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    return {name: write_video(folder / name, **options) for name, options in FORMATS.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_frames_are_spread_over_the_whole_video(videos: dict[str, Path], name: str) -> None:
    video = open_video(videos[name], 8)
    assert video.frames.shape == (8, 64, 96, 3)
    assert video.frames.dtype == np.uint8
    # 39 i / 7 for i = 0 .. 7, rounded
    assert video.indices == (0, 6, 11, 17, 22, 28, 33, 39)
    assert [read_number(frame) for frame in video.frames] == list(video.indices)
    assert video.total_frames == 40
    assert video.fps == pytest.approx(10)
    assert video.duration_s == pytest.approx(4.0)


def test_indices() -> None:
    assert sample_indices(10, 1) == [0]
    assert sample_indices(10, 2) == [0, 9]
    assert sample_indices(5, 3) == [0, 2, 4]
    assert sample_indices(3, 8) == [0, 1, 2]
    assert sample_indices(0, 8) == []


def test_short_video_gives_each_frame_once(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "short.mp4", 3), 8)
    assert video.indices == (0, 1, 2)
    assert [read_number(frame) for frame in video.frames] == [0, 1, 2]


def test_one_frame_video(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "one.mp4", 1), 8)
    assert video.frames.shape[0] == video.total_frames == 1
    assert video.duration_s > 0


@pytest.mark.parametrize("name", FORMATS)
def test_cut_videos_are_refused(videos: dict[str, Path], name: str, tmp_path: Path) -> None:
    data = videos[name].read_bytes()
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        path = tmp_path / name
        path.write_bytes(data[: int(len(data) * share) | 1])  # Odd: not between two packets of a transport stream.
        with pytest.raises(MediaError):
            open_video(path)
    path.write_bytes(data[:-1])
    with pytest.raises(MediaError):
        open_video(path)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("damage", ["zeros", "noise"])
def test_damage_in_the_middle_is_refused(videos: dict[str, Path], name: str, damage: str, tmp_path: Path) -> None:
    data = videos[name].read_bytes()
    middle, length = int(len(data) * 0.4), max(3000, len(data) // 10)
    hole = bytes(length) if damage == "zeros" else random.Random(0).randbytes(length)
    path = tmp_path / name
    path.write_bytes(data[:middle] + hole + data[middle + length :])
    with pytest.raises(MediaError):
        open_video(path)


def test_flipped_bytes_in_h264_are_noticed(videos: dict[str, Path], tmp_path: Path) -> None:
    data = bytearray(videos["faststart.mp4"].read_bytes())
    start = data.index(b"mdat")
    for position in random.Random(0).sample(range(start + 2000, len(data)), 40):
        data[position] ^= 0xFF
    path = tmp_path / "flipped.mp4"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"damaged at frame|cannot be decoded"):
        open_video(path)


def test_rotation_is_applied(tmp_path: Path) -> None:
    path = write_video(tmp_path / "phone.mp4", 4)
    stored = open_video(path, 1).frames[0]
    turn_right(path)
    upright = open_video(path, 1).frames[0]
    assert upright.shape == (96, 64, 3)
    assert np.array_equal(upright, np.rot90(stored, -1))


def test_edit_list_shortens_a_healthy_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "edited.mp4", 40)
    set_edit(path, share=0.5)
    video = open_video(path, 3)
    assert video.total_frames == 20
    assert [read_number(frame) for frame in video.frames] == list(video.indices) == [0, 10, 19]


def test_variable_rate_gives_the_average(tmp_path: Path) -> None:
    # Ten frames in the first second, ten in the nine seconds after it.
    pts = [*range(10), *(10 + 9 * step for step in range(10))]
    video = open_video(write_video(tmp_path / "variable.mkv", 20, pts=pts), 20)
    assert video.total_frames == 20
    assert [read_number(frame) for frame in video.frames] == list(range(20))
    assert video.duration_s == pytest.approx(9.1 + 0.1, abs=0.85)
    assert video.fps == pytest.approx(20 / video.duration_s)


def test_memory_holds_few_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", 2000, options={"preset": "ultrafast"})
    open_video(path, 2)  # Imports are not what is measured.
    tracemalloc.start()
    video = open_video(path, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert video.total_frames == 2000
    assert [read_number(frame) for frame in video.frames] == list(video.indices)
    frame_bytes = 64 * 96 * 3
    assert peak < 40 * frame_bytes


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    cases = {
        "text.mp4": b"hello world\n" * 100,
        "text.txt": b"hello world\n" * 100,
        "empty.mp4": b"",
        "zeros.mp4": bytes(5000),
        "noise.mp4": random.Random(0).randbytes(5000),
        "picture.mp4": encode(picture(), "JPEG"),
        "picture.png": encode(picture(), "PNG"),
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaError, match=name.replace(".", r"\.")):
            open_video(tmp_path / name)
    with pytest.raises(MediaError, match=r"video missing: .*gone\.mp4"):
        open_video(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match="no regular file"):
        open_video(tmp_path)


@pytest.mark.parametrize(("name", "known"), [("h264.mp4", b"avc1"), ("mpeg4.avi", b"FMP4")])
def test_a_codec_without_a_decoder_is_refused(videos: dict[str, Path], name: str, known: bytes, tmp_path: Path) -> None:
    data = videos[name].read_bytes()
    assert known in data
    path = tmp_path / name
    path.write_bytes(data.replace(known, b"Q" * len(known)))
    with pytest.raises(MediaError, match=r"codec that this FFmpeg cannot decode"):
        open_video(path)


def test_audio_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"no video stream \(audio only\)"):
        open_video(write_audio(tmp_path / "sound.m4a"))


def test_error_uses_the_given_name(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"^video missing: videos/Art/17\.mp4\.$"):
        open_video(tmp_path / "17.mp4", name="videos/Art/17.mp4")


def test_containers_with_open_ends_pass(tmp_path: Path) -> None:
    path = write_video(tmp_path / "padded.mp4", 5)
    path.write_bytes(path.read_bytes() + bytes(16))
    assert open_video(path).total_frames == 5
    live = write_video(tmp_path / "live.mkv", 5, container={"live": "1"})
    assert open_video(live).total_frames == 5
