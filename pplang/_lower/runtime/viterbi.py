"""The most probable path of a chain of discrete states (Viterbi 1967), as a distribution with all its mass on that path."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from pplang._lower.runtime.chains import Chain, VaryingChain


class _OfOnePath(Chain):
    """What `Chain` and `VaryingChain` are with the path of the greatest weight for every draw; of paths of one weight the first."""

    def log_prob(self, value: ArrayLike) -> jax.Array:
        return jnp.where((jnp.asarray(value, int) == self._best()).all(-1), 0.0, -jnp.inf)

    def sample(self, key: jax.Array, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        best = self._best()
        return jnp.broadcast_to(best, (*sample_shape, *best.shape))

    def _best(self) -> jax.Array:
        """The path, (..., T)."""
        first, steps, weights, there = self._tables()
        alike, varying = steps[..., :1, :, :].sum(-3), steps.shape[-3] > 1

        def on(best: jax.Array, at: Any) -> tuple[jax.Array, jax.Array]:
            weight, step, here = at
            through = best[..., :, None] + (alike if step is None else step)
            new, source = through.max(-2) + weight, through.argmax(-2)
            if here is None:
                return new, source
            return jnp.where(here[:, None], new, best), jnp.where(here[:, None], source, jnp.arange(best.shape[-1]))

        after = None if there is None else there[:, 1:].T
        by_time = jnp.moveaxis(weights[..., 1:, :], -2, 0)
        inputs = (by_time, jnp.moveaxis(steps, -3, 0) if varying else None, after)
        best, sources = lax.scan(on, (first + weights[..., 0, :]).astype(float), inputs)

        def back(state: jax.Array, source: jax.Array) -> tuple[jax.Array, jax.Array]:
            before = jnp.take_along_axis(source, state[..., None], -1)[..., 0]
            return before, before

        last = best.argmax(-1)
        rest = lax.scan(back, last, sources, reverse=True)[1]
        return self._by_row(jnp.moveaxis(jnp.concatenate([rest, last[None]]), 0, -1), there)


class MostProbablePath(_OfOnePath):
    """With steps that are always the same."""


class VaryingMostProbablePath(_OfOnePath, VaryingChain):
    """With steps that vary from row to row."""
