"""References: the elements of a table at some indices, as the table itself, a slice of it, or a gather."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.program import Order, SumSet
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.terms import Axis, Term, aligned, ordered, permuted, union
from pplang._lower.unit import Hidden, Loop, Scope, Unit, as_member_of, every, row_order, rule, type_of
from pplang._source import NOWHERE


@dataclass(frozen=True)
class Slot:
    """One index: a bound variable's own axis, an axis kept whole (`kept`: its set), or positions."""

    axis: Axis | None = None
    kept: str | None = None
    positions: Term | None = None


@rule(ir.Reference)
def _reference(node: ir.Reference, scope: Scope) -> Term:
    unit = scope.unit
    kind, member = type_of(unit.program.kind_of(node.name))
    sets = unit.program.axes_of(node.name)
    base = unit.local(node.name)
    data = node.name not in unit.defined or unit.array == "np"
    indices = _all(node.indices, len(sets))
    slots = []
    for dimension, (index, set_name) in enumerate(zip(indices, sets, strict=True)):
        shifted = _shift(index, scope)
        if shifted:
            base, index = code.call(unit.function("roll"), base, code.constant(shifted), axis=code.constant(dimension)), ir.Variable(index.variable)  # type: ignore[union-attr]  # fmt: skip
        slots.append(slot_of(index, set_name, scope))
    if data and unit.array == "jnp" and any(one.positions is not None and not one.positions.data for one in slots):
        base = code.call(unit.function("asarray"), base)
    found = pick(unit.array, base, slots)
    return replace(found, type=kind, member=member, data=data and all(one.positions is None or one.positions.data for one in slots))


@rule(ir.Element)
def _element(node: ir.Element, scope: Scope) -> Term:
    """`softmax(b)[k]`: the axes that the table has from its own bound variables stay as they are."""
    table = scope.unit.store(scope.value(node.table))
    indices = _all(node.indices, len(table.event))
    slots = [
        *(Slot(axis=axis) for axis in table.axes),
        *(slot_of(index, over, scope) for index, over in zip(indices, table.event, strict=True)),
    ]
    data = table.data and all(one.positions is None or one.positions.data for one in slots)
    base = table.code
    if table.data and scope.unit.array == "jnp" and not data:
        base = code.call(scope.unit.function("asarray"), base)
    return replace(pick(scope.unit.array, base, slots), type=table.type, member=table.member, data=data)


def _all(indices: Sequence[ir.Expression], count: int) -> tuple[ir.Expression, ...]:
    """The indices of a table with so many axes: what is not said stays whole."""
    return (*indices, *(ir.Whole() for _ in range(count - len(indices))))


def slots_of(indices: Sequence[ir.Expression], sets: Sequence[str], scope: Scope) -> list[Slot]:
    """Indices that take no steps, as slots of a table over these sets."""
    return [slot_of(index, set_name, scope) for index, set_name in zip(_all(indices, len(sets)), sets, strict=True)]


def slot_of(index: ir.Expression, set_name: str, scope: Scope) -> Slot:
    match index:
        case ir.Whole():
            return Slot(kept=set_name)
        case ir.Variable(name):
            bound = scope.variables[name]
            if isinstance(bound, Axis) and bound.kept is None and bound.set == set_name:
                return Slot(axis=bound)
    term = scope.value(index)
    if term.type != "member":
        raise InternalError("an index that is not a member of a set")
    return Slot(positions=within(term, set_name, scope))


def within(term: Term, set_name: str, scope: Scope) -> Term:
    """The positions of members of one summand in a sum of sets, perhaps of sums; those of a part of a set in the whole one."""
    assert term.member is not None
    before = _before(term.member, set_name, scope)
    if before is None:
        term = as_member_of(set_name, term, scope.unit)
        assert term.member is not None
        before = _before(term.member, set_name, scope)
    position = term.code
    for one in before or ():
        position = code.binary(code.size(one), "+", position)
    return term if before is None else term.become(position, member=set_name)


def _before(member_of: str, set_name: str, scope: Scope) -> list[str] | None:
    """The sets whose members come before those of one set in another; None where it holds no such set."""
    if member_of == set_name:
        return []
    found = scope.unit.program.set.get(set_name)
    passed: list[str] = []
    for one in found.members.sets if found is not None and isinstance(found.members, SumSet) else ():
        inside = _before(member_of, one, scope)
        if inside is not None:
            return passed + inside
        passed.append(one)
    return None


def pick(array: str, base: Code, slots: Sequence[Slot]) -> Term:
    """The elements of `base` at some indices; NumPy's rules for where the gathered dimensions come out are applied here."""
    gathered = union([one.positions for one in slots if one.positions is not None])
    repeated = [one.axis for one in slots if one.axis is not None]
    spelt = {axis for axis in repeated if axis in gathered or repeated.count(axis) > 1}
    if spelt:
        gathered = ordered([*gathered, *spelt])
    codes: list[Code] = []
    dimensions: list[object] = []
    advanced: list[int] = []
    for place, one in enumerate(slots):
        if (one.axis is not None and one.axis not in spelt) or one.kept is not None:
            codes.append(code.whole())
        else:
            positions = one.positions or Term(every(axis_of(one)), (axis_of(one),))
            codes.append(aligned(positions, gathered))
            advanced.append(place)
    adjacent = not advanced or advanced[-1] - advanced[0] == len(advanced) - 1
    for place, one in enumerate(slots):
        if advanced and place == (advanced[0] if adjacent else 0):
            dimensions[0 if not adjacent else len(dimensions) :] = gathered
        if place not in advanced:
            dimensions.append(one.axis if one.axis is not None else ("kept", place))
    kept = [("kept", place) for place, one in enumerate(slots) if one.kept is not None]
    axes = ordered(one for one in dimensions if isinstance(one, Axis))
    result = permuted(array, code.subscript(base, codes), dimensions, [*axes, *kept])
    return Term(result, axes, tuple(one.kept for one in slots if one.kept is not None))


