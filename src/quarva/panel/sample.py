"""A real panel that needs no file."""

from quarva.panel.panel import Panel

__all__ = ["sample_panel"]


def sample_panel() -> Panel:
    """Daily closes of 20 S&P 500 stocks, 1990-01-02 to 2022-12-28, as skfolio ships them: [8313, 20].

    One field, `close`, adjusted for splits and dividends, without gaps. The stocks are members that lasted:
    what earns on them need not have earned on those one could have chosen in 1990.
    """
    from skfolio.datasets import load_sp500_dataset

    prices = load_sp500_dataset()
    return Panel.from_arrays(
        {"close": prices.to_numpy()}, prices.index.to_numpy(), list(prices.columns), name="S&P 500 sample"
    )
