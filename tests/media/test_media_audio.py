import io
import struct
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tokeff.errors import ItemError
from tokeff.media import audio

SNDFILE = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "PCM_24"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("AU", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]
FFMPEG = [
    ("mp3", "libmp3lame"),
    ("adts", "aac"),
    ("mp4", "aac"),
    ("ipod", "alac"),
    ("mov", "pcm_s24le"),
    ("matroska", "aac"),
    ("matroska", "flac"),
    ("webm", "libopus"),
    ("ogg", "libopus"),
    ("ogg", "flac"),
    ("mpegts", "aac"),
    ("avi", "libmp3lame"),
    ("wav", "adpcm_ima_wav"),
    ("caf", "pcm_s16be"),
]
LOSSLESS = {"pcm_s16be", "pcm_s24le", "PCM_16", "PCM_24", "ALAC_16", "alac", "flac"}
STATES_NO_EXTENT = {"adts"}
"""A cut between two frames cannot be seen; MPEG-TS shows one inside a packet of 188 bytes alone."""


def noise(n_samples: int, n_channels: int, seed: int = 0) -> NDArray[np.int16]:
    values = np.random.default_rng(seed).integers(-9000, 9000, (n_samples, n_channels))
    return values.astype(np.int16)


def with_sndfile(samples: NDArray[Any], rate: int, container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def with_ffmpeg(samples: NDArray[np.int16], rate: int, container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def reason_of(data: bytes) -> str:
    with pytest.raises(ItemError) as refusal:
        audio.decode(io.BytesIO(data))
    return refusal.value.reason


def check_agreement(data: bytes) -> torch.Tensor:
    header = audio.read_header(io.BytesIO(data))
    signal = audio.decode(io.BytesIO(data))
    assert header.raw_bytes == signal.header.raw_bytes
    assert (header.sample_rate_hz, header.container) == (signal.header.sample_rate_hz, signal.header.container)
    assert signal.header.counted == "measured"
    assert signal.samples.shape == (header.n_channels, header.n_samples)
    assert signal.samples.dtype == torch.float32
    assert signal.samples.abs().max() <= 1
    return signal.samples


@pytest.mark.parametrize(("container", "subtype"), SNDFILE)
@settings(max_examples=5, deadline=None)
@given(st.integers(1, 9000), st.integers(1, 2), st.sampled_from([8000, 16000, 24000, 48000]))
def test_header_agrees_with_decode_sndfile(
    container: str, subtype: str, n_samples: int, n_channels: int, rate: int
) -> None:
    samples = noise(n_samples, n_channels)
    got = check_agreement(with_sndfile(samples, rate, container, subtype))
    if subtype != "OPUS":
        assert got.shape[1] == n_samples
    if subtype in LOSSLESS:
        assert torch.equal(got, torch.from_numpy(samples.T.astype(np.float32) / 32768))


@pytest.mark.parametrize(("container", "codec"), FFMPEG)
@settings(max_examples=5, deadline=None)
@given(st.integers(3000, 20000), st.integers(1, 2), st.sampled_from([16000, 24000, 48000]))
def test_header_agrees_with_decode_ffmpeg(
    container: str, codec: str, n_samples: int, n_channels: int, rate: int
) -> None:
    samples = noise(n_samples, n_channels)
    got = check_agreement(with_ffmpeg(samples, rate, container, codec))
    if codec in LOSSLESS:
        assert torch.equal(got, torch.from_numpy(samples.T.astype(np.float32) / 32768))
    elif container in ("mp3", "mp4"):
        # The writers state their padding, but not where it is shorter than a decoder's delay (528 samples).
        assert abs(got.shape[1] - n_samples) <= 528
    else:
        n_expected = n_samples * (48000 // rate if codec == "libopus" else 1)
        assert n_expected <= got.shape[1] <= n_expected + 2304  # encoders without an edit list pad to whole frames


def test_how_samples_are_counted_is_said() -> None:
    samples = noise(5000, 1)
    counted = {
        name: audio.read_header(io.BytesIO(data)).counted
        for name, data in {
            "wav": with_sndfile(samples, 16000, "WAV", "PCM_16"),
            "flac": with_sndfile(samples, 16000, "FLAC", "PCM_16"),
            "vorbis": with_sndfile(samples, 16000, "OGG", "VORBIS"),
            "mp3": with_sndfile(samples, 16000, "MP3", "MPEG_LAYER_III"),
            "m4a": with_ffmpeg(samples, 16000, "mp4", "aac"),
            "mka": with_ffmpeg(samples, 16000, "matroska", "aac"),
        }.items()
    }
    claimed, measured = (
        dict.fromkeys(("flac", "vorbis", "m4a"), "claimed"),
        dict.fromkeys(("wav", "mp3", "mka"), "measured"),
    )
    assert counted == claimed | measured


def test_twenty_four_bits_and_floats_keep_their_precision() -> None:
    values = np.array([1 / 2**23, -1, 0.5 + 2**-20, 0.25], dtype=np.float32)
    for subtype in ("PCM_24", "FLOAT"):
        got = audio.decode(io.BytesIO(with_sndfile(values, 8000, "WAV", subtype))).samples
        assert got.tolist() == [values.tolist()]


def test_floats_beyond_full_scale_are_cut_and_nan_is_corrupt() -> None:
    loud = np.array([1.5, -7.0, 0.5], dtype=np.float32)
    assert audio.decode(io.BytesIO(with_sndfile(loud, 8000, "WAV", "FLOAT"))).samples.tolist() == [[1.0, -1.0, 0.5]]
    assert reason_of(with_sndfile(np.array([0.0, np.nan], dtype=np.float32), 8000, "WAV", "FLOAT")) == "corrupt"


def test_opus_has_48_khz_in_every_container() -> None:
    samples = noise(16000, 1)
    for data in (with_sndfile(samples, 16000, "OGG", "OPUS"), with_ffmpeg(samples, 16000, "webm", "libopus")):
        assert audio.read_header(io.BytesIO(data)).sample_rate_hz == 48000


def test_streamed_files_of_unknown_length_are_read_to_their_end() -> None:
    samples = noise(3000, 2)
    wav = bytearray(with_sndfile(samples, 8000, "WAV", "PCM_16"))
    wav[4:8] = wav[40:44] = b"\xff" * 4
    flac = bytearray(with_sndfile(samples, 8000, "FLAC", "PCM_16"))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    for data in (wav, flac):
        assert check_agreement(bytes(data)).shape == (2, 3000)


def test_a_tag_before_the_sound_is_skipped() -> None:
    tag = b"ID3\4\0\0" + bytes([0, 0, 40, 0]) + bytes(40 * 128)
    samples = noise(5000, 1)
    for sound, name in (
        (with_ffmpeg(samples, 16000, "adts", "aac"), "AAC"),
        (with_ffmpeg(samples, 16000, "mp3", "libmp3lame"), "MP3"),
        (with_sndfile(samples, 16000, "FLAC", "PCM_16"), "FLAC"),
    ):
        assert check_agreement(tag + sound).shape == check_agreement(sound).shape
        assert audio.read_header(io.BytesIO(tag + sound)).container == name


def test_what_is_no_recording() -> None:
    assert reason_of(b"") == "empty_file"
    assert reason_of(bytes(1000)) == "corrupt"
    assert reason_of(with_sndfile(noise(0, 1), 8000, "WAV", "PCM_16")) == "too_short"
    assert reason_of(video_without_sound()) == "no_audio_stream"


def video_without_sound() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 32
        for place in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), place, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def test_too_long_to_decode_is_counted_all_the_same() -> None:
    flac = bytearray(with_sndfile(noise(3000, 2), 8000, "FLAC", "PCM_16"))
    flac[22:26] = struct.pack(">I", 2**31)
    assert audio.read_header(io.BytesIO(bytes(flac))).n_samples == 2**31
    assert reason_of(bytes(flac)) == "too_large"


CUTS = [(with_sndfile, c) for c in SNDFILE] + [(with_ffmpeg, c) for c in FFMPEG if c[0] not in STATES_NO_EXTENT]


@pytest.mark.parametrize(("write", "case"), CUTS)
def test_a_cut_recording_is_refused(write: Any, case: tuple[str, str]) -> None:
    data = write(noise(12000, 2), 48000, *case)
    whole = audio.decode(io.BytesIO(data)).header.n_samples
    for cut in (*range(1, len(data), len(data) // 23), len(data) - 1):
        if case[0] == "mpegts" and cut % 188 == 0:
            continue
        try:
            got = audio.decode(io.BytesIO(data[:cut])).header.n_samples
        except ItemError as refusal:
            if refusal.reason not in ("truncated", "corrupt", "too_short", "no_audio_stream"):
                raise
        else:
            # Only padding, an index or the end of a last, silent frame was cut: every sample is there.
            assert got == whole, f"cut after {cut} of {len(data)} bytes"
            assert cut > 0.95 * len(data)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([(with_sndfile, c) for c in SNDFILE] + [(with_ffmpeg, c) for c in FFMPEG]), st.data())
def test_flipped_bits_raise_nothing_but_item_errors(case: Any, data: st.DataObject) -> None:
    write, kind = case
    bad = bytearray(write(noise(2500, 1), 16000, *kind))
    front = min(len(bad) - 1, 600)  # where the headers are
    places = st.integers(0, len(bad) - 1) | st.integers(0, front)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        bad[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ItemError):
        header = audio.read_header(io.BytesIO(bytes(bad)))
        signal = audio.decode(io.BytesIO(bytes(bad)))
        assert header.raw_bytes == signal.header.raw_bytes


def test_nothing_is_written_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for write, kind in CUTS:
        data = write(noise(6000, 1), 16000, *kind)
        for damaged in (data[: len(data) // 2], data[: len(data) // 2] + bytes(500) + data[len(data) // 2 :]):
            with suppress(ItemError):
                audio.decode(io.BytesIO(damaged))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("write", "case"), CUTS[:14:4] + CUTS[-3:])
def test_a_disk_that_fails_midway_is_no_damaged_file(
    write: Any, case: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 6000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    data = write(noise(60000, 2), 48000, *case)
    with pytest.raises(OSError, match="Input/output error"):
        audio.decode(Failing(data))
    assert capfd.readouterr() == ("", "")
