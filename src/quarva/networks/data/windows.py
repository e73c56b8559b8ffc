"""Windows: the last S days of F features of each asset, which a network is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.engine import Program, signals
from quarva.errors import TaskError
from quarva.karva.notation import parse
from quarva.networks.data.features import Feature, compute, name_of
from quarva.networks.data.layout import Layout, arrange
from quarva.panel import Panel

__all__ = ["LOOKED_AT", "Missing", "Windows", "check_length"]

LOOKED_AT = 8_192
"""Windows of a batch that is only looked at, not learned from."""

Missing = Literal["drop", "mean"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Every window of a panel, kept once: each is a view of the same numbers.

    A window belongs to the day it ends on and holds that day and the S − 1 before it. As time is the slowest
    axis of the values and assets the fastest, the window of place p = t · N + n begins N · (S − 1) numbers
    earlier and steps by N: all windows together are one strided view, and nothing of size T × N × S exists.

    Attributes:
        values: float32 [F, T, N], scaled; no NaN, what is missing is 0.
        length: S, days of a window.
        names: the F features, formulas as text.
        mean, scale: float64 [F]: a feature's values had the mean taken off and were divided by the scale.
        there: bool [T, N], whether the window that ends there may be shown.
    """

    values: Tensor
    length: int
    names: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    there: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        panel: Panel,
        features: Sequence[Feature],
        length: int,
        fitted: NDArray[np.bool_] | tuple[NDArray[np.float64], NDArray[np.float64]],
        *,
        scaled: bool = True,
        missing: Missing = "drop",
        threads: int | None = None,
        seen: Callable[[Sequence[str], NDArray[np.float32]], object] = lambda *_: None,
    ) -> "Windows":
        """The windows of some features.

        Args:
            panel: the data.
            features: formulas, a field's name among them (`close`, `pct_change(close, 1)`), or functions of
                the panel that give [T, N].
            length: days of a window, 1 or more.
            fitted: bool [T], the days of training, or bool [T, N], its cells: mean and standard deviation of
                each feature are those of these, and no other has a part in them. Or mean and scale
                themselves, float64 [F] each.
            scaled: whether features are scaled at all.
            missing: `drop`, a window with a missing value is not shown; `mean`, the value is the feature's
                mean of the days of training, and only a window with nothing in it is not shown. Infinite
                values are missing values.
            threads: that compute the features; None is one a core.
            seen: is shown names and values, float32 [F, T, N], before they are scaled; may raise.

        Raises:
            FormulaError: a feature that can not be read, or reads what the panel lacks.
            TaskError: no feature, a length of 0 or longer than the panel, a feature without two values in
                training, or the same there in every cell.
        """
        if not features:
            raise TaskError("windows need a feature: give at least one formula, such as 'close'")
        check_length(length, panel)
        if missing not in ("drop", "mean"):
            raise TaskError(f"missing is 'drop' or 'mean', not '{missing}'")
        names = tuple(name_of(each) for each in features)
        values = _values(features, panel, threads)
        seen(names, values)
        known = np.isfinite(values)
        mean, scale = fitted if isinstance(fitted, tuple) else _fit(names, values, known, fitted, scaled)
        values -= mean.astype(values.dtype)[:, None, None]
        values /= scale.astype(values.dtype)[:, None, None]
        values[~known] = 0.0
        shown = np.asarray(known.all(axis=0) if missing == "drop" else known.any(axis=0))
        there = _over_windows(shown, length, missing)
        return cls(torch.from_numpy(values.astype(np.float32, copy=False)), length, names, mean, scale, there)

    def to(self, device: torch.device) -> "Windows":
        """The same with its values on a device."""
        return replace(self, values=self.values.to(device))

    @property
    def view(self) -> Tensor:
        """All windows, float32 [(T − S + 1) · N, S, F]: a view; the first belongs to place (S − 1) · N."""
        features, days, assets = self.values.shape
        shape = ((days - self.length + 1) * assets, self.length, features)
        return self.values.as_strided(shape, (1, assets, days * assets))

    def batch(self, places: Tensor, layout: Layout) -> Tensor:
        """The windows of places t · N + n, int64 [B], in the order of a layout; only these are copied."""
        first = (self.length - 1) * self.values.shape[2]
        return arrange(self.view[places - first], layout)

    def span(self, first: int, last: int, layout: Layout) -> Tensor:
        """All windows that end on the days first … last − 1, day by day, each the N assets in their order.

        Nothing is copied, but for `features` where S and F are both above 1.
        """
        assets, before = self.values.shape[2], self.length - 1
        if not before <= first <= last <= self.values.shape[1]:
            raise TaskError(f"windows of {self.length} days end on days {before} and later, not {first}")
        return arrange(self.view[(first - before) * assets : (last - before) * assets], layout)

    def places(self, days: NDArray[np.bool_], wanted: NDArray[np.bool_] | None = None) -> Tensor:
        """Places of the windows that may be shown and end on some days, int64 [B], ascending.

        Args:
            days: bool [T], or cells, bool [T, N].
            wanted: bool [T, N], cells that are of use, those with a target; None is all.
        """
        chosen = self.there & days.reshape(len(days), -1)
        if wanted is not None:
            chosen &= wanted
        return torch.from_numpy(np.flatnonzero(chosen))


def check_length(length: int, panel: Panel) -> None:
    """Raise TaskError for a window that a panel has not days enough for."""
    days = panel.shape[0]
    if not 1 <= length <= days:
        raise TaskError(f"a window of {length} days does not fit: {panel.name} has {days}; take 1 to {days}")


def _values(features: Sequence[Feature], panel: Panel, threads: int | None) -> NDArray[np.floating]:
    """Features on a panel, [F, T, N] in its precision, in their order."""
    texts = [each for each in features if isinstance(each, str)]
    formulas = iter(
        signals(Program.from_expressions([parse(text) for text in texts]), panel, threads) if texts else ()
    )
    if len(texts) == len(features):
        return np.stack(list(formulas))
    return np.stack([next(formulas) if isinstance(each, str) else compute(each, panel) for each in features])


def _fit(
    names: Sequence[str],
    values: NDArray[np.floating],
    known: NDArray[np.bool_],
    fitted: NDArray[np.bool_],
    scaled: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each feature in training, 0 and 1 where they are not to be scaled."""
    mean, scale = np.zeros(len(names)), np.ones(len(names))
    for f, name in enumerate(names):
        cells = values[f][known[f] & fitted.reshape(len(fitted), -1)].astype(np.float64)
        if len(cells) < 2 or cells.min() == cells.max():
            what = f"is {cells[0]:g} in every cell" if len(cells) > 1 else f"has {len(cells)} values"
            raise TaskError(f"the feature '{name}' {what} in training; leave it out")
        if scaled:
            mean[f], scale[f] = cells.mean(), cells.std()
    return mean, scale


def _over_windows(shown: NDArray[np.bool_], length: int, missing: Missing) -> NDArray[np.bool_]:
    """Whether all (`drop`) or any (`mean`) of the last `length` days are shown, bool [T, N]."""
    total = np.zeros((len(shown) + 1, shown.shape[1]), np.int32)
    np.cumsum(shown, axis=0, dtype=np.int32, out=total[1:])
    many = np.zeros(shown.shape, np.int32)
    many[length - 1 :] = total[length:] - total[:-length]
    return many >= (length if missing == "drop" else 1)
