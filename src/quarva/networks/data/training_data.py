"""The data that a network learns from: days of a panel or rows of a table, and the checks for each kind."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.karva.notation import parse
from quarva.networks.data.features import Feature, default_features, feature_name
from quarva.networks.data.layout import Layout, axes_of
from quarva.networks.data.leaks import check_causality, check_target
from quarva.networks.data.windows import Missing, check_length
from quarva.tasks import TRAIN, VALIDATION, Task, check_task, last_known_value

__all__ = ["PanelData", "TableData", "TrainingData", "training_data_of"]

_BATCH = 1_024  # default batch size

Cells = NDArray[np.bool_]
"""Mask of cells, shape (T, N), or (T, 1) if all assets of a day belong to the same part."""


class TrainingData(ABC):
    """A task as networks see it. Subclasses hold everything that depends on the kind of data.

    Attributes
    ----------
    task : Task
        The task.
    target : ndarray of float32, shape (T, N)
        Target of each cell. NaN means no target, as in the sealed test.
    training : ndarray of bool, shape (T, N) or (T, 1)
        Cells of the training part, from which the scaling of features and target is computed.
    evaluated_on : tuple of str and ndarray of bool
        Name and cells of the part on which networks are compared with their baselines.
    last_known : ndarray of float32, shape (T, N), or None
        The last value of the target that is known on each day. None for tables.
    """

    task: Task
    target: NDArray[np.float32]
    training: Cells
    evaluated_on: tuple[str, Cells]
    last_known: NDArray[np.float32] | None

    @abstractmethod
    def split_training(self, holdout: float) -> tuple[Cells, Cells]:
        """Split the training part into cells to learn from and cells for early stopping.

        Parameters
        ----------
        holdout : float
            Share of the training part used for early stopping. With 0, the validation part is used instead.
        """

    @abstractmethod
    def features(self, given: Sequence[Feature] | None) -> tuple[Feature, ...]:
        """Return the given features, or the default ones."""

    @abstractmethod
    def length(self, given: int | None) -> int:
        """Return the given window length, or the default. Raises TaskError if it does not fit."""

    @abstractmethod
    def batch(self, given: int | None) -> int:
        """Return the given batch size, or the default."""

    @abstractmethod
    def check_features(self, features: Sequence[Feature]) -> None:
        """Raise TaskError if a feature must not be used as input."""

    @abstractmethod
    def check_values(self, names: Sequence[str], values: NDArray[np.float32], missing: Missing) -> None:
        """Check the unscaled features, float32 of shape (F, T, N). Raises TaskError."""

    @abstractmethod
    def check_network(self, name: str, layout: Layout) -> None:
        """Raise TaskError if the network's layout cannot be used with this kind of data."""

    @abstractmethod
    def check_loss(self, loss: str) -> None:
        """Raise TaskError if the loss cannot be computed for this kind of data."""


class PanelData(TrainingData):
    """Days of a panel. Windows end on them, and the parts are ordered in time."""

    def __init__(self, task: Task) -> None:
        self.task, self.target = task, task.targets[0]
        self.training = self._part(TRAIN)
        self.evaluated_on = "validation", self._part(VALIDATION)
        self.last_known = last_known_value(self.target, task.horizon + task.delay)

    def _part(self, part: int) -> Cells:
        return (self.task.segments == part)[:, None]

    def split_training(self, holdout: float) -> tuple[Cells, Cells]:
        """Hold out the last days of the training part and purge the days before them.

        The task has already purged the border between training and validation.
        """
        if holdout == 0:
            return self.training, self.evaluated_on[1]
        days = np.flatnonzero(self.training)
        learned, stopping = np.zeros((2, *self.training.shape), np.bool_)
        border = len(days) - round(holdout * len(days))
        learned[days[: max(0, border - self.task.horizon - self.task.delay)]] = True
        stopping[days[border:]] = True
        return learned, stopping

    def features(self, given: Sequence[Feature] | None) -> tuple[Feature, ...]:
        """Return the given features. Defaults to those of `default_features`."""
        return tuple(given or default_features(self.task.fields))

    def length(self, given: int | None) -> int:
        """Return the given window length. Defaults to 20, about a month of trading days."""
        days = 20 if given is None else given
        check_length(days, self.task.panel)
        return days

    def batch(self, given: int | None) -> int:
        """Return the given batch size. Defaults to 1,024."""
        return given or _BATCH

    def check_features(self, features: Sequence[Feature]) -> None:
        """Check that no feature reads a target or looks ahead."""
        for each in features:
            if isinstance(each, str):
                self.task.check_fields(each)
        check_causality(features, self.task.panel)

    def check_values(self, names: Sequence[str], values: NDArray[np.float32], missing: Missing) -> None:
        """Check that no feature is a copy of the target."""
        check_target(names, values, self.task)

    def check_network(self, name: str, layout: Layout) -> None:
        """Accept every layout."""

    def check_loss(self, loss: str) -> None:
        """Check that ranking losses have at least 3 assets."""
        if loss in ("ic", "rank_ic") and self.task.panel.shape[1] < 3:
            raise TaskError(f"the loss {loss} compares the assets of a day; the panel has fewer than 3")


