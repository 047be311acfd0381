"""Training: codebooks by k-means, then the network by the signal-to-noise ratio and log-mel distance of random crops.

Each crop gets a number of codebooks of its own, so that one network serves every operating point. Leaves out finding
recordings, and the output directory (`output`).
"""

from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor

from tokeff.maths.distortion import Figure, si_sdr_db
from tokeff.maths.mel import log_mel_distance_db
from tokeff.media.resampling import fit
from tokeff.tokenizers.audio.codec.fitting import fit_codebooks
from tokeff.tokenizers.audio.codec.loss import log_mel_distance, noise_to_signal
from tokeff.tokenizers.audio.codec.model import RvqCodec
from tokeff.tokenizers.audio.codec.plan import Plan, Report
from tokeff.tokenizers.audio.codec.recordings import Recordings
from tokeff.tokenizers.audio.codec.transform import analyse
from tokeff.tokenizers.training.trainer import State, Trainer, below

FEWER = 1.5
"""Exponent of the draw of a number of codebooks: few are drawn more often, for there is more to mend."""
HELD_OUT_SECONDS = 10


class CodecTrainer(Trainer[Report]):
    """One run: what it has fitted so far, and how to go on."""

    max_gradient_norm = 5.0

    def __init__(self, plan: Plan, recordings: Recordings) -> None:
        self.plan, self.recordings, self.is_fitted = plan, recordings, False
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self.codec = RvqCodec(plan.config)
        super().__init__(plan, self.codec.to(plan.device))

    def run(self, report: Callable[[Report], None]) -> Report:
        """Fit the codebooks unless that is done, and train to the end."""
        if not self.is_fitted:
            start = perf_counter()
            crops = self._crops(self.plan.fit_crops)
            fit_codebooks(self.codec, analyse(crops, self.plan.config.hop), self.generator)
            self.is_fitted = True
            self.seconds += perf_counter() - start
        return super().run(report)

    def _loss(self) -> Tensor:
        samples = self._crops(self.plan.batch)
        with torch.no_grad():
            frames = self.codec.quantise(analyse(samples, self.plan.config.hop), self._numbers(len(samples)))
        with self.autocast():
            rebuilt = self.codec.rebuild(frames)
        distance = log_mel_distance(samples, rebuilt, self.plan.config.sample_rate_hz)
        return noise_to_signal(samples, rebuilt) + self.plan.mel_weight * distance

    def _crops(self, n: int) -> Tensor:
        return self.recordings.crops(n, self.plan.crop_samples, self.generator).to(self.plan.device)

    def _numbers(self, n: int) -> Tensor:
        """Codebooks of each crop, 1 to all."""
        draws = torch.rand(n, generator=self.generator) ** FEWER
        return 1 + (draws * self.plan.config.n_codebooks).long().clamp(max=self.plan.config.n_codebooks - 1)

    def averaged_codec(self) -> RvqCodec:
        """The codec with the averaged weights."""
        codec = RvqCodec(self.plan.config).to(self.plan.device)
        codec.load_state_dict({**self.codec.state_dict(), **self.averaged})
        return codec.eval()

    def _report(self, loss: float) -> Report:
        codec = self.averaged_codec()
        points = self.plan.operating_points
        found = [self._held_out(codec, n_codebooks) for n_codebooks in points]
        return Report(
            step=self.step,
            seconds=self.seconds,
            progress=self.progress,
            loss=loss,
            held_out_codebooks=points,
            held_out_si_sdr_db=tuple(si_sdr for si_sdr, _ in found),
            held_out_log_mel_db=tuple(log_mel for _, log_mel in found),
        )

    def _held_out(self, codec: RvqCodec, n_codebooks: int) -> tuple[float | None, float | None]:
        """Mean SI-SDR and log-mel distance, dB, over the beginnings of the held-out recordings that have them."""
        config = self.plan.config
        figures: list[tuple[Figure, Figure]] = []
        for recording in self.recordings.held_out:
            original = recording[None, : HELD_OUT_SECONDS * config.sample_rate_hz]
            n_samples = -(-original.shape[1] // config.position_samples) * config.position_samples
            padded = fit(original, n_samples).to(self.plan.device)
            with self.autocast():
                copy = codec.samples(codec.ids(padded, n_codebooks))[:, : original.shape[1]].cpu()
            figures.append((si_sdr_db(original, copy), log_mel_distance_db(original, copy, config.sample_rate_hz)))
        si_sdr, log_mel = zip(*figures, strict=True)
        return _mean(si_sdr), _mean(log_mel)

    def state(self) -> State:
        """Everything that `restore` needs, as tensors."""
        codebooks = {f"codebooks.{name}": tensor.contiguous() for name, tensor in self.codec.named_buffers()}
        return {**super().state(), **codebooks}

    def restore(self, state: State) -> None:
        """Go on where `state` was taken."""
        super().restore(state)
        for name, tensor in below("codebooks.", state).items():
            self.codec.get_buffer(name).copy_(tensor)
        self.is_fitted = True


def _mean(figures: tuple[Figure, ...]) -> float | None:
    """Over those that have a value (silence has none)."""
    values = [each.value for each in figures if each.value is not None]
    return sum(values) / len(values) if values else None
