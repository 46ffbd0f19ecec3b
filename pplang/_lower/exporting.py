"""A program as a module that runs on its own."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from pplang._ir.program import Program
from pplang._lower import code
from pplang._lower.members import completed, derived_sets
from pplang._lower.module import build, source

_ABOUT = """A NumPyro model written by pplang.

arrays = {{name: a NumPy array for each column and input}}
values = {{**arrays, **prepare(sets=SETS, {prepared})}}
model(sets=SETS, {modelled})

Run it in double precision: with jax.enable_x64(True)."""


def export(program: Program, sets: Mapping[str, Sequence[str | int]] | None = None) -> str:
    """The text of a module with `prepare`, `model` and, if `sets` are given, SETS: the members of each index set."""
    built = build(program)
    prepared, modelled = (
        ", ".join(f"{built.names[one]}={where}[{one!r}]" for one in unit.arguments)
        for unit, where in ((built.prepare_unit, "arrays"), (built.model_unit, "values"))
    )
    functions = [built.prepare, built.model]
    body = built.imports.statements(functions)
    if sets is not None:
        sets = completed(sets, derived_sets(program))
        body.append(code.assign("SETS", ast.Dict([code.constant(one) for one in sets], [_members(one) for one in sets.values()])))
    return source([*body, *functions], _ABOUT.format(prepared=prepared, modelled=modelled))


def _members(members: Sequence[str | int]) -> ast.expr:
    if isinstance(members, range):
        return code.call("range", code.constant(members.start), code.constant(members.stop))
    return ast.List([code.constant(one if isinstance(one, int) else str(one)) for one in members], ast.Load())
