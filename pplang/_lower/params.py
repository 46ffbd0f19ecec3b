"""`param`: what is optimised, with its start and its constraint."""

from __future__ import annotations

import ast

from pplang._diagnostics import InternalError
from pplang._ir import expression as ir
from pplang._ir.kinds import Interval, Kind
from pplang._ir.program import Param
from pplang._lower import code
from pplang._lower.code import Code
from pplang._lower.terms import Term, full
from pplang._lower.unit import Scope, Unit


def param_statements(param: Param, unit: Unit) -> list[ast.stmt]:
    """`param`: optimised, started at its value or at a plain point of its kind."""
    unit.imports.module("numpyro")
    scope = Scope(unit).bind(ir.Binder(axis.variable or f"_{place}", axis.set) for place, axis in enumerate(param.axes))
    axes = tuple(scope.axis(axis.variable or f"_{place}") for place, axis in enumerate(param.axes))
    if param.structure is not None:
        start = _structure_start(param, unit)
    else:
        found = Term(code.constant(_start(param.kind)), plain=True) if param.start is None else scope.number(param.start)
        start = _float(full("jnp", found, axes) if not found.event else found.code)
    made = code.call("numpyro.param", code.constant(param.name), start, constraint=_constraint(param, unit))
    unit.defined.add(param.name)
    return [*unit.take_pending(), code.assign(unit.names[param.name], made)]


def _float(start: Code) -> Code:
    """The start as a JAX array of floats, so that optimisers can move it."""
    value = code.literal(start)
    return code.constant(float(value)) if value is not None else code.call("jnp.asarray", start, code.name("float"))


def _start(kind: Kind) -> float:
    if not isinstance(kind, Interval) or (kind.lower == -float("inf") and kind.upper == float("inf")):
        return 0.0
    if kind.upper == float("inf"):
        return kind.lower + 1.0
    return kind.upper - 1.0 if kind.lower == -float("inf") else (kind.lower + kind.upper) / 2


_STRUCTURES = {
    "simplex": "simplex",
    "ordered": "ordered_vector",
    "positive_ordered": "positive_ordered_vector",
    "correlation": "corr_matrix",
    "correlation_cholesky": "corr_cholesky",
    "covariance": "positive_definite",
    "unit_vector": "sphere",
    "sum_to_zero": "zero_sum",
}


def _structure_start(param: Param, unit: Unit) -> Code:
    if param.start is not None:
        return _float(Scope(unit).number(param.start).code)
    last = code.size(param.axes[-1].set)
    shape = code.tuple_of([code.size(axis.set) for axis in param.axes])
    match param.structure:
        case "simplex":
            single: Code = code.binary(code.call("jnp.ones", last), "/", last)
        case "ordered" | "positive_ordered":
            single = code.call("jnp.arange", code.constant(1.0), code.binary(last, "+", code.constant(1.0)))
        case "unit_vector":
            single = code.binary(code.call("jnp.ones", last), "/", code.call("np.sqrt", last))
        case "sum_to_zero":
            single = code.call("jnp.zeros", last)
        case _:
            single = code.call("jnp.eye", last)
    return code.call("jnp.broadcast_to", single, shape)


def _constraint(param: Param, unit: Unit) -> Code:
    def constraint(name: str, *bounds: float) -> Code:
        found = unit.imports.path(f"numpyro.distributions.constraints.{name}")
        return code.call(found, *(code.constant(float(one)) for one in bounds)) if bounds else found

    if param.structure is not None:
        return constraint(_STRUCTURES[param.structure])
    kind = param.kind
    if not isinstance(kind, Interval):
        raise InternalError(f"param `{param.name}` is not a number")
    if kind.lower == -float("inf"):
        return constraint("real") if kind.upper == float("inf") else constraint("less_than", kind.upper)
    if kind.upper == float("inf"):
        return constraint("positive") if kind.lower == 0 else constraint("greater_than", kind.lower)
    return constraint("unit_interval") if (kind.lower, kind.upper) == (0, 1) else constraint("interval", kind.lower, kind.upper)
