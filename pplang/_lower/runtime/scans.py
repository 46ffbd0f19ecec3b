"""Recurrences over the first axis of arrays in logarithmic depth and linear work, with derivatives that are recurrences of the same kind."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_jvp
def linear_recurrence(step: jax.Array, added: jax.Array) -> jax.Array:
    """x_t = step_t x_{t-1} + added_t from x_{-1} = 0, along the first axis."""
    return _linear(step, added)


def _linear(step: jax.Array, added: jax.Array) -> jax.Array:
    def joined(first: Any, second: Any) -> Any:
        return second[0] * first[0], second[0] * first[1] + second[1]

    return lax.associative_scan(joined, (step, added))[1]


@linear_recurrence.defjvp
def _linear_recurrence_jvp(primals: Any, tangents: Any) -> Any:
    (step, added), (step_dot, added_dot) = primals, tangents
    found = linear_recurrence(step, added)
    return found, _linear(step, step_dot * shifted(found) + added_dot)


def shifted(x: jax.Array) -> jax.Array:
    """One later, with zero in front."""
    return jnp.concatenate([jnp.zeros_like(x[:1]), x[:-1]])


@jax.custom_jvp
def riccati_recurrence(square: jax.Array, added: jax.Array) -> jax.Array:
    """w_t = added_t + square_t w_{t-1} / (1 + w_{t-1}) from w_{-1} = 0, all nonnegative, along the first axis.

    A step is a Moebius map with a nonnegative matrix [[square + added, added], [1, 1]]; products of those lose nothing to cancellation.
    """

    def joined(first: Any, second: Any) -> Any:
        a, b, c, d = first
        e, f, g, h = second
        parts = (e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d)
        scale = jnp.maximum(jnp.maximum(parts[0], parts[1]), jnp.maximum(parts[2], parts[3]))
        return tuple(part / scale for part in parts)

    one = jnp.ones_like(square)
    found = lax.associative_scan(joined, (square + added, added, one, one))
    return found[1] / found[3]


@riccati_recurrence.defjvp
def _riccati_recurrence_jvp(primals: Any, tangents: Any) -> Any:
    (square, added), (square_dot, added_dot) = primals, tangents
    found = riccati_recurrence(square, added)
    before = shifted(found)
    share = before / (1 + before)
    return found, _linear(square / (1 + before) ** 2, share * square_dot + added_dot)
