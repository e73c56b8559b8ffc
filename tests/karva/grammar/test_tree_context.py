"""The tree context of a position: parent, sibling, depth and open nodes, during generation and afterwards."""

import numpy as np
import pytest

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.tree_context import TreeContext

ALPHABET = Alphabet.build(["x", "y"], ["add", "neg", "if_else"])
ADD, NEG, IF, X, Y = range(5)
NONE = len(ALPHABET)
GENE = np.array(
    [[ADD, NEG, IF, X, Y, X, Y, Y, Y]], np.int16
)  # add(neg(x), if_else(y, x, y)); the rest is ignored


@pytest.fixture
def genes():
    shape = GeneShape(head=7)
    return Population.random(ALPHABET, shape, 50, np.random.default_rng(1), 0.7).symbols[:, 0]


def test_the_context_of_a_small_tree_is_correct():
    context = TreeContext.of(GENE, ALPHABET).nodes_all(GENE)
    assert context.parent[0].tolist() == [NONE, ADD, ADD, NEG, IF, IF, IF, NONE, NONE]
    assert context.argument[0].tolist() == [0, 0, 1, 0, 0, 1, 2, 0, 0]
    assert context.sibling[0].tolist() == [NONE, NONE, NEG, NONE, NONE, Y, X, NONE, NONE]
    assert context.depth[0].tolist() == [0, 1, 1, 2, 2, 2, 2, 0, 0]
    assert context.open[0].tolist() == [1, 2, 2, 4, 3, 2, 1, 0, 0]
    assert context.horizontal[0].tolist() == [0.5, 0.25, 0.75, 0.25, 0.625, 0.75, 0.875, 0.5, 0.5]


def test_the_context_is_the_same_symbol_by_symbol_and_for_complete_genes(genes):
    whole = TreeContext.of(genes, ALPHABET)
    at_once = whole.nodes_all(genes)
    growing = TreeContext(ALPHABET, genes.shape[1], len(genes))
    for i in range(genes.shape[1]):
        for now, later in zip(growing.nodes(genes, i), at_once):
            assert (now == later[:, i]).all()
        growing.put(genes, i)
    assert (growing.n_nodes == whole.n_nodes).all()
    assert (growing.in_expression(3) == (at_once.open[:, 3] > 0)).all()


def test_the_context_can_be_computed_for_some_genes(genes):
    context, rows = TreeContext.of(genes, ALPHABET), np.array([40, 3])
    for some, all_of_them in zip(context.nodes(genes, 2, rows), context.nodes(genes, 2)):
        assert (some == all_of_them[rows]).all()


def test_a_gene_whose_expression_does_not_end_runs_out_of_positions():
    endless = np.full((1, 9), IF, np.int16)
    context = TreeContext.of(endless, ALPHABET)
    assert context.n_nodes[0] == 28
    assert context.parent[0].tolist() == [-1, 0, 0, 0, 1, 1, 1, 2, 2]


def test_nodes_of_a_binary_tree_have_distinct_positions():
    full = np.array([[ADD] * 7 + [X] * 8], np.int16)
    context = TreeContext.of(full, ALPHABET).nodes_all(full)
    positions = list(zip(context.depth[0].tolist(), context.horizontal[0].tolist()))
    assert len(set(positions)) == len(positions)
    assert all(0 < horizontal < 1 for _, horizontal in positions)
