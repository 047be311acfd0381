import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tokeff.media.sniff import is_clean_text, sniff, sniff_stream
from tokeff.records.items import Modality


def picture(container: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(buffer, container)
    return buffer.getvalue()


def sound(container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.random.default_rng(0).uniform(-0.3, 0.3, 6000), 16000, format=container, subtype=subtype)
    return buffer.getvalue()


def clip(container: str, *, video: str | None = None, audio: str | None = None, options: Any = None) -> bytes:
    """A short file with a video stream, a sound stream, or both."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=options or {}) as out:
        streams: list[tuple[Any, list[Any]]] = []
        if video is not None:
            moving = out.add_stream(video, rate=25)
            assert isinstance(moving, av.VideoStream)
            moving.width = moving.height = 64
            moving.pix_fmt = "yuv420p"
            pictures = [np.full((64, 64, 3), 20 * place, np.uint8) for place in range(4)]
            streams.append((moving, [av.VideoFrame.from_ndarray(p, format="rgb24") for p in pictures]))
        if audio is not None:
            heard = out.add_stream(audio, rate=48000)
            assert isinstance(heard, av.AudioStream)
            heard.layout = "mono"
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
            streams.append((heard, [frame]))
        for stream, frames in streams:
            for one in (*frames, None):
                out.mux(stream.encode(one))
    return buffer.getvalue()


def of(data: bytes, name: str) -> Modality | None:
    return sniff_stream(partial(io.BytesIO, data), name)


@pytest.mark.parametrize("container", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI"])
def test_pictures_by_content(container: str) -> None:
    data = picture(container)
    assert sniff(data[:4096], "nameless") == of(data, "wrong.txt") == "image"


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("CAF", "PCM_16"),
        ("AU", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
def test_recordings_by_content(container: str, subtype: str) -> None:
    assert of(sound(container, subtype), "nameless") == "audio"


@pytest.mark.parametrize(
    ("container", "audio", "name"),
    [
        ("mp4", "aac", "a.m4a"),
        ("mp4", "aac", "song.mp4"),
        ("matroska", "flac", "a.mkv"),
        ("webm", "libopus", "a.webm"),
        ("mpegts", "aac", "a.ts"),
        ("avi", "libmp3lame", "a.avi"),
        ("ogg", "libopus", "a.ogv"),
        ("adts", "aac", "a.aac"),
        ("mp3", "libmp3lame", "a"),
    ],
)
def test_sound_alone_is_audio_whatever_the_name(container: str, audio: str, name: str) -> None:
    assert of(clip(container, audio=audio), name) == "audio"


@pytest.mark.parametrize(
    ("container", "video", "audio", "name"),
    [
        ("mp4", "libx264", None, "a.m4a"),
        ("mp4", "libx264", "aac", "a"),
        ("mov", "mpeg4", "aac", "a.mov"),
        ("matroska", "libx264", "flac", "a.mka"),
        ("webm", "libvpx-vp9", "libopus", "a"),
        ("avi", "mpeg4", "libmp3lame", "a"),
        ("mpegts", "mpeg2video", "aac", "a.ts"),
        ("flv", "flv1", None, "a.flv"),
        ("mpeg", "mpeg1video", None, "a.mpg"),
    ],
)
def test_moving_pictures_are_video_whatever_the_name(container: str, video: str, audio: str | None, name: str) -> None:
    if video == "flv1":
        video = "flv"
    assert of(clip(container, video=video, audio=audio), name) == "video"


def test_a_cover_picture_makes_no_video() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        heard = out.add_stream("aac", rate=48000)
        cover = out.add_stream("mjpeg", rate=1)
        assert isinstance(heard, av.AudioStream)
        assert isinstance(cover, av.VideoStream)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = cover.disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        heard.layout = "mono"
        out.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        for one in (frame, None):
            out.mux(heard.encode(one))
    assert of(buffer.getvalue(), "song.mp4") == "audio"


TEXTS: list[tuple[str, str | bytes]] = [
    ("a.txt", "plain"),
    ("a", "no name, but Ünïcode"),
    ("a.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("a.json", "{}"),
    ("a.ts", "const x: number = 1;"),
    ("a.jpg", "<html>404 not found</html>"),
    ("a.txt", "BMW is not a bitmap"),
    ("a.txt", "GIF89a is a format"),
    ("a", "the moov box"),
    ("a.txt", "ID3 is a tag, OggS is a page, RIFF....WAVE a chunk"),
    ("a.txt", "schön".encode("latin-1")),
    ("a.txt", "text".encode("utf-16")),
    ("a.unknown", "text".encode("utf-16")),
    ("a.log", "\x1b[31mred\x1b[0m\n" * 9),
]


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_texts(name: str, text: str | bytes) -> None:
    assert of(text if isinstance(text, bytes) else text.encode(), name) == "text"


@pytest.mark.parametrize(
    ("name", "data", "modality"),
    [
        ("a.png", bytes(100), "image"),
        ("a.png", b"\x89PN", "image"),
        ("a.gif", b"GIF89a", "image"),
        ("a.flac", bytes(100), "audio"),
        ("a.wav", b"RIFF\x10\0", "audio"),
        ("a.mp4", bytes(100), "video"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image"),
        ("a.bin", bytes(100), None),
        ("a.bin", bytes(range(256)), None),
        ("a.pdf", b"%PDF-1.7\nhello", None),
        ("a.nef", b"II*\0" + bytes(100), None),
        ("a.tif", b"II*\0" + bytes(100), "image"),
        ("a.zip", b"PK\3\4" + bytes(30), None),
        ("a.bin", b"\xff\xfb\x90\x64" + bytes(range(200)), None),
    ],
)
def test_where_the_content_says_nothing_the_name_does(name: str, data: bytes, modality: Modality | None) -> None:
    assert of(data, name) == modality


def test_a_cut_container_keeps_the_modality_of_its_name() -> None:
    data = clip("mp4", video="libx264", audio="aac")
    assert of(data[: len(data) // 2], "a.mp4") == "video"  # its index was at the end
    data = clip("mp4", audio="aac")
    assert of(data[: len(data) // 2], "a.m4a") == "audio"


@given(st.text(min_size=1), st.integers(1, 40))
def test_text_cut_in_a_character_is_still_text(text: str, cut: int) -> None:
    data = ("words, " * 50 + text).encode()[: 350 + cut]
    controls = sum(ord(c) < 32 or ord(c) == 127 for c in text)
    assert is_clean_text(data) or controls > 0


@given(st.binary(max_size=600), st.sampled_from(["a", "a.txt", "a.mp4", "a.png", "a.ts", "a.mp3"]))
def test_any_bytes_are_sniffed_without_an_exception(data: bytes, name: str) -> None:
    assert of(data, name) in (None, "text", "image", "audio", "video")


MAGIC_HEADS: list[Callable[[], bytes]] = [
    partial(clip, "mp4", audio="aac"),
    partial(clip, "matroska", audio="flac"),
    partial(clip, "ogg", audio="libopus"),
    partial(clip, "mpegts", audio="aac"),
]


@given(st.sampled_from(range(len(MAGIC_HEADS))), st.data())
def test_damaged_containers_are_sniffed_without_an_exception(which: int, data: st.DataObject) -> None:
    bad = bytearray(MAGIC_HEADS[which]()[: data.draw(st.integers(1, 3000))])
    for place in data.draw(st.lists(st.integers(0, len(bad) - 1), max_size=4)):
        bad[place] ^= 1 << data.draw(st.integers(0, 7))
    assert of(bytes(bad), "a.mkv") in (None, "text", "image", "audio", "video")
