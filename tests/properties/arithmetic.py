"""A traced JAX function evaluated operation by operation in NumPy: no compilation, which costs more than all else where a function is called twice.

What JAX makes of a program, its derivatives included, stays what is examined; only the arithmetic is done by NumPy. Special functions, and every
operation without a rule here, are JAX's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import numpy as np
from jax.extend import core
from jax.interpreters import partial_eval
from scipy import special

Rule = Callable[..., Any]


class Traced:
    """A function of tables, traced once for tables of such shapes; the result is that of the function, as NumPy arrays."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
        self.tree = jax.tree.structure(shapes)
        jaxpr, self.used = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
        self.jaxpr, self.constants = jaxpr, [np.asarray(one) for one in closed.consts]

    def __call__(self, *arguments: Any) -> Any:
        given = [np.asarray(one) for one, used in zip(jax.tree.leaves(arguments), self.used, strict=True) if used]
        with np.errstate(all="ignore"):
            return jax.tree.unflatten(self.tree, _run(self.jaxpr, self.constants, given))


def _run(jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    known: dict[Any, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments), strict=True))

    def value(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    for equation in jaxpr.eqns:
        found = _operation(equation, [value(one) for one in equation.invars])
        for variable, one in zip(equation.outvars, found, strict=True):
            known[variable] = np.asarray(one, variable.aval.dtype)
    return [np.asarray(value(one)) for one in jaxpr.outvars]


def _operation(equation: Any, values: list[Any]) -> Sequence[Any]:
    name, params = equation.primitive.name, equation.params
    if name in _INSIDE:
        return _closed(params[_INSIDE[name]], values)
    if name in _CONTROL:
        return _CONTROL[name](values, **params)  # type: ignore[no-any-return]
    if name in _PLAIN:
        return (_PLAIN[name](*values),)
    if name in _RULES:
        return (_RULES[name](*values, **params),)
    if name in _SPECIAL:
        return (_elementwise(equation.primitive, values),)
    found = equation.primitive.bind(*values, **equation.primitive.get_bind_params(params))
    return found if equation.primitive.multiple_results else (found,)  # type: ignore[no-any-return]


def _closed(closed: Any, values: Sequence[Any]) -> list[Any]:
    return _run(closed.jaxpr, closed.consts, values)


_INSIDE = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
}  # fmt: skip
"""Operations that stand for a function, and the parameter that holds it."""


# Special functions ----------------------------------------------------------------------------------------------------

_SPECIAL = frozenset(
    "lgamma digamma polygamma erf_inv igamma igammac igamma_grad_a regularized_incomplete_beta random_gamma_grad bessel_i0e bessel_i1e".split()
)
"""Element by element; by JAX, whose own ways to go wrong belong to what is examined."""


def _elementwise(primitive: Any, values: Sequence[Any]) -> Any:
    """In tables of a few lengths, so that each is compiled once."""
    shape = np.broadcast_shapes(*map(np.shape, values))
    size = math.prod(shape)
    length = max(8, 1 << (size - 1).bit_length()) if size else 8
    padded = [np.concatenate([np.ravel(np.broadcast_to(one, shape)), np.full(length - size, 0.5)]) for one in values]
    return np.asarray(_compiled(primitive)(*padded))[:size].reshape(shape)


@cache
def _compiled(primitive: Any) -> Any:
    return jax.jit(primitive.bind)


# Operations with functions inside ---------------------------------------------------------------------------------------------------


def _scan(values: list[Any], *, jaxpr: Any, num_consts: int, num_carry: int, length: int, reverse: bool, **_: Any) -> list[Any]:
    constants, carry, tables = values[:num_consts], values[num_consts : num_consts + num_carry], values[num_consts + num_carry :]
    turns: list[list[Any]] = []
    for at in reversed(range(length)) if reverse else range(length):
        found = _closed(jaxpr, [*constants, *carry, *(table[at] for table in tables)])
        carry = found[:num_carry]
        turns.append(found[num_carry:])
    if reverse:
        turns.reverse()
    if not turns:
        return [*carry, *(np.zeros((0, *one.aval.shape)) for one in jaxpr.jaxpr.outvars[num_carry:])]
    return [*carry, *(np.stack(column) for column in zip(*turns, strict=True))]


def _while(values: list[Any], *, cond_jaxpr: Any, body_jaxpr: Any, cond_nconsts: int, body_nconsts: int, **_: Any) -> list[Any]:
    test, body, carry = values[:cond_nconsts], values[cond_nconsts : cond_nconsts + body_nconsts], values[cond_nconsts + body_nconsts :]
    while _closed(cond_jaxpr, [*test, *carry])[0]:
        carry = _closed(body_jaxpr, [*body, *carry])
    return carry


