"""The simplest formulas of a grammar, to begin a search with."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.uniform import uniform
from quarva.loop.archive import place_in_kind
from quarva.loop.searcher import SearchContext

__all__ = ["drawn", "simplest"]

_DRAWN = 32  # genes for each one wanted: short formulas are drawn again and again
_FUNCTIONS = 0.4  # chance of a function where any letter may stand


def simplest(space: SearchContext, grammar: Grammar, n: int) -> Population:
    """n formulas, the shortest of many that were drawn at random, each once as far as they go.

    What explains a market or a table is often a few letters long, and of those there are few: to ask for them
    first costs a search a moment, and what it breeds later is made of them. Formulas that differ by a window
    say much the same: one of them comes early, the others when all else was asked.
    """
    many = drawn(space, grammar, n * _DRAWN, 0)
    once = np.zeros(len(many), bool)
    told = many  # where constants are tuned, a formula is the same whatever they are
    if space.skeletons is not None:
        told = replace(many, constants=np.zeros_like(many.constants))
    once[np.unique(told.keys(), return_index=True)[1]] = True
    short = many[np.lexsort((many.sizes(), ~once))[:n]]
    alike = replace(short, symbols=_like(space.alphabet)[short.symbols]).keys()
    return short[np.argsort(place_in_kind(alike), kind="stable")]


def drawn(space: SearchContext, grammar: Grammar, n: int, turn: int) -> Population:
    """n formulas at random, most of them short; other ones each turn."""
    rng = np.random.Generator(np.random.PCG64([space.seed, turn]))
    pop = Population.empty(space.alphabet, space.shape, n)
    pop.symbols[:] = uniform(grammar, n * space.shape.genes, rng, _FUNCTIONS).reshape(pop.symbols.shape)
    if space.alphabet.has_constants:
        pop.dc[:] = rng.integers(0, space.shape.constants, pop.dc.shape, np.int8)
        pop.constants[:] = rng.standard_normal(pop.constants.shape, np.float32)
    return pop


def _like(alphabet: Alphabet) -> NDArray[np.int16]:
    """For each letter the first of the same function, whatever its window, share or group: int16 (V,)."""
    like = np.arange(len(alphabet), dtype=np.int16)
    code = alphabet.code[: alphabet.n_functions]
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    like[: len(code)] = first[which]
    return like
