"""Genes of a GRU written in one compiled loop, a gene at a time: places, masks, network and choice."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.state import GrammarState, Row, mark_legal, start, take_note
from quarva.karva.grammar.tree_context import TreeContext, open_places
from quarva.searchers.policy.choice import choose
from quarva.searchers.policy.embedding_rows import LOOKS, note_rows
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.recurrent import Trace, Weights, advance
from quarva.searchers.policy.rewriting import Models, hand_down, plan

__all__ = ["write"]


class _Desk(NamedTuple):
    """Room for what is noted of one gene while it is written."""

    row: Row
    depth: NDArray[np.int16]
    horizontal: NDArray[np.float32]
    looks: NDArray[np.int64]
    legal: NDArray[np.bool_]
    trace: Trace


def write(
    weights: Weights,
    grammar: Grammar,
    prior: LengthPrior,
    chance: NDArray[np.float32],
    sharp: NDArray[np.float32],
    models: Models,
    drawn: tuple[NDArray, ...],
) -> None:
    """Draw n genes into `drawn`, the four arrays of a `Sample`.

    Args:
        weights: of the network.
        grammar, prior: what decides the chances beside it.
        chance: float32 of shape (n, L), a random number for each position, 0 or more and below 1.
        sharp: float32 of shape (n,), see `sample`.
        models: what genes are rewritten from, see `Models`.
        drawn: symbols int16 (n, L), terminals that are kept behind the end; log_p, entropy, length.
    """
    places = TreeContext(grammar.alphabet, grammar.length, 1)
    marks = GrammarState.blank(1, grammar.length)
    row = Row(
        np.empty(grammar.length, np.int16), places.parent[0], places.argument[0], places.sibling[0],
        marks.below[0], marks.left[0], marks.units[0], marks.first[0], marks.path,
    )  # fmt: skip
    desk = _Desk(
        row, places.depth[0], places.horizontal[0], np.empty(LOOKS, np.int64),
        np.ones(len(grammar.alphabet), np.bool_), Trace.room(weights, grammar.length),
    )  # fmt: skip
    write_genes(
        weights, grammar.tables, grammar.tail, prior.mean, prior.weight, chance, sharp, models, desk, *drawn
    )


@compiled
def write_genes(
    weights, tables, masked, mean, weight, chance, sharp, models, desk, symbols, log_p, entropy, length
):
    """Write all genes; each is done when its expression is."""
    row, letters = desk.row, tables.arity.size
    for b in range(symbols.shape[0]):
        i, nodes, opened = 0, 1, start(tables, row)
        while i < min(nodes, symbols.shape[1]):
            if masked:
                mark_legal(tables, row, i, opened, desk.legal)
            up, left = row.parent[i], row.sibling[i]
            note_rows(
                row.gene[up] if up >= 0 else letters,
                row.gene[left] if left >= 0 else letters,
                row.gene[i - 1] if i else letters,
                row.argument[i],
                desk.depth[i],
                desk.horizontal[i],
                nodes - i,
                letters,
                desk.looks,
            )
            advance(weights, desk.looks, i, desk.trace)
            wanted, move, left_over = plan(models, b, i, tables.arity, chance[b, i])
            letter, likely, open_choice = choose(
                desk.trace.logits, desk.legal, tables.arity, i, nodes, mean, weight, sharp[b], left_over,
                wanted,
            )  # fmt: skip
            hand_down(models, b, i, letter, move, nodes, tables.arity, left_over)
            log_p[b] += likely
            entropy[b] += open_choice
            symbols[b, i] = letter
            row.gene[i] = letter
            nodes = open_places(
                i, tables.arity[letter], nodes, row.parent, row.argument, row.sibling, desk.depth,
                desk.horizontal,
            )  # fmt: skip
            opened = take_note(tables, row, i, opened)
            i += 1
        length[b] = nodes
