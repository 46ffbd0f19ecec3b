"""Cells of columns: which have a value, where the empty ones stand, the table with those filled in; which rows are the same."""

from __future__ import annotations

import ast
from dataclasses import replace

from pplang._ir import expression as ir
from pplang._ir.program import Distinct, Empty, given
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.indexing import pick, slots_of
from pplang._lower.terms import Axis, Term
from pplang._lower.unit import Hidden, Scope, Unit, rule, type_of
from pplang._source import NOWHERE


@rule(ir.Given)
def _given(node: ir.Given, scope: Scope) -> Term:
    unit = scope.unit
    slots = slots_of(node.indices, unit.program.axes_of(node.name), scope)
    found = pick(unit.array, unit.local(given(node.name)), slots)
    return Term(found.code, found.axes, found.event, type="bool")


@rule(ir.Completed)
def _completed(node: ir.Completed, scope: Scope) -> Term:
    unit = scope.unit
    sets = unit.program.axes_of(node.name)
    module = "pplang._lower.support" if unit.array == "np" else "pplang._lower.runtime.functions"
    places = code.tuple_of([positions(node.name, one, unit) for one in sets])
    cells = scope.value(node.cells)
    kind, member = type_of(unit.program.kind_of(node.name))
    found = code.call(unit.imports.path(f"{module}.completed"), unit.local(node.name), places, cells.code)
    return Term(found, (), sets, type=kind, member=member, data=cells.data)


@rule(ir.Repeats)
def _repeats(node: ir.Repeats, scope: Scope) -> Term:
    member = scope.value(node.member)
    assert member.member is not None
    members = scope.unit.program.set[member.member].members
    assert isinstance(members, Distinct)
    return replace(_at(different(members.names, "count", scope.unit), node.member, member, scope), type="int", member=None)


def row_of(members: Empty | Distinct, node: ir.Part, member: Term, scope: Scope) -> Term:
    """`m.Voter`: the row of an empty cell, the first row of a kind."""
    unit = scope.unit
    table = positions(members.name, node.set, unit) if isinstance(members, Empty) else different(members.names, "first", unit)
    return replace(_at(table, node.member, member, scope), member=node.set)


def _at(table: Code, index: ir.Expression, member: Term, scope: Scope) -> Term:
    """The elements of a hidden argument at some members of its set."""
    every = isinstance(index, ir.Variable) and isinstance(scope.variables[index.name], Axis)
    return member.become(table if every else code.subscript(table, [member.code]))


def positions(name: str, set_name: str, unit: Unit) -> Code:
    """The hidden argument that holds, for each empty cell of a column, its position along one of the column's sets."""
    prepare = unit.prepare or unit
    key = (given(name), set_name)
    if key not in prepare.hidden:
        axis = unit.program.axes_of(name).index(set_name)
        absent = code.call("np.nonzero", code.call("np.logical_not", prepare.local(given(name))))
        made = code.subscript(absent, [code.constant(axis)])
        hidden = prepare.names.add(f"{name}_empty_{set_name}")
        prepare.hidden[key] = Hidden(hidden, Term(made, type="member", member=set_name), NOWHERE)
        prepare.pending.append(code.assign(hidden, made))
        prepare.defined.add(hidden)
    hidden = prepare.hidden[key].name
    if unit is not prepare:
        unit.arguments[hidden] = None
    return ast.Name(hidden, ast.Load())


def different(names: tuple[str, ...], what: str, unit: Unit) -> Code:
    """The hidden argument that holds the "first" row of each kind, or the "count" of its rows, kinds being told apart by some columns."""
    prepare = unit.prepare or unit
    if (names, what) not in prepare.hidden:
        columns = code.tuple_of([prepare.local(one) for one in names])
        made = code.call(prepare.imports.path("pplang._lower.support.distinct"), columns)
        prefix = "_".join(names[:1])
        whole = prepare.names.add(f"{prefix}_kinds")
        prepare.pending.append(code.assign(whole, made))
        for place, (part, kind) in enumerate((("first", "member"), ("count", "int"))):
            hidden = prepare.names.add(f"{prefix}_{part}")
            term = Term(code.subscript(code.name(whole), [code.constant(place)]), type=kind)  # type: ignore[arg-type]
            prepare.hidden[names, part] = Hidden(hidden, term, NOWHERE)
            prepare.pending.append(code.assign(hidden, term.code))
            prepare.defined.add(hidden)
    hidden = prepare.hidden[names, what].name
    if unit is not prepare:
        unit.arguments[hidden] = None
    return code.name(hidden)
