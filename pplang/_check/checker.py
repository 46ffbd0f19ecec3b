"""The order in which a file is checked: names, then relations by dependency, then what refers to all of them, then the graph."""

from __future__ import annotations

from pplang._catalogue.distributions import DISTRIBUTIONS
from pplang._check import graph
from pplang._check.arguments import check_promises
from pplang._check.cells import mentioned_where_given
from pplang._check.declarations import Declarations
from pplang._check.environment import Environment, TooMany
from pplang._check.expand import check_functions
from pplang._check.relations import Relations
from pplang._check.resolve import TooLarge
from pplang._check.restrictions import read_restrictions
from pplang._check.sets import declare_members, name_sets
from pplang._check.tables import type_for_prior
from pplang._check.terms import read_factor, read_guide, read_reward, read_weights
from pplang._check.types import Typer
from pplang._check.words import bound_axes
from pplang._diagnostics import Collector, InternalError, Label
from pplang._ir import expression as ire
from pplang._ir import program as ir
from pplang._ir.kinds import Interval
from pplang._source import Source, Span
from pplang._syntax import tree


def check(file: tree.File, source: Source) -> ir.Program:
    """The typed program of a parsed file.

    Raises `Problems` with all independent faults, in file order (up to a hundred).
    """
    environment = Environment(Collector(source))
    try:
        program = _check(file.statements, environment)
    except (TooLarge, TooMany):
        program = None
    environment.collector.raise_if_any()
    if program is None:
        raise InternalError("checking ended early without a fault")
    return program


def _check(statements: tuple[tree.Statement, ...], environment: Environment) -> ir.Program:
    if not statements:
        environment.report("N22", "an empty model", Span(0, 0), help="write at least one relation, such as mu ~ Normal(0, 1)")
    declarations, relations = Declarations(environment, statements), Relations(environment)
    name_sets(environment, statements)
    declarations.names()
    relations.declare(tuple(one for one in statements if isinstance(one, tree.Relation)))
    declare_members(environment, statements)
    check_functions(environment)
    declarations.expressions()
    relations.relate_all()
    declarations.types()
    check_promises(environment)
    _derived_columns(environment, declarations.tables)
    factors = tuple(one for node in statements if isinstance(node, tree.Factor) and (one := read_factor(environment, node)) is not None)
    restrictions = read_restrictions(environment, relations, [one for one in statements if isinstance(one, tree.Restrict)])
    for node in statements:
        if isinstance(node, tree.Weights):
            read_weights(environment, node)
    guide = read_guide(environment, relations, [one for one in statements if isinstance(one, tree.Guide)])
    reward = read_reward(environment, relations, [one for one in statements if isinstance(one, tree.Maximize)], declarations.params)
    _circles(environment, relations, declarations.tables)
    _optional_names(environment, relations, (*factors, *restrictions, *([reward] if reward else [])), guide)
    names = [name for name in relations.targets if name in relations.sites]
    parents = {name: graph.parents(relations.sites[name], relations.sites) for name in names}
    ordered = [relations.sites[name] for name in graph.order(names, parents)]
    sites = graph.levels(ordered, factors, restrictions, reward)
    for site in sites:
        _endless(environment, relations, site)
    if len(sites) < len(relations.targets) and not environment.collector.failed:
        raise InternalError(f"relations were lost: {sorted(set(relations.targets) - {site.name for site in sites})}")
    return ir.Program(
        tuple(environment.sets[name] for name in sorted(environment.sets)),
        tuple(declarations.tables), tuple(declarations.inputs), tuple(declarations.params), tuple(environment.nets.values()),
        sites, factors, restrictions, guide, reward,
    )  # fmt: skip


def _derived_columns(environment: Environment, tables: list[ir.Table]) -> None:
    """Type the columns that are computed, which must be of data."""
    for table in tables:
        for column in table.columns:
            if column.value is None:
                continue
            typer = Typer(environment, {ir.ROW: table.name})
            typing = typer.type_of(column.value)
            if typing.sets and typing.kind is not None:
                typer.whole_table(column.value, typing)
            for one in ire.walk(column.value):
                entry = environment.entries.get(one.name) if isinstance(one, ire.Reference) else None
                edit = f"write it as a relation, below the table: {column.name}[i in {table.name}] = ..."
                if entry is not None and entry.optional:
                    environment.report(
                        "R11", "a column computed from empty cells", one.span, f"`{entry.name}` is declared with `?`", help=edit
                    )
                elif entry is not None and not entry.data and entry.kind is not None:
                    environment.report("R11", "a column computed from a latent", one.span, f"`{entry.name}` is not data", help=edit)


def _circles(environment: Environment, relations: Relations, tables: list[ir.Table]) -> None:
    """Names that need each other at the same step (G01); computed columns among them."""
    sites = relations.sites
    mentioned: dict[str, dict[str, Span]] = {}
    for name, site in sites.items():
        mentioned[name] = {
            one.name: one.span
            for one, edge in _mentions(site)
            if not edge.lagged and (one.name not in sites or sites[one.name].role != "observed")
        }
        if site.role == "observed":
            # Observed values are data, but one cannot say how it arises from itself.
            own = (one for one, _ in graph.placed_mentions(_modeled(site.right)) if one.name == name and _same_element(one, site))
            mentioned[name] |= {one.name: one.span for one in own}
        if site.value is not None:
            mentioned[name] |= {one.name: one.span for one, _ in graph.placed_mentions(site.value)}
    for table in tables:
        for column in table.columns:
            if column.value is not None:
                mentioned[column.name] = {one.name: one.span for one in ire.walk(column.value) if isinstance(one, ire.Reference)}
    places = {name: environment.entries[name].span for name in mentioned}
    for circle in graph.circles(sorted(mentioned, key=lambda name: places[name]), {name: set(found) for name, found in mentioned.items()}):
        if not relations.ahead & set(circle):
            _report_circle(environment, circle, places, mentioned)


