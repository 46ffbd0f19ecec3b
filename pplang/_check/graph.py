"""What depends on what: the order of the sites, cycles, steps back in time, and levels."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from pplang._ir import expression as ir
from pplang._ir.program import Factor, Level, Maximize, Restrict, Site
from pplang._records import dataclass


@dataclass(frozen=True)
class Edge:
    """A site's right side mentions `parent`; `lagged`: only at members strictly earlier in an ordered set."""

    parent: str
    lagged: bool


def edges(site: Site) -> Iterator[Edge]:
    """Every mention of a name in a site, each with whether it is a step back."""
    for part in (site.right, site.weight, site.where, site.value):
        if part is not None:
            yield from mentions(part)
    if site.starting is not None:
        yield from mentions(site.starting)
    for _, value in site.fixing:
        yield from mentions(value)


def parents(site: Site, sites: Mapping[str, Site]) -> set[str]:
    """The names that must come before a site: what it mentions, other than a step back, and other than observed values, which are data."""
    return {edge.parent for edge in edges(site) if not edge.lagged and edge.parent in sites and sites[edge.parent].role != "observed"}


def mentions(node: ir.Expression) -> Iterator[Edge]:
    """Every mention of a name in an expression. `sum(x[s] for s in Week if s < t)` steps back where t is the variable of the relation."""
    return (edge for _, edge in placed_mentions(node))


def placed_mentions(node: ir.Expression) -> Iterator[tuple[ir.Reference, Edge]]:
    """The same, each with where it stands."""
    return ((one, Edge(one.name, any(_is_earlier(index, before) for index in one.indices))) for one, _, before in references(node))


def references(node: ir.Expression) -> Iterator[tuple[ir.Reference, Mapping[str, str], frozenset[str]]]:
    """Every reference in an expression, with the sets of the variables bound around it, and those of them that are kept strictly before one
    that is bound outside (`s` in `sum(x[s] for s in Week if s < t)`)."""
    pending: list[tuple[ir.Expression, Mapping[str, str], frozenset[str]]] = [(node, {}, _NONE)]
    while pending:
        one, bound, before = pending.pop()
        match one:
            case ir.Reference():
                yield one, bound, before
            case ir.Mixture(binder=binder):
                bound = {**bound, binder.variable: binder.set}
            case ir.Reduce(binders=binders, condition=condition):
                bound = {**bound, **{binder.variable: binder.set for binder in binders}}
                before = before | _strictly_earlier(condition, frozenset(bound))
        pending += [(child, bound, before) for child in ir.children(one)]


_NONE: frozenset[str] = frozenset()


def _is_earlier(index: ir.Expression, earlier: frozenset[str]) -> bool:
    match index:
        case ir.Lag(_, ir.Number(value)):
            return value > 0
        case ir.Lag():
            return True
        case ir.Variable(name):
            return name in earlier
    return False


def _strictly_earlier(condition: ir.Expression | None, bound: frozenset[str]) -> frozenset[str]:
    """The variables that a condition keeps before one that no reduction binds: `s < t` keeps s before t."""
    parts = condition.operands if isinstance(condition, ir.Logical) and condition.operator == "and" else (condition,)
    found = set()
    for part in parts:
        match part:
            case ir.Compare("<", ir.Variable(first), ir.Variable(second)) | ir.Compare(">", ir.Variable(second), ir.Variable(first)):
                if second not in bound:
                    found.add(first)
    return frozenset(found)


def lags(node: ir.Expression) -> Iterator[ir.Lag]:
    """The steps that leave some member without a neighbour (not those by a variable that a condition keeps in range)."""
    pending = [(node, _NONE, _NONE)]
    while pending:
        one, bound, guarded = pending.pop()
        match one:
            case ir.Lag(by=ir.Variable(name)) if name in guarded:
                continue
            case ir.Lag():
                yield one
            case ir.Reduce(binders=binders, condition=condition):
                bound = bound | {binder.variable for binder in binders}
                guarded = guarded | _strictly_earlier(condition, bound)
        pending += [(child, bound, guarded) for child in ir.children(one)]


