"""Index sets from data: the members of each set, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from pplang import _files
from pplang._data.labels import Label, in_order, lookup
from pplang._data.match import Matched, star_labels, wide
from pplang._data.report import Part, fault_diagnostic, listing
from pplang._data.values import Fault, Reading, distinct_labels
from pplang._diagnostics import Collector, Diagnostic, Problems
from pplang._ir.expression import Expression, Number, Reduce, Reference, Size, walk
from pplang._ir.expression import Part as PartOf
from pplang._ir.kinds import Member
from pplang._ir.program import (
    Column,
    Free,
    Gaps,
    IndexSet,
    Labels,
    Members,
    NumberRange,
    Pairs,
    ProductSet,
    Subsample,
    SumSet,
    Without,
)

Evaluate = Callable[[Expression, Mapping[str, np.ndarray], Mapping[str, Sequence[Label]]], Any]

_BYTES_PER_LABEL = 100
_FURTHEST = 2**53


# From tables ---------------------------------------------------------------------------------------------------------


def rows_of(matched: Matched, missing: frozenset[str], collector: Collector) -> Sequence[Label] | None:
    """The rows of a table: the labels of its key, else row numbers from 1. Reports C10, C11."""
    key = next((column for column in matched.table.columns if column.key), None)
    if key is None:
        return range(1, matched.raw.rows + 1)
    if key.name not in matched.columns:
        return None
    cells = matched.raw.read(matched.columns[key.name][0])
    labels, where = distinct_labels(cells, Reading(missing))
    names = [labels[position] for position in where]
    if None in labels:
        empty = np.flatnonzero(where == labels.index(None))
        fault = Fault("C11", "rows without a key", "empty cell", "empty cells", empty, "give every row its label, or drop the rows")
        collector.add(fault_diagnostic(matched.raw.name, key.span, [Part(fault, cells, _row(matched), with_text=False)]))
        return None
    if len(labels) < len(names):
        collector.add(_duplicate_keys(matched, key, labels, where))
        return None
    return tuple(label for label in names if label is not None)


def _duplicate_keys(matched: Matched, key: Column, labels: Sequence[Label | None], where: np.ndarray) -> Diagnostic:
    twice = np.flatnonzero(np.bincount(where, minlength=len(labels)) > 1)
    row = _row(matched)
    examples = [f"{labels[one]} ({', '.join(row(int(at)) for at in np.flatnonzero(where == one)[:3])})" for one in twice[:3]]
    more = f" and {len(twice) - 3:,} more" if len(twice) > 3 else ""
    help = "a key names one row each: drop the repeated rows, or declare the column as a category instead of `key`"
    label = f"{matched.raw.name} repeats {', '.join(examples)}{more}"
    return Diagnostic("C10", "a key that occurs more than once", key.span, label, help=help)


def _row(matched: Matched) -> Callable[[int], str]:
    return lambda position: f"row {matched.raw.row_number(position)}"


def levels_of(name: str, tables: Sequence[Matched], missing: frozenset[str]) -> tuple[Label, ...] | None:
    """All labels that the columns of this category hold, in any table; None where one of the columns was not found."""
    found: dict[Label, None] = {}
    for matched in tables:
        for column in matched.table.columns:
            if column.kind != Member(name) or column.key or column.value is not None:
                continue
            if column.name not in matched.columns:
                return None
            for source in matched.columns[column.name]:
                labels, _ = distinct_labels(matched.raw.read(source), Reading(missing))
                found |= dict.fromkeys(label for label in labels if label is not None)
    return in_order(found)


def wide_columns(tables: Sequence[Matched], name: str) -> list[tuple[Matched, Column]]:
    """The declared columns that run over this set, `x[Gene]`, as far as they were found."""
    return [(one, column) for one in tables for column in one.table.columns if wide(column) == name and column.name in one.columns]


def columns_of(index_set: IndexSet, tables: Sequence[Matched], collector: Collector) -> tuple[Label, ...] | None:
    """The names of the columns that a pattern, range or list matched; what the `*` stands for where several share the set. Reports C19."""
    found = wide_columns(tables, index_set.name)
    if not found:
        return None
    (first_table, first), *others = found
    for choice in (_names, star_labels):
        labels = tuple(choice(first, first_table.columns[first.name]))
        if all(sorted(map(str, choice(one, table.columns[one.name]))) == sorted(map(str, labels)) for table, one in others):
            return labels
    collector.add(_disagreement(index_set, found))
    return None


def _names(_: Column, names: Sequence[str]) -> tuple[Label, ...]:
    return tuple(names)


def arrange(index_set: IndexSet, matched: Matched, column: Column, members: Sequence[Label]) -> tuple[str, ...] | None:
    """The columns of the file in the order of the set's members, by their names or by what the `*` stands for; None where they disagree."""
    names = matched.columns[column.name]
    for choice in (_names, star_labels):
        position = lookup(members)
        places = [position(label) for label in choice(column, names)]
        if None not in places and sorted(places) == list(range(len(members))):  # type: ignore[type-var]
            return tuple(name for _, name in sorted(zip(places, names, strict=True)))
    return None


