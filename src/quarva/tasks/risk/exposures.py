"""Exposures of all assets on all days, and the design matrices of the daily regressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva import engine
from quarva.errors import TaskError
from quarva.karva.expression import Expression
from quarva.panel import Panel

__all__ = ["Exposures"]

Floats = NDArray[np.float64]

_LIMIT = 3.0  # largest absolute value of a standardised exposure; larger ones are cut
_LEAST_MEMBERS = 2  # a group of one asset would explain its return completely
_COLLINEAR = 1e-6  # least share of an exposure's sum of squares that the others must leave unexplained
_FACTOR_DAYS, _FACTOR_LEAST, _FACTOR_STEP = 252, 126, 21  # window, first day and days between updates
_DAYS = 64  # days per chunk
_CARRIED_DAYS = 120  # days for which the last known value of an asset is carried forward
_LEAST_KNOWN = 0.5  # a note is added if the share of known cells is below this
_LEAST_FREE = 10  # assets that a panel needs in addition to one per exposure


@dataclass(frozen=True, eq=False)
class Exposures:
    """Exposures of N assets on T days.

    Attributes
    ----------
    values : ndarray of float32, shape (K, T, N)
        Z-scores over the assets of a day, cut at ±3. A missing value is replaced by the last known value of
        the asset for up to 120 days, and is 0 after that.
    names : tuple of str, length K
        Names of the exposures.
    members : ndarray of bool, shape (G, N)
        Members of each group of each grouping. Groups with a single member and assets without a group are
        joined into one group per grouping. Without groupings, one group of all assets.
    notes : tuple of str
        Exposures that were dropped or are mostly missing, and groups that were joined.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    members: NDArray[np.bool_]
    notes: tuple[str, ...]

    @classmethod
    def measure(
        cls, panel: Panel, formulas: Mapping[str, Expression], groups: Sequence[str], factors: int
    ) -> "Exposures":
        """Compute the exposures of a panel.

        Parameters
        ----------
        panel : Panel
            The panel of T days and N assets.
        formulas : mapping of str to Expression
            Formula of each exposure by its name.
        groups : sequence of str
            Names of groupings that the panel has.
        factors : int
            Number of statistical factors.

        Returns
        -------
        Exposures
            Exposures that have no value on the panel, are the same for all assets, or are determined by the
            groups and earlier exposures are dropped.

        Raises
        ------
        TaskError
            There are too many exposures for the number of assets, or statistical factors are requested and
            the panel has no field `close`.
        """
        members, notes = _members(panel, groups)
        count, assets = len(formulas) + factors + len(members), len(panel.assets)
        if count > 1 and count + _LEAST_FREE > assets:
            raise TaskError(
                f"the risk model has {count} exposures, groups included, too many for {assets} assets; "
                "remove some of its groups or exposures"
            )
        program = engine.Program.from_expressions(list(formulas.values()))
        raw = engine.signals(program, panel) if formulas else np.empty((0, *panel.shape), np.float32)
        names = [*formulas, *(f"factor {k + 1}" for k in range(factors))]
        if factors:
            raw = np.concatenate([raw, _statistical_factors(panel, factors)])
        raw = np.stack([_carried(each) for each in raw]) if len(raw) else raw
        values = np.stack([_standardised(each) for each in raw]) if len(raw) else raw
        known = [_coverage(each, panel.universe) for each in raw]
        kept, dropped = _independent(values, members, names, known)
        dropped += [
            f"risk model: '{names[k]}' is known for {100 * known[k]:.0f} % of the cells; "
            "elsewhere it counts as average"
            for k in kept
            if known[k] < _LEAST_KNOWN
        ]
        return cls(values[kept], tuple(names[k] for k in kept), members, (*notes, *dropped))

    @property
    def count(self) -> int:
        """Number of columns of the design matrix."""
        return len(self.values) + len(self.members)

    def design(self, days: slice) -> Floats:
        """Design matrices of D days, float64 [D, N, G + K]; the groups come first."""
        some = self.values[:, days].transpose(1, 2, 0).astype(np.float64)
        groups = np.broadcast_to(self.members.T, (len(some), *self.members.T.shape))
        return np.concatenate([groups, some], axis=2)


