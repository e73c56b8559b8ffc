"""Squared errors on tables of a few rows, with kernels that avoid all work per formula."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.engine.kernel.run.small_tables import Workspace, is_elementwise, run_genes, run_nodes
from quarva.engine.layout import PanelLayout, lay_out
from quarva.engine.names import place_params
from quarva.engine.program import Program
from quarva.engine.target import Target
from quarva.karva.genes import Population
from quarva.karva.operators import CODE
from quarva.panel import Panel

__all__ = ["FewRows"]

_CELLS = 512  # cells of a node, up to which finding shared nodes costs more than computing them
_PIECES = 16  # pieces of work per thread, because formulas differ in cost
_LEAST = 16  # minimal number of formulas of a piece, because each piece copies the fields
_NODES = 4096  # maximal number of nodes of a chromosome, for which space is allocated


@dataclass(frozen=True, eq=False)
class FewRows:
    """A panel of a few rows and a target, against which formulas are scored."""

    panel: Panel
    layout: PanelLayout
    target: Target
    days: int

    @classmethod
    def of(cls, panel: Panel, target: Target, days: int) -> "FewRows | None":
        """Prepare a panel; None if it has too many rows, more than one tile, or Qlib's conventions."""
        layout = lay_out(panel)
        tiles = layout.tiles
        small = tiles.count == 1 and 0 < days * tiles.width <= _CELLS
        whole = days == panel.values.shape[1] and panel.conventions == "quarva"
        return cls(panel, layout, target, days) if small and whole else None

    def suit_nodes(self, program: Program) -> bool:
        """True if `score_nodes` can score the formulas: all operators are elementwise."""
        return bool(is_elementwise(program.code))

    def suit_genes(self, population: Population) -> bool:
        """True if `score_genes` can score a population: elementwise operators and short chromosomes only."""
        return bool(is_elementwise(population.alphabet.code)) and _nodes(population) <= _NODES

    def score_nodes(self, nodes: tuple[Any, ...], threads: int, acc: NDArray[np.float64]) -> None:
        """Score formulas.

        Parameters
        ----------
        nodes : tuple of ndarray
            The arrays offset, code, left, right, third, param and number of a `Program`.
        threads : int
            Number of threads.
        acc : ndarray of float64, shape (P, S, M, 4)
            Receives the scores; see `evaluate`.
        """
        offset, *columns = nodes
        longest = int(np.diff(offset).max(initial=1))
        workspace, operands = self._workspace(len(offset) - 1, threads, longest, longest)
        with SpinPool(threads) as words:
            run_nodes(words, offset, tuple(columns), *operands, workspace, acc)

    def score_genes(self, population: Population, threads: int, acc: NDArray[np.float64]) -> None:
        """Score chromosomes.

        Parameters
        ----------
        population : Population
            The chromosomes.
        threads : int
            Number of threads.
        acc : ndarray of float64, shape (P, S, M, 4)
            Receives the scores; see `evaluate`.

        Raises
        ------
        FormulaError
            The alphabet has a field that the panel lacks.
        """
        a, panel = population.alphabet, self.panel
        param = place_params(a, panel.fields, tuple(panel.groups), panel.assets)
        genes = (population.symbols, population.dc, population.constants)
        symbol_table, link = (a.arity, a.code, param, a.number), CODE[population.shape.link]
        positions = population.symbols.shape[2]
        workspace, operands = self._workspace(len(population), threads, _nodes(population), positions)
        with SpinPool(threads) as words:
            run_genes(words, genes, symbol_table, link, *operands, workspace, acc)

    def _workspace(
        self, many: int, threads: int, nodes: int, positions: int
    ) -> tuple[Workspace, tuple[Any, ...]]:
        """Scratch space for the pieces of work, and the operands that do not depend on the formulas."""
        fields, target = self.layout.fields, self.target
        cells = self.days * fields.shape[2]
        pieces = max(1, min(threads * _PIECES, many // _LEAST)) if threads > 1 else 1
        scored = (target.values, target.known, target.least, target.segments)
        workspace = Workspace.of(pieces, len(fields), cells, nodes, positions)
        return workspace, (fields.reshape(-1), cells, self.days, scored)


def _nodes(population: Population) -> int:
    """Maximal number of nodes of a chromosome."""
    _, genes, length = population.symbols.shape
    return genes * (length + 1)
