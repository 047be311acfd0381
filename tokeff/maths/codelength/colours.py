"""The colour coder: whole colours under contexts of neighbouring colours, for flat, few-coloured and screen pictures.

Every colour is coded under the richest context first. Where the context has seen it, a Pitman-Yor rule with discount
d and strength s gives it (n_k - d) / (n + s); otherwise an escape, (s + d t) / (n + s) with t the colours seen there,
passes it to the next context, and the last escape to a coder of residuals. As in the Chinese restaurant process the
length depends on final counts alone: a colour enters a poorer context once for each richer context that met it.
Leaves out the residual coder and exclusion of the colours that an escape rules out.
"""

import math

import torch
from torch import Tensor

from tokeff.maths.codelength.taps import bands

Offset = tuple[int, int]

RICH: tuple[Offset, ...] = (
    (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1), (0, -3), (-3, 0),
)  # fmt: skip
LEVELS = (12, 6, 2, 0)
"""How many of the neighbours in `RICH` each context holds, richest first."""

RULES = ((0.02, 0.02), (0.05, 0.2), (0.2, 0.2), (0.5, 0.5))
"""(discount, strength) pairs from which each item and level takes its cheapest, for 2 bits."""

MAX_ITEMS = 64
"""Items that one call can hold: the number of the item takes 6 bits of a sorting key."""

_HASH_BITS, _COLOUR_BITS, _REACH = 33, 24, 3
_FACTORS = tuple((pow(0x9E3779B97F4A7C15, i, 2**64) ^ 2**63) - 2**63 for i in range(1, 24))
"""Odd factors of a multilinear hash: the high bits of a sum of products with them."""


def keys(x: Tensor) -> Tensor:
    """One integer (int64, below 2^24) for the channels of every pixel of x [B, C <= 3, H, W]."""
    out = torch.zeros_like(x[:, 0], dtype=torch.int64)
    for c in range(x.shape[1]):
        out = (out << 8) | x[:, c].long()
    return out


def contexts(colours: Tensor, side: Tensor | None) -> list[Tensor]:
    """Hashed contexts, int64 [B, H, W] each, richest first; with the colours of a reconstruction in the first ones."""
    outlook, known = _padded(colours), [] if side is None else [_padded(side)]
    levels = [torch.empty_like(colours) for _ in range(len(LEVELS) + len(known))]
    for top, bottom in bands(colours[:, None]):
        found = _own_levels(outlook[:, top : bottom + 2 * _REACH])
        if known:
            found = _told_levels(found, known[0][:, top : bottom + 2 * _REACH])
        for level, part in zip(levels, found, strict=True):
            torch.bitwise_right_shift(part, 64 - _HASH_BITS, out=level[:, top:bottom]).bitwise_and_(2**_HASH_BITS - 1)
    return levels


def _own_levels(padded: Tensor) -> list[Tensor]:
    """Sums over the neighbours of each of `LEVELS`."""
    state = torch.zeros_like(_shifted(padded, 0, 0))
    found = {0: state.clone()}
    for i, offset in enumerate(RICH[: max(LEVELS)]):
        state.add_(_shifted(padded, *offset), alpha=_FACTORS[i])
        if i + 1 in LEVELS[1:]:
            found[i + 1] = state.clone()
    return [found.get(n, state) for n in LEVELS]


def _told_levels(own: list[Tensor], side: Tensor) -> list[Tensor]:
    """Those with the reconstruction: around, on and after the place; on and after; on it alone; then two without."""
    more = _FACTORS[len(RICH) :]
    here = _shifted(side, 0, 0) * more[0]
    near = here + _shifted(side, 0, 1) * more[1] + _shifted(side, 1, 0) * more[2]
    told = near + _shifted(side, 0, -1) * more[3] + _shifted(side, -1, 0) * more[4]
    _, six, two, nothing = own
    return [told.add_(six), near.add_(two), here, two, nothing]


def _padded(colours: Tensor) -> Tensor:
    """Colours [B, H, W] with -1 around them."""
    return torch.nn.functional.pad(colours, (_REACH, _REACH, _REACH, _REACH), value=-1)


