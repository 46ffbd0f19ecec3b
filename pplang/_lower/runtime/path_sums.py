"""Sums over all paths of states: forward and backward recursion, and the derivative that follows from them (Rabiner 1989).

Tables have time first and all chains as one last axis, along which a processor works on several at once: `weights` (T, K, N) of each state;
`steps` (T or 1, K, K, N or 1) from one state to the next, into each row (finite, and of no effect, where no row comes before) or alike
everywhere; `there` (T, N), which rows there are, in each chain the first ones; None: all.

The same recursions run on probabilities, scaled at each row, and on logarithms: `Ring` holds what differs. What can be added up on the way is
not kept: a table of all rows that is written and read again costs more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from pplang._lower.runtime.special import log_sum_exp

Moments = tuple[jax.Array, jax.Array, jax.Array]


def moments(steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> Moments:
    """The log sum of each chain (N,), the probability of each state (T, K, N), and of each step (T, K, K, N); where all steps are alike the
    expected number of each, (1, K, K, N).

    Where every state can follow every other, with weights within a factor of e^250, the recursions run on probabilities: what underflows beside
    the largest state of a row is outweighed, by a factor of at least e^200, by the paths that take that state instead and go on in the same way.
    Elsewhere they run on logarithms.
    """
    usual = jnp.isfinite(steps).all() & (steps.max() - steps.min() < 250.0)
    return lax.cond(usual, _on_probabilities, _on_logarithms, steps, weights, there)


class Ring(NamedTuple):
    """How weights are multiplied and added up. over: divides by a sum, by nothing where that is zero. probability: of a normalised weight.
    read: of the weights of a row, as the table has them, those in the ring."""

    zero: float
    one: float
    times: Callable[[Any, Any], Any]
    total: Callable[[Any, int], Any]
    over: Callable[[Any, Any], Any]
    probability: Callable[[Any], Any]
    logarithm: Callable[[Any], Any]
    read: Callable[[Any], Any] = lambda weight: weight


PROBABILITIES = Ring(
    0.0, 1.0, lambda x, y: x * y, jnp.sum, lambda x, whole: x / jnp.where(whole > 0, whole, 1.0), lambda x: x, jnp.log
)  # fmt: skip
LOGARITHMS = Ring(
    -jnp.inf, 0.0, lambda x, y: x + y, log_sum_exp, lambda x, whole: x - jnp.where(jnp.isneginf(whole), 0.0, whole), jnp.exp, lambda x: x
)  # fmt: skip
_MANY = 16
"""Chains from which on exponentials are taken row by row, once in each direction: that costs less than one more table."""


def _on_probabilities(steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> Moments:
    """`moments`, with weights divided by the largest of their row."""
    likeliest, best = _largest(steps, (1, 2)), _largest(weights, 1)
    ring, table = PROBABILITIES, weights
    if weights.shape[2] >= _MANY:
        ring = ring._replace(read=lambda weight: jnp.exp(weight - _largest(weight, 0)))
    else:
        table = jnp.exp(weights - best[:, None])
    total, state, pair = _recursions(ring, jnp.exp(steps - likeliest[:, None, None]), table, there)
    moved = jnp.broadcast_to(likeliest, (weights.shape[0], likeliest.shape[1]))[1:]
    return total + _sum(best, there) + _sum(moved, None if there is None else there[1:]), state, pair


def _on_logarithms(steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> Moments:
    return _recursions(LOGARITHMS, steps, weights, there)


def _largest(table: jax.Array, axis: int | tuple[int, ...]) -> jax.Array:
    largest = table.max(axis)
    return jnp.where(jnp.isneginf(largest), 0.0, largest)


def _sum(rows: jax.Array, there: jax.Array | None) -> jax.Array:
    """Of numbers (T, N) the sum over the rows that there are."""
    return (rows if there is None else jnp.where(there, rows, 0.0)).sum(0)


def _recursions(ring: Ring, steps: jax.Array, weights: jax.Array, there: jax.Array | None) -> Moments:
    """`moments` of tables in a ring."""
    filtered, wholes = forward(ring, steps, weights)
    state, pair = _backward(ring, steps, weights, filtered, wholes, there)
    return _sum(ring.logarithm(wholes), there), state if there is None else jnp.where(there[:, None], state, 0.0), pair


def forward(ring: Ring, steps: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The probability of each state given the rows until then, (T, K, N); and that of each row given those before, (T, N). In a ring."""
    varying = steps.shape[0] > 1

    def turn(ahead: jax.Array, at: Any) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        weight, step = at
        now = ring.times(ahead, ring.read(weight))
        whole = ring.total(now, 0)
        now = ring.over(now, whole)
        return ring.total(ring.times(now[:, None], steps[0] if step is None else step), 0), (now, whole)

    return lax.scan(turn, jnp.full(weights.shape[1:], ring.one), (weights, jnp.roll(steps, -1, 0) if varying else None))[1]


def _backward(
    ring: Ring, steps: jax.Array, weights: jax.Array, filtered: jax.Array, wholes: jax.Array, there: jax.Array | None
) -> tuple[jax.Array, jax.Array]:
    """The probabilities of states and of steps given everything, see `moments`.

    What comes after a row, given its state, over what that is given the rows until then: times the state's probability until then, this is its
    probability given everything (Rabiner's beta, scaled as his alpha).
    """
    varying = steps.shape[0] > 1
    shape = (*steps.shape[1:3], weights.shape[2])

    def turn(value: tuple[jax.Array, ...], at: Any) -> Any:
        (after, onward, count), (now, whole, weight, step, next_step, here) = value, at
        state = ring.probability(ring.times(now, after))
        pair = ring.probability(ring.times(ring.times(now[:, None], steps[0] if next_step is None else next_step), onward[None]))
        onward = ring.over(ring.times(ring.read(weight), after), whole)
        before = ring.total(ring.times(steps[0] if step is None else step, onward[None]), 1)
        if here is not None:
            onward, before = jnp.where(here, onward, ring.zero), jnp.where(here, before, ring.one)
        return (before, onward, count if varying else count + pair), (state, pair if varying else None)

    start = jnp.full(weights.shape[1:], ring.one), jnp.full(weights.shape[1:], ring.zero), jnp.zeros((0,) if varying else shape)
    tables = (filtered, wholes, weights, *((steps, jnp.roll(steps, -1, 0)) if varying else (None, None)), there)
    (_, _, count), (state, pair) = lax.scan(turn, start, tables, reverse=True)
    return state, jnp.roll(pair, 1, 0) if varying else count[None]
