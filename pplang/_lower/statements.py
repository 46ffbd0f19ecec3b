"""The statements of a program as statements of the NumPyro model."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from pplang._check import graph
from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.kinds import NONNEGATIVE, Interval
from pplang._ir.program import (
    Columns,
    Distinct,
    Factor,
    Free,
    Gaps,
    Labels,
    Levels,
    NumberRange,
    Pairs,
    ProductSet,
    Program,
    Restrict,
    Rows,
    Site,
    SumSet,
)
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.distributions import Draw, distribution, inside_support, watch
from pplang._lower.expressions import either
from pplang._lower.indexing import exists
from pplang._lower.repeats import each
from pplang._lower.terms import Axis, Term, aligned, full, permuted
from pplang._lower.unit import Scope, Unit, elementwise


def statement_scope(unit: Unit, site: Site) -> Scope:
    """The scope of a relation: its plates own the first axes."""
    scope = Scope(unit).bind(ir.Binder(axis.variable, axis.set) for axis in site.plates if axis.variable is not None)
    return scope.sharing(site.right, site.starting, site.weight, site.where)


def plate_axes(site: Site, scope: Scope) -> tuple[Axis, ...]:
    return tuple(scope.axis(axis.variable) for axis in site.plates if axis.variable is not None)


def lags(scope: Scope, *roots: ir.Expression | None) -> list[ir.Lag]:
    """The steps that a statement takes from its plates; for those of one direction the furthest says it all."""
    found = [one for root in roots if root is not None for one in graph.lags(root) if one.variable in scope.variables]
    furthest: dict[object, ir.Lag] = {}
    for one in found:
        if isinstance(one.by, ir.Number):
            key = (one.variable, one.by.value > 0)
            known = furthest.get(key)
            if known is None or abs(one.by.value) > abs(known.by.value):  # type: ignore[union-attr]
                furthest[key] = one
        else:
            furthest[one.variable, one.by.name] = one
    return list(furthest.values())


def has_past(scope: Scope, right: ir.Expression) -> Term:
    """Whether every step that `right` takes ends at a member."""
    binders = [binder for one in each(right) for binder in getattr(one, "binders", ())]
    inner = scope.bind(binders)
    steps = [exists(one, inner) for one in lags(scope, right)]
    if not steps:  # those that a condition keeps in range
        return Term(code.constant(True), type="bool", plain=True)
    total = steps[0]
    for one in steps[1:]:
        total = elementwise(lambda a, b: code.binary(a, "&", b), (total, one), "bool")
    return scope.unit.store(total)


# deterministic relations


def deterministic_value(site: Site, unit: Unit) -> Code:
    """The table of a deterministic relation, with all its axes in the declared order."""
    scope = statement_scope(unit, site)
    if site.starting is not None:
        return as_table(site, scope, either(scope, has_past(scope, site.right), site.right, site.starting))
    return as_table(site, scope, scope.value(site.right))


def as_table(site: Site, scope: Scope, term: Term) -> Code:
    """The value of a definition with all its axes in the declared order."""
    plates = plate_axes(site, scope)
    if isinstance(site.kind, Interval) and term.type != "real" and not site.kind.integer:
        term = scope.number(site.right) if site.starting is None else term
    value = full(scope.unit.array, term, plates, [code.size(one) for one in site.event])
    return to_declared(site, scope.unit.array, value)


def _labels(site: Site) -> tuple[list[object], list[object]]:
    """The dimensions of a site as declared, and as NumPyro has them: plates first."""
    declared = [(place, axis.set) for place, axis in enumerate(site.axes)]
    plates = [one for one, axis in zip(declared, site.axes, strict=True) if axis.variable is not None]
    return list(declared), [*plates, *(one for one in declared if one not in plates)]


def to_declared(site: Site, array: str, value: Code) -> Code:
    declared, inside = _labels(site)
    return permuted(array, value, inside, declared)


def to_plates(site: Site, array: str, value: Code) -> Code:
    declared, inside = _labels(site)
    return permuted(array, value, declared, inside)


def deterministic_statements(site: Site, unit: Unit) -> list[ast.stmt]:
    """`=`: plain JAX, and a NumPyro site where the user asked for it or a pass put it in the place of a latent."""
    return computed_statements(site, unit, deterministic_value(site, unit))


def computed_statements(site: Site, unit: Unit, value: Code) -> list[ast.stmt]:
    """A definition whose value is at hand."""
    if site.report or site.origin is not None:
        unit.imports.module("numpyro")
        value = code.call("numpyro.deterministic", code.constant(site.name), value)
    unit.defined.add(site.name)
    return [*unit.take_pending(), code.assign(unit.names[site.name], value), *assertion_statements(site.name, unit)]


def assertion_statements(name: str, unit: Unit) -> list[ast.stmt]:
    """What the user asserts of a statement's values: minus infinity in the density where it does not hold."""
    made: list[ast.stmt] = []
    for count, term in enumerate(unit.assertions, 1):
        holds = code.call("jnp.all", term.code) if term.axes else term.code
        value = code.call("jnp.where", holds, code.constant(0.0), code.negative(code.dotted("jnp.inf")))
        label = f"{name} (domain)" if count == 1 else f"{name} (domain {count})"
        made.append(ast.Expr(code.call("numpyro.factor", code.constant(label), value)))
    unit.assertions.clear()
    return made


