"""Kinds of names that need each other: recurrences. What is assumed of earlier members must hold again of the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from pplang._check.draws import type_draw
from pplang._check.environment import Entry, Environment
from pplang._check.type_names import kind_of_type
from pplang._check.types import Typer
from pplang._diagnostics import Collector
from pplang._ir import expression as ire
from pplang._ir import interval
from pplang._ir.kinds import COUNT, NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Kind

if TYPE_CHECKING:
    from pplang._check.relations import Resolved

_ROUNDS = 3
"""After so many rounds bounds that still move are given up: they are steps of a staircase."""
_MOST = 8


def settle(environment: Environment, group: Mapping[str, Resolved]) -> None:
    """Give every name of a group the narrowest kind found that its relation keeps, and its level. Nothing is reported here."""
    quiet = replace(environment, collector=Collector())
    entries = {name: environment.entries[name] for name in group}
    for name, one in group.items():
        if one.node.type is not None and one.node.operator == "=":
            entries[name].kind = kind_of_type(quiet, one.node.type)[0]
    _levels(environment, group)
    for number in range(1, _MOST + 1):
        before = {name: entry.kind for name, entry in entries.items()}
        for name, one in group.items():
            if one.node.type is None:
                entries[name].kind = _join(entries[name].kind, _typed(quiet, one, entries[name]), give_up=number > _ROUNDS)
        for name, one in group.items():
            if entries[name].kind is None:
                entries[name].kind = _invariant(quiet, one, entries[name])
        if all(entry.kind == before[name] for name, entry in entries.items()):
            break
    else:
        for entry in entries.values():
            entry.kind = REAL if isinstance(entry.kind, Interval) else entry.kind
    for entry in entries.values():
        # Of one that nothing is known of (a circle, which is a fault) at least this: it is a number.
        entry.kind = entry.kind or REAL


def _levels(environment: Environment, group: Mapping[str, Resolved]) -> None:
    """A definition is data when all that it mentions is."""
    children: dict[str, list[str]] = {name: [] for name in group}
    latent = []
    for name, one in group.items():
        parts = [one.right, *([one.clauses.starting] if one.clauses.starting is not None else [])]
        parents = {node.name for part in parts for node in ire.walk(part) if isinstance(node, ire.Reference)}
        for parent in parents & set(group):
            children[parent].append(name)
        outside = [environment.entries[parent] for parent in parents if parent not in group]
        if one.node.operator == "~" or not all(entry.data for entry in outside):
            latent.append(name)
        environment.entries[name].data = True
    while latent:
        name = latent.pop()
        if environment.entries[name].data:
            environment.entries[name].data = False
            latent += children[name]


def _invariant(quiet: Environment, one: Resolved, entry: Entry) -> Kind | None:
    """For a relation that begins with an empty sum: the narrowest of a few kinds that it keeps once it has it."""
    for kind in (UNIT, COUNT, POSITIVE, NONNEGATIVE):
        entry.kind = kind
        found = quiet.number(_typed(quiet, one, entry))
        if found is not None and found.within(kind):
            return kind
    return None


def _typed(quiet: Environment, one: Resolved, entry: Entry) -> Kind | None:
    """The kind of a relation's values under what is assumed now."""
    typer = Typer(quiet, one.typer.variables)
    parts = [one.right] if one.clauses.starting is None else [one.right, one.clauses.starting]
    if one.node.operator == "~":
        return union([type_draw(typer, part, event=one.event if one.fills else None, outcome=entry.kind).kind for part in parts])
    return union([typer.type_of(part).kind for part in parts])


def union(kinds: list[Kind | None]) -> Kind | None:
    """The kind that holds the values of all that are known."""
    known = [one for one in kinds if one is not None]
    total = known[0] if known else None
    for one in known[1:]:
        total = interval.union(total, one) if isinstance(total, Interval) and isinstance(one, Interval) else total
    return total


def _join(before: Kind | None, now: Kind | None, *, give_up: bool) -> Kind | None:
    """What was assumed, widened by what was found."""
    if before is None or now is None or not isinstance(before, Interval) or not isinstance(now, Interval):
        return now if before is None else before
    both = interval.union(before, now)
    if both == before or not give_up:
        return both
    return _at_a_threshold(before, both)


_THRESHOLDS = (-inf, -1.0, 0.0, 1.0, inf)


def _at_a_threshold(before: Interval, both: Interval) -> Interval:
    """The wider kind, with an end that still moves put where it may come to rest: at 0, at 1, or nowhere."""
    lower, lower_open = both.lower, both.lower_open
    if (lower, lower_open) != (before.lower, before.lower_open):
        lower, lower_open = max(one for one in _THRESHOLDS if one <= lower), False
    upper, upper_open = both.upper, both.upper_open
    if (upper, upper_open) != (before.upper, before.upper_open):
        upper, upper_open = min(one for one in _THRESHOLDS if one >= upper), False
    return Interval(lower, upper, lower_open, upper_open, both.integer)
