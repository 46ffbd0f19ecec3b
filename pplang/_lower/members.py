"""Index sets whose members follow from those of another set: passes declare such sets, and nobody gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from pplang._ir.program import Free, Gaps, Pairs, ProductSet, Program, SumSet, Without

Sets = Mapping[str, Sequence[str | int]]
Derived = tuple[str, Free | Gaps | Pairs | ProductSet | SumSet | Without]
"""A set, and how it is made of others."""


def derived_sets(program: Program) -> tuple[Derived, ...]:
    """Those of a program."""
    kinds = Gaps | Free | Pairs | ProductSet | SumSet | Without
    return tuple((one.name, one.members) for one in program.sets if isinstance(one.members, kinds))


def completed(sets: Sets, derived: Iterable[Derived]) -> dict[str, Sequence[str | int]]:
    """`sets` with the derived ones that it lacks: parts and sums of sets with their labels, the others numbered from 1."""
    found = dict(sets)
    waiting = [one for one in derived if one[0] not in found]
    while waiting:
        name, members = next(one for one in waiting if all(base in found for base in _bases(one[1])))
        waiting = [one for one in waiting if one[0] != name]
        if isinstance(members, SumSet):
            found[name] = [label for base in members.sets for label in found[base]]
            continue
        if isinstance(members, ProductSet):
            found[name] = range(1, prod(len(found[base]) for base in members.sets) + 1)
            continue
        base = found[members.set]
        if isinstance(members, Without):
            found[name] = tuple(one for one in base if one not in members.labels)
        else:
            size = len(base) * (len(base) - 1) // 2 if isinstance(members, Pairs) else len(base) - 1
            found[name] = range(1, size + 1)
    return found


def _bases(members: Free | Gaps | Pairs | ProductSet | SumSet | Without) -> tuple[str, ...]:
    return members.sets if isinstance(members, SumSet | ProductSet) else (members.set,)
