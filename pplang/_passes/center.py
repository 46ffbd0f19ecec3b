"""center: a location-scale latent whose location or scale is itself unknown gets coordinates that do not stretch with them.

`theta[s] ~ Normal(mu, tau)` becomes `theta_raw[s] ~ Normal(0, 1)` and `theta[s] = mu + tau * theta_raw[s]` (non-centred: Papaspiliopoulos,
Roberts and Sköld 2007), or with `@partial(c)` the power form `theta_raw[s] ~ Normal(c mu, tau^c)`, which is centred at c = 1 (Gorinova,
Moore and Hoffman 2020, with the exponents of location and scale tied).
After it: every latent that can be has a parameter-free base, or the form that the user asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import LocationScale
from pplang._check.recurrences import looking_back
from pplang._check.retype import environment_of, retype
from pplang._check.types import Typer
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import Note, Program, Site
from pplang._passes import blocks, crossed, restricted, transport
from pplang._passes.plan import Block, Choice, Rewrite, Transport

NAME = "center"
_ALONE = Note("centered")


def decide(
    program: Program,
    *,
    transported: bool = False,
    fixed: Mapping[str, Choice] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> tuple[Choice, ...]:
    """A choice for each location-scale latent; the user's annotation decides where there is one.

    `transported`: the engine will set constants, so that a site gets transported coordinates where it would else be non-centred.
    `fixed`: choices that are settled beforehand, by site (see `pinned`). sizes: of the index sets, where they are known.
    """
    fixed = fixed or {}
    back = looking_back(program)
    sites = [site for site in program.sites if site.role == "latent" and site.level == "model" and site.name not in back]
    choices = (fixed[site.name] if site.name in fixed else _choose(program, site, transported) for site in sites)
    grouped = _together(program, tuple(one for one in choices if one is not None), fixed)
    return crossed.decided(program, grouped, fixed, sizes or {})


def _together(program: Program, choices: tuple[Choice, ...], fixed: Mapping[str, Choice]) -> tuple[Choice, ...]:
    """The choices, with effects of one plate that meet in a child as one block (numbered)."""
    groups = blocks.groups(program, tuple(one.site for one in choices if one.action == "transport" and one.site not in fixed))
    taken = {int(dict(one.numbers)["block"]) for one in fixed.values() if one.action == "block"}
    free = (n for n in count() if n not in taken)
    number = {name: n for n, names in zip(free, groups, strict=False) for name in names}

    def joined(choice: Choice) -> Choice:
        if choice.action != "transport" or choice.site not in number:
            return choice
        others = " and ".join(name for name, block in number.items() if block == number[choice.site] and name != choice.site)
        return replace(
            choice,
            action="block",
            reason=f"{choice.reason}; as one block with {others}, which the same data inform",
            numbers=(("block", number[choice.site]),),
        )

    return tuple(map(joined, choices))


def _choose(program: Program, site: Site, transported: bool) -> Choice | None:
    notes = {note.name: note for note in site.notes}
    family = _family(site)
    if "centered" in notes:
        return None if site.origin is not None else Choice(site.name, "center", "asked for by @centered")
    if family is None or not movable(program, site):
        return None
    location, scale = _location(site, family), _scale(site, family)
    unknown = [word for word, part in (("location", location), ("scale", scale)) if not _known(program, site, part)]
    if "partial" in notes:
        (weight,) = notes["partial"].arguments
        assert isinstance(weight, ire.Number)
        return Choice(site.name, "partial", f"asked for by @partial({weight.value})", (("c", float(weight.value)),))
    if "noncentered" in notes:
        return Choice(site.name, "noncenter", "asked for by @noncentered")
    if not unknown:
        return None
    if transported:
        return Choice(
            site.name,
            "transport",
            f"its {' and '.join(unknown)} {'are' if len(unknown) > 1 else 'is'} unknown: which is better depends on how much the data say about each element",
        )
    return Choice(
        site.name,
        "noncenter",
        f"its {' and '.join(unknown)} {'are' if len(unknown) > 1 else 'is'} unknown: in its own coordinates it would stretch with them",
    )


def movable(program: Program, site: Site) -> bool:
    """Can the site be drawn in another coordinate than its own?"""
    plain = not site.fixing and site.starting is None and site.weight is None
    return _family(site) is not None and plain and site.name not in restricted.names(program)


def _family(site: Site) -> LocationScale | None:
    return DISTRIBUTIONS[site.right.name].family if isinstance(site.right, ire.Distribution) else None


def _location(site: Site, family: LocationScale) -> ire.Expression:
    return _argument(site, family.location) or build.ZERO


def _scale(site: Site, family: LocationScale) -> ire.Expression:
    scale = _argument(site, family.scale) or build.ONE
    return build.divide(build.ONE, scale) if family.inverse_scale and family.scale else scale


def _argument(site: Site, name: str | None) -> ire.Expression | None:
    assert isinstance(site.right, ire.Distribution)
    return site.right.argument(name) if name is not None else None


def _known(program: Program, site: Site, part: ire.Expression) -> bool:
    """Is it known before inference?"""
    variables = {axis.variable: axis.set for axis in site.axes if axis.variable is not None}
    return Typer(environment_of(program), variables).type_of(part).data


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Rewrite the sites that are to be moved; sites left centred are as they were."""
    before = program
    inverse: list[Site] = []
    jacobian: list[ire.Expression] = []
    transports: list[Transport] = []
    moved_blocks: list[Block] = []
    factors = sorted((one for one in choices if one.action == "factor"), key=lambda one: dict(one.numbers)["order"])
    members: dict[float, list[str]] = {}
    for choice in choices:
        if choice.action == "block":
            members.setdefault(dict(choice.numbers)["block"], []).append(choice.site)
    ahead: list[str] = []
    for names in (*((one.site,) for one in factors), *map(tuple, members.values())):
        above = crossed.above(before, names, ahead)
        alone = len(names) == 1
        if alone:
            together = crossed.moved(program, names[0], (*above, *crossed.beside(before, names[0])))
        else:
            parents = crossed.parents(before, names, ahead)
            together = blocks.moved(program, names, (*above, *crossed.beneath(before, names)), parents)
        ahead += names if alone else ()
        program = together.program
        inverse += together.inverse
        jacobian.append(together.log_jacobian)
        moved_blocks += [together.block] if together.block else []
    for choice in choices:
        if choice.action in ("block", "factor"):
            continue
        site = program.site[choice.site]
        if choice.action == "center":
            program = _replaced(program, site.name, (_left_alone(site),))
            continue
        if choice.action == "transport":
            above = (*crossed.above(before, [site.name], ahead), *crossed.beneath(before, [site.name]))
            moved = transport.moved(program, site, above, crossed.parents(before, [site.name], ahead))
            program = replace(_replaced(program, site.name, moved.sites), inputs=(*program.inputs, *moved.inputs))
            inverse += moved.inverse
            jacobian.append(moved.log_jacobian)
            transports.append(moved.transport)
        else:
            sites, back, term = _moved(program, site, dict(choice.numbers).get("c", 0.0))
            program = _replaced(program, site.name, sites)
            inverse.append(back)
            jacobian.append(term)
    return Rewrite(retype(program) if inverse else program, tuple(inverse), tuple(jacobian), tuple(transports), tuple(moved_blocks))


