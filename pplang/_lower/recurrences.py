"""Recurrences as statements of the NumPyro model: densities for all members at once, values by a scan."""

from __future__ import annotations

import ast

from pplang._check import recurrences
from pplang._check.recurrences import Recurrence
from pplang._ir import expression as ir
from pplang._ir.affine import affine_parts
from pplang._ir.kinds import Boolean, Interval
from pplang._ir.program import Site
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.distributions import Draw
from pplang._lower.expressions import either
from pplang._lower.indexing import by_order
from pplang._lower.repeats import names_in
from pplang._lower.statements import (
    Drawing,
    as_table,
    assertion_statements,
    computed_statements,
    deterministic_statements,
    has_past,
    plate_axes,
    started,
    statement_scope,
    to_declared,
    with_starting,
)
from pplang._lower.terms import Term, aligned
from pplang._lower.turns import TURN, Turns
from pplang._lower.unit import Unit, row_order, type_of

_RUNTIME = "pplang._lower.runtime.recurrences."


def recurrence_statements(recurrence: Recurrence, unit: Unit) -> list[ast.stmt]:
    """The statements of relations that look back at one another."""
    sites = [unit.program.site[name] for name in recurrence.sites]
    if not any(site.stochastic for site in sites):
        return _computed(recurrence, sites, unit)
    return _drawn(recurrence, sites, unit)


def _computed(recurrence: Recurrence, sites: list[Site], unit: Unit) -> list[ast.stmt]:
    """Definitions alone: one that is affine in its last value in logarithmic depth, others member after member."""
    made = _affine(recurrence, sites[0], unit) if len(sites) == 1 else None
    if made is not None:
        return made
    turns = Turns(unit, recurrence)
    step = _step(turns, sites, drawing=False)
    tables = unit.names.add("_".join(unit.names[site.name] for site in sites) + "_tables")
    unrolled = _call(
        unit, "unrolled", code.name(step.name), _tables(turns), ast.List(_histories(turns, sites, step), ast.Load()), _turns(turns)
    )
    found: list[ast.stmt] = [*turns.before, step.definition, code.assign(tables, unrolled)]
    unit.assertions += turns.taken_for_granted
    if step.asserts:
        unit.assertions.append(Term(code.call("jnp.all", ast.Subscript(code.name(tables), code.constant(len(sites)), ast.Load()))))
    for place, site in enumerate(sites):
        found += computed_statements(site, unit, ast.Subscript(code.name(tables), code.constant(place), ast.Load()))
    return found


def _affine(recurrence: Recurrence, site: Site, unit: Unit) -> list[ast.stmt] | None:
    """x[t] = a x[t-1] + c, element by element."""
    real = isinstance(site.kind, Interval) and not site.kind.integer
    if not real or site.event or site.starting is None or set(recurrence.longest[site.name]) != {1} or recurrence.whole:
        return None
    variable = recurrence.variable(site)
    indices = tuple(ir.Lag(variable, ir.Number(1)) if axis.variable == variable else ir.Variable(axis.variable or "") for axis in site.axes)
    parts = affine_parts(site.right, ir.Reference(site.name, indices))
    if parts is None or site.name in names_in([*parts, site.starting]):
        return None
    scope = statement_scope(unit, site)
    plates = plate_axes(site, scope)
    past = has_past(scope, site.right)
    absent = unit.store(past.become(code.call("jnp.logical_not", past.code)))
    coefficient, rest = (aligned(scope.within(past).number(part), plates) for part in parts)
    starting = aligned(scope.within(absent).number(site.starting), plates)
    shape = code.tuple_of([code.size(one) for one in site.sets])
    order = row_order(unit.program, recurrence.set)
    keywords = {} if order is None else {"order": by_order(unit, recurrence.set, order, f"{recurrence.set}_sequence", "row_sequence")}
    place = code.constant(recurrence.dimension[site.name])
    value = code.call(unit.imports.path(_RUNTIME + "linear"), coefficient, rest, starting, aligned(past, plates), shape, place, **keywords)
    return [*unit.take_pending(), *computed_statements(site, unit, value)]


# draws


def _drawn(recurrence: Recurrence, sites: list[Site], unit: Unit) -> list[ast.stmt]:
    """Sites that look back at one another: each is drawn by one and the same scan, and has its density given the values of all."""
    program = unit.program
    unit.imports.module("numpyro")
    random = [site for site in sites if site.stochastic]
    turns = Turns(unit, recurrence)
    asserting, unit.asserting = unit.asserting, False
    step = _step(turns, sites, drawing=True)
    unit.asserting = asserting
    chain = unit.names.add(f"{'_'.join(unit.names[site.name] for site in random)}_chain")
    histories = ast.Dict([code.constant(site.name) for site in sites], _histories(turns, sites, step))
    drawn = ast.Dict([code.constant(site.name) for site in random], [_drawn_shape(recurrence, site, unit) for site in random])
    made = _call(unit, "Chain", code.name(step.name), _tables(turns), histories, drawn, _turns(turns))
    found: list[ast.stmt] = [*turns.before, step.definition, code.assign(chain, made)]
    drawings = [Drawing.of(site, unit) for site in random]
    pasts = [started(drawing.site, drawing.scope) for drawing in drawings]
    for drawing, past in zip(drawings, pasts, strict=True):
        link = code.call(code.dotted(f"{chain}.of"), code.constant(drawing.site.name))
        found += drawing.statements(link, past, True, kept=code.dotted(f"{chain}.has"))
    for group in recurrences.groups_among(program, [site.name for site in sites if not site.stochastic]):
        found += (
            recurrence_statements(group, unit) if isinstance(group, Recurrence) else deterministic_statements(program.site[group], unit)
        )
    for drawing, past in zip(drawings, pasts, strict=True):
        distribution = drawing.distribution(past)
        found += unit.take_pending()
        found.append(ast.Expr(code.call(code.dotted(f"{chain}.given"), code.constant(drawing.site.name), distribution)))
        found += assertion_statements(drawing.site.name, unit)
    return found


