"""A program and its data become a `Dataset`, or every fault of the data at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import prod

import numpy as np

from pplang import _files
from pplang._data import sets as index_sets
from pplang._data.cells import MISSING_WORDS
from pplang._data.dataset import Dataset
from pplang._data.inputs import Given, default_values, input_values
from pplang._data.labels import Label
from pplang._data.match import Matched, match
from pplang._data.named import Named, named_labels, unknown_labels
from pplang._data.report import listing, nearest
from pplang._data.schema import schema
from pplang._data.sets import Evaluate
from pplang._data.sources import Tables, read_all_inputs, read_tables
from pplang._data.tables import Context, read_columns, row_order
from pplang._data.values import Reading
from pplang._diagnostics import Collector, Diagnostic, InternalError, Problems
from pplang._ir.expression import Binder, Mixture, Reduce, walk
from pplang._ir.kinds import Member
from pplang._ir.program import Columns, Distinct, Empty, IndexSet, Input, Levels, Program, Rows
from pplang._source import Source, Span


def bind(
    program: Program,
    tables: Tables = (),
    inputs: object = None,
    *,
    evaluate: Evaluate,
    settings: Iterable[tuple[str, str]] | Mapping[str, str] = (),
    missing: Iterable[str] = (),
    source: Source | None = None,
) -> Dataset:
    """Read, check and arrange the data of a program.

    tables: (table name, source) pairs or a mapping; the name None means the first table. A source is a path (CSV; TSV by its ending .tsv
        or .tab; Parquet), a frame of pandas, polars or Arrow, or a mapping from column names to arrays. A .json or .npz path without a
        name holds inputs.
    inputs: a mapping from names to numbers, arrays, nested lists or tables by label; a path of a .json or .npz file; a list of those.
    evaluate: computes a data-level expression from values and sets (`_lower.evaluate`).
    settings: texts of `--set name=value`; they replace what a file gives.
    missing: further words for an empty cell, beside those of `MISSING_WORDS`; a label that the model declares is a label all the same.
    source: the model's text, for the diagnostics.

    Raises `Problems` with every fault: C (data), I (inputs and settings).
    """
    collector = Collector(source)
    words = MISSING_WORDS | {word.strip() for word in missing}
    raw, input_files = read_tables(program, tables, collector)
    pairs = settings.items() if isinstance(settings, Mapping) else settings
    given, complete = read_all_inputs(program, inputs, input_files, pairs, collector)
    matched = [match(program, table, raw[table.name], collector) for table in program.tables if table.name in raw]
    known = _Known(program, matched, given, complete, words, evaluate, collector)
    known.resolve()
    _check_memory(program, known.sets, collector)
    if any(one.code == "C35" for one in collector.diagnostics):
        collector.raise_if_any()
    arrays, present, order = known.arrays, known.present, {}
    notes = [*_unused_columns(matched), *_unused_inputs(program, given)]
    context = Context(program, known.sets, matched, words, collector)
    for one in matched:
        values = read_columns(one, context)
        rows = row_order(one, values, context)
        if rows is not None:
            order[one.table.name] = rows
        arrays |= values.arrays
        present |= values.present
        notes += values.notes
    collector.raise_if_any()
    if known.failed or any(one.value is None and one.name not in arrays for one in program.column.values()):
        raise InternalError("data that could not be bound, and no diagnostic that says why")
    sets = sorted_sets(program, known.sets, order)
    arrays = sorted_arrays(program, arrays, order, members=True)
    present = sorted_arrays(program, present, order, members=False)
    origins = {name: one.origin for name, one in given.items()}
    found = Dataset(sets, arrays, present, tuple(notes), order, {})
    cells = {
        one.name: tuple(found.empty_cells(one.members.name, program.axes_of(one.members.name)).tolist())
        for one in program.sets
        if isinstance(one.members, Empty)
    }
    sets |= cells
    return replace(found, sets=sets, schema=schema(program, matched, sets, order, origins))


# Sets and inputs, each after what it needs -----------------------------------------------------------------------------


@dataclass
class _Known:
    """Index sets and inputs found so far. A set or input whose faults were reported is in `failed`, and so is all that needs it.

    complete: could every source of inputs be read? If not, an input that is absent is no further fault.
    """

    program: Program
    tables: list[Matched]
    given: Mapping[str, Given]
    complete: bool
    missing: frozenset[str]
    evaluate: Evaluate
    collector: Collector
    sets: dict[str, Sequence[Label]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    named: Named = field(init=False)

    def __post_init__(self) -> None:
        self.named = named_labels(self.program)

    def resolve(self) -> None:
        """Go round the sets and inputs until no more can be found."""
        sets = [one for one in self.program.sets if not isinstance(one.members, Empty | Distinct)]  # those follow from the columns
        pending: list[IndexSet | Input] = [*sets, *self.program.inputs]
        before = len(pending) + 1
        while len(pending) < before:
            before = len(pending)
            pending = [one for one in pending if not self._try(one)]
        for one in pending:
            self._needs_all_data(one)

    def _needs_all_data(self, one: IndexSet | Input) -> None:
        """N15 for what is made, directly or not, of empty cells or different rows."""
        _, sets = self._needs(one)
        cause = next((name for name in sorted(sets) if isinstance(self.program.set[name].members, Empty | Distinct)), None)
        self.failed.add(one.name)
        if cause is not None:
            title = f"{one.name} needs {cause} before it is known"
            label = f"the members of {cause} are known only once all other data are"
            self.collector.add(Diagnostic("N15", title, one.span, label, help=f"write it without {cause}"))

    def _try(self, one: IndexSet | Input) -> bool:
        """Find a set or an input if all it needs is there; True when it is done with, well or not."""
        values, sets = self._needs(one)
        if (values | sets) & self.failed:
            self.failed.add(one.name)
            return True
        if not (values <= self.arrays.keys() and sets <= self.sets.keys()):
            return False
        found = self._set(one) if isinstance(one, IndexSet) else self._input(one)
        if not found:
            self.failed.add(one.name)
        return True

    def _needs(self, one: IndexSet | Input) -> tuple[set[str], set[str]]:
        if isinstance(one, IndexSet):
            return index_sets.needs(one.members)
        values, sets = (set(), set()) if one.default is None or one.name in self.given else index_sets.needs_of(one.default)
        return values, sets | set(one.sets) | ({one.kind.set} if isinstance(one.kind, Member) else set())

    def _set(self, one: IndexSet) -> bool:
        members: Sequence[Label] | None
        match one.members:
            case Rows(table):
                matched = next((each for each in self.tables if each.table.name == table), None)
                members = None if matched is None else index_sets.rows_of(matched, self.missing, self.collector)
            case Levels():
                all_read = len(self.tables) == len(self.program.tables)
                members = index_sets.levels_of(one.name, self.tables, self.missing) if all_read else None
            case Columns():
                members = index_sets.columns_of(one, self.tables, self.collector)
            case _:
                members = index_sets.derived(one, self.arrays, self.sets, self.evaluate, self.collector)
        if members is None:
            return False
        unknown = unknown_labels(one, members, self.named)
        for each in unknown:
            self.collector.add(each)
        self.sets[one.name] = members
        return not unknown

    def _input(self, one: Input) -> bool:
        reading = Reading(self.missing)
        if one.name in self.given:
            converted = input_values(one, self.given[one.name], self.sets, reading, self.collector)
        elif one.default is not None:
            try:
                value = np.asarray(self.evaluate(one.default, self.arrays, self.sets))
            except Problems as problems:
                for fault in problems.diagnostics:
                    self.collector.add(fault)
                return False
            converted = default_values(one, value, self.sets, reading, self.collector)
        else:
            if self.complete:
                self.collector.add(self._not_given(one))
            return False
        if converted is None:
            return False
        self.arrays[one.name] = converted.values
        if one.optional:
            self.present[one.name] = converted.present
        return True

    def _not_given(self, one: Input) -> Diagnostic:
        undeclared = [name for name in self.given if name not in self.program.input]
        near = nearest(one.name, undeclared)
        label = f"{self.given[near].origin} has {near}: is this it?" if near else "this has no value"
        how = f"--set {one.name}=3" if not one.sets else "an inputs file (.json or .npz)"
        return Diagnostic(
            "I01", f"the input {one.name} is not given", one.span, label, help=f"give it with {how}, or a default in the model"
        )


# What the program asks for --------------------------------------------------------------------------------------------


def _check_memory(program: Program, sets: Mapping[str, Sequence[Label]], collector: Collector) -> None:
    """C35 for whatever would not fit into memory: a table over sets that are too large, or a reduction over one."""
    memory = _files.spendable_memory()
    tables = [(site.name, site.span, site.sets) for site in program.sites]
    tables += [(one.name, one.span, one.sets) for one in program.inputs]
    tables += [(param.name, param.span, tuple(axis.set for axis in param.axes)) for param in program.params]
    tables += [(column.name, column.span, column.sets) for table in program.tables for column in table.columns]
    for name, span, axes in tables:
        size = 8 * prod(len(sets.get(axis, ())) for axis in axes)
        if size > memory:
            what = " x ".join(f"{axis} ({len(sets[axis]):,})" for axis in axes)
            collector.add(index_sets.too_large(name, span, f"it has a number for each of {what}", size))
    for name, span, binder in _binders(program):
        size = 8 * len(sets.get(binder.set, ()))
        if size > memory:
            collector.add(index_sets.too_large(name, span, f"it goes through {binder.set} ({len(sets[binder.set]):,})", size))


def _binders(program: Program) -> Iterable[tuple[str, Span, Binder]]:
    for site in program.sites:
        for node in chain.from_iterable(
            walk(one) for one in (site.right, site.starting, site.weight, site.where, site.value) if one is not None
        ):
            binders = node.binders if isinstance(node, Reduce) else (node.binder,) if isinstance(node, Mixture) else ()
            yield from ((site.name, site.span, binder) for binder in binders)
    for factor in program.factors:
        for node in walk(factor.value):
            yield from (("factor", factor.span, binder) for binder in (node.binders if isinstance(node, Reduce) else ()))


def _unused_columns(tables: Iterable[Matched]) -> list[Diagnostic]:
    notes = []
    for one in tables:
        used = set(chain.from_iterable(one.columns.values()))
        unused = [name for name in one.raw.names if name and name not in used]
        if unused:
            title = f"{one.raw.name} has columns that the model does not use: {listing(unused, 12)}"
            notes.append(Diagnostic("C36", title, severity="note"))
    return notes


def _unused_inputs(program: Program, given: Mapping[str, Given]) -> list[Diagnostic]:
    unused = [name for name in given if name not in program.input]
    if not unused:
        return []
    return [Diagnostic("I09", f"the model does not declare these inputs: {listing(unused, 12)}", severity="note")]


# Order ---------------------------------------------------------------------------------------------------------------


def sorted_sets(program: Program, sets: Mapping[str, Sequence[Label]], order: Mapping[str, np.ndarray]) -> dict[str, Sequence[Label]]:
    """Keys in the order of the sorted rows; row numbers stay 1, 2, ..."""
    found = dict(sets)
    for table, rows in order.items():
        if not isinstance(found[table], range):
            found[table] = tuple(found[table][row] for row in rows)
    return {one.name: found[one.name] for one in program.sets if one.name in found}


def sorted_arrays(
    program: Program, arrays: Mapping[str, np.ndarray], order: Mapping[str, np.ndarray], *, members: bool
) -> dict[str, np.ndarray]:
    """Every axis over the rows of an ordered table, and (`members`) every number of such a row, after sorting."""
    found = dict(arrays)
    for name in found:
        declared = program.column.get(name) or program.input[name]
        for axis, index_set in enumerate(declared.sets):
            if index_set in order:
                found[name] = found[name].take(order[index_set], axis)
        if members and isinstance(declared.kind, Member) and declared.kind.set in order:
            found[name] = np.argsort(order[declared.kind.set])[found[name]]
    return found


__all__ = ["Dataset", "bind", "sorted_arrays", "sorted_sets"]
