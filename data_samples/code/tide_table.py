"""A tide table from a handful of harmonic constituents: h(t) = z0 + sum of a_k * cos(w_k t - g_k)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

# Degrees per hour of the constituents that matter on most coasts.
SPEEDS = {"M2": 28.9841042, "S2": 30.0, "N2": 28.4397295, "K1": 15.0410686, "O1": 13.9430356}


@dataclass(frozen=True)
class Constituent:
    """One wave of the tide: its name, amplitude in metres and phase in degrees."""

    name: str
    amplitude_m: float
    phase_deg: float

    def height(self, hours: float) -> float:
        """Height in metres above the mean, `hours` after the epoch."""
        return self.amplitude_m * math.cos(math.radians(SPEEDS[self.name] * hours - self.phase_deg))


HARROW_POINT = [
    Constituent("M2", 1.83, 142.0),
    Constituent("S2", 0.61, 181.5),
    Constituent("N2", 0.36, 120.3),
    Constituent("K1", 0.09, 15.2),
    Constituent("O1", 0.07, 341.9),
]


def level(hours: float, constituents: list[Constituent], mean_m: float = 2.4) -> float:
    """Level in metres above chart datum."""
    return mean_m + sum(wave.height(hours) for wave in constituents)


def turning_points(
    constituents: list[Constituent], start: float, stop: float, step: float = 0.1
) -> Iterator[tuple[float, float, str]]:
    """Every high and low water between two times: (hours, level, "high" or "low")."""
    before, here = level(start, constituents), level(start + step, constituents)
    n_steps = int((stop - start) / step)
    for i in range(2, n_steps):
        hours = start + i * step
        after = level(hours, constituents)
        if (here - before) * (after - here) < 0:
            yield hours - step, here, "high" if here > before else "low"
        before, here = here, after


def clock(hours: float) -> str:
    """Hours as day and hh:mm.

    >>> clock(25.5)
    'day 1 01:30'
    """
    day, rest = divmod(round(hours * 60), 24 * 60)
    return f"day {day} {rest // 60:02d}:{rest % 60:02d}"


def main() -> None:
    """Print the table of three days."""
    for hours, metres, kind in turning_points(HARROW_POINT, 0.0, 72.0):
        marks = "#" * round(metres * 8)
        print(f"{clock(hours)}  {kind:>4}  {metres:5.2f} m  {marks}")


if __name__ == "__main__":
    main()
