"""A network that writes formulas and learns from their scores (Petersen et al. 2021).

A batch of genes is drawn from the network under the grammar's masks, a share of them as rewritings of the
best formulas so far (see `rewriting`). The best few per cent of what was drawn, each formula once, and a
queue of the best so far teach it. When nothing better was found for some batches the network, its optimiser
and the formulas that it kept give way to other random weights and nothing learned.
"""

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quarva.errors import RecipeError
from quarva.karva.genes import Population
from quarva.karva.grammar.grammar import Grammar
from quarva.loop.searcher import SearchContext
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.objectives import balance_targets, parts_of, priority_queue, ranks, risk_seeking
from quarva.searchers.policy.queue import Queue, distinct_best
from quarva.searchers.policy.rewriting import Models

if TYPE_CHECKING:  # torch takes a second to import
    from quarva.searchers.policy.journal import Journal
    from quarva.searchers.policy.trainer import Trainer

__all__ = ["Policy"]

# Of the best fitness, by which a batch must surpass it to have gained. Constants can be polished without end:
# a network that waits for a better formula must not take their last digits for one.
_GAIN = 0.01
_SHARPNESS = 10.0  # log reward of the best formula, for trajectory balance; that of a middling one is 0


@dataclass
class Policy:
    """A generator of formulas that learns from their scores."""

    batch: int = 500  # formulas proposed at a time
    body: str = "gru"  # gru or transformer
    width: int = 32  # of the network's vectors, even
    layers: int = 1  # of its body
    objective: str = "pg+pqt"  # pg, rank, pqt, tb, or several of them with + between
    learning_rate: float = 0.003
    elite: float = 0.1  # share of a batch that it learns from
    queue: int = 20  # best formulas so far that it learns from, for pqt
    entropy: float = 0.01  # weight of the entropy beside the objectives
    entropy_decay: float = 0.8  # of it from position to position
    stray: float = 0.0  # share of a batch drawn with flatter chances
    heat: float = 2.0  # what divides the logits of those
    rewrite: float = 0.2  # share of a batch that is the best formulas so far, rewritten at some places
    places: float = 2.0  # of each of those, on average
    models: int = 200  # best formulas so far that are rewritten, no two of one fitness
    steps: int = 1  # steps of the optimiser on a batch
    patience: int = 30  # batches without gain after which the network starts anew; 0 for never
    length: float = 10.0  # nodes that expressions lean to
    spread: float = 5.0  # how far they may well be from it; 0 for no leaning
    function_share: float = 0.6  # chance of a function before anything is learned
    rules: str = "inverse+trigonometry+window+constants"  # of the grammar, beside the rule of the tail
    log: str = ""  # folder for TensorBoard

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
                raise RecipeError(f"policy: {name} must not be above 1, not {getattr(self, name)}")
        if self.body not in ("gru", "transformer"):
            raise RecipeError(f"policy: body is 'gru' or 'transformer', not '{self.body}'")
        if self.width % 2:
            raise RecipeError(f"policy: width must be even, not {self.width}")
        self._parts = parts_of(self.objective)
        self._prior = LengthPrior(self.length, self.spread)

    @property
    def rule_names(self) -> tuple[str, ...]:
        """`rules`, one by one."""
        return tuple(rule for rule in self.rules.split("+") if rule)

    def begin(self, space: SearchContext) -> None:
        self._space, self._grammar = space, Grammar(space.alphabet, space.shape, self.rule_names)
        self._batches = self._starts = 0  # drawn, and networks begun: all random numbers hang on the two
        self._figures: dict[str, float] = {}
        self._paused = False
        sharp = np.where(np.arange(self.batch) < self.stray * self.batch, 1 / self.heat, 1.0)
        self._sharpness = np.repeat(sharp.astype(np.float32), space.shape.genes)
        self._taught = (self._nothing(), np.zeros(0))
        self._start_anew()
        self._journal = self._open_journal() if self.log else None

    def _open_journal(self) -> "Journal":
        from quarva.searchers.policy.journal import Journal

        return Journal(self.log)

    def _nothing(self) -> Population:
        return Population.empty(self._space.alphabet, self._space.shape, 0)

    def _start_anew(self) -> None:
        """Another network, and nothing learned."""
        self._learner = self._make_learner()
        self._queue = Queue(self._nothing(), self.queue)
        self._models = Queue(self._nothing(), self.models, "models", apart=True)
        self._best, self._level, self._stale = -np.inf, -np.inf, 0
        self._starts += 1

    def _make_learner(self) -> "Trainer":
        import torch

        from quarva.searchers.policy.model import Generator
        from quarva.searchers.policy.trainer import Trainer

        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they are
            torch.manual_seed(
                int(np.random.SeedSequence([self._space.seed, self._starts]).generate_state(1)[0])
            )
            generator = Generator(
                self._space.alphabet, self.body, self.width, self.layers, self.function_share  # type: ignore[arg-type]
            )  # fmt: skip
        return Trainer(generator, self.learning_rate, self.entropy_decay)

    def ask(self, n: int) -> Population:
        from quarva.searchers.policy.sampling import sample

        space = self._space
        rng = np.random.Generator(np.random.PCG64([space.seed, self._batches]))
        self._batches += 1
        genes = space.shape.genes
        drawn = sample(
            self._learner.generator,
            self._grammar,
            self.batch * genes,
            rng,
            self._prior,
            space.threads,
            self._sharpness,
            self._chosen_models(rng),
        )
        pop = Population.empty(space.alphabet, space.shape, self.batch)
        pop.symbols[:] = drawn.symbols.reshape(pop.symbols.shape)
        if space.alphabet.has_constants:
            pop.dc[:] = rng.integers(0, space.shape.constants, pop.dc.shape, np.int8)
            pop.constants[:] = rng.standard_normal(pop.constants.shape, np.float32)
        self._figures["entropy"] = float(drawn.entropy.sum() / drawn.length.sum())
        return pop

    def _chosen_models(self, rng: np.random.Generator) -> Models | None:
        """Models of the last genes of a batch: of the best so far, the better the likelier."""
        many, known = int(self.rewrite * self.batch), self._models.population
        if not (many and len(known)):
            return None
        genes, arity = self._space.shape.genes, self._space.alphabet.arity
        chosen = known[(len(known) * rng.random(many) ** 2).astype(np.int64)]
        length = chosen.lengths().sum(axis=1).repeat(genes)  # a chromosome is rewritten at some places
        models = Models.of(chosen.symbols.reshape(many * genes, -1), self.places, length, arity)
        return models.behind(Models.none((self.batch - many) * genes, self._grammar.length))

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        self._note(population, fitness)
        taught, taught_fitness = self._taught
        if len(taught):
            population = Population.concatenate([population, taught])
            fitness = np.concatenate([fitness, taught_fitness])
            self._taught = (self._nothing(), np.zeros(0))
        chosen, _ = distinct_best(population, fitness, max(int(self.elite * self.batch), 2))
        if len(chosen) < 2 or fitness[chosen[0]] == np.nanmin(fitness):
            self._pause()
        else:
            self._learn(population, fitness, chosen)
        best = float(fitness[chosen[0]]) if len(chosen) else -np.inf
        self._best = max(self._best, best)
        gained = best > self._level + (_GAIN * abs(self._level) if np.isfinite(self._level) else 0.0)
        self._level = best if gained else self._level
        self._stale = 0 if gained else self._stale + 1
        if self._journal is not None:
            self._journal.write(self._figures, self._batches)
        if self.patience and self._stale >= self.patience:
            self._start_anew()

    def _learn(self, population: Population, fitness: NDArray[np.float64], chosen: NDArray[np.intp]) -> None:
        """Steps on the best of a batch, best first at `chosen`, and on the queue."""
        from quarva.searchers.policy.teacher_forcing import TeacherForcing
        from quarva.searchers.policy.trainer import LossWeights

        elite, told, n = population[chosen], fitness[chosen], len(chosen)
        self._queue.add(elite, told)
        self._models.add(elite, told)
        weight = np.zeros(n)
        weight += risk_seeking(told) if "pg" in self._parts else 0.0
        weight += ranks(told) if "rank" in self._parts else 0.0
        groups = [elite.symbols]
        wants = [LossWeights.of(n, weight, self.entropy / n)]
        if "pqt" in self._parts and len(self._queue):
            groups.append(self._queue.population.symbols)
            wants.append(LossWeights.of(len(self._queue), priority_queue(self._queue.fitness)))
        if "tb" in self._parts:
            # The first of the batch are as good as drawn by lot; the best are added, not to be missed.
            middling = np.flatnonzero(np.isfinite(fitness[: self.batch]))[:n]
            some = np.concatenate([middling, chosen])
            low, high = float(np.nanmedian(fitness)), max(self._best, float(told[0]))
            groups.append(population.symbols[some])
            wants.append(
                LossWeights.of(
                    len(some),
                    target=balance_targets(fitness[some], low, high, _SHARPNESS),
                    share=1 / len(some),
                )
            )
        lesson = TeacherForcing.of(np.concatenate(groups), self._grammar, self._prior)
        wanted = LossWeights(*(np.concatenate(part) for part in zip(*wants, strict=True)))
        for _ in range(self.steps):
            self._figures["loss"] = self._learner.step(lesson, wanted, self._space.threads)

    def _note(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """The figures of a batch that was scored."""
        invalid = population.invalid()
        best, keys = distinct_best(population, fitness, len(population))
        few = best[: max(int(self.elite * self.batch), 1)]
        self._figures |= {
            "score": float(fitness[few].mean()) if len(few) else float("nan"),
            "distinct": len(keys) / len(population),
            "invalid": float(invalid.mean()),
            "starts": float(self._starts),
        }

    def figures(self) -> dict[str, float]:
        """How learning goes, of the last batch.

        score: mean fitness of the best share. entropy: of a choice, in nats. distinct: formulas, each counted
        once, by what was drawn. invalid: share that breaks a rule of the language. starts: networks begun so
        far. loss: of the last step, NaN where it diverged.
        """
        return dict(self._figures)

    def _pause(self) -> None:
        if not self._paused:
            warnings.warn(
                "policy: a batch whose scores are all NaN or all equal teaches nothing: "
                "the network waits for the next",
                RuntimeWarning,
                stacklevel=2,
            )
        self._paused = True

    def teach(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Learn, with the next batch, from formulas found elsewhere; those it may not write are left out.

        Args:
            population: of the searched alphabet and shape.
            fitness: float64 of shape (P,).
        """
        from quarva.searchers.policy.teacher_forcing import is_legal

        legal = is_legal(population.symbols, self._grammar)
        kept = replace(population[legal], known_keys=None)
        before, told = self._taught
        self._taught = Population.concatenate([before, kept]), np.concatenate([told, fitness[legal]])

    def state(self) -> dict[str, Any]:
        taught, told = self._taught
        return {
            "batches": self._batches, "starts": self._starts, "best": self._best, "level": self._level,
            "stale": self._stale, "paused": self._paused, "taught_symbols": taught.symbols,
            "taught_dc": taught.dc, "taught_constants": taught.constants, "taught_fitness": told,
            **self._queue.state(), **self._models.state(), **self._learner.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        self._batches, self._starts = int(state["batches"]), int(state["starts"])
        self._best, self._level = float(state["best"]), float(state["level"])
        self._stale = int(state["stale"])
        self._paused = bool(state["paused"])
        self._taught = (
            replace(
                self._nothing(),
                symbols=np.array(state["taught_symbols"], np.int16),
                dc=np.array(state["taught_dc"], np.int8),
                constants=np.array(state["taught_constants"], np.float32),
            ),
            np.array(state["taught_fitness"], np.float64),
        )
        self._queue.restore(state)
        self._models.restore(state)
        self._learner.restore(state)
