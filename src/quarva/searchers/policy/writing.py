"""Sampling of genes from a GRU in one compiled loop over context, masks, network and choice."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.state import GeneState, GrammarState, mark_legal, open_root, pass_on
from quarva.karva.grammar.tree_context import TreeContext, add_arguments
from quarva.searchers.policy.choice import choose_symbol
from quarva.searchers.policy.embedding_rows import ROWS_PER_POSITION, fill_rows
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.recurrent import Trace, Weights, advance
from quarva.searchers.policy.rewriting import Templates, assign_nodes, plan_rewrite

__all__ = ["write"]


class _GeneBuffers(NamedTuple):
    """Work space for one gene while it is sampled."""

    own: GeneState
    depth: NDArray[np.int16]
    horizontal: NDArray[np.float32]
    rows: NDArray[np.int64]
    legal: NDArray[np.bool_]
    trace: Trace


def write(
    weights: Weights,
    grammar: Grammar,
    prior: LengthPrior,
    random: NDArray[np.float32],
    inverse_temperature: NDArray[np.float32],
    templates: Templates,
    out: tuple[NDArray, ...],
) -> None:
    """Sample n genes into the arrays of a `Sample`.

    Parameters
    ----------
    weights : Weights
        Weights of the generator.
    grammar : Grammar
        Grammar of the genes.
    prior : LengthPrior
        Prior on the length of expressions.
    random : float32 array, shape (n, L)
        Uniform random numbers in [0, 1).
    inverse_temperature : float32 array, shape (n,)
        See `sample`.
    templates : Templates
        Templates of the genes.
    out : Sample
        `symbols` holds random terminals, which remain after the end of expressions; the other arrays hold
        zeros.
    """
    context = TreeContext(grammar.alphabet, grammar.length, 1)
    state = GrammarState.empty(1, grammar.length)
    own = GeneState(
        np.empty(grammar.length, np.int16), context.parent[0], context.argument[0], context.sibling[0],
        state.below_trigonometric[0], state.days_left[0], state.units[0], state.first[0], state.path,
    )  # fmt: skip
    buffers = _GeneBuffers(
        own, context.depth[0], context.horizontal[0], np.empty(ROWS_PER_POSITION, np.int64),
        np.ones(len(grammar.alphabet), np.bool_), Trace.empty(weights, grammar.length),
    )  # fmt: skip
    write_genes(
        weights, grammar.tables, grammar.tail, prior.mean, prior.weight, random, inverse_temperature,
        templates, buffers, *out,
    )  # fmt: skip


@compiled
def write_genes(
    weights, tables, masked, mean, weight, random, inverse_temperature, templates, buffers, symbols, log_p,
    entropy, length,
):  # fmt: skip
    """Sample all genes, each up to the end of its expression."""
    own, n_symbols = buffers.own, tables.arity.size
    for b in range(symbols.shape[0]):
        i, n_nodes = 0, open_root(tables, own)
        while i < min(n_nodes, symbols.shape[1]):
            if masked:
                mark_legal(tables, own, i, n_nodes, buffers.legal)
            up, left = own.parent[i], own.sibling[i]
            fill_rows(
                own.gene[up] if up >= 0 else n_symbols,
                own.gene[left] if left >= 0 else n_symbols,
                own.gene[i - 1] if i else n_symbols,
                own.argument[i],
                buffers.depth[i],
                buffers.horizontal[i],
                n_nodes - i,
                n_symbols,
                buffers.rows,
            )
            advance(weights, buffers.rows, i, buffers.trace)
            forced, move, next_random = plan_rewrite(templates, b, i, tables.arity, random[b, i])
            symbol, symbol_log_p, symbol_entropy = choose_symbol(
                buffers.trace.logits, buffers.legal, tables.arity, i, n_nodes, mean, weight,
                inverse_temperature[b], next_random, forced,
            )  # fmt: skip
            assign_nodes(templates, b, i, symbol, move, n_nodes, tables.arity, next_random)
            log_p[b] += symbol_log_p
            entropy[b] += symbol_entropy
            symbols[b, i] = symbol
            own.gene[i] = symbol
            pass_on(tables, own, i, n_nodes)
            n_nodes = add_arguments(
                i, tables.arity[symbol], n_nodes, own.parent, own.argument, own.sibling, buffers.depth,
                buffers.horizontal,
            )  # fmt: skip
            i += 1
        length[b] = n_nodes
