"""Tables that are not text: Parquet files, frames of pandas, polars and Arrow, and mappings from names to arrays.

narwhals and pyarrow are extras, imported only when such a table is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pplang import _files
from pplang._data.cells import Cells, RawTable, Text, Typed, cells_from_array, cells_from_objects
from pplang._data.report import problem
from pplang._diagnostics import Problems


def read_parquet(path: str) -> RawTable:
    """The columns of a Parquet file. Raises `Problems`: C29 pyarrow is not installed, C30 not Parquet, C35 too large."""
    name = Path(path).name
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise _needs("pyarrow", f"to read {name}") from None
    import pyarrow

    with _files.open_binary(path) as handle:
        try:
            file = parquet.ParquetFile(handle)
            needed = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
            memory = _files.spendable_memory()
            if 2 * needed > memory:
                note = f"it needs about {_files.size_text(2 * needed)} of memory, and {_files.size_text(memory)} may be used"
                raise problem(
                    "C35", f"{path} is too large for this machine", note, help="keep the columns that the model uses, or use fewer rows"
                )
            frame = file.read()
        except (pyarrow.ArrowException, OSError) as error:
            raise problem(
                "C30", f"{name} is not a Parquet file that can be read", _first_line(error), help="write it again, or give a CSV file"
            ) from None
    return read_frame(frame, name)


def read_frame(frame: Any, name: str) -> RawTable:
    """The columns of a pandas, polars or Arrow frame. Raises `Problems`: C29 narwhals is not installed, C26, C31, C39."""
    try:
        import narwhals
    except ImportError:
        raise _needs("narwhals", "to read frames") from None
    names = [str(column) for column in getattr(frame, "columns", [])] if type(frame).__module__.startswith("pandas") else []
    _check_names(names, name)
    if names:
        frame = frame.set_axis(names, axis=1)
    try:
        wrapped = narwhals.from_native(frame, eager_only=True)
    except TypeError:
        given = f"{type(frame).__module__.split('.')[0]}.{type(frame).__name__}"
        help = (
            "call .collect() on it first"
            if type(frame).__name__ == "LazyFrame"
            else "give a path, a frame, or a mapping from names to arrays"
        )
        raise problem("C39", f"a table cannot be read from a {given}", help=help) from None
    names = list(wrapped.columns)
    _check_names(names, name)
    if len(wrapped) == 0:
        raise _no_rows(name)
    return RawTable(name, tuple(column.strip() for column in names), len(wrapped), lambda column: _series(wrapped, names, column, name))


def read_mapping(columns: Mapping[str, Any], name: str) -> RawTable:
    """One-dimensional arrays or lists by name. Raises `Problems`: C21 no rows, C37 not a column, C38 lengths that differ."""
    cells = {str(key).strip(): _column(value, str(key), name) for key, value in columns.items()}
    lengths = {key: len(one) for key, one in cells.items()}
    if len(set(lengths.values())) > 1:
        notes = [f"{key}: {length}" for key, length in list(lengths.items())[:8]]
        raise problem("C38", f"the columns of {name} are not all of one length", *notes, help="give every column one value for each row")
    rows = next(iter(lengths.values()), 0)
    if rows == 0:
        raise _no_rows(name)
    return RawTable(name, tuple(cells), rows, cells.__getitem__)


def _series(wrapped: Any, names: list[str], column: str, table: str) -> Cells:
    series = wrapped[next(one for one in names if one.strip() == column)]
    dtype = series.dtype
    if dtype.is_integer() or dtype.is_float():
        missing = series.is_null().to_numpy()
        cells = cells_from_array(np.asarray((series.fill_null(0) if missing.any() else series).to_numpy()))
        assert isinstance(cells, Typed)
        return Typed(cells.values, cells.missing | missing)
    found = None if dtype.is_nested() else cells_from_objects(series.to_list())
    if found is None:
        raise _not_a_column(column, str(dtype), table)
    return _storable(found, column, table)


def _column(value: Any, column: str, table: str) -> Cells:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__len__"):
        raise _not_a_column(column, type(value).__name__, table)
    if isinstance(value, (list, tuple)):
        cells = cells_from_objects(list(value))
    else:
        array = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
        if array.ndim != 1:
            raise _not_a_column(column, f"array with {array.ndim} axes", table)
        cells = cells_from_array(array)
    if cells is None:
        raise _not_a_column(column, "list of other things than numbers, strings and dates", table)
    return _storable(cells, column, table)


def _storable(cells: Cells, column: str, table: str) -> Cells:
    """The cells, if their texts can be shown and written to a file."""
    text = "".join(cells.cells) if isinstance(cells, Text) else ""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in set(text)):
        raise problem("C34", f"column {column} of {table} holds labels with NUL or broken characters", help="mend the labels")
    return cells


def _check_names(names: list[str], table: str) -> None:
    stripped = [name.strip() for name in names]
    twice = [name for name in dict.fromkeys(stripped) if stripped.count(name) > 1]
    if twice:
        places = [f"{name}: columns {', '.join(str(at) for at, one in enumerate(stripped, 1) if one == name)}" for name in twice[:5]]
        raise problem("C26", f"{table} has several columns of one name", *places, help="give every column a name of its own")


def _not_a_column(column: str, given: str, table: str) -> Problems:
    help = "give one number, string, date or truth value for each row"
    return problem("C37", f"column {column} of {table} cannot be used: it is a {given}", help=help)


def _no_rows(name: str) -> Problems:
    return problem("C21", f"{name} has no rows", help="add the rows")


def _needs(library: str, purpose: str) -> Problems:
    return problem(
        "C29", f"{library} is needed {purpose}, and is not installed", help='install it (pip install "pplang[frames]"), or give a CSV file'
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0][:120]
