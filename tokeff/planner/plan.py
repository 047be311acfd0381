"""From measurements and laws to a Plan: scenarios worked out one by one, then held against the first.

Leaves out reading a run (`tokeff.engine.loading`) and a file of scenarios (`files`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tokeff.laws import Law, load
from tokeff.planner import wording
from tokeff.planner.budget import marginals, splits
from tokeff.planner.corpus import Holding, holdings
from tokeff.planner.cost import cost
from tokeff.planner.coverage import SUN_GUO, choose, covers, primary
from tokeff.planner.curves import curves
from tokeff.planner.draws import Fan, constant
from tokeff.planner.fusion import fusion
from tokeff.planner.optima import has_optimum, optimum_plan
from tokeff.planner.prices import check_prices
from tokeff.planner.request import Scenario, Settings
from tokeff.planner.sensitivity import sensitivities
from tokeff.planner.sizing import Training, training
from tokeff.planner.trades import PAPER, trade_by_law, trade_by_product
from tokeff.planner.view import View, absent, figure, given, log_product
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import (
    Difference,
    Figure,
    FusionPlan,
    LawNote,
    LossPlan,
    ModalityPlan,
    OptimumPlan,
    Plan,
    ScenarioPlan,
    SplitPlan,
    Trade,
)

ALPHA = "alpha"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worked:
    """A scenario with its fans, so that differences keep what scenarios share."""

    plan: ScenarioPlan
    held: dict[Modality, Holding]
    run: Training
    views: tuple[View, ...]
    losses: dict[str, Fan]


def make_plan(
    measurements: Sequence[Measurement],
    scenarios: Sequence[Scenario] = (),
    settings: Settings | None = None,
    *,
    run: str = "",
) -> Plan:
    """The plan of a run's measurements. Raises TokeffError for what cannot be meant or done, saying what could."""
    chosen, asked = settings or Settings(), tuple(scenarios) or (Scenario(),)
    worked = [_work(measurements, scenario, chosen) for scenario in asked]
    return Plan(
        run=run,
        confidence=chosen.confidence,
        tokens=wording.token_kind(chosen.fidelity),
        laws=_law_notes(worked),
        scenarios=tuple(each.plan for each in worked),
        differences=tuple(_difference(each, worked[0], chosen) for each in worked[1:]),
        consequences=wording.consequences([each.plan for each in worked], chosen),
        request={"scenarios": [asdict(each) for each in asked], "settings": _settings_table(chosen)},
    )


def _settings_table(settings: Settings) -> dict[str, object]:
    table = asdict(settings)
    table["fidelity"] = {modality or "all": each.label for modality, each in settings.fidelity.items()}
    return table


def _work(measurements: Sequence[Measurement], scenario: Scenario, settings: Settings) -> Worked:
    held = holdings(measurements, scenario, settings.fidelity)
    check_prices(held, settings)
    corpus = tuple(held)
    laws = choose(settings.laws, corpus)
    views = tuple(View.of(law, corpus, settings.confidence) for law in laws)
    lead_law = primary(laws, corpus)
    lead = next((view for view in views if view.law is lead_law), None)
    run = training(held, scenario, lead)
    seen = {m: np.asarray(run.tokens[m] * held[m].worth) for m in corpus}
    unique = {m: np.asarray(held[m].tokens * held[m].worth) for m in corpus}
    losses = {} if run.size is None else {v.law.name: v.value(run.size, seen, unique) for v in views}
    bought = splits(held, run, settings, lead)
    plan = ScenarioPlan(
        name=scenario.name,
        modalities=tuple(_modality(held[m], run, settings) for m in corpus),
        n_parameters=run.size_figure,
        n_training_tokens=figure(run.total, "tokens", basis="derived", source="sum over modalities"),
        score=_score(held, run, settings),
        losses=_losses(views, run, seen, unique, losses),
        trades=_trades(corpus, views, run, unique, settings),
        optima=_optima(views, held, scenario),
        fusion=_fusion(corpus, run, bought, settings),
        splits=bought,
        marginals=marginals(held, run.size, settings, list(views)),
        sensitivities=sensitivities(held, run, lead, measurements, settings.fidelity),
        cost=cost(held, run.tokens, run.size, settings),
        curves=curves(list(views), run.size, unique),
        notes=(
            *wording.unbound(scenario, bought),
            *wording.scenario_notes(held, run, views, measurements, scenario),
        ),
    )
    return Worked(plan=plan, held=held, run=run, views=views, losses=losses)


def _modality(holding: Holding, run: Training, settings: Settings) -> ModalityPlan:
    m, each = holding.modality, holding.measurement
    ratio = each.bytes_per_token
    tokens = holding.tokens
    spent = run.tokens[m]
    effective = np.asarray(tokens * holding.worth)
    return ModalityPlan(
        modality=m,
        tokenizer=each.tokenizer,
        origin=holding.origin,
        stored_bytes=given(holding.stored_bytes, "bytes", holding.origin, basis=holding.basis),
        raw_bytes=given(holding.raw_bytes, "bytes", holding.origin, basis=holding.basis),
        bytes_per_token=Figure(
            value=ratio.value,
            low=ratio.low,
            high=ratio.high,
            confidence=ratio.confidence,
            unit="raw bytes per token",
            basis="measured",
            source=f"{each.n_items} items, {each.coverage}",
            range_holds="items" if ratio.low is not None else each.absent.get("ci.bytes_per_token.low", ""),
        ),
        tokens=figure(tokens, "tokens", basis="derived", source="N = T / C", confidence=settings.confidence),
        effective_tokens=figure(
            effective, "effective tokens", basis="derived", source="N x share kept; tokeff's extension"
        )
        if settings.fidelity
        else None,
        trained_tokens=float(spent[0]),
        epochs=float(spent[0] / tokens[0]),
        share=float(spent[0] / run.total[0]),
    )


