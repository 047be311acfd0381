"""Figures of a plan as short text: a value, its range, a mark where it extrapolates.

Leaves out tables (`plan_sections`).
"""

from tokeff.records.plans import Figure
from tokeff.reports.numbers import ABSENT, digits, quantity

BEYOND = "!"
"""Stands behind a number for which a law is used beyond the runs that it was fitted on."""
LARGE = 1e5
DIGITS = 4
INPUTS = {"n_parameters": "model size", "n_training_tokens": "training tokens", "n_unique_tokens": "unique tokens"}


def count(value: float) -> str:
    """A number of parameters or tokens, in billions as the field says it.

    >>> count(7e9), count(1.5e12), count(350e6), count(12)
    ('7 B', '1.5 T', '350 M', '12')
    """
    return quantity(value).replace(" G", " B")


def power(value: float) -> str:
    """A number of FLOPs.

    >>> power(1e23), power(6.04e21)
    ('1.00e23', '6.04e21')
    """
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def counted(figure: Figure, unit: str = "") -> str:
    """A large number with its range; the ends go without a unit where they have the value's own.

    >>> counted(Figure(value=5e11, low=4.9e11, high=5.1e11, unit="", basis="derived", source=""))
    '500 B [490, 510]'
    """
    if figure.value is None:
        return ABSENT
    text = _scaled(figure.value, unit)
    if figure.low is not None and figure.high is not None:
        low, high = (_scaled(end, unit) for end in (figure.low, figure.high))
        own = text.partition(" ")[2]
        if own and own == low.partition(" ")[2] == high.partition(" ")[2]:
            low, high = low.partition(" ")[0], high.partition(" ")[0]
        text += f" [{low}, {high}]"
    return text + _mark(figure)


def central(figure: Figure) -> str:
    """A large number without its range, marked all the same."""
    return ABSENT if figure.value is None else count(figure.value) + _mark(figure)


def _scaled(value: float, unit: str) -> str:
    return quantity(value, unit) if unit else count(value)


def plain(figure: Figure, *, sign: bool = False) -> str:
    """An ordinary number with its range, to at most four digits: the law behind it is not known better."""
    if figure.value is None:
        return ABSENT
    text = _number(figure.value)
    if figure.low is not None and figure.high is not None:
        text += _range(text, _number(figure.low), _number(figure.high))
    return ("+" if sign and figure.value > 0 else "") + text + _mark(figure)


def _range(text: str, low: str, high: str) -> str:
    """Both ends, unless the digits shown are the same."""
    return "" if text == low == high else f" [{low}, {high}]"


def _number(value: float) -> str:
    if value and abs(value) < 1e-4:
        return power(value)
    return digits(value, DIGITS) if abs(value) < LARGE else whole(value)


def whole(value: float) -> str:
    """Three digits, grouped; a power of ten where they would begin far behind the point.

    >>> whole(222_559.0), whole(55.6), whole(0.0123)
    ('223,000', '55.6', '0.0123')
    """
    return power(value) if 0 < abs(value) < 1e-3 else digits(float(f"{value:.3g}"))


def rounded(figure: Figure) -> str:
    """A number with its range, to three digits."""
    if figure.value is None:
        return ABSENT
    ends = "" if figure.low is None or figure.high is None else f" [{whole(figure.low)}, {whole(figure.high)}]"
    return whole(figure.value) + ends + _mark(figure)


def _mark(figure: Figure) -> str:
    return f" {BEYOND}" if figure.extrapolates else ""


def factor(figure: Figure) -> str:
    """A ratio.

    >>> factor(Figure(value=0.5, low=0.45, high=0.55, unit="", basis="published", source=""))
    '0.5 x [0.45, 0.55]'
    """
    if figure.value is None:
        return ABSENT
    text = f"{_ratio(figure.value)} x"
    if figure.low is not None and figure.high is not None:
        text += _range(_ratio(figure.value), _ratio(figure.low), _ratio(figure.high))
    return text + _mark(figure)


def _ratio(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1e4 else count(value)


def share(value: float) -> str:
    """A share in per cent.

    >>> share(0.5), share(0.0004), share(1.0)
    ('50 %', '<0.1 %', '100 %')
    """
    if 0 < value < 0.001:
        return "<0.1 %"
    return f"{100 * value:.3g} %"


def input_words(name: str) -> str:
    """An input of a law as people say it.

    >>> input_words("n_parameters"), input_words("text_tokens")
    ('model size', 'text tokens')
    """
    return INPUTS.get(name, name.removeprefix("n_").replace("_", " "))
