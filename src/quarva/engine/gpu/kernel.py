"""The GPU kernel: a block of threads computes a formula, in chunks of days.

A block takes one formula after the other. For each chunk of days it computes node after node, with the
threads spread over the cells of the chunk and a barrier after each node. For cross-sectional operators and
scores, which combine the assets of a day, the threads of a block are split into teams, and each team computes
a day. A node only keeps the days that its readers need.

All barriers are in this file. Every thread of a block must reach every barrier. A team without a day skips
the code between two barriers, but no barrier.
"""

import numpy as np
from numba import cuda

from quarva.engine.gpu.cells import NAN, cell, elementwise, keep, put
from quarva.engine.gpu.cross import (
    GROUP_RANK,
    LEAST_X,
    LEAST_Y,
    MANY,
    OF_ASSET,
    PARTS,
    SIZE,
    XX,
    XY,
    YY,
    X,
    Y,
    count_pairs,
    factors,
    fill_words,
    in_group,
    lowest,
    ordered,
    orders,
    seen,
    sum_groups,
    sum_pairs,
    total,
)  # fmt: skip
from quarva.engine.gpu.jit import kernel, on_device
from quarva.engine.gpu.order import ABSENT, word_of
from quarva.engine.gpu.score import (
    CELLS,
    CORRELATION,
    ENOUGH,
    ERROR,
    IC,
    RANK_IC,
    SSE,
    VALUE,
    WRITE,
    add_day,
    conclude,
    day_moments,
    is_constant,
    pearson,
    sum_errors,
    sum_ranks,
)  # fmt: skip
from quarva.engine.gpu.windows import carried, carried_ema, rolling
from quarva.karva.alphabet import FIELD, NUMBER
from quarva.karva.operators import OPERATORS

THREADS = 256  # maximal number of threads of a block; a power of two, because teams are
_KINDS = [operator.kind for operator in OPERATORS]
ROLLING, CROSS, GROUP = _KINDS.index("rolling"), _KINDS.index("cross"), _KINDS.index("group")


@on_device
def compute_cells(op, param, number, arity, x, y, z, out, t, some, n_assets, first, last, partial):
    """Compute a number, an elementwise or a rolling operator on days t … t + some − 1."""
    if carried(op, partial):
        for asset in range(cuda.threadIdx.x, n_assets, cuda.blockDim.x):
            carried_ema(x, out, asset, param, t, some, first[asset], last[asset])
        return
    for c in range(cuda.threadIdx.x, some * n_assets, cuda.blockDim.x):
        asset = c % n_assets
        day = t + c // n_assets
        v = NAN
        if first[asset] <= day <= last[asset]:
            if op == NUMBER:
                v = number
            elif op < ROLLING:
                a, b = cell(x, day, asset), cell(y, day, asset)
                v = elementwise(op, arity, a, b, cell(z, day, asset), partial)
            else:
                v = rolling(op, x, y, day, asset, param, number, day - first[asset] + 1, partial)
        put(out, day, asset, v)


@on_device
def copy_asset(source, x, out, t, some, n_assets, first, last):
    """Copy the values of one asset to every asset on its listed days."""
    for c in range(cuda.threadIdx.x, some * n_assets, cuda.blockDim.x):
        asset = c % n_assets
        day = t + c // n_assets
        put(out, day, asset, cell(x, day, source) if first[asset] <= day <= last[asset] else NAN)


@on_device
def sort_words(words, at, room, lane, team, active):
    """Sort the `room` words of a team, a power of two, with Batcher's bitonic network."""
    many = room // 2 if active else 0
    cuda.syncthreads()
    length = 2
    while length <= room:
        apart = length // 2
        while apart > 0:
            for i in range(lane, many, team):
                low = at + 2 * i - (i & (apart - 1))
                a, b = words[low], words[low + apart]
                if (a > b) == (((low - at) & length) == 0):
                    words[low], words[low + apart] = b, a
            cuda.syncthreads()
            apart //= 2
        length *= 2


