"""Cells become numbers: a column of one kind, or all the cells that are not of that kind.

Whole columns are converted at once; cells are looked at one by one only when that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import inf, nan

import numpy as np

from pplang._data.cells import MISSING_WORDS, Cells, Text, Typed
from pplang._data.labels import Label, label_of
from pplang._ir.kinds import Boolean, Date, Interval, Kind, Member

EXACT = 2.0**53
"""Whole numbers from here on are not all distinct as float64."""

_NUMBER_CHARACTERS = frozenset("0123456789+-.eE \t")


@dataclass(frozen=True)
class Fault:
    """Cells that are wrong in one way. `one` and `many` continue "homes.csv has ..."; positions: which cells."""

    code: str
    title: str
    one: str
    many: str
    positions: np.ndarray
    help: str


@dataclass(frozen=True)
class Converted:
    """values: float64, int64 or bool; where `present` is false the value is one inside the kind, and means nothing."""

    values: np.ndarray
    present: np.ndarray
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Reading:
    """How cells are read. missing: the words of an empty cell. position: for categories, from a label to its place in the set."""

    missing: frozenset[str] = MISSING_WORDS
    position: Callable[[Label], int | None] | None = None


def convert(cells: Cells, kind: Kind, reading: Reading) -> Converted:
    """The values of a column of some kind. Faulty cells hold a value inside the kind, so that one fault does not bring another."""
    match kind:
        case Interval():
            return _interval(cells, kind, reading)
        case Boolean():
            return _booleans(cells, reading)
        case Date():
            return _dates(cells, reading)
        case Member():
            return _members(cells, reading)
    raise AssertionError(f"a column cannot be of kind {kind}")


def filler(kind: Kind) -> float:
    """A value inside a kind, away from its ends where there is room."""
    if not isinstance(kind, Interval):
        return 0
    low, high = kind.lower, kind.upper
    middle = (low + high) / 2 if max(-low, high) < inf else low + 1 if low > -inf else high - 1 if high < inf else 0.0
    return float(np.ceil(middle) if np.ceil(middle) <= high else np.floor(middle)) if kind.integer else middle


# Numbers -------------------------------------------------------------------------------------------------------------


def _interval(cells: Cells, kind: Interval, reading: Reading) -> Converted:
    numbers, present, faults = _text_numbers(cells, reading, kind) if isinstance(cells, Text) else _typed_numbers(cells)
    checks = (_infinite, _fractional, _inexact, _outside) if kind.integer else (_infinite, _outside)
    for check in checks:
        fault = check(numbers, present, kind)
        if fault is not None:
            faults = (*faults, fault)
            present = present.copy()
            present[fault.positions] = False
    bad = np.concatenate([fault.positions for fault in faults]) if faults else np.zeros(0, np.int64)
    values = np.where(present, numbers, filler(kind)) if not present.all() else numbers
    present = present.copy()
    present[bad] = True
    return Converted(values.astype(np.int64) if kind.integer else values, present, faults)


def _typed_numbers(cells: Typed) -> tuple[np.ndarray, np.ndarray, tuple[Fault, ...]]:
    if cells.values.dtype.kind == "M":
        where = np.flatnonzero(~cells.missing)
        fault = Fault(
            "C04", "dates where numbers are needed", "cell that is a date", "cells that are dates", where, "declare the column as a `date`"
        )
        return np.full(len(cells), nan), np.zeros(len(cells), bool), (fault,) if len(where) else ()
    return cells.values.astype(np.float64), ~cells.missing, ()


def _text_numbers(cells: Text, reading: Reading, kind: Interval) -> tuple[np.ndarray, np.ndarray, tuple[Fault, ...]]:
    whole = _whole_column(cells.cells, reading.missing)
    if whole is not None:
        return *whole, ()
    parsed = {text: parse_number(text, reading.missing) for text in dict.fromkeys(cells.cells)}
    wrong = {text for text, number in parsed.items() if number is None}
    numbers = np.array([parsed[text] for text in cells.cells], np.float64)
    if not wrong:
        return numbers, ~np.isnan(numbers), ()
    positions = np.flatnonzero(np.fromiter((text in wrong for text in cells.cells), bool, len(cells)))
    help = _number_help([text.strip() for text in parsed if text in wrong], everything=len(wrong) == len(parsed))
    fault = Fault("C04", "text where numbers are needed", "cell that is not a number", "cells that are not numbers", positions, help)
    return numbers, ~np.isnan(numbers), (fault,)


def _whole_column(cells: Sequence[str], missing: frozenset[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """The numbers and which are present, when every cell is plainly a number or empty. Not where some number means an empty cell."""
    if any(parse_number(word) is not None for word in missing):
        return None
    numbers = _all_numbers(cells)
    if numbers is not None:
        return numbers, np.ones(len(cells), bool)
    rest = _all_numbers([text for text in cells if text not in missing])
    if rest is None:
        return None
    present = np.fromiter((text not in missing for text in cells), bool, len(cells))
    numbers = np.full(len(cells), nan)
    numbers[present] = rest
    return numbers, present


def _all_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """The cells as numbers when every one is plainly a number, in one pass."""
    if not set("".join(cells)) <= _NUMBER_CHARACTERS:
        return None
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None


def parse_number(text: str, missing: frozenset[str] = frozenset()) -> float | None:
    """A decimal of ASCII digits (or an infinity, refused later); nan for an empty cell; None for anything else."""
    text = text.strip()
    if text in missing:
        return nan
    if text.lstrip("+-").lower() in ("inf", "infinity"):
        return -inf if text.startswith("-") else inf
    if not set(text) <= _NUMBER_CHARACTERS:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _number_help(wrong: list[str], *, everything: bool) -> str:
    first = wrong[0]
    commas = first.replace(",", "")
    if "," in first and parse_number(commas) is not None:
        grouped = all(len(group) == 3 for group in first.split(",")[1:]) and "." not in first.split(",")[0]
        return f"write {commas}, without separators between thousands" if grouped else f"write a point: {first.replace(',', '.')}"
    if parse_number(first.replace("_", "")) is not None:
        return f"write {first.replace('_', '')}"
    if any(character.isdigit() and not character.isascii() for character in first):
        return "write numbers with the digits 0 to 9"
    if len(wrong) > 1:
        categories = "declare the column with the name of an index set, for example `region : Region`"
        return f"if these are categories, {categories}" if everything else f"mend the cells; or, if these are categories, {categories}"
    return f"mend the cells; if {first!r} means an empty cell, say --na {first!r} and declare the column with `?`".replace("'", '"')


def _infinite(numbers: np.ndarray, present: np.ndarray, kind: Interval) -> Fault | None:
    help = "use a large finite number, or leave the cell empty"
    return _fault_where(present & np.isinf(numbers), "C07", "infinite values", "infinite value", "infinite values", help)


def _fractional(numbers: np.ndarray, present: np.ndarray, kind: Interval) -> Fault | None:
    help = "declare the column as `real`, or round the numbers"
    wrong = present & (np.floor(numbers) != numbers)
    return _fault_where(
        wrong, "C05", "fractions in a column of whole numbers", "number that is not whole", "numbers that are not whole", help
    )


def _inexact(numbers: np.ndarray, present: np.ndarray, kind: Interval) -> Fault | None:
    help = "use smaller numbers, or an index set if these are identifiers: `id : Id`"
    title = "whole numbers too large to be exact"
    wrong = present & (np.abs(numbers) >= EXACT)
    return _fault_where(wrong, "C15", title, "whole number beyond 2^53", "whole numbers beyond 2^53", help)


def _outside(numbers: np.ndarray, present: np.ndarray, kind: Interval) -> Fault | None:
    below = numbers <= kind.lower if kind.lower_open and kind.lower > -inf else numbers < kind.lower
    above = numbers >= kind.upper if kind.upper_open and kind.upper < inf else numbers > kind.upper
    words = bounds_words(kind)
    help = "mend the cells, or widen the type in the model"
    return _fault_where(
        present & (below | above), "C06", "values outside their type", f"value that is not {words}", f"values that are not {words}", help
    )


def _fault_where(wrong: np.ndarray, code: str, title: str, one: str, many: str, help: str) -> Fault | None:
    return Fault(code, title, one, many, np.flatnonzero(wrong), help) if wrong.any() else None


def bounds_words(kind: Interval) -> str:
    """`above 0`, `from 0 to 1`: the bounds of a kind in words."""
    low = f"above {kind.lower:g}" if kind.lower_open else f"at least {kind.lower:g}"
    high = f"below {kind.upper:g}" if kind.upper_open else f"at most {kind.upper:g}"
    if kind.lower > -inf and kind.upper < inf:
        return f"from {kind.lower:g} to {kind.upper:g}" if not (kind.lower_open or kind.upper_open) else f"{low} and {high}"
    return low if kind.lower > -inf else high


# Truth values, dates, categories -------------------------------------------------------------------------------------

_SPELLINGS = {"true": ("true/false", True), "false": ("true/false", False), "yes": ("yes/no", True), "no": ("yes/no", False)}
_SPELLINGS |= {"1": ("0/1", True), "0": ("0/1", False), "1.0": ("0/1", True), "0.0": ("0/1", False)}


def _booleans(cells: Cells, reading: Reading) -> Converted:
    help = "write 0 and 1, true and false, or yes and no"
    title = "cells that are neither true nor false"
    if isinstance(cells, Typed):
        wrong = ~cells.missing & (cells.values != cells.values.astype(bool)) if cells.values.dtype.kind != "M" else ~cells.missing
        fault = _fault_where(wrong, "C13", title, "cell that is neither true nor false", "cells that are neither true nor false", help)
        values = np.where(cells.missing | wrong, False, cells.values.astype(bool))
        return Converted(values, ~cells.missing, (fault,) if fault else ())
    found = {text: _SPELLINGS.get(text.strip().lower()) for text in dict.fromkeys(cells.cells)}
    absent = {text for text in found if text.strip() in reading.missing}
    wrong = _where(cells, {text for text, meaning in found.items() if meaning is None} - absent)
    fault = _fault_where(wrong, "C13", title, "cell that is neither true nor false", "cells that are neither true nor false", help)
    faults = [fault] if fault else []
    families = list(dict.fromkeys(meaning[0] for text, meaning in found.items() if meaning and text not in absent))
    if len(families) > 1:
        odd = {text for text, meaning in found.items() if meaning and meaning[0] != families[0]} - absent
        one, many = f"cell that is not {families[0]}, as the first ones are", f"cells that are not {families[0]}, as the first ones are"
        faults.append(Fault("C14", "two spellings of true and false in one column", one, many, np.flatnonzero(_where(cells, odd)), help))
    truth = {text: bool(meaning and meaning[1]) for text, meaning in found.items()}
    values = np.fromiter(map(truth.__getitem__, cells.cells), bool, len(cells))
    return Converted(values, ~_where(cells, absent), tuple(faults))


def _dates(cells: Cells, reading: Reading) -> Converted:
    help = "write dates as 2024-03-31"
    title, one, many = "cells that are not dates", "cell that is not a date", "cells that are not dates"
    if isinstance(cells, Typed):
        if cells.values.dtype.kind != "M":
            fault = _fault_where(~cells.missing, "C16", title, one, many, help)
            return Converted(np.zeros(len(cells), np.int64), ~cells.missing, (fault,) if fault else ())
        days = cells.values.astype("datetime64[D]")
        timed = ~cells.missing & (days != cells.values)
        fault = _fault_where(timed, "C16", "times of day in a column of dates", "cell with a time of day", "cells with a time of day", help)
        return Converted(np.where(cells.missing, 0, days.astype(np.int64)), ~cells.missing, (fault,) if fault else ())
    found = {text: _day(text.strip()) for text in dict.fromkeys(cells.cells)}
    absent = {text for text in found if text.strip() in reading.missing}
    fault = _fault_where(_where(cells, {text for text, day in found.items() if day is None} - absent), "C16", title, one, many, help)
    day_of = {text: day or 0 for text, day in found.items()}
    values = np.fromiter(map(day_of.__getitem__, cells.cells), np.int64, len(cells))
    return Converted(values, ~_where(cells, absent), (fault,) if fault else ())


_EPOCH = date(1970, 1, 1).toordinal()


def _day(text: str) -> int | None:
    """Days since 1970-01-01 of an ISO date."""
    if len(text) != 10 or not text.isascii() or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


def _members(cells: Cells, reading: Reading) -> Converted:
    assert reading.position is not None
    labels, where = distinct_labels(cells, reading)
    found = [0 if label is None else reading.position(label) for label in labels]
    places = np.array([-1 if place is None else place for place in found], np.int64)
    absent = np.array([label is None for label in labels], bool)
    values, present = places[where], ~absent[where]
    unknown = _fault_where(values < 0, "C08", "labels that the index set does not have", "unknown label", "unknown labels", "")
    return Converted(np.maximum(values, 0), present, (unknown,) if unknown else ())


def distinct_labels(cells: Cells, reading: Reading) -> tuple[list[Label | None], np.ndarray]:
    """The labels that occur (None for an empty cell), and for every cell which of them it has.

    A word for an empty cell is a label all the same where the set declares it (`reading.position` knows it).
    """
    if isinstance(cells, Typed):
        distinct, inverse = np.unique(cells.values[~cells.missing], return_inverse=True)
        where = np.full(len(cells), len(distinct), np.int64)
        where[~cells.missing] = inverse.reshape(-1)
        return [*(_typed_label(value) for value in distinct), *([None] if cells.missing.any() else [])], where
    number = {text: position for position, text in enumerate(dict.fromkeys(cells.cells))}
    where = np.fromiter(map(number.__getitem__, cells.cells), np.int64, len(cells))
    return [_text_label(text, reading) for text in number], where


def _text_label(text: str, reading: Reading) -> Label | None:
    label = label_of(text)
    if text.strip() in reading.missing and (reading.position is None or reading.position(label) is None):
        return None
    return label


def _typed_label(value: np.generic) -> Label:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]")) if value == value.astype("datetime64[D]") else str(value)
    return label_of(str(value))


def _where(cells: Text, texts: set[str]) -> np.ndarray:
    """Which cells are among some texts."""
    return np.fromiter((text in texts for text in cells.cells), bool, len(cells)) if texts else np.zeros(len(cells), bool)
