"""Detection of fields that are copies of the target.

A formula cannot look ahead, but a column of the data can: a label that was left in the file, its rank, its
sign, or a scaled or shifted copy. Results found with such a column are worthless.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Leak", "find_leaks", "leak_warnings"]

_LIMIT = 0.95  # agreement that is not reached from past data alone
_MIN_CELLS = 10.0  # independent cells that are required for it
_CERTAIN, _DISTINCT = (
    0.999,
    10,
)  # agreement that suffices with fewer cells, and distinct values required for it
_CELLS = 4_000  # approximate number of sampled cells of a field, across assets and along days
_SERIES = 500  # sampled days of an asset
_LEAST_ASSETS, _LEAST_DAYS = 3, 10  # minimum for a rank correlation across assets and along days

Cells = NDArray[np.floating]


@dataclass(frozen=True)
class Leak:
    """A field that agrees with the target more closely than past data can.

    Attributes
    ----------
    name : str
        Name of the field.
    measure : str
        Measure of agreement: "rank correlation by day", "rank correlation by asset", "correlation" or
        "correlation of signs".
    value : float
        The agreement, from −1 to 1.
    shift : int
        Shift in days: the field of day t agrees with the target of day t + shift.
    """

    name: str
    measure: str
    value: float
    shift: int

    def __str__(self) -> str:
        days = f"{abs(self.shift)} day{'s' * (abs(self.shift) != 1)}"
        when = f" of {days} {'later' if self.shift > 0 else 'earlier'}" if self.shift else ""
        return f"{self.measure} {self.value:.3f} with the target{when}"


def find_leaks(
    names: Iterable[str],
    values: Iterable[NDArray[np.floating]],
    target: NDArray[np.floating],
    *,
    horizon: int,
    delay: int,
) -> list[Leak]:
    """Find fields that are copies of the target.

    Parameters
    ----------
    names : iterable of str, length F
        Names of the fields.
    values : iterable of ndarray of float, shape (T, N)
        The fields. Values that are not finite are missing.
    target : ndarray of float, shape (T, N)
        The target by the day of the signal. NaN in cells that must not be read.
    horizon : int
        Number of days that a value of the target spans.
    delay : int
        Days from the signal to the start of this span.

    Returns
    -------
    list of Leak
        At most one for each field: the measure and shift with the strongest agreement.

    Notes
    -----
    Each field is compared with the target of the same day, the next day, the previous day, and `delay` days
    before, by four measures: the rank correlation across assets, the rank correlation along days, the
    correlation of all cells, and the correlation of their signs. A rank correlation is divided by its maximum
    given the ties, so that it is 1 for the sign of the target as well. The target of an earlier day is only
    considered if it is not yet known on the day of the field.

    An agreement of at least 0.95 is a leak, unless the target is so persistent that its last known value
    agrees nearly as well: a leak must explain at least three quarters of what that value leaves unexplained.
    An agreement based on fewer than 10 independent cells only counts if it is at least 0.999 and compares
    many distinct values.

    About 4,000 evenly spaced cells of each field are read in either direction, so the cost hardly depends on
    the size of the panel.
    """
    ahead = horizon + delay
    known_target = np.where(np.isfinite(target), target, np.nan)
    shifts = [0, 1, *(shift for shift in sorted({-1, -delay} - {0}) if -shift < ahead)]
    persistence: dict[str, _Agreement] | None = None
    leaks = []
    for name, field in zip(names, values, strict=True):
        found: list[Leak] = []
        sample = _Sample.draw(field, known_target)
        for shift in shifts:
            for measure, agreement in sample.agreements(field, known_target, shift).items():
                value = agreement.value
                if abs(value) < _LIMIT:
                    continue
                if persistence is None:
                    persistence = sample.agreements(known_target, known_target, ahead)
                known = abs(persistence[measure].value) if measure in persistence else 0.0
                # If the past determines the target, the measure cannot distinguish a leak from it.
                threshold = max(agreement.threshold(horizon, known), (3.0 + known) / 4)
                if known < _CERTAIN and abs(value) >= threshold:
                    found.append(Leak(name, measure, value, shift))
        if found:
            # If several agree equally, report the smallest shift, which is easiest to understand.
            leaks.append(max(found, key=lambda leak: (round(abs(leak.value), 6), -abs(leak.shift))))
    return leaks


def leak_warnings(leaks: Sequence[Leak], target: str, fields: Sequence[str]) -> tuple[str, ...]:
    """Warnings about leaks, one line each.

    Parameters
    ----------
    leaks : sequence of Leak
        As `find_leaks` returns them.
    target : str
        Name of the target.
    fields : sequence of str
        All fields of the panel. The warning names those that remain.

    Returns
    -------
    tuple of str
    """
    leaking = {leak.name for leak in leaks} - {target}
    others = [name for name in fields if name not in leaking]
    remedy = "leave it out of the file"
    if others:
        remedy = f"leave it out with --fields {','.join(others)} (fields={others!r})"
    return tuple(
        f"field '{leak.name}' is the target itself, so the scores of formulas that read it are meaningless"
        if leak.name == target
        else f"field '{leak.name}' is the target {target} in all but name ({leak}), so the scores of "
        f"formulas that read it are meaningless; {remedy}"
        for leak in leaks
    )


@dataclass(frozen=True)
class _Agreement:
    """A measure of agreement and the amount of data behind it.

    Attributes
    ----------
    value : float
        From −1 to 1. NaN if undefined.
    cells : float
        Effective number of cells: those outside the largest tie or sign, and for values of very different
        size those that make up most of the variance.
    distinct : bool
        True if so many distinct values are compared that near identity cannot be a coincidence.
    """

    value: float
    cells: float = 0.0
    distinct: bool = False

    def threshold(self, horizon: int, known: float) -> float:
        """The smallest value that is not a coincidence, infinite if there is none.

        Cells are not independent if targets span several days (`horizon`) or agree with their last known
        value; `known` is this agreement.
        """
        if self.cells * (1.0 - known) ** 2 / max(1, horizon) >= _MIN_CELLS:
            return _LIMIT
        return _CERTAIN if self.distinct else np.inf


@dataclass(frozen=True, eq=False)
class _Sample:
    """The sampled cells: some days with all assets, and some assets with all days.

    Attributes
    ----------
    days, assets : ndarray of int64
        Days and assets of the cross-sections.
    dates, series : ndarray of int64
        Days and assets of the time series.
    """

    days: NDArray[np.int64]
    assets: NDArray[np.int64]
    dates: NDArray[np.int64]
    series: NDArray[np.int64]

    @classmethod
    def draw(cls, field: Cells, target: Cells) -> "_Sample":
        """Sample evenly from the cells in which both have a value."""
        known = np.isfinite(field) & np.isfinite(target)
        days, assets = (np.flatnonzero(known.any(axis=axis)) for axis in (1, 0))
        columns = _spread(assets, _CELLS // 16)
        dates = _spread(days, _SERIES)
        return cls(
            _spread(days, _CELLS // max(1, len(columns))),
            columns,
            dates,
            _spread(assets, _CELLS // max(1, len(dates))),
        )

    def agreements(self, field: Cells, target: Cells, shift: int) -> dict[str, _Agreement]:
        """Measure how the field of day t agrees with the target of day t + shift; omit undefined measures."""
        field_by_day, target_by_day = _pair(field, target, self.days, self.assets, shift)
        field_by_asset, target_by_asset = _pair(field, target, self.dates, self.series, shift)
        # With few assets, the time series hold more cells.
        larger = max(
            (field_by_day, target_by_day), (field_by_asset, target_by_asset), key=lambda p: p[0].size
        )
        found = {
            "rank correlation by day": _ranked(field_by_day, target_by_day, _LEAST_ASSETS),
            "rank correlation by asset": _ranked(field_by_asset.T, target_by_asset.T, _LEAST_DAYS),
            "correlation": _pooled(*larger),
            "correlation of signs": _signs(*larger),
        }
        return {name: each for name, each in found.items() if np.isfinite(each.value)}


def _spread(indices: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Select at most `most` of the indices, evenly spaced."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, max(1, most)).round().astype(np.int64)]


def _pair(
    field: Cells, target: Cells, days: NDArray[np.int64], assets: NDArray[np.int64], shift: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The field of some days and the target `shift` days later, float64, shape (days, assets).

    Both are NaN where one is missing.
    """
    kept = days[(days + shift >= 0) & (days + shift < len(target))]
    one = field[np.ix_(kept, assets)].astype(np.float64)
    other = target[np.ix_(kept + shift, assets)].astype(np.float64)
    known = np.isfinite(one) & np.isfinite(other)
    return np.where(known, one, np.nan), np.where(known, other, np.nan)


