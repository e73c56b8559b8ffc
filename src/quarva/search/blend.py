"""Evolution and the neural generator on one budget, each feeding the other; and completion where it applies.

After Mundhenk et al. 2021 (Symbolic Regression via Neural-Guided Genetic Programming Population Seeding): the
network's samples start runs of evolution, and what evolution finds teaches the network. Here half of
evolution's islands begin with the simplest formulas, and every other island of `GEP` that stands still starts
anew from the network's last samples, which are scored already, so that the seeding costs no evaluation. Which
of the two proposes next is learned from what their proposals paid.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.karva.genes import Population
from quarva.search.completion import Completion
from quarva.search.gep import GEP
from quarva.search.policy import Policy
from quarva.search.policy.grammar import Grammar
from quarva.search.searcher import Space
from quarva.search.shares import Shares
from quarva.search.simplest import simplest

__all__ = ["Blend"]

EVOLUTION, NETWORK, COMPLETED, SIMPLEST = range(4)
"""Who proposed a batch."""

_LESSON = 10  # best of evolution's living that the network is shown when its turn has come
_LOOK_UPS = 4  # batches of which one is read for completion once the library is full


@dataclass
class Blend:
    """GEP, the neural generator and completion, each with its own defaults."""

    simple: float = 0.5  # share of evolution's islands that begin with the simplest formulas, not random ones
    alone: int = 2_500  # evaluations that evolution has for itself before the network joins
    evolution: float = 0.1  # share of the evaluations that evolution has at least
    network: float = 0.5  # and the network
    board: int = 100  # best formulas so far; a proposal pays by entering them
    complete: bool = True  # whether formulas of tables are completed by look-up

    _evolution: GEP = field(default_factory=GEP, init=False, repr=False)
    _network: Policy = field(default_factory=Policy, init=False, repr=False)

    def __post_init__(self) -> None:
        least = {"simple": 0, "alone": 0, "board": 1, "evolution": 0, "network": 0}
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise RecipeError(f"blend: {name} must be at least {low}, not {getattr(self, name)}")
        if self.simple > 1:
            raise RecipeError(f"blend: simple is a share and must not be above 1, not {self.simple}")
        if self.evolution + self.network > 1:
            raise RecipeError(
                "blend: evolution and network are least shares of one budget and not above 1 together, "
                f"not {self.evolution} and {self.network}"
            )

    def begin(self, space: Space) -> None:
        self._space = space
        self._evolution.begin(space)
        self._joined = False  # the network: its first weights and torch itself wait until they are needed
        self._shares = Shares((self.evolution, self.network), self.board)
        self._grammar = Grammar(space.alphabet, space.shape, self._network.rule_names)
        self._turn = SIMPLEST
        self._begun = False
        self._completed: Population | None = None
        self._founders: tuple[Population, NDArray[np.float64]] | None = None
        self._read = 0
        self._completion: Completion | None = None
        if self.complete and space.points is not None and Completion.can(space.alphabet, space.shape):
            self._completion = Completion(space.alphabet, space.shape, space.points)

    def ask(self, n: int) -> Population:
        if self._completed is not None:
            self._turn = COMPLETED
            return self._completed
        if not self._begun:
            self._turn = SIMPLEST
            return simplest(self._space, self._grammar, self._founded() * self._evolution.population)
        self._turn = EVOLUTION
        if self._shares.spent.sum() >= self.alone:
            self._join()
            self._turn = self._shares.next()
        if self._turn == EVOLUTION:
            return self._evolution.ask(n)
        best = np.argsort(-self._evolution.living()[1], kind="stable")[:_LESSON]
        living, fitness = self._evolution.living()
        self._network.teach(living[best], fitness[best])
        return self._network.ask(n)

    def _founded(self) -> int:
        """Islands that begin with the simplest formulas, at least one; the others keep what those lack."""
        return max(1, round(self.simple * self._evolution.islands))

    def _join(self) -> None:
        """Let the network begin, once."""
        if not self._joined:
            self._network.begin(self._space)
            self._joined = True

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        if self._turn == COMPLETED:
            self._completed = None
            return
        self._shares.paid(NETWORK if self._turn == NETWORK else EVOLUTION, population.keys(), fitness)
        if self._turn == SIMPLEST:
            self._evolution.found_first(self._founded(), population, fitness)
            self._begun = True
        elif self._turn == EVOLUTION:
            self._evolution.tell(population, fitness)
            self._found_islands()
        else:
            self._network.tell(population, fitness)
            self._founders = population, fitness
        self._look_up(population)

    def _found_islands(self) -> None:
        """Start islands that stand still from the network's last samples, the best of them, once each.

        Every other island, that is: evolution that begins with nothing but what the network writes, which
        learns from what evolution finds, would stay where it is.
        """
        size = self._evolution.population
        for island in self._evolution.standing_still():
            if self._founders is None or len(self._founders[0]) < size:
                return
            if island % 2:
                continue
            population, fitness = self._founders
            best = np.argsort(-np.nan_to_num(fitness, nan=-np.inf), kind="stable")[:size]
            self._evolution.found(int(island), population[best], fitness[best])
            self._founders = None

    def _look_up(self, population: Population) -> None:
        """Read formulas for completion: all while there is room for their parts, later some."""
        if self._completion is None:
            return
        self._read += 1
        if not self._completion.is_full() or self._read % _LOOK_UPS == 0:
            self._completed = self._completion.read(population)

    def floors(self) -> NDArray[np.float64]:
        """See `GEP.floors`; of what the network proposed each may teach it."""
        if self._turn == EVOLUTION:
            return self._evolution.floors()
        many = {
            NETWORK: self._network.batch,
            SIMPLEST: self._founded() * self._evolution.population,
            COMPLETED: len(self._completed or ()),
        }
        return np.full(many[self._turn], -np.inf)

    def figures(self) -> dict[str, float]:
        """Shares of the evaluations so far and of those to come, and the network's own figures."""
        own = {"network": self._shares.spent[NETWORK] / max(self._shares.spent.sum(), 1)}
        return own | (self._network.figures() if self._joined else {})

    def state(self) -> dict[str, Any]:
        nothing = Population.empty(self._space.alphabet, self._space.shape, 0), np.zeros(0)
        founders, fitness = self._founders or nothing
        completed = nothing[0] if self._completed is None else self._completed
        parts: dict[str, dict[str, Any]] = {
            "evolution": self._evolution.state(),
            "network": self._network.state() if self._joined else {},
            "completion": self._completion.state() if self._completion is not None else {},
            "shares": self._shares.state(),
            "founders": _genes(founders) | {"fitness": fitness},
            "completed": _genes(completed),
            "blend": {"begun": self._begun, "joined": self._joined, "read": self._read},
        }
        return {f"{part}/{name}": value for part, kept in parts.items() for name, value in kept.items()}

    def restore(self, state: dict[str, Any]) -> None:
        parts: dict[str, dict[str, Any]] = {}
        for name, value in state.items():
            part, _, inner = name.partition("/")
            parts.setdefault(part, {})[inner] = value
        self._evolution.restore(parts["evolution"])
        self._shares.restore(parts["shares"])
        if bool(parts["blend"]["joined"]):
            self._join()
            self._network.restore(parts["network"])
        if self._completion is not None:
            self._completion.restore(parts["completion"])
        self._begun, self._read = bool(parts["blend"]["begun"]), int(parts["blend"]["read"])
        founders, completed = (self._population(parts[name]) for name in ("founders", "completed"))
        self._founders = (founders, np.array(parts["founders"]["fitness"])) if len(founders) else None
        self._completed = completed if len(completed) else None

    def _population(self, genes: dict[str, Any]) -> Population:
        space = self._space
        return Population(
            space.alphabet, space.shape, *(np.array(genes[name]) for name in ("symbols", "dc", "constants"))
        )


def _genes(population: Population) -> dict[str, NDArray[Any]]:
    return {"symbols": population.symbols, "dc": population.dc, "constants": population.constants}