@on_device
def cross_moments(op, x, y, out, day, active, n_assets, universe, lane, team, parts):
    """Compute one day of zscore, demean, scale or residual."""
    column = cuda.threadIdx.x
    head = column - lane
    if active:
        count_pairs(x, y, day, n_assets, universe, lane, team, parts, column)
    cuda.syncthreads()
    size = total(parts, SIZE, head, team)
    about_x, about_y = lowest(parts, LEAST_X, head, team), lowest(parts, LEAST_Y, head, team)
    cuda.syncthreads()
    if active:
        sum_pairs(x, y, day, n_assets, universe, lane, team, about_x, about_y, parts, column)
    cuda.syncthreads()
    if active:
        shift, slope, factor = factors(
            op, total(parts, MANY, head, team), size, about_x, total(parts, X, head, team),
            total(parts, XX, head, team), total(parts, Y, head, team), total(parts, YY, head, team),
            total(parts, XY, head, team),
        )  # fmt: skip
        _, scratch, base, mask, width = out
        for i in range(lane, n_assets, team):
            a, b = np.float64(seen(x, day, i, universe)), np.float64(cell(y, day, i))
            value = ((a - about_x) - shift - slope * (b - about_y)) * factor
            scratch[(base + (day & mask)) * width + i] = keep(value)


@on_device
def cross_order(
    op, param, number, x, out, day, active, n_assets, universe, group, lane, team, words, at, room
):
    """Compute one day of rank, winsorise, bucket or group_rank."""
    grouped = op == GROUP_RANK
    if active:
        fill_words(x, day, n_assets, universe, group, grouped, lane, team, words, at, room)
    sort_words(words, at, room, lane, team, active)
    if active:
        _, scratch, base, mask, width = out
        for i in range(lane, n_assets, team):
            v = seen(x, day, i, universe)
            code = np.int64(group[i]) if grouped else np.int64(0)
            value = np.nan
            if v == v and code >= 0:
                value = ordered(op, v, param, number, code, words, at, room)
            scratch[(base + (day & mask)) * width + i] = keep(value)


@on_device
def cross_groups(op, x, out, day, active, n_assets, universe, group, members, starts, lane, team, found):
    """Compute one day of group_demean or group_zscore."""
    if active:
        sum_groups(x, day, universe, members, starts, lane, team, found, starts.size - 1)
    cuda.syncthreads()
    if active:
        _, scratch, base, mask, width = out
        for i in range(lane, n_assets, team):
            v = seen(x, day, i, universe)
            value = in_group(op, v, group[i], found) if v == v and group[i] >= 0 else NAN
            scratch[(base + (day & mask)) * width + i] = value


@on_device
def cross_section(
    op, param, number, x, y, out, t, some, n_assets, universe, groups, members, starts, first, last, teams,
    parts, words, room, found,
):  # fmt: skip
    """Compute a cross-sectional or group operator on days t … t + some − 1, `teams` days at a time."""
    if op == OF_ASSET:
        copy_asset(param, x, out, t, some, n_assets, first, last)
        return
    team = cuda.blockDim.x // teams
    own, lane = cuda.threadIdx.x // team, cuda.threadIdx.x % team
    at = (cuda.blockIdx.x * teams + own) * room
    kind = param if op >= GROUP else 0
    for d in range(own, some + own, teams):
        # All teams make the same number of iterations; a team without a day is inactive.
        active, day = d < some, t + d
        if orders(op):
            cross_order(
                op, param, number, x, out, day, active, n_assets, universe, groups[kind], lane, team, words,
                at, room,
            )  # fmt: skip
        elif op >= GROUP:
            cross_groups(
                op, x, out, day, active, n_assets, universe, groups[kind], members[kind], starts[kind], lane,
                team, found[cuda.blockIdx.x * teams + own],
            )  # fmt: skip
        else:
            cross_moments(op, x, y, out, day, active, n_assets, universe, lane, team, parts)
        cuda.syncthreads()


@on_device
def rank_sums(x, y, day, active, n_assets, many, constant, lane, team, parts, words, at, room):
    """Write the sums of ranks of one day of one team to `parts`."""
    column = cuda.threadIdx.x
    counts = active and not constant
    for i in range(lane, room if counts else 0, team):
        word = ABSENT
        if i < n_assets:
            a, b = cell(x, day, i), cell(y, day, i)
            if a == a and b == b:
                word = word_of(a, np.int64(0))
        words[at + i] = word
    sort_words(words, at, room, lane, team, counts)
    if counts:
        sum_ranks(x, y, day, n_assets, lane, team, words, at, room, many, parts, column)


