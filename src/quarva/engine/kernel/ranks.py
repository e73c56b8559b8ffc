"""Average ranks of a day.

The cells are counted into two to four times as many buckets as there are cells, along a scale that is linear
near zero and logarithmic beyond (the bits of |x| + c, c an eighth of the geometric mean of |x|), so that few
share one whatever the spread of the values. A cell's rank is then where its bucket begins, mended by what
the few neighbours in the same bucket are: comparisons without a branch, on whole vectors. A day with more
than `NEIGHBOURS` different cells in a bucket is sorted instead.

ns a cell at 300 and 1,000 assets: normal values 3.3 and 3.0; the radix sort takes 5.5 to 10.
"""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.float32 import NAN, bits_of, float_of
from quarva.engine.kernel.sorting import FEW, HIGH, LOW, sort_row, sort_scratch
from quarva.engine.kernel.vectors import full_width

NEIGHBOURS = 8  # most cells of a bucket; as many numbers stand before and behind the sorted keys
MOST = 30_000  # assets that 16 bits can count, and some to spare
STEP = 64  # rows are padded to a multiple of this, so that no loop is left with single numbers
# Buckets lie in columns, the first `rows` of them in the first column, so that the sums of what is before a
# bucket run down all columns at once.
COLUMNS, COLUMN_BITS = 128, np.uint32(7)
LEAST_ROW_BITS, MOST_ROW_BITS = 2, 9
MOST_BUCKETS = 128 << MOST_ROW_BITS

FIRST, LAST = np.int32(-(2**31)), np.int32(2**31 - 1)
I0, I1 = np.int32(0), np.int32(1)
U0, U1, U2 = np.uint16(0), np.uint16(1), np.uint16(2)
MAGNITUDE, SIGN_PLACE, COARSE = np.int32(0x7FFFFFFF), np.int32(31), np.int32(16)
ZERO, EIGHTH = np.float32(0), np.float32(0.125)


