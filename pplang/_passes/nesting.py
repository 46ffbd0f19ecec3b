"""Nested effects: latents over plates of which one is a refinement of the other, as classes within schools or a visit's own effect beside its patient's.

Both add into one child, as crossed effects do, but each element of the finer one meets a single element of the coarser: the one at an index that the
finer one's own index determines. So the evidence of the finer one moves with that element alone, and given the hyperparameters the elements of
the coarser one, the finer integrated out, do not meet at all. Leaf to root that is exact for a Gaussian child, without a K x K matrix.
"""

from __future__ import annotations

from collections.abc import Iterable

from pplang._check import graph
from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._ir import expression as ire
from pplang._ir.program import Program, Site
from pplang._ir.substitute import NotAnIndexError, free_variables, substitute

Indices = tuple[ire.Expression, ...]

_ITSELF = ire.Variable("the finer effect's own index")


def element(program: Program, finer: str, coarser: str, children: Iterable[str]) -> Indices | None:
    """The indices of the one element of a coarser effect that each of a finer one meets, in the variable of the finer one's plate.

    children: the relations in which the two meet. None where one of the finer meets several of the coarser, or the program does not say which:
    the index of the coarser must be written as a function of that of the finer, `school[class[i]]` beside `class[i]`.
    """
    found: set[Indices] = set()
    for child in children:
        own, other = (_places(program, program.site[child], name) for name in (finer, coarser))
        if own is None or other is None or len(own) != 1:
            return None
        ((index,),) = own
        for indices in other:
            made = tuple(ire.rewrite(one, lambda part, index=index: _ITSELF if part == index else part) for one in indices)  # type: ignore[misc]
            if free_variables(made) != {_ITSELF.name}:
                return None
            found.add(made)
    if len(found) != 1:
        return None
    (axis,) = program.site[finer].axes
    assert axis.variable is not None
    indices = tuple(substitute(one, {_ITSELF.name: ire.Variable(axis.variable)}) for one in found.pop())
    typer = Typer(environment_of(program), {axis.variable: axis.set})
    return indices if all(typer.type_of(one).data for one in indices) else None


def _places(program: Program, child: Site, name: str) -> set[Indices] | None:
    """The indices at which a relation mentions a latent, definitions written out, in the variables of its plates; None where it does so in a sum
    over members, as a whole table or through a recurrence."""
    found: set[Indices] = set()
    seen = {child.right}
    pending = [child.right]
    while pending:
        for one, bound, _ in graph.references(pending.pop()):
            site = program.site.get(one.name)
            if one.name != name and (site is None or site.role != "deterministic" or not reaches(program, site, name)):
                continue
            if site is None or len(one.indices) != len(site.axes) or free_variables(one.indices) & set(bound):
                return None
            if one.name == name:
                found.add(one.indices)
                continue
            letters = {axis.variable: index for axis, index in zip(site.axes, one.indices, strict=True) if axis.variable is not None}
            if site.starting is not None or len(letters) < len(site.axes):
                return None
            try:
                written = substitute(site.right, letters)
            except NotAnIndexError:
                return None
            if written not in seen:
                seen.add(written)
                pending.append(written)
    return found


def reaches(program: Program, site: Site, name: str) -> bool:
    """Does a definition use a latent, through others or itself?"""
    pending, seen = [site], set[str]()
    while pending:
        for edge in graph.edges(pending.pop()):
            if edge.parent == name:
                return True
            parent = program.site.get(edge.parent)
            if parent is not None and parent.role == "deterministic" and parent.name not in seen:
                seen.add(parent.name)
                pending.append(parent)
    return False
