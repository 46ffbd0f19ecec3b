"""What the members of a chain say of the one before them: the backward information filter, in linear work.

With evidence exp(b_t x_t - h_t x_t^2 / 2) for each member of x_t = a_t x_{t-1} + c_t + s_t z_t, all that lies at or after t is evidence of
precision h*_t and pull b*_t for x_t,

    h*_t = h_t + a^2 h* / (1 + s^2 h*),    b*_t = b_t + a (b* - h* c) / (1 + s^2 h*)    with a, c, s, h*, b* those of the member after t.

Chains run along the last axis; leading axes are plates.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pplang._lower.runtime.scans import by_turns, linear_recurrence, linear_scan, shifted


def precision_ahead(precision: Any, step: Any, scale: Any, *, order: Any = None, has_past: Any = None) -> jax.Array:
    """h*, from h, a and s. order: (K,), the members in their order; has_past: (K,), which have a predecessor. None: as they stand."""
    precision, step, scale = _reversed(order, precision, step, scale)
    square, variance = _after(order, has_past, step**2, scale**2)
    return _restored(order, _riccati(square, variance, precision))


def pull_ahead(pull: Any, ahead: Any, step: Any, drift: Any, scale: Any, *, order: Any = None, has_past: Any = None) -> jax.Array:
    """b*, from b, h*, a, c and s."""
    pull, ahead, step, drift, scale = _reversed(order, pull, ahead, step, drift, scale)
    share = step / (1 + scale**2 * ahead)
    share, loss = _after(order, has_past, share, share * ahead * drift)
    return _restored(order, linear_recurrence(share, pull - loss))


def _reversed(order: Any, *tables: Any) -> list[jax.Array]:
    """The tables with time as their first axis, the last member first."""
    whole = jnp.broadcast_arrays(*map(jnp.asarray, tables))
    front = [jnp.moveaxis(one, -1, 0) for one in whole]
    return [jnp.flip(one if order is None else one[order], 0) for one in front]


def _restored(order: Any, x: jax.Array) -> jax.Array:
    x = jnp.flip(x, 0)
    return jnp.moveaxis(x if order is None else jnp.zeros_like(x).at[order].set(x), 0, -1)


def _after(order: Any, has_past: Any, *reversed_tables: jax.Array) -> list[jax.Array]:
    """What the tables are at the member after each, zero where there is none (time reversed)."""
    moved = [shifted(one) for one in reversed_tables]
    if has_past is None:
        return moved
    follows = shifted(jnp.flip(jnp.asarray(has_past)[order], 0))
    return [jnp.where(follows.reshape((-1,) + (1,) * (one.ndim - 1)), one, 0.0) for one in moved]


@jax.custom_jvp
def _riccati(square: jax.Array, variance: jax.Array, added: jax.Array) -> jax.Array:
    """h_t = added_t + square_t h_{t-1} / (1 + variance_t h_{t-1}) from 0, along the first axis; all nonnegative."""
    return riccati_in_turn(square, variance, added) if by_turns() else riccati_at_once(square, variance, added)


def riccati_in_turn(square: jax.Array, variance: jax.Array, added: jax.Array) -> jax.Array:
    def advance(h: jax.Array, at: Any) -> Any:
        h = at[2] + at[0] * h / (1 + at[1] * h)
        return h, h

    return lax.scan(advance, jnp.zeros_like(added[0]), (square, variance, added))[1] if len(added) else added


def riccati_at_once(square: jax.Array, variance: jax.Array, added: jax.Array) -> jax.Array:
    """A step is a Moebius map with the nonnegative matrix [[square + added variance, added], [variance, 1]]: products of those lose nothing to
    cancellation, and may be scaled as one likes."""

    def joined(first: Any, second: Any) -> Any:
        a, b, c, d = first
        e, f, g, h = second
        parts = (e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d)
        scale = parts[2] + parts[3]
        return tuple(part / scale for part in parts)

    found = lax.associative_scan(joined, (square + added * variance, added, variance, jnp.ones_like(added)))
    return found[1] / found[3]


@_riccati.defjvp
def _riccati_jvp(primals: Any, tangents: Any) -> Any:
    (square, variance, added), (square_dot, variance_dot, added_dot) = primals, tangents
    found = _riccati(square, variance, added)
    before = shifted(found)
    below = 1 + variance * before
    share = before / below
    return found, linear_scan(square / below**2, added_dot + share * square_dot - square * share**2 * variance_dot)