def disagreement_with_members(index_set: IndexSet, matched: Matched, column: Column, members: Sequence[Label]) -> Diagnostic:
    """C19: the columns of the file are not the members that the model lists."""
    names = matched.columns[column.name]
    known = {str(label) for label in (*names, *star_labels(column, names))}
    listed = {str(member) for member in members[: len(names) + 1000]}
    lacking = [str(member) for member in members[: len(names) + 1000] if str(member) not in known]
    extra = [name for name, star in zip(names, star_labels(column, names), strict=True) if not {name, str(star)} & listed]
    notes = [f"{matched.raw.name} has no column for {listing(lacking)}"] * bool(lacking) + [f"not in the set: {listing(extra)}"] * bool(
        extra
    )
    label = f"{len(names):,} columns of {matched.raw.name} for the {len(members):,} members of {index_set.name}"
    title = f"the columns do not agree with the index set {index_set.name}"
    return Diagnostic("C19", title, column.span, label, notes=tuple(notes), help=f"mend `index {index_set.name}` or the columns")


def _disagreement(index_set: IndexSet, found: Sequence[tuple[Matched, Column]]) -> Diagnostic:
    notes = [f"`{column.name}`: {listing(table.columns[column.name])} in {table.raw.name}" for table, column in found]
    title = f"columns over {index_set.name} that do not agree on its members"
    help = "name them alike apart from the part that differs (pre_1, pre_2 and post_1, post_2), or give each its own index set"
    return Diagnostic(
        "C19", title, found[-1][1].span, f"its columns are others than those of `{found[0][1].name}`", notes=tuple(notes), help=help
    )


# From other sets and inputs ------------------------------------------------------------------------------------------


def needs(members: Members) -> tuple[set[str], set[str]]:
    """The names of values and of sets that must be known before these members are."""
    match members:
        case NumberRange(first, last):
            return _names_in(first, last)
        case Gaps(base) | Free(base) | Pairs(base) | Without(base):
            return set(), {base}
        case Subsample(base, count):
            values, sets = _names_in(count)
            return values, sets | {base}
        case ProductSet(sets) | SumSet(sets):
            return set(), set(sets)
    return set(), set()


def _names_in(*expressions: Expression) -> tuple[set[str], set[str]]:
    values: set[str] = set()
    sets: set[str] = set()
    for node in (node for expression in expressions for node in walk(expression)):
        match node:
            case Reference(name):
                values.add(name)
            case Size(name) | PartOf(_, name):
                sets.add(name)
            case Reduce(binders=binders):
                sets |= {binder.set for binder in binders}
    return values, sets


def needs_of(expression: Expression) -> tuple[set[str], set[str]]:
    """The names of values and of sets that an expression uses."""
    return _names_in(expression)


