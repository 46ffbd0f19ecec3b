"""The most probable path of a chain of discrete states (Viterbi 1967), as a distribution with all its mass on that path."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from pplang._lower.runtime.chains import Chain, VaryingChain, _by_plate, _lanes, _with_first


class _OfOnePath(Chain):
    """What `Chain` and `VaryingChain` are with the path of the greatest weight for every draw; of paths of one weight the first."""

    def log_prob(self, value: ArrayLike) -> jax.Array:
        return jnp.where((jnp.asarray(value, int) == self._best()).all(-1), 0.0, -jnp.inf)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        best = self._best()
        return jnp.broadcast_to(best, (*sample_shape, *best.shape))

    def _best(self) -> jax.Array:
        """The path, (..., T)."""
        steps, weights, there = _lanes(*_by_plate(self._steps(), _with_first(self.first, self.weight, self.rows), self.rows))

        def on(best: jax.Array, at: Any) -> tuple[jax.Array, jax.Array]:
            weight, step, here = at
            through = best[:, None] + (steps[0] if step is None else step)
            new, source = through.max(0) + weight, through.argmax(0)
            if here is None:
                return new, source
            return jnp.where(here, new, best), jnp.where(here, source, jnp.arange(len(best))[:, None])

        varying, after = steps.shape[0] > 1, None if there is None else there[1:]
        best, sources = lax.scan(on, weights[0], (weights[1:], steps[1:] if varying else None, after))

        def back(state: jax.Array, source: jax.Array) -> tuple[jax.Array, jax.Array]:
            before = jnp.take_along_axis(source, state[None], 0)[0]
            return before, before

        last = best.argmax(0)
        rest = lax.scan(back, last, sources, reverse=True)[1]
        return self._by_row(jnp.concatenate([rest, last[None]]).T)


class MostProbablePath(_OfOnePath):
    """With steps that are always the same."""


class VaryingMostProbablePath(_OfOnePath, VaryingChain):
    """With steps that vary from row to row."""
