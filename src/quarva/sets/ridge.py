"""Ridge weights, with a penalty chosen by cross-validation on contiguous folds of the training part."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.sets.sufficient_statistics import SufficientStatistics

__all__ = ["Ridge", "fit_ridge", "ridge_weights"]

_PENALTIES = np.geomspace(1e-3, 1e2, 21)  # relative to the number of cells

Floats = NDArray[np.float64]


class Ridge(NamedTuple):
    """Ridge weights of K formulas.

    Attributes
    ----------
    weights : float64 array, shape (K,)
        The weights.
    penalty : float
        The chosen penalty λ of Σ (y − w·x)² + λ Σ w².
    explained : float64 array, shape (21,)
        Share of the target's variance explained out of fold, for each penalty in ascending order. Negative if
        the weights predict worse than 0.
    """

    weights: Floats
    penalty: float
    explained: Floats


def ridge_weights(gram: Floats, product: Floats, penalty: float) -> Floats:
    """Solve (G + λI) w = b for w, shape (K,)."""
    return np.asarray(np.linalg.solve(gram + penalty * np.eye(len(product)), product), np.float64)


def fit_ridge(statistics: SufficientStatistics) -> Ridge:
    """Fit ridge weights with the penalty that has the smallest squared error out of fold."""
    gram, product = statistics.whole
    penalties = _PENALTIES * statistics.cells
    errors = np.zeros(len(penalties))
    for inside, b, squares in zip(statistics.gram, statistics.product, statistics.squares, strict=True):
        eigenvalues, vectors = np.linalg.eigh(gram - inside)
        rotated = vectors.T @ (product - b)
        for k, penalty in enumerate(penalties):
            weights = vectors @ (rotated / (np.maximum(eigenvalues, 0.0) + penalty))
            errors[k] += squares - 2 * weights @ b + weights @ inside @ weights
    best = int(np.argmin(errors))
    explained = 1 - errors / statistics.cells
    return Ridge(ridge_weights(gram, product, float(penalties[best])), float(penalties[best]), explained)
