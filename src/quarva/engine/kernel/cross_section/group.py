"""Group operators over the assets of a group on a day. NaN cells are skipped and stay NaN.

`groups` holds the number of each asset's group, or −1. The result of an asset without a group is NaN.
"""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.cross_section.sorting import HIGH, LOW, sort_row
from quarva.engine.kernel.vectors.float32 import NAN, keep


@compiled(allocates=True)
def group_scratch(width, n_groups):
    """Scratch space of group operators: four numbers per group."""
    size = n_groups + 1
    return np.empty(size), np.empty(size), np.empty(size), np.empty(size)


@compiled
def group_demean(x, n, groups, sums, counts, out):
    """x minus the mean of its group."""
    sums[:] = 0.0
    counts[:] = 0.0
    for i in range(n):
        if groups[i] >= 0 and x[i] == x[i]:
            sums[groups[i]] += x[i]
            counts[groups[i]] += 1.0
    for g in range(sums.size):
        sums[g] /= max(counts[g], 1.0)
    for i in range(n):
        g = groups[i]
        out[i] = keep(np.float32(x[i] - sums[max(g, 0)])) if g >= 0 else NAN
    out[n:] = NAN


@compiled
def group_zscore(x, n, groups, scratch, out):
    """Z-score within the group; NaN if all values of the group are equal."""
    pivot, counts, sums, squares = scratch
    counts[:] = 0.0
    sums[:] = 0.0
    squares[:] = 0.0
    for i in range(n):
        g, v = groups[i], np.float64(x[i])
        if g >= 0 and v == v:
            if counts[g] == 0.0:
                pivot[g] = v
            d = v - pivot[g]
            counts[g] += 1.0
            sums[g] += d
            squares[g] += d * d
    for g in range(counts.size):
        many, share = counts[g], np.nan
        if many > 0.0:
            mean = sums[g] / many
            if squares[g] > 0.0:
                share = np.sqrt((many - 1.0) / (squares[g] - sums[g] * mean))
            pivot[g] += mean
        squares[g] = share
    for i in range(n):
        g = groups[i]
        out[i] = keep(np.float32((x[i] - pivot[max(g, 0)]) * squares[max(g, 0)])) if g >= 0 else NAN
    out[n:] = NAN


@compiled
def group_rank(x, n, groups, sorting, scratch, out):
    """Average rank among the m values of the group, divided by m."""
    counts, smaller, equal, _ = scratch
    counts[:] = 0.0
    smaller[:] = 0.0
    equal[:] = 0.0
    for i in range(n):
        if groups[i] >= 0 and x[i] == x[i]:
            counts[groups[i]] += 1.0
    word, m = sort_row(x, n, sorting)
    out[:] = NAN
    i = 0
    while i < m:
        j = i
        while j < m and word[j] >> HIGH == word[i] >> HIGH:
            g = groups[np.int64(word[j] & LOW)]
            if g >= 0:
                equal[g] += 1.0
            j += 1
        for k in range(i, j):
            at = np.int64(word[k] & LOW)
            g = groups[at]
            if g >= 0:
                out[at] = np.float32((smaller[g] + 0.5 * (equal[g] + 1.0)) / counts[g])
        for k in range(i, j):
            g = groups[np.int64(word[k] & LOW)]
            if g >= 0:
                smaller[g] += equal[g]
                equal[g] = 0.0
        i = j
