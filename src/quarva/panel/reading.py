"""How a source was read: what was taken for what, in a form that a person and a run's record can hold."""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Reading", "ReadingLog"]


@dataclass(frozen=True)
class Reading:
    """What the reader took for what.

    Attributes:
        layout: "long" (rows of date, asset and fields), "one asset" (rows of date and fields) or "wide"
            (dates × assets of one field).
        date: column or columns that the dates are from.
        asset: column that the assets are from, None where no column names them.
        columns: column that each field is from, by field.
        left_out: reason for each column that is no part of the panel, by column.
        file: of a delimited file its `encoding`, `separator`, `header_lines` and `decimal_mark`; else empty.
        dates: what the dates are: days, days of a zone, or instants in UTC, and how they were found.
    """

    layout: str
    date: str
    asset: str | None
    columns: dict[str, str]
    left_out: dict[str, str]
    file: dict[str, str]
    dates: str

    def as_dict(self) -> dict[str, Any]:
        """The same as plain dictionaries and text, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """One line: layout, and the columns of dates, assets and fields."""
        parts = [f"{self.layout}; dates from {self.date!r} ({self.dates})"]
        if self.asset is not None:
            parts.append(f"assets from {self.asset!r}")
        renamed = [f"{name} = {column!r}" for name, column in self.columns.items() if name != column]
        if renamed:
            shown = ", ".join(renamed[:12]) + (", …" if len(renamed) > 12 else "")
            parts.append(f"fields {shown}")
        if self.left_out:
            parts.append(f"left out: {', '.join(map(repr, self.left_out))}")
        if self.file:
            parts.append(", ".join(f"{name.replace('_', ' ')} {text}" for name, text in self.file.items()))
        return "; ".join(parts)


@dataclass
class ReadingLog:
    """Collects what is assumed while a source is read.

    `notes` are the assumptions that a person should see with every result; the rest is for `describe`.
    """

    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)
    date: str = ""
    asset: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    dates: str = "days"

    def note(self, text: str) -> None:
        """Keep a sentence for the panel's notes, once."""
        if text not in self.notes:
            self.notes.append(text)

    def leave_out(self, column: str, reason: str, *, note: bool = True) -> None:
        """Record that a column is no part of the panel, and why."""
        self.left_out[column] = reason
        if note:
            self.note(f"column {column!r} left out: {reason}")

    def reading(self, layout: str) -> Reading:
        """The record of a source that was read."""
        return Reading(
            layout,
            self.date,
            self.asset,
            dict(self.columns),
            dict(self.left_out),
            dict(self.file),
            self.dates,
        )
