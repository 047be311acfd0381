"""A Plan: what measured bytes per token and scaling laws mean for model size, data and cost.

Every number is a Figure that says where it comes from, how uncertain it is and whether it extrapolates. Leaves out how
it is made (`tokeff.planner`) and shown (`tokeff.reports.plan`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tokeff.records.items import Modality
from tokeff.records.tables import Tabular

SCHEMA = "tokeff.plan/1"

Basis = Literal["measured", "given", "assumed", "published", "refitted", "derived"]
"""Where a number comes from: the run, the user, an assumption that is named, or a law of that status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """An input that lies outside what a law was fitted on. A modality that it never saw has no value and no range."""

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a plan. `value` is None where it cannot be had, and `absent` says why."""

    value: float | None
    unit: str
    basis: Basis
    source: str
    """The paper, the run, or the arithmetic behind it."""
    law: str | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    range_holds: str = ""
    """Which uncertainties low and high carry; or why there is no range."""
    extrapolates: tuple[Beyond, ...] = ()
    """Inputs outside the range on which the law was fitted; empty: inside, or unknown (`unchecked`)."""
    unchecked: tuple[str, ...] = ()
    """Inputs for which the law states no fitted range."""
    absent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityPlan:
    """One modality of the corpus: its size, what a token holds, and how many tokens it gives."""

    modality: Modality
    tokenizer: str
    origin: str
    """Where the size comes from: the run, --corpus, or a substitution."""
    stored_bytes: Figure
    raw_bytes: Figure
    bytes_per_token: Figure
    tokens: Figure
    """N_i = T_i / C_i: tokens of the whole corpus, seen once."""
    effective_tokens: Figure | None
    """What the law sees with `--tokens effective`: tokens times the share of information that they keep."""
    trained_tokens: float
    """Tokens of this modality in the training run, repeats counted."""
    epochs: float
    share: float
    """Of the training tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPlan:
    """What one law says of the training run. `scope` are the modalities of the corpus that it speaks for."""

    law: str
    scope: tuple[Modality, ...]
    loss: Figure
    inputs: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """The paper's question for one modality and law: data against model size at equal performance."""

    law: str
    modality: Modality
    factor: float
    size_ratio: Figure
    """P2/P1: how much smaller the model may be when this modality has `factor` times the tokens."""
    data_ratio: Figure
    """How many times the data of this modality replaces a model `factor` times the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimumPlan:
    """The compute-optimal size and data by one law, and whether the corpus supports it."""

    law: str
    scope: tuple[Modality, ...]
    compute_flops: Figure
    n_parameters: Figure
    n_training_tokens: Figure
    loss: Figure
    epochs: Figure
    """Passes over the corpus that the optimum asks for; above 1 the data repeats."""
    corpus_n_parameters: Figure
    """Size for which this corpus, read once, is the compute-optimal amount of data."""
    corpus_compute_flops: Figure
    repeated_loss: Figure
    """Loss at that size and number of tokens by the law of repeated data; absent where nothing repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionPlan:
    """Early fusion, late fusion and sparse early fusion at one compute, by their published frontiers."""

    compute_flops: float
    compute_of: str
    """What that compute trains."""
    losses: Mapping[str, Figure]
    crossing_flops: float | None
    """Compute at which early and late fusion change places; None where they do not."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a split buys of one modality."""

    modality: Modality
    money: float
    money_share: float
    stored_bytes: float
    tokens: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """The best split of a collection budget by one law."""

    law: str
    objective: str
    n_parameters: Figure
    """The model that is trained: given, chosen by the budget where GPU-hours have a price, or as the corpus suits."""
    n_training_tokens: Figure
    purchases: tuple[Purchase, ...]
    training_money: float
    """Part of the budget for GPU-hours of the training run, where they have a price and the size is known."""
    unspent: float
    gain: Figure
    """Of the score, or of the loss, at that model size."""
    loss: Figure | None
    """What the law predicts for all of it; None by Sun & Guo's law, whose level means nothing."""
    binding: tuple[str, ...]
    """Limits that hold the split away from where it would go."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """What a little more of one modality is worth by one law."""

    law: str
    modality: Modality
    per_gigabyte: Figure
    per_money: Figure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What one change of bytes per token does to the plan: a bar of the tornado."""

    modality: Modality
    change: str
    kind: Literal["interval", "step", "tokenizer"]
    factors: tuple[float, ...]
    """Of bytes per token: one, or both ends."""
    tokens: tuple[float, ...]
    """Change of this modality's tokens, as a factor, for each factor."""
    score: tuple[float, ...]
    """Change of log(P prod N_i)."""
    loss: tuple[float, ...] | None
    """Change of loss by the law of most of the corpus, same tokenizer; None where it does not cover the modality."""
    compute: tuple[float, ...] | None
    """Change of training FLOPs as a factor, size held; None where no size is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlan:
    """Tokenising, storing and training."""

    tokenising_hours: Mapping[str, Figure]
    """By modality, one process as in the run."""
    storage_bytes: Mapping[str, Figure]
    training_flops: Figure
    gpu_hours: Figure
    utilisation: float
    gpu_flops: float
    money: Mapping[str, Figure]
    """Tokenising, storage and training, where prices were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line to draw. x and y have equal lengths; low and high are None where there is no range."""

    title: str
    law: str
    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPlan:
    """The plan of one scenario."""

    name: str
    modalities: tuple[ModalityPlan, ...]
    n_parameters: Figure
    n_training_tokens: Figure
    score: Figure
    """log(P prod N_i) of Sun & Guo: its level means nothing, only differences do."""
    losses: tuple[LossPlan, ...]
    trades: tuple[Trade, ...]
    optima: tuple[OptimumPlan, ...]
    fusion: FusionPlan | None
    splits: tuple[SplitPlan, ...]
    marginals: tuple[Marginal, ...]
    sensitivities: tuple[Sensitivity, ...]
    cost: CostPlan
    curves: tuple[Curve, ...]
    notes: tuple[str, ...]
    """What a reader must know of this scenario before believing its numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One scenario against the first."""

    scenario: str
    baseline: str
    score: Figure
    """In units of alpha, that is natural logarithms of P prod N_i."""
    size_equivalent: Figure
    """The factor of model size that would have done as much."""
    losses: Mapping[str, Figure]
    """By law, of the same scope in both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawNote:
    """What a reader needs to know of a law that the plan uses."""

    name: str
    title: str
    form: str
    formula: str
    parameters: Mapping[str, float]
    source: str
    status: str
    covers: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plan(Tabular):
    """Several scenarios side by side; the first is the baseline."""

    run: str
    confidence: float
    tokens: str
    """`raw`, or `effective@depth,scale`."""
    laws: tuple[LawNote, ...]
    scenarios: tuple[ScenarioPlan, ...]
    differences: tuple[Difference, ...]
    consequences: tuple[str, ...]
    """What follows from Sun & Guo's law whatever the numbers, where it bites in this plan."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """What was asked, as it was understood."""

    def rows(self) -> list[dict[str, Any]]:
        """One mapping per scenario and modality: what is held, what a token is worth, what is trained on."""
        return [
            {
                "scenario": scenario.name,
                "modality": each.modality,
                "tokenizer": each.tokenizer,
                "stored_bytes": each.stored_bytes.value,
                "bytes_per_token": each.bytes_per_token.value,
                "tokens": each.tokens.value,
                "trained_tokens": each.trained_tokens,
                "epochs": each.epochs,
                "n_parameters": scenario.n_parameters.value,
                "score": scenario.score.value,
            }
            for scenario in self.scenarios
            for each in scenario.modalities
        ]

    def __repr__(self) -> str:
        """Its scenarios and laws."""
        laws, n = ", ".join(law.name for law in self.laws), len(self.scenarios)
        return f"<Plan of {self.run or 'measurements'}: {n} scenario{'s' * (n != 1)} by {laws or 'no law'}>"

    def to_json(self) -> dict[str, Any]:
        """What plan.json holds: plain and strict JSON."""
        return {"schema": SCHEMA, **asdict(self)}