@on_device
def score_day(
    mode, x, y, day, active, n_assets, universe, least, known, spread, lane, team, parts, words, at, room, row
):
    """Score one day and write its row of sums."""
    column = cuda.threadIdx.x
    head = column - lane
    if mode == SSE:
        if active:
            sum_errors(x, y, day, n_assets, lane, team, parts, column)
        cuda.syncthreads()
        if active and lane == 0:
            row[CELLS], row[ERROR] = total(parts, MANY, head, team), total(parts, XX, head, team)
        return
    if active:
        count_pairs(x, y, day, n_assets, universe, lane, team, parts, column)
    cuda.syncthreads()
    about_x, about_y = lowest(parts, LEAST_X, head, team), lowest(parts, LEAST_Y, head, team)
    cuda.syncthreads()
    if active:
        sum_pairs(x, y, day, n_assets, universe, lane, team, about_x, about_y, parts, column)
    cuda.syncthreads()
    if mode == RANK_IC:
        many = total(parts, MANY, head, team)
        constant = is_constant(parts, head, team, about_x, least)
        cuda.syncthreads()
        rank_sums(x, y, day, active, n_assets, many, constant, lane, team, parts, words, at, room)
        cuda.syncthreads()
        if active and lane == 0:
            row[VALUE] = np.nan if constant else pearson(parts, head, team, 0.5, known, spread, least)
            row[ENOUGH] = 1.0 if many >= least else 0.0
    elif active and lane == 0:
        if mode == IC:
            row[VALUE] = pearson(parts, head, team, about_x, known, spread, least)
            row[ENOUGH] = 1.0 if total(parts, MANY, head, team) >= least else 0.0
        else:
            day_moments(parts, head, team, about_x, about_y, row)


@on_device
def score_chunk(
    mode, x, targets, totals, least, centre, segments, t, some, n_days, n_assets, width, universe, teams,
    parts, words, room, rows, moments, acc,
):  # fmt: skip
    """Score the root x of a formula against every target on days t … t + some − 1."""
    team = cuda.blockDim.x // teams
    own, lane = cuda.threadIdx.x // team, cuda.threadIdx.x % team
    at = (cuda.blockIdx.x * teams + own) * room
    for m in range(least.shape[0]):
        y = (targets, targets, np.int64(m) * n_days, np.int64(-1), width)
        for d in range(own, some + own, teams):
            day = min(t + d, n_days - 1)
            segment = segments[day]
            active = d < some and segment >= 0 and segment < acc.shape[0] and least[m, day] >= 0.0
            known, sy, yy = totals[m, day, 0], totals[m, day, 1], totals[m, day, 2]
            score_day(
                mode, x, y, day, active, n_assets, universe, least[m, day], known,
                yy - sy * sy / max(known, 1.0), lane, team, parts, words, at, room,
                rows[m, min(d, rows.shape[1] - 1)],
            )  # fmt: skip
            cuda.syncthreads()
    for m in range(cuda.threadIdx.x, least.shape[0], cuda.blockDim.x):
        for d in range(some):
            segment, enough = segments[t + d], least[m, t + d]
            if segment >= 0 and segment < acc.shape[0] and enough >= 0.0:
                add_day(mode, rows[m, d], enough, centre[m, t + d], moments[segment, m], acc[segment, m])
    cuda.syncthreads()


