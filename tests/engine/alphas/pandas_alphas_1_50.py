"""Alphas 1 to 50 of Kakushadze (2016), 101 Formulaic Alphas, in pandas."""

from collections.abc import Callable

from .pandas_words import (
    Bars,
    Frame,
    choose,
    correlation,
    covariance,
    decay_linear,
    delay,
    delta,
    either,
    equal,
    indneutralize,
    less,
    log,
    power,
    product,
    rank,
    scale,
    sign,
    signedpower,
    stddev,
    total,
    ts_argmax,
    ts_max,
    ts_min,
    ts_rank,
)  # fmt: skip


def alpha001(b: Bars) -> Frame:
    base = choose(less(b.returns, 0), stddev(b.returns, 20), b.close)
    return rank(ts_argmax(signedpower(base, 2), 5)) - 0.5


def alpha002(b: Bars) -> Frame:
    return -1 * correlation(rank(delta(log(b.volume), 2)), rank((b.close - b.open) / b.open), 6)


def alpha003(b: Bars) -> Frame:
    return -1 * correlation(rank(b.open), rank(b.volume), 10)


def alpha004(b: Bars) -> Frame:
    return -1 * ts_rank(rank(b.low), 9)


def alpha005(b: Bars) -> Frame:
    return rank(b.open - total(b.vwap, 10) / 10) * (-1 * rank(b.close - b.vwap).abs())


def alpha006(b: Bars) -> Frame:
    return -1 * correlation(b.open, b.volume, 10)


def alpha007(b: Bars) -> Frame:
    move = delta(b.close, 7)
    return choose(less(b.adv(20), b.volume), -1 * ts_rank(move.abs(), 60) * sign(move), -1)


def alpha008(b: Bars) -> Frame:
    both = total(b.open, 5) * total(b.returns, 5)
    return -1 * rank(both - delay(both, 10))


def _trend(b: Bars, days: int) -> Frame:
    move = delta(b.close, 1)
    otherwise = choose(less(ts_max(move, days), 0), move, -1 * move)
    return choose(less(0, ts_min(move, days)), move, otherwise)


def alpha009(b: Bars) -> Frame:
    return _trend(b, 5)


def alpha010(b: Bars) -> Frame:
    return rank(_trend(b, 4))


def alpha011(b: Bars) -> Frame:
    gap = b.vwap - b.close
    return (rank(ts_max(gap, 3)) + rank(ts_min(gap, 3))) * rank(delta(b.volume, 3))


def alpha012(b: Bars) -> Frame:
    return sign(delta(b.volume, 1)) * (-1 * delta(b.close, 1))


def alpha013(b: Bars) -> Frame:
    return -1 * rank(covariance(rank(b.close), rank(b.volume), 5))


def alpha014(b: Bars) -> Frame:
    return -1 * rank(delta(b.returns, 3)) * correlation(b.open, b.volume, 10)


def alpha015(b: Bars) -> Frame:
    return -1 * total(rank(correlation(rank(b.high), rank(b.volume), 3)), 3)


def alpha016(b: Bars) -> Frame:
    return -1 * rank(covariance(rank(b.high), rank(b.volume), 5))


def alpha017(b: Bars) -> Frame:
    bend = rank(delta(delta(b.close, 1), 1))
    return -1 * rank(ts_rank(b.close, 10)) * bend * rank(ts_rank(b.volume / b.adv(20), 5))


def alpha018(b: Bars) -> Frame:
    body = b.close - b.open
    return -1 * rank(stddev(body.abs(), 5) + body + correlation(b.close, b.open, 10))


def alpha019(b: Bars) -> Frame:
    move = sign(b.close - delay(b.close, 7) + delta(b.close, 7))
    return -1 * move * (1 + rank(1 + total(b.returns, 250)))


def alpha020(b: Bars) -> Frame:
    high, close = rank(b.open - delay(b.high, 1)), rank(b.open - delay(b.close, 1))
    return -1 * high * close * rank(b.open - delay(b.low, 1))


def alpha021(b: Bars) -> Frame:
    long, short, spread = total(b.close, 8) / 8, total(b.close, 2) / 2, stddev(b.close, 8)
    busy = b.volume / b.adv(20)
    calm = choose(either(less(1, busy), equal(busy, 1)), 1, -1)
    return choose(less(long + spread, short), -1, choose(less(short, long - spread), 1, calm))


def alpha022(b: Bars) -> Frame:
    return -1 * (delta(correlation(b.high, b.volume, 5), 5) * rank(stddev(b.close, 20)))


def alpha023(b: Bars) -> Frame:
    return choose(less(total(b.high, 20) / 20, b.high), -1 * delta(b.high, 2), 0)


def alpha024(b: Bars) -> Frame:
    growth = delta(total(b.close, 100) / 100, 100) / delay(b.close, 100)
    slow = either(less(growth, 0.05), equal(growth, 0.05))
    return choose(slow, -1 * (b.close - ts_min(b.close, 100)), -1 * delta(b.close, 3))


def alpha025(b: Bars) -> Frame:
    return rank(-1 * b.returns * b.adv(20) * b.vwap * (b.high - b.close))


def alpha026(b: Bars) -> Frame:
    return -1 * ts_max(correlation(ts_rank(b.volume, 5), ts_rank(b.high, 5), 5), 3)


