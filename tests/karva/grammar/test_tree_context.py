"""A place knows its parent, its neighbours and how much is still open, while a gene is written and after."""

import numpy as np
import pytest

from quarva.karva.alphabet import Alphabet
from quarva.karva.genes import GeneShape, Population
from quarva.karva.grammar.tree_context import TreeContext

ALPHABET = Alphabet.build(["x", "y"], ["add", "neg", "if_else"])
ADD, NEG, IF, X, Y = range(5)
NONE = len(ALPHABET)
GENE = np.array([[ADD, NEG, IF, X, Y, X, Y, Y, Y]], np.int16)  # add(neg(x), if_else(y, x, y)), then no matter


@pytest.fixture
def genes():
    shape = GeneShape(head=7)
    return Population.random(ALPHABET, shape, 50, np.random.default_rng(1), 0.7).symbols[:, 0]


def test_places_of_a_tree_drawn_by_hand():
    seen = TreeContext.of(GENE, ALPHABET).inputs_all(GENE)
    assert seen.parent[0].tolist() == [NONE, ADD, ADD, NEG, IF, IF, IF, NONE, NONE]
    assert seen.argument[0].tolist() == [0, 0, 1, 0, 0, 1, 2, 0, 0]
    assert seen.sibling[0].tolist() == [NONE, NONE, NEG, NONE, NONE, Y, X, NONE, NONE]
    assert seen.depth[0].tolist() == [0, 1, 1, 2, 2, 2, 2, 0, 0]
    assert seen.open[0].tolist() == [1, 2, 2, 4, 3, 2, 1, 0, 0]
    assert seen.horizontal[0].tolist() == [0.5, 0.25, 0.75, 0.25, 0.625, 0.75, 0.875, 0.5, 0.5]


def test_places_are_the_same_written_symbol_by_symbol_and_read_at_once(genes):
    whole = TreeContext.of(genes, ALPHABET)
    at_once = whole.inputs_all(genes)
    growing = TreeContext(ALPHABET, genes.shape[1], len(genes))
    for i in range(genes.shape[1]):
        for now, later in zip(growing.inputs(genes, i), at_once):
            assert (now == later[:, i]).all()
        growing.put(genes, i)
    assert (growing.filled == whole.filled).all()
    assert (growing.is_open(3) == (at_once.open[:, 3] > 0)).all()


def test_only_the_genes_asked_about_are_told(genes):
    places, rows = TreeContext.of(genes, ALPHABET), np.array([40, 3])
    for some, all_of_them in zip(places.inputs(genes, 2, rows), places.inputs(genes, 2)):
        assert (some == all_of_them[rows]).all()


def test_a_gene_without_end_runs_out_of_positions():
    endless = np.full((1, 9), IF, np.int16)
    places = TreeContext.of(endless, ALPHABET)
    assert places.filled[0] == 28
    assert places.parent[0].tolist() == [-1, 0, 0, 0, 1, 1, 1, 2, 2]


def test_places_of_a_binary_tree_never_stand_on_each_other():
    full = np.array([[ADD] * 7 + [X] * 8], np.int16)
    seen = TreeContext.of(full, ALPHABET).inputs_all(full)
    stand = list(zip(seen.depth[0].tolist(), seen.horizontal[0].tolist()))
    assert len(set(stand)) == len(stand)
    assert all(0 < horizontal < 1 for _, horizontal in stand)
