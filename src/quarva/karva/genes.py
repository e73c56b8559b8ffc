"""Genes and chromosomes as integer arrays: a whole population is one `Population`."""

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

__all__ = ["GeneShape", "Population", "encode"]

# A head and the links above it stay within the depth that notations read back (200 levels).
_LONGEST_HEAD, _MOST_GENES = 150, 40
_WORTH_SHARING = 500  # chromosomes that are looked at by more than one thread: ten microseconds


@dataclass(frozen=True, slots=True)
class GeneShape:
    """The form of a chromosome.

    Attributes:
        head: positions of a gene's head, where any symbol may stand.
        genes: genes of a chromosome.
        constants: random numerical constants that each gene carries, for `?` to choose from.
        link: the binary operator that joins the genes' expressions, from the left.
    """

    head: int = 8
    genes: int = 1
    constants: int = 5
    link: str = "add"

    def __post_init__(self) -> None:
        if not 1 <= self.head <= _LONGEST_HEAD:
            raise FormulaError(f"a gene's head must have 1 to {_LONGEST_HEAD} positions, not {self.head}")
        if not 1 <= self.genes <= _MOST_GENES:
            raise FormulaError(f"a chromosome must have 1 to {_MOST_GENES} genes, not {self.genes}")
        if not 1 <= self.constants <= 100:
            raise FormulaError(f"a gene must carry 1 to 100 random numerical constants, not {self.constants}")
        if (
            self.link not in BY_NAME
            or BY_NAME[self.link].arity != 2
            or BY_NAME[self.link].kind != "elementwise"
        ):
            raise FormulaError(
                f"the linking function must be a binary elementwise operator, not '{self.link}'"
            )

    @property
    def linking(self) -> Operator:
        """The table's entry of the linking function."""
        return BY_NAME[self.link]


@dataclass(frozen=True, eq=False)
class Population:
    """Chromosomes over one alphabet, P of them, G genes of L = head + tail positions each.

    Attributes:
        alphabet: the letters.
        shape: head, genes, number of constants, linking function.
        symbols: int16 of shape (P, G, L), numbers of letters.
        dc: int8 of shape (P, G, tail), Ferreira's Dc domain: the k-th `?` of the gene, in reading order,
            has the value `constants[p, g, dc[p, g, k]]`.
        constants: float32 of shape (P, G, C).
        known_keys: `keys()` where whoever made the population has computed them, else None.
    """

    alphabet: Alphabet
    shape: GeneShape
    symbols: NDArray[np.int16]
    dc: NDArray[np.int8]
    constants: NDArray[np.float32]
    known_keys: NDArray[np.uint64] | None = None

    @classmethod
    def empty(cls, alphabet: Alphabet, shape: GeneShape, n: int) -> "Population":
        """Room for n chromosomes, uninitialised."""
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
        """n random chromosomes.

        A position of the head holds a function with probability `function_share`; which function and which
        terminal follows the alphabet's weights. Constants are standard normal.
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
        """One population of several over the same alphabet and shape."""
        first = parts[0]
        return replace(
            first,
            known_keys=None,
            symbols=np.concatenate([part.symbols for part in parts]),
            dc=np.concatenate([part.dc for part in parts]),
            constants=np.concatenate([part.constants for part in parts]),
        )

    def arrays(self) -> dict[str, NDArray]:
        """The chromosomes by name, as a state keeps them."""
        return {"symbols": self.symbols, "dc": self.dc, "constants": self.constants}

    def with_arrays(self, kept: Mapping[str, NDArray]) -> "Population":
        """The chromosomes that `arrays` gave, of the same alphabet and shape."""
        return Population(self.alphabet, self.shape, *(np.array(kept[name]) for name in self.arrays()))

    def keys(self) -> NDArray[np.uint64]:
        """Canonical key of each chromosome, uint64 of shape (P,).

        Formulas that differ only in the order of commutative arguments, in what stands after an expression's
        end, or in how a constant is stored have the same key. The key does not depend on the alphabet.
        """
        if self.known_keys is not None:
            return self.known_keys
        a = self.alphabet
        link = _letter_of(self.shape.link)
        return population_keys(
            self.symbols,
            self.dc,
            self.constants,
            a.arity,
            a.letter,
            a.commutative,
            link,
            self.shape.linking.commutative,
        )

    def lengths(self) -> NDArray[np.int32]:
        """Positions that each gene's expression takes, int32 of shape (P, G)."""
        return orf_lengths(self.symbols, self.alphabet.arity)

    def sizes(self) -> NDArray[np.int32]:
        """Nodes of each chromosome's formula, the linking operators among them, int32 of shape (P,)."""
        out = np.empty(len(self), np.int32)
        count_nodes(self.symbols, self.alphabet.arity, out)
        return out

    def invalid(self, threads: int = 1) -> NDArray[np.bool_]:
        """Which chromosomes break a rule, bool of shape (P,).

        The rules: symbols are letters of the alphabet, the tail holds terminals only, the Dc domain points at
        constants that are there, and the expression ends. By construction no chromosome breaks one; this is
        the independent count.
        """
        out = np.empty(len(self), np.bool_)
        a, constants = self.alphabet, self.constants.shape[2]
        head, pieces = self.shape.head, 1 if threads == 1 or len(self) < _WORTH_SHARING else threads
        with SpinPool(pieces) as words:
            mark_invalid(words, pieces, self.symbols, self.dc, constants, a.arity, a.n_functions, head, out)
        return out

    def expressions(self) -> list[Expression]:
        """The formulas as trees, `?` replaced by its value."""
        lengths, starts = self.lengths(), argument_starts(self.symbols, self.alphabet.arity)
        trees = []
        for p in range(len(self)):
            genes = [self._tree(p, g, lengths[p, g], starts[p, g]) for g in range(self.shape.genes)]
            tree = genes[0]
            for gene in genes[1:]:
                tree = Expression(Symbol(self.shape.linking), (tree, gene))
            trees.append(tree)
        return trees

    def _tree(self, p: int, g: int, length: int, starts: NDArray[np.int32]) -> Expression:
        gene, seen = self.symbols[p, g], 0
        symbols: list[Symbol] = []
        for letter in gene[:length]:
            symbol = self.alphabet.symbols[letter]
            if self.alphabet.code[letter] == CONSTANT:
                symbol = Symbol(number=float(self.constants[p, g, self.dc[p, g, seen]]))
                seen += 1
            symbols.append(symbol)
        nodes: list[Expression | None] = [None] * length
        for i in range(length - 1, -1, -1):
            first = starts[i]
            nodes[i] = Expression(symbols[i], tuple(nodes[first : first + symbols[i].arity]))  # type: ignore[arg-type]
        return nodes[0]  # type: ignore[return-value]

    def with_rows(
        self, places: NDArray[np.integer], rows: "Population", keys: NDArray[np.uint64]
    ) -> "Population":
        """A copy in which the chromosomes at `places` are `rows`, whose keys are given."""
        changed = replace(
            self, symbols=self.symbols.copy(), dc=self.dc.copy(), constants=self.constants.copy(),
            known_keys=None if self.known_keys is None else self.known_keys.copy(),
        )  # fmt: skip
        changed.symbols[places], changed.dc[places] = rows.symbols, rows.dc
        changed.constants[places] = rows.constants
        if changed.known_keys is not None:
            changed.known_keys[places] = keys
        return changed

    def __len__(self) -> int:
        return len(self.symbols)

    def __getitem__(self, index: Any) -> "Population":
        """The chosen chromosomes, by slice, integer array or mask."""
        symbols, dc, constants = self.symbols, self.dc, self.constants
        if isinstance(index, np.ndarray) and index.dtype.kind == "i":  # `take` copies rows, not cells
            symbols, dc, constants = symbols.take(index, 0), dc.take(index, 0), constants.take(index, 0)
        else:
            symbols, dc, constants = symbols[index], dc[index], constants[index]
        return Population(self.alphabet, self.shape, symbols, dc, constants)


