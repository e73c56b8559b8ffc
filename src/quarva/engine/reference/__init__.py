"""The reference: every operator of the table written once, plainly, in float64 PyTorch.

This room is the definition that the fast kernels are tested against, and the place where constants get a
gradient; it must not know how a kernel computes, nor that populations exist.
"""

from quarva.engine.reference.constants import fill_constants, open_numbers
from quarva.engine.reference.signal import PanelLike, signals

__all__ = ["PanelLike", "fill_constants", "open_numbers", "signals"]
