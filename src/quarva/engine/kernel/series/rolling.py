"""Dispatch of the rolling operators, and the sizes of their state.

Each family of operators has a file with the same five names: `NAMES`, its operators; `full` and `full_size`,
windows that are NaN unless they are full; `gapped` and `gapped_size`, windows with gaps, for Qlib's
conventions. A new operator needs a line in `NAMES` and its kernels in one of these files. A new file needs a
line here.

The arguments of `full` are those described in `arithmetic`, and further the code of the operator, a second
operand y, y_at (for corr and cov; x otherwise), and the share of a quantile. `gapped` also takes:

    begins, begins_at  float32, the day of the panel on which the asset of each lane has its first value
    day                the day of the panel of the first result
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.series import (
    absolute,
    counts,
    extremes,
    lags,
    lines,
    moments,
    order,
    pairs,
    sums,
)
from quarva.karva.operators import CODE, OPERATORS

__all__ = [
    "carries_forever",
    "carries_through_chunk",
    "history",
    "partial",
    "partial_size",
    "rolling",
    "state_size",
]

FAMILIES = (lags, sums, moments, absolute, extremes, order, counts, lines, pairs)
LAGS, SUMS, MOMENTS, ABSOLUTE, EXTREMES, ORDER, COUNTS, LINES, PAIRS = range(len(FAMILIES))


def family_of_each_operator():
    """The number of the family of each operator, int8; −1 for an operator that is not rolling."""
    family = np.full(len(OPERATORS), -1, np.int8)
    for number, module in enumerate(FAMILIES):
        for name in module.NAMES:
            family[CODE[name]] = number
    missing = [op.name for op in OPERATORS if op.kind == "rolling" and family[CODE[op.name]] < 0]
    if missing:
        raise NotImplementedError(f"no kernel for {', '.join(missing)}: see kernel/series/rolling.py")
    return family


FAMILY = family_of_each_operator()


@compiled
def state_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) that `rolling` needs for a tile."""
    family = FAMILY[code]
    if family == SUMS:
        return sums.full_size(code, w, lanes)
    if family == MOMENTS:
        return moments.full_size(code, w, lanes)
    if family == ABSOLUTE:
        return absolute.full_size(code, w, lanes)
    if family == EXTREMES:
        return extremes.full_size(code, w, lanes)
    if family == ORDER:
        return order.full_size(code, w, lanes)
    if family == COUNTS:
        return counts.full_size(code, w, lanes)
    if family == LINES:
        return lines.full_size(code, w, lanes)
    if family == PAIRS:
        return pairs.full_size(code, w, lanes)
    return lags.full_size(code, w, lanes)


@compiled
def rolling(code, x, at, y, y_at, w, share, lanes, days, age, state, sorted_state, out, to):
    """Apply the rolling operator `code` to `days` days of a tile of assets."""
    family = FAMILY[code]
    call = code, x, at, y, y_at, w, share, lanes, days, age, state, sorted_state, out, to
    if family == LAGS:
        lags.full(*call)
    elif family == SUMS:
        sums.full(*call)
    elif family == MOMENTS:
        moments.full(*call)
    elif family == ABSOLUTE:
        absolute.full(*call)
    elif family == EXTREMES:
        extremes.full(*call)
    elif family == ORDER:
        order.full(*call)
    elif family == COUNTS:
        counts.full(*call)
    elif family == LINES:
        lines.full(*call)
    elif family == PAIRS:
        pairs.full(*call)


@compiled
def partial_size(code, w, lanes):
    """Sizes of `state` (float64) and `order` (float32) that `partial` needs for a tile."""
    family = FAMILY[code]
    if family == SUMS:
        return sums.gapped_size(code, w, lanes)
    if family == MOMENTS:
        return moments.gapped_size(code, w, lanes)
    if family == ABSOLUTE:
        return absolute.gapped_size(code, w, lanes)
    if family == EXTREMES:
        return extremes.gapped_size(code, w, lanes)
    if family == ORDER:
        return order.gapped_size(code, w, lanes)
    if family == COUNTS:
        return counts.gapped_size(code, w, lanes)
    if family == LINES:
        return lines.gapped_size(code, w, lanes)
    if family == PAIRS:
        return pairs.gapped_size(code, w, lanes)
    return lags.gapped_size(code, w, lanes)


@compiled
def partial(
    code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, sorted_state, out, to
):  # fmt: skip
    """Apply the rolling operator `code` to `days` days of a tile of assets, skipping NaN."""
    family = FAMILY[code]
    call = (
        code, x, at, y, y_at, w, share, lanes, days, age, begins, begins_at, day, state, sorted_state, out, to
    )  # fmt: skip
    if family == LAGS:
        lags.gapped(*call)
    elif family == SUMS:
        sums.gapped(*call)
    elif family == MOMENTS:
        moments.gapped(*call)
    elif family == ABSOLUTE:
        absolute.gapped(*call)
    elif family == EXTREMES:
        extremes.gapped(*call)
    elif family == ORDER:
        order.gapped(*call)
    elif family == COUNTS:
        counts.gapped(*call)
    elif family == LINES:
        lines.gapped(*call)
    elif family == PAIRS:
        pairs.gapped(*call)


@compiled
def carries_forever(code):
    """True if `partial` keeps a state that depends on all days before, so that no chunk can rebuild it."""
    return code == sums.EMA


@compiled
def carries_through_chunk(code, gaps):
    """True if the state is carried from block to block through the whole chunk.

    Other operators restart in each block of w days.
    """
    return gaps or FAMILY[code] == ORDER or FAMILY[code] == COUNTS


@compiled
def history(code, w, gaps):
    """Number of days before a chunk that `rolling` reads, or `partial` if `gaps` is true."""
    return 0 if gaps and carries_forever(code) else w
