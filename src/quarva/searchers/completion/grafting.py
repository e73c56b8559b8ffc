"""Extraction and replacement of subexpressions in level order."""

from quarva._runtime.compiled import compiled

__all__ = ["extract", "graft"]


@compiled
def extract(symbols, start, root, arity, out, queue):
    """Write the expression below position `root` to `out`, and return its number of nodes.

    Parameters
    ----------
    symbols : int16 array, shape (L,)
        The gene.
    start : int64 array, shape (L,)
        Position of the first argument of each position.
    root : int
        Position of the root.
    arity : int64 array, shape (V,)
        Arity of each symbol.
    out : int16 array
        Receives the expression.
    queue : int64 array
        Work space, at least as long as `out`.

    Returns
    -------
    int
        out.size + 1 if the expression does not fit.
    """
    queue[0], n_nodes, i = root, 1, 0
    while i < n_nodes:
        symbol = symbols[queue[i]]
        if n_nodes + arity[symbol] > out.size:
            return out.size + 1
        out[i] = symbol
        for a in range(arity[symbol]):
            queue[n_nodes + a] = start[queue[i]] + a
        n_nodes += arity[symbol]
        i += 1
    return n_nodes


@compiled
def graft(symbols, start, position, replacement, arity, head, out, queue):
    """Write a formula to `out` with the subexpression at `position` replaced.

    Parameters
    ----------
    symbols : int16 array, shape (L,)
        The gene.
    start : int64 array, shape (L,)
        Position of the first argument of each position.
    position : int
        Position of the root of the replaced subexpression.
    replacement : int16 array
        An expression in level order.
    arity : int64 array, shape (V,)
        Arity of each symbol.
    head : int
        Positions of the head.
    out : int16 array
        Receives the formula.
    queue : int64 array
        Work space, longer than `out` by 3 or more.

    Returns
    -------
    int
        Number of nodes, or 0 if a function would be in the tail.
    """
    # Level order preserves the relative order of the nodes of a subexpression, so these are read in sequence.
    queue[0], n_nodes, i, n_read = 0, 1, 0, 0
    while i < n_nodes:
        replaced = queue[i] < 0 or queue[i] == position
        symbol = replacement[n_read] if replaced else symbols[queue[i]]
        n_read += replaced
        n = arity[symbol]
        if n > 0 and i >= head:
            return 0
        out[i] = symbol
        for a in range(n):
            queue[n_nodes + a] = -1 if replaced else start[queue[i]] + a
        n_nodes += n
        i += 1
    return n_nodes
