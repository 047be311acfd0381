"""An arithmetic coder, for the proof that code lengths are those of a code that can be decoded."""

from collections.abc import Sequence

import numpy as np
import pytest

PRECISION, TOTAL = 48, 2**24


class Coder:
    """Encodes the symbols that it is given, or, made from a stream, decodes and returns them.

    Witten, Neal and Cleary, Arithmetic coding for data compression, 1987, with 48-bit bounds.
    """

    def __init__(self, stream: Sequence[int] | None = None) -> None:
        self.decoding = stream is not None
        self.bits: list[int] = list(stream or [])
        self.low, self.high, self.pending, self.at, self.value = 0, 2**PRECISION - 1, 0, 0, 0
        if self.decoding:
            for _ in range(PRECISION):
                self.value = 2 * self.value + self._next()

    def code(self, probabilities: np.ndarray, symbol: int | None) -> int:
        """One symbol under the given weights; `symbol` is looked at only when encoding."""
        share = probabilities / probabilities.sum()
        edges = np.concatenate([[0], np.cumsum(np.maximum(1, np.floor(share * (TOTAL - len(share)))))]).astype(np.int64)
        total, span = int(edges[-1]), self.high - self.low + 1
        if self.decoding:
            symbol = int(np.searchsorted(edges, ((self.value - self.low + 1) * total - 1) // span, side="right")) - 1
        assert symbol is not None
        low = self.low
        self.low = low + span * int(edges[symbol]) // total
        self.high = low + span * int(edges[symbol + 1]) // total - 1
        self._shift()
        return int(symbol)

    def number(self, value: int | None, n_bits: int) -> int:
        """A number of `n_bits` equally likely bits."""
        bits = [None if value is None else value >> k & 1 for k in reversed(range(n_bits))]
        return sum(self.code(np.ones(2), bit) << k for k, bit in zip(reversed(range(n_bits)), bits, strict=True))

    def golomb(self, value: int | None, order: int) -> int:
        """A signed exponential-Golomb number."""
        folded = None if value is None else (2 * value - 1 if value > 0 else -2 * value) + 2**order
        n = 0 if folded is None else folded.bit_length()
        while self.code(np.ones(2), None if folded is None else int(order + 1 + self._zeros < n)):
            self._zeros += 1
        size, self._zeros = order + 1 + self._zeros, 0
        rest = self.number(None if folded is None else folded - 2 ** (size - 1), size - 1)
        folded = int(rest + 2 ** (size - 1) - 2**order)
        return (folded + 1) // 2 if folded % 2 else -folded // 2

    _zeros = 0

    def finish(self) -> list[int]:
        """The stream."""
        self.pending += 1
        self._emit(int(self.low >= 2 ** (PRECISION - 2)))
        return self.bits

    def _next(self) -> int:
        self.at += 1
        return self.bits[self.at - 1] if self.at <= len(self.bits) else 0

    def _emit(self, bit: int) -> None:
        self.bits += [bit] + [1 - bit] * self.pending
        self.pending = 0

    def _shift(self) -> None:
        half, quarter = 2 ** (PRECISION - 1), 2 ** (PRECISION - 2)
        while True:
            if self.high < half or self.low >= half:
                bit = int(self.low >= half)
                if not self.decoding:
                    self._emit(bit)
                drop = bit * half
            elif self.low >= quarter and self.high < 3 * quarter:
                self.pending += 1
                drop = quarter
            else:
                return
            self.low, self.high = 2 * (self.low - drop), 2 * (self.high - drop) + 1
            if self.decoding:
                self.value = 2 * (self.value - drop) + self._next()


@pytest.fixture(scope="session")
def coder() -> type[Coder]:
    return Coder
