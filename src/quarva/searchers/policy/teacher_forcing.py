"""Likelihood and entropy of genes that are there already, with gradients: teacher forcing."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quarva.karva.decode import orf_lengths
from quarva.karva.grammar.grammar import Grammar
from quarva.karva.grammar.tree_context import TreeContext
from quarva.searchers.policy.backward import BackwardInputs
from quarva.searchers.policy.embedding_rows import look_up_all
from quarva.searchers.policy.length import LengthPrior
from quarva.searchers.policy.model import Generator

__all__ = ["TeacherForcing", "is_legal"]


@dataclass(frozen=True)
class TeacherForcing:
    """n chromosomes of G genes, as the network reads them, cut behind the longest expression, m positions.

    Attributes:
        looks: int64 [n, G, m, K], what each position looks up.
        added: float32 [n, G, m, V], to the logits: the prior, −inf where a letter is not legal.
        letters: int64 [n, G, m].
        inside: bool [n, G, m], whether a position is part of its expression; the others take part in nothing.
    """

    looks: Tensor
    added: Tensor
    letters: Tensor
    inside: Tensor

    @classmethod
    def of(cls, symbols: NDArray[np.int16], grammar: Grammar, prior: LengthPrior) -> "TeacherForcing":
        """Of chromosomes int16 [n, G, L] that are legal (`is_legal`)."""
        n, genes, length = symbols.shape
        a, flat = grammar.alphabet, symbols.reshape(n * genes, length)
        lengths = orf_lengths(flat, a.arity)
        flat = np.where(
            np.arange(length) < lengths[:, None], flat, np.int16(a.n_functions)
        )  # to the last bit
        m = min(int(lengths.max(initial=1)), length)
        places = TreeContext.of(flat, a)
        looks = look_up_all(places.inputs_all(flat), flat, len(a))[:, :m]
        inside = np.arange(m) < lengths[:, None]
        legal = grammar.legal_all(flat, places)[:, :m]
        added = np.where(legal | ~inside[:, :, None], prior.of(flat, a.arity)[:, :m], np.float32(-np.inf))
        parts = looks, added, flat[:, :m].astype(np.int64), inside
        return cls(*(torch.from_numpy(np.ascontiguousarray(x)).unflatten(0, (n, genes)) for x in parts))

    def __getitem__(self, places: NDArray[np.intp]) -> "TeacherForcing":
        """The chosen chromosomes, cut behind the longest of their expressions."""
        index = torch.from_numpy(places)
        inside = self.inside[index]
        m = int(inside.sum(2).max())
        looks, added, letters = (part[index, :, :m] for part in (self.looks, self.added, self.letters))
        return TeacherForcing(looks, added, letters, inside[:, :, :m])

    def by_length(self) -> NDArray[np.intp]:
        """Places of the chromosomes, those with short genes first."""
        return np.argsort(self.inside.sum(2).amax(1).numpy(), kind="stable")

    def __len__(self) -> int:
        return len(self.letters)

    def material(self, *wanted: NDArray[np.float64]) -> BackwardInputs:
        """The same as arrays, with what is wanted of each chromosome, float64 of shape (n,) each."""
        read = self.looks, self.added, self.letters, self.inside.sum(2)
        return BackwardInputs(
            *(each.numpy() for each in read), *(np.ascontiguousarray(each, np.float32) for each in wanted)
        )

    def judge(self, generator: Generator, decay: float) -> tuple[Tensor, Tensor]:
        """Log-likelihood and entropy of each chromosome, both [n], with gradients.

        The entropy of position i counts decay^i (hierarchical entropy, Landajuela et al. 2021): early choices
        decide most, and are the first to stiffen.
        """
        logits = generator(self.looks.flatten(0, 1)) + self.added.flatten(0, 1)
        logs = torch.log_softmax(logits, dim=-1)
        inside = self.inside.flatten(0, 1)
        chosen = logs.gather(2, self.letters.flatten(0, 1)[:, :, None])[:, :, 0].masked_fill(~inside, 0.0)
        logs = logs.clamp_min(-1e4)  # 0 · −inf is not a number
        entropy = -(logs.exp() * logs).sum(dim=2).masked_fill(~inside, 0.0)
        entropy = entropy * decay ** torch.arange(entropy.shape[1])
        each = self.inside.shape[:2]
        return chosen.sum(1).view(each).sum(1), entropy.sum(1).view(each).sum(1)


def is_legal(symbols: NDArray[np.int16], grammar: Grammar) -> NDArray[np.bool_]:
    """Which chromosomes, int16 [n, G, L], the generator can write under this grammar; bool [n]."""
    n, genes, length = symbols.shape
    flat = np.ascontiguousarray(symbols.reshape(n * genes, length))
    inside = np.arange(length) < orf_lengths(flat, grammar.alphabet.arity)[:, None]
    legal = np.take_along_axis(grammar.legal_all(flat), flat[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    return np.asarray((legal | ~inside).reshape(n, genes * length).all(axis=1))
