"""unconstrain: every constrained latent and `param` is moved to R^n by a bijection of the catalogue.

`tau ~ HalfCauchy(5)` becomes `tau_free ~ Transformed(HalfCauchy(5), log)` and `tau = exp(tau_free)`; the log Jacobian is part of the density
of `Transformed`. After it every latent lives on all of R^n.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from pplang._catalogue.bijections import BIJECTIONS
from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL, Interval
from pplang._ir.program import Axis, Free, IndexSet, Pairs, Param, Program, Site, SumSet
from pplang._passes import restricted
from pplang._passes.plan import Choice, Rewrite

NAME = "unconstrain"

OF_STRUCTURE = {
    "simplex": "simplex",
    "correlation": "correlation",
    "correlation_cholesky": "corr_cholesky",
    "covariance": "covariance",
    "sum_to_zero": "sum_to_zero",
    "ordered": "ordered",
    "positive_ordered": "ordered",
}
_DERIVED: dict[str, type[Free] | type[Pairs]] = {"free": Free, "pairs": Pairs}


@dataclass(frozen=True)
class Bounds:
    """Where the numbers of a draw end; None where they do not."""

    lower: ire.Expression | None = None
    upper: ire.Expression | None = None


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each constrained latent and param, naming its bijection."""
    bounded = restricted.names(program)
    sites = (
        _choose(site.name, bijection_within(program, site), restrict=site.name in bounded)
        for site in program.sites
        if _is_continuous_latent(site)
    )
    params = (_choose(param.name, _bijection(param.structure, _param_bounds(param))) for param in program.params)
    return tuple(one for one in (*sites, *params) if one is not None)


def _is_continuous_latent(site: Site) -> bool:
    moved = isinstance(site.right, ire.Distribution) and site.right.name == "Transformed"
    return site.role == "latent" and site.level == "model" and isinstance(site.kind, Interval) and not site.kind.integer and not moved


def _choose(name: str, bijection: ire.Bijection | None, *, restrict: bool = False) -> Choice | None:
    if bijection is None:
        return None
    reason = _REASONS.get(bijection.name, "it increases in label order")
    return Choice(name, bijection.name, reason + " (`restrict`: its prior is cut off there, and not renormalised)" * restrict)


_REASONS = {
    "log": "it is positive",
    "logit": "it lies between zero and one",
    "lower": "it has a lower bound",
    "upper": "it has an upper bound",
    "interval": "it lies between two bounds",
    "simplex": "it sums to one (stick-breaking)",
    "correlation": "it is a correlation matrix",
    "corr_cholesky": "it is the Cholesky factor of a correlation matrix",
    "covariance": "it is a covariance matrix",
    "sum_to_zero": "it sums to zero",
}


def _bijection(structure: str | None, bounds: Bounds) -> ire.Bijection | None:
    """The bijection for a structure and bounds; None for what is free already."""
    if structure is not None and OF_STRUCTURE[structure] != "ordered":
        return ire.Bijection(OF_STRUCTURE[structure])
    lower, upper = bounds.lower, bounds.upper
    ends = tuple(one for one in (lower, upper) if one is not None)
    above_zero = lower is not None and build.is_number(lower, 0)
    word = "interval" if len(ends) == 2 else "lower" if lower is not None else "upper"
    if structure is not None:
        if not ends:
            return ire.Bijection("ordered")
        return ire.Bijection("positive_ordered") if above_zero and upper is None else ire.Bijection(f"ordered_{word}", ends)
    if not ends:
        return None
    if above_zero and upper is None:
        return ire.Bijection("log")
    if above_zero and upper is not None and build.is_number(upper, 1):
        return ire.Bijection("logit")
    return ire.Bijection(word, ends)


def bijection_of(site: Site) -> ire.Bijection | None:
    """The bijection that makes a continuous latent free within the bounds of its distribution; None for what is free already."""
    return _bijection(site.structure, bounds_of(site.right))


