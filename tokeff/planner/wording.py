"""Sentences of a plan: what a reader must know before believing its numbers, and what follows from the law itself."""

from collections.abc import Mapping, Sequence

from tokeff.planner.corpus import Holding
from tokeff.planner.coverage import REPEATED
from tokeff.planner.request import Fidelity, Scenario, Settings
from tokeff.planner.sizing import Training
from tokeff.planner.view import View
from tokeff.records.items import MODALITIES, Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import ScenarioPlan, SplitPlan

USED = 0.99  # share of the corpus that is read, below which a reader is told
MANY_PASSES = 4
"""Up to which repeated data is about as good as new (Muennighoff et al. 2023, arXiv 2305.16264)."""
COMPRESSED = 3.0
"""Raw bytes per stored byte above which a reader is told which of the two a size is."""


def token_kind(fidelity: Mapping[Modality | None, Fidelity]) -> str:
    """How tokens are counted, as `--tokens` has it."""
    if not fidelity:
        return "raw"
    return ",".join(each.label if m is None else f"{m}={each.label}" for m, each in fidelity.items())


def jump(before: Sequence[str], after: Sequence[str]) -> str:
    """Why scenarios of other modalities have no difference of score."""
    return (
        f"the law cannot compare {' + '.join(before)} with {' + '.join(after)}: a modality without a token has no "
        "logarithm, so adding or removing one is a jump"
    )


def other_tokens(modalities: Sequence[str]) -> str:
    """Why losses per token are not compared between tokenizers."""
    return f"{' and '.join(modalities)} has another tokenizer, and losses per token of different tokens do not compare"


def consequences(scenarios: Sequence[ScenarioPlan], settings: Settings) -> tuple[str, ...]:
    """What Sun & Guo's law implies whatever the numbers, where it bears on this plan."""
    several = any(len(each.modalities) > 1 for each in scenarios)
    sets = {tuple(m.modality for m in each.modalities) for each in scenarios}
    said = [
        "A score has no meaning by itself: the paper fits no constants. Only differences count; one unit more is "
        "worth a model 2.72 times the size.",
        "The law has no floor: by it, k times the tokens of any modality replaces k times the model, without end. Loss "
        "laws, where they apply, say where that stops.",
    ]
    if several:
        said.append(
            "Every modality has the same weight: doubling the smallest gains as much as doubling the largest. There is "
            "no interaction between them."
        )
    if settings.budget is not None or settings.prices.per_gigabyte:
        said.append(
            "Under a price per byte the best split spends the same money on every modality, whatever its bytes per "
            "token: those move the level and the bytes needed, not the split."
        )
    if settings.budget is not None and settings.prices.gpu_hour is not None:
        said.append(
            "Training is paid per token, so once its price is in the budget bytes per token do enter the split: the "
            "same money goes to each modality for collecting and training together."
        )
    if len(sets) > 1:
        said.append("Adding a modality is a jump: scenarios with other modalities have no common score.")
    if not settings.fidelity:
        said.append(
            "The law counts tokens, not information: a tokenizer that makes more tokens of the same bytes scores "
            "higher. --tokens effective@DEPTH,SCALE counts what the tokens keep instead."
        )
    return tuple(said)


def scenario_notes(
    held: Mapping[Modality, Holding],
    run: Training,
    views: Sequence[View],
    measurements: Sequence[Measurement],
    scenario: Scenario,
) -> tuple[str, ...]:
    """What bears on this scenario alone."""
    return (
        *run.notes,
        *_unused(held, run, scenario),
        *_repeated(held, run),
        *_sizes(held, measurements, scenario),
        *_tokenizers(held, measurements),
        *_intervals(held),
        *_coverage(tuple(held), views),
        *_worth(held),
    )


