"""Faults of data-level values: what came out of `prepare` and is not a finite number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pplang._diagnostics import Diagnostic, Problems
from pplang._source import NOWHERE, Span


@dataclass(frozen=True)
class Watched:
    """A value to look at: its key in what `prepare` returns, the name the user knows it by ("": an expression), place, sets."""

    key: str
    name: str
    span: Span
    sets: tuple[str, ...]
    bounds: tuple[float, ...]


def look(watched: Iterable[Watched], values: Mapping[str, Any], sets: Mapping[str, Sequence[str | int]]) -> None:
    """Raise `Problems` with every value that is not a finite number."""
    found = [fault for one in watched if (fault := _fault(one, values[one.key], sets)) is not None]
    if found:
        raise Problems(found)


def _fault(one: Watched, values: Any, sets: Mapping[str, Sequence[str | int]]) -> Diagnostic | None:
    import numpy as np

    if values.dtype.kind != "f" or np.isfinite(values).all():
        return None
    wrong = np.argwhere(~np.isfinite(values))
    first = tuple(int(place) for place in wrong[0])
    members = ", ".join(_member(sets, name, place) for name, place in zip(one.sets, first, strict=False))
    where = f" for {len(wrong)} of {values.size} (first: {members})" if members else ""
    what = f"`{one.name}`" if one.name else "this"
    value = values[first]
    outcome = "not a number" if np.isnan(value) else "infinite"
    return Diagnostic(
        "C50",
        "an expression of the data has no finite value",
        one.span if one.span != NOWHERE else None,
        f"{what} is {outcome}{where}",
        help="say what it should be there: if x > 0 then log(x) else 0; or leave those rows out",
    )


def _member(sets: Mapping[str, Sequence[str | int]], name: str, place: int) -> str:
    members = sets.get(name)
    if isinstance(members, range):
        return f"{name} {members[place]}"
    return f"{name} {place + 1 if members is None else members[place]}"
