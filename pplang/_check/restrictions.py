"""`restrict`: accepted only in forms that become a bijection, one bound or one order per element, without circles."""

from __future__ import annotations

from pplang._check import graph
from pplang._check.environment import Environment
from pplang._check.relations import Relations
from pplang._check.resolve import Resolver
from pplang._check.types import Typer
from pplang._diagnostics import Label
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import Interval
from pplang._ir.text import expression
from pplang._records import dataclass
from pplang._source import Span
from pplang._syntax import tree

_FORMS = "the forms are: restrict x < bound; restrict x[k] > bound for k in K; restrict x[a] < x[b]"


@dataclass(frozen=True)
class _Bound:
    """One side of a restriction: this element of a latent is kept below (or above) the other side."""

    element: ire.Reference
    below: bool
    other: ire.Expression
    span: Span


def read_restrictions(environment: Environment, relations: Relations, nodes: list[tree.Restrict]) -> tuple[ir.Restrict, ...]:
    """Every `restrict`, checked alone and then against the others."""
    found: list[ir.Restrict] = []
    bounds: list[_Bound] = []
    for node in nodes:
        resolver = Resolver(environment)
        with resolver.bound(node.binders) as binders:
            condition = resolver.value(node.condition)
            where = None if node.where is None else resolver.value(node.where)
            typer = Typer(environment, dict(resolver.variables))
        if resolver.is_invalid(condition, where) or any(not one.set for one in binders):
            continue
        typer.condition(condition)
        if where is not None and not typer.condition(where):
            environment.report(
                "R01",
                "a condition that depends on a latent",
                where.span,
                "which members are restricted must be known before fitting",
                help="use data only",
            )
        if any(resolver.is_invalid(one) for one in ire.walk(condition)):
            continue
        bound = _bound(environment, relations, condition, node)
        if bound is not None:
            bounds.append(bound)
            found.append(ir.Restrict(condition, binders, where, span=node.span))
    _together(environment, relations, bounds)
    return tuple(found)


def _bound(environment: Environment, relations: Relations, condition: ire.Expression, node: tree.Restrict) -> _Bound | None:
    """The element that a condition bounds: the later of two latents, so that it can be drawn given the other."""
    if not isinstance(condition, ire.Compare) or condition.operator in ("==", "!="):
        what = (
            "an equality leaves no region"
            if isinstance(condition, ire.Compare) and condition.operator == "=="
            else "this is no bound on one element"
        )
        edit = "define the one by the other: a = b" if isinstance(condition, ire.Compare) and condition.operator == "==" else _FORMS
        environment.report("R04", "a restriction that is no bound", node.condition.span, what, help=edit)
        return None
    below = condition.operator in ("<", "<=")
    sides = ((condition.left, below, condition.right), (condition.right, not below, condition.left))
    possible = [
        _Bound(one, is_below, other, node.condition.span)
        for one, is_below, other in sides
        if isinstance(one, ire.Reference) and _is_latent(relations, one.name)
    ]
    if not possible:
        _no_latent(environment, relations, condition, node)
        return None
    for one in possible:
        if one.element.name not in {part.name for part in ire.walk(one.other) if isinstance(part, ire.Reference)} or _same_table(one):
            return one
    environment.report("R04", "a bound that depends on what it bounds", node.condition.span, f"`{possible[0].element.name}` stands on both sides",
                       help="bring it to one side: restrict x < bound, with a bound of other names")  # fmt: skip
    return None


def _same_table(bound: _Bound) -> bool:
    """`x[a] < x[b]`, two elements of one table, is an order."""
    return (
        isinstance(bound.other, ire.Reference) and bound.other.name == bound.element.name and bound.other.indices != bound.element.indices
    )


def _no_latent(environment: Environment, relations: Relations, condition: ire.Compare, node: tree.Restrict) -> None:
    for side in (condition.left, condition.right):
        if isinstance(side, ire.Reference) and side.name in relations.sites:
            site = relations.sites[side.name]
            what = {"deterministic": "is computed from other names", "observed": "is observed", "split": "is partly observed"}.get(
                site.role, "draws whole numbers"
            )
            edit = (
                "restrict what it is computed from"
                if site.role == "deterministic"
                else "give it a distribution with bounds: Truncated(d, lower = ...)"
            )
            environment.report(
                "R04", "a restriction on a name that is no latent number", node.condition.span, f"`{side.name}` {what}", help=edit
            )
            return
    environment.report("R04", "a restriction that is no bound", node.condition.span, "on neither side stands one element of a latent",
                       help=f"solve it for one latent: a < 1 - b, not a + b < 1; {_FORMS}")  # fmt: skip


def _is_latent(relations: Relations, name: str) -> bool:
    site = relations.sites.get(name)
    return site is not None and site.role == "latent" and isinstance(site.kind, Interval) and not site.kind.integer


def _together(environment: Environment, relations: Relations, bounds: list[_Bound]) -> None:
    """Two bounds on one side of an element, and circles of bounds, have no bijection."""
    first: dict[tuple[ire.Reference, bool], _Bound] = {}
    edges: dict[str, set[str]] = {}
    places: dict[str, Span] = {}
    for one in bounds:
        earlier = first.setdefault((one.element, one.below), one)
        side = "upper" if one.below else "lower"
        if earlier is not one:
            which, sign = ("min", "<") if one.below else ("max", ">")
            edit = f"restrict {expression(one.element)} {sign} {which}({expression(earlier.other)}, {expression(one.other)})"
            labels = (Label(earlier.span, "first here"),)
            environment.report(
                "R04", f"two {side} bounds for one element", one.span, "and again here", labels=labels, help=f"write one: {edit}"
            )
        name = expression(one.element)
        others = {expression(part) for part in ire.walk(one.other) if isinstance(part, ire.Reference) and _is_latent(relations, part.name)}
        edges.setdefault(name, set()).update(others)
        places.setdefault(name, one.span)
        for other in others:
            edges.setdefault(other, set())
            places.setdefault(other, one.span)
    for circle in graph.circles(list(edges), edges):
        start = min(circle, key=lambda name: places[name])
        environment.report("R04", "restrictions that bound each other in a circle", places[start], graph.shown_circle(circle, start),
                           help="leave out one of them, so that each element is bounded by others before it")  # fmt: skip
