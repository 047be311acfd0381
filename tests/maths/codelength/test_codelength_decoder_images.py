"""The proof for pictures and frames: a decoder that knows the stream and the references only rebuilds every sample.

Coder and decoder run the same procedure over a picture whose samples to come are noise; only the coder looks at the
true sample, when its turn comes. The length of the stream is compared with the length that tokeff states.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tokeff.maths.codelength import Pool, colours, modes, plane_fit, planes, video_code_length
from tokeff.maths.codelength.images import image_code_length
from tokeff.maths.codelength.taps import Layout

N = 256


def _noise(like: Tensor) -> Tensor:
    return torch.randint(-128, 128, like.shape, generator=torch.Generator().manual_seed(7)).float()


def _coefficients(
    coder: Any, true: Tensor | None, start: list[float], *, n_sent: int, bits: int, order: int
) -> list[float]:
    """One list of coefficients through the stream: its order (15 says that it is the free one), then differences."""
    free = [round(v * 2**bits) for v in start]
    delta = None if true is None else [round(float(v) * 2**bits) - f for v, f in zip(true, free, strict=True)]
    named = coder.number(None if delta is None else (order if any(delta) else 15), 4)
    if named < 15:
        free[:n_sent] = [f + coder.golomb(delta and delta[i], named) for i, f in enumerate(free[:n_sent])]
    return [f / 2**bits for f in free]


def _order(true: Tensor | None, start: list[float], n_sent: int, bits: int) -> int:
    if true is None:
        return 0
    delta = [round(float(t) * 2**bits) - round(s * 2**bits) for t, s in zip(true, start, strict=True)][:n_sent]
    folded = [2 * d - 1 if d > 0 else -2 * d for d in delta]
    return min(range(15), key=lambda m: sum(2 * ((v >> m) + 1).bit_length() - 1 + m for v in folded))


def _header(coder: Any, layout: Layout, size: tuple[int, int], model: planes.Model | None) -> planes.Model:
    """The model through the stream: flags of reference use, coefficients of the predictor and of the magnitude."""
    kernels = []
    bits = plane_fit.coefficient_bits(*size)
    used = []
    for name, n_planes, precision in (
        ("predictor", layout.channels + layout.references, bits),
        ("loudness", layout.channels + 1 + layout.references, min(8, bits - 1)),
    ):
        kernel = torch.zeros(1, layout.channels, n_planes, 4, 5)
        for c in range(layout.channels):
            own, more = (
                (layout.own(c), layout.referred(c)) if name == "predictor" else (layout.loud(c), layout.steep(c))
            )
            start = (layout.start(c) if name == "predictor" else layout.start_loud(c)) + [0.0] * len(more)
            places = [(c, p, 2 + dy, 2 + dx) for p, dy, dx in own + more]
            true = None if model is None else torch.stack([getattr(model, name)[0][i] for i in places])
            if name == "predictor" and layout.references:
                used.append(bool(coder.number(None if true is None else int(true[len(own) :].any()), 1)))
            n_sent = len(own) + len(more) * (bool(layout.references) and used[c])
            order = _order(true, start, n_sent, precision)
            for i, v in zip(
                places, _coefficients(coder, true, start, n_sent=n_sent, bits=precision, order=order), strict=True
            ):
                kernel[0][i] = v
        kernels.append(kernel)
    return planes.Model(
        layout=layout, n_levels=N, predictor=kernels[0], loudness=kernels[1], header_bits=torch.zeros(1)
    )


class _Residuals:
    """Adaptive histograms, sample by sample; `counts` may go on from one frame to the next."""

    def __init__(
        self, coder: Any, model: planes.Model, references: Tensor, *, detail: int = 0, counts: Any = None
    ) -> None:
        self.coder, self.model, self.references, self.detail = coder, model, references, detail
        self.weights = planes.context_prior(N, planes.DETAILS[detail]).view(-1, N).numpy()
        self.counts = defaultdict(lambda: np.zeros(N)) if counts is None else counts

    def sample(self, partial: Tensor, place: tuple[int, int, int], truth: Tensor | None) -> None:
        index, base = planes.symbols(partial, self.references, self.model, self.detail)
        at = (0, *place)
        context, start = int(index[at]) // N, int(base[at])
        counts = self.counts[place[0], context]
        symbol = None if truth is None else int(truth[at] - start) % N
        symbol = self.coder.code(self.weights[context] + counts, symbol)
        counts[symbol] += 1
        partial[at] = (start + symbol + N // 2) % N - N // 2

    def all(self, partial: Tensor, truth: Tensor | None) -> Tensor:
        for c in self.model.layout.order:
            for y, x in np.ndindex(*partial.shape[2:]):
                self.sample(partial, (c, int(y), int(x)), truth)
        return partial


def _residual_stream(coder: Any, shape: torch.Size, references: Tensor, truth: Tensor | None) -> Tensor:
    layout = Layout(channels=shape[1], references=references.shape[1])
    model = None if truth is None else planes.fit(truth, references, layout, N)
    sent = _header(coder, layout, (shape[2], shape[3]), model)
    coder.number(None if truth is None else 0, 2)
    return _Residuals(coder, sent, references).all(_noise(torch.empty(shape)), truth)


def _shared_stream(coder: Any, shape: torch.Size, truth: Tensor | None) -> Tensor:
    """Pictures [B, 3, H, W], centred, one behind the other under the same histograms."""
    counts: Any = defaultdict(lambda: np.zeros(N))
    layout, done = Layout(channels=shape[1], references=0), list[Tensor]()
    for at in range(shape[0]):
        picture, nothing = None if truth is None else truth[at : at + 1], torch.empty(1, 0, *shape[2:])
        model = None if picture is None else planes.fit(picture, nothing, layout, N)
        residuals = _Residuals(coder, _header(coder, layout, (shape[2], shape[3]), model), nothing, counts=counts)
        done.append(residuals.all(_noise(torch.empty(1, *shape[1:])), picture))
    return torch.cat(done)


def _clip_stream(coder: Any, shape: torch.Size, detail: int, truth: Tensor | None) -> Tensor:
    """Frames [T, 3, H, W], centred, that share histograms; each after the first sees the one before."""
    detail = coder.number(None if truth is None else detail, 2)
    counts: Any = defaultdict(lambda: np.zeros(N))
    done: list[Tensor] = []
    for t in range(shape[0]):
        frame = None if truth is None else truth[t : t + 1]
        empty = torch.empty(1, *shape[1:])
        past = done[-1] if done else empty[:, :0]
        layout = Layout(channels=shape[1], references=past.shape[1])
        model = None if frame is None else planes.fit(frame, past, layout, N)
        sent = _header(coder, layout, (shape[2], shape[3]), model)
        # The first frame has no reference, so that it has histograms of its own, undivided by one.
        own = min(detail, 1) if t == 0 else detail
        pool = counts if t else defaultdict(lambda: np.zeros(N))
        done.append(_Residuals(coder, sent, past, detail=own, counts=pool).all(_noise(empty), frame))
    return torch.cat(done)


def _colour_stream(coder: Any, shape: torch.Size, beside: Tensor | None, truth: Tensor | None) -> Tensor:
    layout = Layout(channels=shape[1], interleaved=True)
    named = None if truth is None else colours.keys((truth + 128).long())
    side = None if beside is None else colours.keys(beside)
    n_levels = len(colours.contexts(torch.zeros(1, *shape[2:], dtype=torch.int64), side))
    model, rules = None, [None] * n_levels
    if truth is not None and named is not None:
        _, escaped, taken = colours.code_length_bits(named, colours.contexts(named, side))
        model, rules = planes.fit(truth, truth[:, :0], layout, N, escaped), taken[:, 0].tolist()
    rules = [coder.number(rule, 2) for rule in rules]
    coder.number(None if truth is None else 0, 2)
    partial = _noise(torch.empty(shape))
    residuals = _Residuals(coder, _header(coder, layout, (shape[2], shape[3]), model), partial[:, :0])
    seen: list[dict[int, Counter[int]]] = [defaultdict(Counter) for _ in range(n_levels)]
    for y in range(shape[2]):
        for x in range(shape[3]):
            known = colours.contexts(colours.keys((partial + 128).long()), side)
            tables = [seen[i][int(level[0, y, x])] for i, level in enumerate(known)]
            found = _colour(coder, tables, rules, None if named is None else int(named[0, y, x]))
            if found is None:
                for c in layout.order:
                    residuals.sample(partial, (c, y, x), truth)
                found = int(colours.keys((partial + 128).long())[0, y, x])
            for c in range(shape[1]):
                partial[0, c, y, x] = (found >> 8 * (shape[1] - 1 - c) & 255) - 128
            for table in tables:
                table[found] += 1
                if table[found] > 1:
                    break
    return partial


def _colour(coder: Any, tables: list[Counter[int]], rules: list[Any], colour: int | None) -> int | None:
    """The colour, or None for the last escape."""
    for table, rule in zip(tables, rules, strict=True):
        d, s = colours.RULES[rule]
        if not table:
            continue
        known = sorted(table)
        weights = np.array([table[k] - d for k in known] + [s + d * len(known)])
        at = int(
            coder.code(weights, None if colour is None else known.index(colour) if colour in table else len(known))
        )
        if at < len(known):
            return known[at]
    return None


def _photo(h: int, w: int, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    smooth = torch.stack([90 + 5 * x + 3 * y, 120 + 4 * x - 2 * y, 60 + 2 * x + 6 * y]).float()
    return (smooth + 3 * torch.randn(3, h, w, generator=g)).round().clamp(0, 255).to(torch.uint8)[None]


def _check(coder: Any, procedure: Any, stated: float, truth: Tensor, *known: Any) -> None:
    writer = coder()
    procedure(writer, truth.shape, *known, truth)
    stream = writer.finish()
    assert torch.equal(procedure(coder(stream), truth.shape, *known, None), truth)
    assert len(stream) == pytest.approx(stated, rel=0.01, abs=64)


@pytest.mark.parametrize("beside", [False, True])
def test_a_photograph_is_rebuilt(coder: Any, beside: bool) -> None:
    x = _photo(9, 10)
    side = [((x.int() + 4) // 8 * 8).clamp(max=255).to(torch.uint8)] if beside else []
    truth, references = modes.centred(x, side, N)
    _check(coder, _residual_stream, float(modes.residuals(x, side, N).bits()), truth, references)
    assert image_code_length(x, side[0] if beside else None) <= modes.residuals(x, side, N).bits() + modes.MODE_BITS


def test_pictures_that_share_histograms_are_rebuilt(coder: Any) -> None:
    x, pool = torch.cat([_photo(7, 8, seed) for seed in (1, 2)]), Pool()
    image_code_length(x, pool=pool)
    assert int(pool.counts.sum()) == x.numel()
    stated = pool.code_length_bits("planes", 8)
    truth, _ = modes.centred(x, [], N)
    _check(coder, _shared_stream, stated - 2 * modes.MODE_BITS, truth)


def test_a_clip_is_rebuilt(coder: Any) -> None:
    clip = torch.cat([_photo(4, 5, seed) for seed in (1, 2, 3)])
    stated = video_code_length([clip[:2], clip[2:]])
    raw_modes = 3 * modes.MODE_BITS
    truth, _ = modes.centred(clip, [], N)
    sizes = []
    for detail in range(3):
        writer = coder()
        _clip_stream(writer, truth.shape, detail, truth)
        sizes.append(len(writer.finish()))
    best = sizes.index(min(sizes))
    _check(coder, _clip_stream, stated - raw_modes, truth, best)


def test_a_greyscale_picture_with_fitted_coefficients_is_rebuilt(coder: Any) -> None:
    y, x = torch.meshgrid(torch.arange(17), torch.arange(17), indexing="ij")
    waves = 128 + 60 * torch.sin(x * 0.9 + y * 0.4) + 50 * torch.cos(y * 1.1 - x * 0.2)
    picture = waves.round().to(torch.uint8)[None, None]
    truth, references = modes.centred(picture, [], N)
    coded = modes.residuals(picture, [], N)
    assert coded.header_bits > 60
    _check(coder, _residual_stream, float(coded.bits()), truth, references)


@pytest.mark.parametrize("beside", [False, True])
def test_a_screen_is_rebuilt(coder: Any, beside: bool) -> None:
    x = torch.full((1, 3, 12, 16), 240, dtype=torch.uint8)
    x[:, :, 3:10:3, 2:14] = torch.tensor([20, 30, 200], dtype=torch.uint8)[:, None, None]
    x[:, :, 4:11, 5] = 90
    x[:, 1, 10:, 10:] = torch.arange(6, dtype=torch.uint8)
    side = x.roll(1, -1) if beside else None
    truth, _ = modes.centred(x, [], N)
    _check(coder, _colour_stream, float(modes.colour_bits(x, [], side, N)), truth, side)
