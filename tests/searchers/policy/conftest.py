"""An independent reader of genes: which rules a formula breaks, from its tree, by recursion and by names."""

from fractions import Fraction

import pytest

from quarva.karva.expression import Expression
from quarva.karva.grammar.rules import MERGED, UNDONE


def tree_of(gene, alphabet, head):
    """The expression of a gene, `?` left as it is; None where it is not valid."""
    letters = [alphabet.symbols[v] for v in gene]
    if any(letter.arity for letter in letters[head:]):
        return None
    taken, end = [], 1
    for i, letter in enumerate(letters):
        if i == end:
            break
        taken.append((letter, range(end, end + letter.arity)))
        end += letter.arity

    def grow(i):
        letter, below = taken[i]
        return Expression(letter, tuple(grow(k) for k in below))

    return grow(0) if end <= len(letters) else None


def name_of(node):
    return "" if node.symbol.operator is None else node.symbol.operator.name


def is_constant(node):
    return node.symbol.operator is None and node.symbol.field is None


def unit_of(node, units):
    """The unit as a dict of powers, None for any; raises ValueError where arguments do not fit."""
    if not node.args:
        return units[node.symbol.name]
    below = [unit_of(arg, units) for arg in node.args]
    match node.symbol.operator.unit:
        case "same":
            return one_of(below)
        case "first":
            return below[0]
        case "choice":
            one_of([below[0], {}])
            return one_of(below[1:])
        case "compare":
            one_of(below)
        case "pure":
            one_of([*below, {}])
        case "product":
            return times(below, [1, 1])
        case "ratio":
            return times(below, [1, -1])
        case "square":
            return times(below, [2])
        case "root":
            return times(below, [Fraction(1, 2)])
        case "inverse":
            return times(below, [-1])
    return {}


def one_of(units):
    known = [unit for unit in units if unit is not None]
    if any(unit != known[0] for unit in known):
        raise ValueError(units)
    return known[0] if known else None


def times(units, powers):
    if None in units:
        return None
    bases = {base for unit in units for base in unit}
    total = {base: sum(unit.get(base, 0) * p for unit, p in zip(units, powers)) for base in bases}
    return {base: power for base, power in total.items() if power}


def broken_by(gene, grammar):
    """Names of the rules that a gene breaks."""
    tree = tree_of(gene, grammar.alphabet, grammar.shape.head)
    if tree is None:
        return {"tail"}
    broken = set()
    for node in tree.walk():
        for arg in node.args:
            if (name_of(node), name_of(arg)) in UNDONE and node.symbol.group == arg.symbol.group:
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
    """Gene, grammar → names of the rules that it breaks."""
    return broken_by
