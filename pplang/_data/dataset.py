"""The data of a fit: index sets and arrays, as the program declares them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pplang._data.labels import Label, label_of, lookup
from pplang._diagnostics import Diagnostic
from pplang._ir.program import given


@dataclass(frozen=True)
class Dataset:
    """What a program was given, checked.

    sets: the members of every index set in order; a `range` for numeric sets, and for the rows (from 1) of a table without a key.
    arrays: every column that is not derived and every input, in declared axis order: float64 for reals; int64 for whole numbers, for dates
        (days since 1970-01-01) and for members (positions in their set, from 0); bool for bool. Rows of an ordered table are sorted,
        groups contiguous.
    present: for every optional column and input, which cells it has; the others hold a value inside the kind.
    notes: remarks, such as columns that the model does not use.
    order: for every ordered table, the position in the file of each sorted row.
    schema: the same in words, for the fit file: JSON-able.
    """

    sets: Mapping[str, Sequence[Label]]
    arrays: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[Diagnostic, ...] = ()
    order: Mapping[str, np.ndarray] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, int]:
        """How many members each index set has."""
        return {name: len(members) for name, members in self.sets.items()}

    def coordinates(self, name: str) -> np.ndarray:
        """The members of a set for output: int64 when all are integers, else strings. Sorted rows keep their numbers in the file."""
        members = self.sets[name]
        if isinstance(members, range):
            return self.order[name] + 1 if name in self.order else np.arange(members.start, members.stop, dtype=np.int64)
        if all(isinstance(member, int) for member in members):
            return np.array(members, np.int64)
        return np.array([str(member) for member in members], np.str_)

    def values(self) -> dict[str, np.ndarray]:
        """All that a lowered program may ask for: the arrays, and which cells of the optional ones have a value."""
        return {**self.arrays, **{given(name): present for name, present in self.present.items()}}

    def empty_cells(self, name: str, axes: Sequence[str]) -> np.ndarray:
        """A label for each empty cell of an optional column or input over these sets: its row, or `row,column`."""
        labels = [self.coordinates(one)[places] for one, places in zip(axes, np.nonzero(~self.present[name]), strict=True)]
        if len(labels) == 1:
            return labels[0]
        return np.array([",".join(map(str, parts)) for parts in zip(*labels, strict=True)], np.str_)

    def position(self, name: str, label: Label) -> int | None:
        """Where a label stands in a set, None when it is not a member. `1`, `1.0` and `"1"` are one label."""
        return lookup(self.sets[name])(label_of(str(label)))

    def fingerprint(self) -> str:
        """A hash of sets, arrays and missing cells: equal data have equal fingerprints, on any machine."""
        digest = hashlib.sha256()
        for name in sorted(self.sets):
            members = self.sets[name]
            shown = [members.start, members.stop] if isinstance(members, range) else [str(member) for member in members]
            digest.update(json.dumps([name, shown]).encode())
        for role, arrays in (("values", self.arrays), ("present", self.present)):
            for name in sorted(arrays):
                array = np.ascontiguousarray(arrays[name])
                digest.update(json.dumps([role, name, array.dtype.str, array.shape]).encode())
                digest.update(array.tobytes())
        return digest.hexdigest()
