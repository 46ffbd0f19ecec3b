"""The larger and the smaller of numbers, with gradients that survive compilation.

The derivative of JAX's own `max` and `min` asks which operand equals the result. Compiled, an operand may be computed once for the result and
once more for that question, differ in its last bit, and equal nothing: the gradient is then zero or not a number. Here it is decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def larger(x: ArrayLike, y: ArrayLike) -> jax.Array:
    """The larger of two, element by element; the derivative is that of the one chosen, of y where they are equal."""
    return jnp.where(jnp.asarray(x) > y, x, y)


def smaller(x: ArrayLike, y: ArrayLike) -> jax.Array:
    """The smaller of two, element by element; the derivative is that of the one chosen, of y where they are equal."""
    return jnp.where(jnp.asarray(x) < y, x, y)


def largest(x: ArrayLike, axis: int | Sequence[int] | None = None) -> jax.Array:
    """The largest along some axes (all of them if none are given); the derivative is that of the first such element."""
    return _chosen(jnp.asarray(x), axis, jnp.argmax)


def smallest(x: ArrayLike, axis: int | Sequence[int] | None = None) -> jax.Array:
    """The smallest along some axes (all of them if none are given); the derivative is that of the first such element."""
    return _chosen(jnp.asarray(x), axis, jnp.argmin)


def _chosen(x: jax.Array, axis: int | Sequence[int] | None, place: Callable[..., jax.Array]) -> jax.Array:
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    last = jnp.moveaxis(x, axes, range(-len(axes), 0))
    flat = last.reshape((*last.shape[: x.ndim - len(axes)], -1))
    return jnp.take_along_axis(flat, place(jax.lax.stop_gradient(flat), -1)[..., None], -1)[..., 0]
