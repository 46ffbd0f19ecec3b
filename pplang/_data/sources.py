"""Which source is which: the tables and inputs that were given, matched to those that the model declares."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pplang._data.cells import RawTable
from pplang._data.csv_text import read_delimited
from pplang._data.frames import read_frame, read_mapping, read_parquet
from pplang._data.input_files import read_inputs
from pplang._data.inputs import Given, Setting
from pplang._data.report import listing, nearest
from pplang._diagnostics import Collector, Diagnostic, Problems
from pplang._ir.program import Program, Table

TableSource = Any
Tables = Mapping[str | None, TableSource] | Sequence[tuple[str | None, TableSource]]

_INPUT_ENDINGS = (".json", ".npz")
_PARQUET_ENDINGS = (".parquet", ".pq")
_OTHER_ENDINGS = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet"),
    **dict.fromkeys((".gz", ".zip", ".xz", ".bz2"), "a compressed file"),
    **dict.fromkeys((".rds", ".rdata"), "a file of R"),
    ".feather": "a Feather file",
    ".sav": "a file of SPSS",
    ".dta": "a file of Stata",
}


def read_tables(program: Program, given: Tables, collector: Collector) -> tuple[dict[str, RawTable], list[str]]:
    """The raw table for each declared one, as far as they can be read; and the files that hold inputs instead."""
    pairs = list(given.items() if isinstance(given, Mapping) else given)
    input_files = [source for name, source in pairs if name is None and _ends(source, _INPUT_ENDINGS)]
    chosen: dict[str, TableSource] = {}
    for name, source in pairs:
        if name is None and _ends(source, _INPUT_ENDINGS):
            continue
        table = _table_for(program, name, source, chosen, collector)
        if table is not None:
            chosen[table.name] = source
    for table in program.tables:
        if table.name not in chosen:
            example = f"{table.name}={table.name.lower()}.csv"
            first = table is program.tables[0]
            help = "name a CSV file after the model" if first else f"name its file: {example}"
            collector.add(Diagnostic("C28", f"no data for the table {table.name}", table.span, "which file is this?", help=help))
    raw: dict[str, RawTable] = {}
    for name, source in chosen.items():
        try:
            raw[name] = _read(source, name)
        except Problems as problems:
            for one in problems.diagnostics:
                collector.add(one)
    return raw, input_files


def _table_for(program: Program, name: str | None, source: TableSource, chosen: Mapping[str, Any], collector: Collector) -> Table | None:
    """The table that a source is for; reports C31 where there is none."""
    shown = os.fspath(source) if isinstance(source, (str, os.PathLike)) else "a frame"
    table = program.tables[0] if name is None and program.tables else next((one for one in program.tables if one.name == name), None)
    if table is None:
        names = [one.name for one in program.tables]
        near = nearest(name or "", names)
        help = f"did you mean {near}={shown}?" if near else f"the model declares {listing(names)}" if names else "leave the file out"
        title = f"the model has no table {name}" if name else f"the model declares no table, and {shown} is one"
        collector.add(Diagnostic("C31", title, notes=(f"{shown} is given for it",) if name else (), help=help))
        return None
    if table.name in chosen:
        others = [one.name for one in program.tables if one.name not in chosen]
        help = f"say which table it is for: {others[0]}={shown}" if others else "leave one of them out"
        collector.add(Diagnostic("C31", f"two sources for the table {table.name}", table.span, f"{shown} is the second", help=help))
        return None
    return table


def _read(source: TableSource, table: str) -> RawTable:
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        ending = Path(path).suffix.lower()
        if ending in _PARQUET_ENDINGS:
            return read_parquet(path)
        if ending in _OTHER_ENDINGS:
            title = f"{path} is not read: it looks like {_OTHER_ENDINGS[ending]}"
            raise Problems([Diagnostic("C44", title, help="save it as CSV, TSV or Parquet")])
        return read_delimited(path)
    if isinstance(source, Mapping):
        return read_mapping(source, f"the table {table}")
    return read_frame(source, f"the frame {table}")


def read_all_inputs(
    program: Program, given: object, files: Iterable[Any], settings: Iterable[tuple[str, str]], collector: Collector
) -> tuple[dict[str, Given], bool]:
    """Every input value by name, settings last (they replace what a file says); and whether all sources could be read. Reports I10, I11."""
    found: dict[str, Given] = {}
    complete = True
    arrays = frozenset(one.name for one in program.inputs if one.sets)
    parts = [*files, *(given if isinstance(given, (list, tuple)) else [given] if given is not None else [])]
    for part in parts:
        try:
            values, origin = _input_part(part, arrays)
        except Problems as problems:
            complete = False
            for one in problems.diagnostics:
                collector.add(one)
            continue
        for name, value in values.items():
            if name in found:
                note = f"{found[name].origin} and {origin} both give it"
                collector.add(Diagnostic("I11", f"the input {name} is given twice", notes=(note,), help="keep one of them"))
            else:
                found[name] = Given(value, origin)
    known = [one.name for one in program.inputs]
    for name, text in settings:
        if name in known:
            found[name] = Given(Setting(text), "--set")
        else:
            near = nearest(name, known)
            help = (
                f"did you mean --set {near}={text}?"
                if near
                else f"the model's inputs are {listing(known)}"
                if known
                else "it has no inputs"
            )
            collector.add(Diagnostic("I10", f"the model has no input {name} to set", help=help))
    return found, complete


def _input_part(part: Any, arrays: frozenset[str]) -> tuple[Mapping[str, Any], str]:
    if isinstance(part, Mapping):
        return part, "the mapping of inputs"
    if isinstance(part, (str, os.PathLike)):
        path = os.fspath(part)
        if not _ends(path, _INPUT_ENDINGS):
            raise Problems([Diagnostic("I12", f"inputs are read from .json and .npz files, and {path} is neither", help="save it as JSON")])
        return read_inputs(path, arrays), Path(path).name
    title = f"inputs cannot be read from a {type(part).__name__}"
    raise Problems([Diagnostic("I12", title, help="give a mapping from names to values, or a path")])


def _ends(source: object, endings: tuple[str, ...]) -> bool:
    return isinstance(source, (str, os.PathLike)) and os.fspath(source).lower().endswith(endings)
