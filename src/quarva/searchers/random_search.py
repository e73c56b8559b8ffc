"""Random search, the baseline of all searchers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.loop.searcher import SearchContext
from quarva.searchers.grammar_samples import grammar_of, sample

__all__ = ["RandomSearch"]


@dataclass
class RandomSearch:
    """Independently sampled chromosomes; see `Population.random`.

    Attributes
    ----------
    batch : int
        Formulas per call of `ask`.
    function_share : float
        Probability that a position of the head holds a function.
    """

    batch: int = 2000
    function_share: float = 0.6

    def begin(self, context: SearchContext) -> None:
        """Start a search; see `Searcher.begin`."""
        self._context = context
        self._rng = np.random.Generator(np.random.PCG64(context.seed))
        self._grammar = None if context.units is None else grammar_of(context)

    def ask(self, n: int) -> Population:
        """Sample `batch` chromosomes for any n, so that proposals do not depend on the budget."""
        context = self._context
        if self._grammar is not None:
            return sample(context, self._grammar, self.batch, self._rng, self.function_share)
        return Population.random(context.alphabet, context.shape, self.batch, self._rng, self.function_share)

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Do nothing: random search does not learn."""

    def state(self) -> dict[str, Any]:
        """Return the state of the random number generator as arrays."""
        inner = self._rng.bit_generator.state["state"]
        return {
            name: np.frombuffer(inner[name].to_bytes(16, "little"), np.uint8) for name in ("state", "inc")
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned."""
        whole = self._rng.bit_generator.state
        for name in ("state", "inc"):
            whole["state"][name] = int.from_bytes(np.asarray(state[name], np.uint8).tobytes(), "little")
        self._rng.bit_generator.state = whole
