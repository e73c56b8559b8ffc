"""Many networks of one kind as one program: their weights are stacked, and one pass answers for all.

Weights of M networks stand in tensors with a first axis of M, and `torch.func.vmap` turns the layers'
products into batched ones. A single small network costs mostly the overhead of its calls, which a
thousand of them then share.
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
from quarva.networks.data.windows import LOOKED_AT, Windows
from quarva.networks.models.checking import layout_of
from quarva.networks.training.devices import forked

__all__ = ["ROOM", "Stack"]

ROOM = 2**26
"""Numbers, a quarter of a GiB, that the layers' answers may take at a time."""


class Stack:
    """M networks that differ in their weights alone.

    Attributes:
        weights: by name, float32 [M, …], with gradients. layout: in which the networks read windows.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._base = networks[0]
        self.layout: Layout = layout_of(self._base)
        weights, others = stack_module_state(list(networks))
        self.weights = {name: each.detach().clone().requires_grad_() for name, each in weights.items()}
        self._others = others
        self.together = len(networks) > 1 and self._can_be_mapped()

    @classmethod
    def of(cls, make: Callable[[], nn.Module], seeds: Sequence[int]) -> "Stack":
        """Networks made one by one, each after torch was given its seed; torch's own state stays as it is."""
        made = []
        with forked(torch.device("cpu")):
            for seed in seeds:
                torch.manual_seed(seed)
                made.append(make())
        return cls(made)

    @property
    def recurrent(self) -> bool:
        """Whether there are recurrent layers of torch's among theirs."""
        return any(isinstance(part, nn.RNNBase) for part in self._base.modules())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(iter(self.weights.values())).device

    def __len__(self) -> int:
        return len(next(iter(self.weights.values())))

    def to(self, device: torch.device) -> "Stack":
        """Move the weights, in place."""
        self.weights = {
            name: each.detach().to(device).requires_grad_() for name, each in self.weights.items()
        }
        self._others = {name: each.to(device) for name, each in self._others.items()}
        return self

    def __call__(self, windows: Tensor, training: bool = False) -> Tensor:
        """Answers to the same windows by each, float32 [M, B, K].

        Layers that draw random numbers, such as dropout, draw the same for each: a network then learns what
        it would learn alone, whoever is beside it.
        """
        self._base.train(training)

        def answer(weights: dict[str, Tensor], others: dict[str, Tensor]) -> Tensor:
            return functional_call(self._base, (weights, others), (windows,))

        if self.together:
            with _mapped_attention():
                return vmap(answer, randomness="same")(self.weights, self._others)
        answers = []
        for m in range(len(self)):
            with forked(windows.device) if m < len(self) - 1 else nullcontext():
                answers.append(answer(_one_of(self.weights, m), _one_of(self._others, m)))
        return torch.stack(answers)

    @torch.no_grad()
    def over(self, windows: Windows, places: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Answers to the windows of places, int64 [B], batch by batch: places and float32 [M, b, K]."""
        for some in places.split(self.room(windows.length, windows.values.shape[0], LOOKED_AT)):
            yield some, self(windows.batch(some, self.layout).to(self.device)).float()

    def room(self, length: int, features: int, most: int) -> int:
        """Windows, `most` at most, for which the layers' answers of all networks take a quarter of a GiB."""
        return max(1, min(most, ROOM // (len(self) * self.activations(length, features))))

    def activations(self, length: int, features: int) -> int:
        """Numbers that the layers of one network give for one window of so many days and features."""
        window = arrange(torch.zeros(1, length, features, device=self.device), self.layout)
        counted: list[int] = []

        def count(_: nn.Module, __: object, answer: object) -> None:
            whole = answer if isinstance(answer, tuple) else (answer,)
            counted.append(sum(each.numel() for each in whole if isinstance(each, Tensor)))

        leaves = [part for part in self._base.modules() if not list(part.children())]
        hooks = [part.register_forward_hook(count) for part in leaves]
        self._base.eval()
        try:
            with torch.no_grad():
                functional_call(self._base, (_one_of(self.weights, 0), _one_of(self._others, 0)), (window,))
        finally:
            for hook in hooks:
                hook.remove()
        return max(1, sum(counted))

    def some(self, members: range) -> "Stack":
        """A stack of some of them, with weights of its own."""
        return self._of(
            {name: each[members.start : members.stop] for name, each in self.weights.items()},
            {name: each[members.start : members.stop] for name, each in self._others.items()},
        )

    def repeat(self, times: int) -> "Stack":
        """So many of them one after the other, with weights of their own."""
        out = self._of(
            {name: torch.cat([each] * times) for name, each in self.weights.items()},
            {name: torch.cat([each] * times) for name, each in self._others.items()},
        )
        out.together = len(out) > 1 and self._can_be_mapped()
        return out

    def put(self, members: range, part: "Stack") -> None:
        """Give some of them the weights that a part was trained to."""
        with torch.no_grad():
            for mine, theirs in ((self.weights, part.weights), (self._others, part._others)):
                for name, each in mine.items():
                    each[members.start : members.stop] = theirs[name].to(each.device)

    def all_weights(self) -> dict[str, Tensor]:
        """Weights and buffers by name, [M, …]."""
        return {**self.weights, **self._others}

    def take(self, tensors: dict[str, Tensor], origin: str) -> None:
        """Take up `all_weights` of a stack of the same networks.

        Raises:
            RunError: they are of another architecture; `origin` says where they are from.
        """
        mine = self.all_weights()
        for name in sorted(mine.keys() | tensors.keys()):
            have = list(tensors[name].shape) if name in tensors else "missing"
            want = list(mine[name].shape) if name in mine else "not known"
            if have != want:
                raise RunError(
                    f"{origin}: weights of another architecture: {name} is {have} there and {want} in "
                    f"{type(self._base).__name__}; load them with the network that they were saved from"
                )
        with torch.no_grad():
            for name, each in mine.items():
                each.copy_(tensors[name])

    def _of(self, weights: dict[str, Tensor], others: dict[str, Tensor]) -> "Stack":
        out = copy(self)
        out.weights = {name: each.detach().clone().requires_grad_() for name, each in weights.items()}
        out._others = {name: each.clone() for name, each in others.items()}
        return out

    def _can_be_mapped(self) -> bool:
        """Whether the layers can be batched: torch's recurrent ones can not."""
        return not self.recurrent and not self._others


@contextmanager
def _mapped_attention() -> Iterator[None]:
    """Attention of products and a softmax: what torch fuses can not be batched, and is done in turns."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _one_of(stacked: dict[str, Tensor], m: int) -> dict[str, Tensor]:
    return {name: each[m] for name, each in stacked.items()}
