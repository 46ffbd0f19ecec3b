"""Several effects of one plate that add into one child, moved together: the evidence transport with a K x K evidence for each member.

A varying intercept and a varying slope of the same county are told apart by that county's data only, so that each alone would leave the
coupling to the sampler. As one block with mean m, root L (here the diagonal of the scales) and evidence H, b,

    A = I + L' H L = C C',   values = m + L (shift + C'^-1 raw),   shift = A^-1 L' (b' - H' m),

with H' = f H and b' = f (b + V (phi - phi0)) as for one effect (see `transport`). A is never near singular. With H = b = V = 0 the coordinates
are the non-centred ones.
"""

from __future__ import annotations

from dataclasses import replace

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, IndexSet, Input, Labels, Note, Program, Site
from pplang._passes import transport
from pplang._passes.plan import Block, Hyperparameter

LARGEST = 8
_ALONE, _TUNED = Note("centered"), Note("tuned")


def groups(program: Program, candidates: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Which of the sites that are to be transported move together: normal effects over one and the same plate with a child in common."""
    fitting = [program.site[name] for name in candidates if _is_effect(program.site[name])]
    found: list[list[Site]] = []
    for site in fitting:
        below = transport.descendants(program, site.name)
        together = next((one for one in found if one[0].sets == site.sets and below & transport.descendants(program, one[0].name)), None)
        if together is None:
            found.append([site])
        else:
            together.append(site)
    return tuple(tuple(site.name for site in one) for one in found if 1 < len(one) <= LARGEST)


def _is_effect(site: Site) -> bool:
    normal = isinstance(site.right, ire.Distribution) and DISTRIBUTIONS[site.right.name].name == "Normal"
    return normal and len(site.axes) == 1 and site.axes[0].variable is not None


def moved(program: Program, names: tuple[str, ...]) -> tuple[Program, tuple[Site, ...], ire.Expression, Block]:
    """The program with the sites of a group in one block; the way back, log |d sites / d coordinates|, and what the engine has to know."""
    return _Builder(program, tuple(program.site[name] for name in names)).build()


class _Builder:
    def __init__(self, program: Program, members: tuple[Site, ...]) -> None:
        self.members = members
        plate = members[0].axes[0]
        assert plate.variable is not None
        self.plate = plate
        self.block = program.fresh_name("_".join((plate.set, "effects")))
        index_set = IndexSet(self.block, Labels(tuple(site.name for site in members)), declared=True)
        self.program = replace(program, sets=(*program.sets, index_set))
        self.prefix = self.program.fresh_name(self.block.lower())
        self.row = ire.Variable(plate.variable)
        taken = {plate.variable, *program.site, *program.column, *program.input, *program.param}
        self.k, self.j = [letter for letter in ("k", "j", "m", "n", "p", "q") if letter not in taken][:2]
        self.sites: list[Site] = []
        self.inputs: list[Input] = []

    def define(self, part: str, value: ire.Expression, *, bound: tuple[str, ...] = (), bare: int = 0) -> str:
        """A definition over the plate, then the block's axes: bound by letters, or bare."""
        name = f"{self.prefix}_{part}"
        axes = (self.plate, *(Axis(letter, self.block) for letter in bound), *(Axis(None, self.block) for _ in range(bare)))
        self.sites.append(Site(name, axes, "deterministic", "model", value, REAL, origin=(self.members[0].name, transport.ORIGIN)))
        return name

    def constant(self, part: str, *sets: str) -> str:
        name = f"{self.prefix}_{part}"
        self.inputs.append(Input(name, sets, REAL, default=build.ZERO, notes=(_TUNED,)))
        return name

    def at(self, name: str, *letters: str) -> ire.Reference:
        """A table of the block at this plate's member."""
        return ire.Reference(name, (self.row, *(ire.Variable(letter) for letter in letters)))

    def build(self) -> tuple[Program, tuple[Site, ...], ire.Expression, Block]:
        k, j = self.k, self.j
        location = self.define("location", self._listed("mean"), bare=1)
        scale = self.define("scale", self._listed("sd"), bare=1)
        root = self.define("root", build.call("diagonal", self.at(scale)), bare=2)
        hypers, growth, pull_terms = self._evidence()
        h, b = self.constant("h", self.plate.set, self.block, self.block), self.constant("b", self.plate.set, self.block)
        precision = self.define("precision", build.multiply(growth, self.at(h, k, j)), bound=(k, j))
        over = (ire.Binder(j, self.block),)
        pulled = build.multiply(growth, build.add(self.at(b, k), *pull_terms))
        held = ire.Reduce("sum", build.multiply(self.at(precision, k, j), self.at(location, j)), over)
        residual = self.define("residual", build.subtract(pulled, held), bound=(k,))
        factor = self.define("factor", build.call("evidence_factor", self.at(root), self.at(precision)), bare=2)
        shift = self.define("shift", build.call("evidence_shift", self.at(factor), self.at(root), self.at(residual)), bare=1)
        raw = f"{self.prefix}_raw"
        standard_normal = ire.Distribution(
            "Independent", (("distribution", ire.Distribution("Normal", (("mean", build.ZERO), ("sd", build.ONE)))),)
        )
        whitening = ire.Bijection("whitening", (self.at(shift), self.at(factor)))
        base = ire.Distribution("Transformed", (("distribution", standard_normal), ("bijection", whitening)))
        axes = (self.plate, Axis(None, self.block))
        drawn = Site(raw, axes, "latent", "model", base, REAL, notes=(_ALONE,), origin=(self.members[0].name, transport.ORIGIN))
        before = tuple(self.sites)
        standard = self.define("standard", build.call("whitening_of", self.at(raw), self.at(shift), self.at(factor)), bare=1)
        own = ire.Reduce("sum", build.multiply(self.at(root, k, j), self.at(standard, j)), over)
        values = self.define("values", build.add(self.at(location, k), own), bound=(k,))
        computed = tuple(self._element(site, values) for site in self.members)
        back = self._back(location, scale)
        inverse = (
            *before,
            *back,
            replace(
                drawn,
                role="deterministic",
                right=build.call("whitening_free", self.at(back[0].name), self.at(shift), self.at(factor)),
                notes=(),
            ),
        )
        term = self._log_jacobian(scale, factor)
        sites = (*before, drawn, *self.sites[len(before) :], *computed)
        block = Block(tuple(site.name for site in self.members), raw, values, location, root, shift, factor, self.growth_name, h, b, hypers)
        return self._replaced(sites), inverse, term, block

    def _listed(self, argument: str) -> ire.Expression:
        """One argument of every member, as a list in the order of the block; all in the letter of the first member's plate."""
        found = []
        for site in self.members:
            assert isinstance(site.right, ire.Distribution)
            value = site.right.argument(argument)
            assert value is not None
            found.append(_renamed(value, site.axes[0].variable, self.plate.variable))
        return ire.TableLiteral(tuple(found))

    def _evidence(self) -> tuple[tuple[Hyperparameter, ...], ire.Expression, list[ire.Expression]]:
        """How the evidence moves with the hyperparameters of the members: V and phi0 of each."""
        found: list[Hyperparameter] = []
        pull: list[ire.Expression] = []
        growth: ire.Expression = build.ONE
        self.growth_name: str | None = None
        names = dict.fromkeys(one.name for site in self.members for one in transport.hyperparameters(self.program, site) if not one.axes)
        noises = {transport.noise_of_children(self.program, site) for site in self.members}
        for name in names:
            centre, slope = self.constant(f"at_{name}"), self.constant(f"V_{name}", self.plate.set, self.block)
            distance = build.subtract(transport.free_value(self.program.site[name], ()), ire.Reference(centre))
            pull.append(build.multiply(self.at(slope, self.k), distance))
            if noises == {name}:
                self.growth_name = f"{self.prefix}_growth"
                value = build.call("exp", build.multiply(ire.Negate(ire.Number(2)), distance))
                self.sites.append(
                    Site(self.growth_name, (), "deterministic", "model", value, REAL, origin=(self.members[0].name, transport.ORIGIN))
                )
                growth = ire.Reference(self.growth_name)
            found.append(Hyperparameter(name, centre, slope))
        return tuple(found), growth, pull

    def _element(self, site: Site, values: str) -> Site:
        """`basement[c in County] = county_effects_values[c, basement]`."""
        own = ire.Reference(values, (ire.Variable(site.axes[0].variable or ""), ire.Member(self.block, site.name)))
        return replace(site, role="deterministic", right=own, notes=(), origin=(site.name, transport.ORIGIN))

    def _back(self, location: str, scale: str) -> tuple[Site, ...]:
        """The standardised values from those of the members."""
        found = []
        for site in self.members:
            member = ire.Member(self.block, site.name)
            place = (self.row, member)
            value = build.subtract(ire.Reference(site.name, (self.row,)), ire.Reference(location, place))
            found.append(build.divide(value, ire.Reference(scale, place)))
        axes = (self.plate, Axis(None, self.block))
        return (Site(f"{self.prefix}_standard", axes, "deterministic", "model", ire.TableLiteral(tuple(found)), REAL),)

    def _log_jacobian(self, scale: str, factor: str) -> ire.Expression:
        term = build.subtract(build.call("log", self.at(scale, self.k)), build.call("log", self.at(factor, self.k, self.k)))
        return ire.Reduce("sum", term, (ire.Binder(self.row.name, self.plate.set), ire.Binder(self.k, self.block)))

    def _replaced(self, sites: tuple[Site, ...]) -> Program:
        names = {site.name for site in self.members}
        kept = tuple(one for one in self.program.sites if one.name not in names)
        return replace(self.program.with_sites((*kept, *sites)), inputs=(*self.program.inputs, *self.inputs))


def _renamed(node: ire.Expression, old: str | None, new: str | None) -> ire.Expression:
    """A member's expression in the letter of the block's plate."""
    if old == new or new is None:
        return node

    def change(one: ire.Expression) -> ire.Expression:
        return replace(one, name=new) if isinstance(one, ire.Variable) and one.name == old else one

    return ire.rewrite(node, change)
