"""The proof for sound: a decoder that knows the stream and the reconstruction only rebuilds stereo bit for bit."""

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tokeff.maths.codelength import Pool, audio_code_length, histograms, sound, sound_fit
from tokeff.maths.codelength.audio import MODE_BITS

K = sound.N_SYMBOLS


def _list(coder: Any, steps: list[int] | None, n: int) -> list[int]:
    """One list of integers: the cheapest order of its exponential-Golomb numbers, or 15 for zeros."""
    order = None if steps is None else 15
    if steps is not None and any(steps):
        folded = [2 * s - 1 if s > 0 else -2 * s for s in steps]
        order = min(range(15), key=lambda m: sum(2 * ((v >> m) + 1).bit_length() - 1 + m for v in folded))
    order = coder.number(order, 4)
    return [0] * n if order == 15 else [coder.golomb(steps and steps[i], order) for i in range(n)]


def _fraction_bits(values: Tensor) -> int:
    return next(b for b in range(3, 18) if bool((values * 2**b == torch.round(values * 2**b)).all()))


def _block(coder: Any, true: Tensor | None, n_known: int) -> Tensor:
    """Coefficients of one block: which taps, how fine, and the differences to zero of the first eight and the rest."""
    taps = sound_fit.delays(n_known)
    choice = bits = None
    if true is not None:
        bits = _fraction_bits(true)
        used = {t for t, v in zip(taps, true.tolist(), strict=True) if v}
        beside = any(s for s, _ in used)
        order = next(i for i, o in enumerate(sound_fit.ORDERS) if all(k <= o for s, k in used if s == 0))
        choice = order + 4 * beside
    choice, bits = coder.number(choice, 3), coder.number(bits, 5)
    kept = [i for i, (s, k) in enumerate(taps) if (s == 0 and k <= sound_fit.ORDERS[choice % 4]) or (s and choice >= 4)]
    steps = None if true is None else [round(float(true[i]) * 2**bits) for i in kept]
    found = _list(coder, steps and steps[:8], min(8, len(kept))) if kept else []
    found += _list(coder, steps and steps[8:], len(kept) - 8) if len(kept) > 8 else []
    out = torch.zeros(len(taps), dtype=torch.float64)
    out[kept] = torch.tensor(found, dtype=torch.float64) / 2**bits
    return out


