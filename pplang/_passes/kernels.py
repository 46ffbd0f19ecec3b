"""Stationary kernels, recognised in a covariance however it is written: squared exponential and Matern, and sums of them.

`height^2 * exp(-(x[i] - x[j])^2 / (2 * length^2))` is a squared exponential of variance `height^2` and length scale `length`;
`(1 + sqrt(3) * r / length) * exp(-sqrt(3) * r / length)` with r a distance is Matern 3/2. Inputs may be several, each with a length scale of its
own: `exp(-sum(((x[i, k] - x[j, k]) / length[k])^2 for k in Feature) / 2)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from pplang._ir import expression as ire
from pplang._passes.polynomials import (
    Distance,
    Exponential,
    Monomial,
    Polynomial,
    Radius,
    Reader,
    Total,
    UnreadableError,
    added,
    expression,
    multiplied,
    number_of,
    only,
    same,
    scaled,
    thawed,
    varies,
)
from pplang._records import dataclass


@dataclass(frozen=True)
class Family:
    """A kernel of distance over length scale.

    degrees: nu of Matern, None for the squared exponential. functions, room: with half the range of the inputs S, length scale l and boundary c,
    m >= functions c S / l and c >= max(1.2, room l / S) are enough (Riutort-Mayol et al. 2022, equations 10 to 16 and table 1; for Matern 1/2, which
    they leave out, what leaves as much of the spectrum out, and as much of a mirror image in).
    """

    name: str
    degrees: float | None
    functions: float
    room: float


SQUARED_EXPONENTIAL = Family("squared exponential", None, 1.75, 3.2)
MATERN = {
    Fraction(5, 2): Family("Matern 5/2", 2.5, 2.65, 4.1),
    Fraction(3, 2): Family("Matern 3/2", 1.5, 3.42, 4.5),
    Fraction(1, 2): Family("Matern 1/2", 0.5, 40.0, 5.8),
}
LEAST_BOUNDARY = 1.2


@dataclass(frozen=True)
class Kernel:
    """variance, and the length scale of each input (of a set of inputs one expression, in its letter)."""

    family: Family
    variance: ire.Expression
    lengths: tuple[ire.Expression, ...]


@dataclass(frozen=True)
class Inputs:
    """Where the members of a process lie: an expression in the first letter for each dimension, or one for all members of a set (`over`)."""

    coordinates: tuple[ire.Expression, ...]
    over: ire.Binder | None = None


@dataclass(frozen=True)
class Covariance:
    """A sum of kernels over the same inputs; `letter` stands for a member."""

    letter: str
    inputs: Inputs
    kernels: tuple[Kernel, ...]


def recognised(node: ire.Expression, first: str, second: str, nonnegative: Callable[[ire.Expression], bool]) -> Covariance:
    """The kernels of which a covariance of members `first` and `second` is the sum. Raises UnreadableError."""
    reader = Reader(first, second, nonnegative)
    groups: dict[Exponential, dict[Monomial, float]] = {}
    for monomial, number in reader.read(node).items():
        (exponential,) = _exponentials(monomial)
        groups.setdefault(exponential, {})[monomial - {(exponential, Fraction(1))}] = number
    found = [_kernel(reader, thawed(exponential.exponent), before) for exponential, before in groups.items()]
    inputs = found[0][0]
    if not found or any(set(one.coordinates) != set(inputs.coordinates) or one.over != inputs.over for one, _ in found):
        raise UnreadableError
    return Covariance(first, inputs, tuple(_in_order(kernel, own, inputs) for own, kernel in found))


def _exponentials(monomial: Monomial) -> tuple[Exponential]:
    found = tuple(factor for factor, power in monomial if isinstance(factor, Exponential) and power == 1)
    if len(found) != 1:
        raise UnreadableError
    return (found[0],)


def _in_order(kernel: Kernel, own: Inputs, inputs: Inputs) -> Kernel:
    by = dict(zip(own.coordinates, kernel.lengths, strict=True))
    return Kernel(kernel.family, kernel.variance, tuple(by[one] for one in inputs.coordinates))


def _kernel(reader: Reader, exponent: Polynomial, before: Polynomial) -> tuple[Inputs, Kernel]:
    """The kernel `before * exp(exponent)`."""
    variance = {monomial: number for monomial, number in before.items() if not varies(monomial)}
    if not variance:
        raise UnreadableError
    if any(isinstance(factor, Radius) or (isinstance(factor, Distance) and power == 1) for one in exponent for factor, power in one):
        reach = scaled(exponent, -1.0)
        family, square = _matern(before, variance, reach), _square(reach)
        half = Fraction(2 * _degrees(family)).limit_denominator()
    else:
        family, square = SQUARED_EXPONENTIAL, scaled(exponent, -1.0)
        half = Fraction(1, 2)
        if not same(before, variance):
            raise UnreadableError
    inputs, rates = _inputs(square)
    lengths = tuple(expression(reader.power(multiplied(number_of(float(1 / half)), rate), Fraction(-1, 2))) for rate in rates)
    return inputs, Kernel(family, expression(variance), lengths)


def _degrees(family: Family) -> float:
    assert family.degrees is not None
    return family.degrees


def _matern(before: Polynomial, variance: Polynomial, reach: Polynomial) -> Family:
    """Which kernel it is: variance times 1, 1 + r, or 1 + r + r^2 / 3, before exp(-r)."""
    one, square = number_of(1.0), scaled(multiplied(reach, reach), 1 / 3)
    for degrees, polynomial in ((Fraction(1, 2), one), (Fraction(3, 2), added(one, reach)), (Fraction(5, 2), added(one, reach, square))):
        if same(before, multiplied(variance, polynomial)):
            return MATERN[degrees]
    raise UnreadableError


def _square(reach: Polynomial) -> Polynomial:
    """r^2, for r with one monomial: a multiple of a distance or of a root."""
    monomial, number = only(reach)
    if number <= 0:
        raise UnreadableError
    return multiplied({monomial: number}, {monomial: number})


def _inputs(square: Polynomial) -> tuple[Inputs, list[Polynomial]]:
    """The inputs in a sum of squared distances, and what the square of each is multiplied with."""
    found: dict[Any, Polynomial] = {}
    over = None
    for monomial, number in square.items():
        varying = [(factor, power) for factor, power in monomial if varies([(factor, power)])]
        if len(varying) != 1 or number <= 0:
            raise UnreadableError
        ((factor, power),) = varying
        rate: Polynomial = {monomial - {varying[0]}: number}
        if isinstance(factor, Total) and power == 1:
            over = factor.binder
            coordinate, inside = _squared(factor.element)
            rate = multiplied(rate, inside)
        else:
            coordinate, inside = _squared([(factor, power)])
        if coordinate in found or (over is not None and found):
            raise UnreadableError
        found[coordinate] = rate
    order = sorted(found, key=repr)
    return Inputs(tuple(order), over), [found[one] for one in order]


def _squared(monomial: Iterable[tuple[Any, Fraction]]) -> tuple[ire.Expression, Polynomial]:
    """A squared distance, and what else stands in a monomial."""
    distances = [factor for factor, power in monomial if isinstance(factor, Distance) and power == 2]
    if len(distances) != 1:
        raise UnreadableError
    rest = frozenset((factor, power) for factor, power in monomial if factor != distances[0])
    if varies(rest):
        raise UnreadableError
    return distances[0].coordinate, {rest: 1.0}
