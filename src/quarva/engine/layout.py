"""The layout of a panel in memory, as the kernels read it."""

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine.tiles import Tiles
from quarva.panel import Panel, first_rows, last_rows

__all__ = ["PanelLayout", "group_codes", "lay_out"]


@dataclass(frozen=True, eq=False)
class PanelLayout:
    """A panel of T days and N assets, padded with NaN to `tiles.width` assets.

    Attributes
    ----------
    tiles : Tiles
        The tiles of assets.
    fields : ndarray of float32, shape (F, T, width)
        The fields. Values that are not finite are NaN.
    groups, n_groups : ndarray of int32, int
        See `group_codes`.
    universe : ndarray of bool, shape (T, N) or (0, 0)
        The universe; empty if every asset belongs to it on every day.
    listed : tuple of two ndarray of float32, shape (width,)
        With Qlib's conventions, the first and the last day of each asset. Otherwise 0 and infinity.
    """

    tiles: Tiles
    fields: NDArray[np.float32]
    groups: NDArray[np.int32]
    n_groups: int
    universe: NDArray[np.bool_]
    listed: tuple[NDArray[np.float32], NDArray[np.float32]]


_layouts: "weakref.WeakKeyDictionary[Panel, PanelLayout]" = weakref.WeakKeyDictionary()


def lay_out(panel: Panel) -> PanelLayout:
    """Return the layout of a panel. It is computed once during the panel's lifetime."""
    if panel not in _layouts:
        tiles = Tiles.of(panel)
        fields = tiles.pad(panel.values)
        fields[np.isinf(fields)] = np.nan
        universe = np.empty((0, 0), np.bool_) if panel.universe is None else panel.universe
        begins, ends = np.zeros(tiles.width, np.float32), np.full(tiles.width, np.inf, np.float32)
        if panel.conventions == "qlib":
            begins[: panel.values.shape[2]] = first_rows(panel.values)
            ends[: panel.values.shape[2]] = last_rows(panel.values)
        groups, n_groups = group_codes(panel)
        _layouts[panel] = PanelLayout(
            tiles, fields, groups, n_groups, np.ascontiguousarray(universe), (begins, ends)
        )
    return _layouts[panel]


def group_codes(panel: Panel) -> tuple[NDArray[np.int32], int]:
    """Return the codes of all groupings, int32 of shape (G, N), and the maximal number of groups of one."""
    groups = list(panel.groups.values())
    codes = [np.asarray(group.codes, np.int32) for group in groups]
    n_assets = panel.values.shape[2]
    stacked = np.stack(codes) if codes else np.empty((0, n_assets), np.int32)
    return np.ascontiguousarray(stacked), max((len(group.labels) for group in groups), default=0)
