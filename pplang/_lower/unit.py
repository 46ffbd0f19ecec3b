"""What is known while one function of a module is generated: `Unit` for the function, `Scope` for the expression at hand."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

from pplang._check.environment import Environment
from pplang._check.types import Typer
from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.expression import Binder
from pplang._ir.kinds import Boolean, Date, Interval, Kind, Member
from pplang._ir.program import NumberRange, Program, Rows, Without, given
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.faults import Watched
from pplang._lower.names import Imports, Names
from pplang._lower.repeats import Repeated, each, names_in
from pplang._lower.terms import Axis, Term, Type, aligned, union
from pplang._source import Span

_DEEPEST = 30
"""How deep one generated expression may nest: Python refuses 200 open brackets, and a reader is lost long before."""


@dataclass
class Hidden:
    """A value made in `prepare` for the model's use: its name, its code there, and the place in the source that it computes."""

    name: str
    term: Term
    span: Span
    needs: frozenset[str] = frozenset()


@dataclass
class Unit:
    """One generated function. `array` is its array module: "np" in `prepare`, "jnp" in `model`.

    arguments: the source names that it takes, in order of first use. defined: those that it computes itself, with what holds them.
    pending: statements that must come before the one being generated. assertions: what it takes for granted (`positive(e)`), unless it is
    not `asserting`: what is computed after inference may be NaN and changes no density. prepare: where the model leaves data-level work.
    """

    program: Program
    names: Names
    imports: Imports
    array: Literal["np", "jnp"]
    environment: Environment
    arguments: dict[str, None] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    pending: list[ast.stmt] = field(default_factory=list)
    assertions: list[Term] = field(default_factory=list)
    asserting: bool = True
    prepare: Unit | None = None
    hidden: dict[object, Hidden] = field(default_factory=dict)
    watched: list[Watched] = field(default_factory=list)
    _orders: int = 0
    _temporaries: int = 0

    def function(self, path: str) -> Code:
        """A function of the array module."""
        self.imports.module({"np": "numpy", "jnp": "jax.numpy"}[self.array])
        return code.dotted(f"{self.array}.{path}")

    def static(self, path: str) -> Code:
        """A function of NumPy, for what is known from the index sets alone."""
        self.imports.module("numpy")
        return code.dotted(f"np.{path}")

    def next_order(self) -> int:
        self._orders += 1
        return self._orders

    def store(self, term: Term) -> Term:
        """The term held in a local variable, assigned before the statement being generated."""
        if isinstance(term.code, ast.Name | ast.Constant):
            return term
        self._temporaries += 1
        local = f"_{self._temporaries}"
        self.pending.append(code.assign(local, term.code))
        return replace(term, code=code.name(local))

    def take_pending(self) -> list[ast.stmt]:
        taken, self.pending = self.pending, []
        return taken

    @cached_property
    def masks(self) -> frozenset[str]:
        """What the data call the masks of columns and inputs with empty cells."""
        return frozenset(map(given, self.program.optional))

    def is_data(self, name: str) -> bool:
        program = self.program
        if name in program.site:
            return name in program.computed or program.site[name].level == "data" or name in program.column or name in program.input
        return name in program.column or name in program.input

    def is_fixed(self, name: str) -> bool:
        """Is it data that `prepare` may compute with? Inputs that inference tunes are not."""
        found = self.program.input.get(name)
        return self.is_data(name) and not (found is not None and any(note.name == "tuned" for note in found.notes))

    def local(self, name: str) -> Code:
        """The code for the whole table of a name, asked of the caller if this function does not compute it."""
        if name not in self.defined:
            if not self.is_data(name) and name not in self.masks:
                raise InternalError(f"`{name}` is used before it has a value")
            self.arguments[name] = None
        return code.name(self.names[name])


@dataclass(frozen=True)
class Loop:
    """A bound variable whose members are gone through one by one: `position` is a local variable."""

    set: str
    position: str