def _drawn_shape(recurrence: Recurrence, site: Site, unit: Unit) -> Code:
    plates = [axis.set for axis in site.plates]
    place = [axis.variable for axis in site.plates].index(recurrence.variable(site))
    sizes = [code.tuple_of([code.size(one) for one in sets]) for sets in (plates, site.event)]
    return code.call(unit.imports.path(_RUNTIME + "Drawn"), *sizes, code.constant(place), _dtype(site))


# the step


class _Step:
    """The function of one turn. asserts: its last value says whether what the user asserts holds."""

    def __init__(self, name: str, definition: ast.stmt, asserts: bool) -> None:
        self.name, self.definition, self.asserts = name, definition, asserts


def _step(turns: Turns, sites: list[Site], *, drawing: bool) -> _Step:
    unit = turns.unit
    outside, unit.pending = unit.pending, []
    granted, unit.assertions = unit.assertions, []
    body: list[ast.stmt] = []
    for site in sites:
        value = _drawn_value(turns, site) if drawing and site.stochastic else _computed_value(turns, site)
        body += [*unit.take_pending(), code.assign(turns.now(site.name), value)]
    values: list[Code] = [code.name(turns.now(site.name)) for site in sites]
    asserted = unit.assertions
    if asserted:
        holds = [code.call("jnp.all", term.code) for term in asserted]
        total = holds[0]
        for one in holds[1:]:
            total = code.binary(total, "&", one)
        values.append(total)
    unit.pending, unit.assertions = outside, granted
    name = unit.names.add("_".join(unit.names[site.name] for site in sites) + "_step")
    taken = [ast.Name(local, ast.Store()) for _, _, local in turns.tables]
    pasts = [ast.Name(turns.past(site.name), ast.Store()) for site in sites]
    opening: list[ast.stmt] = [
        ast.Assign([ast.Tuple([*pasts, ast.Starred(ast.Name("_", ast.Store()), ast.Store())], ast.Store())], code.name("_past"))
    ]
    if taken:
        opening.append(ast.Assign([ast.Tuple(list(taken), ast.Store())], code.name("_now")))
    arguments = [ast.arg(one) for one in (TURN, "_now", "_past", *(["_draw"] if drawing else []))]
    definition = ast.FunctionDef(
        name=name,
        args=ast.arguments([], arguments, None, [], [], None, []),
        body=[*opening, *body, ast.Return(code.tuple_of(values))],
        decorator_list=[],
    )
    return _Step(name, definition, bool(asserted))


def _computed_value(turns: Turns, site: Site) -> Code:
    scope, past = turns.scope(site)
    beginning = site.starting if past is not None else None
    term = scope.value(site.right) if past is None or beginning is None else either(scope, past, site.right, beginning)
    return as_table(site, scope, term)


def _drawn_value(turns: Turns, site: Site) -> Code:
    scope, past = turns.scope(site)
    made = with_starting(site, scope, Draw(plate_axes(site, scope), site.event), past)
    return to_declared(site, "jnp", code.call("_draw", code.constant(site.name), made))


def _histories(turns: Turns, sites: list[Site], step: _Step) -> list[Code]:
    unit, recurrence = turns.unit, turns.recurrence
    path = unit.imports.path(_RUNTIME + "History")
    found = []
    for site in sites:
        shape = code.tuple_of([code.size(one) for one in site.sets])
        window = _window(recurrence.longest[site.name])
        whole = ast.Constant(site.name in recurrence.whole)
        found.append(code.call(path, shape, code.constant(recurrence.dimension[site.name]), window, whole, _dtype(site)))
    if step.asserts:
        found.append(code.call(path, code.tuple_of([code.size(recurrence.set)]), code.constant(0), dtype=code.name("bool")))
    return found


def _window(steps: tuple[int | str, ...]) -> Code:
    """How many of the last values are needed: the furthest step, the last number of a set of steps."""
    fixed = max((one for one in steps if isinstance(one, int)), default=0)
    ranges = [code.call("max", code.members(one), default=code.constant(0)) for one in dict.fromkeys(steps) if isinstance(one, str)]
    return code.constant(fixed) if not ranges else code.call("max", code.constant(fixed), *ranges)


def _dtype(site: Site) -> Code:
    kind, _ = type_of(site.kind)
    return code.name({"bool": "bool", "int": "int", "member": "int"}.get(kind, "float") if not isinstance(site.kind, Boolean) else "bool")


def _tables(turns: Turns) -> Code:
    return ast.List([code.tuple_of([table, code.constant(place)]) for table, place, _ in turns.tables], ast.Load())


def _turns(turns: Turns) -> Code:
    """The order in which rows are gone through, where it is not that in which they stand."""
    unit, set_name = turns.unit, turns.recurrence.set
    order = row_order(unit.program, set_name)
    if order is None:
        return ast.Constant(None)
    tables = [by_order(unit, set_name, order, f"{set_name}_{word}", f"row_{word}") for word in ("turns", "places")]
    return code.call(unit.imports.path(_RUNTIME + "Turns"), *tables)


def _call(unit: Unit, function: str, *arguments: Code) -> Code:
    given = list(arguments)
    while given and isinstance(given[-1], ast.Constant) and given[-1].value is None:
        given.pop()
    return code.call(unit.imports.path(_RUNTIME + function), *given)
