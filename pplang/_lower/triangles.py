"""`triangle(row[i] for i in Home if county[i] == c)`: the triangular factor of some rows, group by group, in `prepare`."""

from __future__ import annotations

from collections.abc import Sequence

from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._lower import code
from pplang._lower.terms import Axis, Term, aligned, full, ordered
from pplang._lower.unit import Scope, elementwise, every


def triangle(node: ir.Reduce, scope: Scope, bound: tuple[Axis, ...]) -> Term:
    """scope: with the variables of the reduction bound. The axes of the result are the other ones that occur."""
    if scope.unit.array != "np":
        raise InternalError("a triangle of what is not data")
    groups, conditions = _groups(node.condition, scope, bound)
    rows = scope.number(node.element)
    axes = ordered(
        [*bound, *rows.axes, *(axis for term, _ in groups for axis in term.axes), *(axis for one in conditions for axis in one.axes)]
    )
    direct = [axis for axis in axes if axis not in bound]
    left = ordered([*direct, *(axis for _, axis in groups)])
    places = {axis: aligned(Term(every(axis), (axis,)), axes) for axis in direct} | {axis: aligned(term, axes) for term, axis in groups}
    chosen = (
        None if not conditions else elementwise(lambda *parts: code.call("np.logical_and.reduce", code.tuple_of(parts)), conditions, "bool")
    )
    keywords = {} if chosen is None else {"where": full("np", chosen, axes)}
    made = code.call(
        scope.unit.imports.path("pplang._lower.support.triangles"),
        full("np", rows, axes, [code.size(one) for one in rows.event]),
        code.tuple_of([places[axis] for axis in left]),
        code.tuple_of([axis.size() for axis in left]),
        **keywords,
    )
    return Term(made, left, (*rows.event, *rows.event))


def _groups(condition: ir.Expression | None, scope: Scope, bound: Sequence[Axis]) -> tuple[list[tuple[Term, Axis]], list[Term]]:
    """The parts of a condition: `county[i] == c`, the group of each row and the axis of the groups; and the others, which choose rows."""
    parts = condition.operands if isinstance(condition, ir.Logical) and condition.operator == "and" else (condition,)
    groups: list[tuple[Term, Axis]] = []
    others: list[Term] = []
    for part in parts:
        found = _group(part, scope, bound)
        if found is not None and all(axis != found[1] for _, axis in groups):
            groups.append(found)
        elif part is not None:
            others.append(scope.value(part))
    return groups, others


def _group(condition: ir.Expression | None, scope: Scope, bound: Sequence[Axis]) -> tuple[Term, Axis] | None:
    if not isinstance(condition, ir.Compare) or condition.operator != "==":
        return None
    for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
        axis = scope.variables.get(other.name) if isinstance(other, ir.Variable) else None
        if isinstance(axis, Axis) and axis.kept is None and axis not in bound:
            term = scope.value(one)
            if term.type == "member" and term.member == axis.set and set(term.axes) <= set(bound):
                return term, axis
    return None
