"""Shortest-first enumeration: the shortest formulas of a grammar, to initialise a search."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.loop.searcher import SearchContext
from quarva.searchers.grammar_samples import sample

__all__ = ["sample_short", "shortest_first"]

_OVERSAMPLING = 32  # genes sampled per formula, because short formulas are sampled many times
_FUNCTION_SHARE = 0.4  # probability of a function where all symbols are legal


def shortest_first(context: SearchContext, grammar: Grammar, n: int) -> Population:
    """Return the n shortest of many sampled formulas, without duplicates if there are enough.

    The formula that explains a market or a table often has only a few symbols. There are few such formulas,
    so scoring them first costs little, and evolution can build on them. Formulas that differ only in a window
    have similar signals, so one of each kind comes first and the others come after all kinds.

    Parameters
    ----------
    context : SearchContext
        Context of the search.
    grammar : Grammar
        Grammar of the formulas.
    n : int
        Number of formulas.

    Returns
    -------
    Population
        n chromosomes.
    """
    samples = sample_short(context, grammar, n * _OVERSAMPLING, 0)
    is_first = np.zeros(len(samples), bool)
    compared = samples
    if context.skeletons is not None:  # if constants are tuned, their initial values do not matter
        compared = replace(samples, constants=np.zeros_like(samples.constants))
    is_first[np.unique(compared.keys(), return_index=True)[1]] = True
    short = samples[np.lexsort((samples.sizes(), ~is_first))[:n]]
    kinds = replace(short, symbols=_representatives(context.alphabet)[short.symbols]).keys()
    return short[np.argsort(_rank_in_kind(kinds), kind="stable")]


def sample_short(context: SearchContext, grammar: Grammar, n: int, stream: int) -> Population:
    """Sample n formulas, most of them short; each `stream` gives different ones."""
    rng = np.random.Generator(np.random.PCG64([context.seed, stream]))
    return sample(context, grammar, n, rng, _FUNCTION_SHARE)


def _representatives(alphabet: Alphabet) -> NDArray[np.int16]:
    """Return, for each symbol, the first symbol with the same operator, int16 of shape (V,)."""
    representatives = np.arange(len(alphabet), dtype=np.int16)
    code = alphabet.code[: alphabet.n_functions]
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    representatives[: len(code)] = first[which]
    return representatives


def _rank_in_kind(kinds: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return, for each formula, the number of earlier formulas of the same kind."""
    order = np.argsort(kinds, kind="stable")
    starts = np.searchsorted(kinds[order], kinds[order], side="left")
    rank = np.empty(len(kinds), np.int64)
    rank[order] = np.arange(len(kinds)) - starts
    return rank
