"""Inputs: numbers, arrays, settings and tables by label become arrays over the declared sets, or faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from pplang._data import structures
from pplang._data.cells import Cells, Text, cells_from_array, cells_from_objects
from pplang._data.labels import Label, label_of, lookup
from pplang._data.report import Part, fault_diagnostic, listing
from pplang._data.values import Converted, Fault, Reading, convert
from pplang._diagnostics import Collector, Diagnostic
from pplang._ir.kinds import Member
from pplang._ir.program import Input


@dataclass(frozen=True)
class Given:
    """The value of an input and where it comes from ("inputs.json", "--set", "the arguments")."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Setting:
    """The text of `--set name=TEXT`, not read yet."""

    text: str


class _NotATable(Exception):
    """A value that is not a rectangular table; carries the diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def input_values(
    declared: Input, given: Given, sets: Mapping[str, Sequence[Label]], reading: Reading, collector: Collector
) -> Converted | None:
    """The values of an input over its declared sets; None after reporting what is wrong (C01, C04 to C08, C40 to C43)."""
    try:
        shape, cells = _table(declared, given, sets)
    except _NotATable as error:
        collector.add(error.diagnostic)
        return None
    expected = tuple(len(sets[name]) for name in declared.sets)
    if shape != expected:
        collector.add(_wrong_size(declared, given, shape, expected))
        return None
    converted = convert(cells, declared.kind, _with_positions(declared, sets, reading))
    faults = [*converted.faults, *_empty(declared, converted)]
    place = _place(declared, expected)
    for fault in map(_in_words_of_inputs, faults):
        part = Part(fault, cells, place, with_text=fault.code != "C01")
        collector.add(fault_diagnostic(given.origin, declared.span, [part], optional_help=_unknown_help(declared, sets)))
    if faults:
        return None
    result = Converted(converted.values.reshape(expected), converted.present.reshape(expected))
    return _structured(declared, given, result, collector)


def _with_positions(declared: Input, sets: Mapping[str, Sequence[Label]], reading: Reading) -> Reading:
    if not isinstance(declared.kind, Member):
        return reading
    return Reading(reading.missing, position_or_number(sets[declared.kind.set]))


def position_or_number(members: Sequence[Label]) -> Callable[[Label], int | None]:
    """A label's place; where all labels are strings, also a number from 1."""
    place = lookup(members)
    if isinstance(members, range) or any(isinstance(label_of(str(member)), int) for member in members):
        return place
    return lambda label: label - 1 if isinstance(label, int) and 1 <= label <= len(members) else place(label)


def _empty(declared: Input, converted: Converted) -> list[Fault]:
    if declared.optional or converted.present.all():
        return []
    help = "give every value, or declare the input with `?` and say how it arises"
    absent = np.flatnonzero(~converted.present)
    return [Fault("C01", "missing values in an input that allows none", "missing value here", "missing values here", absent, help)]


def _in_words_of_inputs(fault: Fault) -> Fault:
    """A fault that is told of cells in a column, told of values of an input."""

    def retold(text: str) -> str:
        return text.replace("cell", "value").replace("a column", "an input").replace("column", "input")

    help = "mend the value, or the type of the input" if fault.code in ("C04", "C06") else retold(fault.help)
    return replace(fault, title=retold(fault.title), one=retold(fault.one), many=retold(fault.many), help=help)


def _unknown_help(declared: Input, sets: Mapping[str, Sequence[Label]]) -> str:
    if not isinstance(declared.kind, Member):
        return ""
    members = sets[declared.kind.set]
    shown = f"{members[0]} to {members[-1]}" if isinstance(members, range) and len(members) > 0 else listing(members)
    return f"the members of {declared.kind.set} are {shown}"


def _place(declared: Input, shape: tuple[int, ...]) -> Callable[[int], str]:
    def place(position: int) -> str:
        where = ", ".join(str(at + 1) for at in np.unravel_index(position, shape))
        return f"{declared.name}[{where}]" if shape else declared.name

    return place


def _structured(declared: Input, given: Given, result: Converted, collector: Collector) -> Converted | None:
    if declared.structure is None:
        return result
    if not result.present.all():
        title = f"an input that is {declared.structure} cannot have missing values"
        collector.add(Diagnostic("C01", title, declared.span, f"{given.origin} has some", help="give every value"))
        return None
    if (
        result.values.ndim >= 2
        and declared.structure in ("correlation", "covariance", "correlation_cholesky")
        and result.values.shape[-1] != result.values.shape[-2]
    ):
        return result
    broken, words = structures.violations(result.values, declared.structure)
    if not broken.any():
        return result
    single = result.values.ndim <= (2 if declared.structure in ("correlation", "covariance", "correlation_cholesky") else 1)
    first = ", ".join(str(at + 1) for at in np.argwhere(broken)[0])
    where = declared.name if single else f"{declared.name}[{first}]"
    more = f" (and {int(broken.sum()) - 1:,} more)" if broken.sum() > 1 else ""
    label = f"{where} in {given.origin} {words}{more}"
    collector.add(
        Diagnostic(
            "C43", f"an input that breaks its constraint `{declared.structure}`", declared.span, label, help="mend the numbers, or the type"
        )
    )
    return None


