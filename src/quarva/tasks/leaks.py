"""Fields that are the target in all but name.

A formula cannot look ahead, but a column that came with the data can: a label that was left in the file, its
rank, its sign, a scaled or shifted copy. Whatever is found with such a column is worth nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Leak", "find_leaks", "warnings_of"]

_LIMIT = 0.95  # agreement that no field which knows the past alone reaches
_ENOUGH = 10.0  # independent cells that it has to rest on
_CERTAIN, _DISTINCT = 0.999, 10  # agreement that is enough with fewer, of at least so many distinct values
_CELLS = 4_000  # of each field that are looked at, about, across assets and along days
_SERIES = 500  # days of an asset that are looked at
_LEAST_ASSETS, _LEAST_DAYS = 3, 10  # that can be ranked on a day, and along an asset's history

Cells = NDArray[np.floating]


@dataclass(frozen=True)
class Leak:
    """A field that agrees with the target more than anything that knows the past alone can.

    Attributes
    ----------
    name : str
        The field, or whatever was looked at.
    measure : str
        How the agreement was measured: `rank correlation by day`, `rank correlation by asset`, `correlation`
        or `correlation of signs`.
    value : float
        The agreement, from −1 to 1.
    shift : int
        Days between the two: the field of day t agrees with the target of day t + shift.
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
    """Find what is the target in all but name.

    Each field is compared with the target of the same day, of the day after, of the day before and of `delay`
    days before, by four measures: the rank correlation across the assets of a day, the rank correlation along
    the days of an asset, the correlation of all cells, and the correlation of their signs. A rank correlation
    is divided by the largest one that the ties allow, so that it is 1 for the sign of the target, too.

    A measure of 0.95 or more is a leak, unless the target is so persistent that its last known value does
    nearly as well: of what that value leaves unexplained, a leak explains at least three quarters. A measure
    that rests on fewer than 10 independent cells proves nothing, unless it is 0.999 or more and compares many
    distinct values. The target of an earlier day is considered only where it is not known yet on the day of
    the field.

    Parameters
    ----------
    names : iterable of str
        What the F fields are called.
    values : iterable of float arrays, each [T, N]
        The fields by day and asset; what is not finite is missing.
    target : float array [T, N]
        The target by the day of the signal. Cells that may not be looked at must be NaN.
    horizon : int
        Days that one value of the target spans.
    delay : int
        Days from the signal to the beginning of that span.

    Returns
    -------
    list of Leak
        At most one for each field: the measure and shift with the largest agreement.

    Notes
    -----
    About 4,000 cells of each field are looked at in either direction, evenly spread, so that the cost hardly
    grows with the panel.
    """
    ahead = horizon + delay
    wanted = np.where(np.isfinite(target), target, np.nan)
    shifts = [0, 1, *(shift for shift in sorted({-1, -delay} - {0}) if -shift < ahead)]
    persistence: dict[str, _Agreement] | None = None
    leaks = []
    for name, field in zip(names, values, strict=True):
        found: list[Leak] = []
        sample = _Sample.of(field, wanted)
        for shift in shifts:
            for measure, seen in sample.agreements(field, wanted, shift).items():
                if abs(seen.value) < _LIMIT:
                    continue
                if persistence is None:
                    persistence = sample.agreements(wanted, wanted, ahead)
                known = abs(persistence[measure].value) if measure in persistence else 0.0
                # Where the past tells as much as there is to tell, the measure cannot tell a leak from it.
                if known < _CERTAIN and abs(seen.value) >= max(seen.least(horizon, known), (3.0 + known) / 4):
                    found.append(Leak(name, measure, seen.value, shift))
        if found:
            # The same day first where several agree: it is what a reader understands at once.
            leaks.append(max(found, key=lambda leak: (round(abs(leak.value), 6), -abs(leak.shift))))
    return leaks


def warnings_of(leaks: Sequence[Leak], target: str, fields: Sequence[str]) -> tuple[str, ...]:
    """What to tell about each leak, a line each.

    Parameters
    ----------
    leaks : sequence of Leak
        As `find_leaks` returns them.
    target : str
        Name of the target.
    fields : sequence of str
        All fields of the panel, of which those that remain are named.
    """
    leaking = {leak.name for leak in leaks} - {target}
    others = [name for name in fields if name not in leaking]
    mend = "leave it out of the file"
    if others:
        mend = f"leave it out with --fields {','.join(others)} (fields={others!r})"
    return tuple(
        f"field '{leak.name}' is the target itself, so the figures of a formula that reads it mean nothing"
        if leak.name == target
        else f"field '{leak.name}' is the target {target} in all but name ({leak}), so the figures of a "
        f"formula that reads it mean nothing; {mend}"
        for leak in leaks
    )


@dataclass(frozen=True)
class _Agreement:
    """A measure, and what it rests on.

    Attributes
    ----------
    value : float
        From −1 to 1, NaN where it cannot be measured.
    cells : float
        Cells that matter: those outside the largest tie or sign, and of numbers of very different size those
        that make up most of the variance.
    distinct : bool
        Whether so many distinct values are compared that near identity is no chance.
    """

    value: float
    cells: float = 0.0
    distinct: bool = False

    def least(self, horizon: int, known: float) -> float:
        """The smallest value that is no chance, infinite where there is none.

        Targets of `horizon` days overlap, and those that agree with their past (`known`) repeat it.
        """
        if self.cells * (1.0 - known) ** 2 / max(1, horizon) >= _ENOUGH:
            return _LIMIT
        return _CERTAIN if self.distinct else np.inf


