"""Network computations in fixed chunks, each on one torch thread, so results do not depend on threads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from quarva._runtime.threads import share

__all__ = ["in_chunks", "one_torch_thread"]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Restrict torch to the calling thread, and restore the caller's setting afterwards.

    For tensors of a few thousand numbers, waking torch's threads costs more than the computation: a step of
    the optimiser takes twice as long on an idle machine, and ten times as long on a busy one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_chunks(work: Callable[[slice], None], n: int, size: int, threads: int) -> None:
    """Call work(slice) for each chunk of `size` indices of 0 … n − 1.

    Torch's own threads would split sums by their number, which changes the rounding, and on tensors of a few
    hundred rows they cost more than they save. The caller's setting of torch's threads is restored.
    """

    def run(first: int, last: int) -> None:
        torch.set_num_threads(1)  # applies to the calling thread only
        for k in range(first, last):
            work(slice(k * size, min((k + 1) * size, n)))

    with one_torch_thread():
        share(run, -(-n // size), threads)
