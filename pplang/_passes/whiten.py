"""whiten: a latent vector that is jointly normal, with a mean or covariance that is itself unknown, gets independent coordinates.

`beta[c in County, Coef] ~ MultiNormal(mu, scale = tau, corr = R)` becomes `beta_raw[c in County, Coef] ~ Independent(Normal(0, 1))` and
`beta[c, k] = mu[k] + sum(root[k, j] * beta_raw[c, j] for j in Coef)` with root the Cholesky factor of the covariance; where an engine will set
constants, in the coordinates of `joint`. A process has diagonal evidence, since each of its values has data of its own; other vectors have K x K,
while they are small. A vector that sums to zero is moved in its K - 1 free coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pplang._check.recurrences import looking_back
from pplang._check.retype import environment_of, retype
from pplang._check.types import Typer
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import Axis, Free, IndexSet, Program, Site
from pplang._passes.approximate import has_basis
from pplang._passes.joint import Evidence, Vectors
from pplang._passes.plan import Block, Choice, Rewrite

NAME = "whiten"
FAMILIES = ("MultiNormal", "GP", "SumToZero")
LARGEST = 200
"""Elements of a vector with K x K evidence, at most: the regression for it takes more draws than that, and its factor K^3 operations."""
_FOR_EACH = 16
"""The same where there is a vector for each member of a plate."""


def decide(
    program: Program,
    *,
    transported: bool = False,
    fixed: Mapping[str, Choice] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> tuple[Choice, ...]:
    """A choice for each joint normal latent; the user's annotation decides where there is one.

    `transported`: the engine will set constants. `fixed`: choices that are settled beforehand, by site (see `pinned`). sizes: of the index
    sets, where they are known.
    """
    fixed, back = fixed or {}, looking_back(program)
    sites = (site for site in program.sites if movable(site) and site.level == "model" and site.name not in back)
    choices = (fixed[site.name] if site.name in fixed else _choose(program, site, transported, sizes or {}) for site in sites)
    return tuple(one for one in choices if one is not None)


def movable(site: Site) -> bool:
    """Is it a latent that this pass can move?"""
    plain = site.role == "latent" and site.weight is None and site.starting is None and not site.fixing
    return plain and is_joint_normal(site) and not has_basis(site) and all(note.name != "centered" for note in site.notes)


def is_joint_normal(site: Site) -> bool:
    """Is it drawn from one of the distributions that this pass moves?"""
    return isinstance(site.right, ire.Distribution) and site.right.name in FAMILIES and len(site.event) == 1


def _choose(program: Program, site: Site, transported: bool, sizes: Mapping[str, int]) -> Choice | None:
    notes = {note.name for note in site.notes}
    unknown = [word for word, parts in _parts(site).items() if not all(_known(program, site, part) for part in parts)]
    if notes & {"whiten", "noncentered"}:
        asked = "whiten" if "whiten" in notes else "noncentered"
        return Choice(site.name, "noncenter", f"asked for by @{asked}")
    if not unknown:
        return None
    reason = f"its {' and '.join(unknown)} {'are' if len(unknown) > 1 else 'is'} unknown"
    if not transported:
        return Choice(site.name, "noncenter", f"{reason}: in its own coordinates it would stretch and turn with them")
    evidence = _evidence(site, sizes)
    how = "together, as one vector" if evidence == "dense" else "element by element"
    return Choice(site.name, evidence, f"{reason}: between centred and non-centred, {how}, as the data inform it")


def _evidence(site: Site, sizes: Mapping[str, int]) -> Evidence:
    assert isinstance(site.right, ire.Distribution)
    size = sizes.get(site.event[0], 0)
    small = size <= (_FOR_EACH if site.plates else LARGEST)
    return "dense" if small and site.right.name != "GP" else "diagonal"


def _parts(site: Site) -> dict[str, list[ire.Expression]]:
    """What the distribution is made of, by the word for it."""
    assert isinstance(site.right, ire.Distribution)
    given = dict(site.right.arguments)
    if site.right.name == "SumToZero":
        return {"scale": [_scale_of_sum(site)]}
    mean = [given.pop("mean")] if "mean" in given else []
    return {"mean": mean, "covariance": list(given.values())}


def _scale_of_sum(site: Site) -> ire.Expression:
    """s of SumToZero(Normal(m, s))."""
    assert isinstance(site.right, ire.Distribution)
    inner = site.right.argument("distribution")
    assert isinstance(inner, ire.Distribution)
    scale = inner.argument("sd")
    assert scale is not None
    return scale


def _known(program: Program, site: Site, part: ire.Expression) -> bool:
    """Is it known before inference?"""
    variables = {axis.variable: axis.set for axis in site.axes if axis.variable is not None}
    return Typer(environment_of(program), variables).type_of(part).data


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Rewrite the sites that are to be moved."""
    inverse: list[Site] = []
    jacobian: list[ire.Expression] = []
    blocks: list[Block] = []
    for choice in choices:
        site = program.site[choice.site]
        evidence: Evidence | None = None if choice.action == "noncenter" else "dense" if choice.action == "dense" else "diagonal"
        moved = vectors(program, site, evidence).move()
        program = moved.program
        inverse += moved.inverse
        jacobian.append(moved.log_jacobian)
        blocks += [moved.block] if moved.block else []
    return Rewrite(retype(program) if inverse else program, tuple(inverse), tuple(jacobian), blocks=tuple(blocks))