@dataclass(frozen=True, eq=False)
class _Sample:
    """The cells that are looked at: some days with all assets, and some assets with all days.

    Attributes
    ----------
    days, assets : int64 arrays
        Days × assets of the cross-sections.
    dates, series : int64 arrays
        Days × assets of the histories.
    """

    days: NDArray[np.int64]
    assets: NDArray[np.int64]
    dates: NDArray[np.int64]
    series: NDArray[np.int64]

    @classmethod
    def of(cls, field: Cells, target: Cells) -> "_Sample":
        """Spread over the cells that have a value of both."""
        there = np.isfinite(field) & np.isfinite(target)
        days, assets = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
        columns = _spread(assets, _CELLS // 16)
        dates = _spread(days, _SERIES)
        return cls(
            _spread(days, _CELLS // max(1, len(columns))),
            columns,
            dates,
            _spread(assets, _CELLS // max(1, len(dates))),
        )

    def agreements(self, field: Cells, target: Cells, shift: int) -> dict[str, _Agreement]:
        """Each measure of a field of day t against the target of day t + shift; NaN measures are left out."""
        field_by_day, target_by_day = _pair(field, target, self.days, self.assets, shift)
        field_by_asset, target_by_asset = _pair(field, target, self.dates, self.series, shift)
        # With few assets the histories hold more cells.
        larger = max(
            (field_by_day, target_by_day), (field_by_asset, target_by_asset), key=lambda p: p[0].size
        )
        found = {
            "rank correlation by day": _ranked(field_by_day, target_by_day, _LEAST_ASSETS),
            "rank correlation by asset": _ranked(field_by_asset.T, target_by_asset.T, _LEAST_DAYS),
            "correlation": _pooled(*larger),
            "correlation of signs": _signs(*larger),
        }
        return {name: seen for name, seen in found.items() if np.isfinite(seen.value)}


def _spread(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the places, evenly spread."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, max(1, most)).round().astype(np.int64)]


def _pair(
    field: Cells, target: Cells, days: NDArray[np.int64], assets: NDArray[np.int64], shift: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The field of some days and the target `shift` days later, float64 [days, assets].

    Both are NaN where one is missing.
    """
    kept = days[(days + shift >= 0) & (days + shift < len(target))]
    one = field[np.ix_(kept, assets)].astype(np.float64)
    other = target[np.ix_(kept + shift, assets)].astype(np.float64)
    there = np.isfinite(one) & np.isfinite(other)
    return np.where(there, one, np.nan), np.where(there, other, np.nan)


def _pooled(one: NDArray[np.float64], other: NDArray[np.float64]) -> _Agreement:
    """Pearson correlation of all cells."""
    there = np.isfinite(one)
    a, b = one[there], other[there]
    if len(a) < _LEAST_DAYS:
        return _Agreement(np.nan)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        a, b = a - a.mean(), b - b.mean()
        value = float((a @ b) / np.sqrt((a @ a) * (b @ b)))
        # The kurtosis of a normal distribution is 3: its cells all matter.
        cells = min(3.0 * (each @ each) ** 2 / float((each**4).sum()) for each in (a, b))
    cells = float(np.nan_to_num(min(cells, len(a))))
    return _Agreement(value, cells, 2 * cells >= len(a))


def _signs(one: NDArray[np.float64], other: NDArray[np.float64]) -> _Agreement:
    """Pearson correlation of the signs of all cells."""
    there = np.isfinite(one)
    signs = np.sign(one[there]), np.sign(other[there])
    matter = min(len(each) - max(np.count_nonzero(each == sign) for sign in (-1, 0, 1)) for each in signs)
    return _Agreement(_pooled(np.sign(one), np.sign(other)).value, float(matter))


def _ranked(one: NDArray[np.float64], other: NDArray[np.float64], least: int) -> _Agreement:
    """Rank correlation within rows, as a share of the largest that the ties allow.

    Rows with fewer than `least` cells, or without variation, count for nothing.
    """
    rows = np.isfinite(one).sum(axis=1) >= least
    there = np.isfinite(one[rows])
    (a, distinct), (b, other_distinct) = _centred_ranks(one[rows]), _centred_ranks(other[rows])
    product = float((a * b).sum())
    # Both have the same cells, so sorting those that are missing to the end leaves the others in pairs.
    missing = np.where(there, 0.0, np.inf)
    pairs = np.sort(a + missing, axis=1), np.sort((b if product >= 0 else -b) + missing, axis=1)
    most = float(np.prod([np.where(np.isfinite(each), each, 0.0) for each in pairs], axis=0).sum())
    if not most > 0:
        return _Agreement(np.nan)
    varied = np.minimum(distinct, other_distinct)
    return _Agreement(product / most, float(varied.sum()), bool(varied.max() >= _DISTINCT))


def _centred_ranks(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Ranks within each row less their mean, and how many cells of it are outside its largest tie.

    Ties share their mean rank; where a cell is missing the rank is 0.
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
