"""The division of a panel for the kernel: days into chunks, assets into tiles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine.kernel.series import CHUNK
from quarva.engine.kernel.series.lanes import WIDTH
from quarva.panel import Panel

__all__ = ["Tiles"]

_CELLS = 16384  # cells of a result in a tile: 64 KiB, so that a second-level cache holds a dozen or more


@dataclass(frozen=True)
class Tiles:
    """Tiles of `lanes` assets.

    Attributes
    ----------
    lanes : int
        Assets of a tile, a multiple of the width of a vector.
    width : int
        Assets of all tiles; those beyond the panel's are NaN.
    """

    lanes: int
    width: int

    @classmethod
    def of(cls, panel: Panel) -> "Tiles":
        """Return the tiles of a panel, which only depend on its shape."""
        _, n_days, n_assets = panel.values.shape
        vectors = -(-n_assets // WIDTH)
        most = max(1, _CELLS // (min(CHUNK, max(n_days, 1)) * WIDTH))  # vectors of a tile
        count = -(-vectors // most)
        lanes = -(-vectors // count) * WIDTH
        return cls(lanes, count * lanes)

    @property
    def count(self) -> int:
        return self.width // self.lanes

    def pad(self, values: NDArray, dtype: type = np.float32) -> NDArray:
        """A copy of type `dtype`, with the last axis padded by NaN."""
        out = np.full((*values.shape[:-1], self.width), np.nan, dtype)
        out[..., : values.shape[-1]] = values
        return out