class TableData(TrainingData):
    """Rows of a table. Rows are independent of each other, and the parts are drawn at random."""

    last_known = None

    def __init__(self, task: Task) -> None:
        parts = np.isfinite(task.targets)
        self.task = task
        self.target = np.where(parts[0], task.targets[0], task.targets[-1])
        self.training = parts[TRAIN]
        self.evaluated_on = (
            ("validation", parts[VALIDATION]) if len(parts) > VALIDATION else ("training", self.training)
        )

    def split_training(self, holdout: float) -> tuple[Cells, Cells]:
        """Draw the rows for early stopping at random, with a fixed seed."""
        name, judged = self.evaluated_on
        if holdout == 0:
            if name != "validation":
                raise TaskError(
                    "holdout=0 uses the validation part for early stopping, but the table has none; pass a "
                    "holdout above 0, or give the task a split"
                )
            return self.training, judged
        rows = np.random.default_rng(0).permutation(np.flatnonzero(self.training))
        stopping = np.zeros(self.training.shape, np.bool_)
        stopping.flat[rows[: round(holdout * len(rows))]] = True
        return self.training & ~stopping, stopping

    def features(self, given: Sequence[Feature] | None) -> tuple[Feature, ...]:
        """Return the given features. Defaults to all columns."""
        return tuple(given or self.task.fields)

    def length(self, given: int | None) -> int:
        """Return 1, the only window length for a table."""
        if given not in (None, 1):
            raise TaskError(f"length={given} does not fit a table, whose rows have no order; leave it out")
        return 1

    def batch(self, given: int | None) -> int:
        """Return the given batch size. Defaults to a sixteenth of the rows, from 16 to 1,024."""
        return given or min(_BATCH, max(16, int(self.training.sum()) // 16))

    def check_features(self, features: Sequence[Feature]) -> None:
        """Check that features are formulas that only read their own row."""
        for each in features:
            if not isinstance(each, str):
                raise TaskError(
                    f"the feature {feature_name(each)} is a function; a table needs formulas of its columns"
                )
            operators = [node.symbol.operator for node in parse(each).walk()]
            wide = [one.name for one in operators if one is not None and one.kind != "elementwise"]
            if wide:
                raise TaskError(
                    f"the feature '{each}' reads other rows ({wide[0]}), and the rows of a table have no "
                    "order; leave it out"
                )

    def check_values(self, names: Sequence[str], values: NDArray[np.float32], missing: Missing) -> None:
        """Check that every row with a target has input, because a score needs a prediction for each row."""
        scored = np.isfinite(self.target)
        known = np.isfinite(values)
        lost = scored & ~(known.all(axis=0) if missing == "drop" else known.any(axis=0))
        if lost.any():
            name = names[int(np.argmax((scored & ~known).any(axis=(1, 2))))]
            raise TaskError(
                f"the feature '{name}' has no value in {int(lost.sum())} of {int(scored.sum())} rows, but "
                "every row must be scored; pass missing='mean', or leave the feature out"
            )

    def check_network(self, name: str, layout: Layout) -> None:
        """Check that the network reads the layout `features`."""
        if layout != "features":
            raise TaskError(
                f"{name} reads a sequence of days in the layout '{layout}' {axes_of(layout)}, but a row of a "
                "table has no days; use dense, or a module with the layout 'features'"
            )

    def check_loss(self, loss: str) -> None:
        """Reject ranking losses, because no rows belong together."""
        if loss in ("ic", "rank_ic"):
            raise TaskError(
                f"the loss {loss} compares the assets of a day, but a table has no assets; use mse"
            )


def training_data_of(task: Task) -> TrainingData:
    """The training data of a task.

    Parameters
    ----------
    task : Task
        The task.

    Returns
    -------
    PanelData or TableData

    Raises
    ------
    TaskError
        `task` is not a Task.
    """
    check_task(task, "fit")
    return PanelData(task) if task.table is None else TableData(task)
