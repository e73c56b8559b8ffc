"""Small networks for windows, built from torch layers. Each declares the layout that it reads.

Any `torch.nn.Module` with an attribute `layout` can be used in the same way. A network maps a batch of
windows in its layout to float32 of shape (B, outputs).
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from quarva.errors import RecipeError
from quarva.networks.data.layout import Layout
from quarva.panel.names import nearest

__all__ = ["NETWORKS", "Attention", "Convolution", "Dense", "Recurrent", "Temporal", "make_network"]


class Dense(nn.Sequential):
    """Fully connected layers with ReLU activations.

    Parameters
    ----------
    features, length : int
        Number F of features and number S of days of a window.
    outputs : int, default 1
        Number of outputs.
    width : int, default 64
        Width of the hidden layers.
    depth : int, default 2
        Number of hidden layers.
    """

    layout: Layout = "features"

    def __init__(self, features: int, length: int, outputs: int = 1, width: int = 64, depth: int = 2) -> None:
        sizes = [features * length, *[width] * depth]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers, nn.Linear(sizes[-1], outputs))


class Convolution(nn.Module):
    """Two 1-D convolutions along the days, followed by two fully connected layers.

    Parameters
    ----------
    features, length : int
        Number F of features and number S of days of a window.
    outputs : int, default 1
        Number of outputs.
    width : int, default 16
        Channels of the first convolution; the second has twice as many.
    kernel : int, default 2
        Kernel size in days, reduced for short windows.
    """

    layout: Layout = "channels"

    def __init__(
        self, features: int, length: int, outputs: int = 1, width: int = 16, kernel: int = 2
    ) -> None:
        super().__init__()
        first, second = min(kernel, length), min(kernel, max(length - kernel + 1, 1))
        self.body = nn.Sequential(
            nn.Conv1d(features, width, first), nn.ReLU(),
            nn.Conv1d(width, 2 * width, second), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        with torch.no_grad():  # the size of the flattened output follows from the convolutions
            flat = self.body(torch.zeros(1, features, length)).shape[1]
        self.head = nn.Sequential(nn.Linear(flat, 3 * width), nn.ReLU(), nn.Linear(3 * width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class _CausalBlock(nn.Module):
    """A dilated causal convolution with a residual connection."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.pad = nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0)
        self.convolution = nn.Conv1d(width, width, kernel, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.convolution(self.pad(x)))


class Temporal(nn.Module):
    """A temporal convolutional network, with dilations that double until the window is covered.

    Parameters
    ----------
    features, length : int
        Number F of features and number S of days of a window.
    outputs : int, default 1
        Number of outputs.
    width : int, default 32
        Number of channels.
    kernel : int, default 3
        Kernel size in days.

    References
    ----------
    Bai, S., Kolter, J. Z. and Koltun, V. (2018). An empirical evaluation of generic convolutional and
    recurrent networks for sequence modeling. arXiv:1803.01271.
    """

    layout: Layout = "channels"

    def __init__(
        self, features: int, length: int, outputs: int = 1, width: int = 32, kernel: int = 3
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        covered, dilation = 1, 1
        while covered < length or not blocks:
            blocks.append(_CausalBlock(width, kernel, dilation))
            covered, dilation = covered + (kernel - 1) * dilation, 2 * dilation
        self.enter = nn.Conv1d(features, width, 1)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.enter(x))[:, :, -1])


class Recurrent(nn.Module):
    """A recurrent network, GRU or LSTM, with a linear layer on its last state.

    Parameters
    ----------
    features, length : int
        Number F of features and number S of days of a window.
    outputs : int, default 1
        Number of outputs.
    width : int, default 32
        Size of the hidden state.
    layers : int, default 1
        Number of recurrent layers.
    cell : type, default torch.nn.GRU
        `torch.nn.GRU` or `torch.nn.LSTM`.

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder. EMNLP.
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9.
    """

    layout: Layout = "sequence_first"

    def __init__(
        self, features: int, length: int, outputs: int = 1, width: int = 32, layers: int = 1,
        cell: type[nn.GRU] | type[nn.LSTM] = nn.GRU,
    ) -> None:  # fmt: skip
        super().__init__()
        self.body = cell(features, width, layers)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)[0][-1])


class Attention(nn.Module):
    """A transformer encoder with learned positional embeddings and a linear layer on the last day.

    Parameters
    ----------
    features, length : int
        Number F of features and number S of days of a window.
    outputs : int, default 1
        Number of outputs.
    width : int, default 32
        Size of the embeddings, divisible by `heads`.
    heads : int, default 4
        Number of attention heads.
    layers : int, default 1
        Number of encoder layers.

    References
    ----------
    Vaswani, A. et al. (2017). Attention is all you need. NeurIPS.
    """

    layout: Layout = "batch_first"

    def __init__(
        self, features: int, length: int, outputs: int = 1, width: int = 32, heads: int = 4, layers: int = 1
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.day = nn.Parameter(torch.randn(length, width) / width**0.5)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.enter(x) + self.day)[:, -1])


def _lstm(features: int, length: int, outputs: int = 1, **settings: Any) -> Recurrent:
    return Recurrent(features, length, outputs, **settings, cell=nn.LSTM)


NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "dense": Dense,
    "conv1d": Convolution,
    "tcn": Temporal,
    "gru": Recurrent,
    "lstm": _lstm,
    "transformer": Attention,
}
"""Constructors by name: (features, length, outputs, **settings) → module."""


def make_network(
    network: str | Callable[..., nn.Module],
    features: int,
    length: int,
    outputs: int,
    settings: Mapping[str, Any],
) -> tuple[str, nn.Module]:
    """Create a network with initial weights.

    Parameters
    ----------
    network : str or callable
        A name in `NETWORKS`, or a callable with the same parameters that returns a module.
    features, length, outputs : int
        Number of features, of days of a window, and of outputs.
    settings : mapping of str to Any
        Further arguments, such as `width`.

    Returns
    -------
    name : str
        Name of the network.
    module : torch.nn.Module
        The network.

    Raises
    ------
    RecipeError
        The name is unknown, a setting is unknown or invalid, or the callable does not return a module.
    """
    if isinstance(network, str) and network not in NETWORKS:
        raise RecipeError(f"unknown network '{network}'; {nearest(network, NETWORKS)}")
    make = NETWORKS[network] if isinstance(network, str) else network
    name = network if isinstance(network, str) else getattr(network, "__name__", type(network).__name__)
    for key, value in settings.items():
        if isinstance(value, int) and value < 1:
            raise RecipeError(f"{name}: {key} must be 1 or more, not {value}")
    try:
        made = make(features, length, outputs, **settings)
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        given = ", ".join(f"{key}={value}" for key, value in settings.items()) or "no settings"
        raise RecipeError(
            f"{name} cannot be created for {features} features, {length} days and {outputs} outputs with "
            f"{given}: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(made, nn.Module):
        raise RecipeError(f"{name} must return a torch.nn.Module, not a {type(made).__name__}")
    return name, made