def _mentions(site: ir.Site) -> list[tuple[ire.Reference, graph.Edge]]:
    """Every mention of a name in a site, with what it is."""
    parts = [
        part for part in (site.right, site.weight, site.where, site.starting, *(value for _, value in site.fixing)) if part is not None
    ]
    return [found for part in parts for found in graph.placed_mentions(part)]


def _modeled(node: ire.Expression) -> ire.Expression:
    """A distribution without what only says how its draw was seen: the ends of an `Interval`, the flags of `Censored`."""
    if isinstance(node, ire.Distribution) and node.name in ("Interval", "Censored"):
        law = dict(node.arguments).get("distribution")
        return node if law is None else _modeled(law)
    return node


def _same_element(one: ire.Reference, site: ir.Site) -> bool:
    """`y[i]` on both sides of the relation of `y[i in Row]`."""
    return one.indices == tuple(ire.Variable(axis.variable) for axis in site.axes if axis.variable is not None)


def _report_circle(environment: Environment, circle: list[str], places: dict[str, Span], mentioned: dict[str, dict[str, Span]]) -> None:
    first = min(circle, key=lambda name: places[name])
    if len(circle) == 1:
        entry = environment.entries[first]
        ordered = next((axis for axis in entry.sets if environment.is_ordered(axis)), None)
        edit = f"look back in time: {first}[t-1] for t in {ordered}" if ordered else f"give the result a name of its own, such as {first}_2"
        environment.report(
            "G01", f"`{first}` is defined by itself", mentioned[first][first], f"this is the same `{first}` as on the left", help=edit
        )
        return
    last = circle[circle.index(first) - 1]  # the circle runs from each name to one that it needs
    labels = tuple(Label(places[name], "") for name in circle[:6] if name != last)
    environment.report("G01", "these define each other", mentioned[last][first], f"{graph.shown_circle(circle, first)}, with no step back in time", labels=labels,
                       help="decide which comes first; one of them should not mention the next")  # fmt: skip


def _endless(environment: Environment, relations: Relations, site: ir.Site) -> None:
    """Discrete latents are summed over, so that they need an end (E01)."""
    if site.role != "latent" or site.level != "model" or not isinstance(site.kind, Interval) or not site.kind.integer:
        return
    if site.kind.upper == float("inf") and not _known_bound(site):
        written = environment.written(
            relations.targets[site.name].right.span, site.right.name if isinstance(site.right, ire.Distribution) else "..."
        )
        environment.report("E01", "a latent count with no upper limit", site.span, "pplang sums over discrete latents, and this one has infinitely many values",
                           help=f"bound it, Truncated({written}, upper = 100), or use its marginal if you know it")  # fmt: skip


def _known_bound(site: ir.Site) -> bool:
    """An upper end that is an argument, known from the data (`Binomial(n, p)`, `DiscreteUniform(1, nmax)`)."""
    right: ire.Expression | None = site.right
    while isinstance(right, ire.Distribution) and DISTRIBUTIONS[right.name].wrapper:
        if right.argument("upper") is not None:
            return True
        right = next((value for _, value in right.arguments if isinstance(value, ire.Distribution)), None)
    return isinstance(right, ire.Distribution) and isinstance(DISTRIBUTIONS[right.name].support.upper, str)


def _is_guarded(name: str, site: ir.Site, environment: Environment) -> bool:
    """Is a column with empty cells mentioned only where its cell has a value?"""
    entry = environment.entries.get(name)
    if entry is None or not entry.optional:
        return False
    parts = (site.right, site.starting, site.weight)
    return all(mentioned_where_given(part, name, site.where) for part in parts if part is not None)


def _optional_names(environment: Environment, relations: Relations, terms: tuple[object, ...], guide: ir.Guide | None) -> None:
    """A column with empty cells that is used needs a relation that says how its values arise (R09)."""
    used: dict[str, None] = {}
    for site in (*relations.sites.values(), *(guide.sites if guide else ())):
        limited = site.name if site.role == "observed" else None
        used |= dict.fromkeys(
            edge.parent for edge in graph.edges(site) if edge.parent != limited and not _is_guarded(edge.parent, site, environment)
        )
    for term in terms:
        parts = (getattr(term, "value", None), getattr(term, "condition", None))
        used |= dict.fromkeys(edge.parent for part in parts if part is not None for edge in graph.mentions(part))
    for name in used:
        entry = environment.entries.get(name)
        own = relations.sites.get(name)
        if entry is not None and entry.optional and (name not in relations.targets or (own is not None and own.role == "observed")):
            if name in relations.targets:
                environment.report("R09", f"`{name}` may be empty, and its relation is limited to the cells that have a value", entry.span, "the `?` of its type allows empty cells",
                                   help=f"leave out `where given({name}[...])`, so that the empty cells are drawn too")  # fmt: skip
                continue
            left = f"{name}[{bound_axes(entry.sets, environment.entries)}]" if entry.sets else name
            environment.report("R09", f"`{name}` may be empty, and nothing says how its values arise", entry.span, "the `?` of its type allows empty cells",
                               help=f"add a relation, {left} ~ {type_for_prior(entry)}; or drop those rows and write the type without `?`")  # fmt: skip
