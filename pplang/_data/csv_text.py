"""Delimited text (CSV, TSV) as a table of cells, or everything that is wrong with the file's form.

Read with the standard `csv` module: a quoted cell may hold delimiters and line breaks, quotes inside are doubled. Blanks around names
and cells do not count; lines that are wholly blank are passed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pplang import _files
from pplang._data.cells import RawTable, Text
from pplang._data.report import problem
from pplang._diagnostics import Problems

_TAB_ENDINGS = (".tsv", ".tab")
_CHUNK = 10_000
_BYTES_PER_CELL = 64
"""What a short string and a reference to it take."""


def read_delimited(path: str) -> RawTable:
    """A CSV file, or a TSV file by its ending. Raises `Problems`: what `read_text` raises, C20, C21, C23, C24, C26, C27, C35."""
    size = _files.file_size(path)
    memory = _files.spendable_memory()
    if size > memory:
        raise _too_large(path, size, memory)
    text = _files.read_text(path, memory)
    delimiter = "\t" if Path(path).suffix.lower() in _TAB_ENDINGS else ","
    needed = 2 * len(text) + _BYTES_PER_CELL * (text.count(delimiter) + text.count("\n"))
    if needed > memory:
        raise _too_large(path, needed, memory)
    return parse_delimited(text, Path(path).name, delimiter)


def parse_delimited(text: str, name: str, delimiter: str) -> RawTable:
    """The table that a text holds. `name` is for messages. Raises `Problems` (C20, C21, C23, C24, C26, C27)."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    body = _Body()
    try:
        header = body.head(reader)
        _check_header(header, name, delimiter)
        body.take(reader)
    except csv.Error as error:
        row, line = _broken_row(text, delimiter)
        note = f"the fault is in row {row}, which begins in line {line}: {error}"
        help = "close the quote, and write a quote inside a quoted cell twice"
        raise problem("C27", f"the quotes in {name} do not match", note, help=help) from None
    _check_body(body, header, name)
    cells = dict(zip(header, body.columns, strict=True))
    return RawTable(name, tuple(header), body.count, lambda column: Text(cells[column]), body.first_row, tuple(body.blank_before))


def _broken_row(text: str, delimiter: str) -> tuple[int, int]:
    """The number of the first row that cannot be read, and of the line that it begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row, line = 1, 1
    with suppress(csv.Error):
        for _ in reader:
            row, line = row + 1, reader.line_num + 1
    return row, line


@dataclass
class _Body:
    """Rows turned into columns chunk by chunk; rows of another width are remembered with their numbers. number: rows read so far."""

    number: int = 0
    first_row: int = 2
    columns: list[list[str]] = field(default_factory=list)
    count: int = 0
    blank_before: list[int] = field(default_factory=list)
    ragged: list[tuple[int, int]] = field(default_factory=list)

    def head(self, rows: Iterator[list[str]]) -> list[str]:
        """The names of the columns: the first row that is not blank."""
        names: list[str] = []
        while not any(names):
            row = next(rows, None)
            if row is None:
                return []
            names = [cell.strip() for cell in row]
            self.number += 1
        self.first_row = self.number + 1
        self.columns = [[] for _ in names]
        return names

    def take(self, rows: Iterator[list[str]]) -> None:
        while chunk := list(islice(rows, _CHUNK)):
            kept = chunk if set(map(len, chunk)) == {len(self.columns)} else self._without_odd(chunk)
            for column, cells in zip(self.columns, zip(*kept, strict=True), strict=False):
                column.extend(cells)
            self.count += len(kept)
            self.number += len(chunk)
        while self.blank_before and self.blank_before[-1] >= self.count:
            self.blank_before.pop()

    def _without_odd(self, chunk: list[list[str]]) -> list[list[str]]:
        kept: list[list[str]] = []
        for number, row in enumerate(chunk, self.number + 1):
            if not row or (len(row) == 1 and len(self.columns) > 1 and not row[0].strip()):
                self.blank_before.append(self.count + len(kept))
            elif len(row) != len(self.columns):
                self.ragged.append((number, len(row)))
            else:
                kept.append(row)
        return kept


def _check_header(header: list[str], name: str, delimiter: str) -> None:
    if not header:
        raise problem("C20", f"{name} is empty", help="give a file with a header line and rows")
    if len(header) == 1:
        for other, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (",", "commas")):
            if other != delimiter and any(other in cell for cell in header):
                used = "tabs" if delimiter == "\t" else "commas"
                help = {"\t": "name the file .tsv", ",": "name the file .csv"}.get(other, f"save it again with {used}")
                title = f"the cells of {name} are separated by {word}, not {used}"
                raise problem("C24", title, f"its first line is {_cut(header[0].replace(chr(9), '<tab>'))}", help=help)
    twice = [column for column in dict.fromkeys(header) if column and header.count(column) > 1]
    if twice:
        places = [f"{column}: columns {', '.join(str(at) for at, one in enumerate(header, 1) if one == column)}" for column in twice[:5]]
        raise problem("C26", f"{name} has several columns of one name", *places, help="give every column a name of its own")


def _check_body(body: _Body, header: list[str], name: str) -> None:
    if body.ragged:
        first = [f"row {number} has {_cells(width)}" for number, width in body.ragged[:3]]
        more = f", and {len(body.ragged) - 3} more rows differ" if len(body.ragged) > 3 else ""
        named = body.count == 0 and {width for _, width in body.ragged} == {len(header) + 1}
        help = (
            "every row has a name in front that the header lacks: write the file without row names (in R: row.names = FALSE)"
            if named
            else "give every row as many cells as the header; put cells that hold a comma into quotes"
        )
        raise problem(
            "C23",
            f"the rows of {name} are not all of one width",
            f"the header has {_cells(len(header))}; {', '.join(first)}{more}",
            help=help,
        )
    if body.count == 0:
        raise problem("C21", f"{name} has a header and no rows", f"its columns are {_cut(', '.join(header))}", help="add the rows")


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _too_large(path: str, needed: float, memory: float) -> Problems:
    note = f"it needs about {_files.size_text(needed)} of memory, and {_files.size_text(memory)} may be used"
    return problem("C35", f"{path} is too large for this machine", note, help="keep the columns that the model uses, or use fewer rows")
