"""Sampling of genes from the generator, symbol by symbol and in batches; all genes are legal."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.threads import share
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers.policy.choice import choose_symbol
from quarva.searchers.policy.chunks import in_chunks, one_torch_thread
from quarva.searchers.policy.embedding_rows import embedding_rows
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import GRU, Generator
from quarva.searchers.policy.recurrent import tensors_of, weights_of
from quarva.searchers.policy.rewriting import Templates, assign_nodes, plan_rewrite
from quarva.searchers.policy.writing import write

__all__ = ["Sample", "sample"]

_CHUNK = 512  # genes of a batch in torch
_MIN_GENES = 64  # genes per thread


class Sample(NamedTuple):
    """n sampled genes of L positions.

    Attributes
    ----------
    symbols : int16 array, shape (n, L)
        Positions after the end of an expression hold random terminals.
    log_p : float32 array, shape (n,)
        Log-likelihood of the expression.
    entropy : float32 array, shape (n,)
        Sum of the entropies of its choices, in nats.
    length : int32 array, shape (n,)
        Positions of the expression; above L if it does not end, which only a grammar without the tail rule
        allows.
    """

    symbols: NDArray[np.int16]
    log_p: NDArray[np.float32]
    entropy: NDArray[np.float32]
    length: NDArray[np.int32]

    def view(self, part: slice) -> "Sample":
        """Return a slice of the genes, without copying."""
        return Sample(self.symbols[part], self.log_p[part], self.entropy[part], self.length[part])


def sample(
    generator: Generator,
    grammar: Grammar,
    n: int,
    rng: np.random.Generator,
    prior: LengthPrior,
    threads: int = 1,
    inverse_temperature: NDArray[np.float32] | None = None,
    templates: Templates | None = None,
) -> Sample:
    """Sample n genes.

    Parameters
    ----------
    generator : Generator
        The generator.
    grammar : Grammar
        Grammar of the genes.
    n : int
        Number of genes.
    rng : numpy.random.Generator
        Random number generator.
    prior : LengthPrior
        Prior on the length of expressions.
    threads : int
        Maximum number of threads. The result does not depend on it.
    inverse_temperature : float32 array, shape (n,), optional
        Factor of the logits of each gene. Defaults to 1; smaller values flatten the distribution.
    templates : Templates, optional
        Templates of the n genes. By default all genes are sampled freely.

    Returns
    -------
    Sample
        `log_p` and `entropy` are those of the tempered distribution, as if the genes were sampled freely.
    """
    n_symbols, cut = len(grammar.alphabet), grammar.alphabet.n_functions
    out = Sample(
        rng.integers(cut, n_symbols, (n, grammar.length), np.int16),
        np.zeros(n, np.float32),
        np.zeros(n, np.float32),
        np.zeros(n, np.int32),
    )
    random = rng.random((n, grammar.length), np.float32)
    factor = np.ones(n, np.float32) if inverse_temperature is None else inverse_temperature
    templates = Templates.none(n, grammar.length) if templates is None else templates
    if isinstance(generator.body, GRU):
        with torch.no_grad(), one_torch_thread():
            weights = weights_of(tensors_of(generator))

        def write_some(first: int, last: int) -> None:
            part = slice(first, last)
            write(weights, grammar, prior, random[part], factor[part], templates.view(part), out.view(part))

        share(write_some, n, threads, _MIN_GENES)
        return out
    with torch.no_grad():
        tables = generator.tables()

    def work(part: slice) -> None:
        with torch.inference_mode():
            _write(
                generator, tables, grammar, prior, random[part], factor[part], templates.view(part),
                out.view(part),
            )  # fmt: skip

    in_chunks(work, n, _CHUNK, threads)
    return out


def _write(
    generator: Generator,
    tables: tuple[torch.Tensor, torch.Tensor],
    grammar: Grammar,
    prior: LengthPrior,
    random: NDArray[np.float32],
    inverse_temperature: NDArray[np.float32],
    templates: Templates,
    out: Sample,
) -> None:
    """Sample the genes of one chunk; genes whose expression has ended are dropped from the batch."""
    n_symbols, arity = len(grammar.alphabet), grammar.alphabet.arity
    context, genes = grammar.begin(len(random)), np.arange(len(random))
    state = generator.body.begin(len(genes))
    for i in range(grammar.length):
        previous = out.symbols[genes, i - 1] if i else None
        rows = embedding_rows(context.nodes(out.symbols, i, genes), previous, n_symbols)
        logits, state = generator.step(torch.from_numpy(rows), state, tables)
        legal = grammar.legal(context, out.symbols, i, genes)
        choose_symbols(
            i,
            genes,
            logits.numpy(),
            legal,
            random,
            inverse_temperature,
            templates,
            context.n_nodes,
            arity,
            prior.mean,
            prior.weight,
            out,
        )
        context.put(out.symbols, i)
        unfinished = context.n_nodes[genes] > i + 1
        if not unfinished.all():
            genes = genes[unfinished]
            if not len(genes):
                break
            kept = torch.from_numpy(np.flatnonzero(unfinished))
            state = [part.index_select(0, kept) for part in state]
    out.length[:] = context.n_nodes


@compiled
def choose_symbols(
    i, genes, logits, legal, random, inverse_temperature, templates, n_nodes, arity, mean, weight, out
):
    """Choose the symbols of position i of the given genes."""
    for r in range(genes.size):
        b = genes[r]
        forced, move, next_random = plan_rewrite(templates, b, i, arity, random[b, i])
        symbol, log_p, entropy = choose_symbol(
            logits[r], legal[r], arity, i, n_nodes[b], mean, weight, inverse_temperature[b], next_random,
            forced,
        )  # fmt: skip
        assign_nodes(templates, b, i, symbol, move, n_nodes[b], arity, next_random)
        out.symbols[b, i] = symbol
        out.log_p[b] += log_p
        out.entropy[b] += entropy
