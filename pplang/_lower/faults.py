"""Faults of data-level values: what came out of `prepare` and is not finite, or not what a distribution takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from pplang._diagnostics import Diagnostic, Problems
from pplang._ir.kinds import NAMED, REAL, Interval
from pplang._source import NOWHERE, Span


@dataclass(frozen=True)
class Watched:
    """A value to look at: its key among the arrays, the name the user knows it by ("": an expression), its place and index sets.

    needs: names whose values it is computed from; it is passed over when one of those is at fault itself. wanted: where it must lie.
    role: what asks for that ("`scale` of HalfCauchy"), "" where every finite number will do. definite: the last two axes are a matrix whose
    smallest eigenvalue must lie above minus this, in units of the mean of its diagonal.
    """

    key: str
    name: str
    span: Span
    sets: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    wanted: Interval = REAL
    role: str = ""
    definite: float | None = None


def look(watched: Iterable[Watched], values: Mapping[str, Any], sets: Mapping[str, Sequence[str | int]]) -> None:
    """Raise `Problems` with every value that is not what it must be (C50, C51). Values that were not given are not looked at."""
    found = [(one, fault) for one in watched if one.key in values and (fault := _fault(one, values[one.key], sets)) is not None]
    spoilt = {one.name for one, _ in found if one.name}
    if found:
        raise Problems(dict.fromkeys(fault for one, fault in found if not one.needs & spoilt))


def _fault(one: Watched, values: Any, sets: Mapping[str, Sequence[str | int]]) -> Diagnostic | None:
    import numpy as np

    if values.dtype.kind not in "fiu":
        return None
    wrong = np.argwhere(~(np.isfinite(values) & _inside(values, one.wanted)))
    if len(wrong) == 0:
        return None if one.definite is None else _indefinite(one, values, sets)
    first = tuple(int(place) for place in wrong[0])
    value = values[first]
    span = one.span if one.span != NOWHERE else None
    shown = f"{f'`{one.name}`' if one.name else 'this'} is {_words(value)}{_where(one, wrong, values.size, first, sets)}"
    if one.role and np.isfinite(value):
        title = f"data outside of where they must be: {one.role} must be {_kind(one.wanted)}"
        return Diagnostic("C51", title, span, shown, help="correct the data, or limit the relation to the rows that have it: where ...")
    help = "say what it should be there: if x > 0 then log(x) else 0; or leave those rows out"
    return Diagnostic("C50", "an expression of the data has no finite value", span, shown, help=help)


def _indefinite(one: Watched, values: Any, sets: Mapping[str, Sequence[str | int]]) -> Diagnostic | None:
    """A covariance matrix that is none."""
    import numpy as np

    smallest = np.linalg.eigvalsh((values + np.swapaxes(values, -1, -2)) / 2).min(-1)
    asymmetric = np.abs(values - np.swapaxes(values, -1, -2)).max((-2, -1)) > 1e-6 * np.abs(values).max((-2, -1))
    unit = np.trace(values, axis1=-2, axis2=-1) / values.shape[-1]
    wrong = np.argwhere(asymmetric | (smallest <= -(one.definite or 0.0) * np.abs(unit)))
    if len(wrong) == 0:
        return None
    first = tuple(int(place) for place in wrong[0])
    why = "is not symmetric" if asymmetric[first] else f"has the eigenvalue {float(smallest[first]):.2g}"
    shown = f"`{one.name}` {why}{_where(one, wrong, smallest.size, first, sets)}"
    title = f"data outside of where they must be: {one.role} must be symmetric and positive definite"
    help = "correct the matrix; where rounding is at fault, add a little to its diagonal: + (if i == j then 1e-6 else 0)"
    return Diagnostic("C51", title, one.span if one.span != NOWHERE else None, shown, help=help)


def _inside(values: Any, wanted: Interval) -> Any:
    above = values > wanted.lower if wanted.lower_open and wanted.lower != -inf else values >= wanted.lower
    below = values < wanted.upper if wanted.upper_open and wanted.upper != inf else values <= wanted.upper
    return above & below


def _kind(wanted: Interval) -> str:
    for word, kind in NAMED.items():
        if kind == wanted:
            return word
    return f"between {wanted.lower:g} and {wanted.upper:g}"


def _words(value: Any) -> str:
    if value != value:
        return "not a number"
    return "infinite" if abs(float(value)) == inf else f"{float(value):g}"


def _where(one: Watched, wrong: Any, size: int, first: tuple[int, ...], sets: Mapping[str, Sequence[str | int]]) -> str:
    members = ", ".join(_member(sets, name, place) for name, place in zip(one.sets, first, strict=False))
    return f" for {len(wrong)} of {size} (first: {members})" if members else ""


def _member(sets: Mapping[str, Sequence[str | int]], name: str, place: int) -> str:
    members = sets.get(name)
    if isinstance(members, range):
        return f"{name} {members[place]}"
    return f"{name} {place + 1 if members is None else members[place]}"
