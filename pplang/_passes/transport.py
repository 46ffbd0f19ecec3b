"""The evidence transport: coordinates in which a latent's conditional posterior is standard, whatever the hyperparameters.

Everything below an element theta is summed up by a Gaussian pseudo-likelihood exp(b theta - h theta^2 / 2), whose constants are inputs of
the program: h = 0 is non-centred, h -> infinity centred, and for a Gaussian likelihood with the right h and b the coordinate is independent
of the hyperparameters. With location m, scale t and Fisher information I of the standard member,

    h' = f h,   b' = f (b + V (phi - phi0)),   A = I + h' t^2,
    theta = m + t (shift + spread raw),   shift = t (b' - h' m) / A,   spread = sqrt(I / A).

and f = exp(-2 (log sigma - log sigma0)) where the children's noise has an unknown scale sigma (1 elsewhere): their evidence goes with
sigma^-2. phi are the hyperparameters that reach the same children, in unconstrained form. The density is exact for any constants; a bad choice costs
speed only. With h = b = V = 0 the coordinate is the non-centred one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._catalogue.entry import LocationScale
from pplang._check import graph
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import NONNEGATIVE, REAL, Interval
from pplang._ir.program import Axis, Columns, Input, Labels, Note, NumberRange, Program, Site
from pplang._passes import unconstrain
from pplang._passes.nesting import Indices
from pplang._passes.plan import Hyperparameter, Transport

ORIGIN = "center"
_ALONE = Note("centered")
_TUNED = Note("tuned")
"""The constants may be set anew at run time: nothing that is computed of them is frozen."""


def hyperparameters(program: Program, site: Site) -> tuple[Site, ...]:
    """The latents that stand above a site and reach the children that it reaches: what its evidence may depend on.

    Scalars, and vectors of coefficients over one set, with a fixed prior; others have coordinates of their own that adapt.
    """
    below = descendants(program, site.name)
    reaching: set[str] = set()
    for child in below:
        reaching |= stochastic_parents(program, program.site[child])
    reaching |= stochastic_parents(program, site)
    chosen = (program.site[name] for name in reaching - below - {site.name} if name in program.site)
    found = [one for one in chosen if _is_hyperparameter(program, one) and site.name not in _ancestors(program, one)]
    return tuple(sorted(found, key=lambda one: list(program.site).index(one.name)))


def noise_of_children(program: Program, site: Site) -> str | None:
    """The one unknown scale of all that hangs on a site, if it is a single number."""
    scales: set[str | None] = set()
    for name in descendants(program, site.name) - {site.name}:
        right = program.site[name].right
        family = DISTRIBUTIONS[right.name].family if isinstance(right, ire.Distribution) else None
        scale = right.argument(family.scale) if isinstance(right, ire.Distribution) and family and family.scale and not family.log else None
        single = (
            isinstance(scale, ire.Reference)
            and not scale.indices
            and scale.name in program.site
            and program.site[scale.name].role == "latent"
        )
        scales.add(scale.name if single and isinstance(scale, ire.Reference) else None)
    return scales.pop() if len(scales) == 1 else None


def _is_hyperparameter(program: Program, site: Site) -> bool:
    continuous = isinstance(site.kind, Interval) and not site.kind.integer
    plain = site.role == "latent" and site.level == "model" and site.structure is None and site.weight is None and not site.fixing
    few = all(isinstance(program.set[axis.set].members, Labels | NumberRange | Columns) for axis in site.axes)
    rooted = not any(program.site[name].role == "latent" for name in stochastic_parents(program, site) if name in program.site)
    return (
        continuous
        and plain
        and few
        and len(site.axes) <= 1
        and all(axis.variable is not None for axis in site.axes)
        and (rooted or not site.axes)
    )


def stochastic_parents(program: Program, site: Site) -> set[str]:
    """The latents that a site depends on directly or through definitions."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = [edge.parent for edge in graph.edges(site)]
    while pending:
        name = pending.pop()
        parent = program.site.get(name)
        if parent is None or name in seen or parent.role == "observed":
            continue
        seen.add(name)
        if parent.stochastic:
            found.add(name)
        else:
            pending += [edge.parent for edge in graph.edges(parent)]
    return found


def _ancestors(program: Program, site: Site) -> set[str]:
    found: set[str] = set()
    pending = [site.name]
    while pending:
        for name in stochastic_parents(program, program.site[pending.pop()]):
            if name not in found:
                found.add(name)
                pending.append(name)
    return found


def descendants(program: Program, name: str) -> set[str]:
    """The stochastic sites that depend on a latent directly or through definitions: its children."""
    drawn = (site for site in program.sites if site.stochastic and site.level != "generated")
    return {site.name for site in drawn if name in stochastic_parents(program, site)}


@dataclass(frozen=True)
class Moved:
    """A transported site: the sites and inputs that take its place, the way back, and what the engine has to know."""

    sites: tuple[Site, ...]
    inputs: tuple[Input, ...]
    inverse: tuple[Site, ...]
    log_jacobian: ire.Expression
    transport: Transport


