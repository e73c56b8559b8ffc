"""Probe panel: a few assets and days of a panel, on which the signals of formulas are compared."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import Population
from quarva.loop.signature import write_signatures
from quarva.panel import GroupCodes, Panel
from quarva.tasks import TRAIN, Task

__all__ = ["ProbePanel", "probe_panel_of"]

_MAX_ASSETS = 100
_CELLS = 1_600  # of a signature: the correlation of two unrelated signatures is about 1 / 40
_MIN_DAYS = 16  # number of sampled days
_MAX_STRIDE = 4  # days between two sampled days
_WARM_UP = 1.5  # longest windows before the first sampled day: room for a window within a window
_BYTES = 32 * 2**20  # memory for the signals of a piece


@dataclass(frozen=True, eq=False)
class ProbePanel:
    """A sample of the training part of a panel, without the target.

    Attributes
    ----------
    panel : Panel
        A few assets, and the days that their signals need.
    days : ndarray of int64, shape (D,)
        Indices of the sampled days in `panel`.
    pooled : bool
        True if a signal is standardised over all sampled days together, False if day by day.
    sign_free : bool
        True if a formula and its negative count as one finding.
    """

    panel: Panel
    days: NDArray[np.int64]
    pooled: bool
    sign_free: bool

    def signatures(self, population: Population, threads: int) -> NDArray[np.float32]:
        """Compute the signatures of formulas: their standardised signals on the sampled days.

        Parameters
        ----------
        population : Population
            P formulas.
        threads : int
            Number of threads.

        Returns
        -------
        ndarray of float32, shape (P, D · N)
            Unit vectors. The dot product of two of them is the mean over days of the correlation of the
            signals. Cells without a value, constant signals and invalid formulas are 0.
        """
        n, (days, assets) = len(population), self.panel.shape
        out = np.zeros((n, len(self.days) * assets), np.float32)
        valid = np.flatnonzero(~population.invalid(threads))
        piece = max(1, _BYTES // (4 * days * assets))
        for at in range(0, len(valid), piece):
            some = valid[at : at + piece]
            program = engine.Program.from_population(population[some])
            signatures = np.empty((len(some), out.shape[1]), np.float32)
            write_signatures(engine.signals(program, self.panel, threads), self.days, self.pooled, signatures)
            out[some] = signatures
        return out


def probe_panel_of(task: Task, alphabet: Alphabet) -> ProbePanel | None:
    """Sample assets and days from the training part of a task.

    Parameters
    ----------
    task : Task
        The task.
    alphabet : Alphabet
        The alphabet, whose longest window determines the days before the first sampled day, and whose assets
        are always included.

    Returns
    -------
    ProbePanel or None
        None for a table, and for a panel without training days.
    """
    training = np.flatnonzero(task.segments == TRAIN)
    if task.table is not None or not len(training):
        return None
    panel, objective = task.panel, task.objective
    chosen = _assets(task, training, alphabet.assets)
    n_days = max(_MIN_DAYS, -(-_CELLS // len(chosen)))
    longest = max((symbol.window or symbol.count or 0 for symbol in alphabet.symbols), default=0)
    warm_up = int(_WARM_UP * longest)
    last, usable = int(training[-1]), len(training) - min(warm_up, len(training) // 2)
    stride = int(np.clip(usable // n_days, 1, _MAX_STRIDE))
    sampled = last - stride * np.arange(min(n_days, -(-usable // stride)))[::-1]
    begin = max(int(training[0]), int(sampled[0]) - warm_up)
    part = replace(
        panel,
        values=np.ascontiguousarray(panel.values[:, begin : last + 1][:, :, chosen]),
        dates=panel.dates[begin : last + 1],
        assets=tuple(panel.assets[asset] for asset in chosen),
        groups={name: GroupCodes(group.codes[chosen], group.labels) for name, group in panel.groups.items()},
        universe=None
        if panel.universe is None
        else np.ascontiguousarray(panel.universe[begin : last + 1, chosen]),
    )
    pooled = objective.statistic == "corr" or len(chosen) < objective.min_assets
    return ProbePanel(part, sampled - begin, pooled, objective.sign_free)


def _assets(task: Task, training: NDArray[np.int64], named: tuple[str, ...]) -> NDArray[np.int64]:
    """Indices of at most `_MAX_ASSETS` assets with many targets, and of all assets that formulas name."""
    count = np.isfinite(task.targets[0][training[len(training) // 2 :]]).sum(axis=0)
    frequent = np.flatnonzero(2 * count >= count.max())
    spread = np.linspace(0, len(frequent) - 1, min(len(frequent), _MAX_ASSETS)).astype(np.int64)
    return np.union1d(frequent[spread], [task.panel.assets.index(name) for name in named]).astype(np.int64)
