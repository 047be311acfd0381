"""Numbers as people read them: significant digits tied to the interval, decimal units, one sign for what is absent.

Leaves out what the numbers mean.
"""

import math

from tokeff.records.measurements import Estimate

ABSENT = "–"
UNITS = ("", "k", "M", "G", "T", "P", "E")


def digits(value: float, significant: int = 3) -> str:
    """A number with so many significant digits, grouped by thousands, no exponent.

    >>> digits(4.0712), digits(1234567.0), digits(0.000123)
    ('4.07', '1,234,567', '0.000123')
    """
    if value == 0:
        return "0"
    places = max(0, significant - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def quantity(value: float, unit: str = "", significant: int = 3) -> str:
    """A number scaled by thousands.

    >>> quantity(15_204_311, "B"), quantity(999, "B"), quantity(4_527_100), quantity(999_999)
    ('15.2 MB', '999 B', '4.53 M', '1 M')
    """
    if value == 0:
        return f"0 {unit}".strip()
    power = min(max(0, math.floor(math.log10(abs(value)) / 3)), len(UNITS) - 1)
    scaled = float(f"{value / 1000**power:.{significant}g}")
    if scaled >= 1000 and power < len(UNITS) - 1:
        scaled, power = scaled / 1000, power + 1
    return f"{scaled:g} {UNITS[power]}{unit}".strip()


def estimate(value: Estimate) -> str:
    """A value with its interval, to the digits that the interval supports.

    >>> estimate(Estimate(value=4.07123, low=3.81, high=4.33))
    '4.07 [3.81, 4.33]'
    >>> estimate(Estimate(value=4.07123, low=4.0701, high=4.0724))
    '4.0712 [4.0701, 4.0724]'
    >>> estimate(Estimate(value=4.07123, low=None, high=None))
    '4.07'
    """
    if value.low is None or value.high is None:
        return digits(value.value)
    width = value.high - value.low
    if width <= 0:
        return f"{digits(value.value, 5)} exact"
    # Two digits of the half-width are all that the sample tells.
    spare = math.floor(math.log10(abs(value.value))) - math.floor(math.log10(width / 2))
    significant = min(max(3, spare + 2), 7)
    places = max(0, significant - 1 - math.floor(math.log10(abs(value.value))))
    return f"{value.value:,.{places}f} [{value.low:,.{places}f}, {value.high:,.{places}f}]"


def percent(share: float, places: int = 0) -> str:
    """A share of one.

    >>> percent(0.1432), percent(0.0875, 1)
    ('14 %', '8.8 %')
    """
    return f"{100 * share:.{places}f} %"


def several(n: int, one: str, many: str) -> str:
    """A number with what it counts.

    >>> several(1, "item was", "items were"), several(2_000, "item was", "items were")
    ('1 item was', '2,000 items were')
    """
    return f"{n:,} {one if n == 1 else many}"


def optional(value: float | None, significant: int = 3) -> str:
    """A number or the sign for absence."""
    return ABSENT if value is None else digits(value, significant)
