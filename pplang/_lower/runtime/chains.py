"""Chains of discrete states: the sum over all paths, and draws of a path given everything else. Tables are in log space.

Weights of a path are first[z_1] + sum_t step[z_{t-1}, z_t] + sum_t weight[t, z_t]. Several chains that follow one another along one axis (the
visits of each patient) are summed side by side.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax import lax
from jax.typing import ArrayLike
from numpyro.distributions import constraints

from pplang._lower.runtime.special import log_sum_exp


def chain_log_sum(first: ArrayLike, step: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None) -> jax.Array:
    """The logarithm of the sum over all paths of exp of their weights.

    first, weight: (..., T, K); of `first` the rows that begin a chain count. step: (..., K, K), from (next to last axis) and to.
    rows: (chains, longest), the positions of each chain's rows in order, -1 after its end; None: one chain, as the rows stand.
    """
    starts, weights, there = _side_by_side(first, weight, rows)
    return _total(starts, jnp.asarray(step)[..., None, None, :, :], weights, there)


def varying_chain_log_sum(first: ArrayLike, steps: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None) -> jax.Array:
    """The same with steps that vary: (..., T, K, K), of which those into the rows that begin a chain do not count."""
    starts, weights, there = _side_by_side(first, weight, rows)
    return _total(starts, _rows_of(jnp.asarray(steps), rows, 3)[..., 1:, :, :], weights, there)


def _rows_of(table: jax.Array, rows: ArrayLike | None, trailing: int) -> jax.Array:
    """(..., T, rest) → (..., chains, longest, rest)."""
    axis = table.ndim - trailing
    return jnp.expand_dims(table, axis) if rows is None else jnp.take(table, jnp.maximum(jnp.asarray(rows), 0), axis=axis)


def _side_by_side(first: ArrayLike, weight: ArrayLike, rows: ArrayLike | None) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """First weights (..., chains, K), weights (..., chains, longest, K), and which rows are there (chains, longest)."""
    weights = _rows_of(jnp.asarray(weight), rows, 2)
    return _rows_of(jnp.asarray(first), rows, 2)[..., 0, :], weights, None if rows is None else jnp.asarray(rows) >= 0


def _total(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> jax.Array:
    batch = jnp.broadcast_shapes(first.shape[:-2], steps.shape[:-4], weights.shape[:-3])
    first = jnp.broadcast_to(first, (*batch, *first.shape[-2:]))
    weights = jnp.broadcast_to(weights, (*batch, *weights.shape[-3:]))
    return _each(first, steps, weights, there).sum(-1)


def _each(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> jax.Array:
    """The log sum of each chain, (..., chains)."""
    return _log_sums(*_lanes(first, steps, weights, there)).reshape(first.shape[:-1])


def _lanes(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> tuple[Any, ...]:
    """The tables with time first and all chains, of all plates, as one last axis, along which a processor works on several at once.

    first: (..., chains, K) → (K, N). steps: (..., chains or 1, longest - 1 or 1, K, K) → (longest - 1 or 1, K, K, N or 1).
    weights: (..., chains, longest, K) → (longest, K, N). there: (chains, longest) → (longest, N).
    """
    first, steps, weights = (one.astype(float) for one in (first, steps, weights))  # whole numbers where nothing speaks for a state
    chains, size = weights.shape[:-2], weights.shape[-1]
    alike = math.prod(steps.shape[:-3]) == 1
    steps = steps.reshape(1, *steps.shape[-3:]) if alike else jnp.broadcast_to(steps, (*chains, *steps.shape[-3:]))
    steps = steps.reshape(math.prod(steps.shape[:-3]), *steps.shape[-3:])
    there = None if there is None else jnp.broadcast_to(there, (*chains, weights.shape[-2])).reshape(-1, weights.shape[-2]).T
    by_time = jnp.moveaxis(weights.reshape(-1, *weights.shape[-2:]), 0, -1)
    return first.reshape(-1, size).T, jnp.moveaxis(steps, 0, -1), by_time, there


def _scanned(one: Any, start: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None, *, reverse: bool) -> jax.Array:
    """A recursion along time: `one(value, step, weight)` at each row after the first; rows that are not there change nothing."""
    alike = steps[:1].sum(0)
    varying = steps.shape[0] > 1

    def turn(value: jax.Array, at: Any) -> tuple[jax.Array, jax.Array]:
        step, weight, here = at
        new = one(value, alike if step is None else step, weight)
        new = new if here is None else jnp.where(here, new, value)
        return new, new

    inputs = (steps if varying else None, weights[1:], None if there is None else there[1:])
    return lax.scan(turn, start, inputs, reverse=reverse)[1]


def _forward(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> jax.Array:
    """log alpha, (longest, K, N): the sum over all paths up to each row that end in each state."""

    def one(alpha: jax.Array, step: jax.Array, weight: jax.Array) -> jax.Array:
        return log_sum_exp(alpha[:, None] + step, 0) + weight

    start = first + weights[0]
    return jnp.concatenate([start[None], _scanned(one, start, steps, weights, there, reverse=False)])


def _backward(steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> jax.Array:
    """log beta, (longest, K, N): the sum over all ways on from each state of each row."""

    def one(beta: jax.Array, step: jax.Array, weight: jax.Array) -> jax.Array:
        return log_sum_exp(step + (weight + beta)[None], 1)

    end = jnp.zeros_like(weights[0])
    return jnp.concatenate([_scanned(one, end, steps, weights, there, reverse=True), end[None]])


@jax.custom_jvp
def _log_sums(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> jax.Array:
    """The log sum of each chain, (N,); tables as `_lanes` gives them."""
    return _moments(first, steps, weights, there)[0]


@_log_sums.defjvp
def _log_sums_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """The derivative in a weight is the probability of its state (of its pair of states) given everything: forward and backward recursion."""
    total, state, pair = _moments(*primals)
    tangent = (state[0] * tangents[0]).sum(0) + (state * tangents[2]).sum((0, 1))
    return total, tangent + (pair * tangents[1]).sum((0, 1, 2))


def _moments(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The log sum of each chain (N,), the probability of each state (longest, K, N), and of each step (longest - 1, K, K, N); where all
    steps are alike the expected number of each, (1, K, K, N).

    Where every state can follow every other, with weights within a factor of e^250, the recursions run on probabilities, scaled at each row: what
    underflows beside the largest state of a row is outweighed, by a factor of at least e^200, by the paths that take that state instead and go
    on in the same way. Elsewhere they run on logarithms.
    """
    if weights.shape[0] == 1:
        total, state = _normalised(first + weights[0])
        return total, state[None], jnp.zeros((*steps.shape[:-1], total.size), weights.dtype)
    usual = jnp.isfinite(steps).all() & (steps.max() - steps.min() < 250.0)
    return lax.cond(usual, _scaled_moments, _log_moments, first, steps, weights, there)


