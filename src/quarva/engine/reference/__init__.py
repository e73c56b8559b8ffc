"""The reference implementation: every operator of the table, written for clarity in float64 PyTorch.

It defines the values that the fast kernels are tested against, and it provides gradients with respect to
constants. This package must not depend on kernels or populations.
"""

from quarva.engine.reference.constants import extract_constants, fill_constants
from quarva.engine.reference.signal import PanelLike, signals

__all__ = ["PanelLike", "extract_constants", "fill_constants", "signals"]
