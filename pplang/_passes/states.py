"""Discrete latents and their states: the index set that a sum over one runs through, and the log probability of a state.

A state is a member of a set. A latent that is a member already (`Categorical`) is its own state; a truth value and a whole number have a
state beside them, from which they follow: `exists = exists_state == yes`, `n = n_state + 0` (a member of `0..50` counts as its number).
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from pplang._check import graph
from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._diagnostics import Diagnostic
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import Boolean, Interval, Member
from pplang._ir.program import Axis, IndexSet, Labels, NumberRange, Program, Site
from pplang._ir.substitute import fresh_variable
from pplang._passes import unconstrain
from pplang._passes.discrete_cells import Cells, with_tables
from pplang._records import dataclass

YES, NO = "yes", "no"
IMPOSSIBLE = build.call("safe_log", build.ZERO)
"""Minus infinity, with a gradient of zero."""


class CannotBeSummedError(Exception):
    """A discrete latent that there is no sum for: what to tell the user."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic


@dataclass(frozen=True)
class Discrete:
    """A discrete latent: `name` is the site of its states, members of the set `states`; `letter` runs over them in sums.

    lower, upper: between what a whole number must lie, where that differs between its members; else None.
    cells: of a column with empty cells, what is known of the rows; the latent is the table of all its cells.
    """

    site: Site
    name: str
    states: str
    letter: str
    lower: ire.Expression | None = None
    upper: ire.Expression | None = None
    cells: Cells | None = None

    @property
    def called(self) -> str:
        """What the user calls it."""
        return self.cells.column if self.cells is not None else self.site.name

    @property
    def unknown(self) -> Site:
        """The latent of the program that it stands for."""
        return self.cells.site if self.cells is not None else self.site

    @property
    def own(self) -> ire.Reference:
        """Its state, inside its own relation."""
        return ire.Reference(self.name, build.element_of(self.site).indices)

    @property
    def value(self) -> ire.Expression:
        """Its value from its state."""
        return self.value_of(self.own)

    def value_of(self, state: ire.Expression) -> ire.Expression:
        """The value that belongs to a state, as an expression of the kind that the latent has."""
        match self.site.kind:
            case Boolean():
                return ire.Compare("==", state, ire.Member(self.states, YES))
            case Interval():
                return ire.Sum((("+", state), ("+", build.ZERO)))
        return state


def is_discrete_latent(site: Site) -> bool:
    """Is it a latent of inference with values that are counted?"""
    counted = isinstance(site.kind, Member | Boolean) or (isinstance(site.kind, Interval) and site.kind.integer)
    return counted and site.role == "latent" and site.level == "model"


def with_states(program: Program, taken: set[str]) -> tuple[Program, tuple[Discrete, ...]]:
    """The program with the sets of states that it lacks, and its discrete latents. Raises CannotBeSummedError."""
    found: list[Discrete] = []
    program, cells = with_tables(program, is_discrete_latent)
    for site in program.sites:
        if is_discrete_latent(site):
            program, one = _discrete(program, site, taken)
            taken |= {one.letter, one.name, one.states}
            found.append(replace(one, cells=cells.get(site.name)))
    return program, tuple(found)


def _discrete(program: Program, site: Site, taken: set[str]) -> tuple[Program, Discrete]:
    if site.event:
        raise CannotBeSummedError(
            Diagnostic(
                "E02",
                f"the latent table `{site.name}` cannot be summed over",
                site.span,
                "its numbers are drawn together, and their values are too many to go through",
                help="draw them one by one, or write the distribution of the data without it",
            )
        )
    if isinstance(site.kind, Member):
        return program, Discrete(site, site.name, site.kind.set, _letter(site.kind.set, taken))
    name = program.fresh_name(f"{site.name}_state")
    if isinstance(site.kind, Boolean):
        program, states = _declared(program, Labels((NO, YES)), "Truth")
        return program, Discrete(site, name, states, _letter(site.name, taken))
    return _counted(program, site, name, taken)


