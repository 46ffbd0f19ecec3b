"""Interval arithmetic is an outer bound: whatever numbers lie in the operands, the result lies in the kind computed for it."""

from __future__ import annotations

import math
import operator

from hypothesis import given, settings
from hypothesis import strategies as st

from pplang._catalogue.functions import FUNCTIONS
from pplang._ir import interval
from pplang._ir.kinds import Interval

ENDS = st.sampled_from([-math.inf, -7.5, -2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0, 40.0, math.inf])


@st.composite
def kinds(draw: st.DrawFn) -> Interval:
    low, high = sorted((draw(ENDS), draw(ENDS)))
    if low == high:
        low, high = (low, low + 1) if abs(low) != math.inf else (0.0, math.inf)
    return Interval(low, high, draw(st.booleans()), draw(st.booleans()), draw(st.booleans()))


def members(kind: Interval) -> st.SearchStrategy[float]:
    """Numbers of a kind, its ends among them where they belong to it."""
    low, high = max(kind.lower, -1e3), min(kind.upper, 1e3)
    if kind.integer:
        first = math.floor(low) + 1 if kind.lower_open or low != math.floor(low) else math.floor(low)
        last = math.ceil(high) - 1 if kind.upper_open or high != math.ceil(high) else math.ceil(high)
        return st.integers(first, last).map(float) if first <= last else st.nothing()
    inside = st.floats(low, high, exclude_min=kind.lower_open, exclude_max=kind.upper_open, allow_subnormal=False)
    return inside.filter(lambda x: x == 0 or abs(x) > 1e-6)


def lies_in(value: float, kind: Interval) -> bool:
    slack = 1e-9 * max(1.0, abs(value))
    above = value > kind.lower - slack if kind.lower_open else value >= kind.lower - slack
    below = value < kind.upper + slack if kind.upper_open else value <= kind.upper + slack
    return above and below and (not kind.integer or value == math.floor(value))


@settings(max_examples=400, deadline=None)
@given(st.data(), st.sampled_from(["add", "subtract", "multiply", "divide", "power"]))
def test_arithmetic(data: st.DataObject, name: str) -> None:
    x, y = data.draw(kinds()), data.draw(kinds())
    a, b = data.draw(members(x)), data.draw(members(y))
    apply = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv, "power": operator.pow}[
        name
    ]
    try:
        value = apply(a, b)
    except (ZeroDivisionError, OverflowError):
        return
    if isinstance(value, complex) or math.isnan(value) or math.isinf(value):
        return
    assert lies_in(value, getattr(interval, name)(x, y))


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(-4, 5))
def test_integer_powers(data: st.DataObject, exponent: int) -> None:
    x = data.draw(kinds())
    a = data.draw(members(x))
    if a == 0 and exponent < 0:
        return
    assert lies_in(a**exponent, interval.power(x, interval.point(exponent)))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_union_and_intersection(data: st.DataObject) -> None:
    x, y = data.draw(kinds()), data.draw(kinds())
    a = data.draw(members(x))
    assert lies_in(a, interval.union(x, y))
    if lies_in(a, y) and not (a == y.lower and y.lower_open) and not (a == y.upper and y.upper_open):
        assert lies_in(a, interval.intersection(x, y))
    assert lies_in(-a, interval.negate(x))


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(["sum", "prod", "mean", "max", "min"]), st.integers(1, 4))
def test_reductions(data: st.DataObject, operation: str, count: int) -> None:
    x = data.draw(kinds())
    values = [data.draw(members(x)) for _ in range(count)]
    reduce = {"sum": math.fsum, "prod": math.prod, "mean": lambda all_: math.fsum(all_) / len(all_), "max": max, "min": min}[operation]
    assert lies_in(reduce(values), interval.reduced(operation, x))


PYTHON = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "sqrt": math.sqrt, "abs": abs, "sin": math.sin, "cos": math.cos,
    "tanh": math.tanh, "sinh": math.sinh, "cosh": math.cosh, "atan": math.atan, "erf": math.erf, "erfc": math.erfc, "floor": math.floor,
    "ceil": math.ceil, "lgamma": math.lgamma, "logistic": lambda x: 1 / (1 + math.exp(-x)), "logit": lambda p: math.log(p / (1 - p)),
}  # fmt: skip


@settings(max_examples=800, deadline=None)
@given(st.data(), st.sampled_from(sorted(PYTHON)))
def test_functions(data: st.DataObject, name: str) -> None:
    x = data.draw(kinds())
    a = data.draw(members(x))
    try:
        value = float(PYTHON[name](a))
    except (ValueError, OverflowError, ZeroDivisionError):
        return
    assert lies_in(value, FUNCTIONS[name].kind(x))
