"""What a network learns from, days of a panel or rows of a table, and what it may be shown of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarva.errors import TaskError
from quarva.karva.notation import parse
from quarva.networks.data.features import Feature, name_of, usual_features
from quarva.networks.data.layout import Layout, axes_of
from quarva.networks.data.leaks import check_causality, check_target
from quarva.networks.data.windows import Missing, check_length
from quarva.tasks import TRAIN, VALIDATION, Task, check_task, known_value

__all__ = ["PanelData", "TableData", "TrainingData", "training_data_of"]

_BATCH = 1_024  # windows of a step

Cells = NDArray[np.bool_]
"""bool [T, N], or [T, 1] where all assets of a day belong together."""


class TrainingData(ABC):
    """A task as networks see it; all that they have to know of its kind stands here.

    Attributes:
        task: the question.
        target: float32 [T, N], its target by cell; NaN = none, and in the sealed test.
        training: cells of training, by which features and target are scaled.
        judged: name and cells of the part that networks are held against their baselines on.
        known: float32 [T, N], the target's last value that is known; None where there is no before.
    """

    task: Task
    target: NDArray[np.float32]
    training: Cells
    judged: tuple[str, Cells]
    known: NDArray[np.float32] | None

    @abstractmethod
    def stretches(self, holdout: float) -> tuple[Cells, Cells]:
        """Cells to learn from, and the share of those of training to stop by; 0 stops by the validation."""

    @abstractmethod
    def features(self, given: Sequence[Feature] | None) -> tuple[Feature, ...]:
        """Features as given, or the usual ones."""

    @abstractmethod
    def length(self, given: int | None) -> int:
        """Days of a window as given, or as usual. Raises TaskError for one that can not be."""

    @abstractmethod
    def batch(self, given: int | None) -> int:
        """Windows of a step as given, or as usual."""

    @abstractmethod
    def check_features(self, features: Sequence[Feature]) -> None:
        """Raise TaskError for a feature that may not be shown."""

    @abstractmethod
    def check_values(self, names: Sequence[str], values: NDArray[np.float32], missing: Missing) -> None:
        """Look at features, float32 [F, T, N], before they are scaled. Raises TaskError."""

    @abstractmethod
    def check_network(self, name: str, layout: Layout) -> None:
        """Raise TaskError for a layout that has nothing to be read in."""

    @abstractmethod
    def check_loss(self, loss: str) -> None:
        """Raise TaskError for a loss that compares what can not be compared here."""


class PanelData(TrainingData):
    """Days of a panel: windows that end on them, parts in order of time."""

    def __init__(self, task: Task) -> None:
        self.task, self.target = task, task.targets[0]
        self.training = self._part(TRAIN)
        self.judged = "validation", self._part(VALIDATION)
        self.known = known_value(self.target, task.horizon + task.delay)

    def _part(self, part: int) -> Cells:
        return (self.task.segments == part)[:, None]

    def stretches(self, holdout: float) -> tuple[Cells, Cells]:
        """The last days of training are those to stop by; the days between are purged.

        The days of validation have been purged from those of training by the task already.
        """
        if holdout == 0:
            return self.training, self.judged[1]
        days = np.flatnonzero(self.training)
        learned, stopping = np.zeros((2, *self.training.shape), np.bool_)
        border = len(days) - round(holdout * len(days))
        learned[days[: max(0, border - self.task.horizon - self.task.delay)]] = True
        stopping[days[border:]] = True
        return learned, stopping

    def features(self, given: Sequence[Feature] | None) -> tuple[Feature, ...]:
        """Without any those of bars."""
        return tuple(given or usual_features(self.task.fields))

    def length(self, given: int | None) -> int:
        """A month of trading days without any."""
        days = 20 if given is None else given
        check_length(days, self.task.panel)
        return days

    def batch(self, given: int | None) -> int:
        """A panel has windows in plenty."""
        return given or _BATCH

    def check_features(self, features: Sequence[Feature]) -> None:
        """None may read a target or know the days to come."""
        for each in features:
            if isinstance(each, str):
                self.task.check_fields(each)
        check_causality(features, self.task.panel)

    def check_values(self, names: Sequence[str], values: NDArray[np.float32], missing: Missing) -> None:
        """See whether a feature is the target under another name."""
        check_target(names, values, self.task)

    def check_network(self, name: str, layout: Layout) -> None:
        """Windows can be read in every layout."""

    def check_loss(self, loss: str) -> None:
        """Rankings need assets to rank."""
        if loss in ("ic", "rank_ic") and self.task.panel.shape[1] < 3:
            raise TaskError(f"the loss {loss} compares the assets of a day; the panel has fewer than 3")


class TableData(TrainingData):
    """Rows of a table: each by itself, parts drawn at random."""

    known = None

    def __init__(self, task: Task) -> None:
        parts = np.isfinite(task.targets)
        self.task = task
        self.target = np.where(parts[0], task.targets[0], task.targets[-1])
        self.training = parts[TRAIN]
        self.judged = (
            ("validation", parts[VALIDATION]) if len(parts) > VALIDATION else ("training", self.training)
        )

    def stretches(self, holdout: float) -> tuple[Cells, Cells]:
        """Rows to stop by are drawn at random, always the same ones."""
        name, judged = self.judged
        if holdout == 0:
            if name != "validation":
                raise TaskError(
                    "holdout 0 stops by the validation and the table has none: give a share above 0, or the "
                    "task a split"
                )
            return self.training, judged
        rows = np.random.default_rng(0).permutation(np.flatnonzero(self.training))
        stopping = np.zeros(self.training.shape, np.bool_)
        stopping.flat[rows[: round(holdout * len(rows))]] = True
        return self.training & ~stopping, stopping

    def features(self, given: Sequence[Feature] | None) -> tuple[Feature, ...]:
        """Without any all columns."""
        return tuple(given or self.task.fields)

    def length(self, given: int | None) -> int:
        """A row, and nothing before it."""
        if given not in (None, 1):
            raise TaskError(f"a row of a table has none before it, let alone {given} days: leave length out")
        return 1

    def batch(self, given: int | None) -> int:
        """So few that an epoch has steps enough."""
        return given or min(_BATCH, max(16, int(self.training.sum()) // 16))

    def check_features(self, features: Sequence[Feature]) -> None:
        """Formulas that read their own row alone: the order of rows says nothing."""
        for each in features:
            if not isinstance(each, str):
                raise TaskError(
                    f"the feature {name_of(each)} is a function; of a table's columns give formulas"
                )
            operators = [node.symbol.operator for node in parse(each).walk()]
            wide = [one.name for one in operators if one is not None and one.kind != "elementwise"]
            if wide:
                raise TaskError(
                    f"the feature '{each}' reads other rows ({wide[0]}), and the rows of a table have no "
                    "order; leave it out"
                )

    def check_values(self, names: Sequence[str], values: NDArray[np.float32], missing: Missing) -> None:
        """A score asks for every row, so that every row must have something to be shown."""
        asked = np.isfinite(self.target)
        known = np.isfinite(values)
        lost = asked & ~(known.all(axis=0) if missing == "drop" else known.any(axis=0))
        if lost.any():
            name = names[int(np.argmax((asked & ~known).any(axis=(1, 2))))]
            raise TaskError(
                f"the feature '{name}' has no value in {int(lost.sum())} of {int(asked.sum())} rows, and a "
                "score asks for all: take missing='mean', or leave it out"
            )

    def check_network(self, name: str, layout: Layout) -> None:
        """A row is read as features, and in no other way."""
        if layout != "features":
            raise TaskError(
                f"{name} reads days in the layout '{layout}' {axes_of(layout)}, and a row of a table has "
                "none: take dense, or a module of the layout 'features'"
            )

    def check_loss(self, loss: str) -> None:
        """Nothing can be ranked where no rows belong together."""
        if loss in ("ic", "rank_ic"):
            raise TaskError(f"the loss {loss} compares the assets of a day, and a table has none; take mse")


def training_data_of(task: Task) -> TrainingData:
    """The material of a task. Raises TaskError where it is none."""
    check_task(task, "fit")
    return PanelData(task) if task.table is None else TableData(task)
