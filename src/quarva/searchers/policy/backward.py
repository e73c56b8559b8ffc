"""The gradient of a GRU on a teacher-forcing batch: compiled backpropagation through time, gene by gene.

Torch needs about two hundred calls, on tensors of a few hundred rows, for what is one loop here. A test
compares the two. The gradient is taken with respect to `Weights`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.engine.kernel.vectors.vectors import full_width, multiply_add
from quarva.searchers.policy.recurrent import Trace, Weights, add, add_product, advance, copy

__all__ = ["BackwardInputs", "gradient"]

ZERO, ONE = np.float32(0), np.float32(1)


class BackwardInputs(NamedTuple):
    """A teacher-forcing batch and its loss weights as arrays: n chromosomes, G genes, m positions.

    Attributes
    ----------
    rows, logit_bias, symbols
        See `TeacherForcing`.
    length : int64 array, shape (n, G)
        Positions of each expression.
    log_p, entropy, target, balance : float32 array, shape (n,)
        See `LossWeights`.
    """

    rows: NDArray[np.int64]
    logit_bias: NDArray[np.float32]
    symbols: NDArray[np.int64]
    length: NDArray[np.int64]
    log_p: NDArray[np.float32]
    entropy: NDArray[np.float32]
    target: NDArray[np.float32]
    balance: NDArray[np.float32]


class _Transposed(NamedTuple):
    """Transposes of some matrices of `Weights`, so that backpropagation reads them row by row."""

    between: NDArray[np.float32]
    inner: NDArray[np.float32]
    output: NDArray[np.float32]


class _Gradients(NamedTuple):
    """Gradients of the loss along one gene, as float32 arrays.

    Attributes
    ----------
    state : shape (D, E)
        Gradients with respect to the state after the current position.
    before : shape (E,)
        Work space.
    sums, inner : shape (D, m, 3E)
        Gradients with respect to the pre-activations of the gates, of the input and of the previous state.
    logits : shape (m, V)
        First the probabilities of the symbols, then the gradients with respect to the logits.
    entropy : shape (m,)
        Entropy of each choice.
    """

    state: NDArray[np.float32]
    before: NDArray[np.float32]
    sums: NDArray[np.float32]
    inner: NDArray[np.float32]
    logits: NDArray[np.float32]
    entropy: NDArray[np.float32]


def gradient(
    weights: Weights, inputs: BackwardInputs, chosen: NDArray[np.intp], decay: float, log_z: float
) -> tuple[float, Weights, float]:
    """Compute the loss of the chosen chromosomes, and its gradient.

    Parameters
    ----------
    weights : Weights
        Weights of the generator.
    inputs : BackwardInputs
        The batch.
    chosen : int array
        Indices of the chromosomes.
    decay : float
        Decay of the entropy along a gene.
    log_z : float
        Log Z of trajectory balance.

    Returns
    -------
    loss : float
    gradient : Weights
    log_z_gradient : float
    """
    layers, width = weights.inner.shape[:2]
    genes, positions = inputs.symbols.shape[1:]
    forward = weights.between, weights.inner, weights.output
    transposed = _Transposed(*(np.ascontiguousarray(each.swapaxes(-1, -2)) for each in forward))
    traces = tuple(Trace.empty(weights, positions) for _ in range(genes))
    gradients = tuple(
        _Gradients(
            np.empty((layers, width), np.float32),
            np.empty(width, np.float32),
            np.empty((layers, positions, 3 * width), np.float32),
            np.empty((layers, positions, 3 * width), np.float32),
            np.empty((positions, len(weights.output_bias)), np.float32),
            np.empty(positions, np.float32),
        )
        for _ in range(genes)
    )
    out = Weights(*(np.zeros_like(each) for each in weights))
    loss, log_z_gradient = add_gradients(
        weights, transposed, inputs, chosen, np.float32(decay), np.float32(log_z), traces, gradients, out
    )
    return loss, out, log_z_gradient


@compiled
def add_gradients(weights, transposed, inputs, chosen, decay, log_z, traces, gradients, out):
    """Add the gradients of all chosen chromosomes to `out`; return the loss and the gradient of log Z."""
    loss, log_z_gradient = 0.0, 0.0
    for c in chosen:
        log_p, entropy = ZERO, ZERO
        for g in range(len(traces)):
            gene_log_p, gene_entropy = forward_gene(weights, inputs, c, g, decay, traces[g], gradients[g])
            log_p += gene_log_p
            entropy += gene_entropy
        error = log_z + log_p - inputs.target[c]
        error_gradient = np.float32(2) * inputs.balance[c] * error
        loss += inputs.balance[c] * error * error - inputs.log_p[c] * log_p - inputs.entropy[c] * entropy
        log_z_gradient += error_gradient
        for g in range(len(traces)):
            m = inputs.length[c, g]
            part = gradients[g]
            logit_gradients(
                part, inputs.symbols[c, g, :m], error_gradient - inputs.log_p[c], inputs.entropy[c], decay
            )
            through_time(weights, transposed, m, traces[g], part)
            accumulate(inputs.rows[c, g, :m], traces[g], part, out)
    return loss, log_z_gradient


@compiled
def forward_gene(weights, inputs, c, g, decay, trace, gradients):
    """Return the log-likelihood and the entropy of a gene, and leave the probabilities in `gradients`."""
    log_p, entropy, discount = ZERO, ZERO, ONE
    for i in range(inputs.length[c, g]):
        advance(weights, inputs.rows[c, g, i], i, trace)
        probabilities, bias = gradients.logits[i], inputs.logit_bias[c, g, i]
        top = np.float32(-np.inf)
        for v in range(probabilities.size):
            probabilities[v] = trace.logits[v] + bias[v]
            top = max(top, probabilities[v])
        total, dot = ZERO, ZERO
        symbol = inputs.symbols[c, g, i]
        log_p += probabilities[symbol] - top
        for v in range(probabilities.size):
            x = probabilities[v] - top
            probabilities[v] = np.exp(x)
            total += probabilities[v]
            if probabilities[v] > ZERO:
                dot += probabilities[v] * x
        for v in range(probabilities.size):
            probabilities[v] /= total
        log_p -= np.log(total)
        gradients.entropy[i] = np.log(total) - dot / total
        entropy += discount * gradients.entropy[i]
        discount *= decay
    return log_p, entropy


@compiled
def logit_gradients(gradients, symbols, log_p_gradient, entropy_weight, decay):
    """Replace the probabilities of the symbols by the gradients with respect to their logits."""
    discount = ONE
    for i in range(symbols.size):
        row = gradients.logits[i]
        for v in range(row.size):
            p = row[v]
            surprise = np.log(p) + gradients.entropy[i] if p > ZERO else ZERO
            row[v] = p * (entropy_weight * discount * surprise - log_p_gradient)
        row[symbols[i]] += log_p_gradient
        discount *= decay


@compiled
def through_time(weights, transposed, m, trace, gradients):
    """Write the gradients with respect to the pre-activations, from the last position to the first."""
    width = gradients.before.size
    for layer in range(gradients.state.shape[0]):
        fill(gradients.state[layer], ZERO)
    for i in range(m - 1, -1, -1):
        add_product(gradients.logits[i], transposed.output, gradients.state[-1])
        for layer in range(gradients.state.shape[0] - 1, -1, -1):
            gates, after = trace.gates[layer, i], gradients.state[layer]
            sums, inner = gradients.sums[layer, i], gradients.inner[layer, i]
            through_gates(gates, trace.state[layer, i], after, sums, inner)
            for j in range(width):
                gradients.before[j] = after[j] * gates[width + j]
            add_product(inner, transposed.inner[layer], gradients.before)
            copy(gradients.before, after)
            if layer:
                add_product(sums, transposed.between[layer], gradients.state[layer - 1])


@compiled
def through_gates(gates, before, after, sums, inner):
    """Write the gradients with respect to one layer's pre-activations, given those of the state after it."""
    full_width()
    width = before.size
    for j in range(width):
        reset, update, new, given = gates[j], gates[width + j], gates[2 * width + j], gates[3 * width + j]
        candidate = after[j] * (ONE - update) * (ONE - new * new)
        sums[j] = candidate * given * reset * (ONE - reset)
        sums[width + j] = after[j] * (before[j] - new) * update * (ONE - update)
        sums[2 * width + j] = candidate
        inner[j], inner[width + j], inner[2 * width + j] = sums[j], sums[width + j], candidate * reset


