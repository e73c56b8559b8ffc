"""The entries of the operator table, one file per kind; `quarva.karva.operators` joins them."""

from quarva.karva.table.cross import CROSS, GROUP
from quarva.karva.table.elementwise import ELEMENTWISE
from quarva.karva.table.rolling import ROLLING

__all__ = ["CROSS", "ELEMENTWISE", "GROUP", "ROLLING"]