def _model(coder: Any, model: sound.Model | None, n_known: int, n_features: int, n: int) -> sound.Model:
    blocks = [
        _block(coder, None if model is None else model.coefficients[0, i], n_known)
        for i in range(-(-n // sound_fit.BLOCK))
    ]
    scale = 2.0 ** min(8, 3 + round(0.5 * math.log2(n)))
    free = [round(v * scale) for v in sound.start(n_features)]
    true = (
        None if model is None else [round(v * scale) - f for v, f in zip(model.loudness[0].tolist(), free, strict=True)]
    )
    loud = [f + d for f, d in zip(free, _list(coder, true, n_features), strict=True)]
    return sound.Model(
        coefficients=torch.stack(blocks)[None],
        loudness=torch.tensor([loud], dtype=torch.float64) / scale,
        header_bits=torch.zeros(1),
    )


def _stream(coder: Any, n: int, side: Tensor | None, truth: Tensor | None, shared: Any = None) -> Tensor:
    weights = histograms.prior(K, sound.N_SCALES, sound.KEPT_OCTAVES).view(-1, K).numpy()
    whole = -(-n // sound_fit.BLOCK) * sound_fit.BLOCK
    done: list[Tensor] = []
    known = None
    for c in range(2):
        own = torch.zeros(1, whole, dtype=torch.float64)
        own[:, :n] = torch.randint(-3000, 3000, (n,), generator=torch.Generator().manual_seed(3))
        beside = None if side is None else side[:, c]
        others = done[-1:] + ([] if beside is None else [beside])
        model = None if truth is None else sound.fit([truth[:, c], *others], known, beside, n)
        n_features = len(sound.SPANS) + 2 * (known is not None) + 2 * (beside is not None) + 1
        sent = _model(coder, model, len(others), n_features, n)
        counts = defaultdict(lambda: np.zeros(K)) if shared is None else shared
        for t in range(n):
            guess = sound.predicted([own, *others], sent)
            where = sound.context(own - torch.round(guess), known, beside, sent.loudness)
            value = None if truth is None else int(truth[0, c, t])
            own[0, t] = _sample(coder, (float(guess[0, t]), int(where[0, t])), value, counts, weights)
        own[:, n:] = 0
        known = own - torch.round(sound.predicted([own, *others], sent))
        done.append(own)
    return torch.stack(done, 1)


def _sample(coder: Any, told: tuple[float, int], value: int | None, counts: Any, weights: np.ndarray) -> int:
    guess, where = told
    base, offset = math.floor(guess), int((guess - math.floor(guess)) * histograms.OFFSETS)
    low = int(histograms.dropped_bits(torch.tensor(where), sound.KEPT_OCTAVES))
    cell = where * histograms.OFFSETS + offset
    residual = None if value is None else value - base
    symbol = None if residual is None else max(-sound.LARGEST, min(sound.LARGEST, residual >> low)) % K
    symbol = coder.code(weights[cell] + counts[cell], symbol)
    counts[cell][symbol] += 1
    high = symbol if symbol < K // 2 else symbol - K
    if abs(high) == sound.LARGEST:
        sign = 1 if high > 0 else -1
        excess = None if residual is None else abs(residual >> low) - sound.LARGEST
        # Unsigned exponential-Golomb of order 0: fold so that the signed coder writes the same length.
        folded = None if excess is None else (excess + 1) // 2 if excess % 2 else -(excess // 2)
        read = coder.golomb(folded, 0)
        high += sign * (2 * read - 1 if read > 0 else -2 * read)
    rest = coder.number(None if residual is None else residual & (2**low - 1), low) if low else 0
    return int(base + (high << low) + rest)


@pytest.mark.parametrize(("n", "beside"), [(90, False), (60, True), (1, False)])
def test_stereo_is_rebuilt(coder: Any, n: int, beside: bool) -> None:
    t = torch.arange(n, dtype=torch.float64)
    g = torch.Generator().manual_seed(1)
    left = 6000 * torch.sin(t * 0.11) + 900 * torch.sin(t * 0.47) + 20 * torch.randn(n, generator=g)
    x = torch.stack([left, 0.6 * left + 30 * torch.randn(n, generator=g)])
    x[:, 40:43] += 20000.0
    whole = torch.nn.functional.pad(x.round(), (0, sound_fit.BLOCK - n))[None]
    side = (torch.round(whole / 64) * 64) if beside else None
    stated = float(sound.code_lengths(whole, side, n).bits)
    writer = coder()
    _stream(writer, n, side, whole)
    stream = writer.finish()
    assert torch.equal(_stream(coder(stream), n, side, None), whole)
    assert len(stream) == pytest.approx(stated, rel=0.01, abs=64)


def test_recordings_that_share_histograms_are_rebuilt(coder: Any) -> None:
    n, g = 30, torch.Generator().manual_seed(2)
    x = (900 * torch.randn(2, 2, n, generator=g)).round()
    pool = Pool()
    audio_code_length(x.long(), pool=pool)
    stated = pool.code_length_bits("sound", 16)
    assert int(pool.counts.sum()) == x.numel()
    whole = torch.nn.functional.pad(x.double(), (0, sound_fit.BLOCK - n))
    writer = coder()
    counts: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(K))
    for one in torch.split(whole, 1):
        _stream(writer, n, None, one, counts)
    stream = writer.finish()
    reader, counts = coder(stream), defaultdict(lambda: np.zeros(K))
    assert torch.equal(torch.cat([_stream(reader, n, None, None, counts) for _ in x]), whole)
    assert len(stream) == pytest.approx(stated - 2 * MODE_BITS, rel=0.01, abs=64)
