"""Genes and chromosomes as integer arrays, a whole population in one `Population`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.spin_pool import SpinPool
from quarva.errors import FormulaError
from quarva.karva.alphabet import CONSTANT, Alphabet
from quarva.karva.decode import argument_starts, count_nodes, mark_invalid, orf_lengths, population_keys
from quarva.karva.expression import Expression, Symbol
from quarva.karva.operators import BY_NAME, Operator
from quarva.karva.shortest import shortest_decimals

__all__ = ["GeneShape", "Population", "encode"]

# A head and the links above it stay within the depth that notations can parse (200 levels).
_MAX_HEAD, _MAX_GENES = 150, 40
_MIN_PARALLEL = 500  # chromosomes from which threads pay off: about ten microseconds of work


@dataclass(frozen=True, slots=True)
class GeneShape:
    """The shape of a chromosome.

    Attributes
    ----------
    head : int
        Length of a gene's head, where any symbol is allowed; 1 to 150.
    genes : int
        Genes of a chromosome, 1 to 40.
    constants : int
        Random numerical constants of each gene, 1 to 100. Each `?` refers to one of them.
    link : str
        Linking function: the binary elementwise operator that joins the expressions of the genes, from the
        left.

    Raises
    ------
    FormulaError
        If a value is out of range, or `link` is not a binary elementwise operator.
    """

    head: int = 8
    genes: int = 1
    constants: int = 5
    link: str = "add"

    def __post_init__(self) -> None:
        if not 1 <= self.head <= _MAX_HEAD:
            raise FormulaError(f"a gene's head must have 1 to {_MAX_HEAD} positions, not {self.head}")
        if not 1 <= self.genes <= _MAX_GENES:
            raise FormulaError(f"a chromosome must have 1 to {_MAX_GENES} genes, not {self.genes}")
        if not 1 <= self.constants <= 100:
            raise FormulaError(f"a gene must have 1 to 100 random numerical constants, not {self.constants}")
        if (
            self.link not in BY_NAME
            or BY_NAME[self.link].arity != 2
            or BY_NAME[self.link].kind != "elementwise"
        ):
            raise FormulaError(
                f"the linking function must be a binary elementwise operator such as 'add', not '{self.link}'"
            )

    @property
    def linking(self) -> Operator:
        """The linking function as an operator."""
        return BY_NAME[self.link]


@dataclass(frozen=True, eq=False)
class Population:
    """P chromosomes over one alphabet, each of G genes with L = head + tail positions.

    Attributes
    ----------
    alphabet : Alphabet
        Alphabet of the chromosomes.
    shape : GeneShape
        Shape of the chromosomes.
    symbols : int16 array, shape (P, G, L)
        Indices into `alphabet.symbols`.
    dc : int8 array, shape (P, G, tail)
        Ferreira's Dc domain: the k-th `?` of a gene, in reading order, has the value
        `constants[p, g, dc[p, g, k]]`.
    constants : float32 array, shape (P, G, C)
        Constants of each gene.
    known_keys : uint64 array, shape (P,), or None
        The value of `keys()`, if it has been computed already.
    """

    alphabet: Alphabet
    shape: GeneShape
    symbols: NDArray[np.int16]
    dc: NDArray[np.int8]
    constants: NDArray[np.float32]
    known_keys: NDArray[np.uint64] | None = None

    @classmethod
    def empty(cls, alphabet: Alphabet, shape: GeneShape, n: int) -> "Population":
        """Return n chromosomes whose symbols are uninitialised."""
        tail = alphabet.tail(shape.head)
        return cls(
            alphabet,
            shape,
            np.empty((n, shape.genes, shape.head + tail), np.int16),
            np.zeros((n, shape.genes, tail), np.int8),
            np.zeros((n, shape.genes, shape.constants), np.float32),
        )

    @classmethod
    def random(
        cls,
        alphabet: Alphabet,
        shape: GeneShape,
        n: int,
        rng: np.random.Generator,
        function_share: float = 0.6,
    ) -> "Population":
        """Sample n chromosomes.

        Parameters
        ----------
        alphabet : Alphabet
            Alphabet of the chromosomes.
        shape : GeneShape
            Shape of the chromosomes.
        n : int
            Number of chromosomes.
        rng : numpy.random.Generator
            Random number generator.
        function_share : float
            Probability that a position of the head holds a function. The function or the terminal is sampled
            by the alphabet's weights.

        Returns
        -------
        Population
            Chromosomes with standard normal constants.
        """
        pop = cls.empty(alphabet, shape, n)
        cut = alphabet.n_functions
        draw = rng.random(pop.symbols.shape)
        pop.symbols[:] = cut + np.searchsorted(alphabet.cumulative[cut:], draw, side="right")
        if cut:
            head = pop.symbols[:, :, : shape.head]
            function = rng.random(head.shape) < function_share
            head[function] = np.searchsorted(
                alphabet.cumulative[:cut], draw[:, :, : shape.head][function], side="right"
            )
        pop.dc[:] = rng.integers(0, shape.constants, pop.dc.shape)
        pop.constants[:] = rng.standard_normal(pop.constants.shape)
        return pop

    @classmethod
    def concatenate(cls, parts: "list[Population]") -> "Population":
        """Concatenate populations of the same alphabet and shape."""
        first = parts[0]
        return replace(
            first,
            known_keys=None,
            symbols=np.concatenate([part.symbols for part in parts]),
            dc=np.concatenate([part.dc for part in parts]),
            constants=np.concatenate([part.constants for part in parts]),
        )

    def arrays(self) -> dict[str, NDArray]:
        """Return the arrays by name, as checkpoints store them."""
        return {"symbols": self.symbols, "dc": self.dc, "constants": self.constants}

    def with_arrays(self, stored: Mapping[str, NDArray]) -> "Population":
        """Return a population of the same alphabet and shape from the arrays that `arrays` returned."""
        return Population(self.alphabet, self.shape, *(np.array(stored[name]) for name in self.arrays()))

    def keys(self) -> NDArray[np.uint64]:
        """Return the canonical key of each chromosome, uint64 of shape (P,).

        Chromosomes have the same key if their formulas differ only in the order of commutative arguments, in
        the symbols after the end of an expression, or in how a constant is stored. Keys do not depend on the
        alphabet.
        """
        if self.known_keys is not None:
            return self.known_keys
        a = self.alphabet
        link = _link_key(self.shape.link)
        return population_keys(
            self.symbols,
            self.dc,
            self.constants,
            a.arity,
            a.symbol_keys,
            a.commutative,
            link,
            self.shape.linking.commutative,
        )

    def lengths(self) -> NDArray[np.int32]:
        """Return the number of positions that each gene's expression takes, int32 of shape (P, G)."""
        return orf_lengths(self.symbols, self.alphabet.arity)

    def sizes(self) -> NDArray[np.int32]:
        """Return the number of nodes of each formula, linking operators included, int32 of shape (P,)."""
        out = np.empty(len(self), np.int32)
        count_nodes(self.symbols, self.alphabet.arity, out)
        return out

    def invalid(self, threads: int = 1) -> NDArray[np.bool_]:
        """Return which chromosomes are invalid, bool of shape (P,).

        A chromosome is valid if its symbols are in the alphabet, tails hold terminals only, the Dc domain
        refers to existing constants, and all expressions end. Chromosomes are valid by construction; this is
        an independent check.

        Parameters
        ----------
        threads : int
            Maximum number of threads.
        """
        out = np.empty(len(self), np.bool_)
        a, constants = self.alphabet, self.constants.shape[2]
        head, n_chunks = self.shape.head, 1 if threads == 1 or len(self) < _MIN_PARALLEL else threads
        with SpinPool(n_chunks) as pool:
            mark_invalid(pool, n_chunks, self.symbols, self.dc, constants, a.arity, a.n_functions, head, out)
        return out

    def expressions(self) -> list[Expression]:
        """Return the formulas as trees, with each `?` replaced by the shortest decimal of its value."""
        constants = shortest_decimals(self.constants)
        lengths, starts = self.lengths(), argument_starts(self.symbols, self.alphabet.arity)
        trees = []
        for p in range(len(self)):
            genes = [
                self._tree(p, g, lengths[p, g], starts[p, g], constants[p, g])
                for g in range(self.shape.genes)
            ]
            tree = genes[0]
            for gene in genes[1:]:
                tree = Expression(Symbol(self.shape.linking), (tree, gene))
            trees.append(tree)
        return trees

    def _tree(
        self, p: int, g: int, length: int, starts: NDArray[np.int32], constants: NDArray[np.float64]
    ) -> Expression:
        gene, n_constants = self.symbols[p, g], 0
        symbols: list[Symbol] = []
        for index in gene[:length]:
            symbol = self.alphabet.symbols[index]
            if self.alphabet.code[index] == CONSTANT:
                symbol = Symbol(number=float(constants[self.dc[p, g, n_constants]]))
                n_constants += 1
            symbols.append(symbol)
        nodes: list[Expression | None] = [None] * length
        for i in range(length - 1, -1, -1):
            first = starts[i]
            nodes[i] = Expression(symbols[i], tuple(nodes[first : first + symbols[i].arity]))  # type: ignore[arg-type]
        return nodes[0]  # type: ignore[return-value]

    def with_rows(
        self, indices: NDArray[np.integer], rows: "Population", keys: NDArray[np.uint64]
    ) -> "Population":
        """Return a copy in which `rows`, with the given keys, replace the chromosomes at `indices`."""
        changed = replace(
            self, symbols=self.symbols.copy(), dc=self.dc.copy(), constants=self.constants.copy(),
            known_keys=None if self.known_keys is None else self.known_keys.copy(),
        )  # fmt: skip
        changed.symbols[indices], changed.dc[indices] = rows.symbols, rows.dc
        changed.constants[indices] = rows.constants
        if changed.known_keys is not None:
            changed.known_keys[indices] = keys
        return changed

    def __len__(self) -> int:
        """Return the number of chromosomes."""
        return len(self.symbols)

    def __getitem__(self, index: Any) -> "Population":
        """Return the chromosomes selected by a slice, an integer array or a mask."""
        symbols, dc, constants = self.symbols, self.dc, self.constants
        if isinstance(index, np.ndarray) and index.dtype.kind == "i":  # take is faster
            symbols, dc, constants = symbols.take(index, 0), dc.take(index, 0), constants.take(index, 0)
        else:
            symbols, dc, constants = symbols[index], dc[index], constants[index]
        return Population(self.alphabet, self.shape, symbols, dc, constants)


