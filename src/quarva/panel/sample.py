"""The bundled sample panel."""

from quarva.panel.panel import Panel

__all__ = ["sample_panel"]


def sample_panel() -> Panel:
    """Daily closing prices of 20 S&P 500 stocks from 1990-01-02 to 2022-12-28, as distributed with skfolio.

    Returns
    -------
    Panel
        One field, `close`, float32 [1, 8313, 20], adjusted for splits and dividends, without gaps.

    Notes
    -----
    The stocks are survivors. Profits on them are subject to survivorship bias.
    """
    from skfolio.datasets import load_sp500_dataset

    prices = load_sp500_dataset()
    return Panel.from_arrays(
        {"close": prices.to_numpy()}, prices.index.to_numpy(), list(prices.columns), name="S&P 500 sample"
    )