@compiled
def accumulate(rows, trace, gradients, out):
    """Add the contribution of one gene to the gradients with respect to the weights."""
    m = rows.shape[0]
    for i in range(m):
        for k in range(rows.shape[1]):
            add(gradients.sums[0, i], out.read[rows[i, k]])
        add(gradients.logits[i], out.output_bias)
    for layer in range(gradients.state.shape[0]):
        for i in range(m):
            add(gradients.sums[layer, i], out.bias[layer])
            add(gradients.inner[layer, i], out.inner_bias[layer])
        add_outer(trace.state[layer, :m], gradients.inner[layer, :m], out.inner[layer])
        if layer:
            add_outer(trace.state[layer - 1, 1 : m + 1], gradients.sums[layer, :m], out.between[layer])
    add_outer(trace.state[-1, 1 : m + 1], gradients.logits[:m], out.output)


@compiled
def add_outer(x, y, out):
    """Compute out += xᵀ y for x of shape (m, K), y (m, M) and out (K, M), four rows at a time."""
    full_width()
    fours = x.shape[0] - x.shape[0] % 4
    for k in range(out.shape[0]):
        for i in range(0, fours, 4):
            a, b, c, d = x[i, k], x[i + 1, k], x[i + 2, k], x[i + 3, k]
            for j in range(out.shape[1]):
                first = multiply_add(b, y[i + 1, j], multiply_add(a, y[i, j], out[k, j]))
                out[k, j] = multiply_add(d, y[i + 3, j], multiply_add(c, y[i + 2, j], first))
        for i in range(fours, x.shape[0]):
            for j in range(out.shape[1]):
                out[k, j] = multiply_add(x[i, k], y[i, j], out[k, j])


@compiled
def fill(out, value):
    for j in range(out.size):
        out[j] = value
