"""Genes drawn from a grammar alone, without a network: among the legal symbols by fixed weights."""

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.state import GrammarState, Row, mark_legal, start, take_note
from quarva.karva.grammar.tree_context import TreeContext
from quarva.karva.rng import below, word

__all__ = ["uniform"]

_UNIT = 2**24  # weights are whole numbers: their sums are exact, and the compiler vectorises them


def uniform(
    grammar: Grammar, n: int, rng: np.random.Generator, function_share: float | None = None
) -> NDArray[np.int16]:
    """n genes written symbol by symbol, each symbol drawn among those that are legal at its place.

    Args:
        grammar: the rules.
        n: how many.
        rng: gives the seed.
        function_share: None: every legal symbol is as likely as any other. Else, where all are legal, a
            function has this probability, and which function or terminal follows the alphabet's weights, as
            in `Population.random`; above 0 and below 1.

    Returns:
        int16 of shape (n, L); behind an expression's end stand terminals, each as likely.
    """
    symbols = np.empty((n, grammar.length), np.int16)
    seed = rng.integers(0, 2**64, 1, np.uint64)
    weight = _weights(grammar.alphabet, function_share)
    places, marks = TreeContext(grammar.alphabet, grammar.length, 1), GrammarState.blank(1, grammar.length)
    row = Row(
        symbols[0] if n else np.empty(grammar.length, np.int16),
        places.parent[0],
        places.argument[0],
        places.sibling[0],
        marks.below[0],
        marks.left[0],
        marks.units[0],
        marks.first[0],
        marks.path,
    )
    legal = np.ones(len(grammar.alphabet), np.bool_)
    write_genes(grammar.tables, symbols, row, legal, grammar.tail, seed, weight)
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
def draw(rng, legal, weight):
    """A legal symbol by its weight."""
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
def write_genes(tables, symbols, row, legal, masked, rng, weight):
    """Write all genes; `row` is room for what is noted of one, `legal` True wherever nothing is masked."""
    n_functions = tables.permitted.shape[2]
    for b in range(symbols.shape[0]):
        gene = symbols[b]
        own = Row(
            gene, row.parent, row.argument, row.sibling, row.below, row.left, row.units, row.first, row.path
        )
        opened, i = start(tables, own), 0
        while i < min(opened, gene.size):
            if masked:
                mark_legal(tables, own, i, opened, legal)
            gene[i] = draw(rng, legal, weight)
            for k in range(min(tables.arity[gene[i]], gene.size - opened)):
                own.parent[opened + k] = i
                own.argument[opened + k] = k
                own.sibling[opened + k] = opened + k - 1 if k else -1
            opened = take_note(tables, own, i, opened)
            i += 1
        for rest in range(i, gene.size):
            gene[rest] = n_functions + below(rng, legal.size - n_functions)
