"""The generator: an autoregressive network over the positions of a gene, with a GRU or a transformer.

Shapes: n genes, L positions, V symbols, width E, and K embedding rows per position.
"""

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quarva.karva.alphabet import Alphabet
from quarva.searchers.policy.embedding_rows import CONTEXT_ROWS

__all__ = ["BODIES", "Body", "Generator", "State"]

Body = Literal["gru", "transformer"]
BODIES: tuple[Body, ...] = ("gru", "transformer")
State = list[Tensor]
"""The tensors that a body passes from one position to the next; the first axis of each is that of genes."""


class GRU(nn.Module):
    """Gated recurrent units (Cho et al. 2014)."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, width, layers, batch_first=True)

    def begin(self, n: int) -> State:
        return [torch.zeros(n, self.gru.hidden_size) for _ in range(self.gru.num_layers)]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after = []
        for hidden, weights in zip(state, self.gru.all_weights, strict=True):
            x = torch.gru_cell(x, hidden, *weights)
            after.append(x)
        return x, after

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0]


class Block(nn.Module):
    """A pre-norm transformer block: causal attention and a feed-forward layer (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.split, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.alone = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, cache: State | None = None) -> tuple[Tensor, State]:
        """Return the output for x [n, l, E], and the keys and values of all positions so far.

        `cache` holds the keys and values of the positions before x.
        """
        n, length, width = x.shape
        query, key, value = (
            part.view(n, length, self.heads, -1).transpose(1, 2)
            for part in self.split(self.before(x)).chunk(3, dim=-1)
        )
        if cache is not None:
            key, value = torch.cat([cache[0], key], dim=2), torch.cat([cache[1], value], dim=2)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=cache is None)
        x = x + self.join(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.alone(self.between(x)), [key, value]


class Transformer(nn.Module):
    """A decoder-only transformer."""

    def __init__(self, width: int, layers: int, heads: int = 2) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.heads, self.each = heads, width // heads

    def begin(self, n: int) -> State:
        return [torch.zeros(n, self.heads, 0, self.each) for _ in range(2 * len(self.blocks))]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        x, after = x[:, None], []
        for number, block in enumerate(self.blocks):
            x, cache = block(x, state[2 * number : 2 * number + 2])
            after += cache
        return self.norm(x[:, 0]), after

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)[0]
        return self.norm(x)


class Generator(nn.Module):
    """Computes the logits of the symbols at a position from its tree context.

    The embedding of a symbol is the sum of an operator vector and a parameter vector, so what is learned
    about `mean_20` carries over to `mean_5`. The output layer uses the same vectors (Press and Wolf 2017). A
    separate linear map is applied to the embeddings of the parent, the left sibling and the previous symbol.

    Parameters
    ----------
    alphabet : Alphabet
        The alphabet.
    body : {"gru", "transformer"}
        Kind of the body.
    width : int
        Width of all vectors, even.
    layers : int
        Layers of the body.
    function_share : float
        Initial probability of a function. Operators have equal probability for any number of windows.
    """

    operator_of: Tensor
    parameter_of: Tensor

    def __init__(
        self, alphabet: Alphabet, body: Body, width: int, layers: int, function_share: float
    ) -> None:
        super().__init__()
        operator_of, parameter_of = _operators_and_parameters(alphabet)
        self.register_buffer("operator_of", torch.from_numpy(operator_of), persistent=False)
        self.register_buffer("parameter_of", torch.from_numpy(parameter_of), persistent=False)
        self.operator = nn.Parameter(torch.randn(int(operator_of.max()) + 1, width))
        self.parameter = nn.Parameter(0.3 * torch.randn(int(parameter_of.max()) + 1, width))
        self.none = nn.Parameter(torch.randn(1, width))
        self.views = nn.Linear(width, 3 * width, bias=False)
        self.context = nn.Parameter(0.3 * torch.randn(CONTEXT_ROWS, width))
        self.body = GRU(width, layers) if body == "gru" else Transformer(width, layers)
        self.bias = nn.Parameter(_log_probabilities(alphabet, function_share))
        self.scale = 1 / math.sqrt(width)

    def tables(self) -> tuple[Tensor, Tensor]:
        """Return the embedding table [rows, E] and the output weights [E, V]."""
        symbols = self.operator[self.operator_of] + self.parameter[self.parameter_of]
        views = self.views(torch.cat([symbols, self.none])).chunk(3, dim=1)
        return torch.cat([*views, self.context]), symbols.T.contiguous() * self.scale

    def step(self, rows: Tensor, state: State, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, State]:
        """Return the logits [n, V] of one position with embedding rows [n, K], and the state after it."""
        hidden, state = self.body.step(F.embedding_bag(rows, tables[0], mode="sum"), state)
        return torch.addmm(self.bias, hidden, tables[1]), state

    def forward(self, rows: Tensor) -> Tensor:
        """Return the logits [n, L, V] of all positions of genes with embedding rows [n, L, K]."""
        tables = self.tables()
        embedded = F.embedding_bag(rows.flatten(0, 1), tables[0], mode="sum")
        return self.body(embedded.unflatten(0, rows.shape[:2])) @ tables[1] + self.bias


def _operators_and_parameters(alphabet: Alphabet) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of each symbol's operator and parameter, int64 of shape (V,).

    Each terminal counts as an operator of its own.
    """
    cut = alphabet.n_functions
    operators = np.concatenate([alphabet.code[:cut], -1 - np.arange(len(alphabet) - cut)])
    parameters = np.stack([alphabet.param, alphabet.number.view(np.int32)], axis=1)
    parameters[cut:] = 0
    return (
        np.unique(operators, return_inverse=True)[1].reshape(-1),
        np.unique(parameters, axis=0, return_inverse=True)[1].reshape(-1),
    )


def _log_probabilities(alphabet: Alphabet, function_share: float) -> Tensor:
    """Return the log-probabilities of the symbols by the alphabet's weights, float32 of shape (V,)."""
    cut, probabilities = alphabet.n_functions, alphabet.weight.copy()
    if cut:
        probabilities[:cut] *= function_share / probabilities[:cut].sum()
    probabilities[cut:] *= (1 - function_share if cut else 1.0) / probabilities[cut:].sum()
    return torch.from_numpy(np.log(probabilities)).float()
