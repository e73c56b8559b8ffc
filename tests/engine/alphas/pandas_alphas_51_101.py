"""Alphas 51 to 101 of Kakushadze (2016), 101 Formulaic Alphas, in pandas.

Windows with a fractional number of days in the paper are rounded down.
"""

from collections.abc import Callable

from .pandas_words import (
    Bars,
    Frame,
    choose,
    correlation,
    decay_linear,
    delay,
    delta,
    indneutralize,
    larger,
    less,
    log,
    power,
    product,
    rank,
    scale,
    sign,
    signedpower,
    smaller,
    total,
    ts_argmax,
    ts_argmin,
    ts_max,
    ts_min,
    ts_rank,
)  # fmt: skip


def _mix(x: Frame, y: Frame, share: float) -> Frame:
    return x * share + y * (1 - share)


def alpha051(b: Bars) -> Frame:
    far = (delay(b.close, 20) - delay(b.close, 10)) / 10
    bend = far - (delay(b.close, 10) - b.close) / 10
    return choose(less(bend, -0.05), 1, -1 * (b.close - delay(b.close, 1)))


def alpha052(b: Bars) -> Frame:
    low = ts_min(b.low, 5)
    slow = rank((total(b.returns, 240) - total(b.returns, 20)) / 220)
    return (-1 * low + delay(low, 5)) * slow * ts_rank(b.volume, 5)


def alpha053(b: Bars) -> Frame:
    return -1 * delta(((b.close - b.low) - (b.high - b.close)) / (b.close - b.low), 9)


def alpha054(b: Bars) -> Frame:
    return -1 * ((b.low - b.close) * power(b.open, 5)) / ((b.low - b.high) * power(b.close, 5))


def alpha055(b: Bars) -> Frame:
    low, high = ts_min(b.low, 12), ts_max(b.high, 12)
    return -1 * correlation(rank((b.close - low) / (high - low)), rank(b.volume), 6)


def alpha056(b: Bars) -> Frame:
    speed = total(b.returns, 10) / total(total(b.returns, 2), 3)
    return 0 - 1 * (rank(speed) * rank(b.returns * b.cap))


def alpha057(b: Bars) -> Frame:
    return 0 - 1 * ((b.close - b.vwap) / decay_linear(rank(ts_argmax(b.close, 30)), 2))


def alpha058(b: Bars) -> Frame:
    return -1 * ts_rank(decay_linear(correlation(indneutralize(b.vwap, b.sector), b.volume, 3), 7), 5)


def alpha059(b: Bars) -> Frame:
    price = indneutralize(_mix(b.vwap, b.vwap, 0.728317), b.industry)
    return -1 * ts_rank(decay_linear(correlation(price, b.volume, 4), 16), 8)


def alpha060(b: Bars) -> Frame:
    flow = ((b.close - b.low) - (b.high - b.close)) / (b.high - b.low) * b.volume
    return 0 - 1 * (2 * scale(rank(flow)) - scale(rank(ts_argmax(b.close, 10))))


def alpha061(b: Bars) -> Frame:
    return less(rank(b.vwap - ts_min(b.vwap, 16)), rank(correlation(b.vwap, b.adv(180), 17)))


def alpha062(b: Bars) -> Frame:
    middle = rank((b.high + b.low) / 2) + rank(b.high)
    opened = rank(less(rank(b.open) + rank(b.open), middle))
    return less(rank(correlation(b.vwap, total(b.adv(20), 22), 9)), opened) * -1


def alpha063(b: Bars) -> Frame:
    first = rank(decay_linear(delta(indneutralize(b.close, b.industry), 2), 8))
    price = _mix(b.vwap, b.open, 0.318108)
    return (first - rank(decay_linear(correlation(price, total(b.adv(180), 37), 13), 12))) * -1


def alpha064(b: Bars) -> Frame:
    first = rank(correlation(total(_mix(b.open, b.low, 0.178404), 12), total(b.adv(120), 12), 16))
    return less(first, rank(delta(_mix((b.high + b.low) / 2, b.vwap, 0.178404), 3))) * -1


def alpha065(b: Bars) -> Frame:
    first = rank(correlation(_mix(b.open, b.vwap, 0.00817205), total(b.adv(60), 8), 6))
    return less(first, rank(b.open - ts_min(b.open, 13))) * -1


def alpha066(b: Bars) -> Frame:
    ratio = (_mix(b.low, b.low, 0.96633) - b.vwap) / (b.open - (b.high + b.low) / 2)
    return (rank(decay_linear(delta(b.vwap, 3), 7)) + ts_rank(decay_linear(ratio, 11), 6)) * -1


def alpha067(b: Bars) -> Frame:
    together = correlation(indneutralize(b.vwap, b.sector), indneutralize(b.adv(20), b.subindustry), 6)
    return power(rank(b.high - ts_min(b.high, 2)), rank(together)) * -1


