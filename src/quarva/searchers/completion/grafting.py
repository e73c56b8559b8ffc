"""Parts of formulas, cut out and put in, in level order."""

from quarva._runtime.compiled import compiled

__all__ = ["cut", "graft"]


@compiled
def cut(symbols, start, root, arity, out, queue):
    """Write the expression below place `root` to `out`; returns its nodes, or out.size + 1 if they are more.

    start: where each place's arguments begin. arity: of each symbol. queue: int64, out.size or more.
    """
    queue[0], many, i = root, 1, 0
    while i < many:
        symbol = symbols[queue[i]]
        if many + arity[symbol] > out.size:
            return out.size + 1
        out[i] = symbol
        for a in range(arity[symbol]):
            queue[many + a] = start[queue[i]] + a
        many += arity[symbol]
        i += 1
    return many


@compiled
def graft(symbols, start, place, scion, arity, head, out, queue):
    """Write the formula with `scion` in place of what stands below `place` to `out`.

    scion: an expression in level order. queue: int64, out.size + 3 or more.

    Returns:
        How many nodes it has, or 0 where a function would stand behind the head.
    """
    # In level order a part's nodes keep their order among themselves, so that the scion is read as it stands.
    queue[0], many, i, taken = 0, 1, 0, 0
    while i < many:
        from_scion = queue[i] < 0 or queue[i] == place
        symbol = scion[taken] if from_scion else symbols[queue[i]]
        taken += from_scion
        n = arity[symbol]
        if n > 0 and i >= head:
            return 0
        out[i] = symbol
        for a in range(n):
            queue[many + a] = -1 if from_scion else start[queue[i]] + a
        many += n
        i += 1
    return many