def unbound(scenario: Scenario, splits: Sequence[SplitPlan]) -> tuple[str, ...]:
    """That a budget buys past a compute which is given beside it."""
    if scenario.compute_flops is None or not splits:
        return ()
    return (
        f"The split of the budget does not stop at the compute given ({scenario.compute_flops:.3g} FLOPs), which bears "
        "on the rest of the plan alone: give one of the two for a plan of one piece.",
    )


def _unused(held: Mapping[Modality, Holding], run: Training, scenario: Scenario) -> list[str]:
    read = float(run.total[0] / sum(holding.tokens[0] for holding in held.values()))
    if scenario.compute_flops is None or read >= USED:
        return []
    return [
        f"The compute given reads only {100 * read:.3g} % of the corpus: more data of the same kind changes nothing "
        "until the compute grows or the model shrinks."
    ]


def _repeated(held: Mapping[Modality, Holding], run: Training) -> list[str]:
    passes = {m: float(run.tokens[m][0] / holding.tokens[0]) for m, holding in held.items()}
    if not (many := {m: n for m, n in passes.items() if n > MANY_PASSES}):
        return []
    said = ", ".join(f"{m} {n:,.3g} times" for m, n in many.items())
    return [
        f"The training run reads {said}. Beyond about {MANY_PASSES} passes a repeated token is worth less than a new "
        f"one ({REPEATED}; after some 40 next to nothing); the other laws count every pass as new data. More data, "
        "less compute or a larger model would help; --max-epochs sets a limit."
    ]


def _sizes(held: Mapping[Modality, Holding], measurements: Sequence[Measurement], scenario: Scenario) -> list[str]:
    said = []
    if not scenario.corpus:
        said.append("The corpus is the run itself, which is small where it is a sample: give --corpus for a real plan.")
    elif left := [m for m in MODALITIES if m not in scenario.corpus and any(e.modality == m for e in measurements)]:
        said.append(f"Left out of the run, since --corpus does not name them: {', '.join(left)}.")
    for m, holding in held.items():
        if 1 / holding.stored_per_raw > COMPRESSED and holding.origin.startswith("given, as stored"):
            said.append(
                f"{m} sizes are as stored; the law's T is raw bytes, {1 / holding.stored_per_raw:.3g} times as many "
                "here (measured in the run)."
            )
    return said


def _tokenizers(held: Mapping[Modality, Holding], measurements: Sequence[Measurement]) -> list[str]:
    said = []
    for m, holding in held.items():
        others = [e.tokenizer for e in measurements if e.modality == m and e is not holding.measurement]
        if others:
            said.append(
                f"{m} is planned with {holding.measurement.tokenizer}; the run also has {', '.join(others)} "
                "(-t chooses)."
            )
    return said


def _intervals(held: Mapping[Modality, Holding]) -> list[str]:
    said = []
    for m, holding in held.items():
        each = holding.measurement
        if each.bytes_per_token.low is None:
            reason = each.absent.get("ci.bytes_per_token.low", "no interval").replace("_", " ")
            said.append(
                f"bytes per token of {m} have no interval ({reason}, {each.n_items} items): ranges leave out that "
                "uncertainty."
            )
    return said


def _coverage(corpus: tuple[Modality, ...], views: Sequence[View]) -> list[str]:
    uncovered = [m for m in corpus if not any(m in view.scope for view in views)]
    said = []
    if uncovered:
        said.append(
            f"No loss law is used for {' and '.join(uncovered)}: none with public constants covers its size and data. "
            "Fit one on your own runs: tokeff laws fit."
        )
    if any(set(view.scope) != set(corpus) for view in views):
        said.append("A loss law speaks only for the modalities named beside it, as if the model saw nothing else.")
    return said


def _worth(held: Mapping[Modality, Holding]) -> list[str]:
    parts = [f"{m} {100 * (h.worth):.3g} %" for m, h in held.items() if h.worth != 1.0]
    if not parts:
        return []
    return [
        f"Effective tokens, tokeff's extension and not of the paper: tokens count by the information they keep "
        f"({', '.join(parts)}); cost and compute count all tokens."
    ]