def derived(
    index_set: IndexSet, values: Mapping[str, np.ndarray], sets: Mapping[str, Sequence[Label]], evaluate: Evaluate, collector: Collector
) -> Sequence[Label] | None:
    """The members of a set that follows from inputs and other sets. Reports C32, C35."""
    members = index_set.members
    if isinstance(members, Labels):
        return members.labels
    if isinstance(members, NumberRange):
        return _range(index_set, members, values, sets, evaluate, collector)
    if isinstance(members, Subsample):
        count = _whole(index_set, members.count, values, sets, evaluate, collector)
        return None if count is None else range(1, min(count, len(sets[members.set])) + 1)
    if isinstance(members, Without):
        return without(members, sets[members.set])
    if isinstance(members, Free):
        return range(1, max(len(sets[members.set]), 1))
    size = derived_size(members, sets)
    if size * _BYTES_PER_LABEL > _files.spendable_memory():
        collector.add(too_large(index_set.name, index_set.span, f"has {size:,} members", size * _BYTES_PER_LABEL))
        return None
    return tuple(_labels(members, sets))


def without(members: Without, base: Sequence[Label]) -> tuple[Label, ...]:
    """The members of a part of a set."""
    return tuple(one for one in base if one not in members.labels)


def derived_size(members: Members, sets: Mapping[str, Sequence[Label]]) -> int:
    match members:
        case Gaps(base):
            return max(len(sets[base]) - 1, 0)
        case Pairs(base):
            return len(sets[base]) * (len(sets[base]) - 1) // 2
        case ProductSet(names):
            return prod(len(sets[name]) for name in names)
        case SumSet(names):
            return sum(len(sets[name]) for name in names)
    raise AssertionError(members)


def _labels(members: Members, sets: Mapping[str, Sequence[Label]]) -> Iterator[Label]:
    """Labels of members that the user did not name: for output only."""
    match members:
        case Gaps(base):
            yield from (f"{low}|{high}" for low, high in pairwise(sets[base]))
        case Pairs(base):
            yield from (f"{high},{low}" for at, high in enumerate(sets[base]) for low in sets[base][:at])
        case ProductSet(names):
            yield from (",".join(map(str, parts)) for parts in product(*(sets[name] for name in names)))
        case SumSet(names):
            yield from (label for name in names for label in sets[name])


def _range(
    index_set: IndexSet,
    members: NumberRange,
    values: Mapping[str, np.ndarray],
    sets: Mapping[str, Sequence[Label]],
    evaluate: Evaluate,
    collector: Collector,
) -> range | None:
    first = _whole(index_set, members.first, values, sets, evaluate, collector)
    last = _whole(index_set, members.last, values, sets, evaluate, collector)
    if first is None or last is None:
        return None
    if last < first - 1:
        title = f"the range of {index_set.name} ends before it begins"
        collector.add(Diagnostic("C32", title, index_set.span, f"this is {first}..{last}", help="mend the numbers that it is made from"))
        return None
    return range(first, last + 1)


def _whole(
    index_set: IndexSet,
    expression: Expression,
    values: Mapping[str, np.ndarray],
    sets: Mapping[str, Sequence[Label]],
    evaluate: Evaluate,
    collector: Collector,
) -> int | None:
    """A whole number from an expression of inputs and sizes."""
    try:
        value = float(expression.value if isinstance(expression, Number) else np.asarray(evaluate(expression, values, sets)))
    except Problems as problems:
        for one in problems.diagnostics:
            collector.add(one)
        return None
    except OverflowError:
        value = float("inf")
    if not abs(value) <= _FURTHEST or value != int(value):
        title = f"the size of {index_set.name} is not a whole number that can be used"
        help = "use whole numbers from inputs and sizes"
        collector.add(Diagnostic("C32", title, index_set.span, f"one end is {value:.17g}", help=help))
        return None
    return int(value)


def too_large(name: str, span: Any, what: str, needed: float) -> Diagnostic:
    """C35: something that the model asks for does not fit into memory."""
    memory = _files.spendable_memory()
    label = f"{what}: about {_files.size_text(needed)}, and {_files.size_text(memory)} may be used"
    return Diagnostic("C35", f"`{name}` is too large for this machine", span, label, help="use smaller index sets, or fewer rows")
