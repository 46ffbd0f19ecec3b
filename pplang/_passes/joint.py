"""The evidence transport of vectors: coordinates for latents that are jointly normal given what stands above them.

With mean m, root L (L L' the covariance) and evidence H, b of what hangs on them,

    A = I + L' H' L = C C',   values = m + L (shift + C'^-1 raw),   shift = A^-1 L' (b' - H' m),

with H' = f H and b' = f (b + V (phi - phi0)) as for one number (see `transport`). H is K x K for each member of the plates, or diagonal where
each element has data of its own (a process). A is never near singular, however near L is. With H = b = V = 0 the coordinates are the
non-centred ones; without evidence at all (`evidence` None) they are written so: values = m + L raw.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Axis, Input, Note, Program, Site
from pplang._passes import transport
from pplang._passes.nesting import Indices
from pplang._passes.plan import Block
from pplang._records import dataclass

Evidence = Literal["dense", "diagonal"]
_ALONE, _TUNED = Note("centered"), Note("tuned")
_LETTERS = ("k", "j", "m", "n", "p", "q", "u", "v")


@dataclass(frozen=True)
class Moved:
    """The program with vectors in coordinates of their own, the way back, log |d vectors / d coordinates|, and what the engine has to know
    (None: nothing, there is no evidence)."""

    program: Program
    inverse: tuple[Site, ...]
    log_jacobian: ire.Expression
    block: Block | None


class Vectors(ABC):
    """What is moved together, and how: a kind of vector says what its mean and root are, and how the sites are made of its elements.

    sites: those that are replaced. plates: the axes over which there are several vectors. element: the set of the elements of one.
    above: sites that are hyperparameters of the evidence beside those of `transport.hyperparameters`. parents: effects that they are nested in.
    """

    def __init__(
        self,
        program: Program,
        sites: tuple[Site, ...],
        prefix: str,
        plates: tuple[Axis, ...],
        element: str,
        evidence: Evidence | None,
        *,
        origin: str,
        above: Sequence[str] = (),
        parents: Mapping[str, Indices] | None = None,
    ) -> None:
        self.program, self.sites, self.prefix, self.plates, self.element = program, sites, prefix, plates, element
        self.evidence, self.origin, self.above, self.parents = evidence, origin, above, parents or {}
        bound = {axis.variable for site in sites for axis in site.axes}
        taken = {*bound, *program.site, *program.column, *program.input, *program.param, *_variables(sites)}
        self.k, self.j = [letter for letter in (*_LETTERS, *(f"{one}_{prefix}" for one in _LETTERS)) if letter not in taken][:2]
        self.made: list[Site] = []
        self.inputs: list[Input] = []
        self._plain: set[str] = set()
        self._names: dict[str, str] = {}

    @abstractmethod
    def location(self) -> str:
        """Define the mean, over the plates and bare elements: its name."""

    @abstractmethod
    def root(self) -> str:
        """Define the lower triangular root, over the plates (or without them) and twice the bare elements: its name."""

    @abstractmethod
    def computed(self, location: str, root: str, standard: ire.Expression) -> tuple[str, tuple[Site, ...]]:
        """The sites by their own names, from `standard` (at element j): and the name of the values over (plates, elements)."""

    @abstractmethod
    def back(self, location: str, root: str) -> tuple[Site, ...]:
        """Definitions of the standard vector from the sites; the last one is it, over the plates and bare elements."""

    # names, and the records that carry them

    def name(self, part: str) -> str:
        """A free name, the same each time for one part."""
        if part not in self._names:
            self._names[part] = self.program.fresh_name(f"{self.prefix}_{part}", self._names.values())
        return self._names[part]

    def define(self, part: str, value: ire.Expression, *, bound: tuple[str, ...] = (), bare: int = 0, plated: bool = True) -> str:
        """A definition over the plates, then the elements: bound by letters, or bare."""
        site = self.definition(part, value, bound=bound, bare=bare, plated=plated)
        self.made.append(site)
        return site.name

    def definition(self, part: str, value: ire.Expression, *, bound: tuple[str, ...] = (), bare: int = 0, plated: bool = True) -> Site:
        """The same, not yet part of the program."""
        name = self.name(part)
        if not plated:
            self._plain.add(name)
        axes = (*(self.plates if plated else ()), *(Axis(letter, self.element) for letter in bound), *[Axis(None, self.element)] * bare)
        return Site(name, axes, "deterministic", "model", value, REAL, origin=(self.sites[0].name, self.origin), span=self.sites[0].span)

    def constant(self, part: str, sets: tuple[str, ...]) -> str:
        """An input that is zero until the engine sets it."""
        name = self.name(part)
        self.inputs.append(Input(name, sets, REAL, default=build.ZERO, notes=(_TUNED,), span=self.sites[0].span))
        return name

    @property
    def row(self) -> tuple[ire.Expression, ...]:
        """The indices of this member of the plates."""
        return tuple(ire.Variable(axis.variable or "") for axis in self.plates)

    def at(self, name: str, *letters: str) -> ire.Reference:
        """A table at this member of the plates, and at elements."""
        return ire.Reference(name, (*(() if name in self._plain else self.row), *(ire.Variable(letter) for letter in letters)))

    def over(self, letter: str) -> tuple[ire.Binder, ...]:
        return (ire.Binder(letter, self.element),)

    def plated(self, node: ire.Expression) -> bool:
        """Does an expression differ from member to member of the plates?"""
        variables = {axis.variable for axis in self.plates}
        return any(isinstance(one, ire.Variable) and one.name in variables for one in ire.walk(node))

    def is_table(self, node: ire.Expression) -> bool:
        """Is it a table already, not a number?"""
        typer = Typer(environment_of(self.program), {axis.variable: axis.set for axis in self.plates if axis.variable is not None})
        return bool(typer.type_of(node).sets)

    # the rewriting

    def move(self) -> Moved:
        """Rewrite."""
        location, root = self.location(), self.root()
        coordinate = self._plain_coordinate() if self.evidence is None else self._transported(location, root)
        before, raw = tuple(self.made), coordinate.drawn.name
        standard = raw if coordinate.standard is None else self.define("standard", coordinate.standard, bare=1)
        values, computed = self.computed(location, root, self.at(standard, self.j))
        after = self.made[len(before) :]
        back = self.back(location, root)
        free = replace(coordinate.drawn, role="deterministic", right=coordinate.free(self.at(back[-1].name)), notes=(), report=False)
        term = build.call("log", self.at(root, self.k, self.k))
        if coordinate.block is not None:
            term = build.subtract(term, build.call("log", self.at(coordinate.block.factor, self.k, self.k)))
        binders = (*(ire.Binder(axis.variable or "", axis.set) for axis in self.plates), *self.over(self.k))
        block = None if coordinate.block is None else replace(coordinate.block, values=values, location=location, root=root)
        sites = (*before, coordinate.drawn, *after, *computed)
        return Moved(self._replaced(sites), (*before, *back, free), ire.Reduce("sum", term, binders), block)

    def _drawn(self, base: ire.Expression) -> Site:
        first, axes = self.sites[0], (*self.plates, Axis(None, self.element))
        origin = (first.name, self.origin)
        return Site(self.name("raw"), axes, "latent", "model", base, REAL, notes=(_ALONE,), origin=origin, span=first.span)

    def _plain_coordinate(self) -> _Coordinate:
        """Standard normal, whatever the data say."""
        return _Coordinate(self._drawn(_STANDARD), None, lambda standard: standard, None)

    def _transported(self, location: str, root: str) -> _Coordinate:
        k, j = self.k, self.j
        own, sets = (*self.row, ire.Variable(k)), tuple(axis.set for axis in self.plates)
        names = dict.fromkeys((*self.above, *(one.name for site in self.sites for one in transport.hyperparameters(self.program, site))))
        pulls = transport.pulls([self.program.site[name] for name in names], self.constant, (*sets, self.element), own, self.prefix)
        for name, indices in self.parents.items():
            parent = self.at(self.define(name, ire.Reference(name, indices)))
            pulls.append(transport.pull_of_own(parent, name, self.constant, sets, (*sets, self.element), own))
        noises = {transport.noise_of_children(self.program, site) for site in self.sites}
        growths = [build.multiply(ire.Negate(ire.Number(2)), one.distance) for one in pulls if noises == {one.hyperparameter.site}]
        growth_name = self.define("growth", build.call("exp", growths[0]), plated=False) if growths else None
        growth = build.ONE if growth_name is None else ire.Reference(growth_name)
        dense = self.evidence == "dense"
        h = self.constant("h", (*sets, *[self.element] * (2 if dense else 1)))
        b = self.constant("b", (*sets, self.element))
        if dense:
            precision = self.define("precision", build.multiply(growth, self.at(h, k, j)), bound=(k, j))
            held: ire.Expression = ire.Reduce("sum", build.multiply(self.at(precision, k, j), self.at(location, j)), self.over(j))
        else:
            precision = self.define("precision", build.multiply(growth, self.at(h, k)), bound=(k,))
            held = build.multiply(self.at(precision, k), self.at(location, k))
        pulled = build.multiply(growth, build.add(self.at(b, k), *(one.term for one in pulls)))
        residual = self.define("residual", build.subtract(pulled, held), bound=(k,))
        function = "evidence_factor" if dense else "diagonal_evidence_factor"
        factor = self.define("factor", build.call(function, self.at(root), self.at(precision)), bare=2)
        shift = self.define("shift", build.call("evidence_shift", self.at(factor), self.at(root), self.at(residual)), bare=1)
        whitening = ire.Bijection("whitening", (self.at(shift), self.at(factor)))
        drawn = self._drawn(ire.Distribution("Transformed", (("distribution", _STANDARD), ("bijection", whitening))))
        hypers = tuple(one.hyperparameter for one in pulls)
        sites = tuple(site.name for site in self.sites)
        block = Block(sites, drawn.name, "", location, root, shift, factor, growth_name, h, b, hypers, diagonal=not dense)
        standard = build.call("whitening_of", self.at(drawn.name), self.at(shift), self.at(factor))
        return _Coordinate(drawn, standard, lambda one: build.call("whitening_free", one, self.at(shift), self.at(factor)), block)

    def _replaced(self, sites: tuple[Site, ...]) -> Program:
        names = {site.name for site in self.sites}
        kept = tuple(one for one in self.program.sites if one.name not in names)
        return replace(self.program.with_sites((*kept, *sites)), inputs=(*self.program.inputs, *self.inputs))


@dataclass(frozen=True)
class _Coordinate:
    """The new latent; its standard vector, where that is not itself; the latent from the standard vector."""

    drawn: Site
    standard: ire.Expression | None
    free: Callable[[ire.Expression], ire.Expression]
    block: Block | None


_STANDARD = ire.Distribution("Independent", (("distribution", ire.Distribution("Normal", (("mean", build.ZERO), ("sd", build.ONE)))),))


def _variables(sites: tuple[Site, ...]) -> set[str]:
    """Every variable that the sites bind or use."""
    found: set[str] = set()
    for site in sites:
        for one in ire.walk(site.right):
            found |= {one.name} if isinstance(one, ire.Variable) else set()
            found |= {binder.variable for binder in getattr(one, "binders", ())}
    return found
