"""Recurrences at run time: relations that look back, member after member, or all at once where they are affine.

Rows of a table may come in any order and belong to groups: the groups are gone through side by side, one member of each in a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from numpyro.distributions import Distribution

from pplang._lower.runtime.scans import linear_recurrence

Step = Callable[..., tuple[jax.Array, ...]]


class History(NamedTuple):
    """A name that a recurrence computes: the shape of its table, the place of the stepping axis, how far it is looked back at.

    whole: all that came before is at hand, not only the last `window` members.
    """

    shape: tuple[int, ...]
    dimension: int
    window: int = 0
    whole: bool = False
    dtype: Any = float


class Turns(NamedTuple):
    """rows: (turns, groups), the row of each group that a turn is about (a group that has ended keeps its last one); places: of each row
    in that table, row by row."""

    rows: Any
    places: Any


def unrolled(
    step: Step, tables: Sequence[tuple[Any, int]], histories: Sequence[History], turns: Turns | None = None, key: Any = None
) -> tuple[Any, ...]:
    """The tables of the names that `step` computes.

    step(turn, now, past): turn (G,): positions of the members that the turn is about; now: the values of `tables` there; past: for each name
    a pair of the last values (window, ...) and the table so far. tables: arrays with the place of their stepping axis. key: for a step that
    draws, which takes a key of its own as its last argument.
    """
    count = histories[0].shape[histories[0].dimension]
    rows = jnp.arange(count)[:, None] if turns is None else jnp.asarray(turns.rows)
    here = None if turns is None else jnp.asarray(turns.places)[rows] == jnp.arange(rows.size).reshape(rows.shape)
    given = tuple(_by_turn(jnp.asarray(table), dimension, turns) for table, dimension in tables)
    empty = [jnp.zeros(resized(one.shape, one.dimension, rows.shape[1]), one.dtype) for one in histories]
    start = tuple(
        (jnp.zeros((max(one.window, 1), *zero.shape), one.dtype), jnp.zeros(one.shape, one.dtype) if one.whole else None)
        for one, zero in zip(histories, empty, strict=True)
    )
    keys = () if key is None else (jax.random.split(key, len(rows)),)

    def advance(past: Any, at: Any) -> Any:
        turn, present, now, *seed = at
        values, following = [], []
        for history, zero, value, (last, so_far) in zip(histories, empty, step(turn, now, past, *seed), past, strict=True):
            value = jnp.broadcast_to(jnp.asarray(value, zero.dtype), zero.shape)
            if present is not None:
                there = jnp.reshape(present, [-1 if axis == history.dimension else 1 for axis in range(zero.ndim)])
                value = jnp.where(there, value, last[0])
            if so_far is not None:
                so_far = so_far.at[(*[slice(None)] * history.dimension, turn)].set(value)
            values.append(value)
            following.append((jnp.concatenate([value[None], last[:-1]]), so_far))
        return tuple(following), tuple(values)

    _, values = lax.scan(advance, start, (rows, here, given, *keys))
    return tuple(_by_row(value, one.dimension, turns) for value, one in zip(values, histories, strict=True))


def resized(shape: Sequence[int], dimension: int, size: int) -> tuple[int, ...]:
    return (*shape[:dimension], size, *shape[dimension + 1 :])


def _by_turn(table: jax.Array, dimension: int, turns: Turns | None) -> jax.Array:
    """A table with a leading axis of turns, its stepping axis over the groups."""
    front = jnp.moveaxis(table, dimension, 0)
    front = front[:, None] if turns is None else front[jnp.asarray(turns.rows)]
    return jnp.moveaxis(front, 1, dimension + 1)


def _by_row(values: jax.Array, dimension: int, turns: Turns | None) -> jax.Array:
    """The way back: (turns, ..., groups, ...) → the table."""
    front = jnp.moveaxis(values, dimension + 1, 1)
    front = front.reshape((-1, *front.shape[2:]))
    return jnp.moveaxis(front if turns is None else front[jnp.asarray(turns.places)], 0, dimension)


def linear(coefficient: Any, rest: Any, starting: Any, has_past: Any, shape: Sequence[int], dimension: int, order: Any = None) -> jax.Array:
    """x_t = coefficient_t x_{t-1} + rest_t, with x_t = starting_t where there is no predecessor; all arrays broadcast to `shape`.

    order: (N,), the rows group by group in their order; None: as they stand.
    """
    past = jnp.asarray(has_past)
    step = jnp.broadcast_to(jnp.where(past, coefficient, 0.0), shape)
    added = jnp.broadcast_to(jnp.where(past, rest, starting), shape)
    step, added = jnp.moveaxis(step, dimension, 0), jnp.moveaxis(added, dimension, 0)
    if order is None:
        return jnp.moveaxis(linear_recurrence(step, added), 0, dimension)
    found = linear_recurrence(step[order], added[order])
    return jnp.moveaxis(jnp.zeros_like(found).at[order].set(found), 0, dimension)


class Drawn(NamedTuple):
    """A name of a chain: the shape of its batch (its plates, in order), of one draw, and the place of the stepping axis among the plates."""

    batch: tuple[int, ...]
    event: tuple[int, ...]
    dimension: int
    dtype: Any = float


class Chain:
    """Draws that look back at one another. Each is a site of its own, whose density is known once all have values.

    step: as for `unrolled`, with a further argument `draw(name, distribution)`."""

    def __init__(
        self,
        step: Step,
        tables: Sequence[tuple[Any, int]],
        histories: Mapping[str, History],
        drawn: Mapping[str, Drawn],
        turns: Turns | None = None,
    ) -> None:
        self._step, self._tables, self._histories, self._turns, self.drawn = step, tables, histories, turns, drawn
        self._values: dict[str, Any] = {}
        self._held: dict[str, tuple[Any, Any]] = {}
        self._simulated: dict[str, Any] = {}
        self._distributions: dict[str, Distribution] = {}

    def of(self, name: str) -> Link:
        """What a name is drawn from."""
        return Link(self, name)

    def has(self, name: str, value: Any) -> Any:
        """Note the value of a site; it is returned."""
        self._values[name] = value
        return value

    def hold(self, name: str, value: Any, where: Any) -> None:
        """Draws of a name have this value at some members (`where`, of the same shape); what comes after goes on from there."""
        self._held[name] = value, where

    def given(self, name: str, distribution: Distribution) -> None:
        """The distributions of all members of a name, given the values of all names."""
        self._distributions[name] = distribution

    def log_prob(self, name: str, value: Any) -> Any:
        return self._distributions[name].log_prob(value)

    def draw(self, name: str, key: Any) -> Any:
        """A draw of a name; those that came before it keep the values they have."""
        if name not in self._simulated or any(self._simulated.get(other) is not value for other, value in self._values.items()):
            self._simulated = {**self._simulate(key), **self._values}
        return self._simulated[name]

    def support(self, name: str) -> Any:
        if name not in self._distributions:
            self._simulate(jax.random.PRNGKey(0))
        return self._distributions[name].support

    def _simulate(self, key: Any) -> dict[str, Any]:
        own, known, held = list(self._histories), list(self._values), [name for name in self._held if name not in self._values]
        tables = [
            *((self._values[name], self.drawn[name].dimension) for name in known),
            *((part, self.drawn[name].dimension) for name in held for part in self._held[name]),
            *self._tables,
        ]
        found: dict[str, Any] = {}

        def step(turn: Any, now: Any, past: Any, key: Any) -> tuple[Any, ...]:
            clamped, keys = dict(zip(known, now, strict=False)), iter(jax.random.split(key, len(self.drawn)))
            parts = iter(now[len(known) :])
            partly = {name: (next(parts), next(parts)) for name in held}

            def draw(name: str, distribution: Distribution) -> Any:
                one, seed = self.drawn[name], next(keys)
                self._distributions.setdefault(name, distribution)
                found[name] = (
                    clamped[name] if name in clamped else distribution.expand(resized(one.batch, one.dimension, len(turn))).sample(seed)
                )
                if name in partly:
                    value, where = partly[name]
                    found[name] = jnp.where(where, value, found[name])
                return found[name]

            values = self._step(turn, now[len(known) + 2 * len(held) :], past[: len(own)], draw)
            return (*values, *(found[name] for name in self.drawn))

        draws = [History((*one.batch, *one.event), one.dimension, dtype=one.dtype) for one in self.drawn.values()]
        made = unrolled(step, tables, [*self._histories.values(), *draws], self._turns, key)
        return dict(zip(self.drawn, made[len(own) :], strict=True))


class Link(Distribution):
    """One name of a chain."""

    pytree_aux_fields = ("chain", "name")

    def __init__(self, chain: Chain, name: str, *, validate_args: bool | None = None) -> None:
        self.chain, self.name = chain, name
        drawn = chain.drawn[name]
        super().__init__(drawn.batch, drawn.event, validate_args=validate_args)

    @property
    def support(self) -> Any:
        return self.chain.support(self.name)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        if sample_shape:
            raise NotImplementedError("a chain is drawn once")
        return self.chain.draw(self.name, key)

    def log_prob(self, value: Any) -> Any:
        return self.chain.log_prob(self.name, value)
