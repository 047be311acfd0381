"""Scenarios: differences, substitutions, effective tokens, limits, a law of one's own."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tokeff import laws
from tokeff.errors import InsufficientData, LawError, NotFound, TokeffError
from tokeff.planner.plan import make_plan
from tokeff.planner.request import Fidelity, Scenario, Settings, Size, Substitution
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Figure, ScenarioPlan
from tokeff.reports.plan_sections import marginals_table
from tokeff.reports.plan_short import in_short

Build = Callable[..., Measurement]
Mixed = Sequence[Measurement]
Value = Callable[[Figure], float]
Planned = Callable[..., ScenarioPlan]
TEXT: dict[Modality, Size] = {"text": Size(kind="stored", amount=2e12)}
PAIR: dict[Modality, Size] = {**TEXT, "image": Size(kind="stored", amount=5e12)}
ALL: dict[Modality, Size] = {**PAIR, "video": Size(kind="stored", amount=4e13)}


def test_differences_keep_what_scenarios_share(mixed: Mixed, value: Value) -> None:
    half: dict[Modality, Size] = {"text": Size(kind="stored", amount=1e12)}
    plan = make_plan(
        mixed,
        [Scenario(name="all", corpus=TEXT, n_parameters=7e9), Scenario(name="half", corpus=half, n_parameters=7e9)],
    )
    (difference,) = plan.differences
    assert value(difference.score) == pytest.approx(-math.log(2))
    assert difference.score.low is None  # the same bytes per token in both: nothing uncertain is left
    assert value(difference.size_equivalent) == pytest.approx(0.5)
    losses = {each.law: value(each.loss) for each in plan.scenarios[0].losses}
    halves = {each.law: value(each.loss) for each in plan.scenarios[1].losses}
    for law, figure in difference.losses.items():
        assert value(figure) == pytest.approx(halves[law] - losses[law], abs=1e-12)
        assert value(figure) > 0


def test_another_modality_is_a_jump(mixed: Mixed) -> None:
    plan = make_plan(mixed, [Scenario(name="text", corpus=TEXT), Scenario(name="both", corpus=PAIR)])
    assert plan.differences[0].score.value is None
    assert "jump" in str(plan.differences[0].score.absent)
    assert any("jump" in sentence for sentence in plan.consequences)


def test_losses_of_other_tokenizers_are_not_compared(mixed: Mixed, value: Value) -> None:
    swap = Substitution(kind="tokenizer", modality="text", tokenizer="bytes")
    plan = make_plan(
        mixed,
        [
            Scenario(name="a", corpus=TEXT, n_parameters=7e9),
            Scenario(name="b", corpus=TEXT, n_parameters=7e9, substitutions=(swap,)),
        ],
    )
    (difference,) = plan.differences
    assert value(difference.score) == pytest.approx(math.log(4))
    assert all("do not compare" in str(figure.absent) for figure in difference.losses.values())


def test_substitutions_are_worked_out_from_the_run(mixed: Mixed, value: Value, planned: Planned) -> None:
    seconds = 4e13 / 0.005 / 40_000 / 360.0

    def tokens(change: Substitution) -> dict[str, float]:
        corpus: dict[Modality, Size] = {"video": ALL["video"], "image": PAIR["image"]}
        plan = planned(mixed, corpus=corpus, n_parameters=1e9, substitutions=(change,))
        return {each.modality: value(each.tokens) for each in plan.modalities}

    track = tokens(Substitution(kind="audio-track", modality="video"))
    assert track == {"image": pytest.approx(4e9), "audio": pytest.approx(seconds * 3000)}
    frames = tokens(Substitution(kind="key-frames", modality="video", frames_per_second=0.2))
    frame_bytes = 12 * 40_000
    assert frames == {"image": pytest.approx(4e9 + seconds * 0.2 * frame_bytes / 2500)}
    every = tokens(Substitution(kind="key-frames", modality="video", frames_per_second=1e6))
    assert every["image"] == pytest.approx(4e9 + seconds * 30 * frame_bytes / 2500)  # no more than there are
    small = tokens(Substitution(kind="resolution", modality="image", scale=2.0))
    assert small["image"] == pytest.approx(1e9)


def test_substitutions_that_the_run_does_not_support(mixed: Mixed, measured: Build, planned: Planned) -> None:
    with pytest.raises(TokeffError, match="lacks frames_per_second"):
        Substitution(kind="key-frames", modality="video")
    with pytest.raises(TokeffError, match="cannot be done"):
        Substitution(kind="audio-track", modality="text")
    with pytest.raises(NotFound, match="nope"):
        planned(mixed, corpus=TEXT, substitutions=(Substitution(kind="tokenizer", modality="text", tokenizer="nope"),))
    with pytest.raises(TokeffError, match="no video to replace"):
        planned(mixed, corpus=TEXT, substitutions=(Substitution(kind="audio-track", modality="video"),))
    sound = Substitution(kind="audio-track", modality="video")
    blind = [measured("video", "v"), measured("audio", "a", density={"token_rate_hz": 50.0})]
    with pytest.raises(InsufficientData, match="token_rate_hz"):
        planned(blind, corpus={"video": ALL["video"]}, substitutions=(sound,))


def test_effective_tokens(measured: Build, value: Value, planned: Planned) -> None:
    lossy = measured("image", "vq", bytes_per_token=2500.0, reconstruction={"retained_share": {"6": {"2": 0.25}}})
    exact = measured(reconstruction={"entropy_bits_per_byte": 0.0})
    settings = Settings(fidelity={None: Fidelity(depth="6", scale="2")})
    raw, kept = (planned([exact, lossy], s, corpus=PAIR, n_parameters=7e9) for s in (None, settings))
    images = {plan.modalities[1].tokens.value for plan in (raw, kept)}
    assert len(images) == 1  # the tokens themselves stay
    assert kept.modalities[1].effective_tokens is not None
    assert value(kept.modalities[1].effective_tokens) == pytest.approx(0.25 * value(kept.modalities[1].tokens))
    assert kept.modalities[0].effective_tokens is not None
    assert value(kept.modalities[0].effective_tokens) == pytest.approx(5e11)  # text comes back whole
    assert value(kept.score) == pytest.approx(value(raw.score) + math.log(0.25))
    assert kept.cost.training_flops.value == raw.cost.training_flops.value
    assert any("extension" in note for note in kept.notes)


def test_effective_tokens_are_refused_where_nothing_was_measured(measured: Build, planned: Planned) -> None:
    settings = Settings(fidelity={None: Fidelity(depth="6", scale="2")})
    with pytest.raises(InsufficientData, match="not measured what these tokens keep"):
        planned([measured()], settings, corpus=TEXT)
    lossy = measured(reconstruction={"retained_share": {"8": {"1": 0.2}}})
    with pytest.raises(NotFound, match="8,1"):
        planned([lossy], settings, corpus=TEXT)
    useless = measured(reconstruction={"retained_share": {"6": {"2": -0.001}}})
    with pytest.raises(InsufficientData, match="keep nothing"):
        planned([useless], settings, corpus=TEXT)


def test_limits_of_mixture_and_epochs(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus=PAIR, n_parameters=7e9, mixture={"image": (0.1, 1.0)})
    shares = {each.modality: each.share for each in plan.modalities}
    assert shares["image"] == pytest.approx(0.1)
    assert max(each.epochs for each in plan.modalities) <= 1 + 1e-9
    assert value(plan.n_training_tokens) == pytest.approx(4e10)  # all pictures once, and text for the other 90 %
    again = planned(mixed, corpus=TEXT, n_parameters=7e9, compute_flops=6 * 7e9 * 1e12)
    assert again.modalities[0].epochs == pytest.approx(2)


def test_compute_within_epoch_limits_makes_a_larger_model(mixed: Mixed, value: Value, planned: Planned) -> None:
    plan = planned(mixed, corpus={"text": Size(kind="stored", amount=1e9)}, compute_flops=1e22, max_epochs={"text": 4})
    assert value(plan.n_training_tokens) == pytest.approx(1e9)
    assert value(plan.n_parameters) == pytest.approx(1e22 / 6 / 1e9)
    assert any("epoch limits" in note for note in plan.notes)
    assert plan.n_parameters.source.startswith("larger than compute-optimal")
    assert [each.name for each in plan.n_parameters.extrapolates] == ["n_parameters"]
    model = next(line for line in in_short(plan) if line.startswith("Model: "))
    assert " ! parameters, larger" in model


def test_a_fitted_law_is_used_by_name(
    mixed: Mixed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Value, planned: Planned
) -> None:
    laws.save(_product_law(), tmp_path / "my-scores.json")
    monkeypatch.setenv("TOKEFF_LAWS", str(tmp_path))
    plan = planned(mixed, Settings(laws=("my-scores",)), corpus=PAIR, n_parameters=7e9)
    (loss,) = plan.losses
    assert value(loss.loss) == pytest.approx(2 * value(plan.score) + 1)
    trades = [each for each in plan.trades if each.law == "my-scores"]
    assert [value(each.size_ratio) for each in trades] == pytest.approx([1 / each.factor for each in trades])
    changes = [row[3] for row in marginals_table(plan).rows if row[1] == "my-scores"]
    assert changes == ["score, higher is better"] * 2
    assert any("by the other laws" in line for line in in_short(plan))
    with pytest.raises(LawError, match="no value without image"):
        planned(mixed, Settings(laws=("my-scores",)), corpus=TEXT, n_parameters=7e9)


def _product_law() -> laws.Law:
    return laws.Law(
        name="my-scores",
        form="log-product",
        title="fitted",
        status="refitted",
        source="own runs",
        parameters={"alpha": laws.Parameter(value=2.0), "eps": laws.Parameter(value=1.0)},
        quantity="score",
        unit="points",
        modalities=("image_tokens", "text_tokens"),
    )
