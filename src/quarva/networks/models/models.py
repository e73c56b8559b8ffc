"""Small networks for windows, each of torch's own layers; every one declares the layout that it reads.

Whatever is a `torch.nn.Module` with an attribute `layout` can stand beside them. A network takes windows in
its layout and gives float32 [B, outputs].
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
    """Fully connected layers with ReLU between them."""

    layout: Layout = "features"

    def __init__(self, features: int, length: int, outputs: int = 1, width: int = 64, depth: int = 2) -> None:
        sizes = [features * length, *[width] * depth]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers, nn.Linear(sizes[-1], outputs))


class Convolution(nn.Module):
    """Two 1-D convolutions along the days, and fully connected layers behind them."""

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
        with torch.no_grad():  # what a dense layer finds behind convolutions is asked of them
            flat = self.body(torch.zeros(1, features, length)).shape[1]
        self.head = nn.Sequential(nn.Linear(flat, 3 * width), nn.ReLU(), nn.Linear(3 * width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class _CausalBlock(nn.Module):
    """A dilated convolution that sees no later day, added to what came in."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.pad = nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0)
        self.convolution = nn.Conv1d(width, width, kernel, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.convolution(self.pad(x)))


class Temporal(nn.Module):
    """A temporal convolutional network (Bai, Kolter and Koltun 2018): dilations double until S is covered."""

    layout: Layout = "channels"

    def __init__(
        self, features: int, length: int, outputs: int = 1, width: int = 32, kernel: int = 3
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        seen, dilation = 1, 1
        while seen < length or not blocks:
            blocks.append(_CausalBlock(width, kernel, dilation))
            seen, dilation = seen + (kernel - 1) * dilation, 2 * dilation
        self.enter = nn.Conv1d(features, width, 1)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.enter(x))[:, :, -1])


class Recurrent(nn.Module):
    """Gated recurrent units (Cho et al. 2014) or long short-term memory (Hochreiter and Schmidhuber 1997)."""

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
    """A transformer encoder (Vaswani et al. 2017) with a learned vector for each day, read at the last."""

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
"""By name: (features, days of a window, outputs) → a network with its first weights."""


def make_network(
    network: str | Callable[..., nn.Module],
    features: int,
    length: int,
    outputs: int,
    settings: Mapping[str, Any],
) -> tuple[str, nn.Module]:
    """The name of a network, and one of it with its first weights.

    Raises:
        RecipeError: an unknown name, a setting that it does not have or can not be, or what makes no module.
    """
    if isinstance(network, str) and network not in NETWORKS:
        raise RecipeError(f"there is no network '{network}'; {nearest(network, NETWORKS)}")
    make = NETWORKS[network] if isinstance(network, str) else network
    name = network if isinstance(network, str) else getattr(network, "__name__", type(network).__name__)
    for key, value in settings.items():
        if isinstance(value, int) and value < 1:
            raise RecipeError(f"{name}: {key} must be 1 or more, not {value}")
    try:
        made = make(features, length, outputs, **settings)
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        said = ", ".join(f"{key}={value}" for key, value in settings.items()) or "no settings"
        raise RecipeError(
            f"{name} can not be made for {features} features, {length} days and {outputs} outputs with "
            f"{said}: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(made, nn.Module):
        raise RecipeError(f"{name} makes a {type(made).__name__}, not a torch.nn.Module")
    return name, made