# Tables of values ----------------------------------------------------------------------------------------------------


def _table(declared: Input, given: Given, sets: Mapping[str, Sequence[Label]]) -> tuple[tuple[int, ...], Cells]:
    """The shape of a value, and its elements in row-major order."""
    value = given.value
    if isinstance(value, Setting):
        value = _setting(value.text)
    if hasattr(value, "__array__") or isinstance(value, np.ma.MaskedArray):
        array = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
        cells = cells_from_array(array.reshape(-1))
        if cells is None:
            raise _NotATable(_not_rectangular(declared, given, f"an array of type {array.dtype}"))
        return array.shape, cells
    shape, flat = _flatten(declared, given, value, sets)
    if isinstance(value, str):
        return (), Text([value])
    cells = cells_from_objects(flat)
    if cells is None:
        raise _NotATable(_not_rectangular(declared, given, "something that is not a number, a string or a list of them"))
    return shape, cells


def _setting(text: str) -> Any:
    """`--set x=[1, 2]` is JSON; anything else is one cell of text."""
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _flatten(declared: Input, given: Given, value: Any, sets: Mapping[str, Sequence[Label]]) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and elements of nested lists; mappings are put in the order of the set whose members they name."""
    shape: list[int] = []
    layer: list[Any] = [value]
    while layer and isinstance(layer[0], (list, tuple, Mapping, np.ndarray)):
        if len(shape) > len(declared.sets) + 1:
            break
        axis = declared.sets[len(shape)] if len(shape) < len(declared.sets) else None
        opened = [_in_order(declared, given, one, axis, sets) if isinstance(one, Mapping) else one for one in layer]
        widths = {len(one) if isinstance(one, (list, tuple, np.ndarray)) else None for one in opened}
        if len(widths) > 1:
            raise _NotATable(_not_rectangular(declared, given, "lists of different lengths"))
        shape.append(len(opened[0]))
        layer = list(chain.from_iterable(opened))
    return tuple(shape), layer


def _in_order(declared: Input, given: Given, value: Mapping[Any, Any], axis: str | None, sets: Mapping[str, Sequence[Label]]) -> list[Any]:
    if axis is None:
        raise _NotATable(_not_rectangular(declared, given, "a table by label where a number is needed"))
    position = lookup(sets[axis])
    places = {label_of(str(key)): key for key in value}
    unknown = [label for label in places if position(label) is None]
    if unknown or len(places) != len(sets[axis]):
        lacking = [label for label in sets[axis][: len(places) + 1000] if label_of(str(label)) not in places]
        notes = [f"not members of {axis}: {listing(unknown)}"] * bool(unknown) + [f"without a value: {listing(lacking)}"] * bool(lacking)
        label = f"{given.origin} names {len(places):,} labels, {axis} has {len(sets[axis]):,} members"
        title = f"an input whose labels are not those of {axis}"
        raise _NotATable(Diagnostic("C41", title, declared.span, label, notes=tuple(notes), help="give one value for each member"))
    return [value[places[label_of(str(label))]] for label in sets[axis]]


def _not_rectangular(declared: Input, given: Given, what: str) -> Diagnostic:
    needed = " and ".join(declared.sets)
    help = f"give lists in lists: one value for each {needed}" if declared.sets else "give one number"
    return Diagnostic("C42", "an input that is not a table of values", declared.span, f"{given.origin} gives {what}", help=help)


def _wrong_size(declared: Input, given: Given, shape: tuple[int, ...], expected: tuple[int, ...]) -> Diagnostic:
    needed = " x ".join(f"{name} ({size:,})" for name, size in zip(declared.sets, expected, strict=True))
    got = " x ".join(f"{size:,}" for size in shape) if shape else "one number"
    label = f"{given.origin} gives {got}, the model needs {needed or 'one number'}"
    help = (
        "swap the axes of the array" if len(shape) == 2 and shape[::-1] == expected else "mend the array, or the index sets that it is over"
    )
    return Diagnostic("C40", "an input of another size than its index sets", declared.span, label, help=help)


def default_values(
    declared: Input, value: np.ndarray, sets: Mapping[str, Sequence[Label]], reading: Reading, collector: Collector
) -> Converted | None:
    """The default of an input: one number stands for every element."""
    shape = tuple(len(sets[name]) for name in declared.sets)
    filled = np.broadcast_to(value, shape) if np.ndim(value) == 0 else value
    return input_values(declared, Given(np.array(filled), "the default"), sets, reading, collector)
