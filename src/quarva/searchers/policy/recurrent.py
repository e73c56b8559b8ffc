"""Gated recurrent units as compiled loops over one gene, equivalent to torch's module.

For vectors of 64 numbers the overhead of a torch call exceeds its arithmetic. Here one function processes one
position of one gene. Weights are stored in the order in which they are read: a matrix product adds whole
rows, so its inner loop is contiguous, and no sum depends on the width of vector registers.
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
    """The weights of a generator with a GRU of D layers, width E and V symbols, as float32 arrays.

    Attributes
    ----------
    read : shape (rows, 3E)
        Contribution of each embedding row to the gates of the first layer.
    bias : shape (D, 3E)
        Input biases of the gates.
    between : shape (D, E, 3E)
        Weights from the layer below to the gates. Those of the first layer are part of `read`.
    inner : shape (D, E, 3E)
        Weights from the previous state to the gates.
    inner_bias : shape (D, 3E)
        Biases of the contribution of the previous state.
    output : shape (E, V)
        Weights from the last layer to the logits.
    output_bias : shape (V,)
        Biases of the logits.
    """

    read: NDArray[np.float32]
    bias: NDArray[np.float32]
    between: NDArray[np.float32]
    inner: NDArray[np.float32]
    inner_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    output_bias: NDArray[np.float32]


class Trace(NamedTuple):
    """The activations of one gene of at most L positions, as float32 arrays.

    Attributes
    ----------
    state : shape (D, L + 1, E)
        State before each position; zeros before the first.
    gates : shape (D, L, 4E)
        Reset, update and candidate gates, and the contribution of the previous state to the candidate.
    sums : shape (2, 3E)
        Work space: pre-activations of the gates of one layer.
    logits : shape (V,)
        Logits of the last processed position.
    """

    state: NDArray[np.float32]
    gates: NDArray[np.float32]
    sums: NDArray[np.float32]
    logits: NDArray[np.float32]

    @classmethod
    def empty(cls, weights: Weights, length: int) -> "Trace":
        """Return the trace of a gene of `length` positions."""
        layers, width = weights.inner.shape[:2]
        return cls(
            np.zeros((layers, length + 1, width), np.float32),
            np.empty((layers, length, 4 * width), np.float32),
            np.empty((2, 3 * width), np.float32),
            np.empty(len(weights.output_bias), np.float32),
        )


def tensors_of(generator: Generator) -> tuple[Tensor, ...]:
    """Return the `Weights` of a generator with a GRU as tensors, with gradients to its parameters."""
    assert isinstance(generator.body, GRU)
    into, inner, bias, inner_bias = zip(*generator.body.gru.all_weights, strict=True)
    rows, output = generator.tables()
    return (
        rows @ into[0].T,
        torch.stack(bias),
        torch.stack([each.T for each in into]),
        torch.stack([each.T for each in inner]),
        torch.stack(inner_bias),
        output,
        generator.bias,
    )


def weights_of(tensors: tuple[Tensor, ...]) -> Weights:
    """Return the tensors of `tensors_of` as arrays."""
    return Weights(*(np.ascontiguousarray(each.detach().numpy()) for each in tensors))


@compiled
def add_product(x, weights, out):
    """Compute out += x @ weights for x of shape (K,), weights (K, M) and out (M,).

    Four rows are added at a time, so each element of `out` is loaded and stored once per four products.
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
def activate(sums, before, gates, after):
    """Write the gates of one layer and the state after it, by the equations of torch.nn.GRU."""
    width = before.size
    full_width()
    for j in range(2 * width):  # sigmoid(x) = (1 + tanh(x / 2)) / 2
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
def advance(weights, rows, i, trace):
    """Write the state after position i, given its embedding rows, and the logits of its symbol."""
    for layer in range(weights.inner.shape[0]):
        sums = trace.sums
        copy(weights.bias[layer], sums[0])
        copy(weights.inner_bias[layer], sums[1])
        if layer == 0:
            for k in range(rows.size):
                add(weights.read[rows[k]], sums[0])
        else:
            add_product(trace.state[layer - 1, i + 1], weights.between[layer], sums[0])
        add_product(trace.state[layer, i], weights.inner[layer], sums[1])
        activate(sums, trace.state[layer, i], trace.gates[layer, i], trace.state[layer, i + 1])
    copy(weights.output_bias, trace.logits)
    add_product(trace.state[-1, i + 1], weights.output, trace.logits)