def bijection_within(program: Program, site: Site) -> ire.Bijection | None:
    """The same within the bounds of every `restrict` too."""
    bounds = bounds_of(site.right)
    for one in restricted.bounds(program):
        if one.element.name == site.name and restricted.is_whole(site, one):
            here = {index: ire.Variable(axis.variable or "") for index, axis in zip(one.element.indices, site.axes, strict=True)}
            other = ire.rewrite(one.other, lambda node, here=here: here.get(node, node))  # type: ignore[misc]
            lower, upper = (None, other) if one.below else (other, None)
            bounds = Bounds(_tighter("max", bounds.lower, lower), _tighter("min", bounds.upper, upper))
    return _bijection(site.structure, bounds)


def bounds_of(node: ire.Expression) -> Bounds:
    """The bounds of a distribution's draws as expressions."""
    match node:
        case ire.Mixture(component=component):
            return bounds_of(component)
        case ire.Distribution(name):
            entry = DISTRIBUTIONS[name]
            inner = next((value for _, value in node.arguments if isinstance(value, ire.Distribution | ire.Mixture)), None)
            own = Bounds(_end(node, entry.support.lower), _end(node, entry.support.upper))
            if inner is None:
                return own
            base = bounds_of(inner)
            return Bounds(_tighter("max", own.lower, base.lower), _tighter("min", own.upper, base.upper))
    return Bounds()


def _end(node: ire.Distribution, bound: float | str) -> ire.Expression | None:
    if isinstance(bound, str):
        return node.argument(bound)
    return None if bound in (-inf, inf) else _number(bound)


def _number(value: float) -> ire.Expression:
    """As the source would write it: a negative number is a negated one."""
    size = abs(value)
    literal = ire.Number(int(size) if size == int(size) else size)
    return ire.Negate(literal) if value < 0 else literal


def _tighter(function: str, first: ire.Expression | None, second: ire.Expression | None) -> ire.Expression | None:
    """The bound that holds of two; decided now where both are literals."""
    if first is None or second is None:
        return first if second is None else second
    a, b = _literal(first), _literal(second)
    if a is not None and b is not None:
        return (first if (a >= b) == (function == "max") else second)  # fmt: skip
    return build.call(function, first, second)


def _literal(node: ire.Expression) -> float | None:
    match node:
        case ire.Number(value):
            return float(value)
        case ire.Negate(ire.Number(value)):
            return -float(value)
    return None


