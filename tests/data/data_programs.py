"""Small programs built by hand, and an evaluator for the few expressions that sizes and defaults are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pplang._data.bind import Dataset, bind
from pplang._diagnostics import Diagnostic, Problems
from pplang._ir.expression import Expression, Negate, Number, Product, Reference, Size, Sum
from pplang._ir.kinds import NAMED, Interval, Kind, Member
from pplang._ir.program import Column, Columns, FromList, FromPattern, FromRange, IndexSet, Input, Levels, Order, Program, Rows, Table

Source = str | tuple[str, str] | list[str] | None


def evaluate(expression: Expression, values: Mapping[str, np.ndarray], sets: Mapping[str, Sequence[str | int]]) -> np.ndarray:
    match expression:
        case Number(value):
            return np.asarray(float(value))
        case Reference(name, ()):
            return np.asarray(values[name])
        case Size(name):
            return np.asarray(float(len(sets[name])))
        case Negate(operand):
            return -evaluate(operand, values, sets)
        case Sum(terms):
            return np.asarray(sum((1 if sign == "+" else -1) * evaluate(term, values, sets) for sign, term in terms))
        case Product(factors):
            result = np.asarray(1.0)
            for operator, factor in factors:
                part = evaluate(factor, values, sets)
                result = result * part if operator == "*" else result / part
            return result
    raise NotImplementedError(expression)


def kind(word: str | Kind) -> Kind:
    return (NAMED[word] if word in NAMED else Member(word)) if isinstance(word, str) else word


def column(name: str, of: str | Kind, source: Source = None, *, over: str | None = None, per: str | None = None, **more: Any) -> Column:
    """A column of the table `Row`; a type that is no kind is an index set. `source`: a pattern, a range, a list."""
    where = {str: FromPattern, tuple: lambda ends: FromRange(*ends), list: lambda names: FromList(tuple(names)), type(None): lambda _: None}
    sets = (per or "Row", *([over] if over else []))
    return Column(name, sets, kind(of), source=where[type(source)](source), per=per, **more)


def key(name: str, table: str) -> Column:
    return Column(name, (table,), Member(table), key=True)


def table(*columns: Column, name: str = "Row", order: Order | None = None) -> Table:
    return Table(name, tuple(one if one.key or one.sets[0] != "Row" else _on(one, name) for one in columns), order)


def _on(one: Column, name: str) -> Column:
    return replace(one, sets=(name, *one.sets[1:]))


def program(*tables: Table, sets: Sequence[IndexSet] = (), inputs: Sequence[Input] = (), **more: Any) -> Program:
    """A program whose undeclared sets are found from its columns."""
    found = {one.name: one for one in sets}
    for one in tables:
        found.setdefault(one.name, IndexSet(one.name, Rows(one.name), ordered=one.order is not None))
    for each in (each for one in tables for each in one.columns):
        if isinstance(each.kind, Member):
            found.setdefault(each.kind.set, IndexSet(each.kind.set, Levels()))
        if len(each.sets) > 1:
            found.setdefault(each.sets[-1], IndexSet(each.sets[-1], Columns()))
    return Program(sets=tuple(found.values()), tables=tables, inputs=tuple(inputs), **more)


def bound(of: Program, data: Any = (), inputs: Any = None, **more: Any) -> Dataset:
    """Bind one table (or what `bind` takes)."""
    tables = data if isinstance(data, (list, tuple)) else [(None, data)]
    return bind(of, tables, inputs, evaluate=evaluate, **more)


def faults(of: Program, data: Any = (), inputs: Any = None, **more: Any) -> list[Diagnostic]:
    """The diagnostics that binding ends in."""
    try:
        bound(of, data, inputs, **more)
    except Problems as problems:
        return list(problems.diagnostics)
    raise AssertionError("binding found no fault")


def codes(of: Program, data: Any = (), inputs: Any = None, **more: Any) -> list[str]:
    return [one.code for one in faults(of, data, inputs, **more)]


def csv(path: Any, text: str, name: str = "data.csv") -> str:
    """A file to bind; its path."""
    target = path / name
    target.write_bytes(text.encode())
    return str(target)


REAL_BELOW_4 = Interval(0, 4)
