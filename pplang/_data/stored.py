"""The data of a fit, from what its file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pplang._data.dataset import Dataset
from pplang._data.labels import Label
from pplang._data.values import filler
from pplang._ir.kinds import Boolean, Interval, Kind
from pplang._ir.program import Column, Input, Program


def stored(program: Program, schema: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Dataset:
    """The dataset that a fit was made from.

    schema: as `schema` writes it. arrays: columns and inputs by name, NaN in empty cells. Raises KeyError, TypeError or ValueError where the
    file does not hold them.
    """
    sets = {name: _members(one) for name, one in schema["sets"].items()}
    values: dict[str, np.ndarray] = {}
    present: dict[str, np.ndarray] = {}
    declared: list[Column | Input] = [*(one for one in program.column.values() if one.value is None), *program.inputs]
    for one in declared:
        found = np.asarray(arrays[one.name])
        if found.shape != tuple(len(sets[name]) for name in one.sets):
            raise ValueError(f"{one.name} has another shape than its index sets")
        if one.optional:
            present[one.name] = ~np.isnan(found.astype(float))
            found = np.where(present[one.name], found, filler(one.kind))
        values[one.name] = found.astype(_dtype(one.kind))
    order = {name: np.array(one["order"], np.int64) for name, one in schema["tables"].items() if one["order"] is not None}
    return Dataset(sets, values, present, (), order, schema)


def _members(one: Mapping[str, Any]) -> Sequence[Label]:
    return tuple(one["members"]) if "members" in one else range(int(one["first"]), int(one["last"]) + 1)


def _dtype(kind: Kind) -> type:
    if isinstance(kind, Boolean):
        return bool
    return np.float64 if isinstance(kind, Interval) and not kind.integer else np.int64
