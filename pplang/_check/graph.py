"""What depends on what: the order of the sites, cycles, steps back in time, and levels."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pplang._ir import expression as ir
from pplang._ir.program import Factor, Level, Maximize, Restrict, Site


@dataclass(frozen=True)
class Edge:
    """A site's right side mentions `parent`; `lagged`: only at members strictly earlier in an ordered set."""

    parent: str
    lagged: bool


def edges(site: Site) -> Iterator[Edge]:
    """Every mention of a name in a site, each with whether it is a step back."""
    for part in (site.right, site.weight, site.where):
        if part is not None:
            yield from mentions(part)
    if site.starting is not None:
        yield from mentions(site.starting)
    for _, value in site.fixing:
        yield from mentions(value)


def parents(site: Site, sites: Mapping[str, Site]) -> set[str]:
    """The names that must come before a site: what it mentions, other than a step back, and other than observed values, which are data."""
    return {edge.parent for edge in edges(site) if not edge.lagged and edge.parent in sites and sites[edge.parent].role != "observed"}


def mentions(node: ir.Expression, earlier: frozenset[str] = frozenset()) -> Iterator[Edge]:
    """`earlier`: variables that a condition keeps strictly before the current member."""
    pending: list[tuple[ir.Expression, frozenset[str]]] = [(node, earlier)]
    while pending:
        one, before = pending.pop()
        match one:
            case ir.Reference(name, indices):
                lagged = any(_is_earlier(index, before) for index in indices)
                yield Edge(name, lagged)
            case ir.Reduce(condition=condition) if condition is not None:
                before = before | frozenset(_strictly_earlier(condition))
        pending += [(child, before) for child in ir.children(one)]


def _is_earlier(index: ir.Expression, earlier: frozenset[str]) -> bool:
    match index:
        case ir.Lag(_, ir.Number(value)):
            return value > 0
        case ir.Lag():
            return True
        case ir.Variable(name):
            return name in earlier
    return False


def _strictly_earlier(condition: ir.Expression) -> Iterator[str]:
    """`s < t` keeps s before t."""
    match condition:
        case ir.Compare("<", ir.Variable(name), ir.Variable()) | ir.Compare(">", ir.Variable(), ir.Variable(name)):
            yield name
        case ir.Logical("and", operands):
            for one in operands:
                yield from _strictly_earlier(one)


def lags(node: ir.Expression) -> Iterator[ir.Lag]:
    """The steps that leave some member without a neighbour (those a `where` on the sum guards do not)."""
    pending: list[tuple[ir.Expression, frozenset[str]]] = [(node, frozenset())]
    while pending:
        one, guarded = pending.pop()
        match one:
            case ir.Lag(by=ir.Variable(name)) if name in guarded:
                continue
            case ir.Lag():
                yield one
            case ir.Reduce(condition=condition) if condition is not None:
                guarded = guarded | frozenset(_strictly_earlier(condition))
        pending += [(child, guarded) for child in ir.children(one)]


def order(names: list[str], parents: Mapping[str, set[str]]) -> tuple[list[str], list[str]]:
    """Names so that each comes after its parents, otherwise as they stand; and the names of one cycle, if there is one."""
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
    stuck = {name: waiting[name] for name in names if waiting[name] and name not in set(found)}
    return found, _one_cycle(stuck, position)


def _one_cycle(stuck: Mapping[str, set[str]], position: Mapping[str, int]) -> list[str]:
    if not stuck:
        return []
    path: list[str] = []
    name = min(stuck, key=lambda one: position[one])
    while name not in path:
        path.append(name)
        name = min(stuck[name], key=lambda one: position[one])
    return path[path.index(name) :]


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
