"""Completion of formulas by semantic backpropagation and a library of known subexpressions."""

from quarva.searchers.completion.completion import Completion

__all__ = ["Completion"]
