"""Genes sampled from a grammar without a network: from the legal symbols, with fixed weights."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.state import GeneState, GrammarState, mark_legal, open_root, pass_on
from quarva.karva.grammar.tree_context import TreeContext
from quarva.karva.rng import below, word

__all__ = ["uniform"]

_UNIT = 2**24  # weights are integers, so sums are exact and the compiler can vectorise them


def uniform(
    grammar: Grammar, n: int, rng: np.random.Generator, function_share: float | None = None
) -> NDArray[np.int16]:
    """Sample n genes, symbol by symbol, from the symbols that are legal at each position.

    Parameters
    ----------
    grammar : Grammar
        The grammar.
    n : int
        Number of genes.
    rng : numpy.random.Generator
        Provides the seed.
    function_share : float, optional
        Probability of a function where all symbols are legal, above 0 and below 1. The function or the
        terminal is then sampled by the alphabet's weights, as in `Population.random`. By default all legal
        symbols have the same probability.

    Returns
    -------
    int16 array, shape (n, L)
        Positions after the end of an expression hold uniformly sampled terminals.
    """
    symbols = np.empty((n, grammar.length), np.int16)
    seed = rng.integers(0, 2**64, 1, np.uint64)
    weight = _weights(grammar.alphabet, function_share)
    context = TreeContext(grammar.alphabet, grammar.length, 1)
    state = GrammarState.empty(1, grammar.length)
    own = GeneState(
        symbols[0] if n else np.empty(grammar.length, np.int16),
        context.parent[0],
        context.argument[0],
        context.sibling[0],
        state.below_trigonometric[0],
        state.days_left[0],
        state.units[0],
        state.first[0],
        state.path,
    )
    legal = np.ones(len(grammar.alphabet), np.bool_)
    sample_genes(grammar.tables, symbols, own, legal, grammar.tail, seed, weight)
    return symbols


def _weights(alphabet: Alphabet, function_share: float | None) -> NDArray[np.int64]:
    cut = alphabet.n_functions
    weight = np.ones(len(alphabet))
    if function_share is not None:
        weight = alphabet.weight.copy()
        weight[cut:] *= (1.0 - function_share) / weight[cut:].sum()
        if cut:
            weight[:cut] *= function_share / weight[:cut].sum()
    return np.maximum(np.rint(weight * _UNIT), 1).astype(np.int64)


@compiled
def sample_symbol(rng, legal, weight):
    """Return a legal symbol, sampled by weight."""
    total = np.int64(0)
    for v in range(legal.size):
        total += weight[v] * np.int64(legal[v])
    rest = np.int64(word(rng) % np.uint64(total))
    chosen = -1
    while rest >= 0 and chosen + 1 < legal.size:
        chosen += 1
        rest -= weight[chosen] * np.int64(legal[chosen])
    return chosen


@compiled
def sample_genes(tables, symbols, scratch, legal, masked, rng, weight):
    """Sample all genes; `scratch` is a `GeneState` to write to, and `legal` is all True if not `masked`."""
    n_functions = tables.permitted.shape[2]
    for b in range(symbols.shape[0]):
        gene = symbols[b]
        own = GeneState(
            gene, scratch.parent, scratch.argument, scratch.sibling, scratch.below_trigonometric,
            scratch.days_left, scratch.units, scratch.first, scratch.path,
        )  # fmt: skip
        n_nodes, i = open_root(tables, own), 0
        while i < min(n_nodes, gene.size):
            if masked:
                mark_legal(tables, own, i, n_nodes, legal)
            gene[i] = sample_symbol(rng, legal, weight)
            for k in range(min(tables.arity[gene[i]], gene.size - n_nodes)):
                own.parent[n_nodes + k] = i
                own.argument[n_nodes + k] = k
                own.sibling[n_nodes + k] = n_nodes + k - 1 if k else -1
            n_nodes = pass_on(tables, own, i, n_nodes)
            i += 1
        for rest in range(i, gene.size):
            gene[rest] = n_functions + below(rng, legal.size - n_functions)