@cache
def _letter_of(link: str) -> np.uint64:
    """Key of a linking function as a letter."""
    return Alphabet([Symbol(BY_NAME[link]), Symbol()]).letter[0]


def encode(
    expressions: list[Expression], alphabet: Alphabet, shape: GeneShape, rng: np.random.Generator
) -> Population:
    """Write expressions as chromosomes of one gene.

    Numbers that are no letter of the alphabet become `?` with that value. What stands behind an expression's
    end is random, as in any gene.

    Raises:
        FormulaError: an expression does not fit the shape, or uses a symbol that the alphabet lacks.
    """
    if shape.genes != 1:
        raise FormulaError(f"an expression is one gene; the shape asks for {shape.genes}")
    pop = Population.random(alphabet, shape, len(expressions), rng)
    number_of = {symbol: i for i, symbol in enumerate(alphabet.symbols)}
    for p, expression in enumerate(expressions):
        constants: list[float] = []
        for i, node in enumerate(expression.walk()):
            symbol = node.symbol
            if symbol.number is not None and symbol not in number_of:
                constants.append(symbol.number)
                symbol = Symbol()
            if symbol not in number_of:
                raise FormulaError(f"the alphabet has no '{symbol.name}'")
            if i >= pop.symbols.shape[2] or (symbol.arity and i >= shape.head):
                raise FormulaError(
                    f"a formula of {len(expression)} nodes does not fit a head of {shape.head}"
                )
            pop.symbols[p, 0, i] = number_of[symbol]
        distinct = list(dict.fromkeys(constants))
        if len(distinct) > shape.constants:
            raise FormulaError(f"a formula has {len(distinct)} constants; a gene carries {shape.constants}")
        pop.constants[p, 0, : len(distinct)] = distinct
        pop.dc[p, 0, : len(constants)] = [distinct.index(value) for value in constants]
    return pop