def _left_alone(site: Site) -> Site:
    """The site, marked so that printed and read again it is left alone too."""
    return site if any(note.name == "centered" for note in site.notes) else replace(site, notes=(*site.notes, _ALONE))


def _replaced(program: Program, name: str, sites: tuple[Site, ...]) -> Program:
    """The program with other sites in the place of one."""
    return program.with_sites(tuple(part for one in program.sites for part in (sites if one.name == name else (one,))))


def _moved(program: Program, site: Site, power: float) -> tuple[tuple[Site, ...], Site, ire.Expression]:
    """The site in its new coordinate; how to compute that coordinate from the site; log |d site / d coordinate|.

    On the scale of the family (log theta for those of log scale) theta = m + t raw, with raw ~ D(c m, t^c) where m, t are location and scale:
    theta = m + t^(1 - c) (raw - c m).
    """
    family = _family(site)
    assert family is not None and isinstance(site.right, ire.Distribution)
    name = program.fresh_name(f"{site.name}_raw")
    location, scale = _location(site, family), _scale(site, family)
    weight = ire.Number(int(power) if power in (0, 1) else power)
    shrink = build.power(scale, build.subtract(build.ONE, weight) if not isinstance(weight.value, int) else ire.Number(1 - weight.value))
    if isinstance(weight.value, float):
        shrink = build.power(scale, ire.Number(1 - weight.value))
    middle, width = build.multiply(weight, location), build.power(scale, weight)
    raw, own = build.element_of(site, name), build.element_of(site)
    shift = build.subtract(raw, middle)
    if family.log and family.location is None:
        # x = t * standard member: raw = x / t^(1 - c), with raw ~ D(t^c).
        base = _standard(site, family, build.ZERO, width)
        value, back = build.multiply(shrink, raw), build.divide(own, shrink)
        term = build.sum_over(site, build.call("log", shrink))
    elif family.log:
        base = ire.Distribution("Normal", (("mean", middle), ("sd", width)))
        value = build.call("exp", build.add(location, build.multiply(shrink, shift)))
        back = build.add(build.divide(build.subtract(build.call("log", own), location), shrink), middle)
        term = build.sum_over(site, build.add(build.call("log", shrink), build.call("log", own)))
    else:
        base = _standard(site, family, middle, width)
        value = build.add(location, build.multiply(shrink, shift))
        back = build.add(build.divide(build.subtract(own, location), shrink), middle)
        term = build.sum_over(site, build.call("log", shrink))
    kept = tuple(note for note in site.notes if note.name not in ("centered", "noncentered", "partial"))
    drawn = replace(site, name=name, right=base, notes=(*kept, _ALONE), origin=(site.name, NAME), weight=None)
    computed = replace(site, role="deterministic", right=value, notes=(), origin=(site.name, NAME), weight=None, structure=None)
    inverse = replace(computed, name=name, right=back, report=False, declared_kind=None)
    return (drawn, computed), inverse, term


def _standard(site: Site, family: LocationScale, location: ire.Expression, scale: ire.Expression) -> ire.Distribution:
    """The distribution with another location and scale."""
    assert isinstance(site.right, ire.Distribution)
    new = {family.location: location, family.scale: build.divide(build.ONE, scale) if family.inverse_scale else scale}
    return ire.Distribution(site.right.name, tuple((name, new.get(name, value)) for name, value in site.right.arguments))
