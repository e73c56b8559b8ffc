"""Market data as arrays: reads, checks, slices, describes and writes panels. Independent of formulas."""

from quarva.panel.calendar import SESSIONS_PER_YEAR, Calendar, calendar_of
from quarva.panel.conventions import CONVENTIONS, Conventions, first_rows, last_rows
from quarva.panel.describe import Description, describe
from quarva.panel.panel import GroupCodes, Panel, check_panel
from quarva.panel.sample import sample_panel
from quarva.panel.signal_frame import as_frame
from quarva.panel.table import Table

__all__ = [
    "CONVENTIONS",
    "SESSIONS_PER_YEAR",
    "Calendar",
    "Conventions",
    "Description",
    "GroupCodes",
    "Panel",
    "Table",
    "as_frame",
    "calendar_of",
    "check_panel",
    "describe",
    "first_rows",
    "last_rows",
    "sample_panel",
]
