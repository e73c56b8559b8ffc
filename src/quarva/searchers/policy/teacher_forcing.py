"""Teacher forcing: log-likelihood and entropy of given genes, with gradients."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.karva.decode import orf_lengths
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.tree_context import TreeContext
from quarva.searchers.policy.backward import BackwardInputs
from quarva.searchers.policy.embedding_rows import embedding_rows_all
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import Generator

__all__ = ["TeacherForcing", "is_legal"]


@dataclass(frozen=True)
class TeacherForcing:
    """A batch of n chromosomes of G genes, truncated to the length m of the longest expression.

    Attributes
    ----------
    rows : int64 tensor, shape (n, G, m, K)
        Embedding rows of each position.
    logit_bias : float32 tensor, shape (n, G, m, V)
        Added to the logits: the prior, and −inf for symbols that are not legal.
    symbols : int64 tensor, shape (n, G, m)
        Symbols of the genes.
    inside : bool tensor, shape (n, G, m)
        Whether a position belongs to its expression; the others are ignored.
    """

    rows: Tensor
    logit_bias: Tensor
    symbols: Tensor
    inside: Tensor

    @classmethod
    def of(cls, symbols: NDArray[np.int16], grammar: Grammar, prior: LengthPrior) -> "TeacherForcing":
        """Return the batch of legal chromosomes, int16 of shape (n, G, L); see `is_legal`."""
        n, genes, length = symbols.shape
        a, flat = grammar.alphabet, symbols.reshape(n * genes, length)
        lengths = orf_lengths(flat, a.arity)
        # Results must not depend, to the last bit, on symbols after the end of an expression.
        flat = np.where(np.arange(length) < lengths[:, None], flat, np.int16(a.n_functions))
        m = min(int(lengths.max(initial=1)), length)
        context = TreeContext.of(flat, a)
        rows = embedding_rows_all(context.nodes_all(flat), flat, len(a))[:, :m]
        inside = np.arange(m) < lengths[:, None]
        legal = grammar.legal_all(flat, context)[:, :m]
        logit_bias = np.where(
            legal | ~inside[:, :, None], prior.of(flat, a.arity)[:, :m], np.float32(-np.inf)
        )
        parts = rows, logit_bias, flat[:, :m].astype(np.int64), inside
        return cls(*(torch.from_numpy(np.ascontiguousarray(x)).unflatten(0, (n, genes)) for x in parts))

    def __getitem__(self, indices: NDArray[np.intp]) -> "TeacherForcing":
        """Return the chosen chromosomes, truncated to their longest expression."""
        index = torch.from_numpy(indices)
        inside = self.inside[index]
        m = int(inside.sum(2).max())
        rows, bias, symbols = (part[index, :, :m] for part in (self.rows, self.logit_bias, self.symbols))
        return TeacherForcing(rows, bias, symbols, inside[:, :, :m])

    def by_length(self) -> NDArray[np.intp]:
        """Return the indices of the chromosomes, sorted by their longest gene, shortest first."""
        return np.argsort(self.inside.sum(2).amax(1).numpy(), kind="stable")

    def __len__(self) -> int:
        return len(self.symbols)

    def backward_inputs(self, *loss_weights: NDArray[np.float64]) -> BackwardInputs:
        """Return the batch and its loss weights, float64 of shape (n,) each, as arrays."""
        batch = self.rows, self.logit_bias, self.symbols, self.inside.sum(2)
        return BackwardInputs(
            *(each.numpy() for each in batch),
            *(np.ascontiguousarray(each, np.float32) for each in loss_weights),
        )

    def evaluate(self, generator: Generator, decay: float) -> tuple[Tensor, Tensor]:
        """Compute the log-likelihood and the entropy of each chromosome, with gradients.

        Parameters
        ----------
        generator : Generator
            The generator.
        decay : float
            The entropy of position i has weight decay^i (hierarchical entropy, Landajuela et al. 2021),
            because early choices matter most and lose their entropy first.

        Returns
        -------
        log_p, entropy : tensor, shape (n,)
        """
        logits = generator(self.rows.flatten(0, 1)) + self.logit_bias.flatten(0, 1)
        logs = torch.log_softmax(logits, dim=-1)
        inside = self.inside.flatten(0, 1)
        chosen = logs.gather(2, self.symbols.flatten(0, 1)[:, :, None])[:, :, 0].masked_fill(~inside, 0.0)
        logs = logs.clamp_min(-1e4)  # avoids 0 · −inf, which is NaN
        entropy = -(logs.exp() * logs).sum(dim=2).masked_fill(~inside, 0.0)
        entropy = entropy * decay ** torch.arange(entropy.shape[1])
        each = self.inside.shape[:2]
        return chosen.sum(1).view(each).sum(1), entropy.sum(1).view(each).sum(1)


def is_legal(symbols: NDArray[np.int16], grammar: Grammar) -> NDArray[np.bool_]:
    """Return which chromosomes, int16 of shape (n, G, L), are legal under a grammar, bool of shape (n,)."""
    n, genes, length = symbols.shape
    flat = np.ascontiguousarray(symbols.reshape(n * genes, length))
    inside = np.arange(length) < orf_lengths(flat, grammar.alphabet.arity)[:, None]
    legal = np.take_along_axis(grammar.legal_all(flat), flat[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    return np.asarray((legal | ~inside).reshape(n, genes * length).all(axis=1))