def _counted(program: Program, site: Site, name: str, taken: set[str]) -> tuple[Program, Discrete]:
    """A whole number between two ends; where those differ between members, the range goes from the least to the greatest."""
    bounds = unconstrain.bounds_of(site.right)
    assert isinstance(site.kind, Interval)
    lower, upper = (_end(program, site, *one) for one in ((bounds.lower, site.kind.lower), (bounds.upper, site.kind.upper)))
    varies = [None if _is_one_number(one, site) else one for one in (lower, upper)]
    first = lower if varies[0] is None else _extreme("min", site, lower)
    last = upper if varies[1] is None else _extreme("max", site, upper)
    program, states = _declared(program, NumberRange(first, last), f"{site.name[:1].upper()}{site.name[1:]}_values")
    return program, Discrete(site, name, states, _letter(site.name, taken), varies[0], varies[1])


def _end(program: Program, site: Site, end: ire.Expression | None, furthest: float) -> ire.Expression:
    """One end of a range, known before inference; that of another count is as far as the other goes. furthest: by the latent's kind."""
    if isinstance(end, ire.Reference) and end.name in program.site and is_discrete_latent(program.site[end.name]):
        other = program.site[end.name]
        bound = unconstrain.bounds_of(other.right).upper
        if _is_one_number(bound, other):
            end = bound
    variables = {axis.variable: axis.set for axis in site.plates if axis.variable is not None}
    if end is not None and Typer(environment_of(program), variables).type_of(end).data:
        return end
    if abs(furthest) != inf:
        return ire.Number(int(furthest)) if furthest >= 0 else ire.Negate(ire.Number(-int(furthest)))
    raise CannotBeSummedError(
        Diagnostic(
            "E04",
            f"the values of {_called(site)} have no end that is known before the fit",
            site.span,
            "pplang sums over discrete latents, value by value",
            help="give it an end that is a number or comes from the data: Truncated(..., upper = 100)",
        )
    )


def _called(site: Site) -> str:
    return f"the latent `{site.name}`" if site.origin is None else f"the empty cells of `{site.origin[0]}`"


def _is_one_number(end: ire.Expression | None, site: Site) -> bool:
    own = {axis.variable for axis in site.plates}
    return end is not None and not any(isinstance(one, ire.Variable | ire.Lag) and _variable(one) in own for one in ire.walk(end))


def _variable(node: ire.Variable | ire.Lag) -> str:
    return node.name if isinstance(node, ire.Variable) else node.variable


def _extreme(operation: str, site: Site, end: ire.Expression) -> ire.Expression:
    binders = tuple(ire.Binder(axis.variable, axis.set) for axis in site.plates if axis.variable is not None)
    return ire.Reduce(operation, end, binders)  # type: ignore[arg-type]


def _declared(program: Program, members: Labels | NumberRange, wanted: str) -> tuple[Program, str]:
    """The set of these members, declared if need be."""
    known = next((one.name for one in program.sets if one.members == members and one.declared), None)
    if known is not None:
        return program, known
    name = program.fresh_name(wanted)
    return replace(program, sets=(*program.sets, IndexSet(name, members, ordered=isinstance(members, NumberRange), declared=True))), name


def _letter(name: str, taken: set[str]) -> str:
    return fresh_variable(name[0].lower() if name[0].isascii() and name[0].isalpha() else "k", taken)


def log_probability(program: Program, one: Discrete, right: ire.Expression) -> ire.Expression:
    """The log probability of a latent's state under a distribution, which is its relation's or that of its `starting`.

    Where a cell has a value, its probability is that of the relation that observes it; here the state has to agree.
    """
    if one.cells is None:
        return _log_probability(program, one, right)
    known = ire.IfElse(one.cells.agrees(one.value), build.ZERO, IMPOSSIBLE)
    return ire.IfElse(one.cells.has_value, known, _log_probability(program, one, right))


