"""Crossed effects: latents over different plates that add into one child, as the people and the items of an experiment do.

Each observation tells of the sum only, so that coordinates chosen for one alone leave the coupling to the sampler. The smaller factor becomes
one vector with K x K evidence (its root is the diagonal of the scales), and the evidence of the larger one moves with the elements of the
smaller as with any hyperparameter. Leaf to root that is exact for a Gaussian child: the child scores of the smaller factor, taken with the
larger in its own coordinates, are those of the likelihood with the larger one integrated out, so its evidence is the Schur complement. With
three factors or more, all but the largest are vectors, each given the smaller ones. Effects of which one is nested in the other (`nesting`) need
no vector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import Axis, Program, Site
from pplang._ir.text import expression
from pplang._passes import nesting, transport
from pplang._passes.blocks import is_effect, renamed
from pplang._passes.joint import Moved, Vectors
from pplang._passes.nesting import Indices
from pplang._passes.plan import Choice

LARGEST = 200
"""Elements of all factors that become vectors, at most: the regression for the evidence takes more draws than that."""

Unit = tuple[str, ...]
"""Effects of one plate that move together; most often one."""


def factors(program: Program, units: Sequence[Unit], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Which effects become one vector each, the smallest first: each evidence moves with those before. None where sizes are not known.

    From the largest on, an effect stays element by element unless it is crossed with one that does.
    """
    units = [unit for unit in units if all(is_effect(program.site[name]) for name in unit)]
    elements = {unit: math.prod(sizes.get(name, 0) for name in program.site[unit[0]].sets) * len(unit) for unit in units}
    apart: list[Unit] = []
    crossing: list[Unit] = []
    ascending = sorted(units, key=lambda unit: (len(unit) > 1, elements[unit]))
    for unit in reversed(ascending):
        (crossing if any(_crossed(program, unit, other) for other in apart) else apart).append(unit)
    found: list[str] = []
    total = 0
    for unit in reversed(crossing):
        if len(unit) == 1 and elements[unit] > 0 and total + elements[unit] <= LARGEST:
            found += unit
            total += elements[unit]
    return tuple(found)


def decided(program: Program, choices: tuple[Choice, ...], fixed: Mapping[str, Choice], sizes: Mapping[str, int]) -> tuple[Choice, ...]:
    """The choices of `center` with all but the largest of crossed effects as vectors, numbered in order; those that are fixed stay."""
    together: dict[float, list[str]] = {}
    for one in choices:
        if one.action == "block":
            together.setdefault(dict(one.numbers)["block"], []).append(one.site)
    units = [*map(tuple, together.values()), *((one.site,) for one in choices if one.action == "transport" and one.site not in fixed)]
    found = factors(program, units, sizes)
    first = 1 + max((int(dict(one.numbers)["order"]) for one in fixed.values() if one.action == "factor"), default=-1)

    def changed(choice: Choice) -> Choice:
        if choice.site in found:
            reason = f"{choice.reason}; all its elements together, since it is crossed with a larger effect"
            return replace(choice, action="factor", reason=reason, numbers=(("order", first + found.index(choice.site)),))
        if choice.action not in ("transport", "block") or choice.site in fixed:
            return choice
        others = above(program, [choice.site], found)
        inside = [expression(ire.Reference(*place)) for place in parents(program, [choice.site], found).items()]
        reason = f"{choice.reason}; given {' and '.join(others)}, with which it is crossed" if others else choice.reason
        return replace(choice, reason=f"{reason}; given {' and '.join(inside)}, in which it is nested" if inside else reason)

    return tuple(map(changed, choices))


def above(program: Program, names: Sequence[str], moved: Sequence[str]) -> tuple[str, ...]:
    """Those of the factors moved already that are crossed with sites. program: before any was moved."""
    return tuple(one for one in moved if any(_meet(program, one, name) for name in names))


def beside(program: Program, name: str) -> tuple[str, ...]:
    """The hyperparameters of the effects that one is crossed with, and of those nested in it: what is left of its evidence without them depends on
    these too."""
    crossing = [site for site in _effects(program, [name]) if _meet(program, name, site.name) and not nested(program, name, site.name)]
    return _hyperparameters(program, crossing)


def beneath(program: Program, names: Sequence[str]) -> tuple[str, ...]:
    """The hyperparameters of the effects that are nested in some."""
    return _hyperparameters(program, [site for site in _effects(program, names) if any(nested(program, site.name, name) for name in names)])


def _effects(program: Program, but: Sequence[str]) -> list[Site]:
    return [site for site in program.sites if site.role == "latent" and site.name not in but and is_effect(site)]


