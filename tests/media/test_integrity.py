"""Damage that the bytes of an image or a video show before anything is decoded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support_media import encode, picture, write_video

from harness.core.errors import MediaError
from harness.media.bounds import time_limit
from harness.media.integrity import container_defect, image_defect, units_tile


@pytest.mark.parametrize(
    ("name", "options"),
    [("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"restart_marker_blocks": 4}), ("PNG", {})],
)
def test_structure_alone_tells_cut_from_whole(name: str, options: dict[str, Any]) -> None:
    data = encode(picture(), name, **options)
    assert image_defect(data) is None
    assert image_defect(data + b"appended by a camera") is None
    assert all(image_defect(data[:cut]) for cut in range(2, len(data), 7) if cut > 8)


def test_thumbnail_end_marker_does_not_stand_for_the_image() -> None:
    thumbnail = encode(picture(32, 24), "JPEG")
    # An APP1 segment that holds a whole JPEG, as cameras write it.
    data = encode(picture(), "JPEG")
    with_thumbnail = data[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + data[2:]
    assert image_defect(with_thumbnail) is None
    assert "truncated" in (image_defect(with_thumbnail[: len(with_thumbnail) // 2]) or "")


def test_containers_with_open_ends_are_whole(tmp_path: Path) -> None:
    path = write_video(tmp_path / "padded.mp4", 5)
    path.write_bytes(path.read_bytes() + bytes(16))
    assert container_defect(path, "video x") is None
    assert container_defect(write_video(tmp_path / "live.mkv", 5, container={"live": "1"}), "video x") is None
    path.write_bytes(path.read_bytes()[:-400])
    assert container_defect(path, "video x")


_EBML, _SEGMENT, _CLUSTER = b"\x1a\x45\xdf\xa3\x80", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_VOID = b"\xec\x80"


def element(kind: bytes, content: bytes) -> bytes:
    return kind + b"\x01" + len(content).to_bytes(7, "big") + content


@pytest.mark.parametrize(
    "wrap",
    [
        lambda many: b"\0\0\0\x08free" * many,
        lambda many: _EBML + _VOID * many,
        lambda many: _EBML + element(_SEGMENT, _VOID * many),
        lambda many: _EBML + element(_SEGMENT, element(_CLUSTER, _VOID * many)),
    ],
    ids=["boxes", "before the segment", "in the segment", "in a cluster"],
)
def test_a_file_of_many_small_parts_is_walked_no_longer_than_it_may(
    tmp_path: Path, wrap: Callable[[int], bytes]
) -> None:
    (tmp_path / "x").write_bytes(wrap(1_000_000))
    with time_limit(0.1), pytest.raises(MediaError, match="video x takes too long"):
        container_defect(tmp_path / "x", "video x")


def test_units_tile() -> None:
    assert units_tile(b"\0\0\0\2ab\0\0\0\1c", 4)
    assert not units_tile(b"\0\0\0\2ab\0\0\0\2c", 4)
    assert not units_tile(b"\0\0\0\0" + b"ab", 4)
    assert units_tile(b"", 4)
