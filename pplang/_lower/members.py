"""Index sets whose members follow from those of another set: passes declare such sets, and nobody gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pplang._ir.program import Free, Gaps, Pairs, Program

Sets = Mapping[str, Sequence[str | int]]
Derived = tuple[str, bool, str]
"""A set, whether it is of pairs (otherwise it has one member less), and the set that it is made of."""


def derived_sets(program: Program) -> tuple[Derived, ...]:
    """Those of a program."""
    return tuple(
        (one.name, isinstance(one.members, Pairs), one.members.set) for one in program.sets if isinstance(one.members, Gaps | Free | Pairs)
    )


def completed(sets: Sets, derived: Iterable[Derived]) -> dict[str, Sequence[str | int]]:
    """`sets` with the derived ones that it lacks, numbered from 1."""
    found = dict(sets)
    waiting = [one for one in derived if one[0] not in found]
    while waiting:
        name, pairs, base = next(one for one in waiting if one[2] in found)
        waiting = [one for one in waiting if one[0] != name]
        size = len(found[base])
        found[name] = range(1, (size * (size - 1) // 2 if pairs else size - 1) + 1)
    return found