@on_device
def write_chunk(x, t, some, n_assets, universe, out):
    """Write the root x of a formula on days t … t + some − 1; NaN outside the universe."""
    for c in range(cuda.threadIdx.x, some * n_assets, cuda.blockDim.x):
        out[t + c // n_assets, c % n_assets] = seen(x, t + c // n_assets, c % n_assets, universe)
    cuda.syncthreads()


@on_device
def node_of(k, base, mask, own, fields, scratch, width):
    """Node k as a tuple (see `cells`). `own` is the first row of scratch of the block."""
    return fields, scratch, base[k] + (own if mask[k] >= 0 else 0), mask[k], width


@on_device
def compute_node(
    k, head, code, left, right, third, param, number, base, mask, own, fields, scratch, width, t, some,
    n_assets, first, last, partial, groups, members, starts, universe, teams, parts, words, room, found,
):  # fmt: skip
    """Compute node k of the formula whose first node is `head`, on days t … t + some − 1."""
    op, arity = code[k], 1
    out = node_of(k, base, mask, own, fields, scratch, width)
    x = node_of(head + left[k], base, mask, own, fields, scratch, width) if left[k] >= 0 else out
    y, z = x, x
    if right[k] >= 0:
        arity = 2
        y = node_of(head + right[k], base, mask, own, fields, scratch, width)
    if third[k] >= 0:
        arity = 3
        z = node_of(head + third[k], base, mask, own, fields, scratch, width)
    if op >= CROSS and op < FIELD:
        cross_section(
            op, param[k], number[k], x, y, out, t, some, n_assets, universe, groups, members, starts, first,
            last, teams, parts, words, room, found,
        )  # fmt: skip
    else:
        compute_cells(op, param[k], number[k], arity, x, y, z, out, t, some, n_assets, first, last, partial)
    cuda.syncthreads()


@on_device
def clear(values):
    """Set a float64 array (S, M, k) to 0 with all threads of the block."""
    for m in range(cuda.threadIdx.x, values.shape[1], cuda.blockDim.x):
        for s in range(values.shape[0]):
            for k in range(values.shape[2]):
                values[s, m, k] = 0.0
    cuda.syncthreads()


@kernel
def run(
    queue, jobs, offset, code, left, right, third, param, number, base, mask, block_rows, fields, scratch,
    width, n_days, n_assets, first, last, partial, groups, members, starts, universe, chunk, teams, words,
    room, found, mode, targets, totals, least, centre, segments, days, rows, moments, acc, out,
):  # fmt: skip
    """Score or write formulas jobs[0], jobs[1], … on the first `days` days.

    Parameters
    ----------
    queue : int32, shape (1,)
        Index of the next job, initially 0.
    jobs : int32
        The formulas.
    offset, code, left, right, third, param, number
        The arrays of a `Program`; `param` refers to the fields, groups and assets of the panel.
    base, mask : int64
        Location of each node; see `cells` and `places`.
    block_rows : int
        Rows of scratch per block.
    fields : float32, shape (F · T · width,)
        The fields.
    scratch : float32, shape (blocks · block_rows · width,)
        Scratch space for the nodes.
    width, n_days, n_assets : int
        Row width, T and N.
    first, last : int, shape (N,)
        The first and the last row of each asset.
    partial : int
        1 if Qlib's conventions apply.
    groups, members : int32, shape (G, N)
        Group codes of the assets, and the assets sorted by group.
    starts : int32, shape (G, groups + 1)
        Where each group begins in `members`, followed by the end.
    universe : uint8, shape (T, N) or (0, 0)
        The universe.
    chunk, teams : int
        Days of a chunk, and teams of a block.
    words : int64, shape (2 · room · teams of all blocks,)
        Scratch space for sorting.
    room : int
        Number of words to sort, a power of two of at least N.
    found : float64, shape (teams of all blocks, 4, groups)
        Scratch space for sums of groups.
    mode : int
        A statistic, or WRITE.
    targets, totals, least, centre, segments
        The arrays of an `engine.Target`; `targets` is flat.
    days : int
        Number of days to compute.
    rows : float64, shape (blocks, M, chunk, SUMS)
        Scratch space for the sums of each day.
    moments : float64, shape (blocks, S, M, MOMENTS)
        Scratch space for pooled moments.
    acc : float64, shape (jobs, S, M, 4)
        Receives the scores; initially 0.
    out : float32, shape (jobs, T, N)
        Receives the signals in the mode WRITE.
    """
    job = cuda.shared.array(1, np.int32)
    parts = cuda.shared.array((PARTS, THREADS), np.float64)
    block = cuda.blockIdx.x
    own = np.int64(block) * block_rows
    while True:
        cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            job[0] = cuda.atomic.add(queue, 0, 1)
        cuda.syncthreads()
        j = job[0]
        if j >= jobs.size:
            break
        head, end = offset[jobs[j]], offset[jobs[j] + 1]
        root = node_of(end - 1, base, mask, own, fields, scratch, width)
        if mode == CORRELATION:
            clear(moments[block])
        for t in range(0, days, chunk):
            some = min(chunk, days - t)
            for k in range(head, end):
                if code[k] != FIELD:
                    compute_node(
                        k, head, code, left, right, third, param, number, base, mask, own, fields, scratch,
                        width, t, some, n_assets, first, last, partial, groups, members, starts, universe,
                        teams, parts, words, room, found,
                    )  # fmt: skip
            if mode == WRITE:
                write_chunk(root, t, some, n_assets, universe, out[j])
            else:
                score_chunk(
                    mode, root, targets, totals, least, centre, segments, t, some, n_days, n_assets, width,
                    universe, teams, parts, words, room, rows[block], moments[block], acc[j],
                )  # fmt: skip
        if mode == CORRELATION:
            for m in range(cuda.threadIdx.x, acc.shape[2], cuda.blockDim.x):
                for s in range(acc.shape[1]):
                    conclude(moments[block, s, m], acc[j, s, m])
