"""Designs: the data that fixed effects are multiplied with in the linear predictor of an observed relation, a column for each of them.

A coefficient is a real latent with a prior of its own, a number or one for each member of a set: `alpha + b * x[i]`, `beta[1] + beta[2] * x[i]`,
`sum(X[i, k] * beta[k] for k in K)`. Effects that the row picks by a category (`a[county[i]]`) are none. The predictor may stand inside functions of
one number (`exp`, `logistic`) and wrappers; what else is in it does not matter as long as it is linear in the coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._check.recurrences import looking_back
from pplang._check.retype import environment_of
from pplang._check.types import Typer
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL
from pplang._ir.program import Labels, NumberRange, Program, Site
from pplang._ir.substitute import substitute
from pplang._passes import restricted, transport
from pplang._passes.linear import Column, NotLinearError, predictor
from pplang._records import dataclass


@dataclass(frozen=True)
class Coefficients:
    """One site of coefficients: a number with its column, or a table with one column for all members (`over`) or one for each, in order."""

    site: Site
    columns: tuple[Column, ...]

    @property
    def set(self) -> str | None:
        """What it is over; None for a number."""
        return self.site.sets[0] if self.site.sets else None

    @property
    def flat(self) -> bool:
        return isinstance(self.site.right, ire.Distribution) and self.site.right.name == "Flat"


@dataclass(frozen=True)
class Design:
    """The coefficients in the predictor of an observed relation: numbers first, then tables."""

    child: Site
    parts: tuple[Coefficients, ...]
    elsewhere: frozenset[str] = frozenset()
    """Those that the relation uses in another way too, in its scale or in products with unknowns."""

    def size(self, sizes: Mapping[str, int]) -> int:
        """How many coefficients there are."""
        return sum(1 if part.set is None else sizes[part.set] for part in self.parts)

    def rows(self, sizes: Mapping[str, int]) -> int:
        return prod(sizes[axis.set] for axis in self.child.axes)


def designs(program: Program) -> tuple[Design, ...]:
    """The design of each observed relation that has two coefficients or more; a coefficient belongs to the first that it stands in."""
    found: list[Design] = []
    taken: set[str] = set()
    eligible = {site.name: site for site in program.sites if _is_coefficient(program, site)}
    barred = looking_back(program) | restricted.names(program)
    for child in program.sites:
        if child.role != "observed" or child.value is not None or not child.axes or child.event:
            continue
        free = {name: site for name, site in eligible.items() if name not in barred and name not in taken}
        read = (_read(program, child, one, free) for one in _arguments(child.right))
        design = next((one for one in read if one is not None), None)
        if design is not None:
            found.append(design)
            taken |= {part.site.name for part in design.parts}
    return tuple(found)


def _is_coefficient(program: Program, site: Site) -> bool:
    """Is it a real latent, a number or one for each member of a set, with a known prior that is as wide as the line?"""
    plain = site.role == "latent" and site.level == "model" and site.structure is None and site.kind == REAL and not site.notes
    clauses = site.starting, site.weight, site.where
    if not plain or any(clauses) or site.fixing or len(site.axes) > 1 or site.event or not isinstance(site.right, ire.Distribution):
        return False
    family = DISTRIBUTIONS[site.right.name].family
    if site.right.name != "Flat" and (family is None or family.log):
        return False
    typer = Typer(environment_of(program), {axis.variable: axis.set for axis in site.axes if axis.variable is not None})
    return all(typer.type_of(value).data for _, value in site.right.arguments)


def _arguments(right: ire.Expression) -> Iterator[ire.Expression]:
    """What a distribution is given, and what the one inside a wrapper is."""
    if isinstance(right, ire.Distribution):
        for _, value in right.arguments:
            yield from _arguments(value) if isinstance(value, ire.Distribution) else (value,)


def _read(program: Program, child: Site, argument: ire.Expression, free: Mapping[str, Site]) -> Design | None:
    """The design in one argument; None where there are not several coefficients in it."""
    try:
        found = predictor(program, child, argument)
    except NotLinearError:
        return None
    by_site: dict[str, dict[str | int | None, Column]] = {}
    others = [one for one in _arguments(child.right) if one != argument]
    for column in found.columns:
        row = {group.variable: group.category for group in found.groups}
        for sign, term in _terms(column.value):
            read = _weighted(program, term, free, column.over)
            if read is None:
                others.append(term)
                continue
            name, label, weight = read
            weight = substitute(weight, row)
            own = (
                column.row
                if build.is_number(weight, 1)
                else weight
                if build.is_number(column.row, 1)
                else build.multiply(column.row, weight)
            )
            known = by_site.setdefault(name, {}).get(label)
            start = build.ZERO if known is None else known.row
            total = build.add(start, own) if sign == "+" else build.subtract(start, own)
            by_site[name][label] = Column(total, ire.Reference(name), column.over)
    read_parts = (_part(program, free[name], own) for name, own in by_site.items())
    parts = tuple(sorted((one for one in read_parts if one is not None), key=lambda one: one.set is not None))
    if len(parts) < 2 and all(part.set is None for part in parts):
        return None
    reached = {name for one in others for name in transport.stochastic_parents(program, replace(child, right=one))}
    return Design(child, parts, frozenset(reached & {part.site.name for part in parts}))


def _terms(node: ire.Expression) -> tuple[tuple[str, ire.Expression], ...]:
    match node:
        case ire.Sum(terms):
            return tuple((sign if inner == "+" else _OTHER[sign], one) for sign, part in terms for inner, one in _terms(part))
        case ire.Negate(operand):
            return tuple((_OTHER[sign], one) for sign, one in _terms(operand))
    return (("+", node),)


_OTHER = {"+": "-", "-": "+"}


def _weighted(
    program: Program, node: ire.Expression, free: Mapping[str, Site], over: ire.Binder | None
) -> tuple[str, str | int | None, ire.Expression] | None:
    """A coefficient times data: its site, which member (None: it is a number, or the one at hand of a sum), and the data."""
    factors = node.factors if isinstance(node, ire.Product) else (("*", node),)
    places = [place for place, (_, one) in enumerate(factors) if isinstance(one, ire.Reference) and one.name in free]
    if len(places) != 1 or factors[places[0]][0] != "*":
        return None
    weight: ire.Expression = build.ONE
    for place, (operator, one) in enumerate(factors):
        if place != places[0]:
            if not _is_data(program, one):
                return None
            weight = build.multiply(weight, one) if operator == "*" else build.divide(weight, one)
    match factors[places[0]][1]:
        case ire.Reference(name, ()) if not free[name].axes and over is None:
            return name, None, weight
        case ire.Reference(name, (ire.Member(_, label),)) if over is None:
            return name, label, weight
        case ire.Reference(name, (ire.Variable(letter),)) if over is not None and over.variable == letter:
            return name, None, weight
    return None


def _is_data(program: Program, node: ire.Expression) -> bool:
    entries = environment_of(program).entries
    return all(entries[one.name].data for one in ire.walk(node) if isinstance(one, ire.Reference))


def _part(program: Program, site: Site, columns: Mapping[str | int | None, Column]) -> Coefficients | None:
    """None where some members of a table have no column of their own."""
    if set(columns) == {None}:
        return Coefficients(site, (columns[None],))
    labels = listed(program, site.sets[0])
    return Coefficients(site, tuple(columns[label] for label in labels)) if labels and set(columns) == set(labels) else None


def listed(program: Program, name: str) -> tuple[str | int, ...]:
    """The members of a set that the model lists; none where the data tell."""
    match program.set[name].members:
        case Labels(labels):
            return labels
        case NumberRange(ire.Number(int() as first), ire.Number(int() as last)):
            return tuple(range(first, last + 1))
    return ()