# stochastic relations


def stochastic_statements(site: Site, unit: Unit, used: bool) -> list[ast.stmt]:
    """`~`: a sample site in its plates, with `where` as a mask and `weighted` as a scale."""
    if site.role == "split":
        raise InternalError(f"`{site.name}` has empty cells")
    unit.imports.module("numpyro")
    drawing = Drawing.of(site, unit)
    past = started(site, drawing.scope)
    return drawing.statements(drawing.distribution(past), past, used)


@dataclass(frozen=True)
class Drawing:
    """A stochastic relation on its way: its scope, its plates, the members that `where` leaves, and what is around the sample site."""

    site: Site
    unit: Unit
    scope: Scope
    plates: tuple[Axis, ...]
    mask: Term | None
    contexts: list[Code]

    @classmethod
    def of(cls, site: Site, unit: Unit) -> Drawing:
        scope = statement_scope(unit, site)
        plates = plate_axes(site, scope)
        if site.role == "observed":
            unit.arguments[site.name] = None
        contexts = [_plate(site.name, axis, place - len(plates)) for place, axis in enumerate(plates)]
        mask: Term | None = None
        if site.where is not None:
            mask = unit.store(scope.value(site.where))
            scope = scope.within(mask)
            contexts.append(code.call("numpyro.handlers.mask", mask=aligned(mask, plates)))
        return cls(site, unit, scope, plates, mask, contexts + _weights(site, scope))

    def distribution(self, past: Term | None) -> Code:
        """The distribution of all members at once, those without a past by `starting` (unless that is `Flat()`)."""
        draw = Draw(self.plates, self.site.event)
        made = with_starting(self.site, self.scope, draw, past)
        return _pinned(self.site, self.scope, made) if self.site.fixing else made

    def statements(self, made: Code, past: Term | None, used: bool, *, kept: Code | None = None) -> list[ast.stmt]:
        """The sample site. kept: what takes note of its value."""
        site, unit, contexts = self.site, self.unit, list(self.contexts)
        observed = site.role == "observed"
        if past is not None and is_flat(site.starting):
            contexts.append(code.call("numpyro.handlers.mask", mask=aligned(past, self.plates)))
        keywords = {"obs": _observations(site, unit, self.scope, self.mask, self.plates)} if observed else {}
        drawn = code.call("numpyro.sample", code.constant(site.name), made, **keywords)
        drawn = drawn if kept is None else code.call(kept, code.constant(site.name), drawn)
        drawn = to_declared(site, "jnp", drawn)
        name = unit.names[site.name]
        inside: list[ast.stmt] = [code.assign(name, drawn) if used else ast.Expr(drawn)]
        if used and observed and self.mask is not None:
            # Where `where` leaves a member out the site may hold a stand-in: whoever uses the name means the data.
            found = unit.names.add(f"{site.name}_drawn")
            given = code.compare(code.name(name), "is", ast.Constant(None))
            inside = [code.assign(found, drawn), code.assign(name, code.conditional(given, code.name(found), code.name(name)))]
        before = unit.take_pending()
        if contexts:
            inside = [ast.With([ast.withitem(one) for one in contexts], inside)]
        unit.defined.add(site.name)
        return [*before, *_unless_empty(site, unit, inside, used), *assertion_statements(site.name, unit)]


