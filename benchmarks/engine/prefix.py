"""Row-wise formulas as prefix lists, which every peer can read: random ones, and conversion from trees."""

import numpy as np

from peers.rows import ARITY
from quarva.karva import Alphabet, Expression, GeneShape, Population, Symbol, encode

__all__ = ["alphabet", "draw", "from_tree", "genes_of", "to_tree"]

UNARY = [name for name, arity in ARITY.items() if arity == 1]
BINARY = [name for name, arity in ARITY.items() if arity == 2]


def alphabet(columns: int, constants: bool = False) -> Alphabet:
    """Return the alphabet of Koza's functions and columns x1, x2 …"""
    return Alphabet.build([f"x{number + 1}" for number in range(columns)], [*ARITY], constants=constants)


def draw(rng: np.random.Generator, size: int, columns: int) -> list[str]:
    """Return a random formula of `size` nodes."""
    if size == 1:
        return [f"x{rng.integers(1, columns + 1)}"]
    if size == 2 or rng.random() < 0.4:
        return [str(rng.choice(UNARY)), *draw(rng, size - 1, columns)]
    left = int(rng.integers(1, size - 1))
    return [str(rng.choice(BINARY)), *draw(rng, left, columns), *draw(rng, size - 1 - left, columns)]


def from_tree(tree: Expression) -> list[str]:
    """Return a tree's nodes, each before its arguments."""
    below = [token for arg in tree.args for token in from_tree(arg)]
    return [tree.symbol.operator.name if tree.symbol.operator else tree.symbol.name, *below]


def to_tree(prefix: list[str]) -> Expression:
    """Return the tree of a prefix list without numbers."""
    tokens = iter(prefix)

    def read() -> Expression:
        token = next(tokens)
        if token not in ARITY:
            return Expression(Symbol(field=token))
        return Expression(Symbol.function(token), tuple(read() for _ in range(ARITY[token])))

    return read()


def genes_of(formulas: list[list[str]], columns: int) -> Population:
    """Return the formulas as chromosomes, as in a search."""
    head = max(map(len, formulas))
    trees = [to_tree(formula) for formula in formulas]
    return encode(trees, alphabet(columns), GeneShape(head=head), np.random.default_rng(0))
