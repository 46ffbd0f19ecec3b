"""What is known of the result of a function from what is known of its arguments. Outer bounds: never less than what can come out."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf

from pplang._ir.interval import negate
from pplang._ir.kinds import Interval

KindRule = Callable[..., Interval]


def increasing(f: Callable[[float], float], at_minus_infinity: float = -inf, at_infinity: float = inf) -> KindRule:
    """The kind rule of an increasing function: its values at the bounds. Where f is not defined there, and at infinity, the limit, open."""

    def kind(x: Interval) -> Interval:
        low, high = _value(f, x.lower, at_minus_infinity), _value(f, x.upper, at_infinity)
        return Interval(low, high, x.lower_open or low == at_minus_infinity, x.upper_open or high == at_infinity)

    return kind


def _value(f: Callable[[float], float], at: float, limit: float) -> float:
    try:
        value = f(at) if abs(at) != inf else limit
    except (ValueError, OverflowError):
        return limit
    return value


def always(kind: Interval) -> KindRule:
    return lambda *_: kind


def absolute(x: Interval) -> Interval:
    if x.lower >= 0:
        return x
    if x.upper <= 0:
        return negate(x)
    furthest, opened = max((-x.lower, x.lower_open), (x.upper, x.upper_open))
    return Interval(0, furthest, False, opened, x.integer)


def cosh(x: Interval) -> Interval:
    return Interval(1, inf)


def whole(f: Callable[[float], int]) -> KindRule:
    def kind(x: Interval) -> Interval:
        low, high = (bound if abs(bound) == inf else float(f(bound)) for bound in (x.lower, x.upper))
        return Interval(low, high, integer=True)

    return kind


def smaller(x: Interval, y: Interval) -> Interval:
    low, low_open = min((x.lower, x.lower_open), (y.lower, y.lower_open))
    high, high_open = min((x.upper, not x.upper_open), (y.upper, not y.upper_open))
    return Interval(low, high, low_open, not high_open, x.integer and y.integer)


def larger(x: Interval, y: Interval) -> Interval:
    return negate(smaller(negate(x), negate(y)))


def remainder(x: Interval, y: Interval) -> Interval:
    if y.lower >= 0:
        return Interval(0, y.upper, upper_open=True, integer=x.integer and y.integer)
    return Interval(integer=x.integer and y.integer)


def cumulated(x: Interval) -> Interval:
    """Sums of one or more such numbers: of numbers at least 0 at least the first, and likewise below."""
    low, high = (x.lower if x.lower >= 0 else -inf), (x.upper if x.upper <= 0 else inf)
    return Interval(low, high, x.lower_open, x.upper_open, x.integer)


def above(x: Interval, bound: Interval) -> Interval:
    return Interval(bound.lower, inf, lower_open=True)


def below(x: Interval, bound: Interval) -> Interval:
    return Interval(-inf, bound.upper, upper_open=True)


def between(x: Interval, low: Interval, high: Interval) -> Interval:
    return Interval(low.lower, high.upper, lower_open=True, upper_open=True)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
