"""The members of sets that passes have declared: nobody gives them, they follow from the model and its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pplang._ir.program import Distinct, Labels, NumberRange, Program
from pplang._lower.evaluating import evaluate
from pplang._lower.members import Sets


def different(names: Sequence[str], arrays: Mapping[str, Any]) -> int:
    """How many different rows some columns have."""
    from pplang._lower.support import distinct

    return len(distinct([arrays[name] for name in names])[0])


def with_made_sets(program: Program, sets: Sets, arrays: Mapping[str, Any]) -> dict[str, Sequence[str | int]]:
    """`sets` and the listed sets and ranges that a pass has added to a program. arrays: columns and inputs by name."""
    found = dict(sets)
    for one in program.sets:
        if one.name in found:
            continue
        match one.members:
            case Labels(labels):
                found[one.name] = labels
            case Distinct(names):
                found[one.name] = range(1, different(names, arrays) + 1)
            case NumberRange(first, last):
                low, high = (int(evaluate(end, arrays, sets, program)) for end in (first, last))
                found[one.name] = range(low, high + 1)
    return found
