"""A few assets and days of a panel, by which signals are told apart."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import Population
from quarva.loop.signature import sign
from quarva.panel import GroupCodes, Panel
from quarva.tasks import TRAIN, Task

__all__ = ["ProbePanel", "probe_panel_of"]

_ASSETS = 100  # at most
_CELLS = 1_600  # of a signature: two that have nothing in common correlate by 1 / 40 or so
_DAYS = 16  # looked at, at least
_STRIDE = 4  # days from one that is looked at to the next, at most
_WARM_UP = 1.5  # longest windows before the first of them: room for a window in a window
_BYTES = 32 * 2**20  # signals held at a time


@dataclass(frozen=True, eq=False)
class ProbePanel:
    """A part of the training part of a panel, without its target.

    Attributes:
        panel: few assets, and the days that signals need.
        days: int64[D], which of those days are looked at.
        pooled: whether a signal is standardised over all of them together, not day by day.
        sign_free: whether a formula and its negative are one finding.
    """

    panel: Panel
    days: NDArray[np.int64]
    pooled: bool
    sign_free: bool

    def signatures(self, population: Population, threads: int) -> NDArray[np.float32]:
        """Signals on the days looked at, standardised, float32 of shape (P, D · N), each of length 1.

        The product of two is the mean over days of their correlation. Where a signal has no value or is
        constant there are zeros, and all of them for a formula that breaks a rule of the language.
        """
        n, (days, assets) = len(population), self.panel.shape
        out = np.zeros((n, len(self.days) * assets), np.float32)
        valid = np.flatnonzero(~population.invalid(threads))
        piece = max(1, _BYTES // (4 * days * assets))
        for at in range(0, len(valid), piece):
            some = valid[at : at + piece]
            program = engine.Program.from_population(population[some])
            told = np.empty((len(some), out.shape[1]), np.float32)
            sign(engine.signals(program, self.panel, threads), self.days, self.pooled, told)
            out[some] = told
        return out


def probe_panel_of(task: Task, alphabet: Alphabet) -> ProbePanel | None:
    """Of assets and days of a panel's training part; None for a table, and without a training day."""
    training = np.flatnonzero(task.segments == TRAIN)
    if task.table is not None or not len(training):
        return None
    panel, objective = task.panel, task.objective
    chosen = _assets(task, training, alphabet.assets)
    wanted = max(_DAYS, -(-_CELLS // len(chosen)))
    longest = max((symbol.window or symbol.count or 0 for symbol in alphabet.symbols), default=0)
    warm_up = int(_WARM_UP * longest)
    last, usable = int(training[-1]), len(training) - min(warm_up, len(training) // 2)
    stride = int(np.clip(usable // wanted, 1, _STRIDE))
    looked = last - stride * np.arange(min(wanted, -(-usable // stride)))[::-1]
    begin = max(int(training[0]), int(looked[0]) - warm_up)
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
    pooled = objective.statistic == "corr" or len(chosen) < objective.least_assets
    return ProbePanel(part, looked - begin, pooled, objective.sign_free)


def _assets(task: Task, training: NDArray[np.int64], named: tuple[str, ...]) -> NDArray[np.int64]:
    """At most so many assets among those that have a target often, and all that formulas name."""
    told = np.isfinite(task.targets[0][training[len(training) // 2 :]]).sum(axis=0)
    there = np.flatnonzero(2 * told >= told.max())
    spread = np.linspace(0, len(there) - 1, min(len(there), _ASSETS)).astype(np.int64)
    return np.union1d(there[spread], [task.panel.assets.index(name) for name in named]).astype(np.int64)
