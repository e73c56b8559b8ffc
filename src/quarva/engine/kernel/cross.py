"""Cross-sectional operators: one day, all assets. Cells that are NaN are skipped and stay NaN."""

import numpy as np

from quarva.compiled import compiled
from quarva.engine.kernel.elementwise import NAN, bits_of, keep
from quarva.karva.operators import CODE

RANK, ZSCORE, DEMEAN, SCALE = CODE["rank"], CODE["zscore"], CODE["demean"], CODE["scale"]

REASSOCIATE = {"reassoc", "contract", "nsz"}  # lets LLVM sum in several lanes; NaN keeps its meaning
SIGN_BIT, ALL_BITS = np.uint32(0x80000000), np.uint32(0xFFFFFFFF)
BYTE, ZERO = np.uint32(0xFF), np.float32(0)
MANY = 512  # from here on an insertion sort over equal short keys could cost more than two more passes


@compiled
def sortable(v):
    """uint32 in the order of float32; −0 and 0 are one."""
    bits = np.uint32(bits_of(v + ZERO))
    return bits ^ (ALL_BITS if bits & SIGN_BIT else SIGN_BIT)


@compiled
def distribute(key, place, n, shift, key_to, place_to, count):
    """One stable pass of a radix sort over eight bits."""
    count[:] = 0
    for i in range(n):
        count[(key[i] >> shift) & BYTE] += 1
    total = 0
    for b in range(256):
        here = count[b]
        count[b] = total
        total += here
    for i in range(n):
        b = (key[i] >> shift) & BYTE
        k = count[b]
        count[b] = k + 1
        key_to[k] = key[i]
        place_to[k] = place[i]


@compiled
def sort_row(x, n, key, place, key2, place2, count):
    """Sort the cells of x[:n] that are not NaN: keys to key, columns to place; returns how many.

    A radix sort on the 16 leading bits that differ, finished by insertion (few keys agree in 16 bits); all
    four bytes where the row is long.
    """
    m = 0
    least, most = ALL_BITS, np.uint32(0)
    for i in range(n):
        if x[i] == x[i]:
            k = sortable(x[i])
            least, most = min(least, k), max(most, k)
            key[m] = k
            place[m] = i
            m += 1
    if m < 2:
        return m
    for i in range(m):
        key[i] -= least
    span, shift = most - least, np.uint32(0)
    while (span >> shift) > 0xFFFF:
        shift += np.uint32(1)
    if shift > 0 and m > MANY:
        distribute(key, place, m, np.uint32(0), key2, place2, count)
        distribute(key2, place2, m, np.uint32(8), key, place, count)
        distribute(key, place, m, np.uint32(16), key2, place2, count)
        distribute(key2, place2, m, np.uint32(24), key, place, count)
        return m
    distribute(key, place, m, shift, key2, place2, count)
    distribute(key2, place2, m, shift + np.uint32(8), key, place, count)
    if shift > 0:
        for i in range(1, m):
            k, p = key[i], place[i]
            j = i
            while j > 0 and key[j - 1] > k:
                key[j], place[j] = key[j - 1], place[j - 1]
                j -= 1
            key[j], place[j] = k, p
    return m


@compiled
def rank(x, n, out, key, place, key2, place2, count):
    """Average ranks 1 … m of the m cells of x[:n] that are not NaN, over m."""
    m = sort_row(x, n, key, place, key2, place2, count)
    for i in range(out.size):
        out[i] = NAN
    i = 0
    while i < m:
        j = i + 1
        while j < m and key[j] == key[i]:
            j += 1
        value = np.float32(0.5 * (i + j + 1) / m)
        for k in range(i, j):
            out[place[k]] = value
        i = j


@compiled(fastmath=REASSOCIATE)
def count_and_sum(x, n):
    many, total = 0.0, 0.0
    for i in range(n):
        v = np.float64(x[i])
        there = v == v
        many += 1.0 if there else 0.0
        total += v if there else 0.0
    return many, total


@compiled(fastmath=REASSOCIATE)
def sum_of_squares(x, n, centre):
    total = 0.0
    for i in range(n):
        v = np.float64(x[i]) - centre
        total += v * v if v == v else 0.0
    return total


@compiled(fastmath=REASSOCIATE)
def sum_of_sizes(x, n):
    total = 0.0
    for i in range(n):
        v = abs(np.float64(x[i]))
        total += v if v == v else 0.0
    return total


@compiled
def first_value(x, n):
    """The first cell that is not NaN, else 0."""
    for i in range(n):
        if x[i] == x[i]:
            return np.float64(x[i])
    return 0.0


@compiled
def is_constant(x, n):
    """Whether all cells that are not NaN are equal."""
    first, differs = np.float32(first_value(x, n)), False
    for i in range(n):
        differs |= x[i] != first and x[i] == x[i]
    return not differs


@compiled
def zscore(x, n, out):
    many, total = count_and_sum(x, n)
    mean = total / max(many, 1.0)
    deviation = 0.0
    if many > 1.0 and not is_constant(x, n):
        deviation = np.sqrt(sum_of_squares(x, n, mean) / (many - 1.0))
    for i in range(out.size):
        out[i] = keep(np.float32((x[i] - mean) / deviation))


@compiled
def demean(x, n, out):
    many, total = count_and_sum(x, n)
    mean = total / max(many, 1.0)
    for i in range(out.size):
        out[i] = keep(np.float32(x[i] - mean))


@compiled
def scale(x, n, out):
    size = sum_of_sizes(x, n)
    for i in range(out.size):
        out[i] = keep(np.float32(x[i] / size))


@compiled
def cross(code, x, n, out, key, place, key2, place2, count):
    """The cross-sectional operator `code` over the first n cells of a row."""
    if code == RANK:
        rank(x, n, out, key, place, key2, place2, count)
    elif code == ZSCORE:
        zscore(x, n, out)
    elif code == DEMEAN:
        demean(x, n, out)
    elif code == SCALE:
        scale(x, n, out)


@compiled
def group_demean(x, n, group, sums, counts, out):
    """x minus the mean of its group; `group` holds numbers ≥ 0, −1 for none; sums, counts are scratch."""
    sums[:] = 0.0
    counts[:] = 0.0
    for i in range(n):
        if group[i] >= 0 and x[i] == x[i]:
            sums[group[i]] += x[i]
            counts[group[i]] += 1.0
    for i in range(out.size):
        out[i] = NAN
    for i in range(n):
        g = group[i]
        if g >= 0 and x[i] == x[i]:
            out[i] = keep(np.float32(x[i] - sums[g] / counts[g]))
