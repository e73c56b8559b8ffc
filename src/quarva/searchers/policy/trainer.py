"""Training of the generator: optimiser steps on teacher-forcing batches, guarded against divergence."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from quarva._runtime.threads import share
from quarva.searchers.policy.backward import gradient
from quarva.searchers.policy.chunks import in_chunks, one_torch_thread
from quarva.searchers.policy.model import GRU, Generator
from quarva.searchers.policy.recurrent import tensors_of, weights_of
from quarva.searchers.policy.teacher_forcing import TeacherForcing

__all__ = ["LossWeights", "Trainer"]

_CHUNK = 40  # chromosomes per forward and backward pass
_MAX_GRADIENT_NORM = 1.0


class LossWeights(NamedTuple):
    """The weights of the loss −Σ log_p · log p − Σ entropy · H + Σ balance · (log Z + log p − target)².

    Attributes
    ----------
    log_p : float64 array, shape (n,)
        Weight of the log-likelihood of each chromosome.
    entropy : float64 array, shape (n,)
        Weight of its entropy H.
    target : float64 array, shape (n,)
        Its log reward, for trajectory balance.
    balance : float64 array, shape (n,)
        Weight of its trajectory balance term.
    """

    log_p: NDArray[np.float64]
    entropy: NDArray[np.float64]
    target: NDArray[np.float64]
    balance: NDArray[np.float64]

    @classmethod
    def of(
        cls, n: int, log_p: Any = 0.0, entropy: Any = 0.0, target: Any = 0.0, balance: Any = 0.0
    ) -> "LossWeights":
        """Return the weights of n chromosomes; each is a number or an array of shape (n,)."""
        return cls(*(np.broadcast_to(each, n) for each in (log_p, entropy, target, balance)))

    def loss(self, indices: NDArray[np.intp], log_p: Tensor, entropy: Tensor, log_z: Tensor) -> Tensor:
        """Return the loss of the chromosomes at `indices`, given their log-likelihoods and entropies."""
        log_p_weight, entropy_weight, target, balance = (
            torch.from_numpy(np.float32(each[indices])) for each in self
        )
        error = log_z + log_p - target
        return (balance * error * error - log_p_weight * log_p - entropy_weight * entropy).sum()


class Trainer:
    """A generator with its optimiser.

    Parameters
    ----------
    generator : Generator
        The generator.
    rate : float
        Learning rate of Adam (Kingma and Ba 2015).
    decay : float
        Decay of the entropy along a gene; see `TeacherForcing.evaluate`.

    Attributes
    ----------
    generator : Generator
        The generator.
    log_z : tensor, shape ()
        Log Z of trajectory balance.
    """

    def __init__(self, generator: Generator, rate: float, decay: float) -> None:
        self.generator, self.decay, self._rate = generator, decay, rate
        self.log_z = torch.zeros((), requires_grad=True)
        self._parameters = [*generator.parameters(), self.log_z]
        self._reset_optimiser()
        self._last_finite = self._weights()

    def _reset_optimiser(self) -> None:
        # Log Z starts far from its optimum; Malkin et al. use a larger learning rate for it.
        groups = [
            {"params": self._parameters[:-1], "lr": self._rate},
            {"params": self._parameters[-1:], "lr": 30 * self._rate},
        ]
        self._optimiser = torch.optim.Adam(groups)

    def step(self, batch: TeacherForcing, loss_weights: LossWeights, threads: int = 1) -> float:
        """Take one optimiser step on a batch.

        If the loss or the gradient is not finite, the weights are reset to the last ones for which both were
        finite, and the optimiser starts again.

        Parameters
        ----------
        batch : TeacherForcing
            The n chromosomes.
        loss_weights : LossWeights
            Their weights, of shape (n,).
        threads : int
            Maximum number of threads. The result does not depend on it.

        Returns
        -------
        float
            The loss, or NaN if it diverged.
        """
        with one_torch_thread():
            return self._step(batch, loss_weights, threads)

    def _step(self, batch: TeacherForcing, loss_weights: LossWeights, threads: int) -> float:
        compiled = isinstance(self.generator.body, GRU)
        gradients_of = self._compiled_gradients if compiled else self._torch_gradients
        loss, gradients = gradients_of(batch, loss_weights, threads)
        for parameter, gradient_ in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient_
        norm = torch.nn.utils.clip_grad_norm_(self._parameters[:-1], _MAX_GRADIENT_NORM)
        if not (np.isfinite(loss) and torch.isfinite(norm)):
            self._set_weights(self._last_finite)
            self._reset_optimiser()
            return float("nan")
        self._last_finite = self._weights()
        self._optimiser.step()
        return loss

    def _torch_gradients(
        self, batch: TeacherForcing, loss_weights: LossWeights, threads: int
    ) -> tuple[float, list[Tensor]]:
        """Return the loss and its gradients by torch, summed over chunks."""
        found: list[tuple[float, tuple[Tensor, ...]]] = [(0.0, ())] * -(-len(batch) // _CHUNK)
        order = batch.by_length()  # a chunk is padded to its longest gene

        def work(part: slice) -> None:
            chosen = order[part]
            log_p, entropy = batch[chosen].evaluate(self.generator, self.decay)
            loss = loss_weights.loss(chosen, log_p, entropy, self.log_z)
            gradients = torch.autograd.grad(loss, self._parameters)
            found[part.start // _CHUNK] = loss.item(), gradients

        in_chunks(work, len(batch), _CHUNK, threads)
        summed = [torch.stack(each).sum(0) for each in zip(*(each for _, each in found), strict=True)]
        return sum(each for each, _ in found), summed

    def _compiled_gradients(
        self, batch: TeacherForcing, loss_weights: LossWeights, threads: int
    ) -> tuple[float, list[Tensor]]:
        """Return the same for a GRU, by compiled loops up to `Weights` and by torch from there."""
        tensors = tensors_of(self.generator)
        weights, inputs = weights_of(tensors), batch.backward_inputs(*loss_weights)
        found: list[Any] = [None] * -(-len(batch) // _CHUNK)
        # Each chunk has long and short genes, so that all chunks take about the same time.
        order, log_z = batch.by_length(), self.log_z.item()

        def work(first: int, last: int) -> None:
            for k in range(first, last):
                found[k] = gradient(weights, inputs, order[k :: len(found)], self.decay, log_z)

        share(work, len(found), threads)
        losses, parts, log_z_gradients = zip(*found, strict=True)
        summed = [torch.from_numpy(sum(each[1:], each[0])) for each in zip(*parts, strict=True)]
        gradients = torch.autograd.grad(tensors, self._parameters[:-1], summed)
        return sum(losses), [*gradients, torch.tensor(sum(log_z_gradients), dtype=torch.float32)]

    def _weights(self) -> Tensor:
        return parameters_to_vector(self._parameters).detach().clone()

    def _set_weights(self, weights: Tensor) -> None:
        with torch.no_grad():
            vector_to_parameters(weights.clone(), self._parameters)

    def state(self) -> dict[str, Any]:
        """Return the weights and the state of the optimiser as arrays and numbers."""
        states = [self._optimiser.state.get(parameter, {}) for parameter in self._parameters]
        moments = {
            f"trainer_{name}": parameters_to_vector(
                [
                    each.get(name, torch.zeros_like(p))
                    for each, p in zip(states, self._parameters, strict=True)
                ]
            ).numpy()
            for name in ("exp_avg", "exp_avg_sq")
        }
        steps = float(states[0]["step"]) if states[0] else 0.0
        return {
            "trainer_weights": self._weights().numpy(), "trainer_last_finite": self._last_finite.numpy(),
            "trainer_steps": steps, **moments,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` returned.

        Raises
        ------
        ValueError
            If the state belongs to a network of another size.
        """
        weights = torch.from_numpy(np.array(state["trainer_weights"], np.float32))
        if weights.shape != self._last_finite.shape:
            raise ValueError(f"{weights.numel()} weights for a network of {self._last_finite.numel()}")
        self._set_weights(weights)
        self._last_finite = torch.from_numpy(np.array(state["trainer_last_finite"], np.float32))
        self._reset_optimiser()
        steps, at = float(state["trainer_steps"]), 0
        for parameter in self._parameters if steps else ():
            cut = slice(at, at := at + parameter.numel())
            self._optimiser.state[parameter] = {
                "step": torch.tensor(steps),
                **{
                    name: torch.from_numpy(np.array(state[f"trainer_{name}"][cut], np.float32)).view_as(
                        parameter
                    )
                    for name in ("exp_avg", "exp_avg_sq")
                },
            }
