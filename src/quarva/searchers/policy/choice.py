"""The choice of one symbol: prior, mask, softmax, log-likelihood and entropy in one pass."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.searchers.policy.length import length_penalty

__all__ = ["choose_symbol"]

ZERO = np.float32(0)


@compiled
def choose_symbol(logits, legal, arity, i, n_nodes, mean, weight, inverse_temperature, random, forced):
    """Sample the symbol of position i of an expression with `n_nodes` nodes so far.

    Parameters
    ----------
    logits : float32 array, shape (V,)
        Logits of the symbols. Overwritten.
    legal : bool array, shape (V,)
        Whether each symbol is legal.
    arity : int8 array, shape (V,)
        Arity of each symbol.
    i, n_nodes : int
        The position, and the number of nodes so far.
    mean, weight : float
        Mean and weight of the length prior.
    inverse_temperature : float
        Factor of the logits, before the prior is added.
    random : float
        Uniform random number in [0, 1).
    forced : int
        Symbol to choose if it is legal; -1 for none.

    Returns
    -------
    symbol : int
    log_p : float
        Its log-likelihood.
    entropy : float
        Entropy of the choice, in nats.
    """
    top = np.float32(-np.inf)
    for v in range(arity.size):
        if legal[v]:
            penalty = np.float32(length_penalty(n_nodes, i, arity[v], mean, weight))
            logits[v] = logits[v] * inverse_temperature + penalty
            top = max(top, logits[v])
    total, dot = ZERO, ZERO
    for v in range(arity.size):
        if legal[v]:
            x = logits[v] - top
            p = np.exp(x)
            logits[v] = p
            total += p
            dot += p * x
        else:
            logits[v] = ZERO
    log_total = np.log(total)
    entropy = log_total - dot / total
    if forced >= 0 and legal[forced]:
        return np.int64(forced), np.log(logits[forced]) - log_total, entropy
    left, chosen = random * total, -1
    for v in range(arity.size):
        if logits[v] > 0:
            chosen = v
            left -= logits[v]
            if left < 0:
                break
    return chosen, np.log(logits[chosen]) - log_total, entropy