def _pooled(one: NDArray[np.float64], other: NDArray[np.float64]) -> _Agreement:
    """Pearson correlation of all cells."""
    known = np.isfinite(one)
    a, b = one[known], other[known]
    if len(a) < _LEAST_DAYS:
        return _Agreement(np.nan)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        a, b = a - a.mean(), b - b.mean()
        value = float((a @ b) / np.sqrt((a @ a) * (b @ b)))
        # The kurtosis of a normal distribution is 3, for which all cells count.
        cells = min(3.0 * (each @ each) ** 2 / float((each**4).sum()) for each in (a, b))
    cells = float(np.nan_to_num(min(cells, len(a))))
    return _Agreement(value, cells, 2 * cells >= len(a))


def _signs(one: NDArray[np.float64], other: NDArray[np.float64]) -> _Agreement:
    """Pearson correlation of the signs of all cells."""
    known = np.isfinite(one)
    signs = np.sign(one[known]), np.sign(other[known])
    cells = min(len(each) - max(np.count_nonzero(each == sign) for sign in (-1, 0, 1)) for each in signs)
    return _Agreement(_pooled(np.sign(one), np.sign(other)).value, float(cells))


def _ranked(one: NDArray[np.float64], other: NDArray[np.float64], least: int) -> _Agreement:
    """Rank correlation within rows, as a share of its maximum given the ties.

    Rows with fewer than `least` cells, or without variation, are ignored.
    """
    rows = np.isfinite(one).sum(axis=1) >= least
    there = np.isfinite(one[rows])
    (a, distinct), (b, other_distinct) = _centred_ranks(one[rows]), _centred_ranks(other[rows])
    product = float((a * b).sum())
    # Both have the same cells, so sorting missing ones to the end keeps the others paired.
    missing = np.where(there, 0.0, np.inf)
    pairs = np.sort(a + missing, axis=1), np.sort((b if product >= 0 else -b) + missing, axis=1)
    most = float(np.prod([np.where(np.isfinite(each), each, 0.0) for each in pairs], axis=0).sum())
    if not most > 0:
        return _Agreement(np.nan)
    varied = np.minimum(distinct, other_distinct)
    return _Agreement(product / most, float(varied.sum()), bool(varied.max() >= _DISTINCT))


def _centred_ranks(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Ranks within each row minus their mean, and the number of cells outside the row's largest tie.

    Tied cells have their average rank. The rank of a missing cell is 0.
    """
    there = np.isfinite(rows)
    order = np.argsort(rows, axis=1)  # NaN last
    ascending = np.take_along_axis(rows, order, axis=1)
    new = np.ones(rows.shape, np.bool_)
    new[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    tie = np.cumsum(new.ravel()) - 1  # a number for each run of equal values; NaN equals nothing
    size = np.bincount(tie)
    place = np.broadcast_to(np.arange(rows.shape[1], dtype=np.float64), rows.shape).ravel()
    ranks, largest = np.empty(rows.shape), size[tie].reshape(rows.shape).max(axis=1, initial=0)
    np.put_along_axis(ranks, order, (np.bincount(tie, place) / size)[tie].reshape(rows.shape), axis=1)
    known = there.sum(axis=1)
    return np.where(there, ranks - (known[:, None] - 1) / 2, 0.0), np.maximum(known - largest, 0)
