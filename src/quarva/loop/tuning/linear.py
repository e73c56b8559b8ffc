"""Solver for the damped normal equations of a few unknowns."""

import numpy as np

from quarva._runtime.compiled import compiled

__all__ = ["solve"]

_TINY = 1e-14  # a pivot below this share of the diagonal entry is rounding error


@compiled
def solve(square, right, damping, n, factor, out):
    """Solve (A + λ · diag A) x = b for the first n unknowns by a Cholesky decomposition.

    An unknown that is linearly dependent on the earlier ones, or on which nothing depends, is set to 0.

    Parameters
    ----------
    square : ndarray of float64, shape (K, K)
        The positive semidefinite matrix A. Only its lower triangle is read.
    right : ndarray of float64, shape (K,)
        The vector b.
    damping : float
        λ.
    n : int
        Number of unknowns.
    factor : ndarray of float64, shape (K, K)
        Scratch space.
    out : ndarray of float64, shape (K,)
        Receives x.
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
            else:  # the diagonal stores reciprocals, 0 for an unknown that is left out
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
