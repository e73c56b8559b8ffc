"""A panel as the kernels read it."""

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine.tiles import Tiles
from quarva.panel import Panel, first_rows, last_rows

__all__ = ["Laid", "group_codes", "lay_out"]


@dataclass(frozen=True, eq=False)
class Laid:
    """T days of N assets, padded to `tiles.width` of them with NaN.

    Attributes:
        tiles: how the assets are cut.
        fields: float32 of shape (F, T, width); what is not finite is NaN.
        groups, n_groups: see `group_codes`.
        universe: bool of shape (T, N), or empty.
        listed: the first and the last day of each asset, float32 of shape (width,) each, for Qlib's
            conventions; else 0 and infinity.
    """

    tiles: Tiles
    fields: NDArray[np.float32]
    groups: NDArray[np.int32]
    n_groups: int
    universe: NDArray[np.bool_]
    listed: tuple[NDArray[np.float32], NDArray[np.float32]]


_laid: "weakref.WeakKeyDictionary[Panel, Laid]" = weakref.WeakKeyDictionary()


def lay_out(panel: Panel) -> Laid:
    """The panel laid out; once, as long as it lives."""
    if panel not in _laid:
        tiles = Tiles.of(panel)
        fields = tiles.pad(panel.values)
        fields[np.isinf(fields)] = np.nan
        universe = np.empty((0, 0), np.bool_) if panel.universe is None else panel.universe
        begins, ends = np.zeros(tiles.width, np.float32), np.full(tiles.width, np.inf, np.float32)
        if panel.conventions == "qlib":
            begins[: panel.values.shape[2]] = first_rows(panel.values)
            ends[: panel.values.shape[2]] = last_rows(panel.values)
        groups, n_groups = group_codes(panel)
        _laid[panel] = Laid(tiles, fields, groups, n_groups, np.ascontiguousarray(universe), (begins, ends))
    return _laid[panel]


def group_codes(panel: Panel) -> tuple[NDArray[np.int32], int]:
    """Codes of all groups, int32 of shape (G, N), and the largest number of groups in one of them."""
    groups = list(panel.groups.values())
    codes = [np.asarray(group.codes, np.int32) for group in groups]
    n_assets = panel.values.shape[2]
    stacked = np.stack(codes) if codes else np.empty((0, n_assets), np.int32)
    return np.ascontiguousarray(stacked), max((len(group.labels) for group in groups), default=0)