def _hyperparameters(program: Program, sites: Sequence[Site]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.name for site in sites for one in transport.hyperparameters(program, site)))


def parents(program: Program, names: Sequence[str], moved: Sequence[str]) -> dict[str, Indices]:
    """The effects in which some of one plate are nested, and at which indices, in the variable of the first one's plate.

    moved: those that are vectors already.
    """
    if not all(is_effect(program.site[name]) for name in names):
        return {}
    found: dict[str, Indices] = {}
    first = program.site[names[0]].axes[0].variable
    for site in _effects(program, [*names, *moved]):
        places = {name: nested(program, name, site.name) for name in names if _meet(program, name, site.name)}
        own = {tuple(renamed(one, program.site[name].axes[0].variable, first) for one in place or ()) for name, place in places.items()}
        if len(own) == 1 and own != {()}:
            (found[site.name],) = own
    return found


def _crossed(program: Program, unit: Unit, other: Unit) -> bool:
    """Do two units meet, and neither is nested in the other?"""
    return any(_meet(program, a, b) and not nested(program, a, b) and not nested(program, b, a) for a in unit for b in other)


def nested(program: Program, finer: str, coarser: str) -> Indices | None:
    """The indices of the element of the coarser effect that each element of the finer meets; None where they do not meet so."""
    return nesting.element(program, finer, coarser, sorted(_children(program, finer, coarser))) if _meet(program, finer, coarser) else None


def _meet(program: Program, one: str, other: str) -> bool:
    """Do two effects of different plates add into one child?"""
    if program.site[one].sets == program.site[other].sets:
        return False
    shared = _children(program, one, other)
    return bool(shared) and not any(_multiplied(program, program.site[child], one, other) for child in shared)


def _children(program: Program, one: str, other: str) -> set[str]:
    """What depends on both."""
    return transport.descendants(program, one) & transport.descendants(program, other)


def _multiplied(program: Program, child: Site, one: str, other: str) -> bool:
    """Is there a product of the two anywhere above a child?"""
    pending, seen = [child], set[str]()
    while pending:
        site = pending.pop()
        for node in ire.walk(site.right):
            if isinstance(node, ire.Product):
                parts = [_reached(program, part) for _, part in node.factors]
                if any(one in a and other in b for a, b in permutations(parts, 2)):
                    return True
            if isinstance(node, ire.Reference) and node.name not in seen and _is_definition(program, node.name):
                seen.add(node.name)
                pending.append(program.site[node.name])
    return False


def _reached(program: Program, node: ire.Expression) -> set[str]:
    """The names that an expression uses, through definitions."""
    found: set[str] = set()
    pending = [node]
    while pending:
        for one in ire.walk(pending.pop()):
            if isinstance(one, ire.Reference) and one.name not in found:
                found.add(one.name)
                if _is_definition(program, one.name):
                    pending.append(program.site[one.name].right)
    return found


def _is_definition(program: Program, name: str) -> bool:
    return name in program.site and program.site[name].role == "deterministic"


def moved(program: Program, name: str, above: tuple[str, ...]) -> Moved:
    """The program with an effect as one vector over its plate."""
    site = program.site[name]
    return _Factor(program, (site,), name, (), site.axes[0].set, "dense", origin=transport.ORIGIN, above=above).move()


class _Factor(Vectors):
    """The elements of one effect."""

    def location(self) -> str:
        return self.define("location", self._argument("mean"), bound=(self.k,))

    def root(self) -> str:
        return self.define("root", build.call("diagonal", self.at(self.define("scale", self._argument("sd"), bound=(self.k,)))), bare=2)

    def computed(self, location: str, root: str, standard: ire.Expression) -> tuple[str, tuple[Site, ...]]:
        site = self.sites[0]
        own = ire.Reduce("sum", build.multiply(self.at(root, self.k, self.j), standard), self.over(self.j))
        value = build.add(self.at(location, self.k), own)
        axes = (Axis(self.k, self.element),)
        return site.name, (replace(site, axes=axes, role="deterministic", right=value, notes=(), origin=(site.name, self.origin)),)

    def back(self, location: str, root: str) -> tuple[Site, ...]:
        value = build.subtract(self.at(self.sites[0].name, self.k), self.at(location, self.k))
        return (self.definition("standard", build.divide(value, self.at(root, self.k, self.k)), bound=(self.k,)),)

    def _argument(self, name: str) -> ire.Expression:
        site = self.sites[0]
        assert isinstance(site.right, ire.Distribution)
        value = site.right.argument(name)
        assert value is not None
        return renamed(value, site.axes[0].variable, self.k)
