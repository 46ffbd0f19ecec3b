"""Several effects of one plate that add into one child, moved together: vectors whose elements are the sites.

A varying intercept and a varying slope of the same county are told apart by that county's data only, so that each alone would leave the
coupling to the sampler. The root of such a vector is the diagonal of the scales; for the rest see `joint`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import IndexSet, Labels, Program, Site
from pplang._passes import transport
from pplang._passes.joint import Moved, Vectors
from pplang._passes.nesting import Indices

LARGEST = 8


def groups(program: Program, candidates: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Which of the sites that are to be transported move together: normal effects over one and the same plate with a child in common."""
    fitting = [program.site[name] for name in candidates if is_effect(program.site[name])]
    found: list[list[Site]] = []
    for site in fitting:
        below = transport.descendants(program, site.name)
        together = next((one for one in found if one[0].sets == site.sets and below & transport.descendants(program, one[0].name)), None)
        if together is None:
            found.append([site])
        else:
            together.append(site)
    return tuple(tuple(site.name for site in one) for one in found if 1 < len(one) <= LARGEST)


def is_effect(site: Site) -> bool:
    """Independent normal draws over one plate?"""
    normal = isinstance(site.right, ire.Distribution) and DISTRIBUTIONS[site.right.name].name == "Normal"
    return normal and len(site.axes) == 1 and site.axes[0].variable is not None


def moved(program: Program, names: tuple[str, ...], above: tuple[str, ...] = (), parents: Mapping[str, Indices] | None = None) -> Moved:
    """The program with the sites of a group in one block. above, parents: as in `joint.Vectors`."""
    members = tuple(program.site[name] for name in names)
    plate = members[0].axes[0]
    block = program.fresh_name("_".join((plate.set, "effects")))
    index_set = IndexSet(block, Labels(names), declared=True)
    program = replace(program, sets=(*program.sets, index_set))
    prefix = program.fresh_name(block.lower())
    return _Effects(program, members, prefix, (plate,), block, "dense", origin=transport.ORIGIN, above=above, parents=parents).move()


class _Effects(Vectors):
    """One element for each site."""

    def location(self) -> str:
        return self.define("location", self._listed("mean"), bare=1)

    def root(self) -> str:
        return self.define("root", build.call("diagonal", self.at(self.define("scale", self._listed("sd"), bare=1))), bare=2)

    def computed(self, location: str, root: str, standard: ire.Expression) -> tuple[str, tuple[Site, ...]]:
        own = ire.Reduce("sum", build.multiply(self.at(root, self.k, self.j), standard), self.over(self.j))
        values = self.define("values", build.add(self.at(location, self.k), own), bound=(self.k,))
        return values, tuple(self._element(site, values) for site in self.sites)

    def _element(self, site: Site, values: str) -> Site:
        """`basement[c in County] = county_effects_values[c, basement]`."""
        own = ire.Reference(values, (ire.Variable(site.axes[0].variable or ""), ire.Member(self.element, site.name)))
        return replace(site, role="deterministic", right=own, notes=(), origin=(site.name, self.origin))

    def back(self, location: str, root: str) -> tuple[Site, ...]:
        found = []
        for site in self.sites:
            member = ire.Member(self.element, site.name)
            value = build.subtract(ire.Reference(site.name, self.row), ire.Reference(location, (*self.row, member)))
            found.append(build.divide(value, ire.Reference(root, (*self.row, member, member))))
        return (self.definition("standard", ire.TableLiteral(tuple(found)), bare=1),)

    def _listed(self, argument: str) -> ire.Expression:
        """One argument of every member, as a list in the order of the block; all in the letter of the first member's plate."""
        found = []
        for site in self.sites:
            assert isinstance(site.right, ire.Distribution)
            value = site.right.argument(argument)
            assert value is not None
            found.append(renamed(value, site.axes[0].variable, self.plates[0].variable))
        return ire.TableLiteral(tuple(found))


def renamed(node: ire.Expression, old: str | None, new: str | None) -> ire.Expression:
    """An expression with one bound variable called otherwise."""
    if old == new or new is None:
        return node

    def change(one: ire.Expression) -> ire.Expression:
        return replace(one, name=new) if isinstance(one, ire.Variable) and one.name == old else one

    return ire.rewrite(node, change)
