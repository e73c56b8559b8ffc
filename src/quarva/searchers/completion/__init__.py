"""Completion: the missing part of a formula, looked up among the parts of all formulas scored so far."""

from quarva.searchers.completion.completion import Completion

__all__ = ["Completion"]
