"""A market that is imagined from scratch, with or without a formula that predicts it.

Made to test a search on: the planted formula is known, and nothing else predicts. Returns have fat tails
(Student's t), volatility that clusters (GARCH(1,1), Bollerslev 1986), a market factor with a beta for each
asset, and a factor for each sector. Expected returns are equal for all assets, so that neither risk nor
sector predicts. Bars are consistent: the high and the low of a day are those of a Brownian bridge from its
open to its close (Glasserman 2003, section 6.4), and volume rises with the size of the day's return.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarva.engine import Program, Stream
from quarva.errors import RecipeError
from quarva.karva.expression import Expression
from quarva.karva.notation import parse, render
from quarva.panel import GroupCodes, Panel

__all__ = ["BAR", "Market", "planted_ic", "simulate"]

BAR = ("open", "high", "low", "close", "volume")
"""Fields of a simulated panel, in their order."""

_DELAY = 1  # a signal of day t is traded at the close of t + 1, and earns the return of t + 2
_WARM_UP = 252  # days before the first one, in which the formula comes alive and its drive settles
_ALIVE = 60  # of which at least these come after the days that the formula looks back
_SETTLE = 250  # days that the volatilities take to forget that they all began at their mean
_CLOSE_ENOUGH = 0.001  # between the coefficient asked for and the one that comes out
_TOLERATED = 0.01
_PASSES = 12

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Market:
    """What the market is like; volatilities are standard deviations of a day's return.

    RecipeError where the variance of a return would not be finite.
    """

    sectors: int = 8  # groups of the group `sector`, fewer where there are fewer assets
    drift: float = 0.0002  # expected return of a day, the same for all assets
    market_volatility: float = 0.009  # of the factor that all assets share
    beta_spread: float = 0.3  # standard deviation of the betas around 1
    sector_volatility: float = 0.005  # of the factor that the assets of a sector share
    own_volatility: float = 0.015  # of what is left, for the middle asset
    own_spread: float = 0.3  # standard deviation of its logarithm over assets
    freedom: float = 5.0  # degrees of freedom of Student's t; fewer are fatter tails
    shock: float = 0.08  # weight of yesterday's squared return in today's variance
    memory: float = 0.90  # weight of yesterday's variance; with `shock` below 1
    largest: float = 0.4  # no undriven return is larger than this, up or down
    overnight: float = 0.35  # of a day's volatility, in the gap between close and open
    volume_response: float = 0.35  # by which log volume rises for a return of one standard deviation

    def __post_init__(self) -> None:
        if self.freedom <= 2 or self.shock + self.memory >= 1:
            raise RecipeError(
                "a market needs freedom above 2 and shock + memory below 1: variances are finite"
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
    """Daily bars of an imagined market: open, high, low, close, volume, and the group `sector`.

    The z-score z over assets of the planted formula's value on day t adds a·z to the return from the close
    of t + 1 to the close of t + 2, with one amplitude a for all assets and days. The amplitude is chosen so
    that the mean over days of the Pearson correlation between formula and that return is `ic`.

    Args:
        assets: number N of assets, at least 1, and 5 with a planted formula.
        days: number T of business days, at least 2, and 30 more than the planted formula looks back.
        seed: what is drawn. The same seed draws the same market with a planted formula and without, unless
            the formula looks back more than 192 days.
        plant: an expression or a formula in infix notation that reads the fields of `BAR` and `sector`;
            None for a market that nothing predicts.
        ic: the coefficient, −0.5 to 0.5; without meaning where nothing is planted.
        market: what the market is like; `Market()` by default.
        start: the first day, YYYY-MM-DD.

    Returns:
        A panel float32[5, T, N] without gaps. Its notes tell what was planted, and the coefficient that came
        out, which is within 0.01 of `ic`. A formula of slow levels (`close` itself, say) makes its favourites
        rise for as long as it favours them.

    Raises:
        FormulaError: the formula can not be read, or reads something else.
        RecipeError: a number is out of range, or the formula can not carry the coefficient.
    """
    expression = parse(plant, fields=BAR, groups=("sector",)) if isinstance(plant, str) else plant
    lookback = 0 if expression is None else expression.lookback()
    _check_request(assets, days, ic, start, None if expression is None else lookback)
    before = max(_WARM_UP, lookback + _ALIVE)
    world = _World.draw(market or Market(), assets, before + days, seed)
    if expression is None:
        return world.panel(world.walk(0.0, None)[0], before, start, f"simulated, seed {seed}", ())
    bars, reached = _calibrate(world, expression, ic, before + lookback)
    note = (
        f"planted {render(expression)}: mean daily correlation {reached:.4f} with the return"
        f" from the close of day t+{_DELAY} to that of t+{_DELAY + 1}"
    )
    return world.panel(bars, before, start, f"simulated, seed {seed}, planted", (note,))


def planted_ic(signal: NDArray[np.floating], close: NDArray[np.floating]) -> float:
    """Mean over days of the Pearson correlation over assets of a signal with the return that it drives.

    `signal` and `close` are [T, N]; the return is close[t+2] / close[t+1] − 1. Cells with NaN in either are
    left out, and days with fewer than 3 cells or without variance; NaN where no day is left.
    """
    x = np.asarray(signal[: -_DELAY - 1], dtype=np.float64)
    prices = np.asarray(close, dtype=np.float64)
    y = prices[1 + _DELAY :] / prices[_DELAY:-1] - 1
    there = np.isfinite(x) & np.isfinite(y)
    count = there.sum(axis=1)
    days = count >= 3
    x, y, there, count = x[days], y[days], there[days], count[days, None]
    x = np.where(there, x - np.where(there, x, 0).sum(axis=1, keepdims=True) / count, 0)
    y = np.where(there, y - np.where(there, y, 0).sum(axis=1, keepdims=True) / count, 0)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    varied = scale > 0
    return float(((x * y).sum(axis=1)[varied] / scale[varied]).mean()) if varied.any() else float("nan")


def _check_request(assets: int, days: int, ic: float, start: str, lookback: int | None) -> None:
    least_assets, least_days = (1, 2) if lookback is None else (5, lookback + 30)
    if assets < least_assets:
        raise RecipeError(f"assets = {assets}: a simulated market needs at least {least_assets}")
    if days < least_days:
        raise RecipeError(f"days = {days}: a simulated market needs at least {least_days} here")
    if lookback is not None and not -0.5 <= ic <= 0.5:
        raise RecipeError(f"ic = {ic:g}: an information coefficient to plant is between -0.5 and 0.5")
    try:
        np.datetime64(start, "D")
    except ValueError:
        raise RecipeError(f"start = {start!r} is not a date; write it as YYYY-MM-DD") from None


def _calibrate(
    world: "_World", plant: Expression, ic: float, first: int
) -> tuple[NDArray[np.float32], float]:
    """Bars whose planted coefficient from day `first` on is `ic`, and the coefficient that came out.

    The same draws are walked with one amplitude after the other: the first step takes the slope that a
    linear drive would have, later ones that of the last two walks where it is believable.
    """
    program = Program.from_expressions([plant])
    guess = float(np.mean(1 / world.spread()[first:]))  # of the coefficient, for each unit of amplitude
    amplitude, slope = ic / guess, guess
    best: tuple[NDArray[np.float32], float] | None = None
    walked: list[tuple[float, float]] = []
    for _ in range(_PASSES):
        bars, signal = world.walk(amplitude, program)
        reached = planted_ic(signal[first:], bars[BAR.index("close"), first:])
        if not np.isfinite(reached):
            raise RecipeError(
                f"plant = {render(plant)!r} has no value that differs between assets; plant another"
            )
        if best is None or abs(reached - ic) < abs(best[1] - ic):
            best = bars, reached
        if abs(best[1] - ic) <= _CLOSE_ENOUGH:
            return best
        if walked and walked[-1][0] != amplitude:
            secant = (reached - walked[-1][1]) / (amplitude - walked[-1][0])
            slope = secant if 0.3 * guess < secant < 3 * guess else slope / 2
        walked.append((amplitude, reached))
        amplitude += (ic - reached) / slope
    assert best is not None
    if abs(best[1] - ic) > _TOLERATED:
        raise RecipeError(
            f"plant = {render(plant)!r} comes out at {best[1]:.3f} and not at ic = {ic:g}; ask for less, or"
            " plant a formula that has a value for more assets"
        )
    return best


@dataclass(frozen=True)
class _World:
    """Everything that is drawn, [D, N] over D days with the warm-up; an amplitude then fixes the bars."""

    market: Market
    sector: NDArray[np.int32]  # [N]
    price: Floats  # [N], the close before the first day
    returns: Floats  # [D, N], without a drive
    volatility: Floats  # [D, N], of the day's return, as it is known the day before
    gap: Floats  # [D, N], standard normal: overnight
    rise: Floats  # [D, N], uniform: how high the day goes
    fall: Floats  # [D, N], uniform: how low
    volume: Floats  # [D, N], log volume of a day on which the price stands still

    @classmethod
    def draw(cls, market: Market, assets: int, days: int, seed: int) -> "_World":
        rng = np.random.default_rng(seed)
        sectors = max(1, min(market.sectors, assets // 2))
        sector = np.sort(rng.integers(0, sectors, assets)).astype(np.int32)
        beta = 1 + market.beta_spread * rng.standard_normal(assets)
        own = market.own_volatility * np.exp(market.own_spread * rng.standard_normal(assets))
        price = np.exp(rng.uniform(np.log(10), np.log(200), assets))
        size = rng.normal(np.log(1e6), 1.0, assets)
        shocks, variance = _garch(market, rng, days, 1 + sectors + assets)
        # Columns: the market, a factor for each sector, each asset's own.
        group = np.s_[:, 1 + sector]
        undriven = market.market_volatility * beta * shocks[:, :1]
        undriven += market.sector_volatility * shocks[group] + own * shocks[:, 1 + sectors :]
        total = (market.market_volatility * beta) ** 2 * variance[:, :1]
        total += market.sector_volatility**2 * variance[group] + own**2 * variance[:, 1 + sectors :]
        returns = market.drift + np.clip(undriven, -market.largest, market.largest)
        mood = _autoregression(rng.standard_normal((days, assets)), 0.9, 0.3)
        return cls(
            market,
            sector,
            price,
            returns,
            np.sqrt(total),
            rng.standard_normal((days, assets)),
            1 - rng.random((days, assets)),
            1 - rng.random((days, assets)),
            size + mood,
        )

    def spread(self) -> Floats:
        """Standard deviation over assets of each day's undriven return, [D]."""
        return np.asarray(self.returns.std(axis=1))

    def walk(
        self, amplitude: float, plant: Program | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Bars float32[5, D, N], and the planted formula's signal [D, N], NaN without one.

        The formula is handed each day as it comes, and its answer moves the day after the next.
        """
        days, assets = self.returns.shape
        bars = np.empty((len(BAR), days, assets), dtype=np.float32)
        signal = np.full((days, assets), np.nan, dtype=np.float32)
        stream = None if plant is None else Stream(plant, self._shape(), BAR)
        drives = [np.zeros(assets)] * (1 + _DELAY)  # of the coming days, the next one first
        close = self.price
        for day in range(days):
            change = np.maximum(self.returns[day] + amplitude * drives.pop(0), -0.9)
            close = self._bar(day, close, change, bars[:, day])
            if stream is not None:
                signal[day] = stream.step(bars[:, day])[0]
            drives.append(_zscore(signal[day]))
        return bars, signal

    def _bar(self, day: int, before: Floats, change: Floats, bar: NDArray[np.float32]) -> Floats:
        """Fill one day's bar, [5, N], for the return since the close before; gives the new close."""
        volatility, market = self.volatility[day], self.market
        close = before * (1 + change)
        total = np.log1p(change)
        gap = 0.25 * total + market.overnight * volatility * self.gap[day]
        rest = total - gap  # from open to close, in logarithms
        variance = (1 - market.overnight) * volatility**2
        # A Brownian bridge from 0 to r with variance v passes m with probability exp(−2m(m − r)/v); solved
        # for m at a uniform number that is its maximum, and its minimum is the same picture upside down.
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
        """One day without values: the assets and their sectors."""
        assets = len(self.sector)
        digits = len(str(assets))
        names = tuple(f"S{number:0{digits}d}" for number in range(1, assets + 1))
        labels = tuple(f"sector{number}" for number in range(1, int(self.sector.max()) + 2))
        empty = np.full((len(BAR), 1, assets), np.nan, dtype=np.float32)
        groups = {"sector": GroupCodes(self.sector, labels)}
        return Panel(empty, BAR, np.array(["1970-01-01"], dtype="datetime64[D]"), names, groups)


def _garch(market: Market, rng: np.random.Generator, days: int, series: int) -> tuple[Floats, Floats]:
    """Returns of unit variance that cluster, and the variance that was known before, each [days, series]."""
    scale = np.sqrt((market.freedom - 2) / market.freedom)
    shocks = scale * rng.standard_t(market.freedom, (_SETTLE + days, series))
    variance = np.empty_like(shocks)
    now = np.ones(series)
    for day, shock in enumerate(shocks):
        variance[day] = now
        shock *= np.sqrt(now)
        # A single wild draw must not lift the variance for weeks: forty times the mean is a crash.
        now = np.minimum(1 - market.shock - market.memory + market.shock * shock**2 + market.memory * now, 40)
    return shocks[_SETTLE:], variance[_SETTLE:]


def _autoregression(noise: Floats, memory: float, deviation: float) -> Floats:
    """Turn white noise [D, N] into series that forget slowly, with the given standard deviation."""
    noise[1:] *= np.sqrt(1 - memory**2)
    for day in range(1, len(noise)):
        noise[day] += memory * noise[day - 1]
    return deviation * noise


def _zscore(values: NDArray[np.float32]) -> Floats:
    """(x − mean) / std over the assets that have a value, 0 for the others and where all are equal."""
    there = np.isfinite(values)
    if there.sum() < 3:
        return np.zeros(len(values))
    wide = np.where(there, values, 0).astype(np.float64)
    centred = np.where(there, wide - wide.sum() / there.sum(), 0)
    deviation = np.sqrt((centred**2).sum() / there.sum())
    return centred / deviation if deviation > 0 else np.zeros(len(values))
