"""The grammar of genes: the symbols that each position may hold, by the tail rule and optional rules."""

from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.rules import RULES
from quarva.karva.grammar.tree_context import TreeContext
from quarva.karva.grammar.uniform import uniform

__all__ = ["RULES", "Grammar", "TreeContext", "uniform"]
