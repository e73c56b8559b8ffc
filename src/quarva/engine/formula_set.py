"""`Set`: a weighted sum of formulas, which is a function of a panel like a single formula."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.files import write_atomically
from quarva._runtime.threads import share
from quarva.engine.evaluate import signals, threads_to_use
from quarva.engine.formula import Formula
from quarva.engine.kernel.cross_section.standardised import add_standardised
from quarva.engine.program import Program
from quarva.errors import FormulaError
from quarva.panel import Panel, as_frame, check_panel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Set"]

_MEMBERS = 64  # members whose signals are in memory at once


@dataclass(frozen=True, eq=False, repr=False)
class Set:
    """Formulas with weights.

    The signal of a day is the weighted sum of the members' signals. Each is standardised over the assets of
    the day and cut at ±8 standard deviations first. A member without an opinion on an asset adds nothing to
    its signal.

    Parameters
    ----------
    members : sequence of Formula, str or Expression, length K
        The formulas.
    weights : ndarray of float64, shape (K,)
        Weights of the members. Only their proportions matter for rankings and correlations.
    train, validation : float
        Value of a task's objective on each part. NaN (default) if the set was not scored.
    raw_train, raw_validation : float
        The same for the raw target, to which no risk model was applied. NaN without a risk model.
    expected, expected_low, expected_high : float
        Forecast of the objective on unseen days, from training alone, with its 80 % interval; see
        `sets.forecast`. NaN without a forecast.

    Raises
    ------
    FormulaError
        There is no member, the numbers of weights and members differ, a weight is not finite, or a formula
        cannot be parsed.
    """

    members: tuple[Formula, ...]
    weights: NDArray[np.float64]
    train: float
    validation: float
    raw_train: float
    raw_validation: float
    expected: float
    expected_low: float
    expected_high: float

    def __init__(
        self,
        members: Sequence[Formula],
        weights: Sequence[float] | NDArray[np.float64],
        train: float = float("nan"),
        validation: float = float("nan"),
        raw_train: float = float("nan"),
        raw_validation: float = float("nan"),
        expected: float = float("nan"),
        expected_low: float = float("nan"),
        expected_high: float = float("nan"),
    ) -> None:
        formulas = tuple(each if isinstance(each, Formula) else Formula(each) for each in members)
        values = np.array(weights, np.float64)
        if not len(formulas) or values.shape != (len(formulas),):
            raise FormulaError(
                f"a set needs at least one formula and one weight for each; got {len(formulas)} formulas and "
                f"{values.size} weights"
            )
        if not np.isfinite(values).all():
            raise FormulaError(f"the weights of a set must be finite numbers, not {values.tolist()}")
        values.flags.writeable = False
        object.__setattr__(self, "members", formulas)
        object.__setattr__(self, "weights", values)
        figures = {
            "train": train, "validation": validation,
            "raw_train": raw_train, "raw_validation": raw_validation,
            "expected": expected, "expected_low": expected_low, "expected_high": expected_high,
        }  # fmt: skip
        for name, figure in figures.items():
            object.__setattr__(self, name, figure)

    def signal(self, panel: Panel) -> "pd.DataFrame":
        """Compute the signal on a panel.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets.

        Returns
        -------
        pandas.DataFrame, shape (T, N)
            By date and asset, float32. NaN where no member has an opinion.

        Raises
        ------
        FormulaError
            A member reads a field, group or asset that the panel lacks.
        PanelError
            The argument is not a Panel.
        """
        check_panel(panel, "the signal of a set")
        total, known = np.zeros(panel.shape), np.zeros(panel.shape, np.bool_)
        for at in range(0, len(self), _MEMBERS):
            program = Program.from_expressions([each.expression for each in self.members[at : at + _MEMBERS]])
            _add(signals(program, panel), self.weights[at : at + _MEMBERS], total, known)
        return as_frame(_signal(total, known), panel)

    def write(self, path: str | PathLike[str]) -> None:
        """Write members and weights to a TOML file; scores and forecast are not written.

        Raises
        ------
        RunError
            The file cannot be written.
        """
        from quarva.engine.set_file import set_text

        write_atomically(path, set_text(self).encode("utf-8"))

    @staticmethod
    def read(path: str | PathLike[str], panel: Panel | None = None) -> "Set":
        """Read a set from a file of `write`, or from set.toml in the folder of a run.

        Parameters
        ----------
        path : path-like
            The file.
        panel : Panel, optional
            If given, fields, groups and assets must be those of the panel.

        Returns
        -------
        Set
            With the same signals, bit for bit. It has no scores and no forecast.

        Raises
        ------
        FormulaError
            The file cannot be read, is not such a file, or a formula is invalid.
        """
        from quarva.engine.set_file import read_set

        return read_set(path, panel)

    def combine(self, member_signals: NDArray[np.float32]) -> NDArray[np.float32]:
        """Combine the members' signals of one day, as a stream returns them.

        Parameters
        ----------
        member_signals : ndarray of float32, shape (K, N)
            Signals of the members on this day, in order. NaN means no opinion.

        Returns
        -------
        ndarray of float32, shape (N,)
            The signal of the set, bit for bit equal to that of `signal` on this day. NaN where no member has
            an opinion.

        Raises
        ------
        FormulaError
            The signals do not have the shape (K, N).
        """
        rows = np.ascontiguousarray(member_signals, np.float32)
        if rows.ndim != 2 or len(rows) != len(self):
            raise FormulaError(
                f"the signals of {len(self)} members must have the shape ({len(self)}, assets), not "
                f"{rows.shape}"
            )
        total, known = np.zeros((1, rows.shape[1])), np.zeros((1, rows.shape[1]), np.bool_)
        _add(rows[:, None], self.weights, total, known)
        return _signal(total, known)[0]

    def lookback(self) -> int:
        """Number of earlier days that the signal of a day depends on: the maximum over the members."""
        return max(each.expression.lookback() for each in self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"<Set of {len(self)} formulas>"

    def __str__(self) -> str:
        order = np.argsort(-np.abs(self.weights), kind="stable")
        rows = [f"{self.weights[k]:10.4g}  {self.members[k].text}" for k in order]
        return "\n".join([f"{'weight':>10}  formula", *rows])


def _add(
    member_signals: NDArray[np.float32],
    weights: NDArray[np.float64],
    total: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> None:
    """Add member signals, float32 [K, T, N], one after the other: the sum is reproducible bit for bit."""
    days = np.arange(total.shape[0])

    def work(first: int, last: int) -> None:
        row = np.empty(total.shape[1], np.float32)
        for signal, weight in zip(member_signals, weights.tolist(), strict=True):
            add_standardised(signal, weight, days[first:last], row, total, known)

    share(work, len(days), threads_to_use(None))


def _signal(total: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(known, total, np.nan).astype(np.float32)
