"""Evolution and the neural generator on one budget, each feeding the other; completion and foresight beside.

After Mundhenk et al. 2021 (Symbolic Regression via Neural-Guided Genetic Programming Population Seeding): the
network's samples start runs of evolution, and what evolution finds teaches the network. Here half of
evolution's islands begin with the simplest formulas, and every other island of `GEP` that stands still starts
anew from the network's last samples, which are scored already, so that the seeding costs no evaluation. Which
of the two proposes next is learned from what their proposals paid. Of a table's formulas what is missing is
looked up (`completion`); on a panel both propose several formulas for each that is scored, the one that
promises most (`foresight`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.loop.searcher import SearchContext
from quarva.searchers.blend.bandit import Bandit
from quarva.searchers.completion import Completion
from quarva.searchers.gep.gep import GEP
from quarva.searchers.initialisation import Initialisation
from quarva.searchers.policy import Policy
from quarva.searchers.surrogate import BOLD, Surrogate

__all__ = ["Blend"]

EVOLUTION, NETWORK, COMPLETED, OPENING = range(4)
"""Who proposed a batch."""

_LESSON = 10  # best of evolution's living that the network is shown when its turn has come
_LOOK_UPS = 4  # batches of which one is read for completion once the library is full
_FORESEEN, _UNSEEN = 0.1, 0.5  # the network's least share: evolution gains more by foresight than it does


@dataclass
class Blend:
    """GEP, the neural generator, completion and foresight, each with its own defaults."""

    simple: float = 0.5  # share of evolution's islands that begin with the simplest formulas, not random ones
    alone: int = 2_500  # evaluations that evolution has for itself before the network joins
    evolution: float = 0.1  # share of the evaluations that evolution has at least
    network: float | None = None  # and the network; None: half on tables, a tenth where scores are foreseen
    board: int = 100  # best formulas so far; a proposal pays by entering them
    complete: bool = True  # whether formulas of tables are completed by look-up
    litters: int = 4  # on panels: formulas proposed for each that is scored, the one that promises most
    bold: float = BOLD  # standard errors that a promise adds to what is expected

    _evolution: GEP = field(default_factory=GEP, init=False, repr=False)
    _network: Policy = field(default_factory=Policy, init=False, repr=False)

    def __post_init__(self) -> None:
        least = {
            "simple": 0, "alone": 0, "board": 1, "evolution": 0, "network": 0, "litters": 1, "bold": 0,
        }  # fmt: skip
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise RecipeError(f"blend: {name} must be at least {low}, not {value}")
        if self.simple > 1:
            raise RecipeError(f"blend: simple is a share and must not be above 1, not {self.simple}")
        if self.evolution + (self.network or 0) > 1:
            raise RecipeError(
                "blend: evolution and network are least shares of one budget and not above 1 together, "
                f"not {self.evolution} and {self.network or 0}"
            )

    def begin(self, space: SearchContext) -> None:
        self._space = space
        self._evolution.begin(space)
        self._joined = False  # the network: its first weights and torch itself wait until they are needed
        self._turn = OPENING
        self._foresight = None
        if self.litters > 1 and space.probe_panel is not None:
            self._foresight = Surrogate(space.probe_panel, space.threads, self.bold)
        self._shares = Bandit((self.evolution, self._network_share()), self.board)
        grammar = Grammar(space.alphabet, space.shape, self._network.rule_names)
        many = self._founded() * self._evolution.population
        self._opening: Initialisation | None = Initialisation(space, grammar, many, self._foresight)
        self._completed: Population | None = None
        self._founders: tuple[Population, NDArray[np.float64]] | None = None
        self._read = 0
        self._completion: Completion | None = None
        if self.complete and space.probe_rows is not None and Completion.can(space.alphabet, space.shape):
            self._completion = Completion(space.alphabet, space.shape, space.probe_rows)

    def _network_share(self) -> float:
        if self.network is not None:
            return self.network
        return min(_UNSEEN if self._foresight is None else _FORESEEN, 1 - self.evolution)

    def ask(self, n: int) -> Population:
        proposed = self._propose(n)
        self._asked = len(proposed)
        return proposed

    def _propose(self, n: int) -> Population:
        if self._completed is not None:
            self._turn = COMPLETED
            return self._completed
        if self._opening is not None:
            self._turn = OPENING
            return self._opening.ask()
        self._turn = EVOLUTION
        if self._shares.spent.sum() >= self.alone:
            self._join()
            self._turn = self._shares.next()
        if self._turn == EVOLUTION:
            children = self._best_of_litters(self._evolution.ask, n)
            return children if self._foresight is None else self._evolution.bear(children)
        best = np.argsort(-self._evolution.living()[1], kind="stable")[:_LESSON]
        living, fitness = self._evolution.living()
        self._network.teach(living[best], fitness[best])
        return self._best_of_litters(self._network.ask, n)

    def _best_of_litters(self, ask: Callable[[int], Population], n: int) -> Population:
        """What is asked; where scores are foreseen, at each place what promises most of several."""
        if self._foresight is None:
            return ask(n)
        # Copies: evolution writes each litter to the same room.
        return self._foresight.choose([Population.concatenate([ask(n)]) for _ in range(self.litters)])

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
        if self._foresight is not None:
            self._foresight.note(population, fitness)
        if self._turn == OPENING:
            self._open(population, fitness)
        elif self._turn == EVOLUTION:
            self._evolution.tell(population, fitness)
            self._found_islands()
        else:
            self._network.tell(population, fitness)
            self._founders = population, fitness
        self._look_up(population)

    def _open(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Go on with the opening; with what it has found at its end the first islands begin."""
        assert self._opening is not None
        self._opening.tell(population, fitness)
        if self._opening.is_over:
            self._evolution.found_first(self._founded(), self._opening.population, self._opening.fitness)
            self._opening = None

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
        return np.full(self._asked, -np.inf)

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
            "founders": founders.arrays() | {"fitness": fitness},
            "completed": completed.arrays(),
            "opening": self._opening.state() if self._opening is not None else {},
            "foresight": self._foresight.state() if self._foresight is not None else {},
            "blend": {"joined": self._joined, "read": self._read},
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
        if self._foresight is not None:
            self._foresight.restore(parts["foresight"])
        if self._opening is not None and "opening" in parts:
            self._opening.restore(parts["opening"])
        else:
            self._opening = None
        self._read = int(parts["blend"]["read"])
        nothing = Population.empty(self._space.alphabet, self._space.shape, 0)
        founders, completed = (nothing.with_arrays(parts[name]) for name in ("founders", "completed"))
        self._founders = (founders, np.array(parts["founders"]["fitness"])) if len(founders) else None
        self._completed = completed if len(completed) else None
