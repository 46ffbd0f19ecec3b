"""The data in words, JSON-able, for the fit file: enough to read new data the same way and to name every output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np

from pplang._data.labels import Label
from pplang._data.match import Matched
from pplang._ir.kinds import NAMED, Interval, Kind, Member
from pplang._ir.program import Program


def schema(
    program: Program,
    tables: Sequence[Matched],
    sets: Mapping[str, Sequence[Label]],
    order: Mapping[str, np.ndarray],
    origins: Mapping[str, str],
) -> dict[str, Any]:
    """tables: file, number of rows, where each column comes from, row order. sets: members, or first and last. inputs: where from."""
    return {
        "tables": {one.table.name: _table(one, order.get(one.table.name)) for one in tables},
        "sets": {name: _members(program, name, members) for name, members in sets.items()},
        "inputs": {
            one.name: {
                "kind": kind_text(one.kind),
                "structure": one.structure,
                "sets": list(one.sets),
                "from": origins.get(one.name, "default"),
            }
            for one in program.inputs
        },
    }


def _table(matched: Matched, order: np.ndarray | None) -> dict[str, Any]:
    columns = {
        column.name: {
            "kind": "key" if column.key else kind_text(column.kind),
            "sets": list(column.sets),
            "optional": column.optional,
            "from": list(matched.columns.get(column.name, ())),
        }
        for column in matched.table.columns
    }
    as_it_stands = order is None or bool((np.diff(order) == 1).all())
    return {"file": matched.raw.name, "rows": matched.raw.rows, "columns": columns, "order": None if as_it_stands else order.tolist()}  # type: ignore[union-attr]


def _members(program: Program, name: str, members: Sequence[Label]) -> dict[str, Any]:
    origin = type(program.set[name].members).__name__.lower()
    if isinstance(members, range):
        return {"origin": origin, "first": members.start, "last": members.stop - 1}
    return {"origin": origin, "members": list(members)}


def kind_text(kind: Kind) -> str:
    """A kind as a type of the language, `real(0, 4)`."""
    for word, named in NAMED.items():
        if kind == named:
            return word
    if isinstance(kind, Member):
        return kind.set
    assert isinstance(kind, Interval)
    ends = ("-inf" if kind.lower == -inf else f"{kind.lower:.17g}", "inf" if kind.upper == inf else f"{kind.upper:.17g}")
    return f"{'int' if kind.integer else 'real'}({', '.join(ends)})"
