"""Simulation of a market, with or without a planted formula that predicts its returns.

A simulated market serves to test a search: the planted formula is known, and nothing else predicts returns.
Returns have fat tails (Student's t), clustered volatility (GARCH(1,1), Bollerslev 1986), a market factor with
a beta per asset, and a factor per sector. Expected returns are equal for all assets, so that neither risk nor
sector predicts. Bars are consistent: the high and the low of a day are those of a Brownian bridge from its
open to its close (Glasserman 2003, section 6.4), and volume rises with the absolute return of the day.

References
----------
Bollerslev, T. (1986). Generalized autoregressive conditional heteroskedasticity. Journal of Econometrics 31.
Glasserman, P. (2003). Monte Carlo Methods in Financial Engineering. Springer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.whole import whole
from quarva.engine import Program, Stream
from quarva.errors import RecipeError
from quarva.karva.expression import Expression
from quarva.karva.notation import expression_of, render
from quarva.panel import GroupCodes, Panel
from quarva.scenarios.effects import LEAST_ASSETS, planted_ic, zscore

__all__ = ["BAR", "Market", "simulate"]

BAR = ("open", "high", "low", "close", "volume")
"""Fields of a simulated panel, in order."""

_DELAY = 1  # a signal of day t is traded at the close of day t + 1 and earns the return of day t + 2
_WARM_UP = 252  # days before the first one, in which the formula gets values and its effect settles
_DEFINED = 60  # of these, days at least on which the formula has values
_BURN_IN = 250  # days after which the volatilities no longer depend on their common initial value
_CONVERGED = 0.001  # difference between the requested and the realised coefficient
_TOLERANCE = 0.01  # largest difference that is accepted
_ITERATIONS = 12

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """Parameters of a simulated market. Volatilities are standard deviations of daily returns.

    Attributes
    ----------
    sectors : int
        Number of sectors, fewer if there are few assets.
    drift : float
        Expected daily return, the same for all assets.
    market_volatility : float
        Volatility of the market factor.
    beta_spread : float
        Standard deviation of the betas around 1.
    sector_volatility : float
        Volatility of a sector factor.
    own_volatility : float
        Median idiosyncratic volatility over assets.
    own_spread : float
        Standard deviation over assets of the logarithm of the idiosyncratic volatility.
    freedom : float
        Degrees of freedom of Student's t, above 2. Fewer degrees of freedom give fatter tails.
    shock : float
        GARCH weight of yesterday's squared return in today's variance.
    memory : float
        GARCH weight of yesterday's variance. `shock` + `memory` must be below 1.
    largest : float
        Largest absolute daily return without the effect of a planted formula.
    overnight : float
        Share of a day's volatility in the gap between close and open.
    volume_response : float
        Increase of log volume for a return of one standard deviation.

    Raises
    ------
    RecipeError
        The variance of a return would not be finite.
    """

    sectors: int = 8
    drift: float = 0.0002
    market_volatility: float = 0.009
    beta_spread: float = 0.3
    sector_volatility: float = 0.005
    own_volatility: float = 0.015
    own_spread: float = 0.3
    freedom: float = 5.0
    shock: float = 0.08
    memory: float = 0.90
    largest: float = 0.4
    overnight: float = 0.35
    volume_response: float = 0.35

    def __post_init__(self) -> None:
        if self.freedom <= 2 or self.shock + self.memory >= 1:
            raise RecipeError(
                "freedom must be above 2 and shock + memory below 1, so that variances are finite"
            )


def simulate(
    assets: int = 300,
    days: int = 1000,
    seed: int = 0,
    plant: Expression | str | None = None,
    ic: float = 0.05,
    *,
    market: Market | None = None,
    start: str = "2015-01-01",
) -> Panel:
    """Simulate daily bars of a market: open, high, low, close, volume, and the group `sector`.

    Let z be the z-score over assets of the planted formula on day t. The formula adds a·z to the return from
    the close of day t + 1 to the close of day t + 2, with one amplitude a for all assets and days. The
    amplitude is chosen such that the mean over days of the Pearson correlation between the formula and this
    return is `ic`.

    Parameters
    ----------
    assets : int, default 300
        Number N of assets, at least 1, or at least 5 with a planted formula.
    days : int, default 1000
        Number T of business days, at least 2, or at least 30 more than the lookback of the planted formula.
    seed : int, default 0
        Seed of the random numbers. Markets with and without a planted formula have the same random numbers if
        their seeds are equal and the formula does not look back more than 192 days.
    plant : Expression or str, optional
        The planted formula, as an expression or in infix notation. It may read the fields in `BAR` and the
        group `sector`. By default nothing predicts the market.
    ic : float, default 0.05
        The information coefficient of the planted formula, from −0.5 to 0.5.
    market : Market, optional
        Parameters of the market. Defaults to `Market()`.
    start : str, default "2015-01-01"
        The first day, YYYY-MM-DD.

    Returns
    -------
    Panel
        Values float32 of shape (5, T, N) without missing values. The notes of the panel name the planted
        formula and its realised coefficient, which is within 0.01 of `ic`.

    Raises
    ------
    FormulaError
        The formula cannot be parsed, or it reads another field or group.
    RecipeError
        A number is out of range, or the formula cannot reach the coefficient.

    Notes
    -----
    A formula of slowly changing levels, such as `close`, makes the assets that it favours rise for as long as
    it favours them.
    """
    assets, days, seed = whole("assets", assets, 0), whole("days", days, 0), whole("seed", seed, 0)
    expression = None if plant is None else expression_of(plant, fields=BAR, groups=("sector",))
    lookback = 0 if expression is None else expression.lookback()
    _check_request(assets, days, ic, start, None if expression is None else lookback)
    before = max(_WARM_UP, lookback + _DEFINED)
    randomness = _Randomness.draw(market or Market(), assets, before + days, seed)
    if expression is None:
        return randomness.panel(randomness.bars(0.0, None)[0], before, start, f"simulated, seed {seed}", ())
    bars, realised = _calibrate(randomness, expression, ic, before + lookback)
    note = (
        f"planted {render(expression)}: mean daily correlation {realised:.4f} with the return"
        f" from the close of day t+{_DELAY} to that of t+{_DELAY + 1}"
    )
    return randomness.panel(bars, before, start, f"simulated, seed {seed}, planted", (note,))


def _check_request(assets: int, days: int, ic: float, start: str, lookback: int | None) -> None:
    least_assets, least_days = (1, 2) if lookback is None else (LEAST_ASSETS, lookback + 30)
    if assets < least_assets:
        raise RecipeError(f"assets = {assets}: a simulated market must have at least {least_assets}")
    if days < least_days:
        raise RecipeError(f"days = {days}: this simulated market must have at least {least_days}")
    if lookback is not None and not -0.5 <= ic <= 0.5:
        raise RecipeError(f"ic = {ic:g}: the information coefficient of a plant must be in [-0.5, 0.5]")
    try:
        np.datetime64(start, "D")
    except ValueError:
        raise RecipeError(f"start = {start!r} is not a date; write it as YYYY-MM-DD") from None


def _calibrate(
    randomness: "_Randomness", plant: Expression, ic: float, first: int
) -> tuple[NDArray[np.float32], float]:
    """Find the amplitude for which the coefficient from day `first` on is `ic`; return bars and coefficient.

    The secant method is used, with the same random numbers in every iteration. The first step uses the slope
    of a linear effect. If a secant is implausible, half a step with this slope is made instead.
    """
    program = Program.from_expressions([plant])
    guess = float(np.mean(1 / randomness.spread()[first:]))  # coefficient per unit of amplitude
    amplitude, slope = ic / guess, guess
    best: tuple[NDArray[np.float32], float] | None = None
    tried: list[tuple[float, float]] = []
    for _ in range(_ITERATIONS):
        bars, signal = randomness.bars(amplitude, program)
        realised = planted_ic(signal[first:], bars[BAR.index("close"), first:])
        if not np.isfinite(realised):
            raise RecipeError(
                f"plant = {render(plant)!r} has the same value for all assets; plant another formula"
            )
        if best is None or abs(realised - ic) < abs(best[1] - ic):
            best = bars, realised
        if abs(best[1] - ic) <= _CONVERGED:
            return best
        if tried and tried[-1][0] != amplitude:
            secant = (realised - tried[-1][1]) / (amplitude - tried[-1][0])
            slope = secant if 0.3 * guess < secant < 3 * guess else slope / 2
        tried.append((amplitude, realised))
        amplitude += (ic - realised) / slope
    assert best is not None
    if abs(best[1] - ic) > _TOLERANCE:
        raise RecipeError(
            f"plant = {render(plant)!r} reaches only {best[1]:.3f} instead of ic = {ic:g}; use a smaller ic,"
            " or plant a formula with values for more assets"
        )
    return best


@dataclass(frozen=True)
class _Randomness:
    """All random numbers of a market over D days, warm-up included. An amplitude then determines the bars."""

    market: Market
    sector: NDArray[np.int32]  # (N,)
    price: Floats  # (N,), the close before the first day
    returns: Floats  # (D, N), without the effect of a planted formula
    volatility: Floats  # (D, N), of the day's return, conditional on the day before
    gap: Floats  # (D, N), standard normal, for the overnight return
    rise: Floats  # (D, N), uniform, for the high
    fall: Floats  # (D, N), uniform, for the low
    volume: Floats  # (D, N), log volume of a day without a return

    @classmethod
    def draw(cls, market: Market, assets: int, days: int, seed: int) -> "_Randomness":
        """Draw the random numbers of a market."""
        rng = np.random.default_rng(seed)
        sectors = max(1, min(market.sectors, assets // 2))
        sector = np.sort(rng.integers(0, sectors, assets)).astype(np.int32)
        beta = 1 + market.beta_spread * rng.standard_normal(assets)
        own = market.own_volatility * np.exp(market.own_spread * rng.standard_normal(assets))
        price = np.exp(rng.uniform(np.log(10), np.log(200), assets))
        size = rng.normal(np.log(1e6), 1.0, assets)
        shocks, variance = _garch(market, rng, days, 1 + sectors + assets)
        # Columns: the market factor, the sector factors, the idiosyncratic part of each asset.
        group = np.s_[:, 1 + sector]
        undriven = market.market_volatility * beta * shocks[:, :1]
        undriven += market.sector_volatility * shocks[group] + own * shocks[:, 1 + sectors :]
        total = (market.market_volatility * beta) ** 2 * variance[:, :1]
        total += market.sector_volatility**2 * variance[group] + own**2 * variance[:, 1 + sectors :]
        returns = market.drift + np.clip(undriven, -market.largest, market.largest)
        activity = _autoregression(rng.standard_normal((days, assets)), 0.9, 0.3)
        return cls(
            market,
            sector,
            price,
            returns,
            np.sqrt(total),
            rng.standard_normal((days, assets)),
            1 - rng.random((days, assets)),
            1 - rng.random((days, assets)),
            size + activity,
        )

    def spread(self) -> Floats:
        """Standard deviation over assets of each day's return without a planted formula, shape (D,)."""
        return np.asarray(self.returns.std(axis=1))

    def bars(
        self, amplitude: float, plant: Program | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Bars float32 (5, D, N), and the signal of the planted formula float32 (D, N), NaN without one.

        The formula is evaluated day by day, because its signal affects the return of the day after the next.
        """
        days, assets = self.returns.shape
        bars = np.empty((len(BAR), days, assets), dtype=np.float32)
        signal = np.full((days, assets), np.nan, dtype=np.float32)
        stream = None if plant is None else Stream(plant, self._shape(), BAR)
        effects = [np.zeros(assets)] * (1 + _DELAY)  # on the next days, the next one first
        close = self.price
        for day in range(days):
            change = np.maximum(self.returns[day] + amplitude * effects.pop(0), -0.9)
            close = self._bar(day, close, change, bars[:, day])
            if stream is not None:
                signal[day] = stream.step(bars[:, day])[0]
            effects.append(zscore(signal[day]))
        return bars, signal

    def _bar(self, day: int, before: Floats, change: Floats, bar: NDArray[np.float32]) -> Floats:
        """Fill the bars of a day, (5, N), given its return; return the new close."""
        volatility, market = self.volatility[day], self.market
        close = before * (1 + change)
        total = np.log1p(change)
        gap = 0.25 * total + market.overnight * volatility * self.gap[day]
        rest = total - gap  # log return from open to close
        variance = (1 - market.overnight) * volatility**2
        # A Brownian bridge from 0 to r with variance v exceeds m with probability exp(−2m(m − r)/v). Solving
        # for m at a uniform random number gives its maximum. The minimum follows by symmetry.
        high = (rest + np.sqrt(rest**2 - 2 * variance * np.log(self.rise[day]))) / 2
        low = (rest - np.sqrt(rest**2 - 2 * variance * np.log(self.fall[day]))) / 2
        first = before * np.exp(gap)
        bar[0] = first
        bar[1] = np.maximum(np.maximum(first, close), first * np.exp(high))
        bar[2] = np.minimum(np.minimum(first, close), first * np.exp(low))
        bar[3] = close
        surprise = np.minimum(np.abs(change) / volatility, 8)
        bar[4] = np.rint(np.exp(self.volume[day] + market.volume_response * surprise))
        return close

    def panel(
        self, bars: NDArray[np.float32], before: int, start: str, name: str, notes: tuple[str, ...]
    ) -> Panel:
        """The panel without the warm-up of `before` days."""
        days = bars.shape[1] - before
        dates = np.busday_offset(np.datetime64(start, "D"), np.arange(days), roll="forward")
        shape = self._shape()
        values = np.ascontiguousarray(bars[:, before:])
        return Panel(values, BAR, dates, shape.assets, shape.groups, None, name, notes)

    def _shape(self) -> Panel:
        """A panel of one day without values: the assets and their sectors."""
        assets = len(self.sector)
        digits = len(str(assets))
        names = tuple(f"S{number:0{digits}d}" for number in range(1, assets + 1))
        labels = tuple(f"sector{number}" for number in range(1, int(self.sector.max()) + 2))
        empty = np.full((len(BAR), 1, assets), np.nan, dtype=np.float32)
        groups = {"sector": GroupCodes(self.sector, labels)}
        return Panel(empty, BAR, np.array(["1970-01-01"], dtype="datetime64[D]"), names, groups)


def _garch(market: Market, rng: np.random.Generator, days: int, series: int) -> tuple[Floats, Floats]:
    """GARCH(1,1) returns of unit variance and their conditional variances, each of shape (days, series)."""
    scale = np.sqrt((market.freedom - 2) / market.freedom)
    shocks = scale * rng.standard_t(market.freedom, (_BURN_IN + days, series))
    variance = np.empty_like(shocks)
    now = np.ones(series)
    for day, shock in enumerate(shocks):
        variance[day] = now
        shock *= np.sqrt(now)
        # A single extreme shock must not raise the variance for weeks. Forty times the mean is a crash.
        now = np.minimum(1 - market.shock - market.memory + market.shock * shock**2 + market.memory * now, 40)
    return shocks[_BURN_IN:], variance[_BURN_IN:]


def _autoregression(noise: Floats, memory: float, deviation: float) -> Floats:
    """Turn white noise (D, N) into AR(1) series with coefficient `memory` and a standard deviation."""
    noise[1:] *= np.sqrt(1 - memory**2)
    for day in range(1, len(noise)):
        noise[day] += memory * noise[day - 1]
    return deviation * noise
