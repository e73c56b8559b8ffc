"""The damped normal equations of a few unknowns."""

import numpy as np

from quarva._runtime.compiled import compiled

__all__ = ["solve"]

_TINY = 1e-14  # of a diagonal entry: what is left of it below this is rounding


@compiled
def solve(square, right, damping, n, factor, out):
    """Solve (A + λ · diag A) x = b for the first n unknowns, A positive semidefinite (Cholesky).

    An unknown that nothing depends on, or that the others make up for to rounding, gets a change of 0.

    Args:
        square: float64 (K, K), A, of which the lower triangle is read. right: float64 (K,), b.
        damping: λ.
        factor, out: float64 (K, K) and (K,), room, and x.
    """
    for k in range(n):
        for j in range(k + 1):
            total = square[k, j]
            if j == k:
                total += damping * square[k, k]
            for i in range(j):
                total -= factor[k, i] * factor[j, i]
            if j < k:
                factor[k, j] = total * factor[j, j]
            else:  # the diagonal is kept as what one multiplies by, 0 for an unknown that is left out
                factor[k, k] = 1.0 / np.sqrt(total) if total > _TINY * square[k, k] else 0.0
    for k in range(n):
        total = right[k]
        for i in range(k):
            total -= factor[k, i] * out[i]
        out[k] = total * factor[k, k]
    for k in range(n - 1, -1, -1):
        total = out[k]
        for i in range(k + 1, n):
            total -= factor[i, k] * out[i]
        out[k] = total * factor[k, k]
