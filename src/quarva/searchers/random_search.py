"""Random search: the baseline of every other way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarva.karva.genes import Population
from quarva.loop.searcher import SearchContext

__all__ = ["RandomSearch"]


@dataclass
class RandomSearch:
    """Chromosomes drawn anew each time, head and tail by the alphabet's weights."""

    batch: int = 2000  # formulas proposed at a time
    function_share: float = 0.6  # chance that a position of the head holds a function

    def begin(self, space: SearchContext) -> None:
        self._space = space
        self._rng = np.random.Generator(np.random.PCG64(space.seed))

    def ask(self, n: int) -> Population:
        space = self._space
        # Always a whole batch: a run with a larger budget begins as one with a smaller.
        return Population.random(space.alphabet, space.shape, self.batch, self._rng, self.function_share)

    def tell(self, population: Population, fitness: NDArray[np.float64]) -> None:
        """Nothing to learn."""

    def state(self) -> dict[str, Any]:
        inner = self._rng.bit_generator.state["state"]
        return {
            name: np.frombuffer(inner[name].to_bytes(16, "little"), np.uint8) for name in ("state", "inc")
        }

    def restore(self, state: dict[str, Any]) -> None:
        whole = self._rng.bit_generator.state
        for name in ("state", "inc"):
            whole["state"][name] = int.from_bytes(np.asarray(state[name], np.uint8).tobytes(), "little")
        self._rng.bit_generator.state = whole
