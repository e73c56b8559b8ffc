"""Genes drawn from the generator, letter by letter, many at once; every one of them is legal."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva._runtime.threads import share
from quarva.karva.grammar.grammar import Grammar
from quarva.searchers.policy.choice import choose
from quarva.searchers.policy.embedding_rows import look_up
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import GRU, Generator
from quarva.searchers.policy.pieces import in_pieces, one_torch_thread
from quarva.searchers.policy.recurrent import tensors_of, weights_of
from quarva.searchers.policy.rewriting import Models, hand_down, plan
from quarva.searchers.policy.writing import write

__all__ = ["Sample", "sample"]

_PIECE = 512  # genes that go through a network in torch together
_GRAIN = 64  # genes that a thread writes at least


class Sample(NamedTuple):
    """n genes of L positions.

    Attributes:
        symbols: int16 of shape (n, L); behind an expression's end random terminals.
        log_p: float32 of shape (n,), log-likelihood of the expression.
        entropy: float32 of shape (n,), of the choices that led to it, summed.
        length: int32 of shape (n,), positions of the expression; above L where it does not end, which only a
            grammar without the rule of the tail allows.
    """

    symbols: NDArray[np.int16]
    log_p: NDArray[np.float32]
    entropy: NDArray[np.float32]
    length: NDArray[np.int32]

    def cut(self, part: slice) -> "Sample":
        """Some of the genes, not copied."""
        return Sample(self.symbols[part], self.log_p[part], self.entropy[part], self.length[part])


def sample(
    generator: Generator,
    grammar: Grammar,
    n: int,
    rng: np.random.Generator,
    prior: LengthPrior,
    threads: int = 1,
    sharpness: NDArray[np.float32] | None = None,
    models: Models | None = None,
) -> Sample:
    """Draw n genes; what is drawn does not depend on the number of threads.

    Genes whose expression has ended are dropped from the batch, and it stops when all have.

    Args:
        generator, grammar, prior: what decides the chances.
        n: genes.
        rng: of all that is drawn.
        threads: to use.
        sharpness: float32 of shape (n,), of each gene the number that logits are multiplied with: 1 by
            default, less for genes that shall stray; log_p and entropy are those of the drawing.
        models: of n genes, what they are rewritten from; by default all are written freely. log_p and entropy
            are those of a gene written freely.
    """
    letters, cut = len(grammar.alphabet), grammar.alphabet.n_functions
    drawn = Sample(
        rng.integers(cut, letters, (n, grammar.length), np.int16),
        np.zeros(n, np.float32),
        np.zeros(n, np.float32),
        np.zeros(n, np.int32),
    )
    chance = rng.random((n, grammar.length), np.float32)
    sharp = np.ones(n, np.float32) if sharpness is None else sharpness
    models = Models.none(n, grammar.length) if models is None else models
    if isinstance(generator.body, GRU):
        with torch.no_grad(), one_torch_thread():
            weights = weights_of(tensors_of(generator))

        def write_some(first: int, last: int) -> None:
            part = slice(first, last)
            write(weights, grammar, prior, chance[part], sharp[part], models.cut(part), drawn.cut(part))

        share(write_some, n, threads, _GRAIN)
        return drawn
    with torch.no_grad():
        tables = generator.tables()

    def work(part: slice) -> None:
        with torch.inference_mode():
            _write(
                generator, tables, grammar, prior, chance[part], sharp[part], models.cut(part),
                drawn.cut(part),
            )  # fmt: skip

    in_pieces(work, n, _PIECE, threads)
    return drawn


def _write(
    generator: Generator,
    tables: tuple[torch.Tensor, torch.Tensor],
    grammar: Grammar,
    prior: LengthPrior,
    chance: NDArray[np.float32],
    sharp: NDArray[np.float32],
    models: Models,
    drawn: Sample,
) -> None:
    """Draw the genes of one piece."""
    letters, arity = len(grammar.alphabet), grammar.alphabet.arity
    places, rows = grammar.begin(len(chance)), np.arange(len(chance))
    state = generator.body.begin(len(rows))
    for i in range(grammar.length):
        before = drawn.symbols[rows, i - 1] if i else None
        looks = look_up(places.inputs(drawn.symbols, i, rows), before, letters)
        logits, state = generator.step(torch.from_numpy(looks), state, tables)
        legal = grammar.legal(places, drawn.symbols, i, rows)
        choose_all(
            i,
            rows,
            logits.numpy(),
            legal,
            chance,
            sharp,
            models,
            places.filled,
            arity,
            prior.mean,
            prior.weight,
            drawn,
        )
        places.put(drawn.symbols, i)
        going = places.filled[rows] > i + 1
        if not going.all():
            rows = rows[going]
            if not len(rows):
                break
            kept = torch.from_numpy(np.flatnonzero(going))
            state = [part.index_select(0, kept) for part in state]
    drawn.length[:] = places.filled


@compiled
def choose_all(i, rows, logits, legal, chance, sharp, models, nodes, arity, mean, weight, drawn):
    """Choose the letters of position i of the genes `rows`."""
    for r in range(rows.size):
        b = rows[r]
        wanted, move, left_over = plan(models, b, i, arity, chance[b, i])
        letter, likely, open_choice = choose(
            logits[r], legal[r], arity, i, nodes[b], mean, weight, sharp[b], left_over, wanted
        )
        hand_down(models, b, i, letter, move, nodes[b], arity, left_over)
        drawn.symbols[b, i] = letter
        drawn.log_p[b] += likely
        drawn.entropy[b] += open_choice
