"""One column of cells as it came, before anything is known of its kind; and a table of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

MISSING_WORDS = frozenset({"", "NA", "NaN", "nan", "null", "NULL"})
"""What an empty cell looks like in a text file; `--na TEXT` adds to it."""


@dataclass(frozen=True)
class Text:
    """Cells of a text file. Blanks around a cell do not count."""

    cells: Sequence[str]

    def __len__(self) -> int:
        return len(self.cells)

    def shown(self, position: int) -> str:
        return f'"{_cut(self.cells[position].strip())}"'


@dataclass(frozen=True)
class Typed:
    """Cells that have a type: `values` is of bool, int64, uint64, float64 or datetime64[s]; `missing` marks empty ones."""

    values: np.ndarray
    missing: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def shown(self, position: int) -> str:
        value = self.values[position]
        return str(value).replace("T", " ") if self.values.dtype.kind == "M" else _cut(f"{value}")


Cells = Text | Typed


@dataclass(frozen=True)
class RawTable:
    """The columns of one file or frame, unread until asked for.

    name: what to call it in messages. first_row: the number of its first row as a user counts (2 below a header). skipped: positions of
    the rows before which blank lines were passed over, so that row numbers stay those of the file.
    """

    name: str
    names: tuple[str, ...]
    rows: int
    read: Callable[[str], Cells]
    first_row: int = 1
    blank_before: tuple[int, ...] = ()

    def row_number(self, position: int) -> int:
        """The number of a row, as a user counts."""
        return self.first_row + position + sum(blank <= position for blank in self.blank_before)


def cells_from_array(array: np.ndarray) -> Cells | None:
    """Cells of a one-dimensional NumPy array; None where its type is not one that a column can have."""
    missing = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else np.zeros(len(array), bool)
    array = np.ma.getdata(array)
    match array.dtype.kind:
        case "b":
            return Typed(array, missing)
        case "i":
            return Typed(array.astype(np.int64), missing)
        case "u":
            return Typed(array.astype(np.uint64), missing)
        case "f":
            values = array.astype(np.float64)
            return Typed(values, missing | np.isnan(values))
        case "M":
            return Typed(array.astype("datetime64[s]"), missing | np.isnat(array))
        case "U" | "O" | "T":
            return cells_from_objects(np.ma.MaskedArray(array, missing).tolist() if missing.any() else array.tolist())
    return None


def cells_from_objects(items: list[Any]) -> Cells | None:
    """Cells of Python objects: numbers, truth values, dates, strings; None or not-a-number is empty. None where one is not of those."""
    if not {type(item) for item in items} <= {type(None), bool, int, float, str}:
        items = [_plain(item) for item in items]
    types = {type(item) for item in items}
    if not types <= {type(None), bool, int, float, str, date, datetime}:
        return None
    missing = np.fromiter((item is None or item != item for item in items), bool, len(items))
    present = types - {type(None)}
    if present <= {bool}:
        return Typed(np.fromiter(map(bool, items), bool, len(items)), missing)
    if present <= {int, float}:
        return _numbers(items, missing, whole=present == {int})
    if present <= {date, datetime}:
        return Typed(np.array([None if gone else item for item, gone in zip(items, missing, strict=True)], "datetime64[s]"), missing)
    return Text(["" if gone else str(item) for item, gone in zip(items, missing, strict=True)])


def _plain(item: Any) -> Any:
    """The Python object behind a NumPy or pandas scalar or a decimal."""
    match type(item).__name__:
        case "NAType" | "NaTType":
            return None
        case "Timestamp":
            return item.to_pydatetime().replace(tzinfo=None)
        case "datetime":
            return item.replace(tzinfo=None)
        case "Decimal":
            return float(item)
    return item.item() if isinstance(item, np.generic) else item


def _numbers(items: list[Any], missing: np.ndarray, *, whole: bool) -> Cells:
    filled = [0 if gone else item for item, gone in zip(items, missing, strict=True)] if missing.any() else items
    try:
        return Typed(np.array(filled, np.int64 if whole else np.float64), missing)
    except OverflowError:
        return Text(["" if gone else str(item) for item, gone in zip(items, missing, strict=True)])


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
