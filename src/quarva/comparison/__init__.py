"""Comparisons of searchers, networks and traders on one task. `report` renders them."""

from quarva.comparison.comparison import Comparison
from quarva.comparison.distilling import distil
from quarva.comparison.run import Run
from quarva.comparison.runner import compare

__all__ = ["Comparison", "Run", "compare", "distil"]
