"""Expressions that are affine in one of their parts."""

from __future__ import annotations

from pplang._ir import build
from pplang._ir import expression as ir
from pplang._ir.expression import Expression


def affine_parts(node: Expression, part: Expression) -> tuple[Expression, Expression] | None:
    """(a, c) with node = a part + c, where neither mentions `part`; None where the expression is not seen to be of that form."""
    if node == part:
        return build.ONE, build.ZERO
    if not any(one == part for one in ir.walk(node)):
        return build.ZERO, node
    match node:
        case ir.Negate(operand):
            inner = affine_parts(operand, part)
            return None if inner is None else (_negated(inner[0]), _negated(inner[1]))
        case ir.Sum(terms):
            coefficient: Expression = build.ZERO
            rest: Expression = build.ZERO
            for sign, term in terms:
                inner = affine_parts(term, part)
                if inner is None:
                    return None
                join = build.add if sign == "+" else build.subtract
                coefficient, rest = join(coefficient, inner[0]), join(rest, inner[1])
            return coefficient, rest
        case ir.Product(factors):
            holding = [place for place, (_, one) in enumerate(factors) if any(inside == part for inside in ir.walk(one))]
            if len(holding) != 1 or factors[holding[0]][0] != "*":
                return None
            inner = affine_parts(factors[holding[0]][1], part)
            return None if inner is None else (_in_place(factors, holding[0], inner[0]), _in_place(factors, holding[0], inner[1]))
        case ir.IfElse(condition, then, otherwise) if not any(one == part for one in ir.walk(condition)):
            first, second = affine_parts(then, part), affine_parts(otherwise, part)
            if first is None or second is None:
                return None
            return ir.IfElse(condition, first[0], second[0]), ir.IfElse(condition, first[1], second[1])
    return None


def _negated(node: Expression) -> Expression:
    return build.subtract(build.ZERO, node)


def _in_place(factors: tuple[tuple[str, Expression], ...], place: int, new: Expression) -> Expression:
    """The product with another factor at a place."""
    if build.is_number(new, 0):
        return build.ZERO
    total: Expression = build.ONE
    for at, (operator, one) in enumerate(factors):
        total = build.multiply(total, new if at == place else one) if operator == "*" else build.divide(total, one)
    return total
