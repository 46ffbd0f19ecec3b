"""A matched table becomes arrays: columns over the rows, over groups, over rows and columns; and the order of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pplang._data import sets as index_sets
from pplang._data import structures
from pplang._data.cells import Cells
from pplang._data.labels import Label, lookup
from pplang._data.match import Matched, wide
from pplang._data.report import Part, fault_diagnostic, listing, nearest
from pplang._data.values import Converted, Fault, Reading, convert
from pplang._diagnostics import Collector, Diagnostic, Problems
from pplang._ir.kinds import Member
from pplang._ir.program import Column, Labels, NumberRange, Program, Rows, Table


@dataclass
class Values:
    """Columns converted so far. broken: those with faults; nothing is to be made of them."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    present: dict[str, np.ndarray] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    notes: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    program: Program
    sets: Mapping[str, Sequence[Label]]
    tables: Sequence[Matched]
    missing: frozenset[str]
    collector: Collector


def read_columns(matched: Matched, context: Context) -> Values:
    """Every column of a table that is not derived, over the rows as they stand; group-level ones reduced to one value for each group."""
    values = Values()
    for column in matched.table.columns:
        if column.key or column.value is not None:
            continue
        converted = _column(matched, column, context, values) if column.name in matched.columns else None
        if converted is None:
            values.broken.add(column.name)
        else:
            values.arrays[column.name], values.present[column.name] = converted.values, converted.present
    for column in matched.table.columns:
        if column.per is not None and column.name in values.arrays:
            _reduce(matched, column, context, values)
    for column in matched.table.columns:
        if not column.optional:
            values.present.pop(column.name, None)
    return values


def _column(matched: Matched, column: Column, context: Context, values: Values) -> Converted | None:
    """A column over (rows,) or (rows, columns); None where it has faults, which are reported."""
    needed = {column.kind.set} if isinstance(column.kind, Member) else set()
    over = wide(column)
    if any(name not in context.sets for name in needed | ({over} if over else set())):
        return None
    sources: Sequence[str] | None = matched.columns[column.name]
    if over is not None:
        sources = index_sets.arrange(context.program.set[over], matched, column, context.sets[over])
        if sources is None:
            fault = index_sets.disagreement_with_members(context.program.set[over], matched, column, context.sets[over])
            context.collector.add(fault)
            return None
    reading = Reading(context.missing, lookup(context.sets[column.kind.set]) if isinstance(column.kind, Member) else None)
    results: list[Converted] = []
    parts: list[Part] = []
    for source in sources or ():
        try:
            cells = matched.raw.read(source)
        except Problems as problems:
            for one in problems.diagnostics:
                context.collector.add(one)
            return None
        converted = convert(cells, column.kind, reading)
        results.append(converted)
        faults = [_named(fault, column, cells, context) for fault in converted.faults] + _empty(column, converted)
        parts += [_part(matched, fault, cells, source if over else None) for fault in faults]
    _report(matched, column, parts, context)
    hollow = [source for source, one in zip(sources or (), results, strict=True) if not one.present.any()]
    if hollow and column.optional:
        values.notes.append(_all_empty(matched, column, hollow))
    elif hollow:
        context.collector.add(_all_empty(matched, column, hollow))
    if parts or (hollow and not column.optional):
        return None
    if over is None:
        return results[0]
    found = Converted(np.stack([one.values for one in results], -1), np.stack([one.present for one in results], -1))
    return None if _breaks_constraint(matched, column, found, context) else found


def _breaks_constraint(matched: Matched, column: Column, found: Converted, context: Context) -> bool:
    """C43: a row whose values together are not what the type says."""
    if column.structure is None or not found.values.shape[-1]:
        return False
    broken, words = structures.violations(found.values, column.structure)
    broken &= found.present.all(-1)
    if broken.any():
        row = matched.raw.row_number(int(np.argmax(broken)))
        more = f" (and {int(broken.sum()) - 1:,} rows more)" if broken.sum() > 1 else ""
        title = f"columns that break their constraint `{column.structure}`"
        label = f"row {row} of {matched.raw.name} {words}{more}"
        context.collector.add(Diagnostic("C43", title, column.span, label, help="mend the numbers, or the type"))
    return bool(broken.any())


def _part(matched: Matched, fault: Fault, cells: Cells, source: str | None) -> Part:
    def place(position: int) -> str:
        row = f"row {matched.raw.row_number(position)}"
        return f"{row} of {source}" if source else row

    return Part(fault, cells, place, with_text=fault.code != "C01")