@compiled(allocates=True)
def rank_scratch(width):
    """What `rank` needs besides, for rows of up to `width` assets."""
    size = (width // STEP + 1) * STEP
    buckets = (
        np.empty(size, np.uint32),  # bucket of a cell
        np.empty(size, np.uint16),  # cells before it in its bucket
        np.empty(MOST_BUCKETS + 1, np.uint16),  # cells of a bucket, later those before it
        np.empty(COLUMNS, np.uint16),
        np.empty(MOST_BUCKETS + 1, np.uint16),  # cells of a bucket, and a key of one of them
        np.empty(MOST_BUCKETS + 1, np.int32),
    )
    cells = (
        np.empty(size, np.float32),  # values, NaN behind them; later the rank of a place
        np.empty(size, np.int32),  # keys
        np.empty(size, np.uint32),  # place of a cell among all
        np.empty(size + 2 * NEIGHBOURS, np.int32),  # keys in the order of buckets
        np.empty(size, np.int32),  # twice the rank of a place
    )
    return buckets, cells, sort_scratch(width)


@compiled
def ordered(v):
    """int32 in the order of float32, NaN last; −0 and 0 are one."""
    bits = bits_of(v + ZERO)
    key = np.int32(bits ^ (np.int32(bits >> SIGN_PLACE) & MAGNITUDE))
    return key if v == v else LAST


@compiled
def pad(x, n, row):
    """Copy x[:n], NaN behind it; returns the size of what is to be worked on."""
    size = (n + STEP - 1) // STEP * STEP
    for i in range(n):
        row[i] = x[i]
    for i in range(n, size):
        row[i] = NAN
    return size


@compiled
def to_keys(row, size, key):
    """Keys of a row; returns how many cells are there and about the geometric mean of |x| > 0."""
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
    """Each value on the scale that is linear up to `knee`; returns the least and the largest."""
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
    """From the scale to buckets, each where it lies; what is NaN goes to one behind all."""
    full_width()
    base, step, bits = np.uint32(least), np.uint32(shift), np.uint32(row_bits)
    mask, nowhere = np.uint32((1 << row_bits) - 1), np.uint32(COLUMNS << row_bits)
    for i in range(size):
        b = np.uint32(np.uint32(bucket[i] - base) >> step)
        at = np.uint32(np.uint32(np.uint32(b & mask) << COLUMN_BITS) | np.uint32(b >> bits))
        bucket[i] = at if row[i] == row[i] else nowhere


@compiled
def find_buckets(row, size, m, knee, bucket):
    """Bucket of every cell; returns the number of bits of a row's number."""
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
    full_width()
    for b in range(size):
        count[b] = U0


@compiled
def count_cells(bucket, n, count, before):
    """Cells of each bucket, and of each cell how many of its bucket come before it."""
    for i in range(n):
        c = count[bucket[i]]
        before[i] = c
        count[bucket[i]] = np.uint16(c + U1)


@compiled
def to_starts(count, rows, totals):
    """Cells of a bucket into cells before it in its column; returns the most that one bucket has."""
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
    """Cells of a bucket into twice the mean rank of its cells, counted within its column."""
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
    """Add so many times the cells of all columns before."""
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


@compiled
def to_places(bucket, before, start, size, place):
    full_width()
    for i in range(size):
        place[i] = np.uint32(start[bucket[i]]) + np.uint32(before[i])


@compiled
def put_in_place(key, place, n, m, put):
    """Keys in the order of buckets, with the least and the largest key around them."""
    for d in range(NEIGHBOURS):
        put[d] = FIRST
    inner = put[NEIGHBOURS:]
    for i in range(n):
        inner[place[i]] = key[i]
    for d in range(NEIGHBOURS):
        inner[m + d] = LAST


@compiled
def mend(put, m, d, twice):
    """Take the cells d places before and behind for what they are: so far they were smaller and larger."""
    full_width()
    here, behind = put[NEIGHBOURS : NEIGHBOURS + m], put[NEIGHBOURS + d : NEIGHBOURS + d + m]
    front = put[NEIGHBOURS - d : NEIGHBOURS - d + m]
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
    """Twice the ranks 1, 2, …"""
    full_width()
    for k in range(size):
        twice[k] = np.int32(k + k + 2)


@compiled
def as_shares(twice, m, size, share):
    """Twice the ranks of m places over 2m, NaN behind."""
    full_width()
    part = 0.5 / m
    for k in range(m):
        share[k] = np.float32(twice[k] * part)
    for k in range(m, size):
        share[k] = NAN


@compiled
def take_sorted(word, m, out):
    """Average ranks over m of sorted words, to where they come from."""
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
    for i in range(start, out.size):
        out[i] = NAN


@compiled
def count_equal(key, bucket, n, size, tally, holder):
    """Cells of each bucket, and a key of one; returns the most cells of a bucket with different values."""
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
def take_middles(bucket, start, tally, least, share, place, n, m, out):
    """The mean rank of a bucket's cells where they are `least` or more, else what a cell has in its place."""
    part = 0.5 / m
    for i in range(n):
        b = bucket[i]
        middle = np.float32((start[b] + start[b] + tally[b] + U1) * part)
        own = share[place[i]]
        out[i] = middle if (tally[b] >= least) & (own == own) else own


@compiled
def rank_in_places(key, bucket, before, start, n, m, most, scratch):
    """Ranks of buckets of up to `most` cells; place: of each cell among all."""
    row, _, place, put, twice = scratch
    to_places(bucket, before, start, n, place)
    put_in_place(key, place, n, m, put)
    in_order(m, twice)
    for d in range(1, most):
        mend(put, m, d, twice)
    as_shares(twice, m, n, row)


@compiled
def rank_in_buckets(x, n, out, scratch):
    """`rank` of up to MOST assets; returns whether no bucket had too many cells, or else writes nothing."""
    bucket, before, count, totals, tally, holder = scratch[0]
    row, key, place, _, _ = scratch[1]
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
    rank_in_places(key, bucket, before, count, n, m, most, scratch[1])
    if crowded:
        take_middles(bucket, count, tally, most + 1, row, place, n, m, out)
    else:
        for i in range(n):
            out[i] = row[place[i]]
    blank(out, n)
    return True


@compiled
def rank(x, n, out, scratch):
    """Average ranks 1 … m of the m cells of x[:n] that are not NaN, over m; NaN elsewhere. out may be x."""
    if FEW < n <= MOST and rank_in_buckets(x, n, out, scratch):
        return
    word, m = sort_row(x, n, scratch[2])
    blank(out, 0)
    take_sorted(word, m, out)


@compiled
def counting_rank(x, n, out, scratch):
    """`rank`, but cells that share a bucket count as equal: faster, and seldom other than it by much."""
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
