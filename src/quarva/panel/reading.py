"""Record of how a source was read, for users and for the records of runs."""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Reading", "ReadingLog"]


@dataclass(frozen=True)
class Reading:
    """Interpretation of a source.

    Attributes
    ----------
    layout : {"long", "one asset", "wide"}
        Rows of date, asset and fields; rows of date and fields; or dates × assets of one field.
    date : str
        Column or columns of the dates.
    asset : str or None
        Column of the assets.
    columns : dict of str to str
        Column of each field, by field.
    left_out : dict of str to str
        Reason for each column that is not part of the panel, by column.
    file : dict of str to str
        `encoding`, `separator`, `header_lines` and `decimal_mark` of a delimited file; otherwise empty.
    dates : str
        Type of the dates (days, days of a time zone, or instants in UTC) and how it was determined.
    """

    layout: str
    date: str
    asset: str | None
    columns: dict[str, str]
    left_out: dict[str, str]
    file: dict[str, str]
    dates: str

    def as_dict(self) -> dict[str, Any]:
        """Convert to plain dictionaries and strings for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """One line with the layout and the columns of dates, assets and fields."""
        parts = [f"{self.layout}; dates from {self.date!r} ({self.dates})"]
        if self.asset is not None:
            parts.append(f"assets from {self.asset!r}")
        renamed = [f"{name} = {column!r}" for name, column in self.columns.items() if name != column]
        if renamed:
            listing = ", ".join(renamed[:12]) + (", …" if len(renamed) > 12 else "")
            parts.append(f"fields {listing}")
        if self.left_out:
            parts.append(f"left out: {', '.join(map(repr, self.left_out))}")
        if self.file:
            parts.append(", ".join(f"{name.replace('_', ' ')} {text}" for name, text in self.file.items()))
        return "; ".join(parts)


@dataclass
class ReadingLog:
    """Collects assumptions while a source is read.

    `notes` are shown with every result; the other attributes are those of `Reading`.
    """

    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)
    date: str = ""
    asset: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    dates: str = "days"

    def note(self, text: str) -> None:
        """Add a sentence to the panel's notes, unless it is already there."""
        if text not in self.notes:
            self.notes.append(text)

    def leave_out(self, column: str, reason: str, *, note: bool = True) -> None:
        """Record that a column is not part of the panel, with the reason."""
        self.left_out[column] = reason
        if note:
            self.note(f"column {column!r} left out: {reason}")

    def reading(self, layout: str) -> Reading:
        """Build the final record."""
        return Reading(
            layout,
            self.date,
            self.asset,
            dict(self.columns),
            dict(self.left_out),
            dict(self.file),
            self.dates,
        )