def _normalised(logs: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The log sum of exp along the first axis, and each part's share of it."""
    total = log_sum_exp(logs, 0)
    return total, jnp.exp(logs - jnp.where(jnp.isneginf(total), 0.0, total))


def _log_moments(first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`_moments` by recursions on logarithms."""
    alpha, beta = _forward(first, steps, weights, there), _backward(steps, weights, there)
    total = log_sum_exp(alpha[-1], 0)
    base = jnp.where(jnp.isneginf(total), 0.0, total)
    state = jnp.exp(alpha + beta - base)
    onward = weights[1:] + beta[1:] - base
    pair = jnp.exp(alpha[:-1, :, None] + steps + onward[:, None])
    if there is not None:
        state, pair = jnp.where(there[:, None], state, 0.0), jnp.where(there[1:, None, None], pair, 0.0)
    return total, state, pair if steps.shape[0] > 1 else pair.sum(0)[None]


def _scaled_moments(
    first: jax.Array, steps: jax.Array, weights: jax.Array, there: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`_moments` by recursions on probabilities (Rabiner 1989, V.A)."""
    here = None if there is None else there[1:]
    likeliest, best = steps.max((1, 2)), weights[1:].max(1)
    best = jnp.where(jnp.isneginf(best), 0.0, best)
    moves, chances = jnp.exp(steps - likeliest[:, None, None]), jnp.exp(weights[1:] - best[:, None])
    begun, start = _normalised(first + weights[0])
    before, onward, total, end = _both_ways(start, moves, chances, here)
    logs = best + likeliest
    total += begun + (logs if here is None else jnp.where(here, logs, 0.0)).sum(0)
    ahead = (before[:, :, None] * moves).sum(1)
    onward = onward * _inverse((ahead * onward).sum(1), here)[:, None]
    state = jnp.concatenate([(start * end * _inverse((start * end).sum(0), None))[None], ahead * onward])
    pair = before[:, :, None] * onward[:, None]
    return total, state, (pair if moves.shape[0] > 1 else pair.sum(0)[None]) * moves


def _inverse(whole: jax.Array, here: jax.Array | None) -> jax.Array:
    """1 / whole, zero where that is zero or does not count."""
    counts = whole > 0 if here is None else here & (whole > 0)
    return jnp.where(counts, 1 / jnp.where(counts, whole, 1.0), 0.0)


def _both_ways(start: jax.Array, moves: jax.Array, chances: jax.Array, here: jax.Array | None) -> tuple[jax.Array, ...]:
    """Forward and backward recursion in one loop, scaled at each row.

    start: (K, N); of the T rows after the first: moves (T or 1, K, K, N or 1), chances (T, K, N), here (T, N). Up to a factor for each row: the
    probability of each state of the row before it given what came until then, (T, K, N), and of what comes from the row on given its state,
    (T, K, N); the logarithm of the sum over all paths, (N,); and what comes after the first row given its state, (K, N).
    """
    varying = moves.shape[0] > 1

    def turn(value: tuple[jax.Array, jax.Array], at: Any) -> Any:
        (forward, backward), ((step, chance, there), (step_back, chance_back, there_back)) = value, at
        step, step_back = (step, step_back) if varying else (moves[0], moves[0])
        moved, scale = _scaled((forward[:, None] * step).sum(0) * chance)
        onward = backward * chance_back
        back, _ = _scaled((step_back * onward[None]).sum(1))
        if there is not None:
            moved, scale, back = jnp.where(there, moved, forward), jnp.where(there, scale, 1.0), jnp.where(there_back, back, backward)
        return (moved, back), (forward, onward, scale)

    tables = (moves if varying else None, chances, here)
    behind = jax.tree.map(lambda table: table[::-1], tables)
    (last, end), (before, onward, scales) = lax.scan(turn, (start, jnp.ones_like(start)), (tables, behind))
    return before, onward[::-1], jnp.log(scales).sum(0) + jnp.log(last.sum(0)), end


def _scaled(values: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Values (K, N) divided by the largest of each lane, and that."""
    largest = values.max(0)
    return values / jnp.where(largest > 0, largest, 1.0), largest


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
        """(..., chains or 1, longest - 1 or 1, K, K)"""
        return self.step[..., None, None, :, :]

    def _tables(self) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array | None]:
        first, weights, there = _side_by_side(self.first, self.weight, self.rows)
        shape = self.batch_shape
        first = jnp.broadcast_to(first, (*shape, *first.shape[-2:]))
        return first, self._steps(), jnp.broadcast_to(weights, (*shape, *weights.shape[-3:])), there

    def log_prob(self, value: ArrayLike) -> jax.Array:
        first, steps, weights, there = self._tables()
        path = _rows_of(jnp.asarray(value, int), self.rows, 1)
        own = jnp.take_along_axis(weights, path[..., None], -1)[..., 0]
        before, after = path[..., :-1], path[..., 1:]
        shape = jnp.broadcast_shapes(steps.shape[:-2], after.shape)
        table = jnp.broadcast_to(steps, (*shape, *steps.shape[-2:])).reshape(*shape, -1)
        moves = jnp.take_along_axis(table, jnp.broadcast_to(before * weights.shape[-1] + after, shape)[..., None], -1)[..., 0]
        if there is not None:
            own, moves = jnp.where(there, own, 0.0), jnp.where(there[:, 1:], moves, 0.0)
        start = jnp.take_along_axis(first, path[..., :1], -1)[..., 0]
        return (start + own.sum(-1) + moves.sum(-1) - _each(first, steps, weights, there)).sum(-1)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        """Forward filtering, backward sampling (Frühwirth-Schnatter 1994)."""
        first, steps, weights, there = self._tables()
        by_lane = jnp.moveaxis(_forward(*_lanes(first, steps, weights, there)), 1, 2)
        alpha = by_lane.reshape(by_lane.shape[0], *first.shape)
        alpha = jnp.broadcast_to(alpha[:, *(None for _ in sample_shape)], (alpha.shape[0], *sample_shape, *alpha.shape[1:]))
        last_key, keys = jax.random.fold_in(key, 0), jax.random.split(jax.random.fold_in(key, 1), alpha.shape[0] - 1)
        last = jax.random.categorical(last_key, alpha[-1])
        fixed, varying = steps[..., :1, :, :].sum(-3), steps.shape[-3] > 1

        def back(state: jax.Array, at: Any) -> tuple[jax.Array, jax.Array]:
            key, alpha, step, here = at
            table = jnp.broadcast_to(fixed if step is None else step, (*state.shape, *steps.shape[-2:]))
            into = jnp.take_along_axis(table, state[..., None, None], -1)[..., 0]
            new = jax.random.categorical(key, alpha + into)
            new = new if here is None else jnp.where(here, new, state)
            return new, new

        after = None if there is None else there[:, 1:].T
        _, rest = lax.scan(back, last, (keys, alpha[:-1], jnp.moveaxis(steps, -3, 0) if varying else None, after), reverse=True)
        path = jnp.moveaxis(jnp.concatenate([rest, last[None]]), 0, -1)
        if self.rows is None:
            return path[..., 0, :]
        assert there is not None
        # What stands after a chain's end goes to a row beyond the last, which is dropped.
        size = self.weight.shape[-2]
        target = jnp.where(there, jnp.asarray(self.rows), size)
        return jnp.zeros((*path.shape[:-2], size + 1), path.dtype).at[..., target].set(path)[..., :size]


class VaryingChain(Chain):
    """The same with steps that vary from row to row."""

    def __init__(self, first: ArrayLike, steps: ArrayLike, weight: ArrayLike, rows: ArrayLike | None = None, *, validate_args: bool | None = None) -> None:  # fmt: skip
        self._set(first, jnp.asarray(steps), weight, rows, 3, validate_args)

    def _steps(self) -> jax.Array:
        return _rows_of(self.step, self.rows, 3)[..., 1:, :, :]
