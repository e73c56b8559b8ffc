"""The choice of one letter: prior, mask, softmax, likelihood and entropy in one go."""

import numpy as np

from quarva._runtime.compiled import compiled
from quarva.searchers.policy.length import lean

__all__ = ["choose"]

ZERO = np.float32(0)


@compiled
def choose(logits, legal, arity, i, nodes, mean, weight, sharp, chance, wanted):
    """Draw a letter for position i of an expression that has `nodes` places so far.

    Args:
        logits: float32 of shape (V,); overwritten.
        legal: bool of shape (V,).
        arity: int8 of shape (V,).
        mean, weight: of the prior over length.
        sharp: what logits are multiplied with before it.
        chance: a random number, 0 or more and below 1.
        wanted: the letter to take if it is legal; -1 for none.

    Returns:
        The letter, its log-likelihood and the entropy of the choice.
    """
    top = np.float32(-np.inf)
    for v in range(arity.size):
        if legal[v]:
            logits[v] = logits[v] * sharp + np.float32(lean(nodes, i, arity[v], mean, weight))
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
    open_choice = log_total - dot / total
    if wanted >= 0 and legal[wanted]:
        return np.int64(wanted), np.log(logits[wanted]) - log_total, open_choice
    left, chosen = chance * total, -1
    for v in range(arity.size):
        if logits[v] > 0:
            chosen = v
            left -= logits[v]
            if left < 0:
                break
    return chosen, np.log(logits[chosen]) - log_total, open_choice
