"""Work of networks cut into fixed pieces, each on one torch thread, so that threads change no bit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from quarva._runtime.threads import share

__all__ = ["in_pieces", "one_torch_thread"]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Torch on the calling thread alone; what the caller had set is set again.

    Waking its threads for a tensor of some thousand numbers costs more than the work: twice the time of a
    step of the optimiser on an idle machine, ten times on a busy one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_pieces(work: Callable[[slice], None], n: int, size: int, threads: int) -> None:
    """Call work(slice) for stretches of `size` of 0 … n − 1.

    Torch's own threads would cut a sum where their number says, and on tensors of a few hundred rows they
    cost more than they save. What the caller had set for torch is set again.
    """

    def do(first: int, last: int) -> None:
        torch.set_num_threads(1)  # a matter of the thread that calls it
        for k in range(first, last):
            work(slice(k * size, min((k + 1) * size, n)))

    with one_torch_thread():
        share(do, -(-n // size), threads)
