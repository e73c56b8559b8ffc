"""What a task holds signals against."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.panel import Panel
from quarva.tasks.split import UNUSED

__all__ = ["PreparedTarget"]


@dataclass(frozen=True, eq=False)
class PreparedTarget:
    """Targets as the engine reads them, and what turns its sums into figures.

    Attributes:
        target: M targets over T days in S segments.
        warm_up: float64 [T + 1, S, M], days with a target (pooled: cells of it) among the first L days.
        variance: float64 [M], of each target (n), for squared errors.
    """

    target: engine.Target
    warm_up: NDArray[np.float64]
    variance: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        panel: Panel,
        targets: NDArray[np.float32],
        segments: NDArray[np.int8],
        count: int,
        statistic: engine.Statistic,
    ) -> "PreparedTarget":
        """Lay out targets (M, T, N) whose days are in one of `count` segments, int8 (T,), or in none."""
        target = engine.Target.prepare(panel, targets, segments, count, statistic)
        daily = statistic in ("ic", "rank_ic")
        weight = np.where(target.least >= 0, 1.0 if daily else target.least, 0.0).T[:, None, :]
        by_part = weight * (segments[:, None] == np.arange(count))[:, :, None]
        warm_up = np.concatenate([np.zeros((1, *by_part.shape[1:])), by_part.cumsum(axis=0)])
        flat = targets.reshape(len(targets), -1).astype(np.float64)
        return cls(target, warm_up, np.nanvar(flat, axis=1) if statistic == "sse" else np.ones(len(flat)))

    def first_part(self) -> "PreparedTarget":
        """The same of segment 0 alone: no day behind its last one has to be walked."""
        first = self.target.segments == 0
        target = replace(
            self.target,
            segments=np.where(first, 0, UNUSED).astype(np.int8),
            days=int(np.flatnonzero(first)[-1]) + 1,
        )
        return replace(self, target=target, warm_up=self.warm_up[:, :1])
