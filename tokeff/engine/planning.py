"""A plan from a run, with options as people write them: one entry for the command line and for Python.

Leaves out what the options mean (`tokeff.planner.written`) and the arithmetic (`tokeff.planner.plan`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tokeff.engine.loading import load_measurements
from tokeff.planner import written
from tokeff.planner.amounts import parse_count
from tokeff.planner.files import read_scenarios
from tokeff.planner.plan import make_plan
from tokeff.planner.request import H100_FLOPS, UTILISATION, Scenario, Settings
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Plan
from tokeff.records.runs import Profile

Amount = str | float
Texts = str | Sequence[str] | Mapping[str, Amount]


def plan(
    run: str | Path | Profile | Sequence[Measurement],
    *,
    corpus: Texts = (),
    raw_sizes: bool = False,
    tokenizers: Sequence[str] = (),
    parameters: Amount | None = None,
    compute_flops: Amount | None = None,
    budget: Amount | None = None,
    prices: Texts = (),
    mixture: Texts = (),
    max_epochs: Texts | float = (),
    laws: Sequence[str] = (),
    tokens: str | Sequence[str] = (),
    scenarios: str | Path | None = None,
    gpu_flops: Amount | None = None,
    utilisation: float = UTILISATION,
) -> Plan:
    """The plan of a run directory, a Profile, or measurements. Raises TokeffError, saying what would be feasible."""
    asked = Scenario(
        corpus=written.corpus(_texts(corpus), raw=raw_sizes),
        tokenizers=(tokenizers,) if isinstance(tokenizers, str) else tuple(tokenizers),
        n_parameters=_count(parameters, "--parameters", "7B"),
        compute_flops=_count(compute_flops, "--compute-flops", "1e23"),
        mixture=written.mixture(_texts(mixture)),
        max_epochs=_epochs(max_epochs),
    )
    settings = Settings(
        laws=(laws,) if isinstance(laws, str) else tuple(laws),
        budget=_count(budget, "--budget", "100000"),
        prices=written.prices(_texts(prices)),
        gpu_flops=_count(gpu_flops, "--gpu-flops", "989e12") or H100_FLOPS,
        utilisation=utilisation,
        fidelity=written.fidelity((tokens,) if isinstance(tokens, str) else tuple(tokens)),
    )
    ways = read_scenarios(Path(scenarios), asked, raw=raw_sizes) if scenarios else (asked,)
    return make_plan(_measurements(run), ways, settings, run=str(run) if isinstance(run, str | Path) else "")


def _measurements(run: str | Path | Profile | Sequence[Measurement]) -> Sequence[Measurement]:
    if isinstance(run, Profile):
        return run.measurements
    return load_measurements(Path(run)) if isinstance(run, str | Path) else run


def _texts(pairs: Texts) -> tuple[str, ...]:
    if isinstance(pairs, str):
        return (pairs,)
    return tuple(f"{name}={value}" for name, value in pairs.items()) if isinstance(pairs, Mapping) else tuple(pairs)


def _epochs(limit: Texts | float) -> dict[Modality, float]:
    texts = (str(limit),) if isinstance(limit, int | float) else _texts(limit)
    return written.max_epochs(texts) if texts else {}


def _count(value: Amount | None, where: str, example: str) -> float | None:
    return None if value is None else parse_count(value, where, example)