def vectors(program: Program, site: Site, evidence: Evidence | None) -> Vectors:
    """How a joint normal site is moved."""
    assert isinstance(site.right, ire.Distribution)
    element = site.event[0]
    if site.right.name != "SumToZero":
        return _Drawn(program, (site,), site.name, site.plates, element, evidence, origin=NAME)
    free = next((one.name for one in program.sets if one.members == Free(element)), None)
    if free is None:
        free = program.fresh_name(f"{element}_free")
        program = replace(program, sets=(*program.sets, IndexSet(free, Free(element), declared=True)))
    return _SummingToZero(program, (site,), site.name, site.plates, free, evidence, origin=NAME)


class _Drawn(Vectors):
    """A vector drawn from MultiNormal or GP."""

    @property
    def site(self) -> Site:
        return self.sites[0]

    def argument(self, name: str) -> ire.Expression | None:
        assert isinstance(self.site.right, ire.Distribution)
        return self.site.right.argument(name)

    def location(self) -> str:
        mean = self.argument("mean") or build.ZERO
        if self.is_table(mean):
            return self.define("location", mean, bare=1, plated=self.plated(mean))
        return self.define("location", mean, bound=(self.k,), plated=self.plated(mean))

    def root(self) -> str:
        scale = self.argument("scale")
        if scale is None:
            value = self._root()
            return self.define("root", value, bare=2, plated=self.plated(value))
        matrix = self.argument("corr_cholesky")
        matrix = matrix or build.call("cholesky", self.argument("corr") or build.ZERO)
        plated = self.plated(matrix) or self.plated(scale)
        correlation = self.define("correlation_root", matrix, bare=2, plated=self.plated(matrix))
        if self.is_table(scale):
            scale = self.at(self.define("scale", scale, bare=1, plated=self.plated(scale)), self.k)
        value = build.multiply(scale, self.at(correlation, self.k, self.j))
        return self.define("root", value, bound=(self.k, self.j), plated=plated)

    def _root(self) -> ire.Expression:
        """A lower triangle whose product with its transpose is the covariance."""
        cov, precision, cholesky = (self.argument(name) for name in ("cov", "precision", "cholesky"))
        if cov is not None and isinstance(self.site.right, ire.Distribution) and self.site.right.name == "GP":
            return build.call("process_root", cov, self.argument("jitter") or ire.Number(1e-6))
        if cov is not None:
            return build.call("cholesky", cov)
        if precision is not None:
            return build.call("cholesky", build.call("inverse", precision))
        assert cholesky is not None
        return build.call("lower_triangle", cholesky)

    def computed(self, location: str, root: str, standard: ire.Expression) -> tuple[str, tuple[Site, ...]]:
        site = self.site
        own = ire.Reduce("sum", build.multiply(self.at(root, self.k, self.j), standard), self.over(self.j))
        value = build.add(self.at(location, self.k), own)
        axes = tuple(axis if axis.variable is not None else Axis(self.k, axis.set) for axis in site.axes)
        plain = replace(site, axes=axes, role="deterministic", notes=(), structure=None, origin=(site.name, self.origin))
        if axes[-1].variable == self.k:
            return site.name, (replace(plain, right=value),)
        values = self.define("values", value, bound=(self.k,))
        return values, (replace(plain, right=self.at(values, self.k)),)

    def back(self, location: str, root: str) -> tuple[Site, ...]:
        own = ire.Reference(self.site.name, tuple(ire.Variable(axis.variable or self.k) for axis in self.site.axes))
        centred = self.definition("centred", build.subtract(own, self.at(location, self.k)), bound=(self.k,))
        return centred, self.definition("standard", build.call("solve_lower", self.at(root), self.at(centred.name)), bare=1)


class _SummingToZero(Vectors):
    """Equal scales on the hyperplane: in orthonormal coordinates of it, independent draws about zero."""

    def location(self) -> str:
        return self.define("location", build.ZERO, bound=(self.k,), plated=False)

    def root(self) -> str:
        scale = _scale_of_sum(self.sites[0])
        diagonal = self.define("scale", scale, bound=(self.k,), plated=self.plated(scale))
        return self.define("root", build.call("diagonal", self.at(diagonal)), bare=2, plated=self.plated(scale))

    def computed(self, location: str, root: str, standard: ire.Expression) -> tuple[str, tuple[Site, ...]]:
        site = self.sites[0]
        own = ire.Reduce("sum", build.multiply(self.at(root, self.k, self.j), standard), self.over(self.j))
        values = self.define("values", own, bound=(self.k,))
        value = build.call("sum_to_zero_of", self.at(values))
        return values, (replace(site, role="deterministic", right=value, notes=(), origin=(site.name, self.origin)),)

    def back(self, location: str, root: str) -> tuple[Site, ...]:
        own = build.call("sum_to_zero_free", build.element_of(self.sites[0]))
        freed = self.definition("freed", own, bare=1)
        return freed, self.definition("standard", build.call("solve_lower", self.at(root), self.at(freed.name)), bare=1)
