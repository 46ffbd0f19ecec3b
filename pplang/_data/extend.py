"""New rows beside the data of a fit: the index sets and arrays of both together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pplang._data import sets as index_sets
from pplang._data.bind import sorted_arrays, sorted_sets
from pplang._data.cells import MISSING_WORDS
from pplang._data.dataset import Dataset
from pplang._data.inputs import Given, input_values
from pplang._data.labels import Label
from pplang._data.match import Matched, match
from pplang._data.report import listing
from pplang._data.sources import Tables, read_all_inputs, read_tables
from pplang._data.tables import Context, Values, read_columns, row_order
from pplang._data.values import Reading, filler
from pplang._diagnostics import Collector, Diagnostic
from pplang._ir.kinds import Member
from pplang._ir.program import Column, Free, Gaps, Levels, Pairs, ProductSet, Program, Rows, SumSet, Table, Without
from pplang._source import Source


@dataclass(frozen=True)
class Extended:
    """Data of a fit and new rows together.

    fitted: for every index set the places of the members that the fit had, in their order. new: of the sets that have grown the places of the
    new members, rows as they stand in their file; labels: what these are called. beginning: the tables whose new rows begin a series.
    absent: columns with a relation of their own that the new rows lack. unused: outcomes that they have.
    """

    dataset: Dataset
    fitted: Mapping[str, np.ndarray]
    new: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]
    beginning: frozenset[str]
    absent: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def grown(self) -> dict[str, int]:
        """The index sets with new members, and how many members the fit had."""
        return {name: len(self.fitted[name]) for name in self.new}

    def was_fitted(self, name: str) -> np.ndarray:
        """Which members of a set the fit had."""
        there = np.zeros(len(self.dataset.sets[name]), bool)
        there[self.fitted[name]] = True
        return there

    def with_arrays(self, arrays: Mapping[str, np.ndarray]) -> Extended:
        """The same with further inputs."""
        return replace(self, dataset=replace(self.dataset, arrays={**self.dataset.arrays, **arrays}))


def extend(
    program: Program,
    data: Dataset,
    tables: Tables,
    inputs: object = None,
    *,
    drawn: Collection[Column],
    outcomes: Collection[Column],
    evaluate: index_sets.Evaluate,
    settings: Mapping[str, str],
    missing: Iterable[str] = (),
    source: Source | None = None,
) -> Extended:
    """New rows of a program's tables, beside the data of its fit.

    program: with the columns that are needed. drawn: further columns, of which the new rows may give some cells, or none.
    outcomes: columns that are not read. The rest as for `bind`.

    Raises `Problems` with every fault, as `bind` does, and C52: rows that do not continue the series of the fit, C53: rows that the fit had.
    """
    collector = Collector(source)
    pairs = list(tables.items() if isinstance(tables, Mapping) else tables)
    named = {name or program.tables[0].name for name, _ in pairs if program.tables}
    known = tuple(one for one in program.tables if one.name in named)
    asked = replace(program, tables=known) if known else program
    raw, files = read_tables(asked, pairs, collector)
    given, _ = read_all_inputs(program, inputs, files, settings.items(), collector)
    collector.raise_if_any()
    both = _Both(program, data, drawn, outcomes, MISSING_WORDS | {word.strip() for word in missing}, evaluate, collector)
    both.match(asked.tables, raw)
    both.find_sets()
    both.read()
    both.read_inputs(given)
    return both.extended()


@dataclass
class _Both:
    """The fit's data and the new rows, on their way to one another: in every array and set the fit's come first, until all are sorted."""

    program: Program
    data: Dataset
    drawn: Collection[Column]
    outcomes: Collection[Column]
    words: frozenset[str]
    evaluate: index_sets.Evaluate
    collector: Collector
    matched: list[Matched] = field(default_factory=list)
    sets: dict[str, Sequence[Label]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    order: dict[str, np.ndarray] = field(default_factory=dict)
    beginning: set[str] = field(default_factory=set)
    absent: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def match(self, tables: Sequence[Table], raw: Mapping[str, Any]) -> None:
        """Find the columns in the files."""
        for table in tables:
            mine = [replace(one, optional=True) for one in self.drawn if one.sets[0] == table.name]
            there = [one for one in mine if self._has(table, one, raw[table.name])]
            self.absent += [one.name for one in mine if one not in there]
            others = [one for one in self.outcomes if one.sets[0] == table.name]
            self.unused += [one.name for one in others if self._has(table, one, raw[table.name])]
            # Of a column with one value for each group the new rows give that of their groups alone.
            columns = (*(replace(one, optional=one.optional or one.per is not None) for one in table.columns), *there)
            self.matched.append(match(self.program, replace(table, columns=columns), raw[table.name], self.collector))
        self.collector.raise_if_any()

    def _has(self, table: Table, column: Column, raw: Any) -> bool:
        """Does a file have this column?"""
        return column.name in match(self.program, replace(table, columns=(column,)), raw, Collector()).columns

    def find_sets(self) -> None:
        """Every index set."""
        for one in self.program.sets:
            self._members(one.name)
        self.collector.raise_if_any()

    def _members(self, name: str) -> Sequence[Label]:
        if name not in self.sets:
            self.sets[name] = self._found(name)
        return self.sets[name]

    def _found(self, name: str) -> Sequence[Label]:
        one, before = self.program.set[name], self.data.sets[name]
        match one.members:
            case Rows(table):
                mine = next((each for each in self.matched if each.table.name == table), None)
                return before if mine is None else self._rows(mine, before)
            case Levels():
                labels = index_sets.levels_of(name, self.matched, self.words) or ()
                return (*before, *(label for label in labels if label not in set(before)))
            case Gaps(base) | Free(base) | Pairs(base) | Without(base):
                grown = len(self._members(base)) > len(self.data.sets[base])
            case ProductSet(parts) | SumSet(parts):
                grown = any(len(self._members(part)) > len(self.data.sets[part]) for part in parts)
            case _:
                grown = False
        return (grown and index_sets.derived(one, self.data.arrays, self.sets, self.evaluate, self.collector)) or before

    def _rows(self, matched: Matched, before: Sequence[Label]) -> Sequence[Label]:
        new = index_sets.rows_of(matched, self.words, self.collector)
        if new is None:
            return before
        if isinstance(before, range):
            return range(before.start, before.stop + len(new))
        twice = [label for label in new if label in set(before)]
        if twice:
            key = next(column for column in matched.table.columns if column.key)
            title, help = (
                f"rows of {matched.raw.name} that the fit had",
                "new rows are new members: give them other labels, or leave them out",
            )
            self.collector.add(Diagnostic("C53", title, key.span, f"the fit has {listing(twice)}", help=help))
        return (*before, *new)

    # Values

    def read(self) -> None:
        """Every column that is needed, and the order of the rows."""
        context = Context(self.program, self.sets, self.matched, self.words, self.collector)
        for matched in self.matched:
            values = read_columns(matched, context)
            rows = row_order(matched, values, context)
            self.collector.raise_if_any()
            absent = [one for one in self.drawn if one.name in self.absent and one.sets[0] == matched.table.name]
            for column in (*matched.table.columns, *absent):
                if column.per is not None:
                    self._join_groups(column, values, matched)
                elif not column.key and column.value is None:
                    self._join(column, values)
            if rows is not None:
                self.order[matched.table.name] = self._in_order(matched, rows)
        there = {matched.table.name for matched in self.matched}
        for table in self.program.tables:
            for column in table.columns if table.name not in there else ():
                self._as_fitted(column)

    def _before(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        values = self.data.arrays[column.name]
        return values, self.data.present.get(column.name, np.ones(values.shape, bool))

    def _join(self, column: Column, values: Values) -> None:
        """The rows of the fit, then the new ones."""
        name, (before, there) = column.name, self._before(column)
        shape = (len(self.sets[column.sets[0]]) - len(before), *before.shape[1:])
        new = values.arrays.get(name, np.full(shape, filler(column.kind)))
        has = values.present.get(name, np.full(shape, name in values.arrays))
        self.arrays[name], self.present[name] = np.concatenate([before, new.astype(before.dtype)]), np.concatenate([there, has])

    def _join_groups(self, column: Column, values: Values, matched: Matched) -> None:
        """The fit's value for its groups, with which the new rows must agree, and theirs for new groups. Reports C02, C33."""
        (before, there), group = self._before(column), str(column.per)
        new, has, count = values.arrays[column.name].astype(before.dtype), values.present[column.name].copy(), len(before)
        odd = np.argwhere(has[:count] & there & (new[:count] != before))
        if len(odd):
            label = f"in {matched.raw.name}, {self.sets[group][odd[0][0]]} has another value than in the fit"
            help = "mend the cells, or give the group another label"
            self.collector.add(Diagnostic("C02", "a column that should be constant in each group is not", column.span, label, help=help))
        new[:count], has[:count] = before, there
        self.arrays[column.name], self.present[column.name] = new, has
        lacking = [self.sets[group][at] for at in np.unique(np.argwhere(~has)[:, 0])]
        if lacking and not self.program.column[column.name].optional:
            self._without_value(column, group, lacking, "fill it in the new rows")

    def _as_fitted(self, column: Column) -> None:
        """A column of a table that gets no new rows. Reports C33 where a group is new."""
        if column.key or column.value is not None:
            return
        self.arrays[column.name], self.present[column.name] = self._before(column)
        for name in column.sets:
            lacking = list(self.sets[name])[len(self.data.sets[name]) :]
            if lacking:
                self._without_value(column, name, lacking, "give new rows of its table too")

    def _without_value(self, column: Column, group: str, members: Sequence[Label], help: str) -> None:
        label = f"there is none for {listing(members[:20])}"
        self.collector.add(Diagnostic("C33", f"a {group} without a value", column.span, label, help=help))

    def _in_order(self, matched: Matched, new: np.ndarray) -> np.ndarray:
        """All rows in the declared order, groups together. Reports C52: a new row before the end of the fitted series of its group."""
        table, order = matched.table, matched.table.order
        assert order is not None
        before = len(self.data.sets[table.name])
        place = np.concatenate([np.arange(before), before + np.argsort(new)])
        group = self.arrays[order.within] if order.within else np.zeros(len(place), np.int64)
        by = self.arrays.get(str(order.by), place)
        for one in np.unique(group[before:]):
            mine = group == one
            if not mine[:before].any():
                self.beginning.add(table.name)
            elif by[before:][mine[before:]].min() <= by[:before][mine[:before]].max():
                rows = np.flatnonzero(mine[before:])
                row = matched.raw.row_number(int(rows[np.argmin(by[before:][rows])]))
                owner = f" of {self._label(order.within, int(one))}" if order.within else ""
                label = f"row {row} of {matched.raw.name} does not come after the last row{owner} in the fit"
                help = "give rows that continue the series; to fill gaps in it, fit all rows together"
                self.collector.add(Diagnostic("C52", "new rows that do not continue a series", table.span, label, help=help))
                break
        return np.lexsort((place, by, group))

    def _label(self, column: str, place: int) -> Label:
        kind = self.program.column[column].kind
        assert isinstance(kind, Member)
        return self.sets[kind.set][place]

    def read_inputs(self, given: Mapping[str, Given]) -> None:
        """Inputs as they were, or as they are given anew. Reports C33 where a set of theirs has new members, and they are not."""
        for one in self.program.inputs:
            if one.name in given:
                converted = input_values(one, given[one.name], self.sets, Reading(self.words), self.collector)
                if converted is not None:
                    self.arrays[one.name], self.present[one.name] = converted.values, converted.present
                continue
            self.arrays[one.name] = self.data.arrays[one.name]
            if one.optional:
                self.present[one.name] = self.data.present[one.name]
            for name in one.sets:
                lacking = list(self.sets[name])[len(self.data.sets[name]) :]
                if lacking:
                    label, help = f"there is none for {listing(lacking[:20])}", f"give all of {one.name} anew, with --input FILE"
                    self.collector.add(Diagnostic("C33", f"a {name} without a value", one.span, label, help=help))
        self.collector.raise_if_any()

    # All together

    def extended(self) -> Extended:
        """Rows of ordered tables in their order."""
        whole = replace(self.program, tables=tuple(self._whole(table) for table in self.program.tables))
        fitted = {name: self._places(name) for name in self.sets}
        grown = [name for name in self.sets if len(self.sets[name]) > len(fitted[name])]
        new = {name: self._new(name, fitted[name]) for name in grown}
        optional = {*whole.optional}
        dataset = Dataset(
            sorted_sets(whole, self.sets, self.order),
            sorted_arrays(whole, self.arrays, self.order, members=True),
            sorted_arrays(whole, {name: one for name, one in self.present.items() if name in optional}, self.order, members=False),
            order=self.order,
        )
        labels = {name: self._labels(dataset, name, new[name]) for name in grown}
        return Extended(dataset, fitted, new, labels, frozenset(self.beginning), tuple(self.absent), tuple(self.unused))

    def _whole(self, table: Table) -> Table:
        return replace(table, columns=(*table.columns, *(replace(one, optional=True) for one in self.drawn if one.sets[0] == table.name)))

    def _places(self, name: str) -> np.ndarray:
        """Where the fit's members of a set stand among all, after sorting."""
        before = np.arange(len(self.data.sets[name]))
        match self.program.set[name].members:
            case ProductSet(parts):
                found = self._places(parts[0])
                for part in parts[1:]:
                    found = (found[:, None] * len(self.sets[part]) + self._places(part)).ravel()
                return found
            case SumSet(parts):
                starts = np.cumsum([0, *(len(self.sets[part]) for part in parts)])
                return np.concatenate([start + self._places(part) for start, part in zip(starts, parts, strict=False)])
        return np.argsort(self.order[name])[before] if name in self.order else before

    def _new(self, name: str, fitted: np.ndarray) -> np.ndarray:
        """Where the new members stand, rows in the order of their file."""
        if name in self.order:
            return np.argsort(self.order[name])[len(fitted) :]
        return np.setdiff1d(np.arange(len(self.sets[name])), fitted)

    def _labels(self, dataset: Dataset, name: str, new: np.ndarray) -> np.ndarray:
        if isinstance(self.program.set[name].members, Rows) and isinstance(self.sets[name], range):
            return np.arange(1, len(new) + 1)
        return dataset.coordinates(name)[new]
