"""Bayesian variable selection by Gibbs sampling: each weight has a spike at zero and a normal slab.

The prior probability that a formula is a member accounts for the number of formulas tried. The posterior mean
therefore shrinks the weights of formulas that look good by chance. Formulas that represent the same effect
share its weight.

The weights of a set are posterior means for given prior probabilities. Draws, from which the performance of a
set is forecast, also account for doubt about these probabilities: there may be more members than expected, or
none at all. A factor common to all probabilities has a gamma prior, most of whose mass is near 0.

References
----------
Mitchell, T. and Beauchamp, J. (1988). Bayesian variable selection in linear regression. Journal of the
American Statistical Association 83.
George, E. and McCulloch, R. (1993). Variable selection via Gibbs sampling. JASA 88.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.rng import normal, uniform

__all__ = ["DRAWS", "Posterior", "draw_weights", "sample_posterior"]

_SWEEPS, _BURN_IN = 3_000, 500
_SLAB = 0.012  # prior guess of the standard deviation of a member's weight
_SLAB_WEIGHT = 6.0  # number of members that the prior guess is worth
DRAWS = 400
"""Number of draws of `draw_weights`."""

_MOST_LIKELY = 0.5  # largest prior probability of a member
_FACTOR_SHAPE, _FACTOR_RATE = 0.3, 1.0  # gamma prior of the common factor of the probabilities

Floats = NDArray[np.float64]


class Posterior(NamedTuple):
    """Posterior of the weights of K formulas.

    Attributes
    ----------
    mean : float64 array, shape (K,)
        Posterior mean of each weight.
    inclusion : float64 array, shape (K,)
        Posterior probability that a formula is a member.
    """

    mean: Floats
    inclusion: Floats


def sample_posterior(gram: Floats, product: Floats, noise: float, prior: Floats, seed: int = 0) -> Posterior:
    """Sample the posterior of the weights w of y = x·w + noise, for K formulas.

    Parameters
    ----------
    gram : ndarray of float64, shape (K, K)
        Σ x xᵀ.
    product : ndarray of float64, shape (K,)
        Σ x y.
    noise : float
        Variance of the noise.
    prior : ndarray of float64, shape (K,)
        Prior probability that each formula is a member; larger values than ½ are replaced by ½.
    seed : int, default 0
        Seed of the Gibbs sampler.

    Returns
    -------
    Posterior
        Means and inclusion probabilities. Both are 0 for a formula whose signal is 0.
    """
    mean, inclusion, _ = _chain(gram, product, noise, prior, seed, False)
    return Posterior(mean, inclusion)


def draw_weights(gram: Floats, product: Floats, noise: float, prior: Floats, seed: int = 0) -> Floats:
    """Draw weights from their posterior, with doubt about the prior probabilities.

    Parameters
    ----------
    gram, product, noise, prior, seed
        As in `sample_posterior`.

    Returns
    -------
    ndarray of float64, shape (DRAWS, K)
    """
    return _chain(gram, product, noise, prior, seed, True)[2]


def _chain(
    gram: Floats, product: Floats, noise: float, prior: Floats, seed: int, doubtful: bool
) -> tuple[Floats, Floats, Floats]:
    """Run the Gibbs sampler; return the means, the inclusion probabilities and the draws."""
    count = len(product)
    weights, residual = np.zeros(count), product.copy()
    mean, inclusion, draws = np.zeros(count), np.zeros(count), np.empty((DRAWS, count))
    rng = np.array([seed], np.uint64)
    chances = np.clip(prior, 1e-12, _MOST_LIKELY)
    gibbs(
        np.ascontiguousarray(gram), noise, chances, doubtful, np.empty(count), weights, residual, mean,
        inclusion, draws, rng,
    )  # fmt: skip
    kept = _SWEEPS - _BURN_IN
    return mean / kept, inclusion / kept, draws


@compiled
def gibbs(gram, noise, chances, doubtful, log_odds, weights, residual, mean, inclusion, draws, rng):
    """Run all sweeps of the Gibbs sampler.

    `residual` is product − gram · weights. `mean` and `inclusion` receive sums over the sweeps after the
    burn-in, and `draws` the weights of equally spaced sweeps. If `doubtful`, the common factor of the prior
    probabilities is sampled too. `log_odds` is work space.
    """
    count, slab, kept = weights.size, _SLAB * _SLAB, 0
    expected = 0.0
    for k in range(count):
        log_odds[k] = np.log(chances[k] / (1.0 - chances[k]))
        expected += chances[k]
    for sweep in range(_SWEEPS):
        for k in range(count):
            own = gram[k, k]
            if own <= 0.0:
                continue
            alone = residual[k] + own * weights[k]
            variance = 1.0 / (own / noise + 1.0 / slab)
            centre = variance * alone / noise
            odds = log_odds[k] + 0.5 * np.log(variance / slab) + 0.5 * centre * centre / variance
            chance = 1.0 / (1.0 + np.exp(-min(max(odds, -700.0), 700.0)))
            drawn = 0.0
            if uniform(rng) < chance:
                drawn = centre + np.sqrt(variance) * normal(rng)
            change = drawn - weights[k]
            if change != 0.0:
                for j in range(count):
                    residual[j] -= gram[k, j] * change
            weights[k] = drawn
            if sweep >= _BURN_IN:
                mean[k] += chance * centre
                inclusion[k] += chance
        members, squares = 0, 0.0
        for k in range(count):
            members += weights[k] != 0.0
            squares += weights[k] * weights[k]
        slab = draw_slab(members, squares, rng)
        if doubtful:
            factor = draw_gamma(_FACTOR_SHAPE + members, rng) / (_FACTOR_RATE + expected)
            for k in range(count):
                chance = min(max(factor * chances[k], 1e-12), _MOST_LIKELY)
                log_odds[k] = np.log(chance / (1.0 - chance))
        done = sweep + 1 - _BURN_IN
        if done > 0 and done * draws.shape[0] // (_SWEEPS - _BURN_IN) > kept:
            for k in range(count):
                draws[kept, k] = weights[k]
            kept += 1


@compiled
def draw_slab(members, squares, rng):
    """Draw the variance of the slab from its inverse gamma distribution given the weights."""
    shape = 0.5 * (_SLAB_WEIGHT + members)
    rate = 0.5 * (_SLAB_WEIGHT * _SLAB * _SLAB + squares)
    return rate / draw_gamma(shape, rng)


@compiled
def draw_gamma(shape, rng):
    """Draw from a gamma distribution of scale 1 (Marsaglia and Tsang 2000)."""
    boost = 1.0
    if shape < 1.0:
        boost = (1.0 - uniform(rng)) ** (1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    while True:
        x = normal(rng)
        v = (1.0 + c * x) ** 3
        if v > 0.0 and np.log(1.0 - uniform(rng)) < 0.5 * x * x + d - d * v + d * np.log(v):
            return d * v * boost