def _shifted(padded: Tensor, dy: int, dx: int) -> Tensor:
    """The colour dy rows below and dx columns right of each place within the padding."""
    h, w = (length - 2 * _REACH for length in padded.shape[-2:])
    return padded[..., _REACH + dy : _REACH + dy + h, _REACH + dx : _REACH + dx + w]


def code_length_bits(colours: Tensor, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Bits [B] (float64) of the colours [B, H, W] but for the last escapes, where those are, and the rules taken.

    The escapes are bool [B, H, W]; the rules, indices into `RULES`, int64 [n_levels, B].
    """
    b, n = colours.shape[0], colours[0].numel()
    bits = torch.zeros(b, dtype=torch.float64, device=colours.device)
    flat, rules, left = colours.flatten(), [], torch.arange(b * n, device=colours.device)
    for i, level in enumerate(levels):
        context, colour = (each if i == 0 else each[left] for each in (level.flatten(), flat))
        key = (context << _COLOUR_BITS).bitwise_or_(colour)
        if b > 1:
            key.bitwise_or_(torch.div(left, n, rounding_mode="floor") << _HASH_BITS + _COLOUR_BITS)
        left, spent, rule = _restaurant(key, left, b)
        bits += spent
        rules.append(rule)
    escaped = torch.zeros(b * n, dtype=torch.bool, device=colours.device)
    escaped[left] = True
    return bits, escaped.view(colours.shape), torch.stack(rules)


def _restaurant(key: Tensor, place: Tensor, b: int) -> tuple[Tensor, Tensor, Tensor]:
    """One level: the places of colours that are new to their context, in order; its bits [b]; its rules [b].

    A key is item, context and colour. Equal keys in a row, as in flat areas, are sorted as one.
    """
    run = _changes(key).nonzero()[:, 0]
    ordered, order = torch.sort(key[run], stable=True)
    length = torch.diff(run, append=run.new_tensor([len(key)]))[order].cumsum(0)
    start = _changes(ordered).nonzero()[:, 0]
    ends = length[torch.cat([start[1:], start.new_tensor([len(ordered)])]) - 1]
    count = torch.diff(ends, prepend=ends.new_zeros(1))
    pair = ordered[start]
    context = (pair >> _COLOUR_BITS).contiguous()
    opens = _changes(context).nonzero()[:, 0]
    tables = torch.diff(opens, append=opens.new_tensor([len(context)]))
    last = torch.cat([opens[1:], opens.new_tensor([len(context)])]) - 1
    customers = torch.diff(ends[last], prepend=ends.new_zeros(1))
    # A table of one customer, and a context that only one customer entered, cost nothing under any rule.
    shared, busy = (count > 1).nonzero()[:, 0], (customers > 1).nonzero()[:, 0]
    of_pairs = _pair_bits(count[shared].double(), pair[shared] >> _HASH_BITS + _COLOUR_BITS, b)
    of_contexts = _context_bits(tables[busy].double(), customers[busy].double(), context[opens[busy]] >> _HASH_BITS, b)
    spent, rule = (of_pairs + of_contexts).min(0)
    return place[run[order[start]]].sort().values, spent + math.log2(len(RULES)), rule


def _changes(key: Tensor) -> Tensor:
    """Where a value differs from the one before it, bool [n]."""
    found = torch.ones_like(key, dtype=torch.bool)
    torch.ne(key[1:], key[:-1], out=found[1:])
    return found


def _pair_bits(count: Tensor, item: Tensor, b: int) -> Tensor:
    """Bits [n_rules, b] of pairs of context and colour that came `count` times (float64), by item."""
    return _sums([torch.lgamma(count - d) - math.lgamma(1 - d) for d, _ in RULES], item, b)


def _context_bits(tables: Tensor, customers: Tensor, item: Tensor, b: int) -> Tensor:
    """Bits [n_rules, b] of contexts with so many different colours and colours in all, by item."""
    each = []
    for d, s in RULES:
        new = tables * math.log(d) + torch.lgamma(s / d + tables) - math.lgamma(s / d)
        each.append(new + math.lgamma(s) - torch.lgamma(customers + s))
    return _sums(each, item, b)


def _sums(nats: list[Tensor], item: Tensor, b: int) -> Tensor:
    return torch.stack([each.new_zeros(b).index_add_(0, item, each) for each in nats]) / -math.log(2)
