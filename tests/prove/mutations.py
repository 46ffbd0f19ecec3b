"""Passes that are wrong on purpose: ways to spoil what a pass has made of a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import Interval
from pplang._ir.program import Program, Site
from pplang._passes.plan import Compiled, Rewrite, Stage

Mutation = Callable[[Stage, Program], Iterator[Rewrite]]
"""A stage and the program before it → the ways in which this mutation can spoil it."""


def spoilt(compiled: Compiled, mutation: Mutation) -> Iterator[tuple[str, Compiled]]:
    """The compiled program with one stage spoilt, in every way there is, with the stage's name; later stages keep what they made."""
    before = compiled.source
    for place, stage in enumerate(compiled.stages):
        for rewrite in mutation(stage, before):
            changed = _carried({site.name: site for site in rewrite.program.sites}, stage.program)
            later = tuple(
                replace(one, rewrite=replace(one.rewrite, program=one.program.with_sites(tuple(map(changed, one.program.sites)))))
                for one in compiled.stages[place + 1 :]
            )
            yield stage.name, replace(compiled, stages=(*compiled.stages[:place], replace(stage, rewrite=rewrite), *later))
        before = stage.program


def _carried(new: dict[str, Site], old: Program) -> Callable[[Site], Site]:
    """What a later stage has left as it was becomes what the spoilt stage made of it."""
    return lambda site: new[site.name] if site.name in new and old.site.get(site.name) == site else site


def _made(stage: Stage, before: Program) -> list[Site]:
    """The deterministic sites in which a stage computes a latent of the program before."""
    return [
        site for site in stage.program.sites if site.role == "deterministic" and site.name in before.site and before.site[site.name] != site
    ]


def _with(stage: Stage, site: Site, right: ire.Expression) -> Rewrite:
    sites = tuple(replace(one, right=right) if one.name == site.name else one for one in stage.program.sites)
    return replace(stage.rewrite, program=stage.program.with_sites(sites))


def wrong_jacobian(stage: Stage, before: Program) -> Iterator[Rewrite]:
    """One term of the log Jacobian has the other sign; one is left out."""
    terms = stage.rewrite.log_jacobian
    for place, term in enumerate(terms):
        yield replace(stage.rewrite, log_jacobian=(*terms[:place], ire.Negate(term), *terms[place + 1 :]))
        yield replace(stage.rewrite, log_jacobian=(*terms[:place], *terms[place + 1 :]))


def dropped_location(stage: Stage, before: Program) -> Iterator[Rewrite]:
    """`theta = tau * theta_raw`: the first term of a sum is lost, in what is computed or in what that is computed from."""
    names = {site.name for site in before.sites}
    for site in stage.program.sites:
        moved = site in _made(stage, before) or (site.role == "deterministic" and site.name not in names)
        if moved and isinstance(site.right, ire.Sum):
            (_, last) = site.right.terms[-1]
            yield _with(stage, site, last)


def wrong_gather(stage: Stage, before: Program) -> Iterator[Rewrite]:
    """An element of another member: `theta_raw[s]` becomes that of the first member of its set."""
    for site in _made(stage, before):
        for axis in site.plates:
            members = stage.program.set[axis.set].members
            label = getattr(members, "labels", (None,))[0]

            def elsewhere(node: ire.Expression, axis: object = axis, label: object = label) -> ire.Expression:
                wanted = ire.Variable(axis.variable)  # type: ignore[attr-defined]
                if not isinstance(node, ire.Reference) or wanted not in node.indices or label is None:
                    return node
                first = ire.Member(axis.set, label)  # type: ignore[attr-defined, arg-type]
                return replace(node, indices=tuple(first if one == wanted else one for one in node.indices))

            right = ire.rewrite(site.right, elsewhere)
            if right != site.right:
                yield _with(stage, site, right)


def scale_for_precision(stage: Stage, before: Program) -> Iterator[Rewrite]:
    """A positive factor divides, or a divisor multiplies."""
    known = stage.program

    def positive(node: ire.Expression) -> bool:
        if not isinstance(node, ire.Reference) or node.name not in known.site:
            return False
        kind = known.site[node.name].kind
        scale = node.name.endswith("_scale") or (isinstance(kind, Interval) and kind.lower == 0)
        return scale and known.site[node.name].level == "model"

    def swapped(node: ire.Expression) -> ire.Expression:
        if not isinstance(node, ire.Product) or not any(positive(part) for _, part in node.factors):
            return node
        factors = [("/" if sign == "*" else "*", part) if positive(part) else (sign, part) for sign, part in node.factors]
        up = [part for sign, part in factors if sign == "*"]
        found = build.multiply(*up) if up else build.ONE
        for sign, part in factors:
            found = build.divide(found, part) if sign == "/" else found
        return found

    names = {site.name for site in before.sites}
    for site in stage.program.sites:
        if site in _made(stage, before) or (site.role == "deterministic" and site.name not in names):
            right = ire.rewrite(site.right, swapped)
            if right != site.right:
                yield _with(stage, site, right)


MUTATIONS: dict[str, Mutation] = {
    "wrong Jacobian": wrong_jacobian,
    "dropped location": dropped_location,
    "wrong gather": wrong_gather,
    "scale for precision": scale_for_precision,
}
