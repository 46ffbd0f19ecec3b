"""expand_mixtures: a draw with heavy tails, where `@expand` asks for it, becomes a normal one whose variance is drawn too.

`y[i] ~ StudentT(nu, m, s)` becomes `y_mix[i] ~ Gamma(nu / 2, nu / 2)` and `y[i] ~ Normal(m, s / sqrt(y_mix[i]))` (Andrews and Mallows 1974); a
Cauchy is one with nu = 1. `Laplace(m, s)` becomes `Normal(m, s * sqrt(2 * y_mix[i]))` with `y_mix[i] ~ Exponential(1)`. Never unless asked: an
unknown for each element is a price that only pays where what follows is then normal throughout.

It adds unknowns: the density of the names of the source is that of the result with these integrated out. After it: no `@expand` is left.
"""

from __future__ import annotations

from dataclasses import replace

from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import POSITIVE
from pplang._ir.program import Program, Site
from pplang._passes.plan import Choice, Rewrite

NAME = "expand_mixtures"


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each relation with `@expand` that takes part in the inference."""
    return tuple(Choice(site.name, "expand", "asked for by @expand") for site in program.sites if _is_asked(site) and site.level == "model")


def _is_asked(site: Site) -> bool:
    return any(note.name == "expand" for note in site.notes)


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Each of those sites normal, after its mixing variable."""
    inverse: list[Site] = []
    for choice in choices:
        mixing, normal, back = _expanded(program, program.site[choice.site])
        program = program.with_sites(
            tuple(part for one in program.sites for part in ((mixing, normal) if one.name == normal.name else (one,)))
        )
        inverse.append(back)
    return Rewrite(retype(program) if inverse else program, tuple(inverse), added=tuple(site.name for site in inverse))


def _expanded(program: Program, site: Site) -> tuple[Site, Site, Site]:
    """The mixing variable, the relation given it, and a value of the mixing variable that goes with the site's: about its mean given that."""
    assert isinstance(site.right, ire.Distribution)
    location, scale, degrees = (site.right.argument(name) for name in ("location", "scale", "degrees"))
    assert location is not None and scale is not None
    name = program.fresh_name(f"{site.name}_mix")
    mix = build.element_of(site, name)
    distance = build.divide(build.subtract(build.element_of(site), location), scale)
    if site.right.name == "Laplace":
        base = ire.Distribution("Exponential", (("rate", build.ONE),))
        sd = build.multiply(scale, build.call("sqrt", build.multiply(ire.Number(2), mix)))
        middle = build.divide(build.add(build.ONE, build.call("abs", distance)), ire.Number(2))
    else:
        degrees = degrees or build.ONE
        half = build.divide(degrees, ire.Number(2))
        base = ire.Distribution("Gamma", (("shape", half), ("rate", half)))
        sd = build.divide(scale, build.call("sqrt", mix))
        middle = build.divide(build.add(degrees, build.ONE), build.add(degrees, build.power(distance, ire.Number(2))))
    mixing = Site(name, site.axes, "latent", "model", base, POSITIVE, origin=(site.name, NAME), span=site.span)
    notes = tuple(note for note in site.notes if note.name != "expand")
    normal = replace(site, right=ire.Distribution("Normal", (("mean", location), ("sd", sd))), notes=notes)
    return mixing, normal, replace(mixing, role="deterministic", right=middle)