def _log_probability(program: Program, one: Discrete, right: ire.Expression) -> ire.Expression:
    state = one.own
    if isinstance(right, ire.Distribution):
        given = dict(right.arguments)
        match right.name, given:
            case "Categorical", {"p": ire.Reference() as p}:
                return build.call("safe_log", replace(p, indices=(*p.indices, state)))
            case "Categorical", {"logits": logits}:
                return ire.Element(build.call("log_softmax", logits), (state,))
            case "Bernoulli", {"p": p}:
                return _either(one, build.call("safe_log", p), build.call("safe_log", build.subtract(build.ONE, p)))
            case "Bernoulli", {"logit": logit}:
                return _either(one, build.call("log_logistic", logit), build.call("log_logistic", ire.Negate(logit)))
    if isinstance(right, ire.Distribution) and right.name == "DiscreteUniform":
        # Written out: NumPyro's wants its bounds before it is traced.
        lower, upper = dict(right.arguments)["lower"], dict(right.arguments)["upper"]
        inside: list[ire.Expression] = [ire.Compare(">=", state, lower), ire.Compare("<=", state, upper)]
        return possible(ire.Negate(build.call("safe_log", build.add(build.subtract(upper, lower), build.ONE))), inside)
    tests: list[ire.Expression] = []
    if one.lower is not None:
        tests.append(ire.Compare(">=", state, one.lower))
    if one.upper is not None:
        tests.append(ire.Compare("<=", state, one.upper))
    return possible(ire.LogDensity(right, one.value), [*tests, *outer_tests(program, right, state)])


def possible(density: ire.Expression, tests: list[ire.Expression]) -> ire.Expression:
    """A log density where some conditions hold, elsewhere minus infinity."""
    if not tests:
        return density
    return ire.IfElse(tests[0] if len(tests) == 1 else ire.Logical("and", tuple(tests)), density, IMPOSSIBLE)


def outer_tests(program: Program, right: ire.Expression, value: ire.Expression) -> list[ire.Expression]:
    """Conditions that a value lies between ends that are discrete latents: beyond them a density may be anything."""
    bounds = unconstrain.bounds_of(right)
    tests: list[ire.Expression] = []
    if bounds.lower is not None and _mentions_latent(program, bounds.lower):
        tests.append(ire.Compare(">=", value, bounds.lower))
    if bounds.upper is not None and _mentions_latent(program, bounds.upper):
        tests.append(ire.Compare("<=", value, bounds.upper))
    return tests


def _mentions_latent(program: Program, node: ire.Expression) -> bool:
    """Directly or through definitions."""
    pending, seen = [edge.parent for edge in graph.mentions(node)], set[str]()
    while pending:
        site = program.site.get(pending.pop())
        if site is None or site.name in seen:
            continue
        if is_discrete_latent(site):
            return True
        seen.add(site.name)
        if site.role == "deterministic":
            pending += [edge.parent for edge in graph.edges(site)]
    return False


def _either(one: Discrete, yes: ire.Expression, no: ire.Expression) -> ire.Expression:
    return ire.IfElse(one.value, yes, no)


def drawn(
    one: Discrete, right: ire.Distribution, axes: tuple[Axis, ...], origin: tuple[str, str], starting: ire.Distribution | None = None
) -> tuple[Site, ...]:
    """The sites that give the latent back after sampling: its states, and its values where those are something else."""
    return _given_back(one, replace(one.site, axes=axes, right=right, starting=starting), origin)


def computed(one: Discrete, state: ire.Expression, origin: tuple[str, str]) -> tuple[Site, ...]:
    """The same where its states follow from something else that is drawn."""
    return _given_back(one, replace(one.site, role="deterministic", right=state, starting=None), origin)


def _given_back(one: Discrete, site: Site, origin: tuple[str, str]) -> tuple[Site, ...]:
    states = replace(site, name=one.name, kind=Member(one.states), level="generated", notes=(), origin=origin)
    cells = () if one.cells is None else (one.cells.drawn(one.site, origin),)
    if one.name == one.site.name:
        return states, *cells
    values = replace(one.site, role="deterministic", right=one.value, level="generated", notes=(), starting=None, origin=origin)
    return replace(states, report=False), values, *cells
