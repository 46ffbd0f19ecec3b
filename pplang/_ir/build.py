"""Short forms for the expressions that passes make. Sums and products stay flat, so that what is built equals what its text parses to."""

from __future__ import annotations

from pplang._ir.expression import Binder, Call, Expression, Negate, Number, Power, Product, Reduce, Reference, Sum, Variable
from pplang._ir.program import Site

ZERO, ONE = Number(0), Number(1)


def is_number(node: Expression, value: float) -> bool:
    """Is it that literal?"""
    return isinstance(node, Number) and node.value == value


def add(*terms: Expression) -> Expression:
    """The sum; zeros are left out."""
    kept = [one for one in terms if not is_number(one, 0)]
    if not kept:
        return ZERO
    first, *rest = kept
    head = first.terms if isinstance(first, Sum) else (("+", first),)
    return Sum((*head, *(("+", one) for one in rest))) if rest else first


def subtract(left: Expression, right: Expression) -> Expression:
    if is_number(right, 0):
        return left
    if is_number(left, 0):
        return Negate(right)
    head = left.terms if isinstance(left, Sum) else (("+", left),)
    return Sum((*head, ("-", right)))


def multiply(*factors: Expression) -> Expression:
    """The product; ones are left out."""
    kept = [one for one in factors if not is_number(one, 1)]
    if not kept:
        return ONE
    if any(is_number(one, 0) for one in kept):
        return ZERO
    first, *rest = kept
    head = first.factors if isinstance(first, Product) else (("*", first),)
    return Product((*head, *(("*", one) for one in rest))) if rest else first


def divide(left: Expression, right: Expression) -> Expression:
    if is_number(right, 1):
        return left
    head = left.factors if isinstance(left, Product) else (("*", left),)
    return Product((*head, ("/", right)))


def power(base: Expression, exponent: Expression) -> Expression:
    if is_number(exponent, 1):
        return base
    return ONE if is_number(exponent, 0) else Power(base, exponent)


def call(function: str, *arguments: Expression) -> Expression:
    return Call(function, arguments)


def element_of(site: Site, name: str | None = None) -> Reference:
    """The site's value (or that of a name of the same axes) inside its own relation: at its bound variables, its bare axes whole.

    Bound axes come first; a bare axis before a bound one is kept whole by `_`.
    """
    from pplang._ir.expression import Whole

    slots: list[Expression] = [Whole() if axis.variable is None else Variable(axis.variable) for axis in site.axes]
    while slots and isinstance(slots[-1], Whole):
        slots.pop()
    return Reference(name or site.name, tuple(slots))


def sum_over(site: Site, element: Expression) -> Expression:
    """The sum of an expression over the plates of a site."""
    binders = tuple(Binder(axis.variable, axis.set) for axis in site.plates if axis.variable is not None)
    return Reduce("sum", element, binders) if binders else element
