"""Values by date and asset as a pandas frame."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from quarva.panel.panel import Panel

__all__ = ["as_frame"]


def as_frame(values: NDArray[np.floating], panel: "Panel") -> "pd.DataFrame":
    """Convert values to a DataFrame.

    Parameters
    ----------
    values : ndarray of float, shape (T, N)
        The values, such as a signal. NaN stays NaN.
    panel : Panel
        The panel whose dates and assets become index and columns.

    Returns
    -------
    DataFrame, shape (T, N)
        By date and asset.
    """
    import pandas as pd

    index = pd.DatetimeIndex(panel.dates, name="date")
    return pd.DataFrame(values, index=index, columns=pd.Index(panel.assets, name="asset"))
