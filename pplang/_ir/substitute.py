"""Putting expressions in the place of bound variables, without catching any of the names inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from pplang._ir import expression as ire
from pplang._ir.program import Program


class NotAnIndexError(Exception):
    """A step back is taken from something that has no predecessor: a label, or the value of a column."""


def substitute(node: ire.Expression, values: Mapping[str, ire.Expression]) -> ire.Expression:
    """`node` with other expressions in the place of its free variables. Variables that it binds itself are renamed where they would catch one.

    Raises NotAnIndexError where `t - 1` would become a step from what is no bound variable.
    """
    return _Substitution(dict(values)).of(node)


class _Substitution:
    def __init__(self, values: dict[str, ire.Expression]) -> None:
        self.values = values
        self.known: dict[int, ire.Expression] = {}
        self.kept: list[ire.Expression] = []

    def of(self, node: ire.Expression) -> ire.Expression:
        if not self.values:
            return node
        if id(node) not in self.known:
            self.kept.append(node)
            self.known[id(node)] = self._new(node)
        return self.known[id(node)]

    def _new(self, node: ire.Expression) -> ire.Expression:
        match node:
            case ire.Variable(name):
                return self.values.get(name, node)
            case ire.Lag(variable, by):
                return self._lag(node, self.values.get(variable, ire.Variable(variable)), self.of(by))
            case ire.Reduce(binders=binders):
                inner, renamed = self._inside(binders)
                condition = None if node.condition is None else inner.of(node.condition)
                return replace(node, element=inner.of(node.element), binders=renamed, condition=condition)
            case ire.Mixture(binder=binder):
                inner, (one,) = self._inside((binder,))
                return replace(node, component=inner.of(node.component), binder=one, weights=inner.of(node.weights))
        return self._parts(node)

    def _parts(self, node: ire.Expression) -> ire.Expression:
        def new(value: object) -> object:
            if isinstance(value, ire.Node):
                return self.of(value)  # type: ignore[arg-type]
            if isinstance(value, tuple):
                items = tuple(map(new, value))
                return value if all(a is b for a, b in zip(items, value, strict=True)) else items
            return value

        parts = {one.name: getattr(node, one.name) for one in fields(node) if one.name != "span"}
        changed = {name: new(value) for name, value in parts.items()}
        same = all(changed[name] is parts[name] for name in parts)
        return node if same else replace(node, **changed)  # type: ignore[arg-type]

    def _lag(self, node: ire.Lag, start: ire.Expression, by: ire.Expression) -> ire.Expression:
        match start, by:
            case ire.Variable(name), (ire.Number() | ire.Variable()):
                return replace(node, variable=name, by=by)
            case ire.Lag(name, ire.Number(first)), ire.Number(second):
                total = first + second
                return replace(node, variable=name, by=ire.Number(total)) if total else ire.Variable(name)
        raise NotAnIndexError

    def _inside(self, binders: tuple[ire.Binder, ...]) -> tuple[_Substitution, tuple[ire.Binder, ...]]:
        """The substitution below some binders, which are renamed where one of the values mentions their variable."""
        values = {name: value for name, value in self.values.items() if name not in {one.variable for one in binders}}
        used = free_variables(values.values())
        renamed = []
        for one in binders:
            if one.variable in used:
                name = fresh_variable(one.variable, used | {other.variable for other in binders})
                values[one.variable] = ire.Variable(name)
                one = replace(one, variable=name)
            renamed.append(one)
        return _Substitution(values), tuple(renamed)


def unshadowed(node: ire.Expression, outer: frozenset[str], taken: set[str]) -> ire.Expression:
    """`node` with other letters for variables that it binds although they stand for something around it, as after a move below another index.

    outer: the variables around it. taken: what new letters must not be.
    """

    def change(one: ire.Expression) -> ire.Expression:
        binders = one.binders if isinstance(one, ire.Reduce) else (one.binder,) if isinstance(one, ire.Mixture) else ()
        letters = {binder.variable: fresh_variable(binder.variable, taken) for binder in binders if binder.variable in outer}
        if not letters:
            return one
        taken.update(letters.values())
        renamed = tuple(replace(binder, variable=letters.get(binder.variable, binder.variable)) for binder in binders)
        other = {name: ire.Variable(letter) for name, letter in letters.items()}
        if isinstance(one, ire.Mixture):
            return replace(one, component=substitute(one.component, other), binder=renamed[0], weights=substitute(one.weights, other))
        assert isinstance(one, ire.Reduce)
        condition = None if one.condition is None else substitute(one.condition, other)
        return replace(one, element=substitute(one.element, other), binders=renamed, condition=condition)

    return ire.rewrite(node, change)


def free_variables(nodes: Iterable[ire.Expression]) -> set[str]:
    """All variables that some expressions mention (those that they bind themselves too: more is safe)."""
    found = set()
    for node in nodes:
        for one in ire.walk(node):
            if isinstance(one, ire.Variable):
                found.add(one.name)
            elif isinstance(one, ire.Lag):
                found.add(one.variable)
    return found


def bound_variables(nodes: Iterable[ire.Expression]) -> set[str]:
    """All variables that some expressions bind."""
    found = set()
    for node in nodes:
        for one in ire.walk(node):
            if isinstance(one, ire.Reduce):
                found |= {binder.variable for binder in one.binders}
            elif isinstance(one, ire.Mixture):
                found.add(one.binder.variable)
    return found


def fresh_variable(wanted: str, taken: set[str]) -> str:
    """`wanted`, or another letter, or with a number, that is not taken."""
    letters = (wanted, *(one for one in "kjlmnpqrsuvabcdefghit" if one != wanted), *(f"{wanted}{n}" for n in range(2, len(taken) + 3)))
    return next(one for one in letters if one not in taken)


def variables_and_names(program: Program) -> set[str]:
    """What a new variable must not be called, so that the program reads as it is meant: every variable, name, set and label."""
    roots = [part for site in program.sites for part in (site.right, site.starting, site.weight, site.where) if part is not None]
    roots += [part for one in program.factors for part in (one.value, one.weight, one.where) if part is not None]
    roots += [one.condition for one in program.restrictions]
    bound = {axis.variable for site in program.sites for axis in site.axes if axis.variable is not None} | bound_variables(roots)
    labels = {str(one.label) for node in roots for one in ire.walk(node) if isinstance(one, ire.Member)}
    return bound | labels | {*program.site, *program.column, *program.input, *program.param, *program.set}