def _score(held: dict[Modality, Holding], run: Training, settings: Settings) -> Figure:
    if run.size is None:
        return absent(ALPHA, run.size_figure.absent or "", law=SUN_GUO, source=PAPER)
    values = log_product(run.size, _unique(held, run))
    return figure(values, ALPHA, basis="published", source=PAPER, law=SUN_GUO, confidence=settings.confidence)


def _unique(held: dict[Modality, Holding], run: Training) -> dict[Modality, Fan]:
    """Distinct tokens that are trained on, as the law sees them."""
    return {m: np.asarray(np.minimum(run.tokens[m], held[m].tokens) * held[m].worth) for m in held}


def _losses(
    views: Sequence[View], run: Training, seen: dict[Modality, Fan], unique: dict[Modality, Fan], values: dict[str, Fan]
) -> tuple[LossPlan, ...]:
    found = []
    for view in views:
        if run.size is not None:
            inputs = view.inputs(run.size, seen, unique)
            central = {name: float(fan[0]) for name, fan in inputs.items()}
            loss = view.figure(values[view.law.name], inputs=inputs)
            found.append(LossPlan(law=view.law.name, scope=view.scope, loss=loss, inputs=central))
    return tuple(found)


def _trades(
    corpus: tuple[Modality, ...], views: Sequence[View], run: Training, unique: dict[Modality, Fan], settings: Settings
) -> tuple[Trade, ...]:
    found = []
    for modality in corpus:
        for factor in settings.factors:
            found.append(trade_by_product(modality, factor))
            if run.size is not None:
                found += [
                    trade_by_law(view, modality, factor, run.size, unique)
                    for view in views
                    if modality in view.scope and view.uses_data
                ]
    return tuple(found)


def _optima(views: Sequence[View], held: dict[Modality, Holding], scenario: Scenario) -> tuple[OptimumPlan, ...]:
    real = {m: holding.tokens for m, holding in held.items()}
    seen = {m: np.asarray(holding.tokens * holding.worth) for m, holding in held.items()}
    found = []
    for view in views:
        if has_optimum(view):
            share = view.total(real) / sum(real.values())
            compute = None if scenario.compute_flops is None else np.asarray(scenario.compute_flops * share)
            found.append(optimum_plan(view, seen, real, compute))
    return tuple(found)


def _fusion(
    corpus: tuple[Modality, ...], run: Training, bought: Sequence[SplitPlan], settings: Settings
) -> FusionPlan | None:
    """At the compute of what the budget trains where it chose the size, else of the training run."""
    if run.size is None or not {"text", "image"} <= set(corpus):
        return None
    if bought and bought[-1].n_parameters != run.size_figure:
        last = bought[-1]
        size, tokens = last.n_parameters.value or 0.0, last.n_training_tokens.value or 0.0
        return fusion(6 * size * tokens, f"what the budget trains by {last.law}", settings.confidence)
    return fusion(float(6 * run.size[0] * run.total[0]), "the training run", settings.confidence)


def _difference(after: Worked, before: Worked, settings: Settings) -> Difference:
    names = {"scenario": after.plan.name, "baseline": before.plan.name}
    losses = {
        name: _loss_difference(after, before, name)
        for name in after.losses
        if name in before.losses and _scopes(after)[name] == _scopes(before)[name]
    }
    if set(after.held) != set(before.held):
        reason = wording.jump(sorted(before.held), sorted(after.held))
        nothing = absent(ALPHA, reason, law=SUN_GUO, source=PAPER)
        return Difference(**names, score=nothing, size_equivalent=nothing, losses=losses)
    sized = after.run.is_given and before.run.is_given
    sizes = (after.run.size, before.run.size) if sized else (None, None)
    change = log_product(sizes[0], _unique(after.held, after.run)) - log_product(
        sizes[1], _unique(before.held, before.run)
    )
    said = PAPER if sized else f"{PAPER}; at equal model size"
    kind = {"basis": "published", "source": said, "law": SUN_GUO, "confidence": settings.confidence}
    return Difference(
        **names,
        score=figure(np.asarray(change), ALPHA, **kind),  # type: ignore[arg-type]
        size_equivalent=figure(np.exp(change), "times the model size", **kind),  # type: ignore[arg-type]
        losses=losses,
    )


def _scopes(worked: Worked) -> dict[str, tuple[Modality, ...]]:
    return {view.law.name: view.scope for view in worked.views}


def _loss_difference(after: Worked, before: Worked, name: str) -> Figure:
    view = next(view for view in after.views if view.law.name == name)
    if changed := [m for m in view.scope if after.held[m].measurement != before.held[m].measurement]:
        return absent(view.law.unit, wording.other_tokens(changed), law=name, source=view.law.source)
    inputs = {"n_parameters": after.run.size if after.run.size is not None else constant(1.0)}
    return view.figure(np.asarray(after.losses[name] - before.losses[name]), inputs=inputs)


def _law_notes(worked: Sequence[Worked]) -> tuple[LawNote, ...]:
    laws: dict[str, Law] = {SUN_GUO: load(SUN_GUO)}
    laws |= {view.law.name: view.law for each in worked for view in each.views}
    return tuple(
        LawNote(
            name=law.name,
            title=law.title,
            form=law.form,
            formula=law.bound_form(("text_tokens",)).formula,
            parameters={name: p.value for name, p in law.parameters.items() if p.value is not None},
            source=law.source,
            status=law.status,
            covers=covers(law),
            ranges=dict(law.ranges),
            notes=law.notes,
        )
        for law in laws.values()
    )