def _cond(values: list[Any], *, branches: Any, **_: Any) -> list[Any]:
    at = min(max(int(values[0]), 0), len(branches) - 1)
    return _closed(branches[at], values[1:])


def _split(values: list[Any], *, sizes: Sequence[int], axis: int) -> list[Any]:
    return np.split(values[0], np.cumsum(sizes)[:-1], axis)


_CONTROL: dict[str, Rule] = {"scan": _scan, "while": _while, "cond": _cond, "split": _split, "optimization_barrier": lambda values: values}
"""Operations with several results."""


# Arithmetic -----------------------------------------------------------------------------------------------------------


def _divided(a: Any, b: Any) -> Any:
    return np.trunc(np.true_divide(a, b)) if np.issubdtype(np.asarray(a).dtype, np.integer) else np.true_divide(a, b)


def _selected(which: Any, *cases: Any) -> Any:
    return np.where(which, cases[1], cases[0]) if len(cases) == 2 else np.choose(which, cases)


_PLAIN: dict[str, Rule] = {
    "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "div": _divided, "rem": np.fmod, "neg": np.negative,
    "max": np.maximum, "min": np.minimum, "pow": np.power, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil,
    "not": np.invert, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "is_finite": np.isfinite, "nextafter": np.nextafter, "square": np.square, "select_n": _selected,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "stop_gradient": lambda x: x, "copy": lambda x: x, "copy_p": lambda x: x, "real": np.real,
}  # fmt: skip


def _rounded(x: Any, *, rounding_method: Any) -> Any:
    return np.rint(x) if int(rounding_method) == 1 else np.copysign(np.floor(np.abs(x) + 0.5), x)


def _broadcast(x: Any, *, shape: tuple[int, ...], broadcast_dimensions: tuple[int, ...], **_: Any) -> Any:
    aligned = [1] * len(shape)
    for size, place in zip(np.shape(x), broadcast_dimensions, strict=True):
        aligned[place] = size
    return np.broadcast_to(np.reshape(x, aligned), shape)


def _counted(*, dtype: Any, shape: tuple[int, ...], dimension: int, **_: Any) -> Any:
    along = np.arange(shape[dimension], dtype=dtype).reshape([-1 if axis == dimension else 1 for axis in range(len(shape))])
    return np.broadcast_to(along, shape)


def _padded(x: Any, value: Any, *, padding_config: Sequence[tuple[int, int, int]]) -> Any:
    """Negative padding cuts off."""
    sizes = [low + high + size + max(size - 1, 0) * inner for size, (low, high, inner) in zip(np.shape(x), padding_config, strict=True)]
    result = np.full([max(one, 0) for one in sizes], value, np.asarray(x).dtype)
    places = [low + np.arange(size) * (1 + inner) for size, (low, _, inner) in zip(np.shape(x), padding_config, strict=True)]
    inside = [(one >= 0) & (one < size) for one, size in zip(places, sizes, strict=True)]
    if places:
        kept = [one[use] for one, use in zip(places, inside, strict=True)]
        result[np.ix_(*kept)] = np.asarray(x)[np.ix_(*inside)]
        return result
    return np.asarray(x)


def _sliced(x: Any, *, start_indices: Any, limit_indices: Any, strides: Any) -> Any:
    steps = strides or [1] * np.ndim(x)
    return x[tuple(slice(*one) for one in zip(start_indices, limit_indices, steps, strict=True))]


def _starts(x: Any, sizes: Sequence[int], starts: Sequence[Any]) -> tuple[slice, ...]:
    """A start too far is moved back, as XLA does."""
    first = [min(max(int(at), 0), whole - size) for at, whole, size in zip(starts, np.shape(x), sizes, strict=True)]
    return tuple(slice(at, at + size) for at, size in zip(first, sizes, strict=True))


def _dynamic_slice(x: Any, *starts: Any, slice_sizes: Sequence[int], **_: Any) -> Any:
    return x[_starts(x, slice_sizes, starts)]


def _dynamic_update(x: Any, update: Any, *starts: Any, **_: Any) -> Any:
    result = np.array(x)
    result[_starts(x, np.shape(update), starts)] = update
    return result


