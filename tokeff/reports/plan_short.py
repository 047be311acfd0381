"""A plan in a few sentences, for a person who reads no further. Leaves out everything that the tables say better."""

from collections.abc import Iterator

from tokeff.records.plans import Figure, ScenarioPlan, SplitPlan
from tokeff.reports.plan_sections import is_loss, law_name
from tokeff.reports.plan_words import central, count, counted, share, whole


def in_short(plan: ScenarioPlan) -> Iterator[str]:
    """How many tokens, how large a model, data against size, the dearest choice, the cost."""
    if all(each.origin == "the run" for each in plan.modalities):
        yield "This plans for the run itself, which is a sample: give your own sizes, as in --corpus text=2TB."
    yield _tokens(plan)
    if plan.n_parameters.value is not None:
        total = count(plan.n_training_tokens.value or 0.0)
        size = counted(plan.n_parameters)
        yield f"Model: {size} parameters, {plan.n_parameters.source}; trained on {total} tokens."
    else:
        yield f"Model size: {plan.n_parameters.absent}."
    yield from _sizes(plan)
    yield from _paper(plan)
    yield from _split(plan)
    yield from _cost(plan)


def _tokens(plan: ScenarioPlan) -> str:
    total = sum(each.tokens.value or 0.0 for each in plan.modalities)
    if len(plan.modalities) == 1:
        only = plan.modalities[0]
        return f"Your {only.modality} is {counted(only.tokens)} tokens."
    most = max(plan.modalities, key=lambda each: each.tokens.value or 0.0)
    part = share((most.tokens.value or 0.0) / total)
    return f"Your corpus is {count(total)} tokens, {part} of them {most.modality}."


def _sizes(plan: ScenarioPlan) -> Iterator[str]:
    """How far the laws differ on the model that the corpus suits."""
    known = [each for each in plan.optima if each.corpus_n_parameters.value]
    if len(known) > 1:
        ends = (pick(known, key=lambda each: each.corpus_n_parameters.value or 0.0) for pick in (min, max))
        least, most = (f"{central(each.corpus_n_parameters)} ({law_name(each.law)})" for each in ends)
        yield f"Read once, it suits models of {least} to {most} parameters: the laws disagree that much."


def _paper(plan: ScenarioPlan) -> Iterator[str]:
    """The paper's question for the modality with most loss laws."""
    kind = "loss" if all(is_loss(each.loss.unit) for each in plan.losses) else "other"
    laws = [t for t in plan.trades if t.factor == plan.trades[0].factor and t.law != "sun-guo-2024"]
    for modality in dict.fromkeys(t.modality for t in laws):
        values = [t.size_ratio.value for t in laws if t.modality == modality and t.size_ratio.value is not None]
        k = laws[0].factor
        if values:
            yield (
                f"{k:g} x the {modality} allows a model of {1 / k:.3g} x the size by Sun & Guo's law, "
                f"{_span(values)} x by the {kind} laws."
            )


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.2g}", f"{max(values):.2g}"
    return low if low == high else f"{low} to {high}"


def _split(plan: ScenarioPlan) -> Iterator[str]:
    for split in plan.splits:
        parts = [f"{share(each.money_share)} on {each.modality}" for each in split.purchases if each.money > 0]
        if parts:
            yield f"Of the budget, by {law_name(split.law)}: {', '.join(parts)}{_training(split)}."


def _training(split: SplitPlan) -> str:
    if not split.training_money > 0 or split.n_parameters.value is None:
        return ""
    return f", the rest on training a model of {count(split.n_parameters.value)} parameters"


def _cost(plan: ScenarioPlan) -> Iterator[str]:
    hours = [each for each in plan.cost.tokenising_hours.values() if each.value is not None]
    gpu: Figure = plan.cost.gpu_hours
    parts = [f"tokenising {whole(sum(each.value or 0.0 for each in hours))} hours of one process"] if hours else []
    parts += [f"training {whole(gpu.value)} GPU-hours"] if gpu.value is not None else []
    if parts:
        yield f"It costs: {', '.join(parts)}."
