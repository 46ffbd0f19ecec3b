"""Interval arithmetic on kinds: what is known of a result from what is known of its operands. Always an outer bound, never a guess."""

from __future__ import annotations

from math import inf

from pplang._ir.kinds import INT, NONNEGATIVE, POSITIVE, REAL, Interval

_End = tuple[float, bool]
"""A bound and whether it is open."""


def point(value: float) -> Interval:
    """The kind of one known number."""
    return Interval(value, value, integer=isinstance(value, int))


def union(first: Interval, second: Interval) -> Interval:
    """The smallest interval that holds both."""
    low, low_open = min((first.lower, first.lower_open), (second.lower, second.lower_open))
    high, closed = max((first.upper, not first.upper_open), (second.upper, not second.upper_open))
    return Interval(low, high, low_open, not closed, first.integer and second.integer)


def intersection(first: Interval, second: Interval) -> Interval:
    """What lies in both; where nothing does, the first (the fault is reported elsewhere)."""
    low, low_open = max((first.lower, first.lower_open), (second.lower, second.lower_open))
    high, closed = min((first.upper, not first.upper_open), (second.upper, not second.upper_open))
    if low > high:
        return first
    return Interval(low, high, low_open, not closed, first.integer or second.integer)


def negate(x: Interval) -> Interval:
    return Interval(-x.upper, -x.lower, x.upper_open, x.lower_open, x.integer)


def add(x: Interval, y: Interval) -> Interval:
    return Interval(
        x.lower + y.lower, x.upper + y.upper, x.lower_open or y.lower_open, x.upper_open or y.upper_open, x.integer and y.integer
    )


def subtract(x: Interval, y: Interval) -> Interval:
    return add(x, negate(y))


def multiply(x: Interval, y: Interval) -> Interval:
    ends = [_times(a, b) for a in _ends(x) for b in _ends(y)]
    low, low_open = min(ends)
    high, closed = max((value, not opened) for value, opened in ends)
    return Interval(low, high, low_open, not closed, x.integer and y.integer)


def _ends(x: Interval) -> tuple[_End, _End]:
    return (x.lower, x.lower_open), (x.upper, x.upper_open)


def _times(a: _End, b: _End) -> _End:
    if a[0] == 0 or b[0] == 0:
        closed_zero = (a[0] == 0 and not a[1]) or (b[0] == 0 and not b[1])
        return 0.0, not closed_zero
    return a[0] * b[0], a[1] or b[1]


def reciprocal(x: Interval) -> Interval:
    """1 / x; where x may be zero inside its range nothing is known. A zero that is only an end counts as not reached."""
    if x.lower >= 0 and x.upper > 0:
        return Interval(
            0 if x.upper == inf else 1 / x.upper, inf if x.lower == 0 else 1 / x.lower, x.upper_open, x.lower_open or x.lower == 0
        )
    if x.upper <= 0 and x.lower < 0:
        return negate(reciprocal(negate(x)))
    return REAL


def divide(x: Interval, y: Interval) -> Interval:
    quotient = multiply(x, reciprocal(y))
    return Interval(quotient.lower, quotient.upper, quotient.lower_open, quotient.upper_open)


def power(x: Interval, y: Interval) -> Interval:
    """x ^ y."""
    if y.lower == y.upper and y.integer:
        return _integer_power(x, int(y.lower))
    if x.lower > 0 or (x.lower == 0 and x.lower_open):
        low_unit = x.upper <= 1 and y.lower >= 0
        return Interval(0, 1, lower_open=True) if low_unit else POSITIVE
    if x.lower == 0:
        return Interval(0, 1) if x.upper <= 1 and y.lower >= 0 else NONNEGATIVE
    return INT if x.integer and y.integer and y.lower >= 0 else REAL


def _integer_power(x: Interval, n: int) -> Interval:
    if n == 0:
        return point(1)
    if n < 0:
        return reciprocal(_integer_power(x, -n))
    if n % 2 == 1 or x.lower >= 0:
        return Interval(_raise(x.lower, n), _raise(x.upper, n), x.lower_open, x.upper_open, x.integer)
    if x.upper <= 0:
        return Interval(_raise(x.upper, n), _raise(x.lower, n), x.upper_open, x.lower_open, x.integer)
    furthest, opened = max((-x.lower, x.lower_open), (x.upper, x.upper_open))
    return Interval(0, _raise(furthest, n), False, opened, x.integer)


def _raise(value: float, n: int) -> float:
    try:
        return float(value) ** n
    except OverflowError:
        return inf if value > 0 or n % 2 == 0 else -inf


def reduced(operation: str, element: Interval, *, some: bool = True) -> Interval:
    """The kind of a reduction (`sum`, `mean` ...) over numbers of one kind; `some`: there is at least one (the sum of none is 0)."""
    match operation:
        case "sum":
            low = 0 if element.lower >= 0 else -inf
            high = 0 if element.upper <= 0 else inf
            positive = some and (element.lower > 0 or (low == 0 and element.lower_open))
            negative = some and (element.upper < 0 or (high == 0 and element.upper_open))
            return Interval(low, high, positive, negative, element.integer)
        case "prod":
            unit = element.lower >= 0 and element.upper <= 1
            positive = element.lower > 0 or (element.lower == 0 and element.lower_open)
            return Interval(0 if element.lower >= 0 else -inf, 1 if unit else inf, positive, False, element.integer)
        case "mean":
            return Interval(element.lower, element.upper, element.lower_open, element.upper_open)
        case "sd":
            return Interval(0, inf, lower_open=True)
        case "logsumexp":
            return REAL
    return element
