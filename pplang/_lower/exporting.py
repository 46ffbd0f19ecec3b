"""A program as a module that runs on its own."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pplang._ir.program import Program
from pplang._lower import code
from pplang._lower.bundle import bundled, merged
from pplang._lower.members import completed, derived_sets
from pplang._lower.module import build, source

if TYPE_CHECKING:
    import numpy as np

_ABOUT = """A NumPyro model written by pplang. It needs nothing else than NumPyro.

arrays = {{name: a NumPy array for each column and input}}
values = {{**arrays, **prepare(sets=SETS, {prepared})}}
model(sets=SETS, {modelled})

Run it in double precision: with jax.enable_x64(True)."""


def export(
    program: Program, sets: Mapping[str, Sequence[str | int]] | None = None, constants: Mapping[str, np.ndarray] | None = None
) -> str:
    """The text of a module with `prepare`, `model` and, if `sets` are given, SETS: the members of each index set.

    constants: of transports; those that the program has stand in the module too, as CONSTANTS.
    """
    built = build(program)
    prepared, modelled = (
        ", ".join(f"{built.names[one]}={where}[{one!r}]" for one in unit.arguments)
        for unit, where in ((built.prepare_unit, "arrays"), (built.model_unit, "values"))
    )
    ours = built.imports.ours
    imports, definitions, functions = bundled([built.prepare, built.model], ours)
    values = {name: value for name, value in (constants or {}).items() if name in program.input}
    numpy = built.imports.module("numpy") if values else ""
    body = merged([*built.imports.statements([*functions, *map(ast.Expr, [code.name(numpy)] if values else [])]), *imports])
    if sets is not None:
        sets = completed(sets, derived_sets(program))
        body.append(code.assign("SETS", ast.Dict([code.constant(one) for one in sets], [_members(one) for one in sets.values()])))
    if values:
        arrays = [code.call(f"{numpy}.array", _table(value.tolist())) for value in values.values()]
        body.append(code.assign("CONSTANTS", ast.Dict([code.constant(one) for one in values], list(arrays))))
    about = _ABOUT.format(prepared=prepared, modelled=modelled)
    return source([*body, *definitions, *functions], about.replace("{name:", "{**CONSTANTS, name:") if values else about)


def _table(value: Any) -> ast.expr:
    return ast.List([_table(one) for one in value], ast.Load()) if isinstance(value, list) else code.constant(value)


def _members(members: Sequence[str | int]) -> ast.expr:
    if isinstance(members, range):
        return code.call("range", code.constant(members.start), code.constant(members.stop))
    return ast.List([code.constant(one if isinstance(one, int) else str(one)) for one in members], ast.Load())
