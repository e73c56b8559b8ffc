"""Masks of the symbols that each position of a gene may hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import FormulaError
from quarva.karva.alphabet import CONSTANT, NUMBER, Alphabet
from quarva.karva.genes import GeneShape
from quarva.karva.grammar.rules import RULES
from quarva.karva.grammar.state import GrammarState, fill_legal, fill_legal_all
from quarva.karva.grammar.tables import argument_unit_sets, tabulate, units_of
from quarva.karva.grammar.tree_context import TreeContext
from quarva.karva.grammar.violations import count_violations

__all__ = ["Grammar"]


class Grammar:
    """Masks for generating genes symbol by symbol, in level order.

    After any sequence of legal symbols at least one symbol is legal, and the expression ends. A grammar
    without this property is refused.

    Parameters
    ----------
    alphabet : Alphabet
        The alphabet.
    shape : GeneShape
        Shape of the chromosomes, of which only the length of the head is used.
    rules : tuple of str
        Names of optional rules, from `RULES`.
    units : mapping of str to str, optional
        Units of terminals by name, for the rule "units"; see `units.parse_unit` for the format. By default
        the unit of a field follows from its name (`close` is a price, `volume` a number of shares, `amount`
        money, `return_5` a pure number). A field with an unknown name fits any unit. Numbers and `?` are pure
        numbers.
    unit_free : bool
        Whether the result must be a pure number, for the rule "units".
    lookback : int, optional
        Maximum number of days before today that a formula may read, for the rule "window". Unlimited by
        default.
    tail : bool
        False disables the tail rule, so that expressions need not end and genes can be invalid. It serves
        only to measure how often an unmasked generator fails, and excludes all other rules.

    Attributes
    ----------
    length : int
        Positions of a gene.
    tables : Tables
        The rules as arrays, for kernels.

    Raises
    ------
    FormulaError
        If a rule is unknown or combined with ``tail=False``, the alphabet has one symbol, `lookback` is
        negative, or nothing would be legal at some position. The message names that position.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        shape: GeneShape,
        rules: tuple[str, ...] = (),
        units: Mapping[str, str] | None = None,
        *,
        unit_free: bool = False,
        lookback: int | None = None,
        tail: bool = True,
    ) -> None:
        _check(alphabet, rules, unit_free, lookback, tail)
        self.alphabet, self.shape, self.rules, self.tail = alphabet, shape, tuple(rules), tail
        self.length = shape.head + alphabet.tail(shape.head)
        self.lookback, self.units = lookback, units_of(alphabet, units)
        self.tables = tabulate(alphabet, self.rules, shape.head, lookback, self.units, unit_free)
        if "units" in rules:
            _check_units(self)

    def begin(self, batch: int) -> TreeContext:
        """Return the tree context of `batch` genes without any symbols yet."""
        return TreeContext(self.alphabet, self.length, batch)

    def legal(
        self, context: TreeContext, symbols: NDArray[np.int16], i: int, rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.bool_]:
        """Return the symbols that are legal at position i.

        Parameters
        ----------
        context : TreeContext
            Context of these genes, as returned by `begin` and updated for positions 0 … i − 1.
        symbols : int16 array, shape (B, L)
            The genes, legal up to position i − 1; later positions are ignored.
        i : int
            The position.
        rows : int64 array, shape (R,), optional
            Genes of interest. Defaults to all.

        Returns
        -------
        bool array, shape (R, V)
            Mask of the legal symbols, at least one per row. After the end of an expression all terminals
            are legal.
        """
        rows = np.arange(len(symbols)) if rows is None else rows
        out = np.empty((len(rows), len(self.alphabet)), np.bool_)
        if not self.tail:
            out[:] = True
            return out
        if context.grammar_state is None:
            context.grammar_state = GrammarState.empty(*symbols.shape)
        fill_legal(self.tables, symbols, i, rows, _links(context), context.grammar_state, out)
        return out

    def legal_all(self, symbols: NDArray[np.int16], context: TreeContext | None = None) -> NDArray[np.bool_]:
        """Return the symbols that are legal at each position of complete genes.

        Parameters
        ----------
        symbols : int16 array, shape (B, L)
            The genes.
        context : TreeContext, optional
            Context of these genes. Computed by default.

        Returns
        -------
        bool array, shape (B, L, V)
        """
        out = np.empty((*symbols.shape, len(self.alphabet)), np.bool_)
        if not self.tail:
            out[:] = True
            return out
        context = TreeContext.of(symbols, self.alphabet) if context is None else context
        fill_legal_all(self.tables, symbols, _links(context), GrammarState.empty(*symbols.shape), out)
        return out

    def violations(self, symbols: NDArray[np.int16]) -> dict[str, int]:
        """Count the genes that break each rule, including the rules that this grammar does not enforce.

        The count is computed from the trees, independently of the masks. A gene without a valid expression
        breaks "tail" and no other rule.

        Parameters
        ----------
        symbols : int16 array, shape (B, L)
            The genes.

        Returns
        -------
        dict of str to int
            For "tail" and each rule in `RULES`.
        """
        return count_violations(symbols, self.alphabet, self.shape.head, self.lookback, self.units)


