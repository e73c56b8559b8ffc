"""Detection of the roles of columns: dates, assets, labels and fields."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quarva.errors import PanelError
from quarva.panel.dates import parse_dates, reads_as_times
from quarva.panel.names import nearest
from quarva.panel.naming import roles_of
from quarva.panel.source import Source, find_column, is_nameless
from quarva.panel.vendors import (
    ASSET,
    DATE,
    HEADERS,
    ID,
    ISSUE,
    LABEL,
    PERMANENT,
    SKIP,
    TIME,
    header_key,
    meaning_of,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Roles", "find_roles"]


@dataclass(frozen=True)
class Roles:
    """Columns of a table by role.

    Attributes
    ----------
    date : str
        Column of dates.
    time : str or None
        Column of times of day to add to the dates.
    asset : str or None
        Column of assets.
    issue : str or None
        Column that, together with `asset`, identifies an asset.
    labels : tuple of str
        Columns of labels, of any type.
    fields : tuple of str
        All other columns that may be fields or groups.
    """

    date: str
    time: str | None
    asset: str | None
    issue: str | None
    labels: tuple[str, ...]
    fields: tuple[str, ...]


def find_roles(source: Source, date_column: str | None, asset_column: str | None) -> Roles:
    """Detect the columns of dates, assets, labels and fields.

    Parameters
    ----------
    source : Source
        Opened table; columns without a role are recorded in its log.
    date_column, asset_column : str or None
        Columns named by the user.

    Returns
    -------
    Roles

    Raises
    ------
    PanelError
        If there is no column of dates, if several qualify, or if a named column does not exist.
    """
    columns = [name for name in source.frame.columns if name]
    roles = roles_of(source.frame.columns)
    date = _date_column(source, roles, date_column)
    time = _time_column(source, roles, date)
    if time is not None and _is_full_stamp(source.frame[time]):
        source.log.leave_out(date, f"column {time!r} has the date with its time of day", note=False)
        date, time, gone = time, None, date
        roles.pop(gone, None)
        columns.remove(gone)
    rest = [name for name in source.frame.columns if name not in (date, time) and name in {*columns, ""}]
    asset = _asset_column(source, roles, [name for name in rest if name], asset_column, date)
    issue = next((name for name in rest if roles.get(name) == ISSUE), None)
    if asset is None or meaning_of(asset) != PERMANENT or not _has_several_issues(source, asset, issue):
        issue = None
    labels, fields = _split(source, roles, [name for name in rest if name not in (asset, issue)], asset)
    return Roles(date, time, asset, issue, tuple(labels), tuple(fields))


def _reads_as_dates(series: "pl.Series") -> bool:
    """Whether the first values of a column look like dates."""
    import polars as pl

    if series.dtype.is_temporal():
        return series.dtype not in (pl.Time, pl.Duration)
    values = series.drop_nulls()
    if series.dtype == pl.String:
        text = values.head(5).str.strip_chars()
        shape = (
            r"^(\d{4}[-/.]?\d{1,2}[-/.]?\d{1,2}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{4}[-/](0?[1-9]|1[0-2])$"
            r"|\d{1,2}[-/. ]?[A-Za-z]{3,9}[-/., ]*\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{4}[年년]"
            r"|\d{9,19}(\.0*)?$)"
        )
        return bool(len(text)) and bool(text.str.contains(shape).all())
    if not series.dtype.is_numeric() or not len(values):
        return False
    whole = bool((values == values.round()).all()) if series.dtype.is_float() else True
    return whole and float(values.min()) >= 170_001  # type: ignore[arg-type]


def _reads_as_days(series: "pl.Series") -> bool:
    """Whether integers are days in the form 20200131."""
    if not series.dtype.is_integer() or series.null_count() or not len(series):
        return False
    text = series.head(50).cast(str)
    return bool(text.str.contains(r"^(1[7-9]|2[01])\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$").all())


def _reads_as_stamps(series: "pl.Series") -> bool:
    """Whether an unnamed column has dates: days in the form 20200131, or numbers too large to count rows."""
    if not series.dtype.is_numeric():
        return _reads_as_dates(series)
    return _reads_as_days(series) or (_reads_as_dates(series) and float(series.min()) >= 1e8)  # type: ignore[arg-type]


def _date_column(source: Source, roles: dict[str, str], chosen: str | None) -> str:
    frame = source.frame
    if chosen is not None:
        found = find_column(frame.columns, chosen)
        if found is None:
            source.refuse(
                f"no column {chosen!r} to take dates from (--date-column); {nearest(chosen, frame.columns)}"
            )
        return found
    named = _by_preference(roles, frame.columns, DATE) or _by_preference(roles, frame.columns, TIME)
    dated = [name for name in named if _reads_as_dates(frame[name])]
    if dated:
        _check_agreement(source, dated)
        return dated[0]
    found_by = [
        name for name in frame.columns
        if frame[name].dtype.is_temporal() or (
            frame[name].dtype == _string() and roles.get(name) is None and _reads_as_dates(frame[name])
        )
    ]  # fmt: skip
    found_by = [name for name in found_by if _reads_as_dates(frame[name])]
    in_index = [name for name in found_by if name in source.index]
    found_by = in_index or found_by
    if not found_by:
        nameless = [name for name in frame.columns if is_nameless(name)]
        found_by = [name for name in nameless if _reads_as_stamps(frame[name])]
        found_by = found_by or [name for name in frame.columns if _reads_as_days(frame[name])]
    empty_named = [name for name in named if roles.get(name) == DATE]
    if found_by and empty_named:
        source.refuse(
            f"column {empty_named[0]!r} has no dates, but {found_by[0]!r} does; name the dates of the bars"
            " with --date-column"
        )
    if len(found_by) > 1:
        candidates = " and ".join(map(repr, found_by[:4]))
        source.refuse(f"columns {candidates} have dates; name the dates of the bars with --date-column")
    if found_by:
        return found_by[0]
    if named and not frame[named[0]].dtype.is_float():
        return named[0]  # a message about its first value is more useful than one about its name
    found_names = ", ".join(repr(name) for name in frame.columns[:8]) + (", …" if frame.width > 8 else "")
    raise PanelError(
        f"{source.name}: no date column; call it date or name it with --date-column (found {found_names})"
    )


def _string() -> "type[pl.String]":
    import polars as pl

    return pl.String


def _by_preference(roles: dict[str, str], columns: Sequence[str], role: str) -> list[str]:
    """Columns with a role, in the order of the vendor table."""
    order = {header: rank for rank, header in enumerate(HEADERS)}
    named = [name for name in columns if roles.get(name) == role]
    return sorted(named, key=lambda name: order.get(header_key(name), len(order)))


def _check_agreement(source: Source, dated: Sequence[str]) -> None:
    """Raise PanelError if two columns of dates disagree; the others are left out if they agree."""
    if len(dated) < 2:
        return
    for other in dated[1:]:
        head = min(source.frame.height, 1000)
        part = Source(source.frame.head(head), source.name, source.line)
        try:
            days = [parse_dates(part, name).astype("datetime64[D]") for name in (dated[0], other)]
        except PanelError:
            source.log.leave_out(other, f"its dates cannot be read; {dated[0]!r} has the dates")
            continue
        apart = abs((days[0] - days[1]).astype(int))
        if (apart > 1).any():
            source.refuse(
                f"columns {dated[0]!r} and {other!r} have different dates; name the dates of the bars with"
                " --date-column"
            )
        source.log.leave_out(other, f"it repeats the dates of {dated[0]!r}", note=False)


def _time_column(source: Source, roles: dict[str, str], date: str) -> str | None:
    """Column of times of day that complements a column of days; None if there is none."""
    for name in _by_preference(roles, source.frame.columns, TIME):
        if name != date and (reads_as_times(source.frame[name]) or _is_full_stamp(source.frame[name])):
            return name
    return None


def _is_full_stamp(series: "pl.Series") -> bool:
    """Whether a column has dates with times of day such as 20220103093500000 (`time` of baostock)."""
    text = series.drop_nulls().head(5).cast(_string())
    return bool(len(text)) and bool(text.str.contains(r"^(19|20)\d{12}(\d{3})?$").all())


def _asset_column(
    source: Source, roles: dict[str, str], columns: Sequence[str], chosen: str | None, date: str
) -> str | None:
    if chosen is not None:
        found = find_column(columns, chosen)
        if found is None:
            source.refuse(
                f"no column {chosen!r} to take assets from (--asset-column); {nearest(chosen, columns)}"
            )
        return found
    named = [*_by_preference(roles, columns, PERMANENT), *_by_preference(roles, columns, ASSET)]
    named = [name for name in named if not source.counts_rows(name) and _may_name_assets(source, name)]
    permanent = [name for name in named if roles[name] == PERMANENT and _has_identifiers(source, name)]
    if named:
        others = [name for name in named if roles[name] != PERMANENT]
        return (permanent or others or named)[0]
    index = [name for name in columns if name in source.index]
    text = [name for name in index if source.frame[name].dtype == _string()]
    if len(text) == 1:
        return text[0]
    codes = [name for name in index if _repeats_by_date(source, date, name)]
    return codes[0] if len(source.index) > 1 and len(codes) == 1 else None


def _repeats_by_date(source: Source, date: str, name: str) -> bool:
    """Whether integers recur but are unique on each date, as codes of assets are and row labels are not."""
    if not source.frame[name].dtype.is_integer() or date not in source.frame.columns:
        return False
    distinct, rows = source.frame[name].n_unique(), source.frame.height
    return distinct * 2 <= rows and source.frame.select(date, name).n_unique() == rows


def _may_name_assets(source: Source, name: str) -> bool:
    """Whether a column has names or codes, rather than prices of a stock named SID or CODE."""
    series = source.frame[name]
    if _has_decimals(series) or series.null_count() == len(series):
        return False
    if header_key(name) == "index" and not _is_text(series):
        return False
    if series.dtype.is_float() and meaning_of(name) != PERMANENT:
        # Codes that became floats because one was missing recur often; prices do not.
        return series.n_unique() == 1 or series.n_unique() * 4 < len(series)
    if series.dtype.is_float():
        return True
    return series.dtype.is_integer() or _is_text(series)


def _has_identifiers(source: Source, name: str) -> bool:
    """Whether a column has permanent identifiers; PanelError if only a few of its cells are not."""
    text = source.frame[name].cast(_string()).str.strip_chars()
    odd = ~text.str.contains(r"^(\d+(\.0*)?|BBG[A-Z0-9]{9})$") & text.is_not_null() & (text != "")
    wrong = int(odd.sum())
    if wrong and wrong * 2 < len(text):
        row = odd.arg_max() or 0
        raise PanelError(
            f"{source.at(row, name)}: {text[row]!r} in column {name!r} is not an identifier of an asset;"
            " correct it, or name another column with --asset-column"
        )
    return not wrong


def _is_text(series: "pl.Series") -> bool:
    import polars as pl

    return series.dtype in (pl.String, pl.Categorical, pl.Enum)


def _has_decimals(series: "pl.Series") -> bool:
    """Whether a column has decimal numbers, possibly as text: prices, not codes."""
    if series.dtype.is_float():
        values = series.drop_nulls().drop_nans()
        return not bool((values == values.round()).all())
    if series.dtype != _string():
        return False
    values = series.drop_nulls().head(1000).str.strip_chars()
    return bool(len(values)) and bool(values.str.contains(r"^-?\d*\.\d+$").mean() > 0.5)  # type: ignore[operator]


def _has_several_issues(source: Source, asset: str, issue: str | None) -> bool:
    """Whether some asset has several issues."""
    if issue is None:
        return False
    pairs = source.frame.select(asset, issue).unique()
    return pairs.height > pairs[asset].n_unique()


def _split(
    source: Source, roles: dict[str, str], rest: Sequence[str], asset: str | None
) -> tuple[list[str], list[str]]:
    """Divide the other columns into labels and fields; leave out row labels, identifiers and dates."""
    labels: list[str] = []
    fields: list[str] = []
    long = asset is not None
    for name in rest:
        role = roles.get(name, "")
        series = source.frame[name]
        decimal = not long and (series.dtype.is_float() or _has_decimals(series))
        if name in source.log.left_out:
            continue
        if source.counts_rows(name):
            counted = name in source.index or (series[0] == 0 and series[-1] == len(series) - 1)
            source.log.leave_out(name, "it has row labels", note=not counted)
        elif name in source.index:
            source.log.leave_out(name, "it is the index of a pandas frame, not a field")
        elif role == SKIP and not decimal:
            source.log.leave_out(name, f"{header_key(name)} is not a field", note=False)
        elif role in (ID, PERMANENT, ISSUE) and not decimal:
            source.log.leave_out(name, "it is an identifier, not a field")
        elif str(series.dtype).startswith(("Duration", "Time")):
            source.log.leave_out(name, "it has times of day, not a field")
        elif (
            series.dtype.is_temporal() or (role == DATE and _reads_as_dates(series)) or _dates_in_text(series)
        ):
            source.log.leave_out(name, "it has dates, not a field")
        elif role in (LABEL, ASSET) and not decimal:
            labels.append(name)
        else:
            fields.append(name)
    return labels, fields


def _dates_in_text(series: "pl.Series") -> bool:
    if series.dtype != _string():
        return False
    text = series.drop_nulls().head(5)
    shape = re.compile(r"^\s*\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(\D|$)")
    return bool(len(text)) and all(shape.match(value) is not None for value in text)
