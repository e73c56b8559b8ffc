"""Counts: sign_changes."""

from collections.abc import Callable

from torch import Tensor

from quarva.engine.reference.windows.gapped import Part

__all__ = ["FULL", "GAPPED"]


def _sign_changes(x: Tensor) -> Tensor:
    sign = x.sign()
    return (sign[..., 1:] != sign[..., :-1]).sum(-1).to(x.dtype)


FULL: dict[str, Callable[..., Tensor]] = {
    "sign_changes": _sign_changes,
}


# Windows with gaps


def _gapped_sign_changes(part: Part) -> Tensor:
    sign, both = part.x.sign(), part.here[..., 1:] & part.here[..., :-1]
    return part.least(1, (both & (sign[..., 1:] != sign[..., :-1])).sum(-1).to(part.x.dtype))


GAPPED: dict[str, Callable[..., Tensor]] = {
    "sign_changes": _gapped_sign_changes,
}
