"""Windows: the last S days of F features of each asset, the input of a network."""

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
from quarva.networks.data.features import Feature, compute, feature_name
from quarva.networks.data.layout import Layout, arrange
from quarva.panel import Panel

__all__ = ["INFERENCE_BATCH", "Missing", "Windows", "check_length"]

INFERENCE_BATCH = 8_192
"""Maximum number of windows in a batch that is evaluated without gradients."""

Missing = Literal["drop", "mean"]


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of a panel, as strided views of one array.

    A window consists of its last day and the S − 1 days before it. Time is the slowest axis of the values and
    assets are the fastest. The window with flat index i = t · N + n therefore begins N · (S − 1) numbers
    earlier and advances by N, so that all windows form one strided view and no array of size T × N × S is
    allocated.

    Attributes
    ----------
    values : Tensor of float32, shape (F, T, N)
        Scaled features. Missing values are replaced by 0.
    length : int
        Number S of days in a window.
    names : tuple of str, length F
        Names of the features.
    mean, scale : ndarray of float64, shape (F,)
        Mean that was subtracted from each feature, and scale by which it was then divided.
    valid : ndarray of bool, shape (T, N)
        True where the window that ends in the cell may be used as input.
    """

    values: Tensor
    length: int
    names: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    valid: NDArray[np.bool_]

    @classmethod
    def from_panel(
        cls,
        panel: Panel,
        features: Sequence[Feature],
        length: int,
        scaling: NDArray[np.bool_] | tuple[NDArray[np.float64], NDArray[np.float64]],
        *,
        scaled: bool = True,
        missing: Missing = "drop",
        threads: int | None = None,
        inspect: Callable[[Sequence[str], NDArray[np.float32]], object] = lambda *_: None,
    ) -> "Windows":
        """Compute features on a panel, scale them, and arrange them as windows.

        Parameters
        ----------
        panel : Panel
            The data, T days and N assets.
        features : sequence of str or callable
            Formulas, such as `close` or `pct_change(close, 1)`, or functions that return an array of shape
            (T, N) for a panel.
        length : int
            Number of days in a window, at least 1.
        scaling : ndarray of bool, shape (T,) or (T, N), or pair of ndarray of float64, shape (F,)
            Days or cells from which the mean and the standard deviation of each feature are computed (the
            training part), or the means and scales themselves.
        scaled : bool, default True
            Whether to scale the features. If false, their values remain unchanged.
        missing : {"drop", "mean"}, default "drop"
            With "drop", windows with a missing value are excluded. With "mean", a missing value is replaced
            by the mean of its feature, and only windows without any value are excluded.
        threads : int, optional
            Maximum number of threads. Defaults to one per core.
        inspect : callable, optional
            Called with the names and the unscaled values, float32 of shape (F, T, N). It may raise an
            exception.

        Returns
        -------
        Windows

        Raises
        ------
        FormulaError
            A feature cannot be parsed or reads a field that the panel lacks.
        TaskError
            There is no feature, the length is below 1 or exceeds the panel, or a feature is constant or has
            fewer than two values in training.

        Notes
        -----
        Infinite values are treated as missing.
        """
        if not features:
            raise TaskError("no features given; give at least one formula, such as 'close'")
        check_length(length, panel)
        if missing not in ("drop", "mean"):
            raise TaskError(f"missing must be 'drop' or 'mean', not '{missing}'")
        names = tuple(feature_name(each) for each in features)
        values = _feature_values(features, panel, threads)
        inspect(names, values)
        known = np.isfinite(values)
        if isinstance(scaling, tuple):
            mean, scale = scaling
        else:
            mean, scale = _fit_scaling(names, values, known, scaling, scaled)
        values -= mean.astype(values.dtype)[:, None, None]
        values /= scale.astype(values.dtype)[:, None, None]
        values[~known] = 0.0
        usable = np.asarray(known.all(axis=0) if missing == "drop" else known.any(axis=0))
        valid = _valid_windows(usable, length, missing)
        inputs = torch.from_numpy(values.astype(np.float32, copy=False))
        return cls(inputs, length, names, mean, scale, valid)

    def to(self, device: torch.device) -> "Windows":
        """Copy the windows to a device."""
        return replace(self, values=self.values.to(device))

    @property
    def view(self) -> Tensor:
        """A view of all windows, float32, shape ((T − S + 1) · N, S, F).

        The first window has flat index (S − 1) · N.
        """
        features, days, assets = self.values.shape
        shape = ((days - self.length + 1) * assets, self.length, features)
        return self.values.as_strided(shape, (1, assets, days * assets))

    def batch(self, indices: Tensor, layout: Layout) -> Tensor:
        """Copy some windows into a layout.

        Parameters
        ----------
        indices : Tensor of int64, shape (B,)
            Flat indices t · N + n of the windows.
        layout : Layout
            Order of the axes.

        Returns
        -------
        Tensor of float32
            The windows in the layout.
        """
        first = (self.length - 1) * self.values.shape[2]
        return arrange(self.view[indices - first], layout)

    def span(self, first: int, last: int, layout: Layout) -> Tensor:
        """All windows that end on the days `first` to `last` − 1.

        Parameters
        ----------
        first, last : int
            First day, and the day after the last one.
        layout : Layout
            Order of the axes.

        Returns
        -------
        Tensor of float32
            The windows ordered by day, then by asset. A view, except in the layout "features" with S > 1 and
            F > 1.

        Raises
        ------
        TaskError
            `first` is earlier than the last day of the first window, or `last` is after the panel.
        """
        assets, before = self.values.shape[2], self.length - 1
        if not before <= first <= last <= self.values.shape[1]:
            raise TaskError(f"windows of {self.length} days end on days {before} and later, not {first}")
        return arrange(self.view[(first - before) * assets : (last - before) * assets], layout)

    def indices(self, days: NDArray[np.bool_], mask: NDArray[np.bool_] | None = None) -> Tensor:
        """Flat indices t · N + n of the valid windows that end on given days.

        Parameters
        ----------
        days : ndarray of bool, shape (T,) or (T, N)
            Days or cells.
        mask : ndarray of bool, shape (T, N), optional
            Further restriction, for example to cells with a target.

        Returns
        -------
        Tensor of int64, shape (B,)
            The indices, ascending.
        """
        chosen = self.valid & days.reshape(len(days), -1)
        if mask is not None:
            chosen &= mask
        return torch.from_numpy(np.flatnonzero(chosen))


def check_length(length: int, panel: Panel) -> None:
    """Raise TaskError if a panel has fewer days than a window."""
    days = panel.shape[0]
    if not 1 <= length <= days:
        raise TaskError(
            f"a window of {length} days does not fit {panel.name}, which has {days}; choose 1 to {days}"
        )


def _feature_values(features: Sequence[Feature], panel: Panel, threads: int | None) -> NDArray[np.floating]:
    """Values of the features in the precision of the panel, shape (F, T, N)."""
    texts = [each for each in features if isinstance(each, str)]
    formulas = iter(
        signals(Program.from_expressions([parse(text) for text in texts]), panel, threads) if texts else ()
    )
    if len(texts) == len(features):
        return np.stack(list(formulas))
    return np.stack([next(formulas) if isinstance(each, str) else compute(each, panel) for each in features])


def _fit_scaling(
    names: Sequence[str],
    values: NDArray[np.floating],
    known: NDArray[np.bool_],
    training: NDArray[np.bool_],
    scaled: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each feature in training, or 0 and 1 if features are not scaled."""
    mean, scale = np.zeros(len(names)), np.ones(len(names))
    for f, name in enumerate(names):
        cells = values[f][known[f] & training.reshape(len(training), -1)].astype(np.float64)
        if len(cells) < 2 or cells.min() == cells.max():
            fault = f"is {cells[0]:g} in every cell" if len(cells) > 1 else f"has {len(cells)} values"
            raise TaskError(f"the feature '{name}' {fault} in training; leave it out")
        if scaled:
            mean[f], scale[f] = cells.mean(), cells.std()
    return mean, scale


def _valid_windows(usable: NDArray[np.bool_], length: int, missing: Missing) -> NDArray[np.bool_]:
    """True where all ("drop") or any ("mean") of the last `length` days are usable, shape (T, N)."""
    total = np.zeros((len(usable) + 1, usable.shape[1]), np.int32)
    np.cumsum(usable, axis=0, dtype=np.int32, out=total[1:])
    count = np.zeros(usable.shape, np.int32)
    count[length - 1 :] = total[length:] - total[:-length]
    return count >= (length if missing == "drop" else 1)
