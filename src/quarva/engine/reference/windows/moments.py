"""Moments: std, var, skew, kurt, mad, ts_zscore."""

from collections.abc import Callable

from torch import Tensor

from quarva.engine.reference.windows.full import deviation, standardised, std, var
from quarva.engine.reference.windows.gapped import Part, standardised_part

__all__ = ["FULL", "GAPPED"]


def _skew(x: Tensor) -> Tensor:
    w = x.shape[-1]
    return w / ((w - 1) * (w - 2)) * standardised(x).pow(3).sum(-1)


def _kurt(x: Tensor) -> Tensor:
    w = x.shape[-1]
    fourth = w * (w + 1) / ((w - 1) * (w - 2) * (w - 3)) * standardised(x).pow(4).sum(-1)
    return fourth - 3 * (w - 1) ** 2 / ((w - 2) * (w - 3))


FULL: dict[str, Callable[..., Tensor]] = {
    "std": std,
    "var": var,
    "skew": _skew,
    "kurt": _kurt,
    "mad": lambda x: deviation(x).abs().mean(-1),
    "ts_zscore": lambda x: standardised(x)[..., -1],
}


# Windows with gaps


def _gapped_var(part: Part) -> Tensor:
    return part.least(2, part.centre(part.x)[1].square().sum(-1) / (part.n - 1).clamp(min=1))


def _gapped_std(part: Part) -> Tensor:
    return part.least(2, part.spread())


def _gapped_skew(part: Part) -> Tensor:
    n = part.n.clamp(min=3)
    return part.least(3, n / ((n - 1) * (n - 2)) * standardised_part(part).pow(3).sum(-1))


def _gapped_kurt(part: Part) -> Tensor:
    n = part.n.clamp(min=4)
    fourth = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * standardised_part(part).pow(4).sum(-1)
    return part.least(4, fourth - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))


def _gapped_mad(part: Part) -> Tensor:
    return part.least(1, part.centre(part.x)[1].abs().sum(-1) / part.n)


def _gapped_zscore(part: Part) -> Tensor:
    return part.today(part.least(2, standardised_part(part)[..., -1]))


GAPPED: dict[str, Callable[..., Tensor]] = {
    "std": _gapped_std,
    "var": _gapped_var,
    "skew": _gapped_skew,
    "kurt": _gapped_kurt,
    "mad": _gapped_mad,
    "ts_zscore": _gapped_zscore,
}
