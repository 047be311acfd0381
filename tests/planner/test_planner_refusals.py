"""What cannot be planned is refused with what could be."""

from collections.abc import Callable, Sequence

import pytest

from tokeff.errors import InsufficientData, LawError, NotFound, TokeffError
from tokeff.planner.request import Prices, Scenario, Settings, Size
from tokeff.records.items import Modality
from tokeff.records.measurements import Measurement
from tokeff.records.plans import Figure, ScenarioPlan

Build = Callable[..., Measurement]
Mixed = Sequence[Measurement]
Value = Callable[[Figure], float]
Planned = Callable[..., ScenarioPlan]
TEXT: dict[Modality, Size] = {"text": Size(kind="stored", amount=2e12)}
PAIR: dict[Modality, Size] = {**TEXT, "image": Size(kind="stored", amount=5e12)}
ALL: dict[Modality, Size] = {**PAIR, "video": Size(kind="stored", amount=4e13)}


def test_without_a_law_a_size_must_be_given(measured: Build, value: Value, planned: Planned) -> None:
    plan = planned([measured("audio", "codec")], corpus={"audio": Size(kind="stored", amount=1e12)})
    assert plan.n_parameters.value is None
    assert "give --parameters" in str(plan.n_parameters.absent)
    assert plan.score.value is None
    assert value(plan.modalities[0].tokens) > 0


@pytest.mark.parametrize(
    ("settings", "scenario", "error", "said"),
    [
        ({}, {"corpus": TEXT, "mixture": {"text": (0.1, 0.4)}}, TokeffError, "do not come to the whole"),
        ({}, {"corpus": TEXT, "mixture": {"image": (0.1, 0.4)}}, TokeffError, "a limit for what the corpus lacks"),
        ({}, {"corpus": PAIR, "mixture": {"image": (0.0, 0.0)}}, TokeffError, "the limits leave no image"),
        ({}, {"corpus": PAIR, "mixture": {"text": (1.0, 1.0)}}, TokeffError, "the limits leave no image"),
        ({}, {"corpus": TEXT, "max_epochs": {"image": 2.0}}, TokeffError, "an epoch limit for what"),
        ({}, {"corpus": TEXT, "n_parameters": 1e9, "compute_flops": 1e24, "max_epochs": {"text": 4.0}}, TokeffError,
         "Feasible: compute up to 1.2e\\+22"),
        ({}, {"corpus": TEXT, "n_parameters": 1e9, "compute_flops": 10.0}, TokeffError, "does not train on one token"),
        ({}, {"corpus": TEXT, "compute_flops": 10.0}, TokeffError, "not train one parameter on one token"),
        ({"laws": ("hoffmann-2022",)}, {"corpus": PAIR}, LawError, "does not cover image"),
        ({"laws": ("henighan-2020-video-vq",)}, {"corpus": TEXT}, LawError, "does not cover text"),
        ({"laws": ("tao-2024",)}, {"corpus": TEXT}, LawError, "laws predict tao-2024"),
        ({"laws": ("aghajanyan-2023-text",)}, {"corpus": TEXT}, LawError, "publishes no value of"),
        ({"laws": ("hofmann-2022",)}, {"corpus": TEXT}, NotFound, "hoffmann-2022"),
        ({"prices": Prices(per_gigabyte={"video": 1.0})}, {"corpus": TEXT}, NotFound, "a price for a modality"),
        ({"budget": 1e-12, "prices": Prices(per_gigabyte={"text": 1.0})}, {"corpus": TEXT}, TokeffError, "at least"),
        ({}, {"corpus": TEXT, "tokenizers": ("bpe", "bytes")}, TokeffError, "two tokenizers of one modality"),
        ({}, {"corpus": TEXT, "tokenizers": ("nope",)}, NotFound, "no tokenizer in the run named"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_what_could(
    mixed: Mixed,
    planned: Planned,
    *,
    settings: dict[str, object],
    scenario: dict[str, object],
    error: type[TokeffError],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        planned(mixed, Settings(**settings), **scenario)  # type: ignore[arg-type]


def test_a_modality_that_the_run_lacks(measured: Build, planned: Planned) -> None:
    with pytest.raises(NotFound, match="Profile some video too"):
        planned([measured()], corpus={"text": TEXT["text"], "video": ALL["video"]})
    with pytest.raises(InsufficientData, match="holds no measurement"):
        planned([])


def test_settings_that_cannot_be_meant() -> None:
    for bad in (
        {"utilisation": 0.0},
        {"utilisation": 2.0},
        {"gpu_flops": -1.0},
        {"confidence": 1.0},
        {"factors": (0.5,)},
    ):
        with pytest.raises(TokeffError):
            Settings(**bad)
    with pytest.raises(TokeffError, match="needs prices"):
        Settings(budget=10.0)
    with pytest.raises(TokeffError, match="more than the whole"):
        Scenario(mixture={"text": (0.7, 1.0), "image": (0.5, 1.0)})
