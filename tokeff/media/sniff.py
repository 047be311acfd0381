"""What modality a file is: by its content first, by its name only where the content leaves it open.

- Clean UTF-8 is text, whatever the name says (source code, JSON, CSV, Markdown, SVG; also an error page that was
  saved as `.jpg`), unless it begins like a binary format that its name confirms (a `.gif` cut after `GIF89a`).
- A signature decides for all else. Containers that may hold sound, pictures or both (Ogg, Matroska, MP4, AVI, TS,
  ...) are video if they have a video stream that is not a cover picture, else audio: an `.mp4` with sound alone is
  measured as the sound that it is. One with neither stays video and fails there, with the reason `no_video_stream`.
- No signature: the name decides. So a text file in another encoding is text and a picture full of zeros a picture;
  both then fail where they are decoded, with a reason that names the cause.
- Else None; also for camera raw files, which a TIFF reader would take for their thumbnails, PDF, PostScript and RTF.

Leaves out reading the content.
"""

import os
from collections.abc import Callable
from typing import BinaryIO

from tokeff.media.containers import AUDIO_BRANDS, HEAD_BYTES, Container, container, stream_kinds
from tokeff.records.items import Modality

SUFFIXES: dict[Modality, str] = {
    "text": ".txt .md .markdown .rst .tex .bib .org .adoc .html .htm .xhtml .xml .svg .json .jsonl .ndjson .csv .tsv "
    ".yaml .yml .toml .ini .cfg .conf .log .srt .vtt .sub .po .py .pyi .ipynb .js .mjs .jsx .tsx .css .scss .java .c "
    ".h .cc .cpp .cxx .hpp .hh .cs .go .rs .rb .php .pl .lua .sh .bash .ps1 .sql .r .jl .scala .kt .swift .m .hs .ml "
    ".ex .erl .clj .lisp .el .vim .asm .s .f90 .f .pas .vb .dart .zig .nim .v .vhd .tcl .cmake .conllu",
    "image": ".png .apng .jpg .jpeg .jpe .jfif .webp .gif .bmp .dib .tif .tiff .avif .heic .heif .jp2 .j2k .jxl .qoi "
    ".ppm .pgm .pbm .pnm",
    "audio": ".wav .wave .rf64 .w64 .flac .ogg .oga .opus .spx .mp3 .mp2 .aac .m4a .m4b .mka .weba .aif .aiff .aifc "
    ".caf .au .snd .amr .ac3 .wma",
    "video": ".mp4 .m4v .mov .mkv .webm .avi .mts .m2ts .ogv .mpg .mpeg .mpe .vob .flv .wmv .asf .3gp .3g2 .h264 "
    ".hevc .y4m",
}
MODALITY_OF_SUFFIX = {suffix: modality for modality, suffixes in SUFFIXES.items() for suffix in suffixes.split()}
OTHER_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
DOCUMENT_MAGIC = (b"%PDF-", b"%!PS-", b"{\\rtf")
"""Documents that may look like text and are not what anybody wants tokenized as it lies."""
CAMERA_RAW = frozenset([".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".pef", ".srw", ".raf"])
"""They are TIFF, and what a TIFF reader finds in them is a thumbnail."""
NO_CONTROLS = b"\t\n\r\f\v\b\x1b" + bytes(range(32, 127)) + bytes(range(128, 256))
"""All bytes but the control characters that texts do not have."""
MAX_CONTROL_SHARE = 0.01


def sniff(head: bytes, name: str) -> Modality | None:
    """The modality, from the first bytes (4096 are enough) and the name. Where only streams can tell, the likelier."""
    if head.startswith(DOCUMENT_MAGIC) or _suffix(name) in CAMERA_RAW:
        return None
    named, is_text = named_modality(name), is_clean_text(head)
    if is_text and named in (None, "text"):
        return "text"
    kind = container(head)
    if is_text and (kind is None or kind.modality not in (None, named)):
        return "text"
    if kind is None or (kind.name in ("MP3", "AAC") and not _plausible_sound(head, named)):
        return "text" if head.startswith(OTHER_BYTE_ORDER_MARKS) else named
    return kind.modality or _likelier(kind, head, named)


def sniff_stream(open: Callable[[], BinaryIO], name: str) -> Modality | None:
    """The modality of a file; looks at the streams of containers that may hold several kinds. Raises OSError."""
    with open() as stream:
        head = stream.read(HEAD_BYTES)
        modality = sniff(head, name)
        if modality in (None, "text", "image"):
            return modality
        kind = container(head)
        if kind is None or kind.modality is not None:
            return modality
        stream.seek(0)
        kinds = stream_kinds(stream, kind)
    if kinds is None:
        return modality
    return "audio" if kinds == {"audio"} else "video"


def named_modality(name: str) -> Modality | None:
    """What the suffix of a name says. `.ts` is TypeScript or MPEG: it says nothing."""
    return MODALITY_OF_SUFFIX.get(_suffix(name))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - asked of every file of a corpus


def is_clean_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 (the last character may be cut) with hardly a control character and no NUL."""
    if not head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or error.start < len(head) - 3:
            return False
    return 0 not in head and len(head.translate(None, NO_CONTROLS)) <= MAX_CONTROL_SHARE * len(head)


def _plausible_sound(head: bytes, named: Modality | None) -> bool:
    """Two bytes of a frame's sync prove little: the name must agree, or an ID3 tag or a second frame be there."""
    return named == "audio" or head.startswith(b"ID3") or head.count(head[:2]) >= 3


def _likelier(kind: Container, head: bytes, named: Modality | None) -> Modality:
    if kind.name == "OGG":
        return "video" if b"\x80theora" in head or named == "video" else "audio"
    return "audio" if named == "audio" or head[8:12] in AUDIO_BRANDS else "video"
