"""Distribution of the cells of a day into buckets that are ordered by value.

There are four to eight times as many buckets as cells. The scale is linear near zero and logarithmic beyond:
it uses the bits of |x| + c, where c is an eighth of the geometric mean of |x|. Few cells therefore share a
bucket for any distribution of the values. Buckets are stored in columns, so that the prefix sums of all
columns are computed at once.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.float32 import NAN, bits_of, float_of
from quarva.engine.kernel.vectors.vectors import full_width

STEP = 64  # rows are padded to a multiple of this, so that vectorised loops have no remainder
COLUMNS, COLUMN_BITS = 128, np.uint32(7)
LEAST_ROW_BITS, MOST_ROW_BITS = 2, 9
MOST_BUCKETS = 128 << MOST_ROW_BITS
MOST = 30_000  # maximal number of assets: twice as many must fit in 16 bits

FIRST, LAST = np.int32(-(2**31)), np.int32(2**31 - 1)
I0, I1, U0, U1 = np.int32(0), np.int32(1), np.uint16(0), np.uint16(1)
MAGNITUDE, SIGN_PLACE, COARSE = np.int32(0x7FFFFFFF), np.int32(31), np.int32(16)
ZERO = np.float32(0)


@compiled
def ordered(v):
    """int32 that sorts like the float32 v, with NaN last and −0 equal to 0."""
    bits = bits_of(v + ZERO)
    key = np.int32(bits ^ (np.int32(bits >> SIGN_PLACE) & MAGNITUDE))
    return key if v == v else LAST


@compiled
def pad(x, n, row):
    """Copy x[:n] and pad it with NaN to a multiple of STEP; return the padded size."""
    size = (n + STEP - 1) // STEP * STEP
    for i in range(n):
        row[i] = x[i]
    for i in range(n, size):
        row[i] = NAN
    return size


@compiled
def to_keys(row, size, key):
    """Compute the keys of a row; return the number of values and roughly the geometric mean of |x| > 0."""
    full_width()
    many, zeros, total = I0, I0, I0
    for i in range(size):
        v = row[i]
        key[i] = ordered(v)
        there = v == v
        many += I1 if there else I0
        zeros += I1 if v == ZERO else I0
        total += np.int32(np.int32(bits_of(v) & MAGNITUDE) >> COARSE) if there else I0
    mean = np.int32(total // max(np.int32(many - zeros), I1))
    return np.int64(many), float_of(np.int32(mean << COARSE))


@compiled
def on_scale(row, size, knee, bucket):
    """Map values to the scale, which is linear up to `knee`; return the smallest and the largest level."""
    full_width()
    zero = bits_of(knee)
    least, most = LAST, FIRST
    for i in range(size):
        v = row[i]
        sign = np.int32(bits_of(v) >> SIGN_PLACE)
        level = np.int32((np.int32(bits_of(abs(v) + knee) - zero) ^ sign) - sign)
        bucket[i] = np.uint32(level)
        least = min(least, level if v == v else LAST)
        most = max(most, level if v == v else FIRST)
    return least, most


@compiled
def to_buckets(row, size, least, shift, row_bits, bucket):
    """Convert levels of the scale to buckets; NaN goes to an extra bucket after all others."""
    full_width()
    base, step, bits = np.uint32(least), np.uint32(shift), np.uint32(row_bits)
    mask, nowhere = np.uint32((1 << row_bits) - 1), np.uint32(COLUMNS << row_bits)
    for i in range(size):
        b = np.uint32(np.uint32(bucket[i] - base) >> step)
        at = np.uint32(np.uint32(np.uint32(b & mask) << COLUMN_BITS) | np.uint32(b >> bits))
        bucket[i] = at if row[i] == row[i] else nowhere


@compiled
def find_buckets(row, size, m, knee, bucket):
    """Find the bucket of every cell; return the base-2 logarithm of the number of rows of buckets."""
    row_bits = LEAST_ROW_BITS
    while (COLUMNS << row_bits) < 4 * m and row_bits < MOST_ROW_BITS:
        row_bits += 1
    least, most = on_scale(row, size, knee, bucket)
    span, shift = np.int64(most) - np.int64(least), 0
    while (span >> shift) >= (COLUMNS << row_bits):
        shift += 1
    to_buckets(row, size, least, shift, row_bits, bucket)
    return row_bits


@compiled
def clear(count, size):
    """Set count[:size] to 0."""
    full_width()
    for b in range(size):
        count[b] = U0


@compiled
def count_cells(bucket, n, count, before):
    """Count the cells of each bucket, and for each cell the earlier cells of its bucket."""
    for i in range(n):
        c = count[bucket[i]]
        before[i] = c
        count[bucket[i]] = np.uint16(c + U1)


@compiled
def count_equal(key, bucket, n, size, tally, holder):
    """Count the cells of each bucket; return the maximal count among buckets with different values."""
    clear(tally, size)
    for i in range(n):
        b = bucket[i]
        tally[b] = np.uint16(tally[b] + U1)
        holder[b] = key[i]
    most = U0
    for i in range(n):
        b = bucket[i]
        most = max(most, tally[b] if holder[b] != key[i] else U0)
    return most


@compiled
def to_starts(count, rows, totals):
    """Convert counts of buckets to exclusive prefix sums within columns; return the maximal count."""
    full_width()
    most = U0
    for j in range(COLUMNS):
        totals[j] = U0
    for r in range(rows):
        row = count[r * COLUMNS : (r + 1) * COLUMNS]
        for j in range(COLUMNS):
            c = row[j]
            row[j] = totals[j]
            totals[j] = np.uint16(totals[j] + c)
            most = max(most, c)
    return most


@compiled
def to_middles(count, rows, totals):
    """Convert counts of buckets to twice the mean rank of their cells within the column."""
    full_width()
    for j in range(COLUMNS):
        totals[j] = U0
    for r in range(rows):
        row = count[r * COLUMNS : (r + 1) * COLUMNS]
        for j in range(COLUMNS):
            c, before = row[j], totals[j]
            row[j] = np.uint16(before + before + c + U1)
            totals[j] = np.uint16(before + c)


@compiled
def add_columns(count, rows, totals, times):
    """Add `times` times the number of cells in the columns before."""
    full_width()
    before = U0
    for j in range(COLUMNS):
        here = totals[j]
        totals[j] = np.uint16(before * times)
        before = np.uint16(before + here)
    for r in range(rows):
        row = count[r * COLUMNS : (r + 1) * COLUMNS]
        for j in range(COLUMNS):
            row[j] = np.uint16(row[j] + totals[j])
