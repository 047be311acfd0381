"""Missing bits of items, as columns of a Tally: extremes in closed form, windows, and the work shared by tokenizers."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pytest
import torch
from torch import Tensor

from tokeff.measures.fidelities import CODED_BYTES, CODED_ITEMS, FIDELITIES
from tokeff.measures.reconstruction import Coded, SourceBits, reconstruction_columns
from tokeff.measures.references import REFERENCE_BYTES, reference_columns
from tokeff.measures.rows import Column
from tokeff.measures.text import missing_text_bits
from tokeff.measures.windows import CLIP_FRAMES, WINDOW_SIDE
from tokeff.records.headers import AudioHeader, ImageHeader, VideoHeader
from tokeff.records.items import Item, Modality
from tokeff.records.signals import AudioSignal, ImageSignal, Signal, TextSignal, VideoSignal
from tokeff.records.tallies import from_fixed


@dataclass(frozen=True)
class HeldFrames:
    pixels: Tensor

    def frames(self, indices: Sequence[int] | None = None) -> Iterator[Tensor]:
        yield from torch.split(self.pixels if indices is None else self.pixels[list(indices)], 5)


def picture(seed: int, height: int = 40, width: int = 56) -> ImageSignal:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 7, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    pixels = ((fine + 0.03 * torch.randn(fine.shape, generator=generator)).clamp(0, 1) * 255).to(torch.uint8)
    return ImageSignal(header=ImageHeader(width=width, height=height, channels=3), pixels=pixels)


def recording(seed: int, n_samples: int = 9000) -> AudioSignal:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, n_samples, generator=generator).cumsum(1)
    samples = (noise / noise.abs().max() * 20_000).round() / 32768
    return AudioSignal(header=AudioHeader(sample_rate_hz=16_000, n_samples=n_samples, n_channels=2), samples=samples)


def clip(seed: int, n_frames: int = 4) -> VideoSignal:
    still = picture(seed).pixels
    frames = torch.stack([still.roll(step, 2) for step in range(n_frames)])
    header = VideoHeader.regular(width=still.shape[2], height=still.shape[1], n_frames=n_frames, frame_rate_hz=10)
    return VideoSignal(header=header, source=HeldFrames(frames))


def blank(signal: Signal) -> Signal:
    if isinstance(signal, ImageSignal):
        return replace(signal, pixels=torch.full_like(signal.pixels, 128))
    if isinstance(signal, AudioSignal):
        return replace(signal, samples=torch.zeros_like(signal.samples))
    assert isinstance(signal, VideoSignal)
    frames = torch.cat(list(signal.source.frames()))
    return replace(signal, source=HeldFrames(torch.full_like(frames, 128)))


SIGNALS: dict[Modality, list[Signal]] = {
    "image": [picture(0), picture(1, 33, 21), picture(2)],
    "audio": [recording(0), recording(1, 4001), recording(2)],
    "video": [clip(0), clip(1, 7)],
}


def items_of(modality: Modality, n: int) -> list[Item]:
    return [Item(modality=modality, key=f"{n}", stored_bytes=1, open=io.BytesIO) for n in range(n)]


def reals_of(columns: dict[str, Column], name: str) -> list[float]:
    return [from_fixed(value) for value in columns[name] if value is not None]


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_identity_misses_nothing_and_a_blank_copy_nearly_everything(modality: Modality) -> None:
    signals = SIGNALS[modality]
    items, sources = items_of(modality, len(signals)), SourceBits()
    same = reconstruction_columns(items, signals, signals, sources).reals
    useless = reconstruction_columns(items, signals, [blank(signal) for signal in signals], sources).reals
    for each in FIDELITIES[modality]:
        assert reals_of(same, each.column("missing")) == [0.0] * len(signals)
        bits = reals_of(useless, each.column("source"))
        assert bits == reals_of(same, each.column("source"))
        assert min(bits) > 0
        missing = reals_of(useless, each.column("missing"))
        assert all(0.99 * a <= b <= a for a, b in zip(bits, missing, strict=True))


def test_a_better_copy_leaves_fewer_bits_missing() -> None:
    signal = picture(5)
    noise = torch.randn(signal.pixels.shape, generator=torch.Generator().manual_seed(1))
    copies = [
        replace(signal, pixels=(signal.pixels + size * noise).round().clamp(0, 255).to(torch.uint8))
        for size in (0.3, 2, 8)
    ]
    (item,), sources = items_of("image", 1), SourceBits()
    found = [reconstruction_columns([item], [signal], [copy], sources).reals for copy in copies]
    missing = [reals_of(columns, "missing_bits_d8_s1")[0] for columns in found]
    assert missing == sorted(missing)
    assert missing[0] < 0.7 * missing[2]


@pytest.mark.parametrize("modality", ["image", "audio", "video"])
def test_items_do_not_depend_on_their_company(modality: Modality) -> None:
    signals = SIGNALS[modality]
    items, copies = items_of(modality, len(signals)), [blank(signal) for signal in signals]
    together = reconstruction_columns(items, signals, copies, SourceBits()).reals
    for place, item in enumerate(items):
        alone = reconstruction_columns([item], [signals[place]], [copies[place]], SourceBits()).reals
        for name, column in alone.items():
            assert column[0] == pytest.approx(together[name][place], rel=1e-6)


def test_an_item_without_a_copy_has_no_bits() -> None:
    signals = SIGNALS["image"]
    found = reconstruction_columns(items_of("image", 3), signals, [None, signals[1], None], SourceBits())
    counts, reals = found.counts, found.reals
    assert counts[CODED_ITEMS] == [None, 1, None]
    assert counts[CODED_BYTES] == [None, 33 * 21 * 3, None]
    assert all(column[0] is None and column[1] is not None for column in reals.values())
    assert reconstruction_columns(items_of("image", 1), signals[:1], [None], SourceBits()) == Coded()


def test_a_window_is_coded_unless_the_whole_is_asked_for() -> None:
    signal = picture(0, 8, WINDOW_SIDE + 100)
    (item,) = items_of("image", 1)
    part = reconstruction_columns([item], [signal], [signal], SourceBits()).counts
    whole = reconstruction_columns([item], [signal], [signal], SourceBits(whole=True)).counts
    assert part[CODED_BYTES] == [8 * WINDOW_SIDE * 3]
    assert whole[CODED_BYTES] == [8 * (WINDOW_SIDE + 100) * 3]
    film = clip(0, CLIP_FRAMES + 9)
    (item,) = items_of("video", 1)
    part = reconstruction_columns([item], [film], [film], SourceBits()).counts
    assert part[CODED_BYTES] == [CLIP_FRAMES * 40 * 56 * 3]


def test_missing_bits_of_texts() -> None:
    text = "Ein Satz mit Umlauten: äöü, und noch einer, der länger ist. ".encode() * 20
    assert missing_text_bits(text, text) == 0
    nearly = missing_text_bits(text, text.replace("ä".encode(), b"?"))
    alone = missing_text_bits(text, b"")
    assert 0 < nearly < alone
    assert missing_text_bits(b"x", b"") > 0


def test_our_bits_stand_beside_those_of_kept_libraries() -> None:
    for modality, names in (("image", ("png", "webp_lossless")), ("audio", ("flac",)), ("video", ("ffv1",))):
        signals = SIGNALS[modality]  # type: ignore[index]
        items, sources = items_of(modality, len(signals)), SourceBits()  # type: ignore[arg-type]
        counts, files = reference_columns(items, signals, {"0", "1"}, sources)
        coded = reconstruction_columns(items, signals, [*signals[:2], *[None] * (len(signals) - 2)], sources)
        assert counts[REFERENCE_BYTES] == coded.counts[CODED_BYTES]
        depth = FIDELITIES[modality][0]  # type: ignore[index]
        for name in names:
            for ours, theirs in zip(
                reals_of(coded.reals, depth.column("source")), reals_of(files, f"reference_bits_{name}"), strict=True
            ):
                assert 0.2 * theirs < ours < 1.2 * theirs


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_xl_stands_beside_ours_where_it_is_installed(channels: Literal[1, 3]) -> None:
    plugin = pytest.importorskip("pillow_jxl")
    assert plugin.__name__ == "pillow_jxl"
    whole = picture(3)
    signal = replace(
        whole, header=ImageHeader(width=56, height=40, channels=channels), pixels=whole.pixels[:channels].contiguous()
    )
    counts, files = reference_columns(items_of("image", 1), [signal], {"0"}, SourceBits())
    assert counts[REFERENCE_BYTES] == [40 * 56 * channels]
    assert 0 < reals_of(files, "reference_bits_jpeg_xl")[0] < 1.05 * reals_of(files, "reference_bits_webp_lossless")[0]


def test_texts_are_squeezed_by_kept_libraries() -> None:
    text = TextSignal(data=b"Once more the same words. " * 200)
    counts, files = reference_columns(items_of("text", 1), [text], {"0"}, SourceBits())
    assert counts[REFERENCE_BYTES] == [len(text.data)]
    assert 0 < reals_of(files, "reference_bits_zstd_19")[0] < 8 * 200
