"""Data-level code: derived columns, data-level relations and what the model leaves for once, as the NumPy function `prepare`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.kinds import Boolean, Interval, Kind
from pplang._ir.program import ROW, Column, Site
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.repeats import each, names_in
from pplang._lower.statements import deterministic_value, has_past, statement_scope
from pplang._lower.terms import full, permuted
from pplang._lower.unit import Loop, Scope, Unit, row_order


def data_statements(unit: Unit) -> list[ast.stmt]:
    """The statements of all derived columns and data-level relations, each after what it needs."""
    program = unit.program
    columns = {one.name: one for one in program.column.values() if one.value is not None}
    sites = program.computed
    made: list[ast.stmt] = []
    for group in _in_order({**columns, **sites}):
        first = group[0]
        if isinstance(first, Column):
            made += column_statements(first, unit)
        elif _looks_back(group):
            made += recurrence_statements([one for one in group if isinstance(one, Site)], unit)
        else:
            made += relation_statements(first, unit)
    return made


def roots(one: Column | Site) -> tuple[ir.Expression | None, ...]:
    return (one.value,) if isinstance(one, Column) else (one.right, one.starting)


def _in_order(items: dict[str, Column | Site]) -> list[list[Column | Site]]:
    """Groups of items that need one another, each after the groups it needs (Tarjan 1972)."""
    needs = {name: [other for other in names_in(roots(one)) if other in items] for name, one in items.items()}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[Column | Site]] = []

    def close(name: str) -> None:
        group: list[str] = []
        while not group or group[-1] != name:
            group.append(stack.pop())
            lowest[group[-1]] = len(items)
        groups.append([items[one] for one in sorted(group, key=list(items).index)])

    for start in items:
        path = [] if start in number else [(start, iter(sorted(needs[start])))]
        while path:
            name, rest = path[-1]
            if name not in number:
                number[name] = lowest[name] = len(number)
                stack.append(name)
            unseen = None
            for other in rest:
                if other not in number:
                    unseen = other
                    break
                lowest[name] = min(lowest[name], lowest[other])
            if unseen is not None:
                path.append((unseen, iter(sorted(needs[unseen]))))
                continue
            path.pop()
            if path:
                lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[name])
            if lowest[name] == number[name]:
                close(name)
    return groups


def _looks_back(group: Sequence[Column | Site]) -> bool:
    return len(group) > 1 or group[0].name in names_in(roots(group[0]))


def column_statements(column: Column, unit: Unit) -> list[ast.stmt]:
    """A derived column, row by row."""
    assert column.value is not None
    scope = Scope(unit).bind([ir.Binder(ROW, column.sets[0])]).sharing(column.value)
    term = scope.value(column.value)
    if term.type == "bool" and not isinstance(column.kind, Boolean):
        term = scope.number(column.value)
    value = full("np", term, (scope.axis(ROW),), [code.size(one) for one in column.sets[1:]])
    return _assigned(column.name, value, unit)


def relation_statements(site: Column | Site, unit: Unit) -> list[ast.stmt]:
    assert isinstance(site, Site)
    return _assigned(site.name, deterministic_value(site, unit), unit)


def _assigned(name: str, value: Code, unit: Unit) -> list[ast.stmt]:
    unit.defined.add(name)
    return [*unit.take_pending(), code.assign(unit.names[name], value)]


# recurrences


def recurrence_statements(sites: list[Site], unit: Unit) -> list[ast.stmt]:
    """Relations that look back at themselves or at one another, one member of the ordered set after the other."""
    stepped = {one.variable for site in sites for one in each(site.right) if isinstance(one, ir.Lag)}
    variables = {site.name: _stepping(site, stepped) for site in sites}
    (set_name,) = {axis.set for site in sites for axis in site.plates if axis.variable == variables[site.name]}
    position = unit.names.add("step")
    made: list[ast.stmt] = []
    for site in sites:
        shape = code.tuple_of([code.size(one) for one in site.sets])
        made.append(code.assign(unit.names[site.name], code.call("np.zeros", shape, dtype=_dtype(site.kind))))
        unit.defined.add(site.name)
    body: list[ast.stmt] = []
    for site in sites:
        body += _step(site, variables[site.name], Loop(set_name, position), unit)
    turns = _turns(set_name, unit)
    made += [*unit.take_pending(), ast.For(ast.Name(position, ast.Store()), turns, body, [])]
    return made


def _stepping(site: Site, stepped: set[str]) -> str:
    found = [axis.variable for axis in site.plates if axis.variable in stepped]
    if len(found) != 1 or found[0] is None:
        raise InternalError(f"`{site.name}` looks back along {len(found)} axes")
    return found[0]


def _dtype(kind: Kind) -> Code:
    whole = isinstance(kind, Interval) and kind.integer
    return code.name("bool" if isinstance(kind, Boolean) else "int" if whole else "float")


def _turns(set_name: str, unit: Unit) -> Code:
    """The members in their declared order."""
    order = row_order(unit.program, set_name)
    if order is None or order.by is None:
        return code.call("range", code.size(set_name))
    return code.call("np.argsort", unit.local(order.by), kind=code.constant("stable"))


def _step(site: Site, variable: str, loop: Loop, unit: Unit) -> list[ast.stmt]:
    """One member's element (a slice, where the relation has other axes)."""
    before = unit.take_pending()
    scope = statement_scope(unit, site)
    scope = replace(scope, variables={**scope.variables, variable: loop}, memory={})
    plates = tuple(scope.axis(axis.variable) for axis in site.plates if axis.variable not in (None, variable))
    labels = [("event" if axis.variable is None else "plate", place) for place, axis in enumerate(site.axes) if axis.variable != variable]
    inside = [one for one in labels if one[0] == "plate"] + [one for one in labels if one[0] == "event"]

    def element(node: ir.Expression) -> list[ast.stmt]:
        value = full("np", scope.value(node), plates, [code.size(one) for one in site.event])
        slots = [code.name(loop.position) if axis.variable == variable else code.whole() for axis in site.axes]
        target = code.assign_item(code.name(unit.names[site.name]), slots, permuted("np", value, inside, labels))
        return [*unit.take_pending(), target]

    if site.starting is None:
        body = element(site.right)
    else:
        test = has_past(scope, site.right).code
        ready = unit.take_pending()
        body = [*ready, ast.If(test, element(site.right), element(site.starting))]
    unit.pending = before
    return body
