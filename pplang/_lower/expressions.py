"""Arithmetic, truth, branches and function calls as array code, element by element."""

from __future__ import annotations

import ast
from dataclasses import replace

from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.kinds import POSITIVE, Interval
from pplang._ir.program import Distinct, Empty, ProductSet
from pplang._lower import code
from pplang._lower.cells import row_of
from pplang._lower.code import Code
from pplang._lower.functions import ALWAYS_FINITE, asserted
from pplang._lower.indexing import within
from pplang._lower.repeats import each
from pplang._lower.terms import Axis, Term, full, number, union
from pplang._lower.unit import Loop, Scope, elementwise, every, opposite, rule

_LONGEST = 24
"""How many operands one generated line adds or multiplies."""
_NEGATIVE = Interval(upper=0, upper_open=True)


@rule(ir.Number)
def _number(node: ir.Number, scope: Scope) -> Term:
    return number(node.value)


@rule(ir.Size)
def _size(node: ir.Size, scope: Scope) -> Term:
    return Term(code.size(node.set), type="int", plain=True)


@rule(ir.Variable)
def _variable(node: ir.Variable, scope: Scope) -> Term:
    """The positions of the members of a bound variable; over a numeric range its integers are what `number` makes of them."""
    bound = scope.variables[node.name]
    if isinstance(bound, Loop):
        return Term(code.name(bound.position), type="member", member=bound.set)
    return Term(every(bound), (bound,), type="member", member=bound.set)


@rule(ir.Member)
def _member(node: ir.Member, scope: Scope) -> Term:
    found = code.call(ast.Attribute(code.members(node.set), "index", ast.Load()), code.constant(node.label))
    return Term(found, type="member", member=node.set, plain=True)


@rule(ir.Part)
def _part(node: ir.Part, scope: Scope) -> Term:
    """A product set's members are numbered with its last set running fastest."""
    member = scope.value(node.member)
    assert member.member is not None
    members = scope.unit.program.set[member.member].members
    if isinstance(members, Empty | Distinct):
        return row_of(members, node, member, scope)
    assert isinstance(members, ProductSet)
    place = [n for n, one in enumerate(members.sets) if one == node.set][node.occurrence - 1]
    position = member.code
    for one in members.sets[place + 1 :]:
        position = code.binary(position, "//", code.size(one))
    if place:
        position = code.binary(position, "%", code.size(node.set))
    return member.become(position, member=node.set)


# arithmetic


@rule(ir.Sum)
def _sum(node: ir.Sum, scope: Scope) -> Term:
    terms = [scope.number(term) for _, term in node.terms]
    return chain(scope, [sign for sign, _ in node.terms], terms)


def chain(scope: Scope, operators: list[str], terms: list[Term]) -> Term:
    """`a + b - c`, `a * b / c`, from left to right; the first operator is "-" where the first term is subtracted."""
    total = terms[0] if operators[0] != "-" else _negated(terms[0])
    for count, (operator, term) in enumerate(zip(operators[1:], terms[1:], strict=True), 1):
        total = _combined(scope, total, operator, term)
        if count % _LONGEST == 0:
            total = scope.unit.store(total)
    return total


def _combined(scope: Scope, left: Term, operator: str, right: Term) -> Term:
    whole = operator != "/" and left.type == "int" and right.type == "int"
    if operator == "/" and left.plain and right.plain and not _is_nonzero_constant(right.code):
        divide = scope.unit.function("divide")
        return replace(elementwise(lambda a, b: code.call(divide, a, b), (left, right)), plain=False)
    return elementwise(lambda a, b: code.binary(a, operator, b), (left, right), "int" if whole else "real")


def _is_nonzero_constant(one: Code) -> bool:
    return isinstance(one, ast.Constant) and one.value != 0


def _negated(term: Term) -> Term:
    return replace(term, code=code.negative(term.code))


@rule(ir.Negate)
def _negate(node: ir.Negate, scope: Scope) -> Term:
    return _negated(scope.number(node.operand))


@rule(ir.Product)
def _product(node: ir.Product, scope: Scope) -> Term:
    return chain(scope, [operator for operator, _ in node.factors], [factor(operator, one, scope) for operator, one in node.factors])


def factor(operator: str, node: ir.Expression, scope: Scope) -> Term:
    """One factor; a denominator is guarded where the quotient does not matter."""
    term = scope.number(node)
    return scope.guarded(term, 1.0) if operator == "/" and not _is_never_zero(scope, node) else term


def _is_never_zero(scope: Scope, node: ir.Expression) -> bool:
    found = scope.kind(node) if scope.guard is not None else None
    return isinstance(found, Interval) and (found.within(POSITIVE) or found.within(_NEGATIVE))


