"""A neural generator of formulas, trained on their scores (deep symbolic regression, Petersen et al. 2021).

Each batch of genes is sampled from the network under the grammar's masks; part of it is rewritten from the
best formulas so far (see `rewriting`). The network is trained on the best few per cent of the batch, without
duplicates, and on a queue of the best formulas so far. After some batches without improvement, the network,
its optimiser and its queues are replaced by newly initialised ones.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.karva.genes import Population
from quarva.loop.searcher import SearchContext
from quarva.searchers.grammar_samples import grammar_of
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.objectives import (
    balance_targets,
    parse_objective,
    priority_queue,
    ranks,
    risk_seeking,
)
from quarva.searchers.policy.queue import Queue, distinct_best
from quarva.searchers.policy.rewriting import Templates

if TYPE_CHECKING:  # importing torch takes a second
    from quarva.searchers.policy.journal import Journal
    from quarva.searchers.policy.trainer import Trainer

__all__ = ["Policy"]

# Relative improvement of the best fitness that resets the patience. Constants can be refined without end, and
# that must not count as an improvement.
_MIN_IMPROVEMENT = 0.01
_SHARPNESS = (
    10.0  # log reward of the best formula for trajectory balance; the median formula has log reward 0
)


@dataclass
class Policy:
    """A generator of formulas that learns from their scores.

    Attributes
    ----------
    batch : int
        Formulas per call of `ask`, at least 10.
    body : {"gru", "transformer"}
        Body of the network.
    width : int
        Width of the network, even.
    layers : int
        Layers of its body.
    objective : str
        "pg", "rank", "pqt" or "tb", or several joined by "+"; see `objectives`.
    learning_rate : float
        Learning rate of Adam.
    elite : float
        Share of a batch that the network is trained on.
    queue : int
        Number of best formulas so far that the network is trained on, for "pqt".
    entropy : float
        Weight of the entropy in the loss.
    entropy_decay : float
        Factor of that weight from position to position.
    stray : float
        Share of a batch that is sampled at a higher temperature.
    heat : float
        That temperature.
    rewrite : float
        Share of a batch that is rewritten from the best formulas so far.
    places : float
        Expected number of rewritten positions of each of these.
    models : int
        Number of best formulas so far that can be rewritten, without equal fitness.
    steps : int
        Optimiser steps per batch.
    patience : int
        Batches without improvement after which the network restarts; 0 means never.
    length : float
        Mean of the length prior, in nodes.
    spread : float
        Standard deviation of the length prior; 0 means no prior.
    function_share : float
        Initial probability of a function.
    rules : str
        Optional rules of the grammar, joined by "+".
    log : str
        Folder for TensorBoard; empty for none.

    Raises
    ------
    RecipeError
        If a value is out of range.
    """

    batch: int = 500
    body: str = "gru"
    width: int = 32
    layers: int = 1
    objective: str = "pg+pqt"
    learning_rate: float = 0.003
    elite: float = 0.1
    queue: int = 20
    entropy: float = 0.01
    entropy_decay: float = 0.8
    stray: float = 0.0
    heat: float = 2.0
    rewrite: float = 0.2
    places: float = 2.0
    models: int = 200
    steps: int = 1
    patience: int = 30
    length: float = 10.0
    spread: float = 5.0
    function_share: float = 0.6
    rules: str = "inverse+trigonometry+window+constants"
    log: str = ""

    def __post_init__(self) -> None:
        least = {
            "batch": 10, "width": 2, "layers": 1, "learning_rate": 0.0, "elite": 0.0, "queue": 0,
            "entropy": 0.0, "entropy_decay": 0.0, "steps": 1, "patience": 0, "function_share": 0.0,
            "rewrite": 0.0, "models": 0, "places": 0.0,
        }  # fmt: skip
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise RecipeError(f"policy: {name} must be at least {low}, not {getattr(self, name)}")
        for name in ("elite", "entropy_decay", "function_share", "rewrite"):
            if getattr(self, name) > 1:
                raise RecipeError(f"policy: {name} must be at most 1, not {getattr(self, name)}")
        if self.body not in ("gru", "transformer"):
            raise RecipeError(f"policy: body must be 'gru' or 'transformer', not '{self.body}'")
        if self.width % 2:
            raise RecipeError(f"policy: width must be even, not {self.width}")
        self._objectives = parse_objective(self.objective)
        self._prior = LengthPrior(self.length, self.spread)

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The names in `rules`."""
        return tuple(rule for rule in self.rules.split("+") if rule)

    def begin(self, context: SearchContext) -> None:
        """Start a search; see `Searcher.begin`."""
        self._context, self._grammar = context, grammar_of(context, self.rule_names)
        self._batches = self._starts = 0  # batches and networks so far; all random numbers depend on these
        self._metrics: dict[str, float] = {}
        self._warned = False
        factor = np.where(np.arange(self.batch) < self.stray * self.batch, 1 / self.heat, 1.0)
        self._inverse_temperature = np.repeat(factor.astype(np.float32), context.shape.genes)
        self._taught = (self._empty(), np.zeros(0))
        self._restart()
        self._journal = self._open_journal() if self.log else None

    def _open_journal(self) -> "Journal":
        from quarva.searchers.policy.journal import Journal

        return Journal(self.log)

    def _empty(self) -> Population:
        return Population.empty(self._context.alphabet, self._context.shape, 0)

    def _restart(self) -> None:
        """Replace the network, its optimiser and the queues by new ones."""
        self._trainer = self._make_trainer()
        self._queue = Queue(self._empty(), self.queue)
        self._models = Queue(self._empty(), self.models, "models", distinct_fitness=True)
        self._best, self._level, self._stagnation = -np.inf, -np.inf, 0
        self._starts += 1

    def _make_trainer(self) -> "Trainer":
        import torch

        from quarva.searchers.policy.model import Generator
        from quarva.searchers.policy.trainer import Trainer

        with torch.random.fork_rng(devices=[]):  # preserves the caller's random state
            torch.manual_seed(
                int(np.random.SeedSequence([self._context.seed, self._starts]).generate_state(1)[0])
            )
            generator = Generator(
                self._context.alphabet, self.body, self.width, self.layers, self.function_share  # type: ignore[arg-type]
            )  # fmt: skip
        return Trainer(generator, self.learning_rate, self.entropy_decay)

    def ask(self, n: int) -> Population:
        """Sample a batch from the network; n is ignored. See `Searcher.ask`."""
        from quarva.searchers.policy.sampling import sample

        context = self._context
        rng = np.random.Generator(np.random.PCG64([context.seed, self._batches]))
        self._batches += 1
        genes = context.shape.genes
        sampled = sample(
            self._trainer.generator,
            self._grammar,
            self.batch * genes,
            rng,
            self._prior,
            context.threads,
            self._inverse_temperature,
            self._templates(rng),
        )
        pop = Population.empty(context.alphabet, context.shape, self.batch)
        pop.symbols[:] = sampled.symbols.reshape(pop.symbols.shape)
        if context.alphabet.has_constants:
            pop.dc[:] = rng.integers(0, context.shape.constants, pop.dc.shape, np.int8)
            pop.constants[:] = rng.standard_normal(pop.constants.shape, np.float32)
        self._metrics["entropy"] = float(sampled.entropy.sum() / sampled.length.sum())
        return pop

    def _templates(self, rng: np.random.Generator) -> Templates | None:
        """Choose templates for the last genes of a batch, preferring better formulas.

        None if no gene is rewritten.
        """
        n, known = int(self.rewrite * self.batch), self._models.population
        if not (n and len(known)):
            return None
        genes, arity = self._context.shape.genes, self._context.alphabet.arity
        chosen = known[(len(known) * rng.random(n) ** 2).astype(np.int64)]
        length = chosen.lengths().sum(axis=1).repeat(genes)  # `places` applies to the whole chromosome
        templates = Templates.of(chosen.symbols.reshape(n * genes, -1), self.places, length, arity)
        return templates.after(Templates.none((self.batch - n) * genes, self._grammar.length))

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Train the network on the batch asked last; see `Searcher.tell`."""
        self._update_metrics(population, fitness)
        taught, taught_fitness = self._taught
        if len(taught):
            population = Population.concatenate([population, taught])
            fitness = np.concatenate([fitness, taught_fitness])
            self._taught = (self._empty(), np.zeros(0))
        chosen, _ = distinct_best(population, fitness, max(int(self.elite * self.batch), 2))
        if len(chosen) < 2 or fitness[chosen[0]] == np.nanmin(fitness):
            self._skip()
        else:
            self._learn(population, fitness, chosen)
        best = float(fitness[chosen[0]]) if len(chosen) else -np.inf
        self._best = max(self._best, best)
        minimum = _MIN_IMPROVEMENT * abs(self._level) if np.isfinite(self._level) else 0.0
        improved = best > self._level + minimum
        self._level = best if improved else self._level
        self._stagnation = 0 if improved else self._stagnation + 1
        if self._journal is not None:
            self._journal.write(self._metrics, self._batches)
        if self.patience and self._stagnation >= self.patience:
            self._restart()

    def _learn(self, population: Population, fitness: NDArray[np.float64], chosen: NDArray[np.intp]) -> None:
        """Train on the best of a batch, whose indices are `chosen`, best first, and on the queue."""
        from quarva.searchers.policy.teacher_forcing import TeacherForcing
        from quarva.searchers.policy.trainer import LossWeights

        elite, elite_fitness, n = population[chosen], fitness[chosen], len(chosen)
        self._queue.add(elite, elite_fitness)
        self._models.add(elite, elite_fitness)
        weight = np.zeros(n)
        weight += risk_seeking(elite_fitness) if "pg" in self._objectives else 0.0
        weight += ranks(elite_fitness) if "rank" in self._objectives else 0.0
        symbols = [elite.symbols]
        parts = [LossWeights.of(n, weight, self.entropy / n)]
        if "pqt" in self._objectives and len(self._queue):
            symbols.append(self._queue.population.symbols)
            parts.append(LossWeights.of(len(self._queue), priority_queue(self._queue.fitness)))
        if "tb" in self._objectives:
            # The first formulas of the batch serve as a random sample, to which the best ones are added.
            first = np.flatnonzero(np.isfinite(fitness[: self.batch]))[:n]
            some = np.concatenate([first, chosen])
            low, high = float(np.nanmedian(fitness)), max(self._best, float(elite_fitness[0]))
            symbols.append(population.symbols[some])
            parts.append(
                LossWeights.of(
                    len(some),
                    target=balance_targets(fitness[some], low, high, _SHARPNESS),
                    balance=1 / len(some),
                )
            )
        batch = TeacherForcing.of(np.concatenate(symbols), self._grammar, self._prior)
        loss_weights = LossWeights(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        for _ in range(self.steps):
            self._metrics["loss"] = self._trainer.step(batch, loss_weights, self._context.threads)

    def _update_metrics(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Compute the metrics of a scored batch."""
        invalid = population.invalid()
        best, keys = distinct_best(population, fitness, len(population))
        elite = best[: max(int(self.elite * self.batch), 1)]
        self._metrics |= {
            "score": float(fitness[elite].mean()) if len(elite) else float("nan"),
            "distinct": len(keys) / len(population),
            "invalid": float(invalid.mean()),
            "starts": float(self._starts),
        }

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the last batch.

        Returns
        -------
        dict of str to float
            score: mean fitness of the elite; entropy: mean entropy of a choice, in nats; distinct: share of
            distinct formulas; invalid: share of invalid chromosomes; starts: number of networks so far; loss:
            loss of the last step, NaN if it diverged.
        """
        return dict(self._metrics)

    def _skip(self) -> None:
        if not self._warned:
            warnings.warn(
                "policy: the network learns nothing from a batch whose scores are all NaN or all equal",
                RuntimeWarning,
                stacklevel=2,
            )
        self._warned = True

    def teach(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Add formulas of other searchers to the next training batch, unless the grammar forbids them.

        Parameters
        ----------
        population : Population
            Formulas with the alphabet and the shape of the search.
        fitness : float64 array, shape (P,)
            Their fitness. NaN means no score.
        """
        from quarva.searchers.policy.teacher_forcing import is_legal

        legal = is_legal(population.symbols, self._grammar)
        added = replace(population[legal], known_keys=None)
        taught, taught_fitness = self._taught
        self._taught = (
            Population.concatenate([taught, added]),
            np.concatenate([taught_fitness, fitness[legal]]),
        )

    def rescore(self, score: Callable[[Population], NDArray[np.float64]]) -> None:
        """Replace the fitness of the formulas in the queues; see `Rescorable.rescore`."""
        for queue in (self._queue, self._models):
            queue.rescore(score)
        taught, _ = self._taught
        self._taught = taught, score(taught) if len(taught) else np.zeros(0)
        best = [queue.fitness[0] for queue in (self._queue, self._models) if len(queue)]
        self._best = self._level = float(max(best, default=-np.inf))
        self._stagnation = 0

    def state(self) -> dict[str, Any]:
        """Return the state as arrays and numbers."""
        taught, taught_fitness = self._taught
        return {
            "batches": self._batches, "starts": self._starts, "best": self._best, "level": self._level,
            "stagnation": self._stagnation, "warned": self._warned, "taught_symbols": taught.symbols,
            "taught_dc": taught.dc, "taught_constants": taught.constants, "taught_fitness": taught_fitness,
            **self._queue.state(), **self._models.state(), **self._trainer.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        self._batches, self._starts = int(state["batches"]), int(state["starts"])
        self._best, self._level = float(state["best"]), float(state["level"])
        self._stagnation = int(state["stagnation"])
        self._warned = bool(state["warned"])
        self._taught = (
            replace(
                self._empty(),
                symbols=np.array(state["taught_symbols"], np.int16),
                dc=np.array(state["taught_dc"], np.int8),
                constants=np.array(state["taught_constants"], np.float32),
            ),
            np.array(state["taught_fitness"], np.float64),
        )
        self._queue.restore(state)
        self._models.restore(state)
        self._trainer.restore(state)
