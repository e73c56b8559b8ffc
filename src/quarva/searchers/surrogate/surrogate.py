"""The fitness of formulas, foretold from what formulas like them have scored."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.loop.probe_panel import ProbePanel

__all__ = ["BOLD", "Surrogate"]

BOLD = 0.3
"""Standard errors that a promise adds to what is expected, so that what is unlike all known is tried too."""

_KNOWN = 200  # the best so far that are remembered, and as many others
_NOISE = 0.05  # variance of a fitness about what its signature tells, the largest fitness being 1
_ROUNDS = 10  # in which signs settle; two or three do
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: what a key times this begins with is as good as drawn by lot


class Surrogate:
    """Gaussian process regression of fitness on signatures.

    The figure of a signal that is a weighted sum of others is, nearly, that sum of their figures: a
    correlation with the target, and whatever goes with it. So the covariance of two formulas is the
    correlation of their signals (linear kernel), and a few dozen scores tell what to expect of a formula
    whose signal was seen on a few assets and days. Where a signal and its negative are one finding only the
    size of a figure is known: signs are settled from the best formula on, each by what the others foretell.

    Sources: surrogates by the behaviour of evolved functions, Hildebrandt and Branke 2015 (On Using
    Surrogates with Genetic Programming); Gaussian processes, Rasmussen and Williams 2006, (2.25) and (2.26);
    the bound that looks beyond the mean, Srinivas et al. 2010.

    Args:
        glimpse: where formulas are looked at.
        threads: that may be used; what is foretold does not depend on it.
        bold: standard errors that a promise adds to what is expected.

    Attributes:
        candidates: number of formulas that promises were computed for. While nothing is known that differs no
            signal is computed, and nothing is counted.
    """

    def __init__(self, glimpse: ProbePanel, threads: int, bold: float = BOLD) -> None:
        self._glimpse, self._threads, self._bold = glimpse, threads, bold
        cells = len(glimpse.days) * len(glimpse.panel.assets)
        self._signatures = np.zeros((0, cells), np.float32)
        self._fitness = np.zeros(0)
        self._keys = np.zeros(0, np.uint64)
        self.candidates = 0
        self._learn()

    def note(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Learn what formulas scored: float64 of shape (P,), NaN for no score, which counts as 0."""
        keys = population.keys()
        new = np.setdiff1d(np.unique(keys, return_index=True)[1], np.flatnonzero(np.isin(keys, self._keys)))
        told = np.nan_to_num(fitness[new], nan=0.0, posinf=0.0, neginf=0.0)
        known = np.concatenate([self._keys, keys[new]])
        scored = np.concatenate([self._fitness, told])
        kept = _worth_knowing(known, scored)
        before = len(self._keys)
        old, fresh = kept[kept < before], kept[kept >= before]
        seen = self._glimpse.signatures(population[new[fresh - before]], self._threads)
        self._signatures = np.concatenate([self._signatures[old], seen])
        self._keys, self._fitness = known[kept], scored[kept]
        self._learn()

    def _learn(self) -> None:
        """Fit the regression to what is known."""
        self._scale = float(np.abs(self._fitness).max(initial=0.0))
        self._learned = self._scale > 0 and bool(np.ptp(self._fitness))
        if not self._learned:
            return
        alike = self._covariance(self._signatures)
        self._inverse = np.linalg.inv(alike + _NOISE * np.eye(len(alike)))
        figure = self._fitness / self._scale
        if self._glimpse.sign_free:
            figure = _settle_signs(np.maximum(figure, 0.0), alike, alike @ self._inverse)
        self._weights = self._inverse @ figure

    def _covariance(self, signatures: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of formulas with those that are known; a constant part where a fitness has a level of its own."""
        alike = (signatures @ self._signatures.T).astype(np.float64)
        return alike if self._glimpse.sign_free else alike + 1.0

    def promise(self, population: Population) -> NDArray[np.float64]:
        """What to hope for of each formula, float64 of shape (P,), the largest fitness known being 1.

        0 for all while nothing is known that differs.
        """
        if not self._learned:
            return np.zeros(len(population))
        self.candidates += len(population)
        signatures = self._glimpse.signatures(population, self._threads)
        alike = self._covariance(signatures)
        mean = alike @ self._weights
        # Of a formula that says nothing on the days looked at nothing is hoped for.
        own = signatures.any(axis=1) + (0.0 if self._glimpse.sign_free else 1.0)
        variance = np.maximum(own - ((alike @ self._inverse) * alike).sum(axis=1), 0.0)
        return (np.abs(mean) if self._glimpse.sign_free else mean) + self._bold * np.sqrt(variance)

    def choose(self, litters: Sequence[Population]) -> Population:
        """Of each place of several populations of one size the formula that promises most."""
        if len(litters) == 1:
            return litters[0]
        whole, n = Population.concatenate(list(litters)), len(litters[0])
        best = self.promise(whole).reshape(len(litters), n).argmax(axis=0)
        return whole[best * n + np.arange(n)]

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on, as arrays."""
        return {
            "signatures": self._signatures, "fitness": self._fitness, "keys": self._keys,
            "candidates": np.array(self.candidates),
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take up a `state`."""
        self._signatures = np.array(state["signatures"], np.float32)
        self._fitness, self._keys = np.array(state["fitness"]), np.array(state["keys"])
        self.candidates = int(state["candidates"])
        self._learn()


def _worth_knowing(keys: NDArray[np.uint64], fitness: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the best, no two of one fitness, and of others by lot, ascending."""
    apart = np.unique(-fitness, return_index=True)[1]  # the best first
    others = np.argsort(keys * _SPREAD, kind="stable")
    return np.union1d(apart[:_KNOWN], others[:_KNOWN])


def _settle_signs(
    size: NDArray[np.float64], alike: NDArray[np.float64], foretell: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Figures with signs by which they foretell each other, beginning with those like the largest.

    size: float64[K], 0 or more; alike, foretell: float64[K, K], covariances, and what makes of figures the
    figures expected.
    """
    signs = np.where(alike[size.argmax()] < 0, -1.0, 1.0)
    for _ in range(_ROUNDS):
        settled = np.where(foretell @ (signs * size) < 0, -1.0, 1.0)
        if (settled == signs).all():
            break
        signs = settled
    return signs * size