@rule(ir.Power)
def _power(node: ir.Power, scope: Scope) -> Term:
    base, exponent = scope.number(node.base), scope.number(node.exponent)
    literal = _literal_integer(node.exponent)
    if base.plain and exponent.plain:
        power = scope.unit.function("power")
        return replace(elementwise(lambda a, b: code.call(power, code.call("float", a), b), (base, exponent)), plain=False)
    if literal is not None and literal >= 0:
        return elementwise(lambda a, b: code.binary(a, "**", b), (base, exponent), base.type)
    if base.type == "int":
        base = base.become(code.binary(code.constant(1.0), "*", base.code), type="real")
    if literal is None:
        base = asserted(scope, node.base, base, Interval(0, float("inf"), lower_open=True), safe=1.0, closed=True)
    base = scope.guarded(base, 1.0)
    return elementwise(lambda a, b: code.binary(a, "**", b), (base, exponent))


def _literal_integer(node: ir.Expression) -> int | None:
    match node:
        case ir.Number(int() as value):
            return value
        case ir.Negate(ir.Number(int() as value)):
            return -value
    return None


# truth and branches


@rule(ir.Compare)
def _compare(node: ir.Compare, scope: Scope) -> Term:
    left, right = scope.value(node.left), scope.value(node.right)
    if left.member is not None and right.member is not None:
        first, second = left.member, right.member
        left, right = within(left, second, scope), within(right, first, scope)
    numbers = not (left.type == "member" and right.type == "member" and left.member == right.member)
    if numbers:
        left, right = scope.number(node.left), scope.number(node.right)
    return elementwise(lambda a, b: code.compare(a, node.operator, b), (left, right), "bool")


@rule(ir.Logical)
def _logical(node: ir.Logical, scope: Scope) -> Term:
    """Every operand of `and` matters only where those before it hold: `x > 0 and log(x) > 1`."""
    total = scope.value(node.operands[0])
    for operand in node.operands[1:]:
        inner = scope
        if _can_fail(operand):
            inner = scope.within(total if node.operator == "and" else opposite(scope, total))
        sign = "&" if node.operator == "and" else "|"
        total = elementwise(lambda a, b, sign=sign: code.binary(a, sign, b), (total, inner.value(operand)), "bool")
    return total


@rule(ir.Not)
def _not(node: ir.Not, scope: Scope) -> Term:
    return opposite(scope, scope.value(node.operand))


@rule(ir.IfElse)
def _if(node: ir.IfElse, scope: Scope) -> Term:
    return either(scope, scope.value(node.condition), node.then, node.otherwise)


def either(scope: Scope, condition: Term, then: ir.Expression, otherwise: ir.Expression) -> Term:
    """One of two branches, by element; neither spoils the gradient where the other is taken."""
    first, second = scope, scope
    if _can_fail(then) or _can_fail(otherwise):
        condition = scope.unit.store(condition)
        first = scope.within(condition)
        second = scope.within(scope.unit.store(opposite(scope, condition))) if _can_fail(otherwise) else scope
    yes, no = first.value(then), second.value(otherwise)
    if yes.type != no.type or yes.member != no.member:
        yes, no = first.number(then), second.number(otherwise)
    kind = yes.type if yes.type == no.type else "real"
    where = scope.unit.function("where")
    chosen = elementwise(lambda *parts: code.call(where, *parts), (condition, yes, no), kind)
    return replace(chosen, member=yes.member, plain=False)


def _can_fail(node: ir.Expression) -> bool:
    """Does it hold an operation that has no finite value or gradient somewhere?"""
    return any(
        isinstance(one, ir.Power | ir.LogDensity)
        or (isinstance(one, ir.Product) and any(operator == "/" for operator, _ in one.factors))
        or (isinstance(one, ir.Call) and one.function not in ALWAYS_FINITE)
        for one in each(node)
    )


# tables


@rule(ir.TableLiteral)
def _table(node: ir.TableLiteral, scope: Scope) -> Term:
    terms = [scope.number(item) for item in node.items]
    axes = union(terms)
    if any(term.event for term in terms):
        return _joined(terms, axes, scope)
    kind = "int" if all(term.type == "int" for term in terms) else "real"
    if not axes:
        table = code.call(scope.unit.function("array"), ast.List([term.code for term in terms], ast.Load()))
    else:
        lifted = elementwise(lambda *parts: code.call(scope.unit.function("broadcast_arrays"), *parts), terms)
        table = code.call(scope.unit.function("stack"), lifted.code, axis=code.constant(-1))
    return Term(table, axes, ("[]",), kind, data=all(term.data for term in terms))  # type: ignore[arg-type]


def _joined(terms: list[Term], axes: tuple[Axis, ...], scope: Scope) -> Term:
    """Tables and numbers, one after the other."""
    parts = []
    for term in terms:
        array = full(scope.unit.array, term, axes, [code.size(one) for one in term.event])
        parts.append(array if term.event else code.call(scope.unit.function("expand_dims"), array, code.constant(-1)))
    table = code.call(scope.unit.function("concatenate"), ast.List(parts, ast.Load()), axis=code.constant(-1))
    return Term(table, axes, ("[]",), data=all(term.data for term in terms))


def _later(node: ir.Expression, scope: Scope) -> Term:
    raise InternalError(f"{type(node).__name__} cannot be lowered yet")


for _kind in (ir.NetCall, ir.RecordField):
    rule(_kind)(_later)
