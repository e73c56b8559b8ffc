"""The generator: an autoregressive network over the positions of a gene, with a GRU or a transformer inside.

Sizes: n genes, L positions, V letters, E the width; K rows that a position looks up (`looks`).
"""

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quarva.karva.alphabet import Alphabet
from quarva.searchers.policy.embedding_rows import PLACE_ROWS

__all__ = ["BODIES", "Body", "Generator", "State"]

Body = Literal["gru", "transformer"]
BODIES: tuple[Body, ...] = ("gru", "transformer")
State = list[Tensor]
"""What a body carries from position to position; the first axis of each tensor is that of genes."""


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
    """Attention to the positions so far, then a layer for each alone (Vaswani et al. 2017; norms first)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.split, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.alone = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, seen: State | None = None) -> tuple[Tensor, State]:
        """Of x [n, l, E], which comes after positions whose keys and values are `seen`; and all of those."""
        n, length, width = x.shape
        query, key, value = (
            part.view(n, length, self.heads, -1).transpose(1, 2)
            for part in self.split(self.before(x)).chunk(3, dim=-1)
        )
        if seen is not None:
            key, value = torch.cat([seen[0], key], dim=2), torch.cat([seen[1], value], dim=2)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=seen is None)
        x = x + self.join(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.alone(self.between(x)), [key, value]


class Transformer(nn.Module):
    """A decoder alone: blocks that attend to what came before."""

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
            x, seen = block(x, state[2 * number : 2 * number + 2])
            after += seen
        return self.norm(x[:, 0]), after

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)[0]
        return self.norm(x)


class Generator(nn.Module):
    """Logits of the letters at a place, from what is known of it before its letter is chosen.

    Operator and window (or other parameter) of a letter are embedded separately and summed: what is learned
    of `mean_20` serves `mean_5` too. The same vectors read the letters out (Press and Wolf 2017). Letters
    looked up as parent, left sibling and letter before pass a matrix for each of the three.

    Args:
        alphabet: the letters.
        body: "gru" or "transformer".
        width: of all vectors, even.
        layers: of the body.
        function_share: chance of a function before anything is learned; by the weights of the alphabet each
            operator is alike, however many windows it comes with.
    """

    operator_of: Tensor
    parameter_of: Tensor

    def __init__(
        self, alphabet: Alphabet, body: Body, width: int, layers: int, function_share: float
    ) -> None:
        super().__init__()
        operator_of, parameter_of = _parts(alphabet)
        self.register_buffer("operator_of", torch.from_numpy(operator_of), persistent=False)
        self.register_buffer("parameter_of", torch.from_numpy(parameter_of), persistent=False)
        self.operator = nn.Parameter(torch.randn(int(operator_of.max()) + 1, width))
        self.parameter = nn.Parameter(0.3 * torch.randn(int(parameter_of.max()) + 1, width))
        self.none = nn.Parameter(torch.randn(1, width))
        self.views = nn.Linear(width, 3 * width, bias=False)
        self.place = nn.Parameter(0.3 * torch.randn(PLACE_ROWS, width))
        self.body = GRU(width, layers) if body == "gru" else Transformer(width, layers)
        self.bias = nn.Parameter(_log_chances(alphabet, function_share))
        self.scale = 1 / math.sqrt(width)

    def tables(self) -> tuple[Tensor, Tensor]:
        """All that a step looks up: vectors [rows, E] of what goes in, and [E, V] of the letters."""
        letters = self.operator[self.operator_of] + self.parameter[self.parameter_of]
        views = self.views(torch.cat([letters, self.none])).chunk(3, dim=1)
        return torch.cat([*views, self.place]), letters.T.contiguous() * self.scale

    def step(self, looks: Tensor, state: State, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, State]:
        """Logits [n, V] of one position whose rows are `looks` [n, K], and the state after it."""
        hidden, state = self.body.step(F.embedding_bag(looks, tables[0], mode="sum"), state)
        return torch.addmm(self.bias, hidden, tables[1]), state

    def forward(self, looks: Tensor) -> Tensor:
        """Logits [n, L, V] of all positions of genes whose rows are `looks` [n, L, K]."""
        tables = self.tables()
        read = F.embedding_bag(looks.flatten(0, 1), tables[0], mode="sum")
        return self.body(read.unflatten(0, looks.shape[:2])) @ tables[1] + self.bias


def _parts(alphabet: Alphabet) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of each letter's operator (a terminal is its own) and of its parameter, int64 of shape (V,)."""
    cut = alphabet.n_functions
    operators = np.concatenate([alphabet.code[:cut], -1 - np.arange(len(alphabet) - cut)])
    parameters = np.stack([alphabet.param, alphabet.number.view(np.int32)], axis=1)
    parameters[cut:] = 0
    return (
        np.unique(operators, return_inverse=True)[1].reshape(-1),
        np.unique(parameters, axis=0, return_inverse=True)[1].reshape(-1),
    )


def _log_chances(alphabet: Alphabet, function_share: float) -> Tensor:
    """Logarithms of the letters' chances by the alphabet's weights, float32 of shape (V,)."""
    cut, chances = alphabet.n_functions, alphabet.weight.copy()
    if cut:
        chances[:cut] *= function_share / chances[:cut].sum()
    chances[cut:] *= (1 - function_share if cut else 1.0) / chances[cut:].sum()
    return torch.from_numpy(np.log(chances)).float()
