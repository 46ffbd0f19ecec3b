"""elements: members of a table that are fixed, or bounded by a `restrict` of their own, leave the table.

`b[a in Age] ~ Normal(0, s)` with `fixing young = 0` becomes

    index Age_drawn = without(Age, young)
    b_drawn[a in Age_drawn] ~ Normal(0, s)
    b[a in Age] = if a == young then 0 else sum(b_drawn[a_] for a_ in Age_drawn if a_ == a)

and of `restrict x[low] < x[high]` the element `x[low]` becomes a latent of its own, `x_low`, with `restrict x_low < x_drawn[high]`.
After it: no site has `fixing`, and every restriction is on all of a site.
"""

from __future__ import annotations

from dataclasses import replace

from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import Axis, IndexSet, Program, Restrict, Site, Without
from pplang._passes import restricted
from pplang._passes.plan import Choice, Rewrite
from pplang._records import dataclass

NAME = "elements"

Label = str | int


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each table with such members."""
    found = []
    for site in program.sites:
        if site.role == "latent" and site.level == "model":
            fixed, bounded = [label for label, _ in site.fixing], _bounded(program, site)
            parts = [f"{_listed(fixed)} {'is' if len(fixed) == 1 else 'are'} fixed"] * bool(fixed)
            parts += [f"{_listed(bounded)} {'has a bound of its own' if len(bounded) == 1 else 'have bounds of their own'}"] * bool(bounded)
            if parts:
                found.append(Choice(site.name, "take out", " and ".join(parts)))
    return tuple(found)


def _listed(labels: list[Label]) -> str:
    return " and ".join(map(str, labels))


def _bounded(program: Program, site: Site) -> list[Label]:
    """The members that restrictions bound one by one."""
    mine = [one for one in restricted.bounds(program) if one.element.name == site.name and restricted.is_single(site, one)]
    return list(dict.fromkeys(one.element.indices[0].label for one in mine if isinstance(one.element.indices[0], ire.Member)))


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Each such table taken apart, and computed from its parts."""
    inverse: list[Site] = []
    for choice in choices:
        program, back = _apart(program, program.site[choice.site])
        inverse += back
    return Rewrite(retype(program) if choices else program, tuple(inverse))


@dataclass(frozen=True)
class _Parts:
    """Where the members of a table have gone: to latents of their own, to a table of the others, or to values."""

    own: dict[Label, str]
    others: str
    part: str
    values: dict[Label, ire.Expression]

    def element(self, index: ire.Expression) -> ire.Expression:
        """The member at a label, wherever it is."""
        assert isinstance(index, ire.Member)
        if index.label in self.own:
            return ire.Reference(self.own[index.label])
        return self.values[index.label] if index.label in self.values else ire.Reference(self.others, (ire.Member(self.part, index.label),))


def _apart(program: Program, site: Site) -> tuple[Program, list[Site]]:
    (axis,) = site.axes
    assert axis.variable is not None
    bounded = _bounded(program, site)
    known = program.site[site.name].fixing
    part = program.fresh_name(f"{axis.set}_drawn")
    others = program.fresh_name(f"{site.name}_drawn")
    members = Without(axis.set, (*(label for label, _ in known), *bounded))
    index_set = IndexSet(part, members, ordered=program.set[axis.set].ordered, declared=True)
    own = {label: program.fresh_name(_joined(site.name, label, place)) for place, label in enumerate(bounded, 1)}
    parts = _Parts(own, others, part, dict(known))
    drawn = [replace(site, name=others, axes=(Axis(axis.variable, part),), fixing=(), origin=(site.name, NAME))]
    for label, name in own.items():
        at = ire.Member(axis.set, label)
        drawn.append(
            replace(site, name=name, axes=(), right=_at(site.right, axis.variable, at), fixing=(), notes=(), origin=(site.name, NAME))
        )
    value = _table(axis, parts, program.fresh_name(f"{axis.variable}_"))
    computed = replace(
        site,
        role="deterministic",
        right=value,
        notes=(),
        fixing=(),
        weight=None,
        structure=None,
        declared_kind=None,
        origin=(site.name, NAME),
    )
    inverse = [replace(computed, name=others, axes=(Axis(axis.variable, part),), right=build.element_of(site), report=False)]
    inverse += [
        replace(computed, name=name, axes=(), right=ire.Reference(site.name, (ire.Member(axis.set, label),)), report=False)
        for label, name in own.items()
    ]
    sites = tuple(new for one in program.sites for new in ((*drawn, computed) if one.name == site.name else (one,)))
    restrictions = tuple(new for one in program.restrictions for new in _elsewhere(program, one, site, parts))
    return replace(program, sets=(*program.sets, index_set), sites=sites, restrictions=restrictions), inverse


def _joined(name: str, label: Label, place: int) -> str:
    joined = f"{name}_{label}"
    return joined if joined.isidentifier() else f"{name}_element_{place}"


def _at(node: ire.Expression, variable: str, index: ire.Expression) -> ire.Expression:
    return ire.rewrite(node, lambda one: index if one == ire.Variable(variable) else one)


def _table(axis: Axis, parts: _Parts, variable: str) -> ire.Expression:
    """Each member from where it has gone."""
    here = ire.Variable(axis.variable or "")
    same = ire.Compare("==", ire.Variable(variable), here)
    value: ire.Expression = ire.Reduce(
        "sum", ire.Reference(parts.others, (ire.Variable(variable),)), (ire.Binder(variable, parts.part),), same
    )
    for label in reversed([*parts.values, *parts.own]):
        index = ire.Member(axis.set, label)
        value = ire.IfElse(ire.Compare("==", here, index), parts.element(index), value)
    return value


def _elsewhere(program: Program, one: Restrict, site: Site, parts: _Parts) -> tuple[Restrict, ...]:
    """The restriction, with the members of a table where they are now; one of all members is one of each part."""

    def change(node: ire.Expression) -> ire.Expression:
        match node:
            case ire.Reference(site.name, (ire.Member() as index,)):
                return parts.element(index)
        return node

    bound = restricted.bound_of(program, one)
    if bound is None or bound.element.name != site.name or not restricted.is_whole(site, bound):
        return (replace(one, condition=ire.rewrite(one.condition, change)),)
    (binder,) = one.binders
    here = ire.Reference(site.name, (ire.Variable(binder.variable),))
    of_others = ire.rewrite(one.condition, lambda node: ire.Reference(parts.others, here.indices) if node == here else node)
    of_own = (ire.rewrite(_at(one.condition, binder.variable, ire.Member(binder.set, label)), change) for label in parts.own)
    return (
        replace(one, condition=of_others, binders=(ire.Binder(binder.variable, parts.part),)),
        *(Restrict(new, span=one.span) for new in of_own),
    )