def _report(matched: Matched, column: Column, parts: Sequence[Part], context: Context) -> None:
    """One diagnostic for each code, however many columns of the file it concerns."""
    renamed = None if wide(column) or matched.columns[column.name][0] == column.name else matched.columns[column.name][0]
    for code in dict.fromkeys(part.fault.code for part in parts):
        alike = [part for part in parts if part.fault.code == code]
        context.collector.add(fault_diagnostic(matched.raw.name, column.span, alike, column=renamed))


def _empty(column: Column, converted: Converted) -> list[Fault]:
    if column.optional or converted.present.all() or not converted.present.any():
        return []
    absent = np.flatnonzero(~converted.present)
    axes = ", ".join(f"{name[0].lower()} in {name}" for name in column.sets)
    help = f"declare it with `?` and say how it arises, e.g. {column.name}[{axes}] ~ Normal(m, s); or drop those rows first"
    return [Fault("C01", "empty cells in a column that allows none", "empty cell here", "empty cells here", absent, help)]


def _all_empty(matched: Matched, column: Column, sources: Sequence[str]) -> Diagnostic:
    """C12: a fault, or only a warning where empty cells are allowed (an outcome to be predicted)."""
    where = f"it in {matched.raw.name}" if sources == [column.name] else f"{listing(sources)} in {matched.raw.name}"
    label = f"every cell of {where} is empty"
    title = "a column without a single value"
    if column.optional:
        return Diagnostic("C12", title, column.span, label, severity="warning")
    help = "fill it, take it out of the model, or declare it with `?` and say how it arises"
    return Diagnostic("C12", title, column.span, label, help=help)


def _named(fault: Fault, column: Column, cells: Cells, context: Context) -> Fault:
    """For labels: name the set, list the distinct ones, and tell a label without its row from one that the model does not list."""
    if fault.code != "C08":
        return fault
    assert isinstance(column.kind, Member)
    name = column.kind.set
    distinct: dict[str, int] = {}
    for position in fault.positions:
        distinct.setdefault(cells.shown(int(position)), int(position))
    positions = np.array(list(distinct.values()), np.int64)
    members = context.program.set[name].members
    if isinstance(members, Rows):
        other = next((one.raw.name for one in context.tables if one.table.name == members.table), f"the table {members.table}")
        help = f"add their rows to {other}, or drop the rows that name them"
        one, many = f"label without its row in {other}", f"labels without their row in {other}"
        return Fault("C09", f"labels without their row in {other}", one, many, positions, help)
    near = nearest(next(iter(distinct)).strip('"'), [str(member) for member in context.sets[name][:1000]])
    known = context.sets[name]
    listed = f"{known[0]}..{known[-1]}" if isinstance(known, range) and known else listing(known)
    meant = f"did you mean {near}? " if near else ""
    declared = f"change `index {name}`, or mend the cells" if isinstance(members, (Labels, NumberRange)) else "mend the cells"
    help = f"{meant}{name} is {listed}: {declared}"
    return Fault(
        "C08",
        f"labels that {name} does not have",
        "label that is not among its members",
        "labels that are not among its members",
        positions,
        help,
    )


# Group-level columns -------------------------------------------------------------------------------------------------


def _reduce(matched: Matched, column: Column, context: Context, values: Values) -> None:
    """`per County`: one value for each County, after checking that it is constant within it. Reports C02, C33, C46."""
    name = _group_column(matched.table, column, context)
    if name is None or name not in values.arrays:
        values.arrays.pop(column.name)
        values.broken.add(column.name)
        return
    group, cells, present = values.arrays[name], values.arrays[column.name], values.present[column.name]
    members = context.sets[str(column.per)]
    rows = np.flatnonzero(values.present[name])
    first = np.full(len(members), -1)
    first[group[rows[::-1]]] = rows[::-1]
    differs = (cells != cells[first[group]]) | (present != present[first[group]])
    differs[~values.present[name]] = False
    odd = np.argwhere(differs)
    if len(odd):
        context.collector.add(_not_constant(matched, column, members, group, first, odd, present))
    empty = np.flatnonzero(first < 0)
    if len(empty) and not column.optional:
        label = f"{matched.raw.name} has no rows of {listing(members[at] for at in empty[:20])}"
        help = f"add rows, or give `{column.name}` in a second table with one row for each {column.per}"
        context.collector.add(Diagnostic("C33", f"a {column.per} without a value", column.span, label, help=help))
    if len(odd) or (len(empty) and not column.optional):
        values.broken.add(column.name)
    values.arrays[column.name], values.present[column.name] = cells[first], present[first]
    values.present[column.name][empty] = False