@cache
def _link_key(link: str) -> np.uint64:
    """Return the symbol key of a linking function."""
    return Alphabet([Symbol(BY_NAME[link]), Symbol()]).symbol_keys[0]


def encode(
    expressions: list[Expression], alphabet: Alphabet, shape: GeneShape, rng: np.random.Generator
) -> Population:
    """Encode expressions as chromosomes of one gene.

    Numbers that are not symbols of the alphabet become `?` with that value. Positions after the end of an
    expression are random.

    Parameters
    ----------
    expressions : list of Expression
        The expressions.
    alphabet : Alphabet
        Alphabet of the chromosomes.
    shape : GeneShape
        Shape with one gene.
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    Population

    Raises
    ------
    FormulaError
        If an expression does not fit the shape or uses a symbol that is not in the alphabet.
    """
    if shape.genes != 1:
        raise FormulaError(
            f"an expression is encoded as one gene, but the shape has {shape.genes}: set genes to 1"
        )
    pop = Population.random(alphabet, shape, len(expressions), rng)
    index_of = {symbol: i for i, symbol in enumerate(alphabet.symbols)}
    for p, expression in enumerate(expressions):
        constants: list[float] = []
        for i, node in enumerate(expression.walk()):
            symbol = node.symbol
            if symbol.number is not None and symbol not in index_of:
                constants.append(symbol.number)
                symbol = Symbol()
            if symbol not in index_of:
                raise FormulaError(f"the alphabet has no '{symbol.name}': add it, or leave the formula out")
            if i >= pop.symbols.shape[2] or (symbol.arity and i >= shape.head):
                raise FormulaError(
                    f"a formula of {len(expression)} nodes does not fit into a head of {shape.head}: "
                    "use a longer head"
                )
            pop.symbols[p, 0, i] = index_of[symbol]
        distinct = list(dict.fromkeys(constants))
        if len(distinct) > shape.constants:
            raise FormulaError(
                f"a formula has {len(distinct)} constants, but a gene has {shape.constants}: raise constants"
            )
        pop.constants[p, 0, : len(distinct)] = distinct
        pop.dc[p, 0, : len(constants)] = [distinct.index(value) for value in constants]
    return pop
