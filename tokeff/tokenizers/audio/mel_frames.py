"""The family `mel-frames`: what a Whisper-like encoder makes of a recording; continuous tokens.

16 kHz, mono (the mean of the channels), a log-mel frame every 10 ms, then a convolution of stride 2 and, in Qwen-Audio
and Qwen2-Audio, the mean of two. `encode` computes the log-mel frames, which are the payload; the convolutions have
weights and are left out, as is the way back. Recordings longer than a window are cut, one window after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tokeff.errors import ItemError, SpecError
from tokeff.media.resampling import resample_blocks
from tokeff.records.cards import Card
from tokeff.records.headers import AudioHeader
from tokeff.records.signals import AudioSignal
from tokeff.records.tokens import Counts, Tokens
from tokeff.tokenizers.audio.chunks import Chunks, cut
from tokeff.tokenizers.audio.log_mel import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel
from tokeff.tokenizers.protocols import LoadContext

STRIDE = 2
"""Of the second convolution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MelFramesTokenizer:
    """Frames of one kind of encoder."""

    card: Card
    n_mels: int
    pool: int
    window_seconds: int
    padded: bool
    device: str
    codebook_sizes: tuple[int, ...] = ()

    def count(self, header: AudioHeader) -> Counts:
        """Tokens of the recording's windows. Raises ItemError where it is too short for one token.

        Of a window with L mel frames that touch the recording, ceil(L / 2) // pool are tokens: transformers'
        WhisperFeatureExtractor (attention mask) and Qwen2AudioEncoder (_get_feat_extract_output_lengths).
        """
        n_samples = -(-header.n_samples * SAMPLE_RATE_HZ // header.sample_rate_hz)
        n_windows, rest = divmod(n_samples, self._window_samples)
        if self.padded:
            n_windows, rest = n_windows + (rest > 0), 0
        n_tokens = n_windows * self._tokens_of(self._window_samples) + self._tokens_of(rest)
        if n_tokens == 0:
            raise ItemError("too_short", "is too short for one frame of this encoder", got=f"{n_samples} samples")
        return Counts(n_tokens=n_tokens, n_positions=n_tokens)

    def encode(self, signals: Sequence[AudioSignal]) -> list[Tokens]:
        """Payload: float32 [mel frames, n_mels] on the device; of a padded encoder, those of the silence too."""
        return [self._encode_one(signal) for signal in signals]

    @property
    def _window_samples(self) -> int:
        return self.window_seconds * SAMPLE_RATE_HZ

    def _tokens_of(self, n_samples: int) -> int:
        n_frames = -(-n_samples // HOP_SAMPLES)
        return -(-n_frames // STRIDE) // self.pool

    def _encode_one(self, signal: AudioSignal) -> Tokens:
        n_tokens = self.count(signal.header).n_tokens
        rate_hz = signal.header.sample_rate_hz
        n_samples = -(-signal.header.n_samples * SAMPLE_RATE_HZ // rate_hz)
        mono = resample_blocks((block.mean(dim=0, keepdim=True) for block in signal.blocks()), rate_hz, SAMPLE_RATE_HZ)
        spans = Chunks(length=self._window_samples, stride=self._window_samples, least=1).spans(n_samples)
        windows = (window[0].to(self.device) for window in cut(mono, spans))
        frames = log_mel(windows, self.n_mels, self._window_samples, keep_padding=self.padded)
        return Tokens.continuous(n_tokens, payload=frames)


def load(card: Card, context: LoadContext) -> MelFramesTokenizer:
    """Opens a tokenizer of the family. Raises SpecError for a window without length."""
    values = {"n_mels": 80, "pool": 1, "window_seconds": 30, "padded": False, **card.parameters}
    n_mels, pool, window_seconds = (int(str(values[name])) for name in ("n_mels", "pool", "window_seconds"))
    if window_seconds <= 0:
        raise SpecError("window_seconds must be above 0", where=card.name, got=window_seconds)
    return MelFramesTokenizer(
        card=card,
        n_mels=n_mels,
        pool=pool,
        window_seconds=window_seconds,
        padded=bool(values["padded"]),
        device=context.device,
    )
