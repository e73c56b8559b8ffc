"""The interpreter: runs the instructions of a chunk of days tile by tile.

A slot of a tile has a row of `lanes` assets for every day of the chunk, preceded by `front` rows for the
earlier days that rolling operators read. Days before the first one are NaN. Chunks begin at multiples of
`CHUNK` days, and rolling operators restart in each chunk from the rows before it. Only the last rows of their
operands (the tails) are carried from chunk to chunk, and the state of an operator that depends on all days
before (`carries_forever`). No array here grows with the number of days.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.cross import cross, cross_pair, group
from quarva.engine.kernel.functions.elementwise import binary, binary_qlib, ternary, ternary_qlib, unary
from quarva.engine.kernel.plan.schedule import (  # fmt: skip
    ARGS,
    BITS_AT,
    CARRIED,
    FILL,
    GROUP,
    HISTORY,
    LOAD_FIELD,
    LOAD_WIDE,
    OP,
    OUT,
    PARAM_AT,
    ROLLING,
    ROOT,
    TAIL,
    WIDE,
)
from quarva.engine.kernel.run.outputs import take_tile
from quarva.engine.kernel.series import partial as rolling_qlib
from quarva.engine.kernel.series import partial_size, rolling
from quarva.engine.kernel.vectors.float32 import NAN, float_of
from quarva.karva.operators import CODE

OF_ASSET, RESIDUAL = CODE["of_asset"], CODE["residual"]


@compiled
def copy(source, start, target, to, size):
    """Copy `size` numbers between flat arrays, which must not overlap."""
    a, b = source[start : start + size], target[to : to + size]
    for i in range(size):
        b[i] = a[i]


@compiled
def load_field(fields, start, t, days, back, lanes, width, slots, at):
    """Load a field, from `back` days before day t on; `start` is the index of the tile on day 0."""
    for d in range(-back, days):
        row = slots[at + d * lanes : at + (d + 1) * lanes]
        if t + d < 0:
            row[:] = NAN
        else:
            source = fields[start + (t + d) * width : start + (t + d) * width + lanes]
            for i in range(lanes):
                row[i] = source[i]


@compiled
def fill(number, t, days, back, lanes, slots, at):
    """Fill a slot with a number, and with NaN before the first day."""
    known = min(back, t)
    slots[at - back * lanes : at - known * lanes] = NAN
    slots[at - known * lanes : at + days * lanes] = number


@compiled
def carry(slots, at, days, back, lanes, tails, start):
    """Write the last days of the previous chunk before a result, and save its own for the next chunk."""
    size = back * lanes
    copy(tails, start, slots, at - size, size)
    copy(slots, at + (days - back) * lanes, tails, start, size)


@compiled
def compute(
    op, param, number, slots, a, b, c, to, lanes, days, age, t, partial, begins, begins_at, state, order
):  # fmt: skip
    """Apply an elementwise or rolling operator; a, b, c, to are the indices of the first day, −1 for none."""
    if op >= ROLLING:
        second = b if b >= 0 else a
        if partial:
            rolling_qlib(
                op, slots, a, slots, second, param, number, lanes, days, age, begins, begins_at, t, state,
                order, slots, to,
            )  # fmt: skip
        else:
            rolling(op, slots, a, slots, second, param, number, lanes, days, age, state, order, slots, to)
        return
    size = days * lanes
    x, out = slots[a : a + size], slots[to : to + size]
    if b < 0:
        unary(op, x, out)
        return
    y = slots[b : b + size]
    if c >= 0:
        if partial:
            ternary_qlib(op, x, y, slots[c : c + size], out)
        else:
            ternary(op, x, y, slots[c : c + size], out)
    elif partial:
        binary_qlib(op, x, y, out)
    else:
        binary(op, x, y, out)


@compiled
def blank_before(slots, at, t, days, lanes, begins, begins_at):
    """Set the days before an asset's first day to NaN, because Qlib has no rows there."""
    for i in range(lanes):
        for d in range(np.int64(min(begins[begins_at + i] - t, days))):
            slots[at + d * lanes + i] = NAN


@compiled
def blank_after(slots, at, t, days, lanes, ends, ends_at):
    """Set the days after an asset's last day to NaN, because Qlib has no rows there."""
    for i in range(lanes):
        for d in range(np.int64(min(max(ends[ends_at + i] + 1 - t, 0), days)), days):
            slots[at + d * lanes + i] = NAN


@compiled
def wide_place(k, tile, chunk, width, lanes):
    """Index at which a tile of the k-th wide result begins."""
    return (k * width + tile * lanes) * chunk


