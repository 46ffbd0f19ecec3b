"""Expressions as polynomials in what they are made of, so that two that are written differently can be seen to be the same.

A polynomial maps monomials to numbers; a monomial is a set of factors with rational powers. A factor is an expression that does not vary over
either of two letters (`height`), or one of the few that do: a difference of inputs, a root, an exponential, a sum over a set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.substitute import substitute
from pplang._records import dataclass

Monomial = frozenset[tuple[Any, Fraction]]
"""Factors, expressions or records of this module, with their powers."""
Polynomial = Mapping[Monomial, float]
Terms = frozenset[tuple[Monomial, float]]

_CLOSE = 1e-9
_LARGEST_POWER = 8
_NOTHING: Monomial = frozenset()


class UnreadableError(Exception):
    """The expression has no such form."""


@dataclass(frozen=True)
class Difference:
    """coordinate(i) - coordinate(j); the expression has the first letter."""

    coordinate: ire.Expression


@dataclass(frozen=True)
class Distance:
    """Its absolute value."""

    coordinate: ire.Expression


@dataclass(frozen=True)
class Radius:
    """The square root of a sum."""

    square: Terms


@dataclass(frozen=True)
class Exponential:
    exponent: Terms


@dataclass(frozen=True)
class Total:
    """The sum of a monomial over a set."""

    binder: ire.Binder
    element: Monomial


VARYING = (Difference, Distance, Radius, Exponential, Total)


def frozen(terms: Polynomial) -> Terms:
    """As a part of a factor; numbers that differ by rounding are the same."""
    return frozenset((monomial, float(f"{number:.14g}")) for monomial, number in terms.items())


def thawed(terms: Terms) -> Polynomial:
    """In an order that is the same in each run."""
    return dict(sorted(terms, key=repr))


def number_of(value: float) -> Polynomial:
    return {_NOTHING: value}


def added(*parts: Polynomial) -> Polynomial:
    """The sum; what cancels is left out."""
    total: dict[Monomial, float] = defaultdict(float)
    largest = max((abs(number) for one in parts for number in one.values()), default=0.0)
    for one in parts:
        for monomial, number in one.items():
            total[monomial] += number
    return {monomial: number for monomial, number in total.items() if abs(number) > _CLOSE * largest}


def scaled(terms: Polynomial, by: float) -> Polynomial:
    return {monomial: by * number for monomial, number in terms.items()}


def multiplied(*parts: Polynomial) -> Polynomial:
    total: Polynomial = number_of(1.0)
    for one in parts:
        total = added(*(scaled(_joined(a, b), x * y) for a, x in total.items() for b, y in one.items()))
    return total


def _joined(first: Monomial, second: Monomial) -> Polynomial:
    """The product of two monomials: squares of roots are multiplied out, exponentials become one."""
    powers: dict[Any, Fraction] = defaultdict(Fraction)
    for factor, power in (*first, *second):
        powers[factor] += power
    exponent: Polynomial = {}
    squares: list[Polynomial] = []
    for factor, power in list(powers.items()):
        match factor:
            case Exponential(terms):
                exponent = added(exponent, scaled(thawed(terms), float(power)))
                del powers[factor]
            case Difference(coordinate) if power % 2 == 0:
                del powers[factor]
                powers[Distance(coordinate)] += power
            case Radius(square) if power >= 2:
                squares += [thawed(square)] * int(power // 2)
                powers[factor] = power % 2
    if exponent:
        powers[Exponential(frozen(exponent))] = Fraction(1)
    joined: Polynomial = {frozenset((factor, power) for factor, power in powers.items() if power): 1.0}
    return multiplied(joined, *squares) if squares else joined


def same(first: Polynomial, second: Polynomial) -> bool:
    return not added(first, scaled(second, -1.0))


def only(terms: Polynomial) -> tuple[Monomial, float]:
    """The one monomial of a polynomial, with its number. Raises UnreadableError where there are several."""
    if len(terms) != 1:
        raise UnreadableError
    return next(iter(terms.items()))


def varies(monomial: Iterable[tuple[Any, Fraction]]) -> bool:
    """Does it hold anything that differs from pair to pair?"""
    return any(isinstance(factor, VARYING) for factor, _ in monomial)


def expression(terms: Polynomial) -> ire.Expression:
    """A polynomial that does not vary, written out."""
    parts = sorted(((_written(monomial, number), number) for monomial, number in terms.items()), key=lambda one: repr(one[0]))
    return build.add(*(part for part, _ in parts))


def _written(monomial: Monomial, number: float) -> ire.Expression:
    rounded = _rounded(number)
    above: ire.Expression = ire.Number(int(rounded) if rounded == int(rounded) else rounded)
    below: ire.Expression = build.ONE
    for factor, power in sorted(monomial, key=repr):
        one = build.power(factor, ire.Number(_plain(abs(power)))) if abs(power) != Fraction(1, 2) else build.call("sqrt", factor)
        above, below = (build.multiply(above, one), below) if power > 0 else (above, build.multiply(below, one))
    return build.divide(above, below)


def _plain(power: Fraction) -> int | float:
    return power.numerator if power.denominator == 1 else float(power)


def _rounded(number: float) -> float:
    """A number without what rounding has done to its last digits, where it is a short one."""
    short = float(f"{number:.6g}")
    return short if abs(short - number) < _CLOSE * abs(number) else number


@dataclass(frozen=True)
class Reader:
    """Reads expressions as polynomials. first, second: the two letters. nonnegative: is an expression known to be?"""

    first: str
    second: str
    nonnegative: Callable[[ire.Expression], bool]

    def read(self, node: ire.Expression) -> Polynomial:
        """Raises UnreadableError."""
        match node:
            case ire.Number(value):
                return number_of(float(value))
            case ire.Negate(operand):
                return scaled(self.read(operand), -1.0)
            case ire.Product(factors):
                return multiplied(*(self.read(one) if operator == "*" else self.inverse(one) for operator, one in factors))
            case ire.Power(base, ire.Number(exponent)):
                return self.power(self.read(base), Fraction(exponent).limit_denominator(1_000))
            case ire.Call("sqrt", (operand,)):
                return self.root(operand)
        if not self.mentions(node):
            return {frozenset({(node, Fraction(1))}): 1.0}
        match node:
            case ire.Sum(terms):
                difference = self._difference(terms)
                return difference or added(*(scaled(self.read(one), 1.0 if sign == "+" else -1.0) for sign, one in terms))
            case ire.Call("abs", (operand,)):
                return self.power(self.power(self.read(operand), Fraction(2)), Fraction(1, 2))
            case ire.Call("exp", (operand,)):
                return {frozenset({(Exponential(frozen(self.read(operand))), Fraction(1))}): 1.0}
            case ire.Reduce("sum", element, (binder,), None):
                parts = (self._total(binder, monomial, number) for monomial, number in self.read(element).items())
                return added(*parts)
        raise UnreadableError

    def mentions(self, node: ire.Expression) -> bool:
        return any(isinstance(one, ire.Variable | ire.Lag) and self._letter(one) in (self.first, self.second) for one in ire.walk(node))

    def _letter(self, node: ire.Variable | ire.Lag) -> str:
        return node.name if isinstance(node, ire.Variable) else node.variable

    def inverse(self, node: ire.Expression) -> Polynomial:
        return self.power(self.read(node), Fraction(-1))

    def root(self, node: ire.Expression) -> Polynomial:
        square = self.read(node)
        if len(square) == 1 and not any(isinstance(factor, Total) for factor, _ in next(iter(square))):
            return self.power(square, Fraction(1, 2))
        return {frozenset({(Radius(frozen(square)), Fraction(1))}): 1.0}

    def power(self, terms: Polynomial, power: Fraction) -> Polynomial:
        if len(terms) != 1 and power.denominator == 1 and 0 <= power <= _LARGEST_POWER:
            return multiplied(*[terms] * int(power))
        monomial, number = only(terms)
        if number < 0 and power.denominator != 1:
            raise UnreadableError
        return multiplied({_NOTHING: number ** float(power)}, *(self._raised(factor, own, power) for factor, own in monomial))

    def _raised(self, factor: Any, own: Fraction, power: Fraction) -> Polynomial:
        if isinstance(factor, Difference) and power.denominator != 1:
            raise UnreadableError
        even = own % 2 == 0 and power.denominator != 1
        if even and not isinstance(factor, VARYING) and not self.nonnegative(factor):
            factor = build.call("abs", factor)
        return multiplied({frozenset({(factor, own * power)}): 1.0})

    def _difference(self, terms: tuple[tuple[str, ire.Expression], ...]) -> Polynomial | None:
        """`x[i] - x[j]`, or the other way round."""
        if len(terms) != 2 or terms[0][0] == terms[1][0]:
            return None
        (sign, one), (_, other) = terms
        if self._is_at(one, self.second):
            sign, one, other = "-" if sign == "+" else "+", other, one
        if not (self._is_at(one, self.first) and self._is_at(other, self.second)):
            return None
        if substitute(one, {self.first: ire.Variable(self.second)}) != other:
            return None
        return {frozenset({(Difference(one), Fraction(1))}): 1.0 if sign == "+" else -1.0}

    def _is_at(self, node: ire.Expression, letter: str) -> bool:
        found = {self._letter(one) for one in ire.walk(node) if isinstance(one, ire.Variable | ire.Lag)}
        return letter in found and not found & ({self.first, self.second} - {letter})

    def _total(self, binder: ire.Binder, monomial: Monomial, number: float) -> Polynomial:
        inside = frozenset(one for one in monomial if _holds(one[0], binder.variable))
        if not inside:
            raise UnreadableError
        return {(monomial - inside) | {(Total(binder, inside), Fraction(1))}: number}


def _holds(factor: Any, letter: str) -> bool:
    """Does a factor mention a letter?"""
    match factor:
        case Difference(coordinate) | Distance(coordinate):
            return _holds(coordinate, letter)
        case Radius(terms) | Exponential(terms):
            return any(_holds(one, letter) for monomial, _ in terms for one, _ in monomial)
        case Total(_, element):
            return any(_holds(one, letter) for one, _ in element)
    return any(isinstance(one, ire.Variable) and one.name == letter for one in ire.walk(factor))
