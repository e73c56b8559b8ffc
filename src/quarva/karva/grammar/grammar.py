"""Which symbols may stand at a place of a gene: the rule of the tail, and rules of meaning on request."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.alphabet import CONSTANT, NUMBER, Alphabet
from quarva.karva.genes import GeneShape
from quarva.karva.grammar.rules import RULES
from quarva.karva.grammar.state import GrammarState, fill_legal, fill_legal_all
from quarva.karva.grammar.tables import argument_units, tabulate, units_of
from quarva.karva.grammar.tree_context import TreeContext
from quarva.karva.grammar.violations import count_violations

__all__ = ["Grammar"]


class Grammar:
    """Masks for writing genes symbol by symbol, in level order.

    Args:
        alphabet: the letters.
        shape: of which the head's length counts.
        rules: names of `RULES`, all optional.
        units: units of terminals by name, with the rule "units"; how they are written says `units`. By
            default a field has the unit that its name tells of (`close` a price, `volume` shares, `amount`
            money, `return_5` none), what is not known fits anything, and numbers and `?` have none.
        lookback: days before today that a formula may read, with the rule "window"; None: no limit.
        tail: False lifts the rule of the tail, so that an expression need not end, and a gene can be invalid:
            only to measure how often a generator without masks fails. No other rule can be kept then.

    At each place that is reached by legal symbols some symbol is legal, and the expression ends; a grammar
    of which that is not so is refused.

    Raises:
        FormulaError: an unknown rule, a rule without the rule of the tail, an alphabet of one symbol, a
            limit below 0, or a grammar that allows nothing at some place, which the message names.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        shape: GeneShape,
        rules: tuple[str, ...] = (),
        units: Mapping[str, str] | None = None,
        *,
        lookback: int | None = None,
        tail: bool = True,
    ) -> None:
        _check(alphabet, rules, lookback, tail)
        self.alphabet, self.shape, self.rules, self.tail = alphabet, shape, tuple(rules), tail
        self.length = shape.head + alphabet.tail(shape.head)
        self.lookback, self.units = lookback, units_of(alphabet, units)
        self.tables = tabulate(alphabet, self.rules, shape.head, lookback, self.units)
        if "units" in rules:
            _check_units(self)

    def begin(self, batch: int) -> TreeContext:
        """The places of `batch` genes of which nothing is written yet."""
        return TreeContext(self.alphabet, self.length, batch)

    def legal(
        self, places: TreeContext, symbols: NDArray[np.int16], i: int, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.bool_]:
        """Which symbols may stand at position i.

        Args:
            places: of these genes, from `begin`; positions 0 … i-1 were put.
            symbols: int16 of shape (B, L), chosen as far as i-1 and legal.
            i: the position.
            rows: genes that are asked about, int64 of shape (R,); all by default.

        Returns:
            bool of shape (R, V), True somewhere in each row; behind an expression's end the terminals.
        """
        rows = np.arange(len(symbols)) if rows is None else rows
        out = np.empty((len(rows), len(self.alphabet)), np.bool_)
        if not self.tail:
            out[:] = True
            return out
        if places.marks is None:
            places.marks = GrammarState.blank(*symbols.shape)
        fill_legal(self.tables, symbols, i, rows, _links(places), places.marks, out)
        return out

    def legal_all(self, symbols: NDArray[np.int16], places: TreeContext | None = None) -> NDArray[np.bool_]:
        """`legal` at every position of whole genes, bool of shape (B, L, V).

        Args:
            symbols: int16 of shape (B, L).
            places: of these genes, if they are known.
        """
        out = np.empty((*symbols.shape, len(self.alphabet)), np.bool_)
        if not self.tail:
            out[:] = True
            return out
        places = TreeContext.of(symbols, self.alphabet) if places is None else places
        fill_legal_all(self.tables, symbols, _links(places), GrammarState.blank(*symbols.shape), out)
        return out

    def violations(self, symbols: NDArray[np.int16]) -> dict[str, int]:
        """How many of the genes, int16 of shape (B, L), break each rule, "tail" and all of `RULES`.

        Rules that this grammar does not keep are counted too. The count is from the tree, independent of the
        masks; a gene without a valid expression breaks "tail" and no other.
        """
        return count_violations(symbols, self.alphabet, self.shape.head, self.lookback, self.units)


def _links(places: TreeContext) -> tuple[NDArray[Any], ...]:
    return places.parent, places.argument, places.sibling


def _check(alphabet: Alphabet, rules: tuple[str, ...], lookback: int | None, tail: bool) -> None:
    """Refuse what can be seen without the tables."""
    for rule in rules:
        if rule not in RULES:
            raise FormulaError(f"unknown rule '{rule}'; known are {', '.join(RULES)}")
    if rules and not tail:
        raise FormulaError("without the rule of the tail no other rule can be kept: give no rules")
    if lookback is not None and lookback < 0:
        raise FormulaError(f"a formula can not look back {lookback} days: give 0 or more, or no limit")
    if len(alphabet) == 1:
        raise FormulaError(
            f"the alphabet has one symbol, '{alphabet.names()[0]}': one formula, nothing to search"
        )
    fields = ~np.isin(alphabet.code[alphabet.n_functions :], (NUMBER, CONSTANT))
    if "constants" in rules and not fields.any():
        raise FormulaError(
            "at the root nothing is allowed: the alphabet has no field, and by the rule 'constants' "
            "no formula is of constants alone"
        )


def _check_units(grammar: Grammar) -> None:
    """Refuse a function whose arguments can not have units that it takes, not even at the root."""
    alphabet, tables = grammar.alphabet, grammar.tables
    for v in range(alphabet.n_functions):
        left = tables.limit - tables.lookback[v]
        far, inside = int(left >= tables.longest), min(grammar.shape.head - 1, 3)
        if left < 0 or tables.result[0, far, inside, v]:
            continue
        sets = argument_units(tables, v, tables.simple[int(tables.waves[v]), far, v], inside)
        impure = [k for k, units in enumerate(sets, 1) if not units & tables.measure.pure]
        operator = alphabet.symbols[v].operator
        if operator is not None and operator.unit in ("pure", "choice"):
            where, why = impure[0], "it takes a pure number"
        else:
            where, why = 1, "its result must have powers of units that are kept track of"
        raise FormulaError(
            f"below {alphabet.names()[v]}, argument {where}, nothing is allowed: {why}, and no terminal "
            "fits, nor a function of terminals in the head; leave it out, or set a terminal's unit free"
        )