def alpha068(b: Bars) -> Frame:
    first = ts_rank(correlation(rank(b.high), rank(b.adv(15)), 8), 13)
    return less(first, rank(delta(_mix(b.close, b.low, 0.518371), 1))) * -1


def alpha069(b: Bars) -> Frame:
    base = rank(ts_max(delta(indneutralize(b.vwap, b.industry), 2), 4))
    return power(base, ts_rank(correlation(_mix(b.close, b.vwap, 0.490655), b.adv(20), 4), 9)) * -1


def alpha070(b: Bars) -> Frame:
    together = correlation(indneutralize(b.close, b.industry), b.adv(50), 17)
    return power(rank(delta(b.vwap, 1)), ts_rank(together, 17)) * -1


def alpha071(b: Bars) -> Frame:
    together = correlation(ts_rank(b.close, 3), ts_rank(b.adv(180), 12), 18)
    steps = power(rank(b.low + b.open - (b.vwap + b.vwap)), 2)
    return larger(ts_rank(decay_linear(together, 4), 15), ts_rank(decay_linear(steps, 16), 4))


def alpha072(b: Bars) -> Frame:
    first = rank(decay_linear(correlation((b.high + b.low) / 2, b.adv(40), 8), 10))
    return first / rank(decay_linear(correlation(ts_rank(b.vwap, 3), ts_rank(b.volume, 18), 6), 2))


def alpha073(b: Bars) -> Frame:
    price = _mix(b.open, b.low, 0.147155)
    second = ts_rank(decay_linear(delta(price, 2) / price * -1, 3), 16)
    return larger(rank(decay_linear(delta(b.vwap, 4), 2)), second) * -1


def alpha074(b: Bars) -> Frame:
    first = rank(correlation(b.close, total(b.adv(30), 37), 15))
    second = correlation(rank(_mix(b.high, b.vwap, 0.0261661)), rank(b.volume), 11)
    return less(first, rank(second)) * -1


def alpha075(b: Bars) -> Frame:
    return less(rank(correlation(b.vwap, b.volume, 4)), rank(correlation(rank(b.low), rank(b.adv(50)), 12)))


def alpha076(b: Bars) -> Frame:
    together = ts_rank(correlation(indneutralize(b.low, b.sector), b.adv(81), 8), 19)
    return larger(rank(decay_linear(delta(b.vwap, 1), 11)), ts_rank(decay_linear(together, 17), 19)) * -1


def alpha077(b: Bars) -> Frame:
    middle = (b.high + b.low) / 2
    first = rank(decay_linear(middle + b.high - (b.vwap + b.high), 20))
    return smaller(first, rank(decay_linear(correlation(middle, b.adv(40), 3), 5)))


def alpha078(b: Bars) -> Frame:
    base = rank(correlation(total(_mix(b.low, b.vwap, 0.352233), 19), total(b.adv(40), 19), 6))
    return power(base, rank(correlation(rank(b.vwap), rank(b.volume), 5)))


def alpha079(b: Bars) -> Frame:
    price = indneutralize(_mix(b.close, b.open, 0.60733), b.sector)
    second = rank(correlation(ts_rank(b.vwap, 3), ts_rank(b.adv(150), 9), 14))
    return less(rank(delta(price, 1)), second)


def alpha080(b: Bars) -> Frame:
    price = indneutralize(_mix(b.open, b.high, 0.868128), b.industry)
    return power(rank(sign(delta(price, 4))), ts_rank(correlation(b.high, b.adv(10), 5), 5)) * -1


def alpha081(b: Bars) -> Frame:
    steps = power(rank(correlation(b.vwap, total(b.adv(10), 49), 8)), 4)
    first = rank(log(product(rank(steps), 14)))
    return less(first, rank(correlation(rank(b.vwap), rank(b.volume), 5))) * -1


def alpha082(b: Bars) -> Frame:
    together = correlation(indneutralize(b.volume, b.sector), _mix(b.open, b.open, 0.634196), 17)
    first = rank(decay_linear(delta(b.open, 1), 14))
    return smaller(first, ts_rank(decay_linear(together, 6), 13)) * -1


def alpha083(b: Bars) -> Frame:
    span = (b.high - b.low) / (total(b.close, 5) / 5)
    return rank(delay(span, 2)) * rank(rank(b.volume)) / (span / (b.vwap - b.close))


def alpha084(b: Bars) -> Frame:
    return signedpower(ts_rank(b.vwap - ts_max(b.vwap, 15), 20), delta(b.close, 4))


def alpha085(b: Bars) -> Frame:
    base = rank(correlation(_mix(b.high, b.close, 0.876703), b.adv(30), 9))
    return power(base, rank(correlation(ts_rank((b.high + b.low) / 2, 3), ts_rank(b.volume, 10), 7)))


def alpha086(b: Bars) -> Frame:
    first = ts_rank(correlation(b.close, total(b.adv(20), 14), 6), 20)
    return less(first, rank(b.open + b.close - (b.vwap + b.open))) * -1


