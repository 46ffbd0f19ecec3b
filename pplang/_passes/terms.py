"""The terms of the log density that depend on discrete latents, with definitions written out, so that each mentions the latents themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pplang._check import graph
from pplang._diagnostics import Diagnostic
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.program import Factor, Program, Site
from pplang._ir.substitute import NotAnIndexError, substitute
from pplang._passes.discrete_cells import Cells
from pplang._passes.states import CannotBeSummedError, Discrete, log_probability, outer_tests, possible
from pplang._records import dataclass
from pplang._source import NOWHERE, Span

Indices = tuple[ire.Expression, ...]


@dataclass(frozen=True)
class Term:
    """A summand of the log density: `value` for each combination of members of `plates` for which `condition` holds.

    The states of discrete latents stand in it as references to their names. starting: the value for members that lack a predecessor.
    source, span: the relation that it comes from, for messages; own: the latent whose prior it is.
    """

    value: ire.Expression
    plates: tuple[ire.Binder, ...]
    condition: ire.Expression | None = None
    starting: ire.Expression | None = None
    source: str = ""
    span: Span = NOWHERE
    own: str | None = None

    def mentions(self, names: set[str]) -> dict[str, list[Indices]]:
        """The states that it depends on: by name, the indices at which each stands."""
        found: dict[str, list[Indices]] = {}
        for part in (self.value, self.starting):
            for name, indices in mentions(part, names) if part is not None else ():
                if indices not in found.setdefault(name, []):
                    found[name].append(indices)
        return found


def mentions(node: ire.Expression, names: set[str]) -> Iterator[tuple[str, Indices]]:
    """The references to some names in an expression."""
    return ((one.name, one.indices) for one in ire.walk(node) if isinstance(one, ire.Reference) and one.name in names)


def replaced(node: ire.Expression, states: Mapping[tuple[str, Indices], ire.Expression]) -> ire.Expression:
    """An expression with others in the place of states at given indices."""

    def change(one: ire.Expression) -> ire.Expression:
        return states.get((one.name, one.indices), one) if isinstance(one, ire.Reference) else one

    return ire.rewrite(node, change)


@dataclass(frozen=True)
class Terms:
    """terms: those that depend on a discrete latent. lifted: the sites whose relations they were; kept: what stays of these as relations,
    for rows on which nothing is summed. factors: those that do not."""

    terms: tuple[Term, ...]
    lifted: tuple[str, ...]
    kept: tuple[Site, ...]
    factors: tuple[Factor, ...]


def collect(program: Program, latents: Sequence[Discrete]) -> Terms:
    """Every term that depends on a discrete latent. Raises CannotBeSummedError."""
    return _Collector(program, latents).run()


class _Collector:
    def __init__(self, program: Program, latents: Sequence[Discrete]) -> None:
        self.program = program
        self.latents = {one.site.name: one for one in latents}
        self.names = {one.name for one in latents}
        self.depending = _depending(program, set(self.latents))
        self.known: dict[int, tuple[ire.Expression, ire.Expression]] = {}
        self.bodies: dict[str, ire.Expression] = {}

    def run(self) -> Terms:
        terms: list[Term] = []
        lifted: list[str] = []
        kept: list[Site] = []
        for site in self.program.sites:
            if site.level != "model" or not site.stochastic:
                continue
            if site.name in self.latents:
                terms.append(self._prior(self.latents[site.name]))
            elif self._depends(site.right, site.starting):
                cells = self._cells(site)
                if cells:
                    kept.append(_of_known_cells(site, cells))
                    rest: ire.Expression = ire.Not(_all_of([one.has_value for one in cells.values()]))
                    site = replace(site, where=rest if site.where is None else _all_of([site.where, rest]))
                terms.append(self._relation(site))
                lifted.append(site.name)
        for one in self.program.restrictions:
            if self._depends(one.condition):
                raise _apart("`restrict`", one.span, "a restriction is on continuous unknowns", "leave it out")
        factors = []
        for factor in self.program.factors:
            if self._depends(factor.value):
                terms.append(self._factor(factor))
            else:
                factors.append(factor)
        return Terms(tuple(terms), tuple(lifted), tuple(kept), tuple(factors))

    def _depends(self, *nodes: ire.Expression | None) -> bool:
        return any(edge.parent in self.depending for node in nodes if node is not None for edge in graph.mentions(node))

    def _cells(self, site: Site) -> dict[ire.Expression, Cells]:
        """The cells that a relation of scalars mentions, where they are all it depends on, each that of its own row: by their mentions."""
        if site.event or site.starting is not None or site.role != "observed":
            return {}
        own = {axis.variable for axis in site.axes}
        found: dict[ire.Expression, Cells] = {}
        for one in ire.walk(site.right):
            if isinstance(one, ire.Reference) and one.name in self.depending:
                latent = self.latents.get(one.name)
                aligned = all(isinstance(index, ire.Variable) and index.name in own for index in one.indices)
                if latent is None or latent.cells is None or not aligned or len(one.indices) != len(latent.site.axes):
                    return {}
                found[one] = replace(latent.cells, rows=one.indices)
        return found

    def _prior(self, one: Discrete) -> Term:
        site = one.site
        if site.weight is not None:
            raise _apart(
                f"`weighted` on the discrete latent `{one.called}`", site.span, "what is summed over has no weight", "leave it out"
            )
        value = self.written(log_probability(self.program, one, site.right))
        starting = None if site.starting is None else self.written(log_probability(self.program, one, site.starting))
        return Term(value, _plates(site), None, starting, one.called, site.span, one.name)

    def _relation(self, site: Site) -> Term:
        own = build.element_of(site)

        def density(right: ire.Expression) -> ire.Expression:
            tests = [self.written(one) for one in outer_tests(self.program, right, own)] if not site.event else []
            value = possible(ire.LogDensity(self.written(right), own), tests)
            return value if site.weight is None else build.multiply(site.weight, value)

        if site.role == "split":
            raise _apart(f"`{site.name}`, which has empty cells", site.span, "", "drop those rows, and write the type without `?`")
        flat = site.starting == ire.Distribution("Flat")
        starting = None if site.starting is None else build.ZERO if flat else density(site.starting)
        return Term(density(site.right), _plates(site), site.where, starting, site.name, site.span)

    def _factor(self, factor: Factor) -> Term:
        """A sum over members is one term for each."""
        value, condition = factor.value, factor.where
        plates: tuple[ire.Binder, ...] = ()
        match value:
            case ire.Reduce("sum", element, binders, inner) if factor.where is None and not self._depends(inner):
                value, plates, condition = element, binders, inner
        written = self.written(value)
        return Term(written if factor.weight is None else build.multiply(factor.weight, written), plates, condition, None, "", factor.span)

    # definitions

    def written(self, node: ire.Expression) -> ire.Expression:
        """The expression with definitions that depend on a discrete latent written out, and values in terms of states."""

        def change(one: ire.Expression) -> ire.Expression:
            if not isinstance(one, ire.Reference) or one.name not in self.depending:
                return one
            if one.name in self.latents:
                latent = self.latents[one.name]
                return latent.value_of(replace(one, name=latent.name)) if len(one.indices) == len(latent.site.axes) else self._whole(one)
            return self._definition(one)

        found = self.known.get(id(node))
        if found is None:
            found = self.known[id(node)] = (node, ire.rewrite(node, change))
        return found[1]

    def _definition(self, one: ire.Reference) -> ire.Expression:
        site = self.program.site[one.name]
        if site.starting is not None:
            raise _apart(
                f"the recurrence `{site.name}`", site.span, "each of its values depends on all earlier states of a discrete latent", ""
            )
        if site.name not in self.bodies:
            self.bodies[site.name] = self.written(site.right)
        indices = (*one.indices, *(ire.Whole() for _ in range(len(site.axes) - len(one.indices))))
        bound = {axis.variable: index for axis, index in zip(site.axes, indices, strict=True) if axis.variable is not None}
        rest = [index for axis, index in zip(site.axes, indices, strict=True) if axis.variable is None]
        if any(isinstance(index, ire.Whole) for index in bound.values()):
            return self._whole(one)
        try:
            body = substitute(self.bodies[site.name], bound)
        except NotAnIndexError:
            raise _apart(f"`{site.name}`", one.span, "it takes a step from a member that is not a bound variable", "") from None
        while rest and isinstance(rest[-1], ire.Whole):
            rest.pop()
        return ire.Element(body, tuple(rest)) if rest else body

    def _whole(self, one: ire.Reference) -> ire.Expression:
        raise _apart(
            f"the whole table `{one.name}`",
            one.span,
            "its elements depend on different members of a discrete latent",
            "use one element at a time, with an index on every axis that is bound where it is defined",
        )


def _depending(program: Program, latents: set[str]) -> set[str]:
    """The latents and all definitions that depend on one."""
    found = set(latents)
    definitions = [site for site in program.sites if site.role == "deterministic" and site.level == "model"]
    growing = True
    while growing:
        more = {site.name for site in definitions if site.name not in found and any(edge.parent in found for edge in graph.edges(site))}
        found |= more
        growing = bool(more)
    return found


def _of_known_cells(site: Site, cells: Mapping[ire.Expression, Cells]) -> Site:
    """A relation for the rows whose cells have a value."""

    def known(node: ire.Expression) -> ire.Expression:
        return ire.Reference(cells[node].column, cells[node].rows) if isinstance(node, ire.Reference) and node in cells else node

    tests = [*([] if site.where is None else [site.where]), *(one.has_value for one in cells.values())]
    return replace(site, right=ire.rewrite(site.right, known), where=_all_of(tests))


def _all_of(tests: Sequence[ire.Expression]) -> ire.Expression:
    flat = [part for one in tests for part in (one.operands if isinstance(one, ire.Logical) and one.operator == "and" else (one,))]
    return flat[0] if len(flat) == 1 else ire.Logical("and", tuple(flat))


def _plates(site: Site) -> tuple[ire.Binder, ...]:
    return tuple(ire.Binder(axis.variable, axis.set) for axis in site.plates if axis.variable is not None)


def _apart(what: str, span: Span, why: str, help: str) -> CannotBeSummedError:
    return CannotBeSummedError(Diagnostic("E02", f"{what} stands in the way of summing over a discrete latent", span, why, help=help))
