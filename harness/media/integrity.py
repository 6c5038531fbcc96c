"""Is a media file whole? Structural checks of what decoders let pass.

A decoder paints what a cut-off file lacks in grey, or ends the video early, and some say nothing of it. These checks
walk the file's own structure (segments, chunks, boxes, elements) up to its declared end. Formats without such a
structure are left to the decoder.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from harness.media.bounds import check_time

_PNG: Final = b"\x89PNG\r\n\x1a\n"
# In entropy-coded data, 0xFF is followed by a stuffed zero, a restart marker, or padding; anything else ends the scan.
_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_UNKNOWN_SIZE: Final = -1
_TS_PACKET: Final = 188
"""Bytes of every packet of an MPEG transport stream."""
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_ANYWHERE: Final = frozenset({0xEC, 0xBF, 0x1B538667})  # Void, CRC-32, SignatureSlot
_IN_SEGMENT: Final = _ANYWHERE | {
    _CLUSTER,
    0x114D9B74,  # SeekHead
    0x1549A966,  # Info
    0x1654AE6B,  # Tracks
    0x1C53BB6B,  # Cues
    0x1254C367,  # Tags
    0x1043A770,  # Chapters
    0x1941A469,  # Attachments
}
_IN_CLUSTER: Final = _ANYWHERE | {
    0xE7,  # Timestamp
    0xA3,  # SimpleBlock
    0xA0,  # BlockGroup
    0xA7,  # Position
    0xAB,  # PrevSize
    0x5854,  # SilentTracks
    0xAF,  # EncryptedBlock
}


def image_defect(data: bytes) -> str | None:
    """What is wrong with the structure of an encoded image, or `None` (also for formats that are not checked)."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_defect(data)
    if data.startswith(_PNG):
        return _png_defect(data)
    return None


def container_defect(path: Path, what: str) -> str | None:
    """What is wrong with the structure of a video file, or `None` (also for containers that are not checked).

    Args:
        path: the file.
        what: kind and name of the medium.

    Raises:
        OSError: the file cannot be read.
        MediaError: the time that `harness.media.bounds.time_limit` sets is spent.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_TS_PACKET + 1)
        check: Callable[[BinaryIO, int, str], str | None] | None = None
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            check = _boxes_defect
        elif head.startswith(b"\x1a\x45\xdf\xa3"):
            check = _ebml_defect
        elif head.startswith(b"RIFF"):
            check = _riff_defect
        elif head[:1] == head[_TS_PACKET:] == b"\x47":
            check = _packets_defect
        file.seek(0)
        return check(file, size, what) if check is not None else None


def units_tile(packet: bytes, length_bytes: int) -> bool:
    """Whether a packet of length-prefixed units (H.264, HEVC in MP4 and Matroska) is filled exactly by its units."""
    at = 0
    while at < len(packet):
        length = int.from_bytes(packet[at : at + length_bytes], "big")
        if length == 0:
            return False
        at += length_bytes + length
    return at == len(packet)


def _jpeg_defect(data: bytes) -> str | None:
    """Walk the marker segments; thumbnails and appended data have end markers of their own and do not count."""
    at = 2
    while True:
        found = _SCAN_END.search(data, at)
        if found is None:
            return "truncated: no end-of-image marker"
        marker, at = data[found.start() + 1], found.end()
        if marker == 0xD9:
            return None
        if marker == 0x01:
            continue
        if at + 2 > len(data):
            return "truncated inside a segment"
        at += int.from_bytes(data[at : at + 2], "big")
        if at > len(data):
            return "truncated inside a segment"


def _png_defect(data: bytes) -> str | None:
    at = len(_PNG)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            break
        critical = not kind[0] & 0x20
        if critical and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return f"damaged: checksum of chunk {kind.decode('latin-1')} is wrong"
        if kind == b"IEND":
            return None
        at = end
    return "truncated: no IEND chunk"


def _boxes_defect(file: BinaryIO, size: int, what: str) -> str | None:
    """MP4, MOV: the boxes of the top level tile the file, and one of them is the index."""
    at, kinds = 0, set()
    while at + 8 <= size:
        check_time(what)
        file.seek(at)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:  # The last box reaches to the end of the file.
            length = size - at
        if length < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in kind):
            # Some writers append padding or private data after the last box.
            return None if b"moov" in kinds else "damaged: the index (moov) is missing"
        if at + length > size:
            return f"truncated: {at + length - size} bytes of box {kind.decode('latin-1')} are missing"
        kinds.add(kind)
        at += length
    return None if b"moov" in kinds else "truncated: the index (moov) is missing"


def _riff_defect(file: BinaryIO, size: int, what: str) -> str | None:
    file.seek(4)
    declared = int.from_bytes(file.read(4), "little") + 8
    # A writer that could not seek back leaves 0 or the greatest number.
    if 8 < declared < 0xFFFFFFFF and declared > size:
        return f"truncated: {declared - size} of {declared} bytes are missing"
    return None


def _packets_defect(file: BinaryIO, size: int, what: str) -> str | None:
    """MPEG transport stream: packets of one length; it says nowhere how many."""
    return f"truncated: it ends {size % _TS_PACKET} bytes into a packet" if size % _TS_PACKET else None


def _ebml_defect(file: BinaryIO, size: int, what: str) -> str | None:
    """Matroska, WebM: elements of the segment and of its clusters tile their parents and are of known kinds."""
    at = 0
    while at < size:
        check_time(what)
        element = _element(file, at)
        if element is None:
            return "damaged or truncated: no element where one should begin"
        kind, start, length = element
        if kind == _SEGMENT:
            return _tiling_defect(file, start, length, size, _IN_SEGMENT, what)
        if length == _UNKNOWN_SIZE or kind not in _ANYWHERE | {_EBML}:
            return "damaged: the segment is missing"
        at = start + length
    return "truncated: the segment is missing"


def _tiling_defect(file: BinaryIO, start: int, length: int, size: int, known: frozenset[int], what: str) -> str | None:
    if length == _UNKNOWN_SIZE:  # A live recording says nowhere how long it is.
        return None
    end = start + length
    if end > size:
        return f"truncated: {end - size} of {size + end - size} bytes are missing"
    at = start
    while at < end:
        check_time(what)
        element = _element(file, at)
        if element is None or element[0] not in known:
            return f"damaged at byte {at}"
        kind, begin, inner = element
        if inner == _UNKNOWN_SIZE:
            return None
        if begin + inner > end:
            return f"damaged at byte {at}"
        if kind == _CLUSTER and (defect := _tiling_defect(file, begin, inner, size, _IN_CLUSTER, what)):
            return defect
        at = begin + inner
    return None


def _element(file: BinaryIO, at: int) -> tuple[int, int, int] | None:
    """Kind, first byte and length of the element at `at`; `None` when there is none."""
    file.seek(at)
    header = file.read(12)
    if not header or not header[0]:
        return None
    kind_bytes = 9 - header[0].bit_length()
    if kind_bytes > 4 or len(header) <= kind_bytes or not header[kind_bytes]:
        return None
    size_bytes = 9 - header[kind_bytes].bit_length()
    digits = header[kind_bytes : kind_bytes + size_bytes]
    if len(digits) < size_bytes:
        return None
    greatest = (1 << 7 * size_bytes) - 1
    length = int.from_bytes(digits, "big") & greatest
    start = at + kind_bytes + size_bytes
    return int.from_bytes(header[:kind_bytes], "big"), start, _UNKNOWN_SIZE if length == greatest else length
