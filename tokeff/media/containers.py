"""Containers by their first bytes, and what kinds of streams are in those that may hold several.

Leaves out text, which has no magic bytes (`sniff`), and every decision by name.
"""

from dataclasses import dataclass
from typing import BinaryIO, Literal

from tokeff.records.items import Modality

HEAD_BYTES = 4096
"""What is read of a file to know its container."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file. `modality` None: it may hold sound, pictures or both, and its streams must be asked."""

    name: str
    modality: Modality | None
    demuxer: str | None = None
    """FFmpeg's name of its reader. Always given to it: where it guesses, a playlist would make it open other files."""


MP4 = Container("MP4", None, "mov")
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
AUDIO_BRANDS = {b"M4A ", b"M4B ", b"F4A "}
MAGIC: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", Container("PNG", "image")),
    (0, b"\xff\xd8\xff", Container("JPEG", "image")),
    (0, b"GIF87a", Container("GIF", "image")),
    (0, b"GIF89a", Container("GIF", "image")),
    (8, b"WEBPVP8", Container("WEBP", "image")),
    (0, b"II*\0", Container("TIFF", "image")),
    (0, b"MM\0*", Container("TIFF", "image")),
    (0, b"II+\0", Container("TIFF", "image")),
    (0, b"MM\0+", Container("TIFF", "image")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Container("JPEG2000", "image")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Container("JXL", "image")),
    (0, b"\xff\x0a", Container("JXL", "image")),
    (0, b"qoif", Container("QOI", "image")),
    (0, b"P4\n", Container("PNM", "image")),
    (0, b"P4 ", Container("PNM", "image")),
    (0, b"P5\n", Container("PNM", "image")),
    (0, b"P5 ", Container("PNM", "image")),
    (0, b"P6\n", Container("PNM", "image")),
    (0, b"P6 ", Container("PNM", "image")),
    (0, b"RF64", Container("RF64", "audio", "wav")),
    (8, b"WAVE", Container("WAV", "audio", "wav")),
    (0, b"riff\x2e\x91\xcf\x11", Container("W64", "audio", "w64")),
    (8, b"AIFF", Container("AIFF", "audio", "aiff")),
    (8, b"AIFC", Container("AIFF", "audio", "aiff")),
    (0, b"caff\0\1", Container("CAF", "audio", "caf")),
    (0, b".snd\0\0\0", Container("AU", "audio", "au")),
    (0, b"fLaC\0", Container("FLAC", "audio", "flac")),
    (0, b"fLaC\x80", Container("FLAC", "audio", "flac")),
    (0, b"#!AMR", Container("AMR", "audio", "amr")),
    (0, b"OggS\0", Container("OGG", None, "ogg")),
    (0, b"\x1aE\xdf\xa3", Container("MATROSKA", None, "matroska")),
    (4, b"moov", MP4),
    (4, b"mdat", MP4),
    (8, b"AVI ", Container("AVI", None, "avi")),
    (0, b"FLV\1", Container("FLV", None, "flv")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container("ASF", None, "asf")),
    (0, b"\0\0\1\xba", Container("MPEG-PS", None, "mpeg")),
    (0, b"\0\0\1\xb3", Container("MPEG-1/2", "video", "mpegvideo")),
)
RIFF_LIKE = {"WAV": b"RIFF", "AVI": b"RIFF", "WEBP": b"RIFF", "AIFF": b"FORM"}
"""What stands at 0 where the magic stands at 8."""
MP3 = Container("MP3", "audio", "mp3")
ADTS = Container("AAC", "audio", "aac")
BMP_HEADER_SIZES = {12, 16, 40, 52, 56, 64, 108, 124}


def container(head: bytes) -> Container | None:
    """The container that the first bytes of a file say, or None."""
    for offset, magic, kind in MAGIC:
        if head[offset : offset + len(magic)] == magic and head.startswith(RIFF_LIKE.get(kind.name, b"")):
            return kind
    if head[4:8] == b"ftyp":
        return _iso_brand(head)
    if head[:2] == b"BM" and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES:
        return Container("BMP", "image")
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return Container("MPEG-TS", None, "mpegts")
    if head[4:5] == b"G" and head[196:197] == b"G" and head[388:389] == b"G":
        return Container("MPEG-TS", None, "mpegts")
    return _frames_of_sound(head)


def _iso_brand(head: bytes) -> Container:
    brand = head[8:12]
    if brand in AVIF_BRANDS:
        return Container("AVIF", "image")
    if brand in HEIF_BRANDS:
        compatible = {head[i : i + 4] for i in range(16, min(int.from_bytes(head[:4], "big"), 256), 4)}
        return Container("AVIF" if compatible & AVIF_BRANDS else "HEIF", "image")
    return MP4


def _frames_of_sound(head: bytes) -> Container | None:
    """MP3 and ADTS files have no signature but that of each frame; ID3 tags stand before them."""
    if len(head) < 4:
        return None
    if head[:3] == b"ID3" and 2 <= head[3] <= 4:
        return MP3
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer = head[1] >> 1 & 3
    if layer == 0 and head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 15 < 13:
        return ADTS
    good_fields = head[1] >> 3 & 3 != 1 and head[2] >> 4 != 15 and head[2] >> 2 & 3 != 3
    return MP3 if layer in (1, 2) and good_fields else None


def stream_kinds(stream: BinaryIO, kind: Container) -> set[Literal["audio", "video"]] | None:
    """Which kinds of streams a container holds, cover pictures left out; None where it cannot be opened."""
    import av

    try:
        with av.open(stream, format=kind.demuxer) as opened:
            video = [s for s in opened.streams.video if not s.disposition & s.disposition.attached_pic]
            kinds: set[Literal["audio", "video"]] = set()
            if opened.streams.audio:
                kinds.add("audio")
            if video:
                kinds.add("video")
            return kinds
    except (av.FFmpegError, ValueError):
        return None
