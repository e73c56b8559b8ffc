"""Squared errors on tables of a few rows, where a formula costs as little as its hand-over."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.engine.kernel.run.small_tables import Desk, is_elementwise, run_genes, run_nodes
from quarva.engine.layout import Laid, lay_out
from quarva.engine.names import place_params
from quarva.engine.program import Program
from quarva.engine.target import Target
from quarva.karva.genes import Population
from quarva.karva.operators import CODE
from quarva.panel import Panel

__all__ = ["FewRows"]

_CELLS = 512  # of a node, up to which finding what formulas share costs more than computing it
_PIECES = 16  # pieces of work for each thread: formulas differ in cost
_LEAST = 16  # formulas of a piece at least: each piece brings the fields along
_NODES = 4096  # of a chromosome at most: there is room for the longest that its shape allows


@dataclass(frozen=True, eq=False)
class FewRows:
    """A panel that is small enough, and what formulas are scored against."""

    panel: Panel
    laid: Laid
    target: Target
    days: int

    @classmethod
    def of(cls, panel: Panel, target: Target, days: int) -> "FewRows | None":
        """None where there are too many rows, or where not every row stands by itself in a single tile."""
        laid = lay_out(panel)
        tiles = laid.tiles
        small = tiles.count == 1 and 0 < days * tiles.width <= _CELLS
        whole = days == panel.values.shape[1] and panel.conventions == "quarva"
        return cls(panel, laid, target, days) if small and whole else None

    def suit_nodes(self, program: Program) -> bool:
        """Whether the formulas hold nothing but elementwise operators."""
        return bool(is_elementwise(program.code))

    def suit_genes(self, population: Population) -> bool:
        """Whether chromosomes may hold nothing but elementwise operators, and not too many of them."""
        return bool(is_elementwise(population.alphabet.code)) and _nodes(population) <= _NODES

    def score_nodes(self, nodes: tuple[Any, ...], threads: int, acc: NDArray[np.float64]) -> None:
        """Score formulas given as `offset, code, left, right, third, param, number`; acc as in `evaluate`."""
        offset, *columns = nodes
        longest = int(np.diff(offset).max(initial=1))
        desk, operands = self._desk(len(offset) - 1, threads, longest, longest)
        with SpinPool(threads) as words:
            run_nodes(words, offset, tuple(columns), *operands, desk, acc)

    def score_genes(self, population: Population, threads: int, acc: NDArray[np.float64]) -> None:
        """Score chromosomes; acc as in `evaluate`.

        Raises:
            FormulaError: the alphabet has a field that the panel lacks.
        """
        a, panel = population.alphabet, self.panel
        param = place_params(a, panel.fields, tuple(panel.groups), panel.assets)
        genes = (population.symbols, population.dc, population.constants)
        letters, link = (a.arity, a.code, param, a.number), CODE[population.shape.link]
        positions = population.symbols.shape[2]
        desk, operands = self._desk(len(population), threads, _nodes(population), positions)
        with SpinPool(threads) as words:
            run_genes(words, genes, letters, link, *operands, desk, acc)

    def _desk(self, many: int, threads: int, nodes: int, positions: int) -> tuple[Desk, tuple[Any, ...]]:
        """Room for the work's pieces, and the operands that do not depend on the formulas."""
        fields, target = self.laid.fields, self.target
        cells = self.days * fields.shape[2]
        pieces = max(1, min(threads * _PIECES, many // _LEAST)) if threads > 1 else 1
        scored = (target.values, target.known, target.least, target.segments)
        desk = Desk.of(pieces, len(fields), cells, nodes, positions)
        return desk, (fields.reshape(-1), cells, self.days, scored)


def _nodes(population: Population) -> int:
    """The most nodes that a chromosome can have."""
    _, genes, length = population.symbols.shape
    return genes * (length + 1)
