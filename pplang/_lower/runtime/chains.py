"""Chains of discrete states: the sum over all paths, and draws of a path given everything else. Tables are in log space.

Weights of a path are first[z_1] + sum_t step[z_{t-1}, z_t] + sum_t weight[t, z_t]. Several chains that follow one another along one axis (the
visits of each patient) are summed side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import lax
from jax.typing import ArrayLike
from numpyro.distributions import constraints

from pplang._lower.runtime import path_sums


def chain_log_sum(first: ArrayLike, step: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None) -> jax.Array:
    """The logarithm of the sum over all paths of exp of their weights.

    first, weight: (..., T, K); of `first` the rows that begin a chain count. step: (..., K, K), from (next to last axis) and to.
    rows: (chains, longest), the positions of each chain's rows in order, -1 after its end; None: one chain, as the rows stand.
    """
    return _total(jnp.asarray(step)[..., None, :, :], _with_first(first, weight, rows), rows)


def varying_chain_log_sum(first: ArrayLike, steps: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None) -> jax.Array:
    """The same with steps that vary: (..., T, K, K), of which those into the rows that begin a chain do not count."""
    return _total(jnp.asarray(steps), _with_first(first, weight, rows), rows)


def _with_first(first: ArrayLike, weight: ArrayLike, rows: ArrayLike | None) -> jax.Array:
    """The weight of each state, that of being the first included, (..., T, K)."""
    first, weight = jnp.asarray(first, float), jnp.asarray(weight, float)  # whole numbers where nothing speaks for a state
    begins = jnp.zeros(weight.shape[-2], bool).at[0 if rows is None else jnp.asarray(rows)[:, 0]].set(True)
    return weight + jnp.where(begins[:, None], first, 0.0)


def _total(steps: jax.Array, weight: jax.Array, rows: ArrayLike | None) -> jax.Array:
    """Of steps (..., T or 1, K, K) and weights (..., T, K) the log sum of all chains, (...)."""
    return _log_sum(*_by_plate(steps, weight, rows)).reshape(_batch(steps, weight))


def _batch(steps: jax.Array, weight: jax.Array) -> tuple[int, ...]:
    return jnp.broadcast_shapes(steps.shape[:-3], weight.shape[:-2])


def _by_plate(steps: jax.Array, weight: jax.Array, rows: ArrayLike | None) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """Tables whose plates are one axis: steps (plates or 1, T or 1, K, K), weights (plates, T, K); rows as they are."""
    batch, steps = _batch(steps, weight), steps.astype(float)
    if math.prod(steps.shape[:-3]) > 1:
        steps = jnp.broadcast_to(steps, (*batch, *steps.shape[-3:]))
    weight = jnp.broadcast_to(weight, (*batch, *weight.shape[-2:]))
    return steps.reshape(-1, *steps.shape[-3:]), weight.reshape(-1, *weight.shape[-2:]), None if rows is None else jnp.asarray(rows)


@jax.custom_jvp
def _log_sum(steps: jax.Array, weight: jax.Array, rows: jax.Array | None) -> jax.Array:
    """Of steps (plates or 1, T or 1, K, K) and weights (plates, T, K) the log sum of all chains of each plate."""
    return _moments(steps, weight, rows)[0]


@_log_sum.defjvp
def _log_sum_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """The derivative in a weight is the probability of its state (of its pair of states) given everything.

    Rows are brought in order, and what is found back to them, in here: so neither has to be transposed, which would be a scatter.
    """
    total, state, pair = _moments(*primals)
    return total, (state * tangents[1]).sum((1, 2)) + (pair * tangents[0]).sum((1, 2, 3))


def _moments(steps: jax.Array, weight: jax.Array, rows: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The log sum of each plate, and the probability of each state (plates, T, K) and step (plates, T or 1, K, K): see `path_sums.moments`."""
    total, state, pair = path_sums.moments(*_lanes(steps, weight, rows))
    plates, chains = weight.shape[0], 1 if rows is None else rows.shape[0]
    state, pair = (table.reshape(*table.shape[:-1], plates, chains) for table in (state, pair))
    back = _back(rows, weight.shape[1])
    found = back(pair) if steps.shape[1] > 1 else pair.sum(-1)
    return total.reshape(plates, chains).sum(-1), jnp.moveaxis(back(state), -1, 0), jnp.moveaxis(found, -1, 0)