def alpha027(b: Bars) -> Frame:
    together = total(correlation(rank(b.volume), rank(b.vwap), 6), 2) / 2.0
    return choose(less(0.5, rank(together)), -1, 1)


def alpha028(b: Bars) -> Frame:
    return scale(correlation(b.adv(20), b.low, 5) + (b.high + b.low) / 2 - b.close)


def alpha029(b: Bars) -> Frame:
    inner = total(ts_min(rank(rank(-1 * rank(delta(b.close - 1, 5)))), 2), 1)
    least = ts_min(product(rank(rank(scale(log(inner)))), 1), 5)
    return least + ts_rank(delay(-1 * b.returns, 6), 5)


def alpha030(b: Bars) -> Frame:
    close = b.close
    signs = sign(close - delay(close, 1)) + sign(delay(close, 1) - delay(close, 2))
    signs = signs + sign(delay(close, 2) - delay(close, 3))
    return (1.0 - rank(signs)) * total(b.volume, 5) / total(b.volume, 20)


def alpha031(b: Bars) -> Frame:
    slow = rank(rank(rank(decay_linear(-1 * rank(rank(delta(b.close, 10))), 10))))
    return slow + rank(-1 * delta(b.close, 3)) + sign(scale(correlation(b.adv(20), b.low, 12)))


def alpha032(b: Bars) -> Frame:
    return scale(total(b.close, 7) / 7 - b.close) + 20 * scale(correlation(b.vwap, delay(b.close, 5), 230))


def alpha033(b: Bars) -> Frame:
    return rank(-1 * power(1 - b.open / b.close, 1))


def alpha034(b: Bars) -> Frame:
    calm = 1 - rank(stddev(b.returns, 2) / stddev(b.returns, 5))
    return rank(calm + (1 - rank(delta(b.close, 1))))


def alpha035(b: Bars) -> Frame:
    late = 1 - ts_rank(b.returns, 32)
    return ts_rank(b.volume, 32) * (1 - ts_rank(b.close + b.high - b.low, 16)) * late


def alpha036(b: Bars) -> Frame:
    first = 2.21 * rank(correlation(b.close - b.open, delay(b.volume, 1), 15))
    second = 0.7 * rank(b.open - b.close) + 0.73 * rank(ts_rank(delay(-1 * b.returns, 6), 5))
    third = rank(correlation(b.vwap, b.adv(20), 6).abs())
    return first + second + third + 0.6 * rank((total(b.close, 200) / 200 - b.open) * (b.close - b.open))


def alpha037(b: Bars) -> Frame:
    return rank(correlation(delay(b.open - b.close, 1), b.close, 200)) + rank(b.open - b.close)


def alpha038(b: Bars) -> Frame:
    return -1 * rank(ts_rank(b.close, 10)) * rank(b.close / b.open)


def alpha039(b: Bars) -> Frame:
    calm = 1 - rank(decay_linear(b.volume / b.adv(20), 9))
    return -1 * rank(delta(b.close, 7) * calm) * (1 + rank(total(b.returns, 250)))


def alpha040(b: Bars) -> Frame:
    return -1 * rank(stddev(b.high, 10)) * correlation(b.high, b.volume, 10)


def alpha041(b: Bars) -> Frame:
    return power(b.high * b.low, 0.5) - b.vwap


def alpha042(b: Bars) -> Frame:
    return rank(b.vwap - b.close) / rank(b.vwap + b.close)


def alpha043(b: Bars) -> Frame:
    return ts_rank(b.volume / b.adv(20), 20) * ts_rank(-1 * delta(b.close, 7), 8)


def alpha044(b: Bars) -> Frame:
    return -1 * correlation(b.high, rank(b.volume), 5)


def alpha045(b: Bars) -> Frame:
    level = rank(total(delay(b.close, 5), 20) / 20) * correlation(b.close, b.volume, 2)
    return -1 * (level * rank(correlation(total(b.close, 5), total(b.close, 20), 2)))


def _bend(b: Bars) -> Frame:
    far = (delay(b.close, 20) - delay(b.close, 10)) / 10
    return far - (delay(b.close, 10) - b.close) / 10


def alpha046(b: Bars) -> Frame:
    falling = choose(less(_bend(b), 0), 1, -1 * (b.close - delay(b.close, 1)))
    return choose(less(0.25, _bend(b)), -1, falling)


def alpha047(b: Bars) -> Frame:
    first = rank(1 / b.close) * b.volume / b.adv(20)
    second = b.high * rank(b.high - b.close) / (total(b.high, 5) / 5)
    return first * second - rank(b.vwap - delay(b.vwap, 5))


def alpha048(b: Bars) -> Frame:
    move = delta(b.close, 1)
    signal = correlation(move, delta(delay(b.close, 1), 1), 250) * move / b.close
    return indneutralize(signal, b.subindustry) / total(power(move / delay(b.close, 1), 2), 250)


def alpha049(b: Bars) -> Frame:
    return choose(less(_bend(b), -0.1), 1, -1 * (b.close - delay(b.close, 1)))


def alpha050(b: Bars) -> Frame:
    return -1 * ts_max(rank(correlation(rank(b.volume), rank(b.vwap), 5)), 5)


ALPHAS: dict[str, Callable[[Bars], Frame]] = {
    name: value for name, value in dict(globals()).items() if name.startswith("alpha") and callable(value)
}