def _plate(name: str, axis: Axis, dimension: int) -> Code:
    label = f"{name}[{axis.variable}]"
    return code.call("numpyro.plate", code.constant(label), axis.size(), dim=code.constant(dimension))


def _weights(site: Site, scope: Scope) -> list[Code]:
    """A weight of zero leaves the element out: NumPyro refuses it as a scale."""
    if site.weight is None:
        return []
    plates = plate_axes(site, scope)
    watch(scope, site.weight, NONNEGATIVE, f"the weight of `{site.name}`")
    weight = scope.number(site.weight)
    kind = scope.kind(site.weight)
    if isinstance(kind, Interval) and (kind.lower > 0 or (kind.lower == 0 and kind.lower_open)):
        return [code.call("numpyro.handlers.scale", scale=aligned(weight, plates))]
    weight = scope.unit.store(weight)
    some = scope.unit.store(elementwise(lambda a: code.compare(a, "!=", code.constant(0)), (weight,), "bool"))
    one = Term(code.constant(1.0), plain=True)
    scale = elementwise(lambda *parts: code.call("jnp.where", *parts), (some, weight, one))
    return [
        code.call("numpyro.handlers.scale", scale=aligned(scale, plates)),
        code.call("numpyro.handlers.mask", mask=aligned(some, plates)),
    ]


def started(site: Site, scope: Scope) -> Term | None:
    """Whether each member has the past that the relation needs; None where it needs none."""
    return None if site.starting is None else has_past(scope, site.right)


def is_flat(starting: ir.Expression | None) -> bool:
    """Do members without a predecessor count for nothing?"""
    return isinstance(starting, ir.Distribution) and starting == ir.Distribution("Flat", ())


def with_starting(site: Site, scope: Scope, draw: Draw, past: Term | None) -> Code:
    """The distribution; members without a past have that of `starting`, unless it is `Flat()`."""
    if past is None or site.starting is None:
        return distribution(site.right, scope, draw)
    main = distribution(site.right, scope.within(past), draw)
    if is_flat(site.starting):
        return main
    absent = past.become(code.call("jnp.logical_not", past.code))
    start = distribution(site.starting, scope.within(absent), draw)
    path = scope.unit.imports.path("pplang._lower.choice.Choice")
    return code.call(path, aligned(past, draw.batch), main, start)


def _observations(site: Site, unit: Unit, scope: Scope, mask: Term | None, plates: tuple[Axis, ...]) -> Code:
    """The observed values as NumPyro has them; where `where` leaves one out, a value inside the support stands in."""
    given = code.name(unit.names[site.name])
    value = to_plates(site, "jnp", given)
    safe = None if mask is None else inside_support(site.right)
    if mask is not None and safe is not None:
        value = code.call("jnp.where", aligned(mask, plates, trailing=len(site.event)), value, code.constant(safe))
    if value is given:
        return given
    return code.conditional(code.compare(given, "is", ast.Constant(None)), ast.Constant(None), value)