def _members(panel: Panel, groups: Sequence[str]) -> tuple[NDArray[np.bool_], list[str]]:
    """Members of each group, bool [G, N], and notes about groups that are joined."""
    rows: list[NDArray[np.bool_]] = []
    notes: list[str] = []
    for name in groups:
        codes, labels = panel.groups[name].codes, panel.groups[name].labels
        sizes = np.bincount(codes[codes >= 0], minlength=len(labels))
        small = [label for label, size in zip(labels, sizes, strict=True) if 0 < size < _LEAST_MEMBERS]
        rows += [codes == k for k in np.flatnonzero(sizes >= _LEAST_MEMBERS)]
        others = (codes < 0) | np.isin(codes, np.flatnonzero(sizes < _LEAST_MEMBERS))
        if others.any():
            rows.append(others)
        if small:
            notes.append(f"risk model: groups of {name} with a single member are joined: {', '.join(small)}")
    return np.array(rows) if rows else np.ones((1, len(panel.assets)), np.bool_), notes


def _carried(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace each missing value by the last known value of the asset, if that is at most 120 days old."""
    days = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isfinite(values), days, -1), axis=0)
    carried = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where((last >= 0) & (days - last <= _CARRIED_DAYS), carried, np.float32(np.nan))


def _coverage(values: NDArray[np.float32], universe: NDArray[np.bool_] | None) -> float:
    """Share of the cells in the universe that have a value, counted from the first day with a value.

    0 if there is no value.
    """
    known = np.isfinite(values)
    if universe is not None:
        known &= universe
    first = np.flatnonzero(known.any(axis=1))
    if not len(first):
        return 0.0
    cells = known[first[0] :].size if universe is None else int(universe[first[0] :].sum())
    return float(known[first[0] :].sum() / max(cells, 1))


def _standardised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Z-scores over the assets of each day, cut at ±3; 0 for missing values and on constant days."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    wide = np.where(known, values, 0).astype(np.float64)
    centred = np.where(known, wide - wide.sum(axis=1, keepdims=True) / count, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    scale = np.abs(wide).max(axis=1, keepdims=True, initial=0.0)
    varied = deviation > 1e-6 * scale
    out = np.where(varied, centred / np.where(varied, deviation, 1.0), 0.0)
    return np.clip(out, -_LIMIT, _LIMIT).astype(np.float32)


def _independent(
    values: NDArray[np.float32], members: NDArray[np.bool_], names: Sequence[str], known: Sequence[float]
) -> tuple[list[int], list[str]]:
    """Indices of the exposures to keep, and notes on the dropped ones.

    An exposure is dropped if it has no value, or if the groups and the exposures kept before it determine it.
    """
    n_groups, count = len(members), len(members) + len(values)
    gram = np.zeros((count, count))
    whole = Exposures(values, tuple(names), members, ())
    for start in range(0, values.shape[1] if len(values) else 0, _DAYS):
        design = whole.design(slice(start, start + _DAYS)).reshape(-1, count)
        gram += design.T @ design
    kept: list[int] = []
    notes: list[str] = []
    for k, name in enumerate(names):
        row = n_groups + k
        before = [*range(n_groups), *(n_groups + each for each in kept)]
        total = gram[row, row]
        fitted = np.linalg.lstsq(gram[np.ix_(before, before)], gram[before, row], rcond=1e-10)[0]
        if known[k] == 0:
            notes.append(f"risk model: '{name}' is dropped, because it has no value on this panel")
        elif total == 0:
            notes.append(f"risk model: '{name}' is dropped, because it is the same for all assets")
        elif total - gram[row, before] @ fitted < _COLLINEAR * total:
            notes.append(f"risk model: '{name}' is dropped, because the other exposures determine it")
        else:
            kept.append(k)
    return kept, notes


def _statistical_factors(panel: Panel, count: int) -> NDArray[np.float32]:
    """Loadings of the assets on the principal components of past returns, float32 [count, T, N].

    The loadings are updated every 21 days. They are computed from the returns of the past 252 days, without
    the mean of each day, divided by the standard deviation of each asset. A missing return counts as 0. NaN
    before day 126.
    """
    if "close" not in panel.fields:
        raise TaskError("statistical factors need the field close; rename a column, or set factors to 0")
    close = panel.field("close").astype(np.float64)
    days, assets = close.shape
    returns = np.zeros((days, assets))
    with np.errstate(divide="ignore", invalid="ignore"):
        returns[1:] = np.nan_to_num(close[1:] / close[:-1] - 1, nan=0.0, posinf=0.0, neginf=0.0)
    returns -= returns.mean(axis=1, keepdims=True)
    out = np.full((count, days, assets), np.nan, np.float32)
    for day in range(_FACTOR_LEAST, days, _FACTOR_STEP):
        past = returns[max(0, day + 1 - _FACTOR_DAYS) : day + 1]
        deviation = past.std(axis=0)
        scaled = past / np.where(deviation > 0, deviation, 1.0)
        loadings = np.linalg.svd(scaled, full_matrices=False)[2][:count]
        out[: len(loadings), day : day + _FACTOR_STEP] = loadings[:, None, :]
    return out