class Turn(Protocol):
    """Where one turn of a recurrence is generated: what it takes from outside."""

    def known(self, node: ir.Expression, scope: Scope) -> Term | None:
        """The array of an expression that is not computed in the turn itself, or is a name of the recurrence."""


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: its bound variables, the condition under which it matters (`guard`), the turn of a recurrence."""

    unit: Unit
    variables: Mapping[str, Axis | Loop] = field(default_factory=dict)
    guard: Term | None = None
    memory: dict[int, Term] = field(default_factory=dict)
    repeated: Repeated | None = None
    turn: Turn | None = None

    def bind(self, binders: Iterable[Binder]) -> Scope:
        new = {one.variable: Axis(self.unit.next_order(), one.variable, one.set) for one in binders}
        return replace(self, variables={**self.variables, **new}, memory={})

    def axis(self, variable: str) -> Axis:
        axis = self.variables[variable]
        assert isinstance(axis, Axis)
        return axis

    def within(self, condition: Term) -> Scope:
        """The scope of what matters only where `condition` holds."""
        both = condition if self.guard is None else elementwise(
            lambda a, b: code.binary(a, "&", b), (self.guard, condition), "bool"
        )  # fmt: skip
        return replace(self, guard=both, memory={})

    def sharing(self, *roots: ir.Expression | None) -> Scope:
        """The scope of a statement: what occurs several times in `roots` is computed once."""
        return replace(self, repeated=Repeated(roots), memory={})

    def value(self, node: ir.Expression) -> Term:
        """The array of an expression."""
        key = self.repeated.key(node) if self.repeated is not None else None
        if key is not None and key in self.memory:
            return self.memory[key]
        term = self._hoisted(node) if self.turn is None else self.turn.known(node, self)
        if term is None:
            term = RULES[type(node)](node, self)
            if not isinstance(node, ir.Number | ir.Member) and (key is not None or _depth(term.code) > _DEEPEST):
                term = self.unit.store(term)
        if key is not None:
            self.memory[key] = term
        return term

    def number(self, node: ir.Expression) -> Term:
        """The array of an expression used as a number: truth values are 0 and 1, members of a numeric range their integers."""
        return as_number(self.value(node))

    def kind(self, node: ir.Expression) -> Kind | None:
        """What values the expression takes, as the checker sees it."""
        sets = {name: axis.set for name, axis in self.variables.items()}
        return Typer(self.unit.environment, sets).type_of(node).kind

    def guarded(self, term: Term, safe: float) -> Term:
        """The term with a harmless value put in where it does not matter, so that gradients stay finite there."""
        if self.guard is None or code.is_plain_constant(term.code):
            return term
        harmless = Term(code.constant(safe), plain=True)
        where = self.unit.function("where")
        return elementwise(lambda *parts: code.call(where, *parts), (self.guard, term, harmless), term.type)

    def _hoisted(self, node: ir.Expression) -> Term | None:
        """A reduction or function of data alone, moved to `prepare`."""
        if self.unit.prepare is None or self.guard is not None or not isinstance(node, ir.Reduce | ir.Call):
            return None
        axes = free_axes(self, node, at_least=1)
        return None if axes is None else hoist(self, node, axes, lambda scope: scope.value(node))


def free_axes(scope: Scope, node: ir.Expression, at_least: int) -> tuple[Axis, ...] | None:
    """The free axes of a data-level expression that reads at least so many tables; None if it is not one."""
    inside = each(node)
    bound = {binder.variable for one in inside for binder in getattr(one, "binders", ())}
    found: dict[str, Axis] = {}
    tables = 0
    for one in inside:
        match one:
            case ir.Variable(name) | ir.Lag(name, _) if name not in bound:
                axis = scope.variables[name]
                if not isinstance(axis, Axis) or axis.kept is not None:
                    return None
                found[name] = axis
            case ir.Reference(name, _):
                tables += 1
                if not scope.unit.is_fixed(name) or (name in scope.unit.program.site and name in scope.unit.defined):
                    return None
            case ir.Distribution() | ir.Mixture() | ir.NetCall():
                return None
    return tuple(sorted(found.values(), key=lambda axis: axis.order)) if tables >= at_least else None


def hoist(scope: Scope, node: ir.Expression, axes: Sequence[Axis], build: Callable[[Scope], Term]) -> Term:
    """A hidden argument that `prepare` computes by `build` in a scope of its own; its dimensions are those of `axes`."""
    prepare = scope.unit.prepare
    assert prepare is not None
    fresh = {axis.variable: Axis(prepare.next_order(), axis.variable, axis.set) for axis in axes}
    key = (id(node), tuple((axis.variable, axis.set) for axis in axes))
    if key not in prepare.hidden:
        prepare.hidden[key] = _hide(prepare, node, build, fresh)
    hidden = prepare.hidden[key]
    scope.unit.arguments[hidden.name] = None
    back = {axis.variable: axis for axis in axes}
    mine = tuple(back[axis.variable] for axis in hidden.term.axes)
    return replace(hidden.term, code=code.name(hidden.name), axes=mine, plain=False)


def _hide(prepare: Unit, node: ir.Expression, build: Callable[[Scope], Term], variables: Mapping[str, Axis]) -> Hidden:
    """Have `prepare` compute a value; one that it computes already is not computed again."""
    start = len(prepare.pending)
    term = build(Scope(prepare, variables))
    digest = _digest([*prepare.pending[start:], ast.Expr(term.code)])
    known = next((one for one in prepare.hidden.values() if one.name.startswith(f"known_{digest}")), None)
    if known is not None and start == len(prepare.pending):
        return replace(known, term=term)
    name = prepare.names.add(f"known_{digest}")
    prepare.pending.append(code.assign(name, term.code))
    prepare.defined.add(name)
    return Hidden(name, term, node.span, names_in([node]))


def _digest(body: list[ast.stmt]) -> str:
    """A few letters that differ where the code does: two lowerings of one model may share their arguments."""
    return hashlib.sha256("".join(ast.dump(one) for one in body).encode()).hexdigest()[:6]


Rule = Callable[[Any, Scope], Term]
RULES: dict[type, Rule] = {}
"""How each kind of expression becomes an array; filled by the modules beside this one."""


def rule(node_type: type) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        RULES[node_type] = function
        return function

    return register


def elementwise(build: Callable[..., Code], terms: Sequence[Term], result: Type = "real") -> Term:
    """An operation on numbers, element by element over all their axes."""
    axes = union(terms)
    event = max((term.event for term in terms), key=len)
    parts = [aligned(term, axes, trailing=len(event)) for term in terms]
    built = build(*parts)
    plain = all(one.plain for one in terms) and not isinstance(built, ast.Call)
    return Term(built, axes, event, result, plain=plain, data=all(one.data for one in terms))


def opposite(scope: Scope, term: Term) -> Term:
    return term.become(code.call(scope.unit.function("logical_not"), term.code))


def as_number(term: Term) -> Term:
    if term.type == "bool":
        return replace(term, code=code.binary(code.constant(1), "*", term.code), type="int")
    if term.type == "member":
        assert term.member is not None
        return term.become(_integers(term), type="int", member=None)
    return term


def _integers(term: Term) -> Code:
    """The integers of members of a numeric range. The positions may be traced, so NumPy cannot look them up; the range may be empty."""
    assert term.member is not None
    members = code.members(term.member)
    if len(term.axes) == 1 and term.axes[0].set == term.member and ast.dump(term.code) == ast.dump(every(term.axes[0])):
        return code.call("np.array", members)
    first = ast.Subscript(code.either_or(members, ast.List([code.constant(0)], ast.Load())), code.constant(0), ast.Load())
    return code.binary(first, "+", term.code)


def as_member_of(set_name: str, term: Term, unit: Unit) -> Term:
    """A member of a part of a set (`without(Age, young)`) as a member of the whole one."""
    members = unit.program.set[term.member].members if term.member in unit.program.set and term.member != set_name else None
    if not isinstance(members, Without):
        return term
    assert term.member is not None
    places = code.call(unit.imports.path("pplang._lower.support.places"), code.members(term.member), code.members(members.set))
    table = places if term.data or unit.array == "np" else code.call(unit.function("asarray"), places)
    return as_member_of(set_name, term.become(code.subscript(table, [term.code]), member=members.set), unit)


def every(axis: Axis) -> Code:
    """The positions of all members of an axis."""
    return code.call("np.arange", code.size(axis.set)) if axis.kept is None else code.name(axis.kept)


def type_of(kind: Kind) -> tuple[Type, str | None]:
    match kind:
        case Boolean():
            return "bool", None
        case Date():
            return "int", None
        case Member(name):
            return "member", name
        case Interval(integer=True):
            return "int", None
    return "real", None


def is_numeric(program: Program, set_name: str) -> bool:
    return set_name in program.set and isinstance(program.set[set_name].members, NumberRange)


def row_order(program: Program, set_name: str) -> Any:
    """The declared order of a table's rows where it is not simply that of the rows as they stand."""
    found = program.set.get(set_name)
    if found is None or not isinstance(found.members, Rows):
        return None
    table = next(one for one in program.tables if one.name == found.members.table)
    return table.order if table.order is not None and (table.order.by or table.order.within) else None


def _depth(node: ast.AST) -> int:
    depth, level = 0, [node]
    while level and depth <= _DEEPEST:
        depth += 1
        level = [child for one in level for child in ast.iter_child_nodes(one) if isinstance(child, ast.expr)]
    return depth
