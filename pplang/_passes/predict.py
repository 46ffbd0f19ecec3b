"""What a fitted program says of new rows: the source with its observed columns drawn instead of given.

Not a pass of a fit. `predictive` makes the program and says what it needs of the new rows; `refusal` is what stands in the way once it is known
which index sets have new members; `frozen` keeps what the model computes from whole tables at what it was for the data of the fit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from pplang._check.retype import retype
from pplang._diagnostics import Diagnostic
from pplang._ir import expression as ire
from pplang._ir.kinds import Boolean, Member
from pplang._ir.program import Column, Columns, Distinct, Empty, Input, Labels, NumberRange, Program, Rows, Site, Subsample, Table
from pplang._passes import approximate
from pplang._records import dataclass
from pplang._source import Span

_NOT_COPIED = ("Censored", "Interval")
"""What is recorded of an outcome: predictions are of the outcome itself."""


@dataclass(frozen=True)
class Predictive:
    """program: every relation by `~` is drawn in it; columns that nothing needs any more are left out.

    outcomes: observed names on which nothing else depends; what new rows say of them is not used. given: observed names on which others depend:
    new rows may give their cells, and those they leave empty are drawn. limits: for a relation limited by `where` the name of a relation that
    says which members have it.
    """

    source: Program
    program: Program
    outcomes: tuple[str, ...]
    given: tuple[str, ...]
    limits: tuple[tuple[str, str], ...] = ()


def predictive(source: Program) -> Predictive:
    """The program that predictions run; processes on a basis are the sums of functions that they are."""
    source = approximate.apply(source, approximate.decide(source)).program
    observed = {site.name: site for site in source.sites if site.role in ("observed", "split")}
    sites = [_drawn(site) for site in source.sites]
    wanted = {site.name for site in sites if site.stochastic or (site.report and site.level != "data" and _may_grow(source, site))}
    needed = _closure(source, sites, wanted)
    limits, tests = [], []
    for site in source.sites:
        if site.where is not None:  # which keeps what is not defined elsewhere from being computed
            name = source.fresh_name(f"{site.name}_has_relation")
            limits.append((site.name, name))
            tests.append(Site(name, site.axes, "deterministic", "data", site.where, Boolean(), report=True, span=site.span))
    kept = [site for site in sites if site.name in needed]
    program = replace(
        source,
        tables=tuple(_trimmed(table, needed, observed) for table in source.tables),
        inputs=tuple(one for one in source.inputs if one.name in needed and one.name not in observed),
        sites=(*kept, *tests),
        factors=(),
        restrictions=(),
        guide=None,
        reward=None,
    )
    in_data = {name for name, site in observed.items() if site.value is None}
    users = {name for site in kept for part in _parts(site) for name in _names(part) if name != site.name}
    return Predictive(
        source,
        program,
        tuple(name for name in observed if name in in_data and name not in users),
        tuple(name for name in observed if name in in_data and name in users),
        tuple(limits),
    )


def _may_grow(program: Program, site: Site) -> bool:
    """Is it over a set that new rows can have new members of?"""
    return any(not isinstance(program.set[name].members, Labels | NumberRange | Columns) for name in site.sets)


def _drawn(site: Site) -> Site:
    """A relation as it is predicted: of an outcome that is recorded in part the whole, of every member, each counted once."""
    role = "latent" if site.role in ("observed", "split") else site.role
    right = site.right
    while isinstance(right, ire.Distribution) and right.name in _NOT_COPIED:
        right = next(value for _, value in right.arguments if isinstance(value, ire.Distribution | ire.Mixture))
    return replace(site, role=role, right=right, weight=None, value=None, notes=())


def _parts(site: Site) -> Iterator[ire.Expression]:
    yield site.right
    if site.starting is not None:
        yield site.starting
    yield from (value for _, value in site.fixing)


def _names(node: ire.Expression) -> Iterator[str]:
    return (one.name for one in ire.walk(node) if isinstance(one, ire.Reference | ire.Given | ire.Completed))


def _closure(source: Program, sites: list[Site], wanted: set[str]) -> set[str]:
    """Those names and everything that they are computed from; the columns that say how rows are ordered and grouped among them."""
    by_name = {site.name: site for site in sites}
    pending = [*wanted, *(name for site in source.sites if site.where is not None for name in _names(site.where))]
    for table in source.tables:
        pending += [name for name in (table.order and table.order.by, table.order and table.order.within) if name]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        if name in by_name:
            pending += [one for part in _parts(by_name[name]) for one in _names(part)]
        elif name in source.column:
            column = source.column[name]
            pending += [] if column.value is None else list(_names(column.value))
            pending += [one.name for one in source.column.values() if column.per and one.kind == Member(column.per)]
    return found


def _trimmed(table: Table, needed: set[str], observed: Collection[str]) -> Table:
    columns = tuple(one for one in table.columns if one.key or (one.name in needed and one.name not in observed))
    return replace(table, columns=columns)


# What stands in the way ------------------------------------------------------------------------------------------------


def refusal(predictive: Predictive, grown: Collection[str], beginning: Collection[str]) -> Diagnostic | None:
    """F40: why nothing can be said of these new rows, or None.

    grown: the index sets that have new members. beginning: the tables whose new rows begin a series.
    """
    return next(
        (
            Diagnostic("F40", title, span, label, help=help)
            for title, span, label, help in _obstacles(predictive, frozenset(grown), frozenset(beginning))
        ),
        None,
    )


_Obstacle = tuple[str, Span, str, str]


def _obstacles(predictive: Predictive, grown: frozenset[str], beginning: frozenset[str]) -> Iterator[_Obstacle]:
    program, source = predictive.program, predictive.source
    for param in program.params:
        for axis in param.axes:
            if axis.set in grown:
                yield (
                    f"`{param.name}` has no value for new members of {axis.set}",
                    param.span,
                    "a `param` is not drawn",
                    "give it a prior",
                )
    for site in program.sites:
        yield from _of_site(program, site, grown, beginning)
    for column in program.column.values():
        for node in () if column.value is None else (column.value,):
            for name in set(_names(node)) & {*predictive.outcomes, *predictive.given}:
                yield (
                    f"`{column.name}` is computed from `{name}`, which is to be predicted",
                    column.span,
                    "",
                    "write it as a relation, with `=`",
                )
            yield from _of_tables(program, column.name, column.span, node, grown)
    for factor in source.factors:
        touched = sorted({name for name in _names(factor.value) if name in source.site and set(source.site[name].sets) & grown})
        if touched:
            yield (
                f"a `factor` stands beside the relation of `{touched[0]}`",
                factor.span,
                "it would count for new members too",
                "a new member is drawn from its relation alone: write the factor as a relation",
            )
    for restriction in source.restrictions:
        touched = sorted({name for name in _names(restriction.condition) if name in source.site and set(source.site[name].sets) & grown})
        if touched:
            yield (
                f"`restrict` limits `{touched[0]}`, which has new members",
                restriction.span,
                "what it is drawn from is not limited",
                "use a distribution with bounds: Truncated(d, lower = ...)",
            )
    for one in source.sets:
        if one.name in grown and isinstance(one.members, Distinct | Empty | Subsample):
            yield f"{one.name} is made from the rows of the fit", one.span, "new rows would change it", ""
    yield from _given_effects(predictive, grown)


def _of_site(program: Program, site: Site, grown: frozenset[str], beginning: frozenset[str]) -> Iterator[_Obstacle]:
    process = isinstance(site.right, ire.Distribution) and site.right.name == "GP"
    if site.stochastic:
        for name in site.event:
            if name in grown and not process:
                yield (
                    f"`{site.name}` has no new members: all of {name} are drawn together",
                    site.span,
                    f"new members of {name} appear",
                    "give rows of the fit's members only",
                )
        if set(site.sets) & grown and any(isinstance(one, ire.Distribution) and one.name == "Flat" for one in ire.walk(site.right)):
            yield f"`{site.name}` has no prior that new members could be drawn from", site.span, "", "write one with a location and a scale"
        starts_flat = site.starting is not None and any(
            isinstance(one, ire.Distribution) and one.name == "Flat" for one in ire.walk(site.starting)
        )
        tables = {program.set[name].members for name in site.sets}
        if starts_flat and any(isinstance(one, Rows) and one.table in beginning for one in tables):
            yield (
                f"a new series of `{site.name}` has nothing to begin from",
                site.span,
                "it starts from `Flat()`",
                "give it a starting distribution, or rows of the fit's series only",
            )
    if process:
        return
    for part in _parts(site):
        yield from _of_tables(program, site.name, site.span, part, grown)


def _of_tables(program: Program, name: str, span: Span, node: ire.Expression, grown: frozenset[str]) -> Iterator[_Obstacle]:
    """Whole tables over sets that have new members, and sums over groups of the fit that are asked for new groups."""
    for one in ire.walk(node):
        if isinstance(one, ire.Reference):
            sets = program.axes_of(one.name)
            whole = {over for place, over in enumerate(sets) if place >= len(one.indices) or isinstance(one.indices[place], ire.Whole)}
            if whole & grown:
                over = min(whole & grown)
                yield f"`{name}` is computed from the whole of `{one.name}`, and {over} has new members", span, "", ""
        elif isinstance(one, ire.Reduce) and _is_frozen(one, grown) and one.condition is not None:
            asked = _groups(program, one, grown)
            if asked:
                yield (
                    f"`{name}` is a summary of the fit's data by {asked[0]}, which has new members",
                    span,
                    "there is none for them",
                    "give rows of the fit's members only, or declare the summary as a column of the data",
                )


def _groups(program: Program, node: ire.Reduce, grown: frozenset[str]) -> list[str]:
    """The sets with new members that a condition looks for a member of."""
    own = {binder.set for binder in node.binders}
    found = set()
    for part in ire.walk(node.condition) if node.condition is not None else ():
        if isinstance(part, ire.Reference) and isinstance(kind := program.kind_of(part.name), Member):
            found.add(kind.set)
    return sorted((found & grown) - own)


def _given_effects(predictive: Predictive, grown: frozenset[str]) -> Iterator[_Obstacle]:
    """What new rows give of a name tells of unknowns of new members that it depends on; those are drawn as if it did not."""
    program = predictive.program
    for name in predictive.given:
        site = program.site[name]
        if not set(site.sets) & grown:
            continue
        seen: set[str] = set()
        pending = [parent for part in _parts(site) for parent in _names(part)]
        while pending:
            parent = pending.pop()
            if parent in seen or parent == name or parent not in program.site:
                continue
            seen.add(parent)
            other = program.site[parent]
            if other.stochastic and set(other.sets) & grown and parent not in predictive.given:
                yield (
                    f"`{name}` tells something of `{parent}`, whose new members are only drawn",
                    site.span,
                    f"new members of {min(set(other.sets) & grown)} appear",
                    f"leave `{name}` out of the new rows, and it is drawn too; or give the rows with the fit's data",
                )
            elif not other.stochastic:
                pending += [one for part in _parts(other) for one in _names(part)]


# What stays as it was --------------------------------------------------------------------------------------------------


def marker(program: Program, name: str) -> str:
    """The input that says which members of a set the fit had."""
    return program.fresh_name(f"fitted_{name}")


def frozen(predictive: Predictive, grown: dict[str, int]) -> Program:
    """The program for data of the fit and new rows together, in which reductions go over the members of the fit.

    grown: the sets that have new members, with how many the fit had. Sums over what came before (`for s in Week if s < t`) go on.
    """
    program = predictive.program
    markers = {name: marker(program, name) for name in grown}

    def change(node: ire.Expression) -> ire.Expression:
        if isinstance(node, ire.Size) and node.set in grown:
            return ire.Number(grown[node.set])
        if isinstance(node, ire.Reduce) and _is_frozen(node, frozenset(grown)):
            tests = [ire.Reference(markers[one.set], (ire.Variable(one.variable),)) for one in node.binders if one.set in grown]
            parts = (*(() if node.condition is None else (node.condition,)), *tests)
            return replace(node, condition=parts[0] if len(parts) == 1 else ire.Logical("and", parts))
        return node

    def of_column(column: Column) -> Column:
        return column if column.value is None else replace(column, value=ire.rewrite(column.value, change))

    def of_site(site: Site) -> Site:
        starting = None if site.starting is None else ire.rewrite(site.starting, change)
        return replace(site, right=ire.rewrite(site.right, change), starting=starting)

    inputs = tuple(Input(markers[name], (name,), Boolean()) for name in grown)
    tables = tuple(replace(table, columns=tuple(map(of_column, table.columns))) for table in program.tables)
    return retype(replace(program, tables=tables, inputs=(*program.inputs, *inputs), sites=tuple(map(of_site, program.sites))))


def _is_frozen(node: ire.Reduce, grown: frozenset[str]) -> bool:
    if not any(binder.set in grown for binder in node.binders):
        return False
    own = {binder.variable for binder in node.binders}
    orders = (part for part in (ire.walk(node.condition) if node.condition is not None else ()) if isinstance(part, ire.Compare))
    return not any(part.operator not in ("==", "!=") and _apart(part, own) for part in orders)


def _apart(node: ire.Compare, own: set[str]) -> bool:
    """Does it compare a member that is gone through with one from outside?"""
    sides = [{one.name for one in ire.walk(side) if isinstance(one, ire.Variable)} for side in (node.left, node.right)]
    return any(one & own and other - own for one, other in (sides, sides[::-1]))