def _unless_empty(site: Site, unit: Unit, inside: list[ast.stmt], used: bool) -> list[ast.stmt]:
    """The statements, left out where an index set that may be empty is: NumPyro has no plates of size 0."""
    doubtful = [name for name in dict.fromkeys(site.sets) if _may_be_empty(unit.program, name)]
    if not doubtful:
        return inside
    tests = [code.size(name) for name in doubtful]
    test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
    shape = code.tuple_of([code.size(name) for name in site.sets])
    zeros = code.call("jnp.zeros", shape)
    if site.role == "latent":
        zeros = code.call("numpyro.deterministic", code.constant(site.name), zeros)
    nothing: list[ast.stmt] = [code.assign(unit.names[site.name], zeros)] if used else [ast.Expr(zeros)] if site.role == "latent" else []
    return [ast.If(test, inside, nothing)]


def _may_be_empty(program: Program, set_name: str) -> bool:
    members = program.set[set_name].members
    match members:
        case Rows() | Levels() | Columns() | Labels() | Distinct():
            return False
        case NumberRange(ir.Number(int() as first), ir.Number(int() as last)):
            return last < first
        case ProductSet(sets):
            return any(_may_be_empty(program, one) for one in sets)
        case SumSet(sets):
            return all(_may_be_empty(program, one) for one in sets)
        case Gaps(base) | Free(base) | Pairs(base):
            return _fewest(program, base) < 2
    return True


def _fewest(program: Program, set_name: str) -> int:
    """How many members a set has at least."""
    match program.set[set_name].members:
        case Labels(labels):
            return len(labels)
        case NumberRange(ir.Number(int() as first), ir.Number(int() as last)):
            return last - first + 1
    return 0 if _may_be_empty(program, set_name) else 1


def _pinned(site: Site, scope: Scope, made: Code) -> Code:
    """`fixing young = 0`: that element has its value for certain, and no density."""
    (plate,) = site.plates
    places = [code.call(ast.Attribute(code.members(plate.set), "index", ast.Load()), code.constant(label)) for label, _ in site.fixing]
    values = [scope.number(value).code for _, value in site.fixing]
    path = scope.unit.imports.path("pplang._lower.choice.Pinned")
    return code.call(path, made, code.size(plate.set), ast.List(places, ast.Load()), ast.List(values, ast.Load()))


# factors, restrictions


def factor_statements(factor: Factor, unit: Unit, label: str) -> list[ast.stmt]:
    """`factor`: one number added to the log density."""
    unit.imports.module("numpyro")
    scope = Scope(unit).sharing(factor.value, factor.weight, factor.where)
    if factor.where is not None:
        condition = unit.store(scope.value(factor.where))
        value = either(scope, condition, factor.value, ir.Number(0))
    else:
        value = scope.number(factor.value)
    if factor.weight is not None:
        value = elementwise(lambda a, b: code.binary(a, "*", b), (scope.number(factor.weight), value))
    made = ast.Expr(code.call("numpyro.factor", code.constant(label), value.code))
    return [*unit.take_pending(), made, *assertion_statements(label, unit)]


def restrict_statements(restriction: Restrict, unit: Unit, label: str) -> list[ast.stmt]:
    """`restrict`: minus infinity outside the region."""
    unit.imports.module("numpyro")
    scope = Scope(unit).sharing(restriction.condition, restriction.where).bind(restriction.binders)
    holds = scope.value(restriction.condition)
    if restriction.where is not None:
        elsewhere = code.call("jnp.logical_not", scope.value(restriction.where).code)
        other = replace(scope.value(restriction.where), code=elsewhere)
        holds = elementwise(lambda a, b: code.binary(a, "|", b), (holds, other), "bool")
    condition = code.call("jnp.all", holds.code) if holds.axes else holds.code
    value = code.call("jnp.where", condition, code.constant(0.0), code.negative(code.dotted("jnp.inf")))
    return [*unit.take_pending(), ast.Expr(code.call("numpyro.factor", code.constant(label), value))]
