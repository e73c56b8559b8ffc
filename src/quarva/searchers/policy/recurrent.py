"""Gated recurrent units as compiled loops over one gene: what torch's module says, without its calls.

On vectors of 64 numbers a call of torch costs more than its arithmetic. Here a position of one gene is a
function, and the weights lie as they are read: a product adds whole rows, so that its inner loop runs over
neighbours and no sum depends on the width of vectors.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.functions.exponential import tanh
from quarva.engine.kernel.vectors.vectors import full_width, multiply_add
from quarva.searchers.policy.model import GRU, Generator

__all__ = ["Trace", "Weights", "add", "add_product", "advance", "copy", "tensors_of", "weights_of"]

HALF = np.float32(0.5)


class Weights(NamedTuple):
    """A generator whose body is a GRU of D layers, float32; E the width, V letters.

    Attributes:
        read: of shape (rows, 3E), what a row that is looked up adds to the gates of the first layer.
        bias: (D, 3E), of the gates on the side of what comes in.
        between: (D, E, 3E), from the layer below to the gates; of the first layer it is part of `read`.
        inner: (D, E, 3E), from the state before to the gates.
        inner_bias: (D, 3E).
        letters: (E, V), from the last layer to logits.
        letter_bias: (V,).
    """

    read: NDArray[np.float32]
    bias: NDArray[np.float32]
    between: NDArray[np.float32]
    inner: NDArray[np.float32]
    inner_bias: NDArray[np.float32]
    letters: NDArray[np.float32]
    letter_bias: NDArray[np.float32]


class Trace(NamedTuple):
    """What is kept of one gene of at most L positions, float32.

    Attributes:
        state: of shape (D, L + 1, E), before each position; zeros before the first.
        gates: (D, L, 4E): reset, update, candidate, and what the state before gives the candidate.
        sums: (2, 3E), room for the gates of one layer before they are squeezed.
        logits: (V,), of the position that was advanced to last.
    """

    state: NDArray[np.float32]
    gates: NDArray[np.float32]
    sums: NDArray[np.float32]
    logits: NDArray[np.float32]

    @classmethod
    def room(cls, weights: Weights, length: int) -> "Trace":
        """Room for genes of so many positions."""
        layers, width = weights.inner.shape[:2]
        return cls(
            np.zeros((layers, length + 1, width), np.float32),
            np.empty((layers, length, 4 * width), np.float32),
            np.empty((2, 3 * width), np.float32),
            np.empty(len(weights.letter_bias), np.float32),
        )


def tensors_of(generator: Generator) -> tuple[Tensor, ...]:
    """`Weights` as tensors that a gradient can be taken through; the generator's body is a GRU."""
    assert isinstance(generator.body, GRU)
    into, inner, bias, inner_bias = zip(*generator.body.gru.all_weights, strict=True)
    rows, letters = generator.tables()
    return (
        rows @ into[0].T,
        torch.stack(bias),
        torch.stack([each.T for each in into]),
        torch.stack([each.T for each in inner]),
        torch.stack(inner_bias),
        letters,
        generator.bias,
    )


def weights_of(tensors: tuple[Tensor, ...]) -> Weights:
    """The same as arrays."""
    return Weights(*(np.ascontiguousarray(each.detach().numpy()) for each in tensors))


@compiled
def add_product(x, weights, out):
    """out += x @ weights for x of shape (K,), weights (K, M), out (M,).

    Four rows at a time: each number of `out` is loaded and stored once for four products.
    """
    full_width()
    fours = x.size - x.size % 4
    for k in range(0, fours, 4):
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        for j in range(out.size):
            first = multiply_add(b, weights[k + 1, j], multiply_add(a, weights[k, j], out[j]))
            out[j] = multiply_add(d, weights[k + 3, j], multiply_add(c, weights[k + 2, j], first))
    for k in range(fours, x.size):
        for j in range(out.size):
            out[j] = multiply_add(x[k], weights[k, j], out[j])


@compiled
def copy(x, out):
    for j in range(out.size):
        out[j] = x[j]


@compiled
def add(x, out):
    full_width()
    for j in range(out.size):
        out[j] += x[j]


@compiled
def squeeze(sums, before, gates, after):
    """Gates of one layer from their sums, and the state after: equations of torch.nn.GRU."""
    width = before.size
    full_width()
    for j in range(2 * width):  # a sigmoid is half of 1 + tanh of half
        sums[0, j] = HALF * (sums[0, j] + sums[1, j])
    tanh(sums[0, : 2 * width], gates[: 2 * width])
    for j in range(2 * width):
        gates[j] = multiply_add(HALF, gates[j], HALF)
    for j in range(width):
        gates[3 * width + j] = sums[1, 2 * width + j]
        sums[0, 2 * width + j] = multiply_add(gates[j], sums[1, 2 * width + j], sums[0, 2 * width + j])
    tanh(sums[0, 2 * width :], gates[2 * width : 3 * width])
    for j in range(width):
        new = gates[2 * width + j]
        after[j] = multiply_add(gates[width + j], before[j] - new, new)


@compiled
def advance(weights, looks, i, trace):
    """State after position i, whose rows are `looks`, and the logits of its letter."""
    for layer in range(weights.inner.shape[0]):
        sums = trace.sums
        copy(weights.bias[layer], sums[0])
        copy(weights.inner_bias[layer], sums[1])
        if layer == 0:
            for k in range(looks.size):
                add(weights.read[looks[k]], sums[0])
        else:
            add_product(trace.state[layer - 1, i + 1], weights.between[layer], sums[0])
        add_product(trace.state[layer, i], weights.inner[layer], sums[1])
        squeeze(sums, trace.state[layer, i], trace.gates[layer, i], trace.state[layer, i + 1])
    copy(weights.letter_bias, trace.logits)
    add_product(trace.state[-1, i + 1], weights.letters, trace.logits)
