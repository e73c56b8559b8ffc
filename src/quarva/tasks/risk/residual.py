"""Residuals of daily cross-sectional regressions on exposures, scaled by their past volatility.

Residual returns have fat tails, so that a few cells decide a least-squares fit. Normal scores (van der
Waerden 1952) of each day's residuals avoid this. The regression is then repeated, because the scores are not
exactly neutral.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.tasks.risk.exposures import Exposures

__all__ = ["Residual", "neutralised", "residual_of"]

Floats = NDArray[np.float64]

_DAYS = 64  # days per chunk
_FEW = 10  # with fewer assets per exposure or group, the regression is a ridge
_SINGULAR = 1e-9  # eigenvalues of a Gram matrix below this, relative to the largest, count as 0
_LEAST_DAYS = 20  # residuals that an asset needs for a volatility of its own
_FLOOR = 0.3  # smallest volatility, relative to the median of the day


@dataclass(frozen=True, eq=False)
class Residual:
    """A target after the risk model.

    Attributes
    ----------
    values : ndarray of float32, shape (T, N)
        The target that is scored: residuals divided by their volatility, as normal scores unless the model
        has none. NaN means no target.
    residuals : ndarray of float32, shape (T, N)
        Residuals in units of the target. NaN where `values` is NaN.
    volatility : ndarray of float32, shape (T, N)
        The volatility that each residual was divided by, in units of the target. It uses only residuals that
        are known on the signal's day, except on days before any asset has a history: see
        `RiskModel.residual`. NaN where `values` is NaN.
    exposures : tuple of str
        Names of the exposures that were used.
    notes : tuple of str
        Exposures that were dropped or are mostly missing, and groups that were joined.
    """

    values: NDArray[np.float32]
    residuals: NDArray[np.float32]
    volatility: NDArray[np.float32]
    exposures: tuple[str, ...]
    notes: tuple[str, ...]


def residual_of(
    exposures: Exposures, target: NDArray[np.floating], known_after: int, window: int, normal_scores: bool
) -> Residual:
    """Compute the scaled residuals of a target; see `RiskModel.residual`."""
    left = _regress(exposures, target)
    volatility = _past_volatility(left, known_after, window)
    values = left / volatility
    if normal_scores:
        values = _regress(exposures, _normal_scores(values))
    known = np.isfinite(values)
    residuals, scale = (np.where(known, each, np.nan).astype(np.float32) for each in (left, volatility))
    return Residual(values.astype(np.float32), residuals, scale, exposures.names, exposures.notes)


def _normal_scores(values: Floats) -> Floats:
    """Φ⁻¹((rank − ½) / n) of the n values of each day, with average ranks; NaN stays NaN."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    count = np.isfinite(values).sum(axis=1, keepdims=True)
    out = np.full(values.shape, np.nan)
    some = np.flatnonzero(count > 0)
    out[some] = ndtri((rankdata(values[some], axis=1, nan_policy="omit") - 0.5) / count[some])
    return out


def neutralised(exposures: Exposures, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute the residuals of signals or positions; see `RiskModel.neutralise`."""
    return _regress(exposures, values, exact=True).astype(np.float32)


def _regress(exposures: Exposures, target: NDArray[np.floating], exact: bool = False) -> Floats:
    """Residuals of each day's regression over the assets with a target, float64 [T, N].

    With fewer than 10 assets per exposure or group, the coefficients of the exposures, but not of the groups,
    are shrunk by a ridge penalty, unless `exact`. A day with too few assets is NaN.
    """
    out = np.full(target.shape, np.nan)
    for start in range(0, len(target), _DAYS):
        days = slice(start, min(start + _DAYS, len(target)))
        y = target[days].astype(np.float64)
        known = np.isfinite(y)
        count = known.sum(axis=1)
        y = np.where(known, y, 0.0)
        design = exposures.design(days) * known[:, :, None]
        turned = design.transpose(0, 2, 1)
        gram, product = turned @ design, (turned @ y[:, :, None])[:, :, 0]
        if not exact:
            few = count < _FEW * exposures.count
            ridge = np.where(few, exposures.count, 0.0)[:, None] * (
                np.arange(exposures.count) >= len(exposures.members)
            )
            gram[:, np.arange(exposures.count), np.arange(exposures.count)] += ridge
        eigenvalues, vectors = np.linalg.eigh(gram)
        there = eigenvalues > _SINGULAR * np.maximum(eigenvalues[:, -1:], 1e-300)
        inverse = np.where(there, 1 / np.where(there, eigenvalues, 1.0), 0.0)
        rotated = (vectors.transpose(0, 2, 1) @ product[:, :, None])[:, :, 0] * inverse
        fitted = (design @ (vectors @ rotated[:, :, None]))[:, :, 0]
        enough = count > there.sum(axis=1) + 1
        out[days] = np.where(known & enough[:, None], y - fitted, np.nan)
    return out


def _past_volatility(residuals: Floats, known_after: int, window: int) -> Floats:
    """Root mean square of each asset's latest residuals that are known on each day, float64 [T, N].

    An asset with fewer than 20 known residuals gets the median over the assets of the day. The volatility is
    at least 0.3 times this median. On days before any asset has 20 residuals, all assets get the root mean
    square of the day's own residuals, which are not known yet; it is a scale that all assets share.
    """
    days = len(residuals)
    known = np.isfinite(residuals)
    zero = np.zeros((1, residuals.shape[1]))
    squares = np.concatenate([zero, np.where(known, residuals**2, 0.0).cumsum(axis=0)])
    counts = np.concatenate([zero, known.cumsum(axis=0)])
    last = np.clip(np.arange(days) - known_after + 1, 0, days)
    first = np.maximum(last - window, 0)
    count = counts[last] - counts[first]
    enough = count >= _LEAST_DAYS
    mean = np.maximum(squares[last] - squares[first], 0.0) / np.maximum(count, 1)
    own = np.where(enough, np.sqrt(mean), np.nan)
    today = np.sqrt(np.where(known, residuals**2, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    middle = np.full(days, np.nan)
    some = enough.any(axis=1)
    middle[some] = np.nanmedian(own[some], axis=1)
    middle = np.where(middle > 0, middle, np.where(today > 0, today, 1.0))[:, None]
    return np.where(enough, np.maximum(own, _FLOOR * middle), middle)
