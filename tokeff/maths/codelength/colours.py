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

_HASH_BITS = 33
_MULTIPLIER = -7046029254386353131


def keys(x: Tensor) -> Tensor:
    """One integer (int64, below 2^24) for the channels of every pixel of x [B, C <= 3, H, W]."""
    out = torch.zeros_like(x[:, 0], dtype=torch.int64)
    for c in range(x.shape[1]):
        out = (out << 8) | x[:, c].long()
    return out


def shifted(colours: Tensor, dy: int, dx: int) -> Tensor:
    """The colour dy rows below and dx columns right of each place of [B, H, W]; -1 outside."""
    h, w = colours.shape[-2:]
    reach = 3
    p = torch.nn.functional.pad(colours, (reach, reach, reach, reach), value=-1)
    return p[..., reach + dy : reach + dy + h, reach + dx : reach + dx + w]


def contexts(colours: Tensor, side: Tensor | None) -> list[Tensor]:
    """Hashed contexts, int64 [B, H, W] each, richest first; with the colours of a reconstruction in the first ones."""
    state, found = torch.zeros_like(colours), {0: torch.zeros_like(colours)}
    for i, (dy, dx) in enumerate(RICH[: max(LEVELS)]):
        state = _mix(state, shifted(colours, dy, dx))
        found[i + 1] = state
    levels = [found[n] for n in LEVELS]
    if side is not None:
        near = _mix(_mix(side + 1, shifted(side, 0, 1)), shifted(side, 1, 0))
        told = _mix(_mix(side + 1, shifted(side, 0, -1)), shifted(side, -1, 0))
        levels = [_mix(_mix(near, told), found[4]), _mix(near, found[2]), _mix(side + 1, found[0]), *levels[-2:]]
    return [(level >> (64 - _HASH_BITS)) & (2**_HASH_BITS - 1) for level in levels]


def _mix(state: Tensor, value: Tensor) -> Tensor:
    mixed = (state + value + 1) * _MULTIPLIER
    return mixed ^ ((mixed >> 29) & 0x7FFFFFFFF)


def code_length_bits(colours: Tensor, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Bits [B] (float64) of the colours [B, H, W] but for the last escapes, where those are, and the rules taken.

    The escapes are bool [B, H, W]; the rules, indices into `RULES`, int64 [n_levels, B].
    """
    b, n = colours.shape[0], colours[0].numel()
    item = torch.arange(b, device=colours.device).repeat_interleave(n)
    left = torch.arange(b * n, device=colours.device)
    flat, bits = colours.flatten(), torch.zeros(b, dtype=torch.float64, device=colours.device)
    rules = []
    for level in levels:
        prefix = (item[left] << _HASH_BITS) | level.flatten()[left]
        left, spent, rule = _restaurant(prefix, flat[left], item[left], left, b)
        bits += spent
        rules.append(rule)
    escaped = torch.zeros(b * n, dtype=torch.bool, device=colours.device)
    escaped[left] = True
    return bits, escaped.view(colours.shape), torch.stack(rules)


def _restaurant(prefix: Tensor, colour: Tensor, item: Tensor, place: Tensor, b: int) -> tuple[Tensor, Tensor, Tensor]:
    """One level: the places of colours that are new to their context, in order; its bits [b]; its rules [b]."""
    key, order = torch.sort((prefix << 24) | colour, stable=True)
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = key[1:] != key[:-1]
    start = first.nonzero()[:, 0]
    count = torch.diff(start, append=start.new_tensor([len(key)])).double()
    context = key[start] >> 24
    opens = torch.ones_like(context, dtype=torch.bool)
    opens[1:] = context[1:] != context[:-1]
    table = opens.cumsum(0) - 1
    n_contexts = int(table[-1]) + 1
    customers = torch.zeros(n_contexts, dtype=torch.float64, device=key.device).index_add_(0, table, count)
    tables = torch.bincount(table, minlength=n_contexts).double()
    of_pair, of_context = item[order[start]], item[order[start[opens]]]
    options = []
    for d, s in RULES:
        pair = torch.lgamma(count - d) - math.lgamma(1 - d)
        new = tables * math.log(d) + torch.lgamma(s / d + tables) - math.lgamma(s / d)
        whole = new + math.lgamma(s) - torch.lgamma(customers + s)
        total = torch.zeros(b, dtype=torch.float64, device=key.device)
        options.append(total.index_add(0, of_pair, pair).index_add(0, of_context, whole) / -math.log(2))
    spent, rule = torch.stack(options).min(0)
    return place[order[start]].sort().values, spent + math.log2(len(RULES)), rule
