"""The gradient of a GRU on a lesson, by hand and compiled: back through time, a gene at a time.

What torch takes some two hundred calls for, on tensors of a few hundred rows, is one loop here; that both say
the same is tested. The weights that a gene is read with are `Weights`, of which the gradient is taken.
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
    """A lesson and what is wanted of it as arrays; n chromosomes of G genes of m positions.

    Attributes:
        looks, added, letters: see `TeacherForcing`.
        length: int64 of shape (n, G), positions of each expression.
        weight, wide, target, share: float32 of shape (n,), see `LossWeights`.
    """

    looks: NDArray[np.int64]
    added: NDArray[np.float32]
    letters: NDArray[np.int64]
    length: NDArray[np.int64]
    weight: NDArray[np.float32]
    wide: NDArray[np.float32]
    target: NDArray[np.float32]
    share: NDArray[np.float32]


class _Reverse(NamedTuple):
    """Weights the other way round, from what comes out to what went in."""

    between: NDArray[np.float32]
    inner: NDArray[np.float32]
    letters: NDArray[np.float32]


class _Slopes(NamedTuple):
    """Derivatives of the loss along one gene, by what `Trace` names.

    Attributes:
        state: float32 of shape (D, E), by the state after the position that is looked at.
        before: (E,), room.
        sums, inner: (D, m, 3E), by the gates' sums, of what comes in and of the state before.
        logits: (m, V), first the letters' chances and then the derivatives.
        open: (m,), entropy of each choice.
    """

    state: NDArray[np.float32]
    before: NDArray[np.float32]
    sums: NDArray[np.float32]
    inner: NDArray[np.float32]
    logits: NDArray[np.float32]
    open: NDArray[np.float32]


def gradient(
    weights: Weights, material: BackwardInputs, chosen: NDArray[np.intp], decay: float, log_z: float
) -> tuple[float, Weights, float]:
    """The loss of the chosen chromosomes, and its derivatives by the weights and by log Z.

    Args:
        weights: of the network.
        material: what is learned from.
        chosen: places of the chromosomes.
        decay: of the entropy along a gene.
        log_z: for trajectory balance.
    """
    layers, width = weights.inner.shape[:2]
    genes, positions = material.letters.shape[1:]
    forward = weights.between, weights.inner, weights.letters
    reverse = _Reverse(*(np.ascontiguousarray(each.swapaxes(-1, -2)) for each in forward))
    traces = tuple(Trace.room(weights, positions) for _ in range(genes))
    slopes = tuple(
        _Slopes(
            np.empty((layers, width), np.float32),
            np.empty(width, np.float32),
            np.empty((layers, positions, 3 * width), np.float32),
            np.empty((layers, positions, 3 * width), np.float32),
            np.empty((positions, len(weights.letter_bias)), np.float32),
            np.empty(positions, np.float32),
        )
        for _ in range(genes)
    )
    found = Weights(*(np.zeros_like(each) for each in weights))
    loss, by_log_z = go_back(
        weights, reverse, material, chosen, np.float32(decay), np.float32(log_z), traces, slopes, found
    )
    return loss, found, by_log_z


@compiled
def go_back(weights, reverse, material, chosen, decay, log_z, traces, slopes, found):
    """Add the derivatives of all chosen chromosomes to `found`."""
    loss, by_log_z = 0.0, 0.0
    for c in chosen:
        log_p, entropy = ZERO, ZERO
        for g in range(len(traces)):
            likely, still_open = read(weights, material, c, g, decay, traces[g], slopes[g])
            log_p += likely
            entropy += still_open
        off = log_z + log_p - material.target[c]
        pull = np.float32(2) * material.share[c] * off
        loss += material.share[c] * off * off - material.weight[c] * log_p - material.wide[c] * entropy
        by_log_z += pull
        for g in range(len(traces)):
            m = material.length[c, g]
            part = slopes[g]
            choices(part, material.letters[c, g, :m], pull - material.weight[c], material.wide[c], decay)
            through_time(weights, reverse, m, traces[g], part)
            collect(material.looks[c, g, :m], traces[g], part, found)
    return loss, by_log_z


@compiled
def read(weights, material, c, g, decay, trace, slopes):
    """Forward along one gene: its log-likelihood and entropy; chances are left in the slopes."""
    log_p, entropy, worth = ZERO, ZERO, ONE
    for i in range(material.length[c, g]):
        advance(weights, material.looks[c, g, i], i, trace)
        chances, added = slopes.logits[i], material.added[c, g, i]
        top = np.float32(-np.inf)
        for v in range(chances.size):
            chances[v] = trace.logits[v] + added[v]
            top = max(top, chances[v])
        total, dot = ZERO, ZERO
        letter = material.letters[c, g, i]
        log_p += chances[letter] - top
        for v in range(chances.size):
            x = chances[v] - top
            chances[v] = np.exp(x)
            total += chances[v]
            if chances[v] > ZERO:
                dot += chances[v] * x
        for v in range(chances.size):
            chances[v] /= total
        log_p -= np.log(total)
        slopes.open[i] = np.log(total) - dot / total
        entropy += worth * slopes.open[i]
        worth *= decay
    return log_p, entropy


@compiled
def choices(slopes, letters, by_log_p, wide, decay):
    """From the chances of letters to the derivatives by their logits."""
    worth = ONE
    for i in range(letters.size):
        row = slopes.logits[i]
        for v in range(row.size):
            p = row[v]
            surprise = np.log(p) + slopes.open[i] if p > ZERO else ZERO
            row[v] = p * (wide * worth * surprise - by_log_p)
        row[letters[i]] += by_log_p
        worth *= decay


@compiled
def through_time(weights, reverse, m, trace, slopes):
    """From the derivatives by logits to those by the sums of gates, from the last position to the first."""
    width = slopes.before.size
    for layer in range(slopes.state.shape[0]):
        fill(slopes.state[layer], ZERO)
    for i in range(m - 1, -1, -1):
        add_product(slopes.logits[i], reverse.letters, slopes.state[-1])
        for layer in range(slopes.state.shape[0] - 1, -1, -1):
            gates, after = trace.gates[layer, i], slopes.state[layer]
            sums, inner = slopes.sums[layer, i], slopes.inner[layer, i]
            through_gates(gates, trace.state[layer, i], after, sums, inner)
            for j in range(width):
                slopes.before[j] = after[j] * gates[width + j]
            add_product(inner, reverse.inner[layer], slopes.before)
            copy(slopes.before, after)
            if layer:
                add_product(sums, reverse.between[layer], slopes.state[layer - 1])


@compiled
def through_gates(gates, before, after, sums, inner):
    """Derivatives by the sums of one layer's gates, from those by the state after it."""
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
def collect(looks, trace, slopes, found):
    """Add one gene's part to the derivatives by the weights."""
    m = looks.shape[0]
    for i in range(m):
        for k in range(looks.shape[1]):
            add(slopes.sums[0, i], found.read[looks[i, k]])
        add(slopes.logits[i], found.letter_bias)
    for layer in range(slopes.state.shape[0]):
        for i in range(m):
            add(slopes.sums[layer, i], found.bias[layer])
            add(slopes.inner[layer, i], found.inner_bias[layer])
        add_outer(trace.state[layer, :m], slopes.inner[layer, :m], found.inner[layer])
        if layer:
            add_outer(trace.state[layer - 1, 1 : m + 1], slopes.sums[layer, :m], found.between[layer])
    add_outer(trace.state[-1, 1 : m + 1], slopes.logits[:m], found.letters)


@compiled
def add_outer(x, y, out):
    """out += xᵀ y for x of shape (m, K), y (m, M), out (K, M), four rows at a time as in `add_product`."""
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
