"""Definitions of the rolling operators: on full windows and on windows with gaps.

Each family of operators has a file with two tables. `FULL` maps an operator to a function of windows, tensors
of shape (days, N, w) without NaN whose last axis runs from the oldest day to today. `GAPPED`, for Qlib's
conventions, maps it to a function of `Part`. Both functions return a tensor of shape (days, N); that of
`quantile` also takes the share.
"""

from collections.abc import Callable

from torch import Tensor

from quarva.engine.reference.windows import counts, extremes, lines, moments, order, pairs, sums
from quarva.engine.reference.windows.gapped import Part
from quarva.engine.reference.windows.sums import carried_ema

__all__ = ["FULL", "GAPPED", "Part", "carried_ema"]

_FAMILIES = (sums, moments, extremes, order, counts, lines, pairs)

FULL: dict[str, Callable[..., Tensor]] = {name: f for family in _FAMILIES for name, f in family.FULL.items()}
"""The definition of each operator on full windows."""

GAPPED: dict[str, Callable[..., Tensor]] = {
    name: f for family in _FAMILIES for name, f in family.GAPPED.items()
}
"""The definition of each operator on windows with gaps, except `ema`; see `carried_ema`."""
