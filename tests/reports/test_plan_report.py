"""Words and pictures of a plan: numbers as people read them, plots that show their points."""

import pytest

from tokeff.records.plans import Beyond, Figure
from tokeff.reports.plan_words import counted, factor, plain, share, whole
from tokeff.reports.textplot import HEIGHT, WIDTH, plot


def figure(value: float | None, low: float | None = None, high: float | None = None, *, beyond: bool = False) -> Figure:
    flags = (Beyond(name="n_parameters", value=2.0, low=0.0, high=1.0),) if beyond else ()
    return Figure(value=value, low=low, high=high, unit="", basis="derived", source="", extrapolates=flags)


def test_large_numbers() -> None:
    assert counted(figure(5e11, 4.9e11, 5.1e11)) == "500 B [490, 510]"
    assert counted(figure(9.9e11, 9.5e11, 1.1e12)) == "990 B [950 B, 1.1 T]"
    assert counted(figure(2e12), "B") == "2 TB"
    assert counted(figure(None)) == "–"


def test_what_extrapolates_is_marked() -> None:
    assert plain(figure(2.0456, 2.03, 2.06, beyond=True)).endswith("!")
    assert counted(figure(5e11, beyond=True)) == "500 B !"
    assert factor(figure(0.5, beyond=True)) == "0.5 x !"
    assert "!" not in plain(figure(2.0456))


def test_no_digit_is_claimed_that_a_law_does_not_know() -> None:
    assert plain(figure(2.3127762218, 2.3122, 2.3133)) == "2.313 [2.312, 2.313]"
    assert plain(figure(-3.58e-5)) == "-3.58e-5"
    assert plain(figure(0.25), sign=True) == "+0.2500"
    assert plain(figure(222_559.0)) == "223,000"
    assert whole(3.84e-8) == "3.84e-8"
    assert factor(figure(1.111, 1.1108, 1.1112)) == "1.11 x"


def test_shares() -> None:
    assert [share(value) for value in (0.0, 0.0004, 0.123, 1.0)] == ["0 %", "<0.1 %", "12.3 %", "100 %"]


def test_a_plot_shows_every_distinct_point() -> None:
    lines = plot([1, 10, 100], [1.0, 2.0, 3.0], x_name="size", y_name="loss", log_x=True)
    body = lines[1 : 1 + HEIGHT]
    marks = [(r, line.index("o") - line.index("|") - 1) for r, line in enumerate(body) if "o" in line]
    assert marks == [(0, WIDTH - 1), (round((HEIGHT - 1) / 2), round((WIDTH - 1) / 2)), (HEIGHT - 1, 0)]
    assert max(map(len, lines)) <= 80
    assert "size (logarithmic)" in lines[-1]


@pytest.mark.parametrize("y", [[0.0, 0.0], [1e-300, 1e-300], [-1.0, 1.0]])
def test_flat_and_tiny_data_are_drawn(y: list[float]) -> None:
    lines = plot([1.0, 2.0], y, x_name="x", y_name="y", zero=True)
    assert any("o" in line for line in lines)
    assert any("---" in line for line in lines[1:-2])


def test_points_on_one_place_are_told() -> None:
    assert any("O" in line for line in plot([1.0, 1.0], [2.0, 2.0], x_name="x", y_name="y"))
