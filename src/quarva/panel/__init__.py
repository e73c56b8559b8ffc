"""The market as a tensor: reads, checks, cuts, describes and writes panels; knows nothing of formulas."""

from quarva.panel.describe import Description, describe
from quarva.panel.panel import GroupCodes, Panel
from quarva.panel.sample import sample_panel
from quarva.panel.table import Table

__all__ = ["Description", "GroupCodes", "Panel", "Table", "describe", "sample_panel"]