def _dot(a: Any, b: Any, *, dimension_numbers: Any, **_: Any) -> Any:
    (a_summed, b_summed), (a_batch, b_batch) = dimension_numbers
    a_letters, b_letters = list(range(np.ndim(a))), [100 + place for place in range(np.ndim(b))]
    for i, j in zip((*a_summed, *a_batch), (*b_summed, *b_batch), strict=True):
        b_letters[j] = a_letters[i]
    result = [a_letters[i] for i in a_batch]
    result += [one for place, one in enumerate(a_letters) if place not in (*a_summed, *a_batch)]
    result += [one for place, one in enumerate(b_letters) if place not in (*b_summed, *b_batch)]
    plain = {one: place for place, one in enumerate(dict.fromkeys([*a_letters, *b_letters]))}
    return np.einsum(a, [plain[one] for one in a_letters], b, [plain[one] for one in b_letters], [plain[one] for one in result])


def _cumulated(function: Any) -> Rule:
    def rule(x: Any, *, axis: int, reverse: bool) -> Any:
        return np.flip(function.accumulate(np.flip(x, axis), axis), axis) if reverse else function.accumulate(x, axis)

    return rule


def _extreme_place(function: Any) -> Rule:
    return lambda x, *, axes, index_dtype: function(x, axes[0])


# Indices --------------------------------------------------------------------------------------------------------------


def _places(operand: Any, indices: Any, starting: Any, batching: Any, sizes: Sequence[int], clip: bool) -> tuple[tuple[Any, ...], Any]:
    """For each window that indices point at: the index of each of its elements by operand axis, (windows, *sizes); is it all inside? (windows,)"""
    indices = np.asarray(indices, np.int64)
    batch, axes = indices.shape[:-1], np.ndim(operand)
    starts = np.zeros((*batch, axes), np.int64)
    for place, axis in enumerate(starting):
        starts[..., axis] = indices[..., place]
    for axis, place in batching:
        starts[..., axis] = np.arange(batch[place]).reshape([-1 if one == place else 1 for one in range(len(batch))])
    starts = starts.reshape(-1, axes)
    room = np.array(np.shape(operand), np.int64) - np.array(sizes, np.int64)
    inside = np.all((starts >= 0) & (starts <= room), -1)
    if clip or not inside.all():
        starts = np.clip(starts, 0, np.maximum(room, 0))
    shape = (len(starts), *[1] * axes)
    index = tuple(
        starts[:, axis].reshape(shape) + np.arange(size).reshape([1, *(-1 if one == axis else 1 for one in range(axes))])
        for axis, size in enumerate(sizes)
    )
    return index, inside


def _is_clip(mode: Any) -> bool:
    return "CLIP" in str(mode).upper()


def _gather(operand: Any, indices: Any, *, dimension_numbers: Any, slice_sizes: Any, mode: Any, fill_value: Any, **_: Any) -> Any:
    numbers, operand = dimension_numbers, np.asarray(operand)
    batching = list(zip(numbers.operand_batching_dims, numbers.start_indices_batching_dims, strict=True))
    index, inside = _places(operand, indices, numbers.start_index_map, batching, slice_sizes, _is_clip(mode))
    windows = np.array(operand[index]) if index else np.broadcast_to(operand, (len(inside),)).copy()
    if not (_is_clip(mode) or inside.all()):
        windows[~inside] = _filling(operand.dtype) if fill_value is None else fill_value
    gone = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    kept = [size for axis, size in enumerate(slice_sizes) if axis not in gone]
    batch = np.shape(indices)[:-1]
    result = windows.reshape(*batch, *kept)
    order = [len(batch) + numbers.offset_dims.index(place) if place in numbers.offset_dims else None for place in range(result.ndim)]
    rest = iter(range(len(batch)))
    return np.transpose(result, [next(rest) if one is None else one for one in order])


def _filling(dtype: Any) -> Any:
    if np.issubdtype(dtype, np.inexact):
        return np.nan
    return (
        True if np.issubdtype(dtype, np.bool_) else np.iinfo(dtype).min if np.issubdtype(dtype, np.signedinteger) else np.iinfo(dtype).max
    )


def _scatter(put: Callable[[Any, Any, Any], None]) -> Rule:
    def rule(operand: Any, indices: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **_: Any) -> Any:
        numbers, result, updates = dimension_numbers, np.array(operand), np.asarray(updates)
        single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
        window = iter([np.shape(updates)[axis] for axis in numbers.update_window_dims])
        sizes = [1 if axis in single else next(window) for axis in range(result.ndim)]
        batching = list(zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, strict=True))
        index, inside = _places(result, indices, numbers.scatter_dims_to_operand_dims, batching, sizes, _is_clip(mode))
        batch = [axis for axis in range(updates.ndim) if axis not in numbers.update_window_dims]
        changes = np.transpose(updates, [*batch, *numbers.update_window_dims]).reshape(len(inside), *sizes)
        if _is_clip(mode) or inside.all():
            put(result, index, changes)
        else:
            shape = (len(inside), *sizes)
            put(result, tuple(np.broadcast_to(one, shape)[inside] for one in index), changes[inside])
        return result

    return rule


