"""The grammar of a search, and formulas sampled from it without a network."""

import numpy as np

from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.uniform import uniform
from quarva.loop.searcher import SearchContext

__all__ = ["grammar_of", "sample"]


def grammar_of(context: SearchContext, rules: tuple[str, ...] = ()) -> Grammar:
    """Return the grammar with the given rules, and with that of units if the search requires it."""
    free = context.units is not None
    rules = (*rules, "units") if free and "units" not in rules else rules
    return Grammar(context.alphabet, context.shape, rules, context.units, unit_free=free)


def sample(
    context: SearchContext, grammar: Grammar, n: int, rng: np.random.Generator, function_share: float
) -> Population:
    """Sample n chromosomes with standard normal constants; see `uniform` for the symbols."""
    pop = Population.empty(context.alphabet, context.shape, n)
    genes = uniform(grammar, n * context.shape.genes, rng, function_share)
    pop.symbols[:] = genes.reshape(pop.symbols.shape)
    if context.alphabet.has_constants:
        pop.dc[:] = rng.integers(0, context.shape.constants, pop.dc.shape, np.int8)
        pop.constants[:] = rng.standard_normal(pop.constants.shape, np.float32)
    return pop