def moved(program: Program, site: Site, above: Sequence[str] = (), parents: Mapping[str, Indices] | None = None) -> Moved:
    """Rewrite one location-scale site. above: sites that are hyperparameters of its evidence beside those of `hyperparameters`. parents: effects
    that it is nested in, and at which indices (see `nesting`)."""
    return Builder(program, site, above, parents=parents).build()


class Builder:
    origin = ORIGIN

    def __init__(
        self,
        program: Program,
        site: Site,
        above: Sequence[str] = (),
        source: Program | None = None,
        parents: Mapping[str, Indices] | None = None,
    ) -> None:
        """source: the program that the evidence is read off, where others have been moved already."""
        assert isinstance(site.right, ire.Distribution)
        self.program, self.site, self.right, self.above, self.source = program, site, site.right, above, source or program
        self.parents = parents or {}
        family = DISTRIBUTIONS[site.right.name].family
        assert family is not None
        self.family: LocationScale = family
        self.sites: list[Site] = []
        self.inputs: list[Input] = []
        self.taken: set[str] = set()

    # names and the records that carry them

    def name(self, part: str) -> str:
        found = self.program.fresh_name(f"{self.site.name}_{part}", self.taken)
        self.taken.add(found)
        return found

    def define(self, part: str, value: ire.Expression, axes: tuple[Axis, ...] | None = None) -> ire.Expression:
        """A definition over the site's plates; the reference to it inside the site's relation."""
        name = self.name(part)
        over = self.site.axes if axes is None else axes
        self.sites.append(
            Site(name, over, "deterministic", "model", value, REAL, origin=(self.site.name, self.origin), span=self.site.span)
        )
        return ire.Reference(name, tuple(ire.Variable(axis.variable) for axis in over if axis.variable is not None))

    def constant(self, part: str, sets: tuple[str, ...], *, nonnegative: bool = False) -> str:
        """An input that is zero until the engine sets it."""
        name = self.name(part)
        self.inputs.append(
            Input(name, sets, NONNEGATIVE if nonnegative else REAL, default=build.ZERO, notes=(_TUNED,), span=self.site.span)
        )
        return name

    # the rewriting

    def build(self) -> Moved:
        site, own = self.site, build.element_of(self.site)
        location = self.define("location", self._location())
        scale = self.define("scale", self._scale())
        information = (
            build.call("positive", self._information()) if not isinstance(self._information(), ire.Number) else self._information()
        )
        hypers, weight, pull = self._evidence(own)
        h_name, b_name = self.constant("h", site.sets, nonnegative=True), self.constant("b", site.sets)
        h, b = ire.Reference(h_name, own.indices), ire.Reference(b_name, own.indices)
        growth = self.define("growth", build.call("exp", weight), ()) if weight is not None else build.ONE
        precision = self.define("precision", build.multiply(growth, h))
        toward = self.define("pull", build.multiply(growth, build.add(b, *pull)))
        total = build.add(information, build.multiply(precision, build.power(scale, ire.Number(2))))
        shift = self.define(
            "shift", build.divide(build.multiply(scale, build.subtract(toward, build.multiply(precision, location))), total)
        )
        spread = self.define("spread", build.call("sqrt", build.divide(information, total)))
        raw_name = self.name("raw")
        raw = ire.Reference(raw_name, own.indices)
        base = ire.Distribution(
            "Transformed", (("distribution", self._standard()), ("bijection", ire.Bijection("affine", (shift, spread))))
        )
        kept = tuple(note for note in site.notes if note.name not in ("centered", "noncentered", "partial"))
        drawn = replace(site, name=raw_name, right=base, kind=REAL, notes=(*kept, _ALONE), origin=(site.name, ORIGIN))
        inside = build.add(location, build.multiply(scale, build.add(shift, build.multiply(spread, raw))))
        value = build.call("exp", inside) if self.family.log else inside
        computed = replace(site, role="deterministic", right=value, notes=(), origin=(site.name, ORIGIN))
        along = build.call("log", own) if self.family.log else own
        back = build.divide(build.subtract(build.divide(build.subtract(along, location), scale), shift), spread)
        inverse = replace(drawn, role="deterministic", right=back, notes=(), report=False)
        term = build.call("log", build.multiply(scale, spread))
        term = build.add(term, along) if self.family.log else term
        transport = Transport(
            site.name,
            raw_name,
            self.family.log,
            named(location),
            named(scale),
            named(shift),
            named(spread),
            named(growth),
            h_name,
            b_name,
            hypers,
        )
        return Moved((*self.sites, drawn, computed), tuple(self.inputs), (*self.sites, inverse), build.sum_over(site, term), transport)

    def _location(self) -> ire.Expression:
        location = self._argument(self.family.location)
        if location is not None:
            return location
        return build.call("log", self._plain_scale()) if self.family.log else build.ZERO

    def _scale(self) -> ire.Expression:
        """On the log scale of a family without location, log theta is a location family of scale 1."""
        return build.ONE if self.family.log and self.family.location is None else self._plain_scale()

    def _plain_scale(self) -> ire.Expression:
        scale = self._argument(self.family.scale) or build.ONE
        return build.divide(build.ONE, scale) if self.family.inverse_scale else scale

    def _argument(self, name: str | None) -> ire.Expression | None:
        return self.right.argument(name) if name is not None else None

    def _information(self) -> ire.Expression:
        """The Fisher information of the location of the standard member; a number, from numbers."""
        given = 1.0 if self.family.information is None else self.family.information
        if callable(given):
            values = [self.right.argument(name) for name in self.family.standard]
            numbers = [float(one.value) for one in values if isinstance(one, ire.Number)]
            return ire.Number(float(given(*numbers)) if len(numbers) == len(values) else 1)
        return ire.Number(int(given) if given == int(given) else float(given))

    def _standard(self) -> ire.Expression:
        """The member with location 0 and scale 1; on the log scale, of its logarithm."""
        if self.family.log and self.family.location is not None:
            return ire.Distribution("Normal", (("mean", build.ZERO), ("sd", build.ONE)))
        standard = {self.family.location: build.ZERO, self.family.scale: build.ONE}
        member = ire.Distribution(self.right.name, tuple((name, standard.get(name, value)) for name, value in self.right.arguments))
        if not self.family.log:
            return member
        return ire.Distribution("Transformed", (("distribution", member), ("bijection", ire.Bijection("log"))))

    def _evidence(self, own: ire.Reference) -> tuple[tuple[Hyperparameter, ...], ire.Expression | None, list[ire.Expression]]:
        """How the evidence moves with the hyperparameters: the inputs V, w and phi0 of each, and the terms they add."""
        origin = self.source.site[self.site.name]
        names = dict.fromkeys((*(one.name for one in hyperparameters(self.source, origin)), *self.above))
        found = pulls([self.program.site[name] for name in names], self.constant, self.site.sets, own.indices, self.site.name)
        for name, indices in self.parents.items():
            parent = self.define(name, ire.Reference(name, indices))
            found.append(pull_of_own(parent, name, self.constant, self.site.sets, self.site.sets, own.indices))
        noise = noise_of_children(self.source, origin)
        growths = [build.multiply(ire.Negate(ire.Number(2)), one.distance) for one in found if one.hyperparameter.site == noise]
        return tuple(one.hyperparameter for one in found), growths[0] if growths else None, [one.term for one in found]


