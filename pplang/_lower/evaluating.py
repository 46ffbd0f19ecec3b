"""The value of one data-level expression, by the same lowering as everything else."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from pplang._check.retype import environment_of
from pplang._ir import expression as ir
from pplang._ir.kinds import INT, REAL, Boolean, Kind
from pplang._ir.program import IndexSet, Input, NumberRange, Program
from pplang._lower.module import source
from pplang._lower.names import Imports, Names
from pplang._lower.repeats import each
from pplang._lower.unit import Scope, Unit

_ANY = "?"


def evaluate(
    expression: ir.Expression,
    values: Mapping[str, Any],
    sets: Mapping[str, Sequence[str | int]],
    program: Program | None = None,
) -> Any:
    """A data-level expression as a NumPy array.

    values: arrays by name, in declared axis order. sets: members of the index sets it mentions. program: what says which sets the values
    are over; without it the values are known by their own shapes and an index may stand on any axis.
    """
    import numpy as np

    arrays = {name: np.asarray(values[name]) for name in {one.name for one in each(expression) if isinstance(one, ir.Reference)}}
    known = program or _assumed(expression, arrays, sets)
    names, imports = Names(arrays), Imports()
    imports.module("numpy")
    unit = Unit(known, names, imports, "np", environment_of(known), defined=set(arrays), asserting=False)
    term = Scope(unit).number(expression)
    parameters = ast.arguments(
        [], [], None, [ast.arg("sets"), *(ast.arg(names[one]) for one in arrays)], [None] * (len(arrays) + 1), None, []
    )
    body = [*unit.take_pending(), ast.Return(term.code)]
    function = ast.FunctionDef(name="value", args=parameters, body=body, decorator_list=[])
    namespace: dict[str, Any] = {}
    exec(compile(source([*imports.statements([function]), function], ""), "<pplang expression>", "exec"), namespace)
    with np.errstate(all="ignore"):
        return np.asarray(namespace["value"](sets=sets, **{names[one]: array for one, array in arrays.items()}))


def _assumed(expression: ir.Expression, arrays: Mapping[str, Any], sets: Mapping[str, Sequence[str | int]]) -> Program:
    """A program in which every name is an input, over the sets that its indices in the expression say."""
    over: dict[str, list[str]] = {name: [_ANY] * array.ndim for name, array in arrays.items()}
    binders = {binder.variable: binder.set for one in each(expression) for binder in getattr(one, "binders", ())}
    for one in each(expression):
        if isinstance(one, ir.Reference):
            for place, index in enumerate(one.indices):
                if isinstance(index, ir.Variable) and index.name in binders:
                    over[one.name][place] = binders[index.name]
                elif isinstance(index, ir.Member):
                    over[one.name][place] = index.set
    inputs = tuple(Input(name, tuple(over[name]), _kind(array)) for name, array in arrays.items())
    ranges = tuple(
        IndexSet(name, NumberRange(ir.Number(members.start), ir.Number(members.stop - 1)))
        for name, members in sets.items()
        if isinstance(members, range)
    )
    return Program(sets=ranges, inputs=inputs)


def _kind(array: Any) -> Kind:
    kinds: dict[str, Kind] = {"b": Boolean(), "i": INT, "u": INT}
    return kinds.get(array.dtype.kind, REAL)
