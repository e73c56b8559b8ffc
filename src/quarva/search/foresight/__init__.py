"""What a formula promises, told from its signal on a few assets and days before it is scored on all.

Must not know who proposes formulas, nor how the loop counts them.
"""

from quarva.search.foresight.foresight import BOLD, Foresight
from quarva.search.foresight.glimpse import Glimpse, glimpse_of

__all__ = ["BOLD", "Foresight", "Glimpse", "glimpse_of"]
