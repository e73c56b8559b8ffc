"""Average ranks of a day by distribution into buckets.

The initial rank of a cell is its position in the order of buckets. It is then corrected by comparisons with
the few neighbours that may be in the same bucket, in vectorised loops without branches. If a bucket has many
equal cells, their rank is the mean rank of the bucket. A day on which a bucket has more than `NEIGHBOURS`
cells with different values is sorted instead.

Time per cell with 304 and 1,008 assets and normally distributed values: `rank` 3.4 and 3.1 ns (the radix sort
alone takes 5.5 to 10), `counting_rank` 2.2 and 2.0 ns.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.buckets import (
    COLUMNS,
    FIRST,
    I0,
    I1,
    LAST,
    MOST,
    MOST_BUCKETS,
    STEP,
    U1,
    add_columns,
    clear,
    count_cells,
    count_equal,
    find_buckets,
    pad,
    to_keys,
    to_middles,
    to_starts,
)
from quarva.engine.kernel.cross_section.sorting import FEW, HIGH, LOW, sort_row, sort_scratch
from quarva.engine.kernel.vectors.float32 import NAN
from quarva.engine.kernel.vectors.vectors import full_width

NEIGHBOURS = 8  # maximal number of cells of a bucket; the ordered keys are padded by as many on both sides
EIGHTH, U2 = np.float32(0.125), np.uint16(2)


@compiled(allocates=True)
def rank_scratch(width):
    """Scratch space of `rank` for rows of up to `width` assets."""
    size = (width // STEP + 1) * STEP
    buckets = (
        np.empty(size, np.uint32),  # bucket of a cell
        np.empty(size, np.uint16),  # earlier cells of its bucket
        np.empty(MOST_BUCKETS + 1, np.uint16),  # cells of a bucket, later the cells before it
        np.empty(COLUMNS, np.uint16),
        np.empty(MOST_BUCKETS + 1, np.uint16),  # cells of a bucket, and a key of one of them
        np.empty(MOST_BUCKETS + 1, np.int32),
    )
    cells = (
        np.empty(size, np.float32),  # values, padded with NaN; later the rank of a position
        np.empty(size, np.int32),  # keys
        np.empty(size, np.uint32),  # position of a cell in the order of buckets
        np.empty(size + 2 * NEIGHBOURS, np.int32),  # keys in the order of buckets
        np.empty(size, np.int32),  # twice the rank of a position
    )
    return buckets, cells, sort_scratch(width)


@compiled
def to_positions(bucket, before, start, size, position):
    """Position of each cell in the order of buckets."""
    full_width()
    for i in range(size):
        position[i] = np.uint32(start[bucket[i]]) + np.uint32(before[i])


@compiled
def write_in_order(key, position, n, m, ordered_keys):
    """Write the keys in the order of buckets, padded with the smallest and the largest key."""
    for d in range(NEIGHBOURS):
        ordered_keys[d] = FIRST
    inner = ordered_keys[NEIGHBOURS:]
    for i in range(n):
        inner[position[i]] = key[i]
    for d in range(NEIGHBOURS):
        inner[m + d] = LAST


@compiled
def correct_ranks(ordered_keys, m, d, twice):
    """Correct ranks by a comparison with the cells d positions before and after.

    So far, the former counted as smaller and the latter as larger.
    """
    full_width()
    here, behind = (
        ordered_keys[NEIGHBOURS : NEIGHBOURS + m],
        ordered_keys[NEIGHBOURS + d : NEIGHBOURS + d + m],
    )
    front = ordered_keys[NEIGHBOURS - d : NEIGHBOURS - d + m]
    for k in range(m):
        a, b, c = here[k], behind[k], front[k]
        rank = twice[k]
        rank += I1 if a > b else I0
        rank += I1 if a >= b else I0
        rank -= I1 if c > a else I0
        rank -= I1 if c >= a else I0
        twice[k] = rank


@compiled
def in_order(size, twice):
    """Twice the ranks 1, 2, …, size."""
    full_width()
    for k in range(size):
        twice[k] = np.int32(k + k + 2)


@compiled
def as_shares(twice, m, size, share):
    """Ranks of m positions divided by m, followed by NaN."""
    full_width()
    part = 0.5 / m
    for k in range(m):
        share[k] = np.float32(twice[k] * part)
    for k in range(m, size):
        share[k] = NAN


@compiled
def write_sorted_ranks(word, m, out):
    """Write the average ranks of m sorted words, divided by m, to the columns of the words."""
    share = 0.5 / m
    i = 0
    while i < m:
        level = word[i] >> HIGH
        j = i + 1
        while j < m and word[j] >> HIGH == level:
            j += 1
        value = np.float32((i + j + 1) * share)
        for k in range(i, j):
            out[np.int64(word[k] & LOW)] = value
        i = j


@compiled
def blank(out, start):
    """Set out[start:] to NaN."""
    for i in range(start, out.size):
        out[i] = NAN


@compiled
def write_ranks(bucket, start, tally, least, share, position, n, m, out):
    """Write the mean rank of a bucket for buckets of at least `least` cells, else the rank of the cell."""
    part = 0.5 / m
    for i in range(n):
        b = bucket[i]
        middle = np.float32((start[b] + start[b] + tally[b] + U1) * part)
        own = share[position[i]]
        out[i] = middle if (tally[b] >= least) & (own == own) else own


@compiled
def rank_positions(key, bucket, before, start, n, m, most, scratch):
    """Write the rank of each position, divided by m; no bucket may have more than `most` different cells."""
    row, _, position, ordered_keys, twice = scratch
    to_positions(bucket, before, start, n, position)
    write_in_order(key, position, n, m, ordered_keys)
    in_order(m, twice)
    for d in range(1, most):
        correct_ranks(ordered_keys, m, d, twice)
    as_shares(twice, m, n, row)


@compiled
def rank_in_buckets(x, n, out, scratch):
    """`rank` for up to MOST assets. Return False, without a result, if a bucket has too many cells."""
    bucket, before, count, totals, tally, holder = scratch[0]
    row, key, position, _, _ = scratch[1]
    size = pad(x, n, row)
    m, mean = to_keys(row, size, key)
    if m == 0:
        blank(out, 0)
        return True
    rows = 1 << find_buckets(row, size, m, mean * EIGHTH, bucket)
    clear(count, rows * COLUMNS + 1)
    count_cells(bucket, n, count, before)
    most = to_starts(count, rows, totals)
    crowded = most > NEIGHBOURS
    if crowded:
        most = count_equal(key, bucket, n, rows * COLUMNS + 1, tally, holder)
        if most > NEIGHBOURS:
            return False
    add_columns(count, rows, totals, U1)
    count[rows * COLUMNS] = np.uint16(m)
    rank_positions(key, bucket, before, count, n, m, most, scratch[1])
    if crowded:
        write_ranks(bucket, count, tally, most + 1, row, position, n, m, out)
    else:
        for i in range(n):
            out[i] = row[position[i]]
    blank(out, n)
    return True


@compiled
def rank(x, n, out, scratch):
    """Average ranks of a row, divided by the number of values.

    Parameters
    ----------
    x : ndarray of float32, shape (width,)
        The row. NaN cells are skipped and stay NaN.
    n : int
        Number of assets; the cells from n on are ignored.
    out : ndarray of float32, shape (width,)
        Receives the ranks. It may be x.
    scratch : tuple
        The value of `rank_scratch`.
    """
    if FEW < n <= MOST and rank_in_buckets(x, n, out, scratch):
        return
    word, m = sort_row(x, n, scratch[2])
    blank(out, 0)
    write_sorted_ranks(word, m, out)


@compiled
def counting_rank(x, n, out, scratch):
    """Approximate `rank` that treats cells in the same bucket as equal.

    On 1,000 days of 300 assets, the mean rank correlation with a target changes by 1e-5 (its standard error
    is 2e-3), and that of a day by 2e-4 (6e-2).
    """
    if n <= FEW or n > MOST:
        rank(x, n, out, scratch)
        return
    bucket, _, count, totals, _, _ = scratch[0]
    row, key, _, _, _ = scratch[1]
    size = pad(x, n, row)
    m, mean = to_keys(row, size, key)
    row_bits = find_buckets(row, size, m, mean * EIGHTH, bucket)
    rows = 1 << row_bits
    clear(count, rows * COLUMNS + 1)
    for i in range(n):
        count[bucket[i]] = np.uint16(count[bucket[i]] + U1)
    to_middles(count, rows, totals)
    add_columns(count, rows, totals, U2)
    share = 0.5 / max(m, 1)
    for i in range(n):
        out[i] = np.float32(count[bucket[i]] * share) if row[i] == row[i] else NAN
    blank(out, n)
