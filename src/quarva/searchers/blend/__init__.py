"""A blend of evolution and the neural generator on one budget, with completion and a surrogate."""

from quarva.searchers.blend.blend import Blend

__all__ = ["Blend"]
