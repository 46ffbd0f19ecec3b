"""Which columns of a file each declared column means: by its name, by another name, by a list, a range or a pattern."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pplang._data.cells import RawTable
from pplang._data.labels import Label, in_natural_order, label_of
from pplang._data.report import listing, nearest
from pplang._data.values import parse_number
from pplang._diagnostics import Collector, Diagnostic
from pplang._ir.program import Column, FromList, FromPattern, FromRange, Program, Table


@dataclass(frozen=True)
class Matched:
    """A table of the model with its file. columns: for every declared column that was found, its column or columns in the file."""

    table: Table
    raw: RawTable
    columns: dict[str, tuple[str, ...]]


def match(program: Program, table: Table, raw: RawTable, collector: Collector) -> Matched:
    """Find every column that the table declares; reports C03, C17, C18, C22, C47."""
    given = {_normal(name): name for name in raw.names}
    found: dict[str, tuple[str, ...]] = {}
    declared = [column for column in table.columns if column.value is None and _has_one_axis(column, collector)]
    patterns = [column for column in declared if _is_pattern(column)]
    missing = []
    for column in declared:
        if column not in patterns:
            names = _explicit(program, column)
            absent = [name for name in names if _normal(name) not in given]
            if absent:
                missing.append((column, absent))
            else:
                found[column.name] = tuple(given[_normal(name)] for name in names)
    if missing and not found and all(name and parse_number(name) is not None for name in raw.names):
        note = f"its first line is {listing(raw.names)}"
        help = "add a first line with the names of the columns"
        collector.add(
            Diagnostic("C22", f"{raw.name} has no header", table.span, f"none of these columns is in {raw.name}", notes=(note,), help=help)
        )
        return Matched(table, raw, found)
    for column, absent in missing:
        collector.add(_missing_column(column, absent, raw))
    _match_patterns(program, patterns, raw, found, collector)
    return Matched(table, raw, found)


def _has_one_axis(column: Column, collector: Collector) -> bool:
    """The columns of a file run over one set; reports C47 for `x[A, B]`."""
    if len(column.sets) <= 2:
        return True
    axes = listing(column.sets[1:])
    label = f"it is over {axes}, and columns stand in one row"
    help = f"read them over one set, {column.name}[{column.sets[1]}], or give the table in long form: a column for each of {axes}"
    collector.add(Diagnostic("C47", "columns of a file over more than one index set", column.span, label, help=help))
    return False


def wide(column: Column) -> str | None:
    """The set that the columns of the file run over, for `x[Gene]`."""
    return column.sets[-1] if len(column.sets) > 1 or isinstance(column.source, (FromRange, FromList)) else None


def _is_pattern(column: Column) -> bool:
    return isinstance(column.source, FromPattern) and wide(column) is not None


def _explicit(program: Program, column: Column) -> Sequence[str]:
    """The names in the file that the model spells out."""
    match column.source:
        case None:
            return (column.name,)
        case FromPattern(pattern):
            return (pattern,)
        case FromList(columns):
            return columns
        case FromRange(first, last):
            return range_names(first, last)


def range_names(first: str, last: str) -> Sequence[str]:
    """`"X_2".."X_25"`: X_2, X_3, ... The ends share what stands before and after their number. At most a million names."""
    stem = first.rstrip("0123456789")
    start, stop = first[len(stem) :], last[len(stem) :]
    if not (last.startswith(stem) and start.isdigit() and stop.isdigit() and len(stop) <= 9 and len(start) <= 9):
        return (first, last)
    width = len(start) if start.startswith("0") else 0
    numbers = range(int(start), min(int(stop), int(start) + 1_000_000) + 1)
    return [f"{stem}{number:0{width}d}" for number in numbers] or (first, last)


def _match_patterns(
    program: Program, patterns: list[Column], raw: RawTable, found: dict[str, tuple[str, ...]], collector: Collector
) -> None:
    """Give every column that is not named to the pattern with the longest literal prefix."""
    named = {name for names in found.values() for name in names}
    taken: dict[str, list[str]] = {column.name: [] for column in patterns}
    ties: dict[tuple[str, ...], list[str]] = {}
    for name in raw.names:
        fitting = [column for column in patterns if name and name not in named and _fits(column, name)]
        longest = max((_prefix(column) for column in fitting), default=0)
        best = [column.name for column in fitting if _prefix(column) == longest]
        if len(best) == 1:
            taken[best[0]].append(name)
        elif best:
            ties.setdefault(tuple(best), []).append(name)
    spans = {column.name: column.span for column in patterns}
    for names, columns in ties.items():
        title = f"two patterns match {listing(columns)} equally well"
        help = "make one pattern longer at its start, or list the columns: from {a, b}"
        collector.add(Diagnostic("C18", title, spans[names[1]], f"{listing(names)} both claim it in {raw.name}", help=help))
    for column in patterns:
        assert isinstance(column.source, FromPattern)
        matching = taken[column.name]
        if not matching:
            title = f"no column of {raw.name} matches {column.source.pattern!r}".replace("'", '"')
            if not any(column.name in tie for tie in ties):
                collector.add(
                    Diagnostic("C17", title, column.span, notes=(f"{raw.name} has {listing(raw.names, 12)}",), help="mend the pattern")
                )
            continue
        index_set = program.set[column.sets[-1]]
        found[column.name] = tuple(in_natural_order(matching) if index_set.ordered else matching)


def _fits(column: Column, name: str) -> bool:
    assert isinstance(column.source, FromPattern)
    before, star, after = _normal(column.source.pattern).partition("*")
    name = _normal(name)
    if not star:
        return name == before
    return len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after)


def _prefix(column: Column) -> int:
    assert isinstance(column.source, FromPattern)
    return len(column.source.pattern.partition("*")[0])


def star_labels(column: Column, names: Sequence[str]) -> tuple[Label, ...]:
    """What the `*` (or the number of a range) stands for in each name: 1 in y_1."""
    match column.source:
        case FromPattern(pattern):
            before, _, after = _normal(pattern).partition("*")
        case FromRange(first, _):
            before, after = first.rstrip("0123456789"), ""
        case _:
            before, after = "", ""
    return tuple(label_of(_normal(name)[len(before) : len(_normal(name)) - len(after)]) for name in names)


def _missing_column(column: Column, absent: Sequence[str], raw: RawTable) -> Diagnostic:
    near = nearest(absent[0], raw.names)
    title = f"no column {listing(absent)} in {raw.name}"
    if near is not None and len(absent) == 1:
        rename = f'`from "{near}"` after the type uses that column under the name `{column.name}`'
        return Diagnostic("C03", title, column.span, f"did you mean `{near}`?", help=f"{rename}; or mend the name")
    return Diagnostic(
        "C03", title, column.span, f"{raw.name} has {listing(raw.names, 12)}", help="mend the name, or add the column to the file"
    )


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)
