"""What `restrict` bounds: which element, on which side, by what."""

from __future__ import annotations

from collections.abc import Iterator

from pplang._check.graph import edges
from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._ir import expression as ire
from pplang._ir.kinds import Interval
from pplang._ir.program import Program, Restrict, Site
from pplang._records import dataclass


@dataclass(frozen=True)
class Bound:
    """An element of a latent that is kept below (or above) another expression; in both stand the binders of the restriction."""

    element: ire.Reference
    below: bool
    other: ire.Expression
    restriction: Restrict


def bounds(program: Program) -> tuple[Bound, ...]:
    """What every restriction bounds, in order; those that bound nothing are left out (`refusal`).

    Of two latents it is one that can be drawn given the other, and within whose own bounds there is room for every value of the other.
    """
    found: list[Bound] = []
    for one in program.restrictions:
        chosen = next((bound for bound in _candidates(program, one) if _fits(program, bound, found)), None)
        if chosen is not None:
            found.append(chosen)
    return tuple(found)


def bound_of(program: Program, one: Restrict) -> Bound | None:
    """What a restriction bounds. None where neither side can be drawn given the other."""
    return next((bound for bound in bounds(program) if bound.restriction == one), None)


def _candidates(program: Program, one: Restrict) -> Iterator[Bound]:
    assert isinstance(one.condition, ire.Compare)
    below = one.condition.operator in ("<", "<=")
    left, right = one.condition.left, one.condition.right
    for element, is_below, other in ((left, below, right), (right, not below, left)):
        if isinstance(element, ire.Reference) and _is_latent(program, element.name):
            yield Bound(element, is_below, other, one)


def _is_latent(program: Program, name: str) -> bool:
    site = program.site.get(name)
    return site is not None and site.role == "latent" and isinstance(site.kind, Interval) and not site.kind.integer


def _fits(program: Program, bound: Bound, earlier: list[Bound]) -> bool:
    return not _needs(program, bound, earlier) and _has_room(program, bound, earlier)


def _needs(program: Program, bound: Bound, earlier: list[Bound]) -> bool:
    """Does the other side depend on what is to be bounded, through the relations or the bounds so far?"""
    element, single = bound.element, not bound.restriction.binders
    pending, seen = _references(bound.other), set[ire.Reference]()
    while pending:
        one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        if one == element or (one.name == element.name and not (single and one.indices and element.indices)):
            return True
        pending += [ref for known in earlier if known.element == one for ref in _references(known.other)]
        if one.name in program.site and one.name != element.name:
            pending += [ire.Reference(edge.parent) for edge in edges(program.site[one.name])]
    return False


def _references(node: ire.Expression) -> list[ire.Reference]:
    return [ire.Reference(part.name, part.indices) for part in ire.walk(node) if isinstance(part, ire.Reference)]


def _has_room(program: Program, bound: Bound, earlier: list[Bound]) -> bool:
    """Is there something between the bound and the other end of the element, whatever both are?"""
    other, site = _range(program, bound), program.site[bound.element.name]
    assert isinstance(site.kind, Interval)
    across = [_range(program, one) for one in earlier if one.element == bound.element and one.below != bound.below]
    if bound.below:
        return other.lower >= max([site.kind.lower, *(one.upper for one in across)])
    return other.upper <= min([site.kind.upper, *(one.lower for one in across)])


def _range(program: Program, bound: Bound) -> Interval:
    """The values that the other side can take."""
    typer = Typer(environment_of(program), {one.variable: one.set for one in bound.restriction.binders})
    return typer.number(bound.other)[0] or Interval()


def names(program: Program) -> frozenset[str]:
    """The latents of which some element is bounded."""
    return frozenset(one.element.name for one in bounds(program))


def is_whole(site: Site, bound: Bound) -> bool:
    """Is every element of the site bounded, each in the same words?"""
    variables = [one.variable for one in bound.restriction.binders]
    indices = [one.name if isinstance(one, ire.Variable) else None for one in bound.element.indices]
    return len(indices) == len(site.axes) and len(variables) == len(indices) and set(indices) == set(variables)


def is_single(site: Site, bound: Bound) -> bool:
    """Is it one element, named by its label?"""
    return len(site.axes) == 1 and len(bound.element.indices) == 1 and isinstance(bound.element.indices[0], ire.Member) and not bound.restriction.binders  # fmt: skip


def refusal(program: Program, one: Restrict) -> str | None:
    """Why a restriction cannot be fitted, as the name of the construct; None where it can."""
    found = bound_of(program, one)
    if found is None:
        return "a restriction with no side that can be drawn given the other"
    site = program.site[found.element.name]
    if one.where is not None:
        return "`restrict` on some members of a set only"
    if site.structure is not None or site.event or site.starting is not None:
        return f"`restrict` on a joint draw (`{site.name}`)"
    if site.weight is not None:
        return f"`restrict` on a weighted latent (`{site.name}`)"
    if not is_whole(site, found) and not is_single(site, found):
        return f"`restrict` on part of a table (`{site.name}`)"
    return None