def _param_bounds(param: Param) -> Bounds:
    if not isinstance(param.kind, Interval):
        return Bounds()

    def end(value: float) -> ire.Expression | None:
        return None if value in (-inf, inf) else _number(value)

    return Bounds(end(param.kind.lower), end(param.kind.upper))


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Each site drawn in free coordinates and computed from them; each param likewise."""
    source = program
    inverse: list[Site] = []
    jacobian: list[ire.Expression] = []
    for choice in choices:
        if choice.site in program.param:
            program, back = _moved_param(program, program.param[choice.site])
        else:
            program, back, term = _moved_site(program, program.site[choice.site], bijection_within(source, source.site[choice.site]))
            jacobian.append(term)
        inverse.append(back)
    # What a restriction says is now said by a bijection.
    moved = {choice.site for choice in choices}
    bounded = {one.restriction for one in restricted.bounds(source) if one.element.name in moved}
    program = replace(program, restrictions=tuple(one for one in program.restrictions if one not in bounded))
    return Rewrite(retype(program) if inverse else program, tuple(inverse), tuple(jacobian))


def _moved_site(program: Program, site: Site, bijection: ire.Bijection | None) -> tuple[Program, Site, ire.Expression]:
    assert bijection is not None
    name = program.fresh_name(f"{site.name}_free")
    program, axes = _free_axes(program, site.axes, bijection)
    starting = None if site.starting is None else _transformed(site.starting, bijection)
    drawn = replace(
        site,
        name=name,
        axes=axes,
        right=_transformed(site.right, bijection),
        starting=starting,
        kind=REAL,
        structure=None,
        origin=(site.name, NAME),
    )
    computed = _computed(site, drawn, bijection)
    inverse = _inverse(site, drawn, bijection)
    sites = [part for one in program.sites for part in ((drawn, computed) if one.name == site.name else (one,))]
    # The Jacobian is that of the bijection, whatever the distribution; where a chain starts it looks back at nothing.
    law = site.right if site.starting is None else site.starting
    free, given = ire.LogDensity(_transformed(law, bijection), build.element_of(drawn)), ire.LogDensity(law, build.element_of(site))
    return program.with_sites(tuple(sites)), inverse, build.sum_over(site, build.subtract(free, given))


def _transformed(law: ire.Expression, bijection: ire.Bijection) -> ire.Distribution:
    return ire.Distribution("Transformed", (("distribution", law), ("bijection", bijection)))


def _moved_param(program: Program, param: Param) -> tuple[Program, Site]:
    bijection = _bijection(param.structure, _param_bounds(param))
    assert bijection is not None
    name = program.fresh_name(f"{param.name}_free")
    program, axes = _free_axes(program, param.axes, bijection)
    start = None if param.start is None else build.call(forward(bijection), param.start, *bijection.arguments)
    moved = replace(param, name=name, axes=axes, kind=REAL, structure=None, start=start)
    site = Site(param.name, param.axes, "deterministic", "model", build.ZERO, param.kind, origin=(param.name, NAME))
    drawn = Site(name, axes, "latent", "model", build.ZERO, REAL)
    computed = _computed(site, drawn, bijection)
    params = tuple(moved if one.name == param.name else one for one in program.params)
    return replace(program, params=params, sites=(computed, *program.sites)), _inverse(site, drawn, bijection)


def _computed(site: Site, drawn: Site, bijection: ire.Bijection) -> Site:
    """`tau = exp(tau_free)`."""
    value = build.call(BIJECTIONS[bijection.name].inverse, build.element_of(drawn), *bijection.arguments)
    return replace(site, role="deterministic", right=value, starting=None, notes=(), weight=None, origin=(site.name, NAME))


def _inverse(site: Site, drawn: Site, bijection: ire.Bijection) -> Site:
    """`tau_free = log(tau)`."""
    value = build.call(forward(bijection), build.element_of(site), *bijection.arguments)
    return replace(drawn, role="deterministic", right=value, starting=None, notes=(), weight=None)


def forward(bijection: ire.Bijection) -> str:
    """The catalogue's function constrained → free."""
    return BIJECTIONS[bijection.name].forward


def _free_axes(program: Program, axes: tuple[Axis, ...], bijection: ire.Bijection) -> tuple[Program, tuple[Axis, ...]]:
    """The axes of the free value: derived sets in place of the bare axes, declared where they are new."""
    entry = BIJECTIONS[bijection.name]
    event = [axis.set for axis in axes if axis.variable is None]
    letters = dict(zip(entry.constrained, event, strict=False))
    free = []
    for letter in entry.free:
        program, name = _derived(program, letter, letters)
        free.append(Axis(None, name))
    return program, (*(axis for axis in axes if axis.variable is not None), *free)


def _derived(program: Program, letter: str, letters: dict[str, str]) -> tuple[Program, str]:
    """The set that `free(K)` stands for, declared if need be."""
    if "(" not in letter:
        return program, letters[letter]
    operation, inner = letter.rstrip(")").split("(")
    if operation == "triangle":  # below the diagonal, then on it
        program, below = _derived(program, f"pairs({inner})", letters)
        return _declared(program, f"{letters[inner]}_triangle", SumSet((below, letters[inner])))
    members = _DERIVED[operation](letters[inner])
    return _declared(program, f"{letters[inner]}_{operation}", members)


def _declared(program: Program, wanted: str, members: Free | Pairs | SumSet) -> tuple[Program, str]:
    known = next((one.name for one in program.sets if one.members == members), None)
    if known is not None:
        return program, known
    name = program.fresh_name(wanted)
    return replace(program, sets=(*program.sets, IndexSet(name, members, declared=True))), name
