"""One turn of a recurrence: what it computes of the names that look back, and what it is handed because that is known for all members."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pplang._check.recurrences import Recurrence
from pplang._ir import expression as ir
from pplang._ir.program import Site
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.indexing import Slot, pick, slot_of
from pplang._lower.repeats import names_in
from pplang._lower.statements import has_past, statement_scope
from pplang._lower.terms import Axis, Term
from pplang._lower.unit import Scope, Unit, type_of

TURN = "_turn"
_VALUES = (
    ir.Reference, ir.Sum, ir.Product, ir.Negate, ir.Power, ir.Call, ir.IfElse, ir.Compare, ir.Logical, ir.Not, ir.Reduce, ir.Element, ir.LogDensity,
)  # fmt: skip


@dataclass
class Turns:
    """The body of a recurrence's step while it is generated.

    tables: what is handed in, an array with the place of its stepping axis and the local name of a turn's part of it. before: statements
    that come before the step. taken_for_granted: the assertions of these.
    """

    unit: Unit
    recurrence: Recurrence
    tables: list[tuple[Code, int, str]] = field(default_factory=list)
    before: list[ast.stmt] = field(default_factory=list)
    taken_for_granted: list[Term] = field(default_factory=list)

    def now(self, name: str) -> str:
        """What the value of a name in this turn is called."""
        return f"_{self.unit.names[name]}_now"

    def past(self, name: str) -> str:
        """What the pair of its last values and its table so far is called."""
        return f"_{self.unit.names[name]}_past"

    def scope(self, site: Site) -> tuple[Scope, Term | None]:
        """The scope of a relation inside the step, and whether its members there have a past (None where none is needed).

        The members of its stepping variable are those of the turn.
        """
        outer = statement_scope(self.unit, site)
        variable = self.recurrence.variable(site)
        axis = outer.axis(variable)
        variables = {**outer.variables, variable: replace(axis, kept=TURN)}
        if site.starting is None:
            return replace(outer, variables=variables, turn=_Inside(self, outer, variable, axis), memory={}), None
        with self.outside():
            there = self.unit.store(has_past(outer, site.right))
        here = self.handed(there, axis)
        inside = _Inside(self, outer, variable, axis, (here, there))
        return replace(outer, variables=variables, turn=inside, memory={}), here

    def handed(self, term: Term, axis: Axis) -> Term:
        """The part of a table that a turn is about."""
        if axis not in term.axes:
            return replace(term, data=False)
        place = term.axes.index(axis)
        known = next((local for made, at, local in self.tables if at == place and ast.dump(made) == ast.dump(term.code)), None)
        if known is None:
            known = f"_at_{len(self.tables) + 1}"
            self.tables.append((term.code, place, known))
        axes = tuple(replace(one, kept=TURN) if one == axis else one for one in term.axes)
        return replace(term, code=code.name(known), axes=axes, plain=False, data=False)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """While something is computed for all members at once, before the step."""
        unit = self.unit
        inside = unit.pending, unit.assertions
        unit.pending, unit.assertions = self.before, self.taken_for_granted
        yield
        unit.pending, unit.assertions = inside


@dataclass(frozen=True)
class _Inside:
    """Where a relation of the recurrence stands: `outer` is its scope for all members at once, `axis` its stepping axis there."""

    turns: Turns
    outer: Scope
    variable: str
    axis: Axis
    past: tuple[Term, Term] | None = None
    """Whether there are predecessors, of the turn's members and of all."""

    def known(self, node: ir.Expression, scope: Scope) -> Term | None:
        recurring = self.turns.recurrence.dimension
        if isinstance(node, ir.Reference) and node.name in recurring:
            return self._recurring(node, scope)
        if not isinstance(node, _VALUES) or names_in([node]) & set(recurring):
            return None
        guard = None
        if scope.guard is not None and not isinstance(node, ir.Reference):
            if self.past is None or ast.dump(scope.guard.code) != ast.dump(self.past[0].code):
                return None  # what a condition of the turn itself keeps from failing cannot be computed for all members
            guard = self.past[1]
        variables = {name: self.axis if name == self.variable else bound for name, bound in scope.variables.items()}
        with self.turns.outside():
            term = self.turns.unit.store(replace(self.outer, variables=variables, guard=guard, memory={}).value(node))
        return self.turns.handed(term, self.axis)

    def _recurring(self, node: ir.Reference, scope: Scope) -> Term:
        """A name of the recurrence: in this turn, some turns ago, or at all earlier members."""
        unit, recurrence = self.turns.unit, self.turns.recurrence
        place = recurrence.dimension[node.name]
        sets = unit.program.axes_of(node.name)
        indices = (*node.indices, *(ir.Whole() for _ in range(len(sets) - len(node.indices))))
        past = code.name(self.turns.past(node.name))
        last = ast.Subscript(past, code.constant(0), ast.Load())
        own = Slot(axis=scope.axis(self.variable))
        slots = [own if at == place else slot_of(index, over, scope) for at, (index, over) in enumerate(zip(indices, sets, strict=True))]
        match indices[place]:
            case ir.Variable(name) if name == self.variable:
                base: Code = code.name(self.turns.now(node.name))
            case ir.Lag(by=ir.Number(int() as by)):
                base = ast.Subscript(last, code.constant(by - 1), ast.Load())
            case ir.Lag(by=ir.Variable(by)) if scope.variables[by].set != recurrence.set:
                steps = scope.number(ir.Variable(by))
                base, slots = last, [Slot(positions=steps.become(code.binary(steps.code, "-", code.constant(1)))), *slots]
            case index:
                base = ast.Subscript(past, code.constant(1), ast.Load())
                slots[place] = slot_of(index, recurrence.set, scope)
        kind, member = type_of(unit.program.kind_of(node.name))
        return replace(pick(unit.array, base, slots), type=kind, member=member, data=False)