def alpha087(b: Bars) -> Frame:
    first = rank(decay_linear(delta(_mix(b.close, b.vwap, 0.369701), 1), 2))
    together = correlation(indneutralize(b.adv(81), b.industry), b.close, 13).abs()
    return larger(first, ts_rank(decay_linear(together, 4), 14)) * -1


def alpha088(b: Bars) -> Frame:
    first = rank(decay_linear(rank(b.open) + rank(b.low) - (rank(b.high) + rank(b.close)), 8))
    together = correlation(ts_rank(b.close, 8), ts_rank(b.adv(60), 20), 8)
    return smaller(first, ts_rank(decay_linear(together, 6), 2))


def alpha089(b: Bars) -> Frame:
    first = ts_rank(decay_linear(correlation(_mix(b.low, b.low, 0.967285), b.adv(10), 6), 5), 3)
    return first - ts_rank(decay_linear(delta(indneutralize(b.vwap, b.industry), 3), 10), 15)


def alpha090(b: Bars) -> Frame:
    together = correlation(indneutralize(b.adv(40), b.subindustry), b.low, 5)
    return power(rank(b.close - ts_max(b.close, 4)), ts_rank(together, 3)) * -1


def alpha091(b: Bars) -> Frame:
    together = correlation(indneutralize(b.close, b.industry), b.volume, 9)
    first = ts_rank(decay_linear(decay_linear(together, 16), 3), 4)
    return (first - rank(decay_linear(correlation(b.vwap, b.adv(30), 4), 2))) * -1


def alpha092(b: Bars) -> Frame:
    below = less((b.high + b.low) / 2 + b.close, b.low + b.open)
    second = ts_rank(decay_linear(correlation(rank(b.low), rank(b.adv(30)), 7), 6), 6)
    return smaller(ts_rank(decay_linear(below, 14), 18), second)


def alpha093(b: Bars) -> Frame:
    together = correlation(indneutralize(b.vwap, b.industry), b.adv(81), 17)
    first = ts_rank(decay_linear(together, 19), 7)
    return first / rank(decay_linear(delta(_mix(b.close, b.vwap, 0.524434), 2), 16))


def alpha094(b: Bars) -> Frame:
    together = correlation(ts_rank(b.vwap, 19), ts_rank(b.adv(60), 4), 18)
    return power(rank(b.vwap - ts_min(b.vwap, 11)), ts_rank(together, 2)) * -1


def alpha095(b: Bars) -> Frame:
    together = correlation(total((b.high + b.low) / 2, 19), total(b.adv(40), 19), 12)
    return less(rank(b.open - ts_min(b.open, 12)), ts_rank(power(rank(together), 5), 11))


def alpha096(b: Bars) -> Frame:
    first = ts_rank(decay_linear(correlation(rank(b.vwap), rank(b.volume), 3), 4), 8)
    peak = ts_argmax(correlation(ts_rank(b.close, 7), ts_rank(b.adv(60), 4), 3), 12)
    return larger(first, ts_rank(decay_linear(peak, 14), 13)) * -1


def alpha097(b: Bars) -> Frame:
    price = indneutralize(_mix(b.low, b.vwap, 0.721001), b.industry)
    together = ts_rank(correlation(ts_rank(b.low, 7), ts_rank(b.adv(60), 17), 4), 18)
    return (rank(decay_linear(delta(price, 3), 20)) - ts_rank(decay_linear(together, 15), 6)) * -1


def alpha098(b: Bars) -> Frame:
    first = rank(decay_linear(correlation(b.vwap, total(b.adv(5), 26), 4), 7))
    trough = ts_argmin(correlation(rank(b.open), rank(b.adv(15)), 20), 8)
    return first - rank(decay_linear(ts_rank(trough, 6), 8))


def alpha099(b: Bars) -> Frame:
    first = rank(correlation(total((b.high + b.low) / 2, 19), total(b.adv(60), 19), 8))
    return less(first, rank(correlation(b.low, b.volume, 6))) * -1


def alpha100(b: Bars) -> Frame:
    flow = rank(((b.close - b.low) - (b.high - b.close)) / (b.high - b.low) * b.volume)
    flow = indneutralize(indneutralize(flow, b.subindustry), b.subindustry)
    other = correlation(b.close, rank(b.adv(20)), 5) - rank(ts_argmin(b.close, 30))
    signal = 1.5 * scale(flow) - scale(indneutralize(other, b.subindustry))
    return 0 - 1 * (signal * (b.volume / b.adv(20)))


def alpha101(b: Bars) -> Frame:
    return (b.close - b.open) / (b.high - b.low + 0.001)


ALPHAS: dict[str, Callable[[Bars], Frame]] = {
    name: value for name, value in dict(globals()).items() if name.startswith("alpha") and callable(value)
}