def axis_of(slot: Slot) -> Axis:
    assert slot.axis is not None
    return slot.axis


# steps back in time


def _shift(index: ir.Expression, scope: Scope) -> int:
    """By how much a table is rolled for `y[t - 1]`; 0 where another way is needed."""
    match index:
        case ir.Lag(variable, ir.Number(int() as by)):
            bound = scope.variables[variable]
            if isinstance(bound, Axis) and bound.kept is None and row_order(scope.unit.program, bound.set) is None:
                return by
    return 0


@rule(ir.Lag)
def _lag(node: ir.Lag, scope: Scope) -> Term:
    """The positions of a step back. A member without a predecessor gets the position of some other member: `exists` tells them apart."""
    bound = scope.variables[node.variable]
    order = row_order(scope.unit.program, bound.set)
    if order is not None:
        back = _back(scope, bound.set, order, node.by)
        if isinstance(bound, Loop):
            return Term(code.subscript(back, [code.name(bound.position)]), type="member", member=bound.set)
        return Term(back if bound.kept is None else code.subscript(back, [every(bound)]), (bound,), type="member", member=bound.set)
    here, by = scope.value(ir.Variable(node.variable)), scope.number(node.by)
    maximum = scope.unit.static("maximum")
    axes = union((here, by))
    difference = code.binary(aligned(here, axes), "-", aligned(by, axes))
    inside = code.call(maximum, difference, code.constant(0)) if not isinstance(bound, Loop) or axes else difference
    return Term(inside, axes, type="member", member=bound.set)


def exists(lag: ir.Lag, scope: Scope) -> Term:
    """Whether a bound variable's member has the predecessor (or, ahead, the successor) that a lag asks for."""
    unit = scope.unit
    bound = scope.variables[lag.variable]
    order = row_order(unit.program, bound.set)
    if order is not None:
        back = _back(scope, bound.set, order, lag.by)
        here = code.subscript(back, [code.name(bound.position)]) if isinstance(bound, Loop) else back
        return Term(code.compare(here, ">=", code.constant(0)), () if isinstance(bound, Loop) else (bound,), type="bool")
    here = scope.value(ir.Variable(lag.variable)).code
    axes = () if isinstance(bound, Loop) else (bound,)
    if isinstance(lag.by, ir.Number):
        by = int(lag.by.value)
        if by < 0:
            return Term(code.compare(here, "<", code.binary(code.size(bound.set), "-", code.constant(-by))), axes, type="bool")
        return Term(code.compare(here, ">=", code.constant(by)), axes, type="bool")
    other = _set_of(lag.by, scope)
    furthest = code.call(unit.static("max"), code.members(other), initial=code.constant(0))
    return Term(code.compare(here, ">=", furthest), axes, type="bool")


def _set_of(variable: ir.Expression, scope: Scope) -> str:
    assert isinstance(variable, ir.Variable)
    return scope.variables[variable.name].set


def _back(scope: Scope, set_name: str, order: Order, by: ir.Expression) -> Code:
    """The hidden argument that holds each row's predecessor: positions, -1 where there is none."""
    if not isinstance(by, ir.Number):
        raise InternalError("a step of variable length between the rows of a table")
    steps = int(by.value)
    name = f"{set_name}_back_{steps}" if steps > 0 else f"{set_name}_ahead_{-steps}"
    return by_order(scope.unit, set_name, order, name, "steps_back", steps)


def chains(scope: Scope, set_name: str) -> Code | None:
    """The hidden argument that holds the rows of each group in order; None for a set whose members stand in order, in one chain."""
    order = row_order(scope.unit.program, set_name)
    return None if order is None else by_order(scope.unit, set_name, order, f"{set_name}_chains", "chains")


def by_order(unit: Unit, set_name: str, order: Order, name: str, function: str, *numbers: int) -> Code:
    """A hidden argument that follows from the order of a table's rows, made by a function of `support`."""
    prepare = unit.prepare or unit
    key = (set_name, function, *numbers)
    if key not in prepare.hidden:
        columns = {
            what: prepare.local(column) if column is not None else ast.Constant(None)
            for what, column in (("by", order.by), ("within", order.within))
        }
        path = prepare.imports.path(f"pplang._lower.support.{function}")
        made = code.call(path, code.size(set_name), *(code.constant(one) for one in numbers), **columns)
        free = prepare.names.add(name)
        prepare.hidden[key] = Hidden(free, Term(made, type="int"), NOWHERE)
        prepare.pending.append(code.assign(free, made))
        prepare.defined.add(free)
    found = prepare.hidden[key].name
    if unit is not prepare:
        unit.arguments[found] = None
    return code.name(found)