def _set(table: Any, index: Any, value: Any) -> None:
    table[index] = value


# Matrices -------------------------------------------------------------------------------------------------------------


def _cholesky(x: Any, **_: Any) -> Any:
    """Not a number where there is none."""
    result = np.full(np.shape(x), np.nan)
    for place in np.ndindex(*np.shape(x)[:-2]):
        try:
            result[place] = np.linalg.cholesky(x[place])
        except np.linalg.LinAlgError:
            continue
    return result


def _triangular_solve(
    a: Any, b: Any, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool, unit_diagonal: bool, **_: Any
) -> Any:
    """By substitution, so that a zero on the diagonal gives what it gives elsewhere."""
    a = np.tril(a) if lower else np.triu(a)
    if transpose_a:
        a, lower = np.swapaxes(a, -1, -2), not lower
    b = np.array(b)
    if not left_side:
        a, b, lower = np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2), not lower
    size = a.shape[-1]
    x = np.array(np.broadcast_to(b, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:])))
    for at in range(size) if lower else reversed(range(size)):
        done = slice(0, at) if lower else slice(at + 1, size)
        rest = b[..., at, :] - np.einsum("...k,...kn->...n", a[..., at, done], x[..., done, :])
        x[..., at, :] = rest if unit_diagonal else rest / a[..., at, at, None]
    return x if left_side else np.swapaxes(x, -1, -2)


def _unary(function: Callable[[Any], Any]) -> Rule:
    return lambda x, **_: function(x)


def _reduced(function: Callable[..., Any]) -> Rule:
    return lambda x, *, axes, **_: function(x, axis=tuple(axes))


_RULES: dict[str, Rule] = {
    **{name: _unary(getattr(np, name)) for name in ("exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt", "cbrt")},
    "asin": _unary(np.arcsin), "acos": _unary(np.arccos), "atan": _unary(np.arctan), "asinh": _unary(np.arcsinh), "acosh": _unary(np.arccosh),
    "atanh": _unary(np.arctanh), "atan2": lambda y, x, **_: np.arctan2(y, x), "logistic": _unary(special.expit),
    "rsqrt": _unary(lambda x: 1 / np.sqrt(x)), "erf": _unary(special.erf), "erfc": _unary(special.erfc),
    "integer_pow": lambda x, *, y: np.power(x, y) if y >= 0 else 1 / np.power(x, -y),
    "round": _rounded,
    "convert_element_type": lambda x, *, new_dtype, **_: np.asarray(x).astype(new_dtype),
    "reduce_precision": lambda x, **_: x,
    "broadcast_in_dim": _broadcast,
    "reshape": lambda x, *, new_sizes, dimensions, **_: np.reshape(x if dimensions is None else np.transpose(x, dimensions), new_sizes),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "rev": lambda x, *, dimensions: np.flip(x, tuple(dimensions)),
    "tile": lambda x, *, reps: np.tile(x, reps), "stack": lambda *parts, axis: np.stack(parts, axis),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension),
    "pad": _padded, "slice": _sliced, "dynamic_slice": _dynamic_slice, "dynamic_update_slice": _dynamic_update, "iota": _counted,
    "reduce_sum": _reduced(np.sum), "reduce_prod": _reduced(np.prod), "reduce_max": _reduced(np.max), "reduce_min": _reduced(np.min),
    "reduce_and": _reduced(np.all), "reduce_or": _reduced(np.any), "argmax": _extreme_place(np.argmax), "argmin": _extreme_place(np.argmin),
    "cumsum": _cumulated(np.add), "cumprod": _cumulated(np.multiply), "cummax": _cumulated(np.maximum), "cummin": _cumulated(np.minimum),
    "cumlogsumexp": _cumulated(np.logaddexp), "dot_general": _dot,
    "gather": _gather, "scatter": _scatter(_set), "scatter-add": _scatter(np.add.at), "scatter_add": _scatter(np.add.at),
    "scatter-mul": _scatter(np.multiply.at), "scatter_mul": _scatter(np.multiply.at),
    "cholesky": _cholesky, "triangular_solve": _triangular_solve,
}  # fmt: skip
