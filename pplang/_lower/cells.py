"""Cells of columns that may be empty: which have a value, where the others stand, and the table with those filled in."""

from __future__ import annotations

import ast

from pplang._ir import expression as ir
from pplang._ir.program import given
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.indexing import pick, slots_of
from pplang._lower.terms import Axis, Term
from pplang._lower.unit import Hidden, Scope, Unit, rule
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
    cells = scope.number(node.cells)
    found = code.call(unit.imports.path(f"{module}.completed"), unit.local(node.name), places, cells.code)
    return Term(found, (), sets, data=cells.data)


def part_of_cell(name: str, node: ir.Part, member: Term, scope: Scope) -> Term:
    """`m.Voter`: the row of an empty cell."""
    table = positions(name, node.set, scope.unit)
    every = isinstance(node.member, ir.Variable) and isinstance(scope.variables[node.member.name], Axis)
    found = table if every else code.subscript(table, [member.code])
    return member.become(found, member=node.set)


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