def _back(rows: jax.Array | None, count: int) -> Callable[[jax.Array], jax.Array]:
    """From (longest, rest, plates, chains) to (T, rest, plates)."""
    if rows is None:
        return lambda table: table[..., 0]
    longest = rows.shape[1]
    place = (
        jnp.zeros(count + 1, jnp.int32)
        .at[jnp.where(rows >= 0, rows, count)]
        .set(jnp.arange(rows.size, dtype=jnp.int32).reshape(rows.shape))[:count]
    )
    return lambda table: table[place % longest, ..., place // longest]


def _lanes(steps: jax.Array, weight: jax.Array, rows: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """The tables as `path_sums` has them: time first, and all chains, of all plates, as one last axis."""
    weights = _in_order(weight, rows)
    longest, _, plates, chains = weights.shape
    there = None if rows is None else jnp.broadcast_to((rows >= 0).T[:, None], (longest, plates, chains)).reshape(longest, -1)
    if steps.shape[1] > 1:
        by_row = _in_order(steps, rows)
        by_row = jnp.broadcast_to(by_row, (*by_row.shape[:3], plates, chains)).reshape(*by_row.shape[:3], -1)
        counts = (jnp.arange(longest) > 0)[:, None] if there is None else (jnp.arange(longest) > 0)[:, None] & there
        steps = jnp.where(counts[:, None, None], by_row, 0.0)
    else:
        steps = jnp.moveaxis(steps, 0, -1)
        steps = steps if steps.shape[-1] == 1 else jnp.repeat(steps, chains, -1)
    return steps, weights.reshape(*weights.shape[:2], -1), there


def _in_order(table: jax.Array, rows: jax.Array | None) -> jax.Array:
    """(plates, T, rest) → (longest, rest, plates, chains)."""
    ordered = table[:, :, None] if rows is None else table[:, jnp.maximum(rows, 0).T]
    return jnp.moveaxis(ordered, (0, 2), (-2, -1))


class Chain(dist.Distribution):
    """A path of states, one for each row; its probability is proportional to exp of its weights. See `chain_log_sum` for the tables."""

    pytree_data_fields = ("first", "step", "weight", "rows")

    def __init__(self, first: ArrayLike, step: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None, *, validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(first, jnp.asarray(step), weight, rows, 2, validate_args)

    def _set(self, first: ArrayLike, step: jax.Array, weight: ArrayLike, rows: Any, trailing: int, validate_args: bool | None) -> None:
        self.first, self.step, self.weight, self.rows = jnp.asarray(first), step, jnp.asarray(weight), rows
        batch = jnp.broadcast_shapes(self.first.shape[:-2], self.step.shape[:-trailing], self.weight.shape[:-2])
        dist.Distribution.__init__(self, batch, self.weight.shape[-2:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        return constraints.independent(constraints.integer_interval(0, self.weight.shape[-1] - 1), 1)

    def _steps(self) -> jax.Array:
        """(..., T or 1, K, K)"""
        return self.step[..., None, :, :]

    def log_prob(self, value: ArrayLike) -> jax.Array:
        steps, weight, value = self._steps(), _with_first(self.first, self.weight, self.rows), jnp.asarray(value, int)
        rows = jnp.arange(weight.shape[-2])[None] if self.rows is None else jnp.asarray(self.rows)
        own = jnp.take_along_axis(weight, value[..., None], -1)[..., 0].sum(-1)
        earlier, later = rows[:, :-1], rows[:, 1:]
        into = jnp.take(steps, later, axis=-3) if steps.shape[-3] > 1 else steps[..., None, :, :]
        shape = jnp.broadcast_shapes(into.shape[:-2], (*value.shape[:-1], *later.shape))
        pair = jnp.broadcast_to(value[..., earlier] * weight.shape[-1] + value[..., later], shape)
        moves = jnp.take_along_axis(jnp.broadcast_to(into, (*shape, *into.shape[-2:])).reshape(*shape, -1), pair[..., None], -1)[..., 0]
        return own + jnp.where(later >= 0, moves, 0.0).sum((-1, -2)) - _total(steps, weight, self.rows)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Forward filtering, backward sampling (Frühwirth-Schnatter 1994)."""
        by_plate = _by_plate(self._steps(), _with_first(self.first, self.weight, self.rows), self.rows)
        steps, weights, there = _lanes(*by_plate)
        alpha = jnp.moveaxis(path_sums.forward(path_sums.LOGARITHMS, steps, weights)[0], 1, 2)
        alpha = jnp.broadcast_to(alpha[:, *(None for _ in sample_shape)], (alpha.shape[0], *sample_shape, *alpha.shape[1:]))
        last_key, keys = jax.random.fold_in(key, 0), jax.random.split(jax.random.fold_in(key, 1), alpha.shape[0] - 1)
        last = jax.random.categorical(last_key, alpha[-1])
        by_lane = jnp.moveaxis(steps, -1, 1)

        def back(state: jax.Array, at: Any) -> tuple[jax.Array, jax.Array]:
            key, alpha, step, here = at
            table = jnp.broadcast_to(by_lane[0] if step is None else step, (*state.shape, *by_lane.shape[2:]))
            into = jnp.take_along_axis(table, state[..., None, None], -1)[..., 0]
            new = jax.random.categorical(key, alpha + (into if here is None else jnp.where(here[:, None], into, 0.0)))
            return new, new

        into_next = by_lane[1:] if by_lane.shape[0] > 1 else None
        _, rest = lax.scan(back, last, (keys, alpha[:-1], into_next, None if there is None else there[1:]), reverse=True)
        return self._by_row(jnp.moveaxis(jnp.concatenate([rest, last[None]]), 0, -1), sample_shape)

    def _by_row(self, path: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Paths of all chains, (samples, plates and chains, longest), as the rows stand: (samples, plates, T)."""
        if self.rows is None:
            return path.reshape(*sample_shape, *self.batch_shape, -1)
        # What stands after a chain's end goes to a row beyond the last, which is dropped.
        rows, size = jnp.asarray(self.rows), self.weight.shape[-2]
        path = path.reshape(*sample_shape, *self.batch_shape, *rows.shape)
        target = jnp.where(rows >= 0, rows, size)
        return jnp.zeros((*path.shape[:-2], size + 1), path.dtype).at[..., target].set(path)[..., :size]


class VaryingChain(Chain):
    """The same with steps that vary from row to row."""

    def __init__(self, first: ArrayLike, steps: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None, *, validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(first, jnp.asarray(steps), weight, rows, 3, validate_args)

    def _steps(self) -> jax.Array:
        return self.step
