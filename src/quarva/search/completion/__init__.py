"""What is missing to a table's target, looked up among the parts of all formulas scored so far.

Must not know who proposes formulas, nor how the loop counts them.
"""

from quarva.search.completion.completion import Completion
from quarva.search.completion.points import Points, points_of

__all__ = ["Completion", "Points", "points_of"]
