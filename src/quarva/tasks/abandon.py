"""Early abandonment: formulas that will hardly reach what a search would keep are not scored to the end."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Abandonment"]


@dataclass(frozen=True)
class Abandonment:
    """When a formula is given up.

    After the first `share` of the training days its mean daily coefficient m, of n days so far, tells what
    the mean over all N days will be: within `deviations` standard errors s·√(1/n − 1/N), s the standard
    deviation of the days. If |m| and that much is still below the floor, the formula is dropped. Daily
    coefficients of a target over h days overlap and are alike, so that only every h-th day counts for the
    error.

    Attributes:
        share: of the training days that are scored first, in (0, 1).
        deviations: standard errors that a formula is granted.
    """

    share: float = 1 / 3
    deviations: float = 2.0

    def first_days(self, segments: NDArray[np.int8]) -> NDArray[np.int8]:
        """int8 [T]: 0 on the first days of training, −1 elsewhere."""
        days = np.flatnonzero(segments == 0)
        out = np.full(len(segments), -1, np.int8)
        out[days[: int(len(days) * self.share)]] = 0
        return out

    def bound(
        self, acc: NDArray[np.float64], days: int, overlap: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The mean coefficient so far, and the most that |mean| is granted over all days; float64 [P] each.

        acc: float64 [P, 4], what `engine.evaluate` gives for `ic` or `rank_ic` over the first days. days: N.
        overlap: days that one value of the target spans, h. The bound is infinite where too few days count to
        tell.
        """
        n, total, squares = acc[:, 0], acc[:, 1], acc[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / n
            variance = np.maximum(squares / n - mean**2, 0.0) * n / (n - 1)
            error = np.sqrt(variance * overlap * np.maximum(1 / n - 1 / days, 0.0))
            most = np.abs(mean) + self.deviations * error
        return mean, np.where(n >= 2 * overlap + 2, most, np.inf)