@dataclass(frozen=True)
class Pull:
    """How the evidence b of a site moves with one hyperparameter: the inputs phi0 and V, phi - phi0, and the term V (phi - phi0)."""

    hyperparameter: Hyperparameter
    distance: ire.Expression
    term: ire.Expression


def pulls(
    sites: Sequence[Site],
    constant: Callable[[str, tuple[str, ...]], str],
    over: tuple[str, ...],
    own: tuple[ire.Expression, ...],
    suffix: str,
) -> list[Pull]:
    """For each hyperparameter. constant: makes an input (its part of the name, its sets) → its name. over, own: the sets of b, and the indices
    of the element at hand. suffix: makes the letters of vector hyperparameters new ones."""
    found = []
    for one in sites:
        letters = [f"{axis.variable}_{suffix}" for axis in one.axes]
        variables = tuple(ire.Variable(letter) for letter in letters)
        centre = constant(f"at_{one.name}", one.sets)
        slope = constant(f"V_{one.name}", (*over, *one.sets))
        distance = build.subtract(free_value(one, variables), ire.Reference(centre, variables))
        binders = tuple(ire.Binder(letter, axis.set) for letter, axis in zip(letters, one.axes, strict=True))
        term = build.multiply(ire.Reference(slope, (*own, *variables)), distance)
        term = ire.Reduce("sum", term, binders) if binders else term
        found.append(Pull(Hyperparameter(one.name, centre, slope), distance, term))
    return found


def pull_of_own(
    parent: ire.Expression,
    name: str,
    constant: Callable[[str, tuple[str, ...]], str],
    plates: tuple[str, ...],
    over: tuple[str, ...],
    own: tuple[ire.Expression, ...],
) -> Pull:
    """The same for an effect in which the site is nested. parent: the element of it that belongs to this member of the plates."""
    centre, slope = constant(f"at_{name}", plates), constant(f"V_{name}", over)
    distance = build.subtract(parent, ire.Reference(centre, own[: len(plates)]))
    hyperparameter = Hyperparameter(named(parent) or name, centre, slope, own=True)
    return Pull(hyperparameter, distance, build.multiply(ire.Reference(slope, own), distance))


def free_value(site: Site, indices: tuple[ire.Expression, ...]) -> ire.Expression:
    """The site's value in the coordinates that `unconstrain` gives it."""
    own = ire.Reference(site.name, indices)
    bijection = unconstrain.bijection_of(site)
    if bijection is None:
        return own
    return build.call(unconstrain.forward(bijection), own, *bijection.arguments)


def named(node: ire.Expression) -> str | None:
    return node.name if isinstance(node, ire.Reference) else None
