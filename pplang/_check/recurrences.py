"""Relations that look back at themselves or at one another, and the ordered set along which they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pplang._check import graph
from pplang._ir import expression as ir
from pplang._ir.program import NumberRange, Program, Site
from pplang._records import dataclass


@dataclass(frozen=True)
class Recurrence:
    """A group of relations that can be computed or drawn member by member.

    sites: names, each after what it needs of the same member. set: what they step along. dimension: the place of that set among a name's axes.
    longest: for each name that is looked back at by fixed steps the furthest, a number or the set of steps. whole: the names of which all
    earlier members are used at once.
    """

    sites: tuple[str, ...]
    set: str
    dimension: Mapping[str, int]
    longest: Mapping[str, tuple[int | str, ...]]
    whole: frozenset[str]

    def variable(self, site: Site) -> str:
        """The bound variable of a site that steps."""
        found = site.axes[self.dimension[site.name]].variable
        assert found is not None
        return found


@dataclass(frozen=True)
class Unsteppable:
    """Relations that need one another and cannot be gone through one member after the other."""

    sites: tuple[str, ...]


def groups(program: Program) -> list[str | Recurrence | Unsteppable]:
    """The relations that are no data, in an order in which each comes after what it needs; those that look back at one another as one.

    Observed values are given, so that a circle through them is none unless it goes back in time.
    """
    sites = {site.name: site for site in program.sites if site.level != "data" or site.stochastic}
    parents = {name: {edge.parent for edge in graph.edges(site) if edge.parent in sites} for name, site in sites.items()}
    found: list[str | Recurrence | Unsteppable] = []
    for names in graph.components(list(sites), parents):
        found += _group(program, names, parents)
    return found


def looking_back(program: Program) -> frozenset[str]:
    """The names of the relations that look back at themselves or at one another, and of those with a beginning of their own."""
    found = {name for group in groups(program) if not isinstance(group, str) for name in group.sites}
    return frozenset(found | {site.name for site in program.sites if site.starting is not None})


def groups_among(program: Program, names: Sequence[str]) -> list[str | Recurrence]:
    """Some definitions of a recurrence in order, those that still look back at one another when all draws are known as one."""
    parents = {name: {edge.parent for edge in graph.edges(program.site[name]) if edge.parent in names} for name in names}
    found: list[str | Recurrence] = []
    for group in graph.components(names, parents):
        recurrence = _recurrence(program, group) if len(group) > 1 or group[0] in parents[group[0]] else None
        found += [recurrence] if recurrence is not None else group
    return found


def _group(program: Program, names: list[str], parents: Mapping[str, set[str]]) -> Iterator[str | Recurrence | Unsteppable]:
    if len(names) == 1 and names[0] not in parents[names[0]]:
        yield names[0]
        return
    recurrence = _recurrence(program, names)
    if recurrence is not None:
        yield recurrence
        return
    unobserved = {name: {one for one in parents[name] if program.site[one].role != "observed"} for name in names}
    for inner in graph.components(names, unobserved):
        if len(inner) == 1 and inner[0] not in unobserved[inner[0]]:
            yield inner[0]
        elif len(inner) < len(names) and (found := _recurrence(program, inner)) is not None:
            yield found
        else:
            yield Unsteppable(tuple(inner))


def _recurrence(program: Program, names: Sequence[str]) -> Recurrence | None:
    sites = [program.site[name] for name in names]
    sets = {found for site in sites for found in _stepped(site, names)}
    if len(sets) != 1 or any(site.fixing or site.role == "split" for site in sites):
        return None
    (set_name,) = sets
    dimension: dict[str, int] = {}
    for site in sites:
        places = [place for place, axis in enumerate(site.axes) if axis.set == set_name and axis.variable is not None]
        if len(places) != 1:
            return None
        dimension[site.name] = places[0]
    longest: dict[str, tuple[int | str, ...]] = {site.name: () for site in sites}
    whole: set[str] = set()
    for site in sites:
        own = site.axes[dimension[site.name]].variable
        for reference, sets_of, before in _references(site, dimension):
            place = dimension[reference.name]
            index = reference.indices[place] if place < len(reference.indices) else None
            match index:
                case ir.Variable(name) if name == own:
                    continue
                case ir.Lag(name, ir.Number(int() as by)) if name == own and by > 0:
                    longest[reference.name] += (by,)
                case ir.Lag(name, ir.Variable(by)) if name == own and _steps(program, sets_of.get(by, ""), set_name):
                    longest[reference.name] += (sets_of[by],)
                case ir.Lag(name, ir.Variable(by)) if name == own and sets_of.get(by) == set_name:
                    whole.add(reference.name)
                case ir.Variable(name) if sets_of.get(name) == set_name and name in before:
                    whole.add(reference.name)
                case _:
                    return None
    now = {site.name: {edge.parent for edge in graph.edges(site) if not edge.lagged and edge.parent in dimension} for site in sites}
    order = graph.order([site.name for site in sites], now)
    if len(order) < len(sites) or any(name in now[name] for name in now):
        return None
    return Recurrence(tuple(order), set_name, dimension, longest, frozenset(whole))


def _stepped(site: Site, names: Iterable[str]) -> Iterator[str]:
    """The sets along which a site steps back at some names."""
    plates = {axis.variable: axis.set for axis in site.axes if axis.variable is not None}
    for reference, bound, before in _references(site, names):
        for index in reference.indices:
            if isinstance(index, ir.Lag) and index.variable in plates:
                yield plates[index.variable]
            elif isinstance(index, ir.Variable) and index.name in before:
                yield bound[index.name]


def _references(site: Site, names: Iterable[str]) -> Iterator[tuple[ir.Reference, Mapping[str, str], frozenset[str]]]:
    """Every mention of some names in a site (see `graph.references`)."""
    wanted = frozenset(names)
    parts = (site.right, site.starting, site.weight, site.where)
    return (found for part in parts if part is not None for found in graph.references(part) if found[0].name in wanted)


def _steps(program: Program, set_name: str, along: str) -> bool:
    """Is it a set of steps: a range of numbers from one, and not the set itself?"""
    members = program.set[set_name].members if set_name in program.set and set_name != along else None
    return isinstance(members, NumberRange) and isinstance(members.first, ir.Number) and members.first.value >= 1
