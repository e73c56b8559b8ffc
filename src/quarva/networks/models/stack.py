"""Networks of one architecture, evaluated together.

The weights of M networks are stacked along a first axis of size M, and `torch.func.vmap` turns the products
of the layers into batched ones. The cost of one small network is mostly call overhead, which the networks of
a stack share.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from quarva.errors import RunError
from quarva.networks.data.layout import Layout, arrange
from quarva.networks.data.windows import INFERENCE_BATCH, Windows
from quarva.networks.models.checking import layout_of
from quarva.networks.training.devices import fork_rng

__all__ = ["ACTIVATION_BUDGET", "Stack"]

ACTIVATION_BUDGET = 2**26
"""Maximum number of activations held at a time, a quarter of a GiB in float32."""


class Stack:
    """M networks that differ only in their weights.

    Parameters
    ----------
    networks : sequence of torch.nn.Module, length M
        Networks of the same architecture.

    Attributes
    ----------
    weights : dict of str to Tensor of float32, shape (M, …)
        Weights by name, with gradients.
    layout : Layout
        Layout of the windows that the networks read.
    vectorised : bool
        True if the networks are evaluated by `torch.func.vmap`, and false if one after the other.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._base = networks[0]
        self.layout: Layout = layout_of(self._base)
        weights, buffers = stack_module_state(list(networks))
        self.weights = {name: each.detach().clone().requires_grad_() for name, each in weights.items()}
        self._buffers = buffers
        self.vectorised = len(networks) > 1 and self._is_vectorisable()

    @classmethod
    def from_seeds(cls, make: Callable[[], nn.Module], seeds: Sequence[int]) -> "Stack":
        """Create one network per seed.

        The global random state of torch is left unchanged.

        Parameters
        ----------
        make : callable
            Creates a network with random initial weights.
        seeds : sequence of int, length M
            Seeds of torch's random numbers.

        Returns
        -------
        Stack
        """
        made = []
        with fork_rng(torch.device("cpu")):
            for seed in seeds:
                torch.manual_seed(seed)
                made.append(make())
        return cls(made)

    @property
    def recurrent(self) -> bool:
        """True if the networks contain recurrent layers of torch."""
        return any(isinstance(part, nn.RNNBase) for part in self._base.modules())

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(iter(self.weights.values())).device

    def __len__(self) -> int:
        return len(next(iter(self.weights.values())))

    def to(self, device: torch.device) -> "Stack":
        """Move the weights to a device, in place."""
        self.weights = {
            name: each.detach().to(device).requires_grad_() for name, each in self.weights.items()
        }
        self._buffers = {name: each.to(device) for name, each in self._buffers.items()}
        return self

    def __call__(self, windows: Tensor, training: bool = False) -> Tensor:
        """Evaluate all networks on the same windows.

        Parameters
        ----------
        windows : Tensor of float32
            A batch of B windows in the stack's layout.
        training : bool, default False
            Whether the layers are in training mode.

        Returns
        -------
        Tensor of float, shape (M, B, K)

        Notes
        -----
        Layers with random numbers, such as dropout, draw the same numbers for each network. A network is
        therefore trained as it would be alone.
        """
        self._base.train(training)

        def evaluate(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
            return functional_call(self._base, (weights, buffers), (windows,))

        if self.vectorised:
            with _unfused_attention():
                return vmap(evaluate, randomness="same")(self.weights, self._buffers)
        outputs = []
        for m in range(len(self)):
            with fork_rng(windows.device) if m < len(self) - 1 else nullcontext():
                outputs.append(evaluate(_member(self.weights, m), _member(self._buffers, m)))
        return torch.stack(outputs)

    @torch.no_grad()
    def predict(self, windows: Windows, indices: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Evaluate the networks on windows, batch by batch.

        Parameters
        ----------
        windows : Windows
            All windows of a panel.
        indices : Tensor of int64, shape (B,)
            Flat indices t · N + n of the windows to evaluate.

        Yields
        ------
        indices : Tensor of int64, shape (b,)
            Flat indices of a batch.
        outputs : Tensor of float32, shape (M, b, K)
            Outputs of the networks.
        """
        size = self.batch_size(windows.length, windows.values.shape[0], INFERENCE_BATCH)
        for batch in indices.split(size):
            yield batch, self(windows.batch(batch, self.layout).to(self.device)).float()

    def batch_size(self, length: int, features: int, most: int) -> int:
        """Number of windows whose activations fit into `ACTIVATION_BUDGET`.

        Parameters
        ----------
        length, features : int
            Numbers of days and features of a window.
        most : int
            Upper bound of the result.

        Returns
        -------
        int
            At least 1.
        """
        return max(1, min(most, ACTIVATION_BUDGET // (len(self) * self.activations(length, features))))

    def activations(self, length: int, features: int) -> int:
        """Number of activations of one network for a window of `length` days and `features` features."""
        window = arrange(torch.zeros(1, length, features, device=self.device), self.layout)
        counted: list[int] = []

        def count(_: nn.Module, __: object, output: object) -> None:
            outputs = output if isinstance(output, tuple) else (output,)
            counted.append(sum(each.numel() for each in outputs if isinstance(each, Tensor)))

        leaves = [part for part in self._base.modules() if not list(part.children())]
        hooks = [part.register_forward_hook(count) for part in leaves]
        self._base.eval()
        try:
            with torch.no_grad():
                functional_call(self._base, (_member(self.weights, 0), _member(self._buffers, 0)), (window,))
        finally:
            for hook in hooks:
                hook.remove()
        return max(1, sum(counted))

    def subset(self, members: range) -> "Stack":
        """Copy some members to a new stack."""
        return self._with(
            {name: each[members.start : members.stop] for name, each in self.weights.items()},
            {name: each[members.start : members.stop] for name, each in self._buffers.items()},
        )

    def repeat(self, times: int) -> "Stack":
        """Copy the stack `times` times in sequence to a new stack."""
        out = self._with(
            {name: torch.cat([each] * times) for name, each in self.weights.items()},
            {name: torch.cat([each] * times) for name, each in self._buffers.items()},
        )
        out.vectorised = len(out) > 1 and self._is_vectorisable()
        return out

    def assign(self, members: range, part: "Stack") -> None:
        """Copy the weights of another stack to some members.

        Parameters
        ----------
        members : range
            The members that are overwritten.
        part : Stack
            The source, with as many networks of the same architecture.
        """
        with torch.no_grad():
            for target, source in ((self.weights, part.weights), (self._buffers, part._buffers)):
                for name, each in target.items():
                    each[members.start : members.stop] = source[name].to(each.device)

    def all_weights(self) -> dict[str, Tensor]:
        """Weights and buffers by name, each of shape (M, …)."""
        return {**self.weights, **self._buffers}

    def load_weights(self, tensors: dict[str, Tensor], origin: str) -> None:
        """Load the `all_weights` of a stack of the same architecture.

        Parameters
        ----------
        tensors : dict of str to Tensor, shape (M, …)
            Weights and buffers by name.
        origin : str
            Where they are from, for the error message.

        Raises
        ------
        RunError
            Names or shapes differ.
        """
        own = self.all_weights()
        for name in sorted(own.keys() | tensors.keys()):
            have = list(tensors[name].shape) if name in tensors else "missing"
            want = list(own[name].shape) if name in own else "unknown"
            if have != want:
                raise RunError(
                    f"{origin}: weights of another architecture: {name} is {have} there and {want} in "
                    f"{type(self._base).__name__}; load them with the network that they were saved from"
                )
        with torch.no_grad():
            for name, each in own.items():
                each.copy_(tensors[name])

    def _with(self, weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> "Stack":
        out = copy(self)
        out.weights = {name: each.detach().clone().requires_grad_() for name, each in weights.items()}
        out._buffers = {name: each.clone() for name, each in buffers.items()}
        return out

    def _is_vectorisable(self) -> bool:
        """True if vmap can batch the layers, which excludes recurrent layers and buffers."""
        return not self.recurrent and not self._buffers


@contextmanager
def _unfused_attention() -> Iterator[None]:
    """Context in which attention is computed by matrix products: vmap cannot batch fused kernels."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _member(stacked: dict[str, Tensor], m: int) -> dict[str, Tensor]:
    return {name: each[m] for name, each in stacked.items()}