def _group_column(table: Table, column: Column, context: Context) -> str | None:
    """The category column whose labels are the groups. Reports C46 unless there is exactly one."""
    group = str(column.per)
    names = [one.name for one in table.columns if one.kind == Member(group) and not one.key and wide(one) is None]
    if len(names) == 1:
        return names[0]
    label = f"{listing(names)} both do" if names else f"no column of {table.name} does"
    title = f"which column says what {group} a row belongs to?"
    help = f"give `{column.name}` in a second table: data {group}: with a key" if names else f"add the column: {group.lower()} : {group}"
    context.collector.add(Diagnostic("C46", title, column.span, label, help=help))
    return None


def _not_constant(
    matched: Matched, column: Column, members: Sequence[Label], group: np.ndarray, first: np.ndarray, odd: np.ndarray, present: np.ndarray
) -> Diagnostic:
    """`odd`: the cells that differ from the first one of their group, as indices into the column."""
    row, at = int(odd[0, 0]), tuple(int(one) for one in odd[0, 1:])
    rows = (int(first[group[row]]), row)
    source = matched.columns[column.name][at[0] if at else 0]
    cells = matched.raw.read(source)
    texts = [cells.shown(one).strip('"') if present[(one, *at)] else "nothing" for one in rows]
    start, other = (matched.raw.row_number(one) for one in rows)
    groups = len(np.unique(group[odd[:, 0]]))
    more = f"; so in {groups - 1:,} other groups" if groups > 2 else "; so in 1 other group" if groups == 2 else ""
    within = f" in {source}" if source != column.name else ""
    label = f"in {matched.raw.name}, {members[group[row]]} has {texts[0]} (row {start}) and {texts[1]} (row {other}){within}{more}"
    help = f"mend the cells, or take `per {column.per}` away: then it has one value for each {matched.table.name}"
    return Diagnostic("C02", "a column that should be constant in each group is not", column.span, label, help=help)


# Order ---------------------------------------------------------------------------------------------------------------


def row_order(matched: Matched, values: Values, context: Context) -> np.ndarray | None:
    """Positions of the rows in the declared order, groups together; None for a table without an order. Reports C45: rows that tie."""
    order = matched.table.order
    if order is None:
        return None
    count = matched.raw.rows
    by = _by(matched, order.by, values, context)
    group = values.arrays.get(order.within) if order.within else np.zeros(count, np.int64)
    if by is None or group is None or {order.by, order.within} & values.broken:
        return None
    rows = np.lexsort((np.arange(count), by, group))
    ties = np.flatnonzero((np.diff(by[rows]) == 0) & (np.diff(group[rows]) == 0))
    if order.by and len(ties):
        context.collector.add(_tie(matched, str(order.by), order.within, rows, ties, group, context))
        return None
    return rows


def _by(matched: Matched, name: str | None, values: Values, context: Context) -> np.ndarray | None:
    if name is None:
        return np.arange(matched.raw.rows)
    if any(column.key and column.name == name for column in matched.table.columns):
        members = context.sets.get(matched.table.name)
        if members is None:
            return None
        ranked = sorted(range(len(members)), key=lambda at: members[at] if all(isinstance(m, int) for m in members) else str(members[at]))
        return np.argsort(np.array(ranked))
    return values.arrays.get(name)


def _tie(
    matched: Matched, by: str, within: str | None, rows: np.ndarray, ties: np.ndarray, group: np.ndarray, context: Context
) -> Diagnostic:
    first, second = sorted(int(row) for row in rows[ties[0] : ties[0] + 2])
    column = next(one for one in matched.table.columns if one.name == by)
    text = matched.raw.read(matched.columns[by][0]).shown(first).strip('"')
    owner = ""
    if within is not None:
        kind = next(one.kind for one in matched.table.columns if one.name == within)
        assert isinstance(kind, Member)
        owner = f" of {context.sets[kind.set][group[first]]}"
    more = f", and {len(ties) - 1:,} more such pairs" if len(ties) > 1 else ""
    numbers = f"rows {matched.raw.row_number(first)} and {matched.raw.row_number(second)}"
    label = f"in {matched.raw.name}, {numbers}{owner} both have {text}{more}"
    help = "drop one of the rows, or order by a column that tells them apart" + ("" if within else "; `within` orders inside each group")
    return Diagnostic("C45", "two rows with the same place in the order", column.span, label, help=help)
