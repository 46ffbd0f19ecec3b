"""Distributions by element: one of two, for a relation with `starting`; one with some elements known, for `fixing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from numpyro.distributions import Distribution


class Choice(Distribution):
    """`then` where `condition` holds, `otherwise` elsewhere; `condition` broadcasts over the batch shapes of both."""

    pytree_data_fields = ("condition", "then", "otherwise")

    def __init__(self, condition: Any, then: Distribution, otherwise: Distribution, *, validate_args: bool | None = None) -> None:
        self.condition, self.then, self.otherwise = condition, then, otherwise
        shape = lax.broadcast_shapes(jnp.shape(condition), then.batch_shape, otherwise.batch_shape)
        super().__init__(shape, then.event_shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        return self.then.support

    def _chosen(self, values: jax.Array, others: jax.Array) -> jax.Array:
        condition = jnp.reshape(self.condition, jnp.shape(self.condition) + (1,) * len(self.event_shape))
        return jnp.where(condition, values, others)

    def sample(self, key: jax.Array | None, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        first, second = jax.random.split(key)  # type: ignore[arg-type]
        draws = [one.expand(self.batch_shape).sample(k, sample_shape) for one, k in ((self.then, first), (self.otherwise, second))]
        return self._chosen(*draws)

    def log_prob(self, value: jax.Array) -> jax.Array:
        return jnp.where(self.condition, self.then.log_prob(value), self.otherwise.log_prob(value))


class Pinned(Distribution):
    """`base` over one batch dimension, where the elements at `places` have `values` for certain and count for nothing."""

    pytree_data_fields = ("base", "values")
    pytree_aux_fields = ("places",)

    def __init__(
        self, base: Distribution, size: int, places: Sequence[int], values: Sequence[Any], *, validate_args: bool | None = None
    ) -> None:
        self.base, self.places, self.values = base.expand((size,)), tuple(places), jnp.stack([jnp.asarray(one, float) for one in values])
        super().__init__((size,), (), validate_args=validate_args)

    @property
    def support(self) -> Any:
        return self.base.support

    def sample(self, key: jax.Array | None, sample_shape: tuple[int, ...] = ()) -> jax.Array:
        return self.base.sample(key, sample_shape).at[..., jnp.array(self.places)].set(self.values)

    def log_prob(self, value: jax.Array) -> jax.Array:
        return self.base.log_prob(value).at[..., jnp.array(self.places)].set(0.0)
