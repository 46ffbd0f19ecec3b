"""split_missing: a column with empty cells becomes what is observed, what is not, and the table of both.

`income[v in Voter] ~ Normal(m, s)` of a column `income : real?` becomes

    index Income_empty = empty(income)
    income[v in Voter] ~ Normal(m, s)
      where given(income[v])
    income_empty[cell in Income_empty] ~ Normal(m, s)
    income_full[Voter] = completed(income, income_empty)

and whatever mentioned `income[v]` mentions `income_full[v]`. Where the relation looks back, or the column is in its own relation, an empty cell may
stand between two others: `sales[t in Week] ~ Normal(keep * sales[t-1], s)` is then observed as `sales[t] ~ Normal(keep * sales_full[t-1], s)`, and the
relation of the empty cells is a factor,

    sales_empty[cell in Sales_empty] ~ Flat()
    sales_density[t in Week] = logpdf(Normal(keep * sales_full[t-1], s), sales_full[t])
    factor sum(sales_density[t] for t in Week if not given(sales[t]))

How many cells are empty is known only when the data are: nothing of them is in the
program. Where nothing observed depends on the column, its empty cells are predictions, which `forward` takes out.
After it: no site is split.
"""

from __future__ import annotations

from dataclasses import replace

from pplang._check.retype import retype
from pplang._ir import build
from pplang._ir import expression as ire
from pplang._ir.kinds import REAL, Interval
from pplang._ir.program import Axis, Empty, Factor, IndexSet, Program, Site
from pplang._passes import unconstrain
from pplang._passes.plan import Choice, Rewrite

NAME = "split_missing"


def decide(program: Program) -> tuple[Choice, ...]:
    """A choice for each column that may have empty cells."""
    needed = _needed(program)
    return tuple(
        Choice(
            site.name,
            "split",
            "its empty cells are unknowns, estimated with the rest"
            if site.name in needed
            else "its empty cells are predictions: nothing observed depends on them",
        )
        for site in program.sites
        if site.role == "split"
    )


def _needed(program: Program) -> set[str]:
    """The split columns on which something observed depends."""
    after = apply(program, tuple(Choice(site.name, "split", "") for site in program.sites if site.role == "split")).program
    return {site.origin[0] for site in after.sites if site.origin is not None and site.role == "latent" and site.level == "model"}


def refusal(program: Program, site: Site) -> str | None:
    """Why a split column cannot be fitted yet, as the name of the construct; None where it can."""
    if site.event:
        return f"a joint draw with empty cells (`{site.name}`)"
    if len(set(site.sets)) < len(site.sets):
        return f"a table with empty cells over one set twice (`{site.name}`)"
    if site.where is not None:
        return f"`where` on a column with empty cells (`{site.name}`)"
    if _hangs_together(site):
        if not isinstance(site.kind, Interval) or site.kind.integer:
            return f"a discrete column with empty cells that looks back (`{site.name}`)"
        if any(_looks_back(site, end) for end in _ends(site)):
            return f"a column with empty cells between bounds that look back (`{site.name}`)"
    return None


def _hangs_together(site: Site) -> bool:
    """Does an empty cell stand in the relation of another cell, or a cell without a predecessor have a relation of its own?"""
    roots = (site.right, site.starting, site.weight)
    return site.starting is not None or any(_looks_back(site, root) for root in roots if root is not None)


def _looks_back(site: Site, root: ire.Expression) -> bool:
    variables = {axis.variable for axis in site.axes}
    return any(
        (isinstance(part, ire.Lag) and part.variable in variables) or (isinstance(part, ire.Reference) and part.name == site.name)
        for part in ire.walk(root)
    )


def _ends(site: Site) -> tuple[ire.Expression, ...]:
    """The bounds between which a relation's values lie."""
    bounds = unconstrain.bounds_of(site.right)
    return tuple(end for end in (bounds.lower, bounds.upper) if end is not None)


def apply(program: Program, choices: tuple[Choice, ...]) -> Rewrite:
    """Each column split; those that cannot be (`refusal`) are left as they are."""
    names = [choice.site for choice in choices if refusal(program, program.site[choice.site]) is None]
    for name in names:
        program = _split(program, program.site[name])
    return Rewrite(retype(program) if names else program)


