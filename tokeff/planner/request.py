"""What a plan is asked for, checked once: scenarios, substitutions, prices, limits, hardware.

Leaves out how these are written on a command line or in a file (`written`, `files`) and what they come to (`plan`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from tokeff.errors import TokeffError
from tokeff.records.items import MODALITIES, Modality

SizeKind = Literal["stored", "raw", "times"]
SubstitutionKind = Literal["tokenizer", "key-frames", "audio-track", "resolution"]
SUBSTITUTIONS: tuple[SubstitutionKind, ...] = get_args(SubstitutionKind)

H100_FLOPS = 989e12
"""Dense bf16 peak of an NVIDIA H100 SXM, by its data sheet."""
UTILISATION = 0.4
NOTHING: Mapping[Modality, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of one modality: bytes as stored, raw bytes, or so many times the run."""

    kind: SizeKind
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """One modality replaced: by its key frames, its audio track, smaller pictures, or another tokenizer."""

    kind: SubstitutionKind
    modality: Modality
    tokenizer: str | None = None
    frames_per_second: float | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        """Refuse what lacks its number."""
        where = f"substitution {self.kind} of {self.modality}"
        needed = {"tokenizer": "tokenizer", "key-frames": "frames_per_second", "resolution": "scale"}.get(self.kind)
        if needed and getattr(self, needed) is None:
            raise TokeffError(f"lacks {needed}", where=where, expected=f"{needed} = ...")
        subjects: dict[str, tuple[Modality, ...]] = {
            "key-frames": ("video",),
            "audio-track": ("video",),
            "resolution": ("image", "video"),
        }
        if self.modality not in subjects.get(self.kind, MODALITIES):
            raise TokeffError("cannot be done to this modality", where=where, expected=" or ".join(subjects[self.kind]))
        for name, kind in (("frames_per_second", "key-frames"), ("scale", "resolution")):
            value = getattr(self, name)
            if value is not None and kind != self.kind:
                raise TokeffError(f"{name} says nothing of this kind", where=where, expected=f'it with kind = "{kind}"')
            if value is not None and not value > 0:
                raise TokeffError(f"{name} must be above zero", where=where, got=value)
        if self.scale is not None and self.scale < 1:
            raise TokeffError(
                "scale divides the sides of the pictures, so it is at least 1", where=where, got=self.scale
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One plan among several. An empty corpus means the sizes of the run."""

    name: str = "plan"
    corpus: Mapping[Modality, Size] = field(default_factory=dict)
    tokenizers: tuple[str, ...] = ()
    n_parameters: float | None = None
    compute_flops: float | None = None
    mixture: Mapping[Modality, tuple[float, float]] = field(default_factory=dict)
    """Least and largest share of the training tokens."""
    max_epochs: Mapping[Modality, float] = field(default_factory=dict)
    substitutions: tuple[Substitution, ...] = ()

    def __post_init__(self) -> None:
        """Refuse limits that contradict each other."""
        for name in ("n_parameters", "compute_flops"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise TokeffError(f"{name} must be above zero", where=self.name, got=value)
        low = sum(bounds[0] for bounds in self.mixture.values())
        if low > 1 + 1e-12:
            raise TokeffError(
                "the least shares of the mixture come to more than the whole",
                where=self.name,
                got=f"{100 * (low):.3g} %",
                expected="at most 100 %",
                fix="Lower one of them.",
            )
        for name, limit in self.max_epochs.items():
            if not limit > 0:
                raise TokeffError("an epoch limit must be above zero", where=f"{self.name}: {name}", got=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """In one currency, which tokeff does not name."""

    per_gigabyte: Mapping[Modality, float] = field(default_factory=dict)
    """Of 1e9 bytes as stored, collected."""
    gpu_hour: float | None = None
    machine_hour: float | None = None
    """Of one process that tokenises as in the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """A depth and scale at which the share of information that tokens keep is read."""

    depth: str
    scale: str

    @property
    def label(self) -> str:
        """As it is written."""
        return f"effective@{self.depth},{self.scale}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all scenarios of a plan share. `laws` empty means those that cover the corpus."""

    laws: tuple[str, ...] = ()
    budget: float | None = None
    prices: Prices = field(default_factory=Prices)
    gpu_flops: float = H100_FLOPS
    utilisation: float = UTILISATION
    fidelity: Mapping[Modality | None, Fidelity] = field(default_factory=dict)
    """By modality; None is for all others. Empty: raw tokens, as the published law counts them."""
    confidence: float = 0.95
    factors: tuple[float, ...] = (2.0, 10.0)
    """How many times more data the paper's question is asked for."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        checks = (
            ("utilisation", self.utilisation, 0 < self.utilisation <= 1, "above 0, at most 1"),
            ("GPU FLOPs per second", self.gpu_flops, self.gpu_flops > 0, "above 0"),
            ("confidence", self.confidence, 0 < self.confidence < 1, "between 0 and 1"),
            ("budget", self.budget, self.budget is None or self.budget > 0, "above 0"),
        )
        for name, value, good, expected in checks:
            if not good:
                raise TokeffError(f"{name} cannot be that", got=value, expected=expected)
        for factor in self.factors:
            if not factor > 1:
                raise TokeffError("a growth factor must be above 1", got=factor, expected="2, say")
        priced: dict[str, float | None] = {str(m): price for m, price in self.prices.per_gigabyte.items()}
        priced |= {"gpu-hour": self.prices.gpu_hour, "machine-hour": self.prices.machine_hour}
        for what, price in priced.items():
            if price is not None and not price > 0:
                raise TokeffError("a price must be above zero", where=f"--price {what}", got=price)
        if self.budget is not None and not self.prices.per_gigabyte and self.prices.gpu_hour is None:
            raise TokeffError(
                "a budget needs prices to be split",
                where="--budget",
                expected="a price per GB of at least one modality, of a GPU-hour, or both: --price text=0.5,gpu-hour=2",
            )