def order(names: Sequence[str], parents: Mapping[str, set[str]]) -> list[str]:
    """Names so that each comes after its parents, otherwise as they stand. Those in a circle, and after one, are left out."""
    position = {name: n for n, name in enumerate(names)}
    waiting = {name: {one for one in parents[name] if one in position and one != name} for name in names}
    children: dict[str, list[str]] = {name: [] for name in names}
    for name, needed in waiting.items():
        for one in needed:
            children[one].append(name)
    ready = [position[name] for name in names if not waiting[name]]
    heapq.heapify(ready)
    found = []
    while ready:
        name = names[heapq.heappop(ready)]
        found.append(name)
        for child in children[name]:
            waiting[child].discard(name)
            if not waiting[child]:
                heapq.heappush(ready, position[child])
    return found


def components(names: Sequence[str], parents: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of names that all need one another, each after the groups that it needs (Tarjan 1972, without recursion)."""
    position = {name: n for n, name in enumerate(names)}
    needed = {name: iter(sorted((one for one in parents[name] if one in position), key=position.__getitem__)) for name in names}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_names: list[str] = []
    is_open: set[str] = set()
    found: list[list[str]] = []
    for root in names:
        path = [] if root in number else [root]
        while path:
            name = path[-1]
            if name not in number:
                number[name] = lowest[name] = len(number)
                open_names.append(name)
                is_open.add(name)
            following = next(needed[name], None)
            if following is None:
                path.pop()
                if path:
                    lowest[path[-1]] = min(lowest[path[-1]], lowest[name])
                if lowest[name] == number[name]:
                    at = open_names.index(name)
                    found.append(sorted(open_names[at:], key=position.__getitem__))
                    is_open -= set(open_names[at:])
                    del open_names[at:]
            elif following not in number:
                path.append(following)
            elif following in is_open:
                lowest[name] = min(lowest[name], number[following])
    return found


def circles(names: Sequence[str], parents: Mapping[str, set[str]]) -> list[list[str]]:
    """One circle of every group of names that need one another; in each, a name needs the next, and the last the first."""
    position = {name: n for n, name in enumerate(names)}
    found = []
    for group in components(names, parents):
        inside = set(group)
        name = group[0]
        if len(group) == 1 and name not in parents[name]:
            continue
        path: dict[str, None] = {}
        while name not in path:
            path[name] = None
            name = min(parents[name] & inside, key=position.__getitem__)
        walked = list(path)
        found.append(walked[walked.index(name) :])
    return found


def shown_circle(circle: Sequence[str], first: str) -> str:
    """`a -> b -> a`, from a given member; a long one is cut short."""
    start = circle.index(first)
    path = [*circle[start:], *circle[:start]]
    shown = path if len(path) <= 8 else [*path[:7], "..."]
    return " -> ".join([*shown, first])


def levels(sites: Iterable[Site], factors: Iterable[Factor], restrictions: Iterable[Restrict], reward: Maximize | None) -> tuple[Site, ...]:
    """Each site with its level: data, model (something observed depends on it), or generated.

    Where nothing is observed every latent takes part in inference: a prior alone can be sampled.
    """
    sites = tuple(sites)
    ends = [site.name for site in sites if site.role in ("observed", "split")]
    for term in (*factors, *restrictions, *([reward] if reward else [])):
        for part in (getattr(term, "value", None), getattr(term, "condition", None), getattr(term, "weight", None)):
            if part is not None:
                ends += [edge.parent for edge in mentions(part)]
    parents = {site.name: {edge.parent for edge in edges(site)} for site in sites}
    needed = _ancestors(ends, parents) if ends else {site.name for site in sites}

    def level(site: Site) -> Level:
        if site.level == "data":
            return "data"
        return "model" if site.name in needed or site.role in ("observed", "split") else "generated"

    return tuple(site if site.level == level(site) else replace(site, level=level(site)) for site in sites)


def _ancestors(ends: Iterable[str], parents: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(ends)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += parents.get(name, ())
    return found
