"""Several searchers at one task, the same evaluations for each. It counts; the report draws."""

from quarva.comparison.comparison import Comparison
from quarva.comparison.distilling import distil
from quarva.comparison.run import Run
from quarva.comparison.runner import compare

__all__ = ["Comparison", "Run", "compare", "distil"]