def _links(context: TreeContext) -> tuple[NDArray[Any], ...]:
    return context.parent, context.argument, context.sibling


def _check(
    alphabet: Alphabet, rules: tuple[str, ...], unit_free: bool, lookback: int | None, tail: bool
) -> None:
    """Raise FormulaError for arguments that are invalid on their own."""
    for rule in rules:
        if rule not in RULES:
            raise FormulaError(f"unknown rule '{rule}'; known rules: {', '.join(RULES)}")
    if rules and not tail:
        raise FormulaError("tail=False excludes all other rules: pass no rules")
    if unit_free and "units" not in rules:
        raise FormulaError("unit_free needs the rule 'units': add it to the rules")
    if lookback is not None and lookback < 0:
        raise FormulaError(
            f"a formula cannot look back {lookback} days: give 0 or more, or None for no limit"
        )
    if len(alphabet) == 1:
        raise FormulaError(
            f"the alphabet has only one symbol, '{alphabet.names()[0]}', so there is nothing to search"
        )
    fields = ~np.isin(alphabet.code[alphabet.n_functions :], (NUMBER, CONSTANT))
    if "constants" in rules and not fields.any():
        raise FormulaError(
            "no symbol is legal at the root: the alphabet has no field, and the rule 'constants' forbids "
            "formulas of constants alone"
        )


def _check_units(grammar: Grammar) -> None:
    """Raise FormulaError for a function whose arguments cannot have valid units even at the root."""
    alphabet, tables = grammar.alphabet, grammar.tables
    of_functions = tables.function_units[0, 1, min(grammar.shape.head - 1, 3)]
    if not tables.root_units & np.bitwise_or.reduce(of_functions, initial=tables.terminal_units[1]):
        raise FormulaError(
            "no formula is unit-free: no function of the fields has a result without a unit; add a function "
            "such as div or rank, or allow any unit"
        )
    for v in range(alphabet.n_functions):
        days_left = tables.limit - tables.lookback[v]
        unlimited, in_head = int(days_left >= tables.longest), min(grammar.shape.head - 1, 3)
        if days_left < 0 or tables.function_units[0, unlimited, in_head, v]:
            continue
        simple = tables.simple_units[int(tables.trigonometric[v]), unlimited, v]
        sets = argument_unit_sets(tables, v, simple, in_head)
        impure = [k for k, units in enumerate(sets, 1) if not units & tables.unit_tables.pure]
        operator = alphabet.symbols[v].operator
        if operator is not None and operator.unit in ("pure", "choice"):
            argument, reason = impure[0], "it requires a pure number"
        else:
            argument, reason = 1, "the powers of the result's unit would be out of range"
        raise FormulaError(
            f"no symbol is legal as argument {argument} of {alphabet.names()[v]}: {reason}, and neither a "
            "terminal nor a function of terminals within the head fits; remove the function, or set the unit "
            "of a terminal to free"
        )
