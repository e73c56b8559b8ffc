"""An independent check of the rules of a grammar, by recursion over trees and by names."""

from fractions import Fraction

import pytest

from quarva.karva.expression import Expression
from quarva.karva.grammar.rules import MERGED, REDUNDANT


def tree_of(gene, alphabet, head):
    """Return the expression of a gene, without values of `?`; None if it is not valid."""
    symbols = [alphabet.symbols[v] for v in gene]
    if any(symbol.arity for symbol in symbols[head:]):
        return None
    nodes, end = [], 1
    for i, symbol in enumerate(symbols):
        if i == end:
            break
        nodes.append((symbol, range(end, end + symbol.arity)))
        end += symbol.arity

    def expression(i):
        symbol, arguments = nodes[i]
        return Expression(symbol, tuple(expression(k) for k in arguments))

    return expression(0) if end <= len(symbols) else None


def name_of(node):
    return "" if node.symbol.operator is None else node.symbol.operator.name


def is_constant(node):
    return node.symbol.operator is None and node.symbol.field is None


def unit_of(node, units):
    """Return the unit as a dict of powers, None for any; raise ValueError if the arguments do not agree."""
    if not node.args:
        return units[node.symbol.name]
    below = [unit_of(arg, units) for arg in node.args]
    match node.symbol.operator.unit:
        case "same":
            return common(below)
        case "first":
            return below[0]
        case "choice":
            common([below[0], {}])
            return common(below[1:])
        case "compare":
            common(below)
        case "pure":
            common([*below, {}])
        case "product":
            return product(below, [1, 1])
        case "ratio":
            return product(below, [1, -1])
        case "square":
            return product(below, [2])
        case "root":
            return product(below, [Fraction(1, 2)])
        case "inverse":
            return product(below, [-1])
    return {}


def common(units):
    known = [unit for unit in units if unit is not None]
    if any(unit != known[0] for unit in known):
        raise ValueError(units)
    return known[0] if known else None


def product(units, powers):
    if None in units:
        return None
    bases = {base for unit in units for base in unit}
    total = {base: sum(unit.get(base, 0) * p for unit, p in zip(units, powers)) for base in bases}
    return {base: power for base, power in total.items() if power}


def broken_by(gene, grammar):
    """Return the names of the rules that a gene breaks."""
    tree = tree_of(gene, grammar.alphabet, grammar.shape.head)
    if tree is None:
        return {"tail"}
    broken = set()
    for node in tree.walk():
        for arg in node.args:
            if (name_of(node), name_of(arg)) in REDUNDANT and node.symbol.group == arg.symbol.group:
                broken.add("inverse")
            if name_of(node) == name_of(arg) and name_of(node) in MERGED:
                broken.add("window")
        if name_of(node) in ("sin", "cos"):
            inner = [n for arg in node.args for n in arg.walk()]
            if any(name_of(n) in ("sin", "cos") for n in inner):
                broken.add("trigonometry")
        if node.args and all(map(is_constant, node.args)):
            broken.add("constants")
    if is_constant(tree):
        broken.add("constants")
    if grammar.lookback is not None and tree.lookback() > grammar.lookback:
        broken.add("window")
    try:
        unit_of(tree, grammar.units)
    except ValueError:
        broken.add("units")
    return broken


@pytest.fixture(scope="session")
def broken():
    """A function of a gene and a grammar that returns the names of the broken rules."""
    return broken_by
