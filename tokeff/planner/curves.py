"""Lines for pictures: loss against size and data, and pairs of size and data of equal performance.

Leaves out drawing.
"""

import numpy as np

from tokeff.planner.coverage import SUN_GUO
from tokeff.planner.draws import Fan, root, spread
from tokeff.planner.view import Tokens, View
from tokeff.records.plans import Curve

FACTORS = np.geomspace(0.1, 10, 21)
ISO_FACTORS = np.geomspace(0.25, 4, 33)
LEAST = 1e-6


def curves(views: list[View], size: Fan | None, tokens: Tokens) -> tuple[Curve, ...]:
    """All lines of a scenario; none where no size is known."""
    if size is None:
        return ()
    lines = [_product_line(size)]
    for view in views:
        lines.append(_against(view, size, tokens, "model parameters"))
        if view.uses_data:
            lines.append(_against(view, size, tokens, "training tokens"))
            lines.append(_equal(view, size, tokens))
    return tuple(lines)


def _scaled(tokens: Tokens, factor: float | Fan) -> Tokens:
    return {m: np.asarray(fan * factor) for m, fan in tokens.items()}


def _against(view: View, size: Fan, tokens: Tokens, what: str) -> Curve:
    by_size = what == "model parameters"
    fans = [view.value(size * f, tokens) if by_size else view.value(size, _scaled(tokens, f)) for f in FACTORS]
    ends = [spread(fan, view.confidence) for fan in fans]
    ranged = all(low is not None and high is not None for low, high in ends)
    centre = float(size[0]) if by_size else float(view.total(tokens)[0])
    return Curve(
        title=f"{view.law.quantity} against {what}",
        law=view.law.name,
        x_name=what,
        y_name=f"{view.law.quantity} ({view.law.unit})",
        x=tuple(float(centre * f) for f in FACTORS),
        y=tuple(float(fan[0]) for fan in fans),
        low=tuple(float(low or 0.0) for low, _ in ends) if ranged else None,
        high=tuple(float(high or 0.0) for _, high in ends) if ranged else None,
    )


def _equal(view: View, size: Fan, tokens: Tokens) -> Curve:
    """Tokens that make up for a smaller or larger model, where any do."""
    sign = 1.0 if view.is_score else -1.0
    central, sizes = view.central(), size[0] * ISO_FACTORS
    now: Tokens = {m: fan[:1] for m, fan in tokens.items()}
    here = central.value(size[:1], now)
    needed = root(lambda more: np.asarray(sign * (central.value(sizes, _scaled(now, more)) - here)), LEAST, 1 / LEAST)
    total = float(view.total(tokens)[0])
    found = np.isfinite(needed) & (needed > LEAST * 1.01)
    pairs = [(float(x), float(y) * total) for x, y in zip(sizes[found], needed[found], strict=True)]
    return Curve(
        title="equal performance",
        law=view.law.name,
        x_name="model parameters",
        y_name="training tokens",
        x=tuple(x for x, _ in pairs),
        y=tuple(y for _, y in pairs),
    )


def _product_line(size: Fan) -> Curve:
    return Curve(
        title="equal performance",
        law=SUN_GUO,
        x_name="model parameters",
        y_name="tokens of any one modality, relative to the corpus",
        x=tuple(float(size[0] * f) for f in ISO_FACTORS),
        y=tuple(float(1 / f) for f in ISO_FACTORS),
    )
