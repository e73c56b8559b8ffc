"""Gaussian process surrogate of fitness."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.loop.probe_panel import ProbePanel

__all__ = ["KAPPA", "Surrogate"]

KAPPA = 0.3
"""Default UCB parameter: standard errors that the acquisition adds to the mean."""

_KEPT = 200  # formulas in the training set: the best, and as many random ones
_NOISE = 0.05  # noise variance of the fitness given the signature, if the largest fitness is 1
_MAX_ITERATIONS = 10  # for the signs, which converge after two or three
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd; sorting by key times this is a pseudorandom order


class Surrogate:
    """Gaussian process regression of the fitness of formulas on their signatures.

    The score of a weighted sum of signals is approximately the weighted sum of their scores, if a score is a
    correlation with the target or proportional to one. So the covariance of two formulas is the correlation
    of their signals (a linear kernel), and a few dozen scores suffice to predict the score of a formula from
    its signal on a few assets and days. If the fitness ignores the sign of a signal, only the magnitudes of
    the scores are known. Their signs are then inferred, starting from the best formula, such that the scores
    predict each other.

    Parameters
    ----------
    probe_panel : ProbePanel
        Computes the signatures.
    threads : int
        Maximum number of threads. Predictions do not depend on it.
    kappa : float
        UCB parameter: standard errors that the acquisition adds to the mean.

    Attributes
    ----------
    n_candidates : int
        Formulas whose acquisition was computed. None is computed while all known scores are equal.

    References
    ----------
    Hildebrandt and Branke, "On Using Surrogates with Genetic Programming", 2015.
    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.25 and 2.26.
    Srinivas, Krause, Kakade and Seeger, "Gaussian Process Optimization in the Bandit Setting", 2010.
    """

    def __init__(self, probe_panel: ProbePanel, threads: int, kappa: float = KAPPA) -> None:
        self._probe_panel, self._threads, self._kappa = probe_panel, threads, kappa
        cells = len(probe_panel.days) * len(probe_panel.panel.assets)
        self._signatures = np.zeros((0, cells), np.float32)
        self._fitness = np.zeros(0)
        self._keys = np.zeros(0, np.uint64)
        self.n_candidates = 0
        self._fit()

    def update(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Add formulas to the training set and refit.

        Parameters
        ----------
        population : Population
            Formulas that have been scored.
        fitness : float64 array, shape (P,)
            Their fitness. NaN and infinity mean no score and count as 0.
        """
        keys = population.keys()
        new = np.setdiff1d(np.unique(keys, return_index=True)[1], np.flatnonzero(np.isin(keys, self._keys)))
        new_fitness = np.nan_to_num(fitness[new], nan=0.0, posinf=0.0, neginf=0.0)
        all_keys = np.concatenate([self._keys, keys[new]])
        all_fitness = np.concatenate([self._fitness, new_fitness])
        kept = _training_set(all_keys, all_fitness)
        before = len(self._keys)
        old, added = kept[kept < before], kept[kept >= before]
        signatures = self._probe_panel.signatures(population[new[added - before]], self._threads)
        self._signatures = np.concatenate([self._signatures[old], signatures])
        self._keys, self._fitness = all_keys[kept], all_fitness[kept]
        self._fit()

    def _fit(self) -> None:
        """Fit the regression to the training set."""
        self._scale = float(np.abs(self._fitness).max(initial=0.0))
        self._is_fitted = self._scale > 0 and bool(np.ptp(self._fitness))
        if not self._is_fitted:
            return
        covariance = self._covariance(self._signatures)
        self._inverse = np.linalg.inv(covariance + _NOISE * np.eye(len(covariance)))
        score = self._fitness / self._scale
        if self._probe_panel.sign_free:
            score = _infer_signs(np.maximum(score, 0.0), covariance, covariance @ self._inverse)
        self._weights = self._inverse @ score

    def _covariance(self, signatures: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the covariance with the training set, with a constant term unless the sign is free."""
        covariance = (signatures @ self._signatures.T).astype(np.float64)
        return covariance if self._probe_panel.sign_free else covariance + 1.0

    def acquisition(self, population: Population) -> NDArray[np.float64]:
        """Return the upper confidence bound of each formula's fitness.

        Parameters
        ----------
        population : Population
            The candidates.

        Returns
        -------
        float64 array, shape (P,)
            In units of the largest known fitness. All 0 while all known fitnesses are equal.
        """
        if not self._is_fitted:
            return np.zeros(len(population))
        self.n_candidates += len(population)
        signatures = self._probe_panel.signatures(population, self._threads)
        covariance = self._covariance(signatures)
        mean = covariance @ self._weights
        # A formula with no signal on the probe panel has a prior variance of 0.
        prior = signatures.any(axis=1) + (0.0 if self._probe_panel.sign_free else 1.0)
        variance = np.maximum(prior - ((covariance @ self._inverse) * covariance).sum(axis=1), 0.0)
        return (np.abs(mean) if self._probe_panel.sign_free else mean) + self._kappa * np.sqrt(variance)

    def choose(self, candidates: Sequence[Population]) -> Population:
        """Return, for each index, the formula with the highest acquisition.

        Parameters
        ----------
        candidates : sequence of Population
            Populations of the same size.

        Returns
        -------
        Population
            One formula per index; the first candidate is preferred in case of ties.
        """
        if len(candidates) == 1:
            return candidates[0]
        whole, n = Population.concatenate(list(candidates)), len(candidates[0])
        best = self.acquisition(whole).reshape(len(candidates), n).argmax(axis=0)
        return whole[best * n + np.arange(n)]

    def clear(self) -> None:
        """Forget the training set, because the fitness has changed."""
        self._signatures, self._fitness, self._keys = self._signatures[:0], self._fitness[:0], self._keys[:0]
        self._fit()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the training set as arrays."""
        return {
            "signatures": self._signatures, "fitness": self._fitness, "keys": self._keys,
            "n_candidates": np.array(self.n_candidates),
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore a state that `state` returned."""
        self._signatures = np.array(state["signatures"], np.float32)
        self._fitness, self._keys = np.array(state["fitness"]), np.array(state["keys"])
        self.n_candidates = int(state["n_candidates"])
        self._fit()


def _training_set(keys: NDArray[np.uint64], fitness: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the indices of the best formulas, without ties, and of random ones, ascending."""
    best = np.unique(-fitness, return_index=True)[1]
    others = np.argsort(keys * _MULTIPLIER, kind="stable")
    return np.union1d(best[:_KEPT], others[:_KEPT])


def _infer_signs(
    magnitude: NDArray[np.float64], covariance: NDArray[np.float64], smoother: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the scores with signs for which they predict each other.

    Parameters
    ----------
    magnitude : float64 array, shape (K,)
        Scores without signs, not negative.
    covariance : float64 array, shape (K, K)
        Covariance of the formulas.
    smoother : float64 array, shape (K, K)
        Maps scores to predicted scores.
    """
    signs = np.where(covariance[magnitude.argmax()] < 0, -1.0, 1.0)
    for _ in range(_MAX_ITERATIONS):
        new_signs = np.where(smoother @ (signs * magnitude) < 0, -1.0, 1.0)
        if (new_signs == signs).all():
            break
        signs = new_signs
    return signs * magnitude
