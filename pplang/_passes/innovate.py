"""innovate: a latent that looks back is drawn by its innovations, the part of each member that those before it do not determine.

`level[t in Week] ~ Normal(level[t-1], s)` becomes `level_raw[t in Week] ~ Normal(0, 1)` and `level[t in Week] = level[t-1] + s * level_raw[t]`.
Where the recurrence is affine in the last member its values can be computed all at once (see `_lower.recurrences`), and it can have transported
coordinates (see `innovations`): the evidence of each member and of all after it, of which the h = 0 case is the innovations.
After it: no latent with a location and a scale looks back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import LocationScale
from pplang._check.recurrences import Recurrence, groups, looking_back
from pplang._check.retype import retype
from pplang._ir import expression as ire
from pplang._ir.program import Program, Site
from pplang._passes import innovations
from pplang._passes.plan import Choice, Rewrite, Transport

NAME = "innovate"


def decide(program: Program, *, transported: bool = False, fixed: Mapping[str, str] | None = None) -> tuple[Choice, ...]:
    """A choice for each latent that looks back.

    `transported`: the engine will set constants, so that an affine chain gets transported coordinates. fixed: actions that a plan settles.
    """
    back = looking_back(program)
    steps = {name: group for group in groups(program) if isinstance(group, Recurrence) for name in group.sites}
    sites = [site for site in program.sites if site.name in back and site.role == "latent" and site.level == "model"]
    choices = [_choose(program, site, steps.get(site.name), transported) for site in sites]
    wanted = fixed or {}
    return tuple(replace(one, action=wanted.get(one.site, one.action)) for one in choices if one is not None)


def _choose(program: Program, site: Site, recurrence: Recurrence | None, transported: bool) -> Choice | None:
    notes = {note.name for note in site.notes}
    if "centered" in notes:
        return None if site.origin is not None else Choice(site.name, "center", "asked for by @centered")
    why = obstacle(site)
    if why is not None:
        return Choice(site.name, "center", f"{why}: drawn as it stands")
    if "noncentered" in notes:
        return Choice(site.name, "noncenter", "asked for by @noncentered")
    affine = recurrence is not None and innovations.parts(program, site, recurrence) is not None
    if transported and affine:
        return Choice(
            site.name,
            "transport",
            "each member is a multiple of the last plus noise: as much of it is drawn by its innovation as the data leave open",
        )
    return Choice(site.name, "noncenter", "neighbours hang together, their innovations do not")


def obstacle(site: Site) -> str | None:
    """Why a latent that looks back has no innovations; None where it has."""
    family = family_of(site.right)
    if family is None or (family.log and family.location is None):
        return "it has no location and scale to move it by"
    if site.weight is not None or site.fixing or site.structure is not None:
        return "its relation has a clause that goes with its own values"
    if site.starting is None:
        return None
    if innovations.stepping(site) is None:
        return "it does not look back along one axis"
    assert isinstance(site.right, ire.Distribution)
    same = isinstance(site.starting, ire.Distribution) and site.starting.name == site.right.name
    if not same or any(site.right.argument(name) != site.starting.argument(name) for name in family.standard):  # type: ignore[union-attr]
        return "it begins with another distribution than it goes on with"
    return None


def family_of(node: ire.Expression) -> LocationScale | None:
    return DISTRIBUTIONS[node.name].family if isinstance(node, ire.Distribution) else None


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Rewrite the sites that are to be moved."""
    source, moving = program, [choice for choice in choices if choice.action != "center"]
    inverse: list[Site] = []
    jacobian: list[ire.Expression] = []
    transports: list[Transport] = []
    steps = {name: group for group in groups(program) if isinstance(group, Recurrence) for name in group.sites}
    for choice in moving:
        builder = innovations.Builder(source, program, source.site[choice.site], steps.get(choice.site))
        moved = builder.transported() if choice.action == "transport" else builder.innovations()
        sites = tuple(part for one in program.sites for part in (moved.sites if one.name == choice.site else (one,)))
        program = replace(program.with_sites(sites), inputs=(*program.inputs, *moved.inputs))
        inverse += moved.inverse
        jacobian.append(moved.log_jacobian)
        transports += [moved.transport] if moved.transport is not None else []
    return Rewrite(retype(program) if moving else program, tuple(inverse), tuple(jacobian), tuple(transports))