def _split(program: Program, site: Site) -> Program:
    members = Empty(site.name)
    index_set = next((one.name for one in program.sets if one.members == members), None)
    if index_set is None:
        index_set = program.fresh_name(f"{site.name[:1].upper()}{site.name[1:]}_empty")
        program = replace(program, sets=(*program.sets, IndexSet(index_set, members, declared=True)))
    empty, full = program.fresh_name(f"{site.name}_empty"), program.fresh_name(f"{site.name}_full")
    variables = tuple(ire.Variable(axis.variable) for axis in site.axes if axis.variable is not None)
    observed = replace(site, role="observed", where=ire.Given(site.name, variables), notes=())
    cells = _of_cells(program, site, empty, index_set)
    table = Site(
        full,
        tuple(Axis(None, axis.set) for axis in site.axes),
        "deterministic",
        "model",
        ire.Completed(site.name, ire.Reference(empty)),
        site.kind,
        span=site.span,
    )
    used = _hangs_together(site) or _mentioned(program, site.name)
    parts: tuple[Site, ...] = (observed, cells, table) if used else (observed, cells)
    factors: tuple[Factor, ...] = ()
    if _hangs_together(site):
        density, factor = _of_values(program, site, full)
        parts, factors = (observed, _somewhere(cells), table, density), (factor,)
    program = program.with_sites(tuple(part for one in program.sites for part in (parts if one.name == site.name else (one,))))
    return _renamed(replace(program, factors=(*program.factors, *factors)), site.name, full)


def _somewhere(cells: Site) -> Site:
    """The empty cells of a relation whose density stands in a factor: theirs says only where they lie."""
    bounds = unconstrain.bounds_of(cells.right)
    ends = tuple((name, end) for name, end in (("lower", bounds.lower), ("upper", bounds.upper)) if end is not None)
    return replace(cells, right=ire.Distribution("Flat", ends), starting=None, weight=None)


def _of_values(program: Program, site: Site, full: str) -> tuple[Site, Factor]:
    """The log density of every cell given the others, and the sum of those of the empty ones."""
    name = program.fresh_name(f"{site.name}_density")
    own = build.element_of(site, full)

    def density(right: ire.Expression) -> ire.Expression:
        found = ire.LogDensity(right, own)
        return found if site.weight is None else build.multiply(site.weight, found)

    starting = None if site.starting is None else density(site.starting)
    made = replace(
        site,
        name=name,
        role="deterministic",
        right=density(site.right),
        starting=starting,
        weight=None,
        kind=REAL,
        report=False,
        notes=(),
        origin=(site.name, f"{NAME}: density"),
    )
    empty = ire.Not(ire.Given(site.name, own.indices))
    binders = tuple(ire.Binder(axis.variable, axis.set) for axis in site.axes if axis.variable is not None)
    return made, Factor(ire.Reduce("sum", ire.Reference(name, own.indices), binders, empty), span=site.span)


def _of_cells(program: Program, site: Site, name: str, index_set: str) -> Site:
    """The same relation for the empty cells: `m.Voter` in the place of the row v."""
    variable = _free_variable(program, site)
    places: dict[str, ire.Expression] = {
        axis.variable: ire.Part(ire.Variable(variable), axis.set) for axis in site.axes if axis.variable is not None
    }

    def placed(node: ire.Expression) -> ire.Expression:
        return places.get(node.name, node) if isinstance(node, ire.Variable) else node

    return replace(
        site,
        name=name,
        axes=(Axis(variable, index_set),),
        role="latent",
        right=ire.rewrite(site.right, placed),
        weight=None if site.weight is None else ire.rewrite(site.weight, placed),
        report=False,
        origin=(site.name, NAME),
    )


def _free_variable(program: Program, site: Site) -> str:
    """A variable that the relation does not bind, and no name of the program."""
    bound = {axis.variable for axis in site.axes}
    for part in ire.walk(site.right):
        bound |= {binder.variable for binder in getattr(part, "binders", ())}
        if isinstance(part, ire.Mixture):
            bound.add(part.binder.variable)
    name = program.fresh_name("cell")
    while name in bound:
        name += "_"
    return name


def _mentioned(program: Program, name: str) -> bool:
    roots = [part for site in program.sites if site.name != name for part in (site.right, site.starting, site.weight) if part is not None]
    roots += [part for factor in program.factors for part in (factor.value, factor.weight) if part is not None]
    roots += [one.condition for one in program.restrictions]
    return any(isinstance(part, ire.Reference) and part.name == name for root in roots for part in ire.walk(root))


def _renamed(program: Program, old: str, new: str) -> Program:
    """The program with another name in the place of one, wherever its value is used."""

    def change(node: ire.Expression) -> ire.Expression:
        return replace(node, name=new) if isinstance(node, ire.Reference) and node.name == old else node

    def anew(node: ire.Expression) -> ire.Expression:
        return ire.rewrite(node, change)

    def of_site(site: Site) -> Site:
        starting, weight = (None if part is None else anew(part) for part in (site.starting, site.weight))
        return replace(site, right=anew(site.right), starting=starting, weight=weight)

    def of_factor(one: Factor) -> Factor:
        return replace(one, value=anew(one.value), weight=None if one.weight is None else anew(one.weight))

    return program.with_sites(
        tuple(map(of_site, program.sites)),
        factors=tuple(map(of_factor, program.factors)),
        restrictions=tuple(replace(one, condition=anew(one.condition)) for one in program.restrictions),
    )