@compiled
def run_tile(
    rows, first, last, tile, fields, n_days, t, days, chunk, width, lanes, front, slots, tails, wide, state,
    order, carried, partial, listed, mode, sinks,
):  # fmt: skip
    """Run instructions first … last − 1 on days t … t + days − 1 of a tile; score or write the roots."""
    slot_size, (begins, ends) = (front + chunk) * lanes, listed
    for i in range(first, last):
        row = rows[i]
        op, back, param = row[OP], row[HISTORY], row[PARAM_AT]
        to = row[OUT] * slot_size + front * lanes
        if op == LOAD_FIELD:
            start = param * n_days * width + tile * lanes
            load_field(fields, start, t, days, back, lanes, width, slots, to)
        elif op == FILL:
            fill(float_of(row[BITS_AT]), t, days, back, lanes, slots, to)
            if partial:
                blank_before(slots, to - back * lanes, t - back, back + days, lanes, begins, tile * lanes)
                blank_after(slots, to - back * lanes, t - back, back + days, lanes, ends, tile * lanes)
        else:
            if op == LOAD_WIDE:
                copy(wide, wide_place(row[ARGS], tile, chunk, width, lanes), slots, to, days * lanes)
            else:
                a = row[ARGS] * slot_size + front * lanes
                b = row[ARGS + 1] * slot_size + front * lanes if row[ARGS + 1] >= 0 else -1
                c = row[ARGS + 2] * slot_size + front * lanes if row[ARGS + 2] >= 0 else -1
                number, own = float_of(row[BITS_AT]), state
                if row[CARRIED] >= 0:
                    size = partial_size(op, param, lanes)[0]
                    own = carried[row[CARRIED] + tile * size : row[CARRIED] + (tile + 1) * size]
                compute(
                    op, param, number, slots, a, b, c, to, lanes, days, 0, t, partial, begins,
                    tile * lanes, own, order,
                )  # fmt: skip
            if partial:
                blank_before(slots, to, t, days, lanes, begins, tile * lanes)
                blank_after(slots, to, t, days, lanes, ends, tile * lanes)
            if back > 0:
                carry(slots, to, days, back, lanes, tails, row[TAIL] * width + tile * back * lanes)
        if row[WIDE] >= 0:
            copy(slots, to, wide, wide_place(row[WIDE], tile, chunk, width, lanes), days * lanes)
        if row[ROOT] >= 0:
            take_tile(mode, row[ROOT], slots, to, t, days, tile, lanes, sinks)


@compiled
def gather(wide, k, d, chunk, width, lanes, out):
    """Read all assets of day d of the k-th wide result."""
    for tile in range(width // lanes):
        copy(wide, wide_place(k, tile, chunk, width, lanes) + d * lanes, out, tile * lanes, lanes)


@compiled
def scatter(row, k, d, chunk, width, lanes, wide):
    """Write all assets of day d of the k-th wide result."""
    for tile in range(width // lanes):
        copy(row, tile * lanes, wide, wide_place(k, tile, chunk, width, lanes) + d * lanes, lanes)


@compiled
def run_cross(
    rows, first, last, groups, universe, n_assets, t, days, chunk, width, lanes, wide, row_scratch
):  # fmt: skip
    """Run the cross-sectional instructions first … last − 1 on days t … t + days − 1."""
    scratch, x, y, out = row_scratch
    for i in range(first, last):
        row = rows[i]
        for d in range(days):
            gather(wide, row[ARGS], d, chunk, width, lanes, x)
            if row[ARGS + 1] >= 0:
                gather(wide, row[ARGS + 1], d, chunk, width, lanes, y)
            cross_section(
                row[OP], row[PARAM_AT], float_of(row[BITS_AT]), x, y, groups, universe, n_assets, t + d,
                scratch, out,
            )  # fmt: skip
            scatter(out, row[OUT], d, chunk, width, lanes, wide)


@compiled
def cross_section(op, param, number, x, y, groups, universe, n_assets, t, scratch, out):
    """Apply a cross-sectional or group operator to a day; cells outside the universe become NaN."""
    for i in range(n_assets, x.size):  # the padding of a constant is not NaN
        x[i] = y[i] = NAN
    if universe.size > 0 and op != OF_ASSET:  # a benchmark need not belong to the universe
        inside = universe[t % universe.shape[0]]
        for i in range(n_assets):
            x[i] = x[i] if inside[i] else NAN
            y[i] = y[i] if inside[i] else NAN
    if op >= GROUP:
        group(op, x, n_assets, groups[param], scratch, out)
    elif op == RESIDUAL:
        cross_pair(op, x, y, n_assets, out)
    else:
        cross(op, x, n_assets, number, param, out, scratch)
