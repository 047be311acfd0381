"""Code lengths of signals, with and without a reconstruction beside them: H(X | X^) and H(X) as achievable codes.

One coder for pictures, sound and clips: linear prediction with sent coefficients, residuals under adaptive histograms.
Every length is that of a lossless code of one item alone, so lengths of items add up in any order; a `Pool` is the
code of many items that share histograms. A reconstruction that does not help is not used. Memory beyond the signals is
below 500 MB on a CPU, whatever their size: tiles of pictures, segments of recordings, chunks of clips
(benchmarks/bench_code_length_memory.py).
"""

from tokeff.maths.codelength.audio import audio_code_length
from tokeff.maths.codelength.images import image_code_length
from tokeff.maths.codelength.pools import Pool, shared_bits
from tokeff.maths.codelength.video import ClipCoder, video_code_length

__all__ = ["ClipCoder", "Pool", "audio_code_length", "image_code_length", "shared_bits", "video_code_length"]
