"""One network and its optimiser: a step on what a batch taught, guarded against a loss that diverges."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from quarva._runtime.threads import share
from quarva.searchers.policy.backward import gradient
from quarva.searchers.policy.model import GRU, Generator
from quarva.searchers.policy.pieces import in_pieces, one_torch_thread
from quarva.searchers.policy.recurrent import tensors_of, weights_of
from quarva.searchers.policy.teacher_forcing import TeacherForcing

__all__ = ["LossWeights", "Trainer"]

_PIECE = 40  # chromosomes that go through the network together, there and back
_LONGEST_GRADIENT = 1.0


class LossWeights(NamedTuple):
    """What learning wants of n chromosomes: it lowers −Σ weight · log p − Σ wide · entropy + Σ share · off².

    Attributes, float64 of shape (n,):
        weight: of log-likelihoods.
        wide: of entropies.
        target: log rewards for trajectory balance; `off` is log Z + log p − target.
        share: of each in that loss, 0 for those that take no part.
    """

    weight: NDArray[np.float64]
    wide: NDArray[np.float64]
    target: NDArray[np.float64]
    share: NDArray[np.float64]

    @classmethod
    def of(
        cls, n: int, weight: Any = 0.0, wide: Any = 0.0, target: Any = 0.0, share: Any = 0.0
    ) -> "LossWeights":
        """Of n chromosomes, each want a number for all or an array for each."""
        return cls(*(np.broadcast_to(each, n) for each in (weight, wide, target, share)))

    def loss(self, places: NDArray[np.intp], log_p: Tensor, entropy: Tensor, log_z: Tensor) -> Tensor:
        """The loss of the chromosomes at `places`, of which log_p and entropy are."""
        weight, wide, target, share = (torch.from_numpy(np.float32(each[places])) for each in self)
        off = log_z + log_p - target
        return (share * off * off - weight * log_p - wide * entropy).sum()


class Trainer:
    """A generator that learns.

    Args:
        generator: the network.
        rate: learning rate of Adam (Kingma and Ba 2015).
        decay: of the entropy along a gene, see `Lesson.judge`.
    """

    def __init__(self, generator: Generator, rate: float, decay: float) -> None:
        self.generator, self.decay, self._rate = generator, decay, rate
        self.log_z = torch.zeros((), requires_grad=True)
        self._parameters = [*generator.parameters(), self.log_z]
        self._start_optimiser()
        self._good = self._weights()

    def _start_optimiser(self) -> None:
        # The constant of trajectory balance is far from its start; Malkin et al. give it a larger rate.
        groups = [
            {"params": self._parameters[:-1], "lr": self._rate},
            {"params": self._parameters[-1:], "lr": 30 * self._rate},
        ]
        self._optimiser = torch.optim.Adam(groups)

    def step(self, lesson: TeacherForcing, wants: LossWeights, threads: int = 1) -> float:
        """One step on a lesson of n chromosomes; the loss, NaN where it diverged and the step was not taken.

        The weights are then those of the last step whose loss was finite, and the optimiser starts anew.
        """
        with one_torch_thread():
            return self._step(lesson, wants, threads)

    def _step(self, lesson: TeacherForcing, wants: LossWeights, threads: int) -> float:
        compiled = isinstance(self.generator.body, GRU)
        loss, gradients = (self._by_loops if compiled else self._by_torch)(lesson, wants, threads)
        for parameter, slope in zip(self._parameters, gradients, strict=True):
            parameter.grad = slope
        length = torch.nn.utils.clip_grad_norm_(self._parameters[:-1], _LONGEST_GRADIENT)
        if not (np.isfinite(loss) and torch.isfinite(length)):
            self._put(self._good)
            self._start_optimiser()
            return float("nan")
        self._good = self._weights()
        self._optimiser.step()
        return loss

    def _by_torch(
        self, lesson: TeacherForcing, wants: LossWeights, threads: int
    ) -> tuple[float, list[Tensor]]:
        """Loss and gradients by parameter, summed over pieces."""
        found: list[tuple[float, tuple[Tensor, ...]]] = [(0.0, ())] * -(-len(lesson) // _PIECE)
        order = lesson.by_length()  # a piece takes as many positions as its longest gene

        def work(part: slice) -> None:
            chosen = order[part]
            loss = wants.loss(chosen, *lesson[chosen].judge(self.generator, self.decay), self.log_z)
            gradients = torch.autograd.grad(loss, self._parameters)
            found[part.start // _PIECE] = loss.item(), gradients

        in_pieces(work, len(lesson), _PIECE, threads)
        summed = [torch.stack(each).sum(0) for each in zip(*(each for _, each in found), strict=True)]
        return sum(each for each, _ in found), summed

    def _by_loops(
        self, lesson: TeacherForcing, wants: LossWeights, threads: int
    ) -> tuple[float, list[Tensor]]:
        """The same of a GRU by compiled loops; torch goes back from its `Weights` to the parameters."""
        tensors = tensors_of(self.generator)
        weights, material = weights_of(tensors), lesson.material(*wants)
        found: list[Any] = [None] * -(-len(lesson) // _PIECE)
        # Of each piece some long genes and some short ones, so that all take as long.
        order, log_z = lesson.by_length(), self.log_z.item()

        def work(first: int, last: int) -> None:
            for k in range(first, last):
                found[k] = gradient(weights, material, order[k :: len(found)], self.decay, log_z)

        share(work, len(found), threads)
        losses, parts, by_log_z = zip(*found, strict=True)
        summed = [torch.from_numpy(sum(each[1:], each[0])) for each in zip(*parts, strict=True)]
        gradients = torch.autograd.grad(tensors, self._parameters[:-1], summed)
        return sum(losses), [*gradients, torch.tensor(sum(by_log_z), dtype=torch.float32)]

    def _weights(self) -> Tensor:
        return parameters_to_vector(self._parameters).detach().clone()

    def _put(self, weights: Tensor) -> None:
        with torch.no_grad():
            vector_to_parameters(weights.clone(), self._parameters)

    def state(self) -> dict[str, Any]:
        """Weights and the optimiser's moments as arrays."""
        kept = [self._optimiser.state.get(parameter, {}) for parameter in self._parameters]
        moments = {
            f"learner_{name}": parameters_to_vector(
                [each.get(name, torch.zeros_like(p)) for each, p in zip(kept, self._parameters, strict=True)]
            ).numpy()
            for name in ("exp_avg", "exp_avg_sq")
        }
        steps = float(kept[0]["step"]) if kept[0] else 0.0
        return {
            "learner_weights": self._weights().numpy(), "learner_good": self._good.numpy(),
            "learner_steps": steps, **moments,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a `state`. Raises ValueError for one of another network."""
        weights = torch.from_numpy(np.array(state["learner_weights"], np.float32))
        if weights.shape != self._good.shape:
            raise ValueError(f"{weights.numel()} weights for a network of {self._good.numel()}")
        self._put(weights)
        self._good = torch.from_numpy(np.array(state["learner_good"], np.float32))
        self._start_optimiser()
        steps, at = float(state["learner_steps"]), 0
        for parameter in self._parameters if steps else ():
            cut = slice(at, at := at + parameter.numel())
            self._optimiser.state[parameter] = {
                "step": torch.tensor(steps),
                **{
                    name: torch.from_numpy(np.array(state[f"learner_{name}"][cut], np.float32)).view_as(
                        parameter
                    )
                    for name in ("exp_avg", "exp_avg_sq")
                },
            }
