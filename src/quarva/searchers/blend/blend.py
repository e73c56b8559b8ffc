"""Evolution and the neural generator on one budget, with completion and a surrogate.

After Mundhenk et al. 2021 (Symbolic Regression via Neural-Guided Genetic Programming Population Seeding):
samples of the network seed populations, and the results of evolution train the network. Here half of the
islands of `GEP` are initialised with the shortest formulas. Every other island that stagnates is reseeded
with the network's last samples, which costs no evaluation because they are scored already. A bandit allocates
the evaluations to the two by the success of their proposals. On tables, formulas are completed by semantic
backpropagation (`completion`). On panels, both propose several candidates per evaluation, of which a
`surrogate` chooses one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.karva.genes import Population
from quarva.loop.searcher import SearchContext
from quarva.searchers.blend.bandit import Bandit
from quarva.searchers.completion import Completion
from quarva.searchers.gep.gep import GEP
from quarva.searchers.grammar_samples import grammar_of
from quarva.searchers.initialisation import Initialisation
from quarva.searchers.policy import Policy
from quarva.searchers.surrogate import KAPPA, Surrogate

__all__ = ["Blend"]

EVOLUTION, NETWORK, COMPLETION, INITIALISATION = range(4)
"""The component that proposed a batch."""

_TAUGHT = 10  # best formulas of evolution that train the network at each of its batches
_READ_EVERY = 4  # batches; one of them is read for completion once the library is full
# Minimum share of the network with and without a surrogate, from which evolution gains more than the network.
_SHARE_WITH_SURROGATE, _SHARE_WITHOUT = 0.1, 0.5


@dataclass
class Blend:
    """GEP, the neural generator, completion and a surrogate, each with its default settings.

    Attributes
    ----------
    simple : float
        Share of the islands that are initialised with the shortest formulas; the others start at random.
    alone : int
        Evaluations of evolution before the network joins.
    evolution : float
        Minimum share of evolution of the evaluations.
    network : float or None
        Minimum share of the network. None means 0.1 with a surrogate and 0.5 without.
    elite : int
        Size of the elite; a proposal earns credit if it enters it.
    complete : bool
        Whether formulas of tables are completed.
    candidates : int
        On panels: candidates per evaluation, from which the surrogate chooses.
    kappa : float
        UCB parameter: standard errors that the acquisition adds to the predicted fitness.

    Raises
    ------
    RecipeError
        If a value is out of range.
    """

    simple: float = 0.5
    alone: int = 2_500
    evolution: float = 0.1
    network: float | None = None
    elite: int = 100
    complete: bool = True
    candidates: int = 4
    kappa: float = KAPPA

    _evolution: GEP = field(default_factory=GEP, init=False, repr=False)
    _network: Policy = field(default_factory=Policy, init=False, repr=False)

    def __post_init__(self) -> None:
        least = {
            "simple": 0, "alone": 0, "elite": 1, "evolution": 0, "network": 0, "candidates": 1, "kappa": 0,
        }  # fmt: skip
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise RecipeError(f"blend: {name} must be at least {low}, not {value}")
        if self.simple > 1:
            raise RecipeError(f"blend: simple is a share and must be at most 1, not {self.simple}")
        if self.evolution + (self.network or 0) > 1:
            raise RecipeError(
                "blend: evolution and network are minimum shares and their sum must be at most 1, "
                f"not {self.evolution} + {self.network or 0}"
            )

    def begin(self, context: SearchContext) -> None:
        """Start a search; see `Searcher.begin`."""
        self._context = context
        self._evolution.begin(context)
        self._joined = False  # delays the first weights of the network, and the import of torch
        self._proposer = INITIALISATION
        self._surrogate = None
        if self.candidates > 1 and context.probe_panel is not None:
            self._surrogate = Surrogate(context.probe_panel, context.threads, self.kappa)
        self._bandit = Bandit((self.evolution, self._network_share()), self.elite)
        grammar = grammar_of(context, self._network.rule_names)
        n = self._initialised_islands() * self._evolution.population
        self._initialisation: Initialisation | None = Initialisation(context, grammar, n, self._surrogate)
        self._completed: Population | None = None
        self._seeds: tuple[Population, NDArray[np.float64]] | None = None
        self._batches = 0
        self._completion: Completion | None = None
        if (
            self.complete
            and context.probe_rows is not None
            and Completion.supports(context.alphabet, context.shape)
        ):
            self._completion = Completion(context.alphabet, context.shape, context.probe_rows)

    def _network_share(self) -> float:
        if self.network is not None:
            return self.network
        return min(_SHARE_WITHOUT if self._surrogate is None else _SHARE_WITH_SURROGATE, 1 - self.evolution)

    def ask(self, n: int) -> Population:
        """Propose formulas of one component; see `Searcher.ask`."""
        proposed = self._propose(n)
        self._asked = len(proposed)
        return proposed

    def _propose(self, n: int) -> Population:
        if self._completed is not None:
            self._proposer = COMPLETION
            return self._completed
        if self._initialisation is not None:
            self._proposer = INITIALISATION
            return self._initialisation.ask()
        self._proposer = EVOLUTION
        if self._bandit.spent.sum() >= self.alone:
            self._join()
            self._proposer = self._bandit.next_arm()
        if self._proposer == EVOLUTION:
            offspring = self._choose_candidates(self._evolution.ask, n)
            return offspring if self._surrogate is None else self._evolution.replace_offspring(offspring)
        population, fitness = self._evolution.current_population()
        best = np.argsort(-fitness, kind="stable")[:_TAUGHT]
        self._network.teach(population[best], fitness[best])
        return self._choose_candidates(self._network.ask, n)

    def _choose_candidates(self, ask: Callable[[int], Population], n: int) -> Population:
        """Return one batch or, with a surrogate, its choice among several batches."""
        if self._surrogate is None:
            return ask(n)
        # Concatenating copies each batch, which is necessary because evolution reuses its arrays.
        return self._surrogate.choose([Population.concatenate([ask(n)]) for _ in range(self.candidates)])

    def _initialised_islands(self) -> int:
        """Return the number of islands that are initialised with the shortest formulas, at least one."""
        return max(1, round(self.simple * self._evolution.islands))

    def _join(self) -> None:
        """Start the network, once."""
        if not self._joined:
            self._network.begin(self._context)
            self._joined = True

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Record the fitness of the formulas asked last; see `Searcher.tell`."""
        if self._proposer == COMPLETION:
            self._completed = None
            return
        arm = NETWORK if self._proposer == NETWORK else EVOLUTION
        self._bandit.credit(arm, population.keys(), fitness)
        if self._surrogate is not None:
            self._surrogate.update(population, fitness)
        if self._proposer == INITIALISATION:
            self._tell_initialisation(population, fitness)
        elif self._proposer == EVOLUTION:
            self._evolution.tell(population, fitness)
            self._reseed_islands()
        else:
            self._network.tell(population, fitness)
            self._seeds = population, fitness
        self._read(population)

    def _tell_initialisation(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Continue the initialisation; when it is complete, seed the first islands with it."""
        initialisation = self._initialisation
        assert initialisation is not None
        initialisation.tell(population, fitness)
        if initialisation.is_complete:
            self._evolution.seed_islands(
                self._initialised_islands(), initialisation.population, initialisation.fitness
            )
            self._initialisation = None

    def _reseed_islands(self) -> None:
        """Reseed every other restarting island with the best of the network's last samples.

        Each sample is used once.

        If all islands were reseeded, evolution would start only from samples of a network that learns from
        evolution, and the search would stagnate.
        """
        size = self._evolution.population
        for island in self._evolution.restarting_islands():
            if self._seeds is None or len(self._seeds[0]) < size:
                return
            if island % 2:
                continue
            population, fitness = self._seeds
            best = np.argsort(-np.nan_to_num(fitness, nan=-np.inf), kind="stable")[:size]
            self._evolution.reseed_island(int(island), population[best], fitness[best])
            self._seeds = None

    def _read(self, population: Population) -> None:
        """Read formulas for completion: all while the library has room, later some."""
        if self._completion is None:
            return
        self._batches += 1
        if not self._completion.is_full() or self._batches % _READ_EVERY == 0:
            self._completed = self._completion.read(population)

    def rescore(self, score: Callable[[Population], NDArray[np.float64]]) -> None:
        """Replace the fitness of all formulas that are kept; see `Rescorable.rescore`."""
        self._evolution.rescore(score)
        if self._joined:
            self._network.rescore(score)
        if self._initialisation is not None:
            self._initialisation.rescore(score)
        if self._seeds is not None:
            self._seeds = self._seeds[0], score(self._seeds[0])
        self._bandit.clear()
        if self._surrogate is not None:
            self._surrogate.clear()
            population, fitness = self._evolution.current_population()
            scored = np.flatnonzero(np.isfinite(fitness))
            if scored.size:
                self._surrogate.update(population[scored], fitness[scored])

    def n_candidates(self) -> int:
        """Return how many candidates the surrogate has considered; 0 without a surrogate, as on tables."""
        return 0 if self._surrogate is None else self._surrogate.n_candidates

    def metrics(self) -> dict[str, float]:
        """Return the network's share of the evaluations so far, and the network's own metrics."""
        own = {"network": self._bandit.spent[NETWORK] / max(self._bandit.spent.sum(), 1)}
        return own | (self._network.metrics() if self._joined else {})

    def state(self) -> dict[str, Any]:
        """Return the state as arrays and numbers, with the part in front of each name."""
        nothing = Population.empty(self._context.alphabet, self._context.shape, 0), np.zeros(0)
        seeds, fitness = self._seeds or nothing
        completed = nothing[0] if self._completed is None else self._completed
        parts: dict[str, dict[str, Any]] = {
            "evolution": self._evolution.state(),
            "network": self._network.state() if self._joined else {},
            "completion": self._completion.state() if self._completion is not None else {},
            "bandit": self._bandit.state(),
            "seeds": seeds.arrays() | {"fitness": fitness},
            "completed": completed.arrays(),
            "initialisation": self._initialisation.state() if self._initialisation is not None else {},
            "surrogate": self._surrogate.state() if self._surrogate is not None else {},
            "blend": {"joined": self._joined, "batches": self._batches},
        }
        return {f"{part}/{name}": value for part, stored in parts.items() for name, value in stored.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        parts: dict[str, dict[str, Any]] = {}
        for name, value in state.items():
            part, _, inner = name.partition("/")
            parts.setdefault(part, {})[inner] = value
        self._evolution.restore(parts["evolution"])
        self._bandit.restore(parts["bandit"])
        if bool(parts["blend"]["joined"]):
            self._join()
            self._network.restore(parts["network"])
        if self._completion is not None:
            self._completion.restore(parts["completion"])
        if self._surrogate is not None:
            self._surrogate.restore(parts["surrogate"])
        if self._initialisation is not None and "initialisation" in parts:
            self._initialisation.restore(parts["initialisation"])
        else:
            self._initialisation = None
        self._batches = int(parts["blend"]["batches"])
        nothing = Population.empty(self._context.alphabet, self._context.shape, 0)
        seeds, completed = (nothing.with_arrays(parts[name]) for name in ("seeds", "completed"))
        self._seeds = (seeds, np.array(parts["seeds"]["fitness"])) if len(seeds) else None
        self._completed = completed if len(completed) else None
